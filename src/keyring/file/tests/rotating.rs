//! Another root key, by the files: which of them opens under which, and what becomes of the one of before.

use std::cell::RefCell;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::wiping::{bytes, held, is_wiped};
use super::*;
use crate::keyring::file::{NotRotated, Rotation};
use crate::keyring::pages::Root;
use crate::machine::own::Directory;

fn rotation(place: &Place) -> Rotation {
    Rotation::begin(&place.path).unwrap_or_else(|why| panic!("{why:?}"))
}

fn finish(place: &Place, rotation: Rotation, from: u8, to: u8) -> Result<usize, NotRotated> {
    rotation.finish(root(from), root(to), place.random.clone()).map(|rotated| {
        assert_eq!((rotated.from, rotated.to), (Root::new(root(from)).id(), Root::new(root(to)).id()));
        rotated.pages
    })
}

fn under(place: &Place, byte: u8) -> Result<FileKeyring, KeyringCode> {
    let opened = FileKeyring::open(&place.path, root(byte), place.random.clone());
    opened.map(|keyring| keyring.expect("is there")).map_err(|error| error.code)
}

/// With three buckets, and their keys.
fn begun() -> (Place, [Option<[u8; 32]>; 3]) {
    let place = Place::new();
    let keyring = place.create();
    keyring.make_buckets(&[bucket(0), bucket(1), bucket(2)]).expect("made");
    let keys = keys(&keyring);
    (place, keys)
}

fn keys(keyring: &FileKeyring) -> [Option<[u8; 32]>; 3] {
    [0, 1, 2].map(|index| bytes_of(keyring, index))
}

thread_local! {
    static HERE: RefCell<PathBuf> = RefCell::default();
}

fn never(_: &Directory, _: &OsStr, _: &OsStr) -> io::Result<bool> {
    Ok(false)
}

#[test]
fn the_new_one_opens_it_alone_and_the_file_of_before_is_overwritten_with_and_without_an_exchange() {
    for exchanges in [true, false] {
        let (place, before) = begun();
        let old = held(&place.path);
        let mut rotation = self::rotation(&place);
        assert_eq!(place.refusal(), Some(KeyringCode::Locked));
        if !exchanges {
            rotation.files.exchange = never;
        }
        assert_eq!(finish(&place, rotation, 1, 2), Ok(2));
        assert!(is_wiped(&old), "{exchanges}");
        assert_eq!(place.names(), ["keyring", "keyring.lock"]);
        assert_eq!(under(&place, 1).err(), Some(KeyringCode::DoesNotOpen));
        let keyring = under(&place, 2).expect("the new one opens it");
        assert_eq!((keys(&keyring), keyring.generation()), (before, 1));
        drop(keyring);
        // Once more, and taken back.
        let whole = fs::read(&place.path).expect("there");
        assert_eq!(finish(&place, self::rotation(&place), 1, 2), Ok(0));
        assert!(fs::read(&place.path).expect("there") == whole, "what is done is not done again");
        assert_eq!(finish(&place, self::rotation(&place), 2, 1), Ok(2));
        assert_eq!(keys(&under(&place, 1).expect("the old one opens it")), before);
    }
}

#[test]
fn the_file_of_before_that_a_crash_left_beside_it_is_overwritten_by_the_next_start_or_the_same_command() {
    // The process ends between the exchange and the overwriting.
    let dies: fn(&Directory, &OsStr, &OsStr) -> io::Result<bool> = |directory, one, other| {
        assert!(directory.exchange(one, directory, other).expect("exchanged"));
        panic!("killed")
    };
    for by_start in [true, false] {
        let (place, before) = begun();
        let old = held(&place.path);
        let whole = bytes(&old);
        let mut cut = rotation(&place);
        cut.files.exchange = dies;
        let killed = catch_unwind(AssertUnwindSafe(|| finish(&place, cut, 1, 2)));
        assert!(killed.is_err());
        assert!(bytes(&old) == whole && fs::read(place.new_file()).expect("there") == whole);
        // The old one opens what lies beside it, the new one what is in the place; nothing is touched by a start with the old one.
        let told = OtherRoot::of(&place.path, &[&root(1)]).expect("under another").to_string();
        let [one, two] = [1, 2].map(|byte| Root::new(root(byte)).id());
        assert!(told.contains("cut short") && told.contains(&format!("{two} opens all of it")), "{told}");
        assert!(told.contains(&format!("{one} is at hand")), "{told}");
        assert_eq!(under(&place, 1).err(), Some(KeyringCode::DoesNotOpen));
        assert!(bytes(&old) == whole);
        match by_start {
            true => assert_eq!(keys(&under(&place, 2).expect("opens")), before),
            false => assert_eq!(finish(&place, rotation(&place), 1, 2), Ok(0)),
        }
        assert!(is_wiped(&old) && place.names() == ["keyring", "keyring.lock"]);
        assert_eq!(keys(&under(&place, 2).expect("opens")), before);
    }
}

