//! To whom records were handed: of each recipient and purpose which numbers left in an export, and between which days.
//!
//! It is written in the export's own transaction, before the first byte leaves, and lives as long as a record of a range does
//! (docs/decisions, 205). The trail is not read for it: its lines go earlier than the records.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::clock::Day;
use crate::purpose::RecordId;
use crate::store::{ErasureId, StoreError};
use crate::trail::Entry;

/// So many ranges are kept of a recipient and purpose; beyond it those that are nearest to one another become one.
pub(super) const RANGES_MAX: usize = 256;

/// Who had records, and when it was given the first and the last of them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct HandedTo {
    /// As the config names it; none: nobody outside, they were exported into files on the controller's own machines.
    pub recipient: Option<String>,
    /// The first day (UTC).
    pub first: Day,
    /// The last.
    pub last: Day,
}

/// To whom records were handed.
#[async_trait]
pub trait Handed: Send + Sync {
    /// Who was handed any of these records, local exports first, each with the days of all of them together. Right of records
    /// that are there: what is known of one goes with it. It leaves no line: whoever asks (`by`) leaves one for each of them.
    ///
    /// # Errors
    /// See [`crate::store::StoreCode`].
    async fn handed_to(&self, records: &[RecordId], by: &Entry) -> Result<Vec<HandedTo>, StoreError>;

    /// Who had been handed what an erasure took away, as it was then: whoever was reading it at that moment counts, since a page
    /// counts from its opening. It is kept with the erasure.
    ///
    /// # Errors
    /// See [`crate::store::StoreCode`].
    async fn handed_of(&self, erasure: ErasureId) -> Result<Vec<HandedTo>, StoreError>;

    /// Lets go of what is known of records that are there no more, whoever took them away. Returns how many ranges became
    /// shorter or went.
    ///
    /// # Errors
    /// See [`crate::store::StoreCode`].
    async fn trim_handed(&self) -> Result<u64, StoreError>;
}

/// Where a record lies among those of its purpose: epoch, then number.
pub(super) type Spot = (u32, u64);

/// Records that follow one another, the first and the last.
pub(super) type Run = (Spot, Spot);

/// Adds a record to the runs that a page consists of. `follows`: nothing that was left out lies between it and the last.
pub(super) fn extend_runs(runs: &mut Vec<Run>, spot: Spot, follows: bool) {
    match runs.last_mut().filter(|_| follows) {
        Some((_, last)) => *last = spot,
        None => runs.push((spot, spot)),
    }
}

/// What a page is to whoever reads it.
#[derive(Default)]
pub(super) struct PageHanded {
    /// What leaves.
    pub(super) leaving: Vec<Run>,
    /// What lies in it and is withheld: nobody agreed to hand it to this recipient.
    pub(super) withheld: Vec<Spot>,
    /// What it passes by, since nobody may use it for now.
    pub(super) passed: Vec<Spot>,
}

/// Records that were handed over between two days, the first and the last included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Range {
    first: Spot,
    last: Spot,
    since: u32,
    until: u32,
}

/// What one recipient was handed of one purpose: ranges in order, none over another.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Ranges(Vec<Range>);

impl Ranges {
    /// What stands for a row that cannot be read: everything, on any day. Nobody is left untold by a flipped bit.
    pub(super) fn unknown() -> Self {
        let (first, last) = ((0, 0), (u32::MAX, u64::MAX));
        Self(vec![Range { first, last, since: 0, until: u32::MAX }])
    }

    /// Runs are handed over on this day.
    pub(super) fn add(&mut self, runs: &[Run], day: Day) {
        for run in runs {
            self.add_one(*run, day.0);
        }
        self.join();
    }

    fn add_one(&mut self, (first, last): Run, day: u32) {
        let mut ranges = Vec::with_capacity(self.0.len() + 2);
        // From here on nothing of the run has its place yet; none: all of it has.
        let mut left = Some(first);
        for range in &self.0 {
            if range.last < first || last < range.first {
                if last < range.first
                    && let Some(from) = left.take()
                {
                    ranges.push(Range { first: from, last, since: day, until: day });
                }
                ranges.push(*range);
                continue;
            }
            if range.first < first {
                ranges.push(Range { last: before(first), ..*range });
            }
            if let Some(from) = left.filter(|from| *from < range.first) {
                ranges.push(Range { first: from, last: before(range.first), since: day, until: day });
            }
            let both = Range {
                first: range.first.max(first),
                last: range.last.min(last),
                since: range.since.min(day),
                until: range.until.max(day),
            };
            ranges.push(both);
            left = if range.last < last { Some(behind(range.last)) } else { None };
            if last < range.last {
                ranges.push(Range { first: behind(last), ..*range });
            }
        }
        ranges.extend(left.map(|from| Range { first: from, last, since: day, until: day }));
        self.0 = ranges;
    }

