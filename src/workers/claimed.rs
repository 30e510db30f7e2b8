//! A claimed reference, and the purposes for which it is read.

use std::sync::Arc;

use crate::id::FormId;
use crate::lead::Sieved;
use crate::notification::{LeadRef, ParkCode};
use crate::purpose::{FormPurposes, Purpose, PurposeId};
use crate::store::{ParkedClaim, Verdict};

/// A claimed reference and what it has behind it.
pub(super) struct Claimed {
    pub(super) reference: LeadRef,
    pub(super) attempts: u32,
    pub(super) last_code: Option<ParkCode>,
    /// The purposes for which it is open, once its form was matched.
    purposes: Vec<PurposeId>,
    /// For others it has its end.
    others_ended: bool,
}

impl Claimed {
    /// Of which nothing was asked yet.
    pub(super) fn from_journal(reference: LeadRef) -> Self {
        Self { reference, attempts: 0, last_code: None, purposes: Vec::new(), others_ended: false }
    }

    /// Which was parked.
    pub(super) fn from_parked(claim: ParkedClaim) -> Self {
        let ParkedClaim { reference, attempts, code, purposes, others_ended } = claim;
        Self { reference, attempts, last_code: code, purposes, others_ended }
    }
}

/// The purposes of a claimed reference under one policy.
pub(super) struct Purposes<'p> {
    /// For these it is read.
    pub(super) read: Vec<&'p Purpose>,
    /// These claim its form too: they have it, had their say, or came later.
    pub(super) beside: Vec<&'p Purpose>,
    /// Under these its time is over, or it was erased or barred.
    pub(super) over: Vec<PurposeId>,
    /// It is open for these, and they claim its form no more.
    gone: Vec<PurposeId>,
    /// It is a matter of several purposes.
    several: bool,
    /// The form that its form counts as.
    pub(super) copy_of: Option<FormId>,
}

impl<'p> Purposes<'p> {
    /// They are fixed when the form is first matched. Where none of them claims it any more, and the reference has its end for
    /// no other, they are fixed anew: it is as what was held is.
    pub(super) fn of(claimants: &'p FormPurposes, claim: &Claimed) -> Self {
        let claiming = claimants.iter().map(Arc::as_ref);
        let is_open = |purpose: &&Purpose| claim.purposes.contains(&purpose.id);
        let (read, beside): (Vec<&Purpose>, Vec<&Purpose>) = claiming.clone().partition(is_open);
        let is_fixed = !claim.purposes.is_empty() && (!read.is_empty() || claim.others_ended);
        let (read, beside) = if is_fixed { (read, beside) } else { (claiming.collect(), Vec::new()) };
        let mut gone = claim.purposes.clone();
        gone.retain(|open| is_fixed && read.iter().all(|purpose| purpose.id != *open));
        let several = read.len() + beside.len() + gone.len() > 1 || claim.others_ended;
        Self { read, beside, over: Vec::new(), gone, several, copy_of: claimants.copy_of }
    }

    /// All for which it is open from now on.
    pub(super) fn matched(&self) -> Vec<PurposeId> {
        let read = self.read.iter().map(|purpose| purpose.id.clone());
        read.chain(self.over.iter().cloned()).chain(self.gone.iter().cloned()).collect()
    }

    /// What each makes of what was sieved for those that read it, in their order.
    pub(super) fn verdicts(&self, each: Vec<Sieved>) -> impl Iterator<Item = Verdict> {
        let verdict = |(purpose, sieved): (&&Purpose, Sieved)| match sieved.result {
            Ok(lead) => Verdict::Stored(Box::new(lead)),
            Err(_) if self.several && sieved.is_unasked => Verdict::NotAsked(purpose.id.clone()),
            Err(code) => Verdict::Refused(purpose.id.clone(), code),
        };
        let gone = |purpose: &PurposeId| Verdict::Refused(purpose.clone(), ParkCode::PurposeGone);
        let over = |purpose: &PurposeId| Verdict::Refused(purpose.clone(), ParkCode::RetentionOver);
        let read = self.read.iter().zip(each).map(verdict);
        read.chain(self.over.iter().map(over)).chain(self.gone.iter().map(gone))
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::notification::sample as references;
    use crate::purpose::Policy;
    use crate::purpose::sample::purpose;

    /// Of a reference that is open for these, under a policy in which those claim its form: for which it is read, which stand
    /// beside, which are gone.
    fn of(claiming: &[&str], open: &[&str], others_ended: bool) -> [String; 3] {
        let purposes = claiming.iter().map(|name| {
            let forms = vec![references::form(901)];
            Purpose { forms, ..purpose(name, &["email"]) }
        });
        let policy = Policy::new(purposes.collect());
        let reference = references::reference((7, 104, 901), Timestamp::UNIX_EPOCH);
        let open = open.iter().map(|name| PurposeId::parse(name).expect("a name")).collect();
        let claim = Claimed { purposes: open, others_ended, ..Claimed::from_journal(reference) };
        let claimants = policy.of_form(&references::form(901));
        let Purposes { read, beside, gone, .. } = Purposes::of(&claimants, &claim);
        let names = |of: Vec<&Purpose>| of.iter().map(|one| one.id.as_str()).collect::<Vec<_>>().join(" ");
        let gone: Vec<&str> = gone.iter().map(PurposeId::as_str).collect();
        [names(read), names(beside), gone.join(" ")]
    }

    #[test]
    fn a_reference_is_read_for_the_purposes_to_which_it_was_first_matched() {
        assert_eq!(of(&["a", "b"], &[], false), ["a b", "", ""], "not matched yet");
        assert_eq!(of(&["a", "b"], &["a"], false), ["a", "b", ""], "b came later");
        assert_eq!(of(&["a", "b"], &["b"], true), ["b", "a", ""], "a has it");
        assert_eq!(of(&["a"], &["a", "b"], false), ["a", "", "b"], "b has left");
        assert_eq!(of(&["c"], &["a", "b"], false), ["c", "", ""], "the form is another purpose's now");
        assert_eq!(of(&["a", "c"], &["b"], true), ["", "a c", "b"], "what came later gets nothing");
    }
}
