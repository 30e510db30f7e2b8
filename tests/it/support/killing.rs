//! `kill -9` under load, again and again, and what must hold after each restart. The test kills a few times, the program
//! `examples/kill.rs` as often as it is told.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tamis_simulator::{Match, Misbehaviour, Rule, Simulator};

use super::account::{Records, Tally, hold_to_account, knows, queued};
use super::deeds::RECIPIENT;
use super::process::Home;
use super::rights::Rights;
use super::senders::{Chance, Senders};

/// Every so many kills one falls into the start, by chance.
const ONE_IN_A_START: u64 = 5;
const START_MS: u64 = 60;
/// How long the load lasts before a kill.
const LOAD_MS_MIN: u64 = 5;
const LOAD_MS_SPREAD: u64 = 250;

/// In one life of so many Graph is slower than a life lasts, so that what was acknowledged stays queued.
const ONE_IN_SLOW: u64 = 3;
const SLOW: Duration = Duration::from_millis(400);

/// One life of so many lasts until so much was answered beside the load, and no longer than this: on a machine that has much to do an
/// erasure takes longer than most lives.
const ONE_IN_PATIENT: u64 = 2;
const ANSWERS: usize = 6;
const PATIENT_FOR: Duration = Duration::from_secs(3);

/// Of so many who are erased the evidence is looked for: each look is a scan.
const EVIDENCE_BETWEEN: usize = 2;
const EVIDENCE_AT_END: usize = 20;

/// How often, and from where chance starts.
#[derive(Clone, Copy)]
pub struct Plan {
    pub kills: usize,
    pub seed: u64,
    /// The export is held against what was sent after so many kills.
    pub check_every: usize,
    /// A pause of each of the senders after each call: none to press as hard as it goes.
    pub pause: Duration,
    /// Hears how many kills there were after each.
    pub heard: fn(usize),
}

/// Kills as planned. `Err` says what did not hold; the directory is left for a look then.
pub async fn siege(home: &Home, meta: &Simulator, plan: Plan) -> Result<Tally, String> {
    let begun = Instant::now();
    let chance = Chance::new(plan.seed);
    let senders = Senders::new(meta, plan.pause);
    let mut tally = Tally::default();
    let (mut records, mut rights) = (Records::default(), Rights::new(plan.seed));
    let mut looked_at = 0;
    while tally.kills < plan.kills {
        tally.kills += 1;
        (plan.heard)(tally.kills);
        if chance.below(ONE_IN_A_START) == 0 {
            home.spawn_and_kill(Duration::from_millis(chance.below(START_MS)));
            tally.kills_while_starting += 1;
            continue;
        }
        let started = Instant::now();
        let daemon = home.try_serve::<&str>(&[], &[])?;
        daemon.misses_nothing()?;
        tally.slowest_start = tally.slowest_start.max(started.elapsed());
        tally.queued = tally.queued.max(queued(&daemon.admin()).await);
        let fresh: Vec<usize> = senders.answered(looked_at).into_iter().map(|(number, _)| number).collect();
        looked_at += fresh.len();
        let after = |fault: String| format!("after kill {}: {fault}", tally.kills);
        knows(meta, &daemon, &fresh).await.map_err(after)?;
        let standing = rights.hold(&daemon.admin(), senders.sent()).await.map_err(after)?;
        if tally.kills.is_multiple_of(plan.check_every) {
            records.read_up_to(&daemon.admin(), senders.sent()).await?;
            let mut all = Records::default();
            all.read_up_to(&daemon.admin(), senders.sent()).await?;
            standing.check_export(&all).map_err(after)?;
            let looked_for = standing.check_evidence(&daemon.admin(), &rights.held, EVIDENCE_BETWEEN).await;
            tally.count("looked at: evidence", looked_for?);
            let heard = standing.check_changes(&daemon.admin().on_behalf_of(RECIPIENT)).await;
            tally.count("looked at: changes", heard?);
        }
        let slow = (chance.below(ONE_IN_SLOW) == 0)
            .then(|| meta.misbehave(Rule::always(Match::any(), Misbehaviour::Delay(SLOW))));
        let (webhook, never) = (daemon.webhook(), AtomicBool::new(false));
        let load = senders.send(&webhook, &never, usize::MAX);
        let (admin, recipient) = (daemon.admin(), daemon.admin().on_behalf_of(RECIPIENT));
        let heard = Arc::clone(&rights.heard);
        let enough = heard.load(Ordering::Relaxed) + ANSWERS;
        let (sent, is_over) = (|| senders.sent(), || false);
        let officer = rights.exercise(&admin, &recipient, (&sent, &is_over));
        let killer = async {
            tokio::time::sleep(Duration::from_millis(LOAD_MS_MIN + chance.below(LOAD_MS_SPREAD))).await;
            let (begun, waits) = (Instant::now(), chance.below(ONE_IN_PATIENT) == 0);
            while waits && heard.load(Ordering::Relaxed) < enough && begun.elapsed() < PATIENT_FOR {
                tokio::time::sleep(Duration::from_millis(chance.below(LOAD_MS_MIN))).await;
            }
            daemon.kill();
        };
        tokio::join!(load, officer, killer)
            .1
            .map_err(|fault| format!("before kill {}: {fault}", tally.kills))?;
        slow.into_iter().for_each(|rule| meta.forgive(rule));
    }
    let daemon = home.try_serve::<&str>(&[], &[])?;
    daemon.misses_nothing()?;
    rights.hold(&daemon.admin(), senders.sent()).await?;
    rights.lift_all(&daemon.admin()).await?;
    hold_to_account(&daemon, meta, &senders, (&mut records, &rights), &mut tally).await?;
    let standing = rights.standing(|_| true);
    let looked_for = standing.check_evidence(&daemon.admin(), &rights.held, EVIDENCE_AT_END).await?;
    tally.count("looked at: evidence", looked_for);
    tally.count("looked at: changes", standing.check_changes(&daemon.admin().on_behalf_of(RECIPIENT)).await?);
    std::mem::take(&mut rights.answered).into_iter().for_each(|(deed, many)| tally.count(deed, many));
    let (status, said) = daemon.terminate();
    tally.took = begun.elapsed();
    if status.success() { Ok(tally) } else { Err(format!("it did not end well: {said}")) }
}
