//! due → asked → reminded → gone; and a yes, after which it begins anew.
//!
//! By days, in UTC, as records end by days. Months are counted at once from the person's last act (docs: design of periods,
//! [`crate::purpose::Term`]). Asking puts nothing off: whoever is asked late, or never because mail was down, goes on the same day.

use jiff::Timestamp;

use crate::clock::{Day, plus_months};
use crate::purpose::{Basis, ConsentKey, ConsentRule, Lifespan, Purpose, Term};

/// So many days after they were asked people are reminded, once.
pub(in crate::people) const REMIND_AFTER_DAYS: u32 = 14;

/// So many months after a person's last act what rests on their consent ends, whatever else holds it (CNIL, reference on the management
/// of commercial activities: three years from the last contact).
const CAP_MONTHS: u32 = 36;

/// What a purpose says of asking again.
pub struct Calendar {
    basis: Basis,
    reconfirm_months: Option<u32>,
    lapse: Option<Term>,
    lifespan: Lifespan,
}

/// What is known of somebody whose record is held.
pub struct Person<'p> {
    /// Their last act: the submission (or its arrival, if that was earlier), or a yes.
    pub acted: Timestamp,
    /// When they were asked last.
    pub asked: Option<Timestamp>,
    /// When they were reminded last.
    pub reminded: Option<Timestamp>,
    /// What forbids to ask them.
    pub bars: &'p [Bar],
    /// What they agreed to, of which there is evidence.
    pub agreed: &'p [Agreed],
}

/// A consent that somebody gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agreed {
    /// Which.
    pub consent: ConsentKey,
    /// From when on it holds no more; none: as long as the record.
    pub valid_until: Option<Timestamp>,
}

/// Why somebody is not asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bar {
    /// The record may not be used, and no clock ends it meanwhile (GDPR art. 18).
    Restricted,
    /// They took their consent back.
    Withdrawn,
    /// They objected (GDPR art. 21).
    Objected,
    /// Their address may not be used.
    Suppressed,
    /// Nothing shows that they agreed.
    Unevidenced,
    /// There is no address, or mail comes back from it.
    Unreachable,
}

/// What is to be done for somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Nothing before this day.
    Wait(Day),
    /// Ask them; it was to be done on this day.
    Ask(Day),
    /// Remind them; the same.
    Remind(Day),
    /// Erase the record; the same, and why.
    Erase(Day, End),
    /// Nothing, until the restriction is over.
    Hold,
}

/// Why a record ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Its person was to be asked again and did not answer, whether or not a mail reached them.
    Lapsed,
    /// Its purpose holds records no longer.
    Retention,
    /// Its person's last act is 36 months ago.
    Cap,
}

impl Calendar {
    /// A purpose's.
    pub fn of(purpose: &Purpose) -> Self {
        Self {
            basis: purpose.basis,
            reconfirm_months: purpose.reconfirm_months,
            lapse: purpose.lapse(),
            lifespan: Lifespan::of(purpose),
        }
    }

    /// What is to be done for somebody now.
    pub fn step(&self, person: &Person<'_>, now: Timestamp) -> Step {
        if person.bars.contains(&Bar::Restricted) {
            return Step::Hold;
        }
        let today = Day::of(now);
        let (last, why) = self.end(person.acted);
        if last <= today {
            return Step::Erase(last, why);
        }
        match self.turn(person, now) {
            Some(Step::Ask(day) | Step::Remind(day)) if today < day => Step::Wait(day.min(last)),
            Some(turn) => turn,
            None => Step::Wait(last),
        }
    }

    /// The day on which a record ends whose person acted last then, if they stay silent.
    pub fn end(&self, acted: Timestamp) -> (Day, End) {
        let day = |moment| Day::of(moment);
        let mut end = (day(self.lifespan.end(acted)), End::Retention);
        // On one day the silence counts: that is what its person was told.
        if self.lapse.is_some_and(|lapse| day(lapse.end(acted)) <= end.0) {
            end.1 = End::Lapsed;
        }
        let cap = day(plus_months(acted, CAP_MONTHS));
        if self.basis == Basis::Consent && cap < end.0 {
            end = (cap, End::Cap);
        }
        end
    }

    /// The moment at which it ends, to the second: what a record carries that counts from then.
    pub fn ends_at(&self, acted: Timestamp) -> Timestamp {
        let end = self.lifespan.end(acted);
        match self.basis {
            Basis::Consent => end.min(plus_months(acted, CAP_MONTHS)),
            _ => end,
        }
    }

    /// The consents that a mail may name: those that still hold. One that ended is not asked for by the way.
    pub fn named<'p>(&self, person: &Person<'p>, now: Timestamp) -> Vec<&'p ConsentKey> {
        let today = Day::of(now);
        let holds = |agreed: &&Agreed| agreed.valid_until.is_none_or(|until| today < Day::of(until));
        person.agreed.iter().filter(holds).map(|agreed| &agreed.consent).collect()
    }

    /// What somebody has agreed to once they said yes to these boxes: for them, and for no other, its time begins anew (as it does for
    /// the record, whose `acted` is this moment). None: there is nothing among them that they had agreed to, and that the purpose
    /// still asks for.
    pub fn confirmed(
        &self,
        rules: &[ConsentRule],
        agreed: &[Agreed],
        boxes: &[ConsentKey],
        at: Timestamp,
    ) -> Option<Vec<Agreed>> {
        let mut counts = false;
        let renewed = agreed.iter().map(|one| {
            let rule = rules.iter().find(|rule| rule.key == one.consent);
            match rule.filter(|_| boxes.contains(&one.consent)) {
                Some(rule) => {
                    counts = true;
                    Agreed { valid_until: rule.valid_until(at, at), ..one.clone() }
                }
                None => one.clone(),
            }
        });
        let renewed = renewed.collect();
        counts.then_some(renewed)
    }

    /// Whose turn it is to hear of us, and on which day; none: never, as things are.
    fn turn(&self, person: &Person<'_>, now: Timestamp) -> Option<Step> {
        let due = Day::of(plus_months(person.acted, self.reconfirm_months?));
        let has_nothing_to_confirm = self.basis == Basis::Consent && self.named(person, now).is_empty();
        if !person.bars.is_empty() || has_nothing_to_confirm {
            return None;
        }
        // What was asked before the last act was answered by it.
        let since = |moment: Option<Timestamp>| moment.filter(|moment| person.acted <= *moment);
        match (since(person.asked), since(person.reminded)) {
            (None, _) => Some(Step::Ask(due)),
            (Some(asked), None) => Some(Step::Remind(Day::of(asked).plus(REMIND_AFTER_DAYS))),
            (Some(_), Some(_)) => None,
        }
    }
}

#[cfg(test)]
mod tests;
