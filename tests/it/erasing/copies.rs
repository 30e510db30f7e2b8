//! Old and new copies side by side: somebody restores yesterday's store, or yesterday's keyring, or yesterday's witness. What
//! then opens, what a start refuses, and that nobody comes back.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use tamis::store::SeenState;

use super::house::{House, Kind, ROOT, by_leadgen, copy, kind_of, request};
use super::outsider::{self, Memory, Version};

const VICTIM: u64 = 5;
const PEOPLE: u64 = 6;

/// Which of the two moments a part is of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Of {
    Before,
    After,
}
use Of::{After, Before};

/// Store, keyring, witness; whether the victim's records open to whoever has all three and the root key; what a start says,
/// and whom an export gives.
type Row = (Of, Of, Of, bool, &'static str);

const TABLE: [Row; 8] = [
    (After, After, After, false, "all but the victim"),
    (After, After, Before, false, "all but the victim"),
    // A backup of everything: as if nothing had happened. No software can help that: the keys' backups have a horizon.
    (Before, Before, Before, true, "all"),
    // The store is behind its witness, whatever the keyring.
    (Before, Before, After, true, "store: store-behind-witness"),
    (Before, After, After, false, "store: store-behind-witness"),
    // The record is there and its leaf is not: damage, and no short list.
    (Before, After, Before, false, "the export ends: record-unreadable"),
    // A keyring that is older than the store has seen.
    (After, Before, After, false, "store: keyring-rolled-back"),
    (After, Before, Before, false, "store: keyring-rolled-back"),
];

/// A home of parts.
fn put_together(before: &Path, after: &Path, row: &Row, home: &Path) {
    let from = |of: Of| if of == Before { before } else { after };
    let (store, keyring, witness, ..) = *row;
    copy(&from(store).join("store"), &home.join("store"));
    let aside = tempfile::tempdir().expect("a directory");
    copy(&from(keyring).join("keys"), aside.path());
    fs::copy(from(witness).join("keys/witness"), aside.path().join("witness")).expect("copied");
    fs::copy(from(store).join("keys/inbox-witness"), aside.path().join("inbox-witness")).expect("copied");
    copy(aside.path(), &home.join("keys"));
}

async fn said(home: &Path) -> String {
    let house = match House::open(home).await {
        Ok(house) => house,
        Err(refusal) => return refusal,
    };
    let exported = house.try_export("devis").await;
    house.close().await;
    let people = match exported {
        Ok(exported) => exported.into_keys().collect::<BTreeSet<u64>>(),
        Err(error) => return format!("the export ends: {error}"),
    };
    let all = (1..=PEOPLE).collect::<BTreeSet<u64>>();
    let but = all.iter().copied().filter(|person| *person != VICTIM).collect::<BTreeSet<u64>>();
    match () {
        () if people == all => "all".to_owned(),
        () if people == but => "all but the victim".to_owned(),
        () => format!("{people:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_every_combination_of_old_and_new_copies_only_a_whole_backup_opens_an_erased_record() {
    let homes = [(); 2].map(|()| tempfile::tempdir().expect("a directory"));
    let [home, before] = [homes[0].path(), homes[1].path()];
    let mut memory = Memory::default();
    let house = House::new(home).await;
    house.take(1..=PEOPLE).await;
    house.learnt_by(&mut memory);
    house.close().await;
    copy(home, before);
    let house = House::new(home).await;
    assert_eq!(kind_of(VICTIM), Kind::Both);
    house.erase(request(vec![by_leadgen(VICTIM)])).await;
    let living = house.ids().await;
    house.close().await;
    let all: BTreeSet<String> = memory.versions().map(|version| version.id.clone()).collect();
    let erased: BTreeSet<String> = all.difference(&living).cloned().collect();
    assert_eq!((all.len(), erased.len()), (8, 2));
    for row in &TABLE {
        let mixed = tempfile::tempdir().expect("a directory");
        put_together(before, home, row, mixed.path());
        let name = [row.0, row.1, row.2].map(|of| if of == Before { "old" } else { "new" });
        // He opens what the store has by what the keyring has. (sled writes where it opens: his own copy.)
        let aside = tempfile::tempdir().expect("a directory");
        copy(mixed.path(), aside.path());
        let there = outsider::records(&aside.path().join("store"));
        let keys = outsider::windows(&outsider::pages(&outsider::files(&mixed.path().join("keys")), &ROOT));
        let opens = |version: &Version| memory.way(version).iter().any(|node| keys.contains(node));
        let opened: BTreeSet<String> = there
            .iter()
            .map(outsider::Sealed::version)
            .filter(|version| opens(version))
            .map(|version| version.id)
            .collect();
        assert_eq!(!opened.is_disjoint(&erased), row.3, "{name:?}: the victim's records open");
        assert!(opened.is_superset(&living), "{name:?}: a survivor does not open");
        assert_eq!(said(mixed.path()).await, row.4, "store, keyring, witness: {name:?}");
    }
}

/// Yesterday's store and witness beside today's keyring: numbers that were erased are dead, whatever the sequence says.
#[tokio::test(flavor = "multi_thread")]
async fn no_number_is_given_again_after_an_erasure_also_where_the_sequence_fell_back() {
    let homes = [(); 3].map(|()| tempfile::tempdir().expect("a directory"));
    let [home, before, mixed] = [homes[0].path(), homes[1].path(), homes[2].path()];
    let house = House::new(home).await;
    house.take(1..=PEOPLE).await;
    house.close().await;
    copy(home, before);
    let house = House::new(home).await;
    // Three more, of whom yesterday's store knows nothing; they are erased, and the newest number is among them.
    house.take([9, 11, 12]).await;
    let given = house.export("devis").await;
    let gone = [VICTIM, 9, 11, 12];
    for person in gone {
        house.erase(request(vec![by_leadgen(person)])).await;
    }
    let erased = gone.map(|person| given[&person].clone());
    house.close().await;
    let house = House::new(home).await;
    house.take([17]).await;
    let next = house.export("devis").await[&17].clone();
    assert!(given.values().all(|id| id.number < next.number), "{next}");
    house.close().await;
    put_together(before, home, &(Before, After, Before, false, ""), mixed);
    let house = House::new(mixed).await;
    house.take([19]).await;
    let fates = house.fates(19).await;
    let SeenState::Stored(id) = &fates[0] else { panic!("{fates:?}") };
    assert!(!erased.contains(id) && id.number > given[&6].number, "{id}");
    house.close().await;
}
