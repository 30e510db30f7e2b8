//! Addresses that may not be stored.

use async_trait::async_trait;

use crate::clock::plus_months;
use crate::forget::address::Address;
use crate::lead::Reach;
use crate::purpose::{PurposeId, RecordId};
use crate::store::memory::MemoryStore;
use crate::store::memory::draft::{Draft, EPOCH, keyring_failed};
use crate::store::suppressions::{
    Barring, Judged, SUPPRESSIONS_LISTED_MAX, SUPPRESSIONS_MAX, bars, hashes_of, judge, key_of_list,
    require_few,
};
use crate::store::{
    StoreCode, StoreError, Suppression, SuppressionId, Suppressions, ToLift, ToSuppress, Verdict,
};
use crate::trail::{Action, Entry, Outcome};

#[async_trait]
impl Suppressions for MemoryStore {
    async fn suppress(&self, what: ToSuppress, mut entry: Entry) -> Result<Vec<Suppression>, StoreError> {
        what.require_bound()?;
        drop(self.0.rows()?);
        self.0.keyring.make_suppression_key().map_err(keyring_failed)?;
        let key = key_of_list(&*self.0.keyring)?;
        self.0.write(|draft| {
            draft.rows.canary.get_or_insert(*key.canary().bytes());
            let (since, until) = (draft.look.now(), plus_months(draft.look.now(), what.months));
            let mut made = Vec::new();
            for (hash, contact) in what.hashes(&key) {
                let rows = &mut draft.rows;
                let known = rows.suppressions.get(&hash).map(|known| known.id);
                if known.is_none() && rows.suppressions.len() as u64 >= SUPPRESSIONS_MAX {
                    return Err(StoreError::of(StoreCode::TooManySuppressions));
                }
                let next = SuppressionId { epoch: EPOCH, number: rows.last_suppression + 1 };
                let id = known.unwrap_or(next);
                rows.last_suppression = rows.last_suppression.max(id.number);
                let (purpose, reason) = (what.purpose.clone(), entry.reason());
                let one = Suppression { id, contact, purpose, reason, since, until };
                rows.suppressions.insert(hash, one.clone());
                rows.objections += 1;
                made.push(one);
            }
            (entry.purpose, entry.count) = (what.purpose.clone(), made.len() as u64);
            draft.append_line(entry);
            Ok(made)
        })
    }

    async fn suppressions(
        &self,
        after: Option<SuppressionId>,
        limit: usize,
        mut entry: Entry,
    ) -> Result<Vec<Suppression>, StoreError> {
        self.0.write(|draft| {
            let all = draft.rows.suppressions.values();
            let mut listed: Vec<Suppression> = all.filter(|one| Some(one.id) > after).cloned().collect();
            listed.sort_by_key(|one| one.id);
            listed.truncate(limit.min(SUPPRESSIONS_LISTED_MAX));
            entry.count = listed.len() as u64;
            draft.append_line(entry);
            Ok(listed)
        })
    }

    async fn suppressions_of(
        &self,
        addresses: Vec<Address>,
        scopes: Vec<Option<PurposeId>>,
        _by: &Entry,
    ) -> Result<Vec<Suppression>, StoreError> {
        require_few(&addresses)?;
        let rows = self.0.rows()?;
        if rows.suppressions.is_empty() {
            return Ok(Vec::new());
        }
        let key = key_of_list(&*self.0.keyring)?;
        let hashes = hashes_of(&key, &addresses, &scopes);
        let mut found: Vec<Suppression> =
            hashes.iter().filter_map(|hash| rows.suppressions.get(hash).cloned()).collect();
        found.sort_by_key(|one| one.id);
        found.dedup_by_key(|one| one.id);
        Ok(found)
    }

    async fn lift(&self, which: ToLift, mut entry: Entry) -> Result<u64, StoreError> {
        self.0.write(|draft| {
            let rows = &mut draft.rows.suppressions;
            let before = rows.len();
            match &which {
                ToLift::One(id) => {
                    let found = rows.values().find(|one| one.id == *id);
                    entry.purpose = found.and_then(|one| one.purpose.clone());
                    rows.retain(|_, one| one.id != *id);
                }
                ToLift::Of(addresses, scopes) => {
                    let key = key_of_list(&*draft.shared.keyring);
                    let hashes = key.map_or(Vec::new(), |key| hashes_of(&key, addresses, scopes));
                    rows.retain(|hash, _| !hashes.contains(hash));
                }
            }
            entry.count = (before - rows.len()) as u64;
            if entry.count == 0 {
                entry.result = Outcome::Nothing;
            }
            let lifted = entry.count;
            draft.append_line(entry);
            Ok(lifted)
        })
    }

    fn objections(&self) -> u64 {
        self.0.rows().map_or(0, |rows| rows.objections)
    }

    async fn end_suppressions(&self) -> Result<u64, StoreError> {
        self.0.write(|draft| {
            let now = draft.look.confirmed()?;
            let rows = &mut draft.rows.suppressions;
            let before = rows.len();
            rows.retain(|_, one| now < one.until);
            let ended = (before - rows.len()) as u64;
            if ended > 0 {
                let mut entry = Entry::by_system(Action::SuppressionEnded);
                entry.count = ended;
                draft.append_line(entry);
            }
            Ok(ended)
        })
    }
}

impl Draft<'_> {
    /// What becomes of each lead that a purpose would store, by what was on the list before.
    pub(super) fn judge_by_the_list(
        &self,
        verdicts: &mut [Verdict],
    ) -> Result<Vec<Option<Judged>>, StoreError> {
        let find = |hash: &[u8; 32]| {
            let found = self.rows.suppressions.get(hash);
            Ok(found.map(|one| Barring { since: one.since, until: one.until }))
        };
        let one = |verdict: &mut Verdict| match verdict {
            Verdict::Stored(_) if self.rows.suppressions.is_empty() => Ok(None),
            Verdict::Stored(lead) => {
                let key = key_of_list(&*self.shared.keyring)?;
                judge(lead, &key, self.look.confirmed().ok(), find).map(Some)
            }
            Verdict::Refused(..) | Verdict::NotAsked(_) => Ok(None),
        };
        verdicts.iter_mut().map(one).collect()
    }

    /// True if whom this reaches may not be stored.
    pub(super) fn is_barred(&self, reach: &Reach) -> Result<bool, StoreError> {
        if self.rows.suppressions.is_empty() {
            return Ok(false);
        }
        let key = key_of_list(&*self.shared.keyring)?;
        bars(reach, &key, self.look.confirmed().ok(), |hash| {
            let found = self.rows.suppressions.get(hash);
            Ok(found.map(|one| Barring { since: one.since, until: one.until }))
        })
    }

    /// The person has said yes since, as this record shows.
    pub(super) fn close_suppressions(&mut self, hashes: &[[u8; 32]], record: &RecordId) {
        let gone = hashes.iter().filter(|hash| self.rows.suppressions.remove(*hash).is_some()).count();
        if gone > 0 {
            let mut entry = Entry::by_system(Action::SuppressionClosed);
            (entry.purpose, entry.count) = (Some(record.purpose.clone()), gone as u64);
            (entry.from, entry.to) = (Some(record.clone()), Some(record.clone()));
            self.append_line(entry);
        }
    }
}
