//! Which counts after a restore with the ledger where the two say different things: what the backup has, or a line that was written
//! before it, or after it, or by an earlier tamis; and that a line which is missing shows, whatever it says.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;

use super::backing_up::{back_up, elsewhere, place};
use super::replaying::{release, restored, restrict, told, world_with_ledger};
use super::support::*;
use crate::clock::Day;
use crate::forget::address::Address;
use crate::purpose::Basis;
use crate::store::contract::Host;
use crate::store::contract::consenting::withdraw;
use crate::store::sled::SledStore;
use crate::store::sled::ledger::{self, Line, Lines};
use crate::store::{
    Life, Restored, Restrictions, Rewritten, SharedStore, Since, StoreCode, StoreError, ToLift, ToSuppress,
};
use crate::trail::Action;

const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 3_600_000;

/// A store with a ledger, in which there are records.
struct Begun {
    world: World,
    ledger: PathBuf,
    store: Arc<SledStore>,
    /// The same.
    shared: SharedStore,
}

/// With so many records, by a clock that somebody confirmed.
async fn begun(records: u64) -> Begun {
    let (world, ledger) = world_with_ledger();
    let store = world.open();
    let shared: SharedStore = store.clone();
    world.agree(&shared);
    store_many(&store, 1, records).await;
    Begun { world, ledger, store, shared }
}

/// How many lines a ledger has.
fn count(ledger: &Path) -> usize {
    std::fs::read_to_string(ledger).expect("there").lines().count()
}

/// The ledger without its last line: its disk was away for a moment.
fn lose_last_line(ledger: &Path) {
    lose_line(ledger, count(ledger) - 1);
}

fn lose_line(ledger: &Path, lost: usize) {
    let text = std::fs::read_to_string(ledger).expect("there");
    let kept = text.lines().enumerate().filter(|(at, _)| *at != lost).map(|(_, line)| format!("{line}\n"));
    std::fs::write(ledger, kept.collect::<String>()).expect("written");
}

/// The ledger as an earlier tamis would have written it.
fn lose_numbers(world: &World, ledger: &Path) {
    let lines = Lines::since(ledger, &*world.keyring, Timestamp::MIN).expect("opens");
    let before = |line: std::io::Result<Option<Line>>| {
        let line = line.expect("read").expect("ours");
        assert!(line.number.is_some());
        Line { number: None, ..line }
    };
    let lines: Vec<Line> = lines.map(before).collect();
    let text = ledger::text(&*world.keyring, &*world.random, &lines).expect("sealed");
    std::fs::write(ledger, text).expect("written");
}

/// Which records nobody may use, by number.
fn restricted(store: &Arc<SledStore>) -> Vec<u64> {
    store.restrictions().into_iter().map(|restriction| restriction.id.number).collect()
}

async fn restrict_for(store: &SharedStore, number: u64, days: u32) {
    let until = Day::of(store.now()).plus(days);
    let id = record(&format!("devis-1-{number}"));
    store.restrict(id, until, by_officer(Action::Restricted)).await.expect("restricted");
}

async fn restore_into(
    world: &mut World,
    place: &str,
    keyring: &MemoryKeyring,
    since: Since,
) -> Result<(Restored, Arc<SledStore>), StoreError> {
    let settings = elsewhere(world, place);
    restored(world, &settings, keyring.copied(), since).await
}

#[tokio::test]
async fn what_the_backup_has_is_newer_than_a_line_that_was_written_before_it() {
    let Begun { mut world, ledger, store, shared } = begun(7).await;
    // Restricted, and the ledger's last word is that it is not.
    restrict(&shared, 1).await;
    release(&shared, 1).await;
    restrict(&shared, 1).await;
    lose_last_line(&ledger);
    // Released, and the ledger's last word is that it is restricted.
    restrict(&shared, 2).await;
    release(&shared, 2).await;
    lose_last_line(&ledger);
    // Renewed, and the ledger knows the day before that.
    restrict(&shared, 3).await;
    restrict_for(&shared, 3, 9).await;
    lose_last_line(&ledger);
    // Each once more, with all its lines.
    restrict(&shared, 4).await;
    release(&shared, 4).await;
    restrict(&shared, 5).await;
    let until = |store: &SharedStore| store.restriction(&record("devis-1-3")).map(|one| one.until);
    let renewed = until(&shared);
    back_up(&world, &store).await.expect("made");
    let then = world.keyring.copied();
    // What comes after it counts.
    release(&shared, 5).await;
    restrict(&shared, 6).await;
    restrict(&shared, 7).await;
    release(&shared, 7).await;
    store.close().await.expect("closed");
    let since = Since::Ledger(ledger.clone(), false);
    let (made, store) = restore_into(&mut world, "new", &then, since).await.expect("restored");
    assert_eq!(made.replayed, 4, "the others the backup has");
    assert_eq!(restricted(&store), [1, 3, 6]);
    assert_eq!(until(&(store.clone() as SharedStore)), renewed);
    let heard = ["released devis-1-5", "restricted devis-1-6"];
    assert_eq!(told(&store, "crm").await, heard);
    assert_eq!(scan(&store, 10_000).await.expect("scanned").faults, Vec::new());
    store.close().await.expect("closed");
}

