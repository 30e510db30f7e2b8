//! Records written anew: what stays, what goes, and what is said of it.

use std::sync::Arc;

use futures_util::future::join_all;

use super::Host;
use super::several::{fates, nothing_is_wrong, sieved};
use super::support::*;
use crate::keyring::Keyring;
use crate::keyring::lease::LeaseError;
use crate::keyring::tree::Kind;
use crate::lead::{Revision, RevisionRefusal, correction, sample};
use crate::purpose::sample::purpose as purpose_of;
use crate::purpose::{FieldName, Periods, RecordId, Remit};
use crate::store::{
    Asked, ErasureRequest, KeptRemit, REWRITTEN_AT_ONCE_MAX, RewriteCause, RewriteRequest, Rewriting,
    Rewritten, Settlement, SharedStore, StoreCode, Wanted,
};
use crate::trail::{Action, Entry, Outcome};

fn email() -> FieldName {
    FieldName::parse("email").expect("a name")
}

/// A revision by which the field `email` holds this.
pub(crate) fn holding(value: &str) -> Revision {
    let fields = vec![("email".to_owned(), vec![value.to_owned().into()])];
    correction(&purpose_of("devis", &["email", "city"]), fields).unwrap_or_else(|_| panic!("taken"))
}

fn by_person() -> Entry {
    let mut entry = by_officer(Action::Corrected);
    entry.fields = vec![email()];
    entry
}

pub(crate) async fn corrected(store: &SharedStore, id: &str, value: &str) -> Rewriting {
    let records = vec![(record(id), holding(value))];
    store
        .rewrite(RewriteRequest { records, cause: RewriteCause::Person }, by_person())
        .await
        .expect("answered")
}

async fn rewrite(
    store: &SharedStore,
    cause: RewriteCause,
    records: Vec<(RecordId, Revision)>,
) -> Vec<Rewritten> {
    let entry = Entry::by_system(Action::Corrected);
    let rewriting = store.rewrite(RewriteRequest { records, cause }, entry).await.expect("answered");
    assert!(rewriting.keys_destroyed);
    rewriting.each
}

fn done(each: Rewritten) -> Rewriting {
    Rewriting { each: vec![each], keys_destroyed: true }
}

/// Whether a leaf of the first bucket of `devis` lives.
fn lives<H: Host>(host: &H, leaf: u16) -> bool {
    let bucket = crate::keyring::Bucket::of(&record("devis-1-1"));
    let lease = host.keyring().lease(&bucket).expect("there");
    match lease.key(leaf, Kind::Record, 0) {
        Ok(_) => true,
        Err(LeaseError::Dead) => false,
        Err(LeaseError::Revoked) => panic!("it was just taken"),
    }
}

async fn ids(store: &SharedStore) -> Vec<String> {
    let mut page = store.open_page(request(None, 100), exporting()).await.expect("a page");
    let read = read_all(&mut page).expect("read");
    read.iter().map(|lead| lead.id().to_string()).collect()
}

pub(crate) async fn a_corrected_record_keeps_its_id_and_place_and_the_key_of_what_it_was_is_destroyed<
    H: Host,
>() {
    let host = H::new();
    let mut store = host.open();
    store_many(&store, 1, 3).await;
    assert_eq!(corrected(&store, "devis-1-2", "marie@canary.example").await, done(Rewritten::Anew));
    assert_eq!((1..=4).map(|leaf| lives(&host, leaf)).collect::<Vec<_>>(), [true, false, true, true]);
    let expected = vec![email_of(1), "marie@canary.example".to_owned(), email_of(3)];
    for _ in 0..2 {
        assert_eq!(export(&store, 2).await, Ok(expected.clone()));
        assert_eq!(ids(&store).await, ["devis-1-1", "devis-1-2", "devis-1-3"]);
        assert_eq!(fates(&store, 2).await, "devis: devis-1-2");
        assert_eq!(store.stored().await.expect("counted")[&purpose("devis")], 3);
        let found = store.find(Wanted::Record(record("devis-1-2")), by_officer(Action::Found)).await;
        let found = found.expect("looked up");
        assert_eq!(found[0].lead.as_ref().map(sample::email).as_deref(), Some("marie@canary.example"));
        nothing_is_wrong(&store).await;
        store.close().await.expect("closed");
        drop(store);
        store = host.open();
    }
    store_many(&store, 9, 1).await;
    assert_eq!(fates(&store, 9).await, "devis: devis-1-5", "a leaf that is taken is no record's number");
    // A cursor that names the leaf was given all the same: it is a place in the order.
    let page = store.open_page(request(Some(record("devis-1-4")), 10), exporting()).await.expect("a page");
    assert_eq!(page.count, 1);
}

