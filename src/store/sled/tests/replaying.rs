//! What the ledger says of consents, and of what nobody may use, done again after a restore under the backup's own keyring; and to
//! whom everything counts as handed from then on.

use std::path::PathBuf;
use std::sync::Arc;

use jiff::SignedDuration;

use super::backing_up::{back_up, elsewhere, open, place, recipients, world};
use super::support::*;
use crate::clock::Day;
use crate::lead::sample::shape;
use crate::lead::{OpenedLead, withdrawal};
use crate::machine::own::Directory;
use crate::purpose::sample::{consent, field, purpose as purpose_of};
use crate::purpose::{Basis, Channel, ConsentKey, Whitelist};
use crate::store::contract::Host;
use crate::store::contract::consenting::{confirm, withdraw};
use crate::store::sled::SledStore;
use crate::store::{
    ErasureRequest, Erasures, Feeds, Handed, Leads, Life, MayLeave, PageRequest, Restored, Restoring,
    Restrictions, RewriteCause, RewriteRequest, Rewritten, Settings, SharedStore, Since, StoreCode,
    StoreError, Tellings, ToldFirst, Trail, Wanted, Whose,
};
use crate::trail::{Action, Entry, Reason};

/// One that has a ledger, and where that lies.
pub(super) fn world_with_ledger() -> (World, PathBuf) {
    let mut world = world();
    let ledger = world.dir.path().join("ledger");
    Directory::own(world.dir.path()).expect("ours").create_new("ledger").expect("made");
    world.ledger = Some(ledger.clone());
    (world, ledger)
}

/// Restores the backup under a keyring, the one of before or a copy of then, and opens what came of it.
pub(super) async fn restored(
    world: &mut World,
    settings: &Settings,
    keyring: Arc<MemoryKeyring>,
    since: Since,
) -> Result<(Restored, Arc<SledStore>), StoreError> {
    let restoring = Restoring::begin(settings.clone(), &place(world))?;
    let (clock, random) = (world.clock.clone(), world.random.clone());
    let whose = if Arc::ptr_eq(&keyring, &world.keyring) { Whose::House } else { Whose::Backup };
    let restored = restoring.finish((keyring.clone(), whose), recipients(), clock, random, since).await?;
    world.keyring = keyring;
    let store = open(world, settings.clone());
    world.agree(&(store.clone() as SharedStore));
    Ok((restored, store))
}

async fn opened(store: &Arc<SledStore>, id: &str) -> OpenedLead {
    let found = store.find(Wanted::Record(record(id)), by_officer(Action::Found)).await;
    found.expect("looked up").remove(0).lead.expect("it is there")
}

pub(super) async fn restrict(store: &SharedStore, number: u64) {
    let until = Day::of(store.now()).plus(5);
    let id = record(&format!("devis-1-{number}"));
    store.restrict(id, until, by_officer(Action::Restricted)).await.expect("restricted");
}

pub(super) async fn release(store: &SharedStore, number: u64) {
    let id = record(&format!("devis-1-{number}"));
    assert_eq!(store.lift_restriction(id, by_officer(Action::RestrictionLifted)).await, Ok(true));
}

/// What waits for a recipient: kind and record.
pub(super) async fn told(store: &Arc<SledStore>, recipient: &str) -> Vec<String> {
    let entry = Entry::by_system_for(Action::ChangesRead, recipient);
    let page = store.changes(recipient.to_owned(), None, 1_000, entry).await.expect("read").expect("a feed");
    page.changes.iter().map(|change| format!("{} {}", change.kind, change.id)).collect()
}

