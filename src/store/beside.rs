//! References of one submission that were named with several forms or pages: whoever can sign calls can name a true submission
//! wrongly before the true call comes. They are parked beside one another until Graph has confirmed one (docs/decisions, 132).

use jiff::Timestamp;

use crate::notification::{Lane, LeadRef, ParkCode, Why};
use crate::store::parked::{BESIDE_MAX, COMES_BACK_AFTER_MS};

/// One that is parked.
#[derive(Clone, Copy)]
pub(super) struct Beside {
    /// Its arrival number.
    pub(super) arrival: u64,
    /// Its page and form; none: it cannot be read.
    pub(super) lane: Option<Lane>,
    /// In which way it is parked.
    pub(super) why: Why,
    /// Since when.
    pub(super) since: Timestamp,
}

/// Where a reference is parked.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Placement {
    /// In the place of this one, which is the same reference; none: in a place of its own.
    pub(super) at: Option<u64>,
    /// These are parked no longer.
    pub(super) gone: Vec<u64>,
}

/// True if a call with this reference brings nothing new, where these are parked of its submission.
pub(super) fn is_known(parked: &[Beside], call: &LeadRef) -> bool {
    if let Some(own) = own(parked, &call.lane()) {
        return !comes_back(own, call.received);
    }
    parked.iter().any(|one| is_confirmed(&one.why)) || parked.len() >= BESIDE_MAX && victim(parked).is_none()
}

/// Where one of this form and page is parked, for this reason, where these are parked of its submission; none: nowhere.
pub(super) fn place(parked: &[Beside], lane: &Lane, why: &Why) -> Option<Placement> {
    let own = own(parked, lane).map(|own| own.arrival);
    if is_confirmed(why) {
        let others = parked.iter().map(|one| one.arrival).filter(|arrival| Some(*arrival) != own);
        return Some(Placement { at: own, gone: others.collect() });
    }
    if own.is_some() {
        return Some(Placement { at: own, gone: Vec::new() });
    }
    if parked.iter().any(|one| is_confirmed(&one.why)) {
        return None;
    }
    if parked.len() < BESIDE_MAX {
        return Some(Placement::default());
    }
    // What nobody claims takes no other's place.
    let victim = victim(parked).filter(|_| !matches!(why, Why::Held { .. }))?;
    Some(Placement { at: None, gone: vec![victim] })
}

/// What is said of a submission of which several references are parked: what Graph has said, else what it may still say.
pub(super) fn foremost(parked: impl IntoIterator<Item = Why>) -> Option<Why> {
    parked.into_iter().min_by_key(|why| match why {
        Why::Refused { .. } => 0,
        Why::Waiting { .. } => 1,
        Why::Held { .. } => 2,
        Why::Buried { .. } => 3,
    })
}

/// The same reference; one that cannot be read may be it.
fn own<'p>(parked: &'p [Beside], lane: &Lane) -> Option<&'p Beside> {
    let same = parked.iter().find(|one| one.lane.as_ref() == Some(lane));
    same.or_else(|| parked.iter().find(|one| one.lane.is_none()))
}

/// True if a call brings back what was buried: Graph did not know the submission, or did not say whose it is, and may by
/// now. One an hour at the most; what was buried since the call was received it does not bring back, so no start does.
fn comes_back(buried: &Beside, received: Timestamp) -> bool {
    let may = matches!(buried.why, Why::Buried { code: ParkCode::AttemptsSpent | ParkCode::FormUnnamed, .. });
    may && received.as_millisecond() - buried.since.as_millisecond() >= COMES_BACK_AFTER_MS
}

/// Graph has said that the submission is of this form: no other can be right.
fn is_confirmed(why: &Why) -> bool {
    matches!(why, Why::Refused { .. } | Why::Buried { code: ParkCode::RecordTooLarge, .. })
}

