//! Suppressions: who is barred and who is not, what the list says of itself, how an entry ends.

use super::Host;
use super::several::{fates, nothing_is_wrong, settle};
use super::support::*;
use crate::forget::address::Address;
use crate::keyring::Keyring;
use crate::lead::sample;
use crate::purpose::Basis::{self, Consent, LegitimateInterest, PreContract};
use crate::purpose::PurposeId;
use crate::secret::Key;
use crate::store::{
    Outcome, SUPPRESSED_AT_ONCE_MAX, Settlement, SharedStore, StoreCode, StoreError, Suppression, ToLift,
    ToSuppress, Verdict,
};
use crate::trail::{Action, Outcome as Ended, Reason};

const PHONE: &str = "+33639980000";

fn mail(number: u64) -> Address {
    Address::email(&email_of(number)).expect("an address")
}

/// Puts an address on the list: for a purpose or for all, for so many months.
async fn put(
    store: &SharedStore,
    address: Address,
    purpose: Option<PurposeId>,
    months: u32,
) -> Result<Suppression, StoreError> {
    let what = ToSuppress { addresses: vec![address], purpose, months };
    Ok(store.suppress(what, by_officer(Action::Suppressed)).await?.remove(0))
}

async fn objects(store: &SharedStore, number: u64) -> Suppression {
    put(store, mail(number), None, 36).await.expect("taken")
}

async fn listed(store: &SharedStore) -> Vec<Suppression> {
    store.suppressions(None, 100, by_officer(Action::SuppressionsListed)).await.expect("listed")
}

/// Lead `number`, sent in on this day, and what each purpose makes of it: with its basis, and whether the box for e-mail was ticked.
fn sent(number: u64, day: i64, purposes: &[(&str, Basis, bool)]) -> Settlement {
    let verdict = |(name, basis, ticked): &(&str, Basis, bool)| {
        let reached = (email_of(number), PHONE.to_owned());
        let addresses = (reached.0.as_str(), reached.1.as_str());
        let lead = sample::lead_of((name, *basis), addresses, (later(day), *ticked), later(day + 10));
        Verdict::Stored(Box::new(lead))
    };
    let outcome = Outcome::Sieved(purposes.iter().map(verdict).collect());
    Settlement { outcome, ..parked(number, 1, HELD) }
}

/// The fields of each record of `devis`, and the consents that count.
async fn shapes(store: &SharedStore) -> Vec<String> {
    let mut page = store.open_page(request(None, 100), exporting()).await.expect("a page");
    read_all(&mut page).expect("read").iter().map(sample::shape).collect()
}

/// The lines of the trail about suppressions since that one: what, of which purpose, how many, of which record.
async fn lines(store: &SharedStore, after: u64) -> Vec<String> {
    let lines = store.lines(after, 100).await.expect("a trail");
    let about = lines.iter().filter(|line| line.entry.action().as_str().starts_with("suppress"));
    let said = about.map(|line| {
        let entry = &line.entry;
        let of = entry.purpose.as_ref().map_or(String::new(), |purpose| format!(" {purpose}"));
        let record = entry.from.as_ref().map_or(String::new(), |id| format!(" {id}"));
        let nothing = if entry.result == Ended::Nothing { " nothing" } else { "" };
        format!("{} {}{of} {}{record}{nothing}", entry.role(), entry.action(), entry.count)
    });
    said.collect()
}

pub(crate) async fn whoever_objected_is_not_stored_for_prospecting_and_not_asked_for_again<H: Host>() {
    let host = H::new();
    let mut store = host.open();
    objects(&store, 1).await;
    assert_eq!(settle(&store, sent(1, -1, &[("devis", Consent, true)])).await, "suppressed");
    assert_eq!(settle(&store, sent(2, -1, &[("devis", Consent, true)])).await, "devis-1-1", "somebody else");
    for _ in 0..2 {
        assert_eq!(fates(&store, 1).await, "devis: suppressed");
        assert_eq!(store.known(&[reference(1), reference_of(1, 2)]).await, Ok(vec![true, true]));
        assert_eq!(settle(&store, sent(1, 5, &[("devis", Consent, true)])).await, "known", "no way back");
        assert_eq!(settle(&store, parked(1, 1, waiting(0, 0))).await, "known");
        assert_eq!((store.parked().await, export(&store, 10).await), (Ok(0), Ok(vec![email_of(2)])));
        nothing_is_wrong(&store).await;
        store.close().await.expect("closed");
        drop(store);
        store = host.open();
    }
    let again = sent(3, -1, &[("devis", LegitimateInterest, false)]);
    assert_eq!(settle(&store, again).await, "devis-1-2", "by the address, and not by the form");
    put(&store, Address::phone(PHONE, None).expect("a number"), None, 36).await.expect("taken");
    assert_eq!(settle(&store, sent(4, -1, &[("devis", LegitimateInterest, false)])).await, "suppressed");
}

