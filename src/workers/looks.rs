//! When forms that no purpose names were looked at, so that not each of their leads asks Graph again.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};
use parking_lot::Mutex;

use crate::id::{FormId, PageId};

/// So many looks are remembered; while there is no room nothing more is looked at, so that whoever can sign calls has Graph
/// asked for no more invented forms.
const LOOKS_MAX: usize = 20_000;

/// What came of a look, and so when it is worth another.
#[derive(Clone, Copy)]
pub(super) enum Look {
    /// The form was held against others.
    Judged,
    /// It cannot be read for now, or nothing is known of its page yet.
    Unread,
    /// Graph refuses it.
    Refused,
}

impl Look {
    const fn stands(self) -> SignedDuration {
        match self {
            Self::Judged => SignedDuration::from_hours(24),
            Self::Unread => SignedDuration::from_mins(5),
            Self::Refused => SignedDuration::from_hours(1),
        }
    }
}

/// The looks by form, and by the page whose token was used.
#[derive(Default)]
pub(super) struct Looks(Mutex<HashMap<(FormId, PageId), (Timestamp, Look)>>);

impl Looks {
    /// True if it is time to look.
    pub(super) fn are_due(&self, form: &FormId, page: &PageId, now: Timestamp) -> bool {
        let mut looks = self.0.lock();
        if looks.len() >= LOOKS_MAX {
            looks.retain(|_, look| !has_passed(look, now));
        }
        match looks.get(&(*form, *page)) {
            Some(look) => has_passed(look, now),
            None => looks.len() < LOOKS_MAX,
        }
    }

    /// Remembers what came of one.
    pub(super) fn note(&self, form: &FormId, page: &PageId, now: Timestamp, look: Look) {
        let mut looks = self.0.lock();
        if looks.len() < LOOKS_MAX || looks.contains_key(&(*form, *page)) {
            looks.insert((*form, *page), (now, look));
        }
    }

    /// Another config is in force: all is worth a look.
    pub(super) fn begin_anew(&self) {
        self.0.lock().clear();
    }
}

/// A clock that was set back since says nothing.
fn has_passed((at, look): &(Timestamp, Look), now: Timestamp) -> bool {
    let age = now.duration_since(*at);
    age.is_negative() || age >= look.stands()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notification::sample::{form, page};

    fn at(minutes: i64) -> Timestamp {
        Timestamp::from_second(1_764_000_000 + minutes * 60).expect("in range")
    }

    #[test]
    fn what_was_looked_at_is_looked_at_again_when_it_may_be_another() {
        let looks = Looks::default();
        let due = |minutes| looks.are_due(&form(901), &page(104), at(minutes));
        assert!(due(0));
        for (look, minutes) in [(Look::Unread, 5), (Look::Refused, 60), (Look::Judged, 24 * 60)] {
            looks.note(&form(901), &page(104), at(0), look);
            assert!(!due(0) && !due(minutes - 1) && due(minutes), "{minutes}");
            assert!(due(-1), "the clock was ahead");
        }
        assert!(looks.are_due(&form(902), &page(104), at(0)) && looks.are_due(&form(901), &page(105), at(0)));
        looks.begin_anew();
        assert!(due(1));
    }

    #[test]
    fn invented_forms_have_an_end() {
        let looks = Looks::default();
        for number in 0..LOOKS_MAX as u64 {
            looks.note(&form(number), &page(104), at(0), Look::Refused);
        }
        looks.note(&form(999_999), &page(104), at(0), Look::Refused);
        assert!(
            !looks.are_due(&form(999_999), &page(104), at(1)) && !looks.are_due(&form(1), &page(104), at(1))
        );
        assert!(looks.are_due(&form(999_999), &page(104), at(61)), "there is room again");
    }
}
