//! One run: operations applied to a world, the model asked after each; and how a failing list is made short.

mod erasing;
mod officer;
mod pages;
mod script;

use std::panic::AssertUnwindSafe;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::join_all;
use tamis::clock::Day;
use tamis::graph::Availability;
use tamis::id::PageId;
use tamis::inbox::InboxCode;
use tamis::notification::{self, LeadRef};
use tamis::store::{Requeue, Scanning, StoreCode, StoreError};
use tamis::trail::{Action, Entry};
use tamis::workers::{Step, Worker};
use tamis_simulator::{Match, Misbehaviour, Rule, Usage, sign};

use crate::dice::Dice;

use super::model::{Act, Broken, CANARY, ExportedPage, Model, hold};
use super::ops::{Calls, LETTER, Op, Script, Tampering, Which, generate};
use super::plan::{FORM_IDS, PAGES, form, purpose};
use super::world::{Bounds, Meta, World, store_says};

/// No operation takes longer.
const PATIENCE: Duration = Duration::from_secs(60);
/// So many steps in a row bring a fetcher to rest.
const STEPS_MAX: usize = 200;
/// So many times half an hour bring everything to its end.
const ROUNDS_MAX: usize = 400;
/// So much of a scan goes between two operations.
const SLICE_ENTRIES: usize = 5;
/// How long a failing list is made shorter.
const SHRINK_FOR: Duration = Duration::from_secs(120);

/// A run that failed.
pub struct Failure {
    /// At which operation.
    pub at: usize,
    /// What does not hold.
    pub why: String,
}

/// The operations of a seed, and under what bounds they run.
pub fn of_seed(seed: u64) -> (Bounds, Vec<Op>) {
    let mut dice = Dice::new(seed);
    let bounds =
        Bounds { max_references: dice.of(&[1_000, 1_000, 12]), calls_in_flight: dice.of(&[1, 1, 4]) };
    (bounds, generate(seed, &mut dice))
}

/// Runs a list from an empty store to its end.
pub async fn run(meta: &Meta, seed: u64, bounds: Bounds, ops: &[Op]) -> Result<(), Failure> {
    let mut at = 0;
    let running = AssertUnwindSafe(run_all(meta, seed, bounds, ops, &mut at)).catch_unwind();
    let why = match running.await {
        Ok(Ok(())) => return Ok(()),
        Ok(Err(Broken(why))) => why,
        Err(panic) => format!("panic: {}", panic_text(panic.as_ref())),
    };
    Err(Failure { at, why })
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_default()
}

async fn run_all(meta: &Meta, seed: u64, bounds: Bounds, ops: &[Op], at: &mut usize) -> Result<(), Broken> {
    let world = World::new(meta, seed, bounds).await?;
    let mut run = Run { world, model: Model::default() };
    for op in ops {
        let applied = tokio::time::timeout(PATIENCE, run.apply(op)).await;
        applied.map_err(|_| Broken("it does not end".to_owned()))??;
        run.scan(SLICE_ENTRIES).await?;
        *at += 1;
    }
    run.finish().await
}

/// A failing list with as much left out as still fails.
pub async fn shrink(meta: &Meta, seed: u64, bounds: Bounds, ops: Vec<Op>) -> (Vec<Op>, String) {
    let begun = Instant::now();
    let mut ops = ops;
    let mut why = String::new();
    let mut part = ops.len().div_ceil(2);
    while part > 0 && begun.elapsed() < SHRINK_FOR {
        let mut from = 0;
        while from < ops.len() && begun.elapsed() < SHRINK_FOR {
            let mut fewer = ops.clone();
            fewer.drain(from..(from + part).min(ops.len()));
            match run(meta, seed, bounds, &fewer).await {
                Err(failure) => (ops, why) = (fewer, failure.why),
                Ok(()) => from += part,
            }
        }
        part = if part == 1 { 0 } else { part.div_ceil(2) };
    }
    (ops, why)
}

