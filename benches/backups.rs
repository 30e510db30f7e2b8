//! Copies of a store: how long a backup, a vacuum and a restore of it take, for how long nothing is written meanwhile, and with how much
//! memory. `cargo bench --bench backups` (`-- --leads 1000000 --erased 1000`).
#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a bench fails by panicking and speaks to people"
)]

mod support;

use std::fs;
use std::ops::RangeFrom;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
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
    let mut numbers = 1..;
    let bytes = machine::disk_bytes(&home.path().join("store/db")) as f64 / leads as f64;
    println!("a lead takes {bytes:.0} bytes of the database as it was filled");
    let mut longest = Duration::ZERO;
    for _ in 0..erased {
        longest = longest.max(erase(&home, &mut numbers));
    }
    println!("the longest of these erasures: {longest:.1?}");
    let store = || machine::disk_bytes(&home.path().join("store/db")) / 1_000_000;
    println!(
        "\n| what | s | nothing written for, s at most | database, MB | RSS, MB, before and at most | load |\n|---|---|---|---|---|---|"
    );
    let told = |what: &str, copy: &Copy| {
        println!(
            "| {what} | {:.1} | {:.2} | {} | {:.1}, {:.1} | {} |",
            copy.took.as_secs_f64(),
            copy.paused.as_secs_f64(),
            store(),
            copy.memory.0 as f64 / 1e3,
            copy.memory.1 as f64 / 1e3,
            machine::load_average()
        );
    };
    let backup = home.path().join("backup");
    told("backup", &timed(&home, &daemon, &["backup", &backup.display().to_string()], &mut numbers));
    told("vacuum", &timed(&home, &daemon, &["vacuum"], &mut numbers));
    daemon.terminate();
    fs::rename(home.path().join("store"), home.path().join("lost")).expect("moved");
    let (took, most_kb) = restored(&home, &backup);
    println!(
        "\nrestored in {:.1} s with {:.1} MB RSS at most, the daemon stopped",
        took.as_secs_f64(),
        most_kb as f64 / 1e3
    );
    let daemon = home.serve();
    println!("started on what was restored in {} ms", daemon.start.as_millis());
    daemon.terminate();
}

/// What a copy cost.
struct Copy {
    took: Duration,
    /// The longest that an erasure waited meanwhile, refusals and the next tries among it: for as long nothing is written, what
    /// settles leads neither.
    paused: Duration,
    /// kB: before, and at most.
    memory: (u64, u64),
}

/// Asks a running daemon for a copy, and erases one record after the other until it has been made.
fn timed(home: &Home, daemon: &Process, arguments: &[&str], numbers: &mut RangeFrom<usize>) -> Copy {
    let before = machine::status_kb(daemon.pid(), "VmRSS");
    let (begun, made) = (Instant::now(), AtomicBool::new(false));
    thread::scope(|scope| {
        let paused = scope.spawn(|| {
            let mut longest = Duration::ZERO;
            while !made.load(Ordering::Relaxed) {
                longest = longest.max(erase(home, numbers));
            }
            longest
        });
        tamis(home, arguments);
        let took = begun.elapsed();
        made.store(true, Ordering::Relaxed);
        let paused = paused.join().expect("no panic");
        Copy { took, paused, memory: (before, machine::status_kb(daemon.pid(), "VmHWM")) }
    })
}

/// Erases the next record, as often as it is refused while files are copied; how long that took.
fn erase(home: &Home, numbers: &mut RangeFrom<usize>) -> Duration {
    let number = numbers.next().expect("a number");
    let body = format!("{{\"by\":{{\"id\":\"devis-1-{number}\"}}}}");
    let begun = Instant::now();
    loop {
        let answer = home.admin_post("/admin/v1/erasures", &body);
        if answer.starts_with("HTTP/1.1 200") {
            return begun.elapsed();
        }
        // A backup or a vacuum copies the files at this moment.
        assert!(answer.starts_with("HTTP/1.1 503") && answer.contains("\"busy\""), "{answer}");
        thread::sleep(Duration::from_millis(5));
    }
}

fn command(home: &Home, arguments: &[&str]) -> Command {
    let mut command = Command::new(BINARY);
    command.args(arguments).arg("--config").arg(home.config()).env_clear();
    command
}

fn tamis(home: &Home, arguments: &[&str]) {
    let ended = command(home, arguments).output().expect("tamis runs");
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
}

/// Restores; how long that took, and how much memory the process had at most, in kB. The kernel keeps the highest, and takes it along
/// when the process ends: what it was to within one look before that.
fn restored(home: &Home, backup: &Path) -> (Duration, u64) {
    let backup = backup.display().to_string();
    let mut command = command(home, &["restore", &backup, "--without-ledger"]);
    let begun = Instant::now();
    let mut restoring = command.stdout(Stdio::null()).spawn().expect("tamis runs");
    let mut most_kb = 0;
    loop {
        most_kb = most_kb.max(machine::status_kb(restoring.id(), "VmHWM"));
        if let Some(ended) = restoring.try_wait().expect("a process") {
            assert!(ended.success(), "nothing was restored");
            return (begun.elapsed(), most_kb);
        }
        thread::sleep(Duration::from_millis(2));
    }
}
