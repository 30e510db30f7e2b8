//! Whoever has all that lies on the disk, the root key, and every record that was ever sealed, and expands whatever may be a
//! node, opens what lives and nothing that was erased.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use aho_corasick::AhoCorasick;
use tamis::purpose::RecordId;
use tamis::store::{ErasureRequest, Wanted};

use super::house::{House, ROOT, by_leadgen, purpose, request};
use super::outsider::{self, Memory, Node};
use crate::dice::Dice;

const ROUNDS: usize = 24;
/// Of the erased, so many against all that lies there.
const TRIED: usize = 1;

/// What the disk gives up, beside what must live.
fn holds(home: &Path, memory: &Memory, living: &BTreeSet<String>) {
    let files = outsider::files(home);
    let bodies = outsider::pages(&files, &ROOT);
    let reached = memory.reached(&bodies);
    assert_eq!(reached, *living, "what opens, beside what an export gives");
}

/// In clear no file has a node or a key of anybody, dead or alive.
fn is_sealed(home: &Path, memory: &Memory) {
    let all: Vec<Node> = memory.records.keys().flat_map(|id| memory.way(id).to_vec()).collect();
    assert_eq!(in_clear(&outsider::files(home), &all), Vec::<String>::new());
}

fn in_clear(files: &[(String, Vec<u8>)], nodes: &[Node]) -> Vec<String> {
    let search = AhoCorasick::new(nodes).expect("patterns");
    files.iter().filter(|(_, bytes)| search.is_match(bytes)).map(|(path, _)| path.clone()).collect()
}

fn record(id: &str) -> Wanted {
    Wanted::Record(RecordId::parse(id).expect("an id"))
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_has_the_disk_and_the_root_key_opens_what_lives_and_nothing_that_was_erased() {
    let home = tempfile::tempdir().expect("a directory");
    let mut house = House::new(home.path()).await;
    let (mut memory, dice) = (Memory::default(), &mut Dice::new(14));
    let (mut next, mut erasures) = (1_u64, 0);
    for round in 0..ROUNDS {
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
        let asked = match (dice.below(6), some) {
            (0, Some(id)) => request(vec![record(&id)]),
            (1, _) => {
                ErasureRequest { purposes: vec![purpose("lettre")], ..request(vec![by_leadgen(person)]) }
            }
            (2, Some(id)) => {
                let others =
                    (0..dice.below(30)).map(|_| by_leadgen(1 + dice.below(next as usize - 1) as u64));
                request(others.chain([record(&id)]).collect())
            }
            _ => request(vec![by_leadgen(person)]),
        };
        house.erase(asked).await;
        erasures += 1;
        if dice.below(6) == 0 {
            house.close().await;
            house = House::new(home.path()).await;
        }
        holds(home.path(), &memory, &house.ids().await);
    }
    let living = house.ids().await;
    let erased: Vec<&String> = memory.records.keys().filter(|id| !living.contains(*id)).collect();
    is_sealed(home.path(), &memory);
    assert!(erased.len() > 30 && living.len() > 100, "{} erased, {} live", erased.len(), living.len());
    // The same with no knowledge of before: all 32 bytes in a row as a node of each height, on what was erased.
    house.close().await;
    let found = outsider::windows(&outsider::pages(&outsider::files(home.path()), &ROOT));
    let tried = erased.iter().step_by(erased.len() / TRIED + 1);
    for id in tried {
        let opens = found.iter().find_map(|node| memory.records[*id].opens_under(node));
        assert_eq!(opens, None, "{id} is erased, and a node of this height opens it");
    }
    println!(
        "{erasures} erasures, {} records erased, {} live, {} windows",
        erased.len(),
        living.len(),
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
    house.learnt_by(&mut memory);
    super::house::copy(&home.path().join("keys"), before.path());
    let all = house.ids().await;
    house.erase(request(vec![by_leadgen(3)])).await;
    let left = house.ids().await;
    house.close().await;
    holds(home.path(), &memory, &left);
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
        if found == all {
            let node = memory.way("devis-1-3")[4];
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
