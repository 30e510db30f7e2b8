//! Reading many leads: together, singly what a call leaves out, in smaller calls what is too much.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use jiff::Timestamp;

use crate::graph::call::{Called, Found, Refused};
use crate::graph::client::{IDS_MAX, Target};
use crate::graph::failure::{Cause, Decision, Failure, Fault};
use crate::graph::pause::{Availability, after};
use crate::graph::{Access, Graph};
use crate::id::{LeadgenId, PageId};
use crate::lead::{RawLead, RawReply, Shape};
use crate::notification::ParkCode;

/// After so many calls of one read without an answer the rest of it is not tried: Graph is not there.
const UNANSWERED_MAX: u32 = 3;
/// How long smaller calls are made for a page of which Graph said that it is too much.
const SMALLER_MS: u64 = 30 * 60_000;

/// What came of reading leads: each id once, in one of the replies or among the failed.
#[derive(Default)]
pub struct LeadsRead {
    /// Replies, each with the leads that are in it.
    pub replies: Vec<LeadReply>,
    /// Leads that were not read, and what follows.
    pub failed: Vec<(LeadgenId, Failure)>,
    /// HTTP calls made.
    pub calls: u32,
}

/// One reply, and the leads that are to be taken from it. It has no `Debug`.
pub struct LeadReply {
    raw: RawReply,
    ids: Vec<LeadgenId>,
}

impl LeadReply {
    /// The leads that were asked for, by id: of a single reply the one that was asked for, whether it names itself or
    /// not.
    pub fn leads(&self) -> Vec<(LeadgenId, RawLead<'_>)> {
        match self.raw.shape() {
            Shape::Lead(lead) => self.ids.first().map(|id| (*id, lead)).into_iter().collect(),
            Shape::Batch(mut leads) => {
                leads.retain(|(id, _)| self.ids.contains(id));
                leads
            }
            Shape::NotALead => Vec::new(),
        }
    }

    /// The ids of [`LeadReply::leads`].
    pub fn ids(&self) -> &[LeadgenId] {
        &self.ids
    }
}

impl Graph {
    pub(super) async fn leads(&self, page: &PageId, fields: &str, ids: &[LeadgenId]) -> LeadsRead {
        let mut once = HashSet::with_capacity(ids.len());
        let mut rest: Vec<LeadgenId> = ids.iter().copied().filter(|id| once.insert(*id)).collect();
        let mut read = LeadsRead::default();
        let Some(access) = self.access(page) else {
            read.failed.extend(rest.into_iter().map(|id| (id, self.no_token())));
            return read;
        };
        let mut reading =
            Reading { graph: self, access: &access, fields, read, unanswered: 0, bytes: 0, stop: None };
        while !rest.is_empty() && reading.stop.is_none() {
            let probes = self.pauses.availability(page, self.now()) == Availability::Probe;
            let size = if probes { 1 } else { self.sizes.of(page) };
            if probes {
                reading.singly(rest.drain(..1)).await;
                reading.stop_unless_resumed();
            } else if size == 1 || rest.len() == 1 {
                let replies = reading.read.replies.len();
                reading.singly(rest.drain(..)).await;
                if reading.read.replies.len() > replies {
                    self.sizes.went_well(page, 1, self.now());
                }
            } else {
                let chunk: Vec<LeadgenId> = rest.drain(..size.min(rest.len())).collect();
                let again = reading.together(&chunk).await;
                rest.splice(..0, again);
            }
        }
        reading.end(rest)
    }
}

/// One read under way.
struct Reading<'g> {
    graph: &'g Graph,
    access: &'g Access,
    fields: &'g str,
    read: LeadsRead,
    /// Calls that got no answer.
    unanswered: u32,
    /// The size of all replies kept.
    bytes: usize,
    /// Set: no further call is made, and this is said of what is left.
    stop: Option<Failure>,
}

