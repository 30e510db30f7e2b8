//! Meta's usage headers, and how far apart they put our calls.
//!
//! `X-App-Usage: {"call_count":28,…}` and `X-Business-Use-Case-Usage: {"<id>":[{"type":"leadgen","call_count":1,…,
//! "estimated_time_to_regain_access":0}]}`, in percent and in minutes, sent only when there is usage
//! (developers.facebook.com/docs/graph-api/overview/rate-limiting). Near the limit calls are spaced out; at the limit
//! the page, or the app, is paused before Graph has to refuse.

use std::collections::HashMap;

use std::time::Duration;

use jiff::Timestamp;
use parking_lot::{Mutex, MutexGuard};

use crate::clock::after_ms;
use crate::graph::failure::Scope;
use crate::graph::pause::Length;
use crate::id::PageId;
use crate::json::Json;

/// From this usage on calls are spaced out.
const SLOW_PERCENT: u32 = 75;
/// From this usage on there are none for a while.
const STOP_PERCENT: u32 = 95;
/// The pause at [`STOP_PERCENT`] where Graph names no time. Usage is counted over a sliding hour, so it eases soon.
const STOP_MS: u64 = 2 * 60_000;
/// The space between calls just below [`STOP_PERCENT`].
const SPACE_MS_MAX: u64 = 10_000;
/// A call waits at most so long for its turn; what would wait longer is told when to come back.
const WAIT_MS_MAX: u64 = 30_000;
/// A page whose turn is further away than this is reported as paused, so that another page goes first.
const WAIT_MS_READY: u64 = 1_000;
/// A longer header is not read.
const HEADER_BYTES_MAX: usize = 16 * 1024;
const MS_A_MINUTE: u64 = 60_000;

/// What the headers of one reply say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Usage {
    app_percent: u32,
    page_percent: u32,
    /// Until access is regained, for reading leads.
    regain_minutes: u32,
    /// The same for whatever else is counted: matters when a call was refused.
    regain_minutes_any: u32,
}

impl Usage {
    /// Reads both headers leniently: what is odd says nothing.
    pub(super) fn read(app: Option<&str>, business: Option<&str>) -> Self {
        let mut usage = Self::default();
        if let Some(app) = app.and_then(parse) {
            usage.app_percent = percent(app);
        }
        if let Some(business) = business.and_then(parse) {
            business.members().flat_map(|(_, entries)| entries.elements()).for_each(|entry| usage.add(entry));
        }
        usage
    }

    fn add(&mut self, entry: Json<'_>) {
        let (mut minutes, mut ours) = (0, true);
        for (name, value) in entry.members() {
            match &*name {
                "type" => ours = value.text().is_none_or(|kind| matches!(&*kind, "leadgen" | "pages")),
                "estimated_time_to_regain_access" => minutes = whole(value),
                _ => {}
            }
        }
        self.regain_minutes_any = self.regain_minutes_any.max(minutes);
        if ours {
            self.page_percent = self.page_percent.max(percent(entry));
            self.regain_minutes = self.regain_minutes.max(minutes);
        }
    }

    /// Who must stop after this reply, and for how long, though Graph refused nothing.
    pub(super) fn stops(&self) -> Option<(Scope, Length)> {
        if self.regain_minutes > 0 {
            return Some((Scope::Page, Length::Given(u64::from(self.regain_minutes) * MS_A_MINUTE)));
        }
        let scope = match (self.app_percent, self.page_percent) {
            (STOP_PERCENT.., _) => Scope::App,
            (_, STOP_PERCENT..) => Scope::Page,
            _ => return None,
        };
        Some((scope, Length::Given(STOP_MS)))
    }

    /// How long to stop after a refusal for too many calls.
    pub(super) fn after_refusal(&self) -> Length {
        match self.regain_minutes_any {
            0 => Length::Growing,
            minutes => Length::Given(u64::from(minutes) * MS_A_MINUTE),
        }
    }
}

fn parse(header: &str) -> Option<Json<'_>> {
    (header.len() <= HEADER_BYTES_MAX).then(|| Json::read(header.as_bytes())).flatten()
}

/// The highest of the three percentages.
fn percent(entry: Json<'_>) -> u32 {
    let counts =
        entry.members().filter(|(name, _)| matches!(&**name, "call_count" | "total_time" | "total_cputime"));
    counts.map(|(_, value)| whole(value)).max().unwrap_or(0)
}

