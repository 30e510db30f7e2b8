//! What it takes until an erased lead is nowhere to be found, beside the peers a company would take instead, on the same work
//! and in the same run: `cargo bench --bench peers` (`-- --rows 1000000 --runs 50`).
//!
//! A million leads of 240 bytes each in tamis, in SQLite, in PostgreSQL and in a plain sled database. In turn, a round each: one
//! of them is asked to erase a lead, by its number, and the time until it has answered is taken. Then all their files are
//! searched for the leads that were erased, byte by byte, as somebody from outside would. At the end, what a copy still shows
//! that was made before: of tamis with its keys of today, of the others as it is.
//!
//! Needs `sqlite3`, and PostgreSQL's programs with a user `postgres` (Debian's `sqlite3`, `postgresql`) and `setpriv` where it
//! runs as root; what is not there is left out, and that is said. `--directory` must be one that the user `postgres` reaches.
#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a bench fails by panicking and speaks to people"
)]

mod files;
mod plain;
mod postgres;
mod prompt;
mod sqlite;
#[path = "../support/mod.rs"]
mod support;
mod tamis_itself;

use std::path::Path;
use std::time::Instant;

use zeroizing_alloc::ZeroAlloc;

use files::Search;
use plain::Plain;
use postgres::Postgres;
use sqlite::Sqlite;
use support::spread::quantile_ms;
use support::{machine, option};
use tamis_itself::Tamis;

/// As in the daemon.
#[global_allocator]
static ALLOCATOR: ZeroAlloc<std::alloc::System> = ZeroAlloc(std::alloc::System);

/// Bytes of a lead.
pub(crate) const LEAD_BYTES: usize = 240;

/// One of those that keep leads.
pub(crate) trait Peer {
    /// How it is called in the table.
    fn name(&self) -> &'static str;
    /// Makes a copy of everything, as its operator would.
    fn copy(&mut self, to: &Path);
    /// Erases a lead by its number, as durably and as thoroughly as it can, and returns when it says that this is done.
    fn erase(&mut self, number: usize);
    /// Where all that it has of the leads lies, its logs among it.
    fn files(&self) -> &Path;
    /// What more its operator can do so that nothing is left, and how that is called.
    fn clean(&mut self) -> Option<&'static str> {
        None
    }
    /// How many of these a copy shows to whoever has it and all that the operator has today. By default: what a search finds in it.
    fn shown_by(&mut self, copy: &Path, search: &Search) -> usize {
        search.count(copy)
    }
}

/// The text by which somebody would look for this lead: it stands in no other.
pub(crate) fn needle(number: usize) -> String {
    format!("amelie.durand{number}@example.org")
}

fn main() {
    let (rows, runs) = (option("rows", 1_000_000_usize), option("runs", 50_usize));
    let below = option("directory", std::env::temp_dir());
    let place = tempfile::Builder::new().prefix("tamis-peers").tempdir_in(&below).expect("a directory");
    machine::describe(place.path());
    // Scattered, and none twice.
    let erased: Vec<usize> = (1..=runs).map(|run| run.wrapping_mul(7_919 * 17) % rows).collect();
    let search = Search::of(erased.iter().copied().map(needle));

    let mut peers: Vec<Box<dyn Peer>> = vec![Box::new(Tamis::fill(rows))];
    peers.push(Box::new(Plain::fill(&place.path().join("plain"), rows)));
    match Sqlite::fill(&place.path().join("sqlite"), rows) {
        Some(sqlite) => peers.push(Box::new(sqlite)),
        None => println!("left out: SQLite (no `sqlite3` here)"),
    }
    match Postgres::fill(place.path(), rows) {
        Some(postgres) => peers.push(Box::new(postgres)),
        None => println!("left out: PostgreSQL (no `pg_config` here, or no user `postgres`)"),
    }
    for peer in &mut peers {
        let begun = Instant::now();
        peer.copy(&place.path().join(format!("copy-{}", peer.name().replace(' ', "-"))));
        let found = search.count(peer.files());
        println!(
            "{}: copied in {:.1} s, {} MB; of the {runs} to be erased a search finds {found}",
            peer.name(),
            begun.elapsed().as_secs_f64(),
            machine::disk_bytes(peer.files()) / 1_000_000
        );
        assert!(peer.name() == "tamis" || found == runs, "the search works");
    }

    let mut times = vec![Vec::with_capacity(runs); peers.len()];
    for number in &erased {
        for (peer, times) in peers.iter_mut().zip(&mut times) {
            let begun = Instant::now();
            peer.erase(*number);
            times.push(u32::try_from(begun.elapsed().as_micros()).unwrap_or(u32::MAX));
        }
    }
    println!(
        "\n| {rows} leads, {runs} erased | p50, ms | worst, ms | of tamis' p50 | still found | in an old copy |"
    );
    println!("|---|---|---|---|---|---|");
    let tamis = quantile_ms(&mut times[0], 0.5);
    for (peer, times) in peers.iter_mut().zip(&mut times) {
        let (p50, worst) = (quantile_ms(times, 0.5), quantile_ms(times, 1.0));
        let mut found = search.told(peer.files());
        let begun = Instant::now();
        if let Some(how) = peer.clean() {
            let took = begun.elapsed().as_secs_f64();
            found = format!("{found}; after {how} ({took:.1} s): {}", search.told(peer.files()));
        }
        let copy = place.path().join(format!("copy-{}", peer.name().replace(' ', "-")));
        let shown = peer.shown_by(&copy, &search);
        println!(
            "| {} | {p50:.2} | {worst:.2} | {:.2} | {found} | {shown} of {runs} |",
            peer.name(),
            p50 / tamis
        );
    }
    println!("\nload average after: {}", machine::load_average());
}
