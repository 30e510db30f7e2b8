//! Whoever has all that lies on the disk, the root key, and every record that was ever sealed, and expands whatever may be a
//! node, opens what lives and nothing that was erased.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use aho_corasick::AhoCorasick;
use tamis::purpose::RecordId;
use tamis::store::{ErasureRequest, Wanted};

use super::house::{House, PURPOSES, ROOT, by_leadgen, day_before, purpose, request};
use super::outsider::{self, Memory, Node, Version};
use crate::dice::Dice;
use crate::mutated::number;

/// `TAMIS_ERASING_ROUNDS` goes on from there.
const ROUNDS: u64 = 36;
/// Of what is gone, so many against all that lies there.
const TRIED: usize = 1;

/// What the disk gives up, beside what lies in the store and an export gives.
fn holds(home: &Path, memory: &Memory, there: &BTreeSet<Version>, living: &BTreeSet<String>) {
    let files = outsider::files(home);
    let bodies = outsider::pages(&files, &ROOT);
    let reached = memory.reached(&bodies);
    assert_eq!(reached, *there, "what opens, beside what is stored");
    let ids: Vec<&String> = there.iter().map(|version| &version.id).collect();
    assert_eq!(ids, living.iter().collect::<Vec<_>>(), "what is stored, beside what an export gives");
    assert_eq!(memory.left_over(&bodies, there), Vec::<String>::new(), "leaves that open nothing any more");
}

/// In clear no file has a node or a key of anybody, dead or alive.
fn is_sealed(home: &Path, memory: &Memory) {
    let all: Vec<Node> = memory.records.keys().flat_map(|version| memory.way(version).to_vec()).collect();
    assert_eq!(in_clear(&outsider::files(home), &all), Vec::<String>::new());
}

fn in_clear(files: &[(String, Vec<u8>)], nodes: &[Node]) -> Vec<String> {
    let search = AhoCorasick::new(nodes).expect("patterns");
    files.iter().filter(|(_, bytes)| search.is_match(bytes)).map(|(path, _)| path.clone()).collect()
}

fn record(id: &str) -> Wanted {
    Wanted::Record(RecordId::parse(id).expect("an id"))
}

