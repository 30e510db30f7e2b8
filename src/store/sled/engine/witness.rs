//! The small file that knows how far the store had come.
//!
//! sled may open a damaged database as an empty or a shorter one without a word. So after each sync of the database, and
//! before the answer, its commit number is written here, outside it: the witness never runs ahead of the database, and
//! losing an answered commit leaves the database behind the witness.
//!
//! Two slots are overwritten in turn, each in a block of its own, so that a torn write costs the slot being written and
//! never the one before. Nothing of a lead is in it.

mod tending;

use std::fs::File;
use std::io::{self, ErrorKind};
use std::os::unix::fs::FileExt;
use std::path::Path;

use crate::keyring::InstanceId;
use crate::machine::own::{Access, Directory};

/// A slot's block: no smaller than a sector of any disk in use, so that no sector holds parts of both slots.
const BLOCK_BYTES: usize = 4096;
const SLOTS: u64 = 2;
const MAGIC: [u8; 8] = *b"TAMISWIT";
/// The layout of a slot: magic, version, sequence, instance, epoch, commit, db bytes, CRC32C of all before; the rest of
/// the block is zeros. Numbers are little-endian.
const VERSION: u32 = 1;
const BODY_BYTES: usize = 8 + 4 + 8 + 16 + 4 + 8 + 8;
const SLOT_BYTES: usize = BODY_BYTES + 4;

/// How far the store had come.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Testimony {
    /// Whose store.
    pub instance: InstanceId,
    /// Its restore epoch.
    pub epoch: u32,
    /// Its last synced commit.
    pub commit: u64,
    /// The length of its database file then, in bytes.
    pub db_bytes: u64,
}

/// The open file, and what it last said.
pub struct Witness {
    file: File,
    /// Counts the records, from 0; its parity names the slot.
    sequence: u64,
    last: Testimony,
    failed: Option<ErrorKind>,
}

impl Witness {
    /// Creates the file with its first testimony and syncs it and its directory. What is no valid witness (the remains of
    /// a creation cut short) is replaced.
    ///
    /// # Errors
    /// [`ErrorKind::AlreadyExists`] if a valid one is there; otherwise what the system says.
    pub fn create(path: &Path, first: &Testimony) -> io::Result<Self> {
        if Self::open(path)?.is_some() {
            return Err(ErrorKind::AlreadyExists.into());
        }
        let (directory, name) = Directory::own_of(path)?;
        directory.discard(&name)?;
        let file = directory.create_new(&name)?;
        file.set_len(SLOTS * BLOCK_BYTES as u64)?;
        write_slot(&file, 0, first)?;
        file.sync_all()?;
        directory.sync()?;
        Ok(Self { file, sequence: 0, last: *first, failed: None })
    }

