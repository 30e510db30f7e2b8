//! A file that grows page by page: `FILE.part` beside `FILE.cursor`, renamed to `FILE` when it is whole.
//!
//! The cursor file names the place in the export and the length that the part had there, so that whatever a crash left
//! behind it is cut off. Both are for their owner alone.

use std::fs::{File, OpenOptions, Permissions, read, remove_file, rename};
use std::io::{BufRead, BufReader, ErrorKind, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, FlockOperation, OFlags, RenameFlags, flock, renameat_with};

use crate::machine::disk::{directory_of, private_file, sync_dir};
use crate::terminal::{Exit, Failure};

/// No header row of a part is longer.
const HEADER_BYTES_MAX: u64 = 64 * 1024;

/// The command that an export is of: a part is only gone on with by the same.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ExportCommand {
    pub purpose: String,
    pub format: String,
    #[serde(default)]
    pub dialect: Option<String>,
    pub test: String,
    pub recipient: Option<String>,
    pub after: Option<String>,
}

/// How far it has come, as the cursor file says.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Reached {
    /// Go on after this.
    pub cursor: String,
    /// The part's length there.
    pub bytes: u64,
    /// The records in it.
    pub records: u64,
}

#[derive(serde::Serialize, serde::Deserialize)]
struct CursorFile {
    what: ExportCommand,
    reached: Reached,
}

/// A file under way.
pub struct Part {
    file: File,
    target: PathBuf,
    what: ExportCommand,
    overwrite: bool,
    bytes: u64,
    /// True once there is something to go on with.
    kept: bool,
}

impl Part {
    /// Opens the part of `target`, cut to where the cursor file says, or a new one.
    ///
    /// # Errors
    /// `target` exists and may not be overwritten; the part belongs to another export, or another process writes it.
    pub fn open(
        target: &Path,
        what: ExportCommand,
        overwrite: bool,
    ) -> Result<(Self, Option<Reached>), Failure> {
        if !overwrite && target.symlink_metadata().is_ok() {
            return Err(exists(target));
        }
        let path = beside(target, ".part");
        let mut options: OpenOptions = private_file();
        options
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .custom_flags(OFlags::NOFOLLOW.bits() as i32);
        let file = options.open(&path).map_err(|error| Failure::file(&path, "open", &error))?;
        if flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
            return Err(Failure::failed(format!("another export is writing {}", path.display())));
        }
        // It may have been there before, with wider rights.
        file.set_permissions(Permissions::from_mode(0o600))
            .map_err(|e| Failure::file(&path, "protect", &e))?;
        let reached = reached(target, &what, &file)?;
        let bytes = reached.as_ref().map_or(0, |reached| reached.bytes);
        let mut part =
            Self { file, target: target.to_owned(), what, overwrite, bytes, kept: reached.is_some() };
        part.cut().map_err(|error| Failure::file(&path, "cut", &error))?;
        Ok((part, reached))
    }

    /// The first line, if the part has one: the header row of a CSV.
    pub fn first_line(&mut self) -> Result<Option<Vec<u8>>, Failure> {
        let mut line = Vec::new();
        let read = self.file.seek(SeekFrom::Start(0)).and_then(|_| {
            BufReader::new((&self.file).take(HEADER_BYTES_MAX)).read_until(b'\n', &mut line)?;
            self.file.seek(SeekFrom::End(0))
        });
        read.map_err(|error| Failure::file(&beside(&self.target, ".part"), "read", &error))?;
        Ok((!line.is_empty()).then_some(line))
    }

    /// Appends.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        let written = self.file.write_all(bytes);
        written.map_err(|error| Failure::file(&beside(&self.target, ".part"), "write", &error))?;
        self.bytes += bytes.len() as u64;
        Ok(())
    }

    /// A page is complete: makes it durable, then the place where it ended.
    pub fn commit(&mut self, cursor: &str, records: u64) -> Result<(), Failure> {
        self.sync()?;
        let reached = Reached { cursor: cursor.to_owned(), bytes: self.bytes, records };
        let path = beside(&self.target, ".cursor");
        let content = CursorFile { what: self.what.clone(), reached };
        replace(&path, &content).map_err(|error| Failure::file(&path, "write", &error))?;
        self.kept = true;
        Ok(())
    }

    /// The file is whole: gives it its name and drops the cursor.
    pub fn finish(mut self) -> Result<(), Failure> {
        self.sync()?;
        let path = beside(&self.target, ".part");
        self.name(&path)?;
        self.kept = true;
        // The name must be durable before the cursor goes: the other way round a crash would lose the whole export.
        let synced = sync_dir(directory_of(&self.target));
        synced.map_err(|error| Failure::file(&self.target, "sync the directory of", &error))?;
        match remove_file(beside(&self.target, ".cursor")) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                Err(Failure::file(&beside(&self.target, ".cursor"), "remove", &error))
            }
            _ => Ok(()),
        }
    }

    fn name(&self, part: &Path) -> Result<(), Failure> {
        let named = if self.overwrite {
            rename(part, &self.target)
        } else {
            match renameat_with(CWD, part, CWD, &self.target, RenameFlags::NOREPLACE) {
                Err(rustix::io::Errno::EXIST) => return Err(exists(&self.target)),
                // Not every file system can promise not to replace; the look at the start has to do then.
                Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS) => rename(part, &self.target),
                other => other.map_err(std::io::Error::from),
            }
        };
        named.map_err(|error| Failure::file(&self.target, "give the export its name", &error))
    }

    fn cut(&mut self) -> std::io::Result<()> {
        self.file.set_len(self.bytes)?;
        self.file.seek(SeekFrom::Start(self.bytes))?;
        Ok(())
    }

    fn sync(&self) -> Result<(), Failure> {
        self.file.sync_all().map_err(|error| Failure::file(&beside(&self.target, ".part"), "sync", &error))
    }
}

