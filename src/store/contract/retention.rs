//! What has had its time.

use super::several::{fates, nothing_is_wrong, requeue, settle, sieved};
use super::support::*;
use super::{Host, Row};
use crate::clock::Day;
use crate::keyring::lease::LeaseError;
use crate::keyring::tree::Kind;
use crate::keyring::{BUCKET_RECORDS, Bucket, Keyring};
use crate::purpose::{Lifespan, Term};
use crate::store::{
    Asked, Dated, DatingSlice, ErasureRequest, Expired, KeptLifespan, MailId, MailKind, Requeue, SeenState,
    SharedStore, StoreCode, Wanted,
};
use crate::trail::{Action, Entry, Line, Outcome};

/// The leaf of a record's own number; none: its bucket has nothing left.
fn leaf<H: Host>(host: &H, name: &str, number: u64) -> Option<bool> {
    let bucket = Bucket::of(&record(&format!("{name}-1-{number}")));
    let lease = host.keyring().lease(&bucket).ok()?;
    match lease.key((number % BUCKET_RECORDS) as u16, Kind::Record, 0) {
        Ok(_) => Some(true),
        Err(LeaseError::Dead) => Some(false),
        Err(LeaseError::Revoked) => panic!("it was just taken"),
    }
}

fn ended(records: &[(&str, u64)]) -> Expired {
    let records = records.iter().map(|(name, count)| (purpose(name), *count)).collect();
    Expired { records, lapsed: 0, more: false, done: true }
}

fn emails(numbers: impl IntoIterator<Item = u64>) -> Vec<String> {
    numbers.into_iter().map(email_of).collect()
}

async fn of_expiry(store: &SharedStore) -> Vec<Line> {
    let lines = store.lines(0, 10_000).await.expect("a trail");
    lines.into_iter().filter(|line| line.entry.action() == Action::Expired).collect()
}

pub(crate) async fn what_has_had_its_time_goes_with_its_keys_and_its_numbers_stand_in_the_trail<H: Host>() {
    let host = H::new();
    let mut store = host.open();
    let days = [5, 5, 9, 5, 6];
    let batch = (1..).zip(days).map(|(number, days)| stored_in("devis", number, false, days));
    store.settle(batch.collect()).await.expect("settled");
    store.settle(vec![stored_in("lettre", 6, false, 5)]).await.expect("settled");
    host.pass_days(&store, 4);
    assert_eq!(store.expire().await, Ok(ended(&[])), "the day before");
    host.pass_days(&store, 1);
    assert_eq!(export(&store, 10).await, Ok(emails([3, 5])), "no reader waits for the reaper");
    assert_eq!(leaf(&host, "devis", 1), Some(true), "the control");
    assert_eq!(store.expire().await, Ok(ended(&[("devis", 3), ("lettre", 1)])));
    let alive: Vec<_> = (1..=5).map(|number| leaf(&host, "devis", number)).collect();
    assert_eq!(alive, [false, false, true, false, true].map(Some));
    assert_eq!(leaf(&host, "lettre", 1), Some(false));
    for _ in 0..2 {
        let counted = store.stored().await.expect("counted");
        assert_eq!((counted[&purpose("devis")], counted[&purpose("lettre")]), (2, 0));
        assert_eq!(export(&store, 10).await, Ok(emails([3, 5])));
        assert_eq!((store.expire().await, store.overdue().await), (Ok(ended(&[])), Ok(0)));
        nothing_is_wrong(&store).await;
        store.close().await.expect("closed");
        drop(store);
        store = host.open();
    }
    let told: Vec<_> = of_expiry(&store).await.into_iter().map(|line| line.entry).collect();
    let said = |at: usize| {
        let entry = &told[at];
        let ends =
            [&entry.from, &entry.to].map(|id| id.as_ref().map(ToString::to_string).unwrap_or_default());
        (ends, entry.count, entry.result, entry.actor().to_string())
    };
    let line = |ends: [&str; 2], count| (ends.map(str::to_owned), count, Outcome::Done, "system".to_owned());
    assert_eq!((told.len(), said(0)), (2, line(["devis-1-1", "devis-1-4"], 3)));
    assert_eq!(said(1), line(["lettre-1-1", "lettre-1-1"], 1));
    host.pass_days(&store, 1);
    assert_eq!(store.expire().await, Ok(ended(&[("devis", 1)])));
    store_many(&store, 7, 1).await;
    assert_eq!(fates(&store, 7).await, "devis: devis-1-6", "no number is given again");
}

