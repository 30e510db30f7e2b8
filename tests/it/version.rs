//! What `tamis --version` says, and how a build learns of which commit it is: build/commit.rs, as build.rs runs it.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::process::BINARY;

#[path = "../../build/commit.rs"]
mod commit;

const GIVEN: &str = "0123456789abcdef0123456789abcdef01234567";

/// Runs git in this directory, with nothing of this machine's settings.
fn git(directory: &Path, arguments: &[&str]) -> String {
    let told = Command::new("git")
        .args(["-c", "user.name=t", "-c", "user.email=t@t.example", "-c", "init.defaultBranch=main"])
        .args(arguments)
        .current_dir(directory)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env_remove("GIT_DIR")
        .output()
        .expect("git");
    assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
    String::from_utf8(told.stdout).expect("text").trim().to_owned()
}

/// A clone with one commit, of the same layout as this tree.
fn clone(directory: &Path) -> String {
    git(directory, &["init", "-q"]);
    std::fs::create_dir(directory.join("build")).expect("a directory");
    for (name, text) in [
        ("build/archived", include_str!("../../build/archived")),
        (".gitattributes", include_str!("../../.gitattributes")),
        ("Cargo.toml", "one"),
    ] {
        std::fs::write(directory.join(name), text).expect("a file");
    }
    git(directory, &["add", "."]);
    git(directory, &["commit", "-q", "-m", "one"]);
    git(directory, &["rev-parse", "HEAD"])
}

fn shown(directory: &Path) -> Option<String> {
    commit::of(directory, None).expect("nothing was given")
}

#[test]
fn the_version_is_told_with_what_it_was_built_from() {
    for flag in ["--version", "-V"] {
        let told = Command::new(BINARY).arg(flag).env_clear().output().expect("the command line");
        let said = String::from_utf8(told.stdout).expect("text");
        // Of sources that change under it no commit is told.
        assert_eq!(said, concat!("tamis ", env!("CARGO_PKG_VERSION"), " (debug build)\n"));
        assert!(told.status.success());
    }
}

#[test]
fn a_clone_is_of_its_commit_and_changed_sources_are_said() {
    let directory = tempfile::tempdir().expect("a directory");
    let commit = clone(directory.path());
    assert_eq!(shown(directory.path()).as_deref(), Some(&commit[..12]));
    std::fs::write(directory.path().join("README.md"), "no source").expect("a file");
    assert_eq!(shown(directory.path()).as_deref(), Some(&commit[..12]));
    std::fs::write(directory.path().join("Cargo.toml"), "two").expect("a file");
    assert_eq!(shown(directory.path()), Some(format!("{}, changed", &commit[..12])));
}

#[test]
fn another_commit_is_noticed() {
    let directory = tempfile::tempdir().expect("a directory");
    clone(directory.path());
    let content = |directory: &Path| -> Vec<Vec<u8>> {
        commit::watched(directory).iter().map(|path| std::fs::read(path).expect("a file")).collect()
    };
    let before = content(directory.path());
    git(directory.path(), &["commit", "-q", "--allow-empty", "-m", "two"]);
    assert!(!before.is_empty() && content(directory.path()) != before);
}

#[test]
fn an_archive_is_of_the_commit_that_it_was_made_of() {
    let directory = tempfile::tempdir().expect("a directory");
    let commit = clone(directory.path());
    git(directory.path(), &["archive", "--prefix=tree/", "-o", "tree.tar", "HEAD"]);
    let elsewhere = tempfile::tempdir().expect("a directory");
    let archive = std::fs::File::open(directory.path().join("tree.tar")).expect("an archive");
    tar::Archive::new(archive).unpack(elsewhere.path()).expect("unpacked");
    assert_eq!(shown(&elsewhere.path().join("tree")).as_deref(), Some(&commit[..12]));
}

#[test]
fn a_tree_within_somebody_else_s_repository_is_not_of_that_one_s_commit() {
    let directory = tempfile::tempdir().expect("a directory");
    clone(directory.path());
    let inner = directory.path().join("inner");
    std::fs::create_dir(&inner).expect("a directory");
    assert_eq!(shown(&inner), None);
    let alone = tempfile::tempdir().expect("a directory");
    assert_eq!(shown(alone.path()), None);
    assert!(commit::watched(alone.path()).is_empty());
}

#[test]
fn what_the_builder_gives_goes_before_and_must_be_a_commit() {
    let directory = tempfile::tempdir().expect("a directory");
    let commit = clone(directory.path());
    let given = |text: &str| commit::of(directory.path(), Some(text));
    assert_eq!(given(GIVEN), Ok(Some(GIVEN[..12].to_owned())));
    assert_eq!(given(" "), Ok(Some(commit[..12].to_owned())), "as good as not given");
    for no_commit in ["v0.1.0", "0123456789a", "0123456789ABCDEF", "0123456789ab; echo"] {
        assert!(given(no_commit).is_err(), "{no_commit}");
    }
}

/// Every file below a folder.
fn files(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()) {
        if entry.is_dir() { files(&entry, into) } else { into.push(entry) }
    }
}

#[test]
fn what_the_binary_is_made_of_is_named_whole_and_goes_into_the_image() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut sources = Vec::new();
    files(&root.join("src"), &mut sources);
    let mut seen = 0;
    for source in sources.iter().filter(|path| path.extension().is_some_and(|ending| ending == "rs")) {
        let text = std::fs::read_to_string(source).expect("text");
        for part in text.split("include_str!(").skip(1) {
            let named = part.split('"').nth(1).expect("a name");
            let up = named.matches("../").count();
            let folder = source.ancestors().nth(up + 1).expect("a folder");
            let path = folder.join(named.trim_start_matches("../"));
            assert!(path.is_file(), "{}", path.display());
            let path = path.strip_prefix(root).expect("within the tree");
            let known = commit::SOURCES.iter().any(|known| path.starts_with(known));
            // What only tests hold themselves against.
            let tests_alone = ["tests", "docs/openapi.json"].iter().any(|known| path.starts_with(known));
            assert!(known || tests_alone, "{} names {}", source.display(), path.display());
            seen += 1;
        }
    }
    assert!(seen > 5, "{seen}");
    let let_through: Vec<&str> =
        include_str!("../../.dockerignore").lines().filter_map(|line| line.strip_prefix('!')).collect();
    for source in commit::SOURCES {
        assert!(let_through.contains(&source), "{source}");
    }
}
