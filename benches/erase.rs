//! Erasing by the store and the keyring as the daemon has them, beside what it cannot be faster than and what it replaces, in
//! the same run: `cargo bench --bench erase` (`-- --leads 20000 --runs 200 --rounds 5`).
//!
//! In turn, a round each: one bare fdatasync of 4 KiB, the system calls of one erasure done bare, one erasure by its
//! submission's number, and every eighth round a bucket sealed again under one key: its other records written to a file, and
//! put back into a database such as the store's, after which the new key is written and the old one overwritten. Then 64 erasures
//! asked for at once, and one of a hundred submissions in one request, or as many as one takes.
//!
//! With `--vacuumed` the database is copied before, as `tamis vacuum` does it: each page lies in one piece then. `--cache-mb 512`
//! gives the store more memory than the 32 MB that it has by default.
//!
//! With `--keyring-buckets 20000 --erased-share 0.01` as many erasures once more, and then as many beside so many buckets more in the
//! keyring, of whose leaves that share was erased, scattered: the store stays as it is.
#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a bench fails by panicking and speaks to people"
)]

mod support;

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use tamis::keyring::pages::Change;
use tamis::keyring::{BUCKET_RECORDS, Bucket};
use tamis::store::{Asked, ERASED_AT_ONCE_MAX, ErasureRequest, SharedStore, Wanted};
use tamis::trail::{Action, Entry, Operator, Reason};
use zeroizing_alloc::ZeroAlloc;

use support::home::{Home, NO_GRAPH};
use support::leads::reference;
use support::rooms::Rooms;
use support::sealing::{RECORD_BYTES, RESEALED, reseal};
use support::spread::{Spread, quantile_ms};
use support::{flag, machine, option};

/// As in the daemon.
#[global_allocator]
static ALLOCATOR: ZeroAlloc<std::alloc::System> = ZeroAlloc(std::alloc::System);

/// As many callers as may come at the same moment.
const AT_ONCE: usize = 64;
/// A page of the keyring, two of which one erasure writes and two it overwrites with zeros.
const PAGE: usize = 16 * 1024;