pub(crate) async fn what_ended_is_known_and_neither_a_call_nor_a_settlement_brings_it_back<H: Host>() {
    let host = H::new();
    let mut store = host.open();
    store_many(&store, 1, 2).await;
    host.pass_days(&store, 10);
    assert_eq!(store.expire().await, Ok(ended(&[("devis", 2)])));
    assert!(host.keyring().tombstone_months().is_empty(), "no tombstone");
    for _ in 0..2 {
        let known = store.known(&[reference(1), reference_of(2, 2), reference(3)]).await;
        assert_eq!(known, Ok(vec![true, true, false]), "under whatever form");
        assert_eq!(
            store.settle(vec![stored(1)]).await.map(|settled| words(&settled)),
            Ok(vec!["known".into()])
        );
        assert_eq!(settle(&store, parked(2, 1, HELD)).await, "known");
        assert_eq!(requeue(&store, Requeue::Form(form_id(1))).await, 0);
        assert_eq!((claim(&store, 100, 10).await, store.parked().await), (Vec::new(), Ok(0)));
        let found =
            store.find(Wanted::Leadgen(leadgen(1)), by_officer(Action::Found)).await.expect("looked up");
        assert!(
            matches!(&found[0].state, SeenState::Stored(id) if id.number == 1) && found[0].lead.is_none()
        );
        let found = store.find(Wanted::Record(record("devis-1-1")), by_officer(Action::Found)).await;
        assert!(found.expect("looked up").is_empty());
        nothing_is_wrong(&store).await;
        store.close().await.expect("closed");
        drop(store);
        store = host.open();
    }
}

pub(crate) async fn a_bucket_in_which_all_has_had_its_time_leaves_no_node<H: Host>() {
    let host = H::new();
    let store = host.open();
    // 1 to 511 are the first bucket, 512 to 519 begin the next.
    store_many(&store, 1, 300).await;
    store
        .settle((301..=519).map(|number| stored_in("devis", number, false, 12)).collect())
        .await
        .expect("settled");
    let held = host.keyring().buckets();
    host.pass_days(&store, 10);
    assert_eq!(store.expire().await, Ok(ended(&[("devis", 300)])));
    let ends = [1, 300, 301, 511].map(|number| leaf(&host, "devis", number));
    assert_eq!((ends, host.keyring().buckets()), ([false, false, true, true].map(Some), held));
    host.pass_days(&store, 2);
    assert_eq!(store.expire().await, Ok(ended(&[("devis", 219)])));
    assert_eq!(leaf(&host, "devis", 301), None, "the first bucket is gone");
    assert_eq!([519, 520].map(|number| leaf(&host, "devis", number)), [Some(false), Some(true)]);
    assert_eq!(host.keyring().buckets(), held - 1);
    nothing_is_wrong(&store).await;
    store_many(&store, 600, 1).await;
    assert_eq!(fates(&store, 600).await, "devis: devis-1-520", "the numbers go on");
    assert_eq!(host.keyring().buckets(), held - 1);
}

