//! What a day's retention costs: of a store in which a purpose holds its records for twelve months, those of one day after the
//! other end, as the reaper asks for it. `cargo bench --bench retention` (`-- --leads-a-day 2740 --days 60 --measured 20`): by
//! default a day of a million leads a year; `--days 365` fills the whole of one, `--records 1000000` as many days as that takes.
#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a bench fails by panicking and speaks to people"
)]
#![expect(clippy::ok_expect, reason = "what holds answers or secrets has no Debug")]

mod support;

use std::sync::Arc;
use std::time::Instant;

use jiff::{SignedDuration, Timestamp};
use tamis::clock::{Clock, ManualClock, plus_months};
use tamis::config;
use tamis::keyring::Keyring;
use tamis::keyring::file::FileKeyring;
use tamis::lead::{Dropped, minimise};
use tamis::notification::LeadRef;
use tamis::purpose::Matching;
use tamis::random::{Random, SystemRandom};
use tamis::secret::location::Environment;
use tamis::store::{self, Outcome, Settlement, SharedStore};
use zeroizing_alloc::ZeroAlloc;

use support::home::{Home, NO_GRAPH};
use support::leads::{definition, reference, reply_of};
use support::spread::quantile_ms;
use support::{machine, option};

/// As in the daemon.
#[global_allocator]
static ALLOCATOR: ZeroAlloc<std::alloc::System> = ZeroAlloc(std::alloc::System);

/// Outcomes a transaction.
const BATCH: usize = 250;
/// When the first of them were submitted.
const FIRST_S: i64 = 1_735_689_600;

fn main() {
    machine::describe(&std::env::temp_dir());
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    runtime.block_on(days());
    println!("load average after: {}", machine::load_average());
}

fn day(number: usize) -> Timestamp {
    Timestamp::from_second(FIRST_S + 86_400 * number as i64).expect("in range")
}

async fn days() {
    let (leads_a_day, days) = (option("leads-a-day", 2_740_usize), option("days", 60_usize));
    let days = days.max(option("records", 0_usize).div_ceil(leads_a_day.max(1)));
    let measured = option("measured", 20_usize).min(days);
    let home = Home::new(NO_GRAPH);
    let environment = Environment::new(std::iter::empty());
    let loaded = config::load_with_secrets(&home.path().join("tamis.toml"), &environment);
    let (config, secrets) = loaded.ok().expect("a config");
    let random: Arc<dyn Random> = Arc::new(SystemRandom);
    let clock = Arc::new(ManualClock::new(day(0)));
    let keyring = FileKeyring::create(&config.keys.keyring, secrets.root.clone(), random.clone());
    let keyring: Arc<dyn Keyring> = Arc::new(keyring.expect("a keyring"));
    let policy = config.policy();
    let purpose = policy.purpose("devis").expect("a purpose").clone();
    let purposes = policy.purposes().iter().map(|purpose| purpose.id.clone()).collect();
    let store =
        store::open(config.store_settings(), keyring, purposes, clock.clone(), random).expect("a store");

    let (definition, mut number) = (definition(), 0);
    let matching = Matching::new(&purpose, Some(&definition));
    for of in 0..days {
        let last = number + leads_a_day;
        while number < last {
            let end = (number + BATCH).min(last);
            let settle = |number: usize| {
                let reply = reply_of(number, day(of));
                let reference = LeadRef { received: day(of), created: None, ..reference(number) };
                let sieved = minimise(&reply.lead().expect("a lead"), &reference, &matching);
                let outcome = Outcome::stored(sieved.result.ok().expect("a lead"));
                Settlement { reference, outcome, matched: Vec::new(), dropped: Dropped::default() }
            };
            store.settle((number..end).map(settle).collect()).await.expect("settles");
            number = end;
        }
    }
    println!("\n| records | a day | day | ms | batches |\n|---|---|---|---|---|");
    let mut times = Vec::new();
    for of in 0..measured {
        let ends = plus_months(day(of), 12);
        clock.advance_ms(ends.duration_since(clock.now()).as_millis() as i64);
        store.compare_clock(clock.now()).await.expect("agrees");
        let (took, gone, batches) = sweep(&store).await;
        assert_eq!(gone as usize, leads_a_day, "those of one day");
        println!(
            "| {} | {gone} | {of} | {:.1} | {batches} |",
            number - of * leads_a_day,
            took.as_secs_f64() * 1e3
        );
        times.push(u32::try_from(took.as_micros()).unwrap_or(u32::MAX));
    }
    let (p50, max) = (quantile_ms(&mut times, 0.5), quantile_ms(&mut times, 1.0));
    println!("\nretention of a day of {leads_a_day}: p50 {p50:.1} ms, worst of {measured} {max:.1} ms");
    store.close().await.expect("closes");
}

/// All that is due, as the reaper takes it.
async fn sweep(store: &SharedStore) -> (SignedDuration, u64, u32) {
    let (begun, mut gone, mut batches) = (Instant::now(), 0, 0);
    loop {
        let expired = store.expire().await.expect("swept");
        assert!(expired.done, "its keys are destroyed");
        (gone, batches) = (gone + expired.total(), batches + 1);
        if !expired.more {
            return (SignedDuration::try_from(begun.elapsed()).expect("short"), gone, batches);
        }
    }
}