impl Drop for Part {
    /// A part that never completed a page is of no use to anyone.
    fn drop(&mut self) {
        if !self.kept {
            let _ = remove_file(beside(&self.target, ".part"));
        }
    }
}

/// Where the part may be gone on with; none: it begins anew.
fn reached(target: &Path, what: &ExportCommand, part: &File) -> Result<Option<Reached>, Failure> {
    let path = beside(target, ".cursor");
    let bytes = match read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Failure::file(&path, "read", &error)),
    };
    let begin_anew = format!("Delete {} and the .part file beside it to begin anew", path.display());
    let content: CursorFile = serde_json::from_slice(&bytes)
        .map_err(|_| Failure::failed(format!("{} is no cursor. {begin_anew}", path.display())))?;
    if content.what != *what {
        let sentence = format!("{} belongs to another export. {begin_anew}", path.display());
        return Err(Failure::failed(sentence));
    }
    let length = part.metadata().map_err(|error| Failure::file(&path, "look at the part of", &error))?.len();
    match length {
        // The export ended and only its cursor was left.
        0 if content.reached.bytes > 0 => Ok(None),
        shorter if shorter < content.reached.bytes => {
            Err(Failure::failed(format!("the part is shorter than its cursor says. {begin_anew}")))
        }
        _ => Ok(Some(content.reached)),
    }
}

/// Replaces a small file as a whole, durably.
fn replace(path: &Path, content: &CursorFile) -> std::io::Result<()> {
    let new = beside(path, ".new");
    let mut file = private_file().write(true).create(true).truncate(true).open(&new)?;
    file.write_all(&serde_json::to_vec(content)?)?;
    file.sync_all()?;
    rename(&new, path)?;
    sync_dir(directory_of(path))
}

