//! Each rule, held against the example with one thing changed.

mod all_at_once;
mod consents;
mod example;
mod files;
mod keys;
mod rules_of_forms;
mod rules_of_purposes;
mod rules_of_the_house;
mod the_environment;
mod types;

use super::*;
use crate::mail::Encryption;
use crate::purpose::{Basis, BoxKey, Channel, Keep, Need};

const EXAMPLE: &str = include_str!("../../../config/tamis.example.toml");

fn environment(pairs: &[(&str, &str)]) -> Environment {
    Environment::new(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
}

/// The example with `old`, which must be there, replaced.
fn changed(old: &str, new: &str) -> String {
    assert!(EXAMPLE.contains(old), "the example has no {old:?}");
    EXAMPLE.replacen(old, new, 1)
}

fn found(text: &str) -> Faults {
    match parse(text, &Environment::default()) {
        Ok(config) => Faults { faults: Vec::new(), warnings: config.warnings },
        Err(faults) => faults,
    }
}

fn pairs(faults: &[Fault]) -> Vec<(&str, &str)> {
    faults.iter().map(|fault| (fault.key.as_str(), fault.code.as_str())).collect()
}

/// Asserts that the change gives exactly this fault.
#[track_caller]
fn refused(old: &str, new: &str, key: &str, code: FaultCode) -> Fault {
    let faults = found(&changed(old, new)).faults;
    assert_eq!(pairs(&faults), [(key, code.as_str())], "{faults:#?}");
    faults[0].clone()
}

#[track_caller]
fn warned(old: &str, new: &str, key: &str, code: FaultCode) {
    let Faults { faults, warnings } = found(&changed(old, new));
    assert!(faults.is_empty(), "{faults:#?}");
    assert!(pairs(&warnings).contains(&(key, code.as_str())), "{warnings:#?}");
}

#[track_caller]
fn accepted(old: &str, new: &str) -> Config {
    match parse(&changed(old, new), &Environment::default()) {
        Ok(config) => config,
        Err(faults) => panic!("refused:\n{faults}"),
    }
}