    /// Makes one of neighbours that say the same, and of the nearest ones while there are too many.
    fn join(&mut self) {
        let mut joined: Vec<Range> = Vec::with_capacity(self.0.len());
        for range in self.0.drain(..) {
            match joined.last_mut() {
                Some(last)
                    if behind(last.last) == range.first
                        && (last.since, last.until) == (range.since, range.until) =>
                {
                    last.last = range.last;
                }
                _ => joined.push(range),
            }
        }
        while joined.len() > RANGES_MAX {
            let nearest = (1..joined.len()).min_by_key(|at| distance(&joined[at - 1], &joined[*at]));
            let Some(at) = nearest else { break };
            let gone = joined.remove(at);
            let kept = &mut joined[at - 1];
            (kept.last, kept.since, kept.until) =
                (gone.last, kept.since.min(gone.since), kept.until.max(gone.until));
        }
        self.0 = joined;
    }

    /// Between which days a record was handed over; none: it was not.
    pub(super) fn days_of(&self, spot: Spot) -> Option<(Day, Day)> {
        let at = self.0.partition_point(|range| range.last < spot);
        let range = self.0.get(at).filter(|range| range.first <= spot)?;
        Some((Day(range.since), Day(range.until)))
    }

    /// Makes each range no wider than the records that are there; one without any goes. `first_in` and `last_in` give the first
    /// and the last that are there between two places. Returns how many were changed.
    ///
    /// # Errors
    /// What the looks say.
    pub(super) fn trim<E>(
        &mut self,
        first_in: impl Fn(Run) -> Result<Option<Spot>, E>,
        last_in: impl Fn(Run) -> Result<Option<Spot>, E>,
    ) -> Result<u64, E> {
        let (mut kept, mut changed) = (Vec::with_capacity(self.0.len()), 0);
        for range in &self.0 {
            let ends = match first_in((range.first, range.last))? {
                Some(first) => last_in((first, range.last))?.map(|last| (first, last)),
                None => None,
            };
            changed += u64::from(ends != Some((range.first, range.last)));
            kept.extend(ends.map(|(first, last)| Range { first, last, ..*range }));
        }
        self.0 = kept;
        Ok(changed)
    }

    /// True if nothing is left.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// How wrong one range in the place of two would be: first of records that were not handed over, then of days.
fn distance(left: &Range, right: &Range) -> (u32, u64, u64) {
    let epochs = right.first.0 - left.last.0;
    let numbers = if epochs == 0 { right.first.1 - left.last.1 - 1 } else { 0 };
    let (since, until) = (left.since.min(right.since), left.until.max(right.until));
    let wider = |range: &Range| u64::from(range.since - since) + u64::from(until - range.until);
    (epochs, numbers, wider(left) + wider(right))
}

fn before((epoch, number): Spot) -> Spot {
    number.checked_sub(1).map_or((epoch.saturating_sub(1), u64::MAX), |number| (epoch, number))
}

fn behind((epoch, number): Spot) -> Spot {
    number.checked_add(1).map_or((epoch.saturating_add(1), 0), |number| (epoch, number))
}

/// Who was handed any of some records, as it is gathered from row after row.
#[derive(Default)]
pub(super) struct Holders(Vec<HandedTo>);

impl Holders {
    /// A recipient was handed one of them between these days. What nobody knows the end of has not ended after today.
    pub(super) fn note(&mut self, recipient: Option<&str>, (first, last): (Day, Day), today: Day) {
        let last = last.min(today.max(first));
        match self.0.iter_mut().find(|known| known.recipient.as_deref() == recipient) {
            Some(known) => (known.first, known.last) = (known.first.min(first), known.last.max(last)),
            None => self.0.push(HandedTo { recipient: recipient.map(str::to_owned), first, last }),
        }
    }

