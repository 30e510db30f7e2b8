//! docs/logs.md lists every event that the sources say, with its level, and no other.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::support::sources;

/// The part of a macro's arguments up to its closing bracket.
fn arguments(text: &str) -> &str {
    let (mut depth, mut quoted, mut escaped) = (1, false, false);
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            '(' if !quoted => depth += 1,
            ')' if !quoted => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return &text[..at];
        }
    }
    text
}

/// The events that the sources say outside of their tests: name and level.
fn said() -> BTreeSet<(String, String)> {
    let mut events = BTreeSet::new();
    for file in sources() {
        let text = fs::read_to_string(file).expect("a source");
        let production = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
        for level in ["error", "warn", "info", "debug", "trace"] {
            for call in production.split(&format!("tracing::{level}!(")).skip(1) {
                let name = arguments(call).rsplit('"').nth(1).unwrap_or_default();
                events.insert((name.to_owned(), level.to_owned()));
            }
        }
    }
    // Written by the log itself, for what other crates say.
    events.insert(("foreign.event".to_owned(), "warn".to_owned()));
    events.insert(("foreign.event".to_owned(), "error".to_owned()));
    events
}

/// The events that stand at the start of a table row, with the levels beside them.
fn listed() -> BTreeSet<(String, String)> {
    let text =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/logs.md")).expect("docs/logs.md");
    let mut events = BTreeSet::new();
    for row in text.lines().filter_map(|line| line.strip_prefix("| `")) {
        let mut cells = row.split(" | ");
        let name = cells.next().unwrap_or_default().trim_end_matches('`');
        for level in cells.next().unwrap_or_default().split(", ") {
            events.insert((name.to_owned(), level.to_owned()));
        }
    }
    events
}

#[test]
fn every_event_is_listed_with_its_level_and_no_listed_one_is_gone() {
    let (said, listed) = (said(), listed());
    let missing: Vec<_> = said.difference(&listed).collect();
    let gone: Vec<_> = listed.difference(&said).collect();
    assert!(said.len() > 40, "the reading of the sources broke: {}", said.len());
    assert!(missing.is_empty(), "not in docs/logs.md: {missing:#?}");
    assert!(gone.is_empty(), "in docs/logs.md, but nowhere in the sources: {gone:#?}");
}

#[test]
fn names_of_events_are_kebab_case_in_two_parts() {
    let plain = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b == b'-');
    let odd: Vec<String> = said()
        .into_iter()
        .map(|(name, _)| name)
        .filter(|name| !name.split_once('.').is_some_and(|(room, what)| plain(room) && plain(what)))
        .collect();
    assert!(odd.is_empty(), "{odd:?}");
}