fn main() {
    let (leads, runs, rounds) =
        (option("leads", 20_000_usize), option("runs", 200_usize), option("rounds", 5_usize));
    let home = Home::new(NO_GRAPH);
    machine::describe(home.path());
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let mut rooms = Rooms::open(home.path());
    runtime.block_on(rooms.fill(0..leads));
    if flag("vacuumed") {
        runtime.block_on(rooms.store.close()).expect("closes");
        drop(rooms);
        vacuum(&home);
        rooms = Rooms::open(home.path());
    }
    // Scattered over all buckets, and none twice.
    let mut next = (0..leads).map(|n| n.wrapping_mul(7_919) % leads).collect::<Vec<_>>().into_iter();
    let bare = Bare::new(home.path());
    let (mut syncs, mut floors, mut erasures) = (Vec::new(), Vec::new(), Vec::new());
    let (mut resealings, mut put_back) = (Vec::new(), Vec::new());
    let mut sealed = vec![7; RESEALED];
    let bucketed = Bucketed::new(home.path(), leads);
    for run in 0..runs {
        syncs.push(micros(|| bare.sync_one(run as u8)));
        floors.push(micros(|| bare.erase_one(run as u8)));
        let one = next.next().into_iter().collect::<Vec<_>>();
        erasures.push(micros(|| runtime.block_on(erase(&rooms.store, &one))));
        if run % 8 == 0 {
            resealings.push(micros(|| {
                reseal(&mut sealed);
                bare.write_all(&sealed);
            }));
            put_back.push(micros(|| {
                bucketed.reseal(run / 8);
                bare.puncture(run as u8);
            }));
        }
    }
    let bare_p50 = quantile_ms(&mut syncs, 0.5);
    println!("\n| {leads} leads, {runs} runs | p50, ms | p99, ms | in bare syncs, p50 |\n|---|---|---|---|");
    for (what, times) in [
        ("a bare fdatasync, 4 KiB", &mut syncs),
        ("the system calls of an erasure, bare", &mut floors),
        ("an erasure, asked for and answered", &mut erasures),
        ("511 records opened, sealed, written, one sync", &mut resealings),
        ("the same in a database, and the keys", &mut put_back),
    ] {
        let (p50, p99) = (quantile_ms(times, 0.5), quantile_ms(times, 0.99));
        println!("| {what} | {p50:.2} | {p99:.2} | {:.1} |", p50 / bare_p50);
    }
    let one = quantile_ms(&mut erasures, 0.5);
    println!("\nerase p50 / bare fdatasync: {:.1} (bound: 12)", one / bare_p50);
    let floor = quantile_ms(&mut floors, 0.99);
    println!(
        "erase p99 / p99 of its system calls: {:.2} (bound: 2)",
        quantile_ms(&mut erasures, 0.99) / floor
    );
    println!(
        "sealing a bucket again / erase, p50: {:.1} written, {:.1} in a database, of {} and {} runs (bound: 5)",
        quantile_ms(&mut resealings, 0.5) / one,
        quantile_ms(&mut put_back, 0.5) / one,
        resealings.len(),
        put_back.len()
    );

    let mut at_once = Spread::default();
    for _ in 0..rounds {
        let all: Vec<usize> = next.by_ref().take(AT_ONCE).collect();
        let begun = Instant::now();
        runtime
            .block_on(join_all(all.iter().map(|number| erase(&rooms.store, std::slice::from_ref(number)))));
        at_once.push(milliseconds(begun.elapsed()) / one);
    }
    println!("{AT_ONCE} at once / one: {at_once} (bound: 5)");
    let hundredth: Vec<usize> = next.by_ref().take((leads / 100).max(1)).collect();
    let begun = Instant::now();
    for chunk in hundredth.chunks(ERASED_AT_ONCE_MAX) {
        runtime.block_on(erase(&rooms.store, chunk));
    }
    let (took, requests) = (begun.elapsed(), hundredth.len().div_ceil(ERASED_AT_ONCE_MAX));
    let each = milliseconds(took) / hundredth.len() as f64;
    println!(
        "one in a hundred ({} submissions, {requests} requests): {:.0} ms, {each:.2} ms each; of a million that is {:.1} s",
        hundredth.len(),
        milliseconds(took),
        each * 10.0
    );
    let buckets = option("keyring-buckets", 0_u64);
    if buckets > 0 {
        let mut measure = || {
            let (mut syncs, mut times) = (Vec::new(), Vec::new());
            for (run, number) in next.by_ref().take(runs).enumerate() {
                syncs.push(micros(|| bare.sync_one(run as u8)));
                times.push(micros(|| runtime.block_on(erase(&rooms.store, &[number]))));
            }
            assert!(times.len() == runs, "more leads are needed: --leads");
            let [one, sync] = [&mut times, &mut syncs].map(|times| quantile_ms(times, 0.5));
            (one, one / sync)
        };
        let (alone, alone_in_syncs) = measure();
        let erased = crowd(&rooms, buckets, option("erased-share", 0.01_f64));
        let (beside, beside_in_syncs) = measure();
        println!(
            "beside {} numbers in {buckets} buckets more, {erased} of them erased: p50 {beside:.2} ms over {alone:.2}: {:.2}; in bare syncs {beside_in_syncs:.1} over {alone_in_syncs:.1}: {:.2} (bound: 1.3)",
            buckets * BUCKET_RECORDS,
            beside / alone,
            beside_in_syncs / alone_in_syncs
        );
    }
    runtime.block_on(rooms.store.close()).expect("closes");
    println!("load average after: {}", machine::load_average());
}

/// Has the database copied by the daemon.
fn vacuum(home: &Home) {
    let daemon = home.serve();
    let mut command = Command::new(env!("CARGO_BIN_EXE_tamis"));
    let ended = command.arg("vacuum").arg("--config").arg(home.config()).env_clear().status();
    assert!(ended.expect("tamis runs").success(), "vacuumed");
    daemon.terminate();
}

/// Erases these, and has it done when it returns.
async fn erase(store: &SharedStore, numbers: &[usize]) {
    let what = numbers.iter().map(|number| Wanted::Leadgen(reference(*number).leadgen)).collect();
    let request = ErasureRequest { what, ..ErasureRequest::default() };
    let operator = Operator::recognised_by_kernel(0).because(Reason::PersonRequest);
    let asked = store.erase(request, Entry::by(&operator, Action::ErasureAsked)).await.expect("erased");
    let Asked::Erasure(erasure) = asked else { return };
    assert!(erasure.done.is_some() && erasure.extent.total() == numbers.len() as u64, "they were all there");
}

