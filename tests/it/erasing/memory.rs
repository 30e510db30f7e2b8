//! What lies in a process's memory after it has answered: no node above an erased record and no key of it, also while somebody
//! reads slowly who held a lease on them.

use std::time::Duration;

use super::house::{House, ROOT};
use super::ledger::Ledger;
use super::life::Place;
use super::outsider::{self, Memory};
use crate::support::disk::Needles;
use crate::support::memory;

const PEOPLE: u64 = 30;
/// The promise is a minute; nothing has to wait for anything.
const WITHIN: Duration = Duration::from_secs(5);

fn needles(memory: &Memory, ids: impl IntoIterator<Item = String>) -> Needles {
    let nodes = ids.into_iter().flat_map(|id| {
        let named = |(height, node): (usize, &outsider::Node)| {
            (format!("{id}, {height} below the root"), node.to_vec())
        };
        memory.way(&id).iter().enumerate().map(named).collect::<Vec<_>>()
    });
    Needles::named(nodes)
}

#[tokio::test(flavor = "multi_thread")]
async fn after_the_answer_no_key_of_the_erased_and_no_ancestor_of_one_lies_in_memory_beside_a_slow_export() {
    let (place, mut ledger, mut outsider) = (Place::new(), Ledger::default(), Memory::default());
    let house = House::new(&place.home()).await;
    ledger.begin(&house, PEOPLE).await;
    house.learnt_by(&mut outsider);
    house.close().await;
    let life = place.begin_reading(&ledger, 6);
    life.until("rests").iter().for_each(|line| ledger.take(line));
    let pid = life.pid();
    let erased = ledger.erased();
    assert!(erased.len() > 3, "{erased:?}");
    // What lives is there: a node of the frontier.
    let found = outsider::windows(&outsider::pages(&outsider::files(&place.home()), &ROOT));
    let alive = outsider.records.keys().find(|id| !erased.contains(*id)).expect("a survivor").clone();
    let node = *outsider.way(&alive).iter().find(|node| found.contains(*node)).expect("it is reached");
    let kept = Needles::named([("a node that lives".to_owned(), node.to_vec())]);
    let gone = needles(&outsider, erased);
    let begun = std::time::Instant::now();
    let mut left = memory::look(pid, &gone);
    while left.as_ref().is_some_and(|left| !left.is_empty()) && begun.elapsed() < WITHIN {
        tokio::time::sleep(Duration::from_millis(250)).await;
        left = memory::look(pid, &gone);
    }
    let Some(left) = left else {
        println!("skipped: the memory of another process cannot be read here");
        return;
    };
    assert!(left.is_empty(), "after {:?} in memory: {left:#?}", begun.elapsed());
    assert!(!memory::look(pid, &kept).expect("readable").is_empty(), "not even what lives is found");
    life.kill();
}
