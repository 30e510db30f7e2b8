//! What stands inside a page. Numbers are little-endian; what is left of a page is zeros, and read as such: each inside has
//! one form.
//!
//! A head: change u64, key of the sum, sum, how many bytes of the map (u16), the map of pages (bit n of byte m: page
//! 8 m + n), how many keys (u16), of each a kind (u8), a number (u32), the key. Buckets: change u64, how many groups (u16),
//! of each the purpose (its length u8, its name), the epoch (u32), how many buckets (u16), of each its index (u64) and its
//! [frontier](crate::keyring::tree).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::clock::{Day, Month};
use crate::keyring::Bucket;
use crate::keyring::pages::page::{BODY_BYTES, ZEROS};
use crate::keyring::tree::{FRONTIER_BYTES_MAX, Frontier, KEY_BYTES, read_frontier};
use crate::purpose::PurposeId;
use crate::secret::Key;

/// No head has more keys: four, eight days, the months (of evidence 121 at the most).
pub const HEAD_KEYS_MAX: usize = 256;
/// Of the map of pages.
pub(super) const MAP_BYTES_MAX: usize = 2 * 1024;
/// No purpose has a longer name.
const PURPOSE_BYTES_MAX: usize = 63;
/// Change, how many groups.
pub(super) const BUCKETS_HEADER_BYTES: usize = 8 + 2;

const _: () = assert!(
    8 + 2 * KEY_BYTES + 2 + MAP_BYTES_MAX + 2 + HEAD_KEYS_MAX * (1 + 4 + KEY_BYTES) <= BODY_BYTES,
    "the fullest head fits into a page"
);
const _: () = assert!(
    BUCKETS_HEADER_BYTES + 1 + PURPOSE_BYTES_MAX + 4 + 2 + 8 + FRONTIER_BYTES_MAX <= BODY_BYTES,
    "the largest bucket fits into a page"
);

/// Keys that stand for themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum KeyName {
    /// Of the hashes in `seen`.
    Seen,
    /// Of the trail's chain.
    Trail,
    /// Of the names of leads in the log.
    LogMonth(Month),
    /// Of references.
    Day(Day),
    /// Of tombstones.
    TombstoneMonth(Month),
    /// The seed of the key that signs receipts.
    Receipts,
    /// Of addresses that may not be stored.
    Suppressions,
    /// Of what is kept of consents once their records are gone: by the month in which they went.
    EvidenceMonth(Month),
}

impl KeyName {
    fn numbers(self) -> (u8, u32) {
        match self {
            Self::Seen => (1, 0),
            Self::Trail => (2, 0),
            Self::LogMonth(month) => (3, month.0),
            Self::Day(day) => (4, day.0),
            Self::TombstoneMonth(month) => (5, month.0),
            Self::Receipts => (6, 0),
            Self::Suppressions => (7, 0),
            Self::EvidenceMonth(month) => (8, month.0),
        }
    }

    fn of(kind: u8, number: u32) -> Option<Self> {
        match (kind, number) {
            (1, 0) => Some(Self::Seen),
            (2, 0) => Some(Self::Trail),
            (3, month) => Some(Self::LogMonth(Month(month))),
            (4, day) => Some(Self::Day(Day(day))),
            (5, month) => Some(Self::TombstoneMonth(Month(month))),
            (6, 0) => Some(Self::Receipts),
            (7, 0) => Some(Self::Suppressions),
            (8, month) => Some(Self::EvidenceMonth(Month(month))),
            _ => None,
        }
    }
}

/// Single keys by name. A clone shares them.
pub(super) type Keys = BTreeMap<KeyName, Arc<Key>>;
/// How the pages of a set are told apart from those of another: the keyed hashes of their numbers and nonces, added up
/// without carry. Keyed by what stands in the head alone, so that nobody can choose pages to make a sum.
pub(super) type Sum = [u8; KEY_BYTES];

/// The inside of a head.
pub(super) struct Head {
    pub(super) change: u64,
    pub(super) sum_key: Key,
    pub(super) sum: Sum,
    pub(super) pages: BTreeSet<u32>,
    pub(super) keys: Keys,
}

/// The sum with a page taken in, or out again.
pub(super) fn add(sum: &mut Sum, sum_key: &Key, number: u32, nonce: &[u8]) {
    let hash = sum_key.hmac(&[&number.to_le_bytes(), nonce]);
    sum.iter_mut().zip(hash).for_each(|(byte, more)| *byte ^= more);
}

impl Head {
    /// Writes it. None: it does not fit, and nothing counts that was written.
    pub(super) fn write(&self, body: &mut [u8]) -> Option<()> {
        if self.keys.len() > HEAD_KEYS_MAX {
            return None;
        }
        let bytes = self.pages.last().map_or(0, |last| *last as usize / 8 + 1);
        let mut map = vec![0_u8; bytes];
        for page in &self.pages {
            *map.get_mut(*page as usize / 8)? |= 1 << (page % 8);
        }
        if bytes > MAP_BYTES_MAX {
            return None;
        }
        let mut to = put(body, &self.change.to_le_bytes())?;
        to = put(to, self.sum_key.expose())?;
        to = put(to, &self.sum)?;
        to = put(to, &u16::try_from(bytes).ok()?.to_le_bytes())?;
        to = put(to, &map)?;
        to = put(to, &u16::try_from(self.keys.len()).ok()?.to_le_bytes())?;
        for (name, key) in &self.keys {
            let (kind, number) = name.numbers();
            to = put(to, &[kind])?;
            to = put(to, &number.to_le_bytes())?;
            to = put(to, key.expose())?;
        }
        Some(())
    }

