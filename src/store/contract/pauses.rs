//! Pauses that outlive the process.

use super::Host;
use super::support::*;
use crate::id::PageId;
use crate::notification::{KeptPause, ParkCode};

fn page(digits: &str) -> Option<PageId> {
    PageId::parse(digits)
}

pub(crate) async fn a_pause_is_kept_replaced_and_forgotten_by_its_page_also_across_a_restart<H: Host>() {
    let host = H::new();
    let store = host.open();
    assert_eq!(store.pauses().await, Ok(Vec::new()));
    let pause = |page, code, minutes| KeptPause { page, code, until: later(minutes) };
    let of_app = pause(None, ParkCode::PolicyBlock, 60);
    for kept in [
        pause(page("2"), ParkCode::GraphThrottled, 19),
        of_app,
        pause(page("104000000000001"), ParkCode::GraphThrottled, 5),
        pause(page("2"), ParkCode::GraphThrottled, 44),
    ] {
        store.keep_pause(kept).await.expect("kept");
    }
    let second = pause(page("2"), ParkCode::GraphThrottled, 44);
    let mut all = vec![of_app, pause(page("104000000000001"), ParkCode::GraphThrottled, 5), second];
    all[1..].sort_by_key(|pause| pause.page);
    let mut read = store.pauses().await.expect("read");
    assert_eq!(read.first(), Some(&of_app), "the app's first");
    read[1..].sort_by_key(|pause| pause.page);
    assert_eq!(read, all, "one a page: the last word");
    store.forget_pause(None).await.expect("forgotten");
    store.forget_pause(page("104000000000001")).await.expect("forgotten");
    store.forget_pause(page("3")).await.expect("there was none");
    store.close().await.expect("closed");
    drop(store);
    let store = host.open();
    assert_eq!(store.pauses().await, Ok(vec![second]));
}
