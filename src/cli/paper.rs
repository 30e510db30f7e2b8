//! Where a receipt goes: stdout, or a file that was not there. The daemon makes it, in the format and the language asked for.

use std::ffi::OsString;
use std::fs::File;
use std::io::{ErrorKind, Write as _};
use std::path::PathBuf;

use reqwest::Method;

use crate::cli::language;
use crate::client::Daemon;
use crate::language::Language;
use crate::machine::disk::directory_of;
use crate::machine::own::{Directory, name_of};
use crate::terminal::{Failure, print, print_json, tell};

#[derive(clap::Args)]
pub(super) struct PaperArguments {
    /// As what: text or html to read, note the signed text alone (what is verified), json the daemon's document
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// In which language
    #[arg(long, value_parser = language::of_tag(), default_value = "en")]
    lang: Language,
    /// Into this new file instead of stdout
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    Text,
    Html,
    Note,
    Json,
}

impl PaperArguments {
    /// True if a program reads it.
    pub(super) fn is_json(&self) -> bool {
        self.format == Format::Json
    }
}

impl Format {
    /// As the daemon calls it.
    fn name(self) -> &'static str {
        match self {
            Self::Text => "txt",
            Self::Html => "html",
            Self::Note => "note",
            Self::Json => "json",
        }
    }
}

/// A place for a receipt.
pub(super) struct Paper {
    format: Format,
    lang: Language,
    file: Option<Place>,
}

/// A new file, for its owner alone: a receipt, a paper of the officer. It goes again unless what it was made for is in it.
pub(super) struct Place {
    path: PathBuf,
    directory: Directory,
    name: OsString,
    file: File,
    is_written: bool,
}

impl Paper {
    /// Makes the file, for its owner alone.
    ///
    /// # Errors
    /// It is there already, or cannot be made.
    pub(super) fn open(PaperArguments { format, lang, output }: PaperArguments) -> Result<Self, Failure> {
        let file = output.map(Place::open).transpose()?;
        Ok(Self { format, lang, file })
    }

    /// Nothing comes: what was made for it goes again.
    pub(super) fn take_back(self) {
        drop(self);
    }

    /// Has the daemon write the receipt of this erasure.
    ///
    /// # Errors
    /// It does not, or the file cannot be written.
    pub(super) async fn fill(self, daemon: &Daemon, erasure: &str) -> Result<(), Failure> {
        let path = format!("/erasures/{erasure}?format={}&lang={}", self.format.name(), self.lang.tag());
        let body = match daemon.fetch(daemon.call(Method::GET, &path)).await {
            Ok(body) => body,
            Err(failure) => {
                self.take_back();
                return Err(failure);
            }
        };
        match (self.file, self.format) {
            (Some(place), _) => place.write(&body),
            (None, Format::Json) => print_json(&format!("{}\n", String::from_utf8_lossy(&body))),
            (None, _) => print(&String::from_utf8_lossy(&body)),
        }
    }
}

impl Place {
    /// Makes it, empty.
    ///
    /// # Errors
    /// It is there already, or cannot be made.
    pub(super) fn open(path: PathBuf) -> Result<Self, Failure> {
        let made = || {
            let directory = Directory::open(directory_of(&path))?;
            let name = name_of(&path)?;
            let file = directory.create_new(&name)?;
            Ok((directory, name, file))
        };
        match made() {
            Ok((directory, name, file)) => Ok(Self { path, directory, name, file, is_written: false }),
            Err(error) => {
                let error: std::io::Error = error;
                Err(match error.kind() {
                    ErrorKind::AlreadyExists => Failure::failed(format!(
                        "{} is there already: give a new name, or remove it",
                        path.display()
                    )),
                    _ => Failure::file(&path, "make", &error),
                })
            }
        }
    }

    /// Fills it, durably, and says where it is.
    ///
    /// # Errors
    /// It cannot be written.
    pub(super) fn write(mut self, body: &[u8]) -> Result<(), Failure> {
        let written = self.file.write_all(body).and_then(|()| self.file.sync_all());
        let written = written.and_then(|()| self.directory.sync());
        written.map_err(|error| Failure::file(&self.path, "write", &error))?;
        self.is_written = true;
        tell(&format!("written to {}", self.path.display()));
        Ok(())
    }

    /// Removes the file, unless somebody has put another in its place. What fails leaves a file behind, and whoever looks sees
    /// as much.
    fn remove(&self) {
        if self.directory.is_at(&self.name, &self.file).unwrap_or(false) {
            let _ = self.directory.remove(&self.name);
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if !self.is_written {
            self.remove();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn arguments(output: PathBuf) -> PaperArguments {
        PaperArguments { format: Format::Note, lang: Language::En, output: Some(output) }
    }

    #[test]
    fn a_receipt_goes_into_a_new_file_of_its_owner_and_over_nobody_s() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("receipt.txt");
        let paper = Paper::open(arguments(path.clone())).unwrap_or_else(|failure| panic!("{failure}"));
        let again = Paper::open(arguments(path.clone())).err().expect("it is there");
        assert!(again.to_string().contains("is there already"), "{again}");
        let place = paper.file.expect("a file");
        assert!(place.write(b"a receipt\n").is_ok());
        assert_eq!(std::fs::read(&path).expect("there"), b"a receipt\n");
        assert_eq!(std::fs::metadata(&path).expect("there").permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn where_nothing_comes_no_empty_file_stays() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("receipt.txt");
        let open = || Paper::open(arguments(path.clone())).unwrap_or_else(|failure| panic!("{failure}"));
        open().take_back();
        assert!(!path.exists());
        let mut place = open().file.expect("a file");
        place.file = File::open(&path).expect("to be read alone");
        let failed = place.write(b"a receipt\n").expect_err("it is not open for writing");
        assert!(failed.to_string().starts_with("cannot write "), "{failed}");
        assert!(!path.exists(), "half a receipt is none");
        let paper = open();
        std::fs::rename(&path, directory.path().join("mine.txt")).expect("renamed");
        std::fs::write(&path, "another's").expect("written");
        paper.take_back();
        assert_eq!(std::fs::read(&path).expect("there"), b"another's");
        assert!(Paper::open(arguments(directory.path().join("none/receipt.txt"))).is_err());
    }
}
