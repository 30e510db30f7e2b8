//! Fields that no question of the known forms feeds, as warnings: one a field and reason, however many forms there are.

use std::collections::BTreeMap;

use crate::cli::check::forms::Known;
use crate::config::{Config, Fault, FaultCode};
use crate::id::FormId;
use crate::purpose::{Matching, PurposeId, Unfed, UnfedCode};
use crate::terminal::{thousands, toml_text};

/// So many forms are named in one warning.
const FORMS_NAMED_MAX: usize = 3;

/// What is said of the same field of a purpose, with the forms of which it is said.
pub(super) fn warnings(known: &[Known], config: &Config) -> Vec<Fault> {
    let policy = config.policy();
    let mut found: BTreeMap<(PurposeId, Unfed), Vec<FormId>> = BTreeMap::new();
    for Known { form, definition, .. } in known {
        for purpose in policy.of_form(form).iter() {
            for unfed in Matching::new(purpose, definition.as_ref()).silent() {
                found.entry((purpose.id.clone(), unfed)).or_default().push(*form);
            }
        }
    }
    found.into_iter().map(|((purpose, unfed), forms)| warning(&purpose, &unfed, &forms)).collect()
}

fn warning(purpose: &PurposeId, unfed: &Unfed, forms: &[FormId]) -> Fault {
    let key = format!("purposes.{purpose}.fields.{}", unfed.field);
    let refused = if unfed.required { ", so that every lead of it is refused" } else { "" };
    let question = toml_text(unfed.question.as_deref().unwrap_or_default());
    let silence = format!("no question feeds it on {}{refused}", named(forms));
    let (code, reason, mend) = match unfed.code {
        UnfedCode::Unfed => (
            FaultCode::FieldUnfed,
            silence,
            "Name the question's `type`, or its exact key in `from`; or the form does not ask for it."
                .to_owned(),
        ),
        UnfedCode::NearMiss => (
            FaultCode::FieldNearMiss,
            format!("{silence}, and answers to {question} are dropped there"),
            format!("If that is meant, add {question} to `from`."),
        ),
        UnfedCode::OneLanguage => (
            FaultCode::FieldOneLanguage,
            format!("{silence}: in the form's language the question's key is {question}"),
            format!("Add `type = \"{}\"`.", unfed.question_type.unwrap_or_default()),
        ),
    };
    Fault::new(code, &key, reason, mend)
}

/// `form 901…`, or how many and the first of them.
pub(super) fn named(forms: &[FormId]) -> String {
    let some: Vec<String> = forms.iter().take(FORMS_NAMED_MAX).map(ToString::to_string).collect();
    let more = forms.len() - some.len();
    match (forms.len(), more) {
        (1, _) => format!("form {}", some.concat()),
        (count, 0) => format!("{count} forms ({})", some.join(", ")),
        (count, more) => {
            let (count, more) = (thousands(count as u64), thousands(more as u64));
            format!("{count} forms ({}, … and {more} more)", some.join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::parse;
    use crate::purpose::{FormDefinition, Question};
    use crate::secret::location::Environment;

    fn known(form: &str, questions: &[(&str, &str)]) -> Known {
        let form = FormId::parse(form).expect("digits");
        let questions = questions.iter().map(|(key, kind)| Question::new(key, kind)).collect();
        Known::read(form, Some(FormDefinition::asking(form, questions)))
    }

    #[test]
    fn one_field_is_one_warning_however_many_forms_do_not_feed_it() {
        let text = include_str!("../../../config/tamis.example.toml");
        let text = text.replace("[\"901000000000001\"]", "[\"1\", \"2\", \"3\", \"4\", \"5\"]");
        let text = text.replace("phone_number = {}\n", "work = { from = [\"work_email\"], why = \"x\" }\n");
        let config = parse(&text, &Environment::default()).unwrap_or_else(|faults| panic!("{faults}"));
        let whole = [("n", "FULL_NAME"), ("e", "EMAIL"), ("work_email", "WORK_EMAIL"), ("zip_code", "ZIP")];
        let all = |form, but: &str, instead: &[(&'static str, &'static str)]| {
            let kept = whole.iter().filter(|(_, kind)| *kind != but).chain(instead).copied();
            known(form, &kept.collect::<Vec<_>>())
        };
        let forms = [
            all("1", "", &[]),
            all("2", "WORK_EMAIL", &[("geschäftlich", "WORK_EMAIL")]),
            all("3", "ZIP", &[("zip", "CUSTOM")]),
            all("4", "EMAIL", &[]),
            all("5", "EMAIL", &[]),
            known("77", &[]),
        ];
        let said: Vec<String> = warnings(&forms, &config).iter().map(ToString::to_string).collect();
        assert_eq!(
            said,
            [
                "purposes.devis.fields.email: no question feeds it on 2 forms (4, 5), so that every lead of it is refused [field-unfed]. \
                 Name the question's `type`, or its exact key in `from`; or the form does not ask for it.",
                "purposes.devis.fields.postcode: no question feeds it on form 3, and answers to \"zip\" are dropped there [field-near-miss]. \
                 If that is meant, add \"zip\" to `from`.",
                "purposes.devis.fields.work: no question feeds it on form 2: in the form's language the question's key is \
                 \"geschäftlich\" [field-one-language]. Add `type = \"WORK_EMAIL\"`.",
            ]
        );
        let many: Vec<Known> = (0..249).map(|n| known(&format!("{}", 1 + n % 5), &[])).collect();
        assert_eq!(warnings(&many, &config).len(), 4, "one a field");
    }
}
