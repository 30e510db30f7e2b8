//! What is asked for beside erasing: corrections, restrictions, objections, what a person takes back; and what a recipient reads.
//!
//! The trail is the witness: a line stands in the transaction of its act, so that after a kill it says whether the act is done. All else
//! must agree with it.

use tamis::store::StoreError;

use super::recipient::Handing;
use super::*;
use crate::model::ops::{LETTER, Op, QUOTE};

/// The fields of a quote, each with the question that feeds it; of a letter the first two.
const FIELDS: [(&str, &str); 4] = [
    ("full_name", "full_name"),
    ("email", "email"),
    ("phone_number", "phone_number"),
    ("postcode", "post_code"),
];

/// What became of a record since it was stored.
#[derive(Default)]
pub(in crate::model) struct Held {
    /// What it holds.
    pub(super) fields: BTreeMap<&'static str, String>,
    /// It was written anew: the leaf of its own number opens nothing.
    pub(super) moved: bool,
    /// No consent of it counts: its person had objected before.
    pub(super) unheard: bool,
    /// Until when what they had agreed to held.
    pub(super) taken_back: Option<Timestamp>,
    /// The last day on which nobody may use it.
    pub(super) restricted: Option<Day>,
    /// The recipient had it.
    pub(super) handed: bool,
    /// Its cursor passed it while nobody might use it.
    pub(super) passed: bool,
    /// Its time was over, and it is gone.
    pub(super) over: bool,
}

impl Held {
    /// What is held of a lead that is stored now. `unheard`: its person had objected.
    pub(super) fn of(lead: &Lead, of: usize, unheard: bool) -> Self {
        let agrees = lead.kind != Kind::Unticked && !unheard;
        let is_held = |field: &str| match field {
            "full_name" | "email" => true,
            // Nobody ticks the box for calls, so of a letter no number is kept.
            "phone_number" => of == QUOTE,
            _ => of == QUOTE && agrees,
        };
        let fields = FIELDS.iter().filter(|(field, _)| is_held(field));
        let fields = fields.map(|(field, key)| (*field, answer_of(key, &lead.id, lead.kind))).collect();
        Self { fields, unheard, ..Self::default() }
    }
}

/// A record, and whose it is.
#[derive(Clone)]
pub struct Whom {
    pub lead: usize,
    pub of: usize,
    pub id: RecordId,
}

/// What an operation is to do.
#[derive(Clone)]
pub enum Want {
    /// This field is to hold this.
    Correct(Whom, &'static str, String),
    /// Up to this day; true: it is restricted already.
    Restrict(Whom, Day, bool),
    Lift(Whom),
    /// Whose address, for which purpose (none: for all), and since when.
    Suppress(String, Option<usize>, Timestamp),
    /// When.
    Withdraw(Whom, Timestamp),
    /// A page of so many records of a purpose.
    Hand(usize, usize),
    /// So many changes are applied.
    Follow(usize),
}

/// What the trail is to say of an act that was answered, and what it says.
#[derive(Default)]
pub(super) struct Told {
    /// How many it was of; none within: there is no line. None: it was not answered.
    pub(super) answered: Option<Option<u64>>,
    pub(super) said: Option<u64>,
}

/// The latest day that it may be.
pub(super) fn latest(world: &World<'_>) -> Day {
    Day::of(world.believed().max(world.now()))
}

/// Whether nobody may use a record now. That the store is right is held after each operation.
pub(super) fn is_restricted(world: &World<'_>, id: &RecordId) -> bool {
    world.rooms().store.restriction(id).is_some()
}

/// It depends on the clock, of which nobody knows whether it is right.
pub fn is_doubt(error: &StoreError) -> bool {
    matches!(error.code, tamis::store::StoreCode::ClockJumped | tamis::store::StoreCode::ClockUnconfirmed)
}

impl Model {
    /// What an operation wants; none: there is nobody whom it could be about.
    pub fn want(&mut self, world: &World<'_>, op: &Op) -> Option<Want> {
        match *op {
            Op::Correct(who, of, field) => {
                // A letter has no such field.
                let field = if of == LETTER { "full_name" } else { field };
                let whom = self.whom(who, of, |_| true)?;
                self.editions += 1;
                let value = format!("corrected {} zq{}", self.editions, self.leads[whom.lead].id);
                Some(Want::Correct(whom, field, value))
            }
            Op::Restrict(who, of, days) => {
                let whom = self.whom(who, of, |_| true)?;
                let stands = is_restricted(world, &whom.id);
                Some(Want::Restrict(whom, Day::of(world.believed()).plus(days), stands))
            }
            Op::LiftRestriction(who, of) => {
                let restricted = self.whom(who, of, |held| held.restricted.is_some());
                restricted.or_else(|| self.whom(who, of, |_| true)).map(Want::Lift)
            }
            Op::Suppress(who, of) => {
                let index = who % (self.leads.len() + 1);
                Some(Want::Suppress(Self::id_of(index), of, world.believed()))
            }
            Op::Withdraw(who, of) => {
                self.whom(who, of, |_| true).map(|whom| Want::Withdraw(whom, world.believed()))
            }
            Op::Hand(of, limit) => Some(Want::Hand(of, limit)),
            Op::Follow(applied) => Some(Want::Follow(applied)),
            _ => None,
        }
    }

