//! How a lead may change its place, and what a fetch makes of it.

use super::*;

impl Model {
    /// Whether a lead may have come from where it was to where it is.
    pub(super) fn legal(
        &self,
        world: &World<'_>,
        index: usize,
        after: &[Fate],
        act: Act,
    ) -> Result<(), Broken> {
        let lead = &self.leads[index];
        if matches!(act, Act::Erase) {
            hold!(
                self.erases(index).is_some_and(|wanted| wanted == after),
                "it is to be erased as was asked for"
            );
            return Ok(());
        }
        if lead.tombstone_is_gone(after) {
            hold!(matches!(act, Act::Reap), "not by the reaper");
            hold!(lead.has_served(world), "its tombstone is to serve for 120 days");
            return Ok(());
        }
        hold!(lead.acknowledged || lead.maybe, "it was never accepted");
        hold!(!after.is_empty(), "it is forgotten");
        for fate in lead.fates.iter().filter(|fate| !matches!(fate.state, SeenState::Parked(_))) {
            hold!(after.contains(fate), "an end is an end");
        }
        match (lead.parked(), act) {
            (Some(_), Act::Reap) => {
                let gone = |fate: &Fate| Fate { state: SeenState::Refused(ParkCode::TooOld), ..fate.clone() };
                hold!(after == changed(lead, gone), "not by the reaper");
                hold!(!self.leapt, "the clock is not believed");
                let today = Day::of(world.true_now() + jiff::SignedDuration::from_hours(2));
                let submitted = Day::of(lead.sent());
                hold!(submitted < today.minus(META_KEEPS_DAYS) || self.misled, "Meta still has it");
                Ok(())
            }
            (Some(why), Act::Requeue(which)) => {
                hold!(
                    matches!(why, Why::Waiting { .. } | Why::Refused { .. } | Why::Buried { .. }),
                    "it was not to be brought back"
                );
                hold!(self.meant(which, lead), "somebody else was meant");
                let waits = after.iter().find_map(|fate| match fate.state {
                    SeenState::Parked(why @ Why::Waiting { .. }) => Some(why),
                    _ => None,
                });
                let Some(Why::Waiting { not_before, attempts: 0, code }) = waits else {
                    return Err(Broken("it is to wait with no attempts spent".to_owned()));
                };
                let is_a_reason = lead
                    .fates
                    .iter()
                    .any(|fate| matches!(fate.state, SeenState::Parked(why) if why.code() == code));
                hold!(not_before <= world.now() && is_a_reason, "it is to wait, due now");
                let waiting = SeenState::Parked(Why::Waiting { not_before, attempts: 0, code });
                let waits = |fate: &Fate| Fate { state: waiting.clone(), ..fate.clone() };
                hold!(
                    after == changed(lead, waits),
                    "it is to wait for what it was open for, and for nothing else"
                );
                Ok(())
            }
            (_, Act::Fetch { calm }) if is_fetched(lead) => {
                self.fetched(world, world.policy, lead, after, calm)
            }
            (_, Act::FetchAcross { before }) if is_fetched(lead) => {
                let old = self.fetched(world, before, lead, after, false);
                old.or_else(|_| self.fetched(world, world.policy, lead, after, false))
            }
            _ => Err(Broken("nothing may have changed".to_owned())),
        }
    }

    pub(super) fn meant(&self, which: Which, lead: &Lead) -> bool {
        let has = |wanted| {
            let codes = lead.fates.iter().filter_map(|fate| match fate.state {
                SeenState::Parked(why) => Some(why.code()),
                _ => None,
            });
            codes.into_iter().any(|code| code == wanted)
        };
        match which {
            Which::RequiredFieldMissing => has(ParkCode::RequiredFieldMissing),
            Which::ConsentMissing => has(ParkCode::ConsentMissing),
            Which::AttemptsSpent => has(ParkCode::AttemptsSpent),
            Which::FormMismatch => has(ParkCode::FormMismatch),
            Which::OfForm(form) => lead.form == form,
        }
    }

