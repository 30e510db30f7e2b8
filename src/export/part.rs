//! A file that grows page by page: `FILE.part` beside `FILE.cursor`, renamed to `FILE` when it is whole.
//!
//! The cursor file names the place in the export and the length that the part had there, so that whatever a crash left
//! behind it is cut off. Both are for their owner alone, and both are ours or not used: the directory may be one that
//! others write in ([`own`](crate::machine::own), docs/decisions/0115-files-of-our-own.md).

use std::fs::{File, Permissions};
use std::io::{self, BufRead, BufReader, ErrorKind, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::export::left_out::LeftOut;
use crate::export::place::{Place, beside};
use crate::machine::own::{Access, FileCode, Kind};
use crate::terminal::Failure;

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
    /// True if a state file says what is new.
    #[serde(default)]
    pub by_state: bool,
}

impl ExportCommand {
    fn exists(&self, target: &Path) -> Failure {
        if self.by_state {
            return exists_anew(target);
        }
        Failure::failed(format!("{} is there already; --overwrite replaces it", target.display()))
    }
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
    /// What was left out on the way.
    #[serde(flatten)]
    pub left_out: LeftOut,
}

#[derive(serde::Serialize, serde::Deserialize)]
struct CursorFile {
    what: ExportCommand,
    reached: Reached,
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
        let place = Place::of(target)?;
        match place.kind("")? {
            None => {}
            Some(_) if !overwrite => return Err(what.exists(target)),
            Some(Kind::Plain) => {}
            // A device, or a link of whoever: giving the export its name would do away with it.
            Some(_) => return Err(Failure::refused(target, FileCode::NotPlain)),
        }
        let Some(file) = place.lock(".part")? else {
            let path = beside(target, ".part");
            return Err(Failure::failed(format!("another export is writing {}", path.display())));
        };
        // It may have been there before, with wider rights.
        let protected = file.set_permissions(Permissions::from_mode(0o600));
        protected.map_err(|error| place.failed(".part", "protect", &error))?;
        place.warn_of_others("The export stays unread by them, and need not stay in its place");
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
    pub fn commit(&mut self, cursor: &str, records: u64, left_out: LeftOut) -> Result<(), Failure> {
        self.sync()?;
        let reached = Reached { cursor: cursor.to_owned(), bytes: self.bytes, records, left_out };
        let content = serde_json::to_vec(&CursorFile { what: self.what.clone(), reached });
        let content = content.map_err(|_| Failure::failed("cannot write the place in the export down"))?;
        self.place.replace(".cursor", &content)?;
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
        let (directory, target) = (&self.place.directory, &self.place.target);
        let (part, name) = (self.place.name(".part"), self.place.name(""));
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
            Err(error) if !self.overwrite && error.kind() == ErrorKind::AlreadyExists => {
                Err(self.what.exists(target))
            }
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

/// A file that is there is not written over: a state file goes on from another one.
pub(super) fn exists_anew(target: &Path) -> Failure {
    Failure::failed(format!(
        "{} is there already: give the output of each run another name",
        target.display()
    ))
}

#[cfg(test)]
mod tests;