/// A number or a string with one, rounded up; what is odd or negative counts as 0.
fn whole(value: Json<'_>) -> u32 {
    let number = value.number_or_text().and_then(|text| text.trim().parse::<f64>().ok());
    // The cast saturates and makes 0 of what is no number.
    number.map_or(0, |number| number.ceil() as u32)
}

/// The space between calls at this usage: nothing below 75 %, then growing with its square to ten seconds.
fn space_ms(percent: u32) -> u64 {
    let above = u64::from(percent.clamp(SLOW_PERCENT, STOP_PERCENT) - SLOW_PERCENT);
    let range = u64::from(STOP_PERCENT - SLOW_PERCENT);
    above * above * SPACE_MS_MAX / (range * range)
}

#[derive(Clone, Copy, Default)]
struct Turn {
    space_ms: u64,
    /// No call before this.
    next: Option<Timestamp>,
}

#[derive(Default)]
struct Turns {
    app: Turn,
    pages: HashMap<PageId, Turn>,
}

/// Whose turn it is. One entry a page of the config.
#[derive(Default)]
pub(super) struct Pace(Mutex<Turns>);

impl Pace {
    /// What a reply says about the calls after it. No header means no usage.
    pub(super) fn note(&self, page: &PageId, usage: &Usage) {
        let mut turns = self.lock();
        turns.app.keep(space_ms(usage.app_percent));
        turns.pages.entry(*page).or_default().keep(space_ms(usage.page_percent));
    }

    /// Takes the next turn for a call to this page and says how long to wait for it; or when to come back, if that is
    /// too long.
    pub(super) fn take_turn(&self, page: &PageId, now: Timestamp) -> Result<Duration, Timestamp> {
        let mut turns = self.lock();
        let (turn, wait_ms) = turns.next(page, now);
        if wait_ms > WAIT_MS_MAX {
            return Err(turn);
        }
        // The app's turns go on from its own last one: a slow page does not hold up the others.
        let app_turn = turns.app.at(now);
        turns.app.take(app_turn);
        turns.pages.entry(*page).or_default().take(turn);
        Ok(Duration::from_millis(wait_ms))
    }

    /// The page's next turn, if it is not close.
    pub(super) fn far_turn(&self, page: &PageId, now: Timestamp) -> Option<Timestamp> {
        let (turn, wait_ms) = self.lock().next(page, now);
        (wait_ms > WAIT_MS_READY).then_some(turn)
    }

    fn lock(&self) -> MutexGuard<'_, Turns> {
        self.0.lock()
    }
}

impl Turns {
    fn next(&self, page: &PageId, now: Timestamp) -> (Timestamp, u64) {
        let of_page = self.pages.get(page).map_or(now, |turn| turn.at(now));
        let turn = self.app.at(now).max(of_page);
        (turn, u64::try_from(turn.duration_since(now).as_millis()).unwrap_or(0))
    }
}

impl Turn {
    /// The next turn, not before now.
    fn at(&self, now: Timestamp) -> Timestamp {
        // Turns are given out at most so far ahead: one that is further away is from before the clock was set back.
        let furthest = after_ms(now, WAIT_MS_MAX + SPACE_MS_MAX);
        self.next.filter(|next| *next <= furthest).map_or(now, |next| next.max(now))
    }

    fn take(&mut self, turn: Timestamp) {
        self.next = (self.space_ms > 0).then(|| after_ms(turn, self.space_ms));
    }