    /// Reads what [`Head::write`] wrote; none: it is something else, or not in its one form.
    pub(super) fn read(body: &[u8]) -> Option<Self> {
        let (change, rest) = take(body)?;
        let (sum_key, rest) = take(rest)?;
        let (sum, rest) = take(rest)?;
        let (bytes, rest) = take(rest)?;
        let (map, rest) = rest.split_at_checked(usize::from(u16::from_le_bytes(bytes)))?;
        if map.len() > MAP_BYTES_MAX || map.last() == Some(&0) {
            return None;
        }
        let on = |(byte, at): (&u8, u32)| {
            let byte = *byte;
            (0..8).filter(move |bit| byte >> bit & 1 == 1).map(move |bit| 8 * at + bit)
        };
        let pages = map.iter().zip(0..).flat_map(on).collect();
        let (count, mut rest) = take(rest)?;
        let count = usize::from(u16::from_le_bytes(count));
        if count > HEAD_KEYS_MAX {
            return None;
        }
        let mut keys = Keys::new();
        for _ in 0..count {
            let ([kind], after) = take(rest)?;
            let (number, after) = take(after)?;
            let (key, after) = after.split_at_checked(KEY_BYTES)?;
            let name = KeyName::of(kind, u32::from_le_bytes(number))?;
            if keys.last_key_value().is_some_and(|(last, _)| *last >= name) {
                return None;
            }
            keys.insert(name, Arc::new(Key::from_slice(key)?));
            rest = after;
        }
        let change = u64::from_le_bytes(change);
        is_blank(rest).then_some(Self { change, sum_key: Key::new(sum_key), sum, pages, keys })
    }
}

/// How many bytes buckets take, given in order.
pub(super) fn buckets_bytes<'b>(buckets: impl Iterator<Item = (&'b Bucket, usize)>) -> usize {
    let (mut bytes, mut last) = (BUCKETS_HEADER_BYTES, None);
    for (bucket, frontier_bytes) in buckets {
        if last != Some((&bucket.purpose, bucket.epoch)) {
            bytes += group_bytes(bucket);
            last = Some((&bucket.purpose, bucket.epoch));
        }
        bytes += 8 + frontier_bytes;
    }
    bytes
}

/// What a bucket takes at most beside others: it may be the first of its group.
pub(super) fn bucket_bytes_max(bucket: &Bucket, frontier_bytes: usize) -> usize {
    group_bytes(bucket) + 8 + frontier_bytes
}

fn group_bytes(bucket: &Bucket) -> usize {
    1 + bucket.purpose.as_str().len() + 4 + 2
}

/// Writes buckets, given in order. None: they do not fit, and nothing counts that was written.
pub(super) fn write_buckets(change: u64, buckets: &[(&Bucket, &Frontier)], body: &mut [u8]) -> Option<()> {
    let mut groups: Vec<&[(&Bucket, &Frontier)]> = Vec::new();
    groups.extend(
        buckets.chunk_by(|(one, _), (other, _)| (&one.purpose, one.epoch) == (&other.purpose, other.epoch)),
    );
    let mut to = put(body, &change.to_le_bytes())?;
    to = put(to, &u16::try_from(groups.len()).ok()?.to_le_bytes())?;
    for group in groups {
        let (first, _) = group.first()?;
        let name = first.purpose.as_str().as_bytes();
        to = put(to, &[u8::try_from(name.len()).ok()?])?;
        to = put(to, name)?;
        to = put(to, &first.epoch.to_le_bytes())?;
        to = put(to, &u16::try_from(group.len()).ok()?.to_le_bytes())?;
        for (bucket, frontier) in group {
            to = put(to, &bucket.index.to_le_bytes())?;
            to = frontier.encode(to)?;
        }
    }
    Some(())
}

/// Reads what [`write_buckets`] wrote: the change that wrote it, and the buckets in order. None: it is something else, or
/// not in its one form.
pub(super) fn read_buckets(body: &[u8]) -> Option<(u64, Vec<(Bucket, Frontier)>)> {
    let (change, rest) = take(body)?;
    let (groups, mut rest) = take(rest)?;
    let mut buckets: Vec<(Bucket, Frontier)> = Vec::new();
    for _ in 0..u16::from_le_bytes(groups) {
        let ([length], after) = take(rest)?;
        let (name, after) = after.split_at_checked(usize::from(length))?;
        let purpose = PurposeId::parse(std::str::from_utf8(name).ok()?)?;
        let (epoch, after) = take(after)?;
        let epoch = u32::from_le_bytes(epoch);
        let (count, after) = take(after)?;
        let count = u16::from_le_bytes(count);
        let begun = buckets.last().is_some_and(|(last, _)| (&last.purpose, last.epoch) >= (&purpose, epoch));
        if count == 0 || begun {
            return None;
        }
        rest = after;
        for _ in 0..count {
            let (index, after) = take(rest)?;
            let bucket = Bucket { purpose: purpose.clone(), epoch, index: u64::from_le_bytes(index) };
            let (frontier, after) = read_frontier(after)?;
            if buckets.last().is_some_and(|(last, _)| *last >= bucket) {
                return None;
            }
            buckets.push((bucket, frontier));
            rest = after;
        }
    }
    is_blank(rest).then_some((u64::from_le_bytes(change), buckets))
}

fn is_blank(rest: &[u8]) -> bool {
    ZEROS.starts_with(rest)
}

fn put<'t>(to: &'t mut [u8], bytes: &[u8]) -> Option<&'t mut [u8]> {
    let (field, rest) = to.split_at_mut_checked(bytes.len())?;
    field.copy_from_slice(bytes);
    Some(rest)
}

fn take<const N: usize>(bytes: &[u8]) -> Option<([u8; N], &[u8])> {
    bytes.split_first_chunk().map(|(field, rest)| (*field, rest))
}
