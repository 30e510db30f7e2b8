//! A crash at every step of every kind of change, and of the recovery from it: by a kill, after which the system still has
//! what was written, and by a power cut, after which it has what chance left of it.

use super::disk::{Fault, Sim};
use super::*;

/// A keyring to begin with, and a change of each kind.
fn changes() -> Vec<(&'static str, Change)> {
    vec![
        ("one erasure", erasing(1, 301)),
        (
            "three buckets in one",
            changed(|change| (0..3).for_each(|index| change.puncture(bucket(index), 9..40))),
        ),
        (
            "more buckets than one change takes",
            changed(|change| (0..5).for_each(|index| change.puncture(bucket(index), 1..2))),
        ),
        ("new buckets", making(5..8)),
        ("a key", changed(|change| change.key(KeyName::Day(Day(3)), KeyEdit::Make))),
        (
            "keys and a bucket",
            changed(|change| {
                change.key(KeyName::Day(Day(2)), KeyEdit::Destroy);
                change.puncture(bucket(0), 0..512);
            }),
        ),
        ("nodes made anew", changed(|change| change.renew_unassigned(bucket(2), 17))),
        (
            "a bucket forgotten",
            changed(|change| {
                change.puncture(bucket(4), 0..512);
                change.forget(bucket(4));
            }),
        ),
        (
            "a bucket that grows out of its page",
            changed(|change| {
                (0..512).step_by(2).for_each(|leaf| change.puncture(bucket(3), leaf..leaf + 1));
            }),
        ),
    ]
}

fn begun() -> Sim {
    let sim = Sim::default();
    let pages = create(&sim);
    pages.change(&making(0..3)).expect("made");
    pages.change(&making(3..5)).expect("made");
    pages.change(&changed(|change| change.key(KeyName::Day(Day(2)), KeyEdit::Make))).expect("made");
    // Three that need a page, so that the next that grows has to leave it.
    for index in [1, 2] {
        let half = changed(|change| {
            (0..350).step_by(2).for_each(|leaf| change.puncture(bucket(index), leaf..leaf + 1))
        });
        pages.change(&half).expect("erased");
    }
    assert!(is_tidy(&pages, &sim));
    sim
}

/// Every state that the uninterrupted change goes through: one for each of its parts.
fn states(start: &Sim, change: &Change) -> Vec<Told> {
    let pages = open(&start.after_a_kill()).expect("opens");
    let buckets: Vec<_> = change.buckets.iter().collect();
    let parts = buckets.len().div_ceil(SMALL.change_buckets).max(1);
    let part = |at: usize| Change {
        keys: if at == 0 { change.keys.clone() } else { BTreeMap::new() },
        buckets: buckets
            .chunks(SMALL.change_buckets)
            .nth(at)
            .unwrap_or_default()
            .iter()
            .map(|(bucket, edit)| ((*bucket).clone(), (*edit).clone()))
            .collect(),
    };
    let after = |at: usize| {
        pages.change(&part(at)).expect("changed");
        told(&pages)
    };
    std::iter::once(told(&pages)).chain((0..parts).map(after)).collect()
}

fn judged(name: &str, at: usize, sim: &Sim, states: &[Told]) -> usize {
    let pages = open(sim).unwrap_or_else(|error| panic!("{name}, step {at}: {error}"));
    let found = told(&pages);
    let state = states.iter().position(|state| *state == found);
    let state = state.unwrap_or_else(|| panic!("{name}, step {at}: a state that never was"));
    assert!(is_tidy(&pages, sim), "{name}, step {at}: a crash left something");
    // And it goes on from there.
    pages.change(&changed(|change| change.key(KeyName::Day(Day(77)), KeyEdit::Make))).expect("changed");
    state
}

#[test]
fn after_a_crash_at_any_step_all_of_a_change_is_there_or_nothing() {
    let start = begun();
    for (name, change) in changes() {
        let states = states(&start, &change);
        let chance = SeededRandom::new(3);
        let (mut seen, mut at, mut cuts) = (vec![0; states.len()], 0, 0);
        loop {
            let sim = start.after_a_kill();
            let pages = open(&sim).expect("opens");
            sim.faulty(at, Fault::Dies);
            let answered = pages.change(&change).is_ok();
            drop(pages);
            seen[judged(name, at, &sim.after_a_kill(), &states)] += 1;
            for image in sim.cuts(&chance) {
                let state = judged(name, at, &Sim::holding(image), &states);
                assert!(!answered || state + 1 == states.len(), "{name}: what was answered is lost");
                seen[state] += 1;
                cuts += 1;
            }
            // Recovery is cut short at each of its steps as well.
            for recovery in 0.. {
                let again = sim.after_a_kill();
                again.faulty(recovery, Fault::Dies);
                drop(open(&again));
                if !again.is_dead() {
                    break;
                }
                for image in again.cuts(&chance).into_iter().step_by(9) {
                    judged(name, at, &Sim::holding(image), &states);
                    cuts += 1;
                }
            }
            if answered {
                break;
            }
            at += 1;
        }
        assert!(at >= 4 && cuts > 40, "{name}: {at} steps, {cuts} cuts");
        assert!(seen.iter().all(|times| *times > 0), "{name}: {seen:?} of the states were met");
    }
}

/// Why a start syncs before it zeroes: a killed predecessor's new set is in the system's memory alone.
#[test]
fn a_start_makes_durable_what_it_found_before_it_zeroes_what_it_replaced() {
    let sim = begun();
    let pages = open(&sim).expect("opens");
    // New pages written, not synced.
    sim.faulty(2, Fault::Dies);
    assert!(pages.change(&erasing(1, 301)).is_err());
    let next = sim.after_a_kill();
    drop(open(&next).expect("opens"));
    use super::disk::Step;
    let taken = next.taken();
    assert!(matches!(taken[..], [Step::Sync, Step::Zero(_), Step::Zero(_), Step::Sync]), "{taken:?}");
}

/// The order that everything rests on, of one erasure: new page and head, sync, zeros over both, sync.
#[test]
fn an_erasure_is_two_pages_and_two_syncs() {
    use super::disk::Step;
    let sim = begun();
    let pages = open(&sim).expect("opens");
    let from = sim.steps();
    pages.change(&erasing(1, 301)).expect("erased");
    let taken = &sim.taken()[from..];
    let [Step::Write(new), Step::Write(head), Step::Sync, Step::Zero(old), Step::Zero(old_head), Step::Sync] =
        taken
    else {
        panic!("{taken:?}");
    };
    let mut numbers = vec![new, head, old, old_head];
    numbers.sort_unstable();
    numbers.dedup();
    assert_eq!(numbers.len(), 4, "nothing is written over what counts");
}
