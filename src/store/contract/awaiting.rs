//! Vigils: what was accepted before an address was erased, and is settled afterwards.

use jiff::Timestamp;

use super::Host;
use super::several::{fates, nothing_is_wrong, settle};
use super::support::*;
use crate::forget::address::Address;
use crate::keyring::Keyring;
use crate::lead::sample;
use crate::purpose::Basis::{Consent, PreContract};
use crate::purpose::PurposeId;
use crate::store::{
    AWAITED_AT_ONCE_MAX, Asked, Erasure, ErasureId, ErasureRequest, Outcome, Papers, RepeatKey, Settlement,
    SharedStore, StoreCode, ToAwait, Verdict, VigilEnded, VigilId, Wanted,
};
use crate::trail::{Action, Reason};

const PHONE: &str = "+33639980000";

fn mail(number: u64) -> Address {
    Address::email(&email_of(number)).expect("an address")
}

fn papers() -> Papers {
    Papers { said: b"person".to_vec(), of_all: b"all".to_vec(), ..Papers::default() }
}

fn what(address: Address, purposes: &[&str], unread: u64) -> ToAwait {
    let purposes = purposes.iter().map(|name| purpose(name)).collect();
    ToAwait { addresses: vec![(None, address)], purposes, unread, repeat: None, papers: papers() }
}

async fn await_unread(store: &SharedStore, what: ToAwait) -> VigilId {
    store.await_unread(what, by_officer(Action::ErasureAsked)).await.expect("taken").expect("there is room")
}

/// The erasure of what is stored of it, which finds nothing.
async fn erased(store: &SharedStore, vigil: VigilId) -> ErasureId {
    let request = ErasureRequest { vigil: Some(vigil), papers: papers(), ..ErasureRequest::default() };
    let asked = store.erase(request, by_officer(Action::ErasureAsked)).await.expect("erased");
    let Asked::Erasure(erasure) = asked else { panic!("no key") };
    erasure.id
}

async fn shown(store: &SharedStore, id: ErasureId) -> Erasure {
    store.erasure(id).await.expect("read").expect("there is one")
}

/// The erasure that follows it.
async fn next(store: &SharedStore, id: ErasureId) -> Erasure {
    let next = shown(store, id).await.followed_by.expect("one follows");
    shown(store, next).await
}

/// A lead that holds the address of this number and a telephone number, under these purposes; accepted so many days after the
/// start.
fn lead(reference: u64, holds: u64, day: i64, purposes: &[&str]) -> Settlement {
    let verdict = |name: &&str| {
        let basis = if *name == "devis" { PreContract } else { Consent };
        let mail = email_of(holds);
        let lead = sample::lead_of((*name, basis), (&mail, PHONE), (later(day), true), later(day + 10));
        Verdict::Stored(Box::new(lead))
    };
    let outcome = Outcome::Sieved(purposes.iter().map(verdict).collect());
    let mut settlement = Settlement { outcome, ..parked(reference, 1, HELD) };
    (settlement.reference.received, settlement.reference.created) = (later(day), Some(later(day)));
    settlement
}

async fn stored(store: &SharedStore, name: &str) -> u64 {
    store.stored().await.expect("counted").get(&purpose(name)).copied().unwrap_or(0)
}

const NOBODY: Option<Timestamp> = None;

/// How many ended.
async fn ended(store: &SharedStore, oldest_queued: Option<Timestamp>) -> usize {
    store.end_vigils(oldest_queued).await.expect("ended").len()
}

