//! What is queued, in memory: compact, in order of arrival, found by leadgen.
//!
//! 120 to 150 bytes a reference at 500,000, measured (an entry of 56, a place in the map of ids, 4 in its group's queue).
//! References of one lane are a group.

use std::collections::hash_map;
use std::collections::{BTreeMap, HashMap, VecDeque};

use jiff::Timestamp;

use crate::id::{FormId, LeadgenId};
use crate::notification::{Claims, Lane, LeadRef};

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
    /// Nobody claimed its lane when it came: in a moment it is held in the store.
    is_held: bool,
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
    /// Leadgen and group → the place: a submission that was named with another form or page is another reference.
    places: HashMap<(LeadgenId, u32), u32>,
    groups: Vec<Group>,
    free_groups: Vec<u32>,
    group_of: HashMap<Lane, u32>,
    /// How many references will only be held, and how many of each form.
    held: u64,
    held_by_form: HashMap<FormId, u64>,
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

    /// How many of them will only be held: nobody claimed their lane when they came.
    pub fn held(&self) -> u64 {
        self.held
    }

    /// How many of those are of this form.
    pub fn held_of(&self, form: &FormId) -> u64 {
        self.held_by_form.get(form).copied().unwrap_or(0)
    }

    /// The arrival that the next reference will have.
    pub fn next_arrival(&self) -> u64 {
        self.arrivals
    }

    /// True if a reference of this submission is here, of whatever lane. Looks at every lane: for rare use.
    pub fn holds(&self, leadgen: &LeadgenId) -> bool {
        self.group_of.values().any(|group| self.places.contains_key(&(*leadgen, *group)))
    }

    /// Where a reference stands, if it is here.
    pub fn find(&self, leadgen: &LeadgenId, lane: &Lane) -> Option<Standing> {
        let entry = self.entries.get(self.place_of(leadgen, lane)? as usize)?;
        Some(match entry.state {
            EntryState::Writing | EntryState::EndedWriting => Standing::Writing { arrival: entry.arrival },
            _ => Standing::Durable,
        })
    }

    /// Takes a reference in whose frame is not durable yet: known, but not claimable. It must not be here already. Where
    /// claims are told, what they do not cover counts as held.
    pub fn insert(&mut self, reference: &LeadRef, claims: Option<&Claims>) -> Ticket {
        let lane = reference.lane();
        let is_held = claims.is_some_and(|claims| !claims.cover(&lane));
        if is_held {
            self.held += 1;
            *self.held_by_form.entry(lane.form).or_default() += 1;
        }
        let group = self.join_group(lane);
        let arrival = self.arrivals;
        self.arrivals += 1;
        let entry = Entry {
            arrival,
            created_s: reference.created.map_or(i64::MIN, Timestamp::as_second),
            received_ms: reference.received.as_millisecond(),
            group,
            segment: 0,
            state: EntryState::Writing,
            is_held,
            leadgen: reference.leadgen,
        };
        let place = self.place(entry);
        self.places.insert((reference.leadgen, group), place);
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
    pub fn ticket(&self, leadgen: &LeadgenId, lane: &Lane) -> Option<Ticket> {
        let place = self.place_of(leadgen, lane)?;
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
    pub fn release(&mut self, lane: &Lane, leadgens: &[LeadgenId]) {
        for leadgen in leadgens {
            let Some(ticket) = self.ticket(leadgen, lane) else { continue };
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
    pub fn done(&mut self, leadgen: &LeadgenId, lane: &Lane) -> Option<u32> {
        let ticket = self.ticket(leadgen, lane)?;
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

    /// The lane of the oldest durable reference, claimed or not, and when it arrived.
    pub fn oldest(&self) -> Option<(Lane, Timestamp)> {
        let waiting = self.heads.first_key_value().and_then(|(arrival, group)| {
            self.groups.get(*group as usize)?.queue.front().map(|place| (*arrival, *place))
        });
        let claimed = self.claimed.first_key_value().map(|(arrival, place)| (*arrival, *place));
        let (_, place) = [waiting, claimed].into_iter().flatten().min()?;
        let reference = self.reference(place)?;
        Some((reference.lane(), reference.received))
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

    fn place_of(&self, leadgen: &LeadgenId, lane: &Lane) -> Option<u32> {
        let group = *self.group_of.get(lane)?;
        self.places.get(&(*leadgen, group)).copied()
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
        let (leadgen, group, is_held) = (entry.leadgen, entry.group, entry.is_held);
        self.places.remove(&(leadgen, group));
        self.free.push(place);
        if is_held {
            self.let_held_go(group);
        }
        self.leave_group(group);
    }

    fn let_held_go(&mut self, group: u32) {
        self.held = self.held.saturating_sub(1);
        let Some(form) = self.groups.get(group as usize).map(|group| group.lane.form) else { return };
        if let hash_map::Entry::Occupied(mut count) = self.held_by_form.entry(form) {
            *count.get_mut() = count.get().saturating_sub(1);
            if *count.get() == 0 {
                count.remove();
            }
        }
    }

    fn join_group(&mut self, lane: Lane) -> u32 {
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
mod tests;
