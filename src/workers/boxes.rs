//! Says of a form's tick-boxes what a person should look at, once a form: a box that is ticked when the form opens, a box of
//! which nobody knows that, one that is missing, one key that says two things on two forms.

use std::collections::{HashMap, HashSet};

use parking_lot::Mutex;

use crate::id::{FormId, PageId};
use crate::purpose::{BoxFinding, ConsentKey, FormDefinition, Purpose, PurposeId, TextHash};

/// So much is remembered of what was said, and of texts; beyond, all of it is forgotten and said again.
const REMEMBERED_MAX: usize = 20_000;

/// What was said already.
#[derive(Default)]
pub(super) struct BoxWatch {
    said: Mutex<HashSet<Said>>,
    texts: Mutex<HashMap<Shared, (TextHash, FormId)>>,
}

/// Of which purpose, form and consent what was said; no consent: of all.
type Said = (PurposeId, FormId, Kind, Option<ConsentKey>);
/// A purpose's consent and a key that counts for it on every form.
type Shared = (PurposeId, ConsentKey, String);

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Kind {
    PreTicked,
    DefaultUnknown,
    Absent,
    TextsDiffer,
}

impl BoxWatch {
    /// Looks at a form of which a lead came, for the purpose that claims it.
    pub(super) fn look(
        &self,
        purpose: &Purpose,
        page: &PageId,
        form: &FormId,
        (copy_of, definition): (Option<FormId>, Option<&FormDefinition>),
    ) {
        for finding in purpose.box_findings(&copy_of.unwrap_or(*form), definition) {
            let (kind, consent) = match finding {
                BoxFinding::Unread => (Kind::DefaultUnknown, None),
                BoxFinding::PreTicked(consent) => (Kind::PreTicked, Some(consent)),
                BoxFinding::DefaultUnknown(consent) => (Kind::DefaultUnknown, Some(consent)),
                BoxFinding::Absent(consent) => (Kind::Absent, Some(consent)),
            };
            if !self.is_new(purpose, form, kind, consent) {
                continue;
            }
            let (purpose, consent) = (&purpose.id, consent.map(ConsentKey::as_str));
            match kind {
                Kind::PreTicked => {
                    tracing::warn!(form.id = %form, page.id = %page, %purpose, consent, "consent.pre-ticked");
                }
                Kind::DefaultUnknown => {
                    tracing::warn!(form.id = %form, page.id = %page, %purpose, consent, "consent.default-unknown");
                }
                Kind::Absent | Kind::TextsDiffer => {
                    tracing::warn!(form.id = %form, page.id = %page, %purpose, consent, "consent.box-absent");
                }
            }
        }
        for (consent, key, text) in definition.into_iter().flat_map(|found| purpose.shared_texts(found)) {
            if let Some(other) = self.other_text(purpose, form, consent, key, text)
                && self.is_new(purpose, form, Kind::TextsDiffer, Some(consent))
            {
                tracing::warn!(
                    form.id = %form, other.form.id = %other, purpose = %purpose.id, consent = consent.as_str(),
                    "consent.texts-differ"
                );
            }
        }
    }

    fn is_new(&self, purpose: &Purpose, form: &FormId, kind: Kind, consent: Option<&ConsentKey>) -> bool {
        let mut said = self.said.lock();
        if said.len() >= REMEMBERED_MAX {
            said.clear();
        }
        said.insert((purpose.id.clone(), *form, kind, consent.cloned()))
    }

    /// Another form of the purpose on which the box with this key has another text.
    fn other_text(
        &self,
        purpose: &Purpose,
        form: &FormId,
        consent: &ConsentKey,
        key: &str,
        text: TextHash,
    ) -> Option<FormId> {
        let mut texts = self.texts.lock();
        if texts.len() >= REMEMBERED_MAX {
            texts.clear();
        }
        let known = texts.entry((purpose.id.clone(), consent.clone(), key.to_owned()));
        let (known, of) = known.or_insert((text, *form));
        // A form whose own text changed, or a form that left the purpose, is no other.
        if *of == *form || !purpose.forms.contains(of) {
            (*known, *of) = (text, *form);
        }
        (*known != text).then_some(*of)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::purpose::sample::{consent, purpose};
    use crate::purpose::{Channel, Checkbox, Legal, LegalContent, Wording};

    fn form(id: &str) -> FormId {
        FormId::parse(id).expect("digits")
    }

    fn worded(id: &str, text: &str) -> FormDefinition {
        let text = Wording::of(text, 100);
        let one =
            Checkbox { key: "optin".to_owned(), text, is_required: None, is_ticked_by_default: Some(false) };
        let legal = LegalContent { title: None, body: None, boxes: vec![one], policy_url: None };
        FormDefinition { legal: Legal::Read(legal), ..FormDefinition::asking(form(id), Vec::new()) }
    }

    #[test]
    fn what_was_said_of_a_form_is_not_said_again() {
        let (watch, purpose) = (BoxWatch::default(), purpose("lettre", &["email"]));
        let key = consent("optin", Channel::Email).key;
        assert!(watch.is_new(&purpose, &form("1"), Kind::PreTicked, Some(&key)));
        assert!(!watch.is_new(&purpose, &form("1"), Kind::PreTicked, Some(&key)));
        assert!(watch.is_new(&purpose, &form("2"), Kind::PreTicked, Some(&key)));
        assert!(watch.is_new(&purpose, &form("1"), Kind::DefaultUnknown, Some(&key)));
        assert!(watch.is_new(&purpose, &form("1"), Kind::DefaultUnknown, None));
    }

    #[test]
    fn another_text_is_that_of_another_form_of_the_purpose() {
        let watch = BoxWatch::default();
        let mut purpose = purpose("lettre", &["email"]);
        purpose.consents = vec![consent("optin", Channel::Email)];
        purpose.forms = vec![form("1"), form("2")];
        let key = purpose.consents[0].key.clone();
        let other = |purpose: &Purpose, id: &str, text: &str| {
            watch.other_text(purpose, &form(id), &key, "optin", TextHash::of(text.as_bytes()))
        };
        assert_eq!(other(&purpose, "1", "calls"), None);
        assert_eq!(other(&purpose, "2", "calls"), None);
        assert_eq!(other(&purpose, "2", "mails"), Some(form("1")));
        assert_eq!(other(&purpose, "1", "mails"), None, "its own text is another now");
        assert_eq!(other(&purpose, "2", "mails"), None);
        purpose.forms = vec![form("2")];
        assert_eq!(other(&purpose, "2", "calls"), None, "the other form left the purpose");
        watch.look(
            &purpose,
            &PageId::parse("104").expect("digits"),
            &form("2"),
            (None, Some(&worded("2", "calls"))),
        );
        assert!(watch.said.lock().is_empty(), "an empty box with one text is as it should be");
    }
}