/// Makes so many buckets beside the store's own, with this share of their leaves erased. Gives how many leaves those are.
fn crowd(rooms: &Rooms, buckets: u64, share: f64) -> u64 {
    // The same for every run, and of no order.
    let is_erased = |number: u64| {
        let scattered = number.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
        scattered as f64 / f64::from(u32::MAX) < share
    };
    let mut erased = 0;
    for first in (0..buckets).step_by(AT_ONCE) {
        let mut change = Change::default();
        for index in first..(first + AT_ONCE as u64).min(buckets) {
            // Of an epoch before the store's: no number of it is ever given.
            let bucket = Bucket { purpose: rooms.purpose.id.clone(), epoch: 0, index };
            change.make(bucket.clone());
            for leaf in
                (0..BUCKET_RECORDS as u16).filter(|leaf| is_erased(index * BUCKET_RECORDS + u64::from(*leaf)))
            {
                change.puncture(bucket.clone(), leaf..leaf + 1);
                erased += 1;
            }
        }
        rooms.keyring.change(&change).expect("room");
    }
    erased
}

fn micros(act: impl FnOnce()) -> u32 {
    let begun = Instant::now();
    act();
    u32::try_from(begun.elapsed().as_micros()).unwrap_or(u32::MAX)
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// A file that is there already, so that nothing but its content is synced.
struct Bare(File);

impl Bare {
    fn new(directory: &Path) -> Self {
        let file = File::options().read(true).write(true).create_new(true).open(directory.join("bare"));
        let file = file.expect("a file");
        file.write_all_at(&[7; 1024 * 1024], 0).expect("room");
        file.sync_all().expect("a sync");
        Self(file)
    }

    fn write(&self, bytes: &[u8], at: u64) {
        self.0.write_all_at(bytes, at).expect("room");
        self.0.sync_data().expect("a sync");
    }

    fn sync_one(&self, byte: u8) {
        self.write(&[byte; 4_096], 0);
    }

    /// The database, the witness, two new pages, zeros over the old ones.
    fn erase_one(&self, byte: u8) {
        self.write(&[byte; 2 * PAGE], 0);
        self.write(&[byte; 512], 128 * 1024);
        self.puncture(byte);
    }

    /// Two new pages, zeros over the old ones.
    fn puncture(&self, byte: u8) {
        self.write(&[byte; 2 * PAGE], 256 * 1024);
        self.write(&[0; 2 * PAGE], 512 * 1024);
    }

    fn write_all(&self, bytes: &[u8]) {
        self.write(bytes, 4_096);
    }
}

/// A database with as many rows as the store has records, as it would be if a bucket had one key. The same engine and a
/// transaction, as the store writes; nothing of what else the store keeps.
struct Bucketed {
    rows: sled::Tree,
    leads: usize,
}

impl Bucketed {
    fn new(directory: &Path, leads: usize) -> Self {
        let rows =
            sled::open(directory.join("bucketed")).expect("a database").open_tree("rows").expect("a tree");
        for number in 0..leads as u64 {
            rows.insert(number.to_be_bytes(), vec![7; RECORD_BYTES]).expect("room");
        }
        rows.flush().expect("a sync");
        Self { rows, leads }
    }

    /// Opens and seals what one bucket has, puts it back and syncs.
    fn reseal(&self, run: usize) {
        let count = RESEALED / RECORD_BYTES;
        let first = (run * count % self.leads.saturating_sub(count).max(1)) as u64;
        let keys = (first..first + count as u64).map(u64::to_be_bytes);
        let mut sealed = Vec::with_capacity(RESEALED);
        for key in keys.clone() {
            sealed.extend_from_slice(&self.rows.get(key).expect("reads").expect("a row"));
        }
        reseal(&mut sealed);
        let mut batch = sled::Batch::default();
        for (key, row) in keys.zip(sealed.chunks(RECORD_BYTES)) {
            batch.insert(&key, row);
        }
        let written: sled::transaction::TransactionResult<()> = self.rows.transaction(|rows| {
            rows.apply_batch(&batch)?;
            Ok(())
        });
        written.expect("written");
        self.rows.flush().expect("a sync");
    }
}
