//! What a change writes, worked out before anything is written: new pages in free places, which pages are zeroed, what
//! memory holds afterwards.
//!
//! A bucket stays in its page while it fits. One that grew out of it, and a new one, goes where room is: into a page that
//! is written anyway, else into the roomiest, else into a new one. So a change of n buckets writes at most 2 n pages and the
//! head.

use std::collections::{BTreeMap, BTreeSet};
use std::io::ErrorKind;

use crate::keyring::pages::body::{self, Head, Keys};
use crate::keyring::pages::page::{self, BODY, BODY_BYTES, Raw, Root, What};
use crate::keyring::pages::shelf::{Next, Sheet, Shelf};
use crate::keyring::tree::Frontier;
use crate::keyring::{Bucket, KeyringError};
use crate::random::Random;
use crate::secret::Key;

/// One change.
pub(super) struct Plan {
    pub(super) writes: Vec<(u32, Raw)>,
    pub(super) zeros: Vec<u32>,
    pub(super) next: Next,
}

/// What is asked of one change.
#[derive(Default)]
pub(super) struct Batch {
    /// What buckets become; none: forgotten.
    pub(super) frontiers: Vec<(Bucket, Option<Frontier>)>,
    /// All single keys, as they are afterwards.
    pub(super) keys: Keys,
}

/// A page of buckets as it will be.
struct Draft<'c> {
    was: Option<u32>,
    buckets: BTreeMap<&'c Bucket, &'c Frontier>,
    bytes: usize,
}

type Edited<'c> = BTreeMap<&'c Bucket, Option<&'c Frontier>>;

impl<'c> Draft<'c> {
    fn holding(was: Option<u32>, buckets: BTreeMap<&'c Bucket, &'c Frontier>) -> Self {
        let mut draft = Self { was, buckets, bytes: 0 };
        draft.weigh();
        draft
    }

    fn weigh(&mut self) {
        let sizes = self.buckets.iter().map(|(bucket, frontier)| (*bucket, frontier.encoded_bytes()));
        self.bytes = body::buckets_bytes(sizes);
    }

    /// A page that is there, without the buckets that the change forgets, and with the others as they become.
    fn of(shelf: &'c Shelf, number: u32, edited: &Edited<'c>) -> Self {
        let buckets = shelf.sheets.get(&number).into_iter().flat_map(|sheet| &sheet.buckets);
        let after = |bucket: &'c Bucket| match edited.get(bucket) {
            Some(next) => next.map(|frontier| (bucket, frontier)),
            None => shelf.buckets.get(bucket).map(|entry| (bucket, entry.held.frontier())),
        };
        Self::holding(Some(number), buckets.filter_map(after).collect())
    }

    /// Takes out edited buckets, the largest first, until the rest fits.
    fn take_overflow(&mut self, edited: &Edited<'c>, to: &mut Vec<(&'c Bucket, &'c Frontier)>) {
        while self.bytes > BODY_BYTES {
            let grown = self.buckets.iter().filter(|(bucket, _)| edited.contains_key(*bucket));
            let Some(largest) = grown.max_by_key(|(_, frontier)| frontier.encoded_bytes()) else { return };
            let bucket = *largest.0;
            to.extend(self.buckets.remove_entry(bucket));
            self.weigh();
        }
    }

    fn put(&mut self, bucket: &'c Bucket, frontier: &'c Frontier) {
        self.buckets.insert(bucket, frontier);
        self.weigh();
    }
}

/// Works a change out.
///
/// # Errors
/// [`crate::keyring::KeyringCode::NoRandomness`]; [`crate::keyring::KeyringCode::Io`] with [`ErrorKind::StorageFull`]: too
/// few pages are free, or with [`ErrorKind::FileTooLarge`]: too many keys. Nothing was changed.
pub(super) fn plan(
    shelf: &Shelf,
    batch: Batch,
    root: &Root,
    random: &dyn Random,
) -> Result<Plan, KeyringError> {
    let change = shelf.change + 1;
    let mut writing = Writing {
        shelf,
        root,
        random,
        change,
        free: shelf.free.iter().copied().collect(),
        writes: Vec::new(),
    };
    let (mut sum, mut put, mut gone) = (shelf.sum, Vec::new(), Vec::new());
    for draft in drafts(shelf, &batch) {
        if let Some((number, sheet)) = draft.was.and_then(|was| Some((was, shelf.sheets.get(&was)?))) {
            body::add(&mut sum, &shelf.sum_key, number, &sheet.nonce);
            gone.push(number);
        }
        if !draft.buckets.is_empty() {
            let (number, sheet) = writing.buckets(&draft)?;
            body::add(&mut sum, &shelf.sum_key, number, &sheet.nonce);
            put.push((number, sheet));
        }
    }
    let mut pages: BTreeSet<u32> = shelf.sheets.keys().copied().collect();
    gone.iter().for_each(|number| {
        pages.remove(number);
    });
    pages.extend(put.iter().map(|(number, _)| *number));
    let sum_key = Key::clone(&shelf.sum_key);
    let head = writing.head(&Head { change, sum_key, sum, pages, keys: batch.keys.clone() })?;
    let zeros = gone.iter().copied().chain([shelf.head]).collect();
    let next = Next {
        change,
        keys: batch.keys,
        sum,
        head,
        head_mark: root.mark(),
        put,
        gone,
        frontiers: batch.frontiers,
    };
    Ok(Plan { writes: writing.writes, zeros, next })
}