pub(crate) async fn what_a_person_asked_for_is_stored_without_what_hangs_on_a_consent<H: Host>() {
    let host = H::new();
    let store = host.open();
    settle(&store, sent(2, -1, &[("devis", PreContract, true)])).await;
    objects(&store, 1).await;
    assert_eq!(settle(&store, sent(1, -1, &[("devis", PreContract, true)])).await, "devis-1-2");
    assert_eq!(shapes(&store).await, ["email phone_number | email_optin", "email | "]);
    assert_eq!(listed(&store).await.len(), 1, "a box that was ticked before is no later yes");
}

pub(crate) async fn a_yes_since_ends_the_entry_with_its_record<H: Host>() {
    let host = H::new();
    let store = host.open();
    objects(&store, 1).await;
    host.clock().advance_ms(DAY_MS);
    let before = lines(&store, 0).await.len();
    assert_eq!(settle(&store, sent(1, 1, &[("devis", Consent, true)])).await, "devis-1-1");
    assert_eq!(lines(&store, 0).await[before..], ["system suppression-closed devis 1 devis-1-1"]);
    assert_eq!(listed(&store).await, []);
    let later = Settlement { reference: reference(7), ..sent(1, -1, &[("devis", Consent, false)]) };
    assert_eq!(settle(&store, later).await, "devis-1-2", "nothing bars them any more");
    drop(store);
    assert_eq!(listed(&host.open()).await, []);
}

pub(crate) async fn the_entries_of_an_address_are_found_by_it_and_no_line_is_left<H: Host>() {
    let host = H::new();
    let store = host.open();
    let scopes = || vec![None, Some(purpose("devis")), Some(purpose("lettre"))];
    assert_eq!(
        store.suppressions_of(vec![mail(1)], scopes(), &by_officer(Action::Found)).await,
        Ok(Vec::new()),
        "there is no list yet"
    );
    let all = objects(&store, 1).await;
    let other = objects(&store, 2).await;
    let lettre = put(&store, mail(1), Some(purpose("lettre")), 36).await.expect("taken");
    let before = store.lines(0, 100).await.expect("a trail").len();
    assert_eq!(
        store.suppressions_of(vec![mail(1)], scopes(), &by_officer(Action::Found)).await,
        Ok(vec![all.clone(), lettre])
    );
    assert_eq!(
        store.suppressions_of(vec![mail(1)], vec![None], &by_officer(Action::Found)).await,
        Ok(vec![all.clone()])
    );
    assert_eq!(
        store.suppressions_of(vec![mail(3)], scopes(), &by_officer(Action::Found)).await,
        Ok(Vec::new())
    );
    let both = vec![mail(1), mail(1), mail(2)];
    assert_eq!(
        store.suppressions_of(both, vec![None], &by_officer(Action::Found)).await,
        Ok(vec![all, other]),
        "each once"
    );
    assert_eq!(store.lines(0, 100).await.expect("a trail").len(), before);
    let many = (0..=SUPPRESSED_AT_ONCE_MAX).map(|_| mail(1)).collect();
    let refused = store.suppressions_of(many, vec![None], &by_officer(Action::Found)).await;
    assert_eq!(refused.err().map(|error| error.code), Some(StoreCode::ValueTooLarge));
}

pub(crate) async fn a_suppression_is_judged_by_purpose<H: Host>() {
    let host = H::new();
    let store = host.open();
    put(&store, mail(1), Some(purpose("lettre")), 36).await.expect("taken");
    let both = [("devis", Consent, true), ("lettre", Consent, true)];
    assert_eq!(settle(&store, sent(1, -1, &both)).await, "devis-1-1 suppressed");
    assert_eq!(fates(&store, 1).await, "devis: devis-1-1, lettre: suppressed");
    objects(&store, 2).await;
    host.clock().advance_ms(DAY_MS);
    // Whichever comes first: a yes for one purpose is none for another.
    let order = [("devis", Consent, true), ("lettre", LegitimateInterest, false)];
    assert_eq!(settle(&store, sent(2, 1, &order)).await, "devis-1-2 suppressed");
    objects(&store, 3).await;
    host.clock().advance_ms(DAY_MS);
    let order = [("lettre", LegitimateInterest, false), ("devis", Consent, true)];
    assert_eq!(settle(&store, sent(3, 2, &order)).await, "suppressed devis-1-3");
    nothing_is_wrong(&store).await;
}

