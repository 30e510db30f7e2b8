//! What ends by its time.

use std::collections::{BTreeMap, HashMap};
use std::ops::Bound::{Excluded, Unbounded};

use async_trait::async_trait;

use crate::clock::{Day, Month};
use crate::forget::ChangeKind;
use crate::keyring::Bucket;
use crate::lead::{Leaf, SealedRecord, Under, date_anew};
use crate::purpose::{PurposeId, RecordId};
use crate::store::feeds::Became;
use crate::store::leaves::{Leaves, bucket_of, place_of};
use crate::store::memory::draft::{Draft, EPOCH};
use crate::store::memory::{MemoryStore, trail};
use crate::store::retention::{
    BucketCut, DATED_AT_ONCE_MAX, EXPIRED_AT_ONCE_MAX, is_given_whole, lines_kept_from,
};
use crate::store::stubs::Parting;
use crate::store::{Dated, DatingSlice, Expired, Extent, KeptLifespan, Retention, StoreCode, StoreError};
use crate::trail::{Action, Entry};

#[async_trait]
impl Retention for MemoryStore {
    async fn expire(&self) -> Result<Expired, StoreError> {
        let (extent, lapsed, more) = self.0.write(|draft| {
            let today = Day::of(draft.look.confirmed()?);
            // Records that a clock received that was behind have not got their dates yet.
            if draft.rows.early_up_to().is_some() {
                return Err(StoreError::of(StoreCode::ClockUnconfirmed));
            }
            draft.expire(today)
        })?;
        // What fails is tried again with the next one, and at the next start.
        let _ = self.0.finish_erasures();
        Ok(Expired::of(extent, lapsed, more, self.0.rows()?.sweep.is_none()))
    }

    async fn overdue(&self) -> Result<u64, StoreError> {
        // What waits is tried again all the time.
        let _ = self.0.finish_erasures();
        let look = self.0.mark.look();
        let before = Day::of(look.confirmed()?).minus(1);
        let rows = self.0.rows()?;
        let heads = rows.vaults.iter().flat_map(|(purpose, vault)| {
            vault.records.iter().map(move |((epoch, number), value)| {
                (RecordId { purpose: purpose.clone(), epoch: *epoch, number: *number }, value)
            })
        });
        let ends = heads.filter(|(id, _)| !rows.is_restricted(id, &look));
        let days = ends.filter_map(|(_, value)| SealedRecord::peek(value)).map(|(_, day, _)| day);
        let waiting = rows.sweep.iter().filter(|(since, _)| *since <= before);
        let waiting: u64 = waiting.flat_map(|(_, cuts)| cuts).map(BucketCut::leaves).sum();
        Ok(days.filter(|day| *day <= before).count() as u64 + waiting)
    }

    async fn drop_lines(&self, months: u32) -> Result<u64, StoreError> {
        self.0.write(|draft| {
            let kept_from = lines_kept_from(draft.look.confirmed()?, months);
            let (base, _) = draft.rows.trail_base;
            let lines = trail::read(&draft.rows, &*self.0.keyring, base, usize::MAX)?;
            let over = lines.iter().take_while(|line| Month::of(line.time) < kept_from);
            let Some(last) = over.last() else { return Ok(0) };
            draft.rows.trail.retain(|seq, _| *seq > last.seq);
            draft.rows.trail_base = (last.seq, last.mac);
            draft.rows.trail_closed = draft.rows.trail_head.0 + 1;
            let mut entry = Entry::by_system(Action::TrailClosed);
            entry.count = last.seq;
            draft.append_line(entry);
            Ok(last.seq - base)
        })
    }

    async fn date_anew(&self, slice: DatingSlice) -> Result<Dated, StoreError> {
        let DatingSlice { purpose, lifespan, after, dry_run } = slice;
        self.0.write(|draft| {
            let today = Day::of(draft.look.confirmed()?);
            let mut line = Entry::by_system(Action::PeriodShortened);
            let (mut dated, random) = (Dated::default(), &*self.0.random);
            let Some(vault) = draft.rows.vaults.get_mut(&purpose) else { return Ok(dated) };
            let from = after.map_or(Unbounded, |after| Excluded((after.epoch, after.number)));
            let mut last = None;
            let mut count = 0;
            for ((epoch, number), value) in vault.records.range_mut((from, Unbounded)).take(DATED_AT_ONCE_MAX)
            {
                let id = RecordId { purpose: purpose.clone(), epoch: *epoch, number: *number };
                (count, last) = (count + 1, Some(id.clone()));
                let Some(record) = SealedRecord::decode(value) else { continue };
                let Ok(key) = Leaves::default().key(&*self.0.keyring, &purpose, record.under) else {
                    continue;
                };
                let end = |created, received| lifespan.end_of(created, received);
                let Ok(Some(record)) = date_anew(&record, &id, key.key(), end, random) else { continue };
                dated.earlier += 1;
                dated.over += u64::from(record.expiry_day <= today);
                if !dry_run {
                    *value = record.encode();
                    line.from.get_or_insert_with(|| id.clone());
                    (line.to, line.count) = (Some(id), dated.earlier);
                }
            }
            dated.next = last.filter(|_| count >= DATED_AT_ONCE_MAX);
            if line.count > 0 {
                line.purpose = Some(purpose);
                draft.append_line(line);
            }
            Ok(dated)
        })
    }

