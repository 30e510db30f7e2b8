use super::*;
use crate::random::NoRandomness;

/// Half of the jitter, always: a pause of `m` minutes lasts 1.05 × `m`.
struct Fixed;
impl Random for Fixed {
    fn fill(&self, _: &mut [u8]) -> Result<(), NoRandomness> {
        Err(NoRandomness)
    }
}

const MINUTE: u64 = 60_000;

fn page(digits: &str) -> PageId {
    PageId::parse(digits).expect("digits")
}

fn start() -> Timestamp {
    "2026-11-25T09:00:00Z".parse().expect("a timestamp")
}

fn halt(scope: Scope, code: ParkCode) -> Halt {
    Halt { scope, code, graph: None, length: Length::Growing }
}

fn minutes(from: Timestamp, until: Timestamp) -> i64 {
    until.duration_since(from).as_mins()
}

/// Lets a probe fail at each pause's end, and tells how long the pauses are.
fn growth(code: ParkCode, probes: usize) -> Vec<i64> {
    let (pauses, mut now) = (Pauses::default(), start());
    let mut lengths = Vec::new();
    for _ in 0..probes {
        let ticket = pauses.begin(&page("1"), now).expect("a probe is due");
        let until = pauses.halt(&ticket, halt(Scope::Page, code), now, &Fixed);
        lengths.push(minutes(now, until));
        now = until;
    }
    lengths
}

#[test]
fn pauses_grow_from_five_minutes_to_an_hour() {
    assert_eq!(growth(ParkCode::TokenDead, 6), [5, 10, 21, 42, 63, 63]);
    assert_eq!(growth(ParkCode::PolicyBlock, 5), [63, 126, 252, 378, 378]);
}

#[test]
fn one_page_is_paused_while_others_go_on() {
    let (pauses, now) = (Pauses::default(), start());
    let ticket = pauses.begin(&page("1"), now).expect("ready");
    let until = pauses.halt(&ticket, halt(Scope::Page, ParkCode::TokenDead), now, &Fixed);
    let paused = Availability::Paused { until, code: ParkCode::TokenDead };
    assert_eq!(pauses.availability(&page("1"), now), paused);
    assert_eq!(pauses.availability(&page("2"), now), Availability::Ready);
    assert_eq!(pauses.availability(&page("1"), until), Availability::Probe);
    assert!(pauses.begin(&page("1"), now).err() == Some((until, ParkCode::TokenDead)));
    let all = pauses.paused([page("2"), page("1")].into_iter(), now);
    assert_eq!(all, [Paused { page: page("1"), code: ParkCode::TokenDead, until }]);
}

#[test]
fn what_concerns_the_app_pauses_every_page_and_ends_for_every_page() {
    let (pauses, now) = (Pauses::default(), start());
    let ticket = pauses.begin(&page("1"), now).expect("ready");
    let until = pauses.halt(&ticket, halt(Scope::App, ParkCode::GraphThrottled), now, &Fixed);
    drop(ticket);
    let paused = Availability::Paused { until, code: ParkCode::GraphThrottled };
    assert_eq!(pauses.availability(&page("2"), now), paused);
    assert_eq!(pauses.paused([page("2"), page("1")].into_iter(), now).len(), 2);
    let probe = pauses.begin(&page("2"), until).expect("a probe");
    pauses.passed(&probe, Passed::Lead);
    assert_eq!(pauses.availability(&page("1"), until), Availability::Ready);
}

#[test]
fn only_one_probes_and_its_place_is_free_when_it_is_dropped() {
    let (pauses, now) = (Pauses::default(), start());
    let ticket = pauses.begin(&page("1"), now).expect("ready");
    let until = pauses.halt(&ticket, halt(Scope::Page, ParkCode::GraphThrottled), now, &Fixed);
    drop(ticket);
    let probe = pauses.begin(&page("1"), until).expect("a probe");
    let meanwhile = Availability::Paused { until: after_ms(until, PROBE_MS), code: ParkCode::GraphThrottled };
    assert_eq!(pauses.availability(&page("1"), until), meanwhile, "nobody claims for it meanwhile");
    let second = pauses.begin(&page("1"), until).err();
    assert_eq!(second, Some((after_ms(until, PROBE_MS), ParkCode::GraphThrottled)));
    drop(probe);
    assert_eq!(pauses.availability(&page("1"), until), Availability::Probe);
    let again = pauses.begin(&page("1"), until).expect("a probe");
    pauses.passed(&again, Passed::Nothing);
    drop(again);
    assert_eq!(pauses.availability(&page("1"), until), Availability::Probe, "it showed nothing");
}

