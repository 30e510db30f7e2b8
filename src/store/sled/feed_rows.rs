//! The rows of `feeds`: of each recipient one that says how far it is, its changes in blocks, each under its last number, and of each
//! erasure how far each recipient that had something of it has followed.

use std::ops::Bound::{Excluded, Included};

use crate::forget::ChangeKind;
use crate::lead::SealedRecord;
use crate::purpose::{PurposeId, RecordId};
use crate::store::feeds::{BLOCKS_MAX, Became, Block, Feed, Follow};
use crate::store::handed::Spot;
use crate::store::sled::aside;
use crate::store::sled::draft::{Draft, OUTCOMES_MAX};
use crate::store::sled::engine::Engine;
use crate::store::sled::handed;
use crate::store::sled::handed_marks;
use crate::store::sled::layout::{self, InTree, Place, record_key};
use crate::store::sled::shared::Shared;
use crate::store::{Applied, ErasureId, StoreCode, StoreError};
use crate::trail::{Action, Entry};

impl InTree for Block {
    const TREES: &'static [Place] = &[Place::Feeds];
}

impl InTree for Feed {
    const TREES: &'static [Place] = &[Place::Feeds];
}

impl InTree for Follow {
    const TREES: &'static [Place] = &[Place::Feeds];
}

/// Before a recipient: how far it is.
const FEED: u8 = b'f';
/// Before a recipient and a number: changes.
const BLOCK: u8 = b'b';
/// Before an erasure and a recipient.
const FOLLOW: u8 = b'e';
/// Between recipient and number; in no name.
const BETWEEN: u8 = 0;

fn feed_key(recipient: &str) -> Vec<u8> {
    [&[FEED], recipient.as_bytes()].concat()
}

/// The key of the block whose last change has this number.
pub(super) fn block_key(recipient: &str, last: u64) -> Vec<u8> {
    [&[BLOCK], recipient.as_bytes(), &[BETWEEN], &last.to_be_bytes()].concat()
}

/// Where the keys of a recipient's blocks end.
pub(super) fn blocks_end(recipient: &str) -> Vec<u8> {
    [&[BLOCK], recipient.as_bytes(), &[BETWEEN + 1]].concat()
}

fn follow_key(erasure: ErasureId, recipient: &str) -> Vec<u8> {
    [&follow_prefix(erasure), recipient.as_bytes()].concat()
}

fn follow_prefix(erasure: ErasureId) -> Vec<u8> {
    [&[FOLLOW], record_key(erasure.epoch, erasure.number).as_slice()].concat()
}

/// The number in a block's key.
pub(super) fn last_of(key: &[u8]) -> Option<u64> {
    key.split_last_chunk::<8>().map(|(_, last)| u64::from_be_bytes(*last))
}

/// Reads a block. One that does not end where its key says is none.
///
/// # Errors
/// See [`StoreCode`].
pub(super) fn block(key: &[u8], bytes: &[u8]) -> Result<Block, StoreError> {
    let block: Block = layout::decode(bytes)?;
    let is_whole = Some(block.last()) == last_of(key);
    is_whole.then_some(block).ok_or(StoreError::of(StoreCode::Damaged))
}

/// How far a recipient is; none: there never was a change for it.
///
/// # Errors
/// See [`StoreCode`].
pub(super) fn feed(shared: &Shared, engine: &Engine, recipient: &str) -> Result<Option<Feed>, StoreError> {
    let key = feed_key(recipient);
    let Some(bytes) = engine.read(&Place::Feeds, &key)? else { return Ok(None) };
    match shared.unreadable().or_passed_over(&Place::Feeds, &key, layout::decode(&bytes)) {
        Some(feed) => Ok(Some(feed)),
        None => unreadable(shared, engine, recipient).map(Some),
    }
}

/// What stands for a row that cannot be read: everything that lies there waits.
fn unreadable(shared: &Shared, engine: &Engine, recipient: &str) -> Result<Feed, StoreError> {
    let (mut last, mut blocks) = (0, 0);
    let (first, end) = (block_key(recipient, 0), blocks_end(recipient));
    engine.visit(&Place::Feeds, (Included(&first), Excluded(&end)), |key, _| {
        (last, blocks) = (last_of(key).unwrap_or(last), blocks + 1);
        Ok(true)
    })?;
    Ok(Feed::unreadable(last, shared.epoch(), blocks))
}

