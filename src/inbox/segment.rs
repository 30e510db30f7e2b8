//! A segment: one file of fixed size, pre-written, with two headers of which the newer valid one counts.
//!
//! Two, so that a crash while a segment is given a new use leaves the old header valid: the older one is overwritten.
//! A file appears under its final name only when it is complete, so one without any valid header is damaged.

use std::cmp;
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use crate::keyring::InstanceId;
use crate::machine::own::{Access, Directory};

/// Where the first frame is: after the headers, each in a page of its own.
pub const FIRST_FRAME: usize = 2 * HEADER_EVERY;

const HEADER_EVERY: usize = 4096;
const HEADER_BYTES: usize = 48;
const MAGIC: &[u8; 8] = b"tamisjnl";
const VERSION: u32 = 1;
const ZEROS_BYTES: usize = 256 * 1024;

/// What bytes are written to: a file, or in tests one that fails or waits when told.
pub trait Medium: Send + Sync {
    /// Writes all of it at this place.
    fn write_all_at(&self, bytes: &[u8], at: u64) -> io::Result<()>;
    /// Returns when everything written is on the disk (`fdatasync`).
    fn sync_data(&self) -> io::Result<()>;
}

impl Medium for File {
    fn write_all_at(&self, bytes: &[u8], at: u64) -> io::Result<()> {
        FileExt::write_all_at(self, bytes, at)
    }
    fn sync_data(&self) -> io::Result<()> {
        File::sync_data(self)
    }
}

/// Makes a medium of an opened segment file.
pub trait Media: Send + Sync {
    /// Takes the file over.
    fn medium(&self, file: File) -> Box<dyn Medium>;
}

/// The file itself.
pub struct Disk;

impl Media for Disk {
    fn medium(&self, file: File) -> Box<dyn Medium> {
        Box::new(file)
    }
}

/// Where the segments of one instance lie, and how large a new one is.
pub struct Shelf {
    path: PathBuf,
    instance: InstanceId,
    segment_bytes: u64,
    media: Box<dyn Media>,
}

/// An open segment file.
pub struct SegmentFile {
    slot: u32,
    bytes: u64,
    /// The header that counts is the second one.
    second_counts: AtomicBool,
    medium: Box<dyn Medium>,
}

/// A segment as it lies on the disk.
pub struct FoundSegment {
    /// Its file.
    pub file: SegmentFile,
    /// The newer valid header's use number.
    pub used: u64,
    /// One of the two headers is not valid: a crash while it was rewritten, or damage.
    pub spoiled: bool,
    /// The file is shorter than it says: no crash does that.
    pub is_cut: bool,
    /// Everything in it.
    pub content: Vec<u8>,
}

/// Why a segment cannot be read.
pub enum Unreadable {
    /// The system says so.
    Io(io::Error),
    /// No header is valid, or the file is longer than it says.
    Damaged,
    /// Another instance's.
    Foreign,
    /// A later version wrote it.
    Format,
}

