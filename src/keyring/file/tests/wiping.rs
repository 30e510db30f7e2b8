//! Whole copies of the keyring that are given up: what they had is looked at through a handle that was open before.

use std::fs::{self, File};
use std::io::{Read, Seek};
use std::path::Path;

use super::*;

pub(super) fn bytes(mut file: &File) -> Vec<u8> {
    let mut bytes = Vec::new();
    file.rewind().and_then(|()| file.read_to_end(&mut bytes)).expect("readable");
    bytes
}

pub(super) fn is_wiped(file: &File) -> bool {
    let bytes = bytes(file);
    bytes.len() >= PAGE_BYTES && bytes.iter().all(|byte| *byte == 0)
}

pub(super) fn held(path: &Path) -> File {
    File::open(path).expect("there")
}

/// A whole copy of the keyring at a place, as a crash leaves one.
fn copied(place: &Place, name: &str) -> File {
    let to = place.dir.path().join(name);
    fs::copy(&place.path, &to).expect("copied");
    held(&to)
}

#[test]
fn a_start_overwrites_whole_copies_that_a_crash_left_beside_it() {
    let place = Place::new();
    let keyring = place.create();
    keyring.make_buckets(&[bucket(1)]).expect("made");
    let key = bytes_of(&keyring, 1);
    drop(keyring);
    let left = ["keyring.new", "keyring.restoring"].map(|name| copied(&place, name));
    fs::write(place.dir.path().join("keyring.restoring.lock"), "").expect("written");
    let keyring = place.open();
    assert!(left.iter().all(is_wiped));
    assert_eq!(place.names(), ["keyring", "keyring.lock"]);
    assert!(key.is_some() && bytes_of(&keyring, 1) == key);
}

/// They may be all that there is.
#[test]
fn a_start_leaves_them_alone_beside_one_that_does_not_open_and_where_there_is_none() {
    let place = Place::new();
    drop(place.create());
    let left = ["keyring.new", "keyring.restoring"].map(|name| copied(&place, name));
    let whole = bytes(&left[0]);
    fs::write(&place.path, b"damaged").expect("written");
    assert_eq!(place.refusal(), Some(KeyringCode::DoesNotOpen));
    fs::remove_file(&place.path).expect("removed");
    assert!(FileKeyring::open(&place.path, root(1), place.random.clone()).is_ok_and(|none| none.is_none()));
    assert!(left.iter().all(|left| bytes(left) == whole));
    // One that is made where nothing was sealed needs neither.
    drop(place.create());
    assert!(left.iter().all(is_wiped));
    assert_eq!(place.names(), ["keyring", "keyring.lock"]);
}

#[test]
fn what_is_replaced_by_what_memory_holds_is_overwritten_once_it_has_no_name() {
    let place = Place::new();
    let keyring = place.create();
    keyring.make_buckets(&[bucket(1)]).expect("made");
    let aside = place.dir.path().join("aside");
    fs::copy(&place.path, &aside).expect("copied");
    keyring.make_buckets(&[bucket(2)]).expect("made");
    let own = held(&place.path);
    // An older one in its place, the own one elsewhere: that one has a name, and stays.
    fs::rename(&place.path, place.dir.path().join("moved")).expect("moved");
    fs::rename(&aside, &place.path).expect("moved");
    let older = held(&place.path);
    let before = bytes(&own);
    assert_eq!(keyring.look_after(), []);
    assert!(is_wiped(&older) && bytes(&own) == before);
    assert!(bytes(&held(&place.path)) != before, "sealed anew");
    // The own one is removed, by a change that finds it so as by a look.
    for by_look in [true, false] {
        let own = held(&place.path);
        fs::remove_file(&place.path).expect("removed");
        match by_look {
            true => assert_eq!(keyring.look_after(), []),
            false => keyring.make_buckets(&[bucket(3)]).expect("made"),
        }
        assert!(is_wiped(&own), "{by_look}");
    }
    // And it is damaged where it lies: its last page is free.
    let own = held(&place.path);
    let (writing, end) = (File::options().write(true).open(&place.path), bytes(&own).len() as u64);
    std::os::unix::fs::FileExt::write_all_at(&writing.expect("there"), b"x", end - 1).expect("written");
    assert_eq!(keyring.look_after(), []);
    assert!(is_wiped(&own));
    assert_eq!(place.names(), ["keyring", "keyring.lock", "moved"]);
    let keys = [1, 2, 3].map(|index| bytes_of(&keyring, index));
    drop(keyring);
    assert!([1, 2, 3].map(|index| bytes_of(&place.open(), index)) == keys);
}

