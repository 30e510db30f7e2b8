//! What a set of pages needs of a disk. Behind a trait, so that a crash can be put after every step.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use crate::keyring::pages::page::{PAGE_BYTES, ZEROS};

/// Numbered pages. What was written is durable once a sync that began afterwards has returned.
pub trait Disk: Send {
    /// How many whole pages there are.
    ///
    /// # Errors
    /// What the system says.
    fn pages(&mut self) -> io::Result<u32>;
    /// Reads one; `into` has [`PAGE_BYTES`].
    ///
    /// # Errors
    /// What the system says.
    fn read(&mut self, number: u32, into: &mut [u8]) -> io::Result<()>;
    /// Writes one that is there, in its place.
    ///
    /// # Errors
    /// What the system says; the page may be written in part.
    fn write(&mut self, number: u32, page: &[u8]) -> io::Result<()>;
    /// Makes what was written durable.
    ///
    /// # Errors
    /// What the system says; a failed sync is never tried again as if nothing had happened.
    fn sync(&mut self) -> io::Result<()>;
    /// Adds pages of zeros at the end, written, so that no room has to be found for them later, and durable.
    ///
    /// # Errors
    /// What the system says; some may have been added.
    fn grow(&mut self, pages: u32) -> io::Result<()>;
}

/// Pages in a file. Who opened it, under which name and lock, is not asked here.
pub struct FileDisk(File);

impl FileDisk {
    /// Takes an open file over, for reading and writing.
    pub fn of(file: File) -> Self {
        Self(file)
    }

    /// Gives the file back.
    pub fn into_file(self) -> File {
        self.0
    }
}

fn offset(number: u32) -> u64 {
    u64::from(number) * PAGE_BYTES as u64
}

impl Disk for FileDisk {
    fn pages(&mut self) -> io::Result<u32> {
        let pages = self.0.metadata()?.len() / PAGE_BYTES as u64;
        u32::try_from(pages).map_err(|_| io::ErrorKind::FileTooLarge.into())
    }

    fn read(&mut self, number: u32, into: &mut [u8]) -> io::Result<()> {
        self.0.read_exact_at(into, offset(number))
    }

    fn write(&mut self, number: u32, page: &[u8]) -> io::Result<()> {
        self.0.write_all_at(page, offset(number))
    }

    fn sync(&mut self) -> io::Result<()> {
        self.0.sync_data()
    }

    fn grow(&mut self, pages: u32) -> io::Result<()> {
        let from = self.pages()?;
        for number in (from..from.saturating_add(pages)).take(pages as usize) {
            self.0.write_all_at(&ZEROS, offset(number))?;
        }
        self.0.sync_data()
    }
}
