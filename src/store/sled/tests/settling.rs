use super::support::*;
use crate::lead::{Dropped, sample};
use crate::notification::ParkCode;
use crate::purpose::RecordId;
use crate::store::{
    DroppedField, Forms, Leads, Life, Outcome, Parked, Seen, SeenState, Settled, StoreCode, Trail,
};
use crate::trail::Action;

fn ids(settled: &[Settled]) -> Vec<String> {
    let shown = |settled: &Settled| match settled {
        Settled::Stored(id) => id.to_string(),
        Settled::Parked(code) => code.to_string(),
        Settled::Known => "known".to_owned(),
    };
    settled.iter().map(shown).collect()
}

#[tokio::test]
async fn what_is_settled_is_numbered_seen_counted_and_exported_in_order() {
    let world = World::new();
    let store = world.open();
    let batch = vec![stored(1), stored_in("lettre", 2, false, 10), stored(3)];
    let settled = store.settle(batch).await.expect("settled");
    assert_eq!(ids(&settled), ["devis-1-1", "lettre-1-1", "devis-1-2"]);
    assert_eq!(store.seen(&leadgen(3)).await, Ok(RecordId::parse("devis-1-2").map(SeenState::Stored)));
    assert_eq!(store.seen(&leadgen(4)).await, Ok(None));
    assert_eq!(store.stored().await.expect("counted").get(&purpose("devis")), Some(&2));
    assert_eq!(store.stored().await.expect("counted").get(&purpose("lettre")), Some(&1));
    assert_eq!(export(&store, 10).await.expect("exported"), [email_of(1), email_of(3)]);
    let lines = store.lines(0, 10).await.expect("a trail");
    let stored_lines: Vec<_> = lines.iter().filter(|line| line.entry.action() == Action::Stored).collect();
    assert_eq!(stored_lines.len(), 2, "one a purpose");
    assert_eq!(stored_lines[0].entry.count, 2);
    assert_eq!(stored_lines[0].entry.from, RecordId::parse("devis-1-1"));
    assert_eq!(stored_lines[0].entry.to, RecordId::parse("devis-1-2"));
}

#[tokio::test]
async fn a_settlement_repeated_changes_nothing_also_after_a_restart_and_within_a_batch() {
    let world = World::new();
    let store = world.open();
    assert_eq!(
        ids(&store.settle(vec![stored(1), stored(1)]).await.expect("settled")),
        ["devis-1-1", "known"]
    );
    assert_eq!(ids(&store.settle(vec![stored(1)]).await.expect("settled")), ["known"]);
    store.close().await.expect("closed");
    let store = world.open();
    let settled = store.settle(vec![stored(1), parked(1, 1, HELD)]).await.expect("settled");
    assert_eq!(ids(&settled), ["known", "known"]);
    assert_eq!(store.stored().await.expect("counted").get(&purpose("devis")), Some(&1));
    assert_eq!(export(&store, 10).await.expect("exported"), [email_of(1)]);
    assert_eq!(store.parked().await, Ok(0));
}

#[tokio::test]
async fn a_number_is_never_given_twice_even_when_the_last_record_is_gone() {
    let world = World::new();
    let store = world.open();
    store_many(&store, 1, 3).await;
    store.close().await.expect("closed");
    tamper(&world, |db| {
        let vault = db.open_tree("vault/devis").expect("a tree");
        while let Some((key, _)) = vault.pop_max().expect("popped") {
            drop(key);
        }
    });
    let store = world.open();
    assert_eq!(ids(&store.settle(vec![stored(9)]).await.expect("settled")), ["devis-1-4"]);
}

#[tokio::test]
async fn numbers_run_on_across_buckets_and_keys_are_made_ahead() {
    let world = World::new();
    let store = world.open();
    let at_first = world.keyring.buckets();
    store_many(&store, 1, 700).await;
    assert!(world.keyring.buckets() > at_first, "the second bucket has a key");
    let values = export(&store, 300).await.expect("exported");
    assert_eq!(values, (1..=700).map(email_of).collect::<Vec<_>>());
}

#[tokio::test]
async fn many_callers_at_once_get_distinct_numbers_and_all_their_answers() {
    let world = World::new();
    let store = world.open();
    let calls = (0..40_u64).map(|call| store.settle((0..7).map(|n| stored(call * 7 + n)).collect()));
    let mut seen = std::collections::BTreeSet::new();
    for settled in futures_util::future::join_all(calls).await {
        for id in ids(&settled.expect("settled")) {
            assert!(seen.insert(id));
        }
    }
    assert_eq!(seen.len(), 280);
    assert_eq!(store.stored().await.expect("counted").get(&purpose("devis")), Some(&280));
}

