//! The rows of `outbox`: record → which mails wait for its person, and when others were sent.

use std::ops::Bound::Unbounded;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::purpose::RecordId;
use crate::store::outbox::{HeldMails, Letters, MAILS_WAITING_MAX, WaitingMail};
use crate::store::sled::engine::Engine;
use crate::store::sled::layout::{self, InTree, Place};
use crate::store::sled::restriction_rows;
use crate::store::sled::unreadable::Unreadable;
use crate::store::{Correspondence, MailKind, RequestId, StoreError};

/// The version of the rows that are written.
const VERSION: u8 = 2;
/// The version of those before anybody could ask for a mail: read for ever, written no more.
const FIRST: u8 = 1;

/// What is kept of a record. Codes are kept as text: a later list of codes still reads old rows.
#[derive(Serialize, Deserialize)]
struct OutboxRow {
    /// The epoch in which what waits was queued: of what a backup brings back nobody knows whether it was sent.
    epoch: u32,
    waiting: Vec<WaitingRow>,
    asked_ms: Option<i64>,
    reminded_ms: Option<i64>,
    unreachable_ms: Option<i64>,
    dropped_ms: Option<i64>,
    linked_ms: Option<i64>,
    copied_ms: Option<i64>,
}

impl InTree for OutboxRow {
    const TREES: &'static [Place] = &[Place::Outbox];
}

#[derive(Serialize, Deserialize)]
struct WaitingRow {
    kind: String,
    due_ms: i64,
    attempts: u32,
    queued_ms: i64,
    stamp: [u8; 16],
    /// The request that it answers: epoch and number.
    request: Option<(u32, u64)>,
}

/// The first layout of both.
#[derive(Deserialize)]
struct FirstRow {
    epoch: u32,
    waiting: Vec<FirstWaiting>,
    asked_ms: Option<i64>,
    reminded_ms: Option<i64>,
    unreachable_ms: Option<i64>,
    dropped_ms: Option<i64>,
}

#[derive(Deserialize)]
struct FirstWaiting {
    kind: String,
    due_ms: i64,
    attempts: u32,
    queued_ms: i64,
    stamp: [u8; 16],
}

impl From<FirstRow> for OutboxRow {
    fn from(first: FirstRow) -> Self {
        let FirstRow { epoch, waiting, asked_ms, reminded_ms, unreachable_ms, dropped_ms } = first;
        let one = |FirstWaiting { kind, due_ms, attempts, queued_ms, stamp }| WaitingRow {
            kind,
            due_ms,
            attempts,
            queued_ms,
            stamp,
            request: None,
        };
        Self {
            epoch,
            waiting: waiting.into_iter().map(one).collect(),
            asked_ms,
            reminded_ms,
            unreachable_ms,
            dropped_ms,
            linked_ms: None,
            copied_ms: None,
        }
    }
}

/// The key of a record's row: purpose ‖ 0 ‖ epoch ‖ number.
pub(super) fn key(id: &RecordId) -> Vec<u8> {
    restriction_rows::key(id)
}

/// The bytes of a row, written in this epoch.
pub(super) fn bytes(letters: &Letters, epoch: u32) -> Vec<u8> {
    let ms = |moment: Option<Timestamp>| moment.map(Timestamp::as_millisecond);
    let waiting = letters.waiting.iter().map(|mail| WaitingRow {
        kind: mail.kind.as_str().to_owned(),
        due_ms: mail.due.as_millisecond(),
        attempts: mail.attempts,
        queued_ms: mail.queued.as_millisecond(),
        stamp: mail.stamp,
        request: mail.request.map(|request| (request.epoch, request.number)),
    });
    let row = OutboxRow {
        epoch,
        waiting: waiting.collect(),
        asked_ms: ms(letters.sent.asked),
        reminded_ms: ms(letters.sent.reminded),
        unreachable_ms: ms(letters.sent.unreachable),
        dropped_ms: ms(letters.sent.dropped),
        linked_ms: ms(letters.sent.linked),
        copied_ms: ms(letters.sent.copied),
    };
    layout::encode_as(VERSION, &row)
}

