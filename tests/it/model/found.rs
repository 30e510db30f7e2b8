//! The runs of CI, and what earlier ones found, each as the shortest list that showed it.

use std::ops::Range;

use super::ops::Kind::Good;
use super::ops::Pick::{Again, New};
use super::ops::{Calls, LETTER, Op, QUOTE, Script, Which};
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

const DAY_MS: i64 = 86_400_000;

/// So many days pass, without a leap of the clock, and the reaper looks.
fn days_pass(days: usize) -> Vec<Op> {
    let mut ops: Vec<Op> = (0..days.div_ceil(4)).map(|_| Op::Advance(4 * DAY_MS)).collect();
    ops.extend([Op::Watch, Op::Reap]);
    ops
}

/// A quote of 73 days ago ends in two days: restricted it outlives them, is in no page, and goes once that is over.
#[test]
fn what_is_restricted_outlives_its_day_and_goes_when_that_is_over() {
    let stored = [Op::Deliver(vec![New(3, Good, 73)]), Op::Fetch(0), Op::Hand(QUOTE, 5)];
    let restricted = [&stored[..], &[Op::Restrict(0, QUOTE, 30)]].concat();
    for days in [8, 40] {
        let page = [Op::Export(QUOTE, 5), Op::Follow(9)];
        holds(&[&restricted[..], &days_pass(days), &page].concat());
        holds(&[&restricted[..], &days_pass(days), &[Op::Crash], &page].concat());
        let lifted = [&[Op::LiftRestriction(0, QUOTE), Op::Watch][..], &days_pass(4), &page].concat();
        holds(&[&restricted[..], &days_pass(days), &lifted].concat());
    }
}

/// A page passes by what nobody may use; once that is over its reader hears of it, as of something new.
#[test]
fn what_a_page_passed_by_is_told_when_it_is_released() {
    let passed =
        [Op::Deliver(vec![New(3, Good, 0)]), Op::Fetch(0), Op::Restrict(0, QUOTE, 5), Op::Hand(QUOTE, 5)];
    let heard = [Op::Follow(1), Op::Correct(0, QUOTE, "full_name"), Op::Follow(1)];
    holds(&[&passed[..], &[Op::LiftRestriction(0, QUOTE)], &heard].concat());
    holds(&[&passed[..], &days_pass(8), &heard].concat());
    // What was taken back meanwhile is withheld from then on, and told all the same: its id is no answer.
    holds(
        &[&passed[..], &[Op::Withdraw(0, QUOTE), Op::LiftRestriction(0, QUOTE), Op::Hand(QUOTE, 5)], &heard]
            .concat(),
    );
}

/// Whoever objected is not written to, until they say yes: of a quote nothing is kept then that hangs on a box.
#[test]
fn a_no_holds_until_a_later_yes_by_whatever_way_a_lead_comes() {
    for of in [None, Some(QUOTE), Some(LETTER)] {
        for (passes, days_ago) in [(0, 0), (0, 1), (5_000, 0)] {
            let objected =
                [Op::Suppress(0, of), Op::Advance(passes), Op::Deliver(vec![New(0, Good, days_ago)])];
            let again = [
                Op::Deliver(vec![Again(0)]),
                Op::Requeue(Which::OfForm(0)),
                Op::Fetch(0),
                Op::Hand(QUOTE, 5),
            ];
            holds(&[&objected[..], &[Op::Fetch(0)], &again].concat());
            holds(
                &[&objected[..], &[Op::CrashWithin(3, Box::new(Op::Fetch(0))), Op::Fetch(0)], &again]
                    .concat(),
            );
        }
    }
}

/// What is taken back is so after a kill at each moment of it, or is not; and where all rested on it, all is gone.
#[test]
fn what_is_taken_back_is_so_or_not_after_a_kill_within() {
    let stored = [Op::Deliver(vec![New(0, Good, 0)]), Op::Fetch(0), Op::Hand(QUOTE, 5), Op::Hand(LETTER, 5)];
    for ticks in 0..12 {
        for act in [Op::Withdraw(0, QUOTE), Op::Withdraw(0, LETTER), Op::Correct(0, QUOTE, "postcode")] {
            let killed = Op::CrashWithin(ticks, Box::new(act.clone()));
            holds(&[&stored[..], &[killed, act, Op::Follow(1), Op::Correct(0, QUOTE, "postcode")]].concat());
        }
    }
}
