//! The map of the rooms is a test: which room may import which (ARCHITECTURE.md), read from the sources.

mod authority;
mod circles;
mod files;
mod kinds;
mod persons;
mod sayable;
mod shown;
mod sinks;
mod sources;
mod syntax;

use std::collections::{BTreeMap, BTreeSet};

use sources::{Source, read};

/// Room → the rooms that its sources may name after `crate::`. A new edge is a visible change here.
const EDGES: &[(&str, &[&str])] = &[
    // Leaves.
    ("code", &[]),
    ("attention", &["codes"]),
    ("id", &[]),
    ("base_url", &[]),
    ("clock", &[]),
    ("random", &[]),
    ("current", &[]),
    ("json", &[]),
    ("language", &[]),
    ("secret", &["codes"]),
    ("machine", &["codes", "secret"]),
    ("lifecycle", &[]),
    ("visible", &[]),
    ("version", &[]),
    ("spreadsheet", &["visible"]),
    ("terminal", &["machine", "visible"]),
    // Pure rooms.
    ("purpose", &["clock", "codes", "id", "secret"]),
    ("notification", &["codes", "id", "json", "secret"]),
    (
        "lead",
        &["clock", "codes", "forget", "id", "json", "notification", "people", "purpose", "random", "secret"],
    ),
    ("trail", &["codes", "purpose", "secret"]),
    ("notice", &["language", "purpose"]),
    ("desk", &["api", "clock", "language", "notice", "purpose", "spreadsheet", "trail", "visible"]),
    ("forget", &["clock", "code", "codes", "language", "purpose", "random", "secret", "trail", "visible"]),
    ("checkpoint", &["clock", "codes", "forget", "trail"]),
    ("people", &["clock", "language", "notice", "purpose", "random", "secret"]),
    ("api", &["attention", "clock", "code", "codes", "forget", "id", "notification", "purpose", "trail"]),
    // Ports and adapters.
    ("keyring", &["attention", "clock", "codes", "machine", "purpose", "random", "secret"]),
    (
        "store",
        &[
            "attention",
            "checkpoint",
            "clock",
            "codes",
            "forget",
            "id",
            "keyring",
            "lead",
            "lifecycle",
            "machine",
            "notification",
            "people",
            "purpose",
            "random",
            "secret",
            "trail",
        ],
    ),
    (
        "inbox",
        &[
            "attention",
            "clock",
            "codes",
            "id",
            "keyring",
            "lifecycle",
            "machine",
            "notification",
            "random",
            "secret",
        ],
    ),
    (
        "graph",
        &[
            "base_url",
            "clock",
            "codes",
            "current",
            "id",
            "json",
            "lead",
            "notification",
            "purpose",
            "random",
            "secret",
        ],
    ),
    ("mail", &["clock", "codes", "forget", "language", "lead", "purpose", "random", "secret"]),
    // What runs.
    (
        "telemetry",
        &[
            "attention",
            "clock",
            "code",
            "codes",
            "id",
            "keyring",
            "machine",
            "notification",
            "purpose",
            "secret",
            "visible",
        ],
    ),
    (
        "workers",
        &[
            "attention",
            "clock",
            "codes",
            "current",
            "forget",
            "graph",
            "id",
            "inbox",
            "keyring",
            "language",
            "lead",
            "lifecycle",
            "mail",
            "notice",
            "notification",
            "people",
            "purpose",
            "random",
            "secret",
            "store",
            "telemetry",
            "trail",
        ],
    ),
    (
        "http",
        &[
            "api",
            "attention",
            "clock",
            "codes",
            "current",
            "desk",
            "forget",
            "graph",
            "id",
            "inbox",
            "json",
            "language",
            "lead",
            "lifecycle",
            "mail",
            "notice",
            "notification",
            "people",
            "purpose",
            "random",
            "secret",
            "spreadsheet",
            "store",
            "telemetry",
            "trail",
            "visible",
        ],
    ),
    // On the operator's side.
    ("client", &["api", "terminal"]),
    ("export", &["codes", "machine", "purpose", "terminal"]),
    // The top.
    ("config", &["base_url", "codes", "id", "mail", "purpose", "secret", "visible"]),
    (
        "app",
        &[
            "attention",
            "clock",
            "config",
            "current",
            "forget",
            "graph",
            "http",
            "id",
            "inbox",
            "keyring",
            "lifecycle",
            "machine",
            "mail",
            "notice",
            "notification",
            "purpose",
            "random",
            "secret",
            "store",
            "telemetry",
            "trail",
            "workers",
        ],
    ),
    (
        "play",
        &[
            "app",
            "client",
            "clock",
            "config",
            "lifecycle",
            "machine",
            "random",
            "secret",
            "telemetry",
            "terminal",
        ],
    ),
    (
        "cli",
        &[
            "api",
            "app",
            "checkpoint",
            "client",
            "clock",
            "config",
            "desk",
            "export",
            "forget",
            "id",
            "keyring",
            "language",
            "lifecycle",
            "machine",
            "mail",
            "notice",
            "play",
            "purpose",
            "random",
            "secret",
            "store",
            "telemetry",
            "terminal",
            "trail",
            "version",
        ],
    ),
];

