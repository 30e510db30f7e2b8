//! Erasures that come to their person by mail before they are carried out: nobody uses the records meanwhile, and once a mail server took
//! the letter, or none did in time, they go as any others do.
//!
//! The letter goes first, since the address goes with what is erased (docs/decisions, 264). The erasure has its number, its lines in the
//! trail and in the ledger from the moment at which it is asked for, and nothing takes it back: what is not told in time is erased untold.

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};

use crate::forget::{TellingState, Untold};
use crate::purpose::{PurposeId, RecordId};
use crate::store::{Erasure, ErasureId, ErasureRequest, StoreError};
use crate::trail::{Entry, Reason};

/// For so long an erasure waits for its letter at the most.
pub const TELL_WITHIN: SignedDuration = SignedDuration::from_hours(72);

/// How it stands with the letter about an erasure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Telling {
    /// How far it is.
    pub state: TellingState,
    /// When it is erased at the latest, told or not.
    pub until: Timestamp,
    /// Of how many records the person was told.
    pub told: u64,
    /// Of how many not.
    pub untold: u64,
    /// Why not, of the last of them.
    pub why: Option<Untold>,
}

/// What came of an erasure whose person is to be told first.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "there is one at a time, as an answer")]
pub enum ToldFirst {
    /// It waits for its letter.
    Waits(ErasureId, Telling),
    /// It was asked for before with the same key, and is carried out.
    Known(Erasure),
    /// The caller used its key for another request.
    KeyTaken,
    /// There is no record of it: nobody can be told, and nothing was done.
    NoRecord,
}

/// Erasing whoever is told first.
#[async_trait]
pub trait Tellings: Send + Sync {
    /// As [`crate::store::Erasures::erase`], but that the records stay until their person was told, [`TELL_WITHIN`] at the most. From now on
    /// nobody uses them, no restriction of them is set or lifted, and a letter of each waits in the outbox. Those that wait for another
    /// erasure wait for this one instead, and no longer. The trail has a line for each record (`entry`, completed), the ledger one.
    ///
    /// # Errors
    /// [`crate::store::StoreCode::RecordRestricted`], [`crate::store::StoreCode::TooManyRestrictions`]; otherwise as
    /// [`crate::store::Erasures::erase`].
    async fn erase_once_told(&self, request: ErasureRequest, entry: Entry) -> Result<ToldFirst, StoreError>;

    /// How it stands with the letter about an erasure. None: there is no such erasure, or none was to go.
    ///
    /// # Errors
    /// See [`crate::store::StoreCode`].
    async fn telling(&self, id: ErasureId) -> Result<Option<Telling>, StoreError>;

    /// Which erasure a record waits for, why it was asked for, when it is carried out at the latest, and those of its records whose person
    /// was not told yet. None: it waits for none.
    ///
    /// # Errors
    /// See [`crate::store::StoreCode`].
    async fn to_tell(&self, record: RecordId) -> Result<Option<ToTell>, StoreError>;

    /// The persons of these records, which wait for one erasure, were told, or are not going to be. What was told of the last one has the
    /// erasure carried out, in the same transaction and to its end as [`crate::store::Erasures::erase`] says. The trail has a line for each
    /// record (`entry`, completed). Gives the erasure, if it was carried out.
    ///
    /// # Errors
    /// As [`crate::store::Erasures::erase`].
    async fn end_telling(
        &self,
        records: Vec<RecordId>,
        told: Result<(), Untold>,
        entry: Entry,
    ) -> Result<Option<Erasure>, StoreError>;

    /// The records of erasures that have waited for as long as they may, or of which no letter waits any more; by erasure.
    ///
    /// # Errors
    /// See [`crate::store::StoreCode`].
    async fn tellings_over(&self) -> Result<Vec<Vec<RecordId>>, StoreError>;

    /// How many erasures wait for their letter: a look into memory.
    fn tellings_waiting(&self) -> u64;
}

/// An erasure that waits for its letter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToTell {
    /// Its number.
    pub erasure: ErasureId,
    /// Why it was asked for.
    pub reason: Option<Reason>,
    /// When it is carried out at the latest.
    pub until: Timestamp,
    /// Whose person was not told yet.
    pub records: Vec<RecordId>,
}

/// What is kept of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct KeptTelling {
    pub(super) reason: Option<Reason>,
    pub(super) until: Timestamp,
    /// For which purposes it is; none named: for all.
    pub(super) purposes: Vec<PurposeId>,
    /// What waits, and whether its person was told or is not going to be; none: it was carried out.
    pub(super) records: Vec<(RecordId, bool)>,
    pub(super) told: u64,
    pub(super) untold: u64,
    pub(super) why: Option<Untold>,
}

