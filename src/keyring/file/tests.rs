mod failing;
mod holding;
mod moving;
mod rotating;
mod wiping;

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

use super::*;
use crate::keyring::pages::PAGE_BYTES;
use crate::keyring::tree::Kind;
use crate::purpose::PurposeId;
use crate::random::SeededRandom;

/// A directory with a place for a keyring, and what is needed to open it.
struct Place {
    dir: tempfile::TempDir,
    path: PathBuf,
    random: Arc<SeededRandom>,
}

impl Place {
    fn new() -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("keyring");
        Self { dir, path, random: Arc::new(SeededRandom::new(1)) }
    }

    fn create(&self) -> FileKeyring {
        FileKeyring::create(&self.path, root(1), self.random.clone()).expect("created")
    }

    fn open(&self) -> FileKeyring {
        FileKeyring::open(&self.path, root(1), self.random.clone()).expect("opens").expect("is there")
    }

    fn refusal(&self) -> Option<KeyringCode> {
        FileKeyring::open(&self.path, root(1), self.random.clone()).err().map(|error| error.code)
    }

    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.dir.path()).expect("readable");
        let mut names: Vec<String> =
            entries.map(|entry| entry.expect("readable").file_name().into_string().expect("text")).collect();
        names.sort();
        names
    }

    fn new_file(&self) -> PathBuf {
        self.dir.path().join("keyring.new")
    }
}

fn root(byte: u8) -> Key {
    Key::new([byte; 32])
}

fn bucket(index: u64) -> Bucket {
    Bucket { purpose: PurposeId::parse("devis").expect("a purpose"), epoch: 1, index }
}

/// The key of the bucket's first leaf.
fn bytes_of(keyring: &FileKeyring, index: u64) -> Option<[u8; 32]> {
    key_of(keyring, index, 0)
}

fn key_of(keyring: &FileKeyring, index: u64, leaf: u16) -> Option<[u8; 32]> {
    let lease = keyring.lease(&bucket(index)).ok()?;
    lease.key(leaf, Kind::Record, 0).ok().map(|key| *key.key().expose())
}

#[test]
fn every_key_is_the_same_after_opening_again() {
    let place = Place::new();
    let told = |keyring: &FileKeyring| {
        (
            (keyring.instance().0, keyring.generation(), keyring.days()),
            (*keyring.seen_key().expose(), *keyring.trail_key().expose()),
            keyring.log_key(Month(680)).map(|key| *key.expose()),
            keyring.day_key(Day(20_000)).map(|key| *key.expose()),
            bytes_of(keyring, 3),
        )
    };
    let keyring = place.create();
    keyring.make_days(&[Day(20_001), Day(20_000)]).expect("made");
    keyring.make_buckets(&[bucket(3), bucket(4)]).expect("made");
    keyring.log_key(Month(680)).expect("made");
    let before = told(&keyring);
    assert_eq!(before.0.2, [Day(20_000), Day(20_001)], "oldest first");
    drop(keyring);
    assert!(told(&place.open()) == before);
}

#[test]
fn no_two_keys_are_alike() {
    let place = Place::new();
    let keyring = place.create();
    keyring.make_days(&[Day(1), Day(2)]).expect("made");
    keyring.make_buckets(&[bucket(1), bucket(2)]).expect("made");
    let mut keys = vec![*keyring.seen_key().expose(), *keyring.trail_key().expose()];
    keys.extend([1, 2].map(|day| *keyring.day_key(Day(day)).expect("made").expose()));
    keys.extend([1, 2].map(|index| bytes_of(&keyring, index).expect("made")));
    keys.extend([5, 6].map(|month| *keyring.log_key(Month(month)).expect("made").expose()));
    let count = keys.len();
    keys.sort_unstable();
    keys.dedup();
    assert_eq!(keys.len(), count);
}

#[test]
fn one_change_makes_all_that_are_absent_and_none_is_made_for_nothing() {
    let place = Place::new();
    let keyring = place.create();
    assert_eq!(keyring.generation(), 0, "a new keyring counts from 0");
    keyring.make_buckets(&[bucket(0), bucket(1), bucket(2)]).expect("made");
    assert_eq!(keyring.generation(), 1);
    let first = bytes_of(&keyring, 0);
    keyring.make_buckets(&[bucket(0), bucket(3)]).expect("made");
    assert_eq!(keyring.generation(), 2);
    assert_eq!(bytes_of(&keyring, 0), first, "a key that is there stays");
    let file = fs::read(&place.path).expect("there");
    keyring.make_buckets(&[bucket(3), bucket(1)]).expect("all there");
    keyring.make_buckets(&[]).expect("nothing");
    keyring.make_days(&[]).expect("nothing");
    keyring.destroy_days(&[Day(7)]).expect("nothing to destroy");
    assert_eq!(keyring.generation(), 2);
    assert!(fs::read(&place.path).expect("there") == file, "the file was written for nothing");
}