    fn keep(&mut self, space_ms: u64) {
        self.space_ms = space_ms;
        self.next = self.next.filter(|_| space_ms > 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(digits: &str) -> PageId {
        PageId::parse(digits).expect("digits")
    }

    fn now() -> Timestamp {
        "2026-11-25T09:00:00Z".parse().expect("a timestamp")
    }

    #[test]
    fn headers_as_meta_sends_them_are_read() {
        let app = r#"{"call_count":28,"total_time":25,"total_cputime":76}"#;
        let business = r#"{"104":[{"type":"leadgen","call_count":1,"total_cputime":1,"total_time":80,
            "estimated_time_to_regain_access":0,"ads_api_access_tier":"standard_access"}]}"#;
        let usage = Usage::read(Some(app), Some(business));
        assert_eq!((usage.app_percent, usage.page_percent), (76, 80));
        assert_eq!(usage.stops(), None);
        assert_eq!(usage.after_refusal(), Length::Growing);
    }

    #[test]
    fn regain_time_is_in_minutes_and_stops_the_page() {
        let business =
            r#"{"1":[{"type":"leadgen","call_count":"100.5","estimated_time_to_regain_access":"19"}]}"#;
        let usage = Usage::read(None, Some(business));
        assert_eq!(usage.stops(), Some((Scope::Page, Length::Given(19 * 60_000))));
        assert_eq!(usage.after_refusal(), Length::Given(19 * 60_000));
    }

    #[test]
    fn what_others_use_up_stops_us_only_once_we_are_refused() {
        let business =
            r#"{"9":[{"type":"ads_insights","call_count":99,"estimated_time_to_regain_access":5}]}"#;
        let usage = Usage::read(None, Some(business));
        assert_eq!(usage.stops(), None);
        assert_eq!(usage.after_refusal(), Length::Given(5 * 60_000));
    }

    #[test]
    fn near_the_limit_it_stops_before_it_is_refused() {
        let full = r#"{"call_count":95}"#;
        assert_eq!(Usage::read(Some(full), None).stops(), Some((Scope::App, Length::Given(STOP_MS))));
        let full = r#"{"1":[{"call_count":97}]}"#;
        assert_eq!(Usage::read(None, Some(full)).stops(), Some((Scope::Page, Length::Given(STOP_MS))));
    }

    #[test]
    fn odd_headers_say_nothing() {
        let huge = format!(r#"{{"call_count":99,"x":"{}"}}"#, "x".repeat(HEADER_BYTES_MAX));
        for odd in ["", "28", "null", "[]", "{}", "{\"call_count\":null}", "{\"call_count\":-3}", "{", &huge]
        {
            assert_eq!(Usage::read(Some(odd), Some(odd)), Usage::default(), "{}", odd.len());
        }
        let odd = r#"{"1":{"call_count":99},"2":[1,null,"x",{"call_count":"many"}],"3":null}"#;
        assert_eq!(Usage::read(None, Some(odd)), Usage::default());
        assert_eq!(Usage::read(Some("{\"call_count\":1e300}"), None).app_percent, u32::MAX);
    }

    #[test]
    fn space_grows_from_75_percent_on() {
        let spaces: Vec<u64> = [0, 74, 75, 80, 85, 90, 95, 200].into_iter().map(space_ms).collect();
        assert_eq!(spaces, [0, 0, 0, 625, 2_500, 5_625, 10_000, 10_000]);
    }

    #[test]
    fn calls_take_turns_and_none_waits_long() {
        let (pace, one, other) = (Pace::default(), page("1"), page("2"));
        assert_eq!(pace.take_turn(&one, now()), Ok(Duration::ZERO));
        assert_eq!(pace.take_turn(&one, now()), Ok(Duration::ZERO));
        pace.note(&one, &Usage { page_percent: 90, ..Usage::default() });
        let waits: Vec<_> = (0..8).map(|_| pace.take_turn(&one, now())).collect();
        assert_eq!(waits[..3], [0, 5_625, 11_250].map(|ms| Ok(Duration::from_millis(ms))));
        assert_eq!(waits[5], Ok(Duration::from_millis(28_125)));
        assert_eq!(waits[6..], [Err(after_ms(now(), 33_750)), Err(after_ms(now(), 33_750))]);
        assert_eq!(pace.far_turn(&one, now()), Some(after_ms(now(), 33_750)));
        assert_eq!(pace.take_turn(&other, now()), Ok(Duration::ZERO), "a slow page holds nobody up");
        pace.note(&one, &Usage::default());
        assert_eq!(pace.take_turn(&one, now()), Ok(Duration::ZERO));
    }

    #[test]
    fn a_clock_set_back_does_not_stop_the_calls() {
        let (pace, one) = (Pace::default(), page("1"));
        pace.note(&one, &Usage { app_percent: 94, ..Usage::default() });
        assert_eq!(pace.take_turn(&one, now()), Ok(Duration::ZERO));
        let yesterday = now() - jiff::SignedDuration::from_hours(24);
        assert_eq!(pace.take_turn(&one, yesterday), Ok(Duration::ZERO));
    }
}
