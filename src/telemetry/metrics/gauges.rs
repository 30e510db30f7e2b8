//! Values that are looked up when somebody asks.

use std::sync::atomic::AtomicU64;

use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use crate::attention::AttentionCode;
use crate::id::PageId;
use crate::notification::ParkCode;
use crate::purpose::PurposeId;
use crate::purpose::form_check::FindingCode;
use crate::telemetry::metrics::labels::{NameAndWord, OneName, OneWord};
use crate::telemetry::metrics::{Metrics, register};

type Whole = Gauge<u64, AtomicU64>;

/// For what a page may be paused: each has a line from the start.
const PAUSED_FOR: [ParkCode; 6] = [
    ParkCode::TokenDead,
    ParkCode::PermissionMissing,
    ParkCode::GraphThrottled,
    ParkCode::GraphConfig,
    ParkCode::PolicyBlock,
    ParkCode::GraphUnavailable,
];

/// What was looked up.
#[derive(Default)]
pub struct Readings {
    /// References in the inbox, claimed ones included.
    pub inbox_queued: u64,
    /// How long the oldest reference has been waiting; 0: there is none.
    pub oldest: OldestSeconds,
    /// Segments of the journal that hold calls, and those that are ready.
    pub inbox_segments: (u64, u64),
    /// References that were answered for and were not in the journal at the start, at the most.
    pub inbox_references_missing: u64,
    /// References that wait or are held; none: it could not be told.
    pub parked: Option<u64>,
    /// Mails that wait in the outbox.
    pub mails_waiting: u64,
    /// Seconds since the oldest of them was queued; 0: there is none.
    pub mail_waiting_seconds: u64,
    /// Erasures that wait for a letter to their person.
    pub erasures_to_tell: u64,
    /// Records by purpose.
    pub records: Vec<(PurposeId, u64)>,
    /// The pages of the config.
    pub pages: Vec<PageId>,
    /// Those that are paused, and why.
    pub paused: Vec<(PageId, ParkCode)>,
    /// Tokens of the admin side by id, and how many whole days each has left; negative: it has ended.
    pub tokens: Vec<(String, i64)>,
    /// Erasures whose keys could not be destroyed, or of which it cannot be read which those are.
    pub erasures_pending: u64,
    /// Addresses that are awaited in what is unread.
    pub vigils: u64,
    /// What needs a person although tamis goes on.
    pub attention: Vec<AttentionCode>,
    /// What the form check found, and on how many forms it stands.
    pub findings: Vec<(FindingCode, u64)>,
    /// Seconds since the claimed form was looked at that was looked at the longest time ago; 0: none was.
    pub form_look_seconds: u64,
    /// When the last backup and the last vacuum were made, in seconds since 1970; 0: none was.
    pub copied: (u64, u64),
    /// Bytes that are free on the disk of the journal, and below how many nothing is taken.
    pub disk: (u64, u64),
    /// 1 if the daemon can take notifications.
    pub ready: bool,
}

/// Ages in seconds, since the call that named the reference; of a held one since it is held.
#[derive(Default)]
pub struct OldestSeconds {
    /// In the journal, to be read now.
    pub queued: u64,
    /// To be read again later.
    pub waiting: u64,
    /// Of a form or a page that is not in the config.
    pub held: u64,
}

/// What they are shown in.
pub(super) struct Gauges {
    inbox_queued: Whole,
    oldest: Family<OneWord, Whole>,
    inbox_segments_live: Whole,
    inbox_segments_spare: Whole,
    inbox_references_missing: Whole,
    parked: Whole,
    mails_waiting: Whole,
    erasures_to_tell: Whole,
    mail_waiting_seconds: Whole,
    records: Family<OneName, Whole>,
    paused: Family<NameAndWord, Whole>,
    tokens: Family<OneName, Gauge>,
    erasures_pending: Whole,
    vigils: Whole,
    attention: Family<OneWord, Whole>,
    findings: Family<OneWord, Whole>,
    form_look: Whole,
    backed_up: Whole,
    vacuumed: Whole,
    disk_free: Whole,
    disk_floor: Whole,
    ready: Whole,
    scan_faults: Whole,
    scan_ended: Whole,
}

