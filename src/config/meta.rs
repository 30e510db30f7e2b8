//! `[meta]`: the app, its pages, and how Graph is called.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use crate::config::fault::FaultCode;
use crate::config::place;
use crate::config::section::{ConfigItem, Section, each};
use crate::config::table::table;
use crate::id::{AppId, PageId};
use crate::secret::location::Location;

const CALLS_IN_FLIGHT: RangeInclusive<u64> = 1..=64;
const CONNECT_TIMEOUT_MS: RangeInclusive<u64> = 50..=60_000;
const READ_TIMEOUT_MS: RangeInclusive<u64> = 50..=120_000;
const REPLY_BYTES: RangeInclusive<u64> = 1_000..=64_000_000;

/// Replies of all calls in flight together above this deserve a look.
const REPLIES_BYTES_LARGE: usize = 200_000_000;

/// The longest single wait: a week.
const WAIT_MS_MAX: u64 = 7 * 24 * 3_600 * 1_000;

/// Meta gives a lead out for 90 days; to wait longer is to wait for nothing.
const LEAD_LIFE_MS: u64 = 90 * 24 * 3_600 * 1_000;

table! {
    /// The app that Meta calls us for, and how we call Meta.
    #[derive(Clone, Debug)]
    pub struct Meta as Table(section) {
        /// The app.
        pub app_id: AppId = must("\"…\"", |item| item.id(AppId::parse));
        /// Where its secrets lie, the newest first; two while one is being replaced.
        @live pub app_secrets: Vec<Location> = must("[{ credential = \"meta-app-secret\" }]", read_app_secrets);
        /// Where the word lies that Meta repeats when the webhook is registered.
        @live pub verify_token: Location = must("{ credential = \"meta-verify-token\" }", place::location);
        /// Graph's base URL, without a slash at its end.
        pub graph_url: String = must("\"https://graph.facebook.com\"", place::base_url);
        /// Graph's version (`v27.0`).
        pub graph_version: String = must("\"v27.0\"", |item| {
            let version = |text: &str| is_version(text).then(|| text.to_owned());
            item.parsed(version, "a version of Graph", "Write it as \"v27.0\".")
        });
        /// How many calls may be under way at once.
        pub calls_in_flight: usize = must("16", |item| item.number(CALLS_IN_FLIGHT));
        /// How long a connection may take.
        pub connect_timeout_ms: u64 = must("5_000", |item| item.number(CONNECT_TIMEOUT_MS));
        /// How long Graph may be silent.
        pub read_timeout_ms: u64 = must("20_000", |item| item.number(READ_TIMEOUT_MS));
        /// The longest reply.
        pub reply_max_bytes: usize = must("1_000_000", |item| item.number(REPLY_BYTES));
        /// When a failed fetch is tried again.
        @live pub retry: RetryTimes = within(read_retry);
        /// The same, where Graph's answer may mean "gone" or "not yet".
        @live pub retry_ambiguous: RetryTimes = within(read_retry);
        /// The pages whose leads are fetched.
        @live pub pages: Vec<Page> = must_list("`id`, `name` and `token`", read_pages);
    }
    check { warn_of_memory(&section, calls_in_flight, reply_max_bytes); }
}

table! {
    /// When a failed fetch is tried again: after `first_ms`, then each time `factor` later, at most `max_ms`.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct RetryTimes as Inline(section) {
        /// The first wait.
        pub first_ms: u64 = must("2_000", |item| item.number(1..=WAIT_MS_MAX));
        /// How much longer each next one is.
        pub factor: u32 = must("2", |item| item.number(1..=10));
        /// The longest wait.
        pub max_ms: u64 = must("3_600_000", |item| item.number(1..=WAIT_MS_MAX));
        /// How many attempts there are; after the last one the reference is buried.
        pub attempts: u32 = must("750", |item| item.number(1..=10_000));
    }
}

table! {
    /// A page and the way to its token.
    #[derive(Clone, Debug)]
    pub struct Page as Table(section, ids: &mut BTreeSet<PageId>) {
        /// Meta's id.
        pub id: PageId = must("\"…\"", |item| read_page_id(item, ids));
        /// What operators read.
        pub name: String = must("\"…\"", |item| item.prose(200));
        /// Where its token lies.
        pub token: Location = must("{ file = \"/etc/tamis/secrets/page-ID\" }", place::location);
    }
}

fn read_app_secrets(item: &ConfigItem<'_>) -> Option<Vec<Location>> {
    let items = item.list()?;
    let locations = each(&items, place::location);
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

fn warn_of_memory(section: &Section<'_>, calls: Option<usize>, reply_bytes: Option<usize>) {
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

fn read_retry(section: Section<'_>) -> Option<RetryTimes> {
    let (findings, key, longest) = (section.findings(), section.key().to_owned(), section.path("max_ms"));
    let retry = RetryTimes::read(section)?;
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

fn read_pages(item: &ConfigItem<'_>) -> Option<Vec<Page>> {
    let items = item.list()?;
    if items.is_empty() {
        item.fault(FaultCode::Empty, "without a page nothing can be fetched", "Add `[[meta.pages]]`.");
    }
    let mut ids = BTreeSet::new();
    each(&items, |item| Page::read(item.section(), &mut ids))
}

fn read_page_id(item: &ConfigItem<'_>, ids: &mut BTreeSet<PageId>) -> Option<PageId> {
    let id = item.id(PageId::parse)?;
    if !ids.insert(id) {
        item.fault(FaultCode::Duplicate, "another page has this id", "Name each page once.");
    }
    Some(id)
}
