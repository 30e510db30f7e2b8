//! Pages as they lie on a disk, held against memory; and written once more where they were lost or damaged.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::keyring::pages::body::{self, Head, KeyName, Sum};
use crate::keyring::pages::disk::Disk;
use crate::keyring::pages::opening::look;
use crate::keyring::pages::page::{self, BODY, Found, Nonce, Opened, What};
use crate::keyring::pages::set::Pages;
use crate::keyring::pages::shelf::{Entry, Sheet, Shelf};
use crate::keyring::tree::{Frontier, KEY_BYTES, Kind};
use crate::keyring::{Bucket, KeyringCode, KeyringError};
use crate::secret::Key;

/// What lies on a disk, beside what memory holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compared {
    /// The same.
    Same,
    /// This keyring as it was.
    Older,
    /// What was this keyring and is whole no more.
    Damaged,
    /// A keyring with other keys, of a later change or version or under another root key.
    Foreign,
}

/// How the pages were written anew, each in the place that it has.
struct Anew {
    nonces: BTreeMap<u32, Nonce>,
    sum: Sum,
    pages: u32,
}

impl<D: Disk> Pages<D> {
    /// True if title and head lie on the own disk as memory has them: what a look at every page would find is not told.
    ///
    /// # Errors
    /// [`KeyringCode::Io`].
    pub fn is_headed(&self) -> Result<bool, KeyringError> {
        let mut disk = self.disk.lock();
        let shelf = self.shelf.read();
        if disk.pages().map_err(failed)? <= shelf.head {
            return Ok(false);
        }
        let mut raw = page::blank();
        disk.read(0, &mut raw).map_err(failed)?;
        if *raw != *page::title(shelf.instance) {
            return Ok(false);
        }
        disk.read(shelf.head, &mut raw).map_err(failed)?;
        Ok(match page::open(raw, shelf.head, shelf.instance, &self.roots.all()) {
            Found::Opened(opened) => is_head_of(&opened, &shelf, &shelf.sum),
            _ => false,
        })
    }

    /// Looks at every page of the own disk.
    ///
    /// # Errors
    /// [`KeyringCode::Io`].
    pub fn compare_own(&self) -> Result<Compared, KeyringError> {
        let mut disk = self.disk.lock();
        self.compare(&mut *disk)
    }

    /// Looks at every page of another disk.
    ///
    /// # Errors
    /// [`KeyringCode::Io`].
    pub fn compare<O: Disk>(&self, other: &mut O) -> Result<Compared, KeyringError> {
        let found = look(other, &self.roots.all());
        let held = self.shelf.read();
        match found {
            Ok((found, losers)) => Ok(compared(&found, &held, losers.is_empty())),
            Err(error) if error.code == KeyringCode::Io => Err(error),
            Err(error) if error.code == KeyringCode::Format => Ok(Compared::Foreign),
            // Torn, or of different moments, or under another root key.
            Err(_) if self.may_be_foreign(other, &held)? => Ok(Compared::Foreign),
            Err(_) => Ok(Compared::Damaged),
        }
    }

