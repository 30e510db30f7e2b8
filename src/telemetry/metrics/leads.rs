//! What becomes of leads: read, stored, parked, let out.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use crate::code::Coded;
use crate::notification::ParkCode;
use crate::purpose::PurposeId;
use crate::telemetry::metrics::histogram::Durations;
use crate::telemetry::metrics::labels::{CountedBy, OneName, OneWord};
use crate::telemetry::metrics::{Metrics, moment, moment_of, register, seconds};

/// Upper bounds: from a Graph on this machine to the most that connecting and reading may take together.
const CALL_SECONDS: [f64; 11] = [0.01, 0.03, 0.1, 0.2, 0.3, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0];
/// From a call to its record: a second while all is well, days where a token is dead.
const DELAY_SECONDS: [f64; 13] =
    [0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3_600.0, 21_600.0, 86_400.0, 604_800.0];

crate::codes! {
    /// Why a record was trimmed.
    pub enum TrimCause {
        /// The config lets its purpose hold less.
        RemitNarrower = "remit-narrower",
        /// A consent was over.
        ConsentOver = "consent-over",
    }
}

crate::codes! {
    /// Why a record ended by itself.
    pub enum EndCause {
        /// Its time was over.
        Expired = "expired",
        /// Its person was asked whether they still agree, and did not answer by the day that they were told.
        Lapsed = "lapsed",
    }
}

/// Leads.
pub(super) struct Leads {
    stored: Family<OneName, Counter>,
    not_asked: Family<OneName, Counter>,
    suppressed: Family<OneName, Counter>,
    parked: CountedBy<ParkCode>,
    dropped_fields: Family<OneName, Counter>,
    exported: Family<OneName, Counter>,
    trimmed: CountedBy<TrimCause>,
    ended: CountedBy<EndCause>,
    graph_calls: Family<OneWord, Counter>,
    graph_seconds: Durations,
    delay_seconds: Durations,
    last_stored: Gauge<u64, AtomicU64>,
}

impl Leads {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let parked: Family<OneWord, Counter> = register!(
            registry,
            "leads_parked",
            "References parked, by code; one of several purposes by each"
        );
        let trimmed: Family<OneWord, Counter> = register!(
            registry,
            "records_trimmed",
            "Records from which went what they may hold no more, by cause"
        );
        let ended: Family<OneWord, Counter> =
            register!(registry, "records_ended", "Records that ended by their time, by cause");
        Self {
            stored: register!(registry, "leads_stored", "Leads stored, by purpose"),
            not_asked: register!(
                registry,
                "leads_not_asked",
                "Leads whose person did not tick the box of a further purpose, by purpose"
            ),
            suppressed: register!(
                registry,
                "leads_suppressed",
                "Leads of which nothing was stored since their person had objected, by purpose"
            ),
            parked: CountedBy::all(&parked, "code"),
            dropped_fields: register!(
                registry,
                "fields_dropped",
                "Answers dropped by the sieve, by purpose; of a lead of several by the first"
            ),
            exported: register!(registry, "leads_exported", "Records in exported pages, by purpose"),
            trimmed: CountedBy::all(&trimmed, "cause"),
            ended: CountedBy::all(&ended, "cause"),
            graph_calls: register!(
                registry,
                "graph_calls",
                "Calls to the Graph API that read a lead or a form, by what came of them"
            ),
            graph_seconds: seconds(
                registry,
                "graph_call_seconds",
                "How long such a call took, whatever came of it",
                &CALL_SECONDS,
            ),
            delay_seconds: seconds(
                registry,
                "lead_delay_seconds",
                "From the call that named a lead to its record",
                &DELAY_SECONDS,
            ),
            last_stored: register!(
                registry,
                "last_stored_timestamp_seconds",
                "When the last lead was stored; 0: none since the start"
            ),
        }
    }

    /// A line for each counter of this purpose, from the start.
    pub(super) fn begin(&self, purpose: &PurposeId) {
        let counters =
            [&self.stored, &self.not_asked, &self.suppressed, &self.dropped_fields, &self.exported];
        for counter in counters {
            counter.get_or_create(&by(purpose)).inc_by(0);
        }
    }
}

fn by(purpose: &PurposeId) -> OneName {
    [("purpose", purpose.to_string())]
}

impl Metrics {
    /// A lead was stored under this purpose; so many of its answers were dropped.
    pub fn stored(&self, purpose: &PurposeId, dropped: u64) {
        self.leads.stored.get_or_create(&by(purpose)).inc();
        self.leads.dropped_fields.get_or_create(&by(purpose)).inc_by(dropped);
    }

    /// A lead of a call that was received then is stored now, for however many purposes.
    pub fn kept(&self, received: Timestamp, now: Timestamp) {
        // Negative where the clock was set back in between.
        let delay = Duration::try_from(now.duration_since(received)).unwrap_or_default();
        self.leads.delay_seconds.observe(delay);
        self.leads.last_stored.inner().fetch_max(moment(now), Ordering::Relaxed);
    }

    /// When the last lead was stored; none: none was since the start.
    pub fn last_stored(&self) -> Option<Timestamp> {
        moment_of(self.leads.last_stored.get())
    }

    /// The person did not ask for this purpose.
    pub fn not_asked(&self, purpose: &PurposeId) {
        self.leads.not_asked.get_or_create(&by(purpose)).inc();
    }

    /// The person had objected.
    pub fn suppressed(&self, purpose: &PurposeId) {
        self.leads.suppressed.get_or_create(&by(purpose)).inc();
    }

    /// So many records were trimmed.
    pub fn trimmed(&self, cause: TrimCause, count: u64) {
        self.leads.trimmed.add(cause, count);
    }

    /// So many records ended by themselves.
    pub fn ended(&self, cause: EndCause, count: u64) {
        self.leads.ended.add(cause, count);
    }

    /// A reference was parked.
    pub fn parked(&self, code: ParkCode) {
        self.leads.parked.add(code, 1);
    }

    /// A page of an export was opened.
    pub fn exported(&self, purpose: &PurposeId, count: u64) {
        self.leads.exported.get_or_create(&by(purpose)).inc_by(count);
    }

    /// What counts calls to Graph by what came of them, each of which has a line from the start. It does not hold the
    /// metrics: these ask Graph.
    pub fn graph_calls<C: Coded>(&self) -> impl Fn(C, Duration) + Send + Sync + use<C> {
        let outcomes = CountedBy::<C>::all(&self.leads.graph_calls, "outcome");
        let seconds = self.leads.graph_seconds.clone();
        move |outcome, took| {
            outcomes.add(outcome, 1);
            seconds.observe(took);
        }
    }
}
