//! The state file of a sync: the cursor alone, in a file that is replaced as a whole once the output is synced, so that
//! what was written comes again after a crash, and is never missing (docs/decisions/0165-a-sync-that-is-one.md).
//!
//! `FILE.lock` is beside it while an export goes by it; a lock on the file itself would not outlive its replacement.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::Path;

use crate::export::place::Place;
use crate::machine::own::Access;
use crate::purpose::{Cursor, PurposeId};
use crate::terminal::Failure;

/// No cursor is longer: a purpose's name and two numbers.
const STATE_BYTES_MAX: u64 = 256;
/// What else may lie beside it.
const LOCK: &str = ".lock";
/// So often a lock is tried that its owner may just be letting go.
const TRIES: u32 = 3;

/// A state file, locked until it is dropped.
pub struct StateFile {
    place: Place,
    lock: File,
}

impl StateFile {
    /// Locks the file and reads the cursor; none: there is no such file yet.
    ///
    /// # Errors
    /// Another export goes by it; it is not ours; it holds no cursor, or one of another purpose.
    pub fn open(path: &Path, purpose: &PurposeId) -> Result<(Self, Option<Cursor>), Failure> {
        let place = Place::of(path)?;
        let lock = (0..TRIES).find_map(|_| place.lock(LOCK).transpose()).transpose()?;
        let lock = lock.ok_or_else(|| {
            Failure::failed(format!(
                "another export goes by {}: one at a time, or both would hand out the same records",
                path.display()
            ))
        })?;
        let state = Self { place, lock };
        state.place.warn_of_others("Whoever does decides what the next export begins after");
        let cursor = state.read(path, purpose)?;
        Ok((state, cursor))
    }

    fn read(&self, path: &Path, purpose: &PurposeId) -> Result<Option<Cursor>, Failure> {
        let mut bytes = Vec::new();
        let opened = self.place.directory.open_own(self.place.name(""), Access::Read);
        match opened.and_then(|file| file.take(STATE_BYTES_MAX + 1).read_to_end(&mut bytes)) {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(self.place.failed("", "read", &error)),
        }
        let text = std::str::from_utf8(&bytes).ok();
        // Whoever wrote it by hand may have ended the line.
        let cursor = text.and_then(|text| Cursor::parse(text.strip_suffix('\n').unwrap_or(text)));
        let Some(cursor) = cursor else {
            return Err(Failure::failed(format!(
                "{} holds no cursor. Write the one into it that the last good export named at its end, or delete it: \
                 the next export then begins at the first record",
                path.display()
            )));
        };
        if cursor.purpose != *purpose {
            return Err(Failure::failed(format!(
                "{} belongs to the purpose {}, not to {purpose}: give each its own with --state",
                path.display(),
                cursor.purpose
            )));
        }
        Ok(Some(cursor))
    }

    /// What is up to there is durable where it went: the next export begins after it.
    pub fn replace(&self, cursor: &Cursor) -> Result<(), Failure> {
        self.place.replace("", cursor.to_string().as_bytes())
    }
}

impl Drop for StateFile {
    /// Under the lock: whoever opened the file before looks whether the name is still its.
    fn drop(&mut self) {
        let name = self.place.name(LOCK);
        if self.place.directory.is_at(&name, &self.lock).unwrap_or(false) {
            let _ = self.place.directory.remove(&name);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{read_dir, read_to_string, write};
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    fn devis() -> PurposeId {
        PurposeId::parse("devis").expect("a purpose")
    }

    fn cursor(text: &str) -> Cursor {
        Cursor::parse(text).expect("a cursor")
    }

    fn refusal(path: &Path) -> String {
        StateFile::open(path, &devis()).err().expect("refused").to_string()
    }

    #[test]
    fn it_holds_the_cursor_alone_and_nothing_else_stays() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("devis.state");
        let (state, none) = StateFile::open(&path, &devis()).expect("a new one");
        assert_eq!(none, None);
        assert!(!path.exists(), "nothing was exported yet");
        state.replace(&cursor("devis-1-7")).expect("written");
        drop(state);
        assert_eq!(read_to_string(&path).expect("the file"), "devis-1-7");
        assert_eq!(path.metadata().expect("a file").permissions().mode() & 0o777, 0o600);
        assert_eq!(read_dir(directory.path()).expect("a directory").count(), 1);
        let (_state, read) = StateFile::open(&path, &devis()).expect("it is there");
        assert_eq!(read, Some(cursor("devis-1-7")));
    }

    #[test]
    fn a_second_export_is_refused_until_the_first_has_ended() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("devis.state");
        let (first, _) = StateFile::open(&path, &devis()).expect("a new one");
        assert!(refusal(&path).contains("another export goes by"));
        // Also once the file itself is another one.
        first.replace(&cursor("devis-1-7")).expect("written");
        assert!(refusal(&path).contains("another export goes by"));
        drop(first);
        // What a kill leaves beside it holds nobody up.
        write(directory.path().join("devis.state.lock"), "").expect("written");
        write(directory.path().join("devis.state.new"), "devis-1-").expect("written");
        let (state, read) = StateFile::open(&path, &devis()).expect("free");
        assert_eq!(read, Some(cursor("devis-1-7")));
        state.replace(&cursor("devis-1-8")).expect("written");
    }

    #[test]
    fn what_holds_no_cursor_of_the_purpose_is_refused_and_left_as_it_is() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("devis.state");
        let long = "devis-1-7\n".repeat(100);
        for content in ["", "\n", "devis", "devis-1-7\n\n", " devis-1-7", "devis-1-7\0", "{}", &long] {
            write(&path, content).expect("written");
            let told = refusal(&path);
            assert!(told.contains("holds no cursor") && told.contains("delete it"), "{content:?}: {told}");
            assert_eq!(read_to_string(&path).expect("the file"), content);
        }
        write(&path, b"devis-1-\xff").expect("written");
        assert!(refusal(&path).contains("holds no cursor"));
        write(&path, "lettre-1-7").expect("written");
        assert!(refusal(&path).contains("belongs to the purpose lettre, not to devis"));
        write(&path, "devis-1-7\n").expect("written");
        let (_state, read) = StateFile::open(&path, &devis()).expect("an editor's line end");
        assert_eq!(read, Some(cursor("devis-1-7")));
    }

    #[test]
    fn a_link_is_not_followed() {
        let directory = tempfile::tempdir().expect("a directory");
        let (path, victim) = (directory.path().join("devis.state"), directory.path().join("victim"));
        write(&victim, "devis-1-7").expect("written");
        for (suffix, told) in [("", "file-linked"), (".lock", "file-linked")] {
            let link = directory.path().join(format!("devis.state{suffix}"));
            symlink(&victim, &link).expect("a link");
            assert!(refusal(&path).contains(told), "{suffix}");
            std::fs::remove_file(&link).expect("removed");
        }
        let (state, _) = StateFile::open(&path, &devis()).expect("free");
        symlink(&victim, directory.path().join("devis.state.new")).expect("a link");
        assert!(state.replace(&cursor("devis-1-8")).is_err());
        assert_eq!(read_to_string(&victim).expect("there"), "devis-1-7");
    }
}
