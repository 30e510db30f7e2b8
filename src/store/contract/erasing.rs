//! Erasures: what is gone, what stays, and what is said of it.

use futures_util::future::join_all;

use super::rewriting::corrected;
use super::several::{fates, nothing_is_wrong, sieved};
use super::support::*;
use super::{Host, Row};
use crate::clock::{Day, Month};
use crate::keyring::Keyring;
use crate::keyring::lease::LeaseError;
use crate::keyring::tree::Kind;
use crate::purpose::PurposeId;
use crate::store::erasures::PAPERS_BYTES_MAX;
use crate::store::{
    Asked, ERASED_AT_ONCE_MAX, Erasure, ErasureRequest, Extent, Papers, RepeatKey, Rewritten, SharedStore,
    StoreCode, StuckErasures, Traces, Wanted,
};
use crate::trail::{Action, Entry, Outcome, Reason};

fn asking() -> Entry {
    by_officer(Action::ErasureAsked)
}

fn trying() -> Entry {
    by_officer(Action::ErasureTried)
}

fn by_leadgen(number: u64) -> ErasureRequest {
    ErasureRequest::of(Wanted::Leadgen(leadgen(number)))
}

fn by_record(id: &str) -> ErasureRequest {
    ErasureRequest::of(Wanted::Record(record(id)))
}

/// The erasure that came of a request.
async fn erase(store: &SharedStore, request: ErasureRequest) -> Erasure {
    match store.erase(request, asking()).await.expect("erased") {
        Asked::Erasure(erasure) => erasure,
        Asked::KeyTaken => panic!("no key was given"),
    }
}

fn took(records: &[(&str, u64)], references: u64) -> Extent {
    let records = records.iter().map(|(name, count)| (purpose(name), *count)).collect();
    Extent { records, references }
}

/// Whether the leaf of a record of the first bucket lives.
fn lives<H: Host>(host: &H, name: &str, leaf: u16) -> bool {
    let bucket = crate::keyring::Bucket::of(&record(&format!("{name}-1-1")));
    let lease = host.keyring().lease(&bucket).expect("there");
    match lease.key(leaf, Kind::Record, 0) {
        Ok(_) => true,
        Err(LeaseError::Dead) => false,
        Err(LeaseError::Revoked) => panic!("it was just taken"),
    }
}

fn emails(numbers: impl IntoIterator<Item = u64>) -> Vec<String> {
    numbers.into_iter().map(email_of).collect()
}

pub(crate) async fn what_is_erased_is_read_nowhere_counted_off_and_its_key_destroyed<H: Host>() {
    let host = H::new();
    let mut store = host.open();
    store_many(&store, 1, 4).await;
    let before = host.keyring().generation();
    let erasure = erase(&store, by_leadgen(2)).await;
    let end = erasure.done.expect("it has its end");
    assert_eq!((erasure.extent.clone(), erasure.id.to_string().as_str()), (took(&[("devis", 1)], 0), "1-1"));
    assert_eq!((erasure.asked, erasure.reason), (start(), Some(Reason::PersonRequest)));
    assert!(before < end.generation && end.generation <= host.keyring().generation());
    assert!(erasure.asked <= end.at);
    let alive: Vec<bool> = (1..=4).map(|leaf| lives(&host, "devis", leaf)).collect();
    assert_eq!(alive, [true, false, true, true]);
    let second = erase(&store, by_record("devis-1-3")).await;
    assert_eq!((second.id.number, lives(&host, "devis", 3)), (2, false));
    for _ in 0..2 {
        assert_eq!(export(&store, 2).await, Ok(emails([1, 4])));
        assert_eq!(store.stored().await.expect("counted")[&purpose("devis")], 2);
        assert_eq!(fates(&store, 2).await, "erased");
        let found = |wanted| store.find(wanted, by_officer(Action::Found));
        assert!(found(Wanted::Record(record("devis-1-2"))).await.expect("looked up").is_empty());
        let found = found(Wanted::Leadgen(leadgen(3))).await.expect("looked up");
        assert!(found.len() == 1 && found[0].lead.is_none());
        assert_eq!(store.erasure(erasure.id).await, Ok(Some(erasure.clone())));
        nothing_is_wrong(&store).await;
        store.close().await.expect("closed");
        drop(store);
        store = host.open();
    }
    store_many(&store, 9, 1).await;
    assert_eq!(fates(&store, 9).await, "devis: devis-1-5", "no number is given again");
}

