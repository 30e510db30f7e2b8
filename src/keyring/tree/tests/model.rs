//! The naive way: every leaf's bytes, in a list. What may be reached from a frontier is found by expanding everything.

use std::collections::BTreeSet;
use std::ops::Range;

use crate::keyring::tree::expand::{Bytes, Children, sub_key};
use crate::keyring::tree::{Frontier, Kind, Place, Walk};

/// Every leaf of a tree, and every leaf's bytes that there ever were.
#[derive(Clone)]
pub struct Model {
    leaves: Vec<Option<Bytes>>,
    bounds: Vec<u16>,
    gone: BTreeSet<Bytes>,
}

/// All leaves below a node, by expanding every node on the way.
pub fn leaves_of(place: Place, node: &Bytes) -> Vec<(u16, Bytes)> {
    if place.height == 0 {
        return vec![(place.index, *node)];
    }
    let (children, mut found) = (Children::of(node), Vec::new());
    for right in [false, true] {
        let mut child = [0; 32];
        children.write(right, &mut child);
        let place = Place { height: place.height - 1, index: 2 * place.index + u16::from(right) };
        found.extend(leaves_of(place, &child));
    }
    found
}

fn reached<const H: u8>(frontier: &Frontier<H>) -> Vec<(u16, Bytes)> {
    frontier.places().iter().zip(frontier.nodes()).flat_map(|(place, node)| leaves_of(*place, node)).collect()
}

impl Model {
    pub fn of<const H: u8>(frontier: &Frontier<H>) -> Self {
        let mut leaves = vec![None; usize::from(Frontier::<H>::LEAVES)];
        for (leaf, bytes) in reached(frontier) {
            leaves[usize::from(leaf)] = Some(bytes);
        }
        Self { leaves, bounds: frontier.bounds().to_vec(), gone: BTreeSet::new() }
    }

    pub fn erase(&mut self, leaves: Range<u16>) {
        for leaf in leaves {
            self.gone.extend(self.leaves[usize::from(leaf)].take());
        }
    }

    /// The unassigned leaves have other bytes now: those that `renewed` gives them, and never any of before.
    pub fn renew<const H: u8>(&mut self, from: u16, renewed: &Frontier<H>) {
        for (leaf, bytes) in reached(renewed) {
            let held = &mut self.leaves[usize::from(leaf)];
            if leaf >= from && held.is_some() {
                self.gone.extend(held.replace(bytes));
            }
        }
        self.bounds.retain(|bound| *bound < from);
        self.bounds.push(from);
    }

    /// What a frontier must be: it reaches every living leaf, once, with its own bytes; nothing that is gone; with the
    /// fewest nodes that can be within each stretch.
    pub fn judge<const H: u8>(&self, frontier: &Frontier<H>) -> Result<(), String> {
        let reached = reached(frontier);
        let living: Vec<(u16, Bytes)> =
            (0..).zip(&self.leaves).filter_map(|(leaf, bytes)| Some((leaf, (*bytes)?))).collect();
        if reached != living {
            return Err(format!("{} leaves are reached, {} live", reached.len(), living.len()));
        }
        if reached.iter().any(|(_, bytes)| self.gone.contains(bytes)) {
            return Err("what is gone is reached".to_owned());
        }
        let mut walk = Walk::default();
        for (leaf, bytes) in (0..).zip(&self.leaves) {
            let expected = bytes.map(|bytes| *sub_key(&bytes, Kind::Mail, 7).key().expose());
            let told = |key: Option<crate::keyring::tree::SubKey>| key.map(|key| *key.key().expose());
            if told(frontier.key(leaf, Kind::Mail, 7)) != expected
                || told(walk.key(frontier, leaf, Kind::Mail, 7)) != expected
                || frontier.is_live(leaf) != expected.is_some()
            {
                return Err(format!("leaf {leaf}"));
            }
        }
        let fewest = self.fewest();
        match frontier.places().len() {
            nodes if nodes == fewest => Ok(()),
            nodes => Err(format!("{nodes} nodes, {fewest} would do")),
        }
    }

    /// A node is needed for every aligned run of living leaves between two bounds that lies in no wider one.
    fn fewest(&self) -> usize {
        let count = self.leaves.len();
        let whole = |at: usize, wide: usize| {
            let parted = self.bounds.iter().any(|bound| (at + 1..at + wide).contains(&usize::from(*bound)));
            self.leaves[at..at + wide].iter().all(Option::is_some) && !parted
        };
        let widths =
            || std::iter::successors(Some(1), |wide| Some(wide * 2)).take_while(|wide| *wide <= count);
        let runs = widths().flat_map(|wide| (0..count).step_by(wide).map(move |at| (at, wide)));
        runs.filter(|(at, wide)| {
            let outer = at / (2 * wide) * (2 * wide);
            whole(*at, *wide) && !(2 * wide <= count && whole(outer, 2 * wide))
        })
        .count()
    }
}
