//! The three layers of a config, one over the other: the embedded defaults, the operator's file, the environment.
//!
//! Nothing here knows what a key means. Values stay as they were written: the environment's are texts, never guessed
//! into numbers (measured: guessing turns `00123` into `123` and a 32-digit text into a float).

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::Path;

use ::config::{FileFormat, Map, Value, ValueKind};

use crate::config::excerpt::Excerpt;
use crate::config::fault::{Fault, FaultCode, Faults};
use crate::secret::location::Environment;
use crate::secret::reading::{NotRead, read_small};

/// Every default, with its comment.
pub const DEFAULTS: &str = include_str!("../../config/default.toml");

/// No config is longer; it also bounds every list in it.
pub const CONFIG_BYTES_MAX: u64 = 1024 * 1024;

/// So many places are named where a file is no TOML; after the first ones the parser may be lost.
const SYNTAX_FAULTS_MAX: usize = 10;

/// Variables that begin so are keys of the config: `TAMIS__STORE__CACHE_MB` is `store.cache_mb`.
const PREFIX: &str = "TAMIS__";

/// The layers, merged.
pub(super) struct Layers {
    /// All keys.
    pub(super) root: Map<String, Value>,
    /// Which keys the environment set, with the variable of each.
    pub(super) variables: BTreeMap<String, String>,
    /// Variables whose names are no keys.
    pub(super) misnamed: Vec<Fault>,
}

/// Reads the operator's file.
///
/// # Errors
/// One fault: absent, unreadable, no file, too large, not in time, not UTF-8.
pub(super) fn read_file(path: &Path) -> Result<String, Faults> {
    let file = read_small(path, CONFIG_BYTES_MAX).map_err(|not_read| match not_read {
        NotRead::Io(ErrorKind::NotFound) => Faults::one(
            FaultCode::FileAbsent,
            "there is no config file at this path",
            "Name one with `--config` or TAMIS_CONFIG, or write a first one with `tamis init DIR`.",
        ),
        NotRead::Io(kind) => Faults::one(
            FaultCode::FileUnreadable,
            format!("the config file cannot be read ({kind})"),
            "Let the user that runs tamis read it.",
        ),
        NotRead::NotAFile => Faults::one(
            FaultCode::FileUnreadable,
            "what lies at this path is no file (a directory, a pipe, a device)",
            "Write the config into a plain file: it is read again at each reload, and a pipe is never waited for.",
        ),
        NotRead::NotInTime => Faults::one(
            FaultCode::FileUnreadable,
            "the config file could not be read within three seconds: what it lies on hangs",
            "Look at the mount; keep the config on a local disk.",
        ),
        NotRead::TooLong => Faults::one(
            FaultCode::FileTooLarge,
            format!("the config file is larger than {CONFIG_BYTES_MAX} bytes"),
            "Check that the path names a config file.",
        ),
    })?;
    std::str::from_utf8(&file.bytes).map(str::to_owned).map_err(|error| {
        let at = Excerpt::at(&String::from_utf8_lossy(&file.bytes), error.valid_up_to());
        let faults = vec![Fault::at(at, "not UTF-8", "Save the file as UTF-8.")];
        Faults { faults, warnings: Vec::new() }
    })
}

/// Lays file and environment over the defaults.
///
/// # Errors
/// The places where the file is not TOML, as far as the parser finds its way again, up to [`SYNTAX_FAULTS_MAX`]: nothing else can
/// be said of it then.
pub(super) fn merge(text: &str, environment: &Environment) -> Result<Layers, Faults> {
    check_syntax(text)?;
    let (variables, misnamed) = variables_by_key(environment);
    let set: Map<String, String> = variables
        .values()
        .filter_map(|name| Some((name.clone(), environment.get(name)?.to_owned())))
        .collect();
    let merged = ::config::Config::builder()
        .add_source(::config::File::from_str(DEFAULTS, FileFormat::Toml))
        .add_source(::config::File::from_str(text, FileFormat::Toml))
        .add_source(
            ::config::Environment::with_prefix("TAMIS")
                .prefix_separator("__")
                .separator("__")
                .source(Some(set)),
        )
        .build();
    match merged.map(|config| config.cache.kind) {
        Ok(ValueKind::Table(root)) => Ok(Layers { root, variables, misnamed }),
        // The syntax is known to be good, so this is not reached; config's own text may echo a value.
        _ => Err(Faults::one(
            FaultCode::Syntax,
            "the file cannot be read as TOML",
            "`tamis init DIR` writes one to compare it with.",
        )),
    }
}

/// Says where the file is no TOML, in our own words: the parser's quote the line, with whatever stands in it.
fn check_syntax(text: &str) -> Result<(), Faults> {
    let table = text.parse::<toml::Table>().map_err(|error| {
        let mut errors = toml::de::DeTable::parse_recoverable(text).1;
        // A number out of bounds is found only when it is made one.
        if errors.is_empty() {
            errors.push(error);
        }
        let mut offsets: Vec<usize> =
            errors.iter().map(|error| error.span().map_or(0, |span| span.start)).collect();
        offsets.sort_unstable();
        let mut faults: Vec<Fault> = Vec::new();
        for offset in offsets {
            let at = Excerpt::at(text, offset);
            // What follows in a line from its first fault is nobody's second one.
            let is_said = faults.iter().filter_map(|fault| fault.at.as_ref()).any(|said| said.line == at.line);
            if !is_said && faults.len() < SYNTAX_FAULTS_MAX {
                faults.push(Fault::at(
                    at,
                    "not valid TOML",
                    "Look for a missing quote or bracket, a key written twice, or a number out of bounds, there or just above. \
                     Once it is TOML, all else is looked at.",
                ));
            }
        }
        Faults { faults, warnings: Vec::new() }
    })?;
    // A top-level key is taken for a path by the config crate, and `x[4000000000]` for a place in a list.
    let odd: Vec<Fault> = table
        .keys()
        .filter(|key| !is_plain(key))
        .map(|key| key.escape_debug().to_string())
        .map(|key| Fault::new(FaultCode::UnknownKey, &key, "tamis knows no such key", "Remove it."))
        .collect();
    if odd.is_empty() { Ok(()) } else { Err(Faults { faults: odd, warnings: Vec::new() }) }
}