    /// Opens the file; the newest valid slot speaks. None: there is no file, or no valid slot in it.
    ///
    /// What it says is durable then, and so is its name: a predecessor killed before its sync leaves both in the system's
    /// memory alone, and a store without its witness is refused.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`] if a later version wrote it; otherwise what the system says.
    pub fn open(path: &Path) -> io::Result<Option<Self>> {
        let opened = Directory::own_of(path)
            .and_then(|(directory, name)| Ok((directory.open_own(name, Access::Write)?, directory)));
        let (file, directory) = match opened {
            Ok(opened) => opened,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let mut newest: Option<(u64, Testimony)> = None;
        for slot in 0..SLOTS {
            if let Some((sequence, testimony)) = read_slot(&file, slot)?
                && newest.is_none_or(|(held, _)| held < sequence)
            {
                newest = Some((sequence, testimony));
            }
        }
        if newest.is_some() {
            file.sync_all()?;
            directory.sync()?;
        }
        Ok(newest.map(|(sequence, last)| Self { file, sequence, last, failed: None }))
    }

    /// What was last recorded.
    pub fn last(&self) -> Testimony {
        self.last
    }

    /// Writes over the older slot and syncs it.
    ///
    /// # Errors
    /// What the system says. Which slot holds is then unknown, so every later call fails alike: only opening the file
    /// anew tells. [`ErrorKind::InvalidInput`], of which nothing remains, if the testimony is another store's or goes
    /// back: a witness that agrees to forget is none.
    pub fn record(&mut self, testimony: &Testimony) -> io::Result<()> {
        if let Some(kind) = self.failed {
            return Err(kind.into());
        }
        let goes_back = (testimony.epoch, testimony.commit) < (self.last.epoch, self.last.commit);
        if testimony.instance != self.last.instance || goes_back {
            return Err(ErrorKind::InvalidInput.into());
        }
        let sequence = self.sequence + 1;
        let written = write_slot(&self.file, sequence, testimony).and_then(|()| self.file.sync_data());
        if let Err(error) = written {
            self.failed = Some(error.kind());
            return Err(error);
        }
        self.sequence = sequence;
        self.last = *testimony;
        Ok(())
    }
}

fn write_slot(file: &File, sequence: u64, testimony: &Testimony) -> io::Result<()> {
    file.write_all_at(&encode(sequence, testimony), (sequence % SLOTS) * BLOCK_BYTES as u64)
}

/// What a slot says; none if it is torn, never written, or beyond the end of the file.
fn read_slot(file: &File, slot: u64) -> io::Result<Option<(u64, Testimony)>> {
    let mut bytes = [0; SLOT_BYTES];
    match file.read_exact_at(&mut bytes, slot * BLOCK_BYTES as u64) {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) => return Err(error),
    }
    match decode(&bytes) {
        Decoded::Slot(sequence, testimony) => Ok((sequence % SLOTS == slot).then_some((sequence, testimony))),
        Decoded::Invalid => Ok(None),
        Decoded::LaterVersion => Err(ErrorKind::Unsupported.into()),
    }
}

fn encode(sequence: u64, testimony: &Testimony) -> [u8; BLOCK_BYTES] {
    let mut body = Vec::with_capacity(SLOT_BYTES);
    body.extend_from_slice(&MAGIC);
    body.extend_from_slice(&VERSION.to_le_bytes());
    body.extend_from_slice(&sequence.to_le_bytes());
    body.extend_from_slice(&testimony.instance.0);
    body.extend_from_slice(&testimony.epoch.to_le_bytes());
    body.extend_from_slice(&testimony.commit.to_le_bytes());
    body.extend_from_slice(&testimony.db_bytes.to_le_bytes());
    let crc = crc32c::crc32c(&body);
    body.extend_from_slice(&crc.to_le_bytes());
    let mut block = [0; BLOCK_BYTES];
    block[..SLOT_BYTES].copy_from_slice(&body);
    block
}

enum Decoded {
    Slot(u64, Testimony),
    Invalid,
    LaterVersion,
}

fn decode(bytes: &[u8; SLOT_BYTES]) -> Decoded {
    let mut fields = Fields(bytes);
    let (body, _) = bytes.split_at(BODY_BYTES);
    let read = (|| {
        let magic = fields.take::<8>()?;
        let version = u32::from_le_bytes(fields.take()?);
        let sequence = u64::from_le_bytes(fields.take()?);
        let testimony = Testimony {
            instance: InstanceId(fields.take()?),
            epoch: u32::from_le_bytes(fields.take()?),
            commit: u64::from_le_bytes(fields.take()?),
            db_bytes: u64::from_le_bytes(fields.take()?),
        };
        let crc = u32::from_le_bytes(fields.take()?);
        (magic == MAGIC && crc == crc32c::crc32c(body)).then_some((version, sequence, testimony))
    })();
    match read {
        Some((VERSION, sequence, testimony)) => Decoded::Slot(sequence, testimony),
        Some(_) => Decoded::LaterVersion,
        None => Decoded::Invalid,
    }
}

/// Takes fields of fixed size off the front.
struct Fields<'b>(&'b [u8]);

