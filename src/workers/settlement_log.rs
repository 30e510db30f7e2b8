//! What the log and the metrics say of each settlement: one line a lead, with what was dropped, and no word of the lead.

use crate::id::{FormId, PageId};
use crate::notification::{Lane, ParkCode, Why};
use crate::store::{Outcome, Settled, Settlement};
use crate::telemetry::LeadNames;
use crate::telemetry::metrics::Metrics;

/// What the log says of a settlement, taken before the store takes the settlement over.
pub(super) struct SettlementLog {
    lead: String,
    form: FormId,
    dropped_standard: String,
    dropped_custom: usize,
    dropped: usize,
    why: Option<Why>,
}

impl SettlementLog {
    /// Looks at a settlement.
    pub(super) fn of(settlement: &Settlement, names: &LeadNames) -> Self {
        Self {
            lead: names.of(&settlement.reference.leadgen).to_string(),
            form: settlement.reference.form,
            dropped_standard: settlement.dropped.standard().join(","),
            dropped_custom: settlement.dropped.custom(),
            dropped: settlement.dropped.count(),
            why: match &settlement.outcome {
                Outcome::Stored(_) => None,
                Outcome::Parked(why) => Some(*why),
            },
        }
    }

    /// Says and counts what became of it.
    pub(super) fn say(&self, lane: &Lane, settled: &Settled, metrics: &Metrics) {
        let (lead, form, page) = (&self.lead, self.form, lane.page);
        match settled {
            Settled::Stored(record) => {
                metrics.stored(&record.purpose, self.dropped as u64);
                tracing::info!(
                    lead.name = lead,
                    record.id = %record,
                    form.id = %form,
                    dropped.standard = self.dropped_standard,
                    dropped.custom = self.dropped_custom,
                    "lead.stored"
                );
            }
            Settled::Known => tracing::debug!(lead.name = lead, form.id = %form, "lead.known"),
            Settled::Parked(code) => {
                metrics.parked(*code);
                self.say_parked(*code, form, page);
            }
        }
    }

    fn say_parked(&self, code: ParkCode, form: FormId, page: PageId) {
        let lead = &self.lead;
        match self.why {
            Some(Why::Waiting { not_before, attempts, .. }) => {
                tracing::info!(lead.name = lead, form.id = %form, page.id = %page, code = %code,
                    lead.attempts = attempts, lead.not_before = %not_before, "lead.waiting");
            }
            Some(Why::Held { .. }) => {
                tracing::warn!(lead.name = lead, form.id = %form, page.id = %page, code = %code, "lead.held");
            }
            Some(Why::Refused { .. }) => {
                tracing::warn!(lead.name = lead, form.id = %form, page.id = %page, code = %code,
                    dropped.standard = self.dropped_standard, dropped.custom = self.dropped_custom, "lead.refused");
            }
            Some(Why::Buried { attempts, .. }) => {
                tracing::error!(lead.name = lead, form.id = %form, page.id = %page, code = %code,
                    lead.attempts = attempts, "lead.buried");
            }
            None => tracing::error!(lead.name = lead, form.id = %form, code = %code, "lead.buried"),
        }
    }
}
