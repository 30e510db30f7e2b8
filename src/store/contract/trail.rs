//! The chain: each line in the transaction of what it tells, none missing, none changed without its being told.

use futures_util::future::join_all;

use super::support::*;
use super::{Host, Row};
use crate::keyring::Keyring;
use crate::store::StoreCode;
use crate::trail::{Action, Outcome, chain};

pub(crate) async fn the_trail_is_read_in_pieces_and_goes_on_after_a_restart<H: Host>() {
    let host = H::new();
    let store = host.open();
    assert_eq!(store.lines(0, 8).await, Ok(Vec::new()));
    for number in 0..20 {
        store.settle(vec![stored(number)]).await.expect("settled");
    }
    store.close().await.expect("closed");
    drop(store);
    let store = host.open();
    store.settle(vec![stored(20)]).await.expect("settled");
    let mut after = 0;
    let mut sequence = Vec::new();
    loop {
        let lines = store.lines(after, 8).await.expect("a trail");
        assert!(lines.len() <= 8);
        let Some(last) = lines.last() else { break };
        after = last.seq;
        sequence.extend(lines.iter().map(|line| line.seq));
    }
    assert_eq!(sequence, (1..=21).collect::<Vec<_>>());
    assert_eq!(store.lines(21, 8).await, Ok(Vec::new()));
    assert_eq!(store.lines(u64::MAX, 8).await, Ok(Vec::new()));
    assert_eq!(store.lines(0, 0).await, Ok(Vec::new()));
    assert_eq!(store.lines(0, usize::MAX).await.map(|lines| lines.len()), Ok(21));
}

pub(crate) async fn the_trail_is_read_from_its_end_and_its_chain_is_checked_there_too<H: Host>() {
    let host = H::new();
    let store = host.open();
    assert_eq!(store.newest(u64::MAX, 8).await, Ok(Vec::new()));
    for number in 0..20 {
        store.settle(vec![stored(number)]).await.expect("settled");
    }
    let (mut before, mut sequence) = (u64::MAX, Vec::new());
    loop {
        let lines = store.newest(before, 8).await.expect("a trail");
        assert!(lines.len() <= 8);
        let Some(last) = lines.last() else { break };
        before = last.seq;
        sequence.extend(lines.iter().map(|line| line.seq));
    }
    assert_eq!(sequence, (1..=20).rev().collect::<Vec<_>>());
    for (before, limit, expected) in [(0, 8, 0), (1, 8, 0), (2, 8, 1), (21, 0, 0), (21, usize::MAX, 20)] {
        let lines = store.newest(before, limit).await.map(|lines| lines.len());
        assert_eq!(lines, Ok(expected), "{limit} before {before}");
    }
    store.close().await.expect("closed");
    drop(store);
    drop(host.take(&Row::Line(19)));
    let store = host.open();
    assert_eq!(code(store.newest(u64::MAX, 8).await), Some(StoreCode::TrailBroken));
    assert_eq!(store.newest(18, 8).await.map(|lines| lines.len()), Ok(8), "beyond it they are read");
}

pub(crate) async fn lines_written_at_once_follow_one_another_without_a_gap<H: Host>() {
    let host = H::new();
    let store = host.open();
    let settling = (0..30).map(|n| store.settle(vec![stored(n)]));
    let noting = (0..30).map(|n| {
        let mut entry = by_token(&format!("{n:016x}"), Action::TrailRead);
        entry.result = Outcome::Refused;
        store.note(entry)
    });
    let (settled, noted) = futures_util::future::join(join_all(settling), join_all(noting)).await;
    assert!(settled.iter().all(Result::is_ok) && noted.iter().all(Result::is_ok));
    let lines = store.lines(0, 100).await.expect("a trail that chains");
    assert_eq!(
        lines.iter().map(|line| line.seq).collect::<Vec<_>>(),
        (1..=lines.len() as u64).collect::<Vec<_>>()
    );
    let told = |action| lines.iter().filter(move |line| line.entry.action() == action);
    assert_eq!(told(Action::TrailRead).count(), 30);
    assert_eq!(told(Action::Stored).map(|line| line.entry.count).sum::<u64>(), 30);
}

