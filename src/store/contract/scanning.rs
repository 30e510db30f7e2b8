//! What is whole is said to be whole; what is gone or changed is named, and refused until it is back.

use super::support::*;
use super::{Host, Row};
use crate::store::{Fault, PageRequest, RecordsFault, StoreCode};

const RECORDS: u64 = 60;

/// Records, and one parked reference of each kind; the store is closed.
async fn filled<H: Host>() -> H {
    let host = H::new();
    let store = host.open();
    store_many(&store, 1, RECORDS).await;
    let whys = [waiting(60, 0), HELD, REFUSED, BURIED];
    let batch = (9_001..).zip(whys).map(|(number, why)| parked(number, 1, why)).collect();
    store.settle(batch).await.expect("settled");
    store.close().await.expect("closed");
    host
}

/// The records of `devis`, of which nothing is wrong.
fn sound() -> RecordsFault {
    RecordsFault {
        purpose: purpose("devis"),
        counted: RECORDS,
        found: RECORDS,
        indexed: RECORDS,
        absent: 0,
        unreadable: 0,
        first: None,
    }
}

/// What a scan finds after a start.
async fn faults<H: Host>(host: &H) -> Vec<Fault> {
    let store = host.open();
    let scanned = scan(&store, 50).await.expect("scanned");
    store.close().await.expect("closed");
    scanned.faults
}

pub(crate) async fn what_is_whole_is_said_to_be_whole_in_slices_of_any_size<H: Host>() {
    let host = filled::<H>().await;
    let store = host.open();
    for slice in [1, 7, 60, 10_000] {
        let scanned = scan(&store, slice).await.expect("scanned");
        assert_eq!(scanned.faults, [], "in slices of {slice}");
        let lines = store.lines(0, 10_000).await.expect("lines").len() as u64;
        let found = (scanned.records, scanned.seen, scanned.parked, scanned.lines);
        assert_eq!(found, (RECORDS, RECORDS + 4, 4, lines));
    }
    let empty = H::new();
    assert_eq!(scan(&empty.open(), 10).await.map(|scanned| scanned.faults), Ok(Vec::new()));
}

pub(crate) async fn a_removed_record_is_named_and_the_export_says_so_until_it_is_back<H: Host>() {
    let host = filled::<H>().await;
    let id = record("devis-1-57");
    let removed = host.take(&Row::Record(id.clone()));
    let fault = RecordsFault { found: RECORDS - 1, absent: 1, first: Some(id.clone()), ..sound() };
    assert_eq!(fault.missing(), 1);
    assert_eq!(faults(&host).await, [Fault::Records(fault)]);

    // Known also after a restart, before any scan.
    let store = host.open();
    let refused = store.open_page(request(None, 10), exporting()).await;
    assert_eq!(code(refused), Some(StoreCode::CountMismatch));
    let allowed = PageRequest { incomplete: true, ..request(None, 1_000) };
    let mut page = store.open_page(allowed, exporting()).await.expect("a page");
    assert_eq!((page.missing, page.count), (1, RECORDS - 1));
    assert_eq!(read_all(&mut page).map(|leads| leads.len() as u64), Ok(RECORDS - 1));
    let other = PageRequest { purpose: purpose("lettre"), ..request(None, 10) };
    assert!(store.open_page(other, exporting()).await.is_ok(), "no other purpose is harmed");
    assert!(store.ready(), "accepting and storing go on");
    store_many(&store, 501, 3).await;
    store.close().await.expect("closed");
    drop(store);

    host.put(&Row::Record(id), removed);
    assert_eq!(faults(&host).await, []);
    let store = host.open();
    assert_eq!(export(&store, 1_000).await.map(|values| values.len() as u64), Ok(RECORDS + 3));
}

pub(crate) async fn a_record_that_does_not_open_is_named_and_is_not_missing<H: Host>() {
    let host = filled::<H>().await;
    let id = record("devis-1-9");
    let mut changed = host.take(&Row::Record(id.clone()));
    *changed.last_mut().expect("bytes") ^= 0x10;
    host.put(&Row::Record(id.clone()), changed);
    let fault = RecordsFault { unreadable: 1, first: Some(id), ..sound() };
    assert!(fault.is_of_seals() && fault.missing() == 0);
    assert_eq!(faults(&host).await, [Fault::Records(fault)]);
    let store = host.open();
    assert!(store.open_page(request(None, 5), exporting()).await.is_ok(), "pages of the others are given");
}

pub(crate) async fn a_line_of_the_trail_that_is_gone_is_found<H: Host>() {
    let host = filled::<H>().await;
    host.take(&Row::Line(2));
    assert_eq!(faults(&host).await, [Fault::Trail]);
}
