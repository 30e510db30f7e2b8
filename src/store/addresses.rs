//! Looking for an address in what is stored. There is no index of addresses, on no disk: each record is unsealed and looked at
//! (docs/decisions, 190).

use std::collections::HashSet;

use async_trait::async_trait;

use crate::lead::{OpenedLead, UnsealedLead};
use crate::purpose::RecordId;
use crate::store::{ERASED_AT_ONCE_MAX, Found, StoreCode, StoreError, Wanted};
use crate::trail::Entry;

/// So many records of one address are named; beyond that they are counted. A person has a handful.
pub const MATCHES_MAX: usize = 4_096;

/// So many records are shown at once: each leaves a line in the trail.
pub const SHOWN_AT_ONCE_MAX: usize = 100;

/// What a look at everything meets.
pub enum Kept {
    /// A record whose seal is off.
    Record(UnsealedLead),
    /// One that does not open: nobody knows whose it is.
    Unreadable(RecordId),
}

crate::secret::never_shown!(Kept);

/// What is stored, one record after another, each unsealed when it is asked for. Asking waits for the disk, so it is done on a
/// thread of its own; nothing is held between two of them but a few sealed records. Nothing comes after an error.
pub type EachKept = Box<dyn Iterator<Item = Result<Kept, StoreError>> + Send>;

/// Whether a record is one of those that are wanted.
pub type IsWanted<'w> = dyn Fn(&OpenedLead) -> bool + Sync + 'w;

/// A record that holds an address.
#[derive(Clone, PartialEq, Eq)]
pub struct Match {
    /// The record.
    pub record: RecordId,
    /// Its key in `seen`, which all records of one submission have; none: an earlier version stored it.
    pub seen: Option<[u8; 32]>,
    /// It stands in a field that mails about the record may go to. Where it does not, they go to another mailbox, or to none.
    pub may_be_mailbox: bool,
}

/// The records that hold an address.
#[derive(Clone, Default)]
pub struct Matches {
    /// In the order of purposes and numbers; the first [`MATCHES_MAX`] of them.
    pub first: Vec<Match>,
    /// How many there are.
    pub total: u64,
    /// How many records do not open, and may hold it.
    pub unreadable: u64,
}

impl Matches {
    /// One more.
    pub fn add(&mut self, found: Match) {
        self.total += 1;
        if self.first.len() < MATCHES_MAX {
            self.first.push(found);
        }
    }

    /// True if there are more than are named: whoever wants them all looks again, behind the last of these.
    pub fn are_cut(&self) -> bool {
        self.total > self.first.len() as u64
    }

    /// Their submissions, each once, in pieces that are erased at once. Those that are known are left out, and the others are
    /// known from then on.
    pub fn submissions(&self, known: &mut HashSet<[u8; 32]>) -> Vec<Vec<Wanted>> {
        let each = self.first.iter().filter(|found| found.seen.is_none_or(|seen| known.insert(seen)));
        let each: Vec<Wanted> = each.map(|found| Wanted::Record(found.record.clone())).collect();
        each.chunks(ERASED_AT_ONCE_MAX).map(<[Wanted]>::to_vec).collect()
    }
}

/// Looking at everything that is stored.
#[async_trait]
pub trait Addresses: Send + Sync {
    /// What is stored of all purposes, whether the config names them or not, in the order of records' ids: those past their
    /// expiry and test leads too. What was stored before this returns is in it, unless it is erased first; what comes later is
    /// not, so it ends. `by` are those for whom it is looked, each as the line will name them that they leave for what they are shown:
    /// of the look itself there is none. For nobody nothing is given.
    ///
    /// # Errors
    /// See [`StoreCode`].
    fn each_kept(&self, by: &[Entry]) -> Result<EachKept, StoreError>;

    /// Looks these records up and writes the trail lines first (`entry`, completed: one for each that is there, or one that says
    /// that there is none), as [`crate::store::Leads::find`] does with one.
    ///
    /// # Errors
    /// [`StoreCode::ValueTooLarge`]: more than [`SHOWN_AT_ONCE_MAX`]. Otherwise as [`crate::store::Leads::find`].
    async fn find_records(&self, records: Vec<RecordId>, entry: Entry) -> Result<Vec<Found>, StoreError>;

    /// Those of these records that are there and of which this is true: each that was opened for it leaves its line, as with
    /// [`Addresses::find_records`].
    ///
    /// # Errors
    /// As [`Addresses::find_records`].
    async fn find_among(
        &self,
        records: Vec<RecordId>,
        entry: Entry,
        is_wanted: &IsWanted<'_>,
    ) -> Result<Vec<OpenedLead>, StoreError> {
        let found = self.find_records(records, entry).await?;
        Ok(found.into_iter().filter_map(|found| found.lead).filter(is_wanted).collect())
    }
}

/// # Errors
/// [`StoreCode::ValueTooLarge`].
pub(super) fn require_bound(records: &[RecordId]) -> Result<(), StoreError> {
    let fits = records.len() <= SHOWN_AT_ONCE_MAX;
    if fits { Ok(()) } else { Err(StoreError::of(StoreCode::ValueTooLarge)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::contract::support::record;

    fn found(number: u64, submission: Option<u8>) -> Match {
        let (record, seen) = (record(&format!("devis-1-{number}")), submission.map(|byte| [byte; 32]));
        Match { record, seen, may_be_mailbox: true }
    }

    #[test]
    fn as_many_are_named_as_may_be_and_all_are_counted() {
        let mut matches = Matches::default();
        for number in 1..=MATCHES_MAX as u64 {
            matches.add(found(number, None));
        }
        assert!(!matches.are_cut());
        matches.add(found(9_999, None));
        assert!(matches.are_cut());
        assert_eq!((matches.first.len(), matches.total), (MATCHES_MAX, MATCHES_MAX as u64 + 1));
    }

    #[test]
    fn a_submission_is_named_once_and_no_piece_is_larger_than_is_erased_at_once() {
        let mut matches = Matches::default();
        // Two of one submission, one of another, and two of which nobody knows.
        for one in [found(1, Some(1)), found(2, Some(1)), found(3, Some(2)), found(4, None), found(5, None)] {
            matches.add(one);
        }
        let mut known = HashSet::new();
        let named = |pieces: Vec<Vec<Wanted>>| -> Vec<Vec<String>> {
            let name = |wanted: &Wanted| match wanted {
                Wanted::Record(id) => id.to_string(),
                Wanted::Leadgen(_) => "a leadgen".to_owned(),
            };
            pieces.iter().map(|piece| piece.iter().map(name).collect()).collect()
        };
        assert_eq!(
            named(matches.submissions(&mut known)),
            [["devis-1-1", "devis-1-3", "devis-1-4", "devis-1-5"]]
        );
        let mut many = Matches::default();
        (0..2 * ERASED_AT_ONCE_MAX as u64 + 1).for_each(|number| many.add(found(number, None)));
        let sizes: Vec<usize> = many.submissions(&mut known).iter().map(Vec::len).collect();
        assert_eq!(sizes, [ERASED_AT_ONCE_MAX, ERASED_AT_ONCE_MAX, 1]);
        assert!(Matches::default().submissions(&mut known).is_empty());
        // Of a look behind these: the second is one of theirs.
        let mut behind = Matches::default();
        [found(6, Some(3)), found(7, Some(2))].into_iter().for_each(|one| behind.add(one));
        assert_eq!(named(behind.submissions(&mut known)), [["devis-1-6"]]);
    }
}