#[tokio::test]
async fn a_record_too_large_is_buried_and_takes_no_number() {
    let world = World::new();
    let store = world.open();
    let mut large = stored(1);
    let value = "x".repeat(17 * 1024);
    large.outcome = Outcome::Stored(Box::new(sample::lead("devis", &value, false, start())));
    let settled = store.settle(vec![large, stored(2)]).await.expect("settled");
    assert_eq!(ids(&settled), ["record-too-large", "devis-1-1"]);
    let overview = store.overview().await.expect("an overview");
    assert_eq!(overview.buried.len(), 1);
    assert_eq!(overview.buried[0].code, ParkCode::RecordTooLarge);
}

/// sled writes messages over a quarter of a segment into files of their own, which it does not sync.
#[tokio::test]
async fn the_largest_records_side_by_side_make_no_blob_files() {
    let world = World::new();
    let store = world.open();
    let value = "x".repeat(15 * 1024 + 700);
    for batch in 0..6_u64 {
        let large = |n: u64| {
            let mut large = stored(batch * 50 + n);
            let expires = start() + std::time::Duration::from_secs(864_000);
            large.outcome = Outcome::Stored(Box::new(sample::lead("devis", &value, false, expires)));
            large
        };
        let settled = store.settle((0..50).map(large).collect()).await.expect("settled");
        assert!(settled.iter().all(|settled| matches!(settled, Settled::Stored(_))));
    }
    store.close().await.expect("closed");
    assert_eq!(files(&world.path().join("db/blobs")), Vec::<std::path::PathBuf>::new());
    let store = world.open();
    assert_eq!(export(&store, 1000).await.expect("exported").len(), 300);
}

#[tokio::test]
async fn a_purpose_without_a_vault_refuses_the_batch_and_harms_no_other() {
    let world = World::new();
    let store = world.open();
    let (refused, fine) = futures_util::future::join(
        store.settle(vec![stored(1), stored_in("inconnu", 2, false, 10)]),
        store.settle(vec![stored(3)]),
    )
    .await;
    assert_eq!(refused.err().map(|error| error.code), Some(StoreCode::PurposeUnknown));
    assert_eq!(ids(&fine.expect("settled")), ["devis-1-1"]);
    assert_eq!(store.seen(&leadgen(1)).await, Ok(None));
    assert_eq!(store.halted(), None);
}

#[tokio::test]
async fn a_purpose_admitted_later_is_settled_at_once_and_after_a_restart() {
    let world = World::new();
    let store = world.open();
    store.admit(vec![purpose("devis"), purpose("nouveau")]).await.expect("admitted");
    assert_eq!(store.stored().await.expect("counted").get(&purpose("nouveau")), Some(&0));
    let settled = store.settle(vec![stored_in("nouveau", 1, false, 10)]).await.expect("settled");
    assert_eq!(ids(&settled), ["nouveau-1-1"]);
    store.close().await.expect("closed");
    drop(store);
    // The config of this start does not name it, and it is there all the same.
    let store = world.open();
    assert_eq!(store.stored().await.expect("counted").get(&purpose("nouveau")), Some(&1));
}

#[tokio::test]
async fn dropped_names_are_counted_by_form_two_hundred_of_them_and_the_rest_together() {
    let world = World::new();
    let store = world.open();
    let mut settlement = stored(1);
    for name in 0..230 {
        settlement.dropped.note(&format!("question_{name}"));
    }
    settlement.dropped.note("question_1");
    store.settle(vec![settlement]).await.expect("settled");
    let mut again = stored(2);
    again.dropped.note("question_229");
    store.settle(vec![again]).await.expect("settled");
    store.close().await.expect("closed");
    let store = world.open();
    let dropped = store.dropped().await.expect("counts");
    let count = |name: &str| dropped.iter().find(|field| field.name == name).map(|field| field.count);
    assert_eq!(dropped.len(), 201);
    assert_eq!((count("question_0"), count("question_1"), count("…")), (Some(1), Some(2), Some(31)));
    assert!(dropped.contains(&DroppedField { form: form_id(1), name: "question_5".to_owned(), count: 1 }));
    assert_eq!(Dropped::default().count(), 0);
}
