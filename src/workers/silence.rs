//! Silence is a fault: fields that no question of a form feeds, said in the log once a form, and kept for whoever asks how
//! things stand.

use std::collections::HashMap;

use parking_lot::Mutex;

use crate::id::FormId;
use crate::purpose::{FormDefinition, Matching, Policy, Purpose, PurposeId, Unfed};
use crate::store::KnownForm;

/// So many forms are kept; what is beyond is not said.
const FORMS_MAX: usize = 10_000;

/// What is not fed, by form and purpose, since the start or the last reload.
#[derive(Default)]
pub struct Silence(Mutex<Book>);

#[derive(Default)]
struct Book {
    kept: HashMap<(FormId, PurposeId), Kept>,
    /// The forms that were known before are among them.
    is_known: bool,
    /// Reloads so far.
    round: u64,
}

struct Kept {
    unfed: Vec<Unfed>,
    /// It stands in the log.
    is_said: bool,
}

impl Silence {
    /// Looks at a form as a purpose reads it, and says what is not fed, where that is news.
    pub fn look(&self, purpose: &Purpose, definition: &FormDefinition) {
        let unfed = Matching::new(purpose, Some(definition)).silent();
        let at = (definition.form, purpose.id.clone());
        let mut book = self.0.lock();
        let before = book.kept.get(&at);
        if before.is_some_and(|before| before.is_said && before.unfed == unfed)
            || before.is_none() && book.kept.len() >= FORMS_MAX
        {
            return;
        }
        for Unfed { field, required, code, question_type, .. } in &unfed {
            tracing::warn!(
                form.id = %definition.form, purpose = %purpose.id, code = %code, field.name = %field,
                field.required = required, field.wants_type = question_type, "form.field-unfed"
            );
        }
        book.kept.insert(at, Kept { unfed, is_said: true });
    }

    /// Which round it is, if the forms that were known before it are still to be told.
    pub fn unknown(&self) -> Option<u64> {
        let book = self.0.lock();
        (!book.is_known).then_some(book.round)
    }

    /// These forms were known before this round. What they do not feed stands from now on; the log says it with the next lead
    /// of each, since a start with hundreds of copies would be hundreds of lines.
    pub fn know(&self, round: u64, policy: &Policy, forms: &[KnownForm]) {
        let mut found = Vec::new();
        for definition in forms.iter().filter_map(|known| known.definition.as_ref()) {
            for purpose in policy.of_form(&definition.form).iter() {
                let unfed = Matching::new(purpose, Some(definition)).silent();
                found.push(((definition.form, purpose.id.clone()), unfed));
            }
        }
        let mut book = self.0.lock();
        if book.round != round {
            return;
        }
        for (at, unfed) in found {
            // A lead may have come meanwhile.
            if book.kept.len() < FORMS_MAX {
                book.kept.entry(at).or_insert(Kept { unfed, is_said: false });
            }
        }
        book.is_known = true;
    }

    /// Another config is in force: what it leaves unfed is news.
    pub fn begin_anew(&self) {
        let mut book = self.0.lock();
        *book = Book { round: book.round + 1, ..Book::default() };
    }

    /// True if some form does not feed a field without which its leads are refused.
    pub fn lacks_required(&self) -> bool {
        let book = self.0.lock();
        book.kept.values().any(|kept| kept.unfed.iter().any(|unfed| unfed.required))
    }

    /// What is not fed, by form and purpose.
    pub fn standing(&self) -> Vec<(FormId, PurposeId, Vec<Unfed>)> {
        let book = self.0.lock();
        let unfed = book.kept.iter().filter(|(_, kept)| !kept.unfed.is_empty());
        let mut all: Vec<_> =
            unfed.map(|((form, purpose), kept)| (*form, purpose.clone(), kept.unfed.clone())).collect();
        all.sort();
        all
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::purpose::sample::purpose;
    use crate::purpose::{FieldRule, Question, Whitelist};

    fn asks(form: FormId, keys: &[&str]) -> FormDefinition {
        FormDefinition::asking(form, keys.iter().map(|key| Question::new(key, "CUSTOM")).collect())
    }

    fn fields(silence: &Silence) -> Vec<String> {
        let standing = silence.standing();
        standing.iter().flat_map(|(.., unfed)| unfed.iter().map(|unfed| unfed.field.to_string())).collect()
    }

    #[test]
    fn what_is_not_fed_stands_until_the_form_or_the_config_feeds_it() {
        let silence = Silence::default();
        let form = FormId::parse("901000000000001").expect("digits");
        let devis = purpose("devis", &["budget", "ville"]);
        silence.look(&devis, &asks(form, &["budget"]));
        assert_eq!(fields(&silence), ["ville"]);
        silence.look(&devis, &asks(form, &["budget", "ville"]));
        assert_eq!(fields(&silence), [""; 0], "the form asks for it now");
        silence.look(&devis, &asks(form, &[]));
        assert_eq!(fields(&silence), ["budget", "ville"]);
        silence.begin_anew();
        assert_eq!(fields(&silence), [""; 0]);
    }

    #[test]
    fn a_form_of_which_no_lead_came_stands_too_and_its_first_lead_says_so() {
        let silence = Silence::default();
        let devis = || purpose("devis", &["budget", "ville"]);
        let form = devis().forms[0];
        let known = |keys: &[&str]| KnownForm {
            form,
            definition: Some(asks(form, keys)),
            read_at: Timestamp::UNIX_EPOCH,
        };
        let round = silence.unknown().expect("nothing is known");
        silence.begin_anew();
        silence.know(round, &Policy::new(vec![devis()]), &[known(&[])]);
        assert_eq!(fields(&silence), [""; 0], "that was another config");
        let round = silence.unknown().expect("still nothing");
        silence.know(round, &Policy::new(vec![devis()]), &[known(&["budget"])]);
        assert_eq!((fields(&silence), silence.unknown()), (vec!["ville".to_owned()], None));
        let is_said = || silence.0.lock().kept.values().all(|kept| kept.is_said);
        assert!(!is_said() && !silence.lacks_required());
        silence.look(&devis(), &asks(form, &["budget"]));
        assert!(is_said());
        let mut strict = devis();
        let rules = strict.whitelist.rules().iter().cloned();
        let required = rules.map(|rule| FieldRule { required: true, ..rule }).collect();
        strict.whitelist = Whitelist::new(required).expect("fields");
        silence.look(&strict, &asks(form, &[]));
        assert!(silence.lacks_required());
    }
}
