//! A purpose's consents held against a form's tick-boxes: what a person should look at.

use std::collections::BTreeMap;

use crate::id::FormId;
use crate::purpose::{BoxDefault, ConsentKey, FormDefinition, Purpose, TextHash};

/// Something about a form's boxes that weakens or ends a consent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BoxFinding<'p> {
    /// The form's boxes cannot be read: whether one is ticked by default is not known.
    Unread,
    /// This consent's box is ticked when the form opens: its tick is no consent.
    PreTicked(&'p ConsentKey),
    /// Graph does not say how this consent's box stands when the form opens.
    DefaultUnknown(&'p ConsentKey),
    /// The form has no box that this consent counts: nobody can give it there.
    Absent(&'p ConsentKey),
}

/// One tick-box key of a purpose with different texts on two of its forms: it is not one consent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextsDiffer {
    /// The consent.
    pub consent: ConsentKey,
    /// Meta's key.
    pub key: String,
    /// A form with one text, and one with another.
    pub forms: (FormId, FormId),
}

impl Purpose {
    /// What of a form's boxes a person should look at, where it counts as this one; nothing where the purpose asks for no consent. A form whose definition
    /// is not known has boxes that cannot be read.
    pub fn box_findings(&self, form: &FormId, definition: Option<&FormDefinition>) -> Vec<BoxFinding<'_>> {
        if self.consents.is_empty() {
            return Vec::new();
        }
        let legal = definition.map(|definition| &definition.legal);
        let Some((legal, boxes)) = legal.and_then(|legal| Some((legal, legal.boxes()?))) else {
            return vec![BoxFinding::Unread];
        };
        let mut findings = Vec::new();
        for rule in &self.consents {
            let there = || rule.keys_on(form).filter(|key| boxes.iter().any(|found| found.key == *key));
            let stands = |default| there().any(|key| legal.default_of(key) == default);
            if there().next().is_none() {
                findings.push(BoxFinding::Absent(&rule.key));
            } else if stands(BoxDefault::Ticked) {
                findings.push(BoxFinding::PreTicked(&rule.key));
            } else if stands(BoxDefault::Unknown) {
                findings.push(BoxFinding::DefaultUnknown(&rule.key));
            }
        }
        findings
    }

    /// The texts that a form has beside the boxes of keys that count on every form of the purpose. A key that was named for
    /// this form may say here what it says nowhere else.
    pub fn shared_texts<'t>(
        &'t self,
        definition: &'t FormDefinition,
    ) -> impl Iterator<Item = (&'t ConsentKey, &'t str, TextHash)> {
        self.consents.iter().flat_map(move |rule| {
            let plain = rule.from.iter().filter(|found| found.form.is_none());
            plain.filter_map(move |found| {
                let text = definition.legal.text_of(&found.key)?;
                Some((&rule.key, found.key.as_str(), text.hash))
            })
        })
    }

    /// The keys that have more than one text on these forms of the purpose; each is told once.
    pub fn texts_that_differ<'d>(
        &self,
        definitions: impl IntoIterator<Item = &'d FormDefinition>,
    ) -> Vec<TextsDiffer> {
        let mut first: BTreeMap<(ConsentKey, String), (TextHash, FormId)> = BTreeMap::new();
        let mut differ: Vec<TextsDiffer> = Vec::new();
        for definition in definitions {
            for (consent, key, text) in self.shared_texts(definition) {
                let at = (consent.clone(), key.to_owned());
                let (known, form) = *first.entry(at).or_insert((text, definition.form));
                let is_told = differ.iter().any(|told| told.consent == *consent && told.key == key);
                if known != text && !is_told {
                    let (consent, key) = (consent.clone(), key.to_owned());
                    differ.push(TextsDiffer { consent, key, forms: (form, definition.form) });
                }
            }
        }
        differ
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::purpose::sample::{consent, purpose};
    use crate::purpose::{BoxKey, Channel, Checkbox, Legal, LegalContent, Wording};

    fn form(id: &str) -> FormId {
        FormId::parse(id).expect("digits")
    }

    /// A form with these boxes: key, text, how it stands.
    fn with(id: &str, boxes: &[(&str, &str, Option<bool>)]) -> FormDefinition {
        let one = |(key, text, ticked): &(&str, &str, Option<bool>)| Checkbox {
            key: (*key).to_owned(),
            text: Wording::of(text, 100),
            is_required: None,
            is_ticked_by_default: *ticked,
        };
        let boxes = boxes.iter().map(one).collect();
        let legal = Legal::Read(LegalContent { title: None, body: None, boxes, policy_url: None });
        FormDefinition { legal, ..FormDefinition::asking(form(id), Vec::new()) }
    }

    fn asking(from: Vec<BoxKey>) -> Purpose {
        let mut purpose = purpose("lettre", &["email"]);
        let mut rule = consent("optin", Channel::Email);
        rule.from = from;
        purpose.consents = vec![rule];
        purpose
    }

    #[test]
    fn what_ends_or_weakens_a_consent_on_a_form_is_found() {
        let purpose = asking(vec![BoxKey::anywhere("a"), BoxKey::anywhere("b")]);
        let key = &purpose.consents[0].key;
        let findings = |boxes: &[(&str, &str, Option<bool>)]| {
            purpose.box_findings(&form("901"), Some(&with("901", boxes)))
        };
        assert_eq!(findings(&[("a", "x", Some(false))]), []);
        assert_eq!(findings(&[("a", "x", Some(true))]), [BoxFinding::PreTicked(key)]);
        assert_eq!(findings(&[("a", "x", None)]), [BoxFinding::DefaultUnknown(key)]);
        assert_eq!(
            findings(&[("a", "x", Some(false)), ("b", "x", Some(true))]),
            [BoxFinding::PreTicked(key)]
        );
        assert_eq!(findings(&[("c", "x", Some(true))]), [BoxFinding::Absent(key)]);
        assert_eq!(findings(&[]), [BoxFinding::Absent(key)]);
        let withheld = FormDefinition { legal: Legal::Withheld, ..with("901", &[]) };
        assert_eq!(purpose.box_findings(&form("901"), Some(&withheld)), [BoxFinding::Unread]);
        assert_eq!(purpose.box_findings(&form("901"), None), [BoxFinding::Unread]);
        let without = crate::purpose::sample::purpose("devis", &["email"]);
        assert_eq!(without.box_findings(&form("901"), None), []);
    }

    #[test]
    fn a_key_that_says_two_things_is_told_unless_it_was_named_for_its_form() {
        let calls = with("901", &[("optional_1", "calls", None), ("b", "x", None)]);
        let mails = with("902", &[("optional_1", "mails", None), ("b", "x", None)]);
        let same = with("903", &[("optional_1", "calls", None)]);
        let plain = asking(vec![BoxKey::anywhere("optional_1"), BoxKey::anywhere("b")]);
        let differ = plain.texts_that_differ([&calls, &same, &mails, &mails]);
        let [told] = differ.as_slice() else { panic!("one: {differ:?}") };
        assert_eq!((told.key.as_str(), told.forms), ("optional_1", (form("901"), form("902"))));
        assert_eq!(plain.texts_that_differ([&calls, &same]), []);
        let on = |id: &str| BoxKey { form: Some(form(id)), key: "optional_1".to_owned() };
        assert_eq!(asking(vec![on("901"), on("902")]).texts_that_differ([&calls, &mails]), []);
    }
}