    /// All of them, in the order of their names.
    pub(super) fn all(mut self) -> Vec<HandedTo> {
        self.0.sort();
        self.0
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::random::{Random, SeededRandom};

    fn run(first: u64, last: u64) -> Run {
        ((1, first), (1, last))
    }

    fn days(ranges: &Ranges, number: u64) -> Option<(u32, u32)> {
        ranges.days_of((1, number)).map(|(first, last)| (first.0, last.0))
    }

    #[test]
    fn pages_that_follow_one_another_on_a_day_are_one_range() {
        let mut ranges = Ranges::default();
        for page in 0..1_000 {
            ranges.add(&[run(page * 10 + 1, page * 10 + 10)], Day(7));
        }
        assert_eq!(ranges.0.len(), 1);
        assert_eq!([days(&ranges, 0), days(&ranges, 10_001)], [None, None]);
        assert_eq!([days(&ranges, 1), days(&ranges, 10_000)], [Some((7, 7)); 2]);
    }

    #[test]
    fn what_is_handed_over_again_keeps_its_first_day_and_gets_a_later_last_one() {
        let mut ranges = Ranges::default();
        ranges.add(&[run(10, 20)], Day(5));
        ranges.add(&[run(15, 30)], Day(9));
        ranges.add(&[run(1, 12)], Day(3));
        let expected = [(1, (3, 3)), (10, (3, 5)), (12, (3, 5)), (13, (5, 5)), (15, (5, 9)), (21, (9, 9))];
        for (number, said) in expected {
            assert_eq!(days(&ranges, number), Some(said), "{number}");
        }
        assert_eq!(days(&ranges, 31), None);
    }

    /// Against a list of numbers, with runs of any kind; a bound that is never reached.
    #[test]
    fn every_record_has_the_days_of_its_own_pages_and_no_other_has_any() {
        let random = SeededRandom::new(11);
        let mut said: BTreeMap<u64, (u32, u32)> = BTreeMap::new();
        let mut ranges = Ranges::default();
        for day in 0..400 {
            let mut bytes = [0; 3];
            random.fill(&mut bytes).expect("filled");
            let (first, day) = (u64::from(bytes[0] % 90), if bytes[2] < 40 { 400 - day } else { day });
            let last = first + u64::from(bytes[1] % 12);
            ranges.add(&[run(first, last)], Day(day));
            for number in first..=last {
                let known = said.entry(number).or_insert((day, day));
                *known = (known.0.min(day), known.1.max(day));
            }
            let in_order = ranges.0.windows(2).all(|two| two[0].last < two[1].first);
            assert!(in_order && ranges.0.iter().all(|range| range.first <= range.last));
        }
        for number in 0..120 {
            assert_eq!(days(&ranges, number), said.get(&number).copied(), "{number}");
        }
    }

    /// Beyond the bound days grow wider before anybody is said to have had what it had not.
    #[test]
    fn ranges_are_bounded_and_never_forget_who_had_what() {
        let mut ranges = Ranges::default();
        for day in 0..5_000_u32 {
            ranges.add(&[run(u64::from(day) * 3, u64::from(day) * 3 + 2)], Day(day));
        }
        assert_eq!(ranges.0.len(), RANGES_MAX);
        for day in 0..5_000_u32 {
            let (first, last) = days(&ranges, u64::from(day) * 3 + 1).expect("it was handed over");
            assert!(first <= day && day <= last && last - first < 200, "{day}: {first} to {last}");
        }
        assert_eq!(days(&ranges, 15_000), None);
        let mut scattered = Ranges::default();
        for number in 0..2_000 {
            scattered.add(&[run(number * 10, number * 10)], Day(7));
        }
        assert_eq!(scattered.0.len(), RANGES_MAX);
        assert!((0..2_000).all(|number| days(&scattered, number * 10) == Some((7, 7))));
    }

    #[test]
    fn an_epoch_begins_ranges_of_its_own() {
        let mut ranges = Ranges::default();
        ranges.add(&[((1, 5), (1, 9)), ((2, 1), (2, 3))], Day(7));
        assert_eq!(ranges.0.len(), 2);
        assert!(ranges.days_of((1, 10)).is_none() && ranges.days_of((2, 0)).is_none());
        ranges.add(&[((1, 8), (2, 2))], Day(8));
        assert_eq!(ranges.days_of((2, 2)), Some((Day(7), Day(8))));
        assert_eq!(ranges.days_of((2, 3)), Some((Day(7), Day(7))));
        assert_eq!(ranges.days_of((1, u64::MAX)), Some((Day(8), Day(8))));
    }

    #[test]
    fn a_range_is_no_wider_than_the_records_that_are_there() {
        let mut ranges = Ranges::default();
        ranges.add(&[run(1, 10), run(20, 30), run(40, 50)], Day(7));
        let there = [4, 6, 20, 30, 55];
        let between =
            |(first, last): Run| there.iter().map(|n| (1, *n)).filter(move |n| *n >= first && *n <= last);
        let first_in = |run: Run| Ok::<_, ()>(between(run).min());
        let last_in = |run: Run| Ok(between(run).max());
        assert_eq!(ranges.trim(first_in, last_in), Ok(2));
        let expected =
            [(3, None), (4, Some((7, 7))), (5, Some((7, 7))), (7, None), (25, Some((7, 7))), (45, None)];
        for (number, said) in expected {
            assert_eq!(days(&ranges, number), said, "{number}");
        }
        assert_eq!(ranges.trim(first_in, last_in), Ok(0));
    }

    #[test]
    fn of_what_cannot_be_read_everybody_had_everything() {
        let mut ranges = Ranges::unknown();
        ranges.add(&[run(5, 9)], Day(7));
        assert_eq!(days(&ranges, 7), Some((0, u32::MAX)));
        let mut holders = Holders::default();
        holders.note(Some("crm"), (Day(0), Day(u32::MAX)), Day(30));
        holders.note(None, (Day(3), Day(4)), Day(30));
        holders.note(Some("crm"), (Day(8), Day(9)), Day(30));
        let handed = |recipient: Option<&str>, first, last| HandedTo {
            recipient: recipient.map(str::to_owned),
            first: Day(first),
            last: Day(last),
        };
        assert_eq!(holders.all(), [handed(None, 3, 4), handed(Some("crm"), 0, 30)]);
    }
}
