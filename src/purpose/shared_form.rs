//! One form under all of its purposes, for those who look at it: which question feeds which field of which purpose.

use std::sync::Arc;

use crate::id::FormId;
use crate::purpose::{FormDefinition, Matching, Purpose, PurposeId};

/// A form's matchings, one for each purpose that claims it.
pub struct SharedForm<'p>(Vec<Matching<'p>>, Option<FormId>);

impl<'p> SharedForm<'p> {
    /// Matches the form to each of these purposes.
    pub fn new(purposes: &'p [Arc<Purpose>], definition: Option<&'p FormDefinition>) -> Self {
        Self(purposes.iter().map(|purpose| Matching::new(purpose, definition)).collect(), None)
    }

    /// The same, of a form that counts as another.
    pub fn counting_as(self, copy_of: Option<FormId>) -> Self {
        Self(self.0, copy_of)
    }

    /// The purposes, in the order of the config.
    pub fn purposes(&self) -> impl Iterator<Item = &'p PurposeId> {
        self.0.iter().map(|matching| &matching.purpose().id)
    }

    /// The fields that a key feeds: by name, or as `purpose.field` where there are several purposes. None: dropped.
    pub fn fed_by(&self, key: &str) -> Vec<String> {
        let fed = self.0.iter().filter_map(|matching| {
            let field = &matching.permit(key)?.rule().name;
            Some(self.named(matching, field.as_str()))
        });
        fed.collect()
    }

    /// The consent that counts a tick-box of the form, named so; of several the first. None: no consent counts it.
    pub fn counting(&self, form: &FormId, key: &str) -> Option<String> {
        let form = self.1.as_ref().unwrap_or(form);
        self.0.iter().find_map(|matching| {
            let mut rules = matching.purpose().consents.iter();
            let rule = rules.find(|rule| rule.keys_on(form).any(|counted| counted == key))?;
            Some(self.named(matching, rule.key.as_str()))
        })
    }

    /// The fields that no question of the form feeds, named so; without a definition nobody knows, and all are.
    pub fn unfed(&self) -> Vec<String> {
        let of = |matching: &Matching<'p>| {
            let unfed = matching.unfed().into_iter();
            unfed.map(|field| self.named(matching, field.as_str())).collect::<Vec<_>>()
        };
        self.0.iter().flat_map(of).collect()
    }

    fn named(&self, matching: &Matching<'_>, field: &str) -> String {
        match self.0.len() {
            0 | 1 => field.to_owned(),
            _ => format!("{}.{field}", matching.purpose().id),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::purpose::Question;
    use crate::purpose::sample::purpose;

    #[test]
    fn a_form_of_several_purposes_names_each_and_one_of_one_the_field_alone() {
        let purposes =
            [purpose("devis", &["email", "city"]), purpose("lettre", &["email", "birthday"])].map(Arc::new);
        let question = |key: &str| Question::new(key, "CUSTOM");
        let form = FormId::parse("901000000000001").expect("digits");
        let definition = FormDefinition::asking(form, ["email", "city", "shoe"].map(question).to_vec());
        let both = SharedForm::new(&purposes, Some(&definition));
        assert_eq!(both.fed_by("email"), ["devis.email", "lettre.email"]);
        assert_eq!((both.fed_by("city"), both.fed_by("shoe")), (vec!["devis.city".to_owned()], Vec::new()));
        assert_eq!(both.unfed(), ["lettre.birthday"]);
        assert_eq!(both.purposes().map(PurposeId::as_str).collect::<Vec<_>>(), ["devis", "lettre"]);
        let one = SharedForm::new(&purposes[1..], Some(&definition));
        assert_eq!(
            (one.fed_by("email"), one.unfed()),
            (vec!["email".to_owned()], vec!["birthday".to_owned()])
        );
        let none = SharedForm::new(&[], Some(&definition));
        assert!(none.fed_by("email").is_empty() && none.unfed().is_empty());
    }
}