/// True if one clock is before the other by more than what passes for the same.
fn is_an_hour_before(one: jiff::Timestamp, other: jiff::Timestamp) -> bool {
    other.duration_since(one) > jiff::SignedDuration::from_hours(1)
}

struct Run<'m> {
    world: World<'m>,
    model: Model,
}

impl Run<'_> {
    async fn apply(&mut self, op: &Op) -> Result<(), Broken> {
        match op {
            Op::Restart(policy) => {
                self.world.close().await?;
                self.start(*policy).await?;
                self.model.check(&self.world, Act::Quiet, false).await
            }
            Op::Crash => {
                self.world.kill().await?;
                self.start(self.world.policy).await?;
                self.model.check(&self.world, Act::Quiet, false).await
            }
            Op::CrashWithin(ticks, within) => self.crash_within(*ticks, within).await,
            Op::Reload(policy) => {
                self.world.reload(*policy).await;
                self.world.policy = *policy;
                self.model.check(&self.world, Act::Quiet, false).await
            }
            Op::FetchReload(which, policy) => {
                let before = self.world.policy;
                let step = self.world.rooms().fetchers[which % 2].step();
                tokio::join!(step, self.world.reload(*policy));
                self.world.policy = *policy;
                self.model.check(&self.world, Act::FetchAcross { before }, false).await
            }
            Op::Tamper(pick, how) => {
                let leads = self.model.pick(&self.world, &[*pick]);
                self.tamper(&leads, *how)?;
                self.model.check(&self.world, Act::Quiet, false).await
            }
            Op::Export(of, limit) => {
                match self.take_page(*of, *limit).await? {
                    Some(page) => self.model.exported(&self.world, *of, *limit, &page)?,
                    None => hold!(
                        self.model.leapt || !self.world.rooms().store.clock_confirmed(),
                        "an export is refused for a clock that did not leap and is confirmed"
                    ),
                }
                self.model.check(&self.world, Act::Quiet, false).await
            }
            Op::Reap => {
                // The inbox's keeper goes on by itself: a segment may be recycled right after the reaper looked at it.
                let before = self.world.rooms().inbox.days();
                let reaped = self.step(op).await?;
                self.model.check(&self.world, Act::Reap, false).await?;
                if reaped { self.model.check_reaped(&self.world, before).await } else { Ok(()) }
            }
            op => {
                let act = self.act(op);
                self.step(op).await?;
                self.model.check(&self.world, act, false).await
            }
        }
    }

    /// What an operation may change.
    fn act(&self, op: &Op) -> Act {
        match op {
            Op::Fetch(_) | Op::FetchBoth => Act::Fetch { calm: self.is_calm() },
            Op::Reap => Act::Reap,
            Op::Requeue(which) => Act::Requeue(*which),
            Op::ConfirmClock | Op::Watch => Act::Confirm,
            Op::ClockOff(_) => Act::ClockSet,
            Op::Erase(..) | Op::Withdraw(_, LETTER) => Act::Erase,
            Op::Correct(..)
            | Op::Restrict(..)
            | Op::LiftRestriction(..)
            | Op::Suppress(..)
            | Op::Withdraw(..)
            | Op::Hand(..)
            | Op::Follow(_) => Act::Asked,
            _ => Act::Quiet,
        }
    }

    /// Nothing misbehaves, nothing is paused.
    fn is_calm(&self) -> bool {
        let ready = |page: &str| {
            let page = PageId::parse(page).expect("digits");
            let said = self.world.rooms().graph.availability(&page);
            matches!(said, Availability::Ready | Availability::NoToken)
        };
        !self.model.scripted && self.model.dead_tokens == [false; 2] && PAGES.iter().all(|page| ready(page))
    }

    /// Kills the daemon somewhere within an operation. What was answered after that moment was never answered.
    async fn crash_within(&mut self, ticks: u32, within: &Op) -> Result<(), Broken> {
        let act = self.act(within);
        match within {
            Op::Deliver(picks) => {
                let leads = self.model.pick(&self.world, picks);
                let references = self.notified(&leads)?;
                self.world.arm(ticks);
                let _ = self.world.rooms().inbox.accept(references).await;
                self.model.doubt(&self.world, &leads);
            }
            Op::Export(of, limit) => {
                self.world.arm(ticks);
                let _ = self.take_page(*of, *limit).await;
            }
            Op::Restart(policy) => {
                self.world.arm(ticks);
                self.world.close().await?;
                self.world.open(*policy).await?;
            }
            op => {
                if let Op::Erase(people, of) = op {
                    self.model.asked = self.model.request(people, *of);
                }
                if self.prepare(op) {
                    let asked = self.model.asked.clone();
                    self.world.arm(ticks);
                    let _ = self.carry_out(true).await;
                    self.model.asked = asked;
                } else {
                    self.world.arm(ticks);
                    let _ = self.step(op).await;
                }
            }
        }
        self.world.kill().await?;
        self.start(self.world.policy).await?;
        self.model.resolve(&self.world);
        self.model.check(&self.world, act, true).await
    }

    async fn start(&mut self, policy: usize) -> Result<(), Broken> {
        self.model.started();
        Ok(self.world.open(policy).await?)
    }

    /// Does what an operation says. True if there was something to do.
    async fn step(&mut self, op: &Op) -> Result<bool, Broken> {
        let meta = &self.world.meta.simulator;
        match op {
            Op::Deliver(picks) => {
                let leads = self.model.pick(&self.world, picks);
                self.deliver(&[leads]).await?;
            }
            Op::DeliverAtOnce(calls) => {
                let calls: Vec<Vec<usize>> =
                    calls.iter().map(|picks| self.model.pick(&self.world, picks)).collect();
                self.deliver(&calls).await?;
            }
            Op::Advance(ms) => self.world.advance_ms(*ms),
            Op::ClockOff(ms) => self.world.set_clock_off(*ms),
            Op::Fetch(which) => {
                let step = self.world.rooms().fetchers[which % 2].step().await;
                return Ok(matches!(step, Step::Did(_)));
            }
            Op::FetchBoth => {
                let [one, two] = &self.world.rooms().fetchers;
                let (one, two) = tokio::join!(one.step(), two.step());
                return Ok(matches!(one, Step::Did(_)) || matches!(two, Step::Did(_)));
            }
            Op::Reap => {
                let now = self.world.now();
                let hour = jiff::SignedDuration::from_hours(1);
                let due = self.model.reaper_due.is_none_or(|due| due <= now || now + hour < due);
                // By a clock that nobody has confirmed nothing is reaped.
                let confirmed = self.world.rooms().store.clock_confirmed();
                if let Step::Until(moment) = self.world.rooms().reaper.step().await {
                    self.model.reaper_due = Some(moment);
                }
                return Ok(due && confirmed);
            }
            Op::ConfirmClock => {
                let by = Entry::by_system(Action::ClockConfirmed);
                let store = &self.world.rooms().store;
                let (leapt, confirmed) = (store.clock_jumped(), store.clock_confirmed());
                let is_news = leapt || !confirmed || is_an_hour_before(self.world.now(), store.now());
                let said = store.confirm_clock(by).await.map_err(|error| store_says(&error))?;
                hold!(said == is_news, "there was something to confirm: {said}");
                hold!(store.clock_confirmed() && !store.clock_jumped(), "a person's word counts for nothing");
                self.model.person_confirmed(&self.world);
            }
            Op::Watch => {
                self.world.rooms().clockwatch.step().await;
                self.model.watched(&self.world)?;
            }
            Op::Script(script) => self.script(script),
            Op::Behave => {
                meta.behave();
                self.model.scripted = false;
                self.model.wrong_forms = false;
            }
            Op::Vanish(which) => self.model.vanish(&self.world, *which),
            Op::TokenDies(page) => {
                meta.set_token(PAGES[*page], "another-token");
                self.model.dead_tokens[*page] = true;
            }
            Op::TokenRevives(page) => {
                meta.set_token(PAGES[*page], &self.world.held_token(*page));
                self.model.dead_tokens[*page] = false;
            }
            Op::TokenReplaced(page) => {
                self.world.replace_token(*page);
                self.model.dead_tokens[*page] = false;
            }
            Op::Requeue(which) => self.requeue(*which).await?,
            Op::Erase(people, of) => {
                let request = self.model.request(people, *of);
                self.erase(request, people.len() == 3).await?;
            }
            Op::Correct(..)
            | Op::Restrict(..)
            | Op::LiftRestriction(..)
            | Op::Suppress(..)
            | Op::Withdraw(..)
            | Op::Hand(..)
            | Op::Follow(_) => {
                self.prepare(op);
                self.carry_out(false).await?;
            }
            Op::Tamper(..)
            | Op::Restart(_)
            | Op::Crash
            | Op::CrashWithin(..)
            | Op::Reload(_)
            | Op::FetchReload(..)
            | Op::Export(..) => {
                hold!(false, "not a step: {op:?}");
            }
        }
        Ok(true)
    }

    /// What Meta sends for these leads, verified and read as the webhook does.
    fn notified(&self, leads: &[usize]) -> Result<Vec<LeadRef>, Broken> {
        let body = self.body(leads);
        let signature = sign(self.world.meta.secret.as_bytes(), &body);
        let rooms = self.world.rooms();
        let authentic = rooms.verifier.verify([signature.as_bytes()], false, Bytes::from(body));
        let authentic = authentic.map_err(|code| format!("Meta's own call is refused: {code}"))?;
        let read = notification::read(&authentic, self.world.now().max(self.world.believed()));
        Ok(read.map_err(|code| format!("Meta's own call is not read: {code}"))?.references)
    }

    fn body(&self, leads: &[usize]) -> Vec<u8> {
        let ids: Vec<&str> = leads.iter().map(|index| self.model.leads[*index].id.as_str()).collect();
        self.world.meta.simulator.notification(&ids)
    }

    /// Calls at the same time; whichever gets its 200 is acknowledged.
    async fn deliver(&mut self, calls: &[Vec<usize>]) -> Result<(), Broken> {
        let rooms = self.world.rooms();
        let held = rooms.inbox.queued() + rooms.store.parked().await.map_err(|error| store_says(&error))?;
        let mut accepting = Vec::new();
        for leads in calls {
            accepting.push(rooms.inbox.accept(self.notified(leads)?));
        }
        let unknown: Vec<usize> = calls.iter().map(|leads| self.model.unknown(leads)).collect();
        let (answers, bound) = (join_all(accepting).await, self.world.bounds.max_references);
        let (mut new, mut refused) = (0, 0);
        for ((leads, unknown), answer) in calls.iter().zip(&unknown).zip(answers) {
            match answer {
                Ok(accepted) => {
                    hold!(accepted.new.len() <= *unknown, "{} new of {unknown}", accepted.new.len());
                    new += accepted.new.len() as u64;
                    self.model.acknowledge(&self.world, leads);
                }
                Err(error) => {
                    hold!(error.code == InboxCode::Full, "the inbox refuses: {}", error.code);
                    refused += *unknown as u64;
                }
            }
        }
        hold!(new == 0 || held + new <= bound, "{new} were taken beside {held}, and {bound} is the bound");
        hold!(refused == 0 || held + new + refused > bound, "{refused} were refused, and there was room");
        Ok(())
    }

    /// A call that is not Meta's is not read.
    fn tamper(&self, leads: &[usize], how: Tampering) -> Result<(), Broken> {
        let mut body = self.body(leads);
        let secret = self.world.meta.secret.as_bytes();
        let mut signature = match how {
            Tampering::Secret => sign(b"another secret", &body),
            _ => sign(secret, &body),
        }
        .into_bytes();
        match how {
            Tampering::Body => {
                let middle = body.len() / 2;
                body[middle] ^= 1;
            }
            Tampering::Signature => {
                let last = signature.len() - 1;
                signature[last] = if signature[last] == b'0' { b'1' } else { b'0' };
            }
            Tampering::Secret | Tampering::Unsigned => {}
        }
        let values = Some(signature.as_slice()).filter(|_| how != Tampering::Unsigned);
        let verified = self.world.rooms().verifier.verify(values, false, Bytes::from(body));
        hold!(verified.is_err(), "a call that is not Meta's is believed: {how:?}");
        Ok(())
    }

    async fn requeue(&self, which: Which) -> Result<(), Broken> {
        use tamis::notification::ParkCode;
        let which = match which {
            Which::RequiredFieldMissing => Requeue::Code(ParkCode::RequiredFieldMissing),
            Which::ConsentMissing => Requeue::Code(ParkCode::ConsentMissing),
            Which::AttemptsSpent => Requeue::Code(ParkCode::AttemptsSpent),
            Which::FormMismatch => Requeue::Code(ParkCode::FormMismatch),
            Which::OfForm(index) => Requeue::Form(form(index)),
        };
        let count = self.world.rooms().store.requeue(which, Entry::by_system(Action::Requeued)).await;
        count.map(|_| ()).map_err(|error| Broken(store_says(&error)))
    }

    /// Meta behaves, time passes, the workers work: everything has its end. Then the whole is looked at once more.
    async fn finish(&mut self) -> Result<(), Broken> {
        self.apply(&Op::Behave).await?;
        for page in 0..2 {
            self.apply(&Op::TokenRevives(page)).await?;
        }
        self.apply(&Op::ClockOff(0)).await?;
        self.apply(&Op::ConfirmClock).await?;
        self.drain().await?;
        for which in [Which::AttemptsSpent, Which::FormMismatch] {
            self.apply(&Op::Requeue(which)).await?;
        }
        self.drain().await?;
        self.model.check_ends(&self.world)?;
        self.apply(&Op::Restart(self.world.policy)).await?;
        self.apply(&Op::ConfirmClock).await?;
        for of in 0..2 {
            self.model.rewind(of);
            self.apply(&Op::Export(of, 10_000)).await?;
            self.apply(&Op::Hand(of, 10_000)).await?;
        }
        self.apply(&Op::Follow(10_000)).await?;
        let mut slices = 0;
        while !self.scan(1_000).await? {
            slices += 1;
            hold!(slices < STEPS_MAX, "a scan has no end");
        }
        self.model.check_erased_ends()?;
        hold!(!self.world.image().holds(CANARY), "an id or an answer lies in clear in a file");
        self.world.close().await?;
        Ok(())
    }

    /// A slice of a scan, which goes on across whatever happens and never finds a fault. True at its end.
    async fn scan(&self, entries: usize) -> Result<bool, Broken> {
        match self.world.rooms().store.scan(entries).await {
            Ok(Scanning::Over(scanned)) => {
                hold!(scanned.faults.is_empty(), "a scan accuses: {:?}", scanned.faults);
                Ok(true)
            }
            Ok(Scanning::More) => Ok(false),
            Err(error) => Err(Broken(store_says(&error))),
        }
    }

    async fn drain(&mut self) -> Result<(), Broken> {
        for _ in 0..ROUNDS_MAX {
            for which in 0..2 {
                let mut steps = 0;
                loop {
                    let act = Act::Fetch { calm: self.is_calm() };
                    let did = self.step(&Op::Fetch(which)).await?;
                    self.model.check(&self.world, act, false).await?;
                    steps += 1;
                    hold!(steps < STEPS_MAX, "a fetcher does not come to rest");
                    if !did {
                        break;
                    }
                }
            }
            if !self.model.awaits(&self.world) {
                return Ok(());
            }
            self.world.advance_ms(30 * 60_000);
        }
        Err(Broken(format!("no end after {ROUNDS_MAX} rounds: {}", self.model.waiting())))
    }
}
