//! Each damage that was measured: the store opens with everything, or refuses with a code. Never less without a word.

use std::path::PathBuf;

use super::support::*;
use crate::random::{Random, SeededRandom};
use crate::store::sled::engine::witness::{Testimony, Witness};
use crate::store::{Leads, Life, StoreCode, Trail};

const RECORDS: u64 = 6_000;

/// A store that was opened before, with more since.
async fn reopened() -> World {
    let world = World::new();
    let store = world.open();
    store_many(&store, 1, RECORDS / 2).await;
    store.close().await.expect("closed");
    let store = world.open();
    store_many(&store, RECORDS / 2 + 1, RECORDS / 2).await;
    store.close().await.expect("closed");
    world
}

/// The same world with a copy of the files, to damage.
fn copy_of(world: &World) -> World {
    let mut copy = World::new();
    (copy.keyring, copy.clock) = (world.keyring.clone(), world.clock.clone());
    copy_dir(&world.path(), &copy.path());
    std::fs::copy(world.witness(), copy.witness()).expect("copied");
    copy
}

/// Opens and reads everything. `Ok`: all is there. `Err`: the code that says that it is not.
async fn outcome(world: &World) -> Result<(), StoreCode> {
    let store = world.try_open().map_err(|error| error.code)?;
    let counted = store.stored().await.expect("counted").get(&purpose("devis")).copied();
    let read = export(&store, 1_000).await;
    let trail = store.lines(0, 10_000).await;
    // A halted store has nothing left to close well.
    let _ = store.close().await;
    let values = read.map_err(|error| error.code)?;
    trail.map_err(|error| error.code)?;
    assert_eq!(counted, Some(RECORDS), "short without a word");
    assert!(values == (1..=RECORDS).map(email_of).collect::<Vec<_>>(), "short without a word");
    Ok(())
}

/// The same, by a scan first: it finds what an export would meet, and accuses nobody else.
async fn outcome_of_scan(world: &World) -> Result<(), StoreCode> {
    let store = world.try_open().map_err(|error| error.code)?;
    let scanned = scan(&store, 1_000).await;
    let _ = store.close().await;
    let is_clean = scanned.is_ok_and(|scanned| scanned.faults.is_empty());
    let read = outcome(world).await;
    assert_eq!(is_clean, read.is_ok(), "{read:?}");
    read
}

fn aside(world: &World) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(world.path()).expect("readable");
    let paths = entries.map(|entry| entry.expect("readable").path());
    paths
        .filter(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("aside")))
        .collect()
}

#[tokio::test]
async fn undamaged_it_opens_with_everything_and_leaves_no_copy() {
    let world = reopened().await;
    assert_eq!(outcome(&world).await, Ok(()));
    assert_eq!(outcome(&world).await, Ok(()));
    assert_eq!(aside(&world), Vec::<PathBuf>::new());
}

#[tokio::test]
async fn a_cut_tail_is_never_silent_and_a_copy_from_before_is_kept() {
    let intact = reopened().await;
    let whole = std::fs::read(intact.db()).expect("readable");
    let length = whole.len() as u64;
    let lengths = [length - 1, length - 2, length - 1_000, length - 300_000, length / 2, length / 3, 10];
    let mut refused = 0;
    for bytes in lengths {
        let world = copy_of(&intact);
        let cut_file = whole[..usize::try_from(bytes).expect("64 bits")].to_vec();
        std::fs::write(world.db(), &cut_file).expect("written");
        let first = outcome(&world).await;
        println!("cut to {bytes} of {length}: {first:?}");
        refused += usize::from(first.is_err());
        if let Err(code) = first {
            assert!(matches!(code, StoreCode::BehindWitness | StoreCode::Damaged), "{bytes}: {code}");
            let copies = aside(&world);
            assert_eq!(copies.len(), 1, "{bytes}");
            assert!(std::fs::read(copies[0].join("db")).expect("readable") == cut_file, "as it was found");
            assert!(outcome(&world).await.is_err(), "{bytes}: refused at every start");
            assert_eq!(aside(&world).len(), 1, "one copy, the first");
        } else {
            assert_eq!(aside(&world), Vec::<PathBuf>::new());
        }
    }
    // The engine may have written something of its own after the last commit: that is nobody's. Where it opens, all is there.
    assert!(refused >= 4, "{refused}");
}

#[tokio::test]
async fn a_database_that_is_empty_or_gone_is_refused_untouched() {
    let intact = reopened().await;
    let world = copy_of(&intact);
    std::fs::write(world.db(), b"").expect("written");
    assert_eq!(outcome(&world).await, Err(StoreCode::Missing));
    assert_eq!(std::fs::metadata(world.db()).expect("there").len(), 0);
    std::fs::remove_file(world.db()).expect("removed");
    assert_eq!(outcome(&world).await, Err(StoreCode::Missing));
    assert!(!world.db().exists());
    std::fs::remove_dir_all(world.path().join("db")).expect("removed");
    assert_eq!(outcome(&world).await, Err(StoreCode::Missing));
    assert!(!world.path().join("db").exists());
    // And put back it is whole.
    copy_dir(&intact.path().join("db"), &world.path().join("db"));
    assert_eq!(outcome(&world).await, Ok(()));
}