pub(crate) async fn what_is_refused_beside_it_stays_open_for_that_alone<H: Host>() {
    let host = H::new();
    let store = host.open();
    objects(&store, 1).await;
    let mut settlement = sent(1, -1, &[("lettre", Consent, true)]);
    if let Outcome::Sieved(verdicts) = &mut settlement.outcome {
        verdicts
            .push(Verdict::Refused(purpose("devis"), crate::notification::ParkCode::RequiredFieldMissing));
    }
    assert_eq!(settle(&store, settlement).await, "suppressed required-field-missing");
    let requeued = store.requeue(crate::store::Requeue::Form(form_id(1)), by_officer(Action::Requeued)).await;
    assert_eq!(requeued, Ok(1));
    assert_eq!(super::several::claimed(&store).await, Some(("devis".to_owned(), true)));
    let both = sent(1, 5, &[("lettre", Consent, true), ("devis", PreContract, true)]);
    assert_eq!(settle(&store, both).await, "devis-1-1", "the other has its end");
    assert_eq!(fates(&store, 1).await, "devis: devis-1-1, lettre: suppressed");
}

pub(crate) async fn who_has_more_addresses_than_are_compared_is_barred_where_anybody_is<H: Host>() {
    let host = H::new();
    let store = host.open();
    let crowd = |number| {
        let lead =
            sample::lead_of(("devis", PreContract), ("z@lumen.example", PHONE), (start(), true), later(10));
        let outcome = Outcome::Sieved(vec![Verdict::Stored(Box::new(sample::crowded(lead)))]);
        Settlement { outcome, ..parked(number, 1, HELD) }
    };
    assert_eq!(settle(&store, crowd(1)).await, "devis-1-1", "nobody is on the list");
    objects(&store, 9).await;
    assert_eq!(settle(&store, crowd(2)).await, "suppressed");
}

pub(crate) async fn the_list_shows_no_hash_and_each_act_stands_in_the_trail<H: Host>() {
    let host = H::new();
    let mut store = host.open();
    let first = objects(&store, 1).await;
    put(&store, mail(1), Some(purpose("devis")), 48).await.expect("taken");
    put(&store, Address::phone(PHONE, None).expect("a number"), None, 36).await.expect("taken");
    host.clock().advance_ms(DAY_MS);
    let again = objects(&store, 1).await;
    assert_eq!((first.id, again.id.to_string().as_str()), (again.id, "1-1"), "it counts from now on");
    assert_eq!((first.since, again.since), (start(), later(1)));
    for _ in 0..2 {
        let list = listed(&store).await;
        let shown: Vec<_> = list.iter().map(|one| (one.id.number, one.purpose.clone(), one.reason)).collect();
        let why = Some(Reason::PersonRequest);
        assert_eq!(shown, [(1, None, why), (2, Some(purpose("devis")), why), (3, None, why)]);
        assert_eq!(list[0], again);
        let rest = store.suppressions(Some(list[0].id), 1, by_officer(Action::SuppressionsListed)).await;
        assert_eq!(rest.expect("listed"), list[1..2]);
        store.close().await.expect("closed");
        drop(store);
        store = host.open();
    }
    let told = lines(&store, 0).await;
    assert_eq!(
        told[..5],
        [
            "local suppressed 1",
            "local suppressed devis 1",
            "local suppressed 1",
            "local suppressed 1",
            "local suppressions-listed 3"
        ]
    );
}

