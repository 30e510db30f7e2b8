//! A file that is there from its first record on and grows by whole pages: what a sync that goes on writes into.

use std::fs::File;
use std::io::{ErrorKind, Seek, SeekFrom, Write};
use std::path::Path;

use crate::export::part::exists_anew;
use crate::export::place::Place;
use crate::terminal::Failure;

/// A new file, made when the first record comes.
pub struct Growing {
    place: Place,
    file: Option<File>,
    /// How far it is whole and durable.
    whole: u64,
    bytes: u64,
}

impl Growing {
    /// Makes nothing yet.
    ///
    /// # Errors
    /// There is something at `target`.
    pub fn at(target: &Path) -> Result<Self, Failure> {
        let place = Place::of(target)?;
        if place.kind("")?.is_some() {
            return Err(exists_anew(target));
        }
        place.warn_of_others("The export stays unread by them, and need not stay in its place");
        Ok(Self { place, file: None, whole: 0, bytes: 0 })
    }

    /// Appends.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        if bytes.is_empty() {
            return Ok(());
        }
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(make(&self.place)?),
        };
        file.write_all(bytes).map_err(|error| self.place.failed("", "write", &error))?;
        self.bytes += bytes.len() as u64;
        Ok(())
    }

    /// A page is complete: makes it durable, and with the first the name.
    pub fn commit(&mut self) -> Result<(), Failure> {
        let Some(file) = &self.file else { return Ok(()) };
        let synced = file.sync_all().and_then(|()| match self.whole {
            0 => self.place.directory.sync(),
            _ => Ok(()),
        });
        synced.map_err(|error| self.place.failed("", "sync", &error))?;
        self.whole = self.bytes;
        Ok(())
    }

    /// A page broke off: what is there of it goes.
    pub fn forget_page(&mut self) -> Result<(), Failure> {
        let whole = self.whole;
        if let Some(file) = &mut self.file {
            let cut = file.set_len(whole).and_then(|()| file.seek(SeekFrom::Start(whole)));
            cut.map_err(|error| self.place.failed("", "cut", &error))?;
        }
        self.bytes = whole;
        Ok(())
    }
}

fn make(place: &Place) -> Result<File, Failure> {
    match place.directory.create_new(place.name("")) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Err(exists_anew(&place.target)),
        made => made.map_err(|error| place.failed("", "make", &error)),
    }
}

impl Drop for Growing {
    /// A file without a whole page is of no use to anyone.
    fn drop(&mut self) {
        let Some(file) = self.file.as_ref().filter(|_| self.whole == 0) else { return };
        let name = self.place.name("");
        if self.place.directory.is_at(&name, file).unwrap_or(false) {
            let _ = self.place.directory.remove(&name);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{read_to_string, write};

    use super::*;

    #[test]
    fn it_is_made_with_its_first_bytes_grows_by_pages_and_loses_what_broke_off() {
        let directory = tempfile::tempdir().expect("a directory");
        let target = directory.path().join("devis.ndjson");
        let mut growing = Growing::at(&target).expect("nothing there");
        growing.write(b"").expect("nothing");
        growing.commit().expect("nothing");
        assert!(!target.exists());
        growing.write(b"1\n").expect("written");
        growing.commit().expect("synced");
        growing.write(b"2\n3").expect("written");
        assert_eq!(read_to_string(&target).expect("the file"), "1\n2\n3");
        growing.forget_page().expect("cut");
        growing.write(b"2\n").expect("written");
        growing.commit().expect("synced");
        drop(growing);
        assert_eq!(read_to_string(&target).expect("the file"), "1\n2\n");
        assert!(Growing::at(&target).err().expect("refused").to_string().contains("another name"));
    }

    #[test]
    fn what_appears_meanwhile_is_not_written_into_and_a_first_page_that_breaks_off_leaves_nothing() {
        let directory = tempfile::tempdir().expect("a directory");
        let target = directory.path().join("devis.ndjson");
        let mut growing = Growing::at(&target).expect("nothing there");
        write(&target, "mine").expect("written");
        assert!(growing.write(b"1\n").is_err());
        drop(growing);
        assert_eq!(read_to_string(&target).expect("the file"), "mine");
        let other = directory.path().join("other.ndjson");
        let mut growing = Growing::at(&other).expect("nothing there");
        growing.write(b"1").expect("written");
        growing.forget_page().expect("cut");
        drop(growing);
        assert!(!other.exists());
    }
}
