//! The trail.

use std::collections::HashMap;

use async_trait::async_trait;
use parking_lot::Mutex;

use crate::clock::Day;
use crate::purpose::PurposeId;
use crate::store::StoreError;
use crate::trail::{Entry, Line, Reason};

/// The most lines that are read at once.
pub(super) const LINES_MAX: usize = 10_000;
/// How far apart the lines of one actor's refusals are at least, in milliseconds.
pub(super) const NOTE_EVERY_MS: i64 = 1_000;

/// So many kinds of empty polls are remembered: more than there are tokens and purposes in use.
const POLLS_MAX: usize = 4_096;

/// Whose polls that found nothing stand in the trail today: one line a day says so.
#[derive(Default)]
pub(super) struct EmptyPolls(Mutex<HashMap<String, Day>>);

impl EmptyPolls {
    /// True if a poll that found nothing is to be written down: it is the first one today of this actor, for this purpose,
    /// recipient and reason, or there is no room to remember it.
    pub(super) fn admit(&self, entry: &Entry, today: Day) -> bool {
        let purpose = entry.purpose.as_ref().map_or("", PurposeId::as_str);
        let reason = entry.reason().map_or("", Reason::as_str);
        let recipient = entry.recipient().unwrap_or("");
        let of = format!("{} {purpose} {recipient} {reason}", entry.actor());
        let mut told = self.0.lock();
        if told.get(&of) == Some(&today) {
            return false;
        }
        if told.len() >= POLLS_MAX {
            told.retain(|_, day| *day == today);
        }
        if told.len() < POLLS_MAX {
            told.insert(of, today);
        }
        true
    }
}

/// Who did what. Every line is written in the transaction of what it tells, is numbered from 1 without gaps, and holds
/// the mac of the one before: no two lines follow the same one, whoever writes at the same moment.
#[async_trait]
pub trait Trail: Send + Sync {
    /// Lines after `after`, at most `limit` and at most 10,000, oldest first, their chain checked; after the last one: none.
    ///
    /// # Errors
    /// [`crate::store::StoreCode::TrailBroken`] if a line among them is missing, changed or elsewhere, also the
    /// last; nothing else is refused for it. Otherwise see [`crate::store::StoreCode`].
    async fn lines(&self, after: u64, limit: usize) -> Result<Vec<Line>, StoreError>;

    /// Lines before `before`, at most `limit` and at most 10,000, newest first, their chain checked; before the first one:
    /// none.
    ///
    /// # Errors
    /// As [`Trail::lines`].
    async fn newest(&self, before: u64, limit: usize) -> Result<Vec<Line>, StoreError>;

    /// Writes down an act that changed nothing: a refusal. At most one line a second for each actor, so that no loop of
    /// refused calls fills the disk or keeps the writer; what is beyond it is passed over.
    ///
    /// # Errors
    /// See [`crate::store::StoreCode`].
    async fn note(&self, entry: Entry) -> Result<(), StoreError>;
}