/// The variables that name keys, and faults for those that cannot.
fn variables_by_key(environment: &Environment) -> (BTreeMap<String, String>, Vec<Fault>) {
    let mut known = BTreeMap::new();
    let mut misnamed = Vec::new();
    for (name, _) in environment.with_prefix(PREFIX) {
        let upper = name.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_');
        let key = name.strip_prefix(PREFIX).unwrap_or_default().to_lowercase().replace("__", ".");
        if upper && key.split('.').all(is_plain) {
            known.insert(key, name.to_owned());
        } else {
            let mend = "Write TAMIS__SECTION__KEY, as in TAMIS__STORE__CACHE_MB.";
            let (code, name) = (FaultCode::EnvironmentName, name.escape_debug().to_string());
            misnamed.push(Fault::new(code, &name, "this variable's name is no key", mend));
        }
    }
    misnamed.sort_by(|a, b| a.key.cmp(&b.key));
    (known, misnamed)
}

fn is_plain(segment: &str) -> bool {
    !segment.is_empty() && segment.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(pairs: &[(&str, &str)]) -> Environment {
        Environment::new(pairs.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())))
    }

    fn text_at<'v>(layers: &'v Layers, section: &str, key: &str) -> Option<&'v ValueKind> {
        match &layers.root.get(section)?.kind {
            ValueKind::Table(table) => table.get(key).map(|value| &value.kind),
            _ => None,
        }
    }

    #[test]
    fn the_environment_lies_over_the_file_and_the_file_over_the_defaults() {
        let environment =
            environment(&[("TAMIS__STORE__CACHE_MB", "64"), ("TAMIS_CONFIG", "/x"), ("HOME", "/")]);
        let Ok(layers) = merge("[store]\ncache_mb = 16\nfree_disk_min_mb = 99\n", &environment) else {
            panic!("valid")
        };
        assert_eq!(text_at(&layers, "store", "cache_mb"), Some(&ValueKind::String("64".into())));
        assert_eq!(text_at(&layers, "store", "free_disk_min_mb"), Some(&ValueKind::I64(99)));
        assert_eq!(text_at(&layers, "store", "inbox_max_references"), Some(&ValueKind::I64(500_000)));
        assert_eq!(
            layers.variables.get("store.cache_mb").map(String::as_str),
            Some("TAMIS__STORE__CACHE_MB")
        );
    }

    #[test]
    fn values_of_the_environment_stay_the_texts_they_are() {
        for text in ["00123", "12345678901234567890123456789012", "1e5", "true", " x "] {
            let environment = environment(&[("TAMIS__CONTROLLER__NAME", text)]);
            let Ok(layers) = merge("", &environment) else { panic!("valid") };
            assert_eq!(
                text_at(&layers, "controller", "name"),
                Some(&ValueKind::String(text.into())),
                "{text}"
            );
        }
    }

    #[test]
    fn each_place_that_is_no_toml_is_said_with_its_line_and_without_what_stands_in_it() {
        let told = |text: &str| match merge(text, &Environment::default()) {
            Err(faults) => faults.to_string(),
            Ok(_) => panic!("that is TOML"),
        };
        let text = told("[meta]\nüa = \"CANARY\n");
        assert!(text.starts_with("line 2, column 1: not valid TOML [config-syntax]. "), "{text}");
        let text = told(
            "[meta]\nname = 1\napp_id = \"é\" CANARY\n[store\ncache_mb = 3\n[x]\nurl = CANARY = CANARY\n",
        );
        assert!(!text.contains("CANARY"), "{text}");
        let places: Vec<&str> = text.lines().filter_map(|line| line.split(": not").next()).collect();
        assert!(places.contains(&"line 3, column 14") && places.contains(&"line 4, column 7"), "{text}");
        assert!(text.contains("\n  3 | app_id = \"…\" …\n    |              ^\n"), "{text}");
        let text = told("a = 99999999999999999999\n");
        assert!(text.starts_with("line 1, column 5: "), "{text}");
        assert_eq!(told(&"[\n".repeat(500)).matches("[config-syntax]").count(), SYNTAX_FAULTS_MAX);
    }

    #[test]
    fn keys_that_would_be_taken_for_paths_are_refused_before_anything_is_made_of_them() {
        let Err(faults) = merge("\"x[4000000000]\" = 1\n\"a b\" = 2\n", &Environment::default()) else {
            panic!("odd keys")
        };
        let keys: Vec<&str> = faults.faults.iter().map(|fault| fault.key.as_str()).collect();
        assert_eq!(keys, ["x[4000000000]", "a b"]);
        let environment = environment(&[
            ("TAMIS__META__PAGES[4000000000]__ID", "1"),
            ("TAMIS__", "x"),
            ("TAMIS____A", "x"),
        ]);
        let Ok(layers) = merge("", &environment) else { panic!("valid file") };
        assert_eq!(layers.misnamed.len(), 3, "{:?}", layers.misnamed);
        assert!(layers.variables.is_empty());
    }
}
