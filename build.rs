//! Tells the binary of which commit it is (`tamis --version`). Nothing of the machine, nothing of the time: the same
//! commit gives the same words.
#![expect(clippy::disallowed_methods, reason = "cargo asks a build script through the environment")]

#[path = "build/commit.rs"]
mod commit;

use std::path::PathBuf;

fn main() {
    let root = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    println!("cargo::rerun-if-env-changed=TAMIS_COMMIT");
    for source in ["build.rs", "build"] {
        println!("cargo::rerun-if-changed={source}");
    }
    // A debug build is of sources that change from minute to minute, and each commit would build all of it again.
    if std::env::var("PROFILE").is_ok_and(|profile| profile == "debug") {
        println!("cargo::rustc-env=TAMIS_BUILT_FROM=debug build");
        return;
    }
    for source in commit::SOURCES {
        println!("cargo::rerun-if-changed={source}");
    }
    for file in commit::watched(&root) {
        println!("cargo::rerun-if-changed={}", file.display());
    }
    let given = std::env::var("TAMIS_COMMIT").ok();
    match commit::of(&root, given.as_deref()) {
        Ok(Some(commit)) => println!("cargo::rustc-env=TAMIS_BUILT_FROM=commit {commit}"),
        Ok(None) => println!("cargo::rustc-env=TAMIS_BUILT_FROM=commit unknown"),
        Err(refused) => println!("cargo::error={refused}"),
    }
}
