use super::support::*;
use crate::clock::Day;
use crate::lead::sample;
use crate::purpose::RecordId;
use crate::store::{Leads, Life, PageRequest, StoreCode, TestFilter, Trail};
use crate::trail::{Action, Outcome};

fn id(text: &str) -> RecordId {
    RecordId::parse(text).expect("an id")
}

#[tokio::test]
async fn an_empty_purpose_gives_the_place_before_its_first_record_and_then_the_cursor_back() {
    let world = World::new();
    let store = world.open();
    let page = store.open_page(request(None, 10), exporting()).await.expect("a page");
    assert_eq!((page.next.to_string().as_str(), page.more, page.count), ("devis-1-0", false, 0));
    store_many(&store, 1, 3).await;
    let page = store.open_page(request(Some(page.next), 10), exporting()).await.expect("a page");
    assert_eq!((page.next.to_string().as_str(), page.more, page.count), ("devis-1-3", false, 3));
    let page = store.open_page(request(Some(page.next), 10), exporting()).await.expect("a page");
    assert_eq!((page.next.to_string().as_str(), page.more, page.count), ("devis-1-3", false, 0));
}

#[tokio::test]
async fn pages_follow_one_another_and_say_whether_there_is_more() {
    let world = World::new();
    let store = world.open();
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

#[tokio::test]
async fn a_page_stands_in_the_trail_before_its_first_record_leaves() {
    let world = World::new();
    let store = world.open();
    store_many(&store, 1, 5).await;
    let page = store.open_page(request(Some(id("devis-1-1")), 3), exporting()).await.expect("a page");
    let lines = store.lines(0, 100).await.expect("a trail");
    let line = lines.last().expect("a line");
    assert_eq!(line.entry.action(), Action::Exported);
    assert_eq!(line.entry.purpose, Some(purpose("devis")));
    assert_eq!(
        (line.entry.count, &line.entry.from, &line.entry.to),
        (3, &Some(id("devis-1-2")), &Some(id("devis-1-4")))
    );
    assert_eq!(line.entry.recipient(), Some("crm"));
    drop(page);
    let empty = store.open_page(request(Some(id("devis-1-5")), 3), exporting()).await.expect("a page");
    assert_eq!(empty.count, 0);
    let lines = store.lines(0, 100).await.expect("a trail");
    assert_eq!(lines.last().map(|line| (line.entry.result, line.entry.count)), Some((Outcome::Nothing, 0)));
}

#[tokio::test]
async fn the_expired_are_passed_over_and_the_cursor_moves_on() {
    let world = World::new();
    let store = world.open();
    let days = [10, 2, 3, 10, 2];
    let batch = (1..).zip(days).map(|(number, days)| stored_in("devis", number, false, days)).collect();
    store.settle(batch).await.expect("settled");
    let on = |day: u32| PageRequest { today: Day(Day::of(start()).0 + day), ..request(None, 10) };
    for (day, expected) in [(1, vec![1, 2, 3, 4, 5]), (2, vec![1, 3, 4]), (3, vec![1, 4]), (10, vec![])] {
        let mut page = store.open_page(on(day), exporting()).await.expect("a page");
        let values: Vec<String> = read_all(&mut page).expect("read").iter().map(sample::email).collect();
        assert_eq!(values, expected.into_iter().map(email_of).collect::<Vec<_>>(), "day {day}");
        assert_eq!((page.next.number, page.more), (5, false));
    }
    world.clock.advance_ms(3 * DAY_MS);
    let page = store.open_page(on(3), exporting()).await.expect("a page");
    assert_eq!(page.count, 2);
    world.clock.advance_ms(-3 * DAY_MS);
    store.close().await.expect("closed");
    let store = world.open();
    let page = store.open_page(on(0), exporting()).await.expect("a page");
    assert_eq!(page.count, 2, "a clock set back brings nothing back, also after a restart");
}

#[tokio::test]
async fn test_leads_come_only_where_they_are_asked_for() {
    let world = World::new();
    let store = world.open();
    let batch = (1..=4).map(|number| stored_in("devis", number, number % 2 == 0, 10)).collect();
    store.settle(batch).await.expect("settled");
    for (test, expected) in [
        (TestFilter::Exclude, vec![1, 3]),
        (TestFilter::Include, vec![1, 2, 3, 4]),
        (TestFilter::Only, vec![2, 4]),
    ] {
        let request = PageRequest { test, ..request(None, 10) };
        let mut page = store.open_page(request, exporting()).await.expect("a page");
        let values: Vec<String> = read_all(&mut page).expect("read").iter().map(sample::email).collect();
        assert_eq!(values, expected.into_iter().map(email_of).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn a_cursor_of_another_epoch_is_a_place_in_the_order_and_of_another_purpose_is_refused() {
    let world = World::new();
    let store = world.open();
    store_many(&store, 1, 3).await;
    let page = store.open_page(request(Some(id("devis-0-99")), 10), exporting()).await.expect("a page");
    assert_eq!(page.count, 3);
    let page = store.open_page(request(Some(id("devis-2-1")), 10), exporting()).await.expect("a page");
    assert_eq!((page.count, page.next.to_string().as_str()), (0, "devis-2-1"));
    let foreign = store.open_page(request(Some(id("lettre-1-1")), 10), exporting()).await;
    assert_eq!(foreign.err().map(|error| error.code), Some(StoreCode::CursorForeign));
    let unknown = PageRequest { purpose: purpose("inconnu"), ..request(None, 10) };
    let unknown = store.open_page(unknown, exporting()).await;
    assert_eq!(unknown.err().map(|error| error.code), Some(StoreCode::PurposeUnknown));
}

/// Each value once, in order, whatever the exporter and the writers do to one another.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_export_that_runs_while_leads_arrive_misses_none_and_repeats_none() {
    let world = World::new();
    let store = world.open();
    let writing = {
        let store = store.clone();
        async move {
            let mut ids = Vec::new();
            for batch in 0..60_u64 {
                let settled = store.settle((0..9).map(|n| stored(batch * 9 + n)).collect()).await;
                ids.extend(settled.expect("settled"));
            }
            ids
        }
    };
    let reading = {
        let store = store.clone();
        async move {
            let (mut after, mut ids) = (None, Vec::new());
            while ids.len() < 540 {
                let mut page = store.open_page(request(after, 37), exporting()).await.expect("a page");
                let leads = read_all(&mut page).expect("read");
                assert_eq!(leads.len() as u64, page.count);
                ids.extend(leads.iter().map(|lead| lead.id().number));
                after = Some(page.next);
            }
            ids
        }
    };
    let (settled, read) = futures_util::future::join(writing, reading).await;
    assert_eq!(settled.len(), 540);
    assert_eq!(read, (1..=540).collect::<Vec<u64>>());
}

#[tokio::test]
async fn a_slow_reader_holds_neither_the_writer_nor_the_closing() {
    let world = World::new();
    let store = world.open();
    store_many(&store, 1, 500).await;
    let mut page = store.open_page(request(None, 500), exporting()).await.expect("a page");
    assert!(page.records.next().is_some_and(|lead| lead.is_ok()));
    store_many(&store, 501, 50).await;
    store.close().await.expect("closed");
    let rest = read_all(&mut page);
    assert_eq!(rest.err().map(|error| error.code), Some(StoreCode::Closed), "an error, not a short list");
}

#[tokio::test]
async fn a_record_moved_to_another_number_or_tree_or_given_another_expiry_does_not_open() {
    let moves: [fn(&::sled::Db); 4] = [
        |db| {
            let vault = db.open_tree("vault/devis").expect("a tree");
            let (first, second) =
                ([0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1], [0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2]);
            let value = vault.get(first).expect("read").expect("there");
            vault.insert(second, value).expect("written");
        },
        |db| {
            let key = [0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2];
            let other = db.open_tree("vault/lettre").expect("a tree");
            let value = other.get([0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2]).expect("read").expect("there");
            db.open_tree("vault/devis").expect("a tree").insert(key, value).expect("written");
        },
        |db| {
            let vault = db.open_tree("vault/devis").expect("a tree");
            let key = [0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2];
            let mut value = vault.get(key).expect("read").expect("there").to_vec();
            value[7] += 1;
            vault.insert(key, value).expect("written");
        },
        |db| {
            let vault = db.open_tree("vault/devis").expect("a tree");
            vault.insert([0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2], b"short").expect("written");
        },
    ];
    for change in moves {
        let world = World::new();
        let store = world.open();
        store_many(&store, 1, 3).await;
        store.settle((4..7).map(|n| stored_in("lettre", n, false, 10)).collect()).await.expect("settled");
        store.close().await.expect("closed");
        tamper(&world, change);
        let store = world.open();
        let read = export(&store, 10).await;
        assert_eq!(read.err().map(|error| error.code), Some(StoreCode::RecordUnreadable));
        assert_eq!(store.halted(), None);
    }
}

#[tokio::test]
async fn a_panic_while_reading_ends_the_page_with_an_error() {
    let world = World::new();
    let store = world.open();
    store_many(&store, 1, 3).await;
    world.keyring.panics.store(true, std::sync::atomic::Ordering::SeqCst);
    let mut page = store.open_page(request(None, 3), exporting()).await.expect("a page");
    assert!(read_all(&mut page).is_err(), "a short list that looks whole");
    assert!(page.records.next().is_none());
}

#[tokio::test]
async fn eight_pages_are_read_at_one_time() {
    let world = World::new();
    let store = world.open();
    // More than are read from the engine at a time.
    store_many(&store, 1, 600).await;
    let mut pages = Vec::new();
    for _ in 0..8 {
        pages.push(store.open_page(request(None, 600), exporting()).await.expect("a page"));
    }
    let ninth = store.open_page(request(None, 600), exporting()).await;
    assert_eq!(ninth.err().map(|error| error.code), Some(StoreCode::Busy));
    drop(pages.pop());
    assert_eq!(export(&store, 50).await.map(|read| read.len()), Ok(600), "a place is free");
    for mut page in pages {
        assert_eq!(read_all(&mut page).map(|read| read.len()), Ok(600));
    }
}