pub(crate) async fn a_correction_sent_twice_changes_nothing_the_second_time<H: Host>() {
    let host = H::new();
    let store = host.open();
    store_many(&store, 1, 2).await;
    assert_eq!(corrected(&store, "devis-1-1", "a@canary.example").await, done(Rewritten::Anew));
    let generation = host.keyring().generation();
    assert_eq!(corrected(&store, "devis-1-1", "a@canary.example").await, done(Rewritten::Same));
    assert_eq!(host.keyring().generation(), generation, "no leaf is taken for it");
    assert!(lives(&host, 3));
    assert_eq!(corrected(&store, "devis-1-1", "b@canary.example").await, done(Rewritten::Anew));
    assert_eq!((lives(&host, 1), lives(&host, 3), lives(&host, 4)), (false, false, true));
    assert_eq!(export(&store, 10).await, Ok(vec!["b@canary.example".to_owned(), email_of(2)]));
    nothing_is_wrong(&store).await;
}

pub(crate) async fn what_is_written_anew_stands_in_the_trail_with_the_names_of_fields_alone<H: Host>() {
    let host = H::new();
    let store = host.open();
    store.settle(vec![sieved(1, &["+devis", "+lettre"]), stored(2), stored(3)]).await.expect("settled");
    let lines = store.lines(0, 100).await.expect("a trail").len() as u64;
    for value in ["a@canary.example", "a@canary.example"] {
        corrected(&store, "devis-1-2", value).await;
    }
    corrected(&store, "devis-1-9", "a@canary.example").await;
    let gone = |id: &str| (record(id), Revision::without([email()]));
    let batch = vec![gone("devis-1-3"), gone("lettre-1-1"), gone("devis-1-1"), gone("devis-1-8")];
    rewrite(&store, RewriteCause::Retention, batch).await;
    rewrite(&store, RewriteCause::Retention, vec![gone("devis-1-3")]).await;
    store.close().await.expect("closed");
    drop(store);
    let told = host.open().lines(lines, 100).await.expect("a trail");
    let told: Vec<String> = told
        .iter()
        .map(|line| {
            let Entry { from, to, count, result, fields, .. } = &line.entry;
            format!(
                "{} {} {from:?} {to:?} {count} {result:?} {fields:?}",
                line.entry.actor(),
                line.entry.action()
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            "local:1000 corrected Some(devis-1-2) Some(devis-1-2) 1 Done [email]",
            "local:1000 corrected Some(devis-1-2) Some(devis-1-2) 0 Nothing [email]",
            "local:1000 corrected None None 0 Nothing [email]",
            "system corrected Some(devis-1-3) Some(devis-1-1) 2 Done []",
            "system corrected Some(lettre-1-1) Some(lettre-1-1) 1 Done []",
        ]
    );
}

pub(crate) async fn many_records_are_written_anew_at_once_each_by_its_own_revision<H: Host>() {
    let host = H::new();
    let store = host.open();
    let many = REWRITTEN_AT_ONCE_MAX as u64;
    store_many(&store, 1, many).await;
    let all = |count: u64| -> Vec<(RecordId, Revision)> {
        (1..=count)
            .map(|number| {
                (record(&format!("devis-1-{number}")), holding(&format!("n{number}@canary.example")))
            })
            .collect()
    };
    let refused = RewriteRequest { records: all(many + 1), cause: RewriteCause::Retention };
    let refused = store.rewrite(refused, Entry::by_system(Action::Corrected)).await;
    assert_eq!(code(refused), Some(StoreCode::ValueTooLarge));
    let each = rewrite(&store, RewriteCause::Retention, all(many)).await;
    assert!(each.iter().all(|each| *each == Rewritten::Anew));
    let expected: Vec<String> = (1..=many).map(|number| format!("n{number}@canary.example")).collect();
    assert_eq!(export(&store, 100).await, Ok(expected));
    assert!((1..=many).all(|leaf| !lives(&host, u16::try_from(leaf).expect("small"))));
    nothing_is_wrong(&store).await;
}

pub(crate) async fn periods_are_shortened_and_the_day_in_clear_with_them<H: Host>() {
    let host = H::new();
    let store = host.open();
    store_many(&store, 1, 2).await;
    let sooner = Periods { reconfirm_due: None, expires_at: later(3) };
    let shorter = || vec![(record("devis-1-1"), Revision::default().no_longer_than(sooner))];
    assert_eq!(rewrite(&store, RewriteCause::Retention, shorter()).await, [Rewritten::Anew]);
    assert_eq!(rewrite(&store, RewriteCause::Retention, shorter()).await, [Rewritten::Same]);
    host.pass_days(&store, 3);
    assert_eq!(export(&store, 10).await, Ok(vec![email_of(2)]), "its day has come");
    assert_eq!(corrected(&store, "devis-1-1", "a@canary.example").await, done(Rewritten::Gone));
}

/// `devis` may hold this field and no other.
fn remit(name: &str) -> Arc<Remit> {
    Arc::new(Remit::of(&purpose_of("devis", &[name])))
}

async fn too_much(store: &SharedStore, remit: &Arc<Remit>, max: usize) -> Vec<RecordId> {
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let revision = Revision::trimmed_to(Arc::clone(remit));
        let slice = store.to_rewrite(purpose("devis"), revision, after, max).await.expect("looked");
        found.extend(slice.records);
        after = slice.next;
        if after.is_none() {
            return found;
        }
    }
}

