//! That an address may not be stored, and from when until when.

use jiff::Timestamp;

use crate::clock::plus_months;
use crate::purpose::law::Contact;
use crate::trail::Reason;

/// How long an entry lives where nothing else is said, in calendar months: the CNIL keeps an objection for three years at least.
pub const SUPPRESSION_MONTHS: u32 = 36;

/// An entry that concerns a submission: by one of its addresses, and for its purpose or for all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Of what kind the address is.
    pub contact: Contact,
    /// When it was made.
    pub since: Timestamp,
    /// When it ends.
    pub until: Timestamp,
}

impl Entry {
    /// One that is made now, for the usual time.
    pub fn made(contact: Contact, now: Timestamp) -> Self {
        Self { contact, since: now, until: plus_months(now, SUPPRESSION_MONTHS) }
    }

    /// True until it ends.
    pub fn holds(&self, now: Timestamp) -> bool {
        now < self.until
    }
}

/// True if whoever asks for this reason is not to be stored again. Objecting is (GDPR art. 21(3)); whoever has their data erased
/// may send in a form the next day.
pub fn makes_entry(reason: Reason) -> bool {
    reason == Reason::Objection
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_holds_for_three_years_by_the_calendar() {
        let at = |text: &str| text.parse().expect("a moment");
        let entry = Entry::made(Contact::Address, at("2028-02-29T10:00:00Z"));
        assert_eq!(entry.until, at("2031-02-28T10:00:00Z"));
        assert!(entry.holds(at("2031-02-28T09:59:59Z")) && !entry.holds(entry.until));
    }

    #[test]
    fn objecting_makes_an_entry_and_nothing_else_does() {
        let making: Vec<_> = Reason::ALL.iter().copied().filter(|reason| makes_entry(*reason)).collect();
        assert_eq!(making, [Reason::Objection]);
    }
}
