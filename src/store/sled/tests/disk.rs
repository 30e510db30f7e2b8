//! A full disk: refused before it is full, and a store that met one comes back without a restart.

use std::path::Path;
use std::process::Command;

use super::support::*;
use crate::store::{Leads, Life, Parked, Settled, StoreCode};

#[tokio::test]
async fn below_its_floor_the_store_takes_nothing_and_keeps_reading() {
    let mut world = World::new();
    let store = world.open();
    store_many(&store, 1, 5).await;
    store.close().await.expect("closed");
    world.free_disk_min_bytes = u64::MAX;
    let store = world.open();
    let full = Some(StoreCode::DiskFull);
    assert_eq!(store.settle(vec![stored(9)]).await.err().map(|error| error.code), full);
    assert_eq!(store.open_page(request(None, 1), exporting()).await.err().map(|error| error.code), full);
    assert_eq!(store.halted(), None, "it waits for room");
    assert_eq!(store.stored().await.expect("counted").get(&purpose("devis")), Some(&5));
    store.close().await.expect("closed");
    world.free_disk_min_bytes = 0;
    let store = world.open();
    assert_eq!(store.settle(vec![stored(9)]).await.map(|settled| settled.len()), Ok(1));
}

/// A file system of this size; none where the right to mount is missing.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn mount(mib: u64) -> Option<Self> {
        let dir = tempfile::tempdir().expect("a directory");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={mib}m"), "tamis-test"])
            .arg(dir.path())
            .output();
        mounted.is_ok_and(|mounted| mounted.status.success()).then_some(Self(dir))
    }

    fn fill(&self, leave: u64) -> std::path::PathBuf {
        let ballast = self.0.path().join("ballast");
        let free = crate::machine::disk::free_bytes(self.0.path()).expect("known");
        let bytes = usize::try_from(free.saturating_sub(leave)).expect("64 bits");
        std::fs::write(&ballast, vec![1; bytes]).expect("written");
        ballast
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.0.path()).output();
    }
}

fn on(disk: &SmallDisk) -> World {
    let store = disk.0.path().join("store");
    std::fs::create_dir(&store).expect("made");
    let world = World::new();
    link(&store, &world.path());
    world
}

fn link(target: &Path, link: &Path) {
    std::os::unix::fs::symlink(target, link).expect("linked");
}

/// Needs the right to mount (root): elsewhere it says so and holds nothing.
#[tokio::test]
async fn a_store_that_met_a_full_disk_goes_on_once_there_is_room() {
    let Some(disk) = SmallDisk::mount(64) else {
        println!("skipped: no right to mount a small file system");
        return;
    };
    let world = on(&disk);
    let store = world.open();
    store_many(&store, 1, 200).await;
    store.settle(vec![parked(9_001, 1, waiting(1, 0)), parked(9_002, 1, HELD)]).await.expect("settled");
    let leased = store.claim_due(due(5), 1, &all_claimed()).await;
    assert!(leased.expect("claimed").is_some());
    let ballast = disk.fill(2 * MIB);
    let mut answered = 200_u64;
    let mut met = None;
    for number in 201..60_000 {
        match store.settle(vec![stored(number)]).await {
            Ok(settled) => answered += u64::from(record_of(&settled[0]).is_some()),
            Err(error) => {
                met = Some(error.code);
                break;
            }
        }
    }
    assert_eq!((met, store.halted()), (Some(StoreCode::DiskFull), None));
    for number in 70_000..70_003 {
        let refused = store.settle(vec![stored(number)]).await.err().map(|error| error.code);
        assert_eq!(refused, Some(StoreCode::DiskFull), "as long as there is no room");
    }
    std::fs::remove_file(ballast).expect("removed");
    for number in 201..260 + answered {
        let settled = store.settle(vec![stored(number)]).await.expect("there is room again");
        assert!(record_of(&settled[0]).is_some() || settled[0] == Settled::Known);
    }
    let total = store.stored().await.expect("counted").get(&purpose("devis")).copied();
    let exported = export(&store, 5_000).await.expect("exported");
    assert_eq!(total, Some(exported.len() as u64));
    assert_eq!(exported.len() as u64, 259 + answered, "each once: what was answered, and what came after");
    assert_eq!(store.parked().await, Ok(2), "parked references and leases outlive it");
    let due = store.claim_due(due(5), 10, &all_claimed()).await;
    assert_eq!(due.expect("claimed").map(|(_, claims)| claims.len()), Some(1), "one is still leased");
    store.close().await.expect("closed");
    world.open().close().await.expect("closed");
}

/// While accepting is refused nothing writes: the writer has to come back by itself.
#[tokio::test]
async fn a_reader_that_met_a_full_disk_is_enough_for_the_store_to_be_opened_again() {
    let world = World::new();
    let store = world.open();
    store_many(&store, 1, 5).await;
    let first = std::sync::Arc::downgrade(&store.shared.engine().expect("open"));
    let met = store.shared.reading(|_| Err::<(), _>(crate::store::StoreError::of(StoreCode::DiskFull)));
    assert!(met.is_err());
    until("the dead handle is gone and another one reads", async || {
        first.upgrade().is_none() && seen(&store, 5).await.is_ok_and(|state| state.is_some())
    })
    .await;
    assert_eq!(store.halted(), None);
    assert_eq!(store.settle(vec![stored(9)]).await.map(|settled| settled.len()), Ok(1));
    store.close().await.expect("closed");
}

/// Needs the right to mount (root): elsewhere it says so and holds nothing.
#[tokio::test]
async fn a_store_that_nobody_writes_to_comes_back_once_there_is_room() {
    let Some(disk) = SmallDisk::mount(64) else {
        println!("skipped: no right to mount a small file system");
        return;
    };
    let world = on(&disk);
    let store = world.open();
    store_many(&store, 1, 200).await;
    let ballast = disk.fill(2 * MIB);
    let mut number = 201;
    while store.settle(vec![stored(number)]).await.is_ok() {
        number += 1;
    }
    assert_eq!(seen(&store, 1).await.err().map(|error| error.code), Some(StoreCode::DiskFull));
    std::fs::remove_file(ballast).expect("removed");
    until("it reads again", async || seen(&store, 1).await.is_ok_and(|state| state.is_some())).await;
    assert_eq!(export(&store, 5_000).await.map(|read| read.len() as u64 >= number - 1), Ok(true));
    store.close().await.expect("closed");
}
