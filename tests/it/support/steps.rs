//! A kill at each step of a first creation (and of the first references after it), a second life on what is left, and
//! then a power cut: what the second life found in the system's memory alone must not be what it built on.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tamis_simulator::Simulator;
use tokio::runtime::Handle;

use super::account::Tally;
use super::cuts::{Cut, Opening, Watched};
use super::power::{self, Disk, Unsynced};
use super::senders::{Chance, Senders};

/// More steps than this a creation does not have.
const STEPS_MAX: u64 = 1_000;
/// Calls in the first life, and in the second.
const CALLS: usize = 24;
/// So many creations at once: each waits for the disk and for what is due most of its time.
const LANES: usize = 4;

/// Which steps, and from where chance starts.
#[derive(Clone, Copy)]
pub struct Plan {
    /// Every so many steps a kill.
    pub stride: u64,
    pub seed: u64,
}

/// Kills at every `stride`th step until the daemon outlives them, and cuts the power in the life after.
///
/// # Errors
/// What did not hold, and the directories that show it.
pub async fn kills_at_each_step(meta: &Simulator, plan: Plan) -> Result<Tally, String> {
    let begun = Instant::now();
    let first = Watched::new(meta);
    let next = AtomicU64::new(1 + Chance::new(plan.seed).below(plan.stride));
    let runtime = Handle::current();
    // A step waits for processes, so each lane has a thread of its own.
    let lanes = tokio::task::block_in_place(|| {
        std::thread::scope(|scope| {
            let lane = || runtime.block_on(steps(meta, &first, &next, plan));
            let lanes: Vec<_> = (0..LANES).map(|_| scope.spawn(lane)).collect();
            lanes.into_iter().map(|lane| lane.join().expect("no panic")).collect::<Vec<_>>()
        })
    });
    let mut tally = Tally::default();
    for lane in lanes {
        tally.add(lane?);
    }
    tally.took = begun.elapsed();
    Ok(tally)
}

/// Takes one step after another, until the daemon outlives one or a step shows what does not hold.
async fn steps(meta: &Simulator, first: &Watched, next: &AtomicU64, plan: Plan) -> Result<Tally, String> {
    let mut tally = Tally::default();
    loop {
        let step = next.fetch_add(plan.stride, Ordering::SeqCst);
        if step >= STEPS_MAX {
            return Ok(tally);
        }
        // Of the step alone, so that it can be repeated alone.
        let chance = Chance::new(plan.seed.wrapping_mul(STEPS_MAX).wrapping_add(step));
        let mut watched = first.again(meta);
        match one(meta, &mut watched, step, &chance, &mut tally).await {
            Ok(true) => tally.kills += 1,
            outcome => {
                next.store(STEPS_MAX, Ordering::SeqCst);
                let outcome = outcome.map(|_| tally);
                return outcome
                    .map_err(|fault| format!("killed at step {step}: {fault}\n{}", watched.keep()));
            }
        }
    }
}

/// False: it was not killed, there are no more steps.
async fn one(
    meta: &Simulator,
    watched: &mut Watched,
    step: u64,
    chance: &Chance,
    tally: &mut Tally,
) -> Result<bool, String> {
    let senders = Senders::new(meta, Duration::ZERO);
    let never = AtomicBool::new(false);
    match watched.serve(Some(step)) {
        Ok(daemon) => {
            senders.send(&daemon.webhook(), &never, CALLS).await;
            let outlived = senders.answered(0).len() == CALLS;
            drop(daemon);
            if outlived {
                return Ok(false);
            }
        }
        Err(said) if said.contains("error: ") => return Err(said),
        Err(_) => tally.kills_while_starting += 1,
    }
    let daemon = watched.serve(None).map_err(|said| format!("the second life:\n{said}"))?;
    daemon.misses_nothing()?;
    senders.send(&daemon.webhook(), &never, CALLS).await;
    daemon.kill();

    let log = watched.changes();
    let records = power::records(&log);
    let answered: HashMap<String, usize> =
        senders.answered(0).into_iter().map(|(number, id)| (id, number)).collect();
    let second = records.iter().filter(|record| record.begins < watched.lives[1]).count();
    let somewhere = || second + chance.place(records.len() - second);
    // The witness is written seldom: chance alone would cut beside it.
    let mut rooms = Disk::new(watched.home.directory.path());
    let mut beside_witness = Vec::new();
    for (at, record) in records.iter().enumerate() {
        rooms.take(record);
        if at >= second && at + 1 < records.len() && rooms.unsynced().contains_key("witness") {
            beside_witness.push(at + 1);
        }
    }
    let at_witness = match beside_witness.as_slice() {
        [] => somewhere(),
        some => some[chance.place(some.len())],
    };
    let moments = [(somewhere(), Unsynced::InPart), (at_witness, Unsynced::Gone)];
    let sent = senders.sent();
    let cut = async |disk: &Disk, unsynced: Unsynced, acknowledged: &[usize], tally: &mut Tally| {
        *tally.power_cuts.entry(format!("killed, lives, {unsynced:?}")).or_default() += 1;
        Cut { meta, disk, unsynced, chance, rights: None }.check(acknowledged, sent, tally).await
    };
    let mut acknowledged = Vec::new();
    let mut opening = Opening::new(&watched.lives);
    for (at, record) in records.iter().enumerate() {
        for (_, unsynced) in moments.iter().filter(|(moment, _)| *moment == at) {
            cut(&watched.disk, *unsynced, &acknowledged, tally).await?;
        }
        opening.look(&watched.disk, record)?;
        watched.disk.take(record);
        acknowledged.extend(record.request_id().and_then(|id| answered.get(&id).copied()));
    }
    cut(&watched.disk, Unsynced::Gone, &acknowledged, tally).await?;
    tally.inherited += usize::from(opening.inherited > 0);
    tally.sent += senders.sent();
    tally.acknowledged += answered.len();
    Ok(true)
}
