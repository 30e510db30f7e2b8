//! Pages in order, none missed, none twice, none without its line.

use futures_util::future::join;

use super::support::*;
use super::{Host, Row};
use crate::clock::Day;
use crate::lead::sample;
use crate::store::{PageRequest, SharedStore, StoreCode, TestFilter};
use crate::trail::{Action, Outcome};

async fn emails(store: &SharedStore, request: PageRequest) -> Vec<String> {
    let mut page = store.open_page(request, exporting()).await.expect("a page");
    read_all(&mut page).expect("read").iter().map(sample::email).collect()
}

fn emails_of(numbers: &[u64]) -> Vec<String> {
    numbers.iter().copied().map(email_of).collect()
}

pub(crate) async fn an_empty_purpose_gives_the_place_before_its_first_record_and_then_the_cursor_back<
    H: Host,
>() {
    let host = H::new();
    let store = host.open();
    let page = store.open_page(request(None, 10), exporting()).await.expect("a page");
    assert_eq!((page.next.to_string().as_str(), page.more, page.count), ("devis-1-0", false, 0));
    store_many(&store, 1, 3).await;
    let page = store.open_page(request(Some(page.next), 10), exporting()).await.expect("a page");
    assert_eq!((page.next.to_string().as_str(), page.more, page.count), ("devis-1-3", false, 3));
    let page = store.open_page(request(Some(page.next), 10), exporting()).await.expect("a page");
    assert_eq!((page.next.to_string().as_str(), page.more, page.count), ("devis-1-3", false, 0));
}

pub(crate) async fn pages_follow_one_another_and_say_whether_there_is_more<H: Host>() {
    let host = H::new();
    let store = host.open();
    store_many(&store, 1, 25).await;
    let mut after = None;
    let mut sizes = Vec::new();
    loop {
        let mut page = store.open_page(request(after, 10), exporting()).await.expect("a page");
        sizes.push((read_all(&mut page).expect("read").len(), page.next.number, page.more));
        if !page.more {
            break;
        }
        after = Some(page.next);
    }
    assert_eq!(sizes, [(10, 10, true), (10, 20, true), (5, 25, false)]);
}

pub(crate) async fn a_page_stands_in_the_trail_before_its_first_record_leaves<H: Host>() {
    let host = H::new();
    let store = host.open();
    store_many(&store, 1, 5).await;
    let after = Some(record("devis-1-1"));
    let page = store.open_page(request(after, 3), exporting()).await.expect("a page");
    let lines = store.lines(0, 100).await.expect("a trail");
    let entry = &lines.last().expect("a line").entry;
    assert_eq!((entry.action(), &entry.purpose), (Action::Exported, &Some(purpose("devis"))));
    let range = (entry.count, entry.from.clone(), entry.to.clone());
    assert_eq!(range, (3, Some(record("devis-1-2")), Some(record("devis-1-4"))));
    assert_eq!(entry.recipient(), Some("crm"));
    drop(page);
    let after = Some(record("devis-1-5"));
    let empty = store.open_page(request(after, 3), exporting()).await.expect("a page");
    assert_eq!(empty.count, 0);
    let lines = store.lines(0, 100).await.expect("a trail");
    assert_eq!(lines.last().map(|line| (line.entry.result, line.entry.count)), Some((Outcome::Nothing, 0)));
}

pub(crate) async fn the_expired_are_passed_over_and_the_cursor_moves_on<H: Host>() {
    let host = H::new();
    let store = host.open();
    let days = [10, 2, 3, 10, 2];
    let batch = (1..).zip(days).map(|(number, days)| stored_in("devis", number, false, days)).collect();
    store.settle(batch).await.expect("settled");
    let on = |day: u32| PageRequest { today: Day(Day::of(start()).0 + day), ..request(None, 10) };
    let expected: [(u32, &[u64]); 4] = [(1, &[1, 2, 3, 4, 5]), (2, &[1, 3, 4]), (3, &[1, 4]), (10, &[])];
    for (day, expected) in expected {
        assert_eq!(emails(&store, on(day)).await, emails_of(expected), "day {day}");
        let page = store.open_page(on(day), exporting()).await.expect("a page");
        assert_eq!((page.next.number, page.more), (5, false));
    }
    // The store's own day counts where it is the later one.
    host.pass_days(&store, 3);
    assert_eq!(emails(&store, on(0)).await, emails_of(&[1, 4]));
}

