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
        for (word, mask) in masks(&leaves) {
            self.0[word] |= mask;
        }
    }

    /// True if one of these leaves is in it.
    pub fn touches(&self, leaves: &Range<u16>) -> bool {
        masks(leaves).any(|(word, mask)| self.0[word] & mask != 0)
    }

    /// True if all of these leaves are in it.
    pub fn holds(&self, leaves: &Range<u16>) -> bool {
        masks(leaves).all(|(word, mask)| self.0[word] & mask == mask)
    }

    /// The first leaf of these that is not in it.
    pub fn first_absent(&self, leaves: Range<u16>) -> Option<u16> {
        self.next(leaves.start, false).filter(|leaf| *leaf < leaves.end)
    }

    /// The first leaf at or above this one that is in it, or that is not.
    fn next(&self, from: u16, present: bool) -> Option<u16> {
        let (first, skip) = (from / WORD_BITS, from % WORD_BITS);
        for (word, at) in self.0.iter().zip(0..).skip(usize::from(first)) {
            let bits = if present { *word } else { !*word };
            let bits = if at == first { bits >> skip << skip } else { bits };
            if bits != 0 {
                return Some(at * WORD_BITS + bits.trailing_zeros() as u16);
            }
        }
        None
    }

    /// True if it has all leaves of the other.
    pub fn includes(&self, other: &Self) -> bool {
        self.0.iter().zip(other.0).all(|(word, bits)| word & bits == bits)
    }

    /// Takes another set's leaves in.
    pub fn extend(&mut self, other: &Self) {
        self.0.iter_mut().zip(other.0).for_each(|(word, bits)| *word |= bits);
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
    pub fn runs(&self) -> impl Iterator<Item = Range<u16>> {
        let mut from = Some(0);
        std::iter::from_fn(move || {
            let start = self.next(from?, true)?;
            from = self.next(start, false);
            Some(start..from.unwrap_or(LEAVES_MAX))
        })
    }

    /// How many runs there are.
    pub fn runs_count(&self) -> usize {
        // A run begins at each bit whose lower neighbour is not set.
        let begun =
            |(before, word): (u64, &u64)| (word & !(word << 1 | before >> (WORD_BITS - 1))).count_ones();
        let before = std::iter::once(0).chain(self.0.iter().copied());
        before.zip(&self.0).map(begun).sum::<u32>() as usize
    }
}

/// The words in which these leaves are, and the bits that stand for them there.
fn masks(leaves: &Range<u16>) -> impl Iterator<Item = (usize, u64)> {
    let (start, end) = (leaves.start, leaves.end.min(LEAVES_MAX));
    let words = if start < end { start / WORD_BITS..(end - 1) / WORD_BITS + 1 } else { 0..0 };
    words.map(move |word| {
        let first = word * WORD_BITS;
        let from = start.saturating_sub(first);
        let to = (end - first).min(WORD_BITS);
        (usize::from(word), u64::MAX >> (WORD_BITS - (to - from)) << from)
    })
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
