//! Lines of the trail that have had their time.

use super::support::*;
use super::{Host, Row};
use crate::store::{SharedStore, StoreCode};
use crate::trail::Action;

/// Three lines in November, two in December, one in January: it is the 13th.
async fn over_three_months<H: Host>(host: &H) -> SharedStore {
    let store = host.open();
    for number in 1..=6 {
        store.settle(vec![stored(number)]).await.expect("settled");
        host.pass_days(&store, [0, 0, 10, 0, 40, 0][number as usize - 1]);
    }
    store
}

async fn numbers(store: &SharedStore) -> Vec<u64> {
    store.lines(0, 100).await.expect("a trail that chains").iter().map(|line| line.seq).collect()
}

pub(crate) async fn lines_go_by_whole_months_and_the_rest_is_proven_by_the_line_that_says_so<H: Host>() {
    let host = H::new();
    let mut store = over_three_months(&host).await;
    assert_eq!(store.drop_lines(2).await, Ok(0), "November is kept for two months after its end");
    assert_eq!(store.drop_lines(1).await, Ok(3));
    for _ in 0..2 {
        assert_eq!((store.drop_lines(1).await, numbers(&store).await), (Ok(0), vec![4, 5, 6, 7]));
        let newest = store.newest(u64::MAX, 2).await.expect("a trail");
        assert_eq!(newest.iter().map(|line| line.seq).collect::<Vec<_>>(), [7, 6]);
        assert_eq!((newest[0].entry.action(), newest[0].entry.count), (Action::TrailClosed, 3));
        assert_eq!(newest[0].entry.actor().to_string(), "system");
        assert_eq!(store.newest(4, 8).await, Ok(Vec::new()));
        assert_eq!(store.lines(5, 100).await.map(|lines| lines.len()), Ok(2));
        assert_eq!(scan(&store, 10).await.map(|scanned| scanned.faults), Ok(Vec::new()));
        store.close().await.expect("closed");
        drop(store);
        store = host.open();
    }
    host.pass_days(&store, 100);
    assert_eq!(store.drop_lines(1).await, Ok(4), "that line as well, when it has had its time");
    assert_eq!(numbers(&store).await, [8]);
    store.settle(vec![stored(9)]).await.expect("settled");
    assert_eq!(numbers(&store).await, [8, 9]);
}

pub(crate) async fn what_is_gone_of_the_rest_is_found_as_before<H: Host>() {
    // The first that is kept, one in the middle, the last of before, the one that says so.
    for gone in [4, 5, 6, 7] {
        let host = H::new();
        let store = over_three_months(&host).await;
        assert_eq!(store.drop_lines(1).await, Ok(3));
        store.settle(vec![stored(9)]).await.expect("settled");
        store.close().await.expect("closed");
        drop(store);
        drop(host.take(&Row::Line(gone)));
        let store = host.open();
        assert_eq!(code(store.lines(0, 100).await), Some(StoreCode::TrailBroken), "{gone}");
        assert_eq!(code(store.newest(u64::MAX, 100).await), Some(StoreCode::TrailBroken), "{gone}");
        host.pass_days(&store, 40);
        if gone < 6 {
            assert_eq!(code(store.drop_lines(1).await), Some(StoreCode::TrailBroken), "and nothing goes");
        }
    }
}

pub(crate) async fn no_line_goes_by_a_clock_that_nobody_confirmed<H: Host>() {
    let host = H::new();
    let store = over_three_months(&host).await;
    store.close().await.expect("closed");
    drop(store);
    let store = host.open_alone();
    assert_eq!(code(store.drop_lines(1).await), Some(StoreCode::ClockUnconfirmed));
    assert_eq!(numbers(&store).await.len(), 6);
}
