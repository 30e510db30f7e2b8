//! A disk that fails without taking the process along.

use std::io::ErrorKind;

use super::disk::{Fault, Sim, Step};
use super::*;

#[test]
fn a_failure_at_any_step_leaves_memory_as_it_was_and_the_disk_old_or_new() {
    for kind in [ErrorKind::StorageFull, ErrorKind::Other] {
        let mut at = 0;
        loop {
            let sim = Sim::default();
            let pages = create(&sim);
            pages.change(&making(0..2)).expect("made");
            let before = told(&pages);
            let lease = pages.lease(&bucket(1)).expect("there");
            sim.faulty(at, Fault::Fails(kind));
            let from = sim.steps();
            let answer = pages.change(&erasing(1, 7));
            if answer.is_ok() {
                assert!(lease.is_revoked());
                break;
            }
            let failed_step = sim.taken()[from + at];
            assert_eq!(answer, Err(KeyringError::io(kind)));
            assert!(told(&pages) == before && !lease.is_revoked(), "memory is as it was");
            // A page that could not be written is taken back; after anything else only a restart knows.
            let taken_back = matches!(failed_step, Step::Write(_));
            assert_eq!(pages.failed().is_none(), taken_back, "{failed_step:?}");
            let again = pages.change(&erasing(1, 7));
            assert_eq!(again.is_ok(), taken_back, "{failed_step:?}");
            drop(pages);
            let pages = open(&sim.after_a_kill()).expect("opens");
            let found = told(&pages);
            assert!(found == before || found.change == before.change + 1);
            at += 1;
        }
        assert_eq!(at, 6, "two pages, a sync, zeros over two, a sync");
    }
}

/// What was taken back is zeros again: a start would find a part of a change otherwise.
#[test]
fn what_is_taken_back_leaves_nothing() {
    let sim = Sim::default();
    let pages = create(&sim);
    pages.change(&making(0..2)).expect("made");
    sim.faulty(1, Fault::Fails(ErrorKind::Other));
    assert!(pages.change(&erasing(1, 7)).is_err() && pages.failed().is_none());
    assert!(is_tidy(&pages, &sim));
    // And where that fails as well, nobody goes on.
    sim.faulty(1, Fault::Fails(ErrorKind::Other));
    sim.faulty_growth(ErrorKind::Other);
    let steps = sim.steps();
    assert!(pages.change(&erasing(1, 7)).is_err());
    assert!(matches!(
        sim.taken()[steps..],
        [Step::Write(_), Step::Write(_), Step::Zero(_), Step::Zero(_), Step::Sync]
    ));
}

#[test]
fn without_randomness_nothing_is_changed_and_nothing_written() {
    struct Without;
    impl crate::random::Random for Without {
        fn fill(&self, _: &mut [u8]) -> Result<(), crate::random::NoRandomness> {
            Err(crate::random::NoRandomness)
        }
    }
    let sim = Sim::default();
    let pages = create(&sim);
    pages.change(&making(0..2)).expect("made");
    let before = told(&pages);
    drop(pages);
    let pages = Pages::open_within(SMALL, sim.clone(), roots(1), Arc::new(Without)).expect("opens");
    let steps = sim.steps();
    let asked =
        [making(4..5), erasing(0, 1), changed(|change| change.key(KeyName::Day(Day(1)), KeyEdit::Make))];
    for change in asked {
        assert_eq!(pages.change(&change), Err(KeyringError::of(KeyringCode::NoRandomness)));
    }
    assert!(told(&pages) == before && sim.steps() == steps && pages.failed().is_none());
}
