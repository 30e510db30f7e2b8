//! What is parked, in memory: who is due, by page and form, and what is leased. About 70 bytes a waiting or held
//! reference; no leadgen but those of the leased.

mod shown;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Bound::{Excluded, Unbounded};

use jiff::Timestamp;

use crate::clock::Day;
use crate::id::{FormId, LeadgenId};
use crate::keyring::Keyring;
use crate::notification::{Lane, Lanes, LeadRef, Move, ParkCode, Why};
use crate::purpose::PurposeId;
use crate::store::several::{OpenFor, parts};
use crate::store::sled::engine::Engine;
use crate::store::sled::layout::{self, Place};
use crate::store::sled::reference;
use crate::store::sled::rows::ParkedRow;
use crate::store::{DueBy, HeldCounts, StoreError};

/// What is said of a row that cannot be read.
pub(super) const UNREADABLE: Why = Why::Buried { code: ParkCode::ReferenceUnreadable, attempts: 0 };

/// Where a reference is parked.
#[derive(Clone)]
pub(super) struct Position {
    /// Its key in `parked`.
    pub arrival: u64,
    /// Under which day's key it is sealed.
    pub day: Day,
    /// In which way it is parked.
    pub why: Why,
    /// The purposes for which it is open, each with its reason; none: its form was not matched yet.
    pub open: Vec<OpenFor>,
    /// Since when.
    pub since: Timestamp,
    /// Its page and form; none: it cannot be read, so it is set aside: shown, counted by day, and expired in time.
    pub of: Option<Lane>,
}

impl Position {
    /// Of an opened reference.
    pub(super) fn new(arrival: u64, day: Day, why: Why, since: Timestamp, of: Option<&LeadRef>) -> Self {
        Self { arrival, day, why, open: Vec::new(), since, of: of.map(LeadRef::lane) }
    }

    /// Of a row. One whose seal does not open, or with a code of a later version, is unreadable, and no more.
    pub(super) fn of_row(keyring: &dyn Keyring, arrival: u64, row: &ParkedRow) -> Self {
        let since = layout::moment(row.since_ms).unwrap_or(Timestamp::UNIX_EPOCH);
        match (row.why.why(), row.open(), reference::open(keyring, arrival, row)) {
            (Ok(why), Ok(open), Ok(reference)) => {
                Self { open, ..Self::new(arrival, row.day(), why, since, Some(&reference)) }
            }
            _ => Self::new(arrival, row.day(), UNREADABLE, since, None),
        }
    }

    /// Where an operator finds it: refused under which purpose and code, and whether it is buried for one.
    fn shown(&self) -> (Vec<(Option<PurposeId>, ParkCode)>, bool) {
        let (mut refused, mut is_buried) = (Vec::new(), false);
        for (purpose, why) in parts(self.why, &self.open) {
            match why {
                Why::Refused { code } => refused.push((purpose, code)),
                Why::Buried { .. } => is_buried = true,
                Why::Waiting { .. } | Why::Held { .. } => {}
            }
        }
        (refused, is_buried)
    }

    /// When it is due, if it is one of those that are fetched again.
    fn due(&self) -> Option<(i64, u64)> {
        match self.why {
            Why::Waiting { not_before, .. } => Some((not_before.as_millisecond(), self.arrival)),
            Why::Held { .. } => Some((self.since.as_millisecond(), self.arrival)),
            Why::Refused { .. } | Why::Buried { .. } => None,
        }
    }
}

/// From when on a reference is due, in milliseconds since 1970, and its arrival.
type Head = (i64, u64);

/// The references of one form of one page.
#[derive(Default)]
struct Group {
    /// (not before, arrival)
    waiting: BTreeSet<(i64, u64)>,
    /// (since, arrival)
    held: BTreeSet<(i64, u64)>,
    /// Purpose, code and day since when → how many, and the first moment of that day. By day, since there may be many.
    refused: BTreeMap<(Option<PurposeId>, ParkCode, Day), (u64, i64)>,
}

impl Group {
    fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.held.is_empty() && self.refused.is_empty()
    }
}

struct Lease {
    leadgen: Option<LeadgenId>,
    position: Position,
}

impl Lease {
    /// By what it is given up, once it is named.
    fn name(&self) -> Option<(LeadgenId, Lane)> {
        self.leadgen.zip(self.position.of)
    }
}

