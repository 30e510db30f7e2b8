//! Records written anew: under the next unused leaf, and the keys of what they were destroyed.

use std::collections::HashMap;
use std::ops::Bound::{Excluded, Unbounded};

use async_trait::async_trait;

use crate::lead::{Leaf, Revised, Revision, SealError, SealedRecord, Under, reach_of, revise, was_early};
use crate::purpose::{Cursor, PurposeId, RecordId};
use crate::secret::Key;
use crate::store::evidence::{opened, sealed as sealed_events, with};
use crate::store::leaves::{Leaves, NoKey, bucket_of, first_live, place_of};
use crate::store::memory::MemoryStore;
use crate::store::memory::draft::{Draft, EPOCH, keyring_failed};
use crate::store::rewrites::{RewritesTold, lines_of_rewrite};
use crate::store::{
    KeptRemit, RecordsFound, RewriteCause, RewriteRequest, Rewrites, Rewriting, Rewritten, StoreCode,
    StoreError,
};
use crate::trail::Entry;

#[async_trait]
impl Rewrites for MemoryStore {
    async fn rewrite(&self, request: RewriteRequest, entry: Entry) -> Result<Rewriting, StoreError> {
        request.require_bound()?;
        let each = self.0.write(|draft| {
            if matches!(request.cause, RewriteCause::Retention | RewriteCause::Yes) {
                draft.look.confirmed()?;
            }
            let (each, mut told) = (request.records.iter(), RewritesTold::default());
            let each: Vec<Rewritten> = each
                .map(|(id, revision)| draft.rewrite(id, revision, request.cause, &mut told))
                .collect::<Result<_, _>>()?;
            told.each().for_each(|became| draft.note_change(&became));
            lines_of_rewrite(&request, &each, &entry).into_iter().for_each(|line| draft.append_line(line));
            Ok(each)
        })?;
        // What fails is tried again with the next one, and at the next start.
        let _ = self.0.finish_erasures();
        let rows = self.0.rows()?;
        let keys_destroyed = !request.records.iter().any(|(id, _)| rows.rewritten.contains_key(id));
        Ok(Rewriting { each, keys_destroyed })
    }

    fn early_up_to(&self) -> Option<u64> {
        self.0.rows().ok()?.early_up_to()
    }

    async fn early_records(
        &self,
        purpose: PurposeId,
        after: Option<Cursor>,
        max: usize,
    ) -> Result<RecordsFound, StoreError> {
        self.look_through(&purpose, after, max, was_early)
    }

    async fn early_looked_at(&self, up_to: u64) -> Result<(), StoreError> {
        self.0.write(|draft| {
            draft.rows.early.1 = Some(up_to);
            Ok(())
        })
    }

    async fn to_rewrite(
        &self,
        purpose: PurposeId,
        revision: Revision,
        after: Option<Cursor>,
        max: usize,
    ) -> Result<RecordsFound, StoreError> {
        let now = self.0.mark.look().confirmed()?;
        self.look_through(&purpose, after, max, |record, id, key| {
            revise(record, id, key, &revision, now).map(|revised| matches!(revised, Revised::Anew(_)))
        })
    }

    async fn remits(&self) -> Result<HashMap<PurposeId, KeptRemit>, StoreError> {
        Ok(self.0.rows()?.remits.clone().into_iter().collect())
    }

    async fn keep_remit(&self, purpose: PurposeId, kept: KeptRemit) -> Result<(), StoreError> {
        self.0.rows()?.remits.insert(purpose, kept);
        Ok(())
    }
}

