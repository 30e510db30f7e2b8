use super::*;
use crate::clock::ManualClock;

const DAY_MS: i64 = 86_400_000;
const HOUR_MS: i64 = 3_600_000;

fn at(day: i64) -> Timestamp {
    Timestamp::from_millisecond(1_764_000_000_000 + day * DAY_MS).expect("in range")
}

fn marked() -> (Arc<ManualClock>, ClockMark) {
    let clock = Arc::new(ManualClock::new(at(0)));
    let mark = ClockMark::new(clock.clone());
    mark.adopt(at(0), None);
    (clock, mark)
}

/// Told, now, whether the clock is ahead, whether it is confirmed.
fn said(mark: &ClockMark) -> (Timestamp, Timestamp, bool, bool) {
    let look = mark.look();
    (look.told(), look.now(), look.is_ahead(), look.is_confirmed())
}

/// As the store does it: what has to be kept is kept. True if there was something.
fn compare(mark: &ClockMark, other: Option<Timestamp>) -> bool {
    match mark.weigh(other) {
        Some(correction) => mark.correct(correction),
        None => {
            mark.hear(other);
            return false;
        }
    }
    true
}

#[test]
fn a_clock_set_back_does_not_take_us_back() {
    let (clock, mark) = marked();
    clock.advance_ms(2 * DAY_MS);
    assert_eq!(said(&mark), (at(2), at(2), false, false));
    clock.advance_ms(-DAY_MS);
    assert_eq!(said(&mark), (at(1), at(2), false, false));
    assert_eq!(mark.look().latest(), at(2));
}

#[test]
fn a_leap_of_seven_days_is_believed_and_a_longer_one_is_not() {
    let (clock, mark) = marked();
    clock.advance_ms(7 * DAY_MS);
    assert_eq!(said(&mark), (at(7), at(7), false, false));
    clock.advance_ms(8 * DAY_MS);
    assert_eq!(said(&mark), (at(15), at(7), true, false));
    assert_eq!(said(&mark), (at(15), at(7), true, false), "not believed the second time either");
    assert_eq!(mark.look().latest(), at(15));
    clock.advance_ms(-DAY_MS);
    assert_eq!(said(&mark), (at(14), at(14), false, false));
}

/// A clock that is wrong for weeks and then put right is no leap: time went on meanwhile.
#[test]
fn while_a_clock_is_not_believed_time_goes_on() {
    let (clock, mark) = marked();
    clock.advance_ms(200 * DAY_MS);
    assert_eq!(said(&mark), (at(200), at(0), true, false));
    for day in 1..=10 {
        clock.advance_ms(DAY_MS);
        assert_eq!(said(&mark), (at(200 + day), at(day), true, false));
    }
    clock.advance_ms(30 * DAY_MS);
    assert_eq!(said(&mark).1, at(10), "another leap is no time that passed");
    clock.advance_ms(-230 * DAY_MS);
    assert_eq!(said(&mark), (at(10), at(10), false, false));
}

#[test]
fn a_confirmed_leap_is_believed_from_then_on() {
    for right in [None, Some(at(90))] {
        let (clock, mark) = marked();
        clock.advance_ms(90 * DAY_MS);
        assert!(mark.look().is_ahead());
        assert!(compare(&mark, right));
        assert_eq!(said(&mark), (at(90), at(90), false, true));
        clock.advance_ms(8 * DAY_MS);
        assert!(mark.look().is_ahead(), "the next one is another");
    }
}

/// From the first start on a clock may be ahead: nobody notices before another clock says so.
#[test]
fn a_clock_that_another_says_is_ahead_is_believed_no_more_and_the_mark_is_lowered() {
    let (clock, mark) = marked();
    clock.advance_ms(5 * DAY_MS);
    assert_eq!(said(&mark), (at(5), at(5), false, false));
    assert!(compare(&mark, Some(at(2))));
    assert_eq!(said(&mark), (at(5), at(2), true, false));
    assert!(!compare(&mark, Some(at(2))), "it is said already");
    clock.advance_ms(DAY_MS);
    assert_eq!(said(&mark), (at(6), at(3), true, false));
    clock.advance_ms(-2 * HOUR_MS);
    assert!(mark.look().is_ahead(), "still days ahead: another clock had said so");
    clock.advance_ms(-3 * DAY_MS + 2 * HOUR_MS);
    assert_eq!(said(&mark), (at(3), at(3), false, false), "put right");
    assert!(!compare(&mark, Some(at(3))));
    assert_eq!(said(&mark), (at(3), at(3), false, true));
}