/// All that is parked.
#[derive(Default)]
pub(super) struct ParkedIndex {
    groups: HashMap<Lane, Group>,
    /// Each group's first reference that is fetched again, due or not → the group.
    heads: BTreeMap<Head, Lane>,
    buried: BTreeSet<u64>,
    /// Rows that cannot be read.
    unreadable: BTreeSet<u64>,
    /// Of those, the rows that do not even say under which day's key they are sealed.
    dayless: BTreeSet<u64>,
    days: BTreeMap<Day, u64>,
    /// Rows whose seal does not open under the key of their day: it need not stay for them.
    hopeless: BTreeMap<u64, Day>,
    /// Claimed references, out of their groups meanwhile.
    leases: HashMap<u64, Lease>,
    leased: HashMap<(LeadgenId, Lane), u64>,
    /// The arrivals of what waits, leased ones included.
    waiting: BTreeSet<u64>,
    held: u64,
    /// Form → how many of it are held, leased ones included.
    held_by_form: HashMap<FormId, u64>,
    /// The commit up to which this is known.
    commit: u64,
}

impl ParkedIndex {
    /// Reads all that is parked.
    ///
    /// # Errors
    /// See [`crate::store::StoreCode`].
    pub(super) fn read(engine: &Engine, keyring: &dyn Keyring) -> Result<Self, StoreError> {
        let mut index = Self::default();
        let mut unreadable = 0_u64;
        engine.visit(&Place::Parked, (Unbounded, Unbounded), |key, value| {
            let Ok(arrival) = layout::number(key) else {
                unreadable += 1;
                return Ok(true);
            };
            let row = ParkedRow::read(value).ok();
            let position = row.map(|row| Position::of_row(keyring, arrival, &row));
            unreadable += u64::from(position.as_ref().is_none_or(|position| position.of.is_none()));
            match position {
                Some(position) => index.insert(&position),
                None => index.insert_dayless(arrival),
            }
            Ok(true)
        })?;
        if unreadable > 0 {
            tracing::error!(refs.unreadable = unreadable, "store.reference-unreadable");
        }
        Ok(index)
    }

    /// Takes over what was read anew from the engine; leases go on.
    pub(super) fn replace(&mut self, mut fresh: Self) {
        for (arrival, lease) in self.leases.drain() {
            if fresh.take(&lease.position) {
                fresh.leased.extend(lease.name().map(|name| (name, arrival)));
                fresh.leases.insert(arrival, lease);
            }
        }
        *self = fresh;
    }

    /// A reference is parked here now.
    pub(super) fn insert(&mut self, position: &Position) {
        *self.days.entry(position.day).or_default() += 1;
        match (position.why, position.of) {
            (Why::Waiting { .. }, Some(_)) => {
                self.waiting.insert(position.arrival);
            }
            (Why::Held { .. }, Some(of)) => {
                self.held += 1;
                *self.held_by_form.entry(of.form).or_default() += 1;
            }
            _ => {}
        }
        self.put(position);
    }

    fn put(&mut self, position: &Position) {
        let Some(of) = position.of else {
            self.unreadable.insert(position.arrival);
            return;
        };
        match (position.why, position.due()) {
            (Why::Waiting { .. }, Some(due)) => {
                self.change(of, |group| group.waiting.insert(due));
            }
            (Why::Held { .. }, Some(due)) => {
                self.change(of, |group| group.held.insert(due));
            }
            _ => {
                let (refused, is_buried) = position.shown();
                if is_buried {
                    self.buried.insert(position.arrival);
                }
                if !refused.is_empty() {
                    self.change(of, |group| group.count_refused(refused, position.since));
                }
            }
        }
    }

