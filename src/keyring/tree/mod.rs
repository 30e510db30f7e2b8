//! The keys of a bucket as the leaves of a binary tree that is punctured. Pure: no file, no clock.
//!
//! A bucket has one random root of 32 bytes. Every node expands into its two children, every leaf into the keys that seal
//! what belongs to one record; nothing else is random, and nothing is kept but the [`Frontier`]: the fewest nodes from which
//! every living leaf can still be reached. To erase a leaf is to forget it and every node above it, and to keep the
//! siblings on the way down ([GGM 1986](https://doi.org/10.1145/6490.6503), as a punctured pseudorandom function). The rule
//! that everything rests on: **no key that lives on is an ancestor of an erased one.** No survivor is ever sealed again.
//!
//! Nodes are expanded and never seal; leaves are never expanded and never seal by themselves (`expand`). Both are
//! [single blocks of ChaCha20](https://www.rfc-editor.org/rfc/rfc8439#section-2.3), so that what sealing rests on anyway is
//! the only assumption. `tests/data/tree` has a second implementation and what it computes.
//!
//! No node leaves this room but sealed, in [`Frontier::encode`]. Whoever reads holds a [`crate::keyring::lease`].

mod codec;
mod expand;
mod frontier;
mod place;
mod walk;

pub use codec::{FRONTIER_BYTES_MAX, read_frontier};
pub use expand::{KEY_BYTES, Kind, SubKey};
pub use frontier::{BOUNDS_MAX, Frontier, HEIGHT, LEAVES, NODES_MAX};
pub use place::{LeafSet, Place};
pub use walk::Walk;

#[cfg(test)]
mod tests;
