//! Kills the release binary under load as often as it is told, and cuts its power, and checks after each that nothing
//! acknowledged is lost, nothing is there twice, and everything opens; ends with a table of what it did and found.
//!
//! `cargo run --release --example kill -- --kills 200 --power-cuts 20`. Other numbers make it longer; `--seed N` repeats
//! the moments, as far as a machine repeats anything. `--kills`: `kill -9`, one in five while it starts. `--power-cuts`:
//! at so many moments the power is cut, both with all that was not synced gone and with a part of it there; and a first
//! creation is killed at each of its steps (`--stride 2`: at every second) and the power cut in the life after.
//! `--built`: takes the binary of its own profile as it is (`target/release/tamis`), which is else built first, or the one
//! that `TAMIS_BINARY` names. Exits with 1 and says what did not hold, and where the directory is that shows it.
#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a harness speaks to people"
)]

#[path = "../tests/it/support/mod.rs"]
#[expect(dead_code, unused_imports, reason = "shared with the tests, which use more of it")]
mod support;

use std::process::{Command, ExitCode};
use std::time::Duration;

use support::account::Tally;
use support::cuts::{self, power_cuts};
use support::deeds;
use support::killing::{self, siege};
use support::senders;
use support::steps::{self, kills_at_each_step};

/// The parts of the house of which a run of power cuts must have dropped something.
const ROOMS: [&str; 4] = ["journal", "sled", "witness", "keyring"];
/// So few cuts may miss one of them by chance.
const CUTS_FOR_ALL: usize = 10;

#[tokio::main]
async fn main() -> ExitCode {
    if !std::env::args().any(|argument| argument == "--built") {
        build();
    }
    let (kills, cuts): (usize, usize) = (option("kills", 0), option("power-cuts", 0));
    let (seed, stride) = (option("seed", 1), option("stride", 2));
    if kills + cuts == 0 {
        eprintln!("nothing to do: --kills N, --power-cuts N");
        return ExitCode::FAILURE;
    }
    let meta = senders::meta().await;
    let mut well = true;
    if kills > 0 {
        let home = deeds::home(&meta);
        let plan = killing::Plan {
            kills,
            seed,
            check_every: option("check-every", 25),
            pause: Duration::from_millis(option("pause-ms", 4)),
            heard: |kills| {
                if kills.is_multiple_of(500) {
                    println!("kill {kills}: until now nothing was lost");
                }
            },
        };
        let outcome = siege(&home, &meta, plan).await;
        let shown = outcome.map_err(|fault| format!("{fault}\nlook at {}", home.directory.keep().display()));
        well &= told("kill -9", seed, &shown);
    }
    if cuts > 0 {
        let usual = cuts::Plan::of(cuts, seed);
        let life = option("life-ms", 0).max(u64::try_from(usual.life.as_millis()).unwrap_or(0));
        let plan = cuts::Plan { life: Duration::from_millis(life), ..usual };
        let outcome = power_cuts(&meta, plan).await;
        let complete =
            outcome.and_then(|tally| match ROOMS.iter().find(|room| !tally.dropped.contains_key(*room)) {
                Some(room) if cuts >= CUTS_FOR_ALL => {
                    Err(format!("nothing of the {room} was dropped:\n{tally}"))
                }
                _ => Ok(tally),
            });
        well &= told("power cuts", seed, &complete);
        let plan = steps::Plan { stride, seed };
        well &= told("power cuts in the life after a kill", seed, &kills_at_each_step(&meta, plan).await);
    }
    if well { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn told(name: &str, seed: u64, outcome: &Result<Tally, String>) -> bool {
    match outcome {
        Ok(tally) => println!("== {name}, seed {seed}\n{tally}"),
        Err(fault) => eprintln!("== {name}, seed {seed}: FAILED\n{fault}"),
    }
    outcome.is_ok()
}

/// Builds the binary that is killed, in the profile that this program is of.
fn build() {
    let binary = support::process::built();
    let profile = binary.parent().expect("a profile's directory");
    let built = Command::new("cargo")
        .args(["build", "--quiet", "--bin", "tamis", "--profile"])
        .arg(profile.file_name().filter(|name| *name != "debug").unwrap_or("dev".as_ref()))
        .arg("--target-dir")
        .arg(profile.parent().expect("the target directory"))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .status();
    assert!(built.expect("cargo").success(), "the binary does not build");
}

fn option<T: std::str::FromStr>(name: &str, default: T) -> T {
    let mut arguments = std::env::args().skip_while(|argument| *argument != format!("--{name}"));
    match (arguments.next(), arguments.next()) {
        (Some(_), Some(value)) => {
            value.parse().unwrap_or_else(|_| panic!("--{name} {value} is not understood"))
        }
        _ => default,
    }
}
