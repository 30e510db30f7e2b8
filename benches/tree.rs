//! The key tree and the keyring in pages, beside what they replace and what they cannot be faster than, in the same run:
//! `cargo bench --bench tree` (`-- --buckets 2000 --erased 10000 --runs 400`).
//!
//! Keys: of a leaf by itself and in order, a puncture, and opening a record with each. The disk, in turn, a round each: one
//! bare fdatasync of 4 KiB, one erasure (two pages, two syncs), and what an erasure costs at least where a bucket is sealed
//! again under one key: opening and sealing 511 records, writing them, one sync.
#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a bench fails by panicking and speaks to people"
)]

mod support;

use std::collections::BTreeMap;
use std::fs::File;
use std::hint::black_box;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use chacha20poly1305::aead::{AeadInOut, KeyInit};
use chacha20poly1305::{ChaCha20Poly1305, Nonce, Tag, XChaCha20Poly1305, XNonce};
use tamis::keyring::pages::{Change, FileDisk, KeyName, Pages, Roots};
use tamis::keyring::tree::{Frontier, Kind, LEAVES, Walk};
use tamis::keyring::{Bucket, InstanceId};
use tamis::purpose::PurposeId;
use tamis::random::{Random, SystemRandom};
use tamis::secret::Key;
use zeroizing_alloc::ZeroAlloc;

use support::sealing::{AAD, RECORD_BYTES, RESEALED, reseal};
use support::spread::{Spread, quantile_ms};
use support::{machine, option};

/// As in the daemon.
#[global_allocator]
static ALLOCATOR: ZeroAlloc<std::alloc::System> = ZeroAlloc(std::alloc::System);

const ROUNDS: usize = 5;

fn main() {
    let directory = tempfile::tempdir_in(option("directory", std::env::temp_dir().display().to_string()));
    let directory = directory.expect("a directory");
    machine::describe(directory.path());
    keys();
    let (buckets, erased) = (option("buckets", 2_000_u64), option("erased", 10_000_u64));
    println!("\n| keyring | erased before | what | p50, ms | p99, ms | in bare syncs, p50 |");
    println!("|---|---|---|---|---|---|");
    disk(directory.path(), buckets, 0);
    disk(directory.path(), buckets, erased);
    println!("load average after: {}", machine::load_average());
}

/// Nanoseconds for each of `count`.
fn each(count: usize, act: impl FnOnce()) -> f64 {
    let begun = Instant::now();
    act();
    begun.elapsed().as_nanos() as f64 / count as f64
}

