//! What a crash or a failure at any step leaves.

use std::fs;
use std::sync::Arc;

use super::*;

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
    fs::write(place.new_file(), b"TAMIS").expect("written");
    drop(place.open());
    assert_eq!(place.names(), ["keyring", "keyring.lock"], "a second one was left");
}

/// What cannot be written at its place; which failures of writes and syncs leave what is in `pages/tests/failing.rs`.
#[test]
fn a_change_that_cannot_be_written_did_not_happen_and_may_be_tried_again() {
    let place = Place::new();
    let keyring = place.create();
    keyring.make_days(&[Day(1)]).expect("made");
    // The file is gone, and no other can be written.
    fs::remove_file(&place.path).expect("removed");
    fs::create_dir(place.new_file()).expect("in the way");
    assert_eq!(keyring.make_buckets(&[bucket(1)]).map_err(|error| error.code), Err(KeyringCode::Io));
    assert_eq!(keyring.destroy_days(&[Day(1)]).map_err(|error| error.code), Err(KeyringCode::Io));
    assert!(bytes_of(&keyring, 1).is_none());
    assert_eq!((keyring.days(), keyring.generation()), (vec![Day(1)], 1));
    assert_eq!(keyring.failed(), None);
    fs::remove_dir(place.new_file()).expect("out of the way");
    keyring.make_buckets(&[bucket(1)]).expect("made");
    assert_eq!(keyring.generation(), 2);
    let made = bytes_of(&keyring, 1);
    drop(keyring);
    assert_eq!(bytes_of(&place.open(), 1), made);
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
