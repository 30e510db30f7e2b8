//! The recipients' feeds.

use std::collections::BTreeMap;

use async_trait::async_trait;

use crate::clock::Day;
use crate::forget::ChangeKind;
use crate::lead::SealedRecord;
use crate::purpose::{PurposeId, RecordId};
use crate::store::feeds::{BLOCKS_MAX, Became, Block, CHANGES_LISTED_MAX, Feed};
use crate::store::handed::Spot;
use crate::store::memory::MemoryStore;
use crate::store::memory::draft::{Draft, EPOCH};
use crate::store::trail::kind_of;
use crate::store::{Applied, ChangesPage, ErasureId, FeedStanding, Feeds, Followed, StoreError};
use crate::trail::{Action, Entry, Outcome};

/// A recipient's changes, by the last number of each block.
#[derive(Clone, Default)]
pub(super) struct FeedRows {
    feed: Feed,
    blocks: BTreeMap<u64, Block>,
}

#[async_trait]
impl Feeds for MemoryStore {
    async fn changes(
        &self,
        recipient: String,
        after: Option<u64>,
        limit: usize,
        mut entry: Entry,
    ) -> Result<Option<ChangesPage>, StoreError> {
        self.0.write(|draft| {
            let rows = draft.rows.feeds.get(&recipient).cloned().unwrap_or_default();
            if after.is_some_and(|after| rows.feed.is_ahead(after, EPOCH)) {
                return Ok(None);
            }
            let (limit, after) = (limit.min(CHANGES_LISTED_MAX), after.unwrap_or(0).max(rows.feed.applied));
            let (mut changes, mut erasures) = (Vec::new(), Vec::new());
            for block in rows.blocks.range(after + 1..).map(|(_, block)| block) {
                if changes.len() <= limit {
                    block.list(after, limit + 1, &mut changes)?;
                    erasures.extend(block.erasure());
                }
            }
            let more = changes.len() > limit;
            changes.truncate(limit);
            let (applied, dropped_to) = (rows.feed.applied, rows.feed.dropped_to);
            entry.count = changes.len() as u64;
            match changes.last().map(|change| change.n) {
                Some(last) => {
                    draft.tell(&recipient, last, &erasures);
                    draft.append_line(entry);
                }
                None => {
                    let (kind, today) = (kind_of(&entry), Day::of(draft.look.now()));
                    if !self.0.polls.are_told(&kind, today) {
                        entry.result = Outcome::Nothing;
                        draft.append_line(entry);
                        self.0.polls.told(kind, today);
                    }
                }
            }
            Ok(Some(ChangesPage { changes, more, applied, dropped_to }))
        })
    }

    async fn apply_changes(
        &self,
        recipient: String,
        up_to: u64,
        mut entry: Entry,
    ) -> Result<Option<Applied>, StoreError> {
        self.0.write(|draft| {
            let now = draft.look.now();
            let Some(rows) = draft.rows.feeds.get_mut(&recipient) else { return Ok(None) };
            if rows.feed.is_ahead(up_to, EPOCH) {
                return Ok(None);
            }
            let before = rows.feed.applied;
            if up_to <= before {
                return Ok(Some(Applied { changes: 0, applied: before }));
            }
            let changes = rows.blocks.values().map(|block| block.between(before, up_to)).sum();
            let left = rows.blocks.split_off(&(up_to + 1));
            let gone = std::mem::replace(&mut rows.blocks, left);
            rows.feed.blocks = rows.blocks.len() as u64;
            rows.feed.waiting = rows.feed.waiting.saturating_sub(changes);
            rows.feed.apply(up_to, now);
            for (last, erasure) in gone.iter().filter_map(|(last, block)| Some((*last, block.erasure()?))) {
                if let Some(follow) = draft.rows.follows.get_mut(&(erasure, recipient.clone())) {
                    follow.apply(last, now);
                }
            }
            if changes > 0 {
                entry.count = changes;
                draft.append_line(entry);
            }
            Ok(Some(Applied { changes, applied: up_to }))
        })
    }

    async fn feeds(&self) -> Result<Vec<FeedStanding>, StoreError> {
        let rows = self.0.rows()?;
        let standing = |(recipient, rows): (&String, &FeedRows)| {
            let mut waiting = rows.blocks.range(rows.feed.applied + 1..);
            let oldest = waiting.find_map(|(_, block)| block.since().ok());
            rows.feed.standing(recipient.clone(), oldest)
        };
        Ok(rows.feeds.iter().map(standing).collect())
    }

    async fn followed(&self, erasure: ErasureId) -> Result<Vec<Followed>, StoreError> {
        let rows = self.0.rows()?;
        let of = rows.follows.iter().filter(|((of, _), _)| *of == erasure);
        Ok(of.map(|((_, recipient), follow)| follow.followed(recipient.clone())).collect())
    }