/// Some of what is stored gets another value.
async fn correct(house: &House, dice: &mut Dice, edition: &mut u64) -> u64 {
    let read = house.try_read(dice.of(&PURPOSES)).await.expect("read");
    let mut corrected = 0;
    for _ in 0..1 + dice.below(4) {
        if let Some((person, (id, _))) = read.iter().nth(dice.below(read.len())) {
            *edition += 1;
            assert!(house.correct(id, *person, *edition).await, "{id} is gone");
            corrected += 1;
        }
    }
    corrected
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_has_the_disk_and_the_root_key_opens_what_lives_and_nothing_that_was_erased_corrected_or_over()
 {
    let rounds = number("TAMIS_ERASING_ROUNDS", ROUNDS);
    let home = tempfile::tempdir().expect("a directory");
    let mut house = House::new(home.path()).await;
    let (mut memory, dice) = (Memory::default(), &mut Dice::new(14));
    let (mut next, mut day, mut edition) = (1_u64, 0_u32, 0_u64);
    let (mut erasures, mut corrected, mut expired) = (0, 0, 0);
    for round in 0..rounds {
        if round % 3 == 0 {
            // Once into the next tree.
            let many = if round == 3 { 260 } else { 1 + dice.below(6) as u64 };
            house.take(next..next + many).await;
            next += many;
            house.learnt_by(&mut memory);
        }
        let living = house.ids().await;
        let nth = dice.below(living.len().max(1));
        let some = living.iter().nth(nth).cloned();
        let person = 1 + dice.below(next as usize - 1) as u64;
        let asked = match (dice.below(9), some) {
            (0, Some(id)) => Some(request(vec![record(&id)])),
            (1, _) => {
                let purposes = vec![purpose("lettre")];
                Some(ErasureRequest { purposes, ..request(vec![by_leadgen(person)]) })
            }
            (2, Some(id)) => {
                let others =
                    (0..dice.below(30)).map(|_| by_leadgen(1 + dice.below(next as usize - 1) as u64));
                Some(request(others.chain([record(&id)]).collect()))
            }
            (3 | 4, _) => {
                corrected += correct(&house, dice, &mut edition).await;
                None
            }
            // A day's records lie side by side: their leaves go as a range.
            (5, _) if day < day_before(next) => {
                let days = (1 + dice.below(3) as u32).min(day_before(next) - day);
                house.pass(days);
                day += days;
                expired += house.expire().await;
                None
            }
            _ => Some(request(vec![by_leadgen(person)])),
        };
        if let Some(asked) = asked {
            house.erase(asked).await;
            erasures += 1;
        }
        if dice.below(6) == 0 {
            house.close().await;
            house = House::open_on(home.path(), day).await.unwrap_or_else(|refusal| panic!("{refusal}"));
        }
        let there = house.learnt_by(&mut memory);
        holds(home.path(), &memory, &there, &house.ids().await);
    }
    let there = house.learnt_by(&mut memory);
    let gone: Vec<&Version> = memory.versions().filter(|version| !there.contains(*version)).collect();
    let versions = memory.len();
    is_sealed(home.path(), &memory);
    assert!(gone.len() > 30 && there.len() > 100, "{} gone, {} live", gone.len(), there.len());
    assert!(corrected > 5 && expired > 10, "{corrected} corrected, {expired} ended by time");
    // The same with no knowledge of before: all 32 bytes in a row as a node of each height, on what is gone.
    house.close().await;
    let found = outsider::windows(&outsider::pages(&outsider::files(home.path()), &ROOT));
    let tried = gone.iter().step_by(gone.len() / TRIED + 1);
    for version in tried {
        let opens = found.iter().find_map(|node| memory.records[*version].opens_under(node));
        assert_eq!(opens, None, "{version:?} is gone, and a node of this height opens it");
    }
    println!(
        "{erasures} erasures, {corrected} corrections, {expired} ended by time: of {versions} versions {} gone, {} live, {} windows",
        gone.len(),
        there.len(),
        found.len()
    );
}

/// The search itself must be able to find: a page of before the erasure, wherever it lies, and a node in clear.
#[tokio::test(flavor = "multi_thread")]
async fn an_ancestor_that_is_put_back_is_found() {
    let (home, before) =
        (tempfile::tempdir().expect("a directory"), tempfile::tempdir().expect("a directory"));
    let house = House::new(home.path()).await;
    let mut memory = Memory::default();
    house.take(1..=6).await;
    let all = house.learnt_by(&mut memory);
    super::house::copy(&home.path().join("keys"), before.path());
    house.erase(request(vec![by_leadgen(3)])).await;
    let (quote, person) = (RecordId::parse("devis-1-4").expect("an id"), 4);
    assert!(house.correct(&quote, person, 1).await, "it is there");
    let (left, living) = (house.learnt_by(&mut memory), house.ids().await);
    house.close().await;
    holds(home.path(), &memory, &left, &living);
    is_sealed(home.path(), &memory);
    let reached = || memory.reached(&outsider::pages(&outsider::files(home.path()), &ROOT));
    // A page of before, at an odd place of a file that nobody looks at.
    let old = fs::read(before.path().join("keyring")).expect("a copy");
    for at in memchr::memmem::find_iter(&old, b"TAMISKY2") {
        let page = &old[at..at + 16 * 1024];
        let file = home.path().join("store/inbox/left");
        fs::write(&file, [b"odd".as_slice(), page, b"end"].concat()).expect("written");
        let found = reached();
        fs::remove_file(&file).expect("removed");
        if found.is_superset(&all) {
            let erased = all.iter().find(|version| version.id == "devis-1-3").expect("it was there");
            let corrected = memory.versions_of("devis-1-4").collect::<Vec<_>>();
            assert!(corrected.len() == 2 && corrected.iter().all(|version| found.contains(*version)));
            let node = memory.way(erased)[4];
            fs::write(&file, [b"odd".as_slice(), &node].concat()).expect("written");
            assert_eq!(
                in_clear(&outsider::files(home.path()), &[node]).len(),
                1,
                "the search in clear finds nothing"
            );
            return;
        }
    }
    panic!("the search finds nothing");
}
