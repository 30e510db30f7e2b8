//! What is queued, in memory: compact, in order of arrival, found by leadgen.
//!
//! 120 to 150 bytes a reference at 500,000, measured (an entry of 56, a place in the map of ids, 4 in its group's queue).
//! References of one lane are a group.

use std::collections::hash_map;
use std::collections::{BTreeMap, HashMap, VecDeque};

use jiff::Timestamp;

use crate::id::{FormId, LeadgenId, PageId};
use crate::notification::{Lane, LeadRef};

/// A queued reference by its place and its arrival: the place may be given to another later, an arrival never is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Ticket {
    place: u32,
    /// Counts the references in the order in which they came.
    pub arrival: u64,
}

/// Where a queued reference stands.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Its batch is not durable yet; it is the batch that holds this arrival.
    Writing {
        /// Its arrival.
        arrival: u64,
    },
    /// Durable.
    Durable,
}

/// What a durable frame changed for one of its references.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Landed {
    /// It is open in the segment; if it was open in another before, there no more.
    Open {
        /// The segment it was in before.
        left: Option<u32>,
    },
    /// It had an end already.
    Gone,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum EntryState {
    Free,
    Writing,
    /// Done while its batch was being written.
    EndedWriting,
    Queued,
    Claimed,
}

/// One reference; times as [`LeadRef::encode`] keeps them.
struct Entry {
    arrival: u64,
    created_s: i64,
    received_ms: i64,
    group: u32,
    segment: u32,
    state: EntryState,
    leadgen: LeadgenId,
}

struct Group {
    lane: Lane,
    /// Places of what may be claimed, oldest first.
    queue: VecDeque<u32>,
    /// Entries that name this group.
    members: usize,
}

/// The queue.
#[derive(Default)]
pub struct Queue {
    entries: Vec<Entry>,
    free: Vec<u32>,
    places: HashMap<LeadgenId, u32>,
    groups: Vec<Group>,
    free_groups: Vec<u32>,
    group_of: HashMap<Lane, u32>,
    /// Form → how many references of it there are, of all its pages.
    by_form: HashMap<FormId, u64>,
    /// Arrival of each group's oldest claimable reference → the group.
    heads: BTreeMap<u64, u32>,
    /// Arrival → place of what is claimed.
    claimed: BTreeMap<u64, u32>,
    arrivals: u64,
}

impl Queue {
    /// How many references it holds, claimed and being written ones included.
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// How many references of this form it holds.
    pub fn of_form(&self, form: &FormId) -> u64 {
        self.by_form.get(form).copied().unwrap_or(0)
    }

    /// How many references of this form of this page it holds.
    pub fn of_lane(&self, page: PageId, form: FormId) -> u64 {
        let group = self.group_of.get(&Lane { page, form });
        group.and_then(|group| self.groups.get(*group as usize)).map_or(0, |group| group.members as u64)
    }

    /// The arrival that the next reference will have.
    pub fn next_arrival(&self) -> u64 {
        self.arrivals
    }

    /// Where a reference stands, if it is here.
    pub fn find(&self, leadgen: &LeadgenId) -> Option<Standing> {
        let entry = self.entries.get(*self.places.get(leadgen)? as usize)?;
        Some(match entry.state {
            EntryState::Writing | EntryState::EndedWriting => Standing::Writing { arrival: entry.arrival },
            _ => Standing::Durable,
        })
    }

    /// Takes a reference in whose frame is not durable yet: known, but not claimable. It must not be here already.
    pub fn insert(&mut self, reference: &LeadRef) -> Ticket {
        let group = self.join_group(reference.lane());
        let arrival = self.arrivals;
        self.arrivals += 1;
        let entry = Entry {
            arrival,
            created_s: reference.created.map_or(i64::MIN, Timestamp::as_second),
            received_ms: reference.received.as_millisecond(),
            group,
            segment: 0,
            state: EntryState::Writing,
            leadgen: reference.leadgen,
        };
        let place = self.place(entry);
        self.places.insert(reference.leadgen, place);
        Ticket { place, arrival }
    }

