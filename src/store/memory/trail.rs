//! The trail: reading its lines, their chain checked, and noting refusals.

use async_trait::async_trait;

use crate::keyring::Keyring;
use crate::store::memory::MemoryStore;
use crate::store::memory::rows::Rows;
use crate::store::trail::{LINES_MAX, NOTE_EVERY_MS};
use crate::store::{StoreCode, StoreError, Trail};
use crate::trail::{Action, Entry, KeptLine, Line};

#[async_trait]
impl Trail for MemoryStore {
    async fn lines(&self, after: u64, limit: usize) -> Result<Vec<Line>, StoreError> {
        read(&*self.0.rows()?, self.0.keyring.as_ref(), after, limit.min(LINES_MAX))
    }

    async fn newest(&self, before: u64, limit: usize) -> Result<Vec<Line>, StoreError> {
        let rows = self.0.rows()?;
        let end = before.saturating_sub(1).min(rows.trail_head.0);
        let from = end.saturating_sub(limit.min(LINES_MAX) as u64).max(rows.trail_base.0.min(end));
        let mut lines = read(&rows, self.0.keyring.as_ref(), from, (end - from) as usize)?;
        lines.reverse();
        Ok(lines)
    }

    async fn note(&self, entry: Entry) -> Result<(), StoreError> {
        let now = self.0.mark.look().told().as_millisecond();
        let actor = entry.actor().to_string();
        {
            let mut process = self.0.process();
            if process.noted.get(&actor).is_some_and(|at| (now - at).abs() < NOTE_EVERY_MS) {
                return Ok(());
            }
            process.noted.insert(actor, now);
        }
        self.0.write(|draft| {
            draft.append_line(entry);
            Ok(())
        })
    }
}

/// Lines after `after`, at most `limit`, their chain checked.
pub(super) fn read(
    rows: &Rows,
    keyring: &dyn Keyring,
    after: u64,
    limit: usize,
) -> Result<Vec<Line>, StoreError> {
    let broken = StoreError::of(StoreCode::TrailBroken);
    let kept = |seq: u64| rows.trail.get(&seq).and_then(|bytes| KeptLine::new(bytes)).ok_or(broken);
    let (head, head_mac) = rows.trail_head;
    let (base, base_mac) = rows.trail_base;
    let after = after.max(base);
    if base > 0 {
        let line = kept(rows.trail_closed)?.read(rows.trail_closed).map_err(|_| broken)?;
        if line.entry.action() != Action::TrailClosed || line.entry.count != base {
            return Err(broken);
        }
    }
    let mut previous = match after {
        after if after == base => base_mac,
        after if after < head => kept(after)?.mac(),
        _ => return Ok(Vec::new()),
    };
    let key = keyring.trail_key();
    let mut lines = Vec::new();
    for seq in (after + 1..=head).take(limit) {
        let line = kept(seq)?;
        if !line.follows(&key, &previous) || (seq == head && line.mac() != head_mac) {
            return Err(broken);
        }
        previous = line.mac();
        lines.push(line.read(seq).map_err(|_| broken)?);
    }
    Ok(lines)
}
