//! What is kept of a tree: the fewest nodes from which every living leaf is reached, and no other.

use std::ops::Range;

use zeroize::Zeroizing;

use crate::keyring::BUCKET_RECORDS;
use crate::keyring::tree::expand::{Bytes, Children, KEY_BYTES, Kind, SubKey, sub_key};
use crate::keyring::tree::place::{LeafSet, Place, cover, settle_bounds};
use crate::random::{NoRandomness, Random};

/// How high a bucket's tree is.
pub const HEIGHT: u8 = 9;
/// How many leaves it has.
pub const LEAVES: u16 = 1 << HEIGHT;
/// How often the nodes over unassigned leaves may be made anew with leaves assigned in between. Each time may cost a node
/// more than the erased ones do; beyond it the tree is closed, so that every frontier fits into a page.
pub const BOUNDS_MAX: usize = 128;
/// No frontier has more nodes: every other leaf, and one for each bound.
pub const NODES_MAX: usize = LEAVES as usize / 2 + BOUNDS_MAX;

const _: () = assert!(LEAVES as u64 == BUCKET_RECORDS);

/// The living part of a tree. It never changes: what punctures it makes the next one, so that the old one can be what
/// counts until the next is durable, and is then wiped whole. Where the nodes are follows from which leaves are dead and
/// between which bounds; two frontiers of one tree with the same dead and bounds are the same.
///
/// The height is a parameter so that small trees can be tested to the last case.
pub struct Frontier<const H: u8 = HEIGHT> {
    dead: LeafSet,
    /// Leaves from which on nodes were made anew: those on the two sides have no ancestor in common.
    bounds: Vec<u16>,
    places: Vec<Place>,
    /// One for each place. Never grown or shifted, which would leave nodes behind in what is freed or at its end.
    nodes: Zeroizing<Vec<Bytes>>,
}

impl<const H: u8> Frontier<H> {
    /// How many leaves such a tree has.
    pub const LEAVES: u16 = 1 << H;

    /// A new tree, all of it living.
    ///
    /// # Errors
    /// [`NoRandomness`].
    pub fn new(random: &dyn Random) -> Result<Self, NoRandomness> {
        Self::of(LeafSet::default(), &[], |_, node| random.fill(node))
    }

    /// The frontier with these dead and bounds; `make` writes the node of each place.
    pub(super) fn of<E>(
        dead: LeafSet,
        bounds: &[u16],
        mut make: impl FnMut(Place, &mut Bytes) -> Result<(), E>,
    ) -> Result<Self, E> {
        let bounds = settle_bounds(H, &dead, bounds);
        let places = cover(H, &dead, &bounds);
        let mut nodes = Zeroizing::new(vec![[0; KEY_BYTES]; places.len()]);
        for (place, node) in places.iter().zip(nodes.iter_mut()) {
            make(*place, node)?;
        }
        Ok(Self { dead, bounds, places, nodes })
    }

    /// True if the leaf can be reached.
    pub fn is_live(&self, leaf: u16) -> bool {
        leaf < Self::LEAVES && !self.dead.contains(leaf)
    }

    /// The first living leaf at or above this one: what a new record gets, also where the sequence fell behind.
    pub fn first_live(&self, from: u16) -> Option<u16> {
        self.dead.first_absent(from..Self::LEAVES)
    }

    /// How many leaves live.
    pub fn live(&self) -> u16 {
        Self::LEAVES - self.dead.len()
    }

    /// True if nothing lives: no node is left.
    pub fn is_dead(&self) -> bool {
        self.places.is_empty()
    }

    /// The leaves that were erased.
    pub fn dead(&self) -> &LeafSet {
        &self.dead
    }

    /// From which leaves on nodes were made anew, in order.
    pub fn bounds(&self) -> &[u16] {
        &self.bounds
    }

    /// Where its nodes are, in order.
    pub fn places(&self) -> &[Place] {
        &self.places
    }