    /// Its frame is durable in this segment: claimable from now on, if it was not before.
    pub fn land(&mut self, ticket: Ticket, segment: u32) -> Landed {
        let Some(entry) = self.entry_mut(ticket) else { return Landed::Gone };
        match entry.state {
            EntryState::Free => Landed::Gone,
            EntryState::EndedWriting => {
                self.free(ticket.place);
                Landed::Gone
            }
            EntryState::Writing => {
                entry.state = EntryState::Queued;
                entry.segment = segment;
                self.enqueue(ticket.place);
                Landed::Open { left: None }
            }
            EntryState::Queued | EntryState::Claimed => {
                let left = std::mem::replace(&mut entry.segment, segment);
                Landed::Open { left: Some(left) }
            }
        }
    }

    /// Its frame never became durable: forgotten, unless an older frame of it is.
    pub fn forget(&mut self, ticket: Ticket) {
        if let Some(entry) = self.entry_mut(ticket)
            && matches!(entry.state, EntryState::Writing | EntryState::EndedWriting)
        {
            self.free(ticket.place);
        }
    }

    /// The ticket of a reference that is here.
    pub fn ticket(&self, leadgen: &LeadgenId) -> Option<Ticket> {
        let place = *self.places.get(leadgen)?;
        self.entries.get(place as usize).map(|entry| Ticket { place, arrival: entry.arrival })
    }

    /// Claims up to `max` references of the oldest one's lane, oldest first.
    pub fn claim(&mut self, max: usize) -> Option<(Lane, Vec<LeadRef>)> {
        let group = *self.heads.first_key_value()?.1;
        let lane = self.groups.get(group as usize)?.lane;
        let claimed = self.claim_from(group, max);
        (!claimed.is_empty()).then_some((lane, claimed))
    }

    /// Claims up to `max` references of this lane, oldest first.
    pub fn claim_of(&mut self, lane: &Lane, max: usize) -> Vec<LeadRef> {
        self.group_of.get(lane).copied().map_or_else(Vec::new, |group| self.claim_from(group, max))
    }

    fn claim_from(&mut self, group: u32, max: usize) -> Vec<LeadRef> {
        let mut claimed = Vec::with_capacity(max.min(64));
        while claimed.len() < max {
            let head = self.groups.get(group as usize).and_then(|group| group.queue.front().copied());
            let arrival = head.and_then(|place| Some(self.entries.get(place as usize)?.arrival));
            let Some((arrival, place)) =
                arrival.and_then(|arrival| Some((arrival, self.pop_head(group, arrival)?)))
            else {
                break;
            };
            self.claimed.insert(arrival, place);
            if let Some(entry) = self.entries.get_mut(place as usize) {
                entry.state = EntryState::Claimed;
            }
            claimed.extend(self.reference(place));
        }
        claimed
    }

    /// Gives claimed references back, to their old places.
    pub fn release(&mut self, leadgens: &[LeadgenId]) {
        for leadgen in leadgens {
            let Some(ticket) = self.ticket(leadgen) else { continue };
            if let Some(entry) = self.entry_mut(ticket)
                && entry.state == EntryState::Claimed
            {
                entry.state = EntryState::Queued;
                self.claimed.remove(&ticket.arrival);
                self.enqueue(ticket.place);
            }
        }
    }

    /// A reference has its end: gone. Returns the segment that it was open in.
    pub fn done(&mut self, leadgen: &LeadgenId) -> Option<u32> {
        let ticket = self.ticket(leadgen)?;
        let entry = self.entry_mut(ticket)?;
        let (state, segment, group) = (entry.state, entry.segment, entry.group);
        match state {
            EntryState::Free | EntryState::EndedWriting => return None,
            EntryState::Writing => {
                entry.state = EntryState::EndedWriting;
                return None;
            }
            EntryState::Claimed => {
                self.claimed.remove(&ticket.arrival);
            }
            EntryState::Queued => self.dequeue(group, ticket),
        }
        self.free(ticket.place);
        Some(segment)
    }