pub(crate) async fn each_line_follows_the_one_before_under_the_trails_key<H: Host>() {
    let host = H::new();
    let store = host.open();
    for number in 0..3 {
        store.settle(vec![stored(number)]).await.expect("settled");
        host.clock().advance_ms(1_500);
    }
    let lines = store.lines(0, 100).await.expect("a trail");
    let mut previous = [0; 32];
    for (line, moment) in lines.iter().zip([0, 1_500, 3_000]) {
        let key = host.keyring().trail_key();
        assert_eq!(chain(&key, &previous, line.seq, line.time, line.entry.clone()).0.mac, line.mac);
        assert_eq!(line.time.as_millisecond(), START_S * 1_000 + moment);
        previous = line.mac;
    }
    assert_eq!(lines.len(), 3);
}

pub(crate) async fn a_line_changed_removed_cut_off_or_put_elsewhere_is_told_and_nothing_else_is_refused<
    H: Host,
>() {
    let changes: [fn(&H); 5] = [
        |host| {
            let mut line = host.take(&Row::Line(3));
            line[2] ^= 1;
            host.put(&Row::Line(3), line);
        },
        |host| drop(host.take(&Row::Line(3))),
        |host| drop(host.take(&Row::Line(5))),
        |host| drop(host.take(&Row::Line(1))),
        |host| {
            let second = host.take(&Row::Line(2));
            host.put(&Row::Line(2), second.clone());
            host.put(&Row::Line(4), second);
        },
    ];
    for (case, change) in changes.into_iter().enumerate() {
        let host = H::new();
        let store = host.open();
        for number in 0..5 {
            store.settle(vec![stored(number)]).await.expect("settled");
        }
        store.close().await.expect("closed");
        drop(store);
        change(&host);
        let store = host.open();
        assert_eq!(code(store.lines(0, 100).await), Some(StoreCode::TrailBroken), "case {case}");
        assert_eq!(store.halted(), None, "the store itself goes on");
        assert_eq!(export(&store, 10).await.map(|read| read.len()), Ok(5));
    }
}

pub(crate) async fn refusals_are_written_down_once_a_second_for_each_actor<H: Host>() {
    let host = H::new();
    let store = host.open();
    let refused = |actor: &str| {
        let mut entry = by_token(actor, Action::Requeued);
        entry.result = Outcome::Refused;
        entry
    };
    for _ in 0..50 {
        for actor in ["a", "b"] {
            store.note(refused(actor)).await.expect("noted or passed over");
        }
    }
    assert_eq!(store.lines(0, 100).await.map(|lines| lines.len()), Ok(2));
    host.clock().advance_ms(1_000);
    store.note(refused("a")).await.expect("noted");
    // A clock that was set back silences nobody.
    for (moved_ms, noted) in [(-3_600_000, 4), (500, 4), (500, 5)] {
        host.clock().advance_ms(moved_ms);
        store.note(refused("a")).await.expect("noted or passed over");
        assert_eq!(store.lines(0, 100).await.map(|lines| lines.len()), Ok(noted));
    }
    let lines = store.lines(0, 100).await.expect("a trail");
    assert!(lines.iter().all(|line| line.entry.result == Outcome::Refused));
}

pub(crate) async fn no_more_than_ten_thousand_lines_are_read_at_once<H: Host>() {
    let host = H::new();
    let store = host.open();
    // One line a purpose in each transaction: many purposes make many lines soon.
    let names: Vec<String> = (0..200).map(|n| format!("purpose{n}")).collect();
    store.admit(names.iter().map(|name| purpose(name)).collect()).await.expect("admitted");
    for from in (0..10_200).step_by(200) {
        let batch = (from..).zip(&names).map(|(number, name)| stored_in(name, number, false, 10)).collect();
        store.settle(batch).await.expect("settled");
    }
    assert_eq!(store.lines(0, usize::MAX).await.map(|lines| lines.len()), Ok(10_000));
    assert_eq!(store.lines(10_000, usize::MAX).await.map(|lines| lines.len()), Ok(200));
}
