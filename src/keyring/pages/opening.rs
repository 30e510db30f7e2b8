//! Which of the pages on a disk belong together, and which are what a crash left.

use std::collections::{BTreeMap, BTreeSet};

use crate::keyring::lease::Held;
use crate::keyring::pages::body::{self, Head, Sum};
use crate::keyring::pages::disk::Disk;
use crate::keyring::pages::page::{self, BODY_BYTES, Found, Mark, Nonce, Opened, Root, What};
use crate::keyring::pages::shelf::{Entry, PAGES_MAX, Sheet, Shelf};
use crate::keyring::tree::{Frontier, KEY_BYTES};
use crate::keyring::{Bucket, InstanceId, KeyringCode, KeyringError};

/// A page of buckets as it was found.
struct Leaflet {
    mark: Mark,
    nonce: Nonce,
    change: u64,
    buckets: Vec<(Bucket, Frontier)>,
}

#[derive(Default)]
struct Looked {
    free: BTreeSet<u32>,
    heads: Vec<(u32, Mark, Head)>,
    leaflets: BTreeMap<u32, Leaflet>,
    torn: Vec<u32>,
}

/// Reads all pages, and tells the newest whole set from what is to be zeroed before anybody relies on it. Writes nothing.
///
/// # Errors
/// [`KeyringCode::Incomplete`]: pages of different moments, or some are missing. [`KeyringCode::DoesNotOpen`]: a page that
/// is needed is torn or damaged, one was sealed by a root key that is not at hand, or it is no keyring.
/// [`KeyringCode::Format`]: a later version wrote it. [`KeyringCode::Io`].
pub(super) fn look(disk: &mut impl Disk, roots: &[&Root]) -> Result<(Shelf, Vec<u32>), KeyringError> {
    let failed = |error: std::io::Error| KeyringError::io(error.kind());
    let pages = disk.pages().map_err(failed)?;
    if pages == 0 || pages > PAGES_MAX {
        return Err(KeyringError::of(KeyringCode::DoesNotOpen));
    }
    let mut title = page::blank();
    disk.read(0, &mut title).map_err(failed)?;
    let instance = page::instance_of(&title)?;
    let mut looked = Looked::default();
    for number in 1..pages {
        let mut raw = page::blank();
        disk.read(number, &mut raw).map_err(failed)?;
        looked.sort(number, page::open(raw, number, instance, roots))?;
    }
    looked.choose(instance)
}

impl Looked {
    fn sort(&mut self, number: u32, found: Found) -> Result<(), KeyringError> {
        match found {
            Found::Free => {
                self.free.insert(number);
            }
            Found::Torn => self.torn.push(number),
            // Also where a whole set opens without it: whoever gives the root key of before would take a change back.
            Found::OfAnotherRoot => return Err(KeyringError::of(KeyringCode::DoesNotOpen)),
            Found::OfALaterVersion => return Err(KeyringError::of(KeyringCode::Format)),
            Found::Opened(opened) => self.keep(number, &opened)?,
        }
        Ok(())
    }

    fn keep(&mut self, number: u32, opened: &Opened) -> Result<(), KeyringError> {
        let unknown = KeyringError::of(KeyringCode::Format);
        let (mark, nonce) = (opened.mark, opened.nonce);
        match opened.what {
            What::Head => {
                self.heads.push((number, mark, Head::read(opened.body()).ok_or(unknown)?));
            }
            What::Buckets => {
                let (change, buckets) = body::read_buckets(opened.body()).ok_or(unknown)?;
                self.leaflets.insert(number, Leaflet { mark, nonce, change, buckets });
            }
        }
        Ok(())
    }

    /// True if every page that the head names is there, and is the one that it means.
    fn is_whole(&self, head: &Head) -> bool {
        let mut sum: Sum = [0; KEY_BYTES];
        for number in &head.pages {
            let Some(leaflet) = self.leaflets.get(number) else { return false };
            if leaflet.change > head.change {
                return false;
            }
            body::add(&mut sum, &head.sum_key, *number, &leaflet.nonce);
        }
        sum == head.sum
    }

    fn choose(mut self, instance: InstanceId) -> Result<(Shelf, Vec<u32>), KeyringError> {
        // The newest first. Two are whole only between the two syncs of a change, which nobody was told of then.
        self.heads.sort_by_key(|(_, _, head)| std::cmp::Reverse(head.change));
        let Some(chosen) = self.heads.iter().position(|(_, _, head)| self.is_whole(head)) else {
            let whole = self.torn.is_empty();
            return Err(KeyringError::of(if whole {
                KeyringCode::Incomplete
            } else {
                KeyringCode::DoesNotOpen
            }));
        };
        let (number, mark, head) = self.heads.remove(chosen);
        let mut losers: Vec<u32> = self.torn;
        losers.extend(self.heads.iter().map(|(number, _, _)| *number));
        losers.extend(self.leaflets.keys().filter(|number| !head.pages.contains(number)));
        let mut shelf = Shelf {
            instance,
            change: head.change,
            keys: head.keys,
            sum_key: head.sum_key,
            sum: head.sum,
            head: number,
            head_mark: mark,
            sheets: BTreeMap::new(),
            buckets: BTreeMap::new(),
            free: self.free,
        };
        for (number, leaflet) in self.leaflets {
            if head.pages.contains(&number) {
                shelf.place(number, leaflet)?;
            }
        }
        Ok((shelf, losers))
    }
}

impl Shelf {
    fn place(&mut self, number: u32, leaflet: Leaflet) -> Result<(), KeyringError> {
        let Leaflet { mark, nonce, buckets, .. } = leaflet;
        let sizes = buckets.iter().map(|(bucket, frontier)| (bucket, frontier.encoded_bytes()));
        let room = BODY_BYTES.saturating_sub(body::buckets_bytes(sizes));
        let mut names = Vec::with_capacity(buckets.len());
        for (bucket, frontier) in buckets {
            names.push(bucket.clone());
            let entry = Entry { page: number, held: Held::new(frontier) };
            if self.buckets.insert(bucket, entry).is_some() {
                return Err(KeyringError::of(KeyringCode::Incomplete));
            }
        }
        self.sheets.insert(number, Sheet { nonce, mark, buckets: names, room });
        Ok(())
    }
}
