//! For the fuzzer: this room's private readers of outside bytes. Nothing else uses them.

use jiff::Timestamp;

use crate::clock::Day;
use crate::forget::address::EvidenceKey;
use crate::lead::{EventPlace, Leaf, open_event};
use crate::purpose::RecordId;
use crate::secret::Key;
use crate::store::feeds::{Feed, Follow};
use crate::store::handed::Ranges;
use crate::store::sled::erasure_rows::{self, ErasureRow, RepeatRow};
use crate::store::sled::ledger::{Line, Said};
use crate::store::sled::pass_rows::{self, PassAt};
use crate::store::sled::rows::{ParkedRow, SeenRow};
use crate::store::sled::{
    expiry_row, feed_rows, layout, outbox_rows, restriction_rows, suppression_rows, vigil_rows,
};
use crate::store::{CHANGES_LISTED_MAX, ErasureId, stubs};

/// Reads a value as each row that it may be. Which it is.
pub fn rows(bytes: &[u8]) -> (bool, bool) {
    let seen = SeenRow::read(bytes).and_then(|row| row.ends());
    let parked = ParkedRow::read(bytes).and_then(|row| {
        layout::moment(row.since_ms)?;
        row.open()?;
        row.why.why()
    });
    (seen.is_ok(), parked.is_ok())
}

/// Reads a row of `erasures` or `tombstones` as each that it may be: which it is, and how many leaves it names.
pub fn erasures(key: &[u8], value: &[u8]) -> ([bool; 6], u64) {
    let id = ErasureId { epoch: 1, number: 1 };
    let pending = [erasure_rows::pending_row(key, value), erasure_rows::rewritten_row(key, value)];
    let named = pending.iter().flatten().map(|pending| pending.leaves.len() as u64).sum::<u64>();
    let expiring = expiry_row::read(value);
    let leaves = expiring.iter().flat_map(|(_, cuts)| cuts).map(|cut| {
        let taken = (0..u16::MAX).step_by(97).filter(|leaf| cut.takes(&cut.bucket, *leaf)).count();
        cut.leaves() + taken as u64
    });
    let named = named.saturating_add(leaves.fold(0, u64::saturating_add));
    let row = layout::decode::<ErasureRow>(value).and_then(|row| row.erasure(id));
    let repeat = layout::decode::<RepeatRow>(value).map(|row| row.erasure());
    let (_, tombstone) = erasure_rows::tombstone(value);
    let [erased, rewritten] = pending.map(|pending| pending.is_ok());
    ([erased, rewritten, expiring.is_ok(), row.is_ok(), repeat.is_ok(), tombstone.is_ok()], named)
}

/// The same of what lies beside records: passes, events of consents, stubs, restrictions, mails that wait.
pub fn beside(key: &[u8], value: &[u8], secret: &Key) -> [bool; 7] {
    let pass = PassAt::read(key);
    let opens = pass.as_ref().is_ok_and(|at| at.key() == key && at.open(value, secret).is_ok());
    let restricted = restriction_rows::id(key);
    let (leaf, n) = (Leaf { epoch: 1, number: 9 }, 0);
    let event = |id: &RecordId| open_event(value, EventPlace { id, leaf, n }, secret).is_ok();
    let stub = stubs::opened(key, value, &EvidenceKey::new(secret.clone()));
    [
        pass.is_ok() && pass_rows::leaf_of(value).is_ok(),
        opens,
        restricted.as_ref().is_ok_and(event),
        stub.is_ok(),
        stubs::is_over(key, value, 24, Day(20_000)) && stubs::number_of(key).is_some(),
        restricted.is_ok_and(|id| restriction_rows::read(&id, value).1.is_ok()),
        outbox_rows::read(value, 1).is_ok(),
    ]
}

/// The same of feeds, of what was handed, of who objected, and of addresses that are awaited: and how many changes there are.
pub fn followed(key: &[u8], value: &[u8], now: Timestamp) -> ([bool; 7], usize) {
    let mut changes = Vec::new();
    let block = feed_rows::block(key, value);
    let listed = block.as_ref().map(|block| {
        let kept = block.is_kept(now) && block.since().is_ok() && block.between(0, u64::MAX) > 0;
        let listed =
            [0, block.last() / 2, u64::MAX].map(|after| block.list(after, CHANGES_LISTED_MAX, &mut changes));
        kept && listed.iter().all(Result::is_ok)
    });
    let feed = layout::decode::<Feed>(value).map(|mut feed| {
        feed.drop(feed_rows::last_of(key).unwrap_or(0), u64::MAX);
        feed.standing(String::new(), None)
    });
    let follow = layout::decode::<Follow>(value).map(|follow| follow.followed(String::new()));
    (
        [
            block.is_ok(),
            listed.unwrap_or(false),
            feed.is_ok(),
            follow.is_ok(),
            layout::decode::<Ranges>(value).is_ok(),
            suppression_rows::ends(key, value).is_some()
                || suppression_rows::listed(key, value).is_ok()
                || suppression_rows::barring(value).1.is_ok(),
            vigil_rows::of_row_key(key).is_some() || vigil_rows::owners(value).is_ok(),
        ],
        changes.len(),
    )
}

/// Reads what would be in a line of the ledger, behind the seal. How much it names; none: it is no line.
pub fn ledger(plain: &[u8]) -> Option<usize> {
    Some(match postcard::from_bytes::<Line>(plain).ok()?.said {
        Said::Erased(forgotten) => {
            let _ = (forgotten.id(), forgotten.reason());
            forgotten.records().len() + forgotten.purposes().len() + forgotten.seen.len()
        }
        Said::TakenBack(line) => {
            let _ = (line.number(), line.reason());
            usize::from(line.record().is_some()) + usize::from(line.revision().is_some())
        }
        _ => 0,
    })
}