    /// What a fetcher may make of a lead.
    pub(super) fn fetched(
        &self,
        world: &World<'_>,
        policy: usize,
        lead: &Lead,
        after: &[Fate],
        calm: bool,
    ) -> Result<(), Broken> {
        // What it was open for stays so, and nothing is read.
        let untouched = |code| {
            let why = Why::Held { code };
            let held = SeenState::Parked(why);
            match lead.fates.is_empty() {
                true => after == [Fate { purpose: None, state: held }],
                false => after == changed(lead, |fate| Fate { state: held.clone(), ..fate.clone() }),
            }
        };
        if !knows(policy, PAGE_OF[lead.form]) {
            hold!(untouched(ParkCode::PageUnknown), "its page is not in the config");
            return Ok(());
        }
        if claims(policy, lead.form).is_empty() {
            hold!(untouched(ParkCode::FormUnclaimed), "nobody claims its form");
            return Ok(());
        }
        let (read, gone) = lead.purposes(policy);
        let is_several =
            read.len() + gone.len() > 1 || claims(policy, lead.form).len() > 1 || lead.is_decided();
        let is_open = |fate: &&Fate| match fate.purpose.as_ref().map(purpose_index) {
            Some(of) => read.contains(&of) || gone.contains(&of),
            None => true,
        };
        let now: Vec<&Fate> = after.iter().filter(is_open).collect();
        let others = after.len() - now.len();
        let decided = lead.fates.iter().filter(|fate| !matches!(fate.state, SeenState::Parked(_))).count();
        hold!(others == decided, "a purpose that was added later, or has its end, got something of it");
        let whole = now
            .iter()
            .find(|fate| matches!(fate.state, SeenState::Parked(Why::Waiting { .. })) || is_buried(fate));
        if let Some(whole) = whole {
            hold!(
                now.iter().all(|fate| fate.state == whole.state),
                "it waits for some of its purposes alone"
            );
            return self.parked(world, lead, &whole.state, calm);
        }
        let named: Vec<usize> =
            now.iter().filter_map(|fate| fate.purpose.as_ref().map(purpose_index)).collect();
        hold!(named.len() == read.len() + gone.len(), "not each of its purposes has its say");
        for (fate, of) in now.iter().zip(named) {
            let proper = match gone.contains(&of) {
                true => Some(SeenState::Parked(Why::Refused { code: ParkCode::PurposeGone })),
                false => verdict(lead.kind, of, is_several),
            };
            let is_barred = matches!(self.objections.decide(lead, of), Decided::Barred);
            match (&fate.state, proper) {
                (SeenState::Suppressed, None) => hold!(is_barred, "nobody objected to that"),
                (SeenState::Stored(_), None) => {
                    hold!(!is_barred, "its person has objected");
                    hold!(!lead.gone, "Meta no longer has it");
                    hold!(!self.is_over(world, lead, of), "its time is over");
                }
                // A fetcher asks Graph what time it is where nobody has confirmed the clock yet.
                (SeenState::Parked(Why::Refused { code: ParkCode::RetentionOver }), _)
                    if !gone.contains(&of) =>
                {
                    hold!(self.may_be_over(world, lead, of), "its time is not over");
                }
                (state, Some(proper)) => hold!(*state == proper, "it is to be {proper:?}"),
                _ => hold!(false, "it is to be stored"),
            }
        }
        Ok(())
    }

    /// It was not read, or is nobody's.
    fn parked(&self, world: &World<'_>, lead: &Lead, after: &SeenState, calm: bool) -> Result<(), Broken> {
        match after {
            SeenState::Parked(Why::Buried { code: ParkCode::FormMismatch, .. }) => {
                hold!(self.wrong_forms, "Graph said the right form");
                Ok(())
            }
            _ => {
                hold!(!calm || lead.gone, "there was no reason not to read it");
                self.bounded(world, lead, after)
            }
        }
    }

    /// A lead's time may be over: by the clock of Graph, which a fetcher asks, or by one that a person took for right.
    pub(super) fn may_be_over(&self, world: &World<'_>, lead: &Lead, claim: usize) -> bool {
        let now = if self.misled { world.true_now().max(world.now()) } else { world.true_now() };
        let now = now + jiff::SignedDuration::from_hours(2);
        is_over(&policy_purpose(world, claim), lead.created, now)
    }

    /// A lead's time is over, by a clock that somebody has confirmed, and rightly: where a person was wrong, Graph is asked.
    pub(super) fn is_over(&self, world: &World<'_>, lead: &Lead, claim: usize) -> bool {
        let store = &world.rooms().store;
        !self.misled
            && store.clock_confirmed()
            && is_over(&policy_purpose(world, claim), lead.created, store.now())
    }

    /// Nothing waits longer, or is tried more often, than the config says.
    pub(super) fn bounded(&self, world: &World<'_>, lead: &Lead, after: &SeenState) -> Result<(), Broken> {
        let (usual, ambiguous) = (world.config().retry(), world.config().retry_ambiguous());
        let spent = match lead.parked() {
            Some(Why::Waiting { attempts, .. }) => attempts,
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

/// What became of a lead, with what is parked of it changed.
fn changed(lead: &Lead, change: impl Fn(&Fate) -> Fate) -> Vec<Fate> {
    let is_parked = |fate: &Fate| matches!(fate.state, SeenState::Parked(_));
    lead.fates.iter().map(|fate| if is_parked(fate) { change(fate) } else { fate.clone() }).collect()
}

fn is_buried(fate: &Fate) -> bool {
    matches!(fate.state, SeenState::Parked(Why::Buried { .. }))
}

/// True if a fetcher may have it in hand.
fn is_fetched(lead: &Lead) -> bool {
    match lead.parked() {
        None => lead.fates.is_empty(),
        Some(Why::Waiting { .. } | Why::Held { .. }) => true,
        Some(Why::Buried { .. }) => lead.back,
        Some(Why::Refused { .. }) => false,
    }
}

/// What the sieve says of an answer sheet under a purpose; none: it is stored.
fn verdict(kind: Kind, of: usize, is_several: bool) -> Option<SeenState> {
    let refused = |code| Some(SeenState::Parked(Why::Refused { code }));
    match (kind, of) {
        (Kind::Good | Kind::Test, _) | (Kind::Unticked, 0) => None,
        (Kind::Unticked, _) if is_several => Some(SeenState::NotAsked),
        (Kind::Unticked, _) => refused(ParkCode::ConsentMissing),
        (Kind::NoEmail | Kind::Blank, _) => refused(ParkCode::RequiredFieldMissing),
    }
}
