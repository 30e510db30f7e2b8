//! References of one submission that were named with several forms or pages: whoever can sign calls can name a true submission
//! wrongly before the true call comes. They are parked beside one another until Graph has confirmed one (docs/decisions, 132).

use crate::notification::{Lane, ParkCode, Why};
use crate::store::parked::BESIDE_MAX;

/// One that is parked.
#[derive(Clone, Copy)]
pub(super) struct Beside {
    /// Its arrival number.
    pub(super) arrival: u64,
    /// Its page and form; none: it cannot be read.
    pub(super) lane: Option<Lane>,
    /// In which way it is parked.
    pub(super) why: Why,
}

/// Where a reference is parked.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Placement {
    /// In the place of this one, which is the same reference; none: in a place of its own.
    pub(super) at: Option<u64>,
    /// These are parked no longer.
    pub(super) gone: Vec<u64>,
}

/// True if a call that names the submission with this form and page brings nothing new, where these are parked of it.
pub(super) fn is_known(parked: &[Beside], lane: &Lane) -> bool {
    own(parked, lane).is_some()
        || parked.iter().any(|one| is_confirmed(&one.why))
        || parked.len() >= BESIDE_MAX && victim(parked).is_none()
}

/// Where one of this form and page is parked, for this reason, where these are parked of its submission; none: nowhere.
pub(super) fn place(parked: &[Beside], lane: &Lane, why: &Why) -> Option<Placement> {
    let own = own(parked, lane);
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
fn own(parked: &[Beside], lane: &Lane) -> Option<u64> {
    let same = parked.iter().find(|one| one.lane.as_ref() == Some(lane));
    same.or_else(|| parked.iter().find(|one| one.lane.is_none())).map(|one| one.arrival)
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
    use jiff::Timestamp;

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
        let one = |(arrival, why): (u64, &Why)| Beside { arrival, lane: Some(lane(arrival)), why: *why };
        (1..).zip(whys).map(one).collect()
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
            assert!(is_known(&parked(whys), &lane(1)), "the same reference: {whys:?}");
            is_known(&parked(whys), &lane(9))
        };
        assert!(!known(&[HELD]) && !known(&[WAITING]) && !known(&[MISMATCH]));
        assert!(known(&[REFUSED]) && known(&[TOO_LARGE]) && known(&[WAITING, REFUSED]));
        assert!(!known(&[WAITING, HELD]) && known(&[WAITING, WAITING, WAITING]));
        assert!(!known(&[WAITING, WAITING, HELD]) && !known(&[WAITING, MISMATCH, WAITING]));
        let unreadable = Beside { arrival: 1, lane: None, why: MISMATCH };
        assert!(is_known(&[unreadable], &lane(9)), "it may be the same");
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
    fn of_several_the_foremost_is_said() {
        assert_eq!(foremost([MISMATCH, HELD, WAITING]), Some(WAITING));
        assert_eq!(foremost([MISMATCH, REFUSED]), Some(REFUSED));
        assert_eq!(foremost([]), None);
    }
}
