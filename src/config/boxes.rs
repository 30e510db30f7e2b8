//! What forms say of the consents of a config, once their definitions are known: the config alone cannot tell it.

use crate::config::Config;
use crate::config::fault::{Fault, FaultCode, Faults};
use crate::id::FormId;
use crate::purpose::{BoxFinding, ConsentKey, FormDefinition, Purpose};

/// So many forms are named in one sentence.
const FORMS_NAMED_MAX: usize = 3;

/// A form, and its definition if Graph gives it.
pub type FormKnown<'f> = (&'f FormId, Option<&'f FormDefinition>);

impl Config {
    /// Holds the consents of each purpose against the tick-boxes of its forms.
    pub fn look_at_boxes(&self, forms: &[FormKnown<'_>]) -> Faults {
        let mut found = Faults::default();
        let policy = self.policy();
        for purpose in policy.purposes() {
            let own: Vec<FormKnown<'_>> =
                forms.iter().filter(|(form, _)| purpose.forms.contains(form)).copied().collect();
            texts(purpose, &own, &mut found.faults);
            let is_shared = |form: &FormId| policy.of_form(form).len() > 1;
            let shared: Vec<FormKnown<'_>> =
                own.iter().filter(|(form, _)| is_shared(form)).copied().collect();
            needed(purpose, &shared, &mut found.faults);
            boxes(purpose, &own, is_shared, &mut found.warnings);
        }
        found
    }
}

/// One key, one text: what people agreed to must be one thing.
fn texts(purpose: &Purpose, forms: &[FormKnown<'_>], faults: &mut Vec<Fault>) {
    let definitions = forms.iter().filter_map(|(_, definition)| *definition);
    for differ in purpose.texts_that_differ(definitions) {
        let (one, other) = differ.forms;
        faults.push(Fault::new(
            FaultCode::ConsentTextsDiffer,
            &format!("purposes.{}.consents.{}.from", purpose.id, differ.consent),
            format!("the tick-box {:?} has one text on form {one} and another on form {other}: what was agreed to is not one thing (GDPR art. 4(11))", differ.key),
            "If it means the same on both, or to say what it means where: name it for each form, `from = [{ form = \"…\", key = \"…\" }]`.",
        ));
    }
}

/// Of several purposes of a form all but one are chosen by a box, which must be there to be ticked.
fn needed(purpose: &Purpose, forms: &[FormKnown<'_>], faults: &mut Vec<Fault>) {
    for rule in purpose.consents.iter().filter(|rule| rule.required) {
        let is_absent = |(form, definition): &&FormKnown<'_>| {
            let findings = purpose.box_findings(form, *definition);
            findings.contains(&BoxFinding::Absent(&rule.key))
        };
        let without: Vec<&FormId> = forms.iter().filter(is_absent).map(|(form, _)| *form).collect();
        if !without.is_empty() {
            faults.push(Fault::new(
                FaultCode::PurposeWithoutBox,
                &format!("purposes.{}.consents.{}", purpose.id, rule.key),
                format!("other purposes hold leads of {} too, and this one is chosen there by a tick-box that the form does not have: it will never get a lead of it", named(&without)),
                "Put Meta's `checkbox_key` of that form into `from`, or take the form out of this purpose's `forms`.",
            ));
        }
    }
}

fn boxes(
    purpose: &Purpose,
    forms: &[FormKnown<'_>],
    is_shared: impl Fn(&FormId) -> bool,
    warnings: &mut Vec<Fault>,
) {
    let mut findings: Vec<(BoxFinding<'_>, Vec<&FormId>)> = Vec::new();
    let is_required =
        |key: &ConsentKey| purpose.consents.iter().any(|rule| rule.required && rule.key == *key);
    for (form, definition) in forms {
        for finding in purpose.box_findings(form, *definition) {
            // That one is a fault.
            if matches!(finding, BoxFinding::Absent(key) if is_required(key) && is_shared(form)) {
                continue;
            }
            match findings.iter_mut().find(|(known, _)| *known == finding) {
                Some((_, forms)) => forms.push(form),
                None => findings.push((finding, vec![form])),
            }
        }
    }
    for (finding, forms) in findings {
        let forms = named(&forms);
        let (code, consent, reason, mend) = match finding {
            BoxFinding::Unread => (
                FaultCode::BoxDefaultUnknown,
                None,
                format!(
                    "Graph does not give the tick-boxes (legal_content) of {forms}: whether one is ticked when the form opens is not known, and its ticks count"
                ),
                "Look at the form in Meta: a box that is ticked by default is no consent (GDPR art. 4(11)).",
            ),
            BoxFinding::PreTicked(consent) => (
                FaultCode::BoxPreTicked,
                Some(consent),
                format!(
                    "the tick-box is ticked when the form opens, on {forms}: its tick is nobody's consent and does not count (GDPR art. 4(11); CJEU C-673/17, Planet49)"
                ),
                "Publish a form whose box is empty.",
            ),
            BoxFinding::DefaultUnknown(consent) => (
                FaultCode::BoxDefaultUnknown,
                Some(consent),
                format!(
                    "Graph does not say whether the tick-box is ticked when the form opens, on {forms}; its ticks count"
                ),
                "Look at the form in Meta: a box that is ticked by default is no consent (GDPR art. 4(11)).",
            ),
            BoxFinding::Absent(consent) => (
                FaultCode::BoxAbsent,
                Some(consent),
                format!("there is no such tick-box on {forms}: nobody can give this consent there"),
                "Put Meta's `checkbox_key` of that form into `from`.",
            ),
        };
        let consent = consent.map(|consent| format!(".{consent}")).unwrap_or_default();
        let key = format!("purposes.{}.consents{consent}", purpose.id);
        warnings.push(Fault::new(code, &key, reason, mend));
    }
}

fn named(forms: &[&FormId]) -> String {
    let first: Vec<String> = forms.iter().take(FORMS_NAMED_MAX).map(ToString::to_string).collect();
    let noun = if forms.len() == 1 { "form" } else { "forms" };
    let more = match forms.len().saturating_sub(FORMS_NAMED_MAX) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!("{noun} {}{more}", first.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::parse;
    use crate::purpose::{Checkbox, Legal, LegalContent, Wording};
    use crate::secret::location::Environment;

    const LETTRE: u64 = 901_000_000_000_002;

    fn config(forms: &[u64]) -> Config {
        let forms: Vec<String> = forms.iter().map(|form| format!("\"{form}\"")).collect();
        let text = include_str!("../../config/tamis.example.toml")
            .replace(&format!("[\"{LETTRE}\"]"), &format!("[{}]", forms.join(", ")));
        parse(&text, &Environment::default()).unwrap_or_else(|faults| panic!("{faults}"))
    }

    /// A form with the boxes of the example, the second of which has this text and stands so.
    fn definition(form: u64, text: &str, ticked: Option<bool>) -> FormDefinition {
        let one = |key: &str, text: &str, ticked| Checkbox {
            key: key.to_owned(),
            text: Wording::of(text, 100),
            is_required: None,
            is_ticked_by_default: ticked,
        };
        let boxes = vec![one("email_optin", "E-mail", Some(false)), one("consent_call", text, ticked)];
        let legal = Legal::Read(LegalContent { title: None, body: None, boxes, policy_url: None });
        let form = FormId::parse(&form.to_string()).expect("digits");
        FormDefinition { legal, ..FormDefinition::asking(form, Vec::new()) }
    }

    fn look(forms: &[u64], definitions: &[FormDefinition]) -> Faults {
        let known: Vec<FormKnown<'_>> =
            definitions.iter().map(|definition| (&definition.form, Some(definition))).collect();
        config(forms).look_at_boxes(&known)
    }

    /// A quote form with a box for the newsletter, without the box.
    #[test]
    fn a_further_purpose_whose_box_is_not_on_the_form_is_refused_and_one_alone_is_warned_about() {
        const DEVIS: u64 = 901_000_000_000_001;
        let mut bare = definition(DEVIS, "Calls", Some(false));
        let Legal::Read(content) = &mut bare.legal else { panic!("as made") };
        content.boxes.retain(|found| found.key != "email_optin");
        let found = look(&[DEVIS, LETTRE], &[bare.clone(), definition(LETTRE, "Calls", Some(false))]);
        let [told] = found.faults.as_slice() else { panic!("one: {found:?}") };
        assert_eq!(
            (told.key.as_str(), told.code.as_str()),
            ("purposes.lettre.consents.email_optin", "purpose-without-box")
        );
        assert!(
            told.reason.contains(&DEVIS.to_string()) && !told.reason.contains(&LETTRE.to_string()),
            "{told}"
        );
        assert_eq!(found.warnings, [], "it is said once");
        let alone = FormDefinition { form: FormId::parse(&LETTRE.to_string()).expect("digits"), ..bare };
        let found = look(&[LETTRE], std::slice::from_ref(&alone));
        assert_eq!((found.faults.len(), found.warnings.len()), (0, 1));
        let unread = FormDefinition { legal: Legal::Withheld, ..alone };
        assert_eq!(look(&[LETTRE], &[unread]).faults, [], "what cannot be read is not known to be absent");
    }

    #[test]
    fn boxes_that_are_empty_when_the_form_opens_need_nobody() {
        assert_eq!(look(&[LETTRE], &[definition(LETTRE, "Calls", Some(false))]), Faults::default());
        let foreign = definition(77, "Calls", Some(true));
        assert_eq!(look(&[LETTRE], &[foreign]), Faults::default(), "no form of a purpose");
    }

    #[test]
    fn each_thing_is_told_once_with_its_forms() {
        let forms: Vec<u64> = (1..=5).collect();
        let definitions: Vec<FormDefinition> =
            forms.iter().map(|form| definition(*form, "Calls", Some(true))).collect();
        let found = look(&forms, &definitions);
        let [told] = found.warnings.as_slice() else { panic!("{found:?}") };
        assert_eq!(
            (told.key.as_str(), told.code.as_str()),
            ("purposes.lettre.consents.call_optin", "box-pre-ticked")
        );
        assert!(
            told.reason.contains("forms 1, 2, 3 and 2 more:") && told.reason.contains("art. 4(11)"),
            "{told}"
        );
        assert!(found.faults.is_empty());
    }

    #[test]
    fn what_is_not_known_of_a_box_or_missing_is_told() {
        let unsaid = look(&[LETTRE], &[definition(LETTRE, "Calls", None)]);
        assert_eq!(unsaid.warnings[0].code.as_str(), "box-default-unknown");
        let withheld = FormDefinition { legal: Legal::Withheld, ..definition(LETTRE, "Calls", None) };
        let unread = look(&[LETTRE], std::slice::from_ref(&withheld));
        let [told] = unread.warnings.as_slice() else { panic!("{unread:?}") };
        assert_eq!(
            (told.key.as_str(), told.code.as_str()),
            ("purposes.lettre.consents", "box-default-unknown")
        );
        assert!(told.reason.contains("legal_content"), "{told}");
        let none = config(&[LETTRE]).look_at_boxes(&[(&withheld.form, None)]);
        assert_eq!(none.warnings, unread.warnings, "no definition at all");
        let mut bare = definition(LETTRE, "Calls", None);
        let Legal::Read(content) = &mut bare.legal else { panic!("it has boxes") };
        content.boxes.truncate(1);
        let absent = look(&[LETTRE], &[bare]);
        let told = (absent.warnings[0].key.as_str(), absent.warnings[0].code.as_str());
        assert_eq!(told, ("purposes.lettre.consents.call_optin", "box-absent"));
    }

    #[test]
    fn one_key_with_two_texts_is_a_fault_and_names_both_forms() {
        let forms = [definition(1, "Calls", Some(false)), definition(2, "Messages", Some(false))];
        let found = look(&[1, 2], &forms);
        let [told] = found.faults.as_slice() else { panic!("{found:?}") };
        assert_eq!(
            (told.key.as_str(), told.code.as_str()),
            ("purposes.lettre.consents.call_optin.from", "consent-texts-differ")
        );
        assert!(told.reason.contains("form 1 ") && told.reason.contains("form 2:"), "{told}");
        let same = [definition(1, "Calls", Some(false)), definition(2, "Calls", Some(false))];
        assert_eq!(look(&[1, 2], &same), Faults::default());
    }
}