fn keys() {
    let tree: Frontier = Frontier::new(&SystemRandom).expect("randomness");
    let one = Key::new([9; 32]);
    let mut record = vec![7; RECORD_BYTES];
    let order: Vec<u16> = (0..LEAVES).map(|leaf| leaf.wrapping_mul(181) % LEAVES).collect();
    let mut figures: BTreeMap<&str, Spread> = BTreeMap::new();
    let records = 40 * usize::from(LEAVES);
    let under_one: Vec<Sealed<24>> = (0..LEAVES).map(|_| seal_one(&one)).collect();
    let under_leaves: Vec<Sealed<12>> = (0..LEAVES).map(|leaf| seal_under(&tree, leaf)).collect();
    for _ in 0..ROUNDS {
        let mut note = |name, count, act: &mut dyn FnMut()| {
            figures.entry(name).or_default().push(each(count, act));
        };
        note("1. seal 300 B, one key (XChaCha20-Poly1305)", records, &mut || {
            for _ in 0..records {
                let mut nonce = [0; 24];
                SystemRandom.fill(&mut nonce).expect("randomness");
                let cipher = XChaCha20Poly1305::new(one.expose().into());
                black_box(cipher.encrypt_inout_detached(
                    &XNonce::from(nonce),
                    AAD,
                    record.as_mut_slice().into(),
                ))
                .expect("seals");
            }
        });
        note("2. the same, each under its leaf, in order (ChaCha20-Poly1305)", records, &mut || {
            for _ in 0..records / usize::from(LEAVES) {
                let mut walk = Walk::default();
                for leaf in 0..LEAVES {
                    let key = walk.key(&tree, leaf, Kind::Record, 0).expect("alive");
                    seal(key.key(), &mut record);
                }
            }
        });
        note("3. the same, in any order", records, &mut || {
            for _ in 0..records / usize::from(LEAVES) {
                for leaf in &order {
                    let key = tree.key(*leaf, Kind::Record, 0).expect("alive");
                    seal(key.key(), &mut record);
                }
            }
        });
        note("4. open 300 B, one key (XChaCha20-Poly1305)", records, &mut || {
            let cipher_of = || XChaCha20Poly1305::new(one.expose().into());
            for sealed in under_one.iter().cycle().take(records) {
                record.copy_from_slice(&sealed.bytes);
                let nonce = XNonce::from(sealed.nonce);
                let opened = cipher_of().decrypt_inout_detached(
                    &nonce,
                    AAD,
                    record.as_mut_slice().into(),
                    &sealed.tag,
                );
                black_box(opened).expect("opens");
            }
        });
        note("5. the same, each under its leaf, in order (ChaCha20-Poly1305)", records, &mut || {
            for _ in 0..records / usize::from(LEAVES) {
                let mut walk = Walk::default();
                for (leaf, sealed) in (0..LEAVES).zip(&under_leaves) {
                    record.copy_from_slice(&sealed.bytes);
                    let key = walk.key(&tree, leaf, Kind::Record, 0).expect("alive");
                    let cipher = ChaCha20Poly1305::new(key.key().expose().into());
                    let nonce = Nonce::from(sealed.nonce);
                    let opened =
                        cipher.decrypt_inout_detached(&nonce, AAD, record.as_mut_slice().into(), &sealed.tag);
                    black_box(opened).expect("opens");
                }
            }
        });
        note("6. a leaf's key, in order", records, &mut || {
            for _ in 0..records / usize::from(LEAVES) {
                let mut walk = Walk::default();
                (0..LEAVES).for_each(|leaf| drop(black_box(walk.key(&tree, leaf, Kind::Record, 0))));
            }
        });
        note("7. a leaf's key, in any order", records, &mut || {
            for _ in 0..records / usize::from(LEAVES) {
                order.iter().for_each(|leaf| drop(black_box(tree.key(*leaf, Kind::Record, 0))));
            }
        });
        note("8. a puncture", usize::from(LEAVES), &mut || {
            order.iter().for_each(|leaf| drop(black_box(tree.puncture(*leaf))));
        });
    }
    println!("\n| {ROUNDS} rounds | ns each | × the first |\n|---|---|---|");
    let first = figures.values().next().expect("a figure").clone();
    for (name, figure) in &figures {
        println!("| {name} | {figure} | {} |", figure.over(&first));
    }
    let figure =
        |number: char| figures.iter().find(|(name, _)| name.starts_with(number)).map(|(_, of)| of.clone());
    let over =
        |of: char, by: char| figure(of).zip(figure(by)).map_or_else(Spread::default, |(of, by)| of.over(&by));
    println!("\nsettle's sealing under leaves / under one key: {} (bound: 1.10)", over('2', '1'));
    println!("export's opening under leaves / under one key: {} (bound: 1.10)", over('5', '4'));
}

/// A record that is sealed, and what opens it beside its key.
struct Sealed<const NONCE: usize> {
    bytes: Vec<u8>,
    nonce: [u8; NONCE],
    tag: Tag,
}

fn seal_one(key: &Key) -> Sealed<24> {
    let (mut bytes, mut nonce) = (vec![7; RECORD_BYTES], [0; 24]);
    SystemRandom.fill(&mut nonce).expect("randomness");
    let cipher = XChaCha20Poly1305::new(key.expose().into());
    let tag = cipher.encrypt_inout_detached(&XNonce::from(nonce), AAD, bytes.as_mut_slice().into());
    Sealed { bytes, nonce, tag: tag.expect("seals") }
}

fn seal_under(tree: &Frontier, leaf: u16) -> Sealed<12> {
    let (mut bytes, mut nonce) = (vec![7; RECORD_BYTES], [0; 12]);
    SystemRandom.fill(&mut nonce).expect("randomness");
    let key = tree.key(leaf, Kind::Record, 0).expect("alive");
    let cipher = ChaCha20Poly1305::new(key.key().expose().into());
    let tag = cipher.encrypt_inout_detached(&Nonce::from(nonce), AAD, bytes.as_mut_slice().into());
    Sealed { bytes, nonce, tag: tag.expect("seals") }
}

