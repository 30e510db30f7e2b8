//! The proof that counts: whoever has the disk and the root key, and expands every node on it, reaches what lives and
//! nothing else.

use std::collections::BTreeSet;

use aho_corasick::AhoCorasick;
use proptest::prelude::*;

use super::disk::Sim;
use super::*;
use crate::keyring::generated::cases;
use crate::keyring::pages::body::read_buckets;
use crate::keyring::pages::page::{self, Found, What};
use crate::keyring::tree::{Frontier, Kind, LEAVES, Walk};

type KeyBytes = [u8; 32];

fn keys_of(frontier: &Frontier) -> Vec<KeyBytes> {
    let mut walk = Walk::default();
    (0..LEAVES).filter_map(|leaf| Some(*walk.key(frontier, leaf, Kind::Record, 0)?.key().expose())).collect()
}

/// Every key of every record that a disk gives up. Pages count by themselves: also what no head names, and in whatever place.
fn reachable(image: &Image) -> BTreeSet<KeyBytes> {
    let root = Root::new(Key::new([1; 32]));
    let mut keys = BTreeSet::new();
    for (number, raw) in (0_u32..).zip(image) {
        let raw = zeroize::Zeroizing::new(raw.to_vec());
        let Found::Opened(opened) = page::open(raw, number, InstanceId([7; 16]), &[&root]) else { continue };
        if opened.what == What::Buckets {
            let (_, buckets) = read_buckets(opened.body()).expect("buckets");
            keys.extend(buckets.iter().flat_map(|(_, frontier)| keys_of(frontier)));
        }
    }
    keys
}

/// What lives, by the keyring's own word.
fn living(pages: &Pages<Sim>) -> BTreeSet<KeyBytes> {
    let shelf = pages.shelf();
    shelf.buckets.values().flat_map(|entry| keys_of(entry.held.frontier())).collect()
}

#[derive(Clone, Debug)]
enum Step {
    Make(u64),
    Erase(u64, u16),
    Range(u64, u16, u16),
    Renew(u64, u16),
    Several(Vec<(u64, u16)>),
    Reopen,
}

fn any_step() -> impl Strategy<Value = Step> {
    let (index, leaf) = (0..5_u64, 0..LEAVES);
    prop_oneof![
        2 => index.clone().prop_map(Step::Make),
        6 => (index.clone(), leaf.clone()).prop_map(|(index, leaf)| Step::Erase(index, leaf)),
        2 => (index.clone(), leaf.clone(), 1..100_u16).prop_map(|(index, from, length)| Step::Range(index, from, from + length)),
        2 => (index.clone(), leaf.clone()).prop_map(|(index, from)| Step::Renew(index, from)),
        2 => prop::collection::vec((index, leaf), 1..9).prop_map(Step::Several),
        1 => Just(Step::Reopen),
    ]
}

impl Step {
    fn change(&self) -> Option<Change> {
        let mut change = Change::default();
        match self {
            Self::Make(index) => change.make(bucket(*index)),
            Self::Erase(index, leaf) => change.puncture(bucket(*index), *leaf..leaf + 1),
            Self::Range(index, from, to) => change.puncture(bucket(*index), *from..*to),
            Self::Renew(index, from) => change.renew_unassigned(bucket(*index), *from),
            Self::Several(all) => {
                all.iter().for_each(|(index, leaf)| change.puncture(bucket(*index), *leaf..leaf + 1))
            }
            Self::Reopen => return None,
        }
        Some(change)
    }
}

proptest! {
    #![proptest_config(cases(12))]

    /// Erased keys, and those of before nodes were made anew, are in no page; each survivor's key is what it was.
    #[test]
    fn what_the_disk_gives_up_is_what_lives(steps in prop::collection::vec(any_step(), 1..25)) {
        let sim = Sim::default();
        let mut pages = create(&sim);
        let (mut ever, mut erased) = (BTreeSet::new(), BTreeSet::<KeyBytes>::new());
        let mut before = living(&pages);
        for step in steps {
            match step.change() {
                Some(change) => {
                    pages.change(&change).expect("changed");
                }
                None => pages = open(&sim).expect("opens"),
            }
            let after = living(&pages);
            if let Step::Erase(..) | Step::Range(..) | Step::Several(_) | Step::Reopen = step {
                prop_assert!(after.is_subset(&before), "a survivor's key has changed");
            }
            erased.extend(before.difference(&after));
            ever.extend(after.iter().copied());
            let reached = reachable(&sim.image());
            prop_assert!(reached == after && reached.is_disjoint(&erased));
            before = after;
        }
        // No key, and no node, lies in the file in clear.
        let image: Vec<u8> = sim.image().iter().flat_map(|page| page.iter().copied()).collect();
        prop_assert!(AhoCorasick::new(&ever).expect("patterns").find(&image).is_none());
        for (_, bytes) in told(&pages).buckets {
            let nodes = bytes.len() / 32;
            for node in bytes[bytes.len() - 32 * nodes.min(4)..].chunks(32) {
                prop_assert!(!image.windows(32).any(|window| window == node));
            }
        }
    }
}

/// The search itself must be able to find: a page of before, put back where it was.
#[test]
fn a_page_that_was_left_in_is_found() {
    let sim = Sim::default();
    let pages = create(&sim);
    pages.change(&making(0..2)).expect("made");
    let (before, image) = (living(&pages), sim.image());
    pages.change(&erasing(1, 44)).expect("erased");
    let after = living(&pages);
    let erased: Vec<KeyBytes> = before.difference(&after).copied().collect();
    assert_eq!((erased.len(), before.len()), (1, 1_024));
    let mut planted = sim.image();
    assert!(reachable(&planted) == after);
    let page =
        (1..image.len()).find(|at| image[*at] != planted[*at] && planted[*at].iter().all(|byte| *byte == 0));
    let page = page.expect("the page of before was zeroed");
    planted[page] = Arc::clone(&image[page]);
    let is_head = |at: usize| image[at][8] == 1;
    let old_pages = (1..image.len()).filter(|at| !is_head(*at) && image[*at].iter().any(|byte| *byte != 0));
    for at in old_pages {
        planted[at] = Arc::clone(&image[at]);
    }
    assert!(reachable(&planted).contains(&erased[0]), "the search finds nothing");
    // A start finds it, too, and does away with it.
    let sim = Sim::holding(planted);
    let pages = open(&sim).expect("opens");
    assert!(is_tidy(&pages, &sim) && reachable(&sim.image()) == after);
}

/// A victim under every pair of keyring and copy of the record: only who has both of before may read.
#[test]
fn a_survivor_is_readable_under_each_keyring_and_the_erased_under_the_old_one_alone() {
    let sim = Sim::default();
    let pages = create(&sim);
    pages.change(&making(0..1)).expect("made");
    let old = sim.image();
    let keys = living(&pages);
    pages.change(&erasing(0, 3)).expect("erased");
    let new = sim.image();
    let lost = reachable(&old).difference(&reachable(&new)).count();
    assert!(reachable(&old) == keys && reachable(&new).is_subset(&keys) && lost == 1);
}
