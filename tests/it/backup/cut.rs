//! Power cuts in copies: what a disk may have left of a backup, a restore and a vacuum once each sync of theirs has ended, and in the middle
//! of it. The running store is whole, a backup is whole or none, and what was cut short can be begun again.

use std::cell::Cell;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::json;

use super::left::{note, notes};
use super::{World, exported, ids, post, told};
use crate::support::power::{self, Disk, Record, Unsynced, What};
use crate::support::process::{BINARY, Daemon, installed};
use crate::support::senders::Chance;

type Records = Vec<(String, String)>;

/// Every so many cuts one more, of which chance says what is left of what no sync covers.
const ONE_IN_PART: usize = 3;
/// What a restore may say of a directory that is no whole backup.
const NO_BACKUP: [&str; 7] = [
    "store-missing",
    "store-behind-witness",
    "store-damaged",
    "witness-missing",
    "key-absent",
    "keyring-incomplete",
    // Of pages half of which are there.
    "keyring-does-not-open",
];

/// The layer that writes changes down, and where it does.
struct Layer {
    library: PathBuf,
    log: PathBuf,
    _aside: tempfile::TempDir,
}

impl Layer {
    fn new() -> Self {
        assert!(installed("cc"), "the layer that writes changes down is C");
        let aside = tempfile::tempdir().expect("a directory");
        let (library, log) = (power::layer(aside.path()), aside.path().join("changes"));
        fs::write(&log, "").expect("made");
        Self { library, log, _aside: aside }
    }

    fn environment<'l>(&'l self, world: &'l World) -> [(&'l str, &'l Path); 3] {
        [
            ("LD_PRELOAD", &self.library),
            ("TAMIS_UNSYNCED_LOG", &self.log),
            ("TAMIS_UNSYNCED_ROOT", world.home.directory.path()),
        ]
    }

    /// How much is written down by now.
    fn length(&self) -> usize {
        usize::try_from(fs::metadata(&self.log).expect("there").len()).expect("in memory")
    }
}

/// A home whose power was cut: what is left lies in a home of its own.
fn after_a_cut(of: &World, disk: &Disk, unsynced: Unsynced, chance: &Chance) -> World {
    let with_ledger = of.path("ledger").exists();
    let left = if with_ledger { World::beside(of).given_ledger() } else { World::beside(of) };
    let config = fs::read(left.home.config()).expect("a config");
    disk.rebuild(left.home.directory.path(), unsynced, chance);
    // It names the places of this home, as the one of then named those of its own.
    fs::write(left.home.config(), config).expect("written");
    left
}