impl Fields<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (field, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*field)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::MetadataExt;
    use std::path::PathBuf;

    use super::*;

    fn at(commit: u64) -> Testimony {
        Testimony { instance: InstanceId([7; 16]), epoch: 1, commit, db_bytes: commit * 1000 }
    }

    fn fresh() -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("witness");
        (dir, path)
    }

    fn last_commit(path: &Path) -> Option<u64> {
        Witness::open(path).expect("readable").map(|witness| witness.last().commit)
    }

    #[test]
    fn what_was_recorded_is_there_after_opening_again() {
        let (_dir, path) = fresh();
        assert!(Witness::open(&path).expect("readable").is_none(), "absent");
        let mut witness = Witness::create(&path, &at(1)).expect("created");
        assert!(witness.last() == at(1));
        for commit in 2..20 {
            witness.record(&at(commit)).expect("recorded");
            let again = Witness::open(&path).expect("readable").expect("valid");
            assert!(again.last() == at(commit));
        }
    }

    #[test]
    fn the_file_is_private_and_does_not_grow() {
        let (_dir, path) = fresh();
        let mut witness = Witness::create(&path, &at(1)).expect("created");
        for commit in 2..10 {
            witness.record(&at(commit)).expect("recorded");
        }
        let metadata = fs::metadata(&path).expect("there");
        assert_eq!(metadata.mode() & 0o777, 0o600);
        assert_eq!(metadata.len(), 8192);
    }

    /// A disk that fills up later takes nothing from it, and a sync of data alone is enough.
    #[test]
    fn the_file_has_its_whole_length_from_its_creation() {
        let (_dir, path) = fresh();
        drop(Witness::create(&path, &at(1)).expect("created"));
        assert_eq!(fs::metadata(&path).expect("there").len(), 8192);
    }

    /// A witness taken for absent would be made anew, and forget what it knew.
    #[test]
    fn what_cannot_be_read_is_not_taken_for_absent() {
        let (_dir, path) = fresh();
        drop(Witness::create(&path, &at(5)).expect("created"));
        let kind = |path: &Path| Witness::open(path).err().map(|error| error.kind());
        assert_eq!(kind(&path.join("below-a-file")), Some(ErrorKind::NotADirectory));
        assert_eq!(kind(path.parent().expect("a directory")), Some(ErrorKind::PermissionDenied));
        let unreadable = fs::OpenOptions::new().write(true).open(&path).expect("a handle");
        assert!(read_slot(&unreadable, 0).is_err(), "a handle that cannot read is no torn slot");
    }

    #[test]
    fn the_slots_alternate_also_across_openings() {
        let (_dir, path) = fresh();
        let block =
            |slot: usize| fs::read(&path).expect("there")[slot * BLOCK_BYTES..][..BLOCK_BYTES].to_vec();
        drop(Witness::create(&path, &at(1)).expect("created"));
        for commit in 2..8_u64 {
            let written = (commit as usize - 1) % 2;
            let (other, before) = (block(1 - written), block(written));
            let mut witness = Witness::open(&path).expect("readable").expect("valid");
            witness.record(&at(commit)).expect("recorded");
            assert!(block(1 - written) == other, "the newer slot was touched");
            assert!(block(written) != before, "the older slot was not written");
        }
    }

    /// A write torn at any byte: some prefix of the new block over the old one, or some suffix.
    #[test]
    fn a_slot_torn_at_any_byte_leaves_the_other() {
        let (_dir, path) = fresh();
        let mut witness = Witness::create(&path, &at(1)).expect("created");
        witness.record(&at(2)).expect("recorded");
        let old = fs::read(&path).expect("there");
        witness.record(&at(3)).expect("recorded");
        let new = fs::read(&path).expect("there");
        let at_length = |length: usize| {
            for (front, back) in [(&new, &old), (&old, &new)] {
                let torn = [&front[..length], &back[length..]].concat();
                fs::write(&path, &torn).expect("written");
                let commit = last_commit(&path).expect("one slot holds");
                // Complete if nothing that differs is missing: then the newer one may speak, never a mixture.
                assert_eq!(commit, if torn[..BLOCK_BYTES] == new[..BLOCK_BYTES] { 3 } else { 2 }, "{length}");
            }
        };
        (0..=SLOT_BYTES + 8).for_each(at_length);
        at_length(BLOCK_BYTES);
    }

    #[test]
    fn a_changed_byte_anywhere_in_a_slot_silences_it() {
        let (_dir, path) = fresh();
        let mut witness = Witness::create(&path, &at(1)).expect("created");
        witness.record(&at(2)).expect("recorded");
        let good = fs::read(&path).expect("there");
        for byte in 0..SLOT_BYTES {
            let mut bad = good.clone();
            bad[BLOCK_BYTES + byte] ^= 1;
            fs::write(&path, &bad).expect("written");
            assert_eq!(last_commit(&path), Some(1), "newer slot, byte {byte}");
            bad[byte] ^= 0x80;
            fs::write(&path, &bad).expect("written");
            assert_eq!(last_commit(&path), None, "both slots, byte {byte}");
        }
    }

    #[test]
    fn a_file_cut_anywhere_says_nothing_wrong() {
        let (_dir, path) = fresh();
        let mut witness = Witness::create(&path, &at(1)).expect("created");
        witness.record(&at(2)).expect("recorded");
        let good = fs::read(&path).expect("there");
        for (length, expected) in [
            (0, None),
            (SLOT_BYTES - 1, None),
            (SLOT_BYTES, Some(1)),
            (BLOCK_BYTES + SLOT_BYTES - 1, Some(1)),
            (BLOCK_BYTES + SLOT_BYTES, Some(2)),
        ] {
            fs::write(&path, &good[..length]).expect("written");
            assert_eq!(last_commit(&path), expected, "{length}");
        }
    }

    /// Blocks that changed places, or one copied over the other, are no two alternating slots.
    #[test]
    fn a_slot_in_the_wrong_place_is_not_valid() {
        let (_dir, path) = fresh();
        Witness::create(&path, &at(1)).expect("created").record(&at(2)).expect("recorded");
        let good = fs::read(&path).expect("there");
        let swapped = [&good[BLOCK_BYTES..], &good[..BLOCK_BYTES]].concat();
        fs::write(&path, swapped).expect("written");
        assert_eq!(last_commit(&path), None);
    }

    #[test]
    fn a_valid_witness_is_not_created_over_and_remains_are() {
        let (_dir, path) = fresh();
        drop(Witness::create(&path, &at(5)).expect("created"));
        let refused = Witness::create(&path, &at(1)).err().map(|error| error.kind());
        assert_eq!(refused, Some(ErrorKind::AlreadyExists));
        assert_eq!(last_commit(&path), Some(5));
        fs::write(&path, b"TAMIS").expect("written");
        drop(Witness::create(&path, &at(1)).expect("created"));
        assert_eq!(last_commit(&path), Some(1));
    }

    #[test]
    fn a_slot_of_a_later_version_is_an_error_and_not_an_absence() {
        let (_dir, path) = fresh();
        drop(Witness::create(&path, &at(1)).expect("created"));
        let mut bytes = fs::read(&path).expect("there");
        bytes[8] = 2;
        let crc = crc32c::crc32c(&bytes[..BODY_BYTES]);
        bytes[BODY_BYTES..SLOT_BYTES].copy_from_slice(&crc.to_le_bytes());
        fs::write(&path, &bytes).expect("written");
        let error = Witness::open(&path).err().map(|error| error.kind());
        assert_eq!(error, Some(ErrorKind::Unsupported));
    }

    #[test]
    fn what_goes_back_or_is_another_stores_is_refused_and_changes_nothing() {
        let (_dir, path) = fresh();
        let mut witness = Witness::create(&path, &at(5)).expect("created");
        let foreign = Testimony { instance: InstanceId([8; 16]), ..at(6) };
        for refused in [at(4), foreign, Testimony { epoch: 0, ..at(9) }] {
            let kind = witness.record(&refused).err().map(|error| error.kind());
            assert_eq!(kind, Some(ErrorKind::InvalidInput));
            assert_eq!(last_commit(&path), Some(5));
        }
        witness.record(&at(5)).expect("the same commit again");
        witness.record(&Testimony { epoch: 2, ..at(1) }).expect("a restore begins an epoch");
        assert_eq!(last_commit(&path), Some(1));
    }

    #[test]
    fn a_failed_record_is_never_tried_again_as_if_nothing_had_happened() {
        let (_dir, path) = fresh();
        let mut witness = Witness::create(&path, &at(1)).expect("created");
        let writable = std::mem::replace(&mut witness.file, File::open(&path).expect("read-only"));
        assert!(witness.record(&at(2)).is_err(), "the handle cannot write");
        assert!(witness.last() == at(1), "not recorded, so not said");
        witness.file = writable;
        assert!(witness.record(&at(2)).is_err(), "the handle could write, but the failure stands");
        assert_eq!(last_commit(&path), Some(1));
    }
}