    /// The first from this one on that was stored for a purpose, and of which this is true.
    fn whom(&self, who: usize, of: usize, is_meant: impl Fn(&Held) -> bool) -> Option<Whom> {
        let (first, count) = (self.nth(who)?, self.leads.len());
        let mut each = (first..first + count).map(|index| index % count);
        each.find_map(|lead| {
            let id = self.leads[lead].stored(of)?.clone();
            is_meant(&self.leads[lead].held[of]).then_some(Whom { lead, of, id })
        })
    }

    /// Whether a record is there by every clock; none: that depends on which is right.
    pub(super) fn is_there(&self, world: &World<'_>, whom: &Whom) -> Option<bool> {
        let lead = &self.leads[whom.lead];
        if lead.record(whom.of).is_none() {
            return Some(false);
        }
        // What is restricted lives on past its day.
        let expires = lead.expires[whom.of]?;
        if is_restricted(world, &whom.id) || latest(world) < expires {
            return Some(true);
        }
        let is_over = world.rooms().store.clock_confirmed() && expires <= Day::of(world.believed());
        is_over.then_some(false)
    }

    pub(super) fn of_whom(&mut self, whom: &Whom) -> &mut Held {
        &mut self.leads[whom.lead].held[whom.of]
    }

    /// Its person agreed to what stands beside the quote, or to the letter, and that holds on this day.
    pub(super) fn agrees(&self, whom: &Whom, today: Day) -> bool {
        let (lead, held) = (&self.leads[whom.lead], &self.leads[whom.lead].held[whom.of]);
        let holds = held.taken_back.is_none_or(|until| today < Day::of(until));
        lead.kind != Kind::Unticked && !held.unheard && holds
    }

