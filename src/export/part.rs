//! A file that grows page by page: `FILE.part` beside `FILE.cursor`, renamed to `FILE` when it is whole.
//!
//! The cursor file names the place in the export and the length that the part had there, so that whatever a crash left
//! behind it is cut off. Both are for their owner alone, and both are ours or not used: the directory may be one that
//! others write in ([`own`](crate::machine::own), docs/decisions/0115-files-of-our-own.md).

use std::ffi::{OsStr, OsString};
use std::fs::{File, Permissions};
use std::io::{self, BufRead, BufReader, ErrorKind, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};

use crate::machine::disk::directory_of;
use crate::machine::own::{Access, Directory, FileCode, Kind, name_of};
use crate::terminal::{Exit, Failure, tell};

/// No header row of a part is longer.
const HEADER_BYTES_MAX: u64 = 64 * 1024;
/// No cursor file is longer: it holds a few words of the command line.
const CURSOR_BYTES_MAX: u64 = 64 * 1024;

/// What is exported: a part is only gone on with by the same command.
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
    /// The test leads that were left out on the way.
    #[serde(default)]
    pub tests_left_out: u64,
}

#[derive(serde::Serialize, serde::Deserialize)]
struct CursorFile {
    what: ExportCommand,
    reached: Reached,
}

/// The names of the three files, all in one directory that is held open.
struct Place {
    directory: Directory,
    target: PathBuf,
    name: OsString,
}

impl Place {
    fn of(target: &Path) -> io::Result<Self> {
        let (directory, name) = (Directory::open(directory_of(target))?, name_of(target)?);
        Ok(Self { directory, target: target.to_owned(), name })
    }

    fn name(&self, suffix: &str) -> OsString {
        with(&self.name, suffix)
    }

    /// What went wrong with one of the files, for a person.
    fn failed(&self, suffix: &str, did_not: &str, error: &io::Error) -> Failure {
        Failure::file(&beside(&self.target, suffix), did_not, error)
    }
}

/// A file under way.
pub struct Part {
    file: File,
    place: Place,
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
    /// `target` exists and may not be overwritten, or is no file; the part or its cursor is not ours; it belongs to
    /// another export, or another process writes it.
    pub fn open(
        target: &Path,
        what: ExportCommand,
        overwrite: bool,
    ) -> Result<(Self, Option<Reached>), Failure> {
        let place = Place::of(target).map_err(|error| Failure::file(target, "write beside", &error))?;
        let there = place.directory.kind(&place.name).map_err(|e| place.failed("", "look at", &e))?;
        match there {
            None => {}
            Some(_) if !overwrite => return Err(exists(target)),
            Some(Kind::Plain) => {}
            // A device, or a link of whoever: giving the export its name would do away with it.
            Some(_) => return Err(Failure::refused(target, FileCode::NotPlain)),
        }
        let name = place.name(".part");
        let opened = place.directory.open_or_create(&name, Access::Write);
        let file = opened.map_err(|error| place.failed(".part", "open", &error))?;
        let locked = flock(&file, FlockOperation::NonBlockingLockExclusive).is_ok();
        // One that ended between opening and locking has given the file its name.
        let ours = place.directory.is_at(&name, &file).map_err(|e| place.failed(".part", "look at", &e))?;
        if !locked || !ours {
            let path = beside(target, ".part");
            return Err(Failure::failed(format!("another export is writing {}", path.display())));
        }
        // It may have been there before, with wider rights.
        let protected = file.set_permissions(Permissions::from_mode(0o600));
        protected.map_err(|error| place.failed(".part", "protect", &error))?;
        if !place.directory.is_kept() {
            tell(&format!(
                "warning: others may replace what lies in {}. The export stays unread by them, and need not stay in its place",
                directory_of(target).display()
            ));
        }
        let reached = reached(&place, &what, &file)?;
        let bytes = reached.as_ref().map_or(0, |reached| reached.bytes);
        let mut part = Self { file, place, what, overwrite, bytes, kept: reached.is_some() };
        part.cut().map_err(|error| part.place.failed(".part", "cut", &error))?;
        Ok((part, reached))
    }

    /// The first line, if the part has one: the header row of a CSV.
    pub fn first_line(&mut self) -> Result<Option<Vec<u8>>, Failure> {
        let mut line = Vec::new();
        let read = self.file.seek(SeekFrom::Start(0)).and_then(|_| {
            BufReader::new((&self.file).take(HEADER_BYTES_MAX)).read_until(b'\n', &mut line)?;
            self.file.seek(SeekFrom::End(0))
        });
        read.map_err(|error| self.place.failed(".part", "read", &error))?;
        Ok((!line.is_empty()).then_some(line))
    }