fn beside(target: &Path, suffix: &str) -> PathBuf {
    let mut name = target.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

fn exists(target: &Path) -> Failure {
    let sentence = format!("{} is there already; --overwrite replaces it", target.display());
    Failure::new(Exit::Failed, sentence)
}

#[cfg(test)]
mod tests {
    use std::fs::{metadata, read_to_string, write};

    use super::*;

    fn what() -> ExportCommand {
        ExportCommand {
            purpose: "devis".to_owned(),
            format: "csv".to_owned(),
            dialect: None,
            test: "exclude".to_owned(),
            recipient: None,
            after: None,
        }
    }

    fn mode(path: &Path) -> u32 {
        metadata(path).expect("a file").permissions().mode() & 0o777
    }

    #[test]
    fn a_part_goes_on_where_its_cursor_says_and_becomes_the_file() {
        let directory = tempfile::tempdir().expect("a directory");
        let target = directory.path().join("devis.csv");
        let (mut part, reached) = Part::open(&target, what(), false).expect("a new part");
        assert_eq!(reached, None);
        part.write(b"id\r\n1\r\n").expect("written");
        part.commit("devis-1-1", 1).expect("committed");
        part.write(b"half a pa").expect("written");
        drop(part);
        assert_eq!(mode(&beside(&target, ".part")), 0o600);
        assert_eq!(mode(&beside(&target, ".cursor")), 0o600);

        let (mut part, reached) = Part::open(&target, what(), false).expect("the same part");
        assert_eq!(reached, Some(Reached { cursor: "devis-1-1".to_owned(), bytes: 7, records: 1 }));
        assert_eq!(part.first_line().expect("a line").as_deref(), Some(&b"id\r\n"[..]));
        part.write(b"2\r\n").expect("written");
        part.commit("devis-1-2", 2).expect("committed");
        part.finish().expect("finished");
        assert_eq!(read_to_string(&target).expect("the file"), "id\r\n1\r\n2\r\n");
        assert_eq!(mode(&target), 0o600);
        let left = std::fs::read_dir(directory.path()).expect("a directory").count();
        assert_eq!(left, 1);
    }

    #[test]
    fn a_file_is_never_replaced_unasked() {
        let directory = tempfile::tempdir().expect("a directory");
        let target = directory.path().join("devis.csv");
        write(&target, "mine").expect("written");
        assert!(Part::open(&target, what(), false).is_err());
        let (mut part, _) = Part::open(&target, what(), true).expect("a part");
        part.write(b"new").expect("written");
        part.finish().expect("finished");
        assert_eq!(read_to_string(&target).expect("the file"), "new");
        // It may also appear while the export runs.
        let other = directory.path().join("other.csv");
        let (mut part, _) = Part::open(&other, what(), false).expect("a part");
        part.write(b"new").expect("written");
        part.commit("devis-1-1", 1).expect("committed");
        write(&other, "mine").expect("written");
        assert!(part.finish().is_err());
        assert_eq!(read_to_string(&other).expect("the file"), "mine");
    }

    #[test]
    fn two_exports_do_not_write_one_part_and_a_part_without_a_page_is_dropped() {
        let directory = tempfile::tempdir().expect("a directory");
        let target = directory.path().join("devis.csv");
        let (first, _) = Part::open(&target, what(), false).expect("a part");
        assert!(Part::open(&target, what(), false).is_err());
        drop(first);
        assert!(!beside(&target, ".part").exists());
    }

    #[test]
    fn a_cursor_that_does_not_fit_is_refused_and_nothing_is_lost() {
        let directory = tempfile::tempdir().expect("a directory");
        let target = directory.path().join("devis.csv");
        let (mut part, _) = Part::open(&target, what(), false).expect("a part");
        part.write(b"id\r\n1\r\n").expect("written");
        part.commit("devis-1-1", 1).expect("committed");
        drop(part);
        let other = ExportCommand { format: "ndjson".to_owned(), ..what() };
        assert!(Part::open(&target, other, false).is_err());
        let part = beside(&target, ".part");
        assert_eq!(read_to_string(&part).expect("the part"), "id\r\n1\r\n");
        write(&part, "id").expect("written");
        assert!(Part::open(&target, what(), false).is_err());
        write(beside(&target, ".cursor"), "{").expect("written");
        assert!(Part::open(&target, what(), false).is_err());
    }

    #[test]
    fn a_cursor_that_outlived_its_part_begins_anew() {
        let directory = tempfile::tempdir().expect("a directory");
        let target = directory.path().join("devis.csv");
        let (mut part, _) = Part::open(&target, what(), false).expect("a part");
        part.write(b"id\r\n1\r\n").expect("written");
        part.commit("devis-1-1", 1).expect("committed");
        drop(part);
        remove_file(beside(&target, ".part")).expect("removed");
        let (_, reached) = Part::open(&target, what(), false).expect("a new part");
        assert_eq!(reached, None);
    }
}
