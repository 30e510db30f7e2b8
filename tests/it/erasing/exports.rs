//! Exports that read slowly while people are erased: who was answered as erased before a record was asked for is in none, and
//! every one ends well.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tamis::store::PageRequest;
use tamis::trail::Action;

use super::house::{House, Kind, by_leadgen, by_officer, email_of, first_page, kind_of, request};
use crate::dice::Dice;

const PEOPLE: u64 = 400;
const READERS: u64 = 3;
const ERASED: usize = 40;

/// One export from its start to its end, record by record. Gives how many fewer it had than its pages said at most.
async fn read_slowly(house: &House, seed: u64, answered: &Mutex<BTreeSet<u64>>) -> u64 {
    let mut dice = Dice::new(seed);
    let (mut after, mut fewer) = (None, 0);
    loop {
        let request = PageRequest { after, limit: 150, ..first_page("devis") };
        let page = house.store.open_page(request, by_officer(Action::Exported)).await.expect("a page");
        let (mut records, more) = (page.records, page.more);
        fewer += page.count;
        loop {
            if dice.below(12) == 0 {
                tokio::time::sleep(Duration::from_millis(1 + dice.below(4) as u64)).await;
            }
            // The key of a record is taken when the record is asked for, and not before.
            let gone = answered.lock().expect("no panic").clone();
            let Some(lead) = records.next() else { break };
            let lead = lead.expect("an export ends well").read().expect("of our layout");
            let person = email_of(&lead);
            assert!(!gone.contains(&person), "{person} was answered as erased, and is exported");
            fewer -= 1;
        }
        if !more {
            return fewer;
        }
        after = Some(page.next);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_export_gives_nobody_who_was_answered_as_erased_and_ends_well() {
    let home = tempfile::tempdir().expect("a directory");
    let house = Arc::new(House::new(home.path()).await);
    for from in (1..=PEOPLE).step_by(100) {
        house.take(from..from + 100).await;
    }
    let before: BTreeMap<_, _> = house.export("devis").await;
    let (answered, over) = (Arc::new(Mutex::new(BTreeSet::new())), Arc::new(AtomicBool::new(false)));
    let read = |seed: u64| {
        let (house, answered, over) = (Arc::clone(&house), Arc::clone(&answered), Arc::clone(&over));
        async move {
            let (mut rounds, mut shorter) = (0, 0);
            while !over.load(Ordering::SeqCst) || rounds == 0 {
                shorter += u64::from(read_slowly(&house, seed + 100 * rounds, &answered).await > 0);
                rounds += 1;
            }
            (rounds, shorter)
        }
    };
    let erasing = async {
        let mut dice = Dice::new(77);
        let mut people: Vec<u64> = before.keys().copied().collect();
        for _ in 0..ERASED {
            let person = people.swap_remove(dice.below(people.len()));
            house.erase(request(vec![by_leadgen(person)])).await;
            answered.lock().expect("no panic").insert(person);
            tokio::time::sleep(Duration::from_millis(3)).await;
        }
        over.store(true, Ordering::SeqCst);
    };
    let readers = futures_util::future::join_all((1..=READERS).map(read));
    let ((), rounds) = tokio::join!(erasing, readers);
    let left = house.export("devis").await;
    let expected = (1..=PEOPLE).filter(|person| kind_of(*person) != Kind::Held);
    let answered = answered.lock().expect("no panic").clone();
    let expected: BTreeSet<u64> = expected.filter(|person| !answered.contains(person)).collect();
    assert_eq!(left.keys().copied().collect::<BTreeSet<u64>>(), expected);
    assert!(rounds.iter().any(|(_, shorter)| *shorter > 0), "no export met an erasure: {rounds:?}");
    println!("{ERASED} erased beside {rounds:?} exports (all, shorter ones)");
}