pub(crate) async fn what_a_purpose_may_no_longer_hold_is_found_and_its_key_is_destroyed<H: Host>() {
    let host = H::new();
    let mut store = host.open();
    store_many(&store, 1, 5).await;
    assert_eq!(too_much(&store, &remit("email"), 2).await, []);
    let all: Vec<RecordId> = (1..=5).map(|number| record(&format!("devis-1-{number}"))).collect();
    let lines = store.lines(0, 100).await.expect("a trail").len() as u64;
    assert_eq!(too_much(&store, &remit("city"), 2).await, all);
    assert_eq!(store.lines(lines, 100).await.expect("a trail"), [], "nothing was changed");
    let until = crate::clock::Day::of(start()).plus(3);
    store.restrict(record("devis-1-4"), until, by_officer(Action::Restricted)).await.expect("restricted");
    let (request, entry) = RewriteRequest::trimming(all.clone(), &remit("city"));
    let rewriting = store.rewrite(request, entry).await.expect("answered");
    let anew = Rewritten::Anew;
    assert_eq!(rewriting.each, [anew, anew, anew, Rewritten::Restricted, anew]);
    assert_eq!(
        (1..=5).map(|leaf| lives(&host, leaf)).collect::<Vec<_>>(),
        [false, false, false, true, false]
    );
    let told = store.newest(u64::MAX, 1).await.expect("a trail");
    let Entry { count, from, to, .. } = &told[0].entry;
    assert_eq!(
        (told[0].entry.action(), told[0].entry.actor().to_string()),
        (Action::Trimmed, "system".to_owned())
    );
    assert_eq!((*count, from.as_ref(), to.as_ref()), (4, Some(&all[0]), Some(&all[4])));
    assert_eq!(too_much(&store, &remit("city"), 2).await, [record("devis-1-4")], "and no other");
    let mut page = store.open_page(self::request(None, 100), exporting()).await.expect("a page");
    let shapes: Vec<String> = read_all(&mut page).expect("read").iter().map(sample::shape).collect();
    assert_eq!(shapes, [" | email_optin"; 4], "what shows the consent stays");
    drop(page);
    nothing_is_wrong(&store).await;
    store.close().await.expect("closed");
    drop(store);
    store = host.open_alone();
    let (request, entry) = RewriteRequest::trimming(vec![record("devis-1-4")], &remit("city"));
    assert_eq!(code(store.rewrite(request, entry).await.map(drop)), Some(StoreCode::ClockUnconfirmed));
    let revision = Revision::trimmed_to(remit("city"));
    let looked = store.to_rewrite(purpose("devis"), revision.clone(), None, 10).await;
    assert_eq!(code(looked), Some(StoreCode::ClockUnconfirmed));
    host.agree(&store);
    let nobody = store.to_rewrite(purpose("inconnu"), revision, None, 10).await.expect("looked");
    assert_eq!((nobody.records, nobody.next), (Vec::new(), None));
}

