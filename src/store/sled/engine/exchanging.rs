//! Two databases that change places: the one that a vacuum has copied, and the one that it was copied from.
//!
//! | step | a crash behind it leaves | the next start |
//! |---|---|---|
//! | 1 the copy below `vacuum`, synced | the old one in the place | opens it, removes `vacuum` |
//! | 2 the witness knows that the file may be as short as the copy | the same | the same |
//! | 3 `db` and `vacuum/db` exchanged, both directories synced | either, whole: one rename(2) does both | opens it, removes `vacuum` |
//! | 3a where nothing exchanges: `db` → `vacuum/old` | no database in the place | puts it back first |
//! | 3b `vacuum/db` → `db`, synced | the copy in the place | opens it, removes `vacuum` |
//! | 4 the copy opened in the place, with every check of a start | the same | the same |
//! | 5 `vacuum` removed | the copy | opens it |
//!
//! Whatever is in the place is whole at any time, and the other is removed only once that has been opened. A power cut may take back
//! any of the renames that were not synced, and none of the others: `tests` looks at each cut and each choice. Where even a rename
//! is not one step and the old one is nowhere, the copy is put into the place: its mark says that it is whole.

use std::io;
use std::path::{Path, PathBuf};

use crate::machine::own::Directory;
use crate::store::StoreError;
use crate::store::sled::engine::MARKER;
use crate::store::sled::engine::aside::remove_tree;

/// Where a vacuum copies to, and where what is to be removed lies afterwards.
const WORK: &str = "vacuum";
/// Where the old database lies between two renames.
const OLD: &str = "old";
const DB: &str = "db";

/// The directory that a vacuum works in.
pub(in crate::store::sled) fn work(store: &Path) -> PathBuf {
    store.join(WORK)
}

/// How two databases changed places.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store::sled) enum Exchanged {
    /// By one rename: the old one lies where the copy lay.
    AtOnce,
    /// By two.
    InTwoSteps,
}

/// One of the two directories.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Side {
    /// The store's.
    Store,
    /// The one that a vacuum works in.
    Work,
}

/// A name in one of them.
type Spot = (Side, &'static str);

/// What is done to the two directories: on a disk, and in the tests on one that loses what was not synced.
trait Places {
    /// Lets the two databases change places; false: nothing here does that in one step.
    fn exchange(&self) -> io::Result<bool>;
    /// Gives what stands there another place, where nothing stands.
    fn move_new(&self, from: Spot, to: Spot) -> io::Result<()>;
    /// Makes what was done to the names of a directory durable.
    fn sync(&self, side: Side) -> io::Result<()>;
    /// True if something stands there.
    fn is_there(&self, spot: Spot) -> bool;
}

struct OnDisk<'s>(&'s Path);

impl OnDisk<'_> {
    fn path(&self, side: Side) -> PathBuf {
        match side {
            Side::Store => self.0.to_owned(),
            Side::Work => work(self.0),
        }
    }

    fn own(&self, side: Side) -> io::Result<Directory> {
        Directory::own(&self.path(side))
    }
}

impl Places for OnDisk<'_> {
    fn exchange(&self) -> io::Result<bool> {
        self.own(Side::Store)?.exchange(DB, &self.own(Side::Work)?, DB)
    }

    fn move_new(&self, (from, name): Spot, (to, new): Spot) -> io::Result<()> {
        self.own(from)?.move_new(name, &self.own(to)?, new)
    }

    fn sync(&self, side: Side) -> io::Result<()> {
        self.own(side)?.sync()
    }

    fn is_there(&self, (side, name): Spot) -> bool {
        self.path(side).join(name).exists()
    }
}

const IN_PLACE: Spot = (Side::Store, DB);
const COPY: Spot = (Side::Work, DB);
const BETWEEN: Spot = (Side::Work, OLD);

/// Puts the copy into the place of the database; durable when it returns.
///
/// # Errors
/// What the system says. Whether they have changed places is to be looked up then.
pub(in crate::store::sled) fn exchange(store: &Path) -> io::Result<Exchanged> {
    exchange_in(&OnDisk(store))
}

fn exchange_in(places: &impl Places) -> io::Result<Exchanged> {
    let exchanged = match places.exchange()? {
        true => Exchanged::AtOnce,
        false => {
            move_durably(places, IN_PLACE, BETWEEN)?;
            places.move_new(COPY, IN_PLACE)?;
            Exchanged::InTwoSteps
        }
    };
    places.sync(Side::Store)?;
    places.sync(Side::Work)?;
    Ok(exchanged)
}

/// First where it comes to be: it is nowhere at no time.
fn move_durably(places: &impl Places, from: Spot, to: Spot) -> io::Result<()> {
    places.move_new(from, to)?;
    places.sync(to.0)?;
    places.sync(from.0)
}

/// The way back.
///
/// # Errors
/// As [`exchange`].
pub(in crate::store::sled) fn exchange_back(store: &Path, exchanged: Exchanged) -> io::Result<()> {
    exchange_back_in(&OnDisk(store), exchanged)
}

fn exchange_back_in(places: &impl Places, exchanged: Exchanged) -> io::Result<()> {
    match exchanged {
        Exchanged::AtOnce => {
            places.exchange()?;
            places.sync(Side::Store)?;
            places.sync(Side::Work)
        }
        Exchanged::InTwoSteps => {
            move_durably(places, IN_PLACE, COPY)?;
            move_durably(places, BETWEEN, IN_PLACE)
        }
    }
}

/// Puts back what lies between two renames: a process was killed there, or the power went.
///
/// # Errors
/// What the system says.
pub(in crate::store::sled) fn put_back(store: &Path) -> Result<(), StoreError> {
    if put_back_in(&OnDisk(store)).map_err(StoreError::io)? {
        tracing::warn!("store.put-back");
    }
    Ok(())
}

/// True: there was something to put back.
fn put_back_in(places: &impl Places) -> io::Result<bool> {
    if places.is_there(IN_PLACE) {
        return Ok(false);
    }
    // A copy gets its mark as the last of it, and is as good as what it was copied from until something is written.
    let is_whole = places.is_there(COPY) && places.is_there((Side::Work, MARKER));
    let from = match places.is_there(BETWEEN) {
        true => BETWEEN,
        false if is_whole => COPY,
        false => return Ok(false),
    };
    move_durably(places, from, IN_PLACE)?;
    Ok(true)
}

/// Removes what a vacuum works in. True: it was there.
///
/// # Errors
/// What the system says.
pub(in crate::store::sled) fn remove_work(store: &Path) -> Result<bool, StoreError> {
    let work = work(store);
    if !work.exists() {
        return Ok(false);
    }
    remove_tree(&work)?;
    Directory::own(store).and_then(|directory| directory.sync()).map_err(StoreError::io)?;
    Ok(true)
}

#[cfg(test)]
mod tests;