    /// When the oldest durable reference arrived, claimed or not.
    pub fn oldest(&self) -> Option<Timestamp> {
        let waiting = self.heads.first_key_value().and_then(|(arrival, group)| {
            self.groups.get(*group as usize)?.queue.front().map(|place| (*arrival, *place))
        });
        let claimed = self.claimed.first_key_value().map(|(arrival, place)| (*arrival, *place));
        let (_, place) = [waiting, claimed].into_iter().flatten().min()?;
        let entry = self.entries.get(place as usize)?;
        Timestamp::from_millisecond(entry.received_ms).ok()
    }

    /// The references that are open in this segment, in order of arrival. Looks at every entry: for rare use.
    pub fn open_in(&self, segment: u32) -> Vec<(Ticket, LeadRef)> {
        let open = |entry: &&Entry| {
            matches!(entry.state, EntryState::Queued | EntryState::Claimed) && entry.segment == segment
        };
        let mut found: Vec<(Ticket, LeadRef)> = (self.entries.iter().zip(0_u32..))
            .filter(|(entry, _)| open(entry))
            .filter_map(|(entry, place)| {
                Some((Ticket { place, arrival: entry.arrival }, self.reference(place)?))
            })
            .collect();
        found.sort_unstable_by_key(|(ticket, _)| ticket.arrival);
        found
    }

    fn reference(&self, place: u32) -> Option<LeadRef> {
        let entry = self.entries.get(place as usize)?;
        let group = self.groups.get(entry.group as usize)?;
        Some(LeadRef {
            leadgen: entry.leadgen,
            form: group.lane.form,
            page: group.lane.page,
            created: Timestamp::from_second(entry.created_s).ok(),
            received: Timestamp::from_millisecond(entry.received_ms).ok()?,
        })
    }

    fn entry_mut(&mut self, ticket: Ticket) -> Option<&mut Entry> {
        self.entries.get_mut(ticket.place as usize).filter(|entry| entry.arrival == ticket.arrival)
    }

    fn place(&mut self, entry: Entry) -> u32 {
        if let Some(place) = self.free.pop()
            && let Some(free) = self.entries.get_mut(place as usize)
        {
            *free = entry;
            return place;
        }
        self.entries.push(entry);
        // The inbox's bound on references is checked to be below this at open.
        u32::try_from(self.entries.len() - 1).unwrap_or(u32::MAX)
    }

    fn free(&mut self, place: u32) {
        let Some(entry) = self.entries.get_mut(place as usize) else { return };
        entry.state = EntryState::Free;
        let (leadgen, group) = (entry.leadgen, entry.group);
        self.places.remove(&leadgen);
        self.free.push(place);
        self.leave_group(group);
    }

    fn join_group(&mut self, lane: Lane) -> u32 {
        *self.by_form.entry(lane.form).or_default() += 1;
        let number = match self.group_of.entry(lane) {
            hash_map::Entry::Occupied(known) => *known.get(),
            hash_map::Entry::Vacant(vacant) => {
                let group = Group { lane, queue: VecDeque::new(), members: 0 };
                let number = match self.free_groups.pop() {
                    Some(number) => number,
                    None => u32::try_from(self.groups.len()).unwrap_or(u32::MAX),
                };
                match self.groups.get_mut(number as usize) {
                    Some(free) => *free = group,
                    None => self.groups.push(group),
                }
                *vacant.insert(number)
            }
        };
        if let Some(group) = self.groups.get_mut(number as usize) {
            group.members += 1;
        }
        number
    }

