//! Of which commit a tree is. Shared by build.rs and the test that holds it (tests/it/version.rs).

use std::path::{Path, PathBuf};
use std::process::Command;

/// So many digits of a commit are shown: enough for any repository of this size, and to be read aloud.
pub const SHOWN: usize = 12;

/// `git archive` puts the commit here (.gitattributes).
const ARCHIVED: &str = "build/archived";

/// What a binary is made of: a change elsewhere makes no other binary.
pub const SOURCES: [&str; 8] =
    ["Cargo.toml", "Cargo.lock", "build.rs", "build", "config", "docs/codes.md", "simulator", "src"];

/// The commit of the tree at `root`, as it is shown: what the builder gave, else what an archive says, else what git
/// says of a clone, with `changed` where the sources are not those of the commit. None: nobody knows.
///
/// # Errors
/// What was given is no commit.
pub fn of(root: &Path, given: Option<&str>) -> Result<Option<String>, &'static str> {
    if let Some(given) = given.map(str::trim).filter(|given| !given.is_empty()) {
        return short(given).map(Some).ok_or("TAMIS_COMMIT is not 12 to 64 lower-case hexadecimal digits");
    }
    let archived = std::fs::read_to_string(root.join(ARCHIVED)).unwrap_or_default();
    if let Some(commit) = short(archived.trim()) {
        return Ok(Some(commit));
    }
    Ok(of_clone(root))
}

/// What changes when another commit is checked out.
pub fn watched(root: &Path) -> Vec<PathBuf> {
    let path = |name: &str| git(root, &["rev-parse", "--git-path", name]).map(|path| root.join(path));
    ["HEAD", "logs/HEAD", "packed-refs"]
        .iter()
        .filter_map(|name| path(name))
        .filter(|path| path.exists())
        .collect()
}

fn of_clone(root: &Path) -> Option<String> {
    // A tree that lies within somebody else's repository is not of that one's commit.
    if !git(root, &["rev-parse", "--show-cdup"])?.is_empty() {
        return None;
    }
    let commit = short(&git(root, &["rev-parse", "--verify", "HEAD"])?)?;
    let status = ["--no-optional-locks", "status", "--porcelain", "--untracked-files=no", "--"];
    let changes = git(root, &[&status[..], &SOURCES].concat())?;
    Some(if changes.is_empty() { commit } else { format!("{commit}, changed") })
}

fn short(commit: &str) -> Option<String> {
    let hex = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
    ((SHOWN..=64).contains(&commit.len()) && commit.chars().all(hex)).then(|| commit[..SHOWN].to_owned())
}

/// What git says of this directory, whatever repository the environment names. None: no git, no repository, a refusal.
fn git(root: &Path, arguments: &[&str]) -> Option<String> {
    let mut command = Command::new("git");
    for variable in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_COMMON_DIR"] {
        command.env_remove(variable);
    }
    let told = command.arg("-C").arg(root).args(arguments).output().ok()?;
    told.status.success().then(|| String::from_utf8_lossy(&told.stdout).trim().to_owned())
}
