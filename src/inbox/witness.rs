//! The small file that knows what the journal answered for.
//!
//! A journal cannot tell by itself that a segment is not there, nor whether bytes that are not there were a batch that
//! nobody was answered for. So the keeper writes down here, outside of the store's directory, how far each segment had
//! been durable and how many of its references were open: at most once a second, before a segment is given a new use, and
//! at the end. Never on a call's way, so it lags behind the journal, and never runs ahead of it.
//!
//! Two slots are overwritten in turn, so that a torn write costs the slot being written and never the one before. No id
//! of a lead is in it.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::PathBuf;

use super::{InboxCode, InboxError};
use crate::clock::Day;
use crate::keyring::InstanceId;
use crate::machine::disk::{directory_of, sync_dir};
use crate::machine::own::{self, Access, Directory};

/// The layout of a slot, little-endian: magic, version (u32), sequence (u64), instance, the next use number (u64), the
/// count of segments (u32), the segments, CRC32C of all before; the rest of the slot is of earlier records.
const VERSION: u32 = 1;
const MAGIC: [u8; 8] = *b"TAMISJWT";
const HEAD_BYTES: usize = 8 + 4 + 8 + 16 + 8 + 4;
/// A segment: use number (u64), slot (u32), where it had been durable up to (u32), references in it (u32), how many of
/// them were open (u32), the day of its key (u32).
const SEGMENT_BYTES: usize = 8 + 5 * 4;
const CRC_BYTES: usize = 4;

/// A slot, in blocks of its own: no sector of any disk in use holds parts of both.
const SLOT_BYTES: usize = 64 * 1024;
const SLOTS: u64 = 2;

/// So many segments have room in a slot, and so many there may be: three times what the largest config asks for.
pub const SEGMENTS_MAX: usize = (SLOT_BYTES - HEAD_BYTES - CRC_BYTES) / SEGMENT_BYTES;

/// One segment that holds frames.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Witnessed {
    /// Its use number.
    pub used: u64,
    /// Where it lies.
    pub slot: u32,
    /// Everything before this place was durable.
    pub end: u32,
    /// How many references its frames held.
    pub references: u32,
    /// How many of them had no end yet, and were open in no later segment.
    pub open: u32,
    /// The day of the key that seals it.
    pub day: Day,
}

/// What the journal answered for, at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Testimony {
    /// No segment was ever given this use number, or a higher one.
    pub next_use: u64,
    /// The segments whose references were not all at their ends, in order of use.
    pub segments: Vec<Witnessed>,
}

/// The file, and what it last said.
pub struct Witness {
    path: PathBuf,
    instance: InstanceId,
    /// None: there is none yet, or what lies at the path is not it.
    file: Option<File>,
    /// Counts the records; its parity names the slot.
    sequence: u64,
    last: Option<Testimony>,
    /// Uses that a record named which failed: it may be on the disk all the same.
    doubtful: BTreeSet<u64>,
}

impl Witness {
    /// Opens the file and hears its newest valid slot. What is not there is made by the first [`Witness::record`].
    ///
    /// What it says is durable then, and so is its name: a predecessor killed before its sync leaves both in the system's
    /// memory alone, and a segment is recycled on its word.
    ///
    /// A file that says nothing, or is of another instance, is no reason to refuse what the journal still has: it is said,
    /// and replaced.
    ///
    /// # Errors
    /// [`InboxCode::Format`] if a later version wrote it; what the system says.
    pub fn open(path: PathBuf, instance: InstanceId) -> Result<Self, InboxError> {
        let mut witness =
            Self { path, instance, file: None, sequence: 0, last: None, doubtful: BTreeSet::new() };
        let opened = Directory::own_of(&witness.path)
            .and_then(|(directory, name)| directory.open_own(name, Access::Write));
        let file = match opened {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(witness),
            Err(error) => return Err(InboxError::io(error)),
        };
        let mut newest: Option<Slot> = None;
        for number in 0..SLOTS {
            match read_slot(&file, number).map_err(InboxError::io)? {
                Decoded::Slot(slot) if newest.as_ref().is_none_or(|held| held.sequence < slot.sequence) => {
                    newest = Some(slot);
                }
                Decoded::LaterVersion => return Err(InboxError::of(InboxCode::Format)),
                Decoded::Slot(_) | Decoded::Invalid => {}
            }
        }
        match newest.filter(|slot| slot.instance == instance) {
            Some(slot) => {
                file.sync_all().map_err(InboxError::io)?;
                sync_dir(directory_of(&witness.path)).map_err(InboxError::io)?;
                (witness.file, witness.sequence, witness.last) =
                    (Some(file), slot.sequence, Some(slot.testimony));
            }
            None => tracing::error!("inbox.witness-unreadable"),
        }
        Ok(witness)
    }