/// The process ends between the two: what had the place has a name, and the next start overwrites it.
#[test]
fn what_is_replaced_is_overwritten_by_the_next_start_where_a_crash_comes_before() {
    let place = Place::new();
    let mut keyring = place.create();
    keyring.make_buckets(&[bucket(1)]).expect("made");
    let key = bytes_of(&keyring, 1);
    keyring.files.exchange = |directory, one, other| {
        assert!(directory.exchange(one, directory, other).expect("exchanged"));
        panic!("killed")
    };
    let own = held(&place.path);
    let (writing, end) = (File::options().write(true).open(&place.path), bytes(&own).len() as u64);
    std::os::unix::fs::FileExt::write_all_at(&writing.expect("there"), b"x", end - 1).expect("written");
    let killed = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| keyring.look_after()));
    assert!(killed.is_err() && !is_wiped(&own));
    drop(keyring);
    assert_eq!(place.names(), ["keyring", "keyring.lock", "keyring.new"]);
    let keyring = place.open();
    assert!(is_wiped(&own) && key.is_some() && bytes_of(&keyring, 1) == key);
    assert_eq!(place.names(), ["keyring", "keyring.lock"]);
}

#[test]
fn what_is_replaced_is_overwritten_also_where_no_names_are_exchanged() {
    let place = Place::new();
    let mut keyring = place.create();
    keyring.files.exchange = |_, _, _| Ok(false);
    let (own, end) = (held(&place.path), fs::metadata(&place.path).expect("there").len());
    let writing = File::options().write(true).open(&place.path).expect("there");
    std::os::unix::fs::FileExt::write_all_at(&writing, b"x", end - 1).expect("written");
    assert_eq!(keyring.look_after(), []);
    assert!(is_wiped(&own));
    assert_eq!(place.names(), ["keyring", "keyring.lock"]);
    drop(keyring);
    drop(place.open());
}

#[test]
fn the_key_part_of_a_backup_is_overwritten_wherever_it_is_given_up() {
    let (backup, place) = (Place::new(), Place::new());
    drop(backup.create());
    let take = || {
        let copy = KeyringCopy::take(&backup.path, &place.path, root(1), place.random.clone());
        let copy = copy.unwrap_or_else(|error| panic!("{error}"));
        (copy, held(&place.dir.path().join("keyring.restoring")))
    };
    // Cut short, and begun again.
    let (_, killed) = take();
    let (copy, second) = take();
    assert!(is_wiped(&killed) && !is_wiped(&second));
    copy.leave();
    assert!(is_wiped(&second) && place.names().is_empty());
    // One that does not open is given up at once.
    let (_, killed) = take();
    let refused = KeyringCopy::take(&backup.path, &place.path, root(2), place.random.clone()).err();
    assert_eq!(refused.map(|error| error.code), Some(KeyringCode::DoesNotOpen));
    assert!(is_wiped(&killed) && place.names().is_empty());
    // Put into its place, and taken back.
    let (copy, third) = take();
    copy.put().expect("put");
    assert!(bytes_of(&place.open(), 1).is_none() && !is_wiped(&third));
    KeyringCopy::take_back(&place.path).expect("taken back");
    assert!(is_wiped(&third) && place.names().is_empty());
    // What it was copied from stays.
    drop(backup.open());
}