impl Shelf {
    /// A shelf in this directory, whose new segments have this size.
    pub fn new(path: PathBuf, instance: InstanceId, segment_bytes: u64, media: Box<dyn Media>) -> Self {
        Self { path, instance, segment_bytes, media }
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The instance that the segments belong to.
    pub fn instance(&self) -> InstanceId {
        self.instance
    }

    /// The slots that have a file, in order. Files that were never completed are removed.
    ///
    /// # Errors
    /// What the system says.
    pub fn slots(&self) -> io::Result<Vec<u32>> {
        let mut slots = Vec::new();
        let directory = Directory::own(&self.path)?;
        for entry in fs::read_dir(&self.path)? {
            let name = entry?.file_name();
            let Some(name) = name.to_str() else { continue };
            if name.ends_with(".new") {
                directory.discard(name)?;
            } else if let Some(slot) = name.strip_suffix(".seg").and_then(|digits| digits.parse().ok()) {
                slots.push(slot);
            }
        }
        slots.sort_unstable();
        Ok(slots)
    }

    /// True if this slot has a file.
    ///
    /// # Errors
    /// It cannot be told.
    pub fn has(&self, slot: u32) -> io::Result<bool> {
        fs::exists(self.path.join(name_of(slot)))
    }

    /// Makes a segment: zeros, headers, synced, named, directory synced. Takes some milliseconds, so it is done ahead.
    ///
    /// # Errors
    /// What the system says; nothing is left under the final name then.
    pub fn create(&self, slot: u32, used: u64) -> io::Result<SegmentFile> {
        let directory = Directory::own(&self.path)?;
        let unfinished = format!("{slot:06}.new");
        let made = self.write_new(&directory, &unfinished, used).and_then(|file| {
            directory.rename(&unfinished, name_of(slot))?;
            directory.sync()?;
            Ok(file)
        });
        match made {
            Ok(file) => Ok(self.segment_file(slot, self.segment_bytes, true, file)),
            Err(error) => {
                // What is left of it is removed at the next open, if not now.
                let _ = directory.discard(&unfinished);
                Err(error)
            }
        }
    }

    /// The use number of a segment.
    ///
    /// # Errors
    /// See [`Unreadable`].
    pub fn used(&self, slot: u32) -> Result<u64, Unreadable> {
        let file = self.open(slot, Access::Read)?;
        let mut headers = Vec::with_capacity(FIRST_FRAME);
        file.take(FIRST_FRAME as u64).read_to_end(&mut headers).map_err(Unreadable::Io)?;
        newest_header(&headers).0.map(|header| header.used).ok_or(Unreadable::Damaged)
    }

    /// Everything in a segment that cannot be read as one.
    ///
    /// # Errors
    /// What the system says.
    pub fn content(&self, slot: u32) -> io::Result<Vec<u8>> {
        let mut content = Vec::new();
        let file = Directory::own(&self.path)?.open_own(name_of(slot), Access::Read)?;
        // No longer than a segment that reads as one.
        file.take(self.segment_bytes).read_to_end(&mut content)?;
        Ok(content)
    }

    /// Reads a segment whole.
    ///
    /// # Errors
    /// See [`Unreadable`].
    pub fn read(&self, slot: u32) -> Result<FoundSegment, Unreadable> {
        let mut file = self.open(slot, Access::Write)?;
        let mut content = Vec::new();
        file.read_to_end(&mut content).map_err(Unreadable::Io)?;
        let (newest, second_counts, spoiled) = newest_header(&content);
        let newest = newest.ok_or(Unreadable::Damaged)?;
        if newest.version != VERSION {
            return Err(Unreadable::Format);
        }
        if newest.instance != self.instance {
            return Err(Unreadable::Foreign);
        }
        let is_cut = match (content.len() as u64).cmp(&newest.bytes) {
            cmp::Ordering::Less => true,
            cmp::Ordering::Equal => false,
            cmp::Ordering::Greater => return Err(Unreadable::Damaged),
        };
        let file = self.segment_file(slot, newest.bytes, second_counts, file);
        Ok(FoundSegment { file, used: newest.used, spoiled, is_cut, content })
    }

    /// Gives a segment a new use, durably: frames of earlier uses count no more from then on. The header that counts is
    /// not touched, the other one is overwritten.
    ///
    /// # Errors
    /// What the system says. The old header is still valid then.
    pub fn reuse(&self, file: &SegmentFile, used: u64) -> io::Result<()> {
        let second = !file.second_counts.load(Ordering::Relaxed);
        file.medium.write_all_at(&encode_header(self.instance, used, file.bytes), header_at(second))?;
        file.medium.sync_data()?;
        file.second_counts.store(second, Ordering::Relaxed);
        Ok(())
    }

    /// Removes a segment, durably.
    ///
    /// # Errors
    /// What the system says.
    pub fn remove(&self, slot: u32) -> io::Result<()> {
        let directory = Directory::own(&self.path)?;
        directory.remove(name_of(slot))?;
        directory.sync()
    }

    fn segment_file(&self, slot: u32, bytes: u64, second_counts: bool, file: File) -> SegmentFile {
        let second_counts = AtomicBool::new(second_counts);
        SegmentFile { slot, bytes, second_counts, medium: self.media.medium(file) }
    }

    fn open(&self, slot: u32, access: Access) -> Result<File, Unreadable> {
        let directory = Directory::own(&self.path);
        directory.and_then(|directory| directory.open_own(name_of(slot), access)).map_err(Unreadable::Io)
    }

    fn write_new(&self, directory: &Directory, name: &str, used: u64) -> io::Result<File> {
        // What a creation cut short has left.
        directory.discard(name)?;
        let mut file = directory.create_new(name)?;
        let zeros = vec![0; ZEROS_BYTES];
        let mut left = self.segment_bytes;
        while left > 0 {
            let part = usize::try_from(left).unwrap_or(ZEROS_BYTES).min(ZEROS_BYTES);
            io::Write::write_all(&mut file, zeros.get(..part).unwrap_or_default())?;
            left = left.saturating_sub(part as u64);
        }
        file.seek(SeekFrom::Start(0))?;
        // Both headers are valid from the start, the first with use 0, which never is one: so an invalid header always
        // means something.
        for (second, used) in [(false, 0), (true, used)] {
            let header = encode_header(self.instance, used, self.segment_bytes);
            FileExt::write_all_at(&file, &header, header_at(second))?;
        }
        file.sync_all()?;
        Ok(file)
    }
}

impl SegmentFile {
    /// The number in its name.
    pub fn slot(&self) -> u32 {
        self.slot
    }

