//! No circle between files: whoever reads one file finds what it stands on below it.

use std::collections::{BTreeMap, BTreeSet};

use super::sources::{Source, read, uses};

type Uses = BTreeMap<Vec<String>, BTreeSet<Vec<String>>>;

/// What a folder's own file offers comes from the files in it, and it names them all: the circles counted are those between
/// files that stand for themselves.
fn between_files(sources: &[Source]) -> Uses {
    let single: BTreeSet<&Vec<String>> =
        sources.iter().filter(|source| !source.is_folder()).map(|source| &source.module).collect();
    let mut uses = uses(sources);
    uses.retain(|module, _| single.contains(module));
    uses.values_mut().for_each(|others| others.retain(|other| single.contains(other)));
    uses
}

/// Takes away what stands on nothing that is left, until nothing more can be: what is left goes round in circles, or stands
/// on what does.
fn circular(mut uses: Uses) -> Uses {
    loop {
        let left: BTreeSet<Vec<String>> = uses.keys().cloned().collect();
        uses.values_mut().for_each(|others| others.retain(|other| left.contains(other)));
        let named: BTreeSet<Vec<String>> = uses.values().flatten().cloned().collect();
        let before = uses.len();
        uses.retain(|module, others| !others.is_empty() && named.contains(module));
        if uses.len() == before {
            return uses;
        }
    }
}

#[test]
fn no_files_name_each_other_in_a_circle() {
    for folder in ["src", "simulator/src"] {
        let uses = between_files(&read(folder));
        assert!(uses.len() > 20, "{folder}: hardly any files were read");
        let left = circular(uses);
        let lines = left.iter().map(|(module, others)| {
            let others = others.iter().map(|other| other.join("::")).collect::<Vec<_>>().join(", ");
            format!("{} → {others}", module.join("::"))
        });
        assert!(left.is_empty(), "{folder}: circles among\n{}", lines.collect::<Vec<_>>().join("\n"));
    }
}

#[test]
fn a_circle_is_seen_and_a_chain_is_none() {
    let uses = |pairs: &[(&str, &str)]| -> Uses {
        let mut uses = Uses::new();
        for (one, other) in pairs {
            uses.entry(vec![(*one).to_owned()]).or_default().insert(vec![(*other).to_owned()]);
            uses.entry(vec![(*other).to_owned()]).or_default();
        }
        uses
    };
    assert!(circular(uses(&[("a", "b"), ("b", "c"), ("a", "c")])).is_empty());
    assert_eq!(circular(uses(&[("a", "b"), ("b", "c"), ("c", "b"), ("c", "d")])).len(), 2);
}