/// Cuts right after each record within these that makes something durable or gives something a name, and looks at what is left. How
/// often.
async fn cut_everywhere(
    of: &World,
    mut disk: Disk,
    (log, from, upto): (&[u8], usize, usize),
    look: impl AsyncFn(World, &Record<'_>, &str),
) -> usize {
    let (chance, mut cuts) = (Chance::new(17), 0);
    for (at, record) in power::records(log).iter().enumerate() {
        let settles = disk.settles(record);
        let names = matches!(record.what, What::Rename | What::Exchange);
        let within = record.begins >= from && record.begins <= upto;
        // What the sync was to make durable is there in part, or is not.
        if within && settles && cuts % ONE_IN_PART == 0 {
            let when = format!("in the sync that is record {at}");
            look(after_a_cut(of, &disk, Unsynced::InPart, &chance), record, &when).await;
        }
        disk.take(record);
        if within && (settles || names) {
            let fate = if names && !settles { Unsynced::InPart } else { Unsynced::Gone };
            let when = format!("after record {at}, a {:?}, {fate:?}", record.what);
            look(after_a_cut(of, &disk, fate, &chance), record, &when).await;
            cuts += 1;
        }
    }
    cuts
}

/// Where a backup was being made is noted with its whole path, and this is a copy of that house in another place.
fn move_notes(left: &World) {
    for one in notes(left) {
        fs::remove_file(one).expect("removed");
        note(left, &left.path(".backup.part"));
    }
}

/// What a start makes of it, and gives out.
async fn started(world: &World, when: &str) -> (Daemon, Records) {
    let daemon = world.home.try_serve::<&str>(&[], &[]).unwrap_or_else(|said| panic!("{when}: {said}"));
    daemon.misses_nothing().unwrap_or_else(|said| panic!("{when}: {said}"));
    let (records, _) = exported(&daemon).await;
    (daemon, records)
}

async fn erase(daemon: &Daemon, id: &str) {
    let (status, said) = post(daemon, "/admin/v1/erasures", json!({"by": {"id": id}})).await;
    assert_eq!(status, 200, "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_power_cut_at_any_sync_of_a_backup_leaves_the_store_whole_and_a_whole_backup_or_none() {
    let mut world = World::new().await;
    let daemon = world.home.serve(&[]);
    world.store(&daemon, 8).await;
    erase(&daemon, "devis-1-3").await;
    let (before, _) = exported(&daemon).await;
    assert!(daemon.terminate().0.success());
    let (disk, layer) = (Disk::holding(world.home.directory.path()), Layer::new());
    let daemon = world.home.try_serve(&[], &layer.environment(&world)).expect("it starts");
    let begins = layer.length();
    world.back_up("backup");
    let ends = layer.length();
    assert!(daemon.terminate().0.success());
    let log = fs::read(&layer.log).expect("a log");
    let (whole, none) = (Cell::new(0), Cell::new(0));
    let look = async |left: World, _: &Record<'_>, when: &str| {
        let (backup, part) = (left.path("backup"), left.path(".backup.part"));
        move_notes(&left);
        if backup.exists() {
            is_whole(&left, &backup, &before, when).await;
        } else if part.exists() {
            // Somebody who takes what lies there for a backup all the same.
            let elsewhere = World::beside(&left);
            let tried = elsewhere.restore(&part, &["--without-ledger"]);
            match tried.status.success() {
                true => assert_eq!(started(&elsewhere, when).await.1, before, "{when}"),
                false => assert!(
                    NO_BACKUP.iter().any(|code| told(&tried).contains(code)),
                    "{when}: {}",
                    told(&tried)
                ),
            }
        }
        let counted = if backup.exists() { &whole } else { &none };
        counted.set(counted.get() + 1);
        let (daemon, records) = started(&left, when).await;
        assert_eq!(records, before, "{when}");
        // What lay there had a copy of the keyring: whoever starts overwrites and removes it.
        if part.exists() {
            panic!("{when}: {}", daemon.terminate().1);
        }
        assert!(notes(&left).is_empty(), "{when}");
        // The next one is made, and nothing is left of this one.
        if !backup.exists() {
            left.back_up("backup");
            assert!(!part.exists(), "{when}");
        }
        assert!(daemon.terminate().0.success(), "{when}");
    };
    let cuts = cut_everywhere(&world, disk, (&log, begins, ends), look).await;
    println!("{cuts} syncs and names, {} cuts left a whole backup, {} none", whole.get(), none.get());
    assert!(cuts > 15 && whole.get() > 0 && none.get() > 15, "{cuts}");
    world.meta.stop().await;
}

/// It is restored where nothing is, and has everybody.
async fn is_whole(of: &World, backup: &Path, before: &Records, when: &str) {
    let elsewhere = World::beside(of);
    let restored = elsewhere.restore(backup, &["--without-ledger"]);
    assert!(restored.status.success(), "{when}: {}", told(&restored));
    let (daemon, records) = started(&elsewhere, when).await;
    assert_eq!(&records, before, "{when}");
    assert!(daemon.terminate().0.success(), "{when}");
}

/// With the keyring of today in its place, and where the keys are lost as well and the ledger alone knows who was erased since.
#[tokio::test(flavor = "multi_thread")]
async fn a_power_cut_at_any_sync_of_a_restore_leaves_a_start_that_refuses_and_a_restore_that_begins_again() {
    let mut world = World::with_ledger().await;
    let daemon = world.home.serve(&[]);
    world.store(&daemon, 8).await;
    world.back_up("backup");
    erase(&daemon, "devis-1-3").await;
    let (before, _) = exported(&daemon).await;
    assert!(daemon.terminate().0.success());
    fs::remove_dir_all(world.path("store")).expect("lost");
    for keys_are_lost in [false, true] {
        if keys_are_lost {
            fs::remove_dir_all(world.path("store")).expect("lost");
            world.lose_keys();
        }
        let (disk, layer) = (Disk::holding(world.home.directory.path()), Layer::new());
        let ledger = world.path("ledger").display().to_string();
        let mut command = Command::new(BINARY);
        command.args(["restore", &world.path("backup").display().to_string(), "--ledger", &ledger]);
        command.arg("--config").arg(world.home.config()).env_clear();
        let restored = command.envs(layer.environment(&world)).output().expect("tamis runs");
        assert!(restored.status.success(), "{}", told(&restored));
        let log = fs::read(&layer.log).expect("a log");
        let (again, there) = (Cell::new(0), Cell::new(0));
        let look = async |left: World, _: &Record<'_>, when: &str| {
            let when = format!("{when}, keys lost: {keys_are_lost}");
            // Where nothing but the backup is left a start would make a new house; anywhere else it is whole, or is refused.
            if left.path("keys/keyring").exists() {
                match left.home.try_serve::<&str>(&[], &[]) {
                    Ok(daemon) => assert_eq!(exported(&daemon).await.0, before, "{when}"),
                    Err(said) => {
                        let is_said =
                            ["store-missing", "witness-missing"].iter().any(|code| said.contains(code));
                        assert!(is_said, "{when}: {said}");
                    }
                }
            }
            let ledger = left.path("ledger").display().to_string();
            let once_more = left.restore(&left.path("backup"), &["--ledger", &ledger]);
            let is_there = told(&once_more).contains("store-exists");
            assert!(once_more.status.success() || is_there, "{when}: {}", told(&once_more));
            let counted = if is_there { &there } else { &again };
            counted.set(counted.get() + 1);
            let (daemon, records) = started(&left, &when).await;
            assert_eq!(records, before, "{when}: {:?}", ids(&records));
            // The one that the first put into the place is not taken for the newer one.
            let own = told(&once_more).contains("under the backup's own keyring");
            assert!(is_there || own == keys_are_lost, "{when}: {}", told(&once_more));
            let others = [
                "store/restoring",
                "store/restoring-own-keyring",
                "keys/keyring.restoring",
                "keys/keyring.restoring.lock",
            ];
            let found: Vec<_> = others.iter().filter(|name| left.path(name).exists()).collect();
            assert!(found.is_empty(), "{when}: {found:?}");
            assert!(daemon.terminate().0.success(), "{when}");
        };
        let cuts = cut_everywhere(&world, disk, (&log, 0, usize::MAX), look).await;
        println!("{cuts} syncs and names, {} cuts began again, {} were done", again.get(), there.get());
        assert!(cuts > 15 && again.get() > 15 && there.get() > 0, "{cuts}");
    }
    world.meta.stop().await;
}

