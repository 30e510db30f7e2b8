//! Files are made, renamed and removed in one place (docs/decisions/0115-files-of-our-own.md): whatever else does it by
//! itself says here why it may. Clippy's `disallowed_methods` cannot hold this, since tests plant files freely.

use std::collections::BTreeSet;

use super::sources::read;

/// What makes, changes or removes a name by a path.
const RAW: [&str; 16] = [
    "OpenOptions",
    "DirBuilder",
    "File::create",
    "File::create_new",
    "File::options",
    "fs::write",
    "fs::rename",
    "fs::copy",
    "fs::hard_link",
    "fs::set_permissions",
    "fs::create_dir",
    "fs::create_dir_all",
    "fs::remove_file",
    "fs::remove_dir",
    "fs::remove_dir_all",
    "unix::fs::symlink",
];

/// Module, call, why.
const ALLOWED: [(&str, &str, &str); 5] = [
    (
        "machine::disk",
        "DirBuilder",
        "makes private directories, before there is a handle; who owns one is asked afterwards",
    ),
    (
        "store::sled::engine::aside",
        "fs::remove_dir_all",
        "directories of the store, which is ours: the standard library goes by handles and follows no link",
    ),
    (
        "app::admin_socket",
        "fs::remove_file",
        "the admin socket, under its lock, after its inode was looked at",
    ),
    (
        "app::admin_socket",
        "fs::set_permissions",
        "the admin socket, just bound, in a directory that was looked at",
    ),
    ("secret::reading", "OpenOptions", "secrets are read by whatever name they have, and never made"),
];

/// `word` as a whole path segment sequence: `fs::copy`, not `fs::copy_file_range`.
fn says(text: &str, word: &str) -> bool {
    text.match_indices(word).any(|(at, _)| {
        let part = |c: char| c.is_alphanumeric() || c == '_';
        let before = text[..at].chars().next_back().is_some_and(part);
        let after = text[at + word.len()..].chars().next().is_some_and(part);
        !before && !after
    })
}

/// Lists such as `use std::fs::{File, rename};` written out: `fs::File fs::rename`.
fn written_out(text: &str) -> String {
    let lists = text.split("std::fs::{").skip(1).filter_map(|rest| rest.split('}').next());
    let names = lists.flat_map(|list| list.split(',')).map(|name| format!(" fs::{}", name.trim()));
    text.to_owned() + &names.collect::<String>()
}

#[test]
fn files_are_made_renamed_and_removed_in_one_place() {
    let mut found = BTreeSet::new();
    for source in read("src") {
        let module = source.module.join("::");
        if module == "machine::own" {
            continue;
        }
        let text = written_out(&source.text);
        found.extend(RAW.iter().filter(|word| says(&text, word)).map(|word| (module.clone(), *word)));
    }
    let allowed: BTreeSet<(String, &str)> =
        ALLOWED.iter().map(|(module, word, _)| ((*module).to_owned(), *word)).collect();
    let raw: Vec<_> = found.difference(&allowed).collect();
    assert!(raw.is_empty(), "go through machine/own.rs, or say here why not: {raw:#?}");
    let gone: Vec<_> = allowed.difference(&found).collect();
    assert!(gone.is_empty(), "allowed and not used: {gone:#?}");
}

#[test]
fn a_raw_call_is_seen_however_it_is_imported() {
    assert!(says(&written_out("use std::fs::{File, rename};"), "fs::rename"));
    assert!(says("let x = std::fs::write(&path, b\"\")?;", "fs::write"));
    assert!(!says("fs::copy_file_range(a, b)", "fs::copy") && !says("myfs::copy()", "fs::copy"));
}
