//! Power cuts: nothing acknowledged is lost even when everything is lost that no sync covers. More of the same:
//! `cargo run --release --example kill -- --power-cuts 20`.

use crate::support::account::Tally;
use crate::support::cuts::{Plan, power_cuts};
use crate::support::deeds;
use crate::support::process::installed;
use crate::support::senders;
use crate::support::steps::{self, kills_at_each_step};

/// A cut that drops nothing of a room proves nothing about it.
fn dropped_of(tally: &Tally, rooms: &[&str]) {
    for room in rooms {
        let (cuts, changes) = tally.dropped.get(*room).copied().unwrap_or_default();
        assert!(cuts > 0 && changes > 0, "nothing of the {room} was dropped:\n{tally}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_answered_before_a_power_cut_is_there_after_it() {
    assert!(installed("cc"), "the layer that writes changes down is C");
    let meta = senders::meta().await;
    let plan = Plan::of(10, 4);
    let tally = power_cuts(&meta, plan).await.unwrap_or_else(|fault| panic!("{fault}"));
    assert!(tally.acknowledged > 100, "the load was too small to prove anything:\n{tally}");
    dropped_of(&tally, &["journal", "sled", "witness", "keyring"]);
    for deed in
        deeds::DEEDS.iter().chain(&["looked at: evidence", "looked at: changes", "looked at: receipts"])
    {
        assert!(tally.deeds.get(deed).is_some_and(|many| *many > 0), "nothing is {deed}:\n{tally}");
    }
    println!("{tally}");
    meta.stop().await;
}

/// What a life finds that a killed one left in the system's memory alone, it makes durable before it builds on it.
#[tokio::test(flavor = "multi_thread")]
async fn a_power_cut_in_the_life_after_a_kill_takes_nothing_that_was_answered() {
    assert!(installed("cc"), "the layer that writes changes down is C");
    let meta = senders::meta().await;
    let plan = steps::Plan { stride: 8, seed: 1 };
    let tally = kills_at_each_step(&meta, plan).await.unwrap_or_else(|fault| panic!("{fault}"));
    assert!(tally.kills > 5 && tally.acknowledged > 100, "too little to prove anything:\n{tally}");
    assert!(tally.inherited > 0, "no kill left anything of sled's unsynced:\n{tally}");
    // A start replaces the keyring once or twice among hundreds of steps: whether a step that is cut after falls into that
    // is chance. The test above sees to it.
    dropped_of(&tally, &["journal", "sled", "witness"]);
    println!("{tally}");
    meta.stop().await;
}

/// The rebuilding itself must be able to lose: what no finished sync covers is gone, what one covers stays.
#[test]
fn a_cut_keeps_what_a_finished_sync_covers_and_nothing_else() {
    use crate::support::power::{Disk, Unsynced, records};
    use crate::support::senders::Chance;

    let root = tempfile::tempdir().expect("a directory");
    let to = tempfile::tempdir().expect("a directory");
    let path = root.path().join("file").display().to_string();
    let inode = std::os::unix::fs::MetadataExt::ino(&std::fs::metadata(root.path()).expect("a directory"));
    let record = |what: u32, inode: u64, at: u64, payload: &[u8]| {
        let mut bytes = what.to_le_bytes().to_vec();
        bytes.extend_from_slice(&u32::try_from(payload.len()).expect("short").to_le_bytes());
        bytes.extend_from_slice(&inode.to_le_bytes());
        bytes.extend_from_slice(&at.to_le_bytes());
        bytes.extend_from_slice(payload);
        bytes
    };
    let steps = [
        record(5, 1, 0, path.as_bytes()),
        record(1, 1, 0, b"one"),
        record(3, 1, 7, b""),
        record(1, 1, 3, b"two"),
        record(4, 1, 7, b""),
    ];
    let mut disk = Disk::new(root.path());
    let rebuilt = |disk: &Disk| {
        disk.rebuild(to.path(), Unsynced::Gone, &Chance::new(1));
        std::fs::read(to.path().join("file")).ok()
    };
    for step in &steps {
        disk.take(&records(step)[0]);
    }
    assert_eq!(rebuilt(&disk), None, "the directory was never synced");
    for step in [record(3, inode, 8, b""), record(4, inode, 8, b"")] {
        disk.take(&records(&step)[0]);
    }
    assert_eq!(rebuilt(&disk).as_deref(), Some(&b"one"[..]), "written while the sync ran, so not covered");
}