pub(crate) async fn whoever_was_asked_and_stayed_silent_is_told_apart<H: Host>() {
    let host = H::new();
    let mut store = host.open();
    let batch = (1..=5).map(|number| stored_in("devis", number, false, 5));
    store.settle(batch.collect()).await.expect("settled");
    store
        .settle(vec![stored_in("lettre", 6, false, 5), stored_in("devis", 7, false, 66)])
        .await
        .expect("settled");
    let mail = |id: &str, kind| MailId { record: record(id), kind };
    let asked = vec![
        mail("devis-1-2", MailKind::Asked),
        mail("devis-1-3", MailKind::Asked),
        mail("devis-1-5", MailKind::Asked),
        // About a time before the one at whose end it goes.
        mail("devis-1-6", MailKind::Asked),
        mail("lettre-1-1", MailKind::Welcome),
    ];
    assert_eq!(store.note_written(asked, by_officer(Action::Asked)).await, Ok(5));
    // That one came back.
    let gone = vec![record("devis-1-5")];
    assert_eq!(store.note_unreachable(gone, by_officer(Action::Unreachable)).await, Ok(1));
    // What waits was asked of nobody.
    assert_eq!(store.queue_mails(vec![mail("devis-1-4", MailKind::Asked)]).await, Ok(1));
    store.close().await.expect("closed");
    drop(store);
    store = host.open();
    host.pass_days(&store, 5);
    assert_eq!(store.expire().await, Ok(Expired { lapsed: 2, ..ended(&[("devis", 5), ("lettre", 1)]) }));
    let lines = store.lines(0, 10_000).await.expect("a trail").into_iter().map(|line| line.entry);
    let lines = lines.filter(|entry| [Action::Expired, Action::Lapsed].contains(&entry.action()));
    let told = |entry: Entry| {
        let ends = [entry.from.as_ref(), entry.to.as_ref()];
        let ends = ends.map(|id| id.map(ToString::to_string).unwrap_or_default());
        (entry.action().as_str(), entry.count, ends)
    };
    let mut told: Vec<_> = lines.map(told).collect();
    told.sort_unstable();
    let line = |action, count, from: &str, to: &str| (action, count, [from, to].map(str::to_owned));
    let expected = [
        line("records-expired", 1, "lettre-1-1", "lettre-1-1"),
        line("records-expired", 3, "devis-1-1", "devis-1-5"),
        line("records-lapsed", 2, "devis-1-2", "devis-1-3"),
    ];
    assert_eq!(told, expected);
    assert_eq!(store.mails_waiting().count, 0);
    host.pass_days(&store, 61);
    assert_eq!(store.expire().await, Ok(ended(&[("devis", 1)])), "they were asked longer ago than any grace");
}

pub(crate) async fn an_export_under_way_goes_on_without_what_ended<H: Host>() {
    let host = H::new();
    let store = host.open();
    store_many(&store, 1, 520).await;
    store.settle(vec![stored_in("devis", 600, false, 90)]).await.expect("settled");
    host.pass_days(&store, 9);
    let mut page = store.open_page(request(None, 1_000), exporting()).await.expect("a page");
    let first = page.records.next().expect("one").expect("unsealed").read().expect("of our layout");
    assert_eq!(crate::lead::sample::email(&first), email_of(1));
    host.pass_days(&store, 1);
    assert_eq!(store.expire().await, Ok(ended(&[("devis", 520)])));
    let read = read_all(&mut page).expect("no error for it");
    let read: Vec<String> = read.iter().map(crate::lead::sample::email).collect();
    assert_eq!(read, emails([600]));
}

pub(crate) async fn each_purpose_of_a_submission_has_its_own_time_also_one_that_left_the_config<H: Host>() {
    let host = H::new();
    let store = host.open();
    store.settle(vec![sieved(1, &["+devis", "+lettre"])]).await.expect("settled");
    store
        .settle(vec![stored_in("devis", 2, false, 3), stored_in("lettre", 3, false, 3)])
        .await
        .expect("settled");
    store.close().await.expect("closed");
    drop(store);
    let store = host.try_open(&["devis"]).expect("opens");
    host.agree(&store);
    host.pass_days(&store, 3);
    assert_eq!(store.expire().await, Ok(ended(&[("devis", 1), ("lettre", 1)])));
    assert_eq!(fates(&store, 1).await, "devis: devis-1-1, lettre: lettre-1-1");
    assert_eq!([leaf(&host, "lettre", 1), leaf(&host, "lettre", 2)], [Some(true), Some(false)]);
    nothing_is_wrong(&store).await;
}

