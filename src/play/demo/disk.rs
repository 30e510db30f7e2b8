//! What lies on disk: sizes, a look at the bytes, and a search for what may not be there.

use std::collections::HashSet;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use memchr::memmem::Finder;

use crate::machine::own::Directory;

/// What a search found.
#[derive(Default)]
pub(super) struct Search {
    /// Files looked through.
    pub(super) files: usize,
    /// Bytes in them.
    pub(super) bytes: u64,
    /// How often a text that may not be there was there.
    pub(super) hits: usize,
}

/// Looks through every byte of every file below these directories.
pub(super) fn search(directories: &[PathBuf], forbidden: &[String]) -> io::Result<Search> {
    let finders: Vec<Finder<'_>> = forbidden.iter().map(|text| Finder::new(text.as_bytes())).collect();
    let mut search = Search::default();
    for directory in directories {
        for file in files(directory)? {
            let bytes = fs::read(&file)?;
            search.files += 1;
            search.bytes += bytes.len() as u64;
            search.hits += finders.iter().filter(|finder| finder.find(&bytes).is_some()).count();
        }
    }
    Ok(search)
}

/// True if a search finds what is there: a text of its own, planted beside the store and removed again.
pub(super) fn finds_a_control(directory: &Path) -> io::Result<bool> {
    let control = "tamis-demo-control".to_owned();
    let place = Directory::own(directory)?;
    place.create_new("control")?.write_all(format!("...{control}...").as_bytes())?;
    let found = search(&[directory.to_owned()], &[control]);
    place.remove("control")?;
    Ok(found?.hits == 1)
}

/// So many bytes of the database are shown.
const GLIMPSE_BYTES: usize = 32;
/// So many of them must differ: sealed bytes do, page headers and padding do not.
const GLIMPSE_DISTINCT: usize = 28;

/// A look into the database where it is fullest: bytes as they lie there, as hexadecimal.
pub(super) fn glimpse(store: &Path) -> io::Result<String> {
    let bytes = fs::read(store.join("db/db"))?;
    let mut windows = bytes.windows(GLIMPSE_BYTES).step_by(GLIMPSE_BYTES);
    let dense = windows.find(|window| {
        let distinct = window.iter().collect::<HashSet<_>>().len() >= GLIMPSE_DISTINCT;
        // Names of the engine's own rows are no secret, and no sight either.
        distinct && !window.windows(4).any(|four| four.iter().all(u8::is_ascii_alphanumeric))
    });
    Ok(hex::encode(dense.unwrap_or_default()))
}

fn files(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut open = vec![directory.to_owned()];
    while let Some(directory) = open.pop() {
        for entry in fs::read_dir(directory)? {
            let entry = entry?;
            match entry.file_type()? {
                kind if kind.is_dir() => open.push(entry.path()),
                kind if kind.is_file() => found.push(entry.path()),
                _ => {}
            }
        }
    }
    Ok(found)
}
