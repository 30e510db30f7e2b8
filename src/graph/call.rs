//! One call under all the rules: its turn, a permit, the pauses, the right app secret, the usage headers, the verdict.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use crate::graph::client::{Reply, Target};
use crate::graph::failure::{Cause, Failure, Fault, Refusal, Scope, refusal};
use crate::graph::outage::{Asked, Sign};
use crate::graph::outcome::CallOutcome;
use crate::graph::pace::Usage;
use crate::graph::pause::{Availability, Halt, Length, Passed, Ticket};
use crate::graph::{Access, Graph};
use crate::lead::RawReply;
use crate::notification::ParkCode;
use crate::secret::Secret;

/// What came of a call.
pub(super) struct Called {
    pub outcome: Result<Found, Refused>,
    /// HTTP calls made: none while paused, two when the other app secret was tried.
    pub calls: u32,
}

/// A reply in which what was asked for is.
pub(super) struct Found {
    pub body: RawReply,
}

/// Why there is no such reply.
#[derive(Clone, Copy)]
pub(super) struct Refused {
    /// None: no call was made.
    pub fault: Option<Fault>,
    pub failure: Failure,
}

/// A whole reply.
struct Answered {
    reply: Reply,
    /// Graph says no.
    refusal: Option<Refusal>,
    took: Duration,
}

/// Who makes a call: whose token, which token, with whose leave.
struct Caller<'c> {
    access: &'c Access,
    token: Arc<Secret>,
    ticket: Ticket<'c>,
}

impl Graph {
    /// Makes a call, unless the page waits.
    pub(super) async fn call(&self, access: &Access, target: Target<'_>, max_bytes: usize) -> Called {
        // First, so that a page that waits for hours takes no turn.
        if let Availability::Paused { until, code } = self.pauses.availability(&access.page, self.now()) {
            return not_made(until, code);
        }
        match self.pace.take_turn(&access.page, self.now()) {
            Ok(wait) if wait.is_zero() => {}
            Ok(wait) => tokio::time::sleep(wait).await,
            Err(until) => return not_made(until, ParkCode::GraphThrottled),
        }
        // The semaphore is never closed; if it were, the call would go on without a permit rather than be lost.
        let _permit = self.permits.acquire().await.ok();
        let (token, _) = self.token(access);
        // And again: the page may have been paused while this call waited.
        let ticket = match self.pauses.begin(&access.page, self.now()) {
            Ok(ticket) => ticket,
            Err((until, code)) => return not_made(until, code),
        };
        let caller = Caller { access, token, ticket };
        let (reply, calls) = self.with_right_secret(&caller, target, max_bytes).await;
        let outcome = match reply {
            Err(cause) => {
                let refusal = Refusal::plain(without_reply(cause), cause);
                Err(self.refused(&caller, target, &refusal, &Usage::default()))
            }
            Ok(answered) => self.judge(&caller, target, answered),
        };
        Called { outcome, calls }
    }

    /// Calls with the app secret that was right the last time, and once with the other if Graph refuses its proof.
    async fn with_right_secret(
        &self,
        caller: &Caller<'_>,
        target: Target<'_>,
        max_bytes: usize,
    ) -> (Result<Answered, Cause>, u32) {
        let secrets = &caller.access.app_secrets;
        let first = caller.access.app_secret.load(Ordering::Relaxed);
        let mut calls = 0;
        loop {
            let index = first.wrapping_add(calls).checked_rem(secrets.len()).unwrap_or(0);
            let begun = Instant::now();
            let read = self.client.read(target, &caller.token, secrets.get(index), max_bytes).await;
            let took = begun.elapsed();
            calls += 1;
            let reply = match read {
                Ok(reply) => reply,
                Err(cause) => {
                    self.told.call(CallOutcome::without_reply(cause), took);
                    return (Err(cause), calls as u32);
                }
            };
            let refusal = refusal(reply.status, reply.body.expose());
            if refusal.is_none_or(|refusal| refusal.fault != Fault::Proof) {
                caller.access.app_secret.store(index, Ordering::Relaxed);
            } else if calls < secrets.len().min(2) {
                self.told.call(CallOutcome::Config, took);
                continue;
            }
            return (Ok(Answered { reply, refusal, took }), calls as u32);
        }
    }

    fn judge(
        &self,
        caller: &Caller<'_>,
        target: Target<'_>,
        Answered { reply, refusal, took }: Answered,
    ) -> Result<Found, Refused> {
        self.pace.note(&caller.access.page, &reply.usage);
        let found = match refusal {
            Some(refusal) => Err(refusal),
            None => foreign(target, &reply.body).map_or(Ok(()), Err),
        };
        self.told.call(found.as_ref().map_or_else(CallOutcome::of, |()| CallOutcome::Answered), took);
        match found {
            Err(refusal) => Err(self.refused(caller, target, &refusal, &reply.usage)),
            Ok(()) => {
                self.outage.answered();
                let shown = if matches!(target, Target::Form(..)) { Passed::TokenOnly } else { Passed::Lead };
                self.pass(caller, shown, &reply.usage);
                Ok(Found { body: reply.body })
            }
        }
    }