pub(crate) async fn nothing_ends_and_nothing_is_overdue_by_a_clock_that_nobody_confirmed<H: Host>() {
    let host = H::new();
    let store = host.open();
    store_many(&store, 1, 2).await;
    store.close().await.expect("closed");
    drop(store);
    let store = host.open_alone();
    for _ in 0..3 {
        host.clock().advance_ms(6 * DAY_MS);
        assert_eq!(code(store.expire().await), Some(StoreCode::ClockUnconfirmed));
        assert_eq!(code(store.overdue().await), Some(StoreCode::ClockUnconfirmed));
    }
    assert_eq!(leaf(&host, "devis", 1), Some(true));
    host.clock().advance_ms(60 * DAY_MS);
    assert_eq!(code(store.expire().await), Some(StoreCode::ClockJumped));
    assert_eq!(code(store.overdue().await), Some(StoreCode::ClockJumped));
    assert_eq!(store.stored().await.expect("counted")[&purpose("devis")], 2);
    store.confirm_clock(by_officer(Action::ClockConfirmed)).await.expect("confirmed");
    assert_eq!((store.overdue().await, store.expire().await), (Ok(2), Ok(ended(&[("devis", 2)]))));
    assert_eq!(store.overdue().await, Ok(0));
}

pub(crate) async fn keys_that_cannot_be_destroyed_are_waited_for_and_are_overdue_after_a_day<H: Host>() {
    let host = H::new();
    let store = host.open();
    let batch =
        [(1, 3), (2, 3), (3, 4), (4, 20)].map(|(number, days)| stored_in("devis", number, false, days));
    store.settle(batch.into()).await.expect("settled");
    host.pass_days(&store, 3);
    *host.keyring().changes_left.lock().expect("not poisoned") = Some(0);
    let pending = Expired { done: false, ..ended(&[("devis", 2)]) };
    assert_eq!(store.expire().await, Ok(pending));
    assert_eq!((leaf(&host, "devis", 1), store.overdue().await), (Some(true), Ok(0)), "not for a day yet");
    assert_eq!(export(&store, 10).await, Ok(emails([3, 4])));
    host.pass_days(&store, 1);
    assert_eq!(code(store.expire().await), Some(StoreCode::Keyring), "one batch after the other");
    assert_eq!(export(&store, 10).await, Ok(emails([4])), "what is due is read all the same by nobody");
    assert_eq!(store.overdue().await, Ok(2));
    nothing_is_wrong(&store).await;
    drop(store);
    *host.keyring().changes_left.lock().expect("not poisoned") = None;
    let store = host.open();
    let ends = [1, 2, 3].map(|number| leaf(&host, "devis", number));
    assert_eq!(ends, [false, false, true].map(Some), "before anybody has the store");
    until("the next batch is taken", async || store.expire().await == Ok(ended(&[("devis", 1)]))).await;
    assert_eq!(store.overdue().await, Ok(0));
    assert_eq!(of_expiry(&store).await.len(), 2);
    nothing_is_wrong(&store).await;
}

pub(crate) async fn what_is_a_day_past_its_time_is_overdue_until_it_is_gone<H: Host>() {
    let host = H::new();
    let store = host.open();
    store_many(&store, 1, 3).await;
    host.pass_days(&store, 10);
    assert_eq!(store.overdue().await, Ok(0));
    host.pass_days(&store, 1);
    assert_eq!(store.overdue().await, Ok(3));
    store.close().await.expect("closed");
    drop(store);
    // One whose head says nothing goes as well: none of its bucket is later.
    let row = Row::Record(record("devis-1-2"));
    let mut bytes = host.take(&row);
    let day = Day::of(later(10)).0.to_be_bytes();
    let at = bytes.windows(4).position(|part| part == day).expect("its expiry day");
    bytes[at..at + 4].copy_from_slice(&Day::of(later(400)).0.to_be_bytes());
    host.put(&row, bytes);
    let store = host.open();
    let expired = store.expire().await.expect("swept");
    assert!(expired.total() >= 2);
    assert_eq!((store.overdue().await, store.expire().await.map(|again| again.total())), (Ok(0), Ok(0)));
}

pub(crate) async fn what_ended_can_be_erased_all_the_same<H: Host>() {
    let host = H::new();
    let store = host.open();
    store
        .settle(vec![sieved(1, &["+devis", "+lettre"]), stored_in("devis", 2, false, 3)])
        .await
        .expect("settled");
    host.pass_days(&store, 3);
    assert_eq!(store.expire().await.map(|expired| expired.total()), Ok(1));
    let request = ErasureRequest::of(Wanted::Leadgen(leadgen(2)));
    let asked = store.erase(request, by_officer(Action::ErasureAsked)).await.expect("erased");
    assert!(matches!(asked, Asked::Erasure(erasure) if erasure.extent.is_empty() && erasure.done.is_some()));
    assert_eq!(
        (fates(&store, 2).await, fates(&store, 1).await.contains("devis-1-1")),
        ("erased".to_owned(), true)
    );
    nothing_is_wrong(&store).await;
}