pub(crate) async fn an_erasure_stands_in_the_trail_when_it_is_asked_for_and_when_it_is_done<H: Host>() {
    let host = H::new();
    let store = host.open();
    store.settle(vec![sieved(1, &["+devis", "+lettre"]), parked(2, 1, REFUSED)]).await.expect("settled");
    let lines = store.lines(0, 100).await.expect("a trail").len() as u64;
    let whole = erase(&store, by_leadgen(1)).await;
    erase(&store, by_leadgen(2)).await;
    erase(&store, by_leadgen(3)).await;
    store.close().await.expect("closed");
    drop(store);
    let told: Vec<_> = host.open().lines(lines, 100).await.expect("a trail");
    assert_eq!(told[0].seq, whole.line);
    let told: Vec<_> = told
        .iter()
        .map(|line| {
            let entry = &line.entry;
            let named = entry.from.as_ref().map_or(String::new(), ToString::to_string);
            assert!(entry.from == entry.to);
            (entry.action().as_str(), entry.role().as_str(), named, entry.count, entry.result)
        })
        .collect();
    let line = |action, role, id: &str, count, result| (action, role, id.to_owned(), count, result);
    let asked = |id: &str, count, result| line("erasure-asked", "local", id, count, result);
    let expected = [
        asked("devis-1-1", 1, Outcome::Done),
        asked("lettre-1-1", 1, Outcome::Done),
        line("erased", "system", "", 2, Outcome::Done),
        asked("", 1, Outcome::Done),
        asked("", 0, Outcome::Nothing),
    ];
    assert_eq!(told, expected);
}

pub(crate) async fn a_submission_is_erased_whole_by_any_of_its_records<H: Host>() {
    let host = H::new();
    let store = host.open();
    let batch = vec![sieved(1, &["+devis", "+lettre"]), sieved(2, &["+devis", "-lettre"])];
    store.settle(batch).await.expect("settled");
    let erasure = erase(&store, by_record("lettre-1-1")).await;
    assert_eq!(erasure.extent, took(&[("devis", 1), ("lettre", 1)], 0));
    let erasure = erase(&store, by_record("devis-1-2")).await;
    assert_eq!(erasure.extent, took(&[("devis", 1)], 1), "and what is parked of it");
    assert_eq!((fates(&store, 1).await, fates(&store, 2).await), ("erased".to_owned(), "erased".to_owned()));
    assert!(!lives(&host, "devis", 1) && !lives(&host, "devis", 2) && !lives(&host, "lettre", 1));
    let overview = store.overview().await.expect("an overview");
    assert!(overview.refused.is_empty());
    nothing_is_wrong(&store).await;
}

