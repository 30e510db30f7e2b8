//! What a crash or a failure at any step leaves.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::*;

/// A crash after the creation of the new file, at any byte of its writing, after the writing, after the renaming.
#[test]
fn a_crash_at_any_step_leaves_the_old_or_the_new_generation() {
    let place = Place::new();
    let keyring = place.create();
    keyring.make_buckets(&[bucket(1)]).expect("made");
    let sealed = next_generation(&keyring, 2);
    let old = bytes_of(&keyring, 1);
    drop(keyring);
    for length in 0..=sealed.len() {
        fs::write(place.new_file(), &sealed[..length]).expect("written");
        let keyring = place.open();
        assert_eq!((keyring.generation(), bytes_of(&keyring, 1)), (1, old), "torn at {length}");
        assert_eq!(place.names(), ["keyring", "keyring.lock"], "a second generation was left");
    }
    fs::write(place.new_file(), &sealed).expect("written");
    fs::rename(place.new_file(), &place.path).expect("renamed");
    let keyring = place.open();
    assert_eq!((keyring.generation(), bytes_of(&keyring, 1)), (2, old));
    assert!(bytes_of(&keyring, 2).is_some());
    keyring.make_buckets(&[bucket(3)]).expect("it goes on");
    assert_eq!(keyring.generation(), 3);
}

/// The remains are removed only once the keyring itself has opened: until then they may be all that there is.
#[test]
fn remains_beside_a_keyring_that_does_not_open_are_left_alone() {
    let place = Place::new();
    drop(place.create());
    fs::write(&place.path, b"damaged").expect("written");
    fs::write(place.new_file(), b"perhaps whole").expect("written");
    assert_eq!(place.refusal(), Some(KeyringCode::DoesNotOpen));
    assert!(place.new_file().exists());
}

#[test]
fn a_crash_during_creation_leaves_nothing_or_a_keyring() {
    let place = Place::new();
    fs::write(place.new_file(), b"TAMIS").expect("written");
    assert!(FileKeyring::open(&place.path, root(1), place.random.clone()).is_ok_and(|none| none.is_none()));
    assert_eq!(place.names(), ["keyring.new"], "opening nothing touches nothing");
    assert_eq!(place.create().generation(), 0);
    assert_eq!(place.names(), ["keyring", "keyring.lock"]);
}

#[test]
fn a_change_that_cannot_be_written_did_not_happen_and_may_be_tried_again() {
    let place = Place::new();
    let keyring = place.create();
    keyring.make_days(&[Day(1)]).expect("made");
    // Nothing can be written at the new file's place.
    fs::create_dir(place.new_file()).expect("in the way");
    assert_eq!(keyring.make_buckets(&[bucket(1)]).map_err(|error| error.code), Err(KeyringCode::Io));
    assert_eq!(keyring.destroy_days(&[Day(1)]).map_err(|error| error.code), Err(KeyringCode::Io));
    assert!(bytes_of(&keyring, 1).is_none());
    assert_eq!((keyring.days(), keyring.generation()), (vec![Day(1)], 1));
    fs::remove_dir(place.new_file()).expect("out of the way");
    keyring.make_buckets(&[bucket(1)]).expect("made");
    assert_eq!(keyring.generation(), 2);
}

/// While the next generation is sealed, a directory comes to lie in the keyring's place: no file can be renamed over it.
struct InTheWay {
    place: PathBuf,
    aside: PathBuf,
    now: AtomicBool,
}

impl Random for InTheWay {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), crate::random::NoRandomness> {
        if self.now.swap(false, Ordering::SeqCst) {
            fs::rename(&self.place, &self.aside).expect("moved");
            fs::create_dir(&self.place).expect("in the way");
        }
        crate::random::SystemRandom.fill(bytes)
    }
}

#[test]
fn after_a_failure_of_unknown_result_the_keyring_is_only_read() {
    let place = Place::new();
    drop(place.create());
    let aside = place.dir.path().join("aside");
    let random =
        Arc::new(InTheWay { place: place.path.clone(), aside: aside.clone(), now: AtomicBool::new(false) });
    let keyring = FileKeyring::open(&place.path, root(1), random.clone()).expect("opens").expect("is there");
    keyring.make_days(&[Day(1)]).expect("made");
    assert_eq!(keyring.failed(), None);
    random.now.store(true, Ordering::SeqCst);
    let failure = keyring.make_buckets(&[bucket(1)]).expect_err("cannot be renamed");
    assert_eq!(failure.code, KeyringCode::Io);
    assert_eq!(keyring.failed(), Some(failure), "readiness asks");
    fs::remove_dir(&place.path).expect("out of the way");
    fs::rename(&aside, &place.path).expect("moved back");
    assert_eq!(keyring.make_buckets(&[bucket(1)]), Err(failure), "not tried again");
    assert_eq!(keyring.destroy_days(&[Day(1)]), Err(failure));
    assert_eq!(keyring.log_key(Month(1)).map(drop), Err(failure));
    assert!(bytes_of(&keyring, 1).is_none());
    assert!(keyring.day_key(Day(1)).is_ok(), "what is there is read on");
    keyring.make_days(&[Day(1)]).expect("nothing to write, nothing to fail");
    drop(keyring);
    let keyring = place.open();
    assert_eq!(place.names(), ["keyring", "keyring.lock"], "the start tidies up");
    keyring.make_buckets(&[bucket(1)]).expect("and goes on");
}

struct NoneLeft;

impl Random for NoneLeft {
    fn fill(&self, _: &mut [u8]) -> Result<(), crate::random::NoRandomness> {
        Err(crate::random::NoRandomness)
    }
}

#[test]
fn without_randomness_nothing_is_made() {
    let place = Place::new();
    let refused = FileKeyring::create(&place.path, root(1), Arc::new(NoneLeft)).err();
    assert_eq!(refused.map(|error| error.code), Some(KeyringCode::NoRandomness));
    assert!(!place.path.exists());
    drop(place.create());
    let keyring =
        FileKeyring::open(&place.path, root(1), Arc::new(NoneLeft)).expect("opens").expect("is there");
    let refused = keyring.make_buckets(&[bucket(1)]).map_err(|error| error.code);
    assert_eq!(refused, Err(KeyringCode::NoRandomness));
    assert_eq!(keyring.generation(), 0);
}
