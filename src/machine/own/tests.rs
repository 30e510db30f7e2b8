use std::fs;
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::PathBuf;

use super::*;

/// A directory with a victim in it.
fn world() -> (tempfile::TempDir, Directory, PathBuf) {
    let root = tempfile::tempdir().expect("a directory");
    let victim = root.path().join("victim");
    fs::write(&victim, "mine").expect("written");
    let directory = Directory::own(root.path()).expect("ours");
    (root, directory, victim)
}

fn code<T>(done: io::Result<T>) -> Option<FileCode> {
    done.err().as_ref().and_then(refusal)
}

/// Prepared files get another owner where that is possible: as root.
fn give_away(path: &Path) -> bool {
    rustix::process::geteuid().is_root() && chown(path, Some(65_534), Some(65_534)).is_ok()
}

#[test]
fn what_is_made_is_new_and_its_owner_s_alone() {
    let (root, directory, victim) = world();
    let mut file = directory.create_new("new").expect("made");
    file.write_all(b"x").expect("written");
    assert_eq!(fs::metadata(root.path().join("new")).expect("there").permissions().mode() & 0o777, 0o600);
    symlink(&victim, root.path().join("link")).expect("a link");
    symlink(root.path().join("nowhere"), root.path().join("dangling")).expect("a link");
    for there in ["new", "victim", "link", "dangling"] {
        let kind = directory.create_new(there).err().map(|error| error.kind());
        assert_eq!(kind, Some(ErrorKind::AlreadyExists), "{there}");
    }
    assert!(!root.path().join("nowhere").exists());
    for odd in ["", ".", "..", "../x", "a/b", "/x", "x/"] {
        let kind = directory.create_new(odd).err().map(|error| error.kind());
        assert_eq!(kind, Some(ErrorKind::InvalidInput), "{odd:?}");
    }
}

#[test]
fn what_somebody_may_have_put_there_is_not_gone_on_with() {
    let (root, directory, victim) = world();
    let at = |name: &str| root.path().join(name);
    symlink(&victim, at("link")).expect("a link");
    symlink(at("nowhere"), at("dangling")).expect("a link");
    fs::create_dir(at("directory")).expect("made");
    rustix::fs::mknodat(rustix::fs::CWD, at("pipe"), FileType::Fifo, 0o600.into(), 0).expect("made");
    fs::write(at("other"), "").expect("written");
    fs::hard_link(at("other"), at("second")).expect("linked");
    for (name, wanted) in [
        ("link", FileCode::Linked),
        ("dangling", FileCode::Linked),
        ("second", FileCode::Linked),
        ("directory", FileCode::NotPlain),
        ("pipe", FileCode::NotPlain),
    ] {
        for access in [Access::Read, Access::Write, Access::Append] {
            assert_eq!(code(directory.open_own(name, access)), Some(wanted), "{name} {access:?}");
            assert_eq!(code(directory.open_or_create(name, access)), Some(wanted), "{name} {access:?}");
        }
        assert_eq!(code(directory.discard(name)), Some(wanted), "{name}");
    }
    assert!(directory.open_own("victim", Access::Write).is_ok());
    assert_eq!(fs::read_to_string(&victim).expect("there"), "mine");
    if give_away(&victim) {
        assert_eq!(code(directory.open_own("victim", Access::Write)), Some(FileCode::Foreign));
        assert_eq!(code(directory.discard("victim")), Some(FileCode::Foreign));
    }
}

#[test]
fn a_directory_where_anybody_may_replace_names_is_refused_and_a_sticky_one_is_not() {
    let (root, _, _) = world();
    let mode = |mode| fs::set_permissions(root.path(), fs::Permissions::from_mode(mode)).expect("a mode");
    mode(0o777);
    assert_eq!(code(Directory::open(root.path())), Some(FileCode::DirectoryOpen));
    for good in [0o1777, 0o755, 0o700, 0o775] {
        mode(good);
        assert!(Directory::open(root.path()).is_ok_and(|directory| directory.is_kept()), "{good:o}");
    }
    if give_away(root.path()) {
        assert_eq!(code(Directory::own(root.path())), Some(FileCode::DirectoryForeign));
        assert!(Directory::open(root.path()).is_ok_and(|directory| !directory.is_kept()));
    }
}

#[test]
fn a_name_is_given_taken_and_looked_at_within_the_directory() {
    let (root, directory, victim) = world();
    symlink(&victim, root.path().join("link")).expect("a link");
    let file = directory.open_or_create("a", Access::Append).expect("made");
    assert!(directory.is_at("a", &file).expect("looked"));
    assert_eq!(directory.rename_new("a", "link").err().map(|e| e.kind()), Some(ErrorKind::AlreadyExists));
    directory.rename("a", "link").expect("renamed");
    assert!(directory.is_at("link", &file).expect("looked") && !directory.is_at("a", &file).expect("looked"));
    assert_eq!(fs::read_to_string(&victim).expect("there"), "mine");
    assert_eq!(directory.kind("link").expect("looked"), Some(Kind::Plain));
    assert!(directory.discard("link").expect("ours") && !directory.remove("link").expect("gone"));
    directory.make_directory("below").expect("made").create_new("x").expect("made");
    assert!(root.path().join("below/x").exists());
    assert!(directory.make_directory("below").is_err());
}
