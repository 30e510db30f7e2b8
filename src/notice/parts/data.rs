//! Which data are held: from the whitelist, the very one by which answers are kept or dropped.

use super::{Telling, inside, row, text};
use crate::notice::document::{Block, Inline, Row};
use crate::notice::saying::{fill, line, list, say};
use crate::notice::words::keep_label;
use crate::purpose::{FieldRule, Need};

impl Telling<'_> {
    /// Categories of data: art. 14(1)(d); which are optional: art. 13(2)(e).
    pub(super) fn what(&self) -> Vec<Block> {
        let (purpose, words) = (self.facts.purpose, self.words);
        let rows: Vec<Row> = purpose.whitelist.rules().iter().map(|rule| self.field(rule)).collect();
        let mut beside = vec![say(words.beside_form)];
        if !purpose.consents.is_empty() {
            beside.push(say(words.beside_consent));
        }
        if !purpose.keep.is_empty() {
            let kept: Vec<String> =
                purpose.keep.iter().map(|keep| keep_label(*keep, self.language).to_owned()).collect();
            beside.push(say(&line(words.beside_keep, &[("keep", &list(&kept, words.and))])));
        }
        beside.push(say(words.beside_language));
        vec![text(words.what_intro), Block::Facts(rows), text(words.beside), Block::List(beside)]
    }

    fn field(&self, rule: &FieldRule) -> Row {
        let words = self.words;
        let mut said: Vec<Vec<Inline>> = Vec::new();
        if rule.e164_of.is_some() {
            said.push(say(words.field_e164));
        } else if let Some(consent) =
            self.facts.purpose.consents.iter().find(|consent| Some(&consent.key) == rule.consent.as_ref())
        {
            let consent = inside(&self.consent(consent), self.language);
            said.push(say(&line(words.field_consent, &[("consent", &consent)])));
        } else if !rule.required {
            said.push(say(words.field_optional));
        }
        if rule.required {
            said.insert(0, say(words.field_required));
        }
        if rule.e164_of.is_none() {
            let why = |need: &Need| fill(words.field_why, &[("why", self.need(need))]);
            said.extend(rule.why.as_ref().map(why));
        }
        row(self.label(&rule.name), said)
    }

    /// Why a field is needed, without the full stop that the sentence around it has.
    fn need(&self, need: &Need) -> Inline {
        let said = match need {
            Need::Plain(text) => Inline::text(text),
            Need::Told(texts) => Inline::chosen(self.language, texts),
        };
        Inline { text: said.text.trim_end_matches('.').to_owned(), ..said }
    }

    /// The fields, as the first layer names them.
    pub(super) fn fields_in_short(&self) -> String {
        let rules = self.facts.purpose.whitelist.rules().iter().filter(|rule| rule.e164_of.is_none());
        let names = rules.enumerate().map(|(at, rule)| {
            let label = self.label(&rule.name);
            let label = if at == 0 { label } else { self.label_inside(&rule.name) };
            match rule.required {
                true => label,
                false => line(self.words.optional_mark, &[("field", &label)]),
            }
        });
        list(&names.collect::<Vec<_>>(), self.words.and)
    }
}

#[cfg(test)]
mod tests {
    use crate::language::Language;
    use crate::notice::document::{Block, Inline, Notice, plain};
    use crate::notice::facts::sample::House;
    use crate::notice::parts::notice;
    use crate::purpose::{FieldRule, Need, Whitelist};

    /// What is said of why the town is needed.
    fn why(need: Need, language: Language) -> Vec<Inline> {
        let mut house = House::new();
        let mut rules = house.purpose.whitelist.rules().to_vec();
        let town = rules.iter_mut().find(|rule| rule.name.as_str() == "city").expect("a town");
        *town = FieldRule { why: Some(need), ..town.clone() };
        house.purpose.whitelist = Whitelist::new(rules).expect("fields");
        let Notice { sections, .. } = notice(house.facts(), language);
        let what = sections.into_iter().find(|section| section.key == "what").expect("a section");
        let rows = what.blocks.into_iter().filter_map(|block| match block {
            Block::Facts(rows) => Some(rows),
            _ => None,
        });
        let said = rows.flatten().flat_map(|row| row.said);
        said.into_iter().find(|said| plain(said).contains("ville")).expect("it is said")
    }

    #[test]
    fn a_reason_is_said_in_the_readers_language_or_says_which_it_is() {
        let told = |tags: &[&str]| {
            Need::Told(tags.iter().map(|tag| ((*tag).to_owned(), format!("ville {tag}."))).collect())
        };
        let all = told(&["fr", "en", "de"]);
        for (language, tag) in [(Language::Fr, "fr"), (Language::En, "en"), (Language::De, "de")] {
            let said = why(all.clone(), language);
            assert!(
                plain(&said).ends_with(&format!("ville {tag}.")) && said.iter().all(|one| one.lang.is_none())
            );
        }
        let foreign = why(told(&["fr"]), Language::De);
        let lang = foreign.iter().find(|one| one.text.contains("ville")).and_then(|one| one.lang.clone());
        assert_eq!(lang.as_deref(), Some("fr"), "a screen reader is told");
        let plainly = why(Need::Plain("ville x".to_owned()), Language::De);
        assert!(plain(&plainly).ends_with("ville x.") && plainly.len() == 1);
    }
}