impl Reading<'_> {
    /// Reads up to fifty in one call, then singly those that it left out. Gives back what is to be read in a smaller
    /// call.
    async fn together(&mut self, ids: &[LeadgenId]) -> Vec<LeadgenId> {
        let graph = self.graph;
        let page = &self.access.page;
        let Called { outcome, calls } = self.call(Target::Leads(ids, self.fields)).await;
        self.read.calls = self.read.calls.saturating_add(calls);
        match outcome {
            Ok(found) => {
                graph.sizes.went_well(page, ids.len(), graph.now());
                let left_out: Vec<LeadgenId> =
                    ids.iter().copied().filter(|id| !found.leads.contains(id)).collect();
                self.keep(found);
                self.singly(left_out).await;
            }
            Err(Refused { fault: Some(Fault::TooMuch), .. }) => {
                graph.sizes.too_much(page, ids.len(), graph.now());
                return ids.to_vec();
            }
            Err(Refused { fault: Some(Fault::Absent | Fault::Request), .. }) => {
                self.singly(ids.iter().copied()).await
            }
            Err(Refused { failure, .. }) => {
                self.note(&failure);
                self.as_one_shows(ids, failure).await;
            }
        }
        Vec::new()
    }

    /// After a call that failed as a whole and without a clear reason: either Graph is ill, or one of the leads is the
    /// reason. One of them is read alone, and the others only if that goes well.
    async fn as_one_shows(&mut self, ids: &[LeadgenId], failure: Failure) {
        let mut others = ids;
        if !is_halt(&failure) && !matches!(failure.cause, Cause::Connect | Cause::Tls) {
            self.graph.sizes.failed(&self.access.page, ids.len(), self.graph.now());
            let Some((first, rest)) = ids.split_first() else { return };
            others = rest;
            self.singly([*first]).await;
            if let Some(stop) = self.stop {
                self.read.failed.extend(others.iter().map(|id| (*id, stop)));
                return;
            }
            let missed = self.read.failed.last().filter(|(id, _)| id == first);
            if missed.is_none_or(|(_, failure)| failure.decision == Decision::Ambiguous) {
                return self.singly(others.iter().copied()).await;
            }
        }
        self.read.failed.extend(others.iter().map(|id| (*id, failure)));
    }

    /// Reads each alone, as many at a time as calls may be in flight; no more after one of them stops the read.
    async fn singly(&mut self, ids: impl IntoIterator<Item = LeadgenId>) {
        let mut waiting = ids.into_iter();
        let mut running = FuturesUnordered::new();
        let (graph, access, fields) = (self.graph, self.access, self.fields);
        let single = |id: LeadgenId| async move {
            (id, graph.call(access, Target::Lead(&id, fields), graph.reply_max_bytes).await)
        };
        loop {
            while self.stop.is_none() && running.len() < graph.calls_in_flight {
                let Some(id) = waiting.next() else { break };
                running.push(single(id));
            }
            let Some((id, Called { outcome, calls })) = running.next().await else { break };
            self.read.calls = self.read.calls.saturating_add(calls);
            match outcome {
                Ok(found) => self.keep(found),
                Err(Refused { failure, .. }) => {
                    self.note(&failure);
                    self.read.failed.push((id, failure));
                }
            }
        }
        if let Some(stop) = self.stop {
            self.read.failed.extend(waiting.map(|id| (id, stop)));
        }
    }

    async fn call(&self, target: Target<'_>) -> Called {
        self.graph.call(self.access, target, self.graph.reply_max_bytes).await
    }

    fn keep(&mut self, found: Found) {
        self.bytes = self.bytes.saturating_add(found.body.expose().len());
        if !found.leads.is_empty() {
            self.read.replies.push(LeadReply { raw: found.body, ids: found.leads });
        }
        if self.bytes > self.graph.reply_max_bytes && self.stop.is_none() {
            // What one reply may not exceed, all of a read may not exceed by much: the rest comes with another read.
            self.stop = Some(self.abandoned(Decision::Halt { until: self.graph.now() }));
        }
    }

    /// Sees whether a failure ends the read.
    fn note(&mut self, failure: &Failure) {
        if is_halt(failure) {
            self.stop = self.stop.or(Some(*failure));
        }
        if matches!(failure.cause, Cause::Connect | Cause::Tls | Cause::Timeout | Cause::Broken) {
            self.unanswered = self.unanswered.saturating_add(1);
        }
        if self.unanswered >= UNANSWERED_MAX && self.stop.is_none() {
            let decision = match self.graph.pauses.availability(&self.access.page, self.graph.now()) {
                Availability::Paused { until, .. } => Decision::Halt { until },
                _ => Decision::Later { not_before: None },
            };
            self.stop = Some(self.abandoned(decision));
        }
    }

    /// After a probe that showed nothing the others stay where they are.
    fn stop_unless_resumed(&mut self) {
        let now = self.graph.now();
        if self.stop.is_none()
            && self.graph.pauses.availability(&self.access.page, now) == Availability::Probe
        {
            self.stop = Some(self.abandoned(Decision::Halt { until: after(now, 1_000) }));
        }
    }

    fn abandoned(&self, decision: Decision) -> Failure {
        Failure { decision, code: ParkCode::GraphUnavailable, cause: Cause::Abandoned, graph: None }
    }

    fn end(mut self, rest: Vec<LeadgenId>) -> LeadsRead {
        if let Some(stop) = self.stop {
            self.read.failed.extend(rest.into_iter().map(|id| (id, stop)));
        }
        self.read
    }
}

