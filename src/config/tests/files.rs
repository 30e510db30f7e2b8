//! Every config that tamis ships or prints in its documents is read here.

use std::fs;
use std::path::PathBuf;

use super::*;

fn below(directory: &str, extension: &str) -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(directory);
    let mut found = Vec::new();
    let mut left = vec![root];
    while let Some(directory) = left.pop() {
        for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                left.push(path);
            } else if path.extension().is_some_and(|given| given == extension) {
                found.push(path);
            }
        }
    }
    found
}

/// A part of a config lacks much, but nothing in it is wrong.
fn assert_only_incomplete(text: &str, whence: &str) {
    let wrong: Vec<Fault> = found(text)
        .faults
        .into_iter()
        .filter(|fault| !matches!(fault.code, Code::Config(FaultCode::Missing | FaultCode::RecipientUnknown)))
        .collect();
    assert_eq!(wrong, [], "{whence}");
}

#[test]
fn every_file_in_config_is_read() {
    let mut names: Vec<String> = Vec::new();
    for path in below("config", "toml") {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{name}: {error}"));
        match name.as_str() {
            // `tamis init` has its own tests; empty values are to be filled in.
            "init.toml" => {
                let text = text.replace("{dir}", "/srv/tamis");
                let found = found(&text).faults;
                let empty = |fault: &Fault| fault.code == Code::Config(FaultCode::Empty);
                assert!(!found.is_empty() && found.iter().all(empty), "{found:#?}");
            }
            "default.toml" => assert_only_incomplete(&text, &name),
            _ => assert_eq!(found(&text).faults, [], "{name}"),
        }
        names.push(name);
    }
    names.sort_unstable();
    assert_eq!(names, ["default.toml", "init.toml", "tamis.example.toml"]);
}

#[test]
fn every_toml_block_in_the_documents_is_read() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let documents =
        below("docs", "md").into_iter().chain([root.join("README.md"), root.join("ARCHITECTURE.md")]);
    for document in documents {
        let Ok(text) = fs::read_to_string(&document) else { continue };
        for (index, block) in text.split("```toml\n").skip(1).enumerate() {
            let block = block.split("```").next().unwrap_or_default();
            assert_only_incomplete(block, &format!("{} block {}", document.display(), index + 1));
        }
    }
}
