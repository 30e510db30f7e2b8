//! The keyring as a set of pages, replaced in place; [`mod@crate::keyring::file`] gives it its name and its lock.
//!
//! A file that is replaced whole grows with every erasure and is written whole for each. Here each erasure writes the page
//! of its bucket and the head page, whatever the keyring's size, and what they replace is overwritten where it lay.
//!
//! **The file.** Pages of [`PAGE_BYTES`], written before they are needed, so that a change needs no room:
//!
//! | page | what |
//! |---|---|
//! | 0, the title | `TAMISKEY`, a byte 2, the instance; never written again. An older version finds a keyring of a later one |
//! | one | the **head**: number of the change, single keys, which pages belong to it |
//! | others | **buckets**: their frontiers, packed |
//! | all others | zeros: free |
//!
//! Head and buckets are sealed whole by a root key (`page`), bound to their number and the instance.
//!
//! **A change** writes every page that it touches, and the head, into free pages; syncs; writes zeros over the pages of
//! before; syncs; and only then appears in memory. So there are four states after a crash:
//!
//! | found | done at start |
//! |---|---|
//! | the old set whole, parts of the new | the parts are zeroed: the change did not happen |
//! | both sets whole | the newer counts, the older is zeroed |
//! | the new set whole, parts of the old | the parts are zeroed |
//! | neither | never by a crash: `keyring-incomplete`, or `keyring-does-not-open` where a page is torn |
//!
//! A set is whole if each page that its head names is there and the sum over their nonces is the head's: a copy whose pages
//! are of different moments is refused, never opened short. What a start finds it syncs before it zeroes anything: what a
//! killed predecessor wrote may lie in the system's memory alone.
//!
//! **Another root key.** Each page says by a mark which root key sealed it. With both at hand a keyring opens, and
//! [`Pages::write_anew`] writes all of it under the new one into a file of its own. Pages under two root keys an earlier
//! version left, which sealed them again one by one where they lie.

mod body;
mod change;
mod copying;
mod disk;
#[doc(hidden)]
pub mod door;
mod marks;
mod mending;
mod opening;
mod page;
mod plan;
mod set;
mod shelf;

pub use body::{HEAD_KEYS_MAX, KeyName};
#[cfg(test)]
pub(in crate::keyring) use change::Edited;
pub use change::{Change, Edit, KeyEdit};
pub use disk::{Disk, FileDisk};
pub use marks::root_ids;
pub use mending::Compared;
pub use page::{PAGE_BYTES, Root, RootId};
pub use set::{Pages, Roots};
pub use shelf::{CHANGE_BUCKETS_MAX, PAGES_AHEAD, PAGES_MAX};

#[cfg(test)]
mod tests;