impl Gauges {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let gauges = Self {
            inbox_queued: register!(registry, "inbox_queued", "References accepted and not yet settled"),
            oldest: register!(
                registry,
                "oldest_waiting_seconds",
                "How long the oldest reference of each kind has been waiting; 0: there is none"
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
            mails_waiting: register!(registry, "mails_waiting", "Mails to people that wait to be sent"),
            erasures_to_tell: register!(
                registry,
                "erasures_to_tell",
                "Erasures that wait for a letter to their person"
            ),
            mail_waiting_seconds: register!(
                registry,
                "mail_waiting_seconds",
                "How long ago the mail was queued that has been waiting longest; 0: none is"
            ),
            records: register!(registry, "records", "Records held, by purpose"),
            paused: register!(registry, "page_paused", "1 while no lead of the page is fetched, by code"),
            tokens: register!(
                registry,
                "token_days_left",
                "Whole days until a token of the admin side ends; negative: it has ended and was not revoked"
            ),
            erasures_pending: register!(
                registry,
                "erasures_pending",
                "Erasures whose records are gone, and records that were written anew, whose keys could not be destroyed, or of which it cannot be read which those are"
            ),
            vigils: register!(registry, "vigils", "Erased addresses that are awaited in what is unread"),
            attention: register!(registry, "attention", "1 while this needs a person although tamis goes on"),
            findings: register!(registry, "form_findings", "Forms on which the form check finds this"),
            form_look: register!(
                registry,
                "form_look_seconds",
                "How long ago the claimed form was looked at that was looked at the longest time ago; 0: none was"
            ),
            backed_up: register!(
                registry,
                "backup_timestamp_seconds",
                "When the last backup was made; 0: none ever was"
            ),
            vacuumed: register!(
                registry,
                "vacuum_timestamp_seconds",
                "What was removed before this lies nowhere in the store's files; 0: nobody has seen to that yet"
            ),
            disk_free: register!(
                registry,
                "disk_free_bytes",
                "Bytes that are free on the disk of the journal"
            ),
            disk_floor: register!(
                registry,
                "disk_floor_bytes",
                "Below so many free bytes no notification is taken"
            ),
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
        gauges.take(&Readings::default());
        gauges
    }

    pub(super) fn take(&self, now: &Readings) {
        self.inbox_queued.set(now.inbox_queued);
        let OldestSeconds { queued, waiting, held } = now.oldest;
        for (state, seconds) in [("queued", queued), ("waiting", waiting), ("held", held)] {
            self.oldest.get_or_create(&[("state", state)]).set(seconds);
        }
        self.inbox_segments_live.set(now.inbox_segments.0);
        self.inbox_segments_spare.set(now.inbox_segments.1);
        self.inbox_references_missing.set(now.inbox_references_missing);
        if let Some(parked) = now.parked {
            self.parked.set(parked);
        }
        self.mails_waiting.set(now.mails_waiting);
        self.erasures_to_tell.set(now.erasures_to_tell);
        self.mail_waiting_seconds.set(now.mail_waiting_seconds);
        self.ready.set(u64::from(now.ready));
        self.backed_up.set(now.copied.0);
        self.vacuumed.set(now.copied.1);
        self.disk_free.set(now.disk.0);
        self.disk_floor.set(now.disk.1);
        for (purpose, count) in &now.records {
            self.records.get_or_create(&[("purpose", purpose.to_string())]).set(*count);
        }
        self.erasures_pending.set(now.erasures_pending);
        self.vigils.set(now.vigils);
        for code in AttentionCode::ALL {
            let by = [("code", code.as_str())];
            self.attention.get_or_create(&by).set(u64::from(now.attention.contains(code)));
        }
        self.form_look.set(now.form_look_seconds);
        for code in FindingCode::ALL {
            let count = now.findings.iter().find(|(found, _)| found == code).map_or(0, |(_, count)| *count);
            self.findings.get_or_create(&[("code", code.as_str())]).set(count);
        }
        // Pages and tokens come and go.
        self.paused.clear();
        let by = |page: &PageId, code: ParkCode| [("page", page.to_string()), ("code", code.to_string())];
        for page in &now.pages {
            PAUSED_FOR.iter().for_each(|code| {
                self.paused.get_or_create(&by(page, *code)).set(0);
            });
        }
        for (page, code) in &now.paused {
            self.paused.get_or_create(&by(page, *code)).set(1);
        }
        self.tokens.clear();
        for (token, days) in &now.tokens {
            self.tokens.get_or_create(&[("token", token.clone())]).set(*days);
        }
    }
}

impl Metrics {
    /// A scan of the store has ended.
    pub fn scanned(&self, faults: u64, ended_seconds: u64) {
        self.gauges.scan_faults.set(faults);
        self.gauges.scan_ended.set(ended_seconds);
    }

    /// What the last whole scan of the store found wrong.
    pub fn scan_faults(&self) -> u64 {
        self.gauges.scan_faults.get()
    }
}
