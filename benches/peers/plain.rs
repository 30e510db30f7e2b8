//! A plain sled database: the engine that tamis has, without anything of tamis.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use super::{LEAD_BYTES, Peer};

pub(crate) struct Plain {
    rows: sled::Tree,
    /// What `flush` leaves to the system is synced as tamis does it.
    file: File,
    directory: PathBuf,
}

/// A lead as the others have it.
fn lead(number: usize) -> String {
    let lead = format!(
        r#"{{"full_name":"Amelie Durand {number}","email":"amelie.durand{number}@example.org","phone_number":"+33612345678","post_code":"49100"}}"#
    );
    format!("{lead:<LEAD_BYTES$}")
}

impl Plain {
    pub(crate) fn fill(directory: &Path, rows: usize) -> Self {
        let tree = sled::open(directory).expect("a database").open_tree("leads").expect("a tree");
        for number in 0..rows {
            tree.insert((number as u64).to_be_bytes(), lead(number).as_bytes()).expect("room");
        }
        tree.flush().expect("a sync");
        let file = File::open(directory.join("db")).expect("sled's file");
        Self { rows: tree, file, directory: directory.to_owned() }
    }
}

impl Peer for Plain {
    fn name(&self) -> &'static str {
        "plain sled"
    }

    fn copy(&mut self, to: &Path) {
        fs::create_dir(to).expect("a directory");
        // As much as a copy must have: one file, row after row.
        let mut file = BufWriter::new(File::create_new(to.join("leads")).expect("a file"));
        for row in &self.rows {
            file.write_all(&row.expect("reads").1).expect("room");
        }
        file.flush().expect("room");
    }

    fn erase(&mut self, number: usize) {
        let gone = self.rows.remove((number as u64).to_be_bytes()).expect("removes");
        assert!(gone.is_some(), "it was there");
        self.rows.flush().expect("a sync");
        self.file.sync_data().expect("a sync");
    }

    fn files(&self) -> &Path {
        &self.directory
    }
}
