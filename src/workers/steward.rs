//! What needs a person although nothing is wrong with a disk: a request that is to be answered, a recipient that does not follow, a token that ends, a required field that no question feeds, a page
//! that only a person can open again, and what somebody else has found and nobody has seen to. Looked at every minute, so that
//! the log says it, and whenever somebody asks how things stand.

use std::sync::Arc;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};

use crate::attention::{Attention, AttentionCode, Concern};
use crate::clock::{Day, after};
use crate::id::FormId;
use crate::notification::ParkCode;
use crate::purpose::{PurposeId, Unfed};
use crate::workers::routine::{Routine, Schedule, Turn};
use crate::workers::{Stands, Tools};

/// How often it looks unasked.
const EVERY: SignedDuration = SignedDuration::from_mins(1);

/// Pauses that no time ends: somebody must do something at Meta's, or write a new token.
const FOR_A_PERSON: [ParkCode; 4] =
    [ParkCode::TokenDead, ParkCode::PermissionMissing, ParkCode::GraphConfig, ParkCode::PolicyBlock];

/// So long a recipient may take where nothing else is said.
const FOLLOWS_WITHIN: SignedDuration = SignedDuration::from_hours(24 * 7);

/// So many days before a request of a person is due it is told.
const TOLD_DAYS_BEFORE: u32 = 7;

/// The steward.
pub struct Steward {
    tools: Arc<Tools>,
    attention: Arc<Attention>,
    /// After so many days a recipient should have followed.
    follows_within: SignedDuration,
    schedule: Schedule,
}

#[async_trait]
impl Routine for Steward {
    const NAME: &'static str = "steward";

    fn schedule(&self) -> &Schedule {
        &self.schedule
    }

    async fn turn(&self, turn: Turn) -> Timestamp {
        self.look().await;
        after(turn.now, EVERY)
    }
}

impl Steward {
    /// A steward that has not looked yet.
    pub fn new(tools: Arc<Tools>, attention: Arc<Attention>) -> Self {
        let schedule = Schedule::within(EVERY, Arc::clone(&tools.clock));
        Self { tools, attention, follows_within: FOLLOWS_WITHIN, schedule }
    }

    /// Recipients that have not followed for so many days need a person.
    pub fn awaiting_recipients(self, days: u32) -> Self {
        Self { follows_within: SignedDuration::from_hours(24 * i64::from(days)), ..self }
    }

    /// Looks at everything, and leaves what it found with what else stands. What cannot be looked at now stays as it was.
    pub async fn look(&self) {
        let Tools { store, graph, inbox, metrics, silence, form_check, .. } = &*self.tools;
        let mut found = Found::default();
        let is_for_a_person = graph.paused().iter().any(|paused| FOR_A_PERSON.contains(&paused.code));
        found.note(AttentionCode::PageRefused, is_for_a_person);
        found.note(AttentionCode::ClockAhead, store.clock_jumped());
        found.note(AttentionCode::ReferencesMissing, inbox.figures().references_missing > 0);
        found.note(AttentionCode::ScanFault, metrics.scan_faults() > 0);
        if let Some(is_serious) = form_check.is_serious() {
            found.note(AttentionCode::FormFinding, is_serious);
        }
        let stuck = store.stuck_erasures();
        found.note(AttentionCode::ErasurePending, stuck.pending > 0);
        found.note(AttentionCode::ErasureDamaged, stuck.damaged > 0);
        if self.knows_forms().await {
            found.note(AttentionCode::RequiredUnfed, silence.lacks_required());
        }
        let now = self.schedule.now().max(store.now());
        if let Ok(tokens) = store.tokens().await {
            found.note(AttentionCode::TokenEnds, tokens.iter().any(|token| token.ends_soon(now)));
        }
        if let Ok(due) = store.requests_due(Day::of(now).plus(TOLD_DAYS_BEFORE)).await {
            found.note(AttentionCode::RequestDue, due > 0);
        }
        if let Ok(feeds) = store.feeds().await {
            let is_late = feeds.iter().any(|feed| feed.waits_longer_than(self.follows_within, now));
            found.note(AttentionCode::ChangesUnapplied, is_late);
        }
        self.attention.found(&found.looked_at, &found.concerns, self.schedule.now());
    }

    /// Fields that no question feeds, by form and purpose, as of the last look.
    pub fn unfed(&self) -> Vec<(FormId, PurposeId, Vec<Unfed>)> {
        self.tools.silence.standing()
    }

    /// What the form check found that stands, the worst first, and when the form that a purpose claims and that was looked at
    /// the longest time ago was.
    pub fn form_findings(&self) -> (Vec<Stands>, Option<Timestamp>) {
        let Tools { form_check, policy, .. } = &*self.tools;
        let claimed = policy.pin().claimed_forms();
        (form_check.standing(), form_check.oldest_look(|form| claimed.contains(form)))
    }

    /// Takes the forms over that the store knows, once after the start and after each reload: one of which no lead comes is not
    /// looked at otherwise.
    async fn knows_forms(&self) -> bool {
        let Tools { store, policy, silence, .. } = &*self.tools;
        let Some(round) = silence.unknown() else { return true };
        let policy = policy.pin();
        let Ok(forms) = store.forms().await else { return false };
        silence.know(round, &policy, &forms);
        true
    }
}

#[derive(Default)]
struct Found {
    looked_at: Vec<AttentionCode>,
    concerns: Vec<Concern>,
}

impl Found {
    fn note(&mut self, code: AttentionCode, is_so: bool) {
        self.looked_at.push(code);
        self.concerns.extend(is_so.then(|| Concern::of(code)));
    }
}
