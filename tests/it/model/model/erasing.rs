//! What an erasure takes, and what remembers it.

use tamis::store::Extent;
use tamis::trail::Reason;

use super::*;

/// A tombstone serves so long beyond its month.
const SERVES_DAYS: u32 = 120;

/// Whom an operator erases at once.
#[derive(Clone)]
pub struct Request {
    /// Each by its record, if that is given, or by Meta's id.
    pub leads: Vec<(usize, Option<RecordId>)>,
    /// For one purpose; none: for all.
    pub of: Option<usize>,
    pub reason: Reason,
    /// Those of them who are not erased so yet.
    fresh: Vec<usize>,
}

impl Lead {
    /// For all of its purposes.
    pub(super) fn is_erased(&self) -> bool {
        self.fates == [Fate { purpose: None, state: SeenState::Erased }]
    }

    /// True if what is left is what was not erased: its tombstone is there no more.
    pub(super) fn tombstone_is_gone(&self, after: &[Fate]) -> bool {
        let is_erased = |fate: &&Fate| fate.state == SeenState::Erased;
        let rest: Vec<Fate> = self.fates.iter().filter(|fate| !is_erased(fate)).cloned().collect();
        self.fates.iter().any(|fate| is_erased(&fate)) && after == rest
    }

    /// Its tombstone has served.
    pub(super) fn has_served(&self, world: &World<'_>) -> bool {
        let Some(erased) = self.erased else { return false };
        Day::of(erased).plus(SERVES_DAYS) <= Day::of(world.believed().max(world.now()))
    }

    /// Takes in what it is now, as far as erasing goes.
    pub(super) fn note_erased(&mut self, world: &World<'_>, after: &[Fate]) {
        if after.is_empty() {
            // Nobody knows of it any more.
            (self.received, self.erased) = (None, None);
        }
        let count = |fates: &[Fate]| fates.iter().filter(|fate| fate.state == SeenState::Erased).count();
        if count(after) > count(&self.fates) || after != self.fates && count(after) == 1 && after.len() == 1 {
            self.erased = Some(world.believed());
            let may_be_queued = self.fates.is_empty() && (self.acknowledged || self.maybe);
            self.lingers = may_be_queued || self.back;
            self.back = false;
        }
    }
}

impl Model {
    /// A request that these numbers make; none: there is nobody to erase. For one purpose only those who have an end for
    /// each of theirs: what a parked reference loses is the store's own test.
    pub fn request(&self, people: &[usize], of: Option<usize>) -> Option<Request> {
        let mut leads: Vec<usize> = people.iter().filter_map(|which| self.nth(*which)).collect();
        leads.sort_unstable();
        leads.dedup();
        if of.is_some() {
            let ended = |lead: &Lead| !lead.fates.is_empty() && lead.parked().is_none() && !lead.is_erased();
            leads.retain(|index| ended(&self.leads[*index]));
        }
        let by = |index: usize| {
            let record = (0..2).rev().find_map(|of| self.leads[index].record(of).cloned());
            (index, record.filter(|_| index % 2 == 1))
        };
        // What is restricted goes for nothing but what its person asked for.
        let may_be_wrong =
            leads.iter().all(|index| self.leads[*index].held.iter().all(|held| held.restricted.is_none()));
        let reason = match people.first() {
            Some(which) if which % 8 == 0 && may_be_wrong => Reason::Error,
            _ => Reason::PersonRequest,
        };
        let fresh = leads.iter().copied().filter(|index| !self.is_erased(*index, of)).collect();
        let leads: Vec<_> = leads.into_iter().map(by).collect();
        (!leads.is_empty()).then_some(Request { leads, of, reason, fresh })
    }

    /// What goes where somebody takes back all that a purpose rests on; none: it is not to be told what else would.
    pub fn request_of(&self, whom: &Whom) -> Option<Request> {
        let request = self.request(&[whom.lead], Some(whom.of))?;
        Some(Request { reason: Reason::Withdrawal, ..request })
    }

    /// The records that a request takes.
    fn taken<'m>(&'m self, request: &'m Request) -> impl Iterator<Item = (&'m Held, &'m RecordId)> {
        let leads = request.leads.iter().map(|(index, _)| &self.leads[*index]);
        let each = leads.flat_map(|lead| (0..2).map(move |of| (lead, of)));
        let meant = each.filter(|(_, of)| request.of.is_none_or(|wanted| wanted == *of));
        meant.filter_map(|(lead, of)| Some((&lead.held[of], lead.record(of)?)))
    }

    /// Some of it is restricted: it goes for no other reason than its person's own.
    pub fn is_restricted(&self, world: &World<'_>, request: &Request) -> bool {
        self.taken(request).any(|(_, id)| is_restricted(world, id))
    }

    /// The recipient had some of it.
    pub fn was_handed(&self, request: &Request) -> bool {
        self.taken(request).any(|(held, _)| held.handed)
    }

    fn is_erased(&self, index: usize, of: Option<usize>) -> bool {
        let fate = Fate { purpose: of.map(purpose), state: SeenState::Erased };
        self.leads[index].is_erased() || self.leads[index].fates.contains(&fate)
    }

    /// How much a request takes.
    pub fn extent(&self, request: &Request) -> Extent {
        let mut extent = Extent::default();
        let mut records = [0; 2];
        for (index, _) in &request.leads {
            let lead = &self.leads[*index];
            extent.references += u64::from(request.of.is_none() && lead.parked().is_some());
        }
        for (_, id) in self.taken(request) {
            records[purpose_index(&id.purpose)] += 1;
        }
        let by_purpose = records.into_iter().enumerate().filter(|(_, count)| *count > 0);
        extent.records = by_purpose.map(|(of, count)| (purpose(of), count)).collect();
        extent
    }

    /// What a lead is to be after the erasure under way; none: it is not meant.
    pub(super) fn erases(&self, index: usize) -> Option<Vec<Fate>> {
        let request = self.asked.as_ref()?;
        request.leads.iter().find(|(of, _)| *of == index)?;
        let erased = |of: Option<PurposeId>| Fate { purpose: of, state: SeenState::Erased };
        let Some(of) = request.of else { return Some(vec![erased(None)]) };
        let mut after = self.leads[index].fates.clone();
        after.retain(|fate| fate.purpose != Some(purpose(of)));
        after.push(erased(Some(purpose(of))));
        after.sort_by(|one, other| one.purpose.cmp(&other.purpose));
        Some(after)
    }

    /// Of a request everybody is erased, or after a crash nobody.
    pub(super) fn check_erased(&mut self, world: &World<'_>, loose: bool) -> Result<(), Broken> {
        for lead in self.leads.iter_mut().filter(|lead| lead.lingers) {
            lead.lingers = world.rooms().inbox.holds(&leadgen(&lead.id));
        }
        let Some(request) = self.asked.take() else { return Ok(()) };
        let erased = request.fresh.iter().filter(|index| self.is_erased(**index, request.of)).count();
        let all = request.fresh.len();
        hold!(erased == all || loose && erased == 0, "of {all} people {erased} are erased");
        Ok(())
    }

    /// In the end every erasure that was asked for is done.
    pub fn check_erased_ends(&self) -> Result<(), Broken> {
        let (asked, done) = self.erased;
        hold!(asked == done, "{asked} records were to be erased, and the trail tells of {done}");
        Ok(())
    }
}