fn seal(key: &Key, record: &mut [u8]) {
    let mut nonce = [0; 12];
    SystemRandom.fill(&mut nonce).expect("randomness");
    let cipher = ChaCha20Poly1305::new(key.expose().into());
    black_box(cipher.encrypt_inout_detached(&Nonce::from(nonce), AAD, record.into())).expect("seals");
}

fn bucket(index: u64) -> Bucket {
    Bucket { purpose: PurposeId::parse("devis").expect("a purpose"), epoch: 1, index }
}

/// A place in the keyring, the n-th of a walk that meets each bucket before any twice.
fn leaf(n: u64, buckets: u64) -> (Bucket, u16) {
    let turn = n / buckets;
    (bucket(n % buckets), (turn * 181 % u64::from(LEAVES)) as u16)
}

fn disk(directory: &Path, buckets: u64, erased: u64) {
    let path = directory.join(format!("keyring-{erased}"));
    let file = File::options().read(true).write(true).create_new(true).open(&path).expect("a file");
    let keys = BTreeMap::from([(KeyName::Seen, Key::new([1; 32])), (KeyName::Trail, Key::new([2; 32]))]);
    let (roots, instance) = (Roots::one(Key::new([3; 32])), InstanceId([4; 16]));
    let pages = Pages::create(FileDisk::of(file), roots, instance, keys, 0, Arc::new(SystemRandom));
    let pages = pages.expect("a keyring");
    let mut made = Change::default();
    (0..buckets).for_each(|index| made.make(bucket(index)));
    pages.change(&made).expect("made");
    let begun = Instant::now();
    let mut before = Change::default();
    for n in 0..erased {
        let (bucket, leaf) = leaf(n, buckets);
        before.puncture(bucket, leaf..leaf + 1);
    }
    pages.change(&before).expect("erased");
    let all_at_once = begun.elapsed();

    let bare = File::options()
        .read(true)
        .write(true)
        .create_new(true)
        .open(directory.join(format!("bare-{erased}")));
    let bare = bare.expect("a file");
    bare.write_all_at(&[7; 512 * 1024], 0).expect("room");
    bare.sync_all().expect("a sync");
    let mut sealed = vec![7; RESEALED];
    let (mut syncs, mut erasures, mut resealings) = (Vec::new(), Vec::new(), Vec::new());
    let micros = |begun: Instant| u32::try_from(begun.elapsed().as_micros()).unwrap_or(u32::MAX);
    for run in 0..option("runs", 400_u64) {
        let begun = Instant::now();
        bare.write_all_at(&[run as u8; 4_096], 0).expect("room");
        bare.sync_data().expect("a sync");
        syncs.push(micros(begun));

        let (bucket, leaf) = leaf(erased + run, buckets);
        let mut change = Change::default();
        change.puncture(bucket, leaf..leaf + 1);
        let begun = Instant::now();
        let last = pages.last_change();
        assert!(pages.change(&change).expect("erased") == last + 1);
        erasures.push(micros(begun));

        if run % 8 == 0 {
            let begun = Instant::now();
            reseal(&mut sealed);
            bare.write_all_at(&sealed, 4_096).expect("room");
            bare.sync_data().expect("a sync");
            resealings.push(micros(begun));
        }
    }
    let bytes = path.metadata().map_or(0, |data| data.len()) / 1_024;
    let bare_p50 = quantile_ms(&mut syncs, 0.5);
    for (what, times) in [
        ("a bare fdatasync, 4 KiB", &mut syncs),
        ("an erasure in pages", &mut erasures),
        ("511 records opened, sealed, written, one sync", &mut resealings),
    ] {
        let (p50, p99) = (quantile_ms(times, 0.5), quantile_ms(times, 0.99));
        let ratio = p50 / bare_p50;
        println!("| {buckets} buckets, {bytes} KiB | {erased} | {what} | {p50:.2} | {p99:.2} | {ratio:.1} |");
    }
    if erased > 0 {
        println!("{erased} erasures in one request: {} ms", all_at_once.as_millis());
    }
    if pages.failed().is_some() {
        panic!("the keyring failed");
    }
}
