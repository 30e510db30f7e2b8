//! What comes from outside may be anything: every reader takes it without a panic. The kept corpus and a fixed number of
//! changes of it run here; `cargo run --release --example fuzz -- --seconds 60` goes on from there.

pub mod mutate;
pub mod seeds;
pub mod targets;

use std::fs;
use std::path::{Path, PathBuf};

use targets::Target;

/// Where a target's corpus lies.
pub fn folder(target: &Target) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/corpus").join(target.name)
}

/// What is well-formed, and what earlier runs kept.
pub fn corpus(target: &Target) -> Vec<Vec<u8>> {
    let mut inputs = (target.seeds)();
    let mut kept: Vec<PathBuf> = match fs::read_dir(folder(target)) {
        Ok(entries) => entries.flatten().map(|entry| entry.path()).collect(),
        Err(_) => Vec::new(),
    };
    kept.sort();
    inputs.extend(kept.iter().map(|path| fs::read(path).expect("a corpus file")));
    inputs
}

#[cfg(test)]
mod tests {
    use tamis::keyring::pages::door;
    use tamis::keyring::tree::{HEIGHT, read_frontier};
    use tamis::store::sled::door as rows;

    use super::mutate::mutate;
    use super::targets::TARGETS;
    use super::{corpus, seeds, targets};
    use crate::dice::Dice;

    /// Changes of the corpus that each target meets in a test run.
    const CHANGES: usize = 3_000;

    #[test]
    fn no_reader_panics_at_the_corpus_or_near_it() {
        for target in TARGETS {
            let inputs = corpus(target);
            for input in &inputs {
                (target.read)(input);
            }
            let mut dice = Dice::new(1);
            for _ in 0..CHANGES {
                let input = mutate(&inputs[dice.below(inputs.len())], &inputs, target.words, &mut dice);
                (target.read)(&input);
            }
        }
    }

    /// What begins as something that no reader takes is changed into nothing that one does.
    #[test]
    fn what_the_fuzzer_begins_with_is_read() {
        let root = tamis::secret::Key::new([42; 32]);
        let opened = seeds::page_files().iter().map(|file| door::file(file, &root).ok()).collect::<Vec<_>>();
        assert_eq!(opened, [Some((2, 2)), Some((2, 2)), None]);
        let inside = seeds::page_insides().iter().map(|inside| door::inside(inside)).collect::<Vec<_>>();
        assert_eq!(inside, [[Some((3, true)), None], [None, Some((2, true))]]);
        assert!(seeds::frontiers().iter().all(|bytes| read_frontier::<HEIGHT>(bytes).is_some()));
        for (at, row) in seeds::erasures().iter().enumerate() {
            let (key, value) = targets::at_key(row);
            // In the order in which the reader tells of them.
            assert!(rows::erasures(key, value).0[at], "{at}");
        }
        let key = tamis::secret::Key::new([5; 32]);
        for (row, is) in seeds::besides().iter().zip([0, 5, 6, 4]) {
            let (at, value) = targets::at_key(row);
            assert!(rows::beside(at, value, &key)[is], "{is}");
        }
        for (row, is) in seeds::feeds().iter().zip([1, 2, 3, 5, 6]) {
            let (at, value) = targets::at_key(row);
            assert!(rows::followed(at, value, seeds::now()).0[is], "{is}");
        }
        let kept =
            seeds::kept_evidence().iter().map(|plain| tamis::lead::door::kept(plain)).collect::<Vec<_>>();
        assert_eq!(kept, [(true, None), (false, Some(1))]);
        let named = seeds::ledgers().iter().map(|plain| rows::ledger(plain)).collect::<Vec<_>>();
        assert_eq!(named, [Some(3), Some(0), Some(2)]);
    }

    #[test]
    fn the_corpus_is_small() {
        let bytes: usize = TARGETS.iter().flat_map(corpus).map(|input| input.len()).sum();
        assert!(bytes < 300 * 1024, "{bytes} bytes");
    }
}
