//! What the log and the metrics say of each settlement: one line a lead and purpose, with what was dropped, and no word of the lead.

use jiff::Timestamp;

use crate::id::FormId;
use crate::notification::{Lane, ParkCode, Why};
use crate::purpose::PurposeId;
use crate::store::{Fate, Outcome, SeenState, Settled, Settlement};
use crate::telemetry::LeadNames;
use crate::telemetry::metrics::Metrics;

/// What the log says of a settlement, taken before the store takes the settlement over.
pub(super) struct SettlementLog {
    lead: String,
    form: FormId,
    received: Timestamp,
    dropped: Said,
    why: Option<Why>,
}

/// What is said of the answers that were dropped: once a lead, however many purposes it has.
#[derive(Clone, Default)]
struct Said {
    standard: String,
    custom: usize,
    count: usize,
    too_long: usize,
}

impl SettlementLog {
    /// Looks at a settlement.
    pub(super) fn of(settlement: &Settlement, names: &LeadNames) -> Self {
        let Settlement { reference, outcome, dropped, .. } = settlement;
        Self {
            lead: names.of(&reference.leadgen).to_string(),
            form: reference.form,
            received: reference.received,
            dropped: Said {
                standard: dropped.standard().join(","),
                custom: dropped.custom(),
                count: dropped.count(),
                too_long: dropped.too_long(),
            },
            why: match outcome {
                Outcome::Sieved(_) => None,
                Outcome::Parked(why) => Some(*why),
            },
        }
    }

    /// Says and counts what became of it, at this moment.
    pub(super) fn say(&self, lane: &Lane, settled: &Settled, metrics: &Metrics, now: Timestamp) {
        let (lead, form) = (&self.lead, self.form);
        match settled {
            Settled::Known => tracing::debug!(lead.name = lead, form.id = %form, "lead.known"),
            Settled::Parked(code) => {
                metrics.parked(*code);
                self.say_parked(*code, self.why, None, lane, &self.dropped);
            }
            Settled::Sieved(fates) => {
                if fates.iter().any(|fate| matches!(fate.state, SeenState::Stored(_))) {
                    metrics.kept(self.received, now);
                }
                let is_kept = fates.iter().any(|fate| fate.state != SeenState::NotAsked);
                let mut dropped = self.dropped.clone();
                for fate in fates {
                    self.say_fate(fate, is_kept, lane, &std::mem::take(&mut dropped), metrics);
                }
            }
        }
    }

    fn say_fate(&self, fate: &Fate, is_kept: bool, lane: &Lane, dropped: &Said, metrics: &Metrics) {
        let (lead, form) = (&self.lead, self.form);
        match (&fate.state, &fate.purpose) {
            (SeenState::Stored(record), _) => {
                metrics.stored(&record.purpose, dropped.count as u64);
                tracing::info!(
                    lead.name = lead,
                    record.id = %record,
                    form.id = %form,
                    dropped.standard = dropped.standard,
                    dropped.custom = dropped.custom,
                    dropped.too_long = (dropped.too_long > 0).then_some(dropped.too_long),
                    "lead.stored"
                );
            }
            (SeenState::Parked(why), purpose) => {
                metrics.parked(why.code());
                self.say_parked(why.code(), Some(*why), purpose.as_ref(), lane, dropped);
            }
            // Somebody who did not want the letter is no news, unless that is all that there is to say of a lead.
            (SeenState::NotAsked, Some(purpose)) => {
                metrics.not_asked(purpose);
                if is_kept {
                    tracing::debug!(lead.name = lead, purpose = %purpose, form.id = %form, "lead.not-asked");
                } else {
                    tracing::info!(lead.name = lead, purpose = %purpose, form.id = %form, "lead.not-asked");
                }
            }
            // Nothing here says of whom: who objected is named in no log.
            (SeenState::Suppressed, Some(purpose)) => {
                metrics.suppressed(purpose);
                tracing::info!(purpose = %purpose, form.id = %form, "lead.suppressed");
            }
            _ => {}
        }
    }

    fn say_parked(
        &self,
        code: ParkCode,
        why: Option<Why>,
        purpose: Option<&PurposeId>,
        Lane { form, page }: &Lane,
        dropped: &Said,
    ) {
        let lead = &self.lead;
        let purpose = purpose.map(PurposeId::as_str);
        match why {
            Some(Why::Waiting { not_before, attempts, .. }) => {
                tracing::info!(lead.name = lead, form.id = %form, page.id = %page, code = %code,
                    lead.attempts = attempts, lead.not_before = %not_before, "lead.waiting");
            }
            Some(Why::Held { .. }) => {
                tracing::warn!(lead.name = lead, form.id = %form, page.id = %page, code = %code, "lead.held");
            }
            Some(Why::Refused { .. }) => {
                tracing::warn!(lead.name = lead, purpose, form.id = %form, page.id = %page, code = %code,
                    dropped.standard = dropped.standard, dropped.custom = dropped.custom,
                    dropped.too_long = (dropped.too_long > 0).then_some(dropped.too_long), "lead.refused");
            }
            Some(Why::Buried { attempts, .. }) => {
                tracing::error!(lead.name = lead, purpose, form.id = %form, page.id = %page, code = %code,
                    lead.attempts = attempts, "lead.buried");
            }
            None => {}
        }
    }
}
