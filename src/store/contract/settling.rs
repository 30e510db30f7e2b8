//! All of a batch or nothing, each lead once, numbers without gaps.

use std::collections::BTreeSet;

use futures_util::future::{join, join_all};

use super::support::*;
use super::{Host, Row};
use crate::keyring::Keyring;
use crate::lead::sample;
use crate::notification::{ParkCode, Why};
use crate::store::seen::seen_key;
use crate::store::{Outcome, SeenState, Settled, Settlement, StoreCode};
use crate::trail::{Action, Actor};

pub(crate) async fn what_is_settled_is_numbered_seen_counted_and_exported_in_order<H: Host>() {
    let host = H::new();
    let store = host.open();
    let batch = vec![stored(1), stored_in("lettre", 2, false, 10), stored(3)];
    let settled = store.settle(batch).await.expect("settled");
    assert_eq!(words(&settled), ["devis-1-1", "lettre-1-1", "devis-1-2"]);
    assert_eq!(seen(&store, 3).await, Ok(Some(SeenState::Stored(record("devis-1-2")))));
    assert_eq!(seen(&store, 4).await, Ok(None));
    let counted = store.stored().await.expect("counted");
    assert_eq!((counted.get(&purpose("devis")), counted.get(&purpose("lettre"))), (Some(&2), Some(&1)));
    assert_eq!(export(&store, 10).await.expect("exported"), [email_of(1), email_of(3)]);
    let lines = store.lines(0, 10).await.expect("a trail");
    let lines: Vec<_> = lines.iter().filter(|line| line.entry.action() == Action::Stored).collect();
    assert_eq!(lines.len(), 2, "one a purpose");
    assert!(lines.iter().all(|line| *line.entry.actor() == Actor::System));
    let first = &lines[0].entry;
    let range = (first.count, first.from.clone(), first.to.clone());
    assert_eq!(range, (2, Some(record("devis-1-1")), Some(record("devis-1-2"))));
}

/// By its record an erasure finds the row.
pub(crate) async fn a_record_knows_its_own_key_in_seen<H: Host>() {
    let host = H::new();
    let store = host.open();
    store.settle(vec![stored(1), stored(2)]).await.expect("settled");
    let mut page = store.open_page(request(None, 10), exporting()).await.expect("a page");
    let keys: Vec<_> = read_all(&mut page).expect("read").iter().map(|lead| lead.seen().copied()).collect();
    let key = |number| Some(seen_key(&host.keyring().seen_key(), &leadgen(number)));
    assert_eq!(keys, [key(1), key(2)]);
}

pub(crate) async fn a_settlement_repeated_changes_nothing_also_after_a_restart_and_within_a_batch<H: Host>() {
    let host = H::new();
    let store = host.open();
    let settled = store.settle(vec![stored(1), stored(1)]).await.expect("settled");
    assert_eq!(words(&settled), ["devis-1-1", "known"]);
    assert_eq!(words(&store.settle(vec![stored(1)]).await.expect("settled")), ["known"]);
    store.close().await.expect("closed");
    drop(store);
    let store = host.open();
    let settled = store.settle(vec![stored(1), parked(1, 1, HELD)]).await.expect("settled");
    assert_eq!(words(&settled), ["known", "known"]);
    assert_eq!(store.stored().await.expect("counted").get(&purpose("devis")), Some(&1));
    assert_eq!(export(&store, 10).await.expect("exported"), [email_of(1)]);
    assert_eq!(store.parked().await, Ok(0));
}

pub(crate) async fn of_many_who_settle_the_same_lead_at_once_one_stores_it<H: Host>() {
    let host = H::new();
    let store = host.open();
    let calls = (0..20).map(|call| store.settle(vec![stored(1), stored(100 + call)]));
    let mut first = 0;
    for settled in join_all(calls).await {
        let settled = settled.expect("settled");
        first += usize::from(settled[0] != Settled::Known);
        assert!(record_of(&settled[1]).is_some());
    }
    assert_eq!(first, 1);
    assert_eq!(store.stored().await.expect("counted").get(&purpose("devis")), Some(&21));
}

pub(crate) async fn many_callers_at_once_get_distinct_numbers_and_all_their_answers<H: Host>() {
    let host = H::new();
    let store = host.open();
    let calls = (0..40_u64).map(|call| store.settle((0..7).map(|n| stored(call * 7 + n)).collect()));
    let mut numbers = BTreeSet::new();
    for settled in join_all(calls).await {
        for settled in settled.expect("settled") {
            let Some(id) = record_of(&settled) else { panic!("not stored") };
            assert!(numbers.insert(id.number));
        }
    }
    assert_eq!(numbers, (1..=280).collect(), "without a gap");
    assert_eq!(store.stored().await.expect("counted").get(&purpose("devis")), Some(&280));
}

