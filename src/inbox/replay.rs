//! Opening: every segment is read; a reference with an end in the store is done, any other is queued.
//!
//! Nothing is changed on the disk before everything has been read and found sound.

use std::io;

use super::frame::{self, Frame, Kind};
use super::queue::Queue;
use super::segment::{FIRST_FRAME, FoundSegment, Shelf, Unreadable};
use super::segments::Segments;
use super::{InboxCode, InboxError, Known};
use crate::keyring::{Keyring, KeyringCode};

/// What a replay found.
pub struct Replayed {
    /// The references without an end.
    pub queue: Queue,
    /// The segments, all ended: writing begins in a fresh one.
    pub segments: Segments,
}

/// Reads the shelf.
///
/// # Errors
/// [`InboxCode::Corrupt`], [`InboxCode::Key`], [`InboxCode::Foreign`], [`InboxCode::Format`], [`InboxCode::Io`], or what
/// the store says of a reference.
pub async fn replay(shelf: &Shelf, keyring: &dyn Keyring, known: &dyn Known) -> Result<Replayed, InboxError> {
    let mut reader = Reader {
        shelf,
        keyring,
        known,
        found: Replayed { queue: Queue::default(), segments: Segments::default() },
        tail: None,
    };
    for (_, slot) in in_order_of_use(shelf)? {
        let segment = reader.open_segment(slot)?;
        reader.read_segment(segment).await?;
    }
    let Reader { found, tail, .. } = reader;
    if let Some(tail) = tail {
        tail.mend(&found.segments).map_err(InboxError::io)?;
    }
    Ok(found)
}

struct Reader<'r> {
    shelf: &'r Shelf,
    keyring: &'r dyn Keyring,
    known: &'r dyn Known,
    found: Replayed,
    /// The end of the last segment with frames so far.
    tail: Option<Tail>,
}

/// How a segment ends.
struct Tail {
    slot: u32,
    used: u64,
    /// The last batch, as it was read.
    last_batch: Vec<u8>,
    last_batch_at: usize,
    /// Where the end marker is missing.
    torn_at: Option<usize>,
    /// Bytes of the torn batch are there beyond.
    remains: bool,
}

fn in_order_of_use(shelf: &Shelf) -> Result<Vec<(u64, u32)>, InboxError> {
    let mut order = Vec::new();
    for slot in shelf.slots().map_err(InboxError::io)? {
        order.push((shelf.used(slot).map_err(|error| refuse(slot, error))?, slot));
    }
    order.sort_unstable();
    for pair in order.windows(2) {
        if let [(one, slot), (other, _)] = pair
            && one == other
        {
            return Err(corrupt(*slot, 0));
        }
    }
    Ok(order)
}

