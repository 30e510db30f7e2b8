//! Which key of a form's answers is which field of a whitelist.
//!
//! Types decide, not names: Meta translates the keys of standard questions (`e-mail-adresse`), and a custom question may
//! be keyed `email`. Only when the definition cannot be read for good does a key equal to our name count.

use std::collections::HashMap;

use crate::id::FormId;
use crate::purpose::{FieldName, FieldRule, FormDefinition, Purpose, Question, TextHash};

/// Proof that a key is on the whitelist: made only here, and without one an answer is never decoded.
#[derive(Clone, Copy)]
pub struct Permit<'p> {
    rule: &'p FieldRule,
    field: usize,
    rank: usize,
}

impl<'p> Permit<'p> {
    /// The rule that permits.
    pub fn rule(&self) -> &'p FieldRule {
        self.rule
    }

    /// The rule's place in the whitelist.
    pub fn field(&self) -> usize {
        self.field
    }

    /// Among keys of one field that are all present, the lowest rank wins.
    pub fn rank(&self) -> usize {
        self.rank
    }
}

/// One line of what `tamis check` shows: a key and the field it feeds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Match {
    /// Meta's key.
    pub key: String,
    /// Our field, if any; none means: dropped.
    pub field: Option<String>,
}

/// The matching of one form to one purpose.
pub struct Matching<'p> {
    purpose: &'p Purpose,
    by_key: HashMap<String, (usize, usize)>,
    definition: Option<&'p FormDefinition>,
    revision: Option<TextHash>,
    copy_of: Option<FormId>,
}

impl<'p> Matching<'p> {
    /// Matches by the form's definition, or, without one, by exact key alone.
    pub fn new(purpose: &'p Purpose, definition: Option<&'p FormDefinition>) -> Self {
        let mut by_key: HashMap<String, (usize, usize)> = HashMap::new();
        for (field, rule) in purpose.whitelist.rules().iter().enumerate() {
            for (rank, key) in keys_of(rule, definition).into_iter().enumerate() {
                // Config refuses two fields with one key; a type that meets another's `from` goes to the first field.
                by_key.entry(key).or_insert((field, rank));
            }
        }
        Self { purpose, by_key, definition, revision: None, copy_of: None }
    }

    /// The same, of a form whose revision was worked out before.
    pub fn at_revision(self, revision: Option<TextHash>) -> Self {
        Self { revision, ..self }
    }

    /// The same, of a form that counts as another: what the config says of that one's boxes holds for this.
    pub fn counting_as(self, copy_of: Option<FormId>) -> Self {
        Self { copy_of, ..self }
    }

    /// Which content of the form it is, where its definition is known.
    pub fn revision(&self) -> Option<TextHash> {
        self.revision.or_else(|| self.definition.map(FormDefinition::revision))
    }

    /// The form that it counts as, if it is a copy.
    pub fn copy_of(&self) -> Option<FormId> {
        self.copy_of
    }

    /// The purpose whose whitelist this is.
    pub fn purpose(&self) -> &'p Purpose {
        self.purpose
    }

    /// The form's definition, if it is known.
    pub fn definition(&self) -> Option<&'p FormDefinition> {
        self.definition
    }

    /// The permit for a key, compared by exact bytes: other case and look-alike letters are another key.
    pub fn permit(&self, key: &str) -> Option<Permit<'p>> {
        let (field, rank) = *self.by_key.get(key)?;
        let rule = self.purpose.whitelist.rules().get(field)?;
        Some(Permit { rule, field, rank })
    }

    /// True if the form's definition is known and has no such key: time to read the definition again.
    pub fn is_unknown(&self, key: &str) -> bool {
        self.definition.is_some_and(|definition| !definition.knows(key))
    }

    /// The questions of the form, where they are known.
    pub(in crate::purpose) fn questions(&self) -> Option<&'p [Question]> {
        self.definition.map(|definition| definition.questions.as_slice())
    }

    /// The fields that no question of the form feeds; without a definition nobody knows, and all are named.
    pub fn unfed(&self) -> Vec<&'p FieldName> {
        let questions = self.definition.map(|definition| definition.questions.as_slice()).unwrap_or_default();
        let fed = |field: usize| {
            questions.iter().any(|q| self.permit(&q.key).is_some_and(|permit| permit.field == field))
        };
        let rules = self.purpose.whitelist.rules().iter().enumerate();
        let asked_for = rules.filter(|(_, rule)| rule.e164_of.is_none());
        asked_for.filter(|(field, _)| !fed(*field)).map(|(_, rule)| &rule.name).collect()
    }

    /// What the form's author calls it, where Graph gives that.
    pub fn form_name(&self) -> Option<&'p str> {
        self.definition?.name.as_deref()
    }

    /// What people read who chose this: the text of a choice, by the key that stands for it in answers.
    pub fn label(&self, key: &str, chosen: &str) -> Option<&'p str> {
        let choices = &self.definition?.question(key)?.choices;
        choices.iter().find(|choice| choice.key == chosen).map(|choice| choice.label.as_str())
    }

    /// Each question of the form with the field it feeds, for `tamis check`.
    pub fn lines(&self) -> Vec<Match> {
        let questions = self.definition.map(|definition| definition.questions.as_slice()).unwrap_or_default();
        let field_of = |key: &str| self.permit(key).map(|permit| permit.rule.name.to_string());
        questions.iter().map(|q| Match { key: q.key.clone(), field: field_of(&q.key) }).collect()
    }
}

