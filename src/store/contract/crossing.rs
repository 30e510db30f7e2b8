//! Records that were corrected or restricted, when their time is over.

use super::Host;
use super::several::nothing_is_wrong;
use super::support::*;
use crate::clock::Day;
use crate::keyring::lease::LeaseError;
use crate::keyring::tree::Kind;
use crate::keyring::{BUCKET_RECORDS, Bucket, Keyring};
use crate::lead::sample;
use crate::purpose::{Lifespan, RecordId, Term};
use crate::store::contract::rewriting::holding;
use crate::store::{
    DatingSlice, ErasureRequest, Restricting, RewriteCause, RewriteRequest, Rewritten, SharedStore, Wanted,
};
use crate::trail::Action;

fn id(number: u64) -> RecordId {
    record(&format!("devis-1-{number}"))
}

/// A leaf of `devis`; none: its bucket has nothing left.
fn leaf<H: Host>(host: &H, number: u64) -> Option<bool> {
    let lease = host.keyring().lease(&Bucket::of(&id(number))).ok()?;
    match lease.key((number % BUCKET_RECORDS) as u16, Kind::Record, 0) {
        Ok(_) => Some(true),
        Err(LeaseError::Dead) => Some(false),
        Err(LeaseError::Revoked) => panic!("it was just taken"),
    }
}

async fn restrict(store: &SharedStore, number: u64, days: u32) {
    let until = Day::of(start()).plus(days);
    let restricting = store.restrict(id(number), until, by_officer(Action::Restricted)).await;
    assert!(matches!(restricting, Ok(Restricting::Restricted(_))));
}

async fn lift(store: &SharedStore, number: u64) {
    let lifted = store.lift_restriction(id(number), by_officer(Action::RestrictionLifted)).await;
    assert_eq!(lifted, Ok(true));
}

async fn corrected(store: &SharedStore, number: u64, value: &str) -> Rewritten {
    let records = vec![(id(number), holding(value))];
    let request = RewriteRequest { records, cause: RewriteCause::Person };
    let rewriting = store.rewrite(request, by_officer(Action::Corrected)).await.expect("answered");
    assert!(rewriting.keys_destroyed);
    rewriting.each[0]
}

async fn expired(store: &SharedStore) -> u64 {
    let expired = store.expire().await.expect("swept");
    assert!(expired.done && !expired.more);
    expired.total()
}

/// What an officer is shown of a record.
async fn shown(store: &SharedStore, number: u64) -> Option<String> {
    let found = store.find(Wanted::Record(id(number)), by_officer(Action::Found)).await.expect("looked up");
    found.first()?.lead.as_ref().map(sample::email)
}

pub(crate) async fn a_restricted_record_whose_time_is_over_stays_is_not_overdue_and_goes_when_it_is_lifted<
    H: Host,
>() {
    let host = H::new();
    let mut store = host.open();
    store_many(&store, 1, 3).await;
    restrict(&store, 2, 30).await;
    host.pass_days(&store, 10);
    assert_eq!(expired(&store).await, 2);
    assert_eq!([1, 2, 3].map(|number| leaf(&host, number)), [false, true, false].map(Some));
    host.pass_days(&store, 4);
    for _ in 0..2 {
        assert_eq!((expired(&store).await, store.overdue().await), (0, Ok(0)));
        assert_eq!((shown(&store, 2).await, shown(&store, 1).await), (Some(email_of(2)), None));
        assert_eq!(export(&store, 10).await, Ok(Vec::new()), "and nobody else");
        assert_eq!(store.stored().await.expect("counted")[&purpose("devis")], 1);
        nothing_is_wrong(&store).await;
        store.close().await.expect("closed");
        drop(store);
        store = host.open();
    }
    lift(&store, 2).await;
    assert_eq!(store.overdue().await, Ok(1), "the control: now it is");
    assert_eq!((expired(&store).await, leaf(&host, 2)), (1, Some(false)));
    assert_eq!((store.overdue().await, shown(&store, 2).await), (Ok(0), None));
    nothing_is_wrong(&store).await;
}

pub(crate) async fn a_restricted_record_whose_time_is_over_goes_after_the_last_day_with_its_restriction<
    H: Host,