    /// Its size.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Writes all of it at this place.
    ///
    /// # Errors
    /// What the system says.
    pub fn write(&self, bytes: &[u8], at: u64) -> io::Result<()> {
        self.medium.write_all_at(bytes, at)
    }

    /// Fills a file that was cut here with zeros up to its size.
    ///
    /// # Errors
    /// What the system says.
    pub fn fill_from(&self, mut at: u64) -> io::Result<()> {
        let zeros = vec![0; ZEROS_BYTES];
        while let Some(left) = self.bytes.checked_sub(at).filter(|left| *left > 0) {
            let part = usize::try_from(left).unwrap_or(ZEROS_BYTES).min(ZEROS_BYTES);
            self.write(zeros.get(..part).unwrap_or_default(), at)?;
            at += part as u64;
        }
        Ok(())
    }

    /// Returns when everything written is on the disk.
    ///
    /// # Errors
    /// What the system says; it is never tried again as if nothing had happened.
    pub fn sync(&self) -> io::Result<()> {
        self.medium.sync_data()
    }
}

struct Header {
    version: u32,
    instance: InstanceId,
    used: u64,
    bytes: u64,
}

/// The header that counts, whether it is the second one, and whether one of the two is not valid.
fn newest_header(content: &[u8]) -> (Option<Header>, bool, bool) {
    let (first, second) = (read_header(content, 0), read_header(content, HEADER_EVERY));
    let spoiled = first.is_none() || second.is_none();
    let second_counts = second.as_ref().map(|header| header.used) > first.as_ref().map(|header| header.used);
    (if second_counts { second } else { first }, second_counts, spoiled)
}

fn name_of(slot: u32) -> String {
    format!("{slot:06}.seg")
}

fn header_at(second: bool) -> u64 {
    u64::from(second) * HEADER_EVERY as u64
}

fn encode_header(instance: InstanceId, used: u64, bytes: u64) -> Vec<u8> {
    let mut header = Vec::with_capacity(HEADER_BYTES);
    header.extend_from_slice(MAGIC);
    header.extend_from_slice(&VERSION.to_le_bytes());
    header.extend_from_slice(&instance.0);
    header.extend_from_slice(&used.to_le_bytes());
    header.extend_from_slice(&bytes.to_le_bytes());
    header.extend_from_slice(&crc32c::crc32c(&header).to_le_bytes());
    header
}

fn read_header(content: &[u8], at: usize) -> Option<Header> {
    let (body, crc) = content.get(at..at + HEADER_BYTES)?.split_last_chunk::<4>()?;
    let (magic, rest) = body.split_first_chunk::<8>()?;
    let (version, rest) = rest.split_first_chunk::<4>()?;
    let (instance, rest) = rest.split_first_chunk::<16>()?;
    let (used, rest) = rest.split_first_chunk::<8>()?;
    let (bytes, _) = rest.split_first_chunk::<8>()?;
    (magic == MAGIC && crc32c::crc32c(body).to_le_bytes() == *crc).then_some(Header {
        version: u32::from_le_bytes(*version),
        instance: InstanceId(*instance),
        used: u64::from_le_bytes(*used),
        bytes: u64::from_le_bytes(*bytes),
    })
}