#[test]
fn a_mark_that_is_too_high_is_lowered_by_another_clock_or_by_a_person() {
    for right in [None, Some(at(0))] {
        let (clock, mark) = marked();
        mark.adopt(at(200), Some(at(200)));
        assert_eq!(said(&mark), (at(0), at(200), false, false));
        assert!(mark.weigh(right).is_some_and(|correction| correction.lowers(&mark.look())));
        assert!(compare(&mark, right));
        assert_eq!(said(&mark), (at(0), at(0), false, true));
        assert_eq!(mark.look().certain(), Some(at(0)), "what was confirmed then was not right");
        clock.advance_ms(HOUR_MS);
        assert_eq!(mark.look().certain(), Some(at(0) + SignedDuration::from_hours(1)));
    }
}

/// A person who confirms a clock that is wrong is contradicted by the next word of the other.
#[test]
fn a_wrong_confirmation_is_taken_back() {
    let (clock, mark) = marked();
    clock.advance_ms(60 * DAY_MS);
    assert!(!compare(&mark, Some(at(0))), "it was not believed anyway");
    assert!(compare(&mark, None));
    assert_eq!(said(&mark), (at(60), at(60), false, true));
    assert!(compare(&mark, Some(at(0))));
    assert_eq!(said(&mark), (at(60), at(0), true, false));
}

#[test]
fn a_clock_that_is_behind_is_not_confirmed() {
    let (clock, mark) = marked();
    assert!(!compare(&mark, Some(at(0))));
    assert!(mark.look().is_confirmed());
    assert!(!compare(&mark, Some(at(3))));
    assert_eq!(said(&mark), (at(0), at(0), false, false));
    clock.advance_ms(3 * DAY_MS);
    assert!(!compare(&mark, Some(at(3))));
    assert_eq!(said(&mark), (at(3), at(3), false, true));
}

#[test]
fn clocks_agree_within_an_hour_either_way() {
    for (apart_ms, agree) in [(HOUR_MS, true), (-HOUR_MS, true), (HOUR_MS + 1, false), (-HOUR_MS - 1, false)]
    {
        let (_, mark) = marked();
        let other = at(0) + SignedDuration::from_millis(apart_ms);
        compare(&mark, Some(other));
        assert_eq!(mark.look().is_confirmed(), agree, "{apart_ms}");
    }
}

#[test]
fn a_clock_that_is_set_by_more_than_an_hour_has_to_be_confirmed_again() {
    for set_ms in [2 * HOUR_MS, -2 * HOUR_MS] {
        let (clock, mark) = marked();
        mark.hear(None);
        for _ in 0..30 {
            clock.advance_ms(HOUR_MS);
            assert!(mark.look().is_confirmed(), "time that passes");
        }
        assert!(mark.look().confirmed().is_ok());
        clock.advance_ms(set_ms);
        assert_eq!(mark.look().confirmed(), Err(StoreError::of(StoreCode::ClockUnconfirmed)));
    }
}

/// Between the highest clock that was confirmed and the latest that it may be nobody knows.
#[test]
fn whether_a_day_has_come_is_known_up_to_what_was_confirmed() {
    let (clock, mark) = marked();
    let day = |days: i64| Day::of(at(days));
    mark.hear(None);
    assert_eq!([0, 1].map(|days| mark.look().has_come(day(days))), [Some(true), Some(false)]);
    clock.advance_ms(3 * DAY_MS);
    assert_eq!(
        [0, 1, 3, 4].map(|days| mark.look().has_come(day(days))),
        [Some(true), None, None, Some(false)]
    );
    mark.hear(None);
    assert_eq!([3, 4].map(|days| mark.look().has_come(day(days))), [Some(true), Some(false)]);
    clock.advance_ms(50 * DAY_MS);
    assert_eq!(
        [3, 4, 53, 54].map(|days| mark.look().has_come(day(days))),
        [Some(true), None, None, Some(false)]
    );
    assert_eq!(mark.look().confirmed(), Err(StoreError::of(StoreCode::ClockJumped)));
}
