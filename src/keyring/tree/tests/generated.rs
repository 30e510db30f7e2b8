//! Whole trees, under whatever is done to them.

use proptest::prelude::*;

use super::encoded;
use super::model::Model;
use crate::keyring::generated::cases;
use crate::keyring::tree::{
    BOUNDS_MAX, FRONTIER_BYTES_MAX, Frontier, HEIGHT, Kind, LEAVES, NODES_MAX, Walk, read_frontier,
};
use crate::random::SeededRandom;

#[derive(Clone, Debug)]
enum Step {
    Puncture(u16),
    Range(u16, u16),
    Renew(u16),
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..LEAVES).prop_map(Step::Puncture),
        1 => (0..LEAVES, 1_u16..40).prop_map(|(start, length)| Step::Range(start, (start + length).min(LEAVES))),
        3 => (0..=LEAVES).prop_map(Step::Renew),
    ]
}

proptest! {
    #![proptest_config(cases(24))]

    #[test]
    fn what_is_left_is_what_the_model_has(steps in prop::collection::vec(any_step(), 0..40), seed in any::<u64>()) {
        let random = SeededRandom::new(seed);
        let mut tree: Frontier = Frontier::new(&random).expect("randomness");
        let mut model = Model::of(&tree);
        for step in steps {
            match step {
                Step::Puncture(leaf) => {
                    tree = tree.puncture(leaf);
                    model.erase(leaf..leaf + 1);
                }
                Step::Range(start, end) => {
                    tree = tree.puncture_range(start..end);
                    model.erase(start..end);
                }
                Step::Renew(from) => {
                    tree = tree.renew_unassigned(from, &random).expect("randomness");
                    model.renew(from, &tree);
                }
            }
            prop_assert!(tree.places().len() <= NODES_MAX && tree.bounds().len() <= BOUNDS_MAX);
        }
        prop_assert_eq!(model.judge(&tree), Ok(()));
        let bytes = encoded(&tree);
        prop_assert!(bytes.len() <= FRONTIER_BYTES_MAX);
        let (read, rest) = read_frontier::<HEIGHT>(&bytes).expect("read");
        prop_assert!(rest.is_empty());
        prop_assert_eq!(model.judge(&read), Ok(()));
    }

    /// The writer and readers ask in any order; what a walk remembers may never change what it gives.
    #[test]
    fn a_walk_gives_what_single_look_ups_give(
        dead in prop::collection::vec(0..LEAVES, 0..40),
        asked in prop::collection::vec(0..LEAVES + 4, 0..60),
    ) {
        let tree: Frontier = Frontier::new(&SeededRandom::new(1)).expect("randomness");
        let tree = dead.iter().fold(tree, |tree, leaf| tree.puncture(*leaf));
        let mut walk = Walk::default();
        for leaf in asked {
            let one = walk.key(&tree, leaf, Kind::Record, 0).map(|key| *key.key().expose());
            let other = tree.key(leaf, Kind::Record, 0).map(|key| *key.key().expose());
            prop_assert!(one == other, "leaf {}", leaf);
        }
        walk.wipe();
        prop_assert!(walk.is_wiped());
    }

    #[test]
    fn no_bytes_make_the_reader_panic_and_what_it_reads_it_would_write(
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        small in prop::collection::vec(0_u8..4, 0..40),
    ) {
        for bytes in [bytes, [small, vec![7; 600]].concat()] {
            if let Some((read, rest)) = read_frontier(&bytes) {
                let read: Frontier = read;
                prop_assert!(encoded(&read) == bytes[..bytes.len() - rest.len()]);
            }
        }
    }
}
