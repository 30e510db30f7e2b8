//! Opening: every segment is read; a reference with an end in the store is done, any other is queued.
//!
//! What the bytes cannot tell, the witness does: whether a segment is not there, and whether frames that are not there
//! had been durable. What is gone for good is counted and passed over; what is damaged amid frames that can be read
//! refuses, as the rest may still be had. Nothing is changed on the disk before everything has been read.

use std::collections::HashMap;
use std::io;

use super::frame::{self, Frame, HEADER_BYTES, Kind};
use super::missing::{Missing, Read};
use super::queue::Queue;
use super::segment::{FIRST_FRAME, FoundSegment, Shelf, Unreadable};
use super::segments::Segments;
use super::witness::{Testimony, Witnessed};
use super::{InboxCode, InboxError, Known};
use crate::keyring::{Keyring, KeyringCode};

/// What a replay found.
pub struct Replayed {
    /// The references without an end.
    pub queue: Queue,
    /// The segments, all ended: writing begins in a fresh one.
    pub segments: Segments,
    /// What had been answered for and is not there.
    pub missing: Missing,
}

/// Reads the shelf, and holds it against the witness's last word. Without one it is as if the witness had seen nothing.
///
/// # Errors
/// [`InboxCode::Corrupt`], [`InboxCode::Key`], [`InboxCode::Foreign`], [`InboxCode::Format`], [`InboxCode::Io`], or what
/// the store says of a reference.
pub async fn replay(
    shelf: &Shelf,
    keyring: &dyn Keyring,
    known: &dyn Known,
    testimony: Option<&Testimony>,
) -> Result<Replayed, InboxError> {
    let Order { segments, hollow } = in_order_of_use(shelf, testimony.is_some())?;
    let mut reader = Reader {
        shelf,
        keyring,
        known,
        testimony,
        queue: Queue::default(),
        segments: Segments::default(),
        read: HashMap::new(),
        tail: None,
        short: Vec::new(),
    };
    for (_, slot) in segments {
        let segment = reader.open_segment(slot)?;
        reader.read_segment(segment).await?;
    }
    let Reader { queue, mut segments, read, tail, short, .. } = reader;
    let missing = testimony.map(|testimony| Missing::of(testimony, &read, &segments)).unwrap_or_default();
    // Before anything is mended: what is damaged is never changed without a word.
    missing.say();
    for tail in short.into_iter().chain(tail) {
        tail.mend(&mut segments).map_err(InboxError::io)?;
    }
    for slot in hollow {
        shelf.remove(slot).map_err(InboxError::io)?;
    }
    segments.begin_uses_at(testimony.map_or(0, |testimony| testimony.next_use));
    Ok(Replayed { queue, segments, missing })
}

struct Reader<'r> {
    shelf: &'r Shelf,
    keyring: &'r dyn Keyring,
    known: &'r dyn Known,
    testimony: Option<&'r Testimony>,
    queue: Queue,
    segments: Segments,
    /// How far each use was read.
    read: HashMap<u64, Read>,
    /// The end of the last segment with frames so far.
    tail: Option<Tail>,
    /// The ends of segments that had been longer.
    short: Vec<Tail>,
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
    /// The file ends here, before its size.
    cut_at: Option<usize>,
}

/// The slots that have a file.
struct Order {
    /// With its use number, in the order of these.
    segments: Vec<(u64, u32)>,
    /// Files in which there is nothing: neither a header nor a frame.
    hollow: Vec<u32>,
}

fn in_order_of_use(shelf: &Shelf, is_witnessed: bool) -> Result<Order, InboxError> {
    let mut order = Order { segments: Vec::new(), hollow: Vec::new() };
    for slot in shelf.slots().map_err(InboxError::io)? {
        match shelf.used(slot) {
            Ok(used) => order.segments.push((used, slot)),
            Err(Unreadable::Damaged) if is_witnessed && is_hollow(shelf, slot)? => order.hollow.push(slot),
            Err(error) => return Err(refuse(slot, error)),
        }
    }
    order.segments.sort_unstable();
    for pair in order.segments.windows(2) {
        if let [(one, slot), (other, _)] = pair
            && one == other
        {
            return Err(corrupt(*slot, 0));
        }
    }
    Ok(order)
}

/// True if nothing can be had from this file any more: the witness knows what was in it.
fn is_hollow(shelf: &Shelf, slot: u32) -> Result<bool, InboxError> {
    let content = shelf.content(slot).map_err(InboxError::io)?;
    Ok(frame::find(&content, 0, |_| true).is_none())
}

impl<'r> Reader<'r> {
    fn open_segment(&self, slot: u32) -> Result<FoundSegment, InboxError> {
        let segment = self.shelf.read(slot).map_err(|error| refuse(slot, error))?;
        // With one header lost, the other may be of an earlier use: frames of a later one would prove it. Without any,
        // the header was being rewritten when the process or the machine died.
        if segment.spoiled
            && let Some((at, _)) = frame::find(&segment.content, FIRST_FRAME, |used| used > segment.used)
        {
            return Err(corrupt(slot, at));
        }
        // What was beyond the cut only the witness knows.
        if segment.is_cut && self.testimony.is_none() {
            return Err(corrupt(slot, segment.content.len()));
        }
        Ok(segment)
    }