pub(crate) async fn for_purposes_that_are_named_it_is_erased_and_for_the_others_it_stays<H: Host>() {
    let host = H::new();
    let mut store = host.open();
    let batch = vec![sieved(1, &["+devis", "+lettre"]), sieved(2, &["-devis", "-lettre"])];
    store.settle(batch).await.expect("settled");
    let only = |number, name| ErasureRequest { purposes: vec![purpose(name)], ..by_leadgen(number) };
    assert_eq!(erase(&store, only(1, "lettre")).await.extent, took(&[("lettre", 1)], 0));
    assert_eq!(erase(&store, only(2, "lettre")).await.extent, took(&[], 0), "it is open for another");
    for _ in 0..2 {
        assert_eq!(fates(&store, 1).await, "devis: devis-1-1, lettre: erased");
        assert_eq!(fates(&store, 2).await, "devis: required-field-missing, lettre: erased");
        assert_eq!(store.known(&[reference(1), reference(2)]).await, Ok(vec![true, true]));
        let again = vec![sieved(1, &["+devis", "+lettre"])];
        assert_eq!(words(&store.settle(again).await.expect("settled")), ["known"]);
        assert!(lives(&host, "devis", 1) && !lives(&host, "lettre", 1));
        nothing_is_wrong(&store).await;
        store.close().await.expect("closed");
        drop(store);
        store = host.open();
    }
    let settled = store.settle(vec![sieved(2, &["+devis", "+lettre"])]).await.expect("settled");
    assert_eq!(words(&settled), ["devis-1-2"], "and nothing for what it was erased for");
    assert_eq!(erase(&store, only(2, "devis")).await.extent, took(&[("devis", 1)], 0));
    assert_eq!(fates(&store, 2).await, "devis: erased, lettre: erased");
    assert_eq!(erase(&store, by_leadgen(1)).await.extent, took(&[("devis", 1)], 0));
    assert_eq!(fates(&store, 1).await, "erased");
    nothing_is_wrong(&store).await;
}

pub(crate) async fn what_would_be_taken_is_said_and_nothing_is_changed<H: Host>() {
    let host = H::new();
    let store = host.open();
    store.settle(vec![sieved(1, &["+devis", "+lettre"]), parked(2, 1, HELD)]).await.expect("settled");
    let lines = store.lines(0, 100).await.expect("a trail").len();
    let what = vec![
        Wanted::Leadgen(leadgen(1)),
        Wanted::Record(record("devis-1-1")),
        Wanted::Leadgen(leadgen(2)),
        Wanted::Leadgen(leadgen(3)),
        Wanted::Record(record("devis-1-9")),
    ];
    let request = |purposes: Vec<PurposeId>| ErasureRequest {
        what: what.clone(),
        purposes,
        ..ErasureRequest::default()
    };
    let all = took(&[("devis", 1), ("lettre", 1)], 1);
    assert_eq!(store.extent(request(Vec::new()), trying()).await, Ok(all.clone()));
    let narrowed = store.extent(request(vec![purpose("lettre")]), trying()).await;
    assert_eq!(narrowed, Ok(took(&[("lettre", 1)], 0)), "what is not matched yet stays");
    assert_eq!(store.extent(by_record("devis-1-9"), trying()).await, Ok(took(&[], 0)));
    // Each is a look at whether somebody is there, however fast they come.
    let told = store.lines(lines as u64, 100).await.expect("a trail");
    let told: Vec<_> =
        told.iter().map(|line| (line.entry.action(), line.entry.count, line.entry.result)).collect();
    let line = |count, result| (Action::ErasureTried, count, result);
    assert_eq!(told, [line(2, Outcome::Done), line(1, Outcome::Done), line(0, Outcome::Nothing)]);
    assert_eq!(fates(&store, 1).await, "devis: devis-1-1, lettre: lettre-1-1");
    assert_eq!(erase(&store, request(Vec::new())).await.extent, all);
}

pub(crate) async fn a_record_that_is_not_there_takes_nothing<H: Host>() {
    let host = H::new();
    let store = host.open();
    store_many(&store, 1, 1).await;
    let generation = host.keyring().generation();
    for id in ["devis-1-2", "devis-2-1", "inconnu-1-1"] {
        let erasure = erase(&store, by_record(id)).await;
        assert_eq!((erasure.extent, erasure.done.is_some()), (took(&[], 0), true), "{id}");
    }
    assert_eq!(host.keyring().generation(), generation);
    assert_eq!(export(&store, 10).await, Ok(emails([1])));
}

