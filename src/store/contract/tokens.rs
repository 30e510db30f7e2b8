//! Bounds and lines of tokens.

use super::Host;
use super::support::*;
use crate::store::{StoreCode, Token};
use crate::trail::{Action, Entry, Outcome, Reason, Role};

pub(super) fn token(number: u64) -> Token {
    Token {
        id: format!("{number:016x}"),
        hash: [number as u8; 32],
        name: "crm de Lyon".to_owned(),
        role: Role::Exporter,
        purposes: vec![purpose("devis"), purpose("lettre")],
        recipient: Some("crm".to_owned()),
        reason: Some(Reason::CrmSync),
        created_at: start(),
        expires_at: later(1),
    }
}

fn making() -> Entry {
    by_officer(Action::TokenCreated)
}

fn revoking() -> Entry {
    by_officer(Action::TokenRevoked)
}

pub(crate) async fn tokens_are_made_found_listed_and_revoked_each_with_its_line<H: Host>() {
    let host = H::new();
    let store = host.open();
    let viewer =
        Token { role: Role::Viewer, purposes: Vec::new(), recipient: None, reason: None, ..token(2) };
    store.create_token(viewer.clone(), making()).await.expect("made");
    store.create_token(token(1), making()).await.expect("made");
    store.close().await.expect("closed");
    drop(store);
    let store = host.open();
    host.clock().advance_ms(2 * DAY_MS);
    assert_eq!(store.token(&viewer.id).await, Ok(Some(viewer.clone())));
    assert_eq!(store.tokens().await, Ok(vec![token(1), viewer]), "by id, expired or not");
    assert_eq!(store.revoke_token(&token(1).id, revoking()).await, Ok(true));
    assert_eq!(store.revoke_token(&token(1).id, revoking()).await, Ok(false));
    assert_eq!(store.token(&token(1).id).await, Ok(None));
    let lines = store.lines(0, 10).await.expect("a trail");
    let told: Vec<_> = lines.iter().map(|line| (line.entry.action(), line.entry.result)).collect();
    let expected = [
        (Action::TokenCreated, Outcome::Done),
        (Action::TokenCreated, Outcome::Done),
        (Action::TokenRevoked, Outcome::Done),
        (Action::TokenRevoked, Outcome::Nothing),
    ];
    assert_eq!(told, expected);
}

pub(crate) async fn no_more_than_a_thousand_tokens_are_kept<H: Host>() {
    let host = H::new();
    let store = host.open();
    for hundred in 0..10 {
        let made = (0..100).map(|n| store.create_token(token(hundred * 100 + n), making()));
        for made in futures_util::future::join_all(made).await {
            made.expect("made");
        }
    }
    let refused = store.create_token(token(5_000), making()).await;
    assert_eq!(code(refused), Some(StoreCode::TooManyTokens));
    assert_eq!(store.lines(1_000, 10).await, Ok(Vec::new()), "a refusal leaves no line");
    assert_eq!(store.revoke_token(&token(7).id, revoking()).await, Ok(true));
    store.create_token(token(5_000), making()).await.expect("there is room again");
}

pub(crate) async fn a_token_with_long_names_or_many_purposes_is_refused_without_a_line<H: Host>() {
    let host = H::new();
    let store = host.open();
    let too_large = [
        Token { name: "n".repeat(257), ..token(1) },
        Token { recipient: Some("r".repeat(257)), ..token(1) },
        Token { purposes: vec![purpose("devis"); 257], ..token(1) },
    ];
    for token in too_large {
        let refused = store.create_token(token, making()).await;
        assert_eq!(code(refused), Some(StoreCode::ValueTooLarge));
    }
    assert_eq!((store.tokens().await, store.lines(0, 10).await), (Ok(Vec::new()), Ok(Vec::new())));
    let largest = Token { name: "n".repeat(256), purposes: vec![purpose("devis"); 256], ..token(1) };
    store.create_token(largest.clone(), making()).await.expect("made");
    assert_eq!(store.token(&largest.id).await, Ok(Some(largest)));
}