    /// Draws the consequences of a refusal: who is paused, and what is said of what was asked for.
    fn refused(&self, caller: &Caller<'_>, target: Target<'_>, refusal: &Refusal, usage: &Usage) -> Refused {
        tracing::debug!(
            page.id = %caller.access.page, cause = %refusal.cause,
            graph.code = refusal.graph.map(|graph| graph.code), "graph.call-refused"
        );
        if refusal.graph.is_some() {
            self.outage.answered();
            self.pauses.answered(&caller.ticket);
        }
        let fault = refusal.fault;
        let spared = matches!(target, Target::Form(..)) && fault.ends_form();
        let failure = match fault.halt().filter(|_| !spared) {
            Some((scope, code)) => {
                let until = self.halt(caller, refusal, scope, code, usage);
                refusal.halted(until, code)
            }
            None => {
                // Where Graph speaks of the object, it has let the token in.
                let shown = if fault == Fault::Passing { Passed::Nothing } else { Passed::TokenOnly };
                self.pass(caller, if refusal.graph.is_some() { shown } else { Passed::Nothing }, usage);
                self.unless_outage(caller, target, refusal, usage)
            }
        };
        Refused { fault: Some(fault), failure }
    }

    /// What is said of a lead when nobody is to be paused for what Graph said; all are if Graph is not there.
    fn unless_outage(
        &self,
        caller: &Caller<'_>,
        target: Target<'_>,
        refusal: &Refusal,
        usage: &Usage,
    ) -> Failure {
        let sign = match refusal.graph {
            Some(_) => Sign::None,
            None => self.outage.failed(refusal.cause, asked(target)),
        };
        if sign == Sign::None {
            return refusal.failure();
        }
        let until = self.halt(caller, refusal, Scope::App, ParkCode::GraphUnavailable, usage);
        match sign {
            Sign::Certain => refusal.halted(until, ParkCode::GraphUnavailable),
            // It spends an attempt: if it is the reason after all, another lead is the next to look.
            _ => refusal.failure(),
        }
    }

    fn halt(
        &self,
        caller: &Caller<'_>,
        refusal: &Refusal,
        scope: Scope,
        code: ParkCode,
        usage: &Usage,
    ) -> Timestamp {
        let now = self.now();
        if scope == Scope::Page && !self.is_current(caller) {
            // The token was replaced while the call was under way: the verdict is on the old one.
            return now;
        }
        let length = if code == ParkCode::GraphThrottled { usage.after_refusal() } else { Length::Growing };
        let halt = Halt { scope, code, graph: refusal.graph, length };
        let until = self.pauses.halt(&caller.ticket, halt, now, &*self.random);
        self.pauses_changed.notify_one();
        until
    }

    /// True if the page would be called in the same way now.
    fn is_current(&self, caller: &Caller<'_>) -> bool {
        let Some(access) = self.access(&caller.access.page) else { return false };
        self.token(&access).0.equals(caller.token.expose()) && access.is_as(caller.access)
    }

    /// The call went through; it may have used up what there was.
    fn pass(&self, caller: &Caller<'_>, shown: Passed, usage: &Usage) {
        match usage.stops() {
            Some((scope, length)) => {
                let halt = Halt { scope, code: ParkCode::GraphThrottled, graph: None, length };
                self.pauses.halt(&caller.ticket, halt, self.now(), &*self.random);
                self.pauses_changed.notify_one();
            }
            None => self.pauses.passed(&caller.ticket, shown),
        }
    }
}

fn not_made(until: Timestamp, code: ParkCode) -> Called {
    let failure = Refusal::plain(Fault::Passing, Cause::Paused).halted(until, code);
    Called { outcome: Err(Refused { fault: None, failure }), calls: 0 }
}

fn without_reply(cause: Cause) -> Fault {
    match cause {
        // It will not become better by itself: somebody must put another one there.
        Cause::Token => Fault::TokenDead,
        _ => Fault::Passing,
    }
}

/// What is wrong with a reply without an error: it is no lead, or another than was asked for.
fn foreign(target: Target<'_>, body: &RawReply) -> Option<Refusal> {
    let Target::Lead(asked, _) = target else { return None };
    match body.lead().map(|lead| lead.leadgen()) {
        None => Some(Refusal::plain(Fault::Passing, Cause::NoLead)),
        Some(Some(other)) if other != *asked => Some(Refusal::plain(Fault::Passing, Cause::Foreign)),
        Some(_) => None,
    }
}

fn asked(target: Target<'_>) -> Asked {
    match target {
        Target::Lead(id, _) => Asked::Lead(*id),
        Target::Form(id, _) => Asked::Form(*id),
    }
}
