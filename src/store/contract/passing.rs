//! Passes: whoever holds one opens one record, for one use, until its day; with the record it ends.

use super::Host;
use super::several::nothing_is_wrong;
use super::support::*;
use crate::clock::Day;
use crate::people::{Pass, PassKind};
use crate::store::contract::rewriting::corrected;
use crate::store::{
    ErasureRequest, GivenPass, PASSES_OF_RECORD_MAX, Restricting, SharedStore, StoreCode, ToOpen, ToPass,
    Wanted,
};
use crate::trail::{Action, Outcome};

fn giving() -> crate::trail::Entry {
    by_officer(Action::PassGiven)
}

fn wanted(number: u64, kind: PassKind, last_day: Option<Day>) -> ToPass {
    ToPass { record: record(&format!("devis-1-{number}")), kind, last_day }
}

async fn give(store: &SharedStore, wanted: ToPass) -> Pass {
    match store.give_pass(wanted, giving()).await.expect("answered") {
        GivenPass::Given(pass) => pass,
        GivenPass::Gone => panic!("gone"),
        GivenPass::Unknown => panic!("unknown"),
    }
}

/// The same pass once more, as somebody has it in a link.
fn again(pass: &Pass) -> Pass {
    let path = pass.path(PassKind::Page);
    Pass::parse(path.strip_prefix("/p/").expect("a page's")).expect("reads back")
}

async fn opened(store: &SharedStore, pass: &Pass) -> Option<ToOpen> {
    store.open_pass(again(pass)).await.expect("answered")
}

pub(crate) async fn a_pass_opens_its_record_for_its_use_also_after_a_restart<H: Host>() {
    let host = H::new();
    let mut store = host.open();
    store_many(&store, 1, 3).await;
    let lines = store.lines(0, 100).await.expect("a trail").len() as u64;
    let page = give(&store, wanted(2, PassKind::Page, Some(Day::of(later(5))))).await;
    let stop = give(&store, wanted(2, PassKind::Stop, None)).await;
    assert!(page.hash() != stop.hash());
    let expected =
        |kind, last_day| Some(ToOpen { record: record("devis-1-2"), kind, given_at: start(), last_day });
    for _ in 0..2 {
        assert_eq!(opened(&store, &page).await, expected(PassKind::Page, Some(Day::of(later(5)))));
        assert_eq!(opened(&store, &stop).await, expected(PassKind::Stop, None));
        let never = Pass::new(&crate::random::SeededRandom::new(77)).expect("random");
        assert_eq!(opened(&store, &never).await, None);
        nothing_is_wrong(&store).await;
        store.close().await.expect("closed");
        drop(store);
        store = host.open();
    }
    let told = store.lines(lines, 100).await.expect("a trail");
    let told: Vec<_> = told
        .iter()
        .map(|line| (line.entry.action(), line.entry.from.clone(), line.entry.count, line.entry.result))
        .collect();
    let line = (Action::PassGiven, Some(record("devis-1-2")), 1, Outcome::Done);
    assert_eq!(told, [line.clone(), line], "given twice, and looking leaves no line");
}

pub(crate) async fn a_pass_opens_up_to_its_last_day_and_never_longer_than_its_record_lives<H: Host>() {
    let host = H::new();
    let store = host.open();
    store_many(&store, 1, 1).await;
    let short = give(&store, wanted(1, PassKind::Page, Some(Day::of(later(2))))).await;
    let long = give(&store, wanted(1, PassKind::Page, Some(Day::of(later(400))))).await;
    let life = give(&store, wanted(1, PassKind::Stop, None)).await;
    host.pass_days(&store, 2);
    assert!(opened(&store, &short).await.is_some(), "its last day");
    host.pass_days(&store, 1);
    assert!(opened(&store, &short).await.is_none() && opened(&store, &long).await.is_some());
    // One that is restricted lives on past its day, and so does what opens it.
    let id = record("devis-1-1");
    let restricted = store.restrict(id.clone(), Day::of(later(20)), by_officer(Action::Restricted)).await;
    assert!(matches!(restricted, Ok(Restricting::Restricted(_))));
    host.pass_days(&store, 9);
    assert!(opened(&store, &long).await.is_some() && opened(&store, &life).await.is_some());
    assert!(store.lift_restriction(id, by_officer(Action::RestrictionLifted)).await.expect("lifted"));
    assert!(opened(&store, &long).await.is_none() && opened(&store, &life).await.is_none());
    let refused = store.give_pass(wanted(1, PassKind::Page, None), giving()).await.expect("answered");
    assert!(matches!(refused, GivenPass::Gone));
    store.expire().await.expect("swept");
    assert!(opened(&store, &life).await.is_none());
    nothing_is_wrong(&store).await;
}