    /// Appends.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        let written = self.file.write_all(bytes);
        written.map_err(|error| self.place.failed(".part", "write", &error))?;
        self.bytes += bytes.len() as u64;
        Ok(())
    }

    /// A page is complete: makes it durable, then the place where it ended.
    pub fn commit(&mut self, cursor: &str, records: u64, tests_left_out: u64) -> Result<(), Failure> {
        self.sync()?;
        let reached = Reached { cursor: cursor.to_owned(), bytes: self.bytes, records, tests_left_out };
        let content = CursorFile { what: self.what.clone(), reached };
        write_cursor(&self.place, &content)?;
        self.kept = true;
        Ok(())
    }

    /// The file is whole: gives it its name and drops the cursor.
    pub fn finish(mut self) -> Result<(), Failure> {
        self.sync()?;
        self.give_name()?;
        self.kept = true;
        // The name must be durable before the cursor goes: the other way round a crash would lose the whole export.
        let synced = self.place.directory.sync();
        synced.map_err(|error| self.place.failed("", "sync the directory of", &error))?;
        let removed = self.place.directory.remove(self.place.name(".cursor"));
        removed.map(|_| ()).map_err(|error| self.place.failed(".cursor", "remove", &error))
    }

    fn give_name(&self) -> Result<(), Failure> {
        let Place { directory, target, name } = &self.place;
        let part = self.place.name(".part");
        match directory.is_at(&part, &self.file) {
            Ok(true) => {}
            Ok(false) => {
                let sentence = format!("somebody took {} away", beside(target, ".part").display());
                return Err(Failure::failed(sentence));
            }
            Err(error) => return Err(self.place.failed(".part", "look at", &error)),
        }
        let named =
            if self.overwrite { directory.rename(&part, name) } else { directory.rename_new(&part, name) };
        match named {
            Err(error) if !self.overwrite && error.kind() == ErrorKind::AlreadyExists => Err(exists(target)),
            named => named.map_err(|error| self.place.failed("", "give the export its name", &error)),
        }
    }

    fn cut(&mut self) -> io::Result<()> {
        self.file.set_len(self.bytes)?;
        self.file.seek(SeekFrom::Start(self.bytes))?;
        Ok(())
    }

    fn sync(&self) -> Result<(), Failure> {
        self.file.sync_all().map_err(|error| self.place.failed(".part", "sync", &error))
    }
}

impl Drop for Part {
    /// A part that never completed a page is of no use to anyone.
    fn drop(&mut self) {
        let name = self.place.name(".part");
        if !self.kept && self.place.directory.is_at(&name, &self.file).unwrap_or(false) {
            let _ = self.place.directory.remove(&name);
        }
    }
}

/// Where the part may be gone on with; none: it begins anew.
fn reached(place: &Place, what: &ExportCommand, part: &File) -> Result<Option<Reached>, Failure> {
    let path = beside(&place.target, ".cursor");
    let mut bytes = Vec::new();
    let opened = place.directory.open_own(place.name(".cursor"), Access::Read);
    match opened.and_then(|file| file.take(CURSOR_BYTES_MAX).read_to_end(&mut bytes)) {
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Failure::file(&path, "read", &error)),
    }
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

/// Replaces the cursor file as a whole, durably. What a crash left of a replacement goes first, if it is ours.
fn write_cursor(place: &Place, content: &CursorFile) -> Result<(), Failure> {
    let (cursor, new) = (place.name(".cursor"), place.name(".cursor.new"));
    let write = || {
        place.directory.discard(&new)?;
        let mut file = place.directory.create_new(&new)?;
        file.write_all(&serde_json::to_vec(content)?)?;
        file.sync_all()?;
        place.directory.rename(&new, &cursor)?;
        place.directory.sync()
    };
    write().map_err(|error: io::Error| place.failed(".cursor.new", "write", &error))
}

fn with(name: &OsStr, suffix: &str) -> OsString {
    let mut name = name.to_owned();
    name.push(suffix);
    name
}

fn beside(target: &Path, suffix: &str) -> PathBuf {
    with(target.as_os_str(), suffix).into()
}

fn exists(target: &Path) -> Failure {
    let sentence = format!("{} is there already; --overwrite replaces it", target.display());
    Failure::new(Exit::Failed, sentence)
}

#[cfg(test)]
mod tests;