    fn witnessed(&self, used: u64) -> Option<&'r Witnessed> {
        self.testimony?.segments.iter().find(|segment| segment.used == used)
    }

    async fn read_segment(&mut self, found: FoundSegment) -> Result<(), InboxError> {
        let FoundSegment { file, used, is_cut, content, .. } = found;
        let slot = file.slot();
        self.segments.add_found(file, used);
        let mut tail = Tail {
            slot,
            used,
            last_batch: Vec::new(),
            last_batch_at: FIRST_FRAME,
            torn_at: None,
            remains: false,
            cut_at: is_cut.then_some(content.len()),
        };
        let mut read = Read { slot, end: FIRST_FRAME, references: 0 };
        loop {
            let Some(frame) = frame_of(&content, read.end, used) else {
                tail.torn_at = Some(read.end);
                tail.remains =
                    remains_of_torn_batch(&content, read.end, used).map_err(|()| corrupt(slot, read.end))?;
                break;
            };
            tail.last_batch_at = usize::try_from(frame.batch_start).unwrap_or(usize::MAX).min(read.end);
            read.end += frame.len();
            match frame.kind {
                Kind::End => break,
                Kind::References => {
                    read.references += u64::from(frame.count);
                    self.take_frame(slot, &frame).await?;
                }
            }
        }
        let (end, is_empty) = (read.end, read.end == FIRST_FRAME);
        let is_short = read.falls_short_of(self.witnessed(used));
        self.segments.grow(slot, read.references, end);
        self.read.insert(used, read);
        if is_short && tail.remains {
            // It had been durable, and more of it can be read.
            return Err(corrupt(slot, end));
        }
        if is_empty && !tail.remains && !is_short {
            self.short.extend(tail.cut_at.is_some().then_some(tail));
            return Ok(());
        }
        // A segment is begun only when the end marker of the one before is on the disk.
        if let Some(Tail { slot, torn_at: Some(torn_at), .. }) = &self.tail {
            return Err(corrupt(*slot, *torn_at));
        }
        tail.last_batch = content.get(tail.last_batch_at..end).unwrap_or_default().to_vec();
        if is_short {
            self.short.push(tail);
        } else {
            tail.remains |= is_begun(&content, end, used);
            self.short.extend(self.tail.take().filter(|before| before.cut_at.is_some()));
            self.tail = Some(tail);
        }
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
        self.segments.note_day(slot, frame.day);
        let looked = self.known.look(&references).await.map_err(InboxError::of)?;
        let (mut known, claims) = (looked.known.into_iter(), self.known.claims());
        // As in accepting: what the store says nothing of is not passed over.
        for reference in references.into_iter().filter(|_| known.next() != Some(true)) {
            let Self { queue, segments, .. } = self;
            // Written again elsewhere before the old segment was recycled: it is open in the newer one only.
            let ticket = queue.ticket(&reference.leadgen, &reference.lane());
            let ticket = ticket.unwrap_or_else(|| queue.insert(&reference, claims.as_ref()));
            segments.land(queue, ticket, slot);
        }
        Ok(())
    }
}

impl Tail {
    /// Writes the last batch again as it was read, with the end marker that is missing, and syncs. A file that was cut is
    /// made whole first.
    ///
    /// Not only synced: after a failed fdatasync the kernel may hold pages as clean that never reached the disk, and a
    /// killed process leaves some that did not yet. What is recognised as known must be on the disk.
    fn mend(mut self, segments: &mut Segments) -> io::Result<()> {
        let Some(file) = segments.file(self.slot).cloned() else { return Ok(()) };
        if let Some(cut_at) = self.cut_at {
            file.fill_from(cut_at as u64)?;
        }
        if let Some(torn_at) = self.torn_at.filter(|_| !self.is_empty()) {
            let start = u32::try_from(torn_at).unwrap_or(u32::MAX);
            self.last_batch.extend_from_slice(&frame::end(self.used, start));
            if self.remains {
                tracing::warn!(segment.slot = self.slot, offset = torn_at, "inbox.torn-tail");
            }
        }
        file.write(&self.last_batch, self.last_batch_at as u64)?;
        file.sync()?;
        if let Some(torn_at) = self.torn_at.filter(|_| !self.is_empty()) {
            segments.grow(self.slot, 0, torn_at + HEADER_BYTES);
        }
        Ok(())
    }

    /// There is nothing in the segment that an end marker could end.
    fn is_empty(&self) -> bool {
        self.torn_at == Some(FIRST_FRAME) && !self.remains
    }
}

fn frame_of(content: &[u8], at: usize, used: u64) -> Option<Frame<'_>> {
    content.get(at..).and_then(Frame::decode).filter(|frame| frame.used == used)
}

/// True if a frame of this use was begun here: its header says so.
fn is_begun(content: &[u8], at: usize, used: u64) -> bool {
    let header = content.get(at..).and_then(|rest| rest.first_chunk::<HEADER_BYTES>());
    header.is_some_and(|header| frame::says_use(header, used))
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
