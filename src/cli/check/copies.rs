//! Which of the known forms would count as another under the config that is checked, and in what the others are none.

use std::collections::BTreeMap;

use crate::cli::check::forms::Known;
use crate::cli::check::unfed::named;
use crate::config::{Config, Fault, FaultCode};
use crate::id::FormId;
use crate::purpose::Likeness;

/// Holds every form that no purpose names against those that purposes name. From here on the config's policy knows what counts
/// as what.
pub(super) fn judge(known: &[Known], config: &Config) {
    let policy = config.policy();
    let copies = policy.copies();
    if !copies.are_wanted() {
        return;
    }
    let definitions = || known.iter().filter_map(|known| known.definition.as_ref());
    for definition in definitions() {
        copies.learn(definition, definition.revision(), None);
    }
    for definition in definitions().filter(|definition| !policy.declares(&definition.form)) {
        let Some(page) = definition.page else { continue };
        match copies.judge(definition, &page, None) {
            Likeness::Foreign => {}
            Likeness::Copy(original) => {
                copies.adopt(definition.form, definition.revision(), &original);
            }
            Likeness::Differs(differs) => {
                copies.differ(definition.form, differs);
            }
        }
    }
}

/// One warning for the forms that are held against the same original in vain.
pub(super) fn warnings(known: &[Known], config: &Config) -> Vec<Fault> {
    let policy = config.policy();
    let mut found: BTreeMap<FormId, Vec<FormId>> = BTreeMap::new();
    for Known { form, .. } in known {
        if let Some(differs) = policy.copies().differing(form) {
            found.entry(differs.original).or_default().push(*form);
        }
    }
    let warning = |(original, forms): (FormId, Vec<FormId>)| {
        let taking = policy.copies().taking(&original);
        let purposes: Vec<&str> =
            taking.into_iter().flat_map(|taking| taking.iter()).map(|one| one.id.as_str()).collect();
        let key = format!("purposes.{}.copies", purposes.first().copied().unwrap_or_default());
        let (is, its) = if forms.len() == 1 { ("is no copy", "its") } else { ("are no copies", "their") };
        Fault::new(
            FaultCode::FormDiffers,
            &key,
            format!(
                "{} {is} of form {original} ({}): {its} leads are held",
                named(&forms),
                purposes.join(", ")
            ),
            "The differences stand below, with each form. Give it a purpose of its own, or mend the form; what is not yours may stay held.",
        )
    };
    found.into_iter().map(warning).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::check::forms::{shown, text};
    use crate::config::parse;
    use crate::id::PageId;
    use crate::purpose::{FormDefinition, Question};
    use crate::secret::location::Environment;

    fn known(form: &str, questions: &[(&str, &str)]) -> Known {
        let form = FormId::parse(form).expect("digits");
        let questions = questions.iter().map(|(key, kind)| Question::new(key, kind)).collect();
        let page = PageId::parse("104000000000001");
        Known::read(form, Some(FormDefinition { page, ..FormDefinition::asking(form, questions) }))
    }

    const QUOTE: [(&str, &str); 3] = [("nom", "FULL_NAME"), ("post_code", "CUSTOM"), ("tel", "PHONE")];

    #[test]
    fn what_would_count_as_a_copy_is_shown_and_what_would_not_says_in_what() {
        let config = include_str!("../../../config/tamis.example.toml");
        let config =
            config.replace("forms = [\"901000000000001\"]", "forms = [\"901000000000001\"]\ncopies = true");
        let config = parse(&config, &Environment::default()).unwrap_or_else(|faults| panic!("{faults}"));
        let all = [
            known("901000000000001", &QUOTE),
            known("901000000000008", &QUOTE),
            known("901000000000009", &[("nom", "CUSTOM"), ("post_code", "CUSTOM"), ("mobil\u{1b}", "PHONE")]),
        ];
        judge(&all, &config);
        let told = text(&shown(&all, &config));
        for line in [
            "\n# form 901000000000001 (devis), read at",
            "\n# form 901000000000008 (devis, as a copy of 901000000000001), read at",
            "\n# form 901000000000009 (no purpose claims it), read at",
            "\n#   nom        full_name\n",
            "\n#   is no copy of form 901000000000001, its leads are held:\n",
            "\n#     question \"nom\" (full_name) is CUSTOM, there FULL_NAME\n",
            "\n#     no question \"tel\" (PHONE), which feeds phone_number there\n",
        ] {
            assert!(told.contains(line), "{line:?} in\n{told}");
        }
        assert!(!told.contains('\u{1b}'));
        let warnings = warnings(&all, &config);
        let [told] = warnings.as_slice() else { panic!("{warnings:?}") };
        assert_eq!((told.key.as_str(), told.code.as_str()), ("purposes.devis.copies", "form-differs"));
        assert!(
            told.reason.contains("form 901000000000009 is no copy of form 901000000000001 (devis)"),
            "{told}"
        );
    }
}
