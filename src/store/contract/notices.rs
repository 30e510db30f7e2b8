//! Revisions of notices.

use super::Host;
use super::support::*;
use crate::purpose::{PurposeId, TextHash};
use crate::store::{KeptNotice, StoreCode};

fn purpose(name: &str) -> PurposeId {
    PurposeId::parse(name).expect("a name")
}

/// Longer than one value of a store.
fn text(begin: &str) -> Vec<u8> {
    format!("{begin}{}", "é".repeat(20_000)).into_bytes()
}

pub(crate) async fn each_revision_is_kept_once_with_its_moment_and_read_back_also_after_a_restart<H: Host>() {
    let host = H::new();
    let store = host.open();
    assert_eq!(store.notices().await, Ok(Vec::new()));
    let kept = |name: &str, begin: &str, minutes| KeptNotice {
        purpose: purpose(name),
        revision: TextHash::of(&text(begin)),
        since: later(minutes),
    };
    for (name, begin, minutes, is_new) in [
        ("lettre", "a", 1, true),
        ("devis", "x", 2, true),
        ("lettre", "a", 3, false),
        ("lettre", "b", 4, true),
        // A clock that was set back makes no revision older than the one before.
        ("lettre", "c", 2, true),
        ("lettre", "a", 5, true),
        // A purpose whose name begins like another's.
        ("lettre_b", "z", 6, true),
    ] {
        assert_eq!(
            store.keep_notice(purpose(name), text(begin), later(minutes)).await,
            Ok(is_new),
            "{name} {begin}"
        );
    }
    let wanted = vec![
        kept("devis", "x", 2),
        kept("lettre", "a", 1),
        kept("lettre", "b", 4),
        kept("lettre", "c", 4),
        kept("lettre", "a", 5),
        kept("lettre_b", "z", 6),
    ];
    assert_eq!(store.notices().await, Ok(wanted.clone()));
    store.close().await.expect("closed");
    drop(store);
    let store = host.open();
    assert_eq!(store.notices().await, Ok(wanted));
    assert_eq!(store.keep_notice(purpose("lettre"), text("a"), later(9)).await, Ok(false), "it is in force");
    let read = store.notice(&purpose("lettre"), &TextHash::of(&text("b"))).await;
    assert!(read == Ok(Some(text("b"))));
    let of_another = store.notice(&purpose("devis"), &TextHash::of(&text("b"))).await;
    assert_eq!(of_another, Ok(None));
}

pub(crate) async fn a_notice_too_large_is_refused_and_what_was_kept_stays<H: Host>() {
    let host = H::new();
    let store = host.open();
    assert_eq!(store.keep_notice(purpose("devis"), text("x"), later(1)).await, Ok(true));
    let refused = store.keep_notice(purpose("devis"), vec![b'a'; 600 * 1024], later(2)).await;
    assert_eq!(refused.map_err(|error| error.code), Err(StoreCode::ValueTooLarge));
    assert_eq!(store.notices().await.map(|kept| kept.len()), Ok(1));
}
