//! Searching every byte below a directory.

use std::fs;
use std::path::{Path, PathBuf};

/// The files below `directory` that hold `needle`, as it is, in upper or lower case hexadecimal, in UTF-16, or
/// JSON-escaped.
pub fn search(directory: &Path, needle: &str) -> Vec<PathBuf> {
    let mut forms: Vec<Vec<u8>> = vec![needle.as_bytes().to_vec()];
    forms.push(hex::encode(needle).into_bytes());
    forms.push(hex::encode_upper(needle).into_bytes());
    forms.push(needle.encode_utf16().flat_map(u16::to_le_bytes).collect());
    forms.push(serde_json::to_string(needle).expect("text").trim_matches('"').as_bytes().to_vec());
    let mut found = Vec::new();
    visit(directory, &mut |path, bytes| {
        if forms.iter().any(|form| memchr::memmem::find(bytes, form).is_some()) {
            found.push(path.to_owned());
        }
    });
    found
}

fn visit(directory: &Path, act: &mut impl FnMut(&Path, &[u8])) {
    for entry in fs::read_dir(directory).expect("a directory").flatten() {
        let path = entry.path();
        let kind = entry.file_type().expect("a type");
        if kind.is_dir() {
            visit(&path, act);
        } else if kind.is_file() {
            act(&path, &fs::read(&path).expect("a file"));
        }
    }
}
