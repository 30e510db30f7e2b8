//! The trail: reading its lines, their chain checked, and noting refusals.
//! Lines are written by [`Draft::append_line`], in the transaction of
//! what they tell.
//!
//! [`Draft::append_line`]: crate::store::sled::draft::Draft::append_line

use std::collections::HashMap;
use std::ops::Bound::{Excluded, Unbounded};
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;

use crate::store::sled::SledStore;
use crate::store::sled::engine::Engine;
use crate::store::sled::layout::{self, Place, meta};
use crate::store::sled::shared::Shared;
use crate::store::trail::{LINES_MAX, NOTE_EVERY_MS};
use crate::store::{StoreCode, StoreError, Trail};
use crate::trail::{Actor, Entry, Line};

/// Number and mac of a line, as `meta` keeps them.
pub(in crate::store::sled) fn place_in_chain(bytes: &[u8]) -> Result<(u64, [u8; 32]), StoreError> {
    let damaged = StoreError::of(StoreCode::Damaged);
    let (seq, mac) = bytes.split_first_chunk::<8>().ok_or(damaged)?;
    Ok((u64::from_be_bytes(*seq), mac.try_into().map_err(|_| damaged)?))
}

/// Actors that are remembered: more than there are tokens.
const ACTORS_MAX: usize = 2_048;

/// When a refusal of each actor was last written down.
#[derive(Default)]
pub(in crate::store::sled) struct Notes(Mutex<HashMap<String, i64>>);

impl Notes {
    /// True if this actor's refusal is to be written down.
    fn admit(&self, actor: &Actor, now_ms: i64) -> bool {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
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

    async fn note(&self, entry: Entry) -> Result<(), StoreError> {
        if !self.notes.admit(&entry.actor, self.shared.look().now.as_millisecond()) {
            return Ok(());
        }
        self.writer.write(1, move |draft| draft.append_line(entry)).await
    }
}

/// Lines after `after`, at most `limit`, their chain checked.
pub(in crate::store::sled) fn read(
    shared: &Shared,
    engine: &Engine,
    after: u64,
    limit: usize,
) -> Result<Vec<Line>, StoreError> {
    // The head is read first: lines that are written meanwhile lie beyond it.
    let place =
        |key| engine.read(&Place::Meta, key)?.map_or(Ok((0, [0; 32])), |bytes| place_in_chain(&bytes));
    let (head, head_mac) = place(meta::TRAIL_HEAD)?;
    let (base, base_mac) = place(meta::TRAIL_BASE)?;
    let after = after.max(base);
    let broken = StoreError::of(StoreCode::TrailBroken);
    let mut previous = match after {
        at if at == base => base_mac,
        at if at < head => line(at, engine.read(&Place::Trail, &at.to_be_bytes())?.as_deref())?.mac,
        _ => return Ok(Vec::new()),
    };
    let from = after.to_be_bytes();
    let rows = engine.scan(&Place::Trail, (Excluded(&from), Unbounded), limit)?;
    let key = shared.keyring.trail_key();
    let mut lines = Vec::with_capacity(rows.len());
    for (seq, (found, bytes)) in (after + 1..).zip(&rows) {
        if layout::number(found)? != seq {
            return Err(broken);
        }
        let line = line(seq, Some(bytes))?;
        line.follows(&key, &previous).map_err(|_| broken)?;
        if seq == head && line.mac != head_mac {
            return Err(broken);
        }
        previous = line.mac;
        lines.push(line);
    }
    let expected = (head - after.min(head)).min(limit as u64);
    if (lines.len() as u64) < expected { Err(broken) } else { Ok(lines) }
}

fn line(seq: u64, bytes: Option<&[u8]>) -> Result<Line, StoreError> {
    let broken = StoreError::of(StoreCode::TrailBroken);
    Line::decode(seq, bytes.ok_or(broken)?).map_err(|_| broken)
}