#[tokio::test]
async fn a_flipped_byte_anywhere_in_the_database_is_never_silent() {
    let intact = reopened().await;
    let bytes = std::fs::read(intact.db()).expect("readable");
    let random = SeededRandom::new(11);
    let mut refused = 0;
    for round in 0..16_u64 {
        let mut at = [0; 8];
        random.fill(&mut at).expect("filled");
        // Both ends of the file, and everywhere between.
        let at = match round {
            0 => 0,
            1 => bytes.len() - 1,
            _ => usize::try_from(u64::from_le_bytes(at)).expect("64 bits") % bytes.len(),
        };
        let world = copy_of(&intact);
        let mut damaged = bytes.clone();
        damaged[at] ^= 0x55;
        std::fs::write(world.db(), damaged).expect("written");
        let outcome = outcome_of_scan(&world).await;
        println!("flip at {at}: {outcome:?}");
        refused += u32::from(outcome.is_err());
    }
    assert!(refused > 0, "no flip was noticed: the test tests nothing");
}

#[tokio::test]
async fn zeroed_blocks_are_never_silent() {
    let intact = reopened().await;
    let bytes = std::fs::read(intact.db()).expect("readable");
    assert_eq!(
        outcome_of_scan(&copy_of(&intact)).await,
        Ok(()),
        "nothing is accused where nothing was zeroed"
    );
    let (mut refused, mut harmless) = (0, 0);
    for part in 0..8 {
        let world = copy_of(&intact);
        let mut damaged = bytes.clone();
        let at = bytes.len() / 8 * part / 4096 * 4096;
        damaged[at..(at + 4096).min(bytes.len())].fill(0);
        harmless += u32::from(damaged == bytes);
        std::fs::write(world.db(), damaged).expect("written");
        let outcome = outcome_of_scan(&world).await;
        println!("zeroed at {at}: {outcome:?}");
        refused += u32::from(outcome.is_err());
    }
    assert!(refused > 0 && harmless < 8, "no zeroed block was noticed: the test tests nothing");
}

#[tokio::test]
async fn a_damaged_snapshot_or_conf_is_never_silent() {
    let intact = reopened().await;
    let mut refused = Vec::new();
    for prefix in ["snap.", "conf"] {
        let named =
            |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(prefix));
        let path = files(&intact.path().join("db")).into_iter().find(named).expect("there");
        let bytes = std::fs::read(&path).expect("readable");
        for at in [0, 1, bytes.len() / 2, bytes.len() - 1] {
            let world = copy_of(&intact);
            let mut damaged = bytes.clone();
            damaged[at] ^= 0x11;
            let path = world.path().join("db").join(path.file_name().expect("named"));
            std::fs::write(&path, &damaged).expect("written");
            println!("{prefix} flipped at {at}: {:?}", outcome(&world).await);
            let world = copy_of(&intact);
            let path = world.path().join("db").join(path.file_name().expect("named"));
            std::fs::write(&path, &bytes[..at]).expect("written");
            let cut = outcome(&world).await;
            println!("{prefix} cut to {at}: {cut:?}");
            refused.extend(cut.is_err().then_some(prefix));
        }
        let world = copy_of(&intact);
        std::fs::remove_file(world.path().join("db").join(path.file_name().expect("named")))
            .expect("removed");
        println!("{prefix} removed: {:?}", outcome(&world).await);
    }
    for prefix in ["snap.", "conf"] {
        assert!(refused.contains(&prefix), "no cut {prefix} was noticed: the test tests nothing");
    }
}

#[tokio::test]
async fn a_snapshot_that_was_being_written_is_removed_and_all_is_there() {
    let world = reopened().await;
    for content in [b"".as_slice(), b"junk".as_slice()] {
        let left = world.path().join("db/snap.00000000000000FF.generating");
        std::fs::write(&left, content).expect("written");
        assert_eq!(outcome(&world).await, Ok(()));
        assert!(!left.exists());
    }
}

/// sled gives free segments at its end back by itself; after a crash the witness remembers a longer file.
#[tokio::test]
async fn a_file_that_only_became_shorter_opens_and_leaves_no_copy() {
    let world = reopened().await;
    let mut witness = Witness::open(&world.witness()).expect("readable").expect("valid");
    let longer = Testimony { db_bytes: witness.last().db_bytes + 8 * MIB, ..witness.last() };
    witness.record(&longer).expect("recorded");
    drop(witness);
    assert_eq!(outcome(&world).await, Ok(()));
    assert_eq!(aside(&world), Vec::<PathBuf>::new());
    let witness = Witness::open(&world.witness()).expect("readable").expect("valid");
    assert!(witness.last().db_bytes < longer.db_bytes, "told once");
}
