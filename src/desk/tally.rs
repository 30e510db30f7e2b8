//! Counts what a time was like, from the trail: how many records were held, who read them, what went since. Numbers of records
//! are not taken in: they lead to people.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::purpose::PurposeId;
use crate::trail::{Action, Outcome};

/// So many different deeds are told apart. What accounts there are is bounded, what they did in a year is not.
const DEEDS_MAX: usize = 1_000;

/// A time: from its first moment to before its last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Its first moment.
    pub from: Timestamp,
    /// The first moment after it.
    pub to: Timestamp,
}

/// What a line of the trail says, without the records that it names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Deed {
    /// `token:ID`, `local:UID`, `system`.
    pub actor: String,
    /// In what role.
    pub role: String,
    /// What: a code of the trail, maybe one of a later version's.
    pub action: String,
    /// Of which purpose.
    pub purpose: Option<PurposeId>,
    /// On whose behalf.
    pub recipient: Option<String>,
    /// Why.
    pub reason: Option<String>,
    /// How it ended.
    pub result: String,
}

/// How often something was done, and with how many records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::desk) struct Done {
    pub(in crate::desk) times: u64,
    pub(in crate::desk) records: u64,
}

/// What became of the records of one purpose: within the time, and after it.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::desk) struct Held {
    pub(in crate::desk) now: u64,
    pub(in crate::desk) stored: u64,
    pub(in crate::desk) erased: u64,
    pub(in crate::desk) expired: u64,
    stored_since: u64,
    pub(in crate::desk) erased_since: u64,
    pub(in crate::desk) expired_since: u64,
}

impl Held {
    /// When the time began: what is there now, without what came since, with what went since.
    pub(in crate::desk) fn at_the_beginning(&self) -> u64 {
        let came = self.stored + self.stored_since;
        let went = self.erased + self.expired + self.erased_since + self.expired_since;
        (self.now + went).saturating_sub(came)
    }

    /// Ever in the time: what was there when it began, and what came in it.
    pub(in crate::desk) fn within(&self) -> u64 {
        self.at_the_beginning() + self.stored
    }
}

/// The counts.
pub struct Tally {
    pub(in crate::desk) span: Span,
    asked: Timestamp,
    pub(in crate::desk) purposes: BTreeMap<PurposeId, Held>,
    pub(in crate::desk) deeds: BTreeMap<Deed, Done>,
    /// Deeds beyond those that are told apart.
    pub(in crate::desk) left_out: u64,
    /// Records whose keys were destroyed after an erasure, since the time began.
    pub(in crate::desk) keys_destroyed: u64,
    pub(in crate::desk) tokens_revoked: u64,
    /// Where the trail begins, if that is later than the time does.
    pub(in crate::desk) begins: Option<Timestamp>,
}

impl Tally {
    /// Nothing is counted yet but what is held, as of then.
    pub fn new(span: Span, held: impl IntoIterator<Item = (PurposeId, u64)>, asked: Timestamp) -> Self {
        let held = held.into_iter().map(|(purpose, now)| (purpose, Held { now, ..Held::default() }));
        Self {
            span,
            asked,
            purposes: held.collect(),
            deeds: BTreeMap::new(),
            left_out: 0,
            keys_destroyed: 0,
            tokens_revoked: 0,
            begins: None,
        }
    }

    /// The trail begins then; what was before nobody knows any more.
    pub fn trail_begins(&mut self, at: Timestamp) {
        self.begins = (at > self.span.from).then_some(at);
    }

    /// Takes a line in: of this time, with so many records. Lines may come in any order, each once, all from when the time begins.
    pub fn take(&mut self, time: Timestamp, deed: Deed, records: u64) {
        // What was written after the counts were asked for is not in them.
        if time < self.span.from || time > self.asked {
            return;
        }
        let is_within = time < self.span.to;
        let is_done = deed.result == Outcome::Done.as_str();
        let action = Action::from_code(&deed.action);
        match action {
            Some(Action::Erased) => self.keys_destroyed += records,
            Some(Action::TokenRevoked) if is_done => self.tokens_revoked += 1,
            _ => {}
        }
        let moves = [Action::Stored, Action::ErasureAsked, Action::Expired, Action::Lapsed];
        if let (Some(purpose), Some(action)) =
            (&deed.purpose, action.filter(|action| is_done && moves.contains(action)))
        {
            let held = self.purposes.entry(purpose.clone()).or_default();
            let count = match (action, is_within) {
                (Action::Stored, true) => &mut held.stored,
                (Action::Stored, false) => &mut held.stored_since,
                (Action::ErasureAsked, true) => &mut held.erased,
                (Action::ErasureAsked, false) => &mut held.erased_since,
                (_, true) => &mut held.expired,
                (_, false) => &mut held.expired_since,
            };
            *count += records;
        }
        if is_within && !["system", "person"].contains(&deed.actor.as_str()) {
            self.note(deed, records);
        }
    }

