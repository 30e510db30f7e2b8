//! Who is to be asked, as far as that can be told without opening anything: from the day on which a record ends, and from what was
//! written to its person. Whoever writes the mail looks again, at the record itself (`workers::judging`). By days, in UTC, as records
//! end by days. Asking puts nothing off: whoever is asked late, or never because mail was down, goes on the same day
//! (docs/decisions, 245 and 276).

use jiff::Timestamp;

use crate::clock::Day;

/// So many days after they were asked people are reminded, once.
const REMIND_AFTER_DAYS: u32 = 14;

/// What is to be done for somebody, as it looks from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Nothing yet, or nothing any more.
    Rests,
    /// They are to be asked.
    Ask,
    /// They were, and are to be reminded.
    Remind,
    /// They were reminded, or will be.
    Answers,
}

/// Whose turn it is: of a record that ends on this day unless its person answers, under a purpose with so many days of grace. One that
/// ends by its retention and not by silence may look due before it is.
pub fn turn(
    ends: Day,
    grace_days: u32,
    (asked, reminded): (Option<Timestamp>, Option<Timestamp>),
    today: Day,
) -> Turn {
    let due = ends.minus(grace_days);
    if today < due || ends <= today {
        return Turn::Rests;
    }
    // What was asked before this was due was asked about an earlier time.
    let since = |moment: Option<Timestamp>| moment.map(Day::of).filter(|day| due <= *day);
    match (since(asked), since(reminded)) {
        (None, _) => Turn::Ask,
        (Some(asked), None) if asked.plus(REMIND_AFTER_DAYS) <= today => Turn::Remind,
        (Some(_), _) => Turn::Answers,
    }
}

/// How it stands with the asking under one purpose.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// So many are to be asked.
    pub to_ask: u64,
    /// So many are to be reminded.
    pub to_remind: u64,
    /// So many were asked, and have time to answer.
    pub answering: u64,
    /// So many are due, and no mail reaches them.
    pub unreachable: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_are_asked_when_the_grace_begins_reminded_once_and_not_at_its_end() {
        let at = |day: u32| Timestamp::from_second(i64::from(day) * 86_400 + 40_000).ok();
        let turn = |today: u32, asked: Option<u32>, reminded: Option<u32>| {
            turn(Day(1_030), 30, (asked.and_then(at), reminded.and_then(at)), Day(today))
        };
        assert_eq!(turn(999, None, None), Turn::Rests);
        for day in [1_000, 1_029] {
            assert_eq!(turn(day, None, None), Turn::Ask, "{day}");
            assert_eq!(turn(day, Some(999), Some(999)), Turn::Ask, "of an earlier time: {day}");
        }
        assert_eq!(turn(1_013, Some(1_000), None), Turn::Answers);
        assert_eq!(turn(1_014, Some(1_000), None), Turn::Remind);
        assert_eq!(turn(1_014, Some(1_000), Some(1_014)), Turn::Answers);
        assert_eq!(turn(1_029, Some(1_016), None), Turn::Answers);
        assert_eq!(turn(1_030, None, None), Turn::Rests, "it ends today");
    }
}