pub(crate) async fn test_leads_come_only_where_they_are_asked_for<H: Host>() {
    let host = H::new();
    let store = host.open();
    let batch = (1..=4).map(|number| stored_in("devis", number, number % 2 == 0, 10)).collect();
    store.settle(batch).await.expect("settled");
    let expected: [(TestFilter, &[u64]); 3] =
        [(TestFilter::Exclude, &[1, 3]), (TestFilter::Include, &[1, 2, 3, 4]), (TestFilter::Only, &[2, 4])];
    for (test, expected) in expected {
        let asked = || PageRequest { test, ..request(None, 10) };
        assert_eq!(emails(&store, asked()).await, emails_of(expected));
        let page = store.open_page(asked(), exporting()).await.expect("a page");
        assert_eq!(page.tests_left_out, if test == TestFilter::Exclude { 2 } else { 0 });
    }
    // Each page says so of itself, and an expired one counts as that, not as a test lead.
    let first = store.open_page(request(None, 1), exporting()).await.expect("a page");
    assert_eq!((first.tests_left_out, first.next.number), (0, 1));
    let rest = store.open_page(request(Some(first.next), 10), exporting()).await.expect("a page");
    assert_eq!((rest.tests_left_out, rest.next.number), (2, 4));
    let later = PageRequest { today: Day(10_000_000), ..request(None, 10) };
    let over = store.open_page(later, exporting()).await.expect("a page");
    assert_eq!((over.count, over.tests_left_out, over.expired), (0, 0, 4));
    assert_eq!((first.expired, rest.expired), (0, 0));
}

/// Nobody who follows a store that went back in time, or another one, loses leads without a word.
pub(crate) async fn a_cursor_that_was_never_given_is_refused_and_told_where_to_go_on<H: Host>() {
    let host = H::new();
    let store = host.open();
    store_many(&store, 1, 3).await;
    let after = async |cursor: &str| store.open_page(request(Some(record(cursor)), 10), exporting()).await;
    assert_eq!(after("devis-1-0").await.expect("a page").count, 3);
    assert_eq!(after("devis-1-3").await.expect("a page").count, 0);
    for (ahead, go_on) in [
        ("devis-1-4", "devis-1-3"),
        ("devis-1-999999999999", "devis-1-3"),
        ("devis-0-99", "devis-1-0"),
        ("devis-0-0", "devis-1-0"),
        ("devis-2-1", "devis-1-0"),
    ] {
        assert_eq!(code(after(ahead).await), Some(StoreCode::CursorAhead), "{ahead}");
        let resume_after = store.resume_after(record(ahead)).await.expect("a cursor");
        assert_eq!(resume_after.to_string(), go_on, "{ahead}");
        assert!(after(go_on).await.is_ok(), "{go_on}");
    }
    assert_eq!(code(after("lettre-1-1").await), Some(StoreCode::CursorForeign));
    let unknown = PageRequest { purpose: purpose("inconnu"), ..request(None, 10) };
    assert_eq!(code(store.open_page(unknown, exporting()).await), Some(StoreCode::PurposeUnknown));
}

/// A program that asks once a minute would else write half a million lines a year that say nothing.
pub(crate) async fn polls_that_find_nothing_leave_one_line_a_day_and_purpose<H: Host>() {
    let host = H::new();
    let store = host.open();
    store_many(&store, 1, 3).await;
    store.settle(vec![stored_in("lettre", 9, false, 10)]).await.expect("settled");
    let base = store.lines(0, 100).await.expect("a trail").len();
    let lines = async || store.lines(0, 100).await.expect("a trail").len() - base;
    let poll = async |cursor: &str| {
        let cursor = record(cursor);
        let request = PageRequest { purpose: cursor.purpose.clone(), ..request(Some(cursor), 10) };
        drop(store.open_page(request, exporting()).await.expect("a page"));
    };
    for _ in 0..5 {
        poll("devis-1-3").await;
        poll("lettre-1-1").await;
    }
    assert_eq!(lines().await, 2, "one a purpose");
    poll("devis-1-2").await;
    assert_eq!(lines().await, 3, "what is handed out stands there");
    poll("devis-1-3").await;
    assert_eq!(lines().await, 3);
    store_many(&store, 10, 1).await;
    poll("devis-1-3").await;
    assert_eq!(lines().await, 5, "the lead that came, and its page");
    host.pass_days(&store, 1);
    poll("devis-1-4").await;
    poll("devis-1-4").await;
    assert_eq!(lines().await, 6, "another day");
}

