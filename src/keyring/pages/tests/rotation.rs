//! Another root key: which pages are under which, and all of them written anew under one, which is cut short anywhere.

use std::io::ErrorKind;

use super::disk::{Fault, Sim};
use super::*;

fn both() -> Roots {
    Roots { seal: Root::new(Key::new([2; 32])), also: Some(Root::new(Key::new([1; 32]))) }
}

fn open_under(sim: &Sim, roots: Roots) -> Result<Pages<Sim>, KeyringError> {
    Pages::open_within(SMALL, sim.clone(), roots, random(sim.seed()))
}

/// Several pages of buckets.
fn begun() -> Sim {
    let sim = Sim::default();
    let pages = create(&sim);
    pages.change(&making(0..3)).expect("made");
    for index in 0..3 {
        let half = changed(|change| {
            (0..512).step_by(2).for_each(|leaf| change.puncture(bucket(index), leaf..leaf + 1))
        });
        pages.change(&half).expect("erased");
    }
    pages.change(&making(3..5)).expect("made");
    assert!(pages.shelf().sheets.len() > 2);
    sim
}

/// With pages under either: a change seals what it writes with the new one.
fn half() -> Sim {
    let sim = begun();
    let pages = open_under(&sim, both()).expect("opens");
    let all = pages.under_others();
    pages.change(&erasing(0, 1)).expect("erased");
    let left = pages.under_others();
    assert!(left > 0 && left < all, "{left} of {all}");
    sim
}

fn content(told: Told) -> (BTreeMap<String, [u8; 32]>, BTreeMap<u64, Vec<u8>>) {
    (told.keys, told.buckets)
}

#[test]
fn a_keyring_is_written_anew_under_another_root_key_and_stays_as_it_was_wherever_that_ends() {
    let chance = SeededRandom::new(9);
    for start in [begun(), half()] {
        let before = content(told(&open_under(&start, both()).expect("opens under both")));
        let image = start.image();
        for fault in [Fault::Dies, Fault::Fails(ErrorKind::StorageFull)] {
            let mut at = 0;
            loop {
                let pages = open_under(&start, both()).expect("opens under both");
                let (new, mut cuts) = (Sim::default(), None);
                new.faulty(at, fault);
                let written = pages.write_anew(new.clone(), || {
                    cuts = Some(new.cuts(&chance));
                    Ok(7)
                });
                assert_eq!(written.is_ok(), cuts.is_some(), "step {at}: it has a name, or it failed");
                assert!(start.image() == image, "step {at}: what was there is as it was");
                let Ok((left, 7)) = written else {
                    assert!(content(told(&pages)) == before, "step {at}");
                    at += 1;
                    continue;
                };
                assert!(left.image() == image);
                // Before it has a name all of it is durable.
                for cut in cuts.expect("it has a name") {
                    let sim = Sim::holding(cut);
                    let pages = open_under(&sim, roots(2)).expect("the new one is enough");
                    assert!(content(told(&pages)) == before && pages.under_others() == 0);
                    assert!(is_tidy(&pages, &sim));
                }
                let steps = new.steps();
                assert_eq!((code(open(&new)), new.steps()), (Some(KeyringCode::DoesNotOpen), steps));
                new.clear_faults();
                pages.change(&making(9..10)).expect("it goes on there");
                assert!(start.image() == image && pages.under_others() == 0);
                break;
            }
            assert!(at > 5, "{at}");
        }
    }
}

#[test]
fn what_is_read_back_otherwise_than_it_was_written_gets_no_name() {
    let start = begun();
    let pages = open_under(&start, both()).expect("opens under both");
    for number in 0..start.image().len() as u32 {
        let new = Sim::default();
        new.misreads(number);
        let mut named = false;
        let written = pages.write_anew(new, || {
            named = true;
            Ok(())
        });
        assert_eq!((code(written), named), (Some(KeyringCode::Incomplete), false), "page {number}");
    }
    assert_eq!(code(open_under(&start, roots(2))), Some(KeyringCode::DoesNotOpen));
    assert!(open(&start).is_ok(), "and the old one opens it");
}

/// As an earlier version left them: one root key alone would lose what the other seals.
#[test]
fn pages_under_two_root_keys_want_both_of_them() {
    let sim = half();
    for roots in [roots(1), roots(2), roots(3)] {
        let steps = sim.steps();
        assert_eq!((code(open_under(&sim, roots)), sim.steps()), (Some(KeyringCode::DoesNotOpen), steps));
    }
    let ids = [1, 2].map(|byte| Root::new(Key::new([byte; 32])).id());
    assert!(root_ids(&mut sim.clone()).expect("read") == ids.into());
    let other_way = Roots { seal: Root::new(Key::new([1; 32])), also: Some(Root::new(Key::new([2; 32]))) };
    assert!(open_under(&sim, other_way).is_ok(), "and it can be taken back");
}
