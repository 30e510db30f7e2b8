//! Finding the records of an address, beside an export of the same records, by the release binary over its socket:
//! `cargo bench --bench addresses` (`-- --leads 1000000 --rounds 5`). Both look at every record; an export writes each, a look
//! for an address none.
//!
//! Four look-ups: a mailbox, so that each record's e-mail address is brought into its one spelling; a number that no record's
//! number ends like; one that they all end like, so that each is; and 32 at once, which share scans.
#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a bench fails by panicking and speaks to people"
)]

mod support;

use std::time::Instant;

use zeroizing_alloc::ZeroAlloc;

use support::home::{Home, NO_GRAPH};
use support::rooms::Rooms;
use support::spread::Spread;
use support::{machine, option};

/// As in the daemon.
#[global_allocator]
static ALLOCATOR: ZeroAlloc<std::alloc::System> = ZeroAlloc(std::alloc::System);

/// As many as may wait.
const AT_ONCE: usize = 32;

fn main() {
    let (leads, rounds) = (option("leads", 200_000_usize), option("rounds", 5));
    machine::describe(&std::env::temp_dir());
    let home = Home::new(NO_GRAPH);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let begun = Instant::now();
    runtime.block_on(async {
        let rooms = Rooms::open(home.path());
        rooms.fill(0..leads).await;
        rooms.store.close().await.expect("closes");
        assert!(rooms.keyring.generation() > 0);
    });
    println!("filled with {leads} leads in {:.0} s", begun.elapsed().as_secs_f64());

    let daemon = home.serve();
    let rss_before = machine::status_kb(daemon.pid(), "VmRSS");
    let mailbox = format!(r#"{{"email":"AMELIE.DURAND{}@example.org"}}"#, leads - 1);
    let kinds = [
        ("a mailbox", mailbox.clone(), Some(1)),
        ("a number, other last digits", r#"{"phone":"+33612340000"}"#.to_owned(), Some(0)),
        ("a number, the same last digits", r#"{"phone":"+33699995678"}"#.to_owned(), Some(0)),
    ];
    let mut found = [Spread::default(), Spread::default(), Spread::default()];
    let (mut exported, mut together) = (Spread::default(), Spread::default());
    for round in 0..rounds {
        exported.push(seconds(|| export(&home, leads)));
        for ((name, question, wanted), figures) in kinds.iter().zip(&mut found) {
            figures.push(seconds(|| assert_eq!(find(&home, question), *wanted, "{name}")));
        }
        together.push(seconds(|| {
            std::thread::scope(|scope| {
                let looks: Vec<_> = (0..AT_ONCE).map(|_| scope.spawn(|| find(&home, &mailbox))).collect();
                for look in looks {
                    assert_eq!(look.join().expect("no panic"), Some(1));
                }
            });
        }));
        println!("round {}: load {}", round + 1, machine::load_average());
    }
    println!("\n  export (NDJSON) of all             {exported} s");
    for ((name, _, _), figures) in kinds.iter().zip(&found) {
        println!("  {name:<34} {figures} s, of an export's time {}", figures.over(&exported));
    }
    println!(
        "  a mailbox, {AT_ONCE} at once             {together} s, of one's time {}",
        together.over(&found[0])
    );
    println!(
        "  memory: {:.1} MB before, {:.1} at most (exports among it)",
        rss_before as f64 / 1e3,
        machine::status_kb(daemon.pid(), "VmHWM") as f64 / 1e3
    );
    daemon.terminate();
}

fn seconds(act: impl FnOnce()) -> f64 {
    let begun = Instant::now();
    act();
    begun.elapsed().as_secs_f64()
}

/// How many records are shown; none: it was refused.
fn find(home: &Home, question: &str) -> Option<usize> {
    let answer = home.admin_post("/admin/v1/find", question);
    answer.contains(" 200 OK").then(|| answer.matches(r#""state":"stored""#).count())
}

/// All records, page by page.
fn export(home: &Home, leads: usize) {
    let (mut after, mut bytes, mut more) = (String::new(), 0, true);
    while more {
        let path = format!("/admin/v1/purposes/devis/leads?format=ndjson&limit=10000{after}");
        let head = home.admin_stream(&path, |chunk| bytes += chunk.len());
        let value = |name: &str| {
            let line = head.lines().find(|line| line.to_ascii_lowercase().starts_with(name));
            line.and_then(|line| line.split(": ").nth(1)).unwrap_or_default().to_owned()
        };
        more = value("tamis-more:") == "true";
        after = format!("&after={}", value("tamis-next-cursor:"));
    }
    assert!(bytes > leads * 100, "{bytes} bytes for {leads} leads");
}
