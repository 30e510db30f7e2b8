//! Looks into the store that are under way, and what got its end meanwhile: whoever asked the store before a reference
//! was settled and asks the queue after it was forgotten hears of it from neither, so it is remembered here until the
//! last look that may have missed it is over.

use std::collections::{BTreeMap, HashSet, VecDeque};

use crate::id::LeadgenId;
use crate::notification::Lane;

/// So many ends are remembered at the most. A look during which more came took too long: its call is refused.
const ENDED_MAX: usize = 10_000;

/// All looks under way.
#[derive(Default)]
pub struct Looks {
    /// Ends since open.
    ends: u64,
    /// How many ends there had been when a look began → how many such looks are under way.
    under_way: BTreeMap<u64, usize>,
    /// The last ends, those since the oldest look under way began.
    ended: VecDeque<(LeadgenId, Lane)>,
}

impl Looks {
    /// A look begins. It must end by [`Looks::end`] with what this returns.
    pub fn begin(&mut self) -> u64 {
        *self.under_way.entry(self.ends).or_default() += 1;
        self.ends
    }

    /// A look is over.
    pub fn end(&mut self, began: u64) {
        if let Some(count) = self.under_way.get_mut(&began) {
            *count -= 1;
            if *count == 0 {
                self.under_way.remove(&began);
            }
        }
        let kept = self.under_way.first_key_value().map_or(0, |(oldest, _)| self.since(*oldest));
        while self.ended.len() > kept {
            self.ended.pop_front();
        }
    }

    /// A reference got its end.
    pub fn note(&mut self, leadgen: &LeadgenId, lane: &Lane) {
        self.ends += 1;
        if self.under_way.is_empty() {
            return;
        }
        if self.ended.len() >= ENDED_MAX {
            self.ended.pop_front();
        }
        self.ended.push_back((*leadgen, *lane));
    }

    /// What got its end since a look began that is still under way; none: more than is remembered.
    pub fn ended_since(&self, began: u64) -> Option<HashSet<&(LeadgenId, Lane)>> {
        let first = self.ended.len().checked_sub(self.since(began))?;
        Some(self.ended.range(first..).collect())
    }

    fn since(&self, began: u64) -> usize {
        usize::try_from(self.ends.saturating_sub(began)).unwrap_or(usize::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notification::sample;

    fn id(number: usize) -> LeadgenId {
        sample::leadgen(number as u64)
    }

    fn lane() -> Lane {
        Lane { page: sample::page(sample::PAGE), form: sample::form(sample::FORM) }
    }

    fn ended(looks: &Looks, began: u64) -> Option<Vec<String>> {
        let mut ids: Vec<String> =
            looks.ended_since(began)?.into_iter().map(|(id, _)| id.expose().to_owned()).collect();
        ids.sort();
        Some(ids)
    }

    #[test]
    fn each_look_hears_what_ended_since_it_began_and_nothing_is_kept_for_nobody() {
        let mut looks = Looks::default();
        looks.note(&id(1), &lane());
        let first = looks.begin();
        looks.note(&id(2), &lane());
        let second = looks.begin();
        looks.note(&id(3), &lane());
        assert_eq!(ended(&looks, first), Some(vec!["2".to_owned(), "3".to_owned()]));
        assert_eq!(ended(&looks, second), Some(vec!["3".to_owned()]));
        looks.end(first);
        assert_eq!(looks.ended.len(), 1, "what only the first had to hear is forgotten");
        assert_eq!(ended(&looks, second), Some(vec!["3".to_owned()]));
        looks.end(second);
        looks.note(&id(4), &lane());
        assert!(looks.ended.is_empty() && looks.under_way.is_empty());
    }

    #[test]
    fn a_look_that_missed_more_than_is_remembered_is_told_so() {
        let mut looks = Looks::default();
        let began = looks.begin();
        (0..ENDED_MAX).for_each(|number| looks.note(&id(number), &lane()));
        assert_eq!(looks.ended_since(began).map(|ended| ended.len()), Some(ENDED_MAX));
        looks.note(&id(ENDED_MAX), &lane());
        assert!(looks.ended_since(began).is_none());
        assert_eq!(looks.ended.len(), ENDED_MAX);
    }
}