>() {
    let host = H::new();
    let store = host.open();
    store_many(&store, 1, 1).await;
    restrict(&store, 1, 12).await;
    host.pass_days(&store, 12);
    assert_eq!(expired(&store).await, 0, "the last day is included");
    host.pass_days(&store, 1);
    assert_eq!((expired(&store).await, leaf(&host, 1)), (1, Some(false)));
    assert_eq!(
        (store.restrictions(), store.end_restrictions().await),
        (Vec::new(), Ok(0)),
        "its row is gone"
    );
    nothing_is_wrong(&store).await;
}

pub(crate) async fn a_corrected_record_whose_time_is_over_goes_with_both_keys_wherever_its_leaf_is<
    H: Host,
>() {
    let host = H::new();
    let store = host.open();
    // All numbers of the first bucket: what is corrected moves to the second.
    store_many(&store, 1, BUCKET_RECORDS - 1).await;
    assert_eq!(corrected(&store, 3, "marie@canary.example").await, Rewritten::Anew);
    assert_eq!([3, 4, 512, 513].map(|number| leaf(&host, number)), [false, true, true, true].map(Some));
    store.settle(vec![stored_in("devis", 600, false, 20)]).await.expect("settled");
    host.pass_days(&store, 10);
    assert_eq!(store.overdue().await, Ok(0), "a day has not passed");
    assert_eq!(expired(&store).await, BUCKET_RECORDS - 1);
    assert_eq!((leaf(&host, 3), leaf(&host, 4)), (None, None), "nothing is left of that bucket");
    assert_eq!((leaf(&host, 512), leaf(&host, 513)), (Some(false), Some(true)), "the new leaf went as well");
    host.pass_days(&store, 2);
    assert_eq!((store.overdue().await, expired(&store).await), (Ok(0), 0));
    assert_eq!(corrected(&store, 3, "jean@canary.example").await, Rewritten::Gone);
    assert_eq!(export(&store, 10).await, Ok(vec![email_of(600)]));
    nothing_is_wrong(&store).await;
}

pub(crate) async fn a_corrected_and_restricted_record_is_erased_with_its_new_leaf_and_its_restriction<
    H: Host,
>() {
    let host = H::new();
    let store = host.open();
    store_many(&store, 1, 2).await;
    assert_eq!(corrected(&store, 1, "marie@canary.example").await, Rewritten::Anew);
    restrict(&store, 1, 5).await;
    assert_eq!([1, 2, 3].map(|number| leaf(&host, number)), [false, true, true].map(Some));
    let request = ErasureRequest::of(Wanted::Leadgen(leadgen(1)));
    store.erase(request, by_officer(Action::ErasureAsked)).await.expect("erased");
    assert_eq!([1, 2, 3].map(|number| leaf(&host, number)), [false, true, false].map(Some));
    assert_eq!((store.restrictions(), export(&store, 10).await), (Vec::new(), Ok(vec![email_of(2)])));
    nothing_is_wrong(&store).await;
}

pub(crate) async fn a_shorter_period_dates_what_is_restricted_and_ends_it_once_that_is_over<H: Host>() {
    let host = H::new();
    let store = host.open();
    store_many(&store, 1, 2).await;
    assert_eq!(corrected(&store, 1, "marie@canary.example").await, Rewritten::Anew);
    restrict(&store, 1, 30).await;
    host.pass_days(&store, 5);
    let lifespan = Lifespan::from_terms(vec![Term::days(3)]);
    let slice = DatingSlice { purpose: purpose("devis"), lifespan, after: None, dry_run: false };
    assert_eq!(store.date_anew(slice).await.expect("dated").earlier, 2);
    assert_eq!((expired(&store).await, shown(&store, 1).await), (1, Some("marie@canary.example".to_owned())));
    assert_eq!((store.overdue().await, leaf(&host, 3)), (Ok(0), Some(true)), "under the leaf that it has");
    lift(&store, 1).await;
    assert_eq!((expired(&store).await, leaf(&host, 3)), (1, Some(false)));
    nothing_is_wrong(&store).await;
}