impl Reader<'_> {
    fn open_segment(&self, slot: u32) -> Result<FoundSegment, InboxError> {
        let segment = self.shelf.read(slot).map_err(|error| refuse(slot, error))?;
        // With one header lost, the other may be of an earlier use: frames of a later one would prove it. Without any,
        // the header was being rewritten when the process or the machine died.
        if segment.spoiled
            && let Some((at, _)) = frame::find(&segment.content, FIRST_FRAME, |used| used > segment.used)
        {
            return Err(corrupt(slot, at));
        }
        Ok(segment)
    }

    async fn read_segment(&mut self, found: FoundSegment) -> Result<(), InboxError> {
        let FoundSegment { file, used, content, .. } = found;
        let slot = file.slot();
        self.found.segments.add_found(file, used);
        let mut tail = Tail {
            slot,
            used,
            last_batch: Vec::new(),
            last_batch_at: FIRST_FRAME,
            torn_at: None,
            remains: false,
        };
        let mut at = FIRST_FRAME;
        loop {
            let Some(frame) = frame_of(&content, at, used) else {
                tail.torn_at = Some(at);
                tail.remains = remains_of_torn_batch(&content, at, used).map_err(|()| corrupt(slot, at))?;
                break;
            };
            tail.last_batch_at = usize::try_from(frame.batch_start).unwrap_or(usize::MAX).min(at);
            at += frame.len();
            match frame.kind {
                Kind::End => break,
                Kind::References => self.take_frame(slot, &frame).await?,
            }
        }
        let is_empty = at == FIRST_FRAME;
        if is_empty && !tail.remains {
            return Ok(());
        }
        // A segment is begun only when the end marker of the one before is on the disk.
        if let Some(Tail { slot, torn_at: Some(torn_at), .. }) = &self.tail {
            return Err(corrupt(*slot, *torn_at));
        }
        tail.last_batch = content.get(tail.last_batch_at..at).unwrap_or_default().to_vec();
        self.tail = Some(tail);
        Ok(())
    }

    async fn take_frame(&mut self, slot: u32, frame: &Frame<'_>) -> Result<(), InboxError> {
        let key = self.keyring.day_key(frame.day).map_err(|error| match error.code {
            KeyringCode::KeyAbsent => {
                tracing::error!(segment.slot = slot, day = frame.day.0, "inbox.day-key-absent");
                InboxError::of(InboxCode::Key)
            }
            _ => InboxError::keyring(error),
        })?;
        let Some(references) = frame.open(&key, self.shelf.instance()) else {
            tracing::error!(segment.slot = slot, day = frame.day.0, "inbox.frame-does-not-open");
            return Err(InboxError::of(InboxCode::Key));
        };
        self.found.segments.note_day(slot, frame.day);
        let looked = self.known.look(&references).await.map_err(InboxError::of)?;
        let mut known = looked.known.into_iter();
        // As in accepting: what the store says nothing of is not passed over.
        for reference in references.into_iter().filter(|_| known.next() != Some(true)) {
            let Replayed { queue, segments } = &mut self.found;
            // Written again elsewhere before the old segment was recycled: it is open in the newer one only.
            let ticket = queue.ticket(&reference.leadgen, &reference.lane());
            let ticket = ticket.unwrap_or_else(|| queue.insert(&reference));
            segments.land(queue, ticket, slot);
        }
        Ok(())
    }
}

impl Tail {
    /// Writes the last batch again as it was read, with the end marker that is missing, and syncs.
    ///
    /// Not only synced: after a failed fdatasync the kernel may hold pages as clean that never reached the disk, and a
    /// killed process leaves some that did not yet. What is recognised as known must be on the disk.
    fn mend(mut self, segments: &Segments) -> io::Result<()> {
        let Some(file) = segments.file(self.slot) else { return Ok(()) };
        if let Some(torn_at) = self.torn_at {
            let start = u32::try_from(torn_at).unwrap_or(u32::MAX);
            self.last_batch.extend_from_slice(&frame::end(self.used, start));
            tracing::warn!(segment.slot = self.slot, offset = torn_at, "inbox.torn-tail");
        }
        file.write(&self.last_batch, self.last_batch_at as u64)?;
        file.sync()
    }
}

fn frame_of(content: &[u8], at: usize, used: u64) -> Option<Frame<'_>> {
    content.get(at..).and_then(Frame::decode).filter(|frame| frame.used == used)
}

/// Whether anything of this use lies beyond a bad place. `Err` if it proves that the bad place had been durable: no torn
/// tail then.
fn remains_of_torn_batch(content: &[u8], bad: usize, used: u64) -> Result<bool, ()> {
    let mut remains = false;
    let mut from = bad;
    while let Some((at, frame)) = frame::find(content, from, |other| other == used) {
        if usize::try_from(frame.batch_start).is_ok_and(|start| start > bad) {
            return Err(());
        }
        remains = true;
        from = at + frame.len();
    }
    Ok(remains)
}

fn corrupt(slot: u32, offset: usize) -> InboxError {
    tracing::error!(segment.slot = slot, offset, "inbox.corrupt");
    InboxError::of(InboxCode::Corrupt)
}

fn refuse(slot: u32, error: Unreadable) -> InboxError {
    match error {
        Unreadable::Io(error) => InboxError::io(error),
        Unreadable::Damaged => corrupt(slot, 0),
        Unreadable::Foreign => InboxError::of(InboxCode::Foreign),
        Unreadable::Format => InboxError::of(InboxCode::Format),
    }
}
