//! Restrictions: who may use a record for now, what ends it, and what is said of it.

use super::Host;
use super::several::nothing_is_wrong;
use super::support::*;
use crate::clock::Day;
use crate::lead::{Revision, sample};
use crate::purpose::FieldName;
use crate::store::contract::rewriting::holding;
use crate::store::{
    ErasureRequest, Restricting, Restriction, RewriteCause, RewriteRequest, Rewritten, SharedStore,
    StoreCode, Wanted,
};
use crate::trail::{Action, Entry, Operator, Outcome, Reason};

fn restricting() -> Entry {
    by_officer(Action::Restricted)
}

fn in_days(days: u32) -> Day {
    Day::of(start()).plus(days)
}

async fn restrict(store: &SharedStore, number: u64, days: u32) -> Restricting {
    let id = record(&format!("devis-1-{number}"));
    store.restrict(id, in_days(days), restricting()).await.expect("answered")
}

async fn release(store: &SharedStore, number: u64) -> bool {
    let id = record(&format!("devis-1-{number}"));
    store.lift_restriction(id, by_officer(Action::RestrictionLifted)).await.expect("answered")
}

/// What a page of everything hands out, and how many it says are left out as restricted and as expired.
async fn page(store: &SharedStore) -> (Vec<String>, u64, u64) {
    let mut page = store.open_page(request(None, 100), exporting()).await.expect("a page");
    let values = read_all(&mut page).expect("read").iter().map(sample::email).collect();
    (values, page.restricted, page.expired)
}

async fn found(store: &SharedStore, number: u64) -> (Option<String>, Option<Restriction>) {
    let wanted = Wanted::Record(record(&format!("devis-1-{number}")));
    let mut found = store.find(wanted, by_officer(Action::Found)).await.expect("looked up");
    let found = found.remove(0);
    (found.lead.as_ref().map(sample::email), found.restriction)
}

pub(crate) async fn a_restricted_record_is_in_no_page_and_a_look_up_says_so_also_after_a_restart<H: Host>() {
    let host = H::new();
    let mut store = host.open();
    store_many(&store, 1, 3).await;
    let restriction = Restriction {
        id: record("devis-1-2"),
        reason: Some(Reason::PersonRequest),
        since: start(),
        until: in_days(5),
        erasure: None,
    };
    assert_eq!(restrict(&store, 2, 5).await, Restricting::Restricted(restriction.clone()));
    for _ in 0..2 {
        assert_eq!(page(&store).await, (vec![email_of(1), email_of(3)], 1, 0));
        assert_eq!(found(&store, 2).await, (Some(email_of(2)), Some(restriction.clone())));
        assert_eq!(found(&store, 1).await, (Some(email_of(1)), None));
        assert_eq!(store.restriction(&record("devis-1-2")), Some(restriction.clone()));
        assert_eq!(store.restriction(&record("devis-1-1")), None);
        assert_eq!(store.restrictions(), std::slice::from_ref(&restriction));
        assert_eq!(store.stored().await.expect("counted")[&purpose("devis")], 3, "it is kept");
        nothing_is_wrong(&store).await;
        store.close().await.expect("closed");
        drop(store);
        store = host.open();
    }
    let listed = store.list_restrictions(by_officer(Action::RestrictionsListed)).await;
    assert_eq!(listed, Ok(vec![restriction]));
    let line = store.newest(u64::MAX, 1).await.expect("a trail").remove(0).entry;
    assert_eq!((line.action(), line.count), (Action::RestrictionsListed, 1));
    assert!(release(&store, 2).await && !release(&store, 2).await);
    assert_eq!(page(&store).await.0.len(), 3);
    assert_eq!((store.restrictions(), found(&store, 2).await.1), (Vec::new(), None));
}

