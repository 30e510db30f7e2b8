//! `cargo run --release --example fuzz -- --seconds 60 [--target wire]`: changes the corpus of `tests/data/corpus` at random
//! and gives it to the readers of outside bytes, for so long each. An input with a new kind of outcome is changed on; one
//! that makes a reader panic is written to `target/fuzz/` and named. `--keep` adds small new ones to the corpus.
#![expect(clippy::expect_used, clippy::panic, reason = "a fuzzer fails by panicking")]
#![expect(clippy::print_stdout, reason = "it speaks to whoever runs it")]

#[path = "../tests/it/dice.rs"]
mod dice;
#[path = "../tests/it/hostile/mod.rs"]
mod hostile;

use std::collections::HashSet;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::{Duration, Instant};

use dice::Dice;
use hostile::mutate::mutate;
use hostile::targets::{TARGETS, Target};
use hostile::{corpus, folder};

/// Inputs that are changed on, for one target.
const POOL_MAX: usize = 4_000;
/// A longer input is not kept in the corpus.
const KEPT_BYTES_MAX: usize = 1_500;
/// No more than so many are kept of one target.
const KEPT_MAX: usize = 24;
/// A reader that takes longer for an input of at most 64 KiB is reported.
const SLOW: Duration = Duration::from_millis(500);

#[derive(clap::Parser)]
struct Arguments {
    /// How long, for each target.
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// Only this one.
    #[arg(long)]
    target: Option<String>,
    /// Where the stream of choices begins.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Adds small inputs with new kinds of outcomes to the corpus.
    #[arg(long)]
    keep: bool,
}

fn main() {
    let arguments = <Arguments as clap::Parser>::parse();
    let wanted = |target: &&Target| arguments.target.as_ref().is_none_or(|name| name == target.name);
    let mut failed = false;
    for target in TARGETS.iter().filter(wanted) {
        failed |= fuzz(target, &arguments);
    }
    if failed {
        std::process::exit(1);
    }
}

fn fuzz(target: &Target, arguments: &Arguments) -> bool {
    let (mut pool, mut dice) = (corpus(target), Dice::new(arguments.seed));
    let mut kinds: HashSet<u64> = pool.iter().filter_map(|input| read(target, input)).collect();
    let mut kept = fs::read_dir(folder(target)).map_or(0, Iterator::count);
    let (begun, mut executions, mut panics, mut slowest) = (Instant::now(), 0_u64, 0_u64, Duration::ZERO);
    while begun.elapsed() < Duration::from_secs(arguments.seconds) {
        let input = mutate(&pool[dice.below(pool.len())], &pool, target.words, &mut dice);
        let started = Instant::now();
        let kind = read(target, &input);
        let took = started.elapsed();
        executions += 1;
        slowest = slowest.max(took);
        match kind {
            None => {
                panics += 1;
                save(target, &input, "panic");
            }
            Some(_) if took > SLOW => save(target, &input, "slow"),
            Some(kind) if pool.len() < POOL_MAX && kinds.insert(kind) => {
                if arguments.keep && kept < KEPT_MAX && input.len() <= KEPT_BYTES_MAX {
                    kept += 1;
                    fs::create_dir_all(folder(target)).expect("a folder");
                    fs::write(folder(target).join(format!("{kind:016x}")), &input).expect("a file");
                }
                pool.push(input);
            }
            Some(_) => {}
        }
    }
    println!(
        "{:<12} {executions:>10} executions, {} s, {} kinds of outcome, slowest {} ms, {panics} panics",
        target.name,
        begun.elapsed().as_secs(),
        kinds.len(),
        slowest.as_millis()
    );
    panics > 0
}

/// None: it panicked.
fn read(target: &Target, input: &[u8]) -> Option<u64> {
    catch_unwind(AssertUnwindSafe(|| (target.read)(input))).ok()
}

fn save(target: &Target, input: &[u8], what: &str) {
    let folder = Path::new("target/fuzz");
    fs::create_dir_all(folder).expect("a folder");
    let path = folder.join(format!("{}-{what}-{:08x}", target.name, crc32c::crc32c(input)));
    fs::write(&path, input).expect("a file");
    println!("{}: {what}: {}", target.name, path.display());
}