pub(crate) async fn a_record_that_does_not_open_is_erased_all_the_same<H: Host>() {
    let host = H::new();
    let store = host.open();
    store.settle(vec![sieved(1, &["+devis", "+lettre"]), stored(2)]).await.expect("settled");
    store.close().await.expect("closed");
    drop(store);
    let row = Row::Record(record("devis-1-1"));
    let mut bytes = host.take(&row);
    *bytes.last_mut().expect("a byte") ^= 1;
    host.put(&row, bytes);
    let store = host.open();
    let erasure = erase(&store, by_record("devis-1-1")).await;
    assert_eq!(erasure.extent, took(&[("devis", 1), ("lettre", 1)], 0));
    assert!(!lives(&host, "devis", 1) && !lives(&host, "lettre", 1));
    assert_eq!(fates(&store, 1).await, "erased");
    assert_eq!(export(&store, 10).await, Ok(emails([2])));
    nothing_is_wrong(&store).await;
}

pub(crate) async fn an_erasure_whose_keys_cannot_be_destroyed_has_no_end_until_a_start_makes_one<H: Host>() {
    let host = H::new();
    let store = host.open();
    store_many(&store, 1, 4).await;
    // The month's tombstones have their key.
    erase(&store, by_leadgen(4)).await;
    *host.keyring().changes_left.lock().expect("not poisoned") = Some(0);
    let erasure = erase(&store, by_leadgen(2)).await;
    assert_eq!((&erasure.extent, erasure.done), (&took(&[("devis", 1)], 0), None));
    assert_eq!(store.erasure(erasure.id).await.map(|found| found.and_then(|found| found.done)), Ok(None));
    assert!(lives(&host, "devis", 2), "nobody may be told otherwise");
    assert_eq!((fates(&store, 2).await, export(&store, 10).await), ("erased".to_owned(), Ok(emails([1, 3]))));
    nothing_is_wrong(&store).await;
    drop(store);
    *host.keyring().changes_left.lock().expect("not poisoned") = None;
    let store = host.open();
    assert!(!lives(&host, "devis", 2), "before anybody has the store");
    let of = async |store: &SharedStore| store.erasure(erasure.id).await.expect("read").expect("there");
    until("its row says so", async || of(&store).await.done.is_some()).await;
    let ended = of(&store).await;
    assert_eq!(Erasure { done: None, ..ended.clone() }, erasure);
    store.close().await.expect("closed");
    drop(store);
    let store = host.open();
    assert_eq!(of(&store).await, ended, "and that once");
    let lines = store.lines(0, 100).await.expect("a trail");
    let ends = lines.iter().filter(|line| line.entry.action() == Action::Erased).count();
    assert_eq!(ends, 2);
}