fn is_halt(failure: &Failure) -> bool {
    matches!(failure.decision, Decision::Halt { .. })
}

/// How many leads of a page are read in one call: fifty, unless Graph found that too much, or such calls fail.
#[derive(Default)]
pub(super) struct Sizes(Mutex<HashMap<PageId, Size>>);

#[derive(Clone, Copy)]
struct Size {
    leads: usize,
    /// It does not grow before this.
    grows: Timestamp,
}

impl Sizes {
    fn of(&self, page: &PageId) -> usize {
        self.lock().get(page).map_or(IDS_MAX, |size| size.leads)
    }

    /// Graph said so: half as many, for a while.
    fn too_much(&self, page: &PageId, leads: usize, now: Timestamp) {
        self.set(page, leads / 2, after(now, SMALLER_MS));
    }

    /// Half as many, until a call goes well.
    fn failed(&self, page: &PageId, leads: usize, now: Timestamp) {
        let grows = self.lock().get(page).map_or(now, |size| size.grows);
        self.set(page, leads / 2, grows);
    }

    /// Twice as many as went well, if it is time.
    fn went_well(&self, page: &PageId, leads: usize, now: Timestamp) {
        let mut sizes = self.lock();
        // A clock set back must not keep calls small for long.
        let due = |size: &Size| size.grows <= now || size.grows > after(now, SMALLER_MS);
        let Some(size) = sizes.get_mut(page).filter(|size| due(size) && leads >= size.leads) else { return };
        size.leads = size.leads.saturating_mul(2);
        if size.leads >= IDS_MAX {
            sizes.remove(page);
        }
    }

    /// Never more than it was: another read may have found a smaller size meanwhile.
    fn set(&self, page: &PageId, leads: usize, grows: Timestamp) {
        let mut sizes = self.lock();
        let before = sizes.get(page).map_or(IDS_MAX, |size| size.leads);
        sizes.insert(*page, Size { leads: leads.clamp(1, before), grows });
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<PageId, Size>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_become_smaller_and_grow_again_in_time() {
        let (sizes, page) = (Sizes::default(), PageId::parse("104").expect("digits"));
        let now: Timestamp = "2026-11-25T09:00:00Z".parse().expect("a timestamp");
        assert_eq!(sizes.of(&page), 50);
        sizes.too_much(&page, 50, now);
        sizes.too_much(&page, 25, now);
        assert_eq!(sizes.of(&page), 12);
        sizes.went_well(&page, 12, now);
        assert_eq!(sizes.of(&page), 12, "remembered for a while");
        let later = after(now, SMALLER_MS);
        sizes.went_well(&page, 3, later);
        assert_eq!(sizes.of(&page), 12, "a small call says nothing of larger ones");
        for wanted in [24, 48, 50] {
            sizes.went_well(&page, sizes.of(&page), later);
            assert_eq!(sizes.of(&page), wanted);
        }
        for wanted in [25, 12, 6, 3, 1, 1] {
            sizes.failed(&page, sizes.of(&page), now);
            assert_eq!(sizes.of(&page), wanted);
        }
        sizes.went_well(&page, 1, now);
        assert_eq!(sizes.of(&page), 2);
    }
}
