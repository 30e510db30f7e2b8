//! Export as NDJSON and as CSV, by the release binary over its socket, against opening the same records alone on one
//! core. `cargo bench --bench export` (`-- --leads 1000000 --rounds 5`).
//!
//! The baseline decodes and opens records that lie in memory: no scan, no writing, no socket.
#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a bench fails by panicking and speaks to people"
)]

mod support;

use std::time::Instant;

use tamis::lead::{Leaf, SealedRecord, open, seal};
use tamis::purpose::RecordId;
use tamis::secret::Key;
use zeroizing_alloc::ZeroAlloc;

use support::home::{Home, NO_GRAPH};
use support::rooms::Rooms;
use support::spread::Spread;
use support::{machine, option};

/// As in the daemon.
#[global_allocator]
static ALLOCATOR: ZeroAlloc<std::alloc::System> = ZeroAlloc(std::alloc::System);

/// Records of the baseline.
const OPENED: usize = 50_000;

fn main() {
    let (leads, rounds) = (option("leads", 200_000_usize), option("rounds", 5));
    machine::describe(&std::env::temp_dir());
    let home = Home::new(NO_GRAPH);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let begun = Instant::now();
    let sealed = runtime.block_on(async {
        let rooms = Rooms::open(home.path());
        rooms.fill(0..leads).await;
        let sealed = sealed(&rooms);
        rooms.store.close().await.expect("closes");
        assert!(rooms.keyring.generation() > 0);
        sealed
    });
    println!("filled with {leads} leads in {:.0} s", begun.elapsed().as_secs_f64());

    let daemon = home.serve();
    let rss_before = machine::status_kb(daemon.pid(), "VmRSS");
    let (mut opening, mut ndjson, mut csv) = (Spread::default(), Spread::default(), Spread::default());
    let (mut ndjson_cpu, mut csv_cpu) = (Spread::default(), Spread::default());
    for round in 0..rounds {
        opening.push(open_alone(&sealed));
        let (rate, cpu) = export(&home, daemon.pid(), "ndjson", leads);
        ndjson.push(rate);
        ndjson_cpu.push(cpu);
        let (rate, cpu) = export(&home, daemon.pid(), "csv", leads);
        csv.push(rate);
        csv_cpu.push(cpu);
        println!(
            "round {}: opening {:.0}/s, ndjson {:.0}/s, csv {:.0}/s; RSS {:.1} MB; load {}",
            round + 1,
            opening.median(),
            ndjson.median(),
            csv.median(),
            machine::status_kb(daemon.pid(), "VmRSS") as f64 / 1e3,
            machine::load_average()
        );
    }
    let rss_after = machine::status_kb(daemon.pid(), "VmRSS");
    let peak = machine::status_kb(daemon.pid(), "VmHWM");
    println!("\n  opening alone, one core {opening} records/s");
    println!("  ndjson                  {ndjson} records/s, {ndjson_cpu} us of CPU a record");
    println!("  csv                     {csv} records/s, {csv_cpu} us of CPU a record");
    println!("  ndjson / opening        {}", ndjson.over(&opening));
    println!("  csv / opening           {}", csv.over(&opening));
    println!(
        "  memory over {} exports of {leads}: {:.1} MB before, {:.1} after, {:.1} at most: {:.1} MB of growth",
        2 * rounds,
        rss_before as f64 / 1e3,
        rss_after as f64 / 1e3,
        peak as f64 / 1e3,
        peak.saturating_sub(rss_before) as f64 / 1e3
    );
    daemon.terminate();
}

fn key() -> Key {
    Key::new([9; 32])
}

/// Records like those in the store, under a key of our own.
fn sealed(rooms: &Rooms) -> Vec<(RecordId, Vec<u8>)> {
    let seal_one = |number: usize| {
        let id = RecordId { purpose: rooms.purpose.id.clone(), epoch: 1, number: number as u64 + 1 };
        let record =
            seal(&rooms.lead(number), &id, [0; 32], Leaf::of(&id), &key(), &*rooms.random).expect("seals");
        (id, record.encode())
    };
    (0..OPENED).map(seal_one).collect()
}

/// Records a second.
fn open_alone(sealed: &[(RecordId, Vec<u8>)]) -> f64 {
    let key = key();
    let begun = Instant::now();
    for (id, bytes) in sealed {
        let record = SealedRecord::decode(bytes).expect("a record");
        assert!(std::hint::black_box(open(&record, id, &key)).is_ok());
    }
    sealed.len() as f64 / begun.elapsed().as_secs_f64()
}

/// All records, page by page. Records a second, and microseconds of the daemon's CPU a record.
fn export(home: &Home, pid: u32, format: &str, leads: usize) -> (f64, f64) {
    let cpu = machine::cpu_seconds(pid);
    let begun = Instant::now();
    let (mut after, mut bytes, mut more) = (String::new(), 0, true);
    while more {
        let path = format!("/admin/v1/purposes/devis/leads?format={format}&limit=10000{after}");
        let head = home.admin_stream(&path, |chunk| bytes += chunk.len());
        let value = |name: &str| {
            let line = head.lines().find(|line| line.to_ascii_lowercase().starts_with(name));
            line.and_then(|line| line.split(": ").nth(1)).unwrap_or_default().to_owned()
        };
        more = value("tamis-more:") == "true";
        after = format!("&after={}", value("tamis-next-cursor:"));
    }
    let seconds = begun.elapsed().as_secs_f64();
    assert!(bytes > leads * 100, "{bytes} bytes for {leads} leads");
    (leads as f64 / seconds, (machine::cpu_seconds(pid) - cpu) * 1e6 / leads as f64)
}
