//! One submission, several purposes: for which of them it is still to be read, and how what is left is parked
//! (docs/decisions, 143).

use crate::notification::Why;
use crate::purpose::PurposeId;
use crate::store::{Fate, SeenState};

/// A purpose for which a parked reference is still open, and why it is not stored for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct OpenFor {
    pub(super) purpose: PurposeId,
    pub(super) why: Why,
}

/// How a submission stands before something is settled of it.
pub(super) struct Standing<'s> {
    /// The purposes for which it has its end.
    pub(super) decided: &'s [PurposeId],
    /// Those for which its parked reference is open; none: it has none, or its form was not matched yet.
    pub(super) open: &'s [OpenFor],
    /// What is parked of it is noted and not there: for which purposes it was open nobody knows.
    pub(super) is_lost: bool,
}

impl Standing<'_> {
    /// Of these purposes those for which something may be settled. They are fixed when the form is first matched: one that
    /// was added later does not reach back. Only where not one of them claims the form any more, and nothing has its end yet,
    /// they are fixed anew, as they are for what was held.
    pub(super) fn takes(&self, offered: &[PurposeId]) -> Vec<PurposeId> {
        let is_fixed = self.is_fixed(offered);
        let taken = offered.iter().filter(|purpose| {
            !self.decided.contains(purpose)
                && match is_fixed {
                    true => self.is_open(purpose),
                    false => self.decided.is_empty() || self.is_lost,
                }
        });
        taken.cloned().collect()
    }

    /// The purposes for which the reference is open once it is parked for this reason, matched to these.
    pub(super) fn parked(&self, matched: &[PurposeId], why: Why) -> Vec<OpenFor> {
        let purposes = match matched.is_empty() || self.is_fixed(matched) {
            true => self.open.iter().map(|open| open.purpose.clone()).collect(),
            false => self.takes(matched),
        };
        purposes.into_iter().map(|purpose| OpenFor { purpose, why }).collect()
    }

    /// The purposes for which it stays open where these have been taken.
    pub(super) fn left(&self, taken: &[PurposeId], offered: &[PurposeId]) -> Vec<OpenFor> {
        if !self.is_fixed(offered) {
            return Vec::new();
        }
        self.open.iter().filter(|open| !taken.contains(&open.purpose)).cloned().collect()
    }

    fn is_open(&self, purpose: &PurposeId) -> bool {
        self.open.iter().any(|open| open.purpose == *purpose)
    }

    fn is_fixed(&self, offered: &[PurposeId]) -> bool {
        let meets = || offered.iter().any(|purpose| self.is_open(purpose));
        !self.open.is_empty() && (!self.decided.is_empty() || meets())
    }
}

/// In which way a reference is parked that is open for these purposes; none: for none. What is fetched again is so for all
/// of them.
pub(super) fn row_why(open: &mut [OpenFor]) -> Option<Why> {
    let why = open.iter().map(|open| open.why).min_by_key(|why| match why {
        Why::Waiting { .. } => 0,
        Why::Held { .. } => 1,
        Why::Refused { .. } => 2,
        Why::Buried { .. } => 3,
    })?;
    if matches!(why, Why::Waiting { .. } | Why::Held { .. }) {
        open.iter_mut().for_each(|open| open.why = why);
    }
    Some(why)
}

/// What is said of a parked reference, by purpose where its form was matched.
pub(super) fn parts(why: Why, open: &[OpenFor]) -> Vec<(Option<PurposeId>, Why)> {
    if open.is_empty() {
        return vec![(None, why)];
    }
    open.iter().map(|open| (Some(open.purpose.clone()), open.why)).collect()
}

/// The same as fates.
pub(super) fn parked_fates(why: Why, open: &[OpenFor]) -> Vec<Fate> {
    let fate = |(purpose, why)| Fate { purpose, state: SeenState::Parked(why) };
    parts(why, open).into_iter().map(fate).collect()
}

