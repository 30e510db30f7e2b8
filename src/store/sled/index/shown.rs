//! What an operator sees of what is parked.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::id::FormId;
use crate::notification::{Lane, ParkCode, Why};
use crate::purpose::PurposeId;
use crate::store::sled::index::{Lease, ParkedIndex};
use crate::store::{HeldForm, ParkedOverview, RefusedForm};

impl ParkedIndex {
    /// The first `max` of what waits, in the order in which they were parked.
    pub(in crate::store::sled) fn first_waiting(&self, max: usize) -> Vec<u64> {
        self.waiting.iter().take(max).copied().collect()
    }

    /// The lane of what has been held longest and is not leased, its arrival, and since when.
    pub(in crate::store::sled) fn longest_held(&self) -> Option<(Lane, u64, Timestamp)> {
        let firsts = self.groups.iter().filter_map(|(lane, group)| Some((*group.held.first()?, *lane)));
        let ((since, arrival), lane) = firsts.min_by_key(|(first, _)| *first)?;
        Some((lane, arrival, Timestamp::from_millisecond(since).ok()?))
    }

    /// What an operator sees, but for the buried ones. A leased held one is not among its form's.
    pub(in crate::store::sled) fn overview(&self) -> ParkedOverview {
        let is_held = |lease: &&Lease| matches!(lease.position.why, Why::Held { .. });
        let in_flight = self.leases.values().filter(is_held).count() as u64;
        let buried_total = (self.buried.len() + self.unreadable.len()) as u64;
        let mut overview = ParkedOverview {
            waiting: self.waiting.len() as u64,
            in_flight,
            buried_total,
            ..ParkedOverview::default()
        };
        let moment = |ms: i64| Timestamp::from_millisecond(ms).unwrap_or(Timestamp::UNIX_EPOCH);
        let mut refused: BTreeMap<(FormId, Option<PurposeId>, ParkCode), (u64, i64)> = BTreeMap::new();
        for (Lane { page, form }, group) in &self.groups {
            if let Some((since, _)) = group.held.first() {
                let (count, oldest) = (group.held.len() as u64, moment(*since));
                overview.held.push(HeldForm { form: *form, page: *page, count, oldest });
            }
            for ((purpose, code, _), (count, since)) in &group.refused {
                let tally = refused.entry((*form, purpose.clone(), *code)).or_insert((0, *since));
                *tally = (tally.0 + count, tally.1.min(*since));
            }
        }
        overview.held.sort_by_key(|held| (held.form, held.page));
        for ((form, purpose, code), (count, since)) in refused {
            overview.refused.push(RefusedForm { form, purpose, code, count, oldest: moment(since) });
        }
        overview
    }
}
