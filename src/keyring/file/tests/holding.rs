//! In whose hands a keyring may be, and who may read it.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use super::*;

#[test]
fn a_second_holder_is_refused_until_the_first_lets_go() {
    let place = Place::new();
    let first = place.create();
    assert_eq!(place.refusal(), Some(KeyringCode::Locked));
    let refused = FileKeyring::create(&place.path, root(1), place.random.clone());
    assert_eq!(refused.err().map(|error| error.code), Some(KeyringCode::Locked));
    drop(first);
    drop(place.open());
}

/// A replaced generation would live on under the other name.
#[test]
fn a_keyring_with_a_second_name_is_refused() {
    let place = Place::new();
    drop(place.create());
    let other = place.dir.path().join("other");
    fs::hard_link(&place.path, &other).expect("linked");
    assert_eq!(place.refusal(), Some(KeyringCode::Linked));
    fs::remove_file(&place.path).expect("removed");
    symlink(&other, &place.path).expect("linked");
    assert_eq!(place.refusal(), Some(KeyringCode::Linked));
}

/// Whoever owns a keyring's place could put an old generation back, or take each new one.
#[test]
fn a_keyring_in_another_user_s_hands_is_refused_and_a_trap_beside_it_is_not_written_through() {
    let place = Place::new();
    drop(place.create());
    let victim = place.dir.path().join("victim");
    fs::write(&victim, "theirs").expect("written");
    symlink(&victim, place.new_file()).expect("linked");
    assert_eq!(place.refusal(), Some(KeyringCode::Linked), "what lies at its new file's place");
    fs::remove_file(place.new_file()).expect("removed");
    let keyring = place.open();
    // It would have to be written there: the keyring's own place is empty.
    fs::remove_file(&place.path).expect("removed");
    for second_name in [false, true] {
        match second_name {
            false => symlink(&victim, place.new_file()).expect("linked"),
            true => fs::hard_link(&victim, place.new_file()).expect("linked"),
        }
        assert_eq!(keyring.make_days(&[Day(1)]).map_err(|error| error.code), Err(KeyringCode::Linked));
        assert_eq!(fs::read(&victim).expect("there"), b"theirs");
        fs::remove_file(place.new_file()).expect("removed");
    }
    keyring.make_days(&[Day(1)]).expect("made");
    drop(keyring);

    fs::set_permissions(place.dir.path(), fs::Permissions::from_mode(0o777)).expect("a mode");
    assert_eq!(place.refusal(), Some(KeyringCode::NotOwn), "anybody may exchange it");
    fs::set_permissions(place.dir.path(), fs::Permissions::from_mode(0o700)).expect("a mode");
    if rustix::process::geteuid().is_root() {
        for given in [place.path.clone(), place.dir.path().to_owned()] {
            std::os::unix::fs::chown(&given, Some(65_534), None).expect("given away");
            assert_eq!(place.refusal(), Some(KeyringCode::NotOwn), "{}", given.display());
            std::os::unix::fs::chown(&given, Some(0), None).expect("taken back");
        }
    }
    drop(place.open());
}

#[test]
fn the_file_is_private_also_where_it_was_not() {
    let place = Place::new();
    let mode = || fs::metadata(&place.path).expect("there").permissions().mode() & 0o777;
    drop(place.create());
    assert_eq!(mode(), 0o600);
    fs::set_permissions(&place.path, fs::Permissions::from_mode(0o644)).expect("opened up");
    drop(place.open());
    assert_eq!(mode(), 0o600);
}

#[test]
fn an_absent_directory_is_made_for_its_owner_alone() {
    let place = Place::new();
    let path = place.dir.path().join("keys/of/tamis/keyring");
    assert!(FileKeyring::open(&path, root(1), place.random.clone()).is_ok_and(|none| none.is_none()));
    assert!(place.names().is_empty(), "opening makes no directory");
    drop(FileKeyring::create(&path, root(1), place.random.clone()).expect("created"));
    let directory = path.parent().expect("a parent");
    assert_eq!(fs::metadata(directory).expect("made").permissions().mode() & 0o777, 0o700);
}