/// The names of all whose feed there is, in their order.
///
/// # Errors
/// See [`StoreCode`].
pub(super) fn recipients(engine: &Engine) -> Result<Vec<String>, StoreError> {
    let (first, end) = ([FEED], [FEED + 1]);
    let mut recipients = Vec::new();
    engine.visit(&Place::Feeds, (Included(&first), Excluded(&end)), |key, _| {
        // What never was a name is none.
        recipients.extend(std::str::from_utf8(&key[1..]).map(str::to_owned));
        Ok(true)
    })?;
    Ok(recipients)
}

/// How far each recipient has followed an erasure. One whose row cannot be read has not.
///
/// # Errors
/// See [`StoreCode`].
pub(super) fn follows(
    shared: &Shared,
    engine: &Engine,
    erasure: ErasureId,
) -> Result<Vec<(String, Follow)>, StoreError> {
    let first = follow_prefix(erasure);
    let end = follow_prefix(ErasureId { number: erasure.number.saturating_add(1), ..erasure });
    let mut found = Vec::new();
    engine.visit(&Place::Feeds, (Included(&first), Excluded(&end)), |key, bytes| {
        if let Ok(recipient) = std::str::from_utf8(&key[first.len()..]) {
            let read = layout::decode(bytes);
            let follow = shared.unreadable().or_passed_over(&Place::Feeds, key, read).unwrap_or_default();
            found.push((recipient.to_owned(), follow));
        }
        Ok(true)
    })?;
    Ok(found)
}

/// Notes what became of records, for each recipient that was handed them: in the transaction of the act itself. Whoever acts on
/// records calls it once for all of them, before what was handed is let go.
///
/// # Errors
/// See [`StoreCode`].
pub(super) fn note(draft: &mut Draft<'_>, became: &Became<'_>) -> Result<(), StoreError> {
    for purpose in handed::purposes_of(became.records) {
        for (_, recipient, ranges) in handed::rows_now(draft, purpose)? {
            // What lies on the controller's own machines nobody outside follows.
            let Some(recipient) = recipient else { continue };
            let of_purpose = became.records.iter().filter(|id| id.purpose == *purpose);
            let spots = of_purpose.map(|id| (id.epoch, id.number));
            let had = handed::had(draft, (purpose, recipient.as_str()), &ranges, spots)?;
            if !had.is_empty() {
                note_for(draft, &recipient, became, purpose, had)?;
            }
        }
    }
    Ok(())
}

fn note_for(
    draft: &mut Draft<'_>,
    recipient: &str,
    became: &Became<'_>,
    purpose: &PurposeId,
    had: Vec<Spot>,
) -> Result<(), StoreError> {
    let mut feed = feed_to_write(draft, recipient)?.unwrap_or_default();
    for block in feed.add(became, purpose, had, draft.shared.epoch(), draft.now) {
        draft.write(Place::Feeds, &block_key(recipient, block.last()), layout::encode(&block))?;
    }
    if let Some(erasure) = became.erasure {
        let key = follow_key(erasure, recipient);
        let mut follow = follow_to_write(draft, &key)?.unwrap_or_default();
        follow.await_until(feed.last);
        draft.write(Place::Feeds, &key, layout::encode(&follow))?;
    }
    if feed.blocks > BLOCKS_MAX {
        let surplus = usize::try_from(feed.blocks - BLOCKS_MAX).unwrap_or(OUTCOMES_MAX).min(OUTCOMES_MAX);
        let oldest = first_blocks(draft, recipient, surplus)?;
        let gone = drop_blocks(draft, &mut feed, &oldest);
        tracing::error!(recipient, changes.dropped = gone, "store.changes-overflow");
    }
    draft.write(Place::Feeds, &feed_key(recipient), layout::encode(&feed))
}

/// A recipient has read its changes up to this number, among them those of these erasures.
///
/// # Errors
/// See [`StoreCode`].
pub(super) fn tell(
    draft: &mut Draft<'_>,
    recipient: &str,
    up_to: u64,
    erasures: &[ErasureId],
) -> Result<(), StoreError> {
    let Some(mut feed) = feed_to_write(draft, recipient)? else { return Ok(()) };
    if !feed.tell(up_to, draft.now) {
        return Ok(());
    }
    draft.write(Place::Feeds, &feed_key(recipient), layout::encode(&feed))?;
    for erasure in erasures {
        let key = follow_key(*erasure, recipient);
        if let Some(mut follow) = follow_to_write(draft, &key)? {
            follow.tell(up_to, draft.now);
            draft.write(Place::Feeds, &key, layout::encode(&follow))?;
        }
    }
    Ok(())
}