fn days(number: u32) -> Lifespan {
    Lifespan::from_terms(vec![Term::days(number)])
}

fn slice(lifespan: Lifespan, dry_run: bool) -> DatingSlice {
    DatingSlice { purpose: purpose("devis"), lifespan, after: None, dry_run }
}

pub(crate) async fn records_end_earlier_by_a_shorter_lifespan_and_never_later_by_a_longer_one<H: Host>() {
    let host = H::new();
    let mut store = host.open();
    store_many(&store, 1, 300).await;
    store
        .settle(vec![stored_in("devis", 400, false, 5), stored_in("lettre", 401, false, 10)])
        .await
        .expect("settled");
    host.pass_days(&store, 4);
    let lines = store.lines(0, 10_000).await.expect("a trail").len();
    let first = store.date_anew(slice(days(7), true)).await.expect("counted");
    assert_eq!((first.earlier, first.over), (256, 0));
    let rest = store.date_anew(DatingSlice { after: first.next, ..slice(days(7), true) }).await;
    assert_eq!(
        rest,
        Ok(Dated { next: None, earlier: 44, over: 0 }),
        "that of five days is the earlier already"
    );
    assert_eq!(store.date_anew(slice(days(4), true)).await.map(|dated| dated.over), Ok(256));
    assert_eq!(store.lines(0, 10_000).await.expect("a trail").len(), lines, "nothing was changed");
    assert_eq!(
        store.date_anew(slice(days(30), false)).await.map(|dated| dated.earlier),
        Ok(0),
        "never later"
    );
    let dated = store.date_anew(slice(days(7), false)).await.expect("dated");
    let dated =
        store.date_anew(DatingSlice { after: dated.next, ..slice(days(7), false) }).await.expect("dated");
    assert_eq!((dated.next, dated.earlier), (None, 44));
    let told = store.lines(lines as u64, 100).await.expect("a trail");
    let told: Vec<_> = told.iter().map(|line| (line.entry.action(), line.entry.count)).collect();
    assert_eq!(told, [(Action::PeriodShortened, 256), (Action::PeriodShortened, 44)]);
    for _ in 0..2 {
        assert_eq!(export(&store, 1_000).await.map(|read| read.len()), Ok(301), "it opens as before");
        assert_eq!(store.date_anew(slice(days(7), false)).await.map(|dated| dated.earlier), Ok(0));
        nothing_is_wrong(&store).await;
        store.close().await.expect("closed");
        drop(store);
        store = host.open();
    }
    let mut page = store.open_page(request(None, 1), exporting()).await.expect("a page");
    let lead = read_all(&mut page).expect("read").pop().expect("one");
    assert_eq!(lead.expires_at(), later(7), "and says so to its reader");
    host.pass_days(&store, 3);
    assert_eq!(export(&store, 1_000).await, Ok(Vec::new()));
    assert_eq!(store.expire().await, Ok(ended(&[("devis", 301)])));
    assert_eq!(leaf(&host, "lettre", 1), Some(true));
    nothing_is_wrong(&store).await;
}

pub(crate) async fn by_which_lifespan_records_are_dated_is_known_after_a_restart<H: Host>() {
    let host = H::new();
    let store = host.open();
    assert!(store.lifespans().await.expect("read").is_empty());
    let kept = KeptLifespan { in_force: Some(days(30)), pending: Some((days(20), start())) };
    store.keep_lifespan(purpose("devis"), kept.clone()).await.expect("kept");
    let none = KeptLifespan::default();
    store.keep_lifespan(purpose("lettre"), none.clone()).await.expect("kept");
    store.close().await.expect("closed");
    drop(store);
    let found = host.open().lifespans().await.expect("read");
    assert_eq!((found.len(), &found[&purpose("devis")], &found[&purpose("lettre")]), (2, &kept, &none));
}
