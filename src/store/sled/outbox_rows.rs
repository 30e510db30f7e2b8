//! The rows of `outbox`: record → which mails wait for its person, and when others were sent.

use std::ops::Bound::Unbounded;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::purpose::RecordId;
use crate::store::outbox::{HeldMails, Letters, MAILS_WAITING_MAX, WaitingMail};
use crate::store::sled::engine::Engine;
use crate::store::sled::layout::{self, Place};
use crate::store::sled::restriction_rows;
use crate::store::sled::unreadable::Unreadable;
use crate::store::{Correspondence, MailKind, StoreError};

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
}

#[derive(Serialize, Deserialize)]
struct WaitingRow {
    kind: String,
    due_ms: i64,
    attempts: u32,
    queued_ms: i64,
    stamp: [u8; 16],
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
    });
    layout::encode(&OutboxRow {
        epoch,
        waiting: waiting.collect(),
        asked_ms: ms(letters.sent.asked),
        reminded_ms: ms(letters.sent.reminded),
        unreachable_ms: ms(letters.sent.unreachable),
        dropped_ms: ms(letters.sent.dropped),
    })
}

/// Reads them, in this epoch.
///
/// # Errors
/// See [`crate::store::StoreCode`].
pub(super) fn read(bytes: &[u8], now_in: u32) -> Result<Letters, StoreError> {
    let OutboxRow { epoch, waiting, asked_ms, reminded_ms, unreachable_ms, dropped_ms } =
        layout::decode(bytes)?;
    let moment = |ms: Option<i64>| ms.map(layout::moment).transpose();
    let sent = Correspondence {
        asked: moment(asked_ms)?,
        reminded: moment(reminded_ms)?,
        unreachable: moment(unreachable_ms)?,
        dropped: moment(dropped_ms)?,
    };
    let mut letters = Letters { waiting: Vec::new(), sent };
    for WaitingRow { kind, due_ms, attempts, queued_ms, stamp } in waiting {
        // What a later version would write this one cannot.
        let Some(kind) = MailKind::from_code(&kind).filter(|_| epoch == now_in) else { continue };
        let (due, queued) = (layout::moment(due_ms)?, layout::moment(queued_ms)?);
        letters.waiting.push(WaitingMail { kind, due, attempts, queued, stamp });
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
