//! docs/codes.md explains every code, and no other.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::support::sources;

/// The codes that the sources declare with `codes!`, read as text so that a new enum cannot be forgotten here.
fn declared() -> BTreeSet<String> {
    let mut codes = BTreeSet::new();
    for file in sources() {
        let text = fs::read_to_string(file).expect("a source");
        for block in text.split("codes! {").skip(1) {
            let end = block.find("\n}").unwrap_or(block.len());
            for line in block[..end].lines().map(str::trim).filter(|line| !line.starts_with("//")) {
                if let Some((_, code)) = line.split_once(" = \"") {
                    codes.insert(code.trim_end_matches([',', '"']).to_owned());
                }
            }
        }
    }
    codes
}

/// The codes that stand at the start of a table row.
fn explained() -> BTreeSet<String> {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/codes.md")).expect("docs/codes.md");
    let first = |line: &str| line.strip_prefix("| `")?.split('`').next().map(str::to_owned);
    text.lines().filter_map(first).collect()
}

#[test]
fn every_code_is_explained_and_no_explained_code_is_gone() {
    let (declared, explained) = (declared(), explained());
    let missing: Vec<&String> = declared.difference(&explained).collect();
    let gone: Vec<&String> = explained.difference(&declared).collect();
    assert!(declared.len() > 50, "the reading of the sources broke: {}", declared.len());
    assert!(missing.is_empty(), "not in docs/codes.md: {missing:#?}");
    assert!(gone.is_empty(), "in docs/codes.md, but nowhere in the sources: {gone:#?}");
}

#[test]
fn codes_are_kebab_case() {
    let odd: Vec<String> = declared()
        .into_iter()
        .filter(|code| !code.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_".contains(&b)))
        .collect();
    assert!(odd.is_empty(), "{odd:?}");
}
