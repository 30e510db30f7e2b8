//! `cargo run --release --example model -- --operations 1000000`: as many generated operations against the model of
//! `tests/it/model`, on as many threads as there are processors; or `--seed N` for one run.
#![expect(clippy::expect_used, clippy::panic, reason = "a simulation fails by panicking")]
#![expect(clippy::print_stdout, reason = "it speaks to whoever runs it")]

#[path = "../tests/it/dice.rs"]
mod dice;
#[path = "../tests/it/model/mod.rs"]
mod model;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use model::{AsRust, Meta, of_seed, run, shrink};

#[derive(clap::Parser)]
struct Arguments {
    /// How many operations in all.
    #[arg(long, default_value_t = 100_000)]
    operations: u64,
    /// The first seed.
    #[arg(long, default_value_t = 1_000_000)]
    from: u64,
    /// Only the run of this seed.
    #[arg(long)]
    seed: Option<u64>,
    /// How many runs at the same time.
    #[arg(long, default_value_t = 2)]
    threads: u64,
}

#[derive(Default)]
struct Tally {
    next: AtomicU64,
    operations: AtomicU64,
    runs: AtomicU64,
    failed: AtomicBool,
}

fn main() {
    let arguments = <Arguments as clap::Parser>::parse();
    let (tally, begun) = (Tally::default(), Instant::now());
    std::thread::scope(|scope| {
        for _ in 0..arguments.threads {
            scope.spawn(|| work(&arguments, &tally));
        }
    });
    let (runs, operations) = (tally.runs.into_inner(), tally.operations.into_inner());
    let seconds = begun.elapsed().as_secs_f64();
    println!("{operations} operations in {runs} runs, {seconds:.0} s");
    if tally.failed.into_inner() {
        std::process::exit(1);
    }
}

fn work(arguments: &Arguments, tally: &Tally) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let meta = Meta::start().await;
        while tally.operations.load(Ordering::Relaxed) < arguments.operations {
            let next = tally.next.fetch_add(1, Ordering::Relaxed);
            let seed = match arguments.seed {
                Some(_) if next > 0 => return,
                Some(seed) => seed,
                None => arguments.from + next,
            };
            let (bounds, ops) = of_seed(seed);
            tally.operations.fetch_add(ops.len() as u64, Ordering::Relaxed);
            tally.runs.fetch_add(1, Ordering::Relaxed);
            if let Err(failure) = run(&meta, seed, bounds, &ops).await {
                tally.failed.store(true, Ordering::Relaxed);
                println!("seed {seed}, operation {}: {}", failure.at, failure.why);
                let (shortest, why) = shrink(&meta, seed, bounds, ops).await;
                println!("shortest: {why}\n{}", AsRust(&shortest));
            }
        }
    });
}