pub(crate) async fn a_refused_page_leaves_no_line<H: Host>() {
    let host = H::new();
    let store = host.open();
    let foreign = request(Some(record("lettre-1-1")), 10);
    assert!(store.open_page(foreign, exporting()).await.is_err());
    let unknown = PageRequest { purpose: purpose("inconnu"), ..request(None, 10) };
    assert!(store.open_page(unknown, exporting()).await.is_err());
    assert_eq!(store.lines(0, 10).await, Ok(Vec::new()));
}

/// Each value once, in order, whatever the exporter and the writers do to one another.
pub(crate) async fn an_export_that_runs_while_leads_arrive_misses_none_and_repeats_none<H: Host>() {
    let host = H::new();
    let store = host.open();
    // Two at once: they finish in whatever order they like, their records are seen in the order of their numbers.
    let writing = async |from: u64| {
        for batch in 0..30_u64 {
            store.settle((0..9).map(|n| stored(from + batch * 9 + n)).collect()).await.expect("settled");
            // A store that answers at once would not let the others go on.
            tokio::task::yield_now().await;
        }
    };
    let reading = async {
        let (mut after, mut ids) = (None, Vec::new());
        while ids.len() < 540 {
            let mut page = store.open_page(request(after, 37), exporting()).await.expect("a page");
            let leads = read_all(&mut page).expect("read");
            assert_eq!(leads.len() as u64, page.count);
            ids.extend(leads.iter().map(|lead| lead.id().number));
            after = Some(page.next);
            tokio::task::yield_now().await;
        }
        ids
    };
    let (_, read) = join(join(writing(0), writing(10_000)), reading).await;
    assert_eq!(read, (1..=540).collect::<Vec<u64>>());
}

pub(crate) async fn a_slow_reader_holds_neither_the_writer_nor_the_closing<H: Host>() {
    let host = H::new();
    let store = host.open();
    store_many(&store, 1, 500).await;
    let mut page = store.open_page(request(None, 500), exporting()).await.expect("a page");
    assert!(page.records.next().is_some_and(|lead| lead.is_ok()));
    store_many(&store, 501, 50).await;
    store.close().await.expect("closed");
    assert_eq!(code(read_all(&mut page)), Some(StoreCode::Closed), "an error, not a short list");
    assert!(page.records.next().is_none(), "nothing comes after it");
}

pub(crate) async fn a_record_moved_or_changed_does_not_open_and_ends_the_page_with_an_error<H: Host>() {
    let row = |id: &str| Row::Record(record(id));
    let changes: [fn(Vec<u8>) -> Vec<u8>; 3] = [
        |_| b"short".to_vec(),
        |mut bytes| {
            *bytes.last_mut().expect("bytes") ^= 1;
            bytes
        },
        // What it says in clear is under its seal as well: its expiry.
        |mut bytes| {
            bytes[7] = bytes[7].wrapping_add(1);
            bytes
        },
    ];
    for case in 0..changes.len() + 2 {
        let host = H::new();
        let store = host.open();
        store_many(&store, 1, 3).await;
        store.settle((4..7).map(|n| stored_in("lettre", n, false, 10)).collect()).await.expect("settled");
        store.close().await.expect("closed");
        drop(store);
        let second = host.take(&row("devis-1-2"));
        let bytes = match case.checked_sub(changes.len()) {
            None => changes[case](second),
            Some(0) => host.take(&row("devis-1-1")),
            Some(_) => host.take(&row("lettre-1-2")),
        };
        host.put(&row("devis-1-2"), bytes);
        let store = host.open();
        assert_eq!(code(export(&store, 10).await), Some(StoreCode::RecordUnreadable), "case {case}");
        assert_eq!(store.halted(), None);
        assert_eq!(words(&store.settle(vec![stored(9)]).await.expect("settled")), ["devis-1-4"]);
    }
}

pub(crate) async fn too_many_pages_at_one_time_are_refused_until_one_is_dropped<H: Host>() {
    let host = H::new();
    let store = host.open();
    store_many(&store, 1, 600).await;
    let mut pages = Vec::new();
    let busy = loop {
        match store.open_page(request(None, 600), exporting()).await {
            Ok(page) => pages.push(page),
            Err(error) => break error.code,
        }
        assert!(pages.len() < 1_000, "there is no bound");
    };
    assert_eq!(busy, StoreCode::Busy);
    drop(pages.pop());
    assert_eq!(export(&store, 50).await.map(|read| read.len()), Ok(600), "a place is free");
    for mut page in pages {
        assert_eq!(read_all(&mut page).map(|read| read.len()), Ok(600));
    }
}