#[tokio::test]
async fn a_consent_that_was_taken_back_after_the_backup_ends_again_with_the_ledger_and_only_with_it() {
    let (mut world, ledger) = world_with_ledger();
    let store = world.open();
    let shared: SharedStore = store.clone();
    world.agree(&shared);
    store_many(&store, 1, 3).await;
    back_up(&world, &store).await.expect("made");
    let then = world.keyring.copied();
    world.clock.advance_ms(60_000);
    assert_eq!(withdraw(&shared, "devis-1-2", Basis::PreContract).await, Rewritten::Anew);
    let at = opened(&store, "devis-1-2").await.consents()[0].valid_until;
    assert!(at.is_some());
    // One that is read after the backup: it is not there to be ended.
    store_many(&store, 4, 1).await;
    assert_eq!(withdraw(&shared, "devis-1-5", Basis::PreContract).await, Rewritten::Anew);
    store.close().await.expect("closed");
    let lines = std::fs::read_to_string(&ledger).expect("there");
    assert_eq!(lines.lines().count(), 2);
    world.clock.advance_ms(3_600_000);

    let settings = elsewhere(&world, "without");
    let made = restored(&mut world, &settings, then.copied(), Since::Unknown).await.expect("restored");
    let (without, store) = made;
    assert_eq!((without.keyless, without.replayed), (0, 0));
    assert!(opened(&store, "devis-1-2").await.consents()[0].valid_until.is_none(), "nobody knows of it");
    store.close().await.expect("closed");

    let (settings, since) = (elsewhere(&world, "with"), Since::Ledger(ledger.clone(), false));
    let (with, store) = restored(&mut world, &settings, then.copied(), since).await.expect("restored");
    assert_eq!((with.records, with.keyless, with.replayed, with.not_there), (3, 0, 2, 1));
    let lead = opened(&store, "devis-1-2").await;
    assert!(lead.consents()[0].given() && lead.consents()[0].valid_until == at, "at the moment of then");
    assert!(lead.events().len() == 1 && Some(lead.events()[0].at) == at, "and that is shown");
    assert!(opened(&store, "devis-1-1").await.consents()[0].valid_until.is_none(), "nobody else's");
    let lines_now = store.newest(u64::MAX, 20).await.expect("a trail");
    let line = lines_now.iter().find(|line| line.entry.action() == Action::Withdrawn).expect("a line");
    assert_eq!((line.entry.reason(), line.entry.count), (Some(Reason::Withdrawal), 1));
    assert_eq!(scan(&store, 10_000).await.expect("scanned").faults, Vec::new());
    // What it was lies under a key that is destroyed here too.
    assert!(told(&store, "crm").await.contains(&"withdrawn devis-1-2".to_owned()));
    store.close().await.expect("closed");

    // A line in the middle is missing.
    std::fs::write(&ledger, lines.lines().nth(1).expect("two")).expect("written");
    let (settings, since) = (elsewhere(&world, "cut"), Since::Ledger(ledger, false));
    let cut = restored(&mut world, &settings, then.copied(), since).await.map(drop);
    assert_eq!(code(cut), Some(StoreCode::LedgerIncomplete));
}

/// Fields that hung on the consent go again, by the names that the config had then.
#[tokio::test]
async fn what_hung_on_a_consent_goes_again() {
    let (mut world, ledger) = world_with_ledger();
    let store = world.open();
    let shared: SharedStore = store.clone();
    world.agree(&shared);
    store_many(&store, 1, 1).await;
    back_up(&world, &store).await.expect("made");
    let then = world.keyring.copied();
    let mut devis = purpose_of("devis", &["email"]);
    let mut email = field("email");
    email.consent = ConsentKey::parse("email_optin");
    devis.whitelist = Whitelist::new(vec![email]).expect("a field");
    devis.consents = vec![consent("email_optin", Channel::Email)];
    devis.basis = Basis::PreContract;
    let revision = withdrawal(&devis, None, store.now()).expect("known");
    let request =
        RewriteRequest { records: vec![(record("devis-1-1"), revision)], cause: RewriteCause::Withdrawal };
    let entry = Entry::by_person(Action::Withdrawn, Reason::Withdrawal);
    assert_eq!(shared.rewrite(request, entry).await.expect("done").each, [Rewritten::Anew]);
    let shown = shape(&opened(&store, "devis-1-1").await);
    store.close().await.expect("closed");
    let (settings, since) = (elsewhere(&world, "new"), Since::Ledger(ledger, false));
    let (_, store) = restored(&mut world, &settings, then, since).await.expect("restored");
    assert_eq!(shape(&opened(&store, "devis-1-1").await), shown);
    assert!(!shown.contains("email "), "{shown}");
    store.close().await.expect("closed");
}