pub(crate) async fn a_request_sent_twice_is_one_erasure_and_another_under_its_key_is_told_apart<H: Host>() {
    let host = H::new();
    let store = host.open();
    store_many(&store, 1, 3).await;
    let keyed = |request: ErasureRequest, key: &str| {
        let repeat = RepeatKey::parse(key);
        assert!(repeat.is_some());
        ErasureRequest { repeat, ..request }
    };
    let request = || keyed(by_leadgen(1), "7f0c");
    assert_eq!(store.repeated(request(), asking()).await, Ok(None));
    let first = store.erase(request(), asking()).await.expect("erased");
    let lines = store.lines(0, 100).await.expect("a trail").len();
    assert_eq!(store.erase(request(), asking()).await, Ok(first.clone()));
    assert_eq!(store.repeated(request(), asking()).await, Ok(Some(first.clone())), "it is told without");
    assert_eq!(store.repeated(keyed(by_leadgen(2), "7f0c"), asking()).await, Ok(Some(Asked::KeyTaken)));
    assert_eq!(store.repeated(by_leadgen(1), asking()).await, Ok(None), "it has no key");
    assert_eq!(store.erase(keyed(by_leadgen(2), "7f0c"), asking()).await, Ok(Asked::KeyTaken));
    assert_eq!(fates(&store, 2).await, "devis: devis-1-2", "and nothing is done");
    store.close().await.expect("closed");
    drop(store);
    let store = host.open();
    assert_eq!(store.erase(request(), asking()).await, Ok(first.clone()), "also after a restart");
    let told = store.lines(0, 100).await.expect("a trail");
    assert!(told.len() <= lines + 1, "its end, and no more");
    let other = store.erase(request(), by_token("0011", Action::ErasureAsked)).await.expect("erased");
    assert_ne!(other, first, "another caller's key is another");
    // One that has no end yet is tried again, and is the same.
    *host.keyring().changes_left.lock().expect("not poisoned") = Some(0);
    let pending = || keyed(by_leadgen(3), "91aa");
    let Ok(Asked::Erasure(before)) = store.erase(pending(), asking()).await else { panic!("an erasure") };
    let Ok(Some(Asked::Erasure(told))) = store.repeated(pending(), asking()).await else {
        panic!("an erasure")
    };
    assert_eq!((told.id, told.done), (before.id, None));
    *host.keyring().changes_left.lock().expect("not poisoned") = None;
    let Ok(Asked::Erasure(after)) = store.erase(pending(), asking()).await else { panic!("an erasure") };
    assert_eq!((before.done, before.id), (None, after.id));
    assert!(after.done.is_some() && !lives(&host, "devis", 3));
}

pub(crate) async fn an_export_under_way_goes_on_without_what_is_erased<H: Host>() {
    let host = H::new();
    let store = host.open();
    store_many(&store, 1, 300).await;
    let mut page = store.open_page(request(None, 300), exporting()).await.expect("a page");
    let first = page.records.next().expect("one").expect("unsealed").read().expect("of our layout");
    assert_eq!(crate::lead::sample::email(&first), email_of(1));
    for number in [2, 150, 299, 300] {
        assert!(erase(&store, by_leadgen(number)).await.done.is_some());
    }
    let read = read_all(&mut page).expect("no error for it");
    let read: Vec<String> = read.iter().map(crate::lead::sample::email).collect();
    assert_eq!(read, emails((3..=298).filter(|number| *number != 150)));
}

pub(crate) async fn an_erasure_keeps_what_its_receipt_needs_and_says_what_it_leaves_until_when<H: Host>() {
    let host = H::new();
    let mut store = host.open();
    store.settle(vec![sieved(1, &["+devis", "+lettre"]), parked(2, 1, HELD)]).await.expect("settled");
    let today = Day::of(start());
    host.pass_days(&store, 3);
    let papers = Papers {
        said: b"person".to_vec(),
        of_all: b"everything".to_vec(),
        of_purposes: [("devis", "d"), ("lettre", "l")].map(|(of, what)| (purpose(of), what.into())).into(),
    };
    let with_papers = |request: ErasureRequest| ErasureRequest { papers: papers.clone(), ..request };
    let narrowed = ErasureRequest { purposes: vec![purpose("devis")], ..by_leadgen(1) };
    let record = erase(&store, with_papers(narrowed)).await;
    let reference = erase(&store, with_papers(by_leadgen(2))).await;
    let nothing = erase(&store, with_papers(by_record("devis-1-9"))).await;
    for _ in 0..2 {
        let kept = |of: &Erasure| of.papers.of_purposes.keys().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!((kept(&record), kept(&reference)), (vec!["devis".to_owned()], Vec::new()));
        for erasure in [&record, &reference, &nothing] {
            assert_eq!((&erasure.papers.said, &erasure.papers.of_all), (&papers.said, &papers.of_all));
            assert_eq!(store.erasure(erasure.id).await, Ok(Some(erasure.clone())));
        }
        let stones = Some(Month::of(store.now()).end().plus(120));
        let traces = |submitted, day_keys_until, tombstones_until| Traces {
            submitted,
            day_keys_until,
            tombstones_until,
            evidence_until: None,
        };
        // The sample was sent in on the first day.
        assert_eq!(record.traces, traces(Some(today), None, stones));
        // What is parked for longer is sealed again under another day's key.
        assert_eq!(reference.traces, traces(Some(today), Some(today.plus(7)), stones));
        assert_eq!(nothing.traces, Traces::default(), "a number that is nobody's");
        store.close().await.expect("closed");
        drop(store);
        store = host.open();
    }
    let large = |bytes: usize| Papers { of_all: vec![7; bytes], ..Papers::default() };
    for bytes in [12 * 1024, 25_000, PAPERS_BYTES_MAX] {
        let repeat = RepeatKey::parse(&bytes.to_string());
        let request = || ErasureRequest { papers: large(bytes), repeat: repeat.clone(), ..by_leadgen(1) };
        let erasure = erase(&store, request()).await;
        assert!(erasure.papers == large(bytes), "{bytes}");
        assert!(store.erasure(erasure.id).await == Ok(Some(erasure.clone())), "{bytes}");
        assert!(erase(&store, request()).await == erasure, "it is known again");
        store.close().await.expect("closed");
        drop(store);
        store = host.open();
        assert!(store.erasure(erasure.id).await == Ok(Some(erasure)), "{bytes}");
    }
    let large = large(PAPERS_BYTES_MAX + 1);
    let refused = store.erase(ErasureRequest { papers: large, ..by_leadgen(1) }, asking()).await;
    assert_eq!(code(refused), Some(StoreCode::ValueTooLarge));
}

