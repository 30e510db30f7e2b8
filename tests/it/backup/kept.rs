//! Somebody who keeps nothing but the trail's checkpoints, and a restore.

use std::fs;
use std::path::{Path, PathBuf};

use super::{World, exported, told};
use crate::support::process::Daemon;

/// Keeps a checkpoint, and says of which line it is.
fn keep(world: &World, name: &str) -> (PathBuf, u64) {
    let file = world.path(name);
    let made = world.tamis(&["trail", "checkpoint", "--output", &file.display().to_string()]);
    assert!(made.status.success(), "{}", told(&made));
    let note = fs::read_to_string(&file).expect("a note");
    (file, note.lines().nth(1).expect("a second line").parse().expect("a number"))
}

fn verified(world: &World, since: &Path) -> (Option<i32>, String) {
    let verified = world.tamis(&["trail", "verify", "--since", &since.display().to_string()]);
    (verified.status.code(), told(&verified))
}

/// Each is a line of the trail.
async fn read_out(daemon: &Daemon, times: usize) {
    for _ in 0..times {
        exported(daemon).await;
    }
}

/// What was done between the backup and the loss is gone from the trail: whoever has a checkpoint of then sees that, at once and when the
/// trail has grown beyond it, under either keyring. One of before the backup holds.
#[tokio::test(flavor = "multi_thread")]
async fn whoever_keeps_the_checkpoints_alone_sees_that_a_restore_took_lines_out_of_the_trail() {
    for keys_are_lost in [false, true] {
        let mut world = World::new().await;
        let daemon = world.home.serve(&[]);
        world.store(&daemon, 2).await;
        read_out(&daemon, 2).await;
        let (before, _) = keep(&world, "before");
        let backup = world.back_up("backup");
        read_out(&daemon, 4).await;
        let (after, last) = keep(&world, "after");
        for kept in [&before, &after] {
            let (code, said) = verified(&world, kept);
            assert!(code == Some(0) && said.contains("none is missing"), "{said}");
        }
        assert!(daemon.terminate().0.success());
        world.lose_store();
        if keys_are_lost {
            world.lose_keys();
        }
        let restored = world.restore(&backup, &["--without-ledger"]);
        assert!(restored.status.success(), "{}", told(&restored));
        let daemon = world.home.serve(&[]);
        let mut grown = 0;
        for times in [0, 1, 8] {
            read_out(&daemon, times).await;
            let (code, said) = verified(&world, &before);
            assert!(code == Some(0) && said.contains("none is missing"), "{said}");
            let (code, said) = verified(&world, &after);
            assert_eq!(code, Some(1), "{times}, keys lost: {keys_are_lost}: {said}");
            // It is told apart from a trail that somebody wrote anew, whether the new one reaches so far or not.
            assert!(said.contains("tamis explain trail-put-back"), "{times}: {said}");
            assert!(said.contains("was put back from a backup"), "{times}: {said}");
            (_, grown) = keep(&world, &format!("later-{times}"));
        }
        assert!(grown > last, "{grown} {last}: it never grew beyond what was kept");
        // What is kept from now on holds.
        let (code, said) = verified(&world, &world.path("later-1"));
        assert!(code == Some(0), "{said}");
        assert!(daemon.terminate().0.success());
        world.meta.stop().await;
    }
}