#[test]
fn the_tombstones_of_a_month_have_a_key_of_their_own_until_it_is_destroyed() {
    let place = Place::new();
    let keyring = place.create();
    for month in [7, 9, 8] {
        keyring.make_tombstone_month(Month(month)).expect("made");
    }
    let of = |keyring: &FileKeyring, month| keyring.tombstone_key(Month(month)).map(|key| *key.expose());
    let (seventh, eighth) = (of(&keyring, 7).expect("made"), of(&keyring, 8).expect("made"));
    assert!(seventh != eighth && seventh != *keyring.log_key(Month(7)).expect("made").expose());
    let generation = keyring.generation();
    keyring.make_tombstone_month(Month(8)).expect("it is there");
    assert_eq!((keyring.generation(), of(&keyring, 8)), (generation, Ok(eighth)));
    keyring.destroy_tombstone_months(&[Month(7), Month(1)]).expect("destroyed");
    drop(keyring);
    let keyring = place.open();
    assert_eq!(keyring.tombstone_months(), [Month(8), Month(9)]);
    assert_eq!(of(&keyring, 7).map_err(|error| error.code), Err(KeyringCode::KeyAbsent));
    assert_eq!(of(&keyring, 8), Ok(eighth));
}

#[test]
fn evidence_of_a_month_has_a_key_of_its_own_until_it_is_destroyed() {
    let place = Place::new();
    let keyring = place.create();
    keyring.make_tombstone_month(Month(8)).expect("made");
    for month in [9, 8] {
        keyring.make_evidence_month(Month(month)).expect("made");
    }
    let of = |keyring: &FileKeyring, month| keyring.evidence_key(Month(month)).map(|key| *key.expose());
    let eighth = of(&keyring, 8).expect("made");
    assert!(eighth != *keyring.tombstone_key(Month(8)).expect("made").expose());
    let generation = keyring.generation();
    keyring.make_evidence_month(Month(8)).expect("it is there");
    assert_eq!((keyring.generation(), of(&keyring, 8)), (generation, Ok(eighth)));
    drop(keyring);
    let keyring = place.open();
    assert_eq!((keyring.evidence_months(), of(&keyring, 8)), (vec![Month(8), Month(9)], Ok(eighth)));
    keyring.destroy_evidence_months(&[Month(8), Month(1)]).expect("destroyed");
    assert_eq!((keyring.evidence_months(), keyring.tombstone_months()), (vec![Month(9)], vec![Month(8)]));
    assert_eq!(of(&keyring, 8).map_err(|error| error.code), Err(KeyringCode::KeyAbsent));
}

#[test]
fn receipts_are_signed_by_one_key_that_is_made_once_and_stays() {
    let place = Place::new();
    let keyring = place.create();
    let seed = *keyring.receipt_seed().expect("made").expose();
    let generation = keyring.generation();
    assert_eq!(keyring.receipt_seed().map(|again| *again.expose()), Ok(seed));
    assert_eq!(keyring.generation(), generation, "it was there");
    assert!(seed != *keyring.seen_key().expose() && seed != *keyring.trail_key().expose());
    drop(keyring);
    let keyring = place.open();
    assert_eq!(keyring.receipt_seed().map(|again| *again.expose()), Ok(seed));
    keyring.make_days(&[Day(1)]).expect("made");
    assert_eq!(keyring.receipt_seed().map(|again| *again.expose()), Ok(seed));
}

#[test]
fn addresses_that_may_not_be_stored_have_one_key_that_is_made_once_and_stays() {
    let place = Place::new();
    let keyring = place.create();
    let absent = Some(KeyringCode::KeyAbsent);
    assert_eq!(keyring.suppression_key().err().map(|error| error.code), absent, "nobody asked for it");
    keyring.make_suppression_key().expect("made");
    let key = *keyring.suppression_key().expect("made").expose();
    let generation = keyring.generation();
    keyring.make_suppression_key().expect("it is there");
    assert_eq!(keyring.generation(), generation);
    assert!(key != *keyring.seen_key().expose() && key != *keyring.receipt_seed().expect("made").expose());
    drop(keyring);
    assert_eq!(place.open().suppression_key().map(|again| *again.expose()), Ok(key));
}

