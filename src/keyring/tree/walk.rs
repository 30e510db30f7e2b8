//! Keys of many leaves, one after the other: an export, a scan and the writer go in order, and pay one block a leaf.

use zeroize::{Zeroize, Zeroizing};

use crate::keyring::tree::expand::{Bytes, Children, KEY_BYTES, Kind, SubKey, sub_key};
use crate::keyring::tree::frontier::{Frontier, HEIGHT};
use crate::keyring::tree::place::Place;

/// The way down to a leaf has one node at each height, and the top.
const DEPTH_MAX: usize = HEIGHT as usize + 1;

/// A way through one frontier: what of the expanded nodes lies ahead. These are keys above living leaves; whoever punctures
/// the tree wipes them ([`Walk::wipe`]).
pub struct Walk {
    /// From the end of the tree towards the leaf that was last asked for.
    ahead: [Place; DEPTH_MAX],
    nodes: Zeroizing<[Bytes; DEPTH_MAX]>,
    depth: usize,
}

impl Default for Walk {
    fn default() -> Self {
        Self {
            ahead: [Place::root(0); DEPTH_MAX],
            nodes: Zeroizing::new([[0; KEY_BYTES]; DEPTH_MAX]),
            depth: 0,
        }
    }
}

impl Walk {
    /// A leaf's key, as [`Frontier::key`] gives it. The frontier must be the one that was asked before, or the walk wiped.
    pub fn key<const H: u8>(
        &mut self,
        frontier: &Frontier<H>,
        leaf: u16,
        kind: Kind,
        n: u64,
    ) -> Option<SubKey> {
        while self.top().is_some_and(|top| top.leaves().end <= leaf) {
            self.pop();
        }
        if !self.top().is_some_and(|top| top.holds(leaf)) {
            self.wipe();
            let (place, node) = frontier.over(leaf)?;
            self.push(place, |to| to.copy_from_slice(node));
        }
        while let Some(top) = self.top().filter(|top| top.height > 0) {
            let (child, right) = top.towards(leaf);
            let children = Children::of(&self.nodes[self.depth - 1]);
            self.pop();
            if !right {
                self.push(child.sibling(), |to| children.write(true, to));
            }
            self.push(child, |to| children.write(right, to));
        }
        Some(sub_key(&self.nodes[self.depth.checked_sub(1)?], kind, n))
    }

    /// Forgets the way.
    pub fn wipe(&mut self) {
        self.nodes.zeroize();
        self.depth = 0;
    }

    /// True if no node is in it.
    pub fn is_wiped(&self) -> bool {
        self.depth == 0 && self.nodes.iter().flatten().all(|byte| *byte == 0)
    }

    fn top(&self) -> Option<Place> {
        self.depth.checked_sub(1).map(|top| self.ahead[top])
    }

    fn push(&mut self, place: Place, write: impl FnOnce(&mut Bytes)) {
        self.ahead[self.depth] = place;
        write(&mut self.nodes[self.depth]);
        self.depth += 1;
    }

    fn pop(&mut self) {
        self.depth -= 1;
        self.nodes[self.depth].zeroize();
    }
}
