//! `[meta]`: the app, its pages, and how Graph is called.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use crate::config::fault::FaultCode;
use crate::config::place;
use crate::config::section::{Item, Section};
use crate::id::{AppId, PageId};
use crate::location::Location;

const CALLS_IN_FLIGHT: RangeInclusive<u64> = 1..=64;
const CONNECT_TIMEOUT_MS: RangeInclusive<u64> = 50..=60_000;
const READ_TIMEOUT_MS: RangeInclusive<u64> = 50..=120_000;
const REPLY_BYTES: RangeInclusive<u64> = 1_000..=64_000_000;

/// Replies of all calls in flight together above this deserve a look.
const REPLIES_BYTES_LARGE: u64 = 200_000_000;

/// The longest single wait: a week.
const WAIT_MS_MAX: u64 = 7 * 24 * 3_600 * 1_000;

/// Meta gives a lead out for 90 days; to wait longer is to wait for nothing.
const LEAD_LIFE_MS: u64 = 90 * 24 * 3_600 * 1_000;

/// The app that Meta calls us for, and how we call Meta.
#[derive(Clone, Debug)]
pub struct Meta {
    /// The app.
    pub app_id: AppId,
    /// Where its secrets lie, the newest first; two while one is being replaced.
    pub app_secrets: Vec<Location>,
    /// Where the word lies that Meta repeats when the webhook is registered.
    pub verify_token: Location,
    /// Graph's base URL, without a slash at its end.
    pub graph_url: String,
    /// Graph's version (`v27.0`).
    pub graph_version: String,
    /// How many calls may be under way at once.
    pub calls_in_flight: usize,
    /// How long a connection may take.
    pub connect_timeout_ms: u64,
    /// How long Graph may be silent.
    pub read_timeout_ms: u64,
    /// The longest reply.
    pub reply_max_bytes: usize,
    /// When a failed fetch is tried again.
    pub retry: RetryTimes,
    /// The same, where Graph's answer may mean "gone" or "not yet".
    pub retry_ambiguous: RetryTimes,
    /// The pages whose leads are fetched.
    pub pages: Vec<Page>,
}

/// When a failed fetch is tried again: after `first_ms`, then each time `factor` later, at most `max_ms`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryTimes {
    /// The first wait.
    pub first_ms: u64,
    /// How much longer each next one is.
    pub factor: u32,
    /// The longest wait.
    pub max_ms: u64,
    /// How many attempts there are; after the last one the reference is buried.
    pub attempts: u32,
}

/// A page and the way to its token.
#[derive(Clone, Debug)]
pub struct Page {
    /// Meta's id.
    pub id: PageId,
    /// What operators read.
    pub name: String,
    /// Where its token lies.
    pub token: Location,
}

pub(super) fn read_meta(mut section: Section<'_>) -> Option<Meta> {
    let app_id = section.must("app_id", "app_id = \"…\"").and_then(|item| item.id(AppId::parse));
    let sample = "app_secrets = [{ credential = \"meta-app-secret\" }]";
    let app_secrets = section.must("app_secrets", sample).and_then(|item| read_app_secrets(&item));
    let sample = "verify_token = { credential = \"meta-verify-token\" }";
    let verify_token = section.must("verify_token", sample).and_then(|item| place::location(&item));
    let graph_url = section.must("graph_url", "graph_url = \"https://graph.facebook.com\"");
    let graph_url = graph_url.and_then(|item| place::base_url(&item));
    let graph_version = section.must("graph_version", "graph_version = \"v27.0\"");
    let graph_version = graph_version.and_then(|item| {
        item.parsed(
            |text| is_version(text).then(|| text.to_owned()),
            "a version of Graph",
            "Write it as \"v27.0\".",
        )
    });
    let calls_in_flight = bounded(&mut section, "calls_in_flight", "calls_in_flight = 16", CALLS_IN_FLIGHT);
    let connect =
        bounded(&mut section, "connect_timeout_ms", "connect_timeout_ms = 5_000", CONNECT_TIMEOUT_MS);
    let read = bounded(&mut section, "read_timeout_ms", "read_timeout_ms = 20_000", READ_TIMEOUT_MS);
    let reply_bytes = bounded(&mut section, "reply_max_bytes", "reply_max_bytes = 1_000_000", REPLY_BYTES);
    warn_of_memory(&section, calls_in_flight, reply_bytes);
    let retry = read_retry(section.section("retry"));
    let retry_ambiguous = read_retry(section.section("retry_ambiguous"));
    let sample = "[[meta.pages]]` with `id`, `name` and `token";
    let pages = section.must("pages", sample).and_then(|item| read_pages(&item));
    section.finish();
    Some(Meta {
        app_id: app_id?,
        app_secrets: app_secrets?,
        verify_token: verify_token?,
        graph_url: graph_url?,
        graph_version: graph_version?,
        calls_in_flight: usize::try_from(calls_in_flight?).ok()?,
        connect_timeout_ms: connect?,
        read_timeout_ms: read?,
        reply_max_bytes: usize::try_from(reply_bytes?).ok()?,
        retry: retry?,
        retry_ambiguous: retry_ambiguous?,
        pages: pages?,
    })
}

