//! A frontier's bytes, as they lie inside a sealed page.
//!
//! All numbers are 16 bits, little-endian: how many bounds, the bounds; how many runs of dead leaves, of each where it
//! begins and how long it is; then the nodes, 32 bytes each. Where the nodes are is not said: it follows. What could be
//! written in two ways is read in one.

use crate::keyring::tree::expand::{Bytes, KEY_BYTES};
use crate::keyring::tree::frontier::{BOUNDS_MAX, Frontier, LEAVES, NODES_MAX};
use crate::keyring::tree::place::{LeafSet, settle_bounds};

const NUMBER_BYTES: usize = 2;
/// Every other leaf dead.
const RUNS_MAX: usize = LEAVES as usize / 2;

/// No frontier is longer.
pub const FRONTIER_BYTES_MAX: usize = NUMBER_BYTES * (2 + BOUNDS_MAX + 2 * RUNS_MAX) + NODES_MAX * KEY_BYTES;

impl<const H: u8> Frontier<H> {
    /// How many bytes [`Frontier::encode`] writes.
    pub fn encoded_bytes(&self) -> usize {
        let numbers = 2 + self.bounds().len() + 2 * self.dead().runs_count();
        NUMBER_BYTES * numbers + self.nodes().len() * KEY_BYTES
    }

    /// Writes it at the start of `to`, and gives what is left; none: there is no room, and nothing counts that was written.
    pub fn encode<'t>(&self, to: &'t mut [u8]) -> Option<&'t mut [u8]> {
        let mut to = put(to, self.bounds().len() as u16)?;
        for bound in self.bounds() {
            to = put(to, *bound)?;
        }
        to = put(to, self.dead().runs_count() as u16)?;
        for run in self.dead().runs() {
            to = put(to, run.start)?;
            to = put(to, run.end - run.start)?;
        }
        for node in self.nodes() {
            let (field, rest) = to.split_at_mut_checked(KEY_BYTES)?;
            field.copy_from_slice(node);
            to = rest;
        }
        Some(to)
    }
}

/// Reads what [`Frontier::encode`] wrote off the front, and gives what is left. None: it is no frontier, or not in its one
/// form: bounds or runs out of order, touching, beyond the tree or bound to nothing, nodes missing.
pub fn read_frontier<const H: u8>(bytes: &[u8]) -> Option<(Frontier<H>, &[u8])> {
    let (count, mut rest) = number(bytes)?;
    let mut bounds = Vec::new();
    for _ in 0..count {
        let (bound, after) = number(rest)?;
        // Refused early: what claims to be long costs nothing.
        if bounds.len() == BOUNDS_MAX || bounds.last().is_some_and(|last| *last >= bound) {
            return None;
        }
        bounds.push(bound);
        rest = after;
    }
    let (dead, rest) = dead_leaves::<H>(rest)?;
    if settle_bounds(H, &dead, &bounds) != bounds {
        return None;
    }
    let mut nodes = rest;
    let frontier = Frontier::of(dead, &bounds, |_, node: &mut Bytes| {
        let (bytes, after) = nodes.split_first_chunk::<KEY_BYTES>().ok_or(Short)?;
        node.copy_from_slice(bytes);
        nodes = after;
        Ok::<(), Short>(())
    });
    frontier.ok().map(|frontier| (frontier, nodes))
}

/// Nodes are missing.
struct Short;

fn dead_leaves<const H: u8>(bytes: &[u8]) -> Option<(LeafSet, &[u8])> {
    let (count, mut rest) = number(bytes)?;
    let (mut dead, mut free_from) = (LeafSet::default(), 0);
    for _ in 0..count {
        let (start, after) = number(rest)?;
        let (length, after) = number(after)?;
        let end = start.checked_add(length).filter(|end| *end <= Frontier::<H>::LEAVES)?;
        if length == 0 || start < free_from {
            return None;
        }
        dead.insert(start..end);
        // A run that begins where the last one ended would be the same run.
        free_from = end + 1;
        rest = after;
    }
    Some((dead, rest))
}

fn put(to: &mut [u8], number: u16) -> Option<&mut [u8]> {
    let (field, rest) = to.split_at_mut_checked(NUMBER_BYTES)?;
    field.copy_from_slice(&number.to_le_bytes());
    Some(rest)
}

fn number(bytes: &[u8]) -> Option<(u16, &[u8])> {
    let (field, rest) = bytes.split_first_chunk::<NUMBER_BYTES>()?;
    Some((u16::from_le_bytes(*field), rest))
}