fn last_vacuum(world: &World) -> serde_json::Value {
    let shown = world.tamis(&["status", "--json"]);
    let shown: serde_json::Value = serde_json::from_slice(&shown.stdout).expect("JSON");
    shown["last_vacuum"].clone()
}

/// Who was erased before it is in neither of the two files; who is erased after it stays so, once that was answered.
#[tokio::test(flavor = "multi_thread")]
async fn a_power_cut_at_any_sync_of_a_vacuum_leaves_a_whole_store_with_all_that_was_acknowledged() {
    let mut world = World::new().await;
    let daemon = world.home.serve(&[]);
    world.store(&daemon, 8).await;
    erase(&daemon, "devis-1-3").await;
    assert!(daemon.terminate().0.success());
    let (disk, layer) = (Disk::holding(world.home.directory.path()), Layer::new());
    let daemon = world.home.try_serve(&[], &layer.environment(&world)).expect("it starts");
    let (before, _) = exported(&daemon).await;
    let last = last_vacuum(&world);
    // The first start may have vacuumed just now, and moments are told in seconds: the next is of another one.
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    let begins = layer.length();
    let vacuumed = world.tamis(&["vacuum"]);
    assert!(vacuumed.status.success(), "{}", told(&vacuumed));
    let asked = layer.length();
    erase(&daemon, "devis-1-5").await;
    let ends = layer.length();
    assert!(daemon.terminate().0.success());
    let after: Records = before.iter().filter(|(id, _)| id != "devis-1-5").cloned().collect();
    let log = fs::read(&layer.log).expect("a log");
    let answered =
        power::records(&log).into_iter().find(|one| one.begins >= asked && one.what == What::Answer);
    let answered = answered.map(|one| one.begins).expect("an answer");
    let (old, new) = (Cell::new(0), Cell::new(0));
    let look = async |left: World, record: &Record<'_>, when: &str| {
        let (daemon, records) = started(&left, when).await;
        let is_erased = records == after;
        let may = match record.begins {
            at if at < asked => records == before,
            at if at < answered => is_erased || records == before,
            _ => is_erased,
        };
        assert!(may, "{when}: {:?}", ids(&records));
        let mut names: Vec<_> = fs::read_dir(left.path("store")).expect("there").flatten().collect();
        names.retain(|entry| {
            !["complete", "db", "inbox", "lock"].iter().any(|name| entry.file_name() == *name)
        });
        assert!(names.is_empty(), "{when}: {names:?}");
        let counted = if last_vacuum(&left) == last { &old } else { &new };
        counted.set(counted.get() + 1);
        assert!(daemon.terminate().0.success(), "{when}");
    };
    let cuts = cut_everywhere(&world, disk, (&log, begins, ends), look).await;
    println!("{cuts} syncs and names, {} cuts left the old store, {} the new one", old.get(), new.get());
    assert!(cuts > 15 && old.get() > 5 && new.get() > 5, "{cuts}");
    world.meta.stop().await;
}