    fn note(&mut self, deed: Deed, records: u64) {
        if self.deeds.len() >= DEEDS_MAX && !self.deeds.contains_key(&deed) {
            self.left_out += 1;
            return;
        }
        let done = self.deeds.entry(deed).or_default();
        done.times += 1;
        done.records = done.records.saturating_add(records);
    }

    /// Purposes of which something was held, or moved.
    pub(in crate::desk) fn concerned(&self) -> impl Iterator<Item = (&PurposeId, &Held)> {
        self.purposes.iter().filter(|(_, held)| held.within() + held.now > 0)
    }
}

/// True of what showed records to whoever did it. What was refused showed nothing.
pub(in crate::desk) fn shows(deed: &Deed) -> bool {
    let acts = [Action::Exported, Action::Found, Action::FoundUnmasked, Action::Accessed];
    deed.result != Outcome::Refused.as_str() && acts.iter().any(|act| act.as_str() == deed.action)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(hour: i64) -> Timestamp {
        Timestamp::from_second(1_764_000_000 + hour * 3_600).expect("in range")
    }

    fn purpose() -> PurposeId {
        PurposeId::parse("devis").expect("a name")
    }

    fn deed(actor: &str, action: Action) -> Deed {
        let (role, purpose, result) = ("officer".to_owned(), Some(purpose()), "done".to_owned());
        let action = action.as_str().to_owned();
        Deed { actor: actor.to_owned(), role, action, purpose, recipient: None, reason: None, result }
    }

    /// Ten were there; three came, two went in the time; five came and four went since: twelve are there now.
    #[test]
    fn what_was_held_in_a_time_is_counted_back_from_what_is_held_now() {
        let span = Span { from: at(10), to: at(20) };
        let mut tally = Tally::new(span, [(purpose(), 12)], at(40));
        for (hour, action, records) in [
            (9, Action::Stored, 100),
            (10, Action::Stored, 3),
            (11, Action::ErasureAsked, 1),
            (19, Action::Expired, 1),
            (20, Action::Stored, 5),
            (30, Action::ErasureAsked, 1),
            (30, Action::Erased, 1),
            (38, Action::Lapsed, 1),
            (39, Action::Expired, 2),
            (41, Action::Stored, 50),
        ] {
            tally.take(at(hour), deed("system", action), records);
        }
        let held = tally.purposes[&purpose()];
        assert_eq!((held.at_the_beginning(), held.within(), held.now), (10, 13, 12));
        assert_eq!((held.erased, held.expired, held.erased_since, held.expired_since), (1, 1, 1, 3));
        assert_eq!(tally.keys_destroyed, 1);
        assert!(tally.deeds.is_empty(), "tamis itself is no account");
    }

    #[test]
    fn the_same_deed_is_one_row_and_what_came_to_nothing_moves_nothing() {
        let span = Span { from: at(0), to: at(10) };
        let mut tally = Tally::new(span, [(purpose(), 5)], at(40));
        let export = || deed("token:0f3a", Action::Exported);
        tally.take(at(1), export(), 5);
        tally.take(at(2), export(), 2);
        tally.take(at(11), export(), 100);
        tally.take(at(3), Deed { result: "refused".to_owned(), ..export() }, 0);
        tally.take(at(4), Deed { result: "nothing".to_owned(), ..deed("local:0", Action::ErasureAsked) }, 7);
        assert_eq!(tally.deeds[&export()], Done { times: 2, records: 7 });
        assert_eq!(tally.deeds.len(), 3);
        assert_eq!(tally.purposes[&purpose()].within(), 5, "nothing was erased");
    }

    #[test]
    fn a_trail_that_begins_later_is_said_and_one_that_does_not_is_not() {
        let mut tally = Tally::new(Span { from: at(5), to: at(10) }, [], at(40));
        tally.trail_begins(at(4));
        assert_eq!(tally.begins, None);
        tally.trail_begins(at(6));
        assert_eq!(tally.begins, Some(at(6)));
    }

    #[test]
    fn deeds_without_end_are_counted_and_no_longer_told_apart() {
        let mut tally = Tally::new(Span { from: at(0), to: at(10) }, [], at(40));
        for number in 0..DEEDS_MAX + 3 {
            tally.take(at(1), deed(&format!("token:{number}"), Action::Found), 1);
        }
        assert_eq!((tally.deeds.len(), tally.left_out), (DEEDS_MAX, 3));
    }
}
