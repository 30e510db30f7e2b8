//! The runs of CI, and what earlier ones found, each as the shortest list that showed it.

use std::ops::Range;

use super::ops::Kind::Good;
use super::ops::Pick::New;
use super::ops::{Calls, Op, Script};
use super::world::Bounds;
use super::{AsRust, Meta, of_seed, run, shrink};
use crate::support::threads::Counted;

/// A runtime of its own, and no log: a thousand runs would fill the one that other tests search.
fn quietly<T>(act: impl Future<Output = T>) -> T {
    // One daemon's rooms at a time.
    let _counted = Counted::one();
    let _quiet = tracing::subscriber::set_default(tracing::subscriber::NoSubscriber::default());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(act)
}

/// `cargo run --release --example model -- --operations 1000000` makes more of them.
fn generated(seeds: Range<u64>) {
    quietly(async {
        let meta = Meta::start().await;
        for seed in seeds {
            let (bounds, ops) = of_seed(seed);
            if let Err(failure) = run(&meta, seed, bounds, &ops).await {
                let (shortest, why) = shrink(&meta, seed, bounds, ops).await;
                let list = AsRust(&shortest);
                panic!("seed {seed}, operation {}: {}\nshortest: {why}\n{list}", failure.at, failure.why);
            }
        }
    });
}

#[test]
fn five_hundred_generated_runs_hold() {
    generated(0..500);
}

#[test]
fn five_hundred_others_hold() {
    generated(500..1_000);
}

fn holds(ops: &[Op]) {
    quietly(async {
        let meta = Meta::start().await;
        if let Err(failure) = run(&meta, 1, Bounds::default(), ops).await {
            panic!("operation {}: {}", failure.at, failure.why);
        }
    });
}

/// It went on waiting, of which no alarm tells, until Meta had deleted it.
#[test]
fn what_waits_for_a_form_that_lost_its_purpose_is_held() {
    holds(&[Op::Deliver(vec![New(0, Good, 0)]), Op::TokenDies(0), Op::Fetch(0), Op::Restart(2)]);
}

#[test]
fn what_waits_for_a_page_that_left_the_config_is_held() {
    holds(&[Op::Deliver(vec![New(3, Good, 0)]), Op::TokenDies(1), Op::Fetch(0), Op::Restart(1)]);
}

/// It waited for as long as the clock had been ahead, through every restart.
#[test]
fn what_is_parked_while_the_clock_is_ahead_has_its_end_once_that_is_right() {
    let ahead = 200 * 86_400_000;
    let refused = Op::Script(Script::Code(Calls::Single, 2, 0, 100));
    let parked = [refused, Op::ClockOff(ahead), Op::Deliver(vec![New(0, Good, 0)]), Op::Fetch(0)];
    for after in [vec![], vec![Op::Restart(0)], vec![Op::Watch, Op::ConfirmClock, Op::Reap]] {
        holds(&[&parked[..], &after].concat());
    }
}

/// Everything counted as expired from then on, without a word.
#[test]
fn a_clock_that_is_ahead_at_first_passes_over_nothing() {
    let stored = [Op::Deliver(vec![New(0, Good, 0)]), Op::Fetch(0), Op::Export(0, 5)];
    let wrong = [vec![Op::Watch], vec![Op::ConfirmClock, Op::Watch], vec![Op::Restart(0), Op::Watch]];
    for wrong in wrong {
        holds(
            &[&[Op::ClockOff(400 * 86_400_000)], &wrong[..], &stored, &[Op::ClockOff(0), Op::Watch], &stored]
                .concat(),
        );
    }
}