pub(crate) async fn by_which_remit_records_were_trimmed_is_known_after_a_restart<H: Host>() {
    let host = H::new();
    let store = host.open();
    assert!(store.remits().await.expect("read").is_empty());
    let (in_force, pending) = (Some(remit("email").hash()), Some((remit("city").hash(), start())));
    let looked_on = Some(crate::clock::Day::of(start()));
    let kept = KeptRemit { in_force, pending, looked_on, passed_over: true };
    store.keep_remit(purpose("devis"), kept.clone()).await.expect("kept");
    store.keep_remit(purpose("lettre"), KeptRemit::default()).await.expect("kept");
    store.close().await.expect("closed");
    drop(store);
    let found = host.open().remits().await.expect("read");
    assert_eq!((found.len(), &found[&purpose("devis")]), (2, &kept));
    assert_eq!(found[&purpose("lettre")], KeptRemit::default());
}

pub(crate) async fn what_is_not_there_does_not_open_or_breaks_a_rule_is_left_and_told_apart<H: Host>() {
    let host = H::new();
    let store = host.open();
    store_many(&store, 1, 3).await;
    let erasing = ErasureRequest::of(Wanted::Leadgen(leadgen(1)));
    let erased = store.erase(erasing, by_officer(Action::ErasureAsked)).await.expect("erased");
    assert!(matches!(erased, Asked::Erasure(_)));
    for (id, expected) in [
        ("devis-1-1", Rewritten::Gone),
        ("devis-1-4", Rewritten::Unknown),
        ("devis-2-1", Rewritten::Unknown),
        ("inconnu-1-1", Rewritten::Unknown),
        ("lettre-1-1", Rewritten::Unknown),
    ] {
        assert_eq!(corrected(&store, id, "a@canary.example").await, done(expected), "{id}");
    }
    let large = "x".repeat(17 * 1024);
    let refused = Rewritten::Refused(RevisionRefusal::TooLarge);
    assert_eq!(corrected(&store, "devis-1-2", &large).await, done(refused));
    store.close().await.expect("closed");
    drop(store);
    let row = super::Row::Record(record("devis-1-3"));
    let mut bytes = host.take(&row);
    *bytes.last_mut().expect("a byte") ^= 1;
    host.put(&row, bytes);
    let store = host.open();
    assert_eq!(corrected(&store, "devis-1-3", "a@canary.example").await, done(Rewritten::Unreadable));
    assert_eq!(corrected(&store, "devis-1-2", "a@canary.example").await, done(Rewritten::Anew));
}

