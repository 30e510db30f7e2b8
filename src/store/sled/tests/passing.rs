//! What passes leave in sled's trees and in older copies of them.

use std::sync::Arc;

use super::erasing::rows;
use super::rewriting::corrected;
use super::support::*;
use crate::people::{Pass, PassKind};
use crate::store::sled::SledStore;
use crate::store::{ErasureRequest, Erasures, GivenPass, Life, Passes, Retention, ToPass, Wanted};
use crate::trail::Action;

async fn give(store: &Arc<SledStore>, number: u64) -> String {
    let record = record(&format!("devis-1-{number}"));
    let wanted = ToPass { record, kind: PassKind::Page, last_day: None };
    let given = store.give_pass(wanted, by_officer(Action::PassGiven)).await.expect("answered");
    let GivenPass::Given(pass) = given else { panic!("given") };
    pass.path(PassKind::Page).strip_prefix("/p/").expect("a page's").to_owned()
}

async fn opens(store: &Arc<SledStore>, text: &str) -> bool {
    store.open_pass(Pass::parse(text).expect("reads")).await.expect("answered").is_some()
}

async fn erase(store: &Arc<SledStore>, number: u64) {
    let request = ErasureRequest::of(Wanted::Record(record(&format!("devis-1-{number}"))));
    store.erase(request, by_officer(Action::ErasureAsked)).await.expect("erased");
}

fn put(world: &World, tree: &str, rows: &[(Vec<u8>, Vec<u8>)]) {
    tamper(world, |db| {
        let tree = db.open_tree(tree).expect("a tree");
        rows.iter().for_each(|(key, value)| {
            tree.insert(key.as_slice(), value.as_slice()).expect("written");
        });
    });
}

/// Yesterday's database with today's keyring: what a pass opened is noise with its record.
#[tokio::test]
async fn a_pass_of_an_older_copy_opens_nothing_that_was_erased() {
    let world = World::new();
    let store = world.open();
    store_many(&store, 1, 2).await;
    let (gone, stays) = (give(&store, 1).await, give(&store, 2).await);
    store.close().await.expect("closed");
    let (mut passes, mut records) = (Vec::new(), Vec::new());
    tamper(&world, |db| (passes, records) = (rows(db, "passes"), rows(db, "vault/devis")));
    assert_eq!(passes.len(), 4, "two rows for each");
    let store = world.open();
    erase(&store, 1).await;
    store.close().await.expect("closed");
    tamper(&world, |db| assert_eq!(rows(db, "passes").len(), 2, "both of it are gone"));
    put(&world, "passes", &passes);
    put(&world, "vault/devis", &records);
    let store = world.open();
    assert!(!opens(&store, &gone).await && opens(&store, &stays).await);
}

/// And so is what one opened before a correction: the row of before does not open under the record's new leaf.
#[tokio::test]
async fn a_row_of_before_a_correction_opens_nothing() {
    let world = World::new();
    let store = world.open();
    store_many(&store, 1, 1).await;
    let pass = give(&store, 1).await;
    store.close().await.expect("closed");
    let mut before = Vec::new();
    tamper(&world, |db| before = rows(db, "passes"));
    let store = world.open();
    assert!(corrected(&store, 1, "marie@canary.example").await.keys_destroyed);
    assert!(opens(&store, &pass).await);
    store.close().await.expect("closed");
    put(&world, "passes", &before);
    let store = world.open();
    assert!(!opens(&store, &pass).await);
}

/// No token lies there, nor anything from which one could be made; nor what is sealed in clear.
#[tokio::test]
async fn no_pass_lies_in_the_store() {
    let world = World::new();
    let store = world.open();
    store_many(&store, 1, 1).await;
    let text = give(&store, 1).await;
    let pass = Pass::parse(&text).expect("reads");
    store.close().await.expect("closed");
    let raw = base64::Engine::decode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, &text).expect("raw");
    let holds = |bytes: &[u8], part: &[u8]| bytes.windows(part.len()).any(|window| window == part);
    let mut hashes = 0;
    for file in files(&world.path()) {
        let bytes = std::fs::read(&file).expect("read");
        assert!(!holds(&bytes, &raw) && !holds(&bytes, text.as_bytes()), "{}", file.display());
        hashes += u32::from(holds(&bytes, &pass.hash()));
    }
    assert!(hashes > 0, "the control");
    tamper(&world, |db| {
        let rows = rows(db, "passes");
        assert!(!rows.iter().any(|(_, value)| holds(value, b"page")), "what it opens is sealed");
    });
}

/// One row is one row: it opens nothing, harms no other, and goes with its record.
#[tokio::test]
async fn a_pass_that_cannot_be_read_opens_nothing_and_goes_with_its_record() {
    let world = World::new();
    let store = world.open();
    store_many(&store, 1, 2).await;
    let (broken, moved, whole) = (give(&store, 1).await, give(&store, 1).await, give(&store, 2).await);
    store.close().await.expect("closed");
    tamper(&world, |db| {
        let tree = db.open_tree("passes").expect("a tree");
        let beside: Vec<Vec<u8>> =
            rows(db, "passes").into_iter().map(|(key, _)| key).filter(|key| key[0] == b'r').collect();
        let values: Vec<_> = beside.iter().map(|key| tree.get(key).expect("read").expect("there")).collect();
        tree.insert(&beside[0], &[9, 9, 9]).expect("written");
        // What another pass opens, in this one's place.
        tree.insert(&beside[1], &values[2]).expect("written");
        tree.insert(b"r-no-pass", &[1]).expect("written");
    });
    let store = world.open();
    assert!(!opens(&store, &broken).await && !opens(&store, &moved).await && opens(&store, &whole).await);
    let next = give(&store, 1).await;
    assert!(opens(&store, &next).await);
    erase(&store, 1).await;
    crate::store::contract::Host::pass_days(&world, &(Arc::clone(&store) as crate::store::SharedStore), 11);
    store.expire().await.expect("swept");
    store.close().await.expect("closed");
    tamper(&world, |db| {
        let left: Vec<_> = rows(db, "passes").into_iter().map(|(key, _)| key).collect();
        assert_eq!(left, [b"r-no-pass".to_vec()], "with the records their rows went, by whatever end");
        assert!(rows(db, "vault/devis").is_empty());
    });
}