    fn leave_group(&mut self, number: u32) {
        let Some(group) = self.groups.get_mut(number as usize) else { return };
        group.members = group.members.saturating_sub(1);
        if let Some(count) = self.by_form.get_mut(&group.lane.form) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                self.by_form.remove(&group.lane.form);
            }
        }
        if group.members == 0 {
            self.group_of.remove(&group.lane);
            group.queue = VecDeque::new();
            self.free_groups.push(number);
        }
    }

    /// Puts a place into its group's queue by arrival: at the end when it is new, near the front when it comes back.
    fn enqueue(&mut self, place: u32) {
        let Self { entries, groups, heads, .. } = self;
        let arrival_of = |place: u32| entries.get(place as usize).map_or(u64::MAX, |entry| entry.arrival);
        let Some(entry) = entries.get(place as usize) else { return };
        let Some(group) = groups.get_mut(entry.group as usize) else { return };
        let head = group.queue.front().map(|first| arrival_of(*first));
        let at = group.queue.partition_point(|other| arrival_of(*other) < entry.arrival);
        group.queue.insert(at, place);
        if at == 0 {
            head.and_then(|arrival| heads.remove(&arrival));
            heads.insert(entry.arrival, entry.group);
        }
    }

    fn dequeue(&mut self, number: u32, ticket: Ticket) {
        let Self { entries, groups, .. } = self;
        let arrival_of = |place: u32| entries.get(place as usize).map_or(u64::MAX, |entry| entry.arrival);
        let Some(group) = groups.get_mut(number as usize) else { return };
        let at = group.queue.partition_point(|other| arrival_of(*other) < ticket.arrival);
        if at == 0 {
            self.pop_head(number, ticket.arrival);
        } else if group.queue.get(at) == Some(&ticket.place) {
            group.queue.remove(at);
        }
    }

    fn pop_head(&mut self, number: u32, arrival: u64) -> Option<u32> {
        let group = self.groups.get_mut(number as usize)?;
        let place = group.queue.pop_front()?;
        self.heads.remove(&arrival);
        if let Some(next) = group.queue.front().and_then(|next| self.entries.get(*next as usize)) {
            self.heads.insert(next.arrival, number);
        }
        Some(place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notification::sample;

    fn reference(leadgen: u64, page: u64, form: u64) -> LeadRef {
        let received = Timestamp::from_millisecond(1_000 + leadgen as i64).expect("in range");
        let created = Timestamp::from_second(leadgen as i64).ok();
        LeadRef { created, ..sample::reference((leadgen, page, form), received) }
    }

    fn queued(all: &[(u64, u64, u64)]) -> Queue {
        let mut queue = Queue::default();
        for (leadgen, page, form) in all {
            let ticket = queue.insert(&reference(*leadgen, *page, *form));
            assert!(queue.land(ticket, 1) == Landed::Open { left: None });
        }
        queue
    }

    fn ids(claim: &Option<(Lane, Vec<LeadRef>)>) -> Vec<String> {
        claim.iter().flat_map(|(_, refs)| refs).map(|r| r.leadgen.expose().to_owned()).collect()
    }

    fn leadgens(ids: &[&str]) -> Vec<LeadgenId> {
        ids.iter().map(|id| LeadgenId::parse(id).expect("digits")).collect()
    }

    #[test]
    fn a_claim_takes_the_oldest_lane_in_its_order() {
        let all = [(10, 5, 9), (11, 5, 1), (12, 5, 3), (13, 5, 2), (14, 6, 1), (15, 5, 1)];
        let mut queue = queued(&all);
        assert_eq!(ids(&queue.claim(1)), ["10"]);
        assert_eq!(ids(&queue.claim(1)), ["11"]);
        assert_eq!(ids(&queue.claim(1)), ["12"], "the oldest of all comes next");
        assert_eq!(ids(&queue.claim(50)), ["13"]);
        assert_eq!(ids(&queue.claim(50)), ["14"]);
        assert_eq!(ids(&queue.claim(50)), ["15"]);
        assert!(queue.claim(50).is_none(), "all are claimed");
        assert_eq!(queue.len(), 6);
        assert_eq!(queue.oldest().map(Timestamp::as_millisecond), Some(1_010));
    }

    #[test]
    fn a_claim_of_one_lane_takes_nothing_of_another() {
        let mut queue = queued(&[(10, 5, 9), (11, 5, 1), (12, 5, 1), (13, 6, 1)]);
        let lane = reference(11, 5, 1).lane();
        let claimed = |found: Vec<LeadRef>| ids(&Some((lane, found)));
        assert_eq!(claimed(queue.claim_of(&lane, 1)), ["11"]);
        assert_eq!(claimed(queue.claim_of(&lane, 9)), ["12"]);
        assert!(queue.claim_of(&lane, 9).is_empty());
        assert!(queue.claim_of(&reference(1, 7, 7).lane(), 9).is_empty(), "nothing is in it");
        assert_eq!(ids(&queue.claim(9)), ["10"]);
        assert_eq!(ids(&queue.claim(9)), ["13"]);
    }

    #[test]
    fn what_is_released_comes_back_at_its_old_place() {
        let mut queue = queued(&[(10, 5, 1), (11, 5, 1), (12, 5, 1), (13, 5, 1)]);
        assert_eq!(ids(&queue.claim(3)), ["10", "11", "12"]);
        queue.release(&leadgens(&["12", "10", "99"]));
        assert_eq!(ids(&queue.claim(50)), ["10", "12", "13"]);
    }

    #[test]
    fn what_is_done_is_gone_and_its_place_is_given_again() {
        let mut queue = queued(&[(10, 5, 1), (11, 5, 1), (12, 5, 1)]);
        assert_eq!(ids(&queue.claim(1)), ["10"]);
        for id in leadgens(&["10", "12"]) {
            assert_eq!(queue.done(&id), Some(1));
            assert_eq!(queue.done(&id), None);
        }
        assert_eq!(queue.oldest().map(Timestamp::as_millisecond), Some(1_011));
        let ticket = queue.insert(&reference(20, 5, 3));
        assert!(queue.find(&leadgens(&["20"])[0]) == Some(Standing::Writing { arrival: 3 }));
        assert_eq!(ids(&queue.claim(50)), ["11"]);
        assert!(queue.claim(50).is_none(), "20 is not durable");
        queue.land(ticket, 2);
        assert_eq!(ids(&queue.claim(50)), ["20"]);
        assert_eq!(queue.entries.len(), 3);
        for id in leadgens(&["11", "20"]) {
            queue.done(&id);
        }
        assert!(
            queue.len() == 0
                && queue.heads.is_empty()
                && queue.claimed.is_empty()
                && queue.group_of.is_empty()
                && queue.by_form.is_empty()
        );
    }

    #[test]
    fn what_it_holds_is_counted_by_form_and_by_lane() {
        let mut queue = queued(&[(10, 5, 1), (11, 5, 1), (12, 6, 1), (13, 5, 2)]);
        assert_eq!(ids(&queue.claim(1)), ["10"]);
        let counts = |queue: &Queue| {
            let of_form = |form| queue.of_form(&sample::form(form));
            let of_lane = |page, form| queue.of_lane(sample::page(page), sample::form(form));
            ([1, 2, 3].map(of_form), [(5, 1), (6, 1), (6, 2)].map(|(page, form)| of_lane(page, form)))
        };
        assert_eq!(counts(&queue), ([3, 1, 0], [2, 1, 0]), "claimed ones count");
        queue.done(&leadgens(&["10"])[0]);
        queue.done(&leadgens(&["13"])[0]);
        assert_eq!(counts(&queue), ([2, 0, 0], [1, 1, 0]));
    }

    #[test]
    fn a_stale_ticket_touches_nothing() {
        let mut queue = Queue::default();
        let first = queue.insert(&reference(1, 5, 1));
        queue.forget(first);
        let second = queue.insert(&reference(2, 5, 1));
        assert!(first.place == second.place);
        assert!(queue.land(first, 1) == Landed::Gone);
        queue.forget(first);
        assert!(queue.land(second, 1) == Landed::Open { left: None });
        assert!(queue.land(second, 2) == Landed::Open { left: Some(1) }, "written again elsewhere");
        queue.forget(second);
        assert_eq!(queue.done(&leadgens(&["2"])[0]), Some(2));
    }

    #[test]
    fn an_entry_is_small() {
        assert!(size_of::<Entry>() <= 56);
    }
}