/// What was said in the store that came of a restore is newer than the backup and than every line of before.
#[tokio::test]
async fn a_backup_that_is_restored_once_more_is_what_was_said_last() {
    let Begun { mut world, ledger, store, shared } = begun(4).await;
    restrict(&shared, 1).await;
    back_up(&world, &store).await.expect("made");
    let then = world.keyring.copied();
    restrict(&shared, 2).await;
    restrict(&shared, 3).await;
    store.close().await.expect("closed");
    for round in 0..2 {
        world.clock.advance_ms(HOUR_MS);
        let since = Since::Ledger(ledger.clone(), false);
        let (made, store) =
            restore_into(&mut world, &format!("first-{round}"), &then, since).await.expect("restored");
        assert_eq!((made.replayed, restricted(&store)), (2, vec![1, 2, 3]), "as often as it is done");
        store.close().await.expect("closed");
    }
    world.clock.advance_ms(HOUR_MS);
    let since = Since::Ledger(ledger.clone(), false);
    let (_, store) = restore_into(&mut world, "second", &then, since).await.expect("restored");
    let shared: SharedStore = store.clone();
    release(&shared, 1).await;
    release(&shared, 2).await;
    restrict(&shared, 4).await;
    store.close().await.expect("closed");
    world.clock.advance_ms(HOUR_MS);
    let since = Since::Ledger(ledger.clone(), false);
    let (made, store) = restore_into(&mut world, "third", &then, since).await.expect("restored");
    assert_eq!((made.replayed, restricted(&store)), (5, vec![3, 4]));
    store.close().await.expect("closed");
    // Also the first line of a later epoch is missed, by those that follow it.
    lose_line(&ledger, 3);
    world.clock.advance_ms(HOUR_MS);
    let since = Since::Ledger(ledger, false);
    let cut = restore_into(&mut world, "cut", &then, since).await.map(drop);
    assert_eq!(code(cut), Some(StoreCode::LedgerIncomplete));
}

/// A store that was restored without the ledger, and its backup: nobody tells that one whether the lines of the epoch before were done
/// again. What they restrict is so, and what they release is not for that.
#[tokio::test]
async fn of_an_epoch_before_the_backup_s_a_line_restricts_and_releases_nothing() {
    let Begun { mut world, ledger, store, shared } = begun(4).await;
    restrict(&shared, 1).await;
    back_up(&world, &store).await.expect("made");
    let then = world.keyring.copied();
    release(&shared, 1).await;
    restrict(&shared, 2).await;
    restrict(&shared, 3).await;
    store.close().await.expect("closed");
    world.clock.advance_ms(HOUR_MS);
    let (_, store) = restore_into(&mut world, "without", &then, Since::Unknown).await.expect("restored");
    assert_eq!(restricted(&store), [1]);
    let shared: SharedStore = store.clone();
    // The third once more, and then its person is content.
    restrict(&shared, 3).await;
    release(&shared, 3).await;
    std::fs::remove_dir_all(place(&world)).expect("removed");
    back_up(&world, &store).await.expect("made");
    let later = world.keyring.copied();
    restrict(&shared, 4).await;
    store.close().await.expect("closed");
    world.clock.advance_ms(HOUR_MS);
    let since = Since::Ledger(ledger, false);
    let (_, store) = restore_into(&mut world, "with", &later, since).await.expect("restored");
    assert_eq!(restricted(&store), [1, 2, 4]);
    store.close().await.expect("closed");
}