    /// It is no longer parked there.
    pub(super) fn remove(&mut self, position: &Position) {
        if let Some(count) = self.days.get_mut(&position.day) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                self.days.remove(&position.day);
            }
        }
        self.hopeless.remove(&position.arrival);
        if self.unreadable.remove(&position.arrival) {
            return;
        }
        self.count_off(position);
        if let Some(lease) = self.leases.remove(&position.arrival) {
            if let Some(name) = lease.name() {
                self.leased.remove(&name);
            }
            return;
        }
        self.take(position);
    }

    /// A row that cannot even be decoded: nothing is known of it but that it is there.
    pub(super) fn insert_dayless(&mut self, arrival: u64) {
        self.unreadable.insert(arrival);
        self.dayless.insert(arrival);
    }

    /// A row was looked at whose seal does not open under the key of this day.
    pub(super) fn needs_no_key(&mut self, arrival: u64, day: Day) {
        self.hopeless.insert(arrival, day);
    }

    /// A leased row turned out unreadable: out of everybody's way from now on.
    pub(super) fn set_unreadable(&mut self, arrival: u64) {
        if let Some(lease) = self.leases.remove(&arrival) {
            self.count_off(&lease.position);
        }
        self.unreadable.insert(arrival);
    }

    /// One that waits or is held does so no longer.
    fn count_off(&mut self, position: &Position) {
        match (position.why, position.of) {
            (Why::Waiting { .. }, Some(_)) => {
                self.waiting.remove(&position.arrival);
            }
            (Why::Held { .. }, Some(of)) => {
                self.held = self.held.saturating_sub(1);
                if let Some(count) = self.held_by_form.get_mut(&of.form) {
                    *count = count.saturating_sub(1);
                    if *count == 0 {
                        self.held_by_form.remove(&of.form);
                    }
                }
            }
            _ => {}
        }
    }

    /// Takes a position out of its group. False: it was not there.
    fn take(&mut self, position: &Position) -> bool {
        let Some(of) = position.of else { return false };
        if let Some(due) = position.due() {
            return self.change(of, |group| match position.why {
                Why::Waiting { .. } => group.waiting.remove(&due),
                _ => group.held.remove(&due),
            });
        }
        let (refused, is_buried) = position.shown();
        let was_buried = is_buried && self.buried.remove(&position.arrival);
        let was_refused =
            !refused.is_empty() && self.change(of, |group| group.uncount(refused, position.since));
        was_buried || was_refused
    }

    /// Changes a group, which need not be there before or after, and keeps its head in its place.
    fn change<R>(&mut self, of: Lane, change: impl FnOnce(&mut Group) -> R) -> R {
        let group = self.groups.entry(of).or_default();
        let before = group.earliest();
        let changed = change(group);
        let (after, is_empty) = (group.earliest(), group.is_empty());
        if before != after {
            before.and_then(|head| self.heads.remove(&head));
            after.and_then(|head| self.heads.insert(head, of));
        }
        if is_empty {
            self.groups.remove(&of);
        }
        changed
    }

    /// Leases up to `max` due references of one lane: the lane of the oldest one that may move.
    pub(super) fn lease_due(&mut self, by: DueBy, max: usize, lanes: &Lanes) -> Option<(Lane, Vec<u64>)> {
        let mut oldest: Option<(Head, Lane, Move)> = None;
        for (earliest, lane) in &self.heads {
            if oldest.as_ref().is_some_and(|(found, ..)| earliest >= found) {
                break;
            }
            let moves = lanes.moves(lane);
            let Some(head) = self.groups.get(lane).and_then(|group| group.head(by, moves)) else { continue };
            if oldest.as_ref().is_none_or(|(found, ..)| head < *found) {
                oldest = Some((head, *lane, moves));
            }
        }
        let (_, lane, moves) = oldest?;
        let mut arrivals = Vec::new();
        while arrivals.len() < max {
            let Some(head) = self.groups.get(&lane).and_then(|group| group.head(by, moves)) else { break };
            arrivals.push(head.1);
            self.set_aside(lane, head);
        }
        (!arrivals.is_empty()).then_some((lane, arrivals))
    }

    /// Moves a head out of its group into the leases. What was waiting is known from the row when it comes back.
    fn set_aside(&mut self, of: Lane, head: Head) {
        let moment = Timestamp::from_millisecond(head.0).unwrap_or(Timestamp::UNIX_EPOCH);
        // Code, attempts, purposes, since and day do not matter for putting it back; the row in the store has them.
        let why = self.change(of, |group| {
            if group.waiting.remove(&head) {
                Why::Waiting { not_before: moment, attempts: 0, code: ParkCode::GraphUnavailable }
            } else {
                group.held.remove(&head);
                Why::Held { code: ParkCode::FormUnclaimed }
            }
        });
        let position =
            Position { arrival: head.1, day: Day(0), why, open: Vec::new(), since: moment, of: Some(of) };
        self.leases.insert(head.1, Lease { leadgen: None, position });
    }

    /// Names a leased reference, so that it can be released.
    pub(super) fn name_lease(&mut self, arrival: u64, leadgen: LeadgenId) {
        if let Some(lease) = self.leases.get_mut(&arrival) {
            lease.leadgen = Some(leadgen);
            self.leased.extend(lease.name().map(|name| (name, arrival)));
        }
    }

    /// The row that a leased reference was claimed from.
    pub(super) fn leased_at(&self, leadgen: &LeadgenId, lane: &Lane) -> Option<u64> {
        self.leased.get(&(*leadgen, *lane)).copied()
    }

    /// Gives leases of a lane up by leadgen.
    pub(super) fn release(&mut self, lane: &Lane, leadgens: &[LeadgenId]) {
        for leadgen in leadgens {
            if let Some(arrival) = self.leased.get(&(*leadgen, *lane)).copied() {
                self.release_arrival(arrival);
            }
        }
    }

    /// Gives a lease up: the reference is back at its old place.
    pub(super) fn release_arrival(&mut self, arrival: u64) {
        let Some(lease) = self.leases.remove(&arrival) else { return };
        if let Some(name) = lease.name() {
            self.leased.remove(&name);
        }
        self.put(&lease.position);
    }

    /// True while it is leased.
    pub(super) fn is_leased(&self, arrival: u64) -> bool {
        self.leases.contains_key(&arrival)
    }

    /// When the next waiting reference is due.
    pub(super) fn next_due(&self, by: DueBy) -> Option<Timestamp> {
        let heads = self.groups.values().filter_map(|group| group.due(by).or(group.waiting.first()));
        let moments = heads.filter_map(|(ms, _)| Timestamp::from_millisecond(*ms).ok());
        moments.map(|not_before| by.due_at(not_before)).min()
    }

    /// How many wait or are held, leased ones included.
    pub(super) fn count(&self) -> u64 {
        self.waiting.len() as u64 + self.held
    }

    /// How many are held, leased ones included: all together, and of each of these forms.
    pub(super) fn held(&self, forms: &[FormId]) -> HeldCounts {
        let of_form = |form| self.held_by_form.get(form).copied().unwrap_or(0);
        HeldCounts { total: self.held, of_forms: forms.iter().map(of_form).collect() }
    }

    /// The arrivals of what is held of this form and not leased. Looks at every group: for rare use.
    pub(super) fn held_of(&self, form: &FormId) -> Vec<u64> {
        let groups = self.groups.iter().filter(|(lane, _)| lane.form == *form);
        groups.flat_map(|(_, group)| group.held.iter().map(|(_, arrival)| *arrival)).collect()
    }

    /// Everything up to this commit is known here.
    pub(super) fn set_commit(&mut self, commit: u64) {
        self.commit = commit;
    }

    /// How many rows there are, unreadable ones included; none: it is not known as of this commit.
    pub(super) fn total_as_of(&self, commit: u64) -> Option<u64> {
        let total = self.days.values().sum::<u64>() + self.dayless.len() as u64;
        (self.commit == commit).then_some(total)
    }

    /// The days under whose keys references are sealed, oldest first; none: of some it is not known.
    pub(super) fn sealed_days(&self) -> Option<Vec<Day>> {
        let hopeless = |day: &Day| self.hopeless.values().filter(|of| *of == day).count() as u64;
        let needed = self.days.iter().filter(|(day, count)| **count > hopeless(day));
        self.dayless.is_empty().then(|| needed.map(|(day, _)| *day).collect())
    }

    /// True if something is sealed under the key of this day or of one before it.
    pub(super) fn is_sealed_by(&self, last: Day) -> bool {
        self.days.keys().next().is_some_and(|day| *day <= last)
    }

    /// The first `max` that cannot be read.
    pub(super) fn unreadable(&self, max: usize) -> Vec<u64> {
        self.unreadable.iter().take(max).copied().collect()
    }

    /// The first `max` buried ones.
    pub(super) fn buried(&self, max: usize) -> Vec<u64> {
        self.buried.iter().take(max).copied().collect()
    }
}

