//! Numbers for Prometheus, as OpenMetrics, prefix `tamis_`. Labels come from closed enums and from the config (purposes, pages), so that
//! no person and no free text can become one, and their number is bounded.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::future::BoxFuture;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

use crate::attention::AttentionCode;
use crate::code::Coded;
use crate::id::PageId;
use crate::notification::{ChangeCode, ParkCode};
use crate::purpose::PurposeId;
use crate::telemetry::counts::{LogCounts, LogPlace};

/// The media type of what [`Metrics::render`] makes: Prometheus takes it for an older format without it, and refuses it.
pub const MEDIA_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// A label value from a closed set of codes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Label(&'static str);

impl EncodeLabelValue for Label {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> Result<(), std::fmt::Error> {
        EncodeLabelValue::encode(&self.0, encoder)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByAnswer {
    answer: Label,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByKind {
    kind: Label,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByCode {
    code: Label,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByPlace {
    place: Label,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByListener {
    listener: Label,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByListenerAndCode {
    listener: Label,
    code: Label,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByPurpose {
    purpose: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByPage {
    page: String,
    code: Label,
}

/// Upper bounds: from a disk with a battery to one that has stopped (10 s: callers give up).
const SYNC_SECONDS: [f64; 12] = [0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0];

/// Values that are looked up when somebody asks.
#[derive(Default)]
pub struct Readings {
    /// References in the inbox, claimed ones included.
    pub inbox_queued: u64,
    /// Age of the oldest of them, in seconds.
    pub inbox_oldest_seconds: u64,
    /// Segments of the journal that hold calls, and those that are ready.
    pub inbox_segments: (u64, u64),
    /// References that were answered for and were not in the journal at the start, at the most.
    pub inbox_references_missing: u64,
    /// References that wait or are held; none: it could not be told.
    pub parked: Option<u64>,
    /// Records by purpose.
    pub records: Vec<(PurposeId, u64)>,
    /// Pages that are paused, and why.
    pub paused: Vec<(PageId, ParkCode)>,
    /// What needs a person although tamis goes on.
    pub attention: Vec<AttentionCode>,
    /// 1 if the daemon can take notifications.
    pub ready: bool,
}

/// All metrics.
pub struct Metrics {
    registry: Registry,
    notifications: Family<ByAnswer, Counter>,
    bodies_refused: Family<ByCode, Counter>,
    changes: Family<ByKind, Counter>,
    references_new: Counter,
    references_known: Counter,
    references_over_bound: Counter,
    stored: Family<ByPurpose, Counter>,
    not_asked: Family<ByPurpose, Counter>,
    parked: Family<ByCode, Counter>,
    dropped_fields: Family<ByPurpose, Counter>,
    graph_calls: Counter,
    exported: Family<ByPurpose, Counter>,
    admin_requests: Family<ByAnswer, Counter>,
    lookups_slowed: Counter,
    connections: Family<ByListener, Gauge>,
    connections_turned_away: Family<ByListenerAndCode, Counter>,
    heads_refused: Family<ByListenerAndCode, Counter>,
    worker_panics: Counter,
    log_lines_lost: Family<ByPlace, Counter>,
    malformed_connections: Counter,
    inbox_sync_seconds: Histogram,
    gauges: Gauges,
    readings: OnceLock<Box<dyn Fn() -> BoxFuture<'static, Readings> + Send + Sync>>,
    log: OnceLock<LogCounts>,
}

struct Gauges {
    inbox_queued: Gauge<u64, AtomicU64>,
    inbox_oldest_seconds: Gauge<u64, AtomicU64>,
    inbox_segments_live: Gauge<u64, AtomicU64>,
    inbox_segments_spare: Gauge<u64, AtomicU64>,
    inbox_references_missing: Gauge<u64, AtomicU64>,
    parked: Gauge<u64, AtomicU64>,
    records: Family<ByPurpose, Gauge<u64, AtomicU64>>,
    paused: Family<ByPage, Gauge<u64, AtomicU64>>,
    attention: Family<ByCode, Gauge<u64, AtomicU64>>,
    ready: Gauge<u64, AtomicU64>,
    scan_faults: Gauge<u64, AtomicU64>,
    scan_ended: Gauge<u64, AtomicU64>,
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

macro_rules! register {
    ($registry:ident, $name:literal, $help:literal) => {{
        let metric = Default::default();
        $registry.register($name, $help, Clone::clone(&metric));
        metric
    }};
}

impl Metrics {
    /// All metrics at zero, and a line for each value of a label that is known beforehand: a counter that begins with
    /// its first event has not increased by it, so that no alarm would ring.
    pub fn new() -> Self {
        let metrics = Self::register();
        for (_, status) in STATUSES {
            metrics.notifications.get_or_create(&ByAnswer { answer: Label(status) }).inc_by(0);
            metrics.admin_requests.get_or_create(&ByAnswer { answer: Label(status) }).inc_by(0);
        }
        for kind in ChangeCode::ALL {
            metrics.changes.get_or_create(&ByKind { kind: Label(kind.as_str()) }).inc_by(0);
        }
        for code in ParkCode::ALL {
            metrics.parked.get_or_create(&ByCode { code: Label(code.as_str()) }).inc_by(0);
        }
        metrics
    }

    fn register() -> Self {
        let mut registry = Registry::with_prefix("tamis");
        let version = Info::new(vec![("version", env!("CARGO_PKG_VERSION"))]);
        registry.register("build", "The running version", version);
        let inbox_sync_seconds = Histogram::new(SYNC_SECONDS);
        registry.register(
            "inbox_sync_seconds",
            "How long it took to make a batch of calls durable",
            inbox_sync_seconds.clone(),
        );
        let gauges = Gauges {
            inbox_queued: register!(registry, "inbox_queued", "References accepted and not yet settled"),
            inbox_oldest_seconds: register!(
                registry,
                "inbox_oldest_seconds",
                "Age of the oldest reference not yet settled"
            ),
            inbox_segments_live: register!(
                registry,
                "inbox_segments_live",
                "Segments of the journal that hold calls"
            ),
            inbox_segments_spare: register!(
                registry,
                "inbox_segments_spare",
                "Segments of the journal that are ready"
            ),
            inbox_references_missing: register!(
                registry,
                "inbox_references_missing",
                "References accepted and not settled that the journal no longer had at the start, at the most"
            ),
            parked: register!(registry, "parked", "References that wait or are held"),
            records: register!(registry, "records", "Records held, by purpose"),
            paused: register!(registry, "page_paused", "1 while no lead of the page is fetched"),
            attention: register!(registry, "attention", "1 while this needs a person although tamis goes on"),
            ready: register!(registry, "ready", "1 while notifications are taken"),
            scan_faults: register!(
                registry,
                "scan_faults",
                "What the last whole scan of the store found wrong"
            ),
            scan_ended: register!(
                registry,
                "scan_ended_timestamp_seconds",
                "When the last whole scan ended; 0: none since the start"
            ),
        };
        Self {
            notifications: register!(
                registry,
                "notifications",
                "Calls to the webhook, by HTTP status answered"
            ),
            bodies_refused: register!(
                registry,
                "bodies_refused",
                "Bodies of calls to the webhook that were not read to their end, by code"
            ),
            changes: register!(registry, "changes", "Changes in signed notifications, by kind"),
            references_new: register!(registry, "references_new", "References accepted"),
            references_known: register!(registry, "references_known", "References recognised as known"),
            references_over_bound: register!(
                registry,
                "references_over_bound",
                "References not taken: as many are held as may be"
            ),
            stored: register!(registry, "leads_stored", "Leads stored, by purpose"),
            not_asked: register!(
                registry,
                "leads_not_asked",
                "Leads whose person did not tick the box of a further purpose, by purpose"
            ),
            parked: register!(
                registry,
                "leads_parked",
                "References parked, by code; one of several purposes by each"
            ),
            dropped_fields: register!(
                registry,
                "fields_dropped",
                "Answers dropped by the sieve, by purpose; of a lead of several by the first"
            ),
            graph_calls: register!(registry, "graph_calls", "Calls to the Graph API"),
            exported: register!(registry, "leads_exported", "Records in exported pages, by purpose"),
            admin_requests: register!(
                registry,
                "admin_requests",
                "Calls to the admin side, by HTTP status answered"
            ),
            lookups_slowed: register!(
                registry,
                "lookups_slowed",
                "Look-ups by a record's number that had to wait or were refused, since their caller makes many"
            ),
            connections: register!(registry, "connections", "Connections, by listener"),
            connections_turned_away: register!(
                registry,
                "connections_turned_away",
                "Connections that lost their place or got none, by listener and code"
            ),
            heads_refused: register!(
                registry,
                "heads_refused",
                "Requests answered before anything of them was read but the head, by listener and code"
            ),
            worker_panics: register!(registry, "worker_panics", "Panics caught in a worker's step"),
            log_lines_lost: register!(
                registry,
                "log_lines_lost",
                "Lines of the log that did not get to their place, by place"
            ),
            malformed_connections: register!(
                registry,
                "malformed_connections",
                "How often bytes came that are no HTTP, or a connection broke off amid them"
            ),
            inbox_sync_seconds,
            gauges,
            readings: OnceLock::new(),
            log: OnceLock::new(),
            registry,
        }
    }

    /// Says where the values come from that are looked up when somebody asks. The first word holds.
    pub fn read_from<F>(&self, readings: impl Fn() -> F + Send + Sync + 'static)
    where
        F: Future<Output = Readings> + Send + 'static,
    {
        let _ = self.readings.set(Box::new(move || Box::pin(readings())));
    }

    /// Says where the log counts what it loses. The first word holds.
    pub fn count_log(&self, counts: LogCounts) {
        let _ = self.log.set(counts);
    }

    /// A call to the webhook was answered.
    pub fn notification(&self, status: u16) {
        self.notifications.get_or_create(&ByAnswer { answer: status_label(status) }).inc();
    }

    /// Why a body may be refused: a line for each from the start.
    pub fn bodies_may_be_refused<C: Coded>(&self) {
        for code in C::every() {
            self.bodies_refused.get_or_create(&ByCode { code: Label(code.code()) }).inc_by(0);
        }
    }

    /// A body was not read to its end.
    pub fn body_refused(&self, code: impl Coded) {
        self.bodies_refused.get_or_create(&ByCode { code: Label(code.code()) }).inc();
    }

    /// So many changes of one kind were in a notification.
    pub fn changes(&self, kind: ChangeCode, count: u64) {
        self.changes.get_or_create(&ByKind { kind: Label(kind.as_str()) }).inc_by(count);
    }

    /// References were accepted or recognised.
    pub fn references(&self, new: u64, known: u64) {
        self.references_new.inc_by(new);
        self.references_known.inc_by(known);
    }

    /// References were not taken, since as many are held as may be.
    pub fn references_over_bound(&self, count: u64) {
        self.references_over_bound.inc_by(count);
    }

    /// A lead was stored; so many of its answers were dropped.
    pub fn stored(&self, purpose: &PurposeId, dropped: u64) {
        let by = ByPurpose { purpose: purpose.to_string() };
        self.stored.get_or_create(&by).inc();
        self.dropped_fields.get_or_create(&by).inc_by(dropped);
    }

    /// The person did not ask for this purpose.
    pub fn not_asked(&self, purpose: &PurposeId) {
        self.not_asked.get_or_create(&ByPurpose { purpose: purpose.to_string() }).inc();
    }

    /// A reference was parked.
    pub fn parked(&self, code: ParkCode) {
        self.parked.get_or_create(&ByCode { code: Label(code.as_str()) }).inc();
    }

    /// Graph was called.
    pub fn graph_calls(&self, count: u64) {
        self.graph_calls.inc_by(count);
    }

    /// A page of an export was opened.
    pub fn exported(&self, purpose: &PurposeId, count: u64) {
        self.exported.get_or_create(&ByPurpose { purpose: purpose.to_string() }).inc_by(count);
    }

    /// A call to the admin side was answered.
    pub fn admin_request(&self, status: u16) {
        self.admin_requests.get_or_create(&ByAnswer { answer: status_label(status) }).inc();
    }

    /// A look-up by a record's number had to wait, or was refused.
    pub fn lookup_slowed(&self) {
        self.lookups_slowed.inc();
    }

    /// So many connections more of this listener, or fewer.
    pub fn connections(&self, listener: &'static str, more: i64) {
        self.connections.get_or_create(&ByListener { listener: Label(listener) }).inc_by(more);
    }

    /// So many connections lost their place or got none.
    pub fn connections_turned_away(&self, listener: &'static str, code: &'static str, count: u64) {
        let by = ByListenerAndCode { listener: Label(listener), code: Label(code) };
        self.connections_turned_away.get_or_create(&by).inc_by(count);
    }

    /// So many heads were refused.
    pub fn heads_refused(&self, listener: &'static str, code: &'static str, count: u64) {
        let by = ByListenerAndCode { listener: Label(listener), code: Label(code) };
        self.heads_refused.get_or_create(&by).inc_by(count);
    }

    /// A worker's step panicked and was caught.
    pub fn worker_panic(&self) {
        self.worker_panics.inc();
    }

    /// What counts how long it took to make a batch of calls durable. It does not hold the metrics: these hold the inbox.
    pub fn inbox_syncs(&self) -> impl Fn(Duration) + Send + Sync + use<> {
        let seconds = self.inbox_sync_seconds.clone();
        move |took| seconds.observe(took.as_secs_f64())
    }

    /// A scan of the store has ended.
    pub fn scanned(&self, faults: u64, ended_seconds: u64) {
        self.gauges.scan_faults.set(faults);
        self.gauges.scan_ended.set(ended_seconds);
    }

    /// Everything, in the text format of [OpenMetrics 1.0](https://prometheus.io/docs/specs/om/open_metrics_spec/).
    pub async fn render(&self) -> String {
        if let Some(readings) = self.readings.get() {
            self.take(readings().await);
        }
        self.take_log();
        let mut text = String::new();
        // Writing into a string fails only if a label does, and ours are plain.
        let _ = encode(&mut text, &self.registry);
        text
    }

    fn take_log(&self) {
        let counts = self.log.get().cloned().unwrap_or_default();
        // These counters only follow others, which are there before the metrics are.
        let follow = |counter: &Counter, count: u64| counter.inner().store(count, Ordering::Relaxed);
        for place in LogPlace::ALL {
            let lost = self.log_lines_lost.get_or_create(&ByPlace { place: Label(place.as_str()) });
            follow(&lost, counts.lines_lost(place));
        }
        follow(&self.malformed_connections, counts.malformed_bytes());
    }

    fn take(&self, now: Readings) {
        self.gauges.inbox_queued.set(now.inbox_queued);
        self.gauges.inbox_oldest_seconds.set(now.inbox_oldest_seconds);
        self.gauges.inbox_segments_live.set(now.inbox_segments.0);
        self.gauges.inbox_segments_spare.set(now.inbox_segments.1);
        self.gauges.inbox_references_missing.set(now.inbox_references_missing);
        if let Some(parked) = now.parked {
            self.gauges.parked.set(parked);
        }
        self.gauges.ready.set(u64::from(now.ready));
        for (purpose, count) in now.records {
            let by = ByPurpose { purpose: purpose.to_string() };
            self.gauges.records.get_or_create(&by).set(count);
            for counter in [&self.stored, &self.not_asked, &self.dropped_fields, &self.exported] {
                counter.get_or_create(&by).inc_by(0);
            }
        }
        for code in AttentionCode::ALL {
            let by = ByCode { code: Label(code.as_str()) };
            self.gauges.attention.get_or_create(&by).set(u64::from(now.attention.contains(code)));
        }
        self.gauges.paused.clear();
        for (page, code) in now.paused {
            let by = ByPage { page: page.to_string(), code: Label(code.as_str()) };
            self.gauges.paused.get_or_create(&by).set(1);
        }
    }
}

/// The statuses that tamis answers.
const STATUSES: [(u16, &str); 16] = [
    (200, "200"),
    (201, "201"),
    (204, "204"),
    (400, "400"),
    (401, "401"),
    (403, "403"),
    (404, "404"),
    (405, "405"),
    (406, "406"),
    (408, "408"),
    (409, "409"),
    (413, "413"),
    (429, "429"),
    (500, "500"),
    (503, "503"),
    (0, OTHER),
];
/// Any other.
const OTHER: &str = "other";

fn status_label(status: u16) -> Label {
    Label(STATUSES.iter().find(|(known, _)| *known == status).map_or(OTHER, |(_, text)| text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_text_has_every_family_with_its_prefix() {
        let metrics = Metrics::new();
        metrics.notification(200);
        metrics.parked(ParkCode::FormUnclaimed);
        metrics.read_from(|| async { Readings { inbox_queued: 3, ready: true, ..Readings::default() } });
        let counts = LogCounts::default();
        counts.lost(LogPlace::Stderr, 7);
        counts.malformed();
        metrics.count_log(counts);
        let text = metrics.render().await;
        for line in [
            "tamis_notifications_total{answer=\"200\"} 1",
            "tamis_leads_parked_total{code=\"form-unclaimed\"} 1",
            "tamis_inbox_queued 3",
            "tamis_ready 1",
            "tamis_log_lines_lost_total{place=\"stderr\"} 7",
            "tamis_log_lines_lost_total{place=\"file\"} 0",
            "tamis_malformed_connections_total 1",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} in\n{text}");
        }
        assert!(text.lines().all(|line| line.starts_with("tamis_") || line.starts_with('#')), "{text}");
    }

    #[tokio::test]
    async fn what_has_not_happened_yet_is_counted_as_nothing() {
        let metrics = Metrics::new();
        let purpose = PurposeId::parse("devis").expect("a name");
        metrics.read_from(move || {
            let records = vec![(purpose.clone(), 0)];
            async { Readings { records, ..Readings::default() } }
        });
        let text = metrics.render().await;
        for line in [
            "tamis_changes_total{kind=\"values-off\"} 0",
            "tamis_leads_parked_total{code=\"form-unclaimed\"} 0",
            "tamis_notifications_total{answer=\"503\"} 0",
            "tamis_admin_requests_total{answer=\"other\"} 0",
            "tamis_leads_stored_total{purpose=\"devis\"} 0",
            "tamis_leads_exported_total{purpose=\"devis\"} 0",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} in\n{text}");
        }
    }
}
