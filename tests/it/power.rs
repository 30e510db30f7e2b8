//! Power cuts: nothing acknowledged is lost even when everything is lost that no sync covers. More of the same:
//! `cargo run --release --example kill -- --power-cuts 20`.

use crate::support::cuts::{Plan, power_cuts};
use crate::support::killing;
use crate::support::process::installed;

#[tokio::test(flavor = "multi_thread")]
async fn what_was_answered_before_a_power_cut_is_there_after_it() {
    assert!(installed("cc"), "the layer that writes changes down is C");
    let meta = killing::meta().await;
    let summary =
        power_cuts(&meta, Plan { cuts: 1, seed: 4 }).await.unwrap_or_else(|fault| panic!("{fault}"));
    assert!(summary.acknowledged > 20, "the load was too small to prove anything: {summary}");
    for room in ["journal", "sled"] {
        assert!(summary.dropped.contains_key(room), "nothing of the {room} was dropped: {summary}");
    }
    println!("{summary}");
    meta.stop().await;
}

/// The rebuilding itself must be able to lose: what no finished sync covers is gone, what one covers stays.
#[test]
fn a_cut_keeps_what_a_finished_sync_covers_and_nothing_else() {
    use crate::support::killing::Chance;
    use crate::support::power::{Disk, Unsynced, records};

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
