//! Room: buckets that outgrow their page, pages that are kept ahead, a disk that has no more.

use super::disk::{Fault, Sim, Step};
use super::*;
use crate::keyring::pages::page::BODY_BYTES;

fn every_other(index: u64) -> Change {
    changed(|change| (0..512).step_by(2).for_each(|leaf| change.puncture(bucket(index), leaf..leaf + 1)))
}

fn writes(taken: &[Step]) -> usize {
    taken.iter().filter(|step| matches!(step, Step::Write(_))).count()
}

#[test]
fn buckets_that_grow_share_pages_as_long_as_they_fit() {
    let sim = Sim::default();
    let pages = create(&sim);
    pages.change(&making(0..300)).expect("made");
    assert_eq!(pages.shelf().sheets.len(), 1, "three hundred untouched buckets are a page");
    for index in 0..20 {
        let from = sim.steps();
        pages.change(&every_other(index)).expect("erased");
        assert!(writes(&sim.taken()[from..]) <= Limits::pages_of(1), "{index}");
    }
    let shelf = pages.shelf();
    let used: usize = shelf.sheets.values().map(|sheet| BODY_BYTES - sheet.room).sum();
    assert!(
        shelf.sheets.len() >= 11 && used > shelf.sheets.len() * BODY_BYTES / 2,
        "{} pages",
        shelf.sheets.len()
    );
    drop(shelf);
    let before = told(&pages);
    assert!(is_tidy(&pages, &sim));
    assert_eq!(told(&open(&sim).expect("opens")), before);
}

/// A page whose buckets died has room again, and is filled before another is begun.
#[test]
fn the_room_of_what_died_is_used_again() {
    let sim = Sim::default();
    let pages = create(&sim);
    for index in 0..8 {
        pages.change(&making(index..index + 1)).expect("made");
        pages.change(&every_other(index)).expect("erased");
    }
    let full = pages.shelf().sheets.len();
    for round in 0..6 {
        for index in 8 * round..8 * (round + 1) {
            pages.change(&changed(|change| change.puncture(bucket(index), 0..512))).expect("erased");
            pages.change(&making(index + 8..index + 9)).expect("made");
            pages.change(&every_other(index + 8)).expect("erased");
        }
    }
    assert!(pages.shelf().sheets.len() <= full + 2, "{} of {full}", pages.shelf().sheets.len());
    let pages_there = sim.clone().pages().expect("told");
    assert!(pages_there < 40, "{pages_there}: the file grows without need");
}

#[test]
fn no_change_writes_more_pages_than_are_kept_ahead() {
    let sim = Sim::default();
    let pages = create(&sim);
    pages.change(&making(0..300)).expect("made");
    for group in 0..6 {
        let from = sim.steps();
        let three = changed(|change| {
            for index in 3 * group..3 * group + 3 {
                (0..512).step_by(2).for_each(|leaf| change.puncture(bucket(index), leaf..leaf + 1));
            }
        });
        pages.change(&three).expect("erased");
        assert!(writes(&sim.taken()[from..]) <= SMALL.pages_ahead as usize);
        assert!(pages.pages_free() >= SMALL.pages_ahead as usize, "kept ahead again");
    }
    const { assert!(PAGES_AHEAD as usize == Limits::pages_of(CHANGE_BUCKETS_MAX)) };
}

/// Whoever asks for an erasure on a full disk gets it: its pages are there already.
#[test]
fn on_a_full_disk_erasures_go_on_in_the_pages_that_are_there() {
    let sim = Sim::default();
    let pages = create(&sim);
    pages.change(&making(0..3)).expect("made");
    let full = std::io::ErrorKind::StorageFull;
    let mut erased = 0;
    for leaf in 0..200 {
        sim.faulty_growth(full);
        match pages.change(&erasing(u64::from(leaf % 3), leaf)) {
            Ok(_) => erased += 1,
            Err(error) => panic!("{error:?} after {erased}"),
        }
    }
    assert!(is_tidy(&pages, &sim) && pages.failed().is_none());
    // What needs more pages than there are is refused before anything is written, and is done once there is room.
    for index in 3..60 {
        sim.faulty_growth(full);
        let (steps, before) = (sim.steps(), told(&pages));
        let asked = [making(index..index + 1), every_other(index)]
            .iter()
            .try_for_each(|change| pages.change(change).map(drop));
        if let Err(error) = asked {
            assert_eq!(error, KeyringError::io(full));
            assert!(index > 8 && pages.failed().is_none());
            let taken = &sim.taken()[steps..];
            let last = taken.last().copied();
            assert!(matches!(last, Some(Step::Grow(_))), "{last:?}");
            sim.clear_faults();
            pages
                .change(&making(index..index + 1))
                .and_then(|_| pages.change(&every_other(index)))
                .expect("room is there");
            assert!(told(&pages).change > before.change);
            return;
        }
    }
    panic!("the disk never was full");
}

#[test]
fn too_many_single_keys_are_refused_and_change_nothing() {
    let sim = Sim::default();
    let pages = create(&sim);
    let days = |count: u32| {
        changed(|change| (0..count).for_each(|day| change.key(KeyName::Day(Day(day)), KeyEdit::Make)))
    };
    let most = HEAD_KEYS_MAX as u32 - 2;
    pages.change(&days(most)).expect("made");
    let before = told(&pages);
    assert_eq!(pages.change(&days(most + 1)), Err(KeyringError::io(std::io::ErrorKind::FileTooLarge)));
    assert!(told(&pages) == before && pages.failed().is_none());
    assert_eq!(told(&open(&sim).expect("opens")), before);
}

/// A start after a growth that was cut short finds the rest of the pages free.
#[test]
fn pages_that_were_added_when_the_process_died_are_free() {
    let sim = Sim::default();
    let pages = create(&sim);
    for step in 0.. {
        sim.faulty(0, Fault::Dies);
        if pages.change(&making(step..step + 1)).is_err() {
            break;
        }
    }
    let sim = sim.after_a_kill();
    sim.clone().grow(3).expect("grown");
    let pages = open(&sim).expect("opens");
    assert!(is_tidy(&pages, &sim) && pages.pages_free() == SMALL.pages_ahead as usize + 3);
}
