//! The power is cut, or the process killed, after each thing that it does to its files while it erases, and again while the
//! next start finishes what was pending. Every so many of these moments here; `TAMIS_ERASING_STRIDE=1 cargo test --release
//! --test it -- erasing::crashes --nocapture` takes each.

use std::collections::HashSet;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;
use std::time::Instant;

use super::house::{House, ROOT, copy};
use super::ledger::Ledger;
use super::life::Place;
use super::outsider::{self, Memory};
use crate::mutated::number;
use crate::support::power::{self, Disk, Unsynced};
use crate::support::process::installed;
use crate::support::senders::Chance;

/// Every so many changes of the disk a moment.
const STRIDE: u64 = 9;
/// So many of the starts that had something to finish are cut short in turn.
const CUT_SHORT: u64 = 2;
const PEOPLE: u64 = 20;

const FATES: [Unsynced; 3] = [Unsynced::Gone, Unsynced::InPart, Unsynced::Kept];

#[derive(Default, Debug)]
struct Tally {
    moments: usize,
    /// In which an erasure had begun and nobody was answered: by what the next start made of it.
    undone: usize,
    finished: usize,
    /// In which the next start had keys to destroy.
    pending: usize,
    /// Cuts within such a start.
    in_starts: usize,
}

/// What differs between homes, in a number.
fn fingerprint(home: &Path) -> u64 {
    let mut hasher = DefaultHasher::new();
    let mut files = outsider::files(home);
    files.iter_mut().for_each(|(path, _)| *path = path.rsplit('/').next().unwrap_or_default().to_owned());
    files.sort();
    files.hash(&mut hasher);
    hasher.finish()
}

/// The environment of a life whose changes are written down.
fn watched<'p>(layer: &'p Path, log: &'p Path, home: &'p Path) -> [(&'static str, &'p Path); 3] {
    [("LD_PRELOAD", layer), ("TAMIS_UNSYNCED_LOG", log), ("TAMIS_UNSYNCED_ROOT", home)]
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_cut_at_any_step_an_erasure_is_done_or_was_never_begun_and_what_was_answered_is_done() {
    assert!(installed("cc"), "the layer that writes changes down is C");
    let (stride, cut_short) =
        (number("TAMIS_ERASING_STRIDE", STRIDE), number("TAMIS_ERASING_CUT_SHORT", CUT_SHORT));
    let begun = Instant::now();
    let (place, chance) = (Place::new(), Chance::new(3));
    let (mut ledger, mut memory) = (Ledger::default(), Memory::default());
    let house = House::new(&place.home()).await;
    ledger.begin(&house, PEOPLE).await;
    house.learnt_by(&mut memory);
    house.close().await;
    ledger.judge(&place.home(), &memory).await.expect("all is well before anything happens");
    let layer = power::layer(place.directory.path());
    let log = place.directory.path().join("changes");
    let mut disk = Disk::holding(&place.home());
    let said = place.begin(&ledger, 5, true, &watched(&layer, &log, &place.home())).end();
    let mut whole = ledger.clone();
    said.iter().for_each(|line| whole.take(line));
    whole.foreseen_by(&mut memory);
    // What was corrected lies there as it is now.
    let ended = tempfile::tempdir().expect("a directory");
    copy(&place.home(), ended.path());
    memory.learn(ended.path(), &ROOT);
    let changes = fs::read(&log).expect("a log");
    let records = power::records(&changes);
    assert!(whole.corrected() > 1 && whole.expired() > 3, "too little is corrected, or has had its time");
    let (mut tally, mut seen, mut looked) = (Tally::default(), HashSet::new(), 0);
    let offset = chance.below(stride);
    for (at, record) in records.iter().enumerate() {
        disk.take(record);
        let answer = record.answer().map(str::trim_end);
        answer.into_iter().for_each(|line| ledger.take(line));
        // Where something was just answered, and each so many steps.
        let is_answer = answer.is_some_and(|line| {
            [" erased ", " corrected ", " swept "].iter().any(|verb| line.contains(verb))
        });
        if !is_answer && at as u64 % stride != offset {
            continue;
        }
        for fate in FATES {
            let cut = Place::new();
            disk.rebuild(&cut.home(), fate, &chance);
            if !seen.insert((fingerprint(&cut.home()), ledger.answered())) {
                continue;
            }
            looked += 1;
            let fault = |fault: String| {
                let kept = place.directory.path().with_extension("kept");
                copy(cut.directory.path(), &kept);
                panic!("step {at}, {fate:?}: {fault}\nlook at {}", kept.display())
            };
            let before = ledger.holds_of_disk(&cut.home(), &memory).unwrap_or_else(fault);
            let unstarted = tempfile::tempdir().expect("a directory");
            copy(&cut.home(), unstarted.path());
            let mut after = ledger.clone();
            after.judge(&cut.home(), &memory).await.unwrap_or_else(|broken| {
                fault(broken);
            });
            // What opened and opens no more the start itself has destroyed.
            let unfinished = !after.dead(&memory).is_disjoint(&before);
            tally.moments += 1;
            tally.finished += after.answered() - ledger.answered();
            tally.undone += ledger.unanswered() - after.unanswered() - (after.answered() - ledger.answered());
            tally.pending += usize::from(unfinished);
            if unfinished && (tally.pending as u64) <= cut_short {
                tally.in_starts += within_the_start(unstarted.path(), &ledger, &memory, &layer, stride).await;
            }
        }
    }
    assert!(tally.pending > 0 && tally.finished > 0 && tally.undone > 0 && tally.in_starts > 0, "{tally:?}");
    println!("{} changes, {looked} disks: {tally:?}, {:.1} s", records.len(), begun.elapsed().as_secs_f64());
}

/// A start that has keys to destroy is cut short at its steps; the one after it ends what both left.
async fn within_the_start(home: &Path, ledger: &Ledger, memory: &Memory, layer: &Path, stride: u64) -> usize {
    let place = Place::new();
    copy(home, &place.home());
    let log = place.directory.path().join("changes");
    let mut disk = Disk::holding(&place.home());
    place.look(&watched(layer, &log, &place.home())).end();
    let (changes, chance) = (fs::read(&log).expect("a log"), Chance::new(9));
    let (mut cuts, mut seen) = (0, HashSet::new());
    for (at, record) in power::records(&changes).iter().enumerate() {
        disk.take(record);
        if !(at as u64).is_multiple_of(stride.div_ceil(3)) {
            continue;
        }
        for fate in FATES {
            let cut = Place::new();
            disk.rebuild(&cut.home(), fate, &chance);
            if !seen.insert(fingerprint(&cut.home())) {
                continue;
            }
            let judged = ledger.clone().judge(&cut.home(), memory).await;
            judged.unwrap_or_else(|fault| panic!("within a start, step {at}, {fate:?}: {fault}"));
            cuts += 1;
        }
    }
    cuts
}
