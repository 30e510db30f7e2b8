//! Rows of `handed` that cannot be read, stores that have none yet, and pages that meet an erasure.

use std::sync::Arc;

use futures_util::future::join;

use super::support::*;
use crate::clock::Day;
use crate::store::contract::Host;
use crate::store::sled::SledStore;
use crate::store::{
    Asked, ErasureId, ErasureRequest, Erasures, Handed, HandedTo, Leads, Life, MayLeave, PageRequest,
    SharedStore, Wanted,
};
use crate::trail::Action;

fn crm(first: u32, last: u32) -> HandedTo {
    let start = Day::of(start());
    HandedTo { recipient: Some("crm".to_owned()), first: start.plus(first), last: start.plus(last) }
}

async fn had(store: &Arc<SledStore>, number: u64) -> Vec<HandedTo> {
    store
        .handed_to(&[record(&format!("devis-1-{number}"))], &by_officer(Action::Accessed))
        .await
        .expect("known")
}

/// Two pages of three records for the recipient `crm`, a day apart, of eight that are stored.
async fn handed_over(world: &World) -> Arc<SledStore> {
    let store = world.open();
    let shared: SharedStore = store.clone();
    world.agree(&shared);
    store_many(&store, 1, 8).await;
    store.open_page(request(None, 3), exporting()).await.expect("a page");
    world.pass_days(&shared, 1);
    store.open_page(request(Some(record("devis-1-2")), 3), exporting()).await.expect("a page");
    store
}

async fn erase(store: &Arc<SledStore>, number: u64) -> ErasureId {
    let request = ErasureRequest::of(Wanted::Leadgen(leadgen(number)));
    match store.erase(request, by_officer(Action::ErasureAsked)).await.expect("erased") {
        Asked::Erasure(erasure) => erasure.id,
        Asked::KeyTaken => panic!("no key was given"),
    }
}

#[tokio::test]
async fn of_a_row_that_cannot_be_read_everybody_is_told() {
    let world = World::new();
    let store = handed_over(&world).await;
    store.close().await.expect("closed");
    drop(store);
    tamper(&world, |db| {
        let rows = db.open_tree("handed").expect("a tree");
        assert_eq!(rows.len(), 1);
        let (key, _) = rows.first().expect("read").expect("a row");
        assert_eq!(&key[..], b"devis\0crm");
        rows.insert(key, b"\x01\xff".as_slice()).expect("written");
    });
    let store = world.open();
    let all = HandedTo { first: Day(0), ..crm(0, 1) };
    assert_eq!(had(&store, 8).await, std::slice::from_ref(&all), "nobody knows that it did not");
    let erased = erase(&store, 7).await;
    assert_eq!(store.handed_of(erased).await, Ok(vec![all.clone()]));
    // What is handed over next is noted beside that, and the bytes are kept aside.
    store.open_page(request(None, 1), exporting()).await.expect("a page");
    assert_eq!(had(&store, 8).await, [all]);
    assert_eq!(store.halted(), None);
    store.close().await.expect("closed");
    drop(store);
    tamper(&world, |db| {
        let aside = db.open_tree("aside").expect("a tree");
        let kept = aside.get(b"handed\0devis\0crm").expect("read");
        assert_eq!(kept.as_deref(), Some(b"\x01\xff".as_slice()));
    });
}

/// What was withheld has a bit; where that cannot be read its recipient is told of one record too many. The row goes with its records.
#[tokio::test]
async fn what_cannot_be_read_of_what_was_withheld_leaves_nobody_untold() {
    let world = World::new();
    let store = world.open();
    store_many(&store, 1, 3).await;
    let may_leave: MayLeave = Arc::new(|lead, _| Ok(lead.id().number != 2));
    let page = PageRequest { may_leave: Some(may_leave), ..request(None, 3) };
    store.open_page(page, exporting()).await.expect("a page");
    assert_eq!((had(&store, 1).await.len(), had(&store, 2).await.len()), (1, 0));
    store.close().await.expect("closed");
    drop(store);
    tamper(&world, |db| {
        let rows = db.open_tree("handed").expect("a tree");
        let (key, bits) = rows.last().expect("read").expect("a row");
        assert_eq!(&key[..], b"devis\x02crm\0\0\0\0\x01\0\0\0\0\0\0\0\0");
        assert_eq!((rows.len(), bits.len(), bits[0]), (2, 64, 4));
        rows.insert(key, b"\xff".as_slice()).expect("written");
    });
    let store = world.open();
    assert_eq!(had(&store, 2).await.len(), 1);
    assert_eq!((store.trim_handed().await, store.halted()), (Ok(0), None));
    for number in 1..=3 {
        erase(&store, number).await;
    }
    assert_eq!(store.trim_handed().await, Ok(2));
    store.close().await.expect("closed");
    drop(store);
    tamper(&world, |db| assert_eq!(db.open_tree("handed").expect("a tree").len(), 0));
}