/// Which gives way to another: one that was asked for in vain, else one that nobody asks for.
fn victim(parked: &[Beside]) -> Option<u64> {
    let buried = parked.iter().find(|one| matches!(one.why, Why::Buried { .. }));
    let victim = buried.or_else(|| parked.iter().find(|one| matches!(one.why, Why::Held { .. })));
    victim.map(|one| one.arrival)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notification::sample;

    const REFUSED: Why = Why::Refused { code: ParkCode::ConsentMissing };
    const HELD: Why = Why::Held { code: ParkCode::FormUnclaimed };
    const WAITING: Why =
        Why::Waiting { not_before: Timestamp::UNIX_EPOCH, attempts: 1, code: ParkCode::LeadUnreadable };
    const MISMATCH: Why = Why::Buried { code: ParkCode::FormMismatch, attempts: 1 };
    const TOO_LARGE: Why = Why::Buried { code: ParkCode::RecordTooLarge, attempts: 1 };

    fn lane(form: u64) -> Lane {
        Lane { page: sample::page(1), form: sample::form(form) }
    }

    /// Parked for these reasons, under forms and arrivals from 1 on.
    fn parked(whys: &[Why]) -> Vec<Beside> {
        let one = |(arrival, why): (u64, &Why)| Beside {
            arrival,
            lane: Some(lane(arrival)),
            why: *why,
            since: Timestamp::UNIX_EPOCH,
        };
        (1..).zip(whys).map(one).collect()
    }

    /// Received so many milliseconds after all was parked.
    fn call(form: u64, ms: i64) -> LeadRef {
        sample::reference((1, 1, form), Timestamp::from_millisecond(ms).expect("in range"))
    }

    fn at(at: u64) -> Option<Placement> {
        Some(Placement { at: Some(at), gone: Vec::new() })
    }

    fn gone(gone: &[u64]) -> Option<Placement> {
        Some(Placement { at: None, gone: gone.to_vec() })
    }

    /// Form 9 is that of the new call.
    #[test]
    fn a_call_with_another_form_is_new_unless_graph_has_spoken_or_three_are_under_way() {
        let known = |whys: &[Why]| {
            assert!(is_known(&parked(whys), &call(1, 0)), "the same reference: {whys:?}");
            is_known(&parked(whys), &call(9, 0))
        };
        assert!(!known(&[HELD]) && !known(&[WAITING]) && !known(&[MISMATCH]));
        assert!(known(&[REFUSED]) && known(&[TOO_LARGE]) && known(&[WAITING, REFUSED]));
        assert!(!known(&[WAITING, HELD]) && known(&[WAITING, WAITING, WAITING]));
        assert!(!known(&[WAITING, WAITING, HELD]) && !known(&[WAITING, MISMATCH, WAITING]));
        let unreadable = Beside { lane: None, ..parked(&[MISMATCH])[0] };
        assert!(is_known(&[unreadable], &call(9, 0)), "it may be the same");
    }

    #[test]
    fn one_is_parked_in_its_own_place_or_beside_the_others_and_what_graph_confirms_ends_them() {
        assert_eq!(place(&[], &lane(9), &WAITING), gone(&[]));
        assert_eq!(place(&parked(&[WAITING, HELD]), &lane(2), &WAITING), at(2));
        assert_eq!(place(&parked(&[WAITING, HELD]), &lane(9), &HELD), gone(&[]));
        assert_eq!(place(&parked(&[WAITING, HELD]), &lane(9), &REFUSED), gone(&[1, 2]));
        let confirmed = Some(Placement { at: Some(2), gone: vec![1, 3] });
        assert_eq!(place(&parked(&[WAITING, WAITING, HELD]), &lane(2), &TOO_LARGE), confirmed);
        assert_eq!(place(&parked(&[REFUSED]), &lane(9), &WAITING), None);
        assert_eq!(
            place(&parked(&[HELD, MISMATCH, WAITING]), &lane(9), &WAITING),
            gone(&[2]),
            "the buried first"
        );
        assert_eq!(place(&parked(&[WAITING, HELD, WAITING]), &lane(9), &MISMATCH), gone(&[2]));
        assert_eq!(
            place(&parked(&[HELD, HELD, MISMATCH]), &lane(9), &HELD),
            None,
            "held takes nobody's place"
        );
        assert_eq!(place(&parked(&[WAITING, WAITING, WAITING]), &lane(9), &WAITING), None);
    }

    #[test]
    fn what_was_asked_for_in_vain_comes_back_with_a_call_an_hour_later() {
        const SPENT: Why = Why::Buried { code: ParkCode::AttemptsSpent, attempts: 8 };
        const UNNAMED: Why = Why::Buried { code: ParkCode::FormUnnamed, attempts: 2 };
        for why in [SPENT, UNNAMED] {
            assert!(is_known(&parked(&[why]), &call(1, COMES_BACK_AFTER_MS - 1)));
            assert!(!is_known(&parked(&[why]), &call(1, COMES_BACK_AFTER_MS)));
            assert!(!is_known(&parked(&[why, WAITING, WAITING]), &call(1, COMES_BACK_AFTER_MS)));
        }
        const OTHER_PAGE: Why = Why::Buried { code: ParkCode::PageMismatch, attempts: 1 };
        for why in [MISMATCH, OTHER_PAGE, TOO_LARGE, REFUSED, HELD, WAITING] {
            assert!(is_known(&parked(&[why]), &call(1, 10 * COMES_BACK_AFTER_MS)), "{why:?}");
        }
    }

    #[test]
    fn of_several_the_foremost_is_said() {
        assert_eq!(foremost([MISMATCH, HELD, WAITING]), Some(WAITING));
        assert_eq!(foremost([MISMATCH, REFUSED]), Some(REFUSED));
        assert_eq!(foremost([]), None);
    }
}
