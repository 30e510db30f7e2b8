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
        let shown = pauses.paused([page("1")].into_iter(), further);
        assert_eq!(shown[0].until, further, "{code}: whoever looks sees that it is over");
    }
}
