//! What is counted on the way to a 200: atomics alone, no lock, no allocation.

use std::sync::atomic::AtomicU64;
use std::time::Duration;

use jiff::Timestamp;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use crate::code::Coded;
use crate::notification::ChangeCode;
use crate::telemetry::metrics::histogram::Durations;
use crate::telemetry::metrics::labels::{CountedBy, CountedByStatus, OneWord};
use crate::telemetry::metrics::{Metrics, moment, register, seconds};

/// Upper bounds: from a disk with a battery to one that has stopped (10 s: callers give up).
const SYNC_SECONDS: [f64; 12] = [0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0];
/// From a small call at rest to the most that a body and a sync may take together.
const ANSWER_SECONDS: [f64; 11] = [0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 20.0];

/// Meta's calls.
pub(super) struct Intake {
    notifications: CountedByStatus,
    bodies_refused: Family<OneWord, Counter>,
    changes: CountedBy<ChangeCode>,
    references_new: Counter,
    references_known: Counter,
    references_over_bound: Counter,
    answer_seconds: Durations,
    sync_seconds: Durations,
    last_call: Gauge<u64, AtomicU64>,
}

impl Intake {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let notifications: Family<OneWord, Counter> =
            register!(registry, "notifications", "Calls to the webhook, by HTTP status answered");
        let changes: Family<OneWord, Counter> =
            register!(registry, "changes", "Changes in signed notifications, by kind");
        Self {
            notifications: CountedByStatus::all(&notifications),
            bodies_refused: register!(
                registry,
                "bodies_refused",
                "Bodies of calls to the webhook that were not read to their end, by code"
            ),
            changes: CountedBy::all(&changes, "kind"),
            references_new: register!(registry, "references_new", "References accepted"),
            references_known: register!(registry, "references_known", "References recognised as known"),
            references_over_bound: register!(
                registry,
                "references_over_bound",
                "References not taken: as many are held as may be"
            ),
            answer_seconds: seconds(
                registry,
                "webhook_seconds",
                "From the head of a call to its 200: reading the body, the journal, the sync",
                &ANSWER_SECONDS,
            ),
            sync_seconds: seconds(
                registry,
                "inbox_sync_seconds",
                "How long it took to make a batch of calls durable",
                &SYNC_SECONDS,
            ),
            last_call: register!(
                registry,
                "last_call_timestamp_seconds",
                "When the last signed call was received that was answered 200; 0: none since the start"
            ),
        }
    }
}

impl Metrics {
    /// A call to the webhook that was received then was answered 200, so long after its head was read.
    pub fn taken(&self, received: Timestamp, took: Duration) {
        self.intake.notifications.count(200);
        self.intake.answer_seconds.observe(took);
        // Calls end beside one another: the last is the one that was received last.
        self.intake.last_call.inner().fetch_max(moment(received), std::sync::atomic::Ordering::Relaxed);
    }

    /// A call to the webhook was refused with this status.
    pub fn not_taken(&self, status: u16) {
        self.intake.notifications.count(status);
    }

    /// When the last call was received that was answered 200; none: none was since the start.
    pub fn last_call(&self) -> Option<Timestamp> {
        super::moment_of(self.intake.last_call.get())
    }

    /// Why a body may be refused: a line for each from the start. What counts them.
    pub fn bodies_refused<C: Coded>(&self) -> CountedBy<C> {
        CountedBy::all(&self.intake.bodies_refused, "code")
    }

    /// So many changes of one kind were in a notification.
    pub fn changes(&self, kind: ChangeCode, count: u64) {
        self.intake.changes.add(kind, count);
    }

    /// References were accepted or recognised.
    pub fn references(&self, new: u64, known: u64) {
        self.intake.references_new.inc_by(new);
        self.intake.references_known.inc_by(known);
    }

    /// References were not taken, since as many are held as may be.
    pub fn references_over_bound(&self, count: u64) {
        self.intake.references_over_bound.inc_by(count);
    }

    /// What counts how long it took to make a batch of calls durable. It does not hold the metrics: these hold the inbox.
    pub fn inbox_syncs(&self) -> impl Fn(Duration) + Send + Sync + use<> {
        let seconds = self.intake.sync_seconds.clone();
        move |took| seconds.observe(took)
    }
}