/// What came of a step of applying.
pub(super) enum Stepped {
    /// No change of this recipient has this number, or ever had.
    Ahead,
    /// So far it is; true: there is more to be done.
    Applied(Applied, bool),
}

/// A recipient has applied its changes up to this number: as many blocks as one transaction takes go.
///
/// # Errors
/// See [`StoreCode`].
pub(super) fn apply(
    draft: &mut Draft<'_>,
    recipient: &str,
    up_to: u64,
    mut entry: Entry,
) -> Result<Stepped, StoreError> {
    // What this very transaction gave a number nobody can have read.
    let known = feed(draft.shared, draft.engine, recipient)?;
    if known.is_none_or(|feed| feed.is_ahead(up_to, draft.shared.epoch())) {
        return Ok(Stepped::Ahead);
    }
    let mut feed = feed_to_write(draft, recipient)?.unwrap_or_default();
    let before = feed.applied;
    if up_to <= before {
        return Ok(Stepped::Applied(Applied { changes: 0, applied: before }, false));
    }
    let rows = first_blocks(draft, recipient, OUTCOMES_MAX)?;
    let (mut changes, mut reached, mut more) = (0, up_to, rows.len() == OUTCOMES_MAX);
    for (key, bytes) in &rows {
        let last = last_of(key).unwrap_or(0);
        let read = block(key, bytes);
        let block = draft.shared.unreadable().or_passed_over(&Place::Feeds, key, read);
        changes += block.as_ref().map_or(0, |block| block.between(before, up_to));
        if last > up_to {
            more = false;
            break;
        }
        if more {
            reached = last;
        }
        draft.remove(Place::Feeds, key);
        feed.blocks = feed.blocks.saturating_sub(1);
        if let Some(erasure) = block.and_then(|block| block.erasure()) {
            let key = follow_key(erasure, recipient);
            if let Some(mut follow) = follow_to_write(draft, &key)? {
                follow.apply(last, draft.now);
                draft.write(Place::Feeds, &key, layout::encode(&follow))?;
            }
        }
    }
    let applied = if more { reached } else { up_to };
    feed.waiting = feed.waiting.saturating_sub(changes);
    feed.apply(applied, draft.now);
    draft.write(Place::Feeds, &feed_key(recipient), layout::encode(&feed))?;
    if changes > 0 {
        entry.count = changes;
        draft.append_line(entry)?;
    }
    Ok(Stepped::Applied(Applied { changes, applied }, more))
}

/// Takes blocks away that nobody has applied for too long, as many as one transaction takes. Returns how many changes went, and
/// whether there may be more.
///
/// # Errors
/// See [`StoreCode`].
pub(super) fn drop_old(draft: &mut Draft<'_>, recipient: &str) -> Result<(u64, bool), StoreError> {
    let now = draft.look().confirmed()?;
    let Some(mut feed) = feed_to_write(draft, recipient)? else { return Ok((0, false)) };
    let mut rows = first_blocks(draft, recipient, OUTCOMES_MAX)?;
    let count = rows.len();
    // One that cannot be read says no day: it goes with the next that does.
    let kept = rows.iter().position(|(key, bytes)| block(key, bytes).is_ok_and(|block| block.is_kept(now)));
    rows.truncate(kept.unwrap_or(count));
    let is_old = rows.iter().any(|(key, bytes)| block(key, bytes).is_ok());
    if rows.is_empty() || !is_old {
        return Ok((0, false));
    }
    let gone = drop_blocks(draft, &mut feed, &rows);
    draft.write(Place::Feeds, &feed_key(recipient), layout::encode(&feed))?;
    let mut entry = Entry::by_system_for(Action::ChangesDropped, recipient);
    entry.count = gone;
    draft.append_line(entry)?;
    Ok((gone, rows.len() == count && count == OUTCOMES_MAX))
}

/// True if something of a feed has been there for too long.
///
/// # Errors
/// See [`StoreCode`].
pub(super) fn has_old(shared: &Shared, engine: &Engine, recipient: &str) -> Result<bool, StoreError> {
    let now = shared.look().confirmed()?;
    let mut is_old = false;
    let (first, end) = (block_key(recipient, 0), blocks_end(recipient));
    engine.visit(&Place::Feeds, (Included(&first), Excluded(&end)), |key, bytes| {
        match block(key, bytes) {
            Ok(block) => {
                is_old = !block.is_kept(now);
                Ok(false)
            }
            Err(_) => Ok(true),
        }
    })?;
    Ok(is_old)
}