#[test]
fn calls_under_way_neither_prolong_nor_end_a_pause() {
    let (pauses, now) = (Pauses::default(), start());
    let tickets: Vec<_> = (0..3).filter_map(|_| pauses.begin(&page("1"), now).ok()).collect();
    let [first, second, third] = &tickets[..] else { panic!("three at once") };
    let until = pauses.halt(first, halt(Scope::Page, ParkCode::TokenDead), now, &Fixed);
    let again = pauses.halt(second, halt(Scope::Page, ParkCode::TokenDead), after_ms(now, 1_000), &Fixed);
    assert_eq!(again, until);
    pauses.passed(third, Passed::Lead);
    assert!(matches!(pauses.availability(&page("1"), now), Availability::Paused { .. }));
    let probe = pauses.begin(&page("1"), until).expect("a probe");
    let longer = pauses.halt(&probe, halt(Scope::Page, ParkCode::TokenDead), until, &Fixed);
    assert_eq!(minutes(until, longer), 10, "one strike, not two");
}

#[test]
fn a_live_token_without_a_lead_does_not_end_a_missing_permission() {
    for (code, wanted) in
        [(ParkCode::PermissionMissing, Availability::Probe), (ParkCode::TokenDead, Availability::Ready)]
    {
        let (pauses, now) = (Pauses::default(), start());
        let ticket = pauses.begin(&page("1"), now).expect("ready");
        let until = pauses.halt(&ticket, halt(Scope::Page, code), now, &Fixed);
        drop(ticket);
        let probe = pauses.begin(&page("1"), until).expect("a probe");
        pauses.passed(&probe, Passed::TokenOnly);
        drop(probe);
        assert_eq!(pauses.availability(&page("1"), until), wanted, "{code}");
    }
}

#[test]
fn a_replaced_token_ends_the_pause_of_its_page_only() {
    let (pauses, now) = (Pauses::default(), start());
    for digits in ["1", "2"] {
        let ticket = pauses.begin(&page(digits), now).expect("ready");
        pauses.halt(&ticket, halt(Scope::Page, ParkCode::TokenDead), now, &Fixed);
    }
    pauses.token_replaced(&page("1"));
    assert_eq!(pauses.availability(&page("1"), now), Availability::Ready);
    assert!(matches!(pauses.availability(&page("2"), now), Availability::Paused { .. }));
}

#[test]
fn a_given_time_is_believed_up_to_an_hour() {
    for (given, wanted) in [(19 * MINUTE, 19), (60 * MINUTE, 63), (u64::MAX, 63)] {
        let (pauses, now) = (Pauses::default(), start());
        let ticket = pauses.begin(&page("1"), now).expect("ready");
        let length = Length::Given(given);
        let halt = Halt { length, ..halt(Scope::Page, ParkCode::GraphThrottled) };
        let until = pauses.halt(&ticket, halt, now, &Fixed);
        assert_eq!(minutes(now, until), wanted);
        let longer = Halt { length: Length::Given(u64::MAX), ..halt };
        assert_eq!(minutes(now, pauses.halt(&ticket, longer, now, &Fixed)), 63, "a longer time counts");
    }
}

#[test]
fn a_clock_set_back_does_not_pause_for_ever() {
    let (pauses, now) = (Pauses::default(), start());
    let ticket = pauses.begin(&page("1"), now).expect("ready");
    pauses.halt(&ticket, halt(Scope::Page, ParkCode::TokenDead), now, &Fixed);
    let last_year = now - jiff::SignedDuration::from_hours(24 * 365);
    assert_eq!(pauses.availability(&page("1"), last_year), Availability::Probe);
}

