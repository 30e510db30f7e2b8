//! The three layers of a config, one over the other: the embedded defaults, the operator's file, the environment.
//!
//! Nothing here knows what a key means. Values stay as they were written: the environment's are texts, never guessed
//! into numbers (measured: guessing turns `00123` into `123` and a 32-digit text into a float).

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::Path;

use ::config::{FileFormat, Map, Value, ValueKind};

use crate::config::fault::{Fault, FaultCode, Faults};
use crate::secret::location::Environment;
use crate::secret::reading::{NotRead, read_small};

/// Every default, with its comment.
pub const DEFAULTS: &str = include_str!("../../config/default.toml");

/// No config is longer; it also bounds every list in it.
pub const CONFIG_BYTES_MAX: u64 = 1024 * 1024;

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
        let line = line_and_column(&file.bytes, error.valid_up_to()).0;
        Faults::one(FaultCode::Syntax, format!("line {line} is not UTF-8"), "Save the file as UTF-8.")
    })
}

/// Lays file and environment over the defaults.
///
/// # Errors
/// One fault, where the file is not TOML: nothing else can be said of it then.
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
            "Compare it with an example.",
        )),
    }
}

/// Says where the file stops being TOML: line and column only, since the parser's text quotes the line.
fn check_syntax(text: &str) -> Result<(), Faults> {
    let table = text.parse::<toml::Table>().map_err(|error| {
        let offset = error.span().map_or(0, |span| span.start);
        let (line, column) = line_and_column(text.as_bytes(), offset);
        Faults::one(
            FaultCode::Syntax,
            format!("line {line}, column {column}: not valid TOML"),
            "Look for a missing quote or bracket, a key written twice, or a number out of bounds, there or just above.",
        )
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

/// The line and the column, counted from 1, of a byte's place. Columns count characters.
fn line_and_column(bytes: &[u8], offset: usize) -> (usize, usize) {
    let before = bytes.get(..offset).unwrap_or(bytes);
    let line_start = before.iter().rposition(|b| *b == b'\n').map_or(0, |at| at + 1);
    let line = before.iter().filter(|b| **b == b'\n').count() + 1;
    let within = before.get(line_start..).unwrap_or_default();
    // Continuation bytes of UTF-8 begin with the bits 10.
    let column = within.iter().filter(|b| **b & 0xC0 != 0x80).count() + 1;
    (line, column)
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
    fn a_syntax_error_gives_line_and_column_and_no_excerpt() {
        let Err(faults) = merge("[meta]\nüa = \"CANARY\n", &Environment::default()) else {
            panic!("no TOML")
        };
        let text = faults.to_string();
        assert!(text.starts_with("line 2, column 1: "), "{text}");
        let Err(faults) = merge("[meta]\na = 1\nb = \"é\" CANARY\n", &Environment::default()) else {
            panic!("no TOML")
        };
        let text = faults.to_string();
        assert!(text.starts_with("line 3, column 9: ") && !text.contains("CANARY"), "{text}");
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
