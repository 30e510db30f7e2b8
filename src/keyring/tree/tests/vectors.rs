//! What a second implementation computes (tests/data/tree/vectors.py): whoever changes a key's derivation or a frontier's
//! bytes loses every record that was sealed before.

use serde::Deserialize;
use sha2::{Digest, Sha256};
use std::sync::atomic::{AtomicU32, Ordering};

use super::encoded;
use crate::keyring::tree::{Frontier, Kind, read_frontier};
use crate::random::{NoRandomness, Random};

#[derive(Deserialize)]
struct Vectors {
    trees: Vec<Tree>,
}

#[derive(Deserialize)]
struct Tree {
    first: u32,
    new: Answers,
    steps: Vec<Step>,
}

#[derive(Deserialize)]
struct Step {
    #[serde(rename = "do")]
    act: Act,
    #[serde(flatten)]
    answers: Answers,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Act {
    Puncture(String, u16, u16),
    Renew(String, u16),
}

#[derive(Deserialize)]
struct Answers {
    frontier: String,
    keys: Vec<Answer>,
}

#[derive(Deserialize)]
struct Answer {
    leaf: u16,
    kind: String,
    n: u64,
    key: Option<String>,
}

/// The second implementation's nodes.
struct Numbered(AtomicU32);

impl Random for Numbered {
    fn fill(&self, buffer: &mut [u8]) -> Result<(), NoRandomness> {
        let n = self.0.fetch_add(1, Ordering::Relaxed);
        let node = Sha256::new().chain_update(b"tamis/tree/vectors").chain_update(n.to_le_bytes()).finalize();
        buffer.copy_from_slice(&node);
        Ok(())
    }
}

fn kind(name: &str) -> Kind {
    match name {
        "record" => Kind::Record,
        "consent_event" => Kind::ConsentEvent,
        "mail" => Kind::Mail,
        "page_token" => Kind::PageToken,
        other => panic!("no kind: {other}"),
    }
}

fn agrees(frontier: &Frontier, answers: &Answers, at: &str) {
    assert_eq!(hex::encode(encoded(frontier)), answers.frontier, "{at}");
    let bytes = hex::decode(&answers.frontier).expect("hexadecimal");
    let (read, rest) = read_frontier::<9>(&bytes).expect("a frontier");
    assert!(rest.is_empty());
    for Answer { leaf, kind: name, n, key } in &answers.keys {
        for frontier in [frontier, &read] {
            let found = frontier.key(*leaf, kind(name), *n).map(|key| hex::encode(key.key().expose()));
            assert_eq!(found, *key, "{at}, leaf {leaf}, {name} {n}");
        }
    }
}

#[test]
fn every_frontier_and_every_key_is_the_second_implementation_s() {
    let vectors: Vectors =
        serde_json::from_str(include_str!("../../../../tests/data/tree/vectors.json")).expect("vectors");
    assert_eq!(vectors.trees.len(), 6);
    for tree in vectors.trees {
        let random = Numbered(AtomicU32::new(tree.first));
        let mut frontier: Frontier = Frontier::new(&random).expect("randomness");
        agrees(&frontier, &tree.new, "new");
        for (number, step) in tree.steps.iter().enumerate() {
            frontier = match &step.act {
                Act::Puncture(name, start, end) if name == "puncture" => {
                    frontier.puncture_range(*start..*end)
                }
                Act::Renew(name, from) if name == "renew" => {
                    frontier.renew_unassigned(*from, &random).expect("randomness")
                }
                Act::Puncture(name, ..) | Act::Renew(name, _) => panic!("no step: {name}"),
            };
            agrees(&frontier, &step.answers, &format!("tree {}, step {number}", tree.first));
        }
    }
}
