//! Searching bytes, and every file below a directory, for what may not be there: as it is, and in every dress in which it
//! could have been written down.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::{fs, io};

use aho_corasick::AhoCorasick;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

/// Shorter needles lie in any large file by chance.
const NEEDLE_BYTES_MIN: usize = 5;

/// What is searched for, all at once: one look at each byte, however many needles.
pub struct Needles {
    automaton: AhoCorasick,
    /// By pattern: the needle and how it is dressed.
    told: Vec<String>,
}

impl Needles {
    /// Needles of text.
    pub fn of<T: AsRef<str>>(texts: impl IntoIterator<Item = T>) -> Self {
        Self::named(
            texts.into_iter().map(|text| (text.as_ref().to_owned(), text.as_ref().as_bytes().to_vec())),
        )
    }

    /// Needles of any bytes, each with the name under which it is reported.
    pub fn named(needles: impl IntoIterator<Item = (String, Vec<u8>)>) -> Self {
        let mut patterns: BTreeMap<Vec<u8>, String> = BTreeMap::new();
        for (name, bytes) in needles {
            assert!(bytes.len() >= NEEDLE_BYTES_MIN, "{name} is too short to prove anything");
            for (dress, form) in dressed(&bytes) {
                patterns.entry(form).or_insert_with(|| format!("{name} ({dress})"));
            }
        }
        let (forms, told): (Vec<Vec<u8>>, Vec<String>) = patterns.into_iter().unzip();
        Self { automaton: AhoCorasick::new(forms).expect("an automaton"), told }
    }

    /// Which needles lie in these bytes.
    pub fn within(&self, bytes: &[u8]) -> BTreeSet<&str> {
        self.automaton.find_iter(bytes).map(|found| self.told[found.pattern().as_usize()].as_str()).collect()
    }

    /// Which needles lie below a directory, in a file's bytes or in a name, with the file.
    pub fn below(&self, directory: &Path) -> Vec<String> {
        let mut found = Vec::new();
        visit(directory, &mut |path, bytes| {
            let name = path.as_os_str().as_encoded_bytes();
            for needle in self.within(bytes).union(&self.within(name)) {
                found.push(format!("{needle} in {}", path.display()));
            }
        });
        found
    }
}

/// All files below a directory with what is in them. What goes while it is looked at may have another name from then on: then the
/// directory is listed once more.
pub fn visit(directory: &Path, act: &mut impl FnMut(&Path, &[u8])) {
    let mut visited = BTreeSet::new();
    while !visit_once(directory, &mut visited, act).expect("readable") {}
}

/// Those of them that were not visited. False: one went before it was read.
fn visit_once(
    directory: &Path,
    visited: &mut BTreeSet<PathBuf>,
    act: &mut impl FnMut(&Path, &[u8]),
) -> io::Result<bool> {
    let mut is_whole = true;
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let path = entry.path();
        let looked = match entry.file_type() {
            Ok(kind) if kind.is_dir() => visit_once(&path, visited, act),
            Ok(kind) if kind.is_file() && !visited.contains(&path) => fs::read(&path).map(|bytes| {
                act(&path, &bytes);
                visited.insert(path);
                true
            }),
            other => other.map(|_| true),
        };
        match looked {
            Err(error) if error.kind() == io::ErrorKind::NotFound => is_whole = false,
            looked => is_whole &= looked?,
        }
    }
    Ok(is_whole)
}

/// The forms in which bytes get written down.
fn dressed(bytes: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let text = String::from_utf8_lossy(bytes);
    let escaped = |escape: &dyn Fn(u16) -> String| text.encode_utf16().map(escape).collect::<String>();
    let percent = |all: bool, upper: bool| -> String {
        let plain = |b: u8| !all && (b.is_ascii_alphanumeric() || b"-._~".contains(&b));
        let hex = |b: u8| if upper { format!("%{b:02X}") } else { format!("%{b:02x}") };
        bytes.iter().map(|b| if plain(*b) { char::from(*b).to_string() } else { hex(*b) }).collect()
    };
    let list = bytes.iter().map(u8::to_string).collect::<Vec<_>>();
    let mut forms = vec![
        ("as it is", bytes.to_vec()),
        ("reversed", bytes.iter().rev().copied().collect()),
        ("hex", hex::encode(bytes).into_bytes()),
        ("HEX", hex::encode_upper(bytes).into_bytes()),
        ("UTF-16LE", text.encode_utf16().flat_map(u16::to_le_bytes).collect()),
        ("UTF-16BE", text.encode_utf16().flat_map(u16::to_be_bytes).collect()),
        ("URL-escaped", percent(false, true).into_bytes()),
        ("url-escaped", percent(false, false).into_bytes()),
        ("URL-escaped throughout", percent(true, true).into_bytes()),
        ("JSON", serde_json::to_string(&text).expect("text").trim_matches('"').as_bytes().to_vec()),
        ("JSON \\u", escaped(&|unit| format!("\\u{unit:04x}")).into_bytes()),
        ("JSON \\U", escaped(&|unit| format!("\\u{unit:04X}")).into_bytes()),
        ("Rust's escapes", text.escape_default().to_string().into_bytes()),
        ("Debug of bytes", list.join(", ").into_bytes()),
        ("JSON of bytes", list.join(",").into_bytes()),
    ];
    for (at, dress) in ["base64 at 0", "base64 at 1", "base64 at 2"].into_iter().enumerate() {
        forms.push((dress, base64_inside(&STANDARD_NO_PAD, bytes, at)));
        forms.push((dress, base64_inside(&URL_SAFE_NO_PAD, bytes, at)));
    }
    forms
}

/// What bytes look like in the base64 of something longer, `at` bytes after a multiple of three: only those characters
/// that no neighbour has a part in.
fn base64_inside(engine: &impl Engine, bytes: &[u8], at: usize) -> Vec<u8> {
    let mut padded = vec![0; at];
    padded.extend_from_slice(bytes);
    let text = engine.encode(&padded);
    let shared = usize::from(!padded.len().is_multiple_of(3));
    text.as_bytes()[(at * 8).div_ceil(6)..text.len() - shared].to_vec()
}

#[test]
fn every_dress_is_found_among_other_bytes() {
    let needle = "Zoé+zq1f/é@example.org";
    let needles = Needles::of([needle]);
    for (dress, form) in dressed(needle.as_bytes()) {
        let hay = [b"\0\xffhay".as_slice(), &form, b"hay\0"].concat();
        assert_eq!(needles.within(&hay).len(), 1, "{dress}");
    }
    for before in 0..3 {
        let whole = [&b"abc"[..before], needle.as_bytes(), b"xyz"].concat();
        assert_eq!(needles.within(STANDARD_NO_PAD.encode(whole).as_bytes()).len(), 1, "base64 at {before}");
    }
    assert!(needles.within("Zoé+zq1f/é@example.net".as_bytes()).is_empty());
}
