//! Silence is a fault: fields that no question of a form feeds, said in the log once a form, and kept for whoever asks how
//! things stand.

use std::collections::HashMap;

use parking_lot::Mutex;

use crate::id::FormId;
use crate::purpose::{FormDefinition, Matching, Purpose, PurposeId, Unfed};

/// So many forms are kept; what is beyond is not said.
const FORMS_MAX: usize = 10_000;

/// What is not fed, by form and purpose, since the start or the last reload.
#[derive(Default)]
pub struct Silence(Mutex<HashMap<(FormId, PurposeId), Vec<Unfed>>>);

impl Silence {
    /// Looks at a form as a purpose reads it, and says what is not fed, where that is news.
    pub fn look(&self, purpose: &Purpose, definition: &FormDefinition) {
        let unfed = Matching::new(purpose, Some(definition)).silent();
        let at = (definition.form, purpose.id.clone());
        let mut kept = self.0.lock();
        if kept.get(&at).is_some_and(|before| *before == unfed)
            || !kept.contains_key(&at) && kept.len() >= FORMS_MAX
        {
            return;
        }
        for Unfed { field, required, code, question_type, .. } in &unfed {
            tracing::warn!(
                form.id = %definition.form, purpose = %purpose.id, code = %code, field.name = %field,
                field.required = required, field.wants_type = question_type, "form.field-unfed"
            );
        }
        kept.insert(at, unfed);
    }

    /// Another config is in force: what it leaves unfed is news.
    pub fn begin_anew(&self) {
        self.0.lock().clear();
    }

    /// What is not fed, by form and purpose.
    pub fn standing(&self) -> Vec<(FormId, PurposeId, Vec<Unfed>)> {
        let kept = self.0.lock();
        let unfed = kept.iter().filter(|(_, unfed)| !unfed.is_empty());
        let mut all: Vec<_> =
            unfed.map(|((form, purpose), unfed)| (*form, purpose.clone(), unfed.clone())).collect();
        all.sort();
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::purpose::Question;
    use crate::purpose::sample::purpose;

    #[test]
    fn what_is_not_fed_stands_until_the_form_or_the_config_feeds_it() {
        let silence = Silence::default();
        let form = FormId::parse("901000000000001").expect("digits");
        let asks = |keys: &[&str]| {
            FormDefinition::asking(form, keys.iter().map(|key| Question::new(key, "CUSTOM")).collect())
        };
        let devis = purpose("devis", &["budget", "ville"]);
        silence.look(&devis, &asks(&["budget"]));
        let fields = || -> Vec<String> {
            let standing = silence.standing();
            standing
                .iter()
                .flat_map(|(.., unfed)| unfed.iter().map(|unfed| unfed.field.to_string()))
                .collect()
        };
        assert_eq!(fields(), ["ville"]);
        silence.look(&devis, &asks(&["budget", "ville"]));
        assert_eq!(fields(), [""; 0], "the form asks for it now");
        silence.look(&devis, &asks(&[]));
        assert_eq!(fields(), ["budget", "ville"]);
        silence.begin_anew();
        assert_eq!(fields(), [""; 0]);
    }
}
