//! Which data are held: from the whitelist, the very one by which answers are kept or dropped.

use super::{Telling, inside, row, text};
use crate::notice::document::{Block, Inline, Row};
use crate::notice::saying::{line, list, say};
use crate::notice::words::keep_label;
use crate::purpose::FieldRule;

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
            let why = |why: &String| say(&line(words.field_why, &[("why", why.trim_end_matches('.'))]));
            said.extend(rule.why.as_ref().map(why));
        }
        row(self.label(&rule.name), said)
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