/// In the order in which they are shown: by purpose.
pub(super) fn in_order(mut fates: Vec<Fate>) -> Vec<Fate> {
    fates.sort_by(|one, other| one.purpose.cmp(&other.purpose));
    fates
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::notification::ParkCode;

    const WAITING: Why =
        Why::Waiting { not_before: Timestamp::UNIX_EPOCH, attempts: 1, code: ParkCode::GraphUnavailable };
    const REFUSED: Why = Why::Refused { code: ParkCode::RequiredFieldMissing };
    const TOO_LARGE: Why = Why::Buried { code: ParkCode::RecordTooLarge, attempts: 0 };

    fn names(purposes: &[&str]) -> Vec<PurposeId> {
        purposes.iter().map(|name| PurposeId::parse(name).expect("a name")).collect()
    }

    fn open(purposes: &[&str]) -> Vec<OpenFor> {
        names(purposes).into_iter().map(|purpose| OpenFor { purpose, why: WAITING }).collect()
    }

    fn shown(purposes: impl IntoIterator<Item = PurposeId>) -> String {
        purposes.into_iter().map(|purpose| purpose.to_string()).collect::<Vec<_>>().join(" ")
    }

    /// Of a submission that has its end for these purposes and is open for those, what is taken of a and b, and for what it
    /// is open once it waits matched to a and b.
    fn of(decided: &[&str], left: &[&str], is_lost: bool) -> (String, String) {
        let (decided, left) = (names(decided), open(left));
        let standing = Standing { decided: &decided, open: &left, is_lost };
        let parked = standing.parked(&names(&["a", "b"]), WAITING);
        (shown(standing.takes(&names(&["a", "b"]))), shown(parked.into_iter().map(|open| open.purpose)))
    }

    #[test]
    fn the_purposes_of_a_submission_are_fixed_when_its_form_is_first_matched() {
        let both = |taken: &str, parked: &str| (taken.to_owned(), parked.to_owned());
        assert_eq!(of(&[], &[], false), both("a b", "a b"), "not matched yet");
        assert_eq!(of(&[], &["a"], false), both("a", "a"), "b was added later");
        assert_eq!(of(&[], &["a", "b", "c"], false), both("a b", "a b c"), "c left the form meanwhile");
        assert_eq!(of(&["a"], &["b"], false), both("b", "b"));
        assert_eq!(of(&["a"], &["c"], false), both("", "c"), "b was added later");
        assert_eq!(of(&["c"], &[], false), both("", ""), "it has its end");
        assert_eq!(of(&[], &["c"], false), both("a b", "a b"), "the form is another purpose's now");
        assert_eq!(of(&["a"], &[], true), both("b", "b"), "what was open is lost");
    }

    #[test]
    fn what_nobody_said_a_word_of_stays_open() {
        let (decided, open) = (names(&[]), open(&["a", "b"]));
        let standing = Standing { decided: &decided, open: &open, is_lost: false };
        let left = |taken: &[&str]| {
            shown(standing.left(&names(taken), &names(taken)).into_iter().map(|open| open.purpose))
        };
        assert_eq!(
            (left(&["a"]), left(&["a", "b"]), left(&["c"])),
            ("b".to_owned(), String::new(), String::new())
        );
        assert_eq!(shown(standing.parked(&[], REFUSED).into_iter().map(|open| open.purpose)), "a b");
    }

    #[test]
    fn what_is_fetched_again_is_so_for_all_and_else_each_has_its_own_reason() {
        let mut open = open(&["a", "b"]);
        (open[0].why, open[1].why) = (TOO_LARGE, REFUSED);
        assert_eq!(row_why(&mut open), Some(REFUSED));
        let said: Vec<Why> = parts(REFUSED, &open).into_iter().map(|(_, why)| why).collect();
        assert_eq!(said, [TOO_LARGE, REFUSED]);
        open[0].why = WAITING;
        assert_eq!((row_why(&mut open), open[1].why), (Some(WAITING), WAITING));
        assert_eq!(row_why(&mut []), None);
        assert_eq!(parts(WAITING, &[]), [(None, WAITING)]);
    }
}