pub(crate) async fn an_entry_goes_by_its_number_or_by_its_address_in_every_scope<H: Host>() {
    let host = H::new();
    let store = host.open();
    let lift = async |which| store.lift(which, by_officer(Action::SuppressionRemoved)).await;
    let of = |number| ToLift::Of(vec![mail(number)], vec![None, Some(purpose("devis"))]);
    assert_eq!(lift(of(1)).await, Ok(0), "nobody is on the list");
    let one = objects(&store, 1).await;
    objects(&store, 2).await;
    put(&store, mail(2), Some(purpose("devis")), 36).await.expect("taken");
    assert_eq!(lift(ToLift::One(one.id)).await, Ok(1));
    assert_eq!(lift(ToLift::One(one.id)).await, Ok(0));
    assert_eq!(lift(of(2)).await, Ok(2));
    assert_eq!(listed(&store).await, []);
    assert_eq!(settle(&store, sent(1, -1, &[("devis", Consent, true)])).await, "devis-1-1");
    assert_eq!(objects(&store, 1).await.id.number, 4, "no number is given again");
    let told = lines(&store, 0).await;
    let removed: Vec<&String> = told.iter().filter(|line| line.contains("removed")).collect();
    assert_eq!(
        removed,
        [
            "local suppression-removed 0 nothing",
            "local suppression-removed 1",
            "local suppression-removed 0 nothing",
            "local suppression-removed 2"
        ]
    );
}

pub(crate) async fn an_entry_ends_by_its_time_and_by_no_clock_that_nobody_has_confirmed<H: Host>() {
    let host = H::new();
    let store = host.open();
    put(&store, mail(1), None, 1).await.expect("taken");
    objects(&store, 2).await;
    host.pass_days(&store, 29);
    assert_eq!(store.end_suppressions().await, Ok(0));
    assert_eq!(settle(&store, sent(1, -1, &[("devis", Consent, false)])).await, "suppressed");
    host.pass_days(&store, 2);
    drop(store);
    let alone = host.open_alone();
    assert_eq!(code(alone.end_suppressions().await), Some(StoreCode::ClockUnconfirmed));
    let other = Settlement { reference: reference(3), ..sent(1, -1, &[("devis", Consent, false)]) };
    assert_eq!(settle(&alone, other).await, "suppressed", "by that clock alone it is over");
    drop(alone);
    let store = host.open();
    let other = Settlement { reference: reference(4), ..sent(1, -1, &[("devis", Consent, false)]) };
    assert_eq!(settle(&store, other).await, "devis-1-1", "it is over, reaped or not");
    assert_eq!((store.end_suppressions().await, store.end_suppressions().await), (Ok(1), Ok(0)));
    let left: Vec<u64> = listed(&store).await.iter().map(|one| one.id.number).collect();
    assert_eq!(left, [2]);
    assert!(lines(&store, 0).await.contains(&"system suppression-ended 1".to_owned()));
}

pub(crate) async fn without_the_lists_key_no_store_opens<H: Host>() {
    let host = H::new();
    let store = host.open();
    let key = || host.keyring().suppressions.lock().expect("not poisoned");
    assert!(host.keyring().suppression_key().is_err(), "it is made when somebody objects");
    objects(&store, 1).await;
    store.close().await.expect("closed");
    drop(store);
    let right = key().clone();
    for wrong in [None, Some(Key::new([9; 32]))] {
        *key() = wrong;
        assert_eq!(code(host.try_open(&["devis", "lettre"])), Some(StoreCode::SuppressionKey));
    }
    *key() = right;
    let store = host.open();
    assert_eq!(settle(&store, sent(1, -1, &[("devis", Consent, true)])).await, "suppressed");
    let last =
        store.suppressions(None, 1, by_officer(Action::SuppressionsListed)).await.expect("listed")[0].id;
    store.lift(ToLift::One(last), by_officer(Action::SuppressionRemoved)).await.expect("lifted");
    drop(store);
    *key() = None;
    let refused = host.try_open(&["devis", "lettre"]);
    assert_eq!(code(refused), Some(StoreCode::SuppressionKey), "also where nobody stands on it now");
}

pub(crate) async fn a_list_that_cannot_have_its_key_takes_nobody_and_says_so<H: Host>() {
    use std::sync::atomic::Ordering::SeqCst;
    let host = H::new();
    let store = host.open();
    host.keyring().refuses.store(true, SeqCst);
    assert_eq!(code(put(&store, mail(1), None, 36).await), Some(StoreCode::DiskFull));
    host.keyring().refuses.store(false, SeqCst);
    assert_eq!(listed(&store).await, []);
    let many = (0..=SUPPRESSED_AT_ONCE_MAX as u64).map(mail).collect();
    let what = ToSuppress { addresses: many, purpose: None, months: 36 };
    let refused = store.suppress(what, by_officer(Action::Suppressed)).await;
    assert_eq!(code(refused), Some(StoreCode::ValueTooLarge));
    objects(&store, 1).await;
}