impl Group {
    fn count_refused(&mut self, refused: Vec<(Option<PurposeId>, ParkCode)>, since: Timestamp) {
        for (purpose, code) in refused {
            let ms = since.as_millisecond();
            let tally = self.refused.entry((purpose, code, Day::of(since))).or_insert((0, ms));
            *tally = (tally.0 + 1, tally.1.min(ms));
        }
    }

    /// False: none of them was counted.
    fn uncount(&mut self, refused: Vec<(Option<PurposeId>, ParkCode)>, since: Timestamp) -> bool {
        let mut was_counted = false;
        for (purpose, code) in refused {
            let key = (purpose, code, Day::of(since));
            let Some(tally) = self.refused.get_mut(&key) else { continue };
            was_counted = true;
            tally.0 = tally.0.saturating_sub(1);
            if tally.0 == 0 {
                self.refused.remove(&key);
            }
        }
        was_counted
    }

    /// Its first reference, due or not.
    fn earliest(&self) -> Option<Head> {
        [self.waiting.first(), self.held.first()].into_iter().flatten().min().copied()
    }

    /// The oldest that may leave.
    fn head(&self, by: DueBy, moves: Move) -> Option<Head> {
        let waiting = self.due(by);
        match moves {
            Move::Stay => None,
            Move::Hold => waiting.copied(),
            Move::Read => [waiting, self.held.first()].into_iter().flatten().min().copied(),
        }
    }

    /// The first waiting one that is due; behind those whose time has come, the one that would wait for too long.
    fn due(&self, by: DueBy) -> Option<&Head> {
        let now = by.now.as_millisecond();
        let too_far = (Excluded((by.furthest().as_millisecond(), u64::MAX)), Unbounded);
        let come = self.waiting.first().filter(|(not_before, _)| *not_before <= now);
        come.or_else(|| self.waiting.range(too_far).next())
    }
}