#[tokio::test]
async fn a_line_that_is_missing_between_others_shows_whatever_it_says() {
    let Begun { mut world, ledger, store, shared } = begun(4).await;
    restrict(&shared, 1).await;
    back_up(&world, &store).await.expect("made");
    let then = world.keyring.copied();
    restrict(&shared, 2).await;
    let objection =
        ToSuppress { addresses: vec![Address::email(&email_of(9)).expect("one")], purpose: None, months: 36 };
    shared.suppress(objection, by_officer(Action::Suppressed)).await.expect("taken");
    assert_eq!(withdraw(&shared, "devis-1-3", Basis::PreContract).await, Rewritten::Anew);
    release(&shared, 1).await;
    restrict(&shared, 4).await;
    store.close().await.expect("closed");
    let lines = std::fs::read_to_string(&ledger).expect("there");
    assert_eq!(count(&ledger), 6);
    // The first of all the backup has, and the last one nobody can miss.
    for lost in 0..6 {
        std::fs::write(&ledger, &lines).expect("as it was");
        lose_line(&ledger, lost);
        let since = Since::Ledger(ledger.clone(), false);
        let made = restore_into(&mut world, &format!("without-{lost}"), &then, since).await;
        match lost {
            0 | 5 => {
                let (made, store) = made.expect("restored");
                assert_eq!(made.replayed, if lost == 0 { 5 } else { 4 });
                store.close().await.expect("closed");
            }
            _ => assert_eq!(code(made.map(drop)), Some(StoreCode::LedgerIncomplete), "line {lost}"),
        }
    }
    // Whoever says so goes on with what there is.
    std::fs::write(&ledger, &lines).expect("as it was");
    lose_line(&ledger, 1);
    let since = Since::Ledger(ledger, true);
    let (made, store) = restore_into(&mut world, "all-the-same", &then, since).await.expect("restored");
    assert_eq!((made.replayed, restricted(&store)), (4, vec![4]));
    store.close().await.expect("closed");
}

/// Their moments are all there is: they lift nothing that the backup may have restricted later, and are never too few.
#[tokio::test]
async fn of_lines_that_an_earlier_tamis_wrote_the_moments_tell_and_in_doubt_what_is_restricted_stays_so() {
    let Begun { mut world, ledger, store, shared } = begun(6).await;
    for number in 1..=4 {
        restrict(&shared, number).await;
    }
    world.clock.advance_ms(MINUTE_MS);
    release(&shared, 1).await;
    restrict(&shared, 1).await;
    lose_last_line(&ledger);
    release(&shared, 2).await;
    lose_last_line(&ledger);
    release(&shared, 3).await;
    world.clock.advance_ms(MINUTE_MS);
    back_up(&world, &store).await.expect("made");
    let then = world.keyring.copied();
    world.clock.advance_ms(MINUTE_MS);
    release(&shared, 4).await;
    restrict(&shared, 5).await;
    restrict(&shared, 6).await;
    release(&shared, 6).await;
    store.close().await.expect("closed");
    lose_numbers(&world, &ledger);
    let since = Since::Ledger(ledger, false);
    let (_, store) = restore_into(&mut world, "new", &then, since).await.expect("restored");
    // The second was released before the backup, or restricted after a clock was taken back: who can tell?
    assert_eq!(restricted(&store), [1, 2, 5]);
    store.close().await.expect("closed");
}

#[tokio::test]
async fn of_who_objected_the_newest_counts_as_well() {
    let Begun { mut world, ledger, store, shared } = begun(1).await;
    let mail = |number: u64| Address::email(&email_of(number)).expect("an address");
    let objects = async |store: &SharedStore, number: u64| {
        let what = ToSuppress { addresses: vec![mail(number)], purpose: None, months: 36 };
        store.suppress(what, by_officer(Action::Suppressed)).await.expect("taken");
    };
    let returns = async |store: &SharedStore, number: u64| {
        let which = ToLift::Of(vec![mail(number)], vec![None]);
        assert_eq!(store.lift(which, by_officer(Action::SuppressionRemoved)).await, Ok(1));
    };
    let listed = async |store: &SharedStore| {
        let mut listed = Vec::new();
        for number in 21..=24 {
            let by = by_officer(Action::Found);
            let found = store.suppressions_of(vec![mail(number)], vec![None], &by).await.expect("read");
            listed.extend((!found.is_empty()).then_some(number));
        }
        listed
    };
    // On the list and off it again, of which the ledger knows the first alone; and the other way round.
    objects(&shared, 21).await;
    returns(&shared, 21).await;
    lose_last_line(&ledger);
    objects(&shared, 22).await;
    returns(&shared, 22).await;
    objects(&shared, 22).await;
    lose_last_line(&ledger);
    objects(&shared, 23).await;
    back_up(&world, &store).await.expect("made");
    let then = world.keyring.copied();
    returns(&shared, 23).await;
    objects(&shared, 24).await;
    store.close().await.expect("closed");
    let since = Since::Ledger(ledger, false);
    let (made, store) = restore_into(&mut world, "new", &then, since).await.expect("restored");
    assert_eq!(made.replayed, 2);
    assert_eq!(listed(&(store.clone() as SharedStore)).await, [22, 24]);
    store.close().await.expect("closed");
}