pub(crate) async fn what_lies_in_the_journal_alone_counts_once_and_only_where_nothing_else_is_known<
    H: Host,
>() {
    let host = H::new();
    let store = host.open();
    store.settle(vec![stored(1), parked(2, 1, HELD)]).await.expect("settled");
    let queued = |number| ErasureRequest { queued: vec![leadgen(number)], ..by_leadgen(number) };
    for (number, expected) in [(1, took(&[("devis", 1)], 0)), (2, took(&[], 1)), (3, took(&[], 1))] {
        assert_eq!(store.extent(queued(number), trying()).await, Ok(expected.clone()), "{number}");
        let erasure = erase(&store, queued(number)).await;
        assert_eq!(erasure.extent, expected, "{number}");
        assert_eq!(erasure.traces.submitted, Some(Day::of(start())), "{number}");
        assert_eq!(store.extent(queued(number), trying()).await, Ok(took(&[], 0)), "{number}: it has ended");
        assert_eq!(erase(&store, queued(number)).await.extent, took(&[], 0), "{number}");
    }
    let narrowed = ErasureRequest { purposes: vec![purpose("devis")], ..queued(4) };
    assert_eq!(erase(&store, narrowed).await.extent, took(&[], 0), "it stays for other purposes");
    assert_eq!(erase(&store, queued(4)).await.extent, took(&[], 1));
    let twice = ErasureRequest { what: vec![Wanted::Leadgen(leadgen(5)); 2], ..queued(5) };
    assert_eq!(store.extent(twice.clone(), trying()).await, Ok(took(&[], 1)));
    assert_eq!(erase(&store, twice).await.extent, took(&[], 1));
    assert_eq!(erase(&store, by_leadgen(6)).await.extent, took(&[], 0), "nobody says that it lies there");
}