#[test]
fn a_key_that_was_never_made_is_absent() {
    let place = Place::new();
    let keyring = place.create();
    let code = |answer: Result<(), KeyringError>| answer.err().map(|error| error.code);
    assert_eq!(code(keyring.day_key(Day(1)).map(drop)), Some(KeyringCode::KeyAbsent));
    assert_eq!(code(keyring.lease(&bucket(1)).map(drop)), Some(KeyringCode::KeyAbsent));
    assert_eq!(code(keyring.first_live(&bucket(1), 0).map(drop)), Some(KeyringCode::KeyAbsent));
    keyring.make_buckets(&[bucket(1)]).expect("made");
    assert_eq!(keyring.first_live(&bucket(1), 7), Ok(Some(7)));
    let elsewhere = Bucket { epoch: 2, ..bucket(1) };
    assert_eq!(code(keyring.lease(&elsewhere).map(drop)), Some(KeyringCode::KeyAbsent));
    assert_eq!(
        code(keyring.bucket_key(&bucket(1), 0).map(drop)),
        Some(KeyringCode::KeyAbsent),
        "no bucket has one"
    );
}

/// What is erased has no key any more, in memory or after the next start; every other one is the same.
#[test]
fn an_erased_leaf_has_no_key_and_every_other_one_keeps_its_own() {
    let place = Place::new();
    let keyring = place.create();
    keyring.make_buckets(&[bucket(1)]).expect("made");
    let before: Vec<_> = (0..512).map(|leaf| key_of(&keyring, 1, leaf)).collect();
    let held = keyring.lease(&bucket(1)).expect("there");
    let mut change = Change::default();
    change.puncture(bucket(1), 8..9);
    keyring.change(&change).expect("erased");
    assert!(held.is_revoked());
    let generation = keyring.generation();
    keyring.change(&change).expect("nothing to do");
    assert_eq!(keyring.generation(), generation, "written for nothing");
    assert_eq!(keyring.first_live(&bucket(1), 8), Ok(Some(9)));
    drop(keyring);
    let keyring = place.open();
    for (leaf, before) in (0..).zip(before) {
        assert_eq!(key_of(&keyring, 1, leaf), before.filter(|_| leaf != 8), "{leaf}");
    }
}

#[test]
fn a_destroyed_key_is_in_no_file_and_no_second_generation_is_left() {
    let place = Place::new();
    let keyring = place.create();
    keyring.make_days(&[Day(1), Day(2)]).expect("made");
    let key = |day| *keyring.day_key(Day(day)).expect("held").expose();
    let (destroyed, kept) = (key(1), key(2));
    keyring.destroy_days(&[Day(1)]).expect("destroyed");
    assert_eq!(keyring.day_key(Day(1)).err(), Some(absent()));
    assert_eq!(keyring.days(), [Day(2)]);
    assert_eq!(place.names(), ["keyring", "keyring.lock"]);
    drop(keyring);
    let keyring = place.open();
    assert_eq!(keyring.days(), [Day(2)]);
    assert!(*keyring.day_key(Day(2)).expect("held").expose() == kept && kept != destroyed);
    let used = fs::read(&place.path).expect("there");
    let used = used.chunks(PAGE_BYTES).filter(|page| page.iter().any(|byte| *byte != 0)).count();
    assert_eq!(used, 2, "title and head; what was before is zeros");
}

/// Looks for bytes in every file, raw and as hex.
fn found_on_disk(place: &Place, wanted: &[u8]) -> bool {
    let forms = [wanted.to_vec(), hex::encode(wanted).into_bytes()];
    place.names().iter().any(|name| {
        let bytes = fs::read(place.dir.path().join(name)).expect("readable");
        forms.iter().any(|form| bytes.windows(form.len()).any(|window| window == form))
    })
}