/// Crates of the outside that pure rooms may not touch.
const IMPURE: [&str; 6] = ["tokio", "actix_web", "reqwest", "sled", "std::fs", "std::net"];
const PURE: [&str; 9] =
    ["purpose", "notification", "lead", "trail", "checkpoint", "forget", "api", "desk", "people"];

/// Room → the rooms that its files name.
fn found() -> BTreeMap<String, BTreeSet<String>> {
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for source in read("src") {
        if source.module.is_empty() {
            continue;
        }
        let named = source.named.iter().filter_map(|path| path.first());
        let others = named.filter(|named| *named != source.room()).cloned();
        found.entry(source.room().to_owned()).or_default().extend(others);
    }
    found
}

#[test]
fn rooms_import_only_what_the_map_allows_and_the_map_allows_nothing_unused() {
    let allowed: BTreeMap<String, BTreeSet<String>> = EDGES
        .iter()
        .map(|(room, edges)| ((*room).to_owned(), edges.iter().map(|edge| (*edge).to_owned()).collect()))
        .collect();
    let found = found();
    let mut wrong = Vec::new();
    for (room, named) in &found {
        match allowed.get(room) {
            None => wrong.push(format!("{room}: not on the map")),
            Some(edges) => {
                wrong.extend(named.difference(edges).map(|other| format!("{room} → {other}: not allowed")));
                wrong.extend(edges.difference(named).map(|other| format!("{room} → {other}: not used")));
            }
        }
    }
    wrong
        .extend(allowed.keys().filter(|room| !found.contains_key(*room)).map(|room| format!("{room}: gone")));
    assert!(wrong.is_empty(), "the map and the sources differ:\n{}", wrong.join("\n"));
}

#[test]
fn adapters_of_the_store_and_the_keyring_do_not_see_each_other() {
    let names = |source: &Source, place: &[&str]| {
        source.named.iter().any(|path| path.iter().take(place.len()).eq(place))
    };
    for source in read("src") {
        if source.room() != "store" {
            assert!(!names(&source, &["store", "sled"]), "{} names the engine", source.path.display());
        }
        if !["app", "cli", "keyring"].contains(&source.room()) {
            assert!(
                !names(&source, &["keyring", "file"]),
                "{} names the keyring's file",
                source.path.display()
            );
        }
    }
}

#[test]
fn pure_rooms_touch_no_runtime_no_network_no_disk() {
    for source in read("src").into_iter().filter(|source| PURE.contains(&source.room())) {
        for outside in IMPURE {
            let used = source.text.contains(&format!("{outside}::"))
                || source.text.contains(&format!("use {outside}"));
            assert!(!used, "{}: {outside}", source.path.display());
        }
    }
}

/// An operator is the proof that a caller was recognised: it is made where callers are, and nowhere else.
#[test]
fn only_the_doors_make_an_operator() {
    let makers = read("src").into_iter().filter(|source| source.text.contains("Operator::recognised_by_"));
    let makers: BTreeSet<_> = makers.map(|source| source.module.join("::")).collect();
    let doors = ["http::admin::operator", "http::public::person::visitor"];
    assert_eq!(makers, doors.map(str::to_owned).into());
}
