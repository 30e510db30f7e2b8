//! What the journal had answered for and no longer has: the witness's word against what a replay found.
//!
//! A number here is the most that can be missing: a reference that got its end after the witness last spoke (a second
//! at the most before a crash, never before a clean end) is counted as open. Of what only got lost after that word the
//! witness knows nothing.

use std::collections::HashMap;

use super::segments::Segments;
use super::witness::{Testimony, Witnessed};
use crate::clock::Day;
use crate::notification::META_KEEPS_DAYS;

/// So many segments are named in a line.
const SEGMENTS_NAMED: usize = 20;

/// What was answered for and is not there.
#[derive(Default)]
pub struct Missing {
    /// How many references without an end, at the most.
    pub references: u64,
    /// Segments that are not there, by slot.
    gone: Vec<u32>,
    /// Segments that end before the place up to which they had been durable, by slot.
    short: Vec<u32>,
    /// The first and the last day of what is missing.
    days: Option<(Day, Day)>,
}

/// How far a segment was read.
pub struct Read {
    /// Where it lies now.
    pub slot: u32,
    /// Where its frames end.
    pub end: usize,
    /// How many references they hold.
    pub references: u64,
}

impl Read {
    /// True if the witness knows of more than was found.
    pub fn falls_short_of(&self, witnessed: Option<&Witnessed>) -> bool {
        witnessed.is_some_and(|segment| usize::try_from(segment.end).is_ok_and(|end| self.end < end))
    }
}

impl Missing {
    /// Compares what was read, by use number, with the witness's last word.
    pub fn of(testimony: &Testimony, read: &HashMap<u64, Read>, segments: &Segments) -> Self {
        let mut missing = Self::default();
        for segment in &testimony.segments {
            let open = u64::from(segment.open);
            match read.get(&segment.used) {
                None => missing.add(open, segment, |missing| &mut missing.gone),
                Some(read) if read.falls_short_of(Some(segment)) => {
                    let lost = u64::from(segment.references).saturating_sub(read.references);
                    let lost = lost.min(open.saturating_sub(segments.open_in(read.slot)));
                    missing.add(lost, segment, |missing| &mut missing.short);
                }
                Some(_) => {}
            }
        }
        missing
    }

    /// What had its end is in the store, and missed by nobody.
    fn add(&mut self, lost: u64, segment: &Witnessed, place: impl Fn(&mut Self) -> &mut Vec<u32>) {
        if lost == 0 {
            return;
        }
        self.references += lost;
        place(self).push(segment.slot);
        let (first, last) = self.days.unwrap_or((segment.day, segment.day));
        self.days = Some((first.min(segment.day), last.max(segment.day)));
    }

    /// Says it, if there is anything.
    pub fn say(&self) {
        let Some((first, last)) = self.days else { return };
        tracing::error!(
            refs.missing = self.references,
            segments.gone = %named(&self.gone),
            segments.short = %named(&self.short),
            day.first = %first,
            day.last = %last,
            meta.keeps_days = META_KEEPS_DAYS,
            "inbox.references-missing"
        );
    }
}

/// Slots, as the names of their files begin.
fn named(slots: &[u32]) -> String {
    let mut names: Vec<String> = slots.iter().take(SEGMENTS_NAMED).map(|slot| format!("{slot:06}")).collect();
    if let Some(more) = slots.len().checked_sub(SEGMENTS_NAMED).filter(|more| *more > 0) {
        names.push(format!("+{more}"));
    }
    names.join(",")
}