#[test]
fn no_key_lies_on_disk_in_clear() {
    let place = Place::new();
    let keyring = place.create();
    keyring.make_days(&[Day(1)]).expect("made");
    keyring.make_buckets(&[bucket(1)]).expect("made");
    let month = keyring.log_key(Month(1)).expect("made");
    let day = keyring.day_key(Day(1)).expect("made");
    let record = Key::new(bytes_of(&keyring, 1).expect("made"));
    for key in [month, day, record, keyring.seen_key(), keyring.trail_key(), root(1)] {
        assert!(!found_on_disk(&place, key.expose()));
    }
    assert!(!found_on_disk(&place, b"devis"));
    // The search finds what is there.
    let planted = *keyring.seen_key().expose();
    fs::write(place.dir.path().join("planted"), planted).expect("written");
    assert!(found_on_disk(&place, &planted));
    fs::write(place.dir.path().join("planted"), hex::encode(planted)).expect("written");
    assert!(found_on_disk(&place, &planted));
}

#[test]
fn a_keyring_is_never_created_over_another() {
    let place = Place::new();
    let seen = *place.create().seen_key().expose();
    for root_byte in [1, 2] {
        let refused = FileKeyring::create(&place.path, root(root_byte), place.random.clone());
        assert_eq!(refused.err().map(|error| error.code), Some(KeyringCode::Exists));
    }
    assert!(*place.open().seen_key().expose() == seen);
    fs::write(&place.path, b"").expect("emptied");
    let refused = FileKeyring::create(&place.path, root(1), place.random.clone());
    assert_eq!(refused.err().map(|error| error.code), Some(KeyringCode::Exists), "also over a damaged one");
}

/// The store remembers the generation it has seen, and notices.
#[test]
fn an_old_copy_put_back_says_its_lower_generation() {
    let place = Place::new();
    let keyring = place.create();
    keyring.make_buckets(&[bucket(1)]).expect("made");
    let copy = fs::read(&place.path).expect("there");
    keyring.make_buckets(&[bucket(2)]).expect("made");
    assert_eq!(keyring.generation(), 2);
    drop(keyring);
    fs::write(&place.path, copy).expect("put back");
    assert_eq!(place.open().generation(), 1);
}

#[test]
fn a_wrong_root_key_a_damaged_file_and_a_later_version_are_told_apart() {
    let place = Place::new();
    drop(place.create());
    let refused = FileKeyring::open(&place.path, root(2), place.random.clone()).err();
    assert_eq!(refused.map(|error| error.code), Some(KeyringCode::DoesNotOpen));
    let good = fs::read(&place.path).expect("there");
    for (bytes, code) in [
        (Vec::new(), KeyringCode::DoesNotOpen),
        (good[..PAGE_BYTES].to_vec(), KeyringCode::Incomplete),
        (good[..PAGE_BYTES - 1].to_vec(), KeyringCode::DoesNotOpen),
        ([b"TAMISKEY\x03".as_slice(), &good[9..]].concat(), KeyringCode::Format),
        ([b"TAMISKEY\x01".as_slice(), &good[9..]].concat(), KeyringCode::DoesNotOpen),
    ] {
        fs::write(&place.path, bytes).expect("written");
        assert_eq!(place.refusal(), Some(code));
    }
    fs::remove_file(&place.path).expect("removed");
    fs::create_dir(&place.path).expect("made");
    assert_eq!(place.refusal(), Some(KeyringCode::Io), "a directory is no keyring");
    fs::remove_dir(&place.path).expect("removed");
    rustix::fs::mknodat(rustix::fs::CWD, &place.path, rustix::fs::FileType::Fifo, 0o600.into(), 0)
        .expect("made");
    assert_eq!(place.refusal(), Some(KeyringCode::Io), "a pipe is not waited for");
}

#[test]
fn readers_beside_a_writer_see_every_key_whole_and_unchanged() {
    const BUCKETS: u64 = 60;
    let place = Place::new();
    let keyring = place.create();
    keyring.make_buckets(&[bucket(0)]).expect("made");
    let first = bytes_of(&keyring, 0);
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                let mut seen: Vec<Option<[u8; 32]>> = vec![None; BUCKETS as usize];
                loop {
                    let last = done.load(Ordering::SeqCst);
                    for index in 0..BUCKETS {
                        let (now, before) = (bytes_of(&keyring, index), &mut seen[index as usize]);
                        assert!(before.is_none() || *before == now, "a key changed or went");
                        *before = now;
                    }
                    assert_eq!(seen[0], first);
                    if last {
                        break assert!(seen.iter().all(Option::is_some), "a durable key is not seen");
                    }
                }
            });
        }
        // Two writers want the same keys: each is made once.
        let writers = [0, 1].map(|_| {
            scope.spawn(|| {
                for index in 1..BUCKETS {
                    keyring.make_buckets(&[bucket(index)]).expect("made");
                    assert!(bytes_of(&keyring, index).is_some(), "made, so there");
                }
            })
        });
        let ended = writers.map(std::thread::ScopedJoinHandle::join);
        // Before anything is asserted: the readers would go on for ever.
        done.store(true, Ordering::SeqCst);
        for writer in ended {
            writer.expect("no panic");
        }
    });
    assert_eq!(keyring.generation(), BUCKETS);
    let told = |keyring: &FileKeyring| (0..BUCKETS).map(|index| bytes_of(keyring, index)).collect::<Vec<_>>();
    let before = told(&keyring);
    drop(keyring);
    assert!(told(&place.open()) == before);
}