    /// Its nodes, in the order of their places.
    pub(super) fn nodes(&self) -> &[Bytes] {
        &self.nodes
    }

    /// A leaf's key for one text; none: the leaf is dead. At most nine blocks; who reads in order takes a
    /// [`crate::keyring::tree::Walk`].
    pub fn key(&self, leaf: u16, kind: Kind, n: u64) -> Option<SubKey> {
        let (from, node) = self.over(leaf)?;
        let mut bytes = Zeroizing::new([0; KEY_BYTES]);
        descend(from, node, leaf, 0, &mut bytes);
        Some(sub_key(&bytes, kind, n))
    }

    /// The node from which this leaf is reached.
    pub(super) fn over(&self, leaf: u16) -> Option<(Place, &Bytes)> {
        let after = self.places.partition_point(|place| place.leaves().start <= leaf);
        let at = after.checked_sub(1)?;
        let (place, node) = (self.places.get(at)?, self.nodes.get(at)?);
        place.holds(leaf).then_some((*place, node))
    }

    /// What is left when one leaf is erased.
    #[must_use = "nothing is erased before this takes the old one's place, on the disk and in memory"]
    pub fn puncture(&self, leaf: u16) -> Self {
        self.puncture_range(leaf..leaf.saturating_add(1))
    }

    /// What is left when these leaves are erased; those that are dead already stay so.
    #[must_use = "nothing is erased before this takes the old one's place, on the disk and in memory"]
    pub fn puncture_range(&self, leaves: Range<u16>) -> Self {
        let mut set = LeafSet::default();
        set.insert(leaves.start..leaves.end.min(Self::LEAVES));
        self.puncture_set(&set)
    }

    /// What is left when these leaves, which are this tree's, are erased at once.
    #[must_use = "nothing is erased before this takes the old one's place, on the disk and in memory"]
    pub fn puncture_set(&self, leaves: &LeafSet) -> Self {
        let mut dead = self.dead.clone();
        dead.extend(leaves);
        let next = Self::of(dead, &self.bounds, |place, node| {
            self.derive(place, node);
            Ok::<(), std::convert::Infallible>(())
        });
        match next {
            Ok(next) => next,
            Err(never) => match never {},
        }
    }

    /// What is left when the nodes over the unassigned leaves, those from `from` on, are made anew: whoever has a copy of
    /// the keyring as it was opens nothing that is sealed from now on. Nothing may be sealed under these leaves yet, also
    /// not in a transaction under way.
    ///
    /// A tree in which this happened [`BOUNDS_MAX`] times is closed: its unassigned leaves die.
    ///
    /// # Errors
    /// [`NoRandomness`].
    pub fn renew_unassigned(&self, from: u16, random: &dyn Random) -> Result<Self, NoRandomness> {
        let mut bounds: Vec<u16> = self.bounds.iter().copied().filter(|bound| *bound < from).collect();
        bounds.push(from);
        let bounds = settle_bounds(H, &self.dead, &bounds);
        if bounds.len() > BOUNDS_MAX {
            return Ok(self.puncture_range(from..Self::LEAVES));
        }
        Self::of(self.dead.clone(), &bounds, |place, node| {
            if place.leaves().start >= from {
                return random.fill(node);
            }
            self.derive(place, node);
            Ok(())
        })
    }

    /// Writes the node of a place that lies below one of this frontier's.
    fn derive(&self, place: Place, to: &mut Bytes) {
        let first = place.leaves().start;
        if let Some((from, node)) = self.over(first) {
            descend(from, node, first, place.height, to);
        }
    }
}

/// Goes down from a node towards a leaf, to this height.
fn descend(from: Place, node: &Bytes, leaf: u16, height: u8, to: &mut Bytes) {
    to.copy_from_slice(node);
    let mut at = from;
    while at.height > height {
        let (child, right) = at.towards(leaf);
        Children::of(to).write(right, to);
        at = child;
    }
}