    async fn lifespans(&self) -> Result<HashMap<PurposeId, KeptLifespan>, StoreError> {
        Ok(self.0.rows()?.lifespans.clone().into_iter().collect())
    }

    async fn keep_lifespan(&self, purpose: PurposeId, kept: KeptLifespan) -> Result<(), StoreError> {
        self.0.rows()?.lifespans.insert(purpose, kept);
        Ok(())
    }
}

impl Draft<'_> {
    fn expire(&mut self, today: Day) -> Result<(Extent, u64, bool), StoreError> {
        let mut due: Vec<(RecordId, Leaf, Day)> = Vec::new();
        for (purpose, vault) in &self.rows.vaults {
            for ((epoch, number), value) in &vault.records {
                let id = RecordId { purpose: purpose.clone(), epoch: *epoch, number: *number };
                let Some((under, day, _)) = SealedRecord::peek(value) else { continue };
                let leaf = if let Under::Leaf(leaf) = under { leaf } else { Leaf::of(&id) };
                if day <= today && !self.is_restricted(&id) {
                    due.push((id, leaf, day));
                }
            }
        }
        let more = due.len() > EXPIRED_AT_ONCE_MAX;
        due.truncate(EXPIRED_AT_ONCE_MAX);
        let Some(since) = due.iter().map(|(.., day)| *day).min() else {
            return Ok((Extent::default(), 0, false));
        };
        if self.rows.sweep.is_some() {
            return Err(StoreError::of(StoreCode::Keyring));
        }
        let (mut extent, mut lapsed, mut lines) = (Extent::default(), 0, BTreeMap::new());
        let mut leaves: BTreeMap<Bucket, Vec<u16>> = BTreeMap::new();
        for (id, leaf, day) in &due {
            self.leave_stub(id, Parting::EXPIRED)?;
            if let Some(vault) = self.rows.vaults.get_mut(&id.purpose) {
                vault.records.remove(&(id.epoch, id.number));
                vault.counted = vault.counted.saturating_sub(1);
            }
            self.rows.restrictions.remove(id);
            self.forget_passes(id);
            self.rows.evidence.remove(id);
            extent.count(&id.purpose);
            leaves.entry(bucket_of(&id.purpose, *leaf)).or_default().push(place_of(*leaf));
            let has_lapsed = self.rows.letters.get(id).is_some_and(|letters| letters.is_unanswered(*day));
            lapsed += u64::from(has_lapsed);
            let line = lines.entry((id.purpose.clone(), has_lapsed)).or_insert_with(|| {
                let mut line = Entry::by_system(if has_lapsed { Action::Lapsed } else { Action::Expired });
                (line.purpose, line.from) = (Some(id.purpose.clone()), Some(id.clone()));
                line
            });
            (line.count, line.to) = (line.count + 1, Some(id.clone()));
        }
        lines.into_values().for_each(|line| self.append_line(line));
        let records: Vec<RecordId> = due.into_iter().map(|(id, ..)| id).collect();
        self.note_change(&Became::of(ChangeKind::Expired, &records));
        let cuts = leaves.into_iter().map(|(bucket, leaves)| {
            let forget = self.is_over(&bucket);
            BucketCut::of(bucket, leaves, forget)
        });
        self.rows.sweep = Some((since, cuts.collect()));
        Ok((extent, lapsed, more))
    }

    /// True if nothing lives in a bucket and no number of it will be given.
    fn is_over(&self, bucket: &Bucket) -> bool {
        let Some(vault) = self.rows.vaults.get(&bucket.purpose) else { return true };
        let is_in = |value: &Vec<u8>| match SealedRecord::peek(value) {
            Some((Under::Leaf(leaf), _, _)) => bucket_of(&bucket.purpose, leaf) == *bucket,
            Some((Under::Bucket(_), _, _)) | None => true,
        };
        is_given_whole(bucket, EPOCH, vault.last_number + 1) && !vault.records.values().any(is_in)
    }
}
