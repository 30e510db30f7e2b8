//! Known answers are what a second implementation computes, not what somebody once wrote into a file.

use std::path::Path;
use std::process::Command;

use crate::receipt;
use crate::support::process::installed;

#[test]
fn the_receipts_known_answers_are_what_the_second_implementation_prints() {
    if !receipt::python_signs() {
        return;
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/receipt");
    let printed = Command::new("python3").arg(folder.join("vectors.py")).output().expect("runs");
    assert!(printed.status.success(), "{}", String::from_utf8_lossy(&printed.stderr));
    let kept = std::fs::read(folder.join("vectors.json")).expect("kept");
    assert!(
        printed.stdout == kept,
        "run it again: python3 tests/data/receipt/vectors.py > tests/data/receipt/vectors.json"
    );
}

#[test]
fn the_key_tree_s_known_answers_are_what_the_second_implementation_prints() {
    if !installed("python3") {
        return;
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/tree");
    let printed = Command::new("python3").arg(folder.join("vectors.py")).output().expect("runs");
    assert!(printed.status.success(), "{}", String::from_utf8_lossy(&printed.stderr));
    let kept = std::fs::read(folder.join("vectors.json")).expect("kept");
    assert!(
        printed.stdout == kept,
        "run it again: python3 tests/data/tree/vectors.py > tests/data/tree/vectors.json"
    );
}
