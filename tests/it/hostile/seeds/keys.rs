//! Files of keys, and what is inside them.

use tamis::keyring::tree::Frontier;
use tamis::random::SeededRandom;

pub fn keyrings() -> Vec<Vec<u8>> {
    // A real file of before there were trees, and what is inside one: instance, generation, keys, months, days, a bucket.
    let packed = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/store-5a9719d.tar.gz");
    let packed = flate2::read::GzDecoder::new(std::fs::File::open(packed).expect("the old store"));
    let mut unpacked = tar::Archive::new(packed);
    let mut file = Vec::new();
    for entry in unpacked.entries().expect("entries") {
        let mut entry = entry.expect("an entry");
        if entry.path().is_ok_and(|path| path.ends_with("keys/keyring")) {
            std::io::Read::read_to_end(&mut entry, &mut file).expect("bytes");
        }
    }
    assert!(!file.is_empty(), "a keyring");
    let mut inside = vec![9; 16];
    inside.push(3);
    for _ in 0..2 {
        inside.push(32);
        inside.extend_from_slice(&[7; 32]);
    }
    inside.extend_from_slice(&[0, 1, 5, 32]);
    inside.extend_from_slice(&[8; 32]);
    inside.extend_from_slice(&[1, 5]);
    inside.extend_from_slice(b"devis");
    inside.extend_from_slice(&[1, 1, 0, 1, 32]);
    inside.extend_from_slice(&[6; 32]);
    inside.push(0);
    vec![file, inside]
}

fn frontier_bytes(frontier: &Frontier) -> Vec<u8> {
    let mut bytes = vec![0; frontier.encoded_bytes()];
    assert!(frontier.encode(&mut bytes).is_some(), "it fits");
    bytes
}

/// Of a bucket that is whole, of one with holes, of one in which nothing lives, and of one that a backup renewed.
pub fn frontiers() -> Vec<Vec<u8>> {
    let random = SeededRandom::new(1);
    let whole: Frontier = Frontier::new(&random).expect("randomness");
    let holes = whole.puncture(7).puncture_range(100..140).puncture(511);
    let renewed = holes.renew_unassigned(200, &random).expect("randomness").renew_unassigned(300, &random);
    let dead = whole.puncture_range(0..512);
    [whole, holes, dead, renewed.expect("randomness")].iter().map(frontier_bytes).collect()
}

/// A head with two keys and the page of the buckets, and buckets of two purposes.
pub fn page_insides() -> Vec<Vec<u8>> {
    let mut head = 9_u64.to_le_bytes().to_vec();
    // Key of the sum, sum, a map of one byte that names page 2, two keys.
    head.extend_from_slice(&[[3; 32], [0; 32]].concat());
    head.extend_from_slice(&[1, 0, 0b100, 2, 0]);
    for kind in [1, 2] {
        head.extend_from_slice(&[&[kind, 0, 0, 0, 0][..], &[kind + 3; 32]].concat());
    }
    let mut buckets = 8_u64.to_le_bytes().to_vec();
    buckets.extend_from_slice(&[2, 0]);
    for (purpose, frontier) in [("devis", &frontiers()[1]), ("lettre", &frontiers()[0])] {
        buckets.push(purpose.len() as u8);
        buckets.extend_from_slice(purpose.as_bytes());
        buckets.extend_from_slice(&[1, 0, 0, 0, 1, 0, 4, 0, 0, 0, 0, 0, 0, 0]);
        buckets.extend_from_slice(frontier);
    }
    vec![head, buckets]
}

/// As tamis::keyring::pages::door::file takes them: whole, with what a crash left beside it, and without what the head names.
pub fn page_files() -> Vec<Vec<u8>> {
    let [head, buckets] = page_insides().try_into().expect("two");
    let piece = |what: u8, number: u8, bytes: &[u8]| {
        [&[what, number][..], &(bytes.len() as u16).to_le_bytes(), bytes].concat()
    };
    let whole = [piece(2, 2, &buckets), piece(1, 1, &head)].concat();
    let mut older = head.clone();
    older[0] -= 1;
    let left = [piece(2, 3, &buckets), piece(1, 4, &older), piece(0, 5, b"torn")].concat();
    vec![whole.clone(), [whole, left].concat(), [piece(2, 3, &buckets), piece(3, 1, &head)].concat()]
}
