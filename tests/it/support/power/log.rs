//! What the layer in a daemon writes down, and how that is read.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Compiles the layer that is loaded into the daemon; the library.
pub fn layer(directory: &Path) -> PathBuf {
    library(directory, "unsynced")
}

/// Compiles `tests/data/NAME.c`.
pub fn library(directory: &Path, name: &str) -> PathBuf {
    let library = directory.join(format!("{name}.so"));
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/data/{name}.c"));
    let compiled =
        Command::new("cc").args(["-O2", "-shared", "-fPIC", "-o"]).arg(&library).arg(source).status();
    assert!(compiled.expect("a C compiler").success(), "the layer does not compile");
    library
}

/// One record of the log.
#[derive(Clone, Copy)]
pub struct Record<'l> {
    pub what: What,
    /// Where in the log it begins.
    pub begins: usize,
    pub(super) inode: u64,
    pub(super) at: u64,
    pub(super) payload: &'l [u8],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    Write,
    Truncate,
    SyncBegin,
    SyncEnd,
    Create,
    MakeDirectory,
    Rename,
    Unlink,
    Answer,
    RemoveDirectory,
    Exchange,
}

/// All whole records. A process that was killed may leave half of the last.
pub fn records(log: &[u8]) -> Vec<Record<'_>> {
    let mut records = Vec::new();
    let mut rest = log;
    while let Some((head, after)) = rest.split_at_checked(24) {
        let number = |at: usize| u32::from_le_bytes(head[at..at + 4].try_into().expect("four bytes"));
        let long = |at: usize| u64::from_le_bytes(head[at..at + 8].try_into().expect("eight bytes"));
        let what = match number(0) {
            1 => What::Write,
            2 => What::Truncate,
            3 => What::SyncBegin,
            4 => What::SyncEnd,
            5 => What::Create,
            6 => What::MakeDirectory,
            7 => What::Rename,
            8 => What::Unlink,
            9 => What::Answer,
            10 => What::RemoveDirectory,
            11 => What::Exchange,
            other => panic!("no record: {other}"),
        };
        let Some((payload, after)) = after.split_at_checked(number(4) as usize) else { break };
        let begins = log.len() - rest.len();
        records.push(Record { what, begins, inode: long(8), at: long(16), payload });
        rest = after;
    }
    records
}

impl Record<'_> {
    /// The path of what changes its name, and for a rename or an exchange the other.
    pub fn paths(&self) -> (&str, &str) {
        let text = std::str::from_utf8(self.payload).expect("UTF-8");
        text.split_once('\0').unwrap_or((text, ""))
    }

    /// What is answered.
    pub fn answer(&self) -> Option<&str> {
        (self.what == What::Answer).then(|| std::str::from_utf8(self.payload).expect("UTF-8"))
    }

    /// The id of the request that is answered.
    pub fn request_id(&self) -> Option<String> {
        let text = String::from_utf8_lossy(self.payload);
        let line = text.lines().find_map(|line| line.strip_prefix("tamis-request-id: "))?;
        (self.what == What::Answer).then(|| line.to_owned())
    }
}
