//! Numbers for Prometheus, as OpenMetrics, prefix `tamis_`; docs/metrics.md lists them. One file a subject: `intake` (on the way
//! to a 200), `leads`, `mails`, `doors`, and `gauges` (what is looked up when somebody asks); `labels` and `histogram` are what they
//! count with.

mod doors;
mod gauges;
mod histogram;
mod intake;
mod labels;
mod leads;
mod mails;

use std::sync::OnceLock;
use std::sync::atomic::Ordering;

use futures_util::future::BoxFuture;
use jiff::Timestamp;
use parking_lot::Mutex;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

use crate::telemetry::counts::{LogCounts, LogPlace};
use crate::telemetry::metrics::histogram::Durations;
use crate::telemetry::metrics::labels::OneWord;

pub use doors::ListenerCounts;
pub use gauges::{OldestSeconds, Readings};
pub use labels::CountedBy;
pub use leads::{EndCause, TrimCause};
pub use mails::MailsCounted;

/// The media type of what [`Metrics::render`] makes: Prometheus takes it for an older format without it, and refuses it.
pub const MEDIA_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Registers a metric under a name with a help, and gives it.
macro_rules! register {
    ($registry:ident, $name:literal, $help:literal) => {{
        let metric = Default::default();
        $registry.register($name, $help, Clone::clone(&metric));
        metric
    }};
}
use register;

/// All metrics.
pub struct Metrics {
    registry: Registry,
    intake: intake::Intake,
    leads: leads::Leads,
    mails: mails::Mails,
    doors: doors::Doors,
    gauges: gauges::Gauges,
    worker_panics: Counter,
    log_lines_lost: Family<OneWord, Counter>,
    malformed_connections: Counter,
    readings: OnceLock<Box<dyn Fn() -> BoxFuture<'static, Readings> + Send + Sync>>,
    log: OnceLock<LogCounts>,
    /// Held while what was looked up is taken over and shown: of two who ask at once each is shown its own.
    showing: Mutex<()>,
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// All metrics at zero, and a line for each value of a label that is known beforehand: a counter that begins with
    /// its first event has not increased by it, so that no alarm would ring.
    pub fn new() -> Self {
        let mut all = Registry::with_prefix("tamis");
        let version = Info::new(vec![("version", env!("CARGO_PKG_VERSION"))]);
        all.register("build", "The running version", version);
        let registry = &mut all;
        let intake = intake::Intake::register(registry);
        let leads = leads::Leads::register(registry);
        let mails = mails::Mails::register(registry);
        let doors = doors::Doors::register(registry);
        let gauges = gauges::Gauges::register(registry);
        let worker_panics = register!(registry, "worker_panics", "Panics caught in a worker's step");
        let log_lines_lost = register!(
            registry,
            "log_lines_lost",
            "Lines of the log that did not get to their place, by place"
        );
        let malformed_connections = register!(
            registry,
            "malformed_connections",
            "How often bytes came that are no HTTP, or a connection broke off amid them"
        );
        Self {
            registry: all,
            intake,
            leads,
            mails,
            doors,
            gauges,
            worker_panics,
            log_lines_lost,
            malformed_connections,
            readings: OnceLock::new(),
            log: OnceLock::new(),
            showing: Mutex::default(),
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

    /// How many lines of the log did not get to each of its places, since the start.
    pub fn lines_lost(&self) -> [(LogPlace, u64); LogPlace::ALL.len()] {
        let counts = self.log.get();
        LogPlace::ALL.map(|place| (place, counts.map_or(0, |counts| counts.lines_lost(place))))
    }

    /// A worker's step panicked and was caught.
    pub fn worker_panic(&self) {
        self.worker_panics.inc();
    }

    /// Everything, in the text format of [OpenMetrics 1.0](https://prometheus.io/docs/specs/om/open_metrics_spec/).
    pub async fn render(&self) -> String {
        let readings = match self.readings.get() {
            Some(readings) => Some(readings().await),
            None => None,
        };
        let _showing = self.showing.lock();
        if let Some(readings) = readings {
            readings.records.iter().for_each(|(purpose, _)| self.leads.begin(purpose));
            self.gauges.take(&readings);
        }
        self.take_log();
        let mut text = String::new();
        // Writing into a string fails only if a label does, and ours are plain.
        let _ = encode(&mut text, &self.registry);
        text
    }

    fn take_log(&self) {
        // These counters only follow others, which are there before the metrics are.
        let follow = |counter: &Counter, count: u64| counter.inner().store(count, Ordering::Relaxed);
        for (place, lost) in self.lines_lost() {
            follow(&self.log_lines_lost.get_or_create(&[("place", place.as_str())]), lost);
        }
        follow(&self.malformed_connections, self.log.get().map_or(0, LogCounts::malformed_bytes));
    }
}

/// Registers durations under a name with a help, by these upper bounds in seconds.
fn seconds(registry: &mut Registry, name: &str, help: &str, bounds: &'static [f64]) -> Durations {
    let durations = Durations::within(bounds);
    registry.register(name, help, durations.clone());
    durations
}

/// A moment in whole seconds since 1970, as Prometheus compares it with its `time()`.
fn moment(at: Timestamp) -> u64 {
    u64::try_from(at.as_second()).unwrap_or(0)
}

/// The moment that a gauge shows; 0 is none.
fn moment_of(seconds: u64) -> Option<Timestamp> {
    let seconds = i64::try_from(seconds).ok().filter(|seconds| *seconds > 0)?;
    Timestamp::from_second(seconds).ok()
}

#[cfg(test)]
mod tests;
