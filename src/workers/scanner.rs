//! Looks through everything that is kept, some time after the start and daily, and says what it found. It goes slice by
//! slice with a pause after each, a longer one while leads are waiting to be fetched.

use std::sync::Arc;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use parking_lot::Mutex;

use crate::clock::{Clock, after};
use crate::inbox::Inbox;
use crate::store::{Fault, Scanned, Scanning, SharedStore, StoreCode};
use crate::telemetry::metrics::Metrics;
use crate::workers::routine::{Routine, Schedule, Turn};

/// Entries a slice: some milliseconds.
const SLICE_ENTRIES: usize = 512;
/// After a slice, so that a scan takes at most about a tenth of a core.
const PAUSE: SignedDuration = SignedDuration::from_millis(50);
/// The same while leads wait: fetching and storing come first.
const PAUSE_BUSY: SignedDuration = SignedDuration::from_secs(1);
/// After the start, which has enough to do.
const FIRST_AFTER: SignedDuration = SignedDuration::from_mins(1);
/// After a scan, or after a store that gives no answer.
const EVERY: SignedDuration = SignedDuration::from_hours(24);
const AFTER_REFUSAL: SignedDuration = SignedDuration::from_hours(1);

/// The scanner.
pub struct Scanner {
    store: SharedStore,
    inbox: Arc<Inbox>,
    metrics: Arc<Metrics>,
    schedule: Schedule,
    /// When the scan that is under way began.
    begun: Mutex<Option<Timestamp>>,
}

#[async_trait]
impl Routine for Scanner {
    const NAME: &'static str = "scanner";

    fn schedule(&self) -> &Schedule {
        &self.schedule
    }

    async fn turn(&self, Turn { now, is_first }: Turn) -> Timestamp {
        if is_first { after(now, FIRST_AFTER) } else { self.slice(now).await }
    }
}

impl Scanner {
    /// A scanner that has not looked yet.
    pub fn new(store: SharedStore, inbox: Arc<Inbox>, metrics: Arc<Metrics>, clock: Arc<dyn Clock>) -> Self {
        Self { store, inbox, metrics, schedule: Schedule::within(EVERY, clock), begun: Mutex::new(None) }
    }

    /// Looks at one slice, and says when the next is due.
    async fn slice(&self, now: Timestamp) -> Timestamp {
        let begun = *self.begun.lock().get_or_insert(now);
        match self.store.scan(SLICE_ENTRIES).await {
            Ok(Scanning::More) => {
                let pause = if self.inbox.queued() > 0 { PAUSE_BUSY } else { PAUSE };
                after(now, pause)
            }
            Ok(Scanning::Over(scanned)) => {
                *self.begun.lock() = None;
                let ended = self.schedule.now();
                report(&scanned, ended.as_millisecond() - begun.as_millisecond());
                let ended_seconds = u64::try_from(ended.as_second()).unwrap_or(0);
                self.metrics.scanned(scanned.faults.len() as u64, ended_seconds);
                after(ended, EVERY)
            }
            Err(error) => {
                *self.begun.lock() = None;
                tracing::warn!(code = %error.code, io.kind = ?error.io, "scanner.store-refused");
                after(now, AFTER_REFUSAL)
            }
        }
    }
}

/// One line where all is well; else one for each fault, and none that says otherwise.
fn report(scanned: &Scanned, took_ms: i64) {
    if scanned.faults.is_empty() {
        tracing::info!(
            scan.records = scanned.records,
            scan.seen = scanned.seen,
            scan.parked = scanned.parked,
            scan.lines = scanned.lines,
            scan.took_ms = took_ms,
            "store.scanned"
        );
    }
    for fault in &scanned.faults {
        tell(fault);
    }
}

fn tell(fault: &Fault) {
    match fault {
        Fault::Records(fault) => {
            let code = match fault.is_of_seals() {
                true => StoreCode::RecordUnreadable,
                false => StoreCode::CountMismatch,
            };
            tracing::error!(
                code = %code, purpose = %fault.purpose,
                scan.counted = fault.counted, scan.found = fault.found, scan.indexed = fault.indexed,
                scan.absent = fault.absent, scan.unreadable = fault.unreadable,
                record.id = fault.first.as_ref().map(tracing::field::display),
                "store.scan-fault"
            );
        }
        Fault::Parked(fault) => {
            let code = match fault.is_of_counts() {
                true => StoreCode::CountMismatch,
                false => StoreCode::RecordUnreadable,
            };
            tracing::error!(
                code = %code, scan.part = "parked",
                scan.counted = fault.counted, scan.found = fault.found, scan.absent = fault.absent,
                scan.unnoted = fault.unnoted, scan.unreadable = fault.unreadable,
                "store.scan-fault"
            );
        }
        Fault::Seen(unreadable) => {
            tracing::error!(
                code = %StoreCode::RecordUnreadable, scan.part = "seen", scan.unreadable = *unreadable,
                "store.scan-fault"
            );
        }
        Fault::Buckets(fault) => {
            tracing::error!(
                code = %StoreCode::CountMismatch, scan.part = "buckets",
                scan.counted = fault.counted, scan.found = fault.found,
                scan.wrong = fault.wrong, scan.repaired = fault.repaired,
                "store.scan-fault"
            );
        }
        Fault::Trail => {
            tracing::error!(code = %StoreCode::TrailBroken, scan.part = "trail", "store.scan-fault");
        }
    }
}