/// Of a pause of a minute a clock that is two hours back makes none of two hours.
#[test]
fn a_clock_set_back_ends_a_pause_that_would_outlast_its_own_rule() {
    for code in [ParkCode::GraphUnavailable, ParkCode::TokenDead, ParkCode::PolicyBlock] {
        let (pauses, now) = (Pauses::default(), start());
        let ticket = pauses.begin(&page("1"), now).expect("ready");
        let until = pauses.halt(&ticket, halt(Scope::Page, code), now, &Fixed);
        drop(ticket);
        let longest = halt(Scope::Page, code).longest_ms();
        let back = until - jiff::SignedDuration::from_millis(i64::try_from(longest).expect("hours"));
        assert!(matches!(pauses.availability(&page("1"), back), Availability::Paused { .. }), "{code}");
        let further = back - jiff::SignedDuration::from_millis(1);
        assert_eq!(pauses.availability(&page("1"), further), Availability::Probe, "{code}");
        assert_eq!(pauses.paused([page("1")].into_iter(), further), [], "{code}: it is over");
    }
}

#[test]
fn what_is_over_is_no_pause_save_while_one_lead_is_read_to_see() {
    let (pauses, now) = (Pauses::default(), start());
    let ticket = pauses.begin(&page("1"), now).expect("ready");
    let until = pauses.halt(&ticket, halt(Scope::App, ParkCode::GraphThrottled), now, &Fixed);
    drop(ticket);
    let shown = |now| pauses.paused([page("1"), page("2")].into_iter(), now).len();
    assert_eq!((shown(now), shown(until)), (2, 0), "nobody waits, so nobody ever looks");
    let probe = pauses.begin(&page("1"), until).expect("a probe");
    assert_eq!(shown(until), 2);
    drop(probe);
    assert_eq!(shown(until), 0);
}

/// Calls that were under way come back when a short pause is over already, one after the other.
#[test]
fn what_was_under_way_when_a_pause_began_does_not_begin_it_anew_once_it_is_over() {
    let (pauses, now) = (Pauses::default(), start());
    let tickets: Vec<_> = (0..4).filter_map(|_| pauses.begin(&page("1"), now).ok()).collect();
    let outage = halt(Scope::App, ParkCode::GraphUnavailable);
    let until = pauses.halt(&tickets[0], outage, now, &Fixed);
    let later = after_ms(until, 5_000);
    for ticket in &tickets[1..] {
        assert_eq!(pauses.halt(ticket, outage, later, &Fixed), until);
    }
    assert_eq!(pauses.availability(&page("1"), later), Availability::Probe);
    let probe = pauses.begin(&page("1"), later).expect("a probe");
    let longer = pauses.halt(&probe, outage, later, &Fixed);
    assert_eq!(longer.duration_since(later).as_millis(), 2_100, "one strike, its own");
    drop(probe);
    pauses.halt(&tickets[1], outage, longer, &Fixed);
    let again = pauses.begin(&page("1"), longer).expect("a probe");
    pauses.passed(&again, Passed::Lead);
    assert_eq!(pauses.availability(&page("1"), longer), Availability::Ready);
}

#[test]
fn of_many_replies_that_name_one_time_the_first_counts() {
    struct Growing(std::sync::atomic::AtomicU8);
    impl Random for Growing {
        fn fill(&self, bytes: &mut [u8]) -> Result<(), NoRandomness> {
            bytes.fill(self.0.fetch_add(40, std::sync::atomic::Ordering::Relaxed));
            Ok(())
        }
    }
    let (pauses, now, random) = (Pauses::default(), start(), Growing(0.into()));
    let tickets: Vec<_> = (0..6).filter_map(|_| pauses.begin(&page("1"), now).ok()).collect();
    let asked = Halt { length: Length::Given(19 * MINUTE), ..halt(Scope::Page, ParkCode::GraphThrottled) };
    let until = pauses.halt(&tickets[0], asked, now, &random);
    for ticket in &tickets[1..] {
        assert_eq!(pauses.halt(ticket, asked, now, &random), until, "its jitter is drawn once");
    }
}