    async fn drop_changes(&self) -> Result<u64, StoreError> {
        self.0.write(|draft| {
            let now = draft.look.confirmed()?;
            let mut lines = Vec::new();
            for (recipient, rows) in &mut draft.rows.feeds {
                let old = rows.blocks.iter().take_while(|(_, block)| !block.is_kept(now));
                let old: Vec<u64> = old.map(|(last, _)| *last).collect();
                let gone = rows.drop_blocks(&old);
                if !old.is_empty() {
                    let mut entry = Entry::by_system_for(Action::ChangesDropped, recipient);
                    entry.count = gone;
                    lines.push(entry);
                }
            }
            let count = lines.iter().map(|line| line.count).sum();
            lines.into_iter().for_each(|line| draft.append_line(line));
            Ok(count)
        })
    }
}

impl FeedRows {
    fn drop_blocks(&mut self, numbers: &[u64]) -> u64 {
        let mut gone = 0;
        for last in numbers {
            let Some(block) = self.blocks.remove(last) else { continue };
            let changes = block.between(self.feed.applied, u64::MAX);
            self.feed.drop(*last, changes);
            gone += changes;
        }
        gone
    }
}

impl Draft<'_> {
    /// Notes what became of records, for each recipient that was handed them: in the transaction of the act itself. Whoever acts
    /// on records calls it once for all of them.
    pub(super) fn note_change(&mut self, became: &Became<'_>) {
        let mut had: Vec<(String, PurposeId, Vec<Spot>)> = Vec::new();
        for (purpose, recipient) in self.rows.handed.keys() {
            let Some(recipient) = recipient else { continue };
            let of_purpose = became.records.iter().filter(|id| id.purpose == *purpose);
            let spots = of_purpose.map(|id| (id.epoch, id.number));
            let is_theirs = |spot: &Spot| self.rows.had(purpose, Some(recipient), *spot).is_some();
            let spots: Vec<Spot> = spots.filter(is_theirs).collect();
            if !spots.is_empty() {
                had.push((recipient.clone(), purpose.clone(), spots));
            }
        }
        for (recipient, purpose, spots) in had {
            self.note_for(&recipient, became, &purpose, spots);
        }
    }

    /// The same for one of them.
    pub(super) fn note_for(
        &mut self,
        recipient: &str,
        became: &Became<'_>,
        purpose: &PurposeId,
        spots: Vec<Spot>,
    ) {
        let now = self.look.now();
        let rows = self.rows.feeds.entry(recipient.to_owned()).or_default();
        let blocks = rows.feed.add(became, purpose, spots, EPOCH, now);
        rows.blocks.extend(blocks.into_iter().map(|block| (block.last(), block)));
        if let Some(erasure) = became.erasure {
            let follow = self.rows.follows.entry((erasure, recipient.to_owned()));
            follow.or_default().await_until(rows.feed.last);
        }
        let surplus = rows.feed.blocks.saturating_sub(BLOCKS_MAX) as usize;
        let oldest: Vec<u64> = rows.blocks.keys().take(surplus).copied().collect();
        rows.drop_blocks(&oldest);
    }

    /// A record may be used again: whoever was handed it is told so, and to whoever passed it by meanwhile it is a new one.
    pub(super) fn note_released(&mut self, id: &RecordId) {
        self.note_one(ChangeKind::Released, id);
        let head = self.rows.record(id).and_then(|value| SealedRecord::peek(value));
        if head.is_none_or(|(_, ends, _)| self.look.has_come(ends) == Some(true)) {
            return;
        }
        let spot = (id.epoch, id.number);
        let passed = self.rows.passed.iter();
        let passed = passed.filter(|((purpose, _), spots)| *purpose == id.purpose && spots.contains(&spot));
        let new = passed.map(|((_, recipient), _)| recipient.clone());
        let new = new.filter(|name| self.rows.had(&id.purpose, Some(name), spot).is_none());
        let new: Vec<String> = new.collect();
        for recipient in new {
            self.note_for(&recipient, &Became::of(ChangeKind::Stored, &[]), &id.purpose, vec![spot]);
        }
    }

    /// What became of one record.
    pub(super) fn note_one(&mut self, kind: ChangeKind, id: &RecordId) {
        self.note_change(&Became::of(kind, std::slice::from_ref(id)));
    }

    /// A recipient has read its changes up to this number.
    fn tell(&mut self, recipient: &str, up_to: u64, erasures: &[ErasureId]) {
        let now = self.look.now();
        let Some(rows) = self.rows.feeds.get_mut(recipient) else { return };
        if !rows.feed.tell(up_to, now) {
            return;
        }
        for erasure in erasures {
            if let Some(follow) = self.rows.follows.get_mut(&(*erasure, recipient.to_owned())) {
                follow.tell(up_to, now);
            }
        }
    }
}