    /// What it last said; none: it never spoke.
    pub fn last(&self) -> Option<&Testimony> {
        self.last.as_ref()
    }

    /// True if it speaks of this use of a segment, or may.
    pub fn names(&self, used: u64) -> bool {
        let said = |last: &Testimony| last.segments.iter().any(|segment| segment.used == used);
        self.last.as_ref().is_some_and(said) || self.doubtful.contains(&used)
    }

    /// Writes over the older slot and syncs it. A file that is no longer at its place is made anew.
    ///
    /// # Errors
    /// What the system says. The newer slot was not touched, and the next call writes the same slot again, whole: so it may
    /// be tried again.
    pub fn record(&mut self, testimony: Testimony) -> io::Result<()> {
        let sequence = self.sequence + 1;
        let bytes = encode(sequence, self.instance, &testimony);
        self.doubtful.extend(testimony.segments.iter().map(|segment| segment.used));
        match self.file.as_ref().filter(|file| self.is_in_place(file)) {
            Some(file) => {
                file.write_all_at(&bytes, slot_at(sequence))?;
                file.sync_data()?;
            }
            None => self.file = Some(self.make(&bytes, sequence)?),
        }
        (self.sequence, self.last) = (sequence, Some(testimony));
        self.doubtful.clear();
        Ok(())
    }

    /// Somebody may have removed or replaced the file under the running daemon.
    fn is_in_place(&self, file: &File) -> bool {
        let (Ok(ours), Ok(there)) = (file.metadata(), fs::metadata(&self.path)) else { return false };
        (ours.dev(), ours.ino()) == (there.dev(), there.ino())
    }

    /// Under its name only when it is complete and durable, so that one without a valid slot is damaged.
    fn make(&self, bytes: &[u8], sequence: u64) -> io::Result<File> {
        let (directory, name) = Directory::own_of(&self.path)?;
        let unfinished = own::name_of(&self.path.with_extension("new"))?;
        directory.discard(&unfinished)?;
        let mut file = directory.create_new(&unfinished)?;
        // Really written, so that a later record needs no room on the disk.
        file.write_all(&vec![0; SLOT_BYTES * 2])?;
        file.write_all_at(bytes, slot_at(sequence))?;
        file.sync_all()?;
        directory.rename(&unfinished, &name)?;
        directory.sync()?;
        Ok(file)
    }
}

struct Slot {
    sequence: u64,
    instance: InstanceId,
    testimony: Testimony,
}

enum Decoded {
    Slot(Slot),
    Invalid,
    LaterVersion,
}

fn slot_at(sequence: u64) -> u64 {
    (sequence % SLOTS) * SLOT_BYTES as u64
}

/// What a slot says; nothing if it is torn, never written, beyond the end of the file, or another slot's.
fn read_slot(file: &File, number: u64) -> io::Result<Decoded> {
    let mut bytes = vec![0; SLOT_BYTES];
    match file.read_exact_at(&mut bytes, slot_at(number)) {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(Decoded::Invalid),
        Err(error) => return Err(error),
    }
    Ok(match decode(&bytes) {
        Decoded::Slot(slot) if slot.sequence % SLOTS != number => Decoded::Invalid,
        decoded => decoded,
    })
}

