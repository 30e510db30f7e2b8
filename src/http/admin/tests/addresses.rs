//! Which records hold an address: what is answered, what is left in the trail.

use super::*;
use crate::forget::address::Matcher;
use crate::lead::{Dropped, sample};
use crate::store::contract::support::{later, reference, waiting};
use crate::store::{Kept, Match, Matches, Outcome as End, SHOWN_AT_ONCE_MAX, Settlement};

/// Looks at once, where the daemon has a thread for it.
pub(super) fn search(store: &SharedStore, named_max: usize) -> Data<Search> {
    let store = store.clone();
    Data::new(Search::new(move |sought, after, by| {
        let (matcher, mut matches) = (Matcher::of([(0, &sought)], None), Matches::default());
        for kept in store.each_kept(&[by]).expect("opens") {
            match kept.expect("read") {
                Kept::Record(lead) => {
                    let mut holds = false;
                    let look = |_: &str, answer: &str| matcher.look(answer, |_| holds = true);
                    lead.each_answer(look).expect("of our layout");
                    if holds && after.as_ref().is_none_or(|after| after < lead.id()) {
                        let (record, seen) = (lead.id().clone(), lead.seen());
                        matches.add(Match { record, seen, may_be_mailbox: true });
                    }
                }
                Kept::Unreadable(_) => matches.unreadable += 1,
            }
        }
        matches.first.truncate(named_max);
        Box::pin(async move { Ok(matches) })
    }))
}

pub(super) fn keep(number: u64, purpose: &str, answer: &str) -> Settlement {
    // Of the day of this bench, a year after the start of the store's own tests.
    let outcome = End::stored(sample::lead(purpose, answer, false, later(3_650)));
    let reference = reference(number);
    Settlement { reference, outcome, matched: Vec::new(), dropped: Dropped::default() }
}

fn find(token: &str, body: &str) -> test::TestRequest {
    let call = with(token, Method::POST, "/find").insert_header(("Tamis-Reason", "person-request"));
    call.set_payload(body.to_owned())
}

#[tokio::test]
async fn each_record_of_an_address_is_shown_masked_with_its_line_and_no_other_is() {
    let bench = Bench::new();
    let officer = bench.token(Role::Officer, &[]).await;
    let batch = vec![
        keep(1, "devis", "Anne@Lumen.example"),
        keep(2, "devis", "anna@lumen.example"),
        keep(3, "lettre", " anne@lumen.example"),
    ];
    bench.store.settle(batch).await.expect("settled");
    let before = bench.store.lines(0, 100).await.expect("a trail").len() as u64;
    let found = bench.call(find(&officer, r#"{"email":"ANNE@lumen.example"}"#)).await;
    let found: serde_json::Value = serde_json::from_str(&text_of(found).await).expect("JSON");
    let ids: Vec<&str> =
        found["records"].as_array().expect("records").iter().filter_map(|r| r["id"].as_str()).collect();
    assert_eq!(ids, ["devis-1-1", "lettre-1-1"]);
    assert_eq!(found["records"][0]["fields"]["email"][0], "A•••@L•••");
    assert_eq!(found.as_object().expect("an object").len(), 1, "nothing is said that there is not: {found}");
    let lines = bench.store.lines(before, 100).await.expect("a trail");
    let told: Vec<_> = lines
        .iter()
        .map(|line| {
            (line.entry.action(), line.entry.count, line.entry.from.as_ref().map(ToString::to_string))
        })
        .collect();
    let line = |id: &str| (Action::Found, 1, Some(id.to_owned()));
    assert_eq!(told, [line("devis-1-1"), line("lettre-1-1")]);
    let nobody = bench.call(find(&officer, r#"{"email":"nobody@lumen.example","unmask":true}"#)).await;
    assert_eq!(text_of(nobody).await, r#"{"records":[]}"#);
    let entry = bench.last_entry().await;
    assert_eq!((entry.action(), entry.result, entry.count), (Action::FoundUnmasked, Outcome::Nothing, 0));
}

#[tokio::test]
async fn more_than_are_shown_are_counted_and_what_is_not_read_yet_is_told() {
    let bench = Bench::new();
    let officer = bench.token(Role::Officer, &[]).await;
    let many = SHOWN_AT_ONCE_MAX as u64 + 7;
    let batch = (1..=many).map(|number| keep(number, "devis", "anne@lumen.example")).collect();
    bench.store.settle(batch).await.expect("settled");
    let waits = (501..=503).map(|number| parked(number, 1, waiting(60, 1))).collect();
    bench.store.settle(waits).await.expect("settled");
    let found = bench.call(find(&officer, r#"{"email":"anne@lumen.example"}"#)).await;
    let found: serde_json::Value = serde_json::from_str(&text_of(found).await).expect("JSON");
    assert_eq!(found["records"].as_array().map(Vec::len), Some(SHOWN_AT_ONCE_MAX));
    assert_eq!((&found["total"], &found["unread"]), (&many.into(), &3.into()));
}

#[tokio::test(start_paused = true)]
async fn a_look_by_an_address_is_an_officer_s_and_counts_once_however_much_it_finds() {
    let bench = Bench::new();
    let officer = bench.token(Role::Officer, &[]).await;
    let batch = (1..=20).map(|number| keep(number, "devis", "anne@lumen.example")).collect();
    bench.store.settle(batch).await.expect("settled");
    // 20 records at a time, and sixty such looks wait for nothing.
    for look in 0..60 {
        let found = bench.call(find(&officer, r#"{"email":"anne@lumen.example"}"#)).await;
        assert!(found.headers().get("tamis-waited").is_none(), "{look}");
        assert_eq!(found.status(), 200);
    }
    let mut looks = (0..3).map(|_| bench.call(find(&officer, r#"{"phone":"0639980000"}"#))).map(Box::pin);
    let (mut first, mut second) = (looks.next().expect("one"), looks.next().expect("two"));
    assert!(futures_util::poll!(&mut first).is_pending() && futures_util::poll!(&mut second).is_pending());
    let third = looks.next().expect("three").await;
    assert_eq!(code_of(third).await, refused(429, "lookups-too-fast"));
    let admin = bench.token(Role::Admin, &[]).await;
    let forbidden = bench.call(find(&admin, r#"{"email":"anne@lumen.example"}"#)).await;
    assert_eq!(code_of(forbidden).await, refused(403, "role-insufficient"));
    let none = bench.call(find(&bench.token(Role::Officer, &[]).await, r#"{"email":"anne"}"#)).await;
    assert_eq!(code_of(none).await, refused(400, "address-invalid"));
}