pub(crate) async fn what_was_accepted_before_an_address_was_erased_is_not_stored_when_it_is_read<H: Host>() {
    let host = H::new();
    let mut store = host.open();
    // Parked before: it waits for Graph.
    store.settle(vec![parked(3, 1, waiting(0, 1))]).await.expect("settled");
    let vigil = await_unread(&store, what(mail(7), &[], 3)).await;
    let first = erased(&store, vigil).await;
    assert_eq!(ended(&store, NOBODY).await, 0, "one is parked");
    store.close().await.expect("closed");
    drop(store);
    store = host.open();
    assert_eq!(store.vigils(), 1, "after a restart as well");
    // Another's is stored; theirs is not, and comes back by no repeated call.
    assert_eq!(settle(&store, lead(1, 8, 0, &["devis"])).await, "devis-1-1");
    for _ in 0..2 {
        settle(&store, lead(2, 7, 0, &["devis", "lettre"])).await;
        assert_eq!(fates(&store, 2).await, "erased");
    }
    settle(&store, lead(3, 7, 0, &["devis"])).await;
    assert_eq!(fates(&store, 3).await, "erased", "what was parked");
    assert_eq!((stored(&store, "devis").await, stored(&store, "lettre").await), (1, 0));
    assert!(shown(&store, first).await.followed_by.is_none());
    assert_eq!(ended(&store, Some(start())).await, 0, "one is queued");
    let over = store.end_vigils(Some(later(1))).await.expect("ended");
    assert_eq!((store.vigils(), ended(&store, NOBODY).await), (0, 0));
    let second = next(&store, first).await;
    assert_eq!(over, [VigilEnded { erasure: Some(second.id), follows: Some(first) }]);
    let following = store.followed_by(vec![second.id, first, ErasureId { epoch: 1, number: 99 }]).await;
    assert_eq!(following, Ok(vec![None, Some(second.id), None]), "of each, in order");
    assert_eq!((second.follows, second.extent.references), (Some(first), 2));
    assert!(second.extent.records.is_empty() && second.done.is_some() && second.papers == papers());
    assert_eq!(second.reason, Some(Reason::PersonRequest));
    let traces = second.traces;
    assert!(
        traces.tombstones_until.is_some() && traces.day_keys_until.is_some() && traces.submitted.is_some()
    );
    let lines = store.newest(u64::MAX, 1).await.expect("a trail");
    assert_eq!((lines[0].entry.action(), lines[0].entry.count), (Action::ErasureAsked, 2));
    assert_eq!(lines[0].entry.actor().to_string(), "system");
    // It is over: what they send in now is theirs to send in.
    settle(&store, lead(4, 7, 0, &["devis"])).await;
    assert_eq!(stored(&store, "devis").await, 2);
    nothing_is_wrong(&store).await;
}

pub(crate) async fn what_is_sent_in_after_an_address_was_erased_is_stored<H: Host>() {
    let host = H::new();
    let store = host.open();
    let vigil = await_unread(&store, what(mail(7), &[], 1)).await;
    let first = erased(&store, vigil).await;
    assert_eq!(settle(&store, lead(1, 7, 1, &["devis"])).await, "devis-1-1");
    assert_eq!(ended(&store, NOBODY).await, 1);
    let second = next(&store, first).await;
    assert_eq!((second.extent.references, second.extent.is_empty()), (0, true), "nothing unread was theirs");
    // Where nothing was unread, and nothing was met, nothing more is to be said.
    let vigil = await_unread(&store, what(mail(7), &[], 0)).await;
    let first = erased(&store, vigil).await;
    let over = VigilEnded { erasure: None, follows: Some(first) };
    assert_eq!(store.end_vigils(NOBODY).await, Ok(vec![over]));
    assert_eq!(shown(&store, first).await.followed_by, None);
}

pub(crate) async fn a_vigil_for_some_purposes_leaves_the_others<H: Host>() {
    let host = H::new();
    let store = host.open();
    let vigil = await_unread(&store, what(mail(7), &["lettre"], 1)).await;
    let first = erased(&store, vigil).await;
    assert_eq!(settle(&store, lead(2, 7, 0, &["devis"])).await, "devis-1-1", "it was never for that purpose");
    assert_eq!(settle(&store, lead(1, 7, 0, &["devis", "lettre"])).await, "devis-1-2");
    assert_eq!((stored(&store, "devis").await, stored(&store, "lettre").await), (2, 0));
    assert_eq!(ended(&store, NOBODY).await, 1);
    assert_eq!(next(&store, first).await.extent.references, 1);
    nothing_is_wrong(&store).await;
}

pub(crate) async fn by_a_number_each_purpose_reads_it_in_its_own_way<H: Host>() {
    let host = H::new();
    let store = host.open();
    let number = || Address::phone(PHONE, None).expect("a number");
    let addresses = vec![(Some(purpose("lettre")), number())];
    await_unread(&store, ToAwait { addresses, ..what(mail(9), &[], 1) }).await;
    assert_eq!(settle(&store, lead(1, 1, 0, &["devis"])).await, "devis-1-1", "it is not that one's spelling");
    settle(&store, lead(2, 2, 0, &["devis", "lettre"])).await;
    assert_eq!(fates(&store, 2).await, "erased", "the submission, whole");
}

