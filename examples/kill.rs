//! Kills the release binary under load as often as it is told, and checks after each restart that nothing acknowledged
//! is lost, nothing is there twice, and everything opens.
//!
//! `cargo run --release --example kill -- --kills 200` (`--seed N` repeats the moments, as far as a machine repeats
//! anything). With `--power-cuts 20` it cuts the power instead, twenty times at each kind of moment, both with all that
//! was not synced gone and with a part of it there. Exits with 1 and says what did not hold, and where the directory is that shows it.
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

use support::cuts::{self, power_cuts};
use support::killing::{self, Plan, siege};
use support::process::Home;

#[tokio::main]
async fn main() -> ExitCode {
    build();
    let plan =
        Plan { kills: option("kills", 200), seed: option("seed", 1), check_every: option("check-every", 25) };
    let meta = killing::meta().await;
    let cuts = option("power-cuts", 0);
    if cuts > 0 {
        return told(power_cuts(&meta, cuts::Plan { cuts, seed: plan.seed }).await);
    }
    let home = Home::new(&meta, "page-token", |text| text);
    let outcome = siege(&home, &meta, plan).await;
    let outcome = outcome
        .map_err(|fault| format!("seed {}: {fault}\nlook at {}", plan.seed, home.directory.keep().display()));
    told(outcome)
}

fn told(outcome: Result<impl std::fmt::Display, String>) -> ExitCode {
    match outcome {
        Ok(summary) => {
            println!("{summary}");
            ExitCode::SUCCESS
        }
        Err(fault) => {
            eprintln!("{fault}");
            ExitCode::FAILURE
        }
    }
}

/// The binary that is killed, as `cargo build --release` makes it.
fn build() {
    let built = Command::new("cargo")
        .args(["build", "--release", "--quiet", "--bin", "tamis", "--target-dir"])
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/target"))
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
