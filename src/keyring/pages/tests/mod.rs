mod codec;
mod copies;
mod crashes;
mod disk;
mod expansion;
mod failing;
mod file;
mod growing;
mod rotation;

use std::collections::BTreeMap;
use std::sync::Arc;

use super::shelf::Limits;
use super::*;
use crate::clock::{Day, Month};
use crate::keyring::{Bucket, InstanceId, KeyringCode, KeyringError};
use crate::purpose::PurposeId;
use crate::random::SeededRandom;
use crate::secret::Key;
use disk::{Image, Sim};

/// Small, so that a disk has a dozen pages.
const SMALL: Limits = Limits { change_buckets: 3, pages_ahead: 7 };

fn roots(byte: u8) -> Roots {
    Roots::one(Key::new([byte; 32]))
}

fn bucket(index: u64) -> Bucket {
    Bucket { purpose: PurposeId::parse("devis").expect("a purpose"), epoch: 1, index }
}

fn random(seed: u64) -> Arc<SeededRandom> {
    Arc::new(SeededRandom::new(seed))
}

/// A keyring with two keys, under root key 1.
fn create(sim: &Sim) -> Pages<Sim> {
    let keys = [KeyName::Seen, KeyName::Trail].map(|name| (name, Arc::new(Key::new([9; 32]))));
    let created =
        Pages::create_within(SMALL, sim.clone(), roots(1), InstanceId([7; 16]), keys.into(), 0, random(1));
    created.expect("created")
}

fn open(sim: &Sim) -> Result<Pages<Sim>, KeyringError> {
    Pages::open_within(SMALL, sim.clone(), roots(1), random(sim.seed()))
}

fn open_image(image: &Image) -> Result<Pages<Sim>, KeyringError> {
    open(&Sim::holding(image.clone()))
}

fn code<T>(result: Result<T, KeyringError>) -> Option<KeyringCode> {
    result.err().map(|error| error.code)
}

fn changed(change: impl FnOnce(&mut Change)) -> Change {
    let mut asked = Change::default();
    change(&mut asked);
    asked
}

fn making(buckets: std::ops::Range<u64>) -> Change {
    changed(|change| buckets.for_each(|index| change.make(bucket(index))))
}

fn erasing(index: u64, leaf: u16) -> Change {
    changed(|change| change.puncture(bucket(index), leaf..leaf + 1))
}

/// All that a keyring holds, as plain values.
#[derive(Clone, Debug, PartialEq)]
struct Told {
    change: u64,
    keys: BTreeMap<String, [u8; 32]>,
    /// Index → frontier.
    buckets: BTreeMap<u64, Vec<u8>>,
}

fn told<D: Disk>(pages: &Pages<D>) -> Told {
    let shelf = pages.shelf();
    let key = |(name, key): (&KeyName, &Arc<Key>)| (format!("{name:?}"), *key.expose());
    let frontier = |(bucket, entry): (&Bucket, &super::shelf::Entry)| {
        let frontier = entry.held.frontier();
        let mut bytes = vec![0; frontier.encoded_bytes()];
        frontier.encode(&mut bytes).expect("room");
        (bucket.index, bytes)
    };
    Told {
        change: shelf.change,
        keys: shelf.keys.iter().map(key).collect(),
        buckets: shelf.buckets.iter().map(frontier).collect(),
    }
}

/// At rest a disk has the title, the set, and zeros.
fn is_tidy(pages: &Pages<Sim>, sim: &Sim) -> bool {
    let shelf = pages.shelf();
    let used = |number: u32| number == 0 || number == shelf.head || shelf.sheets.contains_key(&number);
    let image = sim.image();
    (0..).zip(&image).all(|(number, page)| used(number) != (**page == [0; PAGE_BYTES]))
        && (0..image.len() as u32).all(|number| used(number) != shelf.free.contains(&number))
}