    /// A line tells of what somebody asked for.
    pub(super) fn note_asked(
        &mut self,
        world: &World<'_>,
        (act, loose): (Act, bool),
        line: &Line,
    ) -> Result<(), Broken> {
        let (action, count) = (line.entry.action(), line.entry.count);
        // Where all goes that rests on what is taken back, the erasure has the lines.
        let is_erased = action == Action::Withdrawn && matches!(act, Act::Erase) && count == 0;
        let Some(want) = self.wanted.clone().filter(|_| matches!(act, Act::Asked) || is_erased) else {
            return Err(Broken(format!("a line tells of {action}, which nobody asked for")));
        };
        if matches!(action, Action::ChangesRead | Action::ChangesApplied) {
            hold!(matches!(want, Want::Follow(_)), "a line tells of {action}, which nobody asked for");
            return self.note_followed(action, count);
        }
        hold!(self.told.said.is_none(), "two lines tell of one act");
        self.told.said = Some(count);
        let of = match &want {
            Want::Suppress(_, of, _) => of.map(purpose),
            Want::Correct(whom, ..)
            | Want::Restrict(whom, ..)
            | Want::Lift(whom)
            | Want::Withdraw(whom, _) => {
                hold!(
                    count == 0 || line.entry.from.as_ref() == Some(&whom.id),
                    "a line names another record"
                );
                Some(whom.id.purpose.clone())
            }
            Want::Hand(of, _) => Some(purpose(*of)),
            Want::Follow(_) => None,
        };
        hold!(count == 0 || line.entry.purpose == of, "a line tells of another purpose");
        match want {
            Want::Hand(of, limit) if action == Action::Exported => {
                // The answer was lost: it says nothing of where it ends.
                if loose {
                    let Handing { leaving, .. } = self.hand_over(world, of, limit);
                    hold!(leaving.len() as u64 == count, "a line tells of {count} handed over");
                }
            }
            _ if count == 0 => {}
            Want::Correct(whom, field, value) if action == Action::Corrected => {
                hold!(line.entry.fields.iter().any(|name| name.as_str() == field), "a line names no {field}");
                let held = self.of_whom(&whom);
                held.fields.insert(field, value);
                held.moved = true;
                self.tell("corrected", &whom);
            }
            Want::Restrict(whom, until, stood) if action == Action::Restricted => {
                self.of_whom(&whom).restricted = Some(until);
                if !stood {
                    self.tell("restricted", &whom);
                }
            }
            Want::Lift(whom) if action == Action::RestrictionLifted => self.release(world, &whom),
            Want::Suppress(id, of, since) if action == Action::Suppressed => {
                hold!(line.time == since, "a line of {} tells of an objection of {since}", line.time);
                self.objections.note(id, of, since);
            }
            Want::Withdraw(whom, at) if action == Action::Withdrawn => self.take_back(&whom, at)?,
            _ => hold!(false, "a line tells of {action}, and something else was asked for"),
        }
        Ok(())
    }

    /// What hung on it is gone, and what they had agreed to held until then.
    fn take_back(&mut self, whom: &Whom, at: Timestamp) -> Result<(), Broken> {
        hold!(self.withdrawal_changes(whom, at), "{}: taken back, and nothing was left of it", whom.id);
        // Read again where nothing of a consent is another.
        let kind = if self.agrees(whom, Day::of(at)) { "withdrawn" } else { "corrected" };
        let was_given = self.leads[whom.lead].kind != Kind::Unticked;
        let held = self.of_whom(whom);
        held.fields.remove("postcode");
        held.moved = true;
        if was_given && !held.unheard {
            let until = held.taken_back.map_or(at, |before| before.min(at));
            // A record knows seconds.
            held.taken_back = Some(Timestamp::from_second(until.as_second()).expect("in range"));
        }
        self.tell(kind, whom);
        Ok(())
    }

    /// Whether a withdrawal at this moment makes a quote another.
    pub(super) fn withdrawal_changes(&self, whom: &Whom, at: Timestamp) -> bool {
        let (lead, held) = (&self.leads[whom.lead], &self.leads[whom.lead].held[whom.of]);
        let was_given = lead.kind != Kind::Unticked && !held.unheard;
        was_given && held.taken_back.is_none_or(|before| at < before) || held.fields.contains_key("postcode")
    }

    /// A record is restricted no more, and still there.
    pub(super) fn release(&mut self, world: &World<'_>, whom: &Whom) {
        self.tell("released", whom);
        let is_there = {
            let expires = self.leads[whom.lead].expires[whom.of];
            let is_over = world.rooms().store.clock_confirmed()
                && expires.is_some_and(|expires| expires <= Day::of(world.believed()));
            let is_in_time = expires.is_some_and(|expires| latest(world) < expires);
            if is_in_time { Some(true) } else { is_over.then_some(false) }
        };
        self.tell_stored(is_there, whom);
        self.of_whom(whom).restricted = None;
    }
}