#[tokio::test]
async fn what_nobody_may_use_is_so_again_and_the_last_word_of_each_counts() {
    let (mut world, ledger) = world_with_ledger();
    let store = world.open();
    let shared: SharedStore = store.clone();
    world.agree(&shared);
    store_many(&store, 1, 5).await;
    for number in [1, 2] {
        restrict(&shared, number).await;
    }
    back_up(&world, &store).await.expect("made");
    let then = world.keyring.copied();
    release(&shared, 2).await;
    for number in [3, 4, 5] {
        restrict(&shared, number).await;
    }
    release(&shared, 4).await;
    let request = ErasureRequest::of(Wanted::Record(record("devis-1-5")));
    store.erase(request, by_officer(Action::ErasureAsked)).await.expect("erased");
    store_many(&store, 6, 1).await;
    restrict(&shared, 6).await;
    let before: Vec<_> = store.restrictions().into_iter().filter(|one| one.id.number < 6).collect();
    store.close().await.expect("closed");
    let (settings, since) = (elsewhere(&world, "new"), Since::Ledger(ledger, false));
    let (made, store) = restored(&mut world, &settings, then, since).await.expect("restored");
    assert_eq!((made.records, made.not_there), (4, 1));
    assert_eq!(store.restrictions(), before);
    assert_eq!(before.iter().map(|one| one.id.number).collect::<Vec<_>>(), [1, 3]);
    // Nobody is told of what came and went meanwhile.
    let heard = ["erased devis-1-5", "released devis-1-2", "restricted devis-1-3"];
    assert_eq!(told(&store, "crm").await, heard);
    assert_eq!(scan(&store, 10_000).await.expect("scanned").faults, Vec::new());
    store.close().await.expect("closed");
}

/// What left between the backup and the loss nobody knows: whatever is erased from then on, all of them are told.
#[tokio::test]
async fn after_a_restore_everything_counts_as_handed_to_whoever_may_have_had_it() {
    let (mut world, ledger) = world_with_ledger();
    let store = world.open();
    let shared: SharedStore = store.clone();
    world.agree(&shared);
    store_many(&store, 1, 4).await;
    // `exporting` is on behalf of crm; `agency` stands in the config alone, and `former` in neither but the register.
    let former = Entry::by_system_for(Action::Exported, "former");
    store.open_page(request(None, 1), former).await.expect("a page");
    back_up(&world, &store).await.expect("made");
    let then = world.keyring.copied();
    store_many(&store, 5, 1).await;
    for number in [1, 5] {
        let request = ErasureRequest::of(Wanted::Record(record(&format!("devis-1-{number}"))));
        store.erase(request, by_officer(Action::ErasureAsked)).await.expect("erased");
    }
    store.close().await.expect("closed");
    world.clock.advance_ms(2 * DAY_MS);
    let (settings, since) = (elsewhere(&world, "new"), Since::Ledger(ledger, false));
    let (made, store) = restored(&mut world, &settings, then, since).await.expect("restored");
    assert_eq!(
        (made.records, store.last_copies().restored),
        (3, Some(start() + SignedDuration::from_hours(48)))
    );
    let first = Day::of(start());
    for _ in 0..2 {
        let holders =
            store.handed_to(&[record("devis-1-3")], &by_officer(Action::Accessed)).await.expect("known");
        let named: Vec<_> = holders.iter().map(|of| (of.recipient.as_deref(), of.first, of.last)).collect();
        let days = (first, first.plus(2));
        let all = [Some("agency"), Some("crm"), Some("former")].map(|name| (name, days.0, days.1));
        assert_eq!(named, all);
        store.trim_handed().await.expect("trimmed");
    }
    // Also of one that the backup does not have.
    for recipient in ["agency", "crm", "former"] {
        assert_eq!(told(&store, recipient).await, ["erased devis-1-1", "erased devis-1-5"], "{recipient}");
    }
    // What is stored from now on is nobody's before it leaves.
    let settled = store.settle(vec![stored(9)]).await.expect("settled");
    let new = record_of(&settled[0]).expect("stored").clone();
    assert_eq!(store.handed_to(&[new], &by_officer(Action::Accessed)).await, Ok(Vec::new()));
    store.close().await.expect("closed");
}