pub(crate) async fn what_is_not_there_is_given_no_pass_and_the_line_says_so<H: Host>() {
    let host = H::new();
    let store = host.open();
    store_many(&store, 1, 2).await;
    store
        .erase(ErasureRequest::of(Wanted::Record(record("devis-1-2"))), by_officer(Action::ErasureAsked))
        .await
        .expect("erased");
    for (id, is_gone) in [("devis-1-2", true), ("devis-1-77", false), ("autre-1-1", false)] {
        let wanted = ToPass { record: record(id), kind: PassKind::Page, last_day: None };
        let given = store.give_pass(wanted, giving()).await.expect("answered");
        assert_eq!(matches!(given, GivenPass::Gone), is_gone, "{id}");
        assert!(!matches!(given, GivenPass::Given(_)), "{id}");
        let line = store.newest(u64::MAX, 1).await.expect("a trail").remove(0).entry;
        assert_eq!((line.action(), line.result, line.count), (Action::PassGiven, Outcome::Nothing, 0));
    }
}

pub(crate) async fn of_each_kind_a_record_has_sixteen_passes_and_the_oldest_goes<H: Host>() {
    let host = H::new();
    let store = host.open();
    store_many(&store, 1, 2).await;
    let stop = give(&store, wanted(1, PassKind::Stop, None)).await;
    let other = give(&store, wanted(2, PassKind::Page, None)).await;
    let mut pages = Vec::new();
    for _ in 0..PASSES_OF_RECORD_MAX + 2 {
        pages.push(give(&store, wanted(1, PassKind::Page, None)).await);
    }
    for (at, page) in pages.iter().enumerate() {
        assert_eq!(opened(&store, page).await.is_some(), at >= 2, "{at}");
    }
    assert!(opened(&store, &stop).await.is_some() && opened(&store, &other).await.is_some());
    nothing_is_wrong(&store).await;
}

pub(crate) async fn what_nobody_was_handed_is_taken_back_and_nothing_else<H: Host>() {
    let host = H::new();
    let mut store = host.open();
    store_many(&store, 1, 2).await;
    let (sent, other) = (
        give(&store, wanted(1, PassKind::Page, None)).await,
        give(&store, wanted(2, PassKind::Page, None)).await,
    );
    let failed = [
        give(&store, wanted(1, PassKind::Page, None)).await,
        give(&store, wanted(1, PassKind::Stop, None)).await,
    ];
    let lines = store.lines(0, 100).await.expect("a trail").len();
    let hashes = || failed.iter().map(Pass::hash).collect::<Vec<_>>();
    assert_eq!(store.take_passes_back(hashes()).await, Ok(2));
    assert_eq!(store.take_passes_back(hashes()).await, Ok(0), "once");
    assert_eq!(store.lines(0, 100).await.expect("a trail").len(), lines);
    let many = vec![[7; 32]; PASSES_OF_RECORD_MAX + 1];
    assert_eq!(code(store.take_passes_back(many).await), Some(StoreCode::ValueTooLarge));
    for _ in 0..2 {
        for pass in &failed {
            assert!(opened(&store, pass).await.is_none());
        }
        assert!(opened(&store, &sent).await.is_some() && opened(&store, &other).await.is_some());
        let later = give(&store, wanted(1, PassKind::Page, None)).await;
        assert!(opened(&store, &later).await.is_some(), "the number of its key was used before");
        nothing_is_wrong(&store).await;
        store.close().await.expect("closed");
        drop(store);
        store = host.open();
    }
}

pub(crate) async fn a_pass_follows_its_record_when_that_is_corrected_and_ends_when_it_is_erased<H: Host>() {
    let host = H::new();
    let mut store = host.open();
    store_many(&store, 1, 2).await;
    let passes = [
        give(&store, wanted(1, PassKind::Page, None)).await,
        give(&store, wanted(1, PassKind::Stop, None)).await,
    ];
    let other = give(&store, wanted(2, PassKind::Page, None)).await;
    let before = opened(&store, &passes[0]).await;
    for value in ["neuve.un@canary.example", "neuve.deux@canary.example"] {
        corrected(&store, "devis-1-1", value).await;
        for pass in &passes {
            assert!(opened(&store, pass).await.is_some(), "the record has another leaf, and the same id");
        }
        store.close().await.expect("closed");
        drop(store);
        store = host.open();
    }
    assert_eq!(opened(&store, &passes[0]).await, before, "as it was given");
    let further = give(&store, wanted(1, PassKind::Page, None)).await;
    assert!(opened(&store, &further).await.is_some());
    store
        .erase(ErasureRequest::of(Wanted::Record(record("devis-1-1"))), by_officer(Action::ErasureAsked))
        .await
        .expect("erased");
    for pass in passes.iter().chain([&further]) {
        assert!(opened(&store, pass).await.is_none());
    }
    assert!(opened(&store, &other).await.is_some(), "of another record");
    nothing_is_wrong(&store).await;
}

pub(crate) async fn while_the_clock_is_not_believed_no_pass_is_said_to_be_over<H: Host>() {
    let host = H::new();
    let store = host.open();
    store_many(&store, 1, 1).await;
    let pass = give(&store, wanted(1, PassKind::Page, Some(Day::of(later(2))))).await;
    host.clock().advance_ms(200 * DAY_MS);
    assert!(store.clock_jumped());
    assert_eq!(code(store.open_pass(again(&pass)).await), Some(StoreCode::ClockJumped));
}
