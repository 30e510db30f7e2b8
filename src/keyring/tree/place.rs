//! Where in a tree: leaves, places of nodes, and which places cover which leaves. Nothing here is secret.

use std::ops::Range;

/// The most leaves that a tree may have.
const LEAVES_MAX: u16 = 512;
const WORD_BITS: u16 = 64;
const WORDS: usize = (LEAVES_MAX / WORD_BITS) as usize;

/// A set of leaves.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LeafSet([u64; WORDS]);

impl LeafSet {
    /// True if the leaf is in it.
    pub fn contains(&self, leaf: u16) -> bool {
        leaf < LEAVES_MAX && self.0[usize::from(leaf / WORD_BITS)] >> (leaf % WORD_BITS) & 1 == 1
    }

    /// Takes leaves in; those beyond the largest tree there is are passed over.
    pub fn insert(&mut self, leaves: Range<u16>) {
        for (word, mask) in self.0.iter_mut().zip(masks(&leaves)) {
            *word |= mask;
        }
    }

    /// True if one of these leaves is in it.
    pub fn touches(&self, leaves: &Range<u16>) -> bool {
        self.0.iter().zip(masks(leaves)).any(|(word, mask)| word & mask != 0)
    }

    /// True if all of these leaves are in it.
    pub fn holds(&self, leaves: &Range<u16>) -> bool {
        self.0.iter().zip(masks(leaves)).all(|(word, mask)| word & mask == mask)
    }

    /// The first leaf of these that is not in it.
    pub fn first_absent(&self, leaves: Range<u16>) -> Option<u16> {
        leaves.into_iter().find(|leaf| !self.contains(*leaf))
    }

    /// How many there are.
    pub fn len(&self) -> u16 {
        self.0.iter().map(|word| word.count_ones() as u16).sum()
    }

    /// True if there is none.
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(|word| *word == 0)
    }

    /// Its leaves as runs, in order; between two of them lies a leaf that is not in it.
    pub fn runs(&self) -> Vec<Range<u16>> {
        let mut runs: Vec<Range<u16>> = Vec::new();
        for leaf in (0..LEAVES_MAX).filter(|leaf| self.contains(*leaf)) {
            match runs.last_mut() {
                Some(last) if last.end == leaf => last.end += 1,
                _ => runs.push(leaf..leaf + 1),
            }
        }
        runs
    }
}

/// Of each word the bits that stand for these leaves.
fn masks(leaves: &Range<u16>) -> impl Iterator<Item = u64> {
    let below = |leaf: u16, word: u16| match leaf.saturating_sub(word * WORD_BITS) {
        0 => 0,
        bits if bits < WORD_BITS => (1 << bits) - 1,
        _ => u64::MAX,
    };
    let (start, end) = (leaves.start, leaves.end.max(leaves.start));
    (0..WORDS as u16).map(move |word| below(end, word) & !below(start, word))
}

/// Where a node is: how far above the leaves, and the how-manieth at that height.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// 0 for a leaf.
    pub height: u8,
    /// From the left, from 0.
    pub index: u16,
}

impl Place {
    /// The top of a tree of this height.
    pub fn root(height: u8) -> Self {
        Self { height, index: 0 }
    }

    /// The leaves below it.
    pub fn leaves(self) -> Range<u16> {
        self.index << self.height..(self.index + 1) << self.height
    }

    /// True if the leaf is below it, or it.
    pub fn holds(self, leaf: u16) -> bool {
        self.leaves().contains(&leaf)
    }

    /// The child on the way to this leaf, and whether it is the right one. A leaf has none and is its own.
    pub fn towards(self, leaf: u16) -> (Self, bool) {
        let Some(height) = self.height.checked_sub(1) else { return (self, false) };
        let index = leaf >> height;
        (Self { height, index }, index & 1 == 1)
    }

    /// The other child of its parent.
    pub fn sibling(self) -> Self {
        Self { index: self.index ^ 1, ..self }
    }
}

/// The fewest places below which every leaf lies that is not dead and no other, in order: minimal within each stretch
/// between two bounds, since nodes on the two sides of a bound have no ancestor in common.
pub fn cover(height: u8, dead: &LeafSet, bounds: &[u16]) -> Vec<Place> {
    let (mut places, mut from) = (Vec::new(), 0);
    for end in bounds.iter().copied().chain([1 << height]) {
        collect(Place::root(height), &(from..end), dead, &mut places);
        from = end;
    }
    places
}

fn collect(place: Place, stretch: &Range<u16>, dead: &LeafSet, places: &mut Vec<Place>) {
    let leaves = place.leaves();
    let apart = leaves.end <= stretch.start || stretch.end <= leaves.start;
    if apart || dead.holds(&leaves) {
        return;
    }
    if stretch.start <= leaves.start && leaves.end <= stretch.end && !dead.touches(&leaves) {
        places.push(place);
        return;
    }
    let (left, _) = place.towards(leaves.start);
    collect(left, stretch, dead, places);
    collect(left.sibling(), stretch, dead, places);
}

/// Bounds in their one form: each is a living leaf, and one below the first lives. What is bound to nothing is left out, and
/// no cover changes by it.
pub fn settle_bounds(height: u8, dead: &LeafSet, bounds: &[u16]) -> Vec<u16> {
    let mut settled: Vec<u16> = Vec::new();
    for bound in bounds {
        let Some(living) = dead.first_absent(*bound..1 << height) else { continue };
        let below = settled.last().map_or_else(|| dead.first_absent(0..living), |last| Some(*last));
        if below.is_some_and(|below| below < living) {
            settled.push(living);
        }
    }
    settled
}