impl KeptTelling {
    /// Of an erasure of these records that is asked for now.
    pub(super) fn new(
        reason: Option<Reason>,
        until: Timestamp,
        purposes: &[PurposeId],
        records: &[RecordId],
    ) -> Self {
        let records = records.iter().map(|id| (id.clone(), false)).collect();
        let purposes = purposes.to_vec();
        Self { reason, until, purposes, records, told: 0, untold: 0, why: None }
    }

    /// Of one that cannot be read: what is known to wait for it goes, for its own purposes alone, and at once.
    pub(super) fn unreadable(reason: Option<Reason>, records: &[RecordId]) -> Self {
        let mut purposes: Vec<PurposeId> = records.iter().map(|id| id.purpose.clone()).collect();
        purposes.sort();
        purposes.dedup();
        Self::new(reason, Timestamp::UNIX_EPOCH, &purposes, records)
    }

    /// As it is shown.
    pub(super) fn shown(&self) -> Telling {
        let state = match (self.records.is_empty(), self.told) {
            (false, _) => TellingState::Waiting,
            (true, 0) => TellingState::NotTold,
            (true, _) => TellingState::Told,
        };
        Telling { state, until: self.until, told: self.told, untold: self.untold, why: self.why }
    }

    /// Those whose person was not told yet.
    pub(super) fn open(&self) -> Vec<RecordId> {
        self.records.iter().filter(|(_, is_settled)| !is_settled).map(|(id, _)| id.clone()).collect()
    }

    /// The person of a record was told, or is not going to be. False: it does not wait for that.
    pub(super) fn settle(&mut self, record: &RecordId, told: Result<(), Untold>) -> bool {
        let Some(one) = self.records.iter_mut().find(|(id, is_settled)| id == record && !is_settled) else {
            return false;
        };
        one.1 = true;
        self.count(told);
        true
    }

    /// A record waits for it too. False: it is over, or not meant for that purpose.
    pub(super) fn join(&mut self, record: &RecordId) -> bool {
        let is_meant = self.purposes.is_empty() || self.purposes.contains(&record.purpose);
        let joins = is_meant && !self.records.is_empty();
        if joins {
            self.records.push((record.clone(), false));
        }
        joins
    }

    /// A record does not wait for it any more.
    pub(super) fn leave(&mut self, record: &RecordId) {
        let before = self.records.len();
        // Whose person was told counts as told.
        let is_open = self.records.iter().any(|(id, is_settled)| id == record && !is_settled);
        self.records.retain(|(id, _)| id != record);
        if self.records.len() < before && is_open {
            self.count(Err(Untold::ByAnother));
        }
    }

    fn count(&mut self, told: Result<(), Untold>) {
        match told {
            Ok(()) => self.told += 1,
            Err(why) => {
                self.untold += 1;
                self.why = Some(why);
            }
        }
    }

    /// True if nobody is to be told any more.
    pub(super) fn is_settled(&self) -> bool {
        self.records.iter().all(|(_, is_settled)| *is_settled)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::contract::support::{record, start};

    #[test]
    fn it_waits_for_the_last_of_its_records_and_tells_what_became_of_each() {
        let ids = [record("devis-1-1"), record("devis-1-2"), record("lettre-1-1")];
        let mut kept = KeptTelling::new(Some(Reason::PersonRequest), start(), &[], &ids);
        assert!(kept.settle(&ids[0], Ok(())) && !kept.settle(&ids[0], Err(Untold::NotInTime)), "once");
        kept.leave(&ids[1]);
        assert_eq!((kept.open(), kept.shown().state), (vec![ids[2].clone()], TellingState::Waiting));
        assert!(!kept.is_settled() && kept.settle(&ids[2], Err(Untold::NoAddress)) && kept.is_settled());
        kept.records.clear();
        let shown = kept.shown();
        assert_eq!((shown.state, shown.told, shown.untold), (TellingState::Told, 1, 2));
        assert_eq!(shown.why, Some(Untold::NoAddress));

        let mut nobody = KeptTelling::unreadable(None, &ids);
        assert_eq!(nobody.purposes.len(), 2);
        ids.iter().for_each(|id| nobody.leave(id));
        assert_eq!(
            (nobody.shown().state, nobody.shown().why),
            (TellingState::NotTold, Some(Untold::ByAnother))
        );
    }
}