/// A store of before has trail lines alone. What they say is taken over when it is opened, once.
#[tokio::test]
async fn what_earlier_versions_handed_over_is_taken_from_the_trail() {
    let world = World::new();
    let store = handed_over(&world).await;
    let known = [had(&store, 1).await, had(&store, 3).await, had(&store, 5).await, had(&store, 6).await];
    assert_eq!(known, [vec![crm(0, 0)], vec![crm(0, 1)], vec![crm(1, 1)], vec![]]);
    store.close().await.expect("closed");
    drop(store);
    for is_half_done in [false, true] {
        tamper(&world, |db| {
            if !is_half_done {
                db.open_tree("handed").expect("a tree").clear().expect("cleared");
            }
            let removed = db.open_tree("meta").expect("a tree").remove("handed-filled").expect("removed");
            assert!(removed.is_some());
        });
        let store = world.open();
        for (number, known) in [1, 3, 5, 6].into_iter().zip(&known) {
            assert_eq!(had(&store, number).await, *known, "{number}");
        }
        store_many(&store, 20 + u64::from(is_half_done), 1).await;
        store.close().await.expect("closed");
    }
    // Once: what goes later does not come back.
    tamper(&world, |db| db.open_tree("handed").expect("a tree").clear().expect("cleared"));
    assert_eq!(had(&world.open(), 1).await, []);
}

#[tokio::test]
async fn below_the_floor_that_waits_for_a_later_start() {
    let mut world = World::new();
    let store = handed_over(&world).await;
    store.close().await.expect("closed");
    drop(store);
    tamper(&world, |db| {
        db.open_tree("handed").expect("a tree").clear().expect("cleared");
        db.open_tree("meta").expect("a tree").remove("handed-filled").expect("removed");
    });
    world.free_disk_min_bytes = u64::MAX;
    let store = world.open();
    assert_eq!(had(&store, 1).await, []);
    store.close().await.expect("closed");
    drop(store);
    world.free_disk_min_bytes = 0;
    assert_eq!(had(&world.open(), 1).await, [crm(0, 0)]);
}

/// Whichever comes first: who was given a record is known to its erasure, and who is not known to it was given nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_page_and_an_erasure_at_the_same_moment_agree() {
    let world = World::new();
    let store = world.open();
    store_many(&store, 1, 60).await;
    for number in 1..=60 {
        let after = (number > 1).then(|| record(&format!("devis-1-{}", number - 1)));
        let page = async {
            let page = store.open_page(request(after, 1), exporting()).await.expect("a page");
            let opened = page.records.map(|read| read.expect("read").read().expect("of our layout"));
            opened.map(|lead| lead.id().number).collect::<Vec<_>>()
        };
        let (read, erased) = join(page, erase(&store, number)).await;
        let known = store.handed_of(erased).await.expect("known");
        if read.contains(&number) {
            assert_eq!(known, [crm(0, 0)], "{number}");
        }
    }
    store.close().await.expect("closed");
}

/// Some hundreds of recipients are more than a row may hold.
#[tokio::test]
async fn who_had_it_is_known_however_many_they_were() {
    let world = World::new();
    let store = world.open();
    store_many(&store, 1, 1).await;
    let name = |number: u32| format!("{number:0>120}");
    for number in 0..220 {
        let (id, recipient) = ("0011223344556677".to_owned(), Some(name(number)));
        let purposes = vec![purpose("devis")];
        let operator = crate::trail::Operator::recognised_by_token(
            id,
            crate::trail::Role::Exporter,
            purposes,
            recipient,
            Some(crate::trail::Reason::CrmSync),
        );
        let entry = crate::trail::Entry::by(&operator, Action::Exported);
        store.open_page(request(None, 1), entry).await.expect("a page");
    }
    let erased = erase(&store, 1).await;
    store.close().await.expect("closed");
    drop(store);
    let had = world.open().handed_of(erased).await.expect("known");
    let names: Vec<String> = had.into_iter().filter_map(|to| to.recipient).collect();
    assert_eq!(names, (0..220).map(name).collect::<Vec<_>>());
    // A piece that is missing is no answer, and stops nobody else.
    tamper(&world, |db| {
        let rows = db.open_tree("erasures").expect("a tree");
        let (last, _) = rows.scan_prefix(b"g").last().expect("pieces").expect("read");
        rows.remove(last).expect("removed");
    });
    let store = world.open();
    assert_eq!(code(store.handed_of(erased).await), Some(crate::store::StoreCode::RecordUnreadable));
    assert_eq!(store.halted(), None);
}
