//! The runs of CI, and what earlier ones found, each as the shortest list that showed it.

use super::ops::Op;
use super::world::Bounds;
use super::{AsRust, Meta, of_seed, run, shrink};

/// So many runs; `cargo run --release --example model -- --operations 1000000` makes more.
const RUNS: u64 = 1_000;

/// A runtime of its own, and no log: a thousand runs would fill the one that other tests search.
fn quietly<T>(act: impl Future<Output = T>) -> T {
    let _quiet = tracing::subscriber::set_default(tracing::subscriber::NoSubscriber::default());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(act)
}

#[test]
fn a_thousand_generated_runs_hold() {
    quietly(async {
        let meta = Meta::start().await;
        for seed in 0..RUNS {
            let (bounds, ops) = of_seed(seed);
            if let Err(failure) = run(&meta, seed, bounds, &ops).await {
                let (shortest, why) = shrink(&meta, seed, bounds, ops).await;
                let list = AsRust(&shortest);
                panic!("seed {seed}, operation {}: {}\nshortest: {why}\n{list}", failure.at, failure.why);
            }
        }
    });
}

fn holds(ops: &[Op]) {
    quietly(async {
        let meta = Meta::start().await;
        if let Err(failure) = run(&meta, 1, Bounds::default(), ops).await {
            panic!("operation {}: {}", failure.at, failure.why);
        }
    });
}
