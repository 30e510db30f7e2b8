//! Sources as modules, and which modules each names.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// A source file of production code.
pub struct Source {
    /// Its place in the crate: `store::sled::writer`. The crate's own files have none.
    pub module: Vec<String>,
    /// Where it is.
    pub path: PathBuf,
    /// What it says up to its own tests, without comments.
    pub text: String,
    /// Every path that it names in its crate.
    pub named: BTreeSet<Vec<String>>,
}

impl Source {
    /// The room that it belongs to.
    pub fn room(&self) -> &str {
        self.module.first().map_or("", String::as_str)
    }

    /// True if it stands for a folder, and so for what its files offer.
    pub fn is_folder(&self) -> bool {
        self.path.file_name().is_some_and(|name| name == "mod.rs") || self.path.with_extension("").is_dir()
    }
}

/// All production files below a folder: a room's own tests, and what only they build on, may see any room.
pub fn read(folder: &str) -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let (mut found, mut open) = (Vec::new(), vec![root.clone()]);
    while let Some(directory) = open.pop() {
        for entry in fs::read_dir(directory).expect("sources").flatten() {
            let path = entry.path();
            let name = path.file_stem().and_then(|stem| stem.to_str()).expect("a name").to_owned();
            if path.is_dir() && !is_for_tests(&name) {
                open.push(path);
            } else if path.extension().is_some_and(|end| end == "rs") && !is_for_tests(&name) {
                found.push(source(&root, path));
            }
        }
    }
    found
}

fn is_for_tests(name: &str) -> bool {
    ["tests", "contract", "memory"].contains(&name)
}

fn source(root: &Path, path: PathBuf) -> Source {
    let place = path.strip_prefix(root).expect("below it").with_extension("");
    let mut module: Vec<String> =
        place.iter().map(|part| part.to_str().expect("a name").to_owned()).collect();
    if ["mod", "lib", "main"].contains(&module.last().expect("a name").as_str()) {
        module.pop();
    }
    let text = fs::read_to_string(&path).expect("a source");
    let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    let lines = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    let text = lines.collect::<Vec<_>>().join("\n");
    let named = named(&text, &module);
    Source { module, path, text, named }
}

/// Paths after `crate::`, `$crate::` and `super::`, those of nested lists too, as places in the crate.
fn named(text: &str, module: &[String]) -> BTreeSet<Vec<String>> {
    let mut found = BTreeSet::new();
    for (start, root) in [("crate::", true), ("super::", false)] {
        for (at, _) in text.match_indices(start) {
            let before = text[..at].chars().next_back();
            if before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':') {
                continue;
            }
            let (mut rest, mut base) = (&text[at + start.len()..], Vec::new());
            if !root {
                let mut up = 1;
                while let Some(further) = rest.strip_prefix("super::") {
                    (rest, up) = (further, up + 1);
                }
                base = module[..module.len().saturating_sub(up)].to_vec();
            }
            follow(rest, &base, &mut found);
        }
    }
    found
}

/// Follows one path to its end, or into each branch of its list.
fn follow(text: &str, base: &[String], found: &mut BTreeSet<Vec<String>>) {
    let mut place = base.to_vec();
    let mut rest = text.trim_start();
    loop {
        if let Some(list) = rest.strip_prefix('{') {
            for branch in branches(list) {
                follow(branch, &place, found);
            }
            return;
        }
        let word: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        if word.is_empty() {
            break;
        }
        rest = &rest[word.len()..];
        if word != "self" {
            place.push(word);
        }
        match rest.strip_prefix("::") {
            Some(further) => rest = further,
            None => break,
        }
    }
    found.insert(place);
}

/// The branches of a list, up to its closing bracket.
fn branches(list: &str) -> Vec<&str> {
    let (mut found, mut depth, mut from) = (Vec::new(), 0, 0);
    for (at, c) in list.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => {
                found.push(&list[from..at]);
                break;
            }
            '}' => depth -= 1,
            ',' if depth == 0 => {
                found.push(&list[from..at]);
                from = at + 1;
            }
            _ => {}
        }
    }
    found.into_iter().map(str::trim).filter(|branch| !branch.is_empty()).collect()
}

/// Which file each file names: the one that the longest beginning of a path stands for.
pub fn uses(sources: &[Source]) -> BTreeMap<Vec<String>, BTreeSet<Vec<String>>> {
    let modules: BTreeSet<&[String]> = sources.iter().map(|source| source.module.as_slice()).collect();
    let mut uses = BTreeMap::new();
    for source in sources {
        let resolved = source.named.iter().filter_map(|path| {
            (1..=path.len()).rev().map(|length| &path[..length]).find(|part| modules.contains(part))
        });
        let others = resolved.filter(|other| *other != source.module.as_slice()).map(<[String]>::to_vec);
        uses.insert(source.module.clone(), others.collect());
    }
    uses
}

#[test]
fn paths_are_read_out_of_nested_lists() {
    let text = "use crate::store::sled::{engine::{Engine, opening::{self, open}}, Settings as S};\n\
                let x = super::super::layout::of(crate::clock::now());\nmycrate::a::b();";
    let module = ["store", "sled", "verbs", "leads"].map(str::to_owned);
    let found: Vec<String> = named(text, &module).into_iter().map(|path| path.join("::")).collect();
    assert_eq!(
        found,
        [
            "clock::now",
            "store::sled::Settings",
            "store::sled::engine::Engine",
            "store::sled::engine::opening",
            "store::sled::engine::opening::open",
            "store::sled::layout::of",
        ]
    );
}