pub(crate) async fn the_number_of_a_leaf_is_nobody_s_and_what_is_being_erased_is_gone<H: Host>() {
    let host = H::new();
    let mut store = host.open();
    store_many(&store, 1, 3).await;
    for value in ["a@canary.example", "b@canary.example"] {
        assert_eq!(corrected(&store, "devis-1-1", value).await, done(Rewritten::Anew));
    }
    // It lay under leaf 4, and lies under leaf 5.
    for is_erased in [false, true] {
        if is_erased {
            let request = ErasureRequest::of(Wanted::Leadgen(leadgen(1)));
            store.erase(request, by_officer(Action::ErasureAsked)).await.expect("erased");
            assert_eq!(corrected(&store, "devis-1-1", "c@canary.example").await, done(Rewritten::Gone));
        }
        for number in ["devis-1-4", "devis-1-5", "devis-1-6"] {
            assert_eq!(
                corrected(&store, number, "c@canary.example").await,
                done(Rewritten::Unknown),
                "{number}"
            );
        }
        store.close().await.expect("closed");
        drop(store);
        store = host.open();
    }
    *host.keyring().changes_left.lock().expect("not poisoned") = Some(0);
    let request = ErasureRequest::of(Wanted::Leadgen(leadgen(2)));
    let asked = store.erase(request, by_officer(Action::ErasureAsked)).await.expect("asked");
    assert!(matches!(asked, Asked::Erasure(erasure) if erasure.done.is_none()));
    assert!(lives(&host, 2));
    assert_eq!(corrected(&store, "devis-1-2", "c@canary.example").await.each, [Rewritten::Gone]);
    *host.keyring().changes_left.lock().expect("not poisoned") = None;
}

pub(crate) async fn keys_that_cannot_be_destroyed_are_told_and_destroyed_before_the_next_start_gives_the_store<
    H: Host,
>() {
    let host = H::new();
    let store = host.open();
    store_many(&store, 1, 2).await;
    *host.keyring().changes_left.lock().expect("not poisoned") = Some(0);
    let pending = Rewriting { each: vec![Rewritten::Anew], keys_destroyed: false };
    assert_eq!(corrected(&store, "devis-1-1", "a@canary.example").await, pending);
    let again = Rewriting { each: vec![Rewritten::Same], keys_destroyed: false };
    assert_eq!(corrected(&store, "devis-1-1", "a@canary.example").await, again, "nobody is told otherwise");
    assert_eq!(export(&store, 10).await, Ok(vec!["a@canary.example".to_owned(), email_of(2)]));
    assert!(lives(&host, 1));
    drop(store);
    assert_eq!(host.try_open(&["devis", "lettre"]).err().map(|error| error.code), Some(StoreCode::Keyring));
    *host.keyring().changes_left.lock().expect("not poisoned") = None;
    let store = host.open();
    assert!(!lives(&host, 1), "before anybody has the store");
    assert_eq!(corrected(&store, "devis-1-1", "a@canary.example").await, done(Rewritten::Same));
    assert_eq!(export(&store, 10).await, Ok(vec!["a@canary.example".to_owned(), email_of(2)]));
    nothing_is_wrong(&store).await;
}

pub(crate) async fn an_export_under_way_gives_each_record_once_old_or_new<H: Host>() {
    let host = H::new();
    let store = host.open();
    store_many(&store, 1, 300).await;
    let mut page = store.open_page(request(None, 300), exporting()).await.expect("a page");
    let first = page.records.next().expect("one").expect("unsealed").read().expect("of our layout");
    assert_eq!(sample::email(&first), email_of(1));
    // Of what it has read ahead, and of what it has not.
    for number in [1, 2, 150, 299, 300] {
        let id = format!("devis-1-{number}");
        assert_eq!(
            corrected(&store, &id, &format!("new{number}@canary.example")).await,
            done(Rewritten::Anew)
        );
    }
    let read = read_all(&mut page).expect("no error for it");
    let expected = |number: u64| match number {
        2 | 150 | 299 | 300 => format!("new{number}@canary.example"),
        _ => email_of(number),
    };
    assert_eq!(
        read.iter().map(sample::email).collect::<Vec<_>>(),
        (2..=300).map(expected).collect::<Vec<_>>()
    );
}

