//! Disks that fail, keyrings that refuse, closing while calls come in.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use futures_util::FutureExt;

use super::world::*;
use crate::inbox::InboxCode;

#[tokio::test]
async fn a_failed_sync_halts_for_good_and_claims_nothing_of_its_batch() {
    let world = World::new();
    let inbox = world.open();
    inbox.accept(world.references([1])).await.expect("accepted");
    world.faults.sync_fails.store(true, Ordering::SeqCst);
    assert_eq!(code(inbox.accept(world.references([2, 1])).await), Some(InboxCode::Halted));
    assert_eq!(inbox.halted(), Some(InboxCode::Io));
    assert_eq!(inbox.refusal().await, Some(InboxCode::Io), "why it stopped");
    assert_eq!(inbox.queued(), 1);
    world.faults.sync_fails.store(false, Ordering::SeqCst);
    assert_eq!(code(inbox.accept(world.references([2])).await), Some(InboxCode::Halted), "never tried again");
    assert!(same(&drain(&inbox), &ids([1])), "what was durable is still handed out");
    assert_eq!(code(inbox.close()), Some(InboxCode::Io));
    assert_eq!(code(inbox.close()), Some(InboxCode::Io), "says the same again");
    drop(inbox);
    let inbox = world.open();
    assert!(inbox.queued() >= 1, "what was not acknowledged may come back");
    inbox.accept(world.references([3])).await.expect("a restart cures it");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_failed_write_fails_all_who_wait_for_it_and_those_behind() {
    let world = World::new();
    let inbox = Arc::new(world.open());
    inbox.accept(world.references([1])).await.expect("accepted");
    world.faults.write_fails.store(true, Ordering::SeqCst);
    let mut calls = Vec::new();
    for leadgen in 10..60 {
        let (inbox, call) = (inbox.clone(), world.references([leadgen, leadgen % 3 + 10]));
        #[expect(clippy::disallowed_methods, reason = "a test's own tasks, joined in it")]
        calls.push(tokio::spawn(async move { code(inbox.accept(call).await) }));
    }
    for call in calls {
        assert_eq!(call.await.expect("no panic"), Some(InboxCode::Halted));
    }
    assert_eq!(inbox.queued(), 1);
}

#[tokio::test]
async fn without_a_new_segment_calls_are_refused_until_there_is_one_and_nothing_halts() {
    let world = World::new();
    let inbox = world.open();
    let away = world.settings.path.with_extension("away");
    std::fs::rename(&world.settings.path, &away).expect("moved");
    let mut accepted = 0;
    let refused = loop {
        match inbox.accept(world.references(accepted..accepted + 10)).await {
            Ok(_) => accepted += 10,
            Err(error) => break error.code,
        }
    };
    assert!(matches!(refused, InboxCode::NoSegment | InboxCode::DiskFull), "{refused}");
    assert!(refused.passes() && inbox.halted().is_none());
    assert_eq!(inbox.queued(), accepted);
    std::fs::rename(&away, &world.settings.path).expect("moved back");
    eventually("room is seen again", || inbox.ready().now_or_never() == Some(true));
    inbox.accept(world.references(accepted..accepted + 10)).await.expect("accepted again");
    assert_eq!(world.killed().open().queued(), accepted + 10);
}

#[tokio::test]
async fn a_keyring_that_refuses_keeps_the_inbox_from_opening() {
    let world = World::new();
    world.keyring.refuses.store(true, Ordering::SeqCst);
    assert_eq!(code(world.try_open()), Some(InboxCode::Key));
    world.keyring.refuses.store(false, Ordering::SeqCst);
    world.open();
}

#[tokio::test]
async fn a_second_inbox_on_the_same_directory_is_refused() {
    let world = World::new();
    let inbox = world.open();
    assert_eq!(code(world.try_open()), Some(InboxCode::Locked));
    inbox.close().expect("closes");
    world.open();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn closing_amid_calls_every_yes_is_replayed_and_the_rest_is_refused_as_closed() {
    for round in 0..20 {
        let world = World::new();
        let inbox = Arc::new(world.open());
        let mut calls = Vec::new();
        for task in 0..16_u64 {
            let inbox = inbox.clone();
            let calls_of_task: Vec<_> =
                (0..200).map(|n| (task * 1_000 + n, world.references([task * 1_000 + n]))).collect();
            #[expect(clippy::disallowed_methods, reason = "a test's own tasks, joined in it")]
            calls.push(tokio::spawn(async move {
                let mut yes = Vec::new();
                for (leadgen, call) in calls_of_task {
                    match inbox.accept(call).await {
                        Ok(_) => yes.push(leadgen),
                        Err(error) => {
                            assert_eq!(error.code, InboxCode::Closed);
                            break;
                        }
                    }
                }
                yes
            }));
        }
        tokio::time::sleep(std::time::Duration::from_millis(round * 2)).await;
        inbox.close().expect("closes");
        inbox.close().expect("closes again");
        assert_eq!(inbox.refusal().await, Some(InboxCode::Closed));
        let mut yes = Vec::new();
        for call in calls {
            yes.extend(ids(call.await.expect("no panic")));
        }
        drop(inbox);
        let mut replayed = drain(&world.open());
        replayed.sort();
        yes.sort();
        assert!(same(&replayed, &yes), "round {round}");
    }
}
