//! From a keyring of before to one with trees.

use std::fs;
use std::sync::Arc;

use super::*;
use crate::keyring::format::writing;

/// What a keyring of before had.
struct Of {
    content: Content,
    bytes: Vec<u8>,
}

/// A keyring of before, with keys of two days, two months and two buckets.
fn before(place: &Place) -> Of {
    let mut content = Content::new(&*place.random).expect("made");
    for number in [1, 2] {
        content.make_day(Day(20_000 + number), &*place.random).expect("made");
        content.make_month(Month(680 + number), &*place.random).expect("made");
        content.make_bucket(&bucket(u64::from(number)), &*place.random).expect("made");
    }
    content.generation = 41;
    let bytes = writing::seal(&content, &root(1), &*place.random).expect("sealed");
    fs::write(&place.path, &bytes).expect("written");
    Of { content, bytes }
}

fn old_key(keyring: &FileKeyring, index: u64) -> Option<[u8; 32]> {
    keyring.bucket_key(&bucket(index), 0).ok().map(|key| *key.expose())
}

fn holds(keyring: &FileKeyring, of: &Of) {
    let Content { instance, seen, trail, days, months, .. } = &of.content;
    assert!(keyring.instance() == *instance);
    assert!(keyring.seen_key().expose() == seen.expose() && keyring.trail_key().expose() == trail.expose());
    assert_eq!(keyring.days(), days.keys().copied().collect::<Vec<_>>());
    assert!(
        days.iter().all(|(day, key)| keyring.day_key(*day).is_ok_and(|held| held.expose() == key.expose()))
    );
    for (month, key) in months {
        assert!(keyring.log_key(*month).is_ok_and(|held| held.expose() == key.expose()));
    }
}

#[test]
fn a_keyring_of_before_is_read_and_nothing_is_written_until_trees_are_begun() {
    let place = Place::new();
    let of = before(&place);
    let keyring = place.open();
    assert_eq!((keyring.before(), keyring.generation()), (Some(Before::Alone), 41));
    assert!(keyring.days().len() == 2 && keyring.instance() == of.content.instance);
    let expected = of.content.buckets.get(&bucket(1)).map(|keys| *keys.newest.key.expose());
    assert_eq!(old_key(&keyring, 1), expected);
    assert_eq!(keyring.bucket_key(&bucket(1), 1).err(), Some(absent()), "of another generation");
    assert_eq!(keyring.make_buckets(&[bucket(1)]), Err(absent()), "there are no trees yet");
    assert_eq!(keyring.look_after(), []);
    drop(keyring);
    assert_eq!(place.names(), ["keyring", "keyring.lock"]);
    assert!(fs::read(&place.path).expect("there") == of.bytes);
}

#[test]
fn trees_are_begun_beside_it_and_take_its_place() {
    let place = Place::new();
    let of = before(&place);
    let keyring = place.open();
    keyring.begin_trees().expect("begun");
    holds(&keyring, &of);
    assert_eq!((keyring.before(), keyring.generation()), (Some(Before::BesideTrees), 42), "it counts on");
    keyring.make_buckets(&[bucket(1)]).expect("made");
    let (old, new) = (old_key(&keyring, 1), bytes_of(&keyring, 1));
    assert!(old.is_some() && new.is_some() && old != new);
    drop(keyring);
    // As often as it is cut short.
    for _ in 0..2 {
        let keyring = place.open();
        assert_eq!((keyring.before(), keyring.generation()), (Some(Before::BesideTrees), 43));
        keyring.begin_trees().expect("begun already");
        assert_eq!((old_key(&keyring, 1), bytes_of(&keyring, 1)), (old, new));
        assert_eq!(place.names(), ["keyring", "keyring.lock", "keyring.next"]);
    }
    let keyring = place.open();
    keyring.end_before().expect("ended");
    assert_eq!((keyring.before(), old_key(&keyring, 1), bytes_of(&keyring, 1)), (None, None, new));
    assert_eq!(keyring.look_after(), []);
    keyring.make_days(&[Day(20_009)]).expect("it goes on under its name");
    assert_eq!(place.names(), ["keyring", "keyring.lock"]);
    drop(keyring);
    let keyring = place.open();
    assert_eq!((keyring.before(), keyring.generation(), bytes_of(&keyring, 1)), (None, 44, new));
}

/// Nothing was ever sealed under one of generation 0, and the next says so too.
#[test]
fn a_fresh_keyring_of_before_becomes_a_fresh_one_with_trees() {
    let place = Place::new();
    let content = Content::new(&*place.random).expect("made");
    fs::write(&place.path, writing::seal(&content, &root(1), &*place.random).expect("sealed"))
        .expect("written");
    let keyring = place.open();
    keyring.begin_trees().and_then(|()| keyring.end_before()).expect("moved");
    assert_eq!((keyring.before(), keyring.generation()), (None, 0));
    assert!(keyring.instance() == content.instance);
}

/// The old bytes are overwritten where they lie; whatever of that is there, the next start goes on, and the old keys are gone
/// for good once it has begun.
#[test]
fn its_end_may_be_cut_short_at_every_byte() {
    let place = Place::new();
    let of = before(&place);
    let keyring = place.open();
    keyring.begin_trees().expect("begun");
    keyring.make_buckets(&[bucket(1)]).expect("made");
    let new = bytes_of(&keyring, 1);
    drop(keyring);
    let next = fs::read(place.dir.path().join("keyring.next")).expect("there");
    let cuts = (1..of.bytes.len()).step_by(7).chain([of.bytes.len()]);
    for zeros in cuts {
        let mut bytes = of.bytes.clone();
        bytes[..zeros].fill(0);
        fs::write(&place.path, bytes).expect("written");
        fs::write(place.dir.path().join("keyring.next"), &next).expect("written");
        let keyring = place.open();
        assert_eq!(keyring.before(), Some(Before::Ending), "{zeros}");
        assert_eq!((old_key(&keyring, 1), bytes_of(&keyring, 1)), (None, new));
        keyring.end_before().expect("ended");
        drop(keyring);
        assert_eq!(place.names(), ["keyring", "keyring.lock"]);
        assert_eq!(bytes_of(&place.open(), 1), new);
    }
}

#[test]
fn a_next_that_does_not_open_or_is_another_s_is_refused_and_never_made_anew() {
    let place = Place::new();
    let of = before(&place);
    let keyring = place.open();
    keyring.begin_trees().expect("begun");
    drop(keyring);
    let path = place.dir.path().join("keyring.next");
    let next = fs::read(&path).expect("there");
    let other = Place::new();
    drop(FileKeyring::create(&other.path, root(1), Arc::new(SeededRandom::new(77))).expect("created"));
    let refused = [
        (Vec::new(), KeyringCode::DoesNotOpen),
        (next[..PAGE_BYTES].to_vec(), KeyringCode::Incomplete),
        (fs::read(&other.path).expect("there"), KeyringCode::Replaced),
        ([b"TAMISKEY\x03".as_slice(), &next[9..]].concat(), KeyringCode::Format),
    ];
    for (bytes, code) in refused {
        fs::write(&path, &bytes).expect("written");
        assert_eq!(place.refusal(), Some(code));
        assert!(
            fs::read(&path).expect("there") == bytes && fs::read(&place.path).expect("there") == of.bytes
        );
    }
    // Nor is a keyring made where only the next is left.
    fs::write(&path, next).expect("written");
    fs::remove_file(&place.path).expect("removed");
    let refused = FileKeyring::create(&place.path, root(1), place.random.clone());
    assert_eq!(refused.err().map(|error| error.code), Some(KeyringCode::Exists));
}