pub(crate) async fn a_restriction_stands_in_the_trail_is_renewed_and_lifted<H: Host>() {
    let host = H::new();
    let store = host.open();
    store_many(&store, 1, 1).await;
    let lines = store.lines(0, 100).await.expect("a trail").len() as u64;
    restrict(&store, 1, 5).await;
    host.pass_days(&store, 1);
    let renewed = restrict(&store, 1, 9).await;
    let Restricting::Restricted(renewed) = renewed else { panic!("renewed") };
    assert_eq!((renewed.since, renewed.until), (start(), in_days(9)), "since it first was");
    restrict(&store, 7, 5).await;
    release(&store, 1).await;
    release(&store, 1).await;
    let told = store.lines(lines, 100).await.expect("a trail");
    let told: Vec<_> = told
        .iter()
        .map(|line| {
            let Entry { from, count, result, .. } = &line.entry;
            (line.entry.action().as_str(), from.as_ref().map(ToString::to_string), *count, *result)
        })
        .collect();
    let one = || Some("devis-1-1".to_owned());
    assert_eq!(
        told,
        [
            ("restricted", one(), 1, Outcome::Done),
            ("restricted", one(), 1, Outcome::Done),
            ("restricted", None, 0, Outcome::Nothing),
            ("restriction-lifted", one(), 1, Outcome::Done),
            ("restriction-lifted", one(), 0, Outcome::Nothing),
        ]
    );
}

pub(crate) async fn a_restriction_has_a_last_day_within_twelve_months<H: Host>() {
    let host = H::new();
    let store = host.open();
    store_many(&store, 1, 1).await;
    host.pass_days(&store, 2);
    // From 26 November 2025 on.
    for days in [1, 2 + 366, 4_000_000] {
        assert_eq!(restrict(&store, 1, days).await, Restricting::DayOutOfRange, "{days}");
    }
    for days in [2, 2 + 365] {
        assert!(matches!(restrict(&store, 1, days).await, Restricting::Restricted(_)), "{days}");
    }
}

pub(crate) async fn while_it_stands_no_clock_ends_the_record_and_its_last_day_is_taken_from_a_confirmed_clock<
    H: Host,
>() {
    let host = H::new();
    let mut store = host.open();
    store_many(&store, 1, 2).await;
    // The records live for ten days.
    restrict(&store, 1, 12).await;
    host.pass_days(&store, 12);
    assert_eq!(page(&store).await, (Vec::new(), 1, 1));
    assert_eq!(found(&store, 1).await.0, Some(email_of(1)), "it lives on");
    assert_eq!(found(&store, 2).await.0, None);
    let shorter =
        vec![(record("devis-1-1"), Revision::without([FieldName::parse("email").expect("a name")]))];
    let request = RewriteRequest { records: shorter, cause: RewriteCause::Retention };
    let rewriting = store.rewrite(request, Entry::by_system(Action::Corrected)).await.expect("answered");
    assert_eq!(rewriting.each, [Rewritten::Restricted]);
    // A person's right goes on.
    let records = vec![(record("devis-1-1"), holding("marie@canary.example"))];
    let request = RewriteRequest { records, cause: RewriteCause::Person };
    let rewriting = store.rewrite(request, by_officer(Action::Corrected)).await.expect("answered");
    assert_eq!(rewriting.each, [Rewritten::Anew]);
    assert_eq!(store.end_restrictions().await, Ok(0), "its last day is not over");
    store.close().await.expect("closed");
    drop(store);
    host.clock().advance_ms(DAY_MS);
    store = host.open_alone();
    assert_eq!(code(store.end_restrictions().await), Some(StoreCode::ClockUnconfirmed));
    assert!(store.restriction(&record("devis-1-1")).is_some(), "by a clock that nobody confirmed it stands");
    host.agree(&store);
    assert_eq!(store.restrictions(), []);
    assert_eq!(page(&store).await, (Vec::new(), 0, 2), "its day is over as well");
    assert_eq!(store.end_restrictions().await, Ok(1));
    assert_eq!(store.end_restrictions().await, Ok(0));
    let lines = store.newest(u64::MAX, 1).await.expect("a trail");
    assert_eq!(lines[0].entry.action(), Action::RestrictionEnded);
    assert_eq!(lines[0].entry.from, Some(record("devis-1-1")));
}