#[test]
fn who_wants_a_page_tried_at_once_gets_one_look_and_no_longer_pause() {
    for scope in [Scope::Page, Scope::App] {
        let (pauses, now) = (Pauses::default(), start());
        assert!(!pauses.retry(&page("1"), now), "nothing is paused");
        let ticket = pauses.begin(&page("1"), now).expect("ready");
        let refused = halt(scope, ParkCode::PermissionMissing);
        let until = pauses.halt(&ticket, refused, now, &Fixed);
        drop(ticket);
        assert!(pauses.retry(&page("1"), now));
        assert_eq!(pauses.availability(&page("1"), now), Availability::Probe);
        let other = if scope == Scope::App { 1 } else { 0 };
        let shown = pauses.paused([page("2")].into_iter(), now);
        assert_eq!(shown.len(), other, "another page is as it was");
        if scope == Scope::App {
            assert!(pauses.begin(&page("2"), now).is_err(), "and waits");
        }
        // The form's definition can be read; then the lead is refused.
        let form = pauses.begin(&page("1"), now).expect("at once");
        assert!(pauses.begin(&page("1"), now).is_err(), "only one");
        pauses.passed(&form, Passed::TokenOnly);
        drop(form);
        let lead = pauses.begin(&page("1"), now).expect("at once");
        assert_eq!(pauses.halt(&lead, refused, now, &Fixed), until, "no longer for it");
        drop(lead);
        assert!(pauses.begin(&page("1"), now).is_err(), "and no third call");
        let probe = pauses.begin(&page("1"), until).expect("a probe");
        let longer = pauses.halt(&probe, refused, until, &Fixed);
        assert_eq!(minutes(until, longer), 10, "the first strike");
        drop(probe);
        pauses.retry(&page("1"), until);
        let lead = pauses.begin(&page("1"), until).expect("at once");
        pauses.passed(&lead, Passed::Lead);
        drop(lead);
        assert_eq!(pauses.availability(&page("1"), until), Availability::Ready, "it was given back");
    }
}

#[test]
fn an_answer_of_graphs_own_ends_the_pause_since_it_was_not_there() {
    for (code, ends) in [(ParkCode::GraphUnavailable, true), (ParkCode::GraphThrottled, false)] {
        let (pauses, now) = (Pauses::default(), start());
        let first = pauses.begin(&page("1"), now).expect("ready");
        let under_way = pauses.begin(&page("1"), now).expect("ready");
        let until = pauses.halt(&first, halt(Scope::App, code), now, &Fixed);
        pauses.answered(&under_way);
        assert_ne!(pauses.availability(&page("2"), now), Availability::Ready, "it was asked before");
        let probe = pauses.begin(&page("1"), until).expect("a probe");
        pauses.answered(&probe);
        drop(probe);
        assert_eq!(pauses.availability(&page("2"), until) == Availability::Ready, ends, "{code}");
    }
}

#[test]
fn what_graph_asked_for_is_kept_and_taken_over_and_nothing_else_is() {
    let now = start();
    let kept_of = |code| {
        let pauses = Pauses::default();
        let ticket = pauses.begin(&page("1"), now).expect("ready");
        let length = Length::Given(19 * MINUTE);
        pauses.halt(&ticket, Halt { length, ..halt(Scope::Page, code) }, now, &Fixed);
        (pauses.kept(now), pauses.kept(after_ms(now, 21 * MINUTE)))
    };
    let (kept, later) = kept_of(ParkCode::GraphThrottled);
    let [asked] = kept[..] else { panic!("one") };
    assert_eq!((asked.page, asked.code, later), (Some(page("1")), ParkCode::GraphThrottled, Vec::new()));
    for code in [ParkCode::TokenDead, ParkCode::PermissionMissing, ParkCode::GraphUnavailable] {
        assert_eq!(kept_of(code).0, [], "a start is a good moment to look again: {code}");
    }
    let of_app = KeptPause { page: None, code: ParkCode::PolicyBlock, until: after_ms(now, 6 * 60 * MINUTE) };
    let pauses = Pauses::default();
    pauses.resume(&asked, now);
    let paused = |code, until| Availability::Paused { until, code };
    assert_eq!(pauses.availability(&page("1"), now), paused(asked.code, asked.until));
    assert_eq!(pauses.availability(&page("2"), now), Availability::Ready);
    assert_eq!(pauses.availability(&page("1"), asked.until), Availability::Probe);
    pauses.resume(&of_app, now);
    assert_eq!(pauses.availability(&page("2"), now), paused(of_app.code, of_app.until));
    let all: Vec<_> = pauses.kept(now).into_iter().map(|pause| pause.page).collect();
    assert_eq!(all, [None, Some(page("1"))]);
    // By a clock that was ahead then, or of what no rule allows.
    for until in [now, after_ms(now, 24 * 60 * MINUTE)] {
        let pauses = Pauses::default();
        pauses.resume(&KeptPause { until, ..asked }, now);
        pauses.resume(&KeptPause { until, ..of_app }, now);
        assert_eq!(pauses.availability(&page("1"), now), Availability::Ready);
    }
}
