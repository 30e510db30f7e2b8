//! What a backup leaves that was cut short, where nobody can clear it: it has a copy of the keyring, so a person is told until it is gone.

use std::fs;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::{World, told};

/// Notes that a backup is being made there, as the daemon does.
pub(super) fn note(of: &World, part: &Path) {
    let above = part.parent().expect("a directory");
    let inode = fs::metadata(above).expect("there").ino().to_be_bytes();
    let digest = hex::encode(&Sha256::digest(part.as_os_str().as_bytes())[..8]);
    let note = of.path("store").join(format!("backup-under-way-{digest}"));
    fs::write(note, [&inode, part.as_os_str().as_bytes()].concat()).expect("written");
}

/// What is noted so.
pub(super) fn notes(left: &World) -> Vec<PathBuf> {
    let there = fs::read_dir(left.path("store")).into_iter().flatten().flatten();
    let notes = there.filter(|entry| entry.file_name().to_string_lossy().starts_with("backup-under-way"));
    notes.map(|entry| entry.path()).collect()
}

/// A directory for its own user alone.
fn make(directory: &Path) {
    fs::DirBuilder::new().mode(0o700).create(directory).expect("made");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_lies_on_a_disk_that_is_not_mounted_needs_a_person_until_it_is_cleared() {
    let mut world = World::new().await;
    let daemon = world.home.serve(&[]);
    world.store(&daemon, 2).await;
    let is_needed = || {
        let shown = world.tamis(&["status", "--json"]);
        let shown: serde_json::Value = serde_json::from_slice(&shown.stdout).expect("JSON");
        shown["attention"].as_array().expect("a list").iter().any(|one| one["code"] == "backup-left")
    };
    assert!(!is_needed());
    assert!(daemon.terminate().0.success());
    // A crash came while one was made on another disk.
    let (disk, unmounted) = (world.path("disk"), world.path("unmounted"));
    let part = disk.join(".backup.part");
    [&disk, &part, &part.join("keys")].into_iter().for_each(|directory| make(directory));
    let keyring = part.join("keys/keyring");
    fs::copy(world.path("keys/keyring"), &keyring).expect("copied");
    let as_it_was = fs::read(&keyring).expect("readable");
    note(&world, &part);
    fs::rename(&disk, &unmounted).expect("renamed");
    make(&disk);
    let mut held = fs::File::open(unmounted.join(".backup.part/keys/keyring")).expect("opened");
    let daemon = world.home.serve(&[]);
    let said = daemon.until_said("store.backup-not-cleared", 1);
    assert!(said[0].contains(".backup.part"), "{}", said[0]);
    assert!(is_needed());
    // Whoever explains what is needed says what to do.
    let explained = world.tamis(&["explain", "backup-left"]);
    assert!(told(&explained).contains("mount it"), "{}", told(&explained));
    // Its disk is mounted again: the next backup, wherever that is made, clears it.
    fs::remove_dir(&disk).expect("empty");
    fs::rename(&unmounted, &disk).expect("renamed");
    world.back_up("backup");
    assert!(!part.exists() && notes(&world).is_empty());
    let mut left = Vec::new();
    held.read_to_end(&mut left).expect("readable");
    assert!(left != as_it_was, "it was removed, and not overwritten");
    assert!(!is_needed());
    assert!(daemon.terminate().0.success());
    world.meta.stop().await;
}