/// Between the backup and the loss a person may have agreed that their record is handed on, and it may have left.
#[tokio::test]
async fn what_was_withheld_counts_so_after_a_restore_where_the_keyring_knows_that_it_is_as_it_was() {
    let mut world = world();
    let store = world.open();
    let shared: SharedStore = store.clone();
    world.agree(&shared);
    store_many(&store, 1, 4).await;
    let page = async |store: &SharedStore, agreed: u64| {
        let may_leave: MayLeave = Arc::new(move |lead, _| Ok(lead.id().number <= agreed));
        let page = PageRequest { may_leave: Some(may_leave), ..request(None, 10) };
        let page = store.open_page(page, Entry::by_system_for(Action::Exported, "agency")).await;
        page.map(|page| (page.count, page.withheld)).expect("a page")
    };
    assert_eq!(page(&shared, 0).await, (0, 4));
    back_up(&world, &store).await.expect("made");
    let then = world.keyring.copied();
    world.pass_days(&shared, 1);
    assert_eq!(confirm(&shared, "devis-1-1").await, Rewritten::Anew);
    assert_eq!(page(&shared, 1).await, (1, 3));
    store.close().await.expect("closed");
    let (house, of_house) = (world.keyring.clone(), vec!["erased devis-1-1"]);
    let of_backup = vec!["erased devis-1-1", "erased devis-1-2"];
    for (place, keyring, heard) in [("house", house, of_house), ("own", then, of_backup)] {
        world.clock.advance_ms(3_600_000);
        let settings = elsewhere(&world, place);
        let (made, store) = restored(&mut world, &settings, keyring, Since::Unknown).await.expect("restored");
        assert_eq!((made.records + made.keyless, made.keyless), (4, u64::from(place == "house")));
        for number in [1, 2] {
            let request = ErasureRequest::of(Wanted::Record(record(&format!("devis-1-{number}"))));
            store.erase(request, by_officer(Action::ErasureAsked)).await.expect("erased");
        }
        assert_eq!(told(&store, "agency").await, heard, "{place}");
        assert_eq!(scan(&store, 10_000).await.expect("scanned").faults, Vec::new());
        store.close().await.expect("closed");
    }
}

/// An erasure is in the ledger from when it is asked for: whoever was told, or may have been, does not come back.
#[tokio::test]
async fn whoever_waited_for_a_letter_is_erased_again_whether_the_backup_knew_of_it_or_not() {
    let (mut world, ledger) = world_with_ledger();
    let store = world.open();
    let shared: SharedStore = store.clone();
    world.agree(&shared);
    store_many(&store, 1, 3).await;
    let ask = async |number: u64| {
        let what = vec![Wanted::Record(record(&format!("devis-1-{number}")))];
        let request = ErasureRequest { what, told_first: true, ..ErasureRequest::default() };
        let asked = shared.erase_once_told(request, by_officer(Action::ErasureToTell)).await;
        let Ok(ToldFirst::Waits(id, _)) = asked else { panic!("{asked:?}") };
        id
    };
    let known = ask(1).await;
    back_up(&world, &store).await.expect("made");
    let then = world.keyring.copied();
    world.clock.advance_ms(60_000);
    ask(2).await;
    store.close().await.expect("closed");
    world.clock.advance_ms(3_600_000);

    let (settings, since) = (elsewhere(&world, "with"), Since::Ledger(ledger, false));
    let (with, store) = restored(&mut world, &settings, then.copied(), since).await.expect("restored");
    assert_eq!((with.records, with.keyless), (1, 0));
    assert_eq!((store.tellings_waiting(), store.restrictions().len()), (0, 0));
    let erasure = store.erasure(known).await.expect("read").expect("kept");
    assert!(erasure.done.is_some() && erasure.extent.total() == 1);
    for (number, there) in [(1, false), (2, false), (3, true)] {
        let id = Wanted::Record(record(&format!("devis-1-{number}")));
        let found = store.find(id, by_officer(Action::Found)).await.expect("looked up");
        assert_eq!(found.first().is_some_and(|found| found.lead.is_some()), there, "{number}");
    }
    assert_eq!(scan(&store, 10_000).await.expect("scanned").faults, Vec::new());
    store.close().await.expect("closed");

    // Without one nobody knows of the second; the first waits for no letter any more, since it may have had it.
    let settings = elsewhere(&world, "without");
    let (_, store) = restored(&mut world, &settings, then, Since::Unknown).await.expect("restored");
    assert_eq!(store.tellings_over().await, Ok(vec![vec![record("devis-1-1")]]));
}
