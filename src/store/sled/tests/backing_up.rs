//! Backups as the engine makes them: cut short wherever that may be, in the way of others, and back in another place.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use jiff::SignedDuration;

use super::support::*;
use crate::clock::ManualClock;
use crate::forget::address::Address;
use crate::keyring::Keyring;
use crate::lead::sample::lead_of;
use crate::machine::own::Directory;
use crate::purpose::PurposeId;
use crate::purpose::law::Basis;
use crate::store::sled::backup;
use crate::store::sled::layout::Place;
use crate::store::{
    BackedUp, Backups, ErasureRequest, Erasures, Leads, Life, Outcome, Papers, Restored, Restoring, Settings,
    Settlement, Since, StoreCode, StoreError, ToAwait, Trail, Vigils, Wanted, Whose,
};
use crate::trail::Action;

pub(super) async fn back_up(
    world: &World,
    store: &Arc<crate::store::sled::SledStore>,
) -> Result<BackedUp, StoreError> {
    store.back_up(place(world), by_officer(Action::BackedUp)).await
}

/// One whose witness lies with the keys, in a directory of their own, as it does in earnest.
pub(super) fn world() -> World {
    let mut world = World::new();
    let keys = world.dir.path().join("keys");
    std::fs::create_dir(&keys).expect("made");
    world.witness = keys.join("witness");
    world
}

pub(super) fn place(world: &World) -> PathBuf {
    world.dir.path().join("backup")
}

/// Another place for the same store.
pub(super) fn elsewhere(world: &World, name: &str) -> Settings {
    let directory = world.dir.path().join(name);
    let (path, witness) = (directory.join("store"), directory.join("keys/witness"));
    Settings { path, witness, ..world.settings() }
}

async fn restore(
    world: &World,
    settings: &Settings,
    clock: &Arc<ManualClock>,
) -> Result<Restored, StoreError> {
    let restoring = Restoring::begin(settings.clone(), &place(world))?;
    let random = world.random.clone();
    restoring
        .finish((world.keyring.clone(), Whose::House), recipients(), clock.clone(), random, Since::Unknown)
        .await
}

/// Whoever the config lets receive what.
pub(super) fn recipients() -> BTreeMap<PurposeId, Vec<String>> {
    let named = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    [(purpose("devis"), named(&["agency", "crm"])), (purpose("lettre"), named(&[]))].into()
}

pub(super) fn open(world: &World, settings: Settings) -> Arc<crate::store::sled::SledStore> {
    let purposes = vec![purpose("devis"), purpose("lettre")];
    let (keyring, clock, random) = (world.keyring.clone(), world.clock.clone(), world.random.clone());
    crate::store::sled::SledStore::open(settings, keyring, purposes, clock, random).expect("opens")
}

fn names(world: &World) -> Vec<String> {
    let entries = std::fs::read_dir(world.dir.path()).expect("readable").flatten();
    entries.map(|entry| entry.file_name().into_string().expect("text")).collect()
}

#[tokio::test]
async fn what_is_restored_is_what_was_there_under_a_new_epoch_and_a_scan_finds_no_fault() {
    let world = world();
    let store = world.open();
    store_many(&store, 1, 700).await;
    store.settle(vec![parked(900, 1, HELD)]).await.expect("settled");
    let made = back_up(&world, &store).await.expect("made");
    assert_eq!(made.records, 700);
    let trail = store.lines(0, 1_000).await.expect("a trail");
    store.close().await.expect("closed");
    world.clock.advance_ms(3_600_000);
    let settings = elsewhere(&world, "new");
    let restored = restore(&world, &settings, &world.clock).await.expect("restored");
    assert_eq!((restored.records, restored.keyless), (700, 0));
    assert!(restored.epoch > 1);
    assert!(!settings.path.join("restoring").exists());
    let store = open(&world, settings);
    assert_eq!(export(&store, 100).await.map(|read| read.len()), Ok(700));
    let again = store.lines(0, 1_000).await.expect("it chains");
    assert!(again.starts_with(&trail) || again.len() > trail.len());
    assert!(again.iter().any(|line| line.entry.action() == Action::Restored));
    assert_eq!(scan(&store, 10_000).await.expect("scanned").faults, Vec::new());
    // It goes on in the new epoch; its numbers go on where the backup stood.
    let settled = store.settle(vec![stored(1_001)]).await.expect("settled");
    let id = record_of(&settled[0]).expect("stored").clone();
    assert_eq!((id.epoch, id.number), (restored.epoch, 701));
    store.close().await.expect("closed");
}