/// The keys that feed a field, best first: questions of its first type in the form's order, then of its others, then `from`
/// in the config's.
fn keys_of(rule: &FieldRule, definition: Option<&FormDefinition>) -> Vec<String> {
    let mut keys = Vec::new();
    match definition {
        _ if rule.e164_of.is_some() => return keys,
        Some(definition) if !rule.types.is_empty() => {
            for wanted in rule.types.iter() {
                let of_type = definition.questions.iter().filter(|question| question.question_type == wanted);
                keys.extend(of_type.map(|question| question.key.clone()));
            }
        }
        Some(_) if !rule.from.is_empty() => {}
        _ => keys.push(rule.name.to_string()),
    }
    keys.extend(rule.from.iter().cloned());
    keys
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::purpose::Whitelist;
    use crate::purpose::sample::{field, purpose};
    use crate::purpose::{Choice, Question};

    fn definition(questions: &[(&str, &str)]) -> FormDefinition {
        let form = FormId::parse("901000000000001").expect("digits");
        FormDefinition::asking(form, questions.iter().map(|(key, kind)| Question::new(key, kind)).collect())
    }

    /// `budget` by its key; `email` by its type, then by two keys; `ville` by keys that are not its name.
    fn three_fields() -> Purpose {
        let mut email = field("email");
        email.types = ["EMAIL"].into_iter().collect();
        email.from = vec!["mail".to_owned(), "courriel".to_owned()];
        let mut ville = field("ville");
        ville.from = vec!["city".to_owned()];
        let mut purpose = purpose("devis", &["budget"]);
        purpose.whitelist = Whitelist::new(vec![field("budget"), email, ville]).expect("fields");
        purpose
    }

    /// Which field a key feeds, and how good it is for it.
    fn fed(matching: &Matching<'_>, key: &str) -> Option<(String, usize, usize)> {
        matching.permit(key).map(|permit| (permit.rule().name.to_string(), permit.field(), permit.rank()))
    }

    #[test]
    fn where_the_form_is_known_types_decide_and_names_do_not() {
        let purpose = three_fields();
        let form = definition(&[
            ("e-mail-adresse", "EMAIL"),
            ("zweite_e-mail", "EMAIL"),
            ("email", "CUSTOM"),
            ("budget", "CUSTOM"),
            ("ville", "CUSTOM"),
        ]);
        let matching = Matching::new(&purpose, Some(&form));
        let email = |rank| Some(("email".to_owned(), 1, rank));
        assert_eq!(fed(&matching, "e-mail-adresse"), email(0));
        assert_eq!(fed(&matching, "zweite_e-mail"), email(1));
        assert_eq!(fed(&matching, "mail"), email(2), "keys of the config come after the form's questions");
        assert_eq!(fed(&matching, "courriel"), email(3));
        assert_eq!(fed(&matching, "email"), None, "somebody's own question");
        assert_eq!(fed(&matching, "budget"), Some(("budget".to_owned(), 0, 0)));
        assert_eq!(fed(&matching, "city"), Some(("ville".to_owned(), 2, 0)));
        assert_eq!(fed(&matching, "ville"), None, "the config names other keys for it");
        assert_eq!(matching.purpose().id, purpose.id);
    }

    #[test]
    fn of_several_types_the_first_listed_is_better_wherever_its_question_stands() {
        let mut email = field("email");
        email.types = ["EMAIL", "WORK_EMAIL"].into_iter().collect();
        email.from = vec!["courriel".to_owned()];
        let mut purpose = purpose("devis", &["budget"]);
        purpose.whitelist =
            Whitelist::new(vec![email.clone(), email.e164(field("email_e164").name)]).expect("fields");
        let form = definition(&[("arbeit", "WORK_EMAIL"), ("e-mail", "EMAIL"), ("email_e164", "CUSTOM")]);
        let matching = Matching::new(&purpose, Some(&form));
        let ranks = ["e-mail", "arbeit", "courriel"].map(|key| fed(&matching, key).map(|(_, _, rank)| rank));
        assert_eq!(ranks, [Some(0), Some(1), Some(2)]);
        for definition in [Some(&form), None] {
            let matching = Matching::new(&purpose, definition);
            assert_eq!(fed(&matching, "email_e164"), None, "what is worked out is no answer");
        }
        assert!(matching.unfed().is_empty(), "and no question is missed for it");
        assert_eq!(Matching::new(&purpose, Some(&definition(&[("x", "EMAIL")]))).unfed().len(), 0);
        assert_eq!(Matching::new(&purpose, Some(&definition(&[("x", "CITY")]))).unfed().len(), 1);
    }

    #[test]
    fn a_choice_is_read_by_its_exact_key_on_its_own_question() {
        let purpose = purpose("devis", &["budget"]);
        let mut form = definition(&[("budget", "CUSTOM"), ("ville", "CUSTOM")]);
        let choice = |key: &str, label: &str| Choice { key: key.to_owned(), label: label.to_owned() };
        form.questions[0].choices =
            vec![choice("moins_de_5000", "Moins de 5 000 €"), choice("x", "X"), choice("x", "Y")];
        let matching = Matching::new(&purpose, Some(&form));
        for (key, chosen, wanted) in [
            ("budget", "moins_de_5000", Some("Moins de 5 000 €")),
            ("budget", "x", Some("X")),
            ("budget", "Moins de 5 000 €", None),
            ("budget", "moins_de_5000 ", None),
            ("ville", "x", None),
            ("absent", "x", None),
        ] {
            assert_eq!(matching.label(key, chosen), wanted, "{key} {chosen}");
        }
        assert_eq!(Matching::new(&purpose, None).label("budget", "x"), None);
    }

    #[test]
    fn where_no_form_is_known_a_key_that_is_our_name_counts() {
        let purpose = three_fields();
        let matching = Matching::new(&purpose, None);
        for (key, wanted) in [
            ("email", Some(("email".to_owned(), 1, 0))),
            ("mail", Some(("email".to_owned(), 1, 1))),
            ("ville", Some(("ville".to_owned(), 2, 0))),
            ("city", Some(("ville".to_owned(), 2, 1))),
            ("e-mail-adresse", None),
            ("Email", None),
            ("", None),
        ] {
            assert_eq!(fed(&matching, key), wanted, "{key}");
        }
    }

    #[test]
    fn a_key_is_unknown_only_to_a_form_that_is_known() {
        let purpose = three_fields();
        let form = definition(&[("budget", "CUSTOM")]);
        let known = Matching::new(&purpose, Some(&form));
        assert!(known.is_unknown("new_question") && !known.is_unknown("budget"));
        let blind = Matching::new(&purpose, None);
        assert!(!blind.is_unknown("new_question") && !blind.is_unknown("budget"));
    }

    #[test]
    fn what_the_form_does_not_ask_is_named_and_each_question_says_where_it_goes() {
        let purpose = three_fields();
        let form = definition(&[("shoe_size", "CUSTOM"), ("city", "CUSTOM"), ("e-mail-adresse", "EMAIL")]);
        let matching = Matching::new(&purpose, Some(&form));
        let names = |unfed: Vec<&FieldName>| unfed.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(names(matching.unfed()), ["budget"]);
        let line =
            |key: &str, field: Option<&str>| Match { key: key.to_owned(), field: field.map(str::to_owned) };
        let lines =
            [line("shoe_size", None), line("city", Some("ville")), line("e-mail-adresse", Some("email"))];
        assert_eq!(matching.lines(), lines);
        let blind = Matching::new(&purpose, None);
        assert_eq!(names(blind.unfed()), ["budget", "email", "ville"], "nobody knows");
        assert_eq!(blind.lines(), []);
    }
}
