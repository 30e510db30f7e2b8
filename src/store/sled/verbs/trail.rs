//! The trail: reading its lines, their chain checked, and noting refusals.
//! Lines are written by [`Draft::append_line`], in the transaction of
//! what they tell.
//!
//! [`Draft::append_line`]: crate::store::sled::draft::Draft::append_line

use std::collections::HashMap;
use std::ops::Bound::{Excluded, Unbounded};

use async_trait::async_trait;
use parking_lot::Mutex;

use crate::store::sled::SledStore;
use crate::store::sled::engine::Engine;
use crate::store::sled::layout::{self, Place, meta};
use crate::store::sled::shared::Shared;
use crate::store::trail::{LINES_MAX, NOTE_EVERY_MS};
use crate::store::{StoreCode, StoreError, Trail};
use crate::trail::{Action, Actor, Entry, KeptLine, Line, LineError};

/// Actors that are remembered: more than there are tokens.
const ACTORS_MAX: usize = 2_048;

/// When a refusal of each actor was last written down.
#[derive(Default)]
pub(in crate::store::sled) struct Notes(Mutex<HashMap<String, i64>>);

impl Notes {
    /// True if this actor's refusal is to be written down.
    fn admit(&self, actor: &Actor, now_ms: i64) -> bool {
        let mut last = self.0.lock();
        // Either way: a clock set back must not silence anybody.
        let is_recent = |at: i64| (now_ms - at).abs() < NOTE_EVERY_MS;
        if last.len() >= ACTORS_MAX {
            last.retain(|_, at| is_recent(*at));
        }
        let actor = actor.to_string();
        if last.len() >= ACTORS_MAX || last.get(&actor).is_some_and(|at| is_recent(*at)) {
            return false;
        }
        last.insert(actor, now_ms);
        true
    }
}

#[async_trait]
impl Trail for SledStore {
    async fn lines(&self, after: u64, limit: usize) -> Result<Vec<Line>, StoreError> {
        self.beside(move |shared| shared.reading(|engine| read(shared, engine, after, limit.min(LINES_MAX))))
            .await
    }

    async fn newest(&self, before: u64, limit: usize) -> Result<Vec<Line>, StoreError> {
        let limit = limit.min(LINES_MAX) as u64;
        self.beside(move |shared| {
            shared.reading(|engine| {
                let end = before.saturating_sub(1).min(place(engine, meta::TRAIL_HEAD)?.0);
                let from = end.saturating_sub(limit).max(place(engine, meta::TRAIL_BASE)?.0.min(end));
                let mut lines = read(shared, engine, from, usize::try_from(end - from).unwrap_or(LINES_MAX))?;
                lines.reverse();
                Ok(lines)
            })
        })
        .await
    }

    async fn note(&self, entry: Entry) -> Result<(), StoreError> {
        if !self.notes.admit(entry.actor(), self.shared.look().told().as_millisecond()) {
            return Ok(());
        }
        self.writer.write(1, move |draft| draft.append_line(entry)).await
    }
}

/// One end of the chain: the number of the line there, and its mac.
pub(in crate::store::sled) fn place(engine: &Engine, key: &[u8]) -> Result<(u64, [u8; 32]), StoreError> {
    engine.read(&Place::Meta, key)?.map_or(Ok((0, [0; 32])), |bytes| layout::place_in_chain(&bytes))
}

/// Lines after `after`, at most `limit`, their chain checked.
pub(in crate::store::sled) fn read(
    shared: &Shared,
    engine: &Engine,
    after: u64,
    limit: usize,
) -> Result<Vec<Line>, StoreError> {
    // The head is read first: lines that are written meanwhile lie beyond it.
    let (head, head_mac) = place(engine, meta::TRAIL_HEAD)?;
    let (base, base_mac) = place(engine, meta::TRAIL_BASE)?;
    let versioned_from = engine.counter(&Place::Meta, meta::TRAIL_VERSIONED_FROM)?;
    let after = after.max(base);
    let broken = StoreError::of(StoreCode::TrailBroken);
    if base > 0 {
        require_closing(shared, engine, base)?;
    }
    let mut previous = match after {
        at if at == base => base_mac,
        at if at < head => {
            let bytes = engine.read(&Place::Trail, &at.to_be_bytes())?.ok_or(broken)?;
            KeptLine::new(&bytes).ok_or(broken)?.mac()
        }
        _ => return Ok(Vec::new()),
    };
    let from = after.to_be_bytes();
    let rows = engine.scan(&Place::Trail, (Excluded(&from), Unbounded), limit)?;
    let key = shared.keyring().trail_key();
    let mut lines = Vec::with_capacity(rows.len());
    for (seq, (found, bytes)) in (after + 1..).zip(&rows) {
        let line = KeptLine::new(bytes).ok_or(broken)?;
        let sound = layout::number(found) == Ok(seq)
            && line.is_versioned() == (seq >= versioned_from)
            && line.follows(&key, &previous)
            && (seq != head || line.mac() == head_mac);
        if !sound {
            return Err(broken);
        }
        previous = line.mac();
        lines.push(line.read(seq).map_err(|error| match error {
            LineError::Broken(_) => broken,
            LineError::Later(_) => StoreError::of(StoreCode::Format),
        })?);
    }
    let expected = (head - after.min(head)).min(limit as u64);
    if (lines.len() as u64) < expected { Err(broken) } else { Ok(lines) }
}

/// The line is there, and as it was written, that says that those up to `base` are gone: whoever cuts off more than that has none.
fn require_closing(shared: &Shared, engine: &Engine, base: u64) -> Result<(), StoreError> {
    let broken = StoreError::of(StoreCode::TrailBroken);
    let seq = engine.counter(&Place::Meta, meta::TRAIL_CLOSED)?;
    let before = seq.checked_sub(1).filter(|before| *before >= base).ok_or(broken)?;
    let read = |seq: u64| engine.read(&Place::Trail, &seq.to_be_bytes())?.ok_or(broken);
    let previous = match before == base {
        true => place(engine, meta::TRAIL_BASE)?.1,
        false => KeptLine::new(&read(before)?).ok_or(broken)?.mac(),
    };
    let bytes = read(seq)?;
    let kept = KeptLine::new(&bytes).ok_or(broken)?;
    let line = kept.read(seq).map_err(|_| broken)?;
    let says_so = line.entry.action() == Action::TrailClosed && line.entry.count == base;
    if says_so && kept.follows(&shared.keyring().trail_key(), &previous) { Ok(()) } else { Err(broken) }
}
