//! What the lines of a ledger about single rows come to: the last word on each, held against what the backup has of it.
//!
//! | the last line about a row | what becomes of the row |
//! |---|---|
//! | by its number the backup has it | it stays as the backup has it |
//! | by its number the backup has it not | it is as the line says |
//! | it has no number, and a later moment than the backup | the same |
//! | it has none and an earlier moment, or is of an epoch before the backup's | it is made where the backup has none, and else stays |
//!
//! So where nobody can tell which came first, whoever objected stays on the list, and what is restricted stays so.

use std::collections::BTreeMap;

use crate::store::sled::layout::Place;
use crate::store::sled::ledger::{Numbered, Rows};

/// Where a line stands beside the backup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// The backup has what it says.
    Before,
    /// It came later.
    After,
    /// No number tells.
    Unknown {
        /// It was written at a later moment than the backup, of the epoch in which that was made.
        is_later: bool,
    },
}

/// What one line says.
struct Line {
    number: Option<Numbered>,
    order: Order,
    place: Place,
    rows: Rows,
}

/// What lines say, in their order.
#[derive(Default)]
pub(super) struct LastWords(Vec<Line>);

/// The last word on a row; none: that it was removed.
pub(super) struct Word {
    order: Order,
    value: Option<Vec<u8>>,
}

/// Rows by their keys, with the last word on each.
pub(super) type Words = BTreeMap<Vec<u8>, Word>;

impl LastWords {
    /// A line has this number. Lines of its epoch that have it too, or a higher one, are of transactions that never came to be: the
    /// number was given again. What they remove was never removed; what they add stays, since it harms nobody.
    pub(super) fn number_given(&mut self, (epoch, number): Numbered) {
        let is_void = |line: &Line| line.number.is_some_and(|(of, at)| of == epoch && at >= number);
        for line in self.0.iter_mut().rev().take_while(|line| is_void(line)) {
            line.rows.retain(|(_, value)| value.is_some());
        }
    }

    /// A line says this of rows of this tree.
    pub(super) fn add(&mut self, number: Option<Numbered>, order: Order, place: Place, rows: Rows) {
        self.0.push(Line { number, order, place, rows });
    }

    /// The last word on each row, by tree.
    pub(super) fn by_place(self) -> BTreeMap<Place, Words> {
        let mut words: BTreeMap<Place, Words> = BTreeMap::new();
        for Line { order, place, rows, .. } in self.0 {
            let of_place = words.entry(place).or_default();
            of_place.extend(rows.into_iter().map(|(key, value)| (key, Word { order, value })));
        }
        words
    }
}

impl Word {
    /// What becomes of the row of which the backup has this (none within: it goes); none: it stays as it is.
    pub(super) fn against(self, held: Option<&[u8]>) -> Option<Option<Vec<u8>>> {
        let counts = match self.order {
            Order::Before => false,
            Order::After => true,
            Order::Unknown { is_later } => is_later || (held.is_none() && self.value.is_some()),
        };
        Some(self.value).filter(|value| counts && value.as_deref() != held)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const UNKNOWN: [Order; 2] = [Order::Unknown { is_later: false }, Order::Unknown { is_later: true }];

    fn word(order: Order, value: Option<u8>) -> Word {
        Word { order, value: value.map(|byte| vec![byte]) }
    }

    #[test]
    fn the_newest_counts_and_where_nobody_can_tell_what_bars() {
        let (set, other, gone) = (Some(1), Some(2), None);
        let changes = |order, value, held: Option<u8>| {
            let held = held.map(|byte| [byte]);
            word(order, value).against(held.as_ref().map(<[u8; 1]>::as_slice))
        };
        let made = Some(Some(vec![1]));
        for held in [set, other, gone] {
            assert_eq!(changes(Order::Before, set, held), None);
            assert_eq!(changes(Order::Before, gone, held), None);
        }
        for order in [Order::After, UNKNOWN[1]] {
            assert_eq!(changes(order, set, gone), made);
            assert_eq!(changes(order, set, other), made);
            assert_eq!(changes(order, set, set), None, "it is so");
            assert_eq!(changes(order, gone, other), Some(None));
            assert_eq!(changes(order, gone, gone), None);
        }
        assert_eq!(changes(UNKNOWN[0], set, gone), made);
        assert_eq!(changes(UNKNOWN[0], set, other), None);
        assert_eq!(changes(UNKNOWN[0], gone, other), None);
        assert_eq!(changes(UNKNOWN[0], gone, gone), None);
    }

    #[test]
    fn of_a_transaction_that_never_came_to_be_nothing_is_removed() {
        let mut words = LastWords::default();
        let line = |key: u8, value: Option<u8>| vec![(vec![key], value.map(|byte| vec![byte]))];
        let mut add = |number: u64, rows: Rows| {
            words.number_given((1, number));
            words.add(Some((1, number)), Order::After, Place::Restrictions, rows);
        };
        add(1, line(7, Some(1)));
        add(2, line(8, Some(1)));
        // These two, and then a crash: their numbers are given again.
        add(3, line(7, None));
        add(4, line(9, Some(1)));
        add(3, line(6, Some(1)));
        add(4, line(8, None));
        let said = words.by_place().remove(&Place::Restrictions).expect("some");
        let said: Vec<_> = said.into_iter().map(|(key, word)| (key[0], word.value.is_some())).collect();
        assert_eq!(said, [(6, true), (7, true), (8, false), (9, true)]);
    }
}
