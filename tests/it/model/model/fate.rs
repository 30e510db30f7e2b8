//! How a lead may change its place, and what a fetch makes of it.

use super::*;

impl Model {
    /// Whether a lead may have come from where it was to where it is.
    pub(super) fn legal(
        &self,
        world: &World<'_>,
        index: usize,
        after: Option<&SeenState>,
        act: Act,
    ) -> Result<(), Broken> {
        let lead = &self.leads[index];
        hold!(lead.acknowledged || lead.maybe, "it was never accepted");
        let Some(after) = after else { return Err(Broken("it is forgotten".to_owned())) };
        match (&lead.state, act) {
            (Some(SeenState::Parked(_)), Act::Reap) => {
                hold!(*after == SeenState::Refused(ParkCode::TooOld), "not by the reaper");
                hold!(!self.leapt, "the clock is not believed");
                let today = Day::of(world.true_now() + jiff::SignedDuration::from_hours(2));
                let submitted =
                    Day::of(lead.received.map_or(lead.created, |received| received.min(lead.created)));
                hold!(submitted < today.minus(META_KEEPS_DAYS) || self.misled, "Meta still has it");
                Ok(())
            }
            (Some(SeenState::Parked(why)), Act::Requeue(which)) => {
                hold!(
                    matches!(why, Why::Waiting { .. } | Why::Refused { .. } | Why::Buried { .. }),
                    "it was not to be brought back"
                );
                hold!(self.meant(which, lead, why), "somebody else was meant");
                let waits = matches!(
                    after,
                    SeenState::Parked(Why::Waiting { not_before, attempts: 0, code })
                        if *not_before <= world.now() && *code == why.code()
                );
                hold!(waits, "it is to wait, due now, with no attempts spent");
                Ok(())
            }
            (before, Act::Fetch { calm }) if is_fetched(lead, before) => {
                self.fetched(world, world.policy, lead, after, calm)
            }
            (state, Act::FetchAcross { before }) if is_fetched(lead, state) => {
                let old = self.fetched(world, before, lead, after, false);
                old.or_else(|_| self.fetched(world, world.policy, lead, after, false))
            }
            _ => Err(Broken("nothing may have changed".to_owned())),
        }
    }

    pub(super) fn meant(&self, which: Which, lead: &Lead, why: &Why) -> bool {
        match which {
            Which::RequiredFieldMissing => why.code() == ParkCode::RequiredFieldMissing,
            Which::ConsentMissing => why.code() == ParkCode::ConsentMissing,
            Which::AttemptsSpent => why.code() == ParkCode::AttemptsSpent,
            Which::FormMismatch => why.code() == ParkCode::FormMismatch,
            Which::OfForm(form) => lead.form == form,
        }
    }

    /// What a fetcher may make of a lead.
    pub(super) fn fetched(
        &self,
        world: &World<'_>,
        policy: usize,
        lead: &Lead,
        after: &SeenState,
        calm: bool,
    ) -> Result<(), Broken> {
        if !knows(policy, PAGE_OF[lead.form]) {
            let held = SeenState::Parked(Why::Held { code: ParkCode::PageUnknown });
            hold!(*after == held, "its page is not in the config");
            return Ok(());
        }
        let Some(claim) = claim(policy, lead.form) else {
            let held = SeenState::Parked(Why::Held { code: ParkCode::FormUnclaimed });
            hold!(*after == held, "nobody claims its form");
            return Ok(());
        };
        let proper = verdict(lead.kind, claim);
        match after {
            SeenState::Stored(id) => {
                hold!(!self.is_over(world, lead, claim), "its time is over");
                hold!(proper.is_none() && !lead.gone, "it must not be stored");
                hold!(id.purpose.as_str() == PURPOSES[claim], "under another purpose");
                Ok(())
            }
            // A fetcher asks Graph what time it is where nobody has confirmed the clock yet.
            SeenState::Parked(Why::Refused { code: ParkCode::RetentionOver }) => {
                let now = world.true_now().max(if self.misled { world.now() } else { world.true_now() });
                let now = now + jiff::SignedDuration::from_hours(2);
                hold!(is_over(&policy_purpose(world, claim), lead.created, now), "its time is not over");
                Ok(())
            }
            SeenState::Parked(Why::Refused { code }) => {
                hold!(proper == Some(*code) && !lead.gone, "it must not be refused so");
                Ok(())
            }
            SeenState::Parked(Why::Buried { code: ParkCode::FormMismatch, .. }) => {
                hold!(self.wrong_forms, "Graph said the right form");
                Ok(())
            }
            SeenState::Parked(Why::Waiting { .. } | Why::Buried { .. }) => {
                hold!(!calm || lead.gone, "there was no reason not to read it");
                self.bounded(world, lead, after)
            }
            _ => Err(Broken("not by a fetcher".to_owned())),
        }
    }

    /// A lead's time is over, by a clock that somebody has confirmed.
    pub(super) fn is_over(&self, world: &World<'_>, lead: &Lead, claim: usize) -> bool {
        let store = &world.rooms().store;
        store.clock_confirmed() && is_over(&policy_purpose(world, claim), lead.created, store.now())
    }

    /// Nothing waits longer, or is tried more often, than the config says.
    pub(super) fn bounded(&self, world: &World<'_>, lead: &Lead, after: &SeenState) -> Result<(), Broken> {
        let (usual, ambiguous) = (world.config().retry(), world.config().retry_ambiguous());
        let spent = match &lead.state {
            Some(SeenState::Parked(Why::Waiting { attempts, .. })) => *attempts,
            _ => 0,
        };
        match after {
            SeenState::Parked(Why::Waiting { not_before, attempts, .. }) => {
                hold!(*attempts <= spent + 1, "more than one attempt was counted: {spent} → {attempts}");
                hold!(*attempts < usual.attempts.max(ambiguous.attempts), "{attempts} attempts");
                let longest = usual.max_ms.max(ambiguous.max_ms) * 6 / 5;
                let wait = not_before.as_millisecond() - world.now().as_millisecond();
                hold!(wait <= longest as i64, "it waits for {wait} ms");
                Ok(())
            }
            SeenState::Parked(Why::Buried { code: ParkCode::AttemptsSpent, attempts }) => {
                let least = usual.attempts.min(ambiguous.attempts);
                hold!(*attempts >= least, "buried after {attempts} attempts");
                Ok(())
            }
            _ => Err(Broken("buried for no reason that there is".to_owned())),
        }
    }
}

/// True if a fetcher may have it in hand.
fn is_fetched(lead: &Lead, state: &Option<SeenState>) -> bool {
    match state {
        None | Some(SeenState::Parked(Why::Waiting { .. } | Why::Held { .. })) => true,
        Some(SeenState::Parked(Why::Buried { .. })) => lead.back,
        _ => false,
    }
}

/// What the sieve says of an answer sheet under a purpose; none: it is stored.
fn verdict(kind: Kind, claim: usize) -> Option<ParkCode> {
    match (kind, claim) {
        (Kind::Good | Kind::Test, _) | (Kind::Unticked, 0) => None,
        (Kind::Unticked, _) => Some(ParkCode::ConsentMissing),
        (Kind::NoEmail | Kind::Blank, _) => Some(ParkCode::RequiredFieldMissing),
    }
}