/// What another purpose stored of it before keeps no address, so that nobody found it.
pub(crate) async fn what_was_stored_of_it_before_goes_with_it_and_has_a_receipt_of_its_own<H: Host>() {
    let host = H::new();
    let store = host.open();
    let refused = Verdict::Refused(purpose("lettre"), crate::notification::ParkCode::ConsentMissing);
    let mut half = lead(1, 1, 0, &["devis"]);
    if let Outcome::Sieved(verdicts) = &mut half.outcome {
        verdicts.push(refused);
    }
    half.matched = vec![purpose("devis"), purpose("lettre")];
    settle(&store, half).await;
    assert_eq!(stored(&store, "devis").await, 1);
    let vigil = await_unread(&store, what(mail(7), &[], 0)).await;
    let first = erased(&store, vigil).await;
    settle(&store, lead(1, 7, 0, &["lettre"])).await;
    assert_eq!((stored(&store, "devis").await, stored(&store, "lettre").await), (0, 0));
    assert_eq!(fates(&store, 1).await, "erased");
    let second = next(&store, first).await;
    assert_eq!((second.extent.records, second.papers), (vec![(purpose("devis"), 1)], papers()));
    until("its key is destroyed", async || {
        let bucket = crate::keyring::Bucket::of(&record("devis-1-1"));
        let lease = host.keyring().lease(&bucket).expect("there");
        lease.key(1, crate::keyring::tree::Kind::Record, 0).is_err()
    })
    .await;
    nothing_is_wrong(&store).await;
}

pub(crate) async fn a_request_sent_twice_has_one_vigil_and_too_long_a_one_none<H: Host>() {
    let host = H::new();
    let store = host.open();
    let repeat = || RepeatKey::parse("0f-6e");
    let one = await_unread(&store, ToAwait { repeat: repeat(), ..what(mail(7), &[], 1) }).await;
    assert_eq!(await_unread(&store, ToAwait { repeat: repeat(), ..what(mail(7), &[], 1) }).await, one);
    assert_ne!(await_unread(&store, what(mail(7), &[], 1)).await, one);
    assert_eq!(store.vigils(), 2);
    let many: Vec<(Option<PurposeId>, Address)> =
        (0..=AWAITED_AT_ONCE_MAX as u64).map(|number| (None, mail(number))).collect();
    let refused = store
        .await_unread(ToAwait { addresses: many, ..what(mail(7), &[], 1) }, by_officer(Action::ErasureAsked))
        .await;
    assert_eq!(code(refused), Some(StoreCode::ValueTooLarge));
}

pub(crate) async fn no_vigil_stands_for_longer_than_meta_has_what_was_submitted<H: Host>() {
    let host = H::new();
    let store = host.open();
    store.settle(vec![parked(3, 1, HELD)]).await.expect("settled");
    await_unread(&store, what(mail(7), &[], 1)).await;
    host.pass_days(&store, 90);
    assert_eq!(ended(&store, NOBODY).await, 0);
    host.pass_days(&store, 1);
    assert_eq!(ended(&store, NOBODY).await, 1);
}

/// Somebody may not use it, and only the person may have it erased.
pub(crate) async fn a_vigil_does_not_go_through_a_restriction<H: Host>() {
    let host = H::new();
    let store = host.open();
    let mut half = lead(1, 1, 0, &["devis"]);
    if let Outcome::Sieved(verdicts) = &mut half.outcome {
        let code = crate::notification::ParkCode::ConsentMissing;
        verdicts.push(Verdict::Refused(purpose("lettre"), code));
    }
    half.matched = vec![purpose("devis"), purpose("lettre")];
    settle(&store, half).await;
    let until = crate::clock::Day::of(start()).plus(3);
    store.restrict(record("devis-1-1"), until, by_officer(Action::Restricted)).await.expect("restricted");
    let operator = crate::trail::Operator::recognised_by_kernel(1000).because(Reason::Error);
    let entry = crate::trail::Entry::by(&operator, Action::ErasureAsked);
    store.await_unread(what(mail(7), &[], 1), entry).await.expect("taken");
    settle(&store, lead(1, 7, 0, &["lettre"])).await;
    assert_eq!((stored(&store, "devis").await, stored(&store, "lettre").await), (1, 1));
    let request = ErasureRequest::of(Wanted::Leadgen(leadgen(1)));
    store.erase(request, by_officer(Action::ErasureAsked)).await.expect("by the person");
}