    /// True if some page says that another keyring, or another root key, is its own.
    fn may_be_foreign<O: Disk>(&self, other: &mut O, held: &Shelf) -> Result<bool, KeyringError> {
        let pages = other.pages().map_err(failed)?;
        let mut raw = page::blank();
        if pages > 0 {
            other.read(0, &mut raw).map_err(failed)?;
            if page::is_titled(&raw) && !page::instance_of(&raw).is_ok_and(|found| found == held.instance) {
                return Ok(true);
            }
        }
        for number in 1..pages {
            other.read(number, &mut raw).map_err(failed)?;
            if page::is_of_another_root(&raw, &self.roots.all()) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Writes all that memory holds onto an empty disk, one page after the other, reads it back under the root key that seals now alone,
    /// has `place` give it its name, and goes on there. Gives the disk of before, and what `place` gave. No change came to be: it is the
    /// same set under another seal.
    ///
    /// # Errors
    /// Nothing changed, here and at the name, unless `place` says so. [`KeyringCode::Io`], [`KeyringCode::NoRandomness`];
    /// [`KeyringCode::Incomplete`]: what is read is not what was written; or why nothing is changed any more.
    pub fn write_anew<T>(
        &self,
        mut empty: D,
        place: impl FnOnce() -> Result<T, KeyringError>,
    ) -> Result<(D, T), KeyringError> {
        let mut disk = self.disk.lock();
        if let Some(error) = self.failed() {
            return Err(error);
        }
        let shelf = self.shelf.read();
        let anew = self.lay(&shelf, &mut empty)?;
        if !self.is_laid(&shelf, &mut empty, &anew)? {
            return Err(KeyringError::of(KeyringCode::Incomplete));
        }
        drop(shelf);
        let placed = place()?;
        let mut shelf = self.shelf.write();
        let mark = self.roots.seal.mark();
        for (number, nonce) in anew.nonces {
            if let Some(sheet) = shelf.sheets.get_mut(&number) {
                (sheet.nonce, sheet.mark) = (nonce, mark);
            }
        }
        (shelf.sum, shelf.head_mark) = (anew.sum, mark);
        let used: BTreeSet<u32> = shelf.sheets.keys().copied().chain([0, shelf.head]).collect();
        shelf.free = (0..anew.pages).filter(|number| !used.contains(number)).collect();
        Ok((std::mem::replace(&mut *disk, empty), placed))
    }

    /// The head comes last: without it nothing of the file counts. Durable when this returns.
    fn lay(&self, shelf: &Shelf, empty: &mut D) -> Result<Anew, KeyringError> {
        let (root, random) = (&self.roots.seal, &*self.random);
        let last = shelf.sheets.keys().chain(&shelf.free).chain([&shelf.head]).max().copied().unwrap_or(1);
        let (mut nonces, mut sum, pages) = (BTreeMap::new(), [0; KEY_BYTES], last + 1);
        empty.grow(pages).and_then(|()| empty.write(0, &page::title(shelf.instance))).map_err(failed)?;
        for (number, sheet) in &shelf.sheets {
            let mut raw = filled(shelf, sheet)?;
            let nonce = page::seal(&mut raw, What::Buckets, *number, shelf.instance, root, random)?;
            body::add(&mut sum, &shelf.sum_key, *number, &nonce);
            empty.write(*number, &raw).map_err(failed)?;
            nonces.insert(*number, nonce);
        }
        let head = Head {
            change: shelf.change,
            sum_key: shelf.sum_key.clone(),
            sum,
            pages: shelf.sheets.keys().copied().collect(),
            keys: shelf.keys.iter().map(|(name, key)| (*name, Arc::clone(key))).collect(),
        };
        let mut raw = page::blank();
        head.write(&mut raw[BODY]).ok_or_else(too_large)?;
        page::seal(&mut raw, What::Head, shelf.head, shelf.instance, root, random)?;
        empty.write(shelf.head, &raw).and_then(|()| empty.sync()).map_err(failed)?;
        Ok(Anew { nonces, sum, pages })
    }

    /// True if every page opens under the root key that seals now and is what memory holds.
    fn is_laid(&self, shelf: &Shelf, disk: &mut D, anew: &Anew) -> Result<bool, KeyringError> {
        let pages = disk.pages().map_err(failed)?;
        let mut title = page::blank();
        disk.read(0, &mut title).map_err(failed)?;
        let mut is_laid = pages == anew.pages && *title == *page::title(shelf.instance);
        for number in 1..pages {
            let mut raw = page::blank();
            disk.read(number, &mut raw).map_err(failed)?;
            let found = page::open(raw, number, shelf.instance, &[&self.roots.seal]);
            is_laid &= match (found, shelf.sheets.get(&number)) {
                (Found::Opened(opened), Some(sheet)) => {
                    opened.what == What::Buckets
                        && anew.nonces.get(&number) == Some(&opened.nonce)
                        && *opened.body() == filled(shelf, sheet)?[BODY]
                }
                (Found::Opened(opened), None) => {
                    number == shelf.head && is_head_of(&opened, shelf, &anew.sum)
                }
                (Found::Free, None) => number != shelf.head,
                _ => false,
            };
        }
        Ok(is_laid)
    }
}

/// A page of buckets as memory holds them, not sealed yet.
fn filled(shelf: &Shelf, sheet: &Sheet) -> Result<page::Raw, KeyringError> {
    let held = |bucket| Some((bucket, shelf.buckets.get(bucket)?.held.frontier()));
    let buckets: Vec<(_, &Frontier)> = sheet.buckets.iter().filter_map(held).collect();
    let mut raw = page::blank();
    body::write_buckets(shelf.change, &buckets, &mut raw[BODY]).ok_or_else(too_large)?;
    Ok(raw)
}

/// True of the head of what memory holds, under this sum.
fn is_head_of(opened: &Opened, shelf: &Shelf, sum: &Sum) -> bool {
    let held = |(name, key): (&KeyName, &Arc<Key>)| {
        shelf.keys.get(name).is_some_and(|held| held.expose() == key.expose())
    };
    let read = (opened.what == What::Head).then(|| Head::read(opened.body())).flatten();
    read.is_some_and(|head| {
        head.change == shelf.change
            && head.sum == *sum
            && head.pages.iter().eq(shelf.sheets.keys())
            && head.keys.len() == shelf.keys.len()
            && head.keys.iter().all(held)
    })
}

fn too_large() -> KeyringError {
    KeyringError::io(std::io::ErrorKind::FileTooLarge)
}

/// What a whole set is, beside the one that is in force. What it holds beyond that has been destroyed since; no key that both
/// have differs.
fn compared(found: &Shelf, held: &Shelf, tidy: bool) -> Compared {
    let is_of_before = found.instance == held.instance
        && found.sum_key.expose() == held.sum_key.expose()
        && found.change <= held.change
        && found.keys.iter().all(|(name, key)| {
            held.keys.get(name).map_or(found.change < held.change, |other| other.expose() == key.expose())
        })
        && found.buckets.iter().all(|(bucket, entry)| {
            let of_both =
                held.buckets.get(bucket).map(|other| (entry.held.frontier(), other.held.frontier()));
            of_both.is_none_or(|(one, other)| agree(one, other))
        });
    match is_of_before {
        false => Compared::Foreign,
        true if found.change < held.change => Compared::Older,
        // Under another seal.
        true if found.sum != held.sum && is_same_inside(found, held) => Compared::Older,
        true if found.sum != held.sum => Compared::Foreign,
        true if tidy => Compared::Same,
        true => Compared::Damaged,
    }
}

fn is_same_inside(found: &Shelf, held: &Shelf) -> bool {
    let same = |(bucket, entry): (&Bucket, &Entry)| {
        held.buckets.get(bucket).is_some_and(|other| {
            let (one, other) = (entry.held.frontier(), other.held.frontier());
            one.dead() == other.dead() && one.bounds() == other.bounds()
        })
    };
    found.keys.len() == held.keys.len()
        && found.buckets.len() == held.buckets.len()
        && found.buckets.iter().all(same)
}

/// True if two states of a bucket may be of one tree: a leaf that lives in both, below what was ever made anew, has one key.
fn agree(one: &Frontier, other: &Frontier) -> bool {
    let end = one.bounds().first().into_iter().chain(other.bounds().first()).min().copied();
    let mut dead = one.dead().clone();
    dead.extend(other.dead());
    let leaf = dead.first_absent(0..end.unwrap_or(Frontier::<{ crate::keyring::tree::HEIGHT }>::LEAVES));
    let key = |frontier: &Frontier, leaf| frontier.key(leaf, Kind::Record, 0);
    leaf.is_none_or(|leaf| match (key(one, leaf), key(other, leaf)) {
        (Some(one), Some(other)) => one.key().expose() == other.key().expose(),
        _ => false,
    })
}

#[expect(clippy::needless_pass_by_value, reason = "it is what `map_err` is given")]
fn failed(error: std::io::Error) -> KeyringError {
    KeyringError::io(error.kind())
}
