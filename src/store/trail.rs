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
    /// True if one of this kind was written down today.
    pub(super) fn are_told(&self, kind: &str, today: Day) -> bool {
        self.0.lock().get(kind) == Some(&today)
    }

    /// One was written down: not before that, or a line that failed would be missing all day. Where there is no room to
    /// remember it, the next one is written down as well.
    pub(super) fn told(&self, kind: String, today: Day) {
        let mut told = self.0.lock();
        if told.len() >= POLLS_MAX {
            told.retain(|_, day| *day == today);
        }
        if told.len() < POLLS_MAX {
            told.insert(kind, today);
        }
    }
}

/// What two polls have in common of which one line tells.
pub(super) fn kind_of(entry: &Entry) -> String {
    let purpose = entry.purpose.as_ref().map_or("", PurposeId::as_str);
    let reason = entry.reason().map_or("", Reason::as_str);
    format!("{} {purpose} {} {reason}", entry.actor(), entry.recipient().unwrap_or(""))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trail::Action;

    #[test]
    fn a_poll_is_told_once_it_is_written_and_where_there_is_no_room_it_is_written_again() {
        let polls = EmptyPolls::default();
        let kind = kind_of(&Entry::by_system(Action::Exported));
        assert!(!polls.are_told(&kind, Day(1)), "looking is not telling: its line may fail");
        assert!(!polls.are_told(&kind, Day(1)));
        polls.told(kind.clone(), Day(1));
        assert!(polls.are_told(&kind, Day(1)) && !polls.are_told(&kind, Day(2)));
        (1..POLLS_MAX).for_each(|number| polls.told(number.to_string(), Day(2)));
        polls.told("one more".to_owned(), Day(2));
        assert!(polls.are_told("one more", Day(2)), "yesterday's made room");
        polls.told("too many".to_owned(), Day(2));
        assert!(!polls.are_told("too many", Day(2)));
    }
}
