//! `kill -9` while people submit, are corrected, are erased, and have had their time, again and again. A hundred times here; `TAMIS_ERASING_KILLS=1000
//! cargo test --release --test it -- erasing::kills --nocapture` goes on from there.

use std::time::{Duration, Instant};

use super::house::{House, copy};
use super::ledger::Ledger;
use super::life::Place;
use super::outsider::Memory;
use crate::dice::Dice;
use crate::mutated::number;

const KILLS: u64 = 100;
const JUDGED_EVERY: u64 = 5;
const SEED: u64 = 8;

#[tokio::test(flavor = "multi_thread")]
async fn whatever_was_answered_as_erased_stays_erased_after_each_kill_and_nothing_else_is_missing() {
    let (kills, seed) = (number("TAMIS_ERASING_KILLS", KILLS), number("TAMIS_ERASING_SEED", SEED));
    let begun = Instant::now();
    let (place, mut dice) = (Place::new(), Dice::new(seed));
    let (mut ledger, mut memory) = (Ledger::default(), Memory::default());
    let house = House::new(&place.home()).await;
    ledger.begin(&house, 8).await;
    house.learnt_by(&mut memory);
    house.close().await;
    for life in 1..=kills {
        let running = place.begin(&ledger, dice.next() % 1_000_000, false, &[]);
        // After so many lines, and a moment; now and then before it has said anything.
        let lines = if dice.below(8) == 0 { 0 } else { 1 + dice.below(40) };
        running.hear(lines);
        tokio::time::sleep(Duration::from_micros(dice.below(20_000) as u64)).await;
        for line in running.kill() {
            ledger.take(&line);
        }
        let said = |fault: String| {
            let kept = place.directory.path().with_extension("kept");
            copy(place.directory.path(), &kept);
            panic!("kill {life}, seed {seed}: {fault}\nlook at {}", kept.display())
        };
        let is_judged = life.is_multiple_of(JUDGED_EVERY) || life == kills;
        if is_judged {
            let learnt = tempfile::tempdir().expect("a directory");
            copy(&place.home(), learnt.path());
            memory.learn(learnt.path(), &super::house::ROOT);
        }
        ledger.foreseen_by(&mut memory);
        ledger.holds_of_disk(&place.home(), &memory).map_err(said).ok();
        // The next life starts on what this one left; a whole account is taken of several together.
        if is_judged {
            ledger.judge(&place.home(), &memory).await.map_err(said).ok();
        }
    }
    let (settled, erasures) = (ledger.settled(), ledger.answered());
    assert!(
        settled as u64 > 5 * kills && erasures as u64 > 2 * kills,
        "{settled} settled, {erasures} erasures"
    );
    let (corrected, expired) = (ledger.corrected(), ledger.expired());
    assert!(2 * corrected as u64 > kills && expired as u64 > kills, "{corrected} corrected, {expired} over");
    println!(
        "{kills} kills: {settled} people settled, {erasures} requests erased, {corrected} corrected, {expired} ended by time, {} versions known to the outsider, {:.1} s",
        memory.len(),
        begun.elapsed().as_secs_f64()
    );
}
