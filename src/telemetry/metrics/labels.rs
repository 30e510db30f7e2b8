//! Labels and what is counted under them. Their values come from closed lists and from the config (purposes, pages, tokens), so
//! that no person and no free text can become one, and their number is bounded.

use std::marker::PhantomData;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;

use crate::code::Coded;

/// One label whose value is a word of a closed list.
pub(super) type OneWord = [(&'static str, &'static str); 1];
/// Two of them.
pub(super) type TwoWords = [(&'static str, &'static str); 2];
/// One label whose value the config names.
pub(super) type OneName = [(&'static str, String); 1];
/// Two labels of which the config names one value.
pub(super) type NameAndWord = [(&'static str, String); 2];

/// A counter for each word of a closed list, found by its place: counting is one atomic addition, without a lock and without
/// an allocation. Each is there from the start, since a counter that begins with its first event has not increased by it,
/// so that no alarm would ring.
pub struct CountedBy<C> {
    each: Box<[Counter]>,
    of: PhantomData<fn(C)>,
}

impl<C: Coded> CountedBy<C> {
    /// One for each word of the list, under this label.
    pub(super) fn all(family: &Family<OneWord, Counter>, label: &'static str) -> Self {
        let counter = |code: &C| family.get_or_create_owned(&[(label, code.code())]);
        Self { each: C::every().iter().map(counter).collect(), of: PhantomData }
    }

    /// The same, beside a label that is fixed.
    pub(super) fn beside(
        family: &Family<TwoWords, Counter>,
        fixed: (&'static str, &'static str),
        label: &'static str,
        codes: &[C],
    ) -> Self {
        let is_there = |code: &C| codes.iter().any(|wanted| wanted.place() == code.place());
        let counter = |code: &C| match is_there(code) {
            true => family.get_or_create_owned(&[fixed, (label, code.code())]),
            // Never said, and never shown.
            false => Counter::default(),
        };
        Self { each: C::every().iter().map(counter).collect(), of: PhantomData }
    }

    /// So many more of this.
    pub fn add(&self, code: C, count: u64) {
        if let Some(counter) = self.each.get(code.place()) {
            counter.inc_by(count);
        }
    }
}

/// The statuses that tamis answers, and any other.
const STATUSES: [(u16, &str); 17] = [
    (200, "200"),
    (201, "201"),
    (204, "204"),
    (400, "400"),
    (401, "401"),
    (403, "403"),
    (404, "404"),
    (405, "405"),
    (406, "406"),
    (408, "408"),
    (409, "409"),
    (413, "413"),
    (429, "429"),
    (431, "431"),
    (500, "500"),
    (503, "503"),
    (0, "other"),
];

/// The same for answers, by HTTP status.
pub(super) struct CountedByStatus([Counter; STATUSES.len()]);

impl CountedByStatus {
    /// One for each status.
    pub(super) fn all(family: &Family<OneWord, Counter>) -> Self {
        Self(STATUSES.map(|(_, text)| family.get_or_create_owned(&[("answer", text)])))
    }

    /// One more.
    pub(super) fn count(&self, status: u16) {
        let at = STATUSES.iter().position(|(known, _)| *known == status).unwrap_or(STATUSES.len() - 1);
        if let Some(counter) = self.0.get(at) {
            counter.inc();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notification::{ChangeCode, ParkCode};

    #[test]
    fn each_word_has_its_own_counter_from_the_start() {
        let family = Family::<OneWord, Counter>::default();
        let counted = CountedBy::<ChangeCode>::all(&family, "kind");
        counted.add(ChangeCode::ValuesOff, 3);
        let of = |kind| family.get_or_create(&[("kind", kind)]).get();
        assert_eq!((of("accepted"), of("values-off")), (0, 3));
        let answers = Family::<OneWord, Counter>::default();
        let counted = CountedByStatus::all(&answers);
        [200, 200, 431, 418].iter().for_each(|status| counted.count(*status));
        let of = |answer| answers.get_or_create(&[("answer", answer)]).get();
        assert_eq!((of("200"), of("431"), of("other"), of("503")), (2, 1, 1, 0));
    }

    #[test]
    fn beside_a_fixed_label_only_what_is_on_the_list_is_shown() {
        let family = Family::<TwoWords, Counter>::default();
        let counted = CountedBy::beside(&family, ("listener", "public"), "code", &[ParkCode::TooOld]);
        counted.add(ParkCode::TooOld, 2);
        counted.add(ParkCode::TokenDead, 2);
        let of = |code| family.get(&[("listener", "public"), ("code", code)]).map(|counter| counter.get());
        assert_eq!((of("too-old"), of("token-dead")), (Some(2), None));
    }
}