pub(crate) async fn only_what_the_person_asks_for_goes_through_it<H: Host>() {
    let host = H::new();
    let store = host.open();
    store_many(&store, 1, 3).await;
    for number in 1..=3 {
        restrict(&store, number, 5).await;
    }
    let erase = async |number: u64, reason: Reason| {
        let operator = Operator::recognised_by_kernel(1000).because(reason);
        let request = ErasureRequest::of(Wanted::Leadgen(leadgen(number)));
        store.erase(request, Entry::by(&operator, Action::ErasureAsked)).await.map(drop)
    };
    let would_erase = async |number: u64, reason: Reason| {
        let operator = Operator::recognised_by_kernel(1000).because(reason);
        let request = ErasureRequest::of(Wanted::Leadgen(leadgen(number)));
        let extent = store.extent(request, Entry::by(&operator, Action::ErasureTried)).await;
        let line = store.newest(u64::MAX, 1).await.expect("a trail").remove(0).entry;
        assert_eq!(line.action(), Action::ErasureTried, "whoever asks leaves a line");
        (extent.map(|extent| extent.total()), line.result)
    };
    for reason in [Reason::Error, Reason::Support, Reason::Audit, Reason::Campaign, Reason::CrmSync] {
        assert_eq!(code(erase(1, reason).await), Some(StoreCode::RecordRestricted), "{reason}");
        let (refused, told) = would_erase(1, reason).await;
        assert_eq!((code(refused), told), (Some(StoreCode::RecordRestricted), Outcome::Refused), "{reason}");
    }
    assert_eq!(would_erase(1, Reason::PersonRequest).await, (Ok(1), Outcome::Done));
    assert_eq!(store.restrictions().len(), 3);
    for (number, reason) in [(1, Reason::PersonRequest), (2, Reason::Objection), (3, Reason::Withdrawal)] {
        assert_eq!(erase(number, reason).await, Ok(()), "{reason}");
    }
    assert_eq!((store.restrictions(), page(&store).await), (Vec::new(), (Vec::new(), 0, 0)));
    nothing_is_wrong(&store).await;
}

pub(crate) async fn what_is_restricted_while_a_page_is_read_does_not_leave_and_what_is_released_cuts_no_end_off<
    H: Host,
>() {
    let host = H::new();
    let store = host.open();
    store_many(&store, 1, 300).await;
    restrict(&store, 2, 5).await;
    let mut page = store.open_page(request(None, 300), exporting()).await.expect("a page");
    assert_eq!((page.count, page.restricted), (299, 1));
    release(&store, 2).await;
    for number in [1, 300] {
        restrict(&store, number, 5).await;
    }
    let read = read_all(&mut page).expect("no error for it");
    let expected: Vec<String> = (3..300).map(email_of).collect();
    assert_eq!(read.iter().map(sample::email).collect::<Vec<_>>(), expected);
}

pub(crate) async fn a_record_that_is_not_there_cannot_be_restricted<H: Host>() {
    let host = H::new();
    let store = host.open();
    store_many(&store, 1, 2).await;
    let request = ErasureRequest::of(Wanted::Leadgen(leadgen(1)));
    store.erase(request, by_officer(Action::ErasureAsked)).await.expect("erased");
    assert_eq!(restrict(&store, 1, 5).await, Restricting::Gone);
    assert_eq!(restrict(&store, 3, 5).await, Restricting::Unknown);
    host.pass_days(&store, 10);
    let id = record("devis-1-2");
    let late = store.restrict(id, in_days(12), restricting()).await;
    assert_eq!(late, Ok(Restricting::Gone), "its time is over");
}
