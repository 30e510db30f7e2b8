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
    use super::corpus;
    use super::mutate::mutate;
    use super::targets::TARGETS;
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

    #[test]
    fn the_corpus_is_small() {
        let bytes: usize = TARGETS.iter().flat_map(corpus).map(|input| input.len()).sum();
        assert!(bytes < 300 * 1024, "{bytes} bytes");
    }
}
