//! What somebody who writes sled's files makes of the trail while nothing runs, without the keys and with them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tamis::keyring::Keyring;
use tamis::keyring::file::FileKeyring;
use tamis::random::SystemRandom;
use tamis::secret::Key;
use tamis::trail::{Entry, KeptLine, chain};

use crate::support::World;

/// The rows of the trail, and those of `meta` that tell of it.
pub struct Planted {
    /// By number.
    pub rows: BTreeMap<u64, Vec<u8>>,
    head: Vec<u8>,
    base: Option<Vec<u8>>,
    closed: Option<Vec<u8>>,
    key: Key,
}

impl Planted {
    pub fn read(world: &World) -> Self {
        let keyring = world.directory.path().join("keys/keyring");
        let keyring = FileKeyring::open(&keyring, Key::new([42; 32]), Arc::new(SystemRandom));
        let key = keyring.unwrap_or_else(|error| panic!("{}", error.code)).expect("a keyring").trail_key();
        let db = open(world);
        let rows = db.open_tree("trail").expect("a tree");
        let number = |row: &[u8]| u64::from_be_bytes(row.try_into().expect("eight bytes"));
        let rows = rows.iter().map(|row| row.expect("a row")).map(|(at, row)| (number(&at), row.to_vec()));
        let rows = rows.collect();
        let meta = db.open_tree("meta").expect("a tree");
        let of = |name: &str| meta.get(name).expect("read").map(|row| row.to_vec());
        Self {
            rows,
            head: of("trail-head").expect("a head"),
            base: of("trail-base"),
            closed: of("trail-closed"),
            key,
        }
    }

    pub fn write(self, world: &World) {
        let db = open(world);
        let trail = db.open_tree("trail").expect("a tree");
        trail.clear().expect("cleared");
        for (number, row) in self.rows {
            trail.insert(number.to_be_bytes(), row).expect("written");
        }
        let meta = db.open_tree("meta").expect("a tree");
        meta.insert("trail-head", self.head).expect("written");
        for (name, row) in [("trail-base", self.base), ("trail-closed", self.closed)] {
            if let Some(row) = row {
                meta.insert(name, row).expect("written");
            }
        }
        db.flush().expect("flushed");
    }

    /// Cuts the end off, so that the chain holds. Needs no key.
    pub fn cut_after(&mut self, last: u64) {
        self.rows.retain(|number, _| *number <= last);
        self.head = place(last, &mac(&self.rows[&last]));
    }

    /// What the lines say.
    pub fn lines(&self) -> Vec<(Timestamp, Entry)> {
        let read = |(number, row): (&u64, &Vec<u8>)| {
            let line = KeptLine::new(row).expect("a line").read(*number).expect("readable");
            (line.time, line.entry)
        };
        self.rows.iter().map(read).collect()
    }

    /// Writes a trail of one's own, from the first line on.
    pub fn chain_anew(&mut self, lines: Vec<(Timestamp, Entry)>) {
        self.rows.clear();
        self.head = place(0, &[0; 32]);
        for (time, entry) in lines {
            self.append(time, entry);
        }
    }

    /// Takes away all lines up to this one, and says that they had had their time.
    pub fn close_over(&mut self, last: u64, time: Timestamp, entry: Entry) {
        self.base = Some(place(last, &mac(&self.rows[&last])));
        self.rows.retain(|number, _| *number > last);
        self.append(time, entry);
        self.closed = Some(self.head[..8].to_vec());
    }

    fn append(&mut self, time: Timestamp, entry: Entry) {
        let (number, previous) = self.head.split_first_chunk::<8>().expect("a place");
        let number = u64::from_be_bytes(*number) + 1;
        let (line, row) = chain(&self.key, previous.try_into().expect("a mac"), number, time, entry);
        self.rows.insert(number, row);
        self.head = place(number, &line.mac);
    }
}

fn mac(row: &[u8]) -> [u8; 32] {
    KeptLine::new(row).expect("a line").mac()
}

fn place(number: u64, mac: &[u8; 32]) -> Vec<u8> {
    [number.to_be_bytes().as_slice(), mac].concat()
}

fn open(world: &World) -> sled::Db {
    let config = sled::Config::new().path(world.store_path().join("db")).segment_size(2 * 1024 * 1024);
    for _ in 0..50 {
        // Its own lock goes a moment after its last handle.
        match config.clone().open() {
            Ok(db) => return db,
            Err(_) => std::thread::sleep(Duration::from_millis(50)),
        }
    }
    panic!("sled does not open");
}
