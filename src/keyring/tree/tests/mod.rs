mod exhaustive;
mod generated;
mod model;
mod vectors;

use super::expand::Bytes;
use super::*;
use crate::random::{NoRandomness, Random, SeededRandom};

fn tree(seed: u64) -> Frontier {
    Frontier::new(&SeededRandom::new(seed)).expect("randomness")
}

fn bytes(frontier: &Frontier, leaf: u16) -> Option<Bytes> {
    frontier.key(leaf, Kind::Record, 0).map(|key| *key.key().expose())
}

fn encoded<const H: u8>(frontier: &Frontier<H>) -> Vec<u8> {
    let mut to = vec![0xee; frontier.encoded_bytes()];
    assert!(frontier.encode(&mut to).is_some_and(|rest| rest.is_empty()), "as long as it says");
    to
}

struct Without;
impl Random for Without {
    fn fill(&self, _: &mut [u8]) -> Result<(), NoRandomness> {
        Err(NoRandomness)
    }
}

#[test]
fn a_new_tree_is_one_node_and_no_two_keys_of_it_are_alike() {
    let frontier = tree(1);
    assert_eq!((frontier.places(), frontier.live()), (&[Place::root(HEIGHT)][..], 512));
    let mut keys = Vec::new();
    for leaf in 0..LEAVES {
        for (kind, n) in [(Kind::Record, 0), (Kind::ConsentEvent, 0), (Kind::Mail, 0), (Kind::Mail, 1)] {
            keys.push(*frontier.key(leaf, kind, n).expect("alive").key().expose());
        }
    }
    let count = keys.len();
    keys.sort_unstable();
    keys.dedup();
    assert_eq!(keys.len(), count);
    assert!(frontier.key(LEAVES, Kind::Record, 0).is_none() && !frontier.is_live(LEAVES), "no such leaf");
}

/// The figures of the design: nine nodes for one, at most nine more for a run from the left.
#[test]
fn one_erased_leaf_costs_nine_nodes_and_a_run_in_order_never_more() {
    assert_eq!(tree(1).puncture(200).places().len(), 9);
    let mut frontier = tree(1);
    for end in 1..=LEAVES {
        frontier = frontier.puncture_range(0..end);
        assert!(frontier.places().len() <= 9, "{end}");
    }
    assert!(frontier.is_dead() && frontier.live() == 0 && frontier.first_live(0).is_none());
}

#[test]
fn what_is_erased_takes_its_sub_keys_along_and_no_survivor_s_key_changes() {
    let before = tree(2);
    let after = before.puncture(77);
    for kind in Kind::ALL {
        for n in [0, 1, u64::MAX] {
            assert!(after.key(77, kind, n).is_none());
            assert!(
                after.key(78, kind, n).map(|key| *key.key().expose())
                    == before.key(78, kind, n).map(|key| *key.key().expose())
            );
        }
    }
    assert!(!after.is_live(77) && after.is_live(76));
    assert_eq!(after.first_live(77), Some(78), "a record that would get it gets the next");
}

#[test]
fn erasing_twice_or_what_no_tree_has_changes_nothing() {
    let once = tree(3).puncture(5);
    for again in [once.puncture(5), once.puncture_range(9..9), once.puncture(LEAVES), once.puncture(u16::MAX)]
    {
        assert!(encoded(&again) == encoded(&once));
    }
    #[expect(clippy::reversed_empty_ranges, reason = "it is what is tested")]
    let backwards = once.puncture_range(9..3);
    assert!(encoded(&backwards) == encoded(&once));
}

#[test]
fn nodes_over_unassigned_leaves_are_made_anew_and_those_below_stay() {
    let before = tree(4).puncture(3).puncture(300);
    let after = before.renew_unassigned(100, &SeededRandom::new(5)).expect("randomness");
    assert_eq!(after.bounds(), [100]);
    for leaf in 0..LEAVES {
        assert_eq!(after.is_live(leaf), before.is_live(leaf), "{leaf}");
        let same = bytes(&after, leaf) == bytes(&before, leaf);
        assert_eq!(same, leaf < 100 || leaf == 300, "{leaf}");
    }
    // Nothing was given since: no second bound.
    let again = after.renew_unassigned(100, &SeededRandom::new(6)).expect("randomness");
    assert!(again.bounds() == [100] && bytes(&again, 100) != bytes(&after, 100));
    let whole = after.renew_unassigned(0, &SeededRandom::new(6)).expect("randomness");
    assert!(whole.bounds().is_empty() && bytes(&whole, 0) != bytes(&after, 0));
    assert!(
        after
            .renew_unassigned(512, &SeededRandom::new(7))
            .is_ok_and(|next| encoded(&next) == encoded(&after))
    );
}

#[test]
fn without_randomness_nothing_is_made() {
    assert!(Frontier::<HEIGHT>::new(&Without).is_err());
    let frontier = tree(1);
    assert!(frontier.renew_unassigned(9, &Without).is_err());
    assert!(frontier.puncture(8).renew_unassigned(512, &Without).is_ok(), "nothing is to be made");
}

/// Otherwise a bucket that is filled for years, with a backup a day, would outgrow its page.
#[test]
fn a_tree_that_was_renewed_too_often_is_closed() {
    let (random, mut frontier) = (SeededRandom::new(8), tree(8));
    for from in 1..=BOUNDS_MAX as u16 {
        frontier = frontier.renew_unassigned(from, &random).expect("randomness");
        assert_eq!(frontier.live(), 512);
    }
    assert_eq!(frontier.bounds().len(), BOUNDS_MAX);
    let from = BOUNDS_MAX as u16 + 1;
    let closed = frontier.renew_unassigned(from, &random).expect("randomness");
    assert_eq!((closed.live(), closed.first_live(from)), (from, None));
    assert!(bytes(&closed, from - 1) == bytes(&frontier, from - 1), "what may be assigned stays");
    let again = closed.renew_unassigned(from, &random).expect("randomness");
    assert!(encoded(&again) == encoded(&closed));
}

/// Each odd bound parts two leaves that would share a node; every other leaf dead needs one node a living one.
#[test]
fn the_largest_frontier_has_as_many_nodes_as_is_said() {
    let random = SeededRandom::new(9);
    let mut frontier = tree(9);
    for from in (1..2 * BOUNDS_MAX as u16).step_by(2) {
        frontier = frontier.renew_unassigned(from, &random).expect("randomness");
    }
    for leaf in (2 * BOUNDS_MAX as u16..LEAVES).step_by(2) {
        frontier = frontier.puncture(leaf);
    }
    assert_eq!((frontier.bounds().len(), frontier.places().len()), (BOUNDS_MAX, NODES_MAX));
    assert!(encoded(&frontier).len() <= FRONTIER_BYTES_MAX);
}

/// A node that is a parent of an erased leaf would pass every test of keys alone.
#[test]
fn the_model_finds_an_ancestor_that_was_left_in() {
    let planted =
        Frontier::<3>::of(LeafSet::default(), &[], |_, node| SeededRandom::new(1).fill(node)).expect("made");
    let mut model = model::Model::of(&planted);
    let honest = planted.puncture(2);
    model.erase(2..3);
    assert_eq!(model.judge(&honest), Ok(()));
    assert!(model.judge(&planted).is_err(), "the root reaches the erased leaf");
}
