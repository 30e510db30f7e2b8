//! What tells one config from the next, key by key, and which keys may change while the daemon runs.

use std::collections::{BTreeMap, BTreeSet};

use crate::config::Config;
use crate::config::effective::Effective;
use crate::config::shown::ShownValue;
use crate::config::table::Value;

/// Every key of a config with its value as text; of a secret, where it lies.
#[derive(Clone)]
pub struct Fingerprint(BTreeMap<String, String>);

/// The keys that differ between two configs.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Those that a running daemon takes over.
    pub live: Vec<String>,
    /// Those that wait for a restart.
    pub at_restart: Vec<String>,
}

impl Config {
    /// For comparing it with another one.
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint(Effective::of(self, &|_, location| ShownValue::text(location)).values())
    }
}

impl Fingerprint {
    /// The keys that were added, removed or changed in the next one.
    pub fn changes(&self, next: &Self) -> Changes {
        let keys: BTreeSet<&String> = self.0.keys().chain(next.0.keys()).collect();
        let differ = keys.into_iter().filter(|key| self.0.get(*key) != next.0.get(*key)).cloned();
        let (live, at_restart) = differ.partition(|key| is_live(key));
        Changes { live, at_restart }
    }
}

/// True if the table says so of this key or of one above it.
fn is_live(key: &str) -> bool {
    let mut known = Config::KEYS;
    for name in key.split(['.', '[']) {
        match known.iter().find(|key| key.name == name) {
            Some(key) if key.is_live => return true,
            Some(key) => known = key.below,
            None => return false,
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::parse;
    use crate::secret::location::Environment;

    fn fingerprint(change: impl Fn(String) -> String) -> Fingerprint {
        let text = change(include_str!("../../config/tamis.example.toml").to_owned());
        parse(&text, &Environment::default()).unwrap_or_else(|faults| panic!("{faults}")).fingerprint()
    }

    fn changes(from: &'static str, to: &'static str) -> Changes {
        let next = fingerprint(|text| {
            assert!(text.contains(from), "no {from}");
            text.replacen(from, to, 1)
        });
        fingerprint(|text| text).changes(&next)
    }

    #[test]
    fn the_same_config_differs_in_nothing() {
        assert_eq!(changes("", ""), Changes::default());
    }

    #[test]
    fn purposes_pages_secrets_and_the_log_level_are_taken_over_while_running() {
        for (from, to, key) in [
            ("postcode = {", "city = {", "purposes.devis.fields.city"),
            ("[\"901000000000001\"]", "[\"901000000000001\", \"901000000000009\"]", "purposes.devis.forms"),
            ("name = \"Atelier Lumen\"\n", "name = \"Atelier\"\n", "meta.pages[0].name"),
            ("/secrets/page-104000000000001", "/secrets/other", "meta.pages[0].token"),
            ("{ credential = \"meta-app-secret\" }", "{ credential = \"another\" }", "meta.app_secrets"),
            ("level = \"info\"", "level = \"debug\"", "log.level"),
            ("https://leads.lumen.example", "https://formulaires.lumen.example", "public.url"),
        ] {
            let changes = changes(from, to);
            assert!(changes.live.iter().any(|live| live == key), "{key}: {changes:?}");
            assert!(changes.at_restart.is_empty(), "{changes:?}");
        }
    }

    #[test]
    fn listeners_paths_and_keys_wait_for_a_restart() {
        for (from, to, key) in [
            ("127.0.0.1:8080", "127.0.0.1:8090", "public.listen"),
            ("/var/lib/tamis/store", "/var/lib/tamis/other", "store.path"),
            ("{ credential = \"tamis-root-key\" }", "{ credential = \"another\" }", "keys.root"),
            ("format = \"pretty\"", "format = \"json\"", "log.format"),
        ] {
            let wanted = Changes { live: Vec::new(), at_restart: vec![key.to_owned()] };
            assert_eq!(changes(from, to), wanted);
        }
    }

    #[test]
    fn a_key_that_only_begins_like_a_live_one_is_not_live() {
        assert!(is_live("meta.retry.first_ms") && is_live("purposes.devis.fields.email"));
        assert!(!is_live("meta.retry_else") && !is_live("log.level_else") && !is_live("metallic"));
    }
}
