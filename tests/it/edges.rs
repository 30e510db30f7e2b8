//! The map of the rooms is a test: which room may import which (ARCHITECTURE.md), read from the sources.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Room → the rooms that its sources may name after `crate::`. A new edge is a visible change here.
const EDGES: &[(&str, &[&str])] = &[
    // Leaves.
    ("code", &[]),
    ("id", &[]),
    ("clock", &[]),
    ("random", &[]),
    ("secret", &[]),
    ("disk", &[]),
    ("current", &[]),
    ("descriptors", &[]),
    ("priority", &[]),
    ("wait", &[]),
    ("location", &["secret", "codes"]),
    ("json", &[]),
    ("systemd", &["location"]),
    // Pure rooms.
    ("purpose", &["clock", "id", "codes"]),
    ("notification", &["id", "json", "secret", "codes"]),
    ("lead", &["clock", "id", "json", "notification", "purpose", "random", "secret", "codes"]),
    ("trail", &["purpose", "secret", "codes"]),
    // Ports and adapters.
    ("keyring", &["clock", "disk", "lead", "purpose", "random", "secret", "codes"]),
    (
        "store",
        &[
            "clock",
            "disk",
            "id",
            "keyring",
            "lead",
            "notification",
            "priority",
            "purpose",
            "random",
            "secret",
            "trail",
            "wait",
            "codes",
        ],
    ),
    ("inbox", &["clock", "disk", "id", "keyring", "notification", "purpose", "random", "secret", "codes"]),
    (
        "graph",
        &[
            "clock",
            "current",
            "id",
            "json",
            "lead",
            "location",
            "notification",
            "purpose",
            "random",
            "secret",
            "codes",
        ],
    ),
    // What runs.
    ("lifecycle", &[]),
    ("telemetry", &["clock", "disk", "id", "keyring", "secret"]),
    ("metrics", &["id", "notification", "purpose"]),
    (
        "workers",
        &[
            "clock",
            "current",
            "graph",
            "id",
            "inbox",
            "keyring",
            "lead",
            "lifecycle",
            "metrics",
            "notification",
            "purpose",
            "random",
            "store",
            "telemetry",
        ],
    ),
    (
        "http",
        &[
            "clock",
            "current",
            "graph",
            "id",
            "inbox",
            "lead",
            "metrics",
            "notification",
            "purpose",
            "random",
            "secret",
            "store",
            "telemetry",
            "trail",
            "wait",
            "codes",
        ],
    ),
    // The top.
    ("config", &["codes", "id", "location", "purpose", "secret"]),
    (
        "app",
        &[
            "clock",
            "current",
            "config",
            "descriptors",
            "disk",
            "graph",
            "http",
            "id",
            "inbox",
            "keyring",
            "lifecycle",
            "metrics",
            "notification",
            "purpose",
            "random",
            "secret",
            "store",
            "systemd",
            "telemetry",
            "workers",
        ],
    ),
    (
        "cli",
        &[
            "app",
            "clock",
            "codes",
            "keyring",
            "config",
            "disk",
            "http",
            "lifecycle",
            "location",
            "random",
            "secret",
            "store",
            "systemd",
            "telemetry",
            "purpose",
            "trail",
            "id",
        ],
    ),
];

/// Crates of the outside that pure rooms may not touch.
const IMPURE: [&str; 6] = ["tokio", "actix_web", "reqwest", "sled", "std::fs", "std::net"];
const PURE: [&str; 4] = ["purpose", "notification", "lead", "trail"];

/// What is built for tests alone, beside folders and files named `tests`.
const FOR_TESTS: [&str; 4] =
    ["keyring/memory.rs", "store/contract", "store/memory", "store/sled/contract.rs"];

/// Production files: a room's own tests may build on any room below them.
fn sources(room: &Path, into: &mut Vec<PathBuf>) {
    if FOR_TESTS.iter().any(|of_tests| room.ends_with(of_tests)) {
        return;
    }
    if room.is_file() {
        into.push(room.to_owned());
        return;
    }
    for entry in fs::read_dir(room).expect("a room").flatten() {
        if !["tests", "tests.rs"].contains(&entry.file_name().to_str().unwrap_or_default()) {
            sources(&entry.path(), into);
        }
    }
}

/// A file's text up to its own tests.
fn production(file: &Path) -> String {
    let text = fs::read_to_string(file).expect("a source");
    text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default().to_owned()
}

fn rooms() -> BTreeMap<String, Vec<PathBuf>> {
    let mut rooms = BTreeMap::new();
    for entry in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("src")).expect("sources").flatten() {
        let path = entry.path();
        let name = path.file_stem().and_then(|stem| stem.to_str()).expect("a name").to_owned();
        if name == "main" || name == "lib" {
            continue;
        }
        let mut files = Vec::new();
        sources(&path, &mut files);
        rooms.entry(name).or_insert_with(Vec::new).extend(files);
    }
    rooms
}

/// Every room that a text names: `crate::room`, and `crate::{room, …}`.
fn mentions(text: &str) -> BTreeSet<String> {
    let word =
        |rest: &str| rest.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect::<String>();
    let mut found = BTreeSet::new();
    for line in text.lines().filter(|line| !line.trim_start().starts_with("//")) {
        for (at, _) in line.match_indices("crate::") {
            let rest = &line[at + "crate::".len()..];
            if let Some(list) = rest.strip_prefix('{') {
                found.extend(
                    list.split(['}', ',']).map(|part| word(part.trim())).filter(|name| !name.is_empty()),
                );
            } else {
                found.insert(word(rest));
            }
        }
    }
    found
}

#[test]
fn rooms_import_only_what_the_map_allows() {
    let allowed: BTreeMap<&str, BTreeSet<&str>> =
        EDGES.iter().map(|(room, edges)| (*room, edges.iter().copied().collect())).collect();
    let mut wrong = Vec::new();
    for (room, files) in rooms() {
        let Some(edges) = allowed.get(room.as_str()) else {
            wrong.push(format!("{room}: not on the map"));
            continue;
        };
        for file in files {
            let text = production(&file);
            for named in mentions(&text) {
                if named != room && !edges.contains(named.as_str()) {
                    wrong.push(format!("{room} → {named} in {}", file.display()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "edges that the map has not:\n{}", wrong.join("\n"));
}

#[test]
fn adapters_of_the_store_and_the_keyring_do_not_see_each_other() {
    for (room, files) in rooms() {
        for file in files {
            let production = production(&file);
            let inside = |adapter: &str| file.to_string_lossy().contains(adapter);
            if !inside("src/store/") {
                assert!(!production.contains("store::sled"), "{} names the engine", file.display());
            }
            if !["app", "cli"].contains(&room.as_str()) && !inside("keyring/") {
                assert!(!production.contains("keyring::file"), "{} names the keyring's file", file.display());
            }
        }
    }
}

#[test]
fn pure_rooms_touch_no_runtime_no_network_no_disk() {
    for (room, files) in rooms().into_iter().filter(|(room, _)| PURE.contains(&room.as_str())) {
        for file in files {
            let text = production(&file);
            for line in text.lines().filter(|line| !line.trim_start().starts_with("//")) {
                for outside in IMPURE {
                    let used =
                        line.contains(&format!("{outside}::")) || line.contains(&format!("use {outside}"));
                    assert!(!used, "{room}: {outside} in {}", file.display());
                }
            }
        }
    }
}