#[test]
fn one_that_was_written_and_has_no_place_yet_is_overwritten_by_the_next_start_or_written_once_more() {
    for by_start in [true, false] {
        let (place, before) = begun();
        let killed: fn(&Directory, &OsStr, &OsStr) -> io::Result<bool> = |_, _, _| panic!("killed");
        let mut cut = rotation(&place);
        cut.files.exchange = killed;
        assert!(catch_unwind(AssertUnwindSafe(|| finish(&place, cut, 1, 2))).is_err());
        let new = held(&place.new_file());
        let told = OtherRoot::of(&place.path, &[&root(2)]).expect("under another").to_string();
        assert!(told.contains(&format!("{} opens all of it", Root::new(root(1)).id())), "{told}");
        assert_eq!(under(&place, 2).err(), Some(KeyringCode::DoesNotOpen));
        assert!(!is_wiped(&new), "it may be all that there is");
        match by_start {
            true => assert_eq!(keys(&under(&place, 1).expect("opens")), before),
            false => assert_eq!(finish(&place, rotation(&place), 1, 2), Ok(2)),
        }
        assert!(is_wiped(&new) && place.names() == ["keyring", "keyring.lock"]);
    }
}

/// Half of it was sealed again in its place.
#[test]
fn what_an_earlier_version_left_half_way_is_ended_or_taken_back() {
    for (from, to) in [(1, 2), (2, 1)] {
        let (place, before) = begun();
        // A change under both seals what it writes with the new one.
        let file = File::options().read(true).write(true).open(&place.path).expect("there");
        let roots = Roots { seal: Root::new(root(2)), also: Some(Root::new(root(1))) };
        let pages = Pages::open(FileDisk::of(file), roots, place.random.clone()).expect("opens");
        let mut change = Change::default();
        change.key(KeyName::Day(Day(3)), KeyEdit::Make);
        pages.change(&change).expect("made");
        assert_eq!(pages.under_others(), 1, "the head is under the new one, the buckets under the old");
        drop(pages);
        for byte in [1, 2] {
            assert_eq!(under(&place, byte).err(), Some(KeyringCode::DoesNotOpen));
            let told = OtherRoot::of(&place.path, &[&root(byte)]).expect("under another").to_string();
            assert!(told.contains("It opens with both"), "{told}");
        }
        assert_eq!(OtherRoot::of(&place.path, &[&root(1), &root(2)]), None);
        let old = held(&place.path);
        assert_eq!(finish(&place, rotation(&place), from, to), Ok(1));
        assert!(is_wiped(&old) && place.names() == ["keyring", "keyring.lock"]);
        let keyring = under(&place, to).expect("it is enough");
        assert_eq!((keys(&keyring), keyring.days()), (before, vec![Day(3)]));
    }
}

#[test]
fn what_cannot_be_written_or_exchanged_leaves_the_old_one_in_force() {
    let (place, before) = begun();
    let whole = fs::read(&place.path).expect("there");
    fs::create_dir(place.new_file()).expect("in the way");
    let refused = finish(&place, rotation(&place), 1, 2);
    assert!(
        matches!(refused, Err(NotRotated::Refused(error)) if error.code == KeyringCode::Io),
        "{refused:?}"
    );
    fs::remove_dir(place.new_file()).expect("out of the way");
    let mut failing = rotation(&place);
    failing.files.exchange = |_, _, _| Err(ErrorKind::ReadOnlyFilesystem.into());
    let refused = finish(&place, failing, 1, 2);
    let read_only = KeyringError::io(ErrorKind::ReadOnlyFilesystem);
    assert_eq!(refused, Err(NotRotated::Refused(read_only)));
    assert_eq!(place.names(), ["keyring", "keyring.lock"], "what was written is not left");
    // Under a third root key nothing opens.
    let refused = finish(&place, rotation(&place), 3, 2);
    assert_eq!(refused, Err(NotRotated::Refused(KeyringError::of(KeyringCode::DoesNotOpen))));
    assert!(fs::read(&place.path).expect("there") == whole);
    assert_eq!(keys(&under(&place, 1).expect("the old one opens it")), before);
}

/// It stands under its new root key, and whoever asked hears that something is left.
#[test]
fn a_file_of_before_that_cannot_be_overwritten_is_said_and_the_same_command_ends_it() {
    let (place, before) = begun();
    let mut linked = rotation(&place);
    // Somebody gives the old file a second name right then.
    HERE.set(place.dir.path().to_owned());
    linked.files.exchange = |directory, one, other| {
        let exchanged = directory.exchange(one, directory, other)?;
        let here = HERE.take();
        fs::hard_link(here.join(one), here.join("second")).map(|()| exchanged)
    };
    let left = finish(&place, linked, 1, 2);
    assert_eq!(left, Err(NotRotated::NotEnded(KeyringError::of(KeyringCode::Linked))));
    fs::remove_file(place.dir.path().join("second")).expect("removed");
    let old = held(&place.new_file());
    assert_eq!(finish(&place, rotation(&place), 1, 2), Ok(0));
    assert!(is_wiped(&old));
    assert_eq!(keys(&under(&place, 2).expect("opens")), before);
}