#[test]
fn a_keyring_opens_to_what_it_was() {
    let sim = Sim::default();
    let pages = create(&sim);
    assert_eq!((pages.last_change(), pages.key_names()), (0, vec![KeyName::Seen, KeyName::Trail]));
    pages.change(&making(0..5)).expect("made");
    pages
        .change(&changed(|change| {
            change.key(KeyName::Day(Day(20_000)), KeyEdit::Make);
            change.key(KeyName::LogMonth(Month(680)), KeyEdit::Make);
            change.puncture(bucket(3), 4..9);
            change.renew_unassigned(bucket(4), 100);
        }))
        .expect("changed");
    let before = told(&pages);
    assert!(is_tidy(&pages, &sim));
    drop(pages);
    let pages = open(&sim).expect("opens");
    assert_eq!(told(&pages), before);
    assert!(is_tidy(&pages, &sim));
    assert_eq!((pages.instance().0, pages.buckets().len()), ([7; 16], 5));
    assert_eq!((pages.first_live(&bucket(3), 4), pages.is_live(&bucket(3), 8)), (Some(9), false));
    assert_eq!(pages.first_live(&bucket(9), 0), None, "no such bucket");
    let lease = pages.lease(&bucket(3)).expect("there");
    assert!(lease.key(3, crate::keyring::tree::Kind::Record, 0).is_ok());
}

#[test]
fn what_is_so_already_is_not_written() {
    let sim = Sim::default();
    let pages = create(&sim);
    pages.change(&making(0..2)).expect("made");
    pages.change(&erasing(0, 7)).expect("erased");
    let (before, steps) = (told(&pages), sim.steps());
    for nothing in [
        making(0..2),
        erasing(0, 7),
        erasing(99, 1),
        Change::default(),
        changed(|change| change.key(KeyName::Seen, KeyEdit::Make)),
        changed(|change| change.key(KeyName::Day(Day(1)), KeyEdit::Destroy)),
        changed(|change| change.renew_unassigned(bucket(0), 512)),
        changed(|change| change.forget(bucket(0))),
        changed(|change| change.forget(bucket(99))),
    ] {
        assert_eq!(pages.change(&nothing), Ok(2));
    }
    assert!(told(&pages) == before && sim.steps() == steps);
}

#[test]
fn a_bucket_of_which_nothing_lives_stays_dead_until_it_is_forgotten() {
    let sim = Sim::default();
    let pages = create(&sim);
    pages.change(&making(0..2)).expect("made");
    let all = changed(|change| change.puncture(bucket(0), 0..512));
    pages.change(&all).expect("erased");
    pages.change(&making(0..1)).expect("nothing to make");
    assert_eq!(pages.first_live(&bucket(0), 0), None, "made anew, its numbers would be given twice");
    pages.change(&changed(|change| change.forget(bucket(0)))).expect("forgotten");
    assert!(pages.buckets() == [bucket(1)]);
    let pages = open(&sim).expect("opens");
    assert!(pages.buckets() == [bucket(1)]);
}

#[test]
fn destroyed_keys_are_gone_and_the_others_stay() {
    let sim = Sim::default();
    let pages = create(&sim);
    let day = KeyName::Day(Day(1));
    pages.change(&changed(|change| change.key(day, KeyEdit::Make))).expect("made");
    let seen = pages.key(KeyName::Seen).map(|key| *key.expose());
    assert!(pages.key(day).is_some() && seen.is_some());
    pages.change(&changed(|change| change.key(day, KeyEdit::Destroy))).expect("destroyed");
    let pages = open(&sim).expect("opens");
    assert!(pages.key(day).is_none() && pages.key(KeyName::Seen).map(|key| *key.expose()) == seen);
}

#[test]
fn nothing_is_created_over_what_is_there() {
    let sim = Sim::default();
    drop(create(&sim));
    let again = Pages::create(sim, roots(1), InstanceId([8; 16]), BTreeMap::new(), 0, random(1));
    assert_eq!(code(again), Some(KeyringCode::Exists));
}