#[test]
fn only_the_newest_month_and_the_one_before_have_a_key() {
    let place = Place::new();
    let keyring = place.create();
    let months = |keyring: &FileKeyring| keyring.months().iter().map(|month| month.0).collect::<Vec<_>>();
    for (month, expected) in
        [(100, vec![100]), (101, vec![100, 101]), (102, vec![101, 102]), (110, vec![110])]
    {
        keyring.log_key(Month(month)).expect("made");
        assert_eq!(months(&keyring), expected);
    }
}

#[test]
fn a_month_loses_its_key_on_time_also_where_no_other_is_made() {
    let place = Place::new();
    let keyring = place.create();
    for month in [100, 101] {
        keyring.log_key(Month(month)).expect("made");
    }
    let generation = keyring.generation();
    assert_eq!((keyring.drop_log_months(Month(101)), keyring.generation()), (Ok(0), generation));
    assert_eq!(keyring.drop_log_months(Month(102)), Ok(1));
    assert_eq!(keyring.months(), [Month(101)]);
    assert_eq!((keyring.drop_log_months(Month(110)), keyring.months().len()), (Ok(1), 0));
}

#[test]
fn a_clock_that_goes_back_brings_no_month_back() {
    let place = Place::new();
    let keyring = place.create();
    let key = |month| *keyring.log_key(Month(month)).expect("held").expose();
    let (oldest, newest) = (key(100), key(101));
    let generation = keyring.generation();
    assert!(key(7) == oldest && key(101) == newest);
    assert_eq!(keyring.generation(), generation, "nothing to make");
    assert!(![oldest, newest].contains(&key(102)), "a new month has a key of its own");
}

#[test]
fn a_root_key_is_sixty_four_hex_digits() {
    let key = |text: &str| root_key(&Secret::new(text.as_bytes().to_vec())).map(|key| *key.expose());
    assert_eq!(key(&"0f".repeat(32)), Ok([0x0f; 32]));
    assert_eq!(key(&"0F".repeat(32)), Ok([0x0f; 32]));
    for bad in ["", "0f", &"0f".repeat(31), &"0f".repeat(33), &"0g".repeat(32), &"a".repeat(32)] {
        assert_eq!(key(bad).map_err(|error| error.code), Err(KeyringCode::RootKey), "{} bytes", bad.len());
    }
}

#[test]
fn another_root_key_leaves_nothing_that_the_old_one_opens() {
    let place = Place::new();
    drop(place.create());
    let restoring = place.dir.path().join("keyring.restoring");
    let remains = [place.new_file(), restoring].map(|remains| {
        fs::copy(&place.path, &remains).expect("copied");
        let opened = FileKeyring::open(&remains, root(1), place.random.clone()).expect("it opens").is_some();
        assert!(opened, "a whole keyring under the old key");
        fs::File::open(remains).expect("there")
    });
    let rotation = Rotation::begin(&place.path).unwrap_or_else(|_| panic!("taken"));
    assert!(rotation.finish(root(1), root(2), place.random.clone()).expect("rotated").pages > 0);
    for mut file in remains {
        let mut bytes = Vec::new();
        std::io::Read::read_to_end(&mut file, &mut bytes).expect("readable");
        assert!(!bytes.is_empty() && bytes.iter().all(|byte| *byte == 0), "wiped, not only removed");
    }
    let names = place.names();
    assert!(!names.contains(&"keyring.new".to_owned()) && !names.contains(&"keyring.restoring".to_owned()));
    assert_eq!(place.refusal(), Some(KeyringCode::DoesNotOpen));
}
