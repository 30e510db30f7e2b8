//! Copies of a store: how long a backup, a vacuum and a restore of it take, for how long nothing is stored meanwhile, and with how much
//! memory. `cargo bench --bench backups` (`-- --leads 1000000 --erased 1000`).
#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a bench fails by panicking and speaks to people"
)]

mod support;

use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

use support::home::{Home, NO_GRAPH, Process};
use support::rooms::Rooms;
use support::{machine, option};

const BINARY: &str = env!("CARGO_BIN_EXE_tamis");

fn main() {
    machine::describe(&std::env::temp_dir());
    let (leads, erased) = (option("leads", 1_000_000_usize), option("erased", 1_000_usize));
    let home = Home::new(NO_GRAPH);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let begun = Instant::now();
    runtime.block_on(async {
        let rooms = Rooms::open(home.path());
        rooms.fill(0..leads).await;
        rooms.store.close().await.expect("closes");
    });
    println!("\n{leads} leads filled in {:.0} s; of them {erased} are erased", begun.elapsed().as_secs_f64());
    let daemon = home.serve();
    for number in 1..=erased.min(leads) {
        let body = format!("{{\"by\":{{\"id\":\"devis-1-{number}\"}}}}");
        let answer = home.admin_post("/admin/v1/erasures", &body);
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
    let store = || machine::disk_bytes(&home.path().join("store/db")) / 1_000_000;
    println!("\n| what | s | database, MB | RSS, MB, before and at most | load |\n|---|---|---|---|---|");
    let told = |what: &str, took: Duration, (before, most): (u64, u64)| {
        println!(
            "| {what} | {:.1} | {} | {:.1}, {:.1} | {} |",
            took.as_secs_f64(),
            store(),
            before as f64 / 1e3,
            most as f64 / 1e3,
            machine::load_average()
        );
    };
    let backup = home.path().join("backup");
    let backed_up = timed(&home, &daemon, &["backup", &backup.display().to_string()]);
    told("backup", backed_up.0, backed_up.1);
    let vacuumed = timed(&home, &daemon, &["vacuum"]);
    told("vacuum", vacuumed.0, vacuumed.1);
    daemon.terminate();
    fs::rename(home.path().join("store"), home.path().join("lost")).expect("moved");
    let begun = Instant::now();
    tamis(&home, &["restore", &backup.display().to_string(), "--without-ledger"]);
    told("restore", begun.elapsed(), (0, 0));
    let daemon = home.serve();
    println!("\nstarted on what was restored in {} ms", daemon.start.as_millis());
    daemon.terminate();
}

/// How long a command takes that asks a running daemon for a copy, for as long as which nothing is stored, and how much memory that has.
fn timed(home: &Home, daemon: &Process, arguments: &[&str]) -> (Duration, (u64, u64)) {
    let before = machine::status_kb(daemon.pid(), "VmRSS");
    let begun = Instant::now();
    tamis(home, arguments);
    (begun.elapsed(), (before, machine::status_kb(daemon.pid(), "VmHWM")))
}

fn tamis(home: &Home, arguments: &[&str]) {
    let mut command = Command::new(BINARY);
    let ended = command.args(arguments).arg("--config").arg(home.config()).env_clear().output();
    let ended = ended.expect("tamis runs");
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
}