pub(crate) async fn corrections_erasures_and_settlements_at_once_each_have_their_end<H: Host>() {
    let host = H::new();
    let store = host.open();
    store_many(&store, 1, 40).await;
    let work = (1..=40_u64).map(|number| {
        let store = store.clone();
        async move {
            let id = format!("devis-1-{number}");
            store.settle(vec![stored(100 + number)]).await.expect("settled");
            let twice =
                (corrected(&store, &id, "a@canary.example"), corrected(&store, &id, "b@canary.example"));
            let (a, b) = futures_util::future::join(twice.0, twice.1).await;
            assert_eq!((a, b), (done(Rewritten::Anew), done(Rewritten::Anew)));
            if number % 2 == 0 {
                let request = ErasureRequest::of(Wanted::Record(record(&id)));
                store.erase(request, by_officer(Action::ErasureAsked)).await.expect("erased");
            }
        }
    });
    join_all(work).await;
    assert_eq!(store.stored().await.expect("counted")[&purpose("devis")], 60);
    let values = export(&store, 100).await.expect("exported");
    assert_eq!(values.iter().filter(|value| value.len() == "a@canary.example".len()).count(), 20);
    nothing_is_wrong(&store).await;
}

pub(crate) async fn a_record_that_was_corrected_is_erased_with_all_that_it_was<H: Host>() {
    let host = H::new();
    let store = host.open();
    store_many(&store, 1, 2).await;
    *host.keyring().changes_left.lock().expect("not poisoned") = Some(0);
    corrected(&store, "devis-1-1", "a@canary.example").await;
    *host.keyring().changes_left.lock().expect("not poisoned") = None;
    let request = ErasureRequest::of(Wanted::Leadgen(leadgen(1)));
    let Ok(Asked::Erasure(erasure)) = store.erase(request, by_officer(Action::ErasureAsked)).await else {
        panic!("erased")
    };
    assert!(erasure.done.is_some());
    assert_eq!((1..=3).map(|leaf| lives(&host, leaf)).collect::<Vec<_>>(), [false, true, false]);
    assert_eq!(export(&store, 10).await, Ok(vec![email_of(2)]));
    assert_eq!(corrected(&store, "devis-1-1", "b@canary.example").await, done(Rewritten::Gone));
    let lines = store.lines(0, 100).await.expect("a trail");
    assert!(lines.iter().any(|line| line.entry.result == Outcome::Nothing));
    nothing_is_wrong(&store).await;
}

pub(crate) async fn what_a_clock_that_was_behind_received_is_found_until_somebody_has_looked<H: Host>() {
    let host = H::new();
    let mut store = host.open();
    assert_eq!(store.early_up_to(), None, "nothing is stored");
    let early = |number: u64, hours: i64| {
        let received = start().checked_sub(jiff::SignedDuration::from_hours(hours)).expect("in range");
        let lead =
            sample::received("devis", &email_of(number), start(), received, &purpose_of("devis", &["email"]));
        Settlement { outcome: crate::store::Outcome::stored(lead), ..stored(number) }
    };
    store.settle(vec![early(1, 0), early(2, 2), early(3, 1), early(4, 50)]).await.expect("settled");
    let expected = vec![record("devis-1-2"), record("devis-1-4")];
    for _ in 0..2 {
        assert_eq!(store.early_up_to(), Some(2));
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let slice = store.early_records(purpose("devis"), after, 3).await.expect("looked");
            found.extend(slice.records);
            after = slice.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(found, expected);
        store.close().await.expect("closed");
        drop(store);
        store = host.open();
    }
    store.early_looked_at(2).await.expect("noted");
    assert_eq!(store.early_up_to(), None);
    store.settle(vec![early(5, 3)]).await.expect("settled");
    assert_eq!(store.early_up_to(), Some(3));
    let nobody = store.early_records(purpose("inconnu"), None, 3).await.expect("looked");
    assert_eq!((nobody.records, nobody.next), (Vec::new(), None));
    // Until then nothing ends: it may be by a wrong day, and cannot be taken back.
    host.pass_days(&store, 400);
    let refused = store.expire().await.map(|expired| expired.total());
    assert_eq!(code(refused), Some(StoreCode::ClockUnconfirmed));
    store.early_looked_at(3).await.expect("noted");
    assert_eq!(store.expire().await.map(|expired| expired.total()), Ok(5));
}