fn encode(sequence: u64, instance: InstanceId, testimony: &Testimony) -> Vec<u8> {
    // No more than fit: there never are more (`shared::Limits`).
    let segments = testimony.segments.get(..SEGMENTS_MAX).unwrap_or(&testimony.segments);
    let mut bytes = Vec::with_capacity(HEAD_BYTES + segments.len() * SEGMENT_BYTES + CRC_BYTES);
    bytes.extend_from_slice(&MAGIC);
    bytes.extend_from_slice(&VERSION.to_le_bytes());
    bytes.extend_from_slice(&sequence.to_le_bytes());
    bytes.extend_from_slice(&instance.0);
    bytes.extend_from_slice(&testimony.next_use.to_le_bytes());
    bytes.extend_from_slice(&u32::try_from(segments.len()).unwrap_or(0).to_le_bytes());
    for Witnessed { used, slot, end, references, open, day } in segments {
        bytes.extend_from_slice(&used.to_le_bytes());
        for number in [slot, end, references, open, &day.0] {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
    }
    let crc = crc32c::crc32c(&bytes);
    bytes.extend_from_slice(&crc.to_le_bytes());
    bytes
}

fn decode(bytes: &[u8]) -> Decoded {
    let mut fields = Fields(bytes);
    let read = (|| {
        let magic = fields.take::<8>()?;
        let version = fields.u32()?;
        let sequence = fields.u64()?;
        let instance = InstanceId(fields.take()?);
        let next_use = fields.u64()?;
        let count = usize::try_from(fields.u32()?).ok().filter(|count| *count <= SEGMENTS_MAX)?;
        let segments: Option<Vec<Witnessed>> = (0..count).map(|_| fields.segment()).collect();
        let body = bytes.get(..HEAD_BYTES + count * SEGMENT_BYTES)?;
        let is_whole = magic == MAGIC && fields.u32()? == crc32c::crc32c(body);
        let testimony = Testimony { next_use, segments: segments? };
        is_whole.then_some((version, Slot { sequence, instance, testimony }))
    })();
    match read {
        Some((VERSION, slot)) => Decoded::Slot(slot),
        Some(_) => Decoded::LaterVersion,
        None => Decoded::Invalid,
    }
}

/// Takes fields off the front.
struct Fields<'b>(&'b [u8]);

impl Fields<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (field, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*field)
    }

    fn u32(&mut self) -> Option<u32> {
        self.take().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Option<u64> {
        self.take().map(u64::from_le_bytes)
    }

    fn segment(&mut self) -> Option<Witnessed> {
        Some(Witnessed {
            used: self.u64()?,
            slot: self.u32()?,
            end: self.u32()?,
            references: self.u32()?,
            open: self.u32()?,
            day: Day(self.u32()?),
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn segment() -> impl Strategy<Value = Witnessed> {
        let numbers = any::<(u64, u32, u32, u32, u32, u32)>();
        numbers.prop_map(|(used, slot, end, references, open, day)| Witnessed {
            used,
            slot,
            end,
            references,
            open,
            day: Day(day),
        })
    }

    proptest! {
        #[test]
        fn what_is_said_reads_back_and_no_changed_bit_or_cut_passes(
            next_use in any::<u64>(),
            sequence in any::<u64>(),
            segments in prop::collection::vec(segment(), 0..20),
            hit in any::<usize>(),
        ) {
            let instance = InstanceId([7; 16]);
            let testimony = Testimony { next_use, segments };
            let mut bytes = encode(sequence, instance, &testimony);
            let Decoded::Slot(slot) = decode(&bytes) else { panic!("it does not read back") };
            prop_assert!(slot.testimony == testimony);
            prop_assert!((slot.sequence, slot.instance) == (sequence, instance));
            prop_assert!(matches!(decode(&bytes[..hit % bytes.len()]), Decoded::Invalid));
            let place = hit % (bytes.len() * 8);
            bytes[place / 8] ^= 1 << (place % 8);
            prop_assert!(matches!(decode(&bytes), Decoded::Invalid));
        }

        #[test]
        fn any_bytes_are_read_without_a_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = decode(&bytes);
            let front = bytes.len().min(12);
            bytes[..front].copy_from_slice(&[&MAGIC[..], &VERSION.to_le_bytes()].concat()[..front]);
            let _ = decode(&bytes);
        }
    }

    #[test]
    fn as_many_segments_as_there_may_be_have_room_in_a_slot() {
        let one = Witnessed { used: 1, slot: 1, end: 1, references: 1, open: 1, day: Day(1) };
        let testimony = Testimony { next_use: 2, segments: vec![one; SEGMENTS_MAX] };
        let bytes = encode(1, InstanceId([7; 16]), &testimony);
        assert!(bytes.len() <= SLOT_BYTES && bytes.len() + SEGMENT_BYTES > SLOT_BYTES);
        assert!(matches!(decode(&bytes), Decoded::Slot(slot) if slot.testimony == testimony));
    }
}