/// The pages that are written, and those that go.
fn drafts<'c>(shelf: &'c Shelf, batch: &'c Batch) -> Vec<Draft<'c>> {
    let edited: Edited<'_> = batch.frontiers.iter().map(|(bucket, next)| (bucket, next.as_ref())).collect();
    let of_edited = edited.keys().filter_map(|bucket| Some(shelf.buckets.get(*bucket)?.page));
    let touched: BTreeSet<u32> = of_edited.collect();
    let mut homeless: Vec<(&Bucket, &Frontier)> = edited
        .iter()
        .filter(|(bucket, _)| !shelf.buckets.contains_key(**bucket))
        .filter_map(|(bucket, next)| Some((*bucket, (*next)?)))
        .collect();
    let mut drafts = Vec::new();
    for number in touched {
        let mut draft = Draft::of(shelf, number, &edited);
        draft.take_overflow(&edited, &mut homeless);
        drafts.push(draft);
    }
    for (bucket, frontier) in homeless {
        let bytes = body::bucket_bytes_max(bucket, frontier.encoded_bytes());
        let home = drafts.iter().position(|draft| draft.bytes + bytes <= BODY_BYTES).unwrap_or_else(|| {
            let taken: BTreeSet<u32> = drafts.iter().filter_map(|draft| draft.was).collect();
            let others = shelf.sheets.iter().filter(|(number, _)| !taken.contains(number));
            let roomiest =
                others.max_by_key(|(_, sheet)| sheet.room).filter(|(_, sheet)| sheet.room >= bytes);
            let fresh = || Draft::holding(None, BTreeMap::new());
            drafts.push(roomiest.map_or_else(fresh, |(number, _)| Draft::of(shelf, *number, &edited)));
            drafts.len() - 1
        });
        if let Some(draft) = drafts.get_mut(home) {
            draft.put(bucket, frontier);
        }
    }
    drafts
}

/// Fills and seals pages in free places.
struct Writing<'w> {
    shelf: &'w Shelf,
    root: &'w Root,
    random: &'w dyn Random,
    change: u64,
    free: std::collections::VecDeque<u32>,
    writes: Vec<(u32, Raw)>,
}

impl Writing<'_> {
    fn buckets(&mut self, draft: &Draft<'_>) -> Result<(u32, Sheet), KeyringError> {
        let buckets: Vec<(&Bucket, &Frontier)> =
            draft.buckets.iter().map(|(one, other)| (*one, *other)).collect();
        let mut raw = page::blank();
        body::write_buckets(self.change, &buckets, &mut raw[BODY]).ok_or(too_large())?;
        let (number, nonce) = self.seal(raw, What::Buckets)?;
        let room = BODY_BYTES.saturating_sub(draft.bytes);
        let buckets = buckets.into_iter().map(|(bucket, _)| bucket.clone()).collect();
        Ok((number, Sheet { nonce, mark: self.root.mark(), buckets, room }))
    }

    fn head(&mut self, head: &Head) -> Result<u32, KeyringError> {
        let mut raw = page::blank();
        head.write(&mut raw[BODY]).ok_or(too_large())?;
        self.seal(raw, What::Head).map(|(number, _)| number)
    }

    fn seal(&mut self, mut raw: Raw, what: What) -> Result<(u32, page::Nonce), KeyringError> {
        let number = self.free.pop_front().ok_or(KeyringError::io(ErrorKind::StorageFull))?;
        let nonce = page::seal(&mut raw, what, number, self.shelf.instance, self.root, self.random)?;
        self.writes.push((number, raw));
        Ok((number, nonce))
    }
}

fn too_large() -> KeyringError {
    KeyringError::io(ErrorKind::FileTooLarge)
}
