//! Which form belongs to which of the purposes that the operator declared.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::ops::Deref;
use std::sync::Arc;

use crate::id::FormId;
use crate::purpose::adoption::Copies;
use crate::purpose::declared::Purpose;
use crate::purpose::{PhoneRegion, PurposeId};

/// All purposes of one config, with the forms that each claims. A snapshot: pinned from claim to settle. Only what counts as a
/// copy is learnt while it is in force.
#[derive(Debug, Default)]
pub struct Policy {
    purposes: Vec<Arc<Purpose>>,
    by_form: HashMap<FormId, Arc<[Arc<Purpose>]>>,
    copies: Copies,
}

/// Two policies are the same if they say the same, whatever was learnt under them.
impl PartialEq for Policy {
    fn eq(&self, other: &Self) -> bool {
        self.purposes == other.purposes
    }
}
impl Eq for Policy {}

/// The purposes that claim a form, in the order of the config; none: nothing of it is fetched.
#[derive(Clone, Debug, Default)]
pub struct FormPurposes {
    purposes: Arc<[Arc<Purpose>]>,
    /// The form that it counts as, where it stands under no purpose itself.
    pub copy_of: Option<FormId>,
}

impl Deref for FormPurposes {
    type Target = [Arc<Purpose>];

    fn deref(&self) -> &[Arc<Purpose>] {
        &self.purposes
    }
}

impl Policy {
    /// Takes valid purposes; config has made sure that of those of one form at most one is unconditional.
    pub fn new(purposes: Vec<Purpose>) -> Self {
        Self::holding(purposes, &BTreeSet::new())
    }

    /// The same, of which these may take nothing in: nobody claims a form that one of them would have a part of, since its
    /// purposes are fixed when a lead of it is first looked at.
    pub fn holding(purposes: Vec<Purpose>, held: &BTreeSet<PurposeId>) -> Self {
        let purposes: Vec<Arc<Purpose>> = purposes.into_iter().map(Arc::new).collect();
        let mut by_form: HashMap<FormId, Vec<Arc<Purpose>>> = HashMap::new();
        for purpose in &purposes {
            for form in &purpose.forms {
                by_form.entry(*form).or_default().push(Arc::clone(purpose));
            }
        }
        for claiming in by_form.values_mut() {
            // A form that is named and nobody's is no copy of another either.
            if claiming.iter().any(|purpose| held.contains(&purpose.id)) {
                claiming.clear();
            }
        }
        let claimed = by_form.iter().filter(|(_, claiming)| !claiming.is_empty());
        let copies = Copies::of(&purposes, claimed.map(|(form, _)| *form).collect());
        let by_form = by_form.into_iter().map(|(form, claiming)| (form, claiming.into())).collect();
        Self { purposes, by_form, copies }
    }

    /// Reads what a purpose will need and takes its time to be read, so that no lead waits for it.
    pub fn prepare(&self) {
        if self.purposes.iter().any(|purpose| purpose.phone_region.is_some()) {
            PhoneRegion::read_tables();
        }
    }

    /// The forms that a purpose claims now, copies among them.
    pub fn claimed_forms(&self) -> Arc<HashSet<FormId>> {
        self.copies.claimed()
    }

    /// The purposes that claim this form now. What the config says of a form counts before what it is like.
    pub fn of_form(&self, form: &FormId) -> FormPurposes {
        if let Some(purposes) = self.by_form.get(form) {
            return FormPurposes { purposes: Arc::clone(purposes), copy_of: None };
        }
        let adopted = self.copies.of_form(form);
        adopted.map_or_else(FormPurposes::default, |(purposes, original)| FormPurposes {
            purposes,
            copy_of: Some(original),
        })
    }

    /// True if a purpose names this form.
    pub fn declares(&self, form: &FormId) -> bool {
        self.by_form.contains_key(form)
    }

    /// True of a form that purposes name and may take nothing in: the notice of one of them lacks something.
    pub fn is_withheld(&self, form: &FormId) -> bool {
        self.by_form.get(form).is_some_and(|claiming| claiming.is_empty())
    }

    /// What counts as a form that a purpose names.
    pub fn copies(&self) -> &Copies {
        &self.copies
    }

    /// The purpose with this name.
    pub fn purpose(&self, id: &str) -> Option<&Arc<Purpose>> {
        self.purposes.iter().find(|purpose| purpose.id.as_str() == id)
    }

    /// All purposes, in the order of the config.
    pub fn purposes(&self) -> &[Arc<Purpose>] {
        &self.purposes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::purpose::sample::purpose;

    fn form(id: &str) -> FormId {
        FormId::parse(id).expect("digits")
    }

    #[test]
    fn a_form_belongs_to_the_purposes_that_claim_it_and_to_no_other() {
        let mut lettre = purpose("lettre", &["email"]);
        lettre.forms = vec![form("2"), form("3")];
        let mut devis = purpose("devis", &["email"]);
        devis.forms = vec![form("1"), form("3")];
        let policy = Policy::new(vec![devis, lettre]);
        let of = |id| {
            policy.of_form(&form(id)).iter().map(|purpose| purpose.id.as_str()).collect::<Vec<_>>().join(" ")
        };
        assert_eq!([of("1"), of("2"), of("3"), of("4")], ["devis", "lettre", "devis lettre", ""]);
        let named = |id| policy.purpose(id).map(|purpose| purpose.id.as_str());
        assert_eq!([named("lettre"), named("devis"), named("x")], [Some("lettre"), Some("devis"), None]);
        let claimed: HashSet<FormId> = ["1", "2", "3"].map(form).into();
        assert_eq!(*policy.claimed_forms(), claimed);
        let order: Vec<&str> = policy.purposes().iter().map(|purpose| purpose.id.as_str()).collect();
        assert_eq!(order, ["devis", "lettre"]);
        assert!(Policy::default().of_form(&form("1")).is_empty());
    }

    #[test]
    fn of_a_purpose_that_is_held_no_form_is_claimed_by_anybody() {
        let mut lettre = purpose("lettre", &["email"]);
        lettre.forms = vec![form("2"), form("3")];
        let mut devis = purpose("devis", &["email"]);
        devis.forms = vec![form("1"), form("3")];
        let policy =
            Policy::holding(vec![devis, lettre], &[PurposeId::parse("lettre").expect("a name")].into());
        assert_eq!(*policy.claimed_forms(), HashSet::from([form("1")]));
        assert_eq!(policy.purposes().len(), 2, "what it holds already stays its own");
    }
}
