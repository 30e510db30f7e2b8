//! Searching all files below a directory, as somebody from outside would.

use std::collections::{BTreeMap, HashSet};
use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

use aho_corasick::AhoCorasick;

const CHUNK: usize = 16 * 1024 * 1024;
/// Longer than any text that is looked for.
const OVERLAP: usize = 64;

/// Several texts that are looked for at once.
pub(crate) struct Search(AhoCorasick);

impl Search {
    pub(crate) fn of(texts: impl Iterator<Item = String>) -> Self {
        Self(AhoCorasick::new(texts).expect("few texts"))
    }

    /// How many of the texts stand in any file.
    pub(crate) fn count(&self, below: &Path) -> usize {
        self.found(below).values().flatten().collect::<HashSet<_>>().len()
    }

    /// The same for a person, with where they stand.
    pub(crate) fn told(&self, below: &Path) -> String {
        let found = self.found(below);
        if found.is_empty() {
            return "0".to_owned();
        }
        let places = found.iter().map(|(place, texts)| format!("{} in {place}", texts.len()));
        places.collect::<Vec<_>>().join(", ")
    }

    /// Which stand where, by the directory or file at the top.
    fn found(&self, below: &Path) -> BTreeMap<String, HashSet<usize>> {
        let mut found = BTreeMap::new();
        self.look(below, below, &mut found);
        found
    }

    fn look(&self, top: &Path, directory: &Path, found: &mut BTreeMap<String, HashSet<usize>>) {
        for entry in fs::read_dir(directory).expect("a directory").map(|entry| entry.expect("an entry")) {
            let (path, kind) = (entry.path(), entry.file_type().expect("a kind"));
            if kind.is_dir() {
                self.look(top, &path, found);
                continue;
            }
            // One that is gone since was taken away by whoever keeps it.
            let Ok(file) = File::open(&path) else { continue };
            let within = self.within(file);
            if !within.is_empty() && kind.is_file() {
                let below = path.strip_prefix(top).expect("below");
                let name = below.iter().next().expect("a name").to_string_lossy().into_owned();
                found.entry(name).or_default().extend(within);
            }
        }
    }

    fn within(&self, mut file: File) -> HashSet<usize> {
        let (mut found, mut buffer, mut kept) = (HashSet::new(), vec![0; CHUNK + OVERLAP], 0);
        while let Ok(read @ 1..) = file.read(&mut buffer[kept..]) {
            let filled = kept + read;
            found.extend(self.0.find_iter(&buffer[..filled]).map(|hit| hit.pattern().as_usize()));
            kept = filled.min(OVERLAP);
            buffer.copy_within(filled - kept..filled, 0);
        }
        found
    }
}