pub(crate) async fn numbers_run_on_over_hundreds_of_records_and_a_restart<H: Host>() {
    let host = H::new();
    let store = host.open();
    store_many(&store, 1, 400).await;
    store.close().await.expect("closed");
    drop(store);
    let store = host.open();
    store_many(&store, 401, 300).await;
    let values = export(&store, 300).await.expect("exported");
    assert_eq!(values, (1..=700).map(email_of).collect::<Vec<_>>());
}

pub(crate) async fn a_number_is_never_given_twice_even_when_the_last_record_is_gone<H: Host>() {
    let host = H::new();
    let store = host.open();
    store_many(&store, 1, 3).await;
    store.close().await.expect("closed");
    drop(store);
    for number in 1..=3 {
        host.take(&Row::Record(record(&format!("devis-1-{number}"))));
    }
    let store = host.open();
    assert_eq!(words(&store.settle(vec![stored(9)]).await.expect("settled")), ["devis-1-4"]);
}

/// Nothing of the leads 1 and 2 is there.
async fn nothing_was_settled(store: &crate::store::SharedStore) {
    assert_eq!(store.known(&[reference(1), reference(2)]).await, Ok(vec![false, false]));
    assert_eq!(store.dropped().await, Ok(Vec::new()));
    assert_eq!(store.parked().await, Ok(0));
    assert_eq!(store.halted(), None);
}

/// A lead of which a field was dropped: what was counted shows as well.
fn stored_with_a_dropped_field(number: u64) -> Settlement {
    let mut settlement = stored(number);
    settlement.dropped.note("loisirs");
    settlement
}

pub(crate) async fn a_purpose_without_room_refuses_the_batch_whole_and_harms_no_other<H: Host>() {
    let host = H::new();
    let store = host.open();
    let batch = vec![stored_with_a_dropped_field(1), stored_in("inconnu", 2, false, 10)];
    let (refused, fine) = join(store.settle(batch), store.settle(vec![stored(3)])).await;
    assert_eq!(code(refused), Some(StoreCode::PurposeUnknown));
    assert_eq!(words(&fine.expect("settled")), ["devis-1-1"], "no number was used");
    nothing_was_settled(&store).await;
    let lines = store.lines(0, 10).await.expect("a trail");
    assert_eq!(lines.iter().map(|line| line.entry.count).collect::<Vec<_>>(), [1]);
    assert_eq!(words(&store.settle(vec![stored(1)]).await.expect("settled")), ["devis-1-2"]);
}

pub(crate) async fn a_key_that_cannot_be_made_refuses_the_batch_whole<H: Host>() {
    use std::sync::atomic::Ordering;
    let host = H::new();
    let store = host.open();
    store.admit(vec![purpose("nouveau")]).await.expect("admitted");
    host.keyring().refuses.store(true, Ordering::SeqCst);
    let batch =
        || vec![stored_with_a_dropped_field(1), parked(3, 1, HELD), stored_in("nouveau", 2, false, 10)];
    assert_eq!(code(store.settle(batch()).await), Some(StoreCode::DiskFull));
    nothing_was_settled(&store).await;
    assert_eq!(store.lines(0, 10).await, Ok(Vec::new()));
    host.keyring().refuses.store(false, Ordering::SeqCst);
    let settled = store.settle(batch()).await.expect("settled");
    assert_eq!(words(&settled), ["devis-1-1", "form-unclaimed", "nouveau-1-1"]);
}

pub(crate) async fn a_record_too_large_is_buried_with_its_attempts_and_takes_no_number<H: Host>() {
    let host = H::new();
    let store = host.open();
    let large = |number| {
        let value = "x".repeat(17 * 1024);
        let outcome = Outcome::stored(sample::lead("devis", &value, false, later(10)));
        Settlement { outcome, ..stored(number) }
    };
    let settled = store.settle(vec![large(1), stored(2)]).await.expect("settled");
    assert_eq!(words(&settled), ["record-too-large", "devis-1-1"]);
    store.settle(vec![parked(3, 1, waiting(1, 4))]).await.expect("settled");
    assert_eq!(claim(&store, 2, 1).await, [(3, 4)]);
    assert_eq!(words(&store.settle(vec![large(3)]).await.expect("settled")), ["record-too-large"]);
    let of = |attempts| SeenState::Parked(Why::Buried { code: ParkCode::RecordTooLarge, attempts });
    assert_eq!(seen(&store, 1).await, Ok(Some(of(0))));
    assert_eq!(seen(&store, 3).await, Ok(Some(of(4))));
    assert_eq!(store.stored().await.expect("counted").get(&purpose("devis")), Some(&1));
}

pub(crate) async fn no_outcomes_are_settled_without_a_word<H: Host>() {
    let host = H::new();
    let store = host.open();
    assert_eq!(store.settle(Vec::new()).await, Ok(Vec::new()));
    assert_eq!(store.lines(0, 10).await, Ok(Vec::new()));
}
