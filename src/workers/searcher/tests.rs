use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;

use async_trait::async_trait;

use super::*;
use crate::lead::{Dropped, sample};
use crate::purpose::PhoneRegion;
use crate::purpose::sample::purpose;
use crate::store::contract::support::{later, reference, store_many, until};
use crate::store::contract::{Host, Row, support};
use crate::store::memory::MemoryHost;
use crate::store::{EachKept, Found, Outcome, Settlement, SharedStore};
use crate::trail::{Action, Entry};

/// What is kept, and how often it was looked through.
struct Counted {
    store: SharedStore,
    scans: AtomicUsize,
}

impl Counted {
    fn of(store: &SharedStore) -> Arc<Self> {
        Arc::new(Self { store: store.clone(), scans: AtomicUsize::new(0) })
    }

    fn scans(&self) -> usize {
        self.scans.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl Addresses for Counted {
    fn each_kept(&self, by: &[Entry]) -> Result<EachKept, StoreError> {
        self.scans.fetch_add(1, Ordering::SeqCst);
        self.store.each_kept(by)
    }

    async fn find_records(&self, records: Vec<RecordId>, entry: Entry) -> Result<Vec<Found>, StoreError> {
        self.store.find_records(records, entry).await
    }
}

fn by() -> Entry {
    Entry::by_system(Action::Found)
}

/// Two purposes: the numbers of `devis` are at home in France, those of `lettre` nowhere.
fn policy() -> Arc<Current<Policy>> {
    let mut devis = purpose("devis", &["email"]);
    devis.phone_region = PhoneRegion::parse("FR");
    Arc::new(Current::new(Policy::new(vec![devis, purpose("lettre", &["email"])])))
}

fn searcher(
    kept: &Arc<Counted>,
    within: Duration,
    busy: impl Fn() -> bool + Send + 'static,
) -> Arc<Searcher> {
    let (policy, metrics) = (policy(), Arc::new(Metrics::new()));
    let tools = SearchTools { kept: kept.clone(), policy, metrics, busy: Box::new(busy) };
    let spawn = |work: Work| std::thread::Builder::new().name("search".to_owned()).spawn(work);
    Arc::new(Searcher::start_within(within, tools, spawn).expect("a thread"))
}

/// One that nothing comes before.
fn idle(kept: &Arc<Counted>) -> Arc<Searcher> {
    searcher(kept, SCAN_WITHIN, || false)
}

/// Scans stand still at each look up from the records until they are told to go on.
fn gated(kept: &Arc<Counted>, within: Duration) -> (Arc<Searcher>, mpsc::Receiver<()>, mpsc::Sender<()>) {
    let ((stands, standing), (go, gone)) = (mpsc::channel(), mpsc::channel());
    let busy = move || {
        let _ = stands.send(());
        let _ = gone.recv();
        false
    };
    (searcher(kept, within, busy), standing, go)
}

fn mailbox(typed: &str) -> Sought {
    Sought::email(typed).expect("an address")
}

fn number(typed: &str) -> Sought {
    Sought::phone(typed).expect("a number")
}

fn of(number: u64) -> Sought {
    mailbox(&support::email_of(number))
}

/// Stores a submission with this answer.
async fn keep(store: &SharedStore, purpose: &str, number: u64, answer: &str) {
    let outcome = Outcome::stored(sample::lead(purpose, answer, false, later(10)));
    let reference = reference(number);
    let settlement = Settlement { reference, outcome, matched: Vec::new(), dropped: Dropped::default() };
    store.settle(vec![settlement]).await.expect("settled");
}

/// The records that were found.
fn named(found: Result<Matches, StoreError>) -> Vec<String> {
    found.expect("looked").first.iter().map(|found| found.record.to_string()).collect()
}

#[tokio::test]
async fn an_address_is_found_in_every_spelling_and_by_the_rules_of_each_purpose() {
    let host = MemoryHost::new();
    let store = host.open();
    for (at, (purpose, answer)) in [
        ("devis", "Anne@Example.COM"),
        ("devis", "06 39 98 00 00"),
        ("devis", "anna@example.com"),
        ("lettre", " anne@example.com"),
        ("lettre", "+33639980000"),
        ("lettre", "0639980000"),
        ("lettre", "anne@example.com.example"),
    ]
    .into_iter()
    .enumerate()
    {
        keep(&store, purpose, at as u64 + 1, answer).await;
    }
    let searcher = idle(&Counted::of(&store));
    let look = |sought| searcher.look(sought, None, by());
    let behind =
        |record: &str| searcher.look(mailbox("anne@example.com"), Some(support::record(record)), by());
    assert_eq!(named(look(mailbox("ANNE@example.com")).await), ["devis-1-1", "lettre-1-1"]);
    assert_eq!(named(look(number("+33 6 39 98 00 00")).await), ["devis-1-2", "lettre-1-2"]);
    assert_eq!(named(look(number("06.39.98.00.00")).await), ["devis-1-2", "lettre-1-3"]);
    assert!(named(look(mailbox("nobody@example.com")).await).is_empty());
    // Whether the record is there or not.
    for record in ["devis-1-1", "devis-1-9", "kundin-1-1"] {
        assert_eq!(named(behind(record).await), ["lettre-1-1"], "{record}");
    }
    assert!(named(behind("lettre-1-1").await).is_empty());
}

#[tokio::test]
async fn what_does_not_open_is_counted_where_it_was_looked_for() {
    let host = MemoryHost::new();
    let store = host.open();
    store_many(&store, 1, 3).await;
    store.close().await.expect("closed");
    drop(store);
    let row = |id: &str| Row::Record(support::record(id));
    let other = host.take(&row("devis-1-1"));
    host.put(&row("devis-1-2"), other);
    let searcher = idle(&Counted::of(&host.open()));
    let found = searcher.look(of(3), None, by()).await.expect("looked");
    assert_eq!((found.total, found.unreadable), (1, 1));
    let behind = searcher.look(of(3), Some(support::record("devis-1-2")), by()).await.expect("looked");
    assert_eq!((behind.total, behind.unreadable), (1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn look_ups_that_come_during_a_scan_share_the_next() {
    let host = MemoryHost::new();
    let store = host.open();
    store_many(&store, 1, 20).await;
    let kept = Counted::of(&store);
    let (searcher, standing, go) = gated(&kept, SCAN_WITHIN);
    let look = |number| {
        let searcher = searcher.clone();
        async move { named(searcher.look(of(number), None, by()).await) }
    };
    let first = async {
        let first = look(1);
        tokio::pin!(first);
        // It is under way: whoever comes now may have been passed already.
        let others = async {
            tokio::task::block_in_place(|| standing.recv()).expect("a scan");
            let others = futures_util::future::join_all((2..=12).map(look));
            let released = async {
                let waiting = || async { searcher.desk.waiting.lock().lookups.len() == 11 };
                until("all wait", waiting).await;
                drop(go);
            };
            tokio::join!(others, released).0
        };
        tokio::join!(&mut first, others)
    };
    let (first, others) = first.await;
    assert_eq!(first, ["devis-1-1"]);
    let wanted: Vec<Vec<String>> = (2..=12).map(|number| vec![format!("devis-1-{number}")]).collect();
    assert_eq!(others, wanted);
    assert_eq!(kept.scans(), 2, "one for the first, one for all the others");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_more_wait_than_may_and_who_goes_away_makes_room() {
    let host = MemoryHost::new();
    let store = host.open();
    store_many(&store, 1, 2).await;
    let kept = Counted::of(&store);
    let (searcher, standing, go) = gated(&kept, SCAN_WITHIN);
    let mut first = Box::pin(searcher.look(of(1), None, by()));
    assert!(futures_util::poll!(&mut first).is_pending());
    standing.recv().expect("a scan");
    let mut waiting: Vec<_> = (0..WAITING_MAX).map(|_| Box::pin(searcher.look(of(2), None, by()))).collect();
    for lookup in &mut waiting {
        assert!(futures_util::poll!(lookup).is_pending());
    }
    let refused = searcher.look(of(2), None, by()).await;
    assert_eq!(refused.err().map(|error| error.code), Some(StoreCode::SearchesFull));
    waiting.truncate(1);
    let mut late = Box::pin(searcher.look(of(2), None, by()));
    assert!(futures_util::poll!(&mut late).is_pending());
    assert_eq!(searcher.desk.waiting.lock().lookups.len(), 2);
    drop(go);
    assert_eq!(
        (named(first.await), named(late.await)),
        (vec!["devis-1-1".to_owned()], vec!["devis-1-2".to_owned()])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scan_that_takes_too_long_or_that_nobody_waits_for_is_broken_off() {
    let host = MemoryHost::new();
    let store = host.open();
    store_many(&store, 1, 600).await;
    let kept = Counted::of(&store);
    let too_slow = searcher(&kept, Duration::ZERO, || false).look(of(1), None, by()).await;
    assert_eq!(too_slow.err().map(|error| error.code), Some(StoreCode::SearchTooSlow));
    let (searcher, standing, go) = gated(&kept, SCAN_WITHIN);
    let mut first = Box::pin(searcher.look(of(1), None, by()));
    assert!(futures_util::poll!(&mut first).is_pending());
    standing.recv().expect("a scan");
    drop(first);
    // The first look up from the records goes on; at the next, 256 records later, nobody is there, and it is not busy then.
    go.send(()).expect("it stands");
    let mut next = Box::pin(searcher.look(of(2), None, by()));
    assert!(futures_util::poll!(&mut next).is_pending());
    standing.recv().expect("the scan of the next");
    drop(go);
    assert_eq!(named(next.await), ["devis-1-2"]);
    assert_eq!(standing.try_iter().count(), 2, "the second scan's 600 records, and none of the first's");
}

#[tokio::test(flavor = "multi_thread")]
async fn with_the_end_who_waits_is_told_and_the_thread_is_gone() {
    let host = MemoryHost::new();
    let store = host.open();
    store_many(&store, 1, 600).await;
    let (searcher, standing, go) = gated(&Counted::of(&store), SCAN_WITHIN);
    let mut under_way = Box::pin(searcher.look(of(1), None, by()));
    assert!(futures_util::poll!(&mut under_way).is_pending());
    standing.recv().expect("a scan");
    let mut waiting = Box::pin(searcher.look(of(2), None, by()));
    assert!(futures_util::poll!(&mut waiting).is_pending());
    let closed =
        |looked: Result<Matches, StoreError>| looked.err().map(|error| error.code) == Some(StoreCode::Closed);
    let ((), waited) = tokio::join!(
        async {
            tokio::time::sleep(Duration::from_millis(20)).await;
            drop(go);
        },
        async {
            searcher.end().await;
            waiting.await
        }
    );
    assert!(closed(waited) && closed(under_way.await));
    assert!(closed(searcher.look(of(1), None, by()).await));
    assert!(searcher.thread.lock().is_none());
}

/// A panic of ours costs those who share its scan their answer, and nobody after them.
#[tokio::test]
async fn a_scan_that_panics_is_the_last_of_nobody_else() {
    let host = MemoryHost::new();
    let store = host.open();
    store_many(&store, 1, 1).await;
    let panics = AtomicUsize::new(0);
    let busy = move || {
        assert!(panics.fetch_add(1, Ordering::SeqCst) > 0, "of a test");
        false
    };
    let searcher = searcher(&Counted::of(&store), SCAN_WITHIN, busy);
    assert_eq!(searcher.look(of(1), None, by()).await.err().map(|error| error.code), Some(StoreCode::Closed));
    assert_eq!(named(searcher.look(of(1), None, by()).await), ["devis-1-1"]);
}