/// Reads them, in this epoch.
///
/// # Errors
/// See [`crate::store::StoreCode`].
pub(super) fn read(bytes: &[u8], now_in: u32) -> Result<Letters, StoreError> {
    let row = match layout::version(bytes) {
        Some(FIRST) => layout::decode_as::<FirstRow>(FIRST, bytes)?.into(),
        _ => layout::decode_as(VERSION, bytes)?,
    };
    let OutboxRow { epoch, waiting, asked_ms, reminded_ms, unreachable_ms, dropped_ms, linked_ms, copied_ms } =
        row;
    let moment = |ms: Option<i64>| ms.map(layout::moment).transpose();
    let sent = Correspondence {
        asked: moment(asked_ms)?,
        reminded: moment(reminded_ms)?,
        unreachable: moment(unreachable_ms)?,
        dropped: moment(dropped_ms)?,
        linked: moment(linked_ms)?,
        copied: moment(copied_ms)?,
    };
    let mut letters = Letters { waiting: Vec::new(), sent };
    for WaitingRow { kind, due_ms, attempts, queued_ms, stamp, request } in waiting {
        // What a later version would write this one cannot.
        let Some(kind) = MailKind::from_code(&kind).filter(|_| epoch == now_in) else { continue };
        let (due, queued) = (layout::moment(due_ms)?, layout::moment(queued_ms)?);
        let request = request.map(|(epoch, number)| RequestId { epoch, number });
        letters.waiting.push(WaitingMail { kind, due, attempts, queued, stamp, request });
    }
    Ok(letters)
}

/// All that wait, for memory.
///
/// # Errors
/// See [`crate::store::StoreCode`].
pub(super) fn held(engine: &Engine, unreadable: &Unreadable, epoch: u32) -> Result<HeldMails, StoreError> {
    let mut held = HeldMails::default();
    engine.visit(&Place::Outbox, (Unbounded, Unbounded), |key, value| {
        let read = restriction_rows::id(key).and_then(|id| Ok((id, read(value, epoch)?)));
        if let Some((id, letters)) = unreadable.or_passed_over(&Place::Outbox, key, read)
            && held.count() < MAILS_WAITING_MAX
        {
            held.replace(&id, letters.dues());
        }
        Ok(true)
    })?;
    Ok(held)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As it was written before anybody could ask for a mail.
    #[derive(Serialize)]
    struct Written {
        epoch: u32,
        waiting: Vec<(String, i64, u32, i64, [u8; 16])>,
        asked_ms: Option<i64>,
        reminded_ms: Option<i64>,
        unreachable_ms: Option<i64>,
        dropped_ms: Option<i64>,
    }

    impl InTree for Written {
        const TREES: &'static [Place] = &[Place::Outbox];
    }

    #[test]
    fn a_row_of_the_first_layout_is_read_and_written_anew() {
        let first = Written {
            epoch: 3,
            waiting: vec![("welcome".to_owned(), 2_000, 4, 1_000, [7; 16])],
            asked_ms: Some(5_000),
            reminded_ms: None,
            unreachable_ms: Some(6_000),
            dropped_ms: None,
        };
        let Ok(mut letters) = read(&layout::encode_as(FIRST, &first), 3) else { panic!("it is read") };
        let waiting = &letters.waiting[0];
        assert_eq!((waiting.kind, waiting.attempts, waiting.stamp), (MailKind::Welcome, 4, [7; 16]));
        assert_eq!(letters.sent.asked.map(Timestamp::as_millisecond), Some(5_000));
        assert!(letters.sent.unreachable.is_some() && letters.sent.linked.is_none());

        let (now, request) = (Timestamp::UNIX_EPOCH, Some(RequestId { epoch: 3, number: 9 }));
        assert!(letters.queue(MailKind::Copy, now, ([1; 16], request)));
        letters.sent.linked = Some(now);
        let Ok(again) = read(&bytes(&letters, 3), 3) else { panic!("it is read") };
        assert_eq!((again.waiting[1].request, again.sent), (request, letters.sent));
        let Ok(elsewhere) = read(&bytes(&letters, 3), 4) else { panic!("it is read") };
        assert!(elsewhere.waiting.is_empty() && elsewhere.sent == letters.sent, "of a backup nothing waits");
        assert!(read(&layout::encode_as(VERSION + 1, &first), 3).is_err());
    }
}