/// Each row of the table in `backup` up to its name, and each batch in between.
#[tokio::test]
async fn a_backup_that_is_cut_short_leaves_nothing_and_the_store_as_it_was() {
    let world = world();
    let store = world.open();
    store_many(&store, 1, 300).await;
    let mut steps = 0;
    loop {
        let (mut left, stopped) = (steps, StoreError::of(StoreCode::Closed));
        let mut between = || match left {
            0 => Err(stopped),
            _ => {
                left -= 1;
                Ok(())
            }
        };
        let made = backup::make(&store.shared, &place(&world), &mut between);
        if made.is_ok() {
            break;
        }
        assert_eq!(made, Err(stopped));
        assert!(!names(&world).iter().any(|name| name.contains("backup")), "{:?}", names(&world));
        steps += 1;
    }
    assert!(steps > Place::FIXED.len(), "{steps} steps");
    std::fs::remove_dir_all(place(&world)).expect("removed");
    // The keyring takes nothing: there is no backup whose keys were not made anew.
    world.keyring.refuses.store(true, Ordering::SeqCst);
    assert_eq!(code(back_up(&world, &store).await), Some(StoreCode::DiskFull));
    assert!(!names(&world).iter().any(|name| name.contains("backup")));
    world.keyring.refuses.store(false, Ordering::SeqCst);
    // What a killed predecessor left is no obstacle.
    std::fs::create_dir(world.dir.path().join(".backup.part")).expect("made");
    std::fs::write(world.dir.path().join(".backup.part/x"), "x").expect("written");
    back_up(&world, &store).await.expect("made");
    store_many(&store, 301, 10).await;
    assert_eq!(export(&store, 100).await.map(|read| read.len()), Ok(310));
    store.close().await.expect("closed");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_would_write_meanwhile_is_turned_away_at_once_and_a_close_ends_it() {
    let world = world();
    let _closed = world.open().close().await;
    tamper(&world, |db| {
        let tree = db.open_tree("aside").expect("a tree");
        for number in 0..150_000_u32 {
            tree.insert(number.to_be_bytes(), vec![7; 40]).expect("written");
        }
    });
    let store = world.open();
    store_many(&store, 1, 3).await;
    let others = async {
        until("a copy is made", async || store.is_copying()).await;
        assert_eq!(code(store.settle(vec![stored(9)]).await), Some(StoreCode::CopyUnderWay));
        assert_eq!(code(store.note(by_officer(Action::TrailRead)).await), Some(StoreCode::CopyUnderWay));
        assert_eq!(code(back_up(&world, &store).await), Some(StoreCode::CopyUnderWay), "one at a time");
        assert!(store.ready() && store.is_copying(), "it is well");
        assert_eq!(store.look_after().await, Ok(Vec::new()), "and is looked after");
        store.close().await.expect("closed");
    };
    let (made, ()) = tokio::join!(back_up(&world, &store), others);
    assert_eq!(made, Err(StoreError::of(StoreCode::Closed)));
    assert!(!names(&world).iter().any(|name| name.contains("backup")));
}

#[tokio::test]
async fn two_restores_of_one_backup_give_no_id_twice() {
    let world = world();
    let store = world.open();
    store_many(&store, 1, 5).await;
    back_up(&world, &store).await.expect("made");
    store.close().await.expect("closed");
    let (mut given, mut epochs) = (Vec::new(), Vec::new());
    for name in ["one", "two"] {
        world.clock.advance_ms(3_600_000);
        let settings = elsewhere(&world, name);
        let restored = restore(&world, &settings, &world.clock).await.expect("restored");
        epochs.push(restored.epoch);
        let store = open(&world, settings.clone());
        let settled = store.settle(vec![stored(50)]).await.expect("settled");
        given.push(record_of(&settled[0]).expect("stored").clone());
        store.close().await.expect("closed");
        assert_eq!(code(restore(&world, &settings, &world.clock).await), Some(StoreCode::Exists));
        // And in one place within the hour: the witness remembers.
        std::fs::remove_dir_all(settings.path.join("db")).expect("removed");
        let again = restore(&world, &settings, &world.clock).await.expect("restored");
        assert!(again.epoch > restored.epoch);
    }
    assert!(given[0] != given[1] && epochs[0] < epochs[1], "{given:?}");
    // By the hours alone, as where neither keyring nor witness remembers anything.
    let clock = Arc::new(ManualClock::new("2026-11-30T08:30:00Z".parse().expect("a time")));
    let restored = restore(&world, &elsewhere(&world, "three"), &clock).await.expect("restored");
    assert_eq!(restored.epoch, 333 * 24 + 8);
}

#[tokio::test]
async fn cursors_of_an_epoch_that_ended_lead_on_and_those_beyond_its_end_are_refused() {
    let world = world();
    let store = world.open();
    store_many(&store, 1, 5).await;
    back_up(&world, &store).await.expect("made");
    store_many(&store, 6, 5).await;
    store.close().await.expect("closed");
    let settings = elsewhere(&world, "new");
    let restored = restore(&world, &settings, &world.clock).await.expect("restored");
    let store = open(&world, settings);
    store_many(&store, 20, 3).await;
    let after = async |cursor: &str| store.open_page(request(Some(record(cursor)), 10), exporting()).await;
    assert_eq!(after("devis-1-3").await.expect("a page").count, 5, "two of then, three of now");
    assert_eq!(after("devis-1-5").await.expect("a page").count, 3);
    let new = format!("devis-{}-8", restored.epoch);
    assert_eq!(after(&new).await.expect("a page").count, 0);
    for (ahead, go_on) in [
        ("devis-1-6", "devis-1-5"),
        ("devis-0-1", "devis-1-0"),
        (format!("devis-{}-9", restored.epoch).as_str(), new.as_str()),
        (format!("devis-{}-1", restored.epoch + 1).as_str(), "devis-1-0"),
    ] {
        assert_eq!(code(after(ahead).await), Some(StoreCode::CursorAhead), "{ahead}");
        let resume = store.resume_after(record(ahead)).await.expect("a cursor");
        assert_eq!(resume.to_string(), go_on, "{ahead}");
        assert!(after(go_on).await.is_ok(), "{go_on}");
    }
    store.close().await.expect("closed");
}

/// The record itself is in the backup, sealed; only its key is gone.
#[tokio::test]
async fn who_was_erased_after_the_backup_is_not_there_and_nobody_else_is_missing() {
    let world = world();
    let store = world.open();
    store_many(&store, 1, 20).await;
    back_up(&world, &store).await.expect("made");
    for number in [3, 11] {
        let request = ErasureRequest::of(Wanted::Leadgen(leadgen(number)));
        store.erase(request, by_officer(Action::ErasureAsked)).await.expect("erased");
    }
    store.close().await.expect("closed");
    let settings = elsewhere(&world, "new");
    let restored = restore(&world, &settings, &world.clock).await.expect("restored");
    assert_eq!((restored.records, restored.keyless), (18, 2));
    let store = open(&world, settings);
    let read = export(&store, 7).await.expect("read to the end");
    assert_eq!(read.len(), 18);
    for number in [3, 11] {
        let state = seen(&store, number).await.expect("known");
        assert_eq!(state.as_ref().map(word).as_deref(), Some("erased"));
        let again = store.settle(vec![stored(number)]).await.expect("settled");
        assert!(record_of(&again[0]).is_none(), "and does not come back by a redelivery");
    }
    assert_eq!(scan(&store, 10_000).await.expect("scanned").faults, Vec::new());
    store.close().await.expect("closed");
}

/// What was awaited when the backup was made, or after it, is so where it is restored.
#[tokio::test]
async fn what_was_unread_when_an_address_was_erased_is_met_after_a_restore_with_the_ledger() {
    let mut world = world();
    let ledger = world.dir.path().join("ledger");
    Directory::own(world.dir.path()).expect("ours").create_new("ledger").expect("made");
    world.ledger = Some(ledger.clone());
    let store = world.open();
    store.settle(vec![parked(1, 1, waiting(0, 1)), parked(2, 2, waiting(0, 1))]).await.expect("settled");
    back_up(&world, &store).await.expect("made");
    let addresses = vec![(None, Address::email(&email_of(1)).expect("an address"))];
    let (purposes, papers) = (Vec::new(), Papers::default());
    let what = ToAwait { addresses, purposes, unread: 2, repeat: None, papers };
    let vigil = store.await_unread(what, by_officer(Action::ErasureAsked)).await.expect("taken");
    let request = ErasureRequest { vigil, ..ErasureRequest::default() };
    store.erase(request, by_officer(Action::ErasureAsked)).await.expect("erased");
    store.close().await.expect("closed");
    let settings = elsewhere(&world, "new");
    let restoring = Restoring::begin(settings.clone(), &place(&world)).expect("begun");
    let (since, random) = (Since::Ledger(ledger, false), world.random.clone());
    let restored = restoring
        .finish((world.keyring.clone(), Whose::House), recipients(), world.clock.clone(), random, since)
        .await;
    restored.expect("restored");
    let store = open(&world, settings);
    assert_eq!(store.vigils(), 1);
    let of = |number: u64| {
        let (mail, soon) = (email_of(number), start() + SignedDuration::from_hours(240));
        let lead = lead_of(("devis", Basis::PreContract), (&mail, ""), (start(), true), soon);
        Settlement { outcome: Outcome::stored(lead), ..stored(number) }
    };
    store.settle(vec![of(1), of(2)]).await.expect("settled");
    let state = seen(&store, 1).await.expect("known");
    assert_eq!(state.as_ref().map(word).as_deref(), Some("erased"));
    assert_eq!(store.stored().await.expect("counted").values().sum::<u64>(), 1, "another's is stored");
    store.close().await.expect("closed");
}

#[tokio::test]
async fn what_does_not_belong_together_or_is_cut_off_is_refused_and_nothing_is_left() {
    let world = world();
    let store = world.open();
    store_many(&store, 1, 300).await;
    back_up(&world, &store).await.expect("made");
    store.close().await.expect("closed");
    let settings = elsewhere(&world, "new");
    let begun = || Restoring::begin(settings.clone(), &place(&world));
    let restoring = begun().expect("a backup");
    assert!(restoring.made_at().is_some());
    let (own, generation) = (world.keyring.instance(), world.keyring.generation());
    assert_eq!(restoring.require(own, generation), Ok(()));
    let foreign = crate::keyring::InstanceId([9; 16]);
    assert_eq!(code(restoring.require(foreign, generation)), Some(StoreCode::KeyringForeign));
    assert_eq!(code(restoring.require(own, 0)), Some(StoreCode::KeyringRolledBack));
    assert_eq!(code(begun()), Some(StoreCode::Locked), "one at a time");
    restoring.leave().expect("left");
    let db = place(&world).join("store/db/db");
    let whole = std::fs::read(&db).expect("there");
    std::fs::write(&db, &whole[..whole.len() - 4_096]).expect("cut");
    assert_eq!(code(begun()), Some(StoreCode::BehindWitness));
    std::fs::remove_file(place(&world).join("store/witness")).expect("removed");
    assert_eq!(code(begun()), Some(StoreCode::Missing));
    let left: Vec<_> = std::fs::read_dir(&settings.path).expect("readable").flatten().collect();
    assert!(left.iter().all(|entry| entry.file_name() == "lock"), "{left:?}");
}
