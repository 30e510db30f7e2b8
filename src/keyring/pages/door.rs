//! For the fuzzer: this room's private readers of outside bytes. Nothing else uses them.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use crate::keyring::pages::body::{self, Head, read_buckets, write_buckets};
use crate::keyring::pages::disk::Disk;
use crate::keyring::pages::page::{self, BODY, BODY_BYTES, Nonce, PAGE_BYTES, Raw, Root, What};
use crate::keyring::pages::{Pages, Roots};
use crate::keyring::tree::KEY_BYTES;
use crate::keyring::{InstanceId, KeyringError};
use crate::random::SeededRandom;
use crate::secret::Key;

/// The fuzzer's files are so long.
const PAGES: usize = 8;
/// And have so many pieces at the most.
const PIECES_MAX: usize = 2 * PAGES;
const INSTANCE: InstanceId = InstanceId([7; 16]);
/// Where a head's sum lies in it.
const SUM: std::ops::Range<usize> = 8 + KEY_BYTES..8 + 2 * KEY_BYTES;

/// Reads what would be inside a page, behind the seal, as a head and as buckets: of each how much there is, and whether it would be
/// written as it was read.
pub fn inside(start: &[u8]) -> [Option<(usize, bool)>; 2] {
    let read = filled(start);
    let again = |write: &dyn Fn(&mut [u8]) -> Option<()>| {
        let mut again = vec![0; BODY_BYTES];
        write(&mut again).is_some() && again == read
    };
    let head = Head::read(&read);
    let head = head.map(|head| (head.keys.len() + head.pages.len(), again(&|to| head.write(to))));
    let buckets = read_buckets(&read).map(|(change, buckets)| {
        let all: Vec<_> = buckets.iter().map(|(bucket, frontier)| (bucket, frontier)).collect();
        (all.len(), again(&|to| write_buckets(change, &all, to)))
    });
    [head, buckets]
}

/// Opens a keyring of these pieces, each with what it is (1 a head, 2 buckets, 3 a head whose sum is its own matter, else bytes as
/// they lie), the number of its page, how many bytes it has (u16, little-endian), its bytes: the first three are sealed. Gives
/// how many single keys and buckets it has.
///
/// # Errors
/// It does not open.
pub fn file(mut pieces: &[u8], root: &Key) -> Result<(usize, usize), KeyringError> {
    let random = Arc::new(SeededRandom::new(1));
    let mut disk = Bytes(vec![0; PAGES * PAGE_BYTES]);
    let mut nonces: BTreeMap<u32, Nonce> = BTreeMap::new();
    disk.put(0, &page::title(INSTANCE));
    for _ in 0..PIECES_MAX {
        let [what, number, low, high, rest @ ..] = pieces else { break };
        let (bytes, after) = rest.split_at(usize::from(u16::from_le_bytes([*low, *high])).min(rest.len()));
        pieces = after;
        let number = u32::from(*number) % PAGES as u32;
        let is = match what {
            1 | 3 => What::Head,
            2 => What::Buckets,
            _ => {
                disk.put(number, bytes);
                continue;
            }
        };
        let mut inside = filled(bytes);
        if let (1, Some(head)) = (what, Head::read(&inside)) {
            let mut sum = [0; KEY_BYTES];
            let of_head = nonces.iter().filter(|(number, _)| head.pages.contains(number));
            of_head.for_each(|(number, nonce)| body::add(&mut sum, &head.sum_key, *number, nonce));
            inside[SUM].copy_from_slice(&sum);
        }
        let mut raw: Raw = page::blank();
        raw[BODY].copy_from_slice(&inside);
        nonces
            .insert(number, page::seal(&mut raw, is, number, INSTANCE, &Root::new(root.clone()), &*random)?);
        disk.put(number, &raw);
    }
    let pages = Pages::open(disk, Roots::one(root.clone()), random)?;
    Ok((pages.key_names().len(), pages.buckets().len()))
}

fn filled(start: &[u8]) -> Vec<u8> {
    let mut body = start[..start.len().min(BODY_BYTES)].to_vec();
    body.resize(BODY_BYTES, 0);
    body
}

struct Bytes(Vec<u8>);

impl Bytes {
    fn put(&mut self, number: u32, bytes: &[u8]) {
        let bytes = &bytes[..bytes.len().min(PAGE_BYTES)];
        self.0[number as usize * PAGE_BYTES..][..bytes.len()].copy_from_slice(bytes);
    }
}

impl Disk for Bytes {
    fn pages(&mut self) -> io::Result<u32> {
        Ok(PAGES as u32)
    }

    fn read(&mut self, number: u32, into: &mut [u8]) -> io::Result<()> {
        into.copy_from_slice(&self.0[number as usize * PAGE_BYTES..][..PAGE_BYTES]);
        Ok(())
    }

    fn write(&mut self, number: u32, page: &[u8]) -> io::Result<()> {
        self.put(number, page);
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn grow(&mut self, _pages: u32) -> io::Result<()> {
        Err(io::ErrorKind::StorageFull.into())
    }
}