fn bounded(
    section: &mut Section<'_>,
    key: &'static str,
    sample: &str,
    bounds: RangeInclusive<u64>,
) -> Option<u64> {
    section.must(key, sample).and_then(|item| item.number(bounds))
}

fn read_app_secrets(item: &Item<'_>) -> Option<Vec<Location>> {
    let items = item.list()?;
    let locations: Option<Vec<Location>> = items.iter().map(place::location).collect();
    if items.is_empty() || items.len() > 2 {
        item.fault(
            FaultCode::OutOfRange,
            "there must be one app secret, or two while one is being replaced",
            "Put the newest first and at most one older after it.",
        );
        return None;
    }
    let locations = locations?;
    if let [first, second] = locations.as_slice()
        && first == second
    {
        item.fault(FaultCode::Duplicate, "both app secrets lie in the same place", "Remove one.");
    }
    Some(locations)
}

fn is_version(text: &str) -> bool {
    let digits = |part: &str| !part.is_empty() && part.len() <= 4 && part.bytes().all(|b| b.is_ascii_digit());
    text.strip_prefix('v').and_then(|rest| rest.split_once('.')).is_some_and(|(a, b)| digits(a) && digits(b))
}

fn warn_of_memory(section: &Section<'_>, calls: Option<u64>, reply_bytes: Option<u64>) {
    let (Some(calls), Some(bytes)) = (calls, reply_bytes) else { return };
    if calls.saturating_mul(bytes) > REPLIES_BYTES_LARGE {
        let megabytes = calls.saturating_mul(bytes) / 1_000_000;
        section.findings().warn(
            FaultCode::MemoryLarge,
            &section.path("reply_max_bytes"),
            format!("with `calls_in_flight`, replies may take {megabytes} MB of memory"),
            "Lower one of the two.",
        );
    }
}

fn read_retry(mut section: Section<'_>) -> Option<RetryTimes> {
    let first_ms = bounded(&mut section, "first_ms", "first_ms = 2_000", 1..=WAIT_MS_MAX);
    let factor = bounded(&mut section, "factor", "factor = 2", 1..=10);
    let max_ms = bounded(&mut section, "max_ms", "max_ms = 3_600_000", 1..=WAIT_MS_MAX);
    let attempts = bounded(&mut section, "attempts", "attempts = 750", 1..=10_000);
    let (key, longest) = (section.key().to_owned(), section.path("max_ms"));
    let findings = section.findings();
    section.finish();
    let retry = RetryTimes {
        first_ms: first_ms?,
        factor: u32::try_from(factor?).ok()?,
        max_ms: max_ms?,
        attempts: u32::try_from(attempts?).ok()?,
    };
    if retry.max_ms < retry.first_ms {
        findings.fault(FaultCode::OutOfRange, &longest, "this is shorter than `first_ms`", "Raise it.");
    }
    if retry.total_ms() > LEAD_LIFE_MS {
        let reason =
            "the attempts would go on for more than 90 days, and Meta gives a lead out for no longer";
        findings.fault(FaultCode::RetryTooLong, &key, reason, "Lower `attempts` or `max_ms`.");
    }
    Some(retry)
}

impl RetryTimes {
    /// All waits together, without jitter.
    fn total_ms(&self) -> u64 {
        let mut total: u64 = 0;
        let mut wait = self.first_ms;
        for _ in 1..self.attempts {
            total = total.saturating_add(wait.min(self.max_ms));
            wait = wait.saturating_mul(u64::from(self.factor)).min(self.max_ms);
        }
        total
    }
}

fn read_pages(item: &Item<'_>) -> Option<Vec<Page>> {
    let items = item.list()?;
    if items.is_empty() {
        item.fault(FaultCode::Empty, "without a page nothing can be fetched", "Add `[[meta.pages]]`.");
    }
    let mut ids = BTreeSet::new();
    let pages: Vec<Option<Page>> = items.iter().map(|item| read_page(item, &mut ids)).collect();
    pages.into_iter().collect()
}

fn read_page(item: &Item<'_>, ids: &mut BTreeSet<PageId>) -> Option<Page> {
    let mut section = item.section();
    let id = section.must("id", "id = \"…\"").and_then(|item| {
        let id = item.id(PageId::parse)?;
        if !ids.insert(id) {
            item.fault(FaultCode::Duplicate, "another page has this id", "Name each page once.");
        }
        Some(id)
    });
    let name = section.must("name", "name = \"…\"").and_then(|item| item.prose(200));
    let sample = "token = { file = \"/etc/tamis/secrets/page-ID\" }";
    let token = section.must("token", sample).and_then(|item| place::location(&item));
    section.finish();
    Some(Page { id: id?, name: name?, token: token? })
}
