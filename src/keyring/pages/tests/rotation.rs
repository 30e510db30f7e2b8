//! Another root key: which pages are under which, and a change of it that is cut short anywhere.

use super::disk::{Fault, Sim};
use super::*;

fn both() -> Roots {
    Roots { seal: Root::new(Key::new([2; 32])), also: Some(Root::new(Key::new([1; 32]))) }
}

fn open_under(sim: &Sim, roots: Roots) -> Result<Pages<Sim>, KeyringError> {
    let one_by_one = Limits { change_buckets: 1, ..SMALL };
    Pages::open_within(one_by_one, sim.clone(), roots, random(sim.seed()))
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

fn content(told: Told) -> (BTreeMap<String, [u8; 32]>, BTreeMap<u64, Vec<u8>>) {
    (told.keys, told.buckets)
}

#[test]
fn a_root_key_is_changed_page_by_page_and_a_crash_at_any_step_leaves_all_of_it_open() {
    let start = begun();
    let before = content(told(&open(&start).expect("opens")));
    assert_eq!(code(open_under(&start, roots(2))), Some(KeyringCode::DoesNotOpen));
    let chance = SeededRandom::new(9);
    let mut at = 0;
    loop {
        let sim = start.after_a_kill();
        let pages = open_under(&sim, both()).expect("opens under both");
        sim.faulty(at, Fault::Dies);
        let mut left = usize::MAX;
        while left > 0 {
            match pages.reseal() {
                Ok(now) => {
                    assert!(now < left, "it comes to an end");
                    left = now;
                }
                Err(_) => break,
            }
        }
        let done = left == 0;
        drop(pages);
        for image in sim.cuts(&chance).into_iter().step_by(3) {
            let sim = Sim::holding(image);
            let pages = open_under(&sim, both()).expect("opens under both");
            assert!(content(told(&pages)) == before, "step {at}");
            assert!(is_tidy(&pages, &sim));
            while pages.reseal().expect("goes on") > 0 {}
            drop(pages);
            assert!(content(told(&open_under(&sim, roots(2)).expect("the new one is enough"))) == before);
            let steps = sim.steps();
            assert_eq!((code(open(&sim)), sim.steps()), (Some(KeyringCode::DoesNotOpen), steps), "untouched");
        }
        if done {
            break;
        }
        at += 1;
    }
    assert!(at > 8, "{at}");
}

/// Between the first page and the last, one root key alone would lose what the other seals: neither is enough.
#[test]
fn half_way_both_root_keys_are_needed() {
    let sim = begun();
    let pages = open_under(&sim, both()).expect("opens");
    let all = pages.shelf().sheets.len();
    let left = pages.reseal().expect("resealed");
    assert!(left > 0 && left < all, "{left} of {all}");
    drop(pages);
    for roots in [roots(1), roots(2), roots(3)] {
        let steps = sim.steps();
        assert_eq!((code(open_under(&sim, roots)), sim.steps()), (Some(KeyringCode::DoesNotOpen), steps));
    }
    let other_way = Roots { seal: Root::new(Key::new([1; 32])), also: Some(Root::new(Key::new([2; 32]))) };
    assert!(open_under(&sim, other_way).is_ok(), "and it can be taken back");
}

#[test]
fn a_keyring_under_its_one_root_key_has_nothing_to_seal_again() {
    let sim = begun();
    let pages = open(&sim).expect("opens");
    let steps = sim.steps();
    assert_eq!((pages.reseal(), sim.steps()), (Ok(0), steps));
}