/// A row of the tree: its key, and what lies there.
type Row = (Vec<u8>, Vec<u8>);

fn drop_blocks(draft: &mut Draft<'_>, feed: &mut Feed, rows: &[Row]) -> u64 {
    let mut gone = 0;
    for (key, bytes) in rows {
        let last = last_of(key).unwrap_or(0);
        let changes = block(key, bytes).map_or(0, |block| block.between(feed.applied, u64::MAX));
        feed.drop(last, changes);
        gone += changes;
        draft.remove(Place::Feeds, key);
    }
    gone
}

/// The oldest blocks of a recipient that this transaction has not taken away, as the engine holds them.
fn first_blocks(draft: &Draft<'_>, recipient: &str, max: usize) -> Result<Vec<Row>, StoreError> {
    let (first, end) = (block_key(recipient, 0), blocks_end(recipient));
    let mut rows = Vec::new();
    draft.engine.visit(&Place::Feeds, (Included(&first), Excluded(&end)), |key, bytes| {
        if draft.written(&Place::Feeds, key).is_none() {
            rows.push((key.to_vec(), bytes.to_vec()));
        }
        Ok(rows.len() < max)
    })?;
    Ok(rows)
}

/// How far a recipient is, this transaction included; of a row that cannot be read the bytes are kept aside.
fn feed_to_write(draft: &mut Draft<'_>, recipient: &str) -> Result<Option<Feed>, StoreError> {
    let key = feed_key(recipient);
    let Some(bytes) = draft.read(&Place::Feeds, &key)? else { return Ok(None) };
    match layout::decode(&bytes) {
        Ok(feed) => Ok(Some(feed)),
        Err(error) => {
            aside::keep(draft, &Place::Feeds, &key, bytes, error)?;
            unreadable(draft.shared, draft.engine, recipient).map(Some)
        }
    }
}

fn follow_to_write(draft: &mut Draft<'_>, key: &[u8]) -> Result<Option<Follow>, StoreError> {
    let Some(bytes) = draft.read(&Place::Feeds, key)? else { return Ok(None) };
    match layout::decode(&bytes) {
        Ok(follow) => Ok(Some(follow)),
        Err(error) => {
            aside::keep(draft, &Place::Feeds, key, bytes, error)?;
            Ok(Some(Follow::default()))
        }
    }
}

/// A record may be used again: whoever was handed it is told so, and to whoever passed it by meanwhile it is a new one. Of one whose time
/// is over these hear nothing.
///
/// # Errors
/// See [`StoreCode`].
pub(super) fn note_released(draft: &mut Draft<'_>, id: &RecordId) -> Result<(), StoreError> {
    note_one(draft, ChangeKind::Released, id)?;
    let head = draft.read(&Place::Vault(id.purpose.clone()), &record_key(id.epoch, id.number))?;
    let ends = head.as_deref().and_then(SealedRecord::peek).map(|(_, ends, _)| ends);
    if ends.is_none_or(|ends| draft.look().has_come(ends) == Some(true)) {
        return Ok(());
    }
    let rows = handed::rows_now(draft, &id.purpose)?;
    for recipient in handed_marks::whoever_passed(draft, id)? {
        let spot = (id.epoch, id.number);
        let row = rows.iter().find(|(_, of, _)| of.as_ref() == Some(&recipient));
        let is_new = match row {
            Some((.., ranges)) => {
                handed::had(draft, (&id.purpose, recipient.as_str()), ranges, [spot].into_iter())?.is_empty()
            }
            None => true,
        };
        if is_new {
            note_stored(draft, &recipient, id)?;
        }
    }
    Ok(())
}

/// A record is there for a recipient that passed it by and never had it.
///
/// # Errors
/// See [`StoreCode`].
pub(super) fn note_stored(draft: &mut Draft<'_>, recipient: &str, id: &RecordId) -> Result<(), StoreError> {
    let became = Became::of(ChangeKind::Stored, std::slice::from_ref(id));
    note_for(draft, recipient, &became, &id.purpose, vec![(id.epoch, id.number)])
}

/// What became of one record.
///
/// # Errors
/// See [`StoreCode`].
pub(super) fn note_one(draft: &mut Draft<'_>, kind: ChangeKind, id: &RecordId) -> Result<(), StoreError> {
    note(draft, &Became::of(kind, std::slice::from_ref(id)))
}