impl MemoryStore {
    fn look_through(
        &self,
        purpose: &PurposeId,
        after: Option<Cursor>,
        max: usize,
        is_wanted: impl Fn(&SealedRecord<'_>, &RecordId, &Key) -> Result<bool, SealError>,
    ) -> Result<RecordsFound, StoreError> {
        let rows = self.0.rows()?;
        let Some(vault) = rows.vaults.get(purpose) else { return Ok(RecordsFound::default()) };
        let from = after.map_or(Unbounded, |after| Excluded((after.epoch, after.number)));
        let (mut found, mut looked_at) = (RecordsFound::default(), 0);
        for ((epoch, number), value) in vault.records.range((from, Unbounded)).take(max) {
            looked_at += 1;
            let id = RecordId { purpose: purpose.clone(), epoch: *epoch, number: *number };
            found.next = Some(id.clone());
            let Some(record) = SealedRecord::decode(value) else { continue };
            let key = Leaves::default().key(&*self.0.keyring, &id.purpose, record.under);
            if key.is_ok_and(|key| is_wanted(&record, &id, key.key()).unwrap_or(false)) {
                found.records.push(id);
            }
        }
        if looked_at < max {
            found.next = None;
        }
        Ok(found)
    }
}

impl Draft<'_> {
    fn rewrite(
        &mut self,
        id: &RecordId,
        revision: &Revision,
        cause: RewriteCause,
        told: &mut RewritesTold,
    ) -> Result<Rewritten, StoreError> {
        let Some(value) = self.rows.record(id).cloned() else { return Ok(self.absent(id)) };
        if matches!(cause, RewriteCause::Retention | RewriteCause::Yes) && self.is_restricted(id) {
            return Ok(Rewritten::Restricted);
        }
        let Some(record) = SealedRecord::decode(&value) else { return Ok(Rewritten::Unreadable) };
        let is_of_person =
            matches!(cause, RewriteCause::Person | RewriteCause::Withdrawal | RewriteCause::Yes);
        if is_of_person
            && !self.is_restricted(id)
            && self.look.has_come(record.expiry_day).ok_or(self.look.doubt())?
        {
            return Ok(Rewritten::Gone);
        }
        let Under::Leaf(before) = record.under else { return Ok(Rewritten::Unreadable) };
        let keyring = &*self.shared.keyring;
        let Ok(key) = Leaves::default().key(keyring, &id.purpose, record.under) else {
            return Ok(Rewritten::Unreadable);
        };
        if let Some(purpose) = revision.confirms() {
            let Ok(reach) = reach_of(&record, id, key.key(), purpose) else {
                return Ok(Rewritten::Unreadable);
            };
            if self.is_barred(&reach)? {
                return Ok(Rewritten::Suppressed);
            }
        }
        let lead = match revise(&record, id, key.key(), revision, self.look.now()) {
            Ok(Revised::Same) => return Ok(Rewritten::Same),
            Ok(Revised::Refused(refusal)) => return Ok(Rewritten::Refused(refusal)),
            Ok(Revised::Anew(lead)) => lead,
            Err(SealError::NoRandomness) => return Err(StoreError::of(StoreCode::Keyring)),
            Err(_) => return Ok(Rewritten::Unreadable),
        };
        let unknown = StoreError::of(StoreCode::PurposeUnknown);
        let vault = self.rows.vaults.get(&id.purpose).ok_or(unknown)?;
        let from = Leaf { epoch: EPOCH, number: vault.last_number + 1 };
        let leaf = first_live(keyring, &id.purpose, from).map_err(keyring_failed)?;
        let key = Leaves::default().key(keyring, &id.purpose, Under::Leaf(leaf));
        let key = key.map_err(|_| StoreError::of(StoreCode::Keyring))?;
        let sealed = lead.seal(id, leaf, key.key(), self.shared.random.as_ref());
        let sealed = sealed.map_err(|_| StoreError::of(StoreCode::Keyring))?;
        let (before_at, now_at) = ((id, before), (id, leaf));
        let rows = self.rows.evidence.get(id).cloned().unwrap_or_default();
        if !rows.is_empty() || !lead.events().is_empty() {
            let rows: Vec<(u32, Vec<u8>)> = (0..).zip(rows).collect();
            let mut leaves = Leaves::default();
            let known = opened(&rows, before_at, &mut leaves, keyring);
            let known = known.map_err(|_| StoreError::of(StoreCode::Keyring))?;
            let events = with(known.events, lead.events());
            let sealed = sealed_events(&events, now_at, (&mut leaves, keyring), self.shared.random.as_ref())?;
            self.rows.evidence.insert(id.clone(), sealed);
        }
        let vault = self.rows.vaults.get_mut(&id.purpose).ok_or(unknown)?;
        vault.last_number = leaf.number;
        if let Some(letters) = self.rows.letters.get_mut(id) {
            letters.begin_anew(cause, self.look.now());
        }
        self.rows.moved_to.insert((id.purpose.clone(), leaf.number));
        vault.records.insert((id.epoch, id.number), sealed.encode());
        self.rows.rewritten.entry(id.clone()).or_default().push(before);
        told.note(id, &lead, cause);
        Ok(Rewritten::Anew)
    }

    /// What is to be said of a record that is not there.
    pub(super) fn absent(&self, id: &RecordId) -> Rewritten {
        let Some(vault) = self.rows.vaults.get(&id.purpose) else { return Rewritten::Unknown };
        // The number of a leaf to which another record moved is nobody's.
        if self.rows.moved_to.contains(&(id.purpose.clone(), id.number)) {
            return Rewritten::Unknown;
        }
        let own = Leaf::of(id);
        let mut erased = self.rows.pending.values().flatten();
        let bucket = bucket_of(&id.purpose, own);
        let mut cuts = self.rows.sweep.iter().flat_map(|(_, cuts)| cuts);
        let is_pending = erased.any(|(purpose, leaf)| *purpose == id.purpose && *leaf == own)
            || cuts.any(|cut| cut.takes(&bucket, place_of(own)));
        let is_given = id.epoch == EPOCH && (1..=vault.last_number).contains(&id.number);
        match Leaves::default().key(&*self.shared.keyring, &id.purpose, Under::Leaf(Leaf::of(id))).err() {
            Some(NoKey::Dead) => Rewritten::Gone,
            Some(NoKey::Absent) if is_given => Rewritten::Gone,
            None if is_pending => Rewritten::Gone,
            _ => Rewritten::Unknown,
        }
    }
}