pub(crate) async fn those_that_are_stuck_are_counted_until_they_have_their_end<H: Host>() {
    let host = H::new();
    let store = host.open();
    store_many(&store, 1, 3).await;
    erase(&store, by_leadgen(3)).await;
    assert_eq!(store.stuck_erasures(), StuckErasures::default());
    *host.keyring().changes_left.lock().expect("not poisoned") = Some(0);
    erase(&store, by_leadgen(1)).await;
    assert_eq!(store.stuck_erasures(), StuckErasures { pending: 1, damaged: 0 });
    for _ in 0..3 {
        erase(&store, ErasureRequest { repeat: RepeatKey::parse("a"), ..by_leadgen(2) }).await;
        assert_eq!(store.stuck_erasures().pending, 2, "the same one, however often it is asked for");
    }
    *host.keyring().changes_left.lock().expect("not poisoned") = None;
    // The next one takes them along.
    erase(&store, by_record("devis-1-9")).await;
    until("they have their end", async || store.stuck_erasures() == StuckErasures::default()).await;
}

pub(crate) async fn many_at_once_each_have_their_end<H: Host>() {
    let host = H::new();
    let store = host.open();
    store_many(&store, 1, 60).await;
    let erased = join_all((1..=60).filter(|number| number % 2 == 0).map(|number| {
        let store = store.clone();
        async move {
            let erasure = erase(&store, by_leadgen(number)).await;
            // Whoever was told that it is done is not told otherwise a moment later.
            assert_eq!(store.erasure(erasure.id).await, Ok(Some(erasure.clone())));
            erasure
        }
    }))
    .await;
    assert!(
        erased.iter().all(|erasure| erasure.done.is_some() && erasure.extent == took(&[("devis", 1)], 0))
    );
    let mut numbers: Vec<u64> = erased.iter().map(|erasure| erasure.id.number).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=30).collect::<Vec<_>>());
    for leaf in 1..=60 {
        assert_eq!(lives(&host, "devis", leaf), leaf % 2 == 1, "{leaf}");
    }
    assert_eq!(export(&store, 100).await, Ok(emails((1..=60).filter(|number| number % 2 == 1))));
    nothing_is_wrong(&store).await;
}

pub(crate) async fn more_than_fit_into_one_are_refused<H: Host>() {
    let host = H::new();
    let store = host.open();
    let request = |count: usize| ErasureRequest {
        what: (0..count as u64).map(|number| Wanted::Leadgen(leadgen(number))).collect(),
        ..ErasureRequest::default()
    };
    let refused = store.erase(request(ERASED_AT_ONCE_MAX + 1), asking()).await;
    assert_eq!(code(refused), Some(StoreCode::ValueTooLarge));
    store_many(&store, 0, ERASED_AT_ONCE_MAX as u64).await;
    let erasure = erase(&store, request(ERASED_AT_ONCE_MAX)).await;
    assert_eq!(erasure.extent, took(&[("devis", ERASED_AT_ONCE_MAX as u64)], 0));
    assert!(erasure.done.is_some());
    assert_eq!(export(&store, 10).await, Ok(Vec::new()));
    nothing_is_wrong(&store).await;
}

pub(crate) async fn a_correction_that_comes_with_an_erasure_is_told_that_the_record_is_gone<H: Host>() {
    let host = H::new();
    let store = host.open();
    store_many(&store, 1, 32).await;
    // Many at once, so that the writer takes an erasure and a correction behind it into one transaction.
    let pairs = (1..=32).map(|number| {
        let store = store.clone();
        async move {
            let id = format!("devis-1-{number}");
            let erasing = async {
                let request = ErasureRequest::of(Wanted::Record(record(&id)));
                store.erase(request, by_officer(Action::ErasureAsked)).await.expect("erased")
            };
            // Until it is gone: the first may come before.
            let correcting = async {
                for turn in 0.. {
                    let told = corrected(&store, &id, &format!("a{turn}@canary.example")).await.each[0];
                    if told != Rewritten::Anew {
                        return told;
                    }
                }
                unreachable!("corrections have no end")
            };
            tokio::join!(erasing, correcting).1
        }
    });
    let told = join_all(pairs).await;
    assert!(told.iter().all(|told| *told == Rewritten::Gone), "{told:?}");
    assert_eq!(store.stored().await.expect("counted")[&purpose("devis")], 0);
    nothing_is_wrong(&store).await;
}
