//! The table of keys, held against what operators read.

use super::*;
use crate::config::table::{Key, Value};

/// Every key of the table with the path of its table.
fn all(keys: &[Key], path: &str, into: &mut Vec<(String, &'static str)>) {
    for key in keys {
        into.push((path.to_owned(), key.name));
        all(key.below, &format!("{path}{}.", key.name), into);
    }
}

#[test]
fn every_key_stands_in_the_example_or_among_the_defaults() {
    // What the example does not need: a ground for special categories, and a type where the name tells it.
    const ELSEWHERE: [&str; 2] = ["special_category_basis", "type"];
    let mut keys = Vec::new();
    all(Config::KEYS, "", &mut keys);
    assert!(keys.len() > 60, "{}", keys.len());
    let text = format!("{EXAMPLE}{DEFAULTS}");
    let is_word =
        |name: &str| text.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == name);
    let missing: Vec<_> =
        keys.iter().filter(|(_, name)| !is_word(name) && !ELSEWHERE.contains(name)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn what_mends_a_missing_key_is_its_default() {
    let nothing = ::config::Map::new();
    let findings = Findings::new(std::collections::BTreeMap::new());
    assert!(Config::read(Section::root(&nothing, &findings)).is_none());
    let Ok(defaults) = DEFAULTS.parse::<toml::Table>() else { panic!("TOML") };
    let mut held = 0;
    for fault in findings.into_parts().0.faults {
        let [section, key] = fault.key.split('.').collect::<Vec<_>>()[..] else { continue };
        let Some(default) = defaults.get(section).and_then(|section| section.get(key)) else { continue };
        let sample = fault.mend.split('`').nth(1).and_then(|line| line.parse::<toml::Table>().ok());
        assert_eq!(sample.as_ref().and_then(|line| line.get(key)), Some(default), "{fault}");
        held += 1;
    }
    assert!(held > 15, "{held}");
}
