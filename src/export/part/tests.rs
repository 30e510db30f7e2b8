use std::fs::{hard_link, metadata, read_to_string, remove_file, write};
use std::os::unix::fs::{chown, symlink};

use super::*;

fn what() -> ExportCommand {
    ExportCommand {
        purpose: "devis".to_owned(),
        format: "csv".to_owned(),
        dialect: None,
        test: "exclude".to_owned(),
        recipient: None,
        after: None,
        by_state: false,
    }
}

const LEFT_OUT: LeftOut = LeftOut { tests: 3, expired: 2, restricted: 4, others: 1 };

fn mode(path: &Path) -> u32 {
    metadata(path).expect("a file").permissions().mode() & 0o777
}

#[test]
fn a_part_goes_on_where_its_cursor_says_and_becomes_the_file() {
    let directory = tempfile::tempdir().expect("a directory");
    let target = directory.path().join("devis.csv");
    let (mut part, reached) = Part::open(&target, what(), false).expect("a new part");
    assert_eq!(reached, None);
    part.write(b"id\r\n1\r\n").expect("written");
    part.commit("devis-1-1", 1, LEFT_OUT).expect("committed");
    part.write(b"half a pa").expect("written");
    drop(part);
    assert_eq!(mode(&beside(&target, ".part")), 0o600);
    assert_eq!(mode(&beside(&target, ".cursor")), 0o600);

    let (mut part, reached) = Part::open(&target, what(), false).expect("the same part");
    assert_eq!(
        reached,
        Some(Reached { cursor: "devis-1-1".to_owned(), bytes: 7, records: 1, left_out: LEFT_OUT })
    );
    assert_eq!(part.first_line().expect("a line").as_deref(), Some(&b"id\r\n"[..]));
    part.write(b"2\r\n").expect("written");
    part.commit("devis-1-2", 2, LEFT_OUT).expect("committed");
    part.finish().expect("finished");
    assert_eq!(read_to_string(&target).expect("the file"), "id\r\n1\r\n2\r\n");
    assert_eq!(mode(&target), 0o600);
    let left = std::fs::read_dir(directory.path()).expect("a directory").count();
    assert_eq!(left, 1);
}

#[test]
fn a_file_is_never_replaced_unasked() {
    let directory = tempfile::tempdir().expect("a directory");
    let target = directory.path().join("devis.csv");
    write(&target, "mine").expect("written");
    assert!(Part::open(&target, what(), false).is_err());
    let (mut part, _) = Part::open(&target, what(), true).expect("a part");
    part.write(b"new").expect("written");
    part.finish().expect("finished");
    assert_eq!(read_to_string(&target).expect("the file"), "new");
    // It may also appear while the export runs.
    let other = directory.path().join("other.csv");
    let (mut part, _) = Part::open(&other, what(), false).expect("a part");
    part.write(b"new").expect("written");
    part.commit("devis-1-1", 1, LEFT_OUT).expect("committed");
    write(&other, "mine").expect("written");
    assert!(part.finish().is_err());
    assert_eq!(read_to_string(&other).expect("the file"), "mine");
}

#[test]
fn two_exports_do_not_write_one_part_and_a_part_without_a_page_is_dropped() {
    let directory = tempfile::tempdir().expect("a directory");
    let target = directory.path().join("devis.csv");
    let (first, _) = Part::open(&target, what(), false).expect("a part");
    assert!(Part::open(&target, what(), false).is_err());
    drop(first);
    assert!(!beside(&target, ".part").exists());
}

#[test]
fn a_cursor_that_does_not_fit_is_refused_and_nothing_is_lost() {
    let directory = tempfile::tempdir().expect("a directory");
    let target = directory.path().join("devis.csv");
    let (mut part, _) = Part::open(&target, what(), false).expect("a part");
    part.write(b"id\r\n1\r\n").expect("written");
    part.commit("devis-1-1", 1, LEFT_OUT).expect("committed");
    drop(part);
    let other = ExportCommand { format: "ndjson".to_owned(), ..what() };
    assert!(Part::open(&target, other, false).is_err());
    let part = beside(&target, ".part");
    assert_eq!(read_to_string(&part).expect("the part"), "id\r\n1\r\n");
    write(&part, "id").expect("written");
    assert!(Part::open(&target, what(), false).is_err());
    write(beside(&target, ".cursor"), "{").expect("written");
    assert!(Part::open(&target, what(), false).is_err());
}

#[test]
fn a_cursor_that_outlived_its_part_begins_anew() {
    let directory = tempfile::tempdir().expect("a directory");
    let target = directory.path().join("devis.csv");
    let (mut part, _) = Part::open(&target, what(), false).expect("a part");
    part.write(b"id\r\n1\r\n").expect("written");
    part.commit("devis-1-1", 1, LEFT_OUT).expect("committed");
    drop(part);
    remove_file(beside(&target, ".part")).expect("removed");
    let (_, reached) = Part::open(&target, what(), false).expect("a new part");
    assert_eq!(reached, None);
}

/// What another user may have prepared in a directory that is not ours alone.
struct Trap {
    name: &'static str,
    lay: fn(&Path, &Path),
    code: FileCode,
}

/// Links lead to the victim, or to nowhere.
const TRAPS: [Trap; 8] = [
    Trap { name: ".part", lay: |at, victim| symlink(victim, at).expect("a link"), code: FileCode::Linked },
    Trap { name: ".part", lay: |at, victim| hard_link(victim, at).expect("a link"), code: FileCode::Linked },
    Trap { name: ".part", lay: |at, _| std::fs::create_dir(at).expect("made"), code: FileCode::NotPlain },
    Trap { name: ".part", lay: |at, _| symlink("nowhere", at).expect("a link"), code: FileCode::Linked },
    Trap { name: ".cursor", lay: |at, victim| symlink(victim, at).expect("a link"), code: FileCode::Linked },
    Trap {
        name: ".cursor.new",
        lay: |at, victim| symlink(victim, at).expect("a link"),
        code: FileCode::Linked,
    },
    Trap {
        name: ".cursor.new",
        lay: |at, victim| hard_link(victim, at).expect("a link"),
        code: FileCode::Linked,
    },
    Trap {
        name: ".cursor.new",
        lay: |at, _| symlink("nowhere", at).expect("a link"),
        code: FileCode::Linked,
    },
];

/// An export of one page, and how it is refused.
fn refusal(target: &Path, overwrite: bool) -> Option<String> {
    let export = || {
        let (mut part, _) = Part::open(target, what(), overwrite)?;
        part.write(b"canary")?;
        part.commit("devis-1-1", 1, LEFT_OUT)?;
        part.finish()
    };
    export().err().map(|failure| failure.to_string())
}

#[test]
fn a_trap_beside_the_export_is_refused_and_its_victim_is_untouched() {
    for Trap { name, lay, code } in TRAPS {
        let directory = tempfile::tempdir().expect("a directory");
        let victim = directory.path().join("victim");
        write(&victim, "the victim's").expect("written");
        let target = directory.path().join("devis.csv");
        lay(&beside(&target, name), &victim);
        let told = refusal(&target, false).unwrap_or_else(|| panic!("{name}: written"));
        assert!(told.contains(code.as_str()), "{name}: {told}");
        assert_eq!(read_to_string(&victim).expect("there"), "the victim's", "{name}");
        assert!(!target.exists() && !directory.path().join("nowhere").exists(), "{name}");
    }
}

#[test]
fn a_part_or_cursor_of_another_user_is_refused_and_gets_nothing() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    for name in [".part", ".cursor", ".cursor.new"] {
        let directory = tempfile::tempdir().expect("a directory");
        let target = directory.path().join("devis.csv");
        let planted = beside(&target, name);
        write(&planted, "theirs").expect("written");
        chown(&planted, Some(65_534), Some(65_534)).expect("given away");
        let told = refusal(&target, false).unwrap_or_else(|| panic!("{name}: written"));
        assert!(told.contains("file-foreign"), "{name}: {told}");
        assert_eq!(read_to_string(&planted).expect("there"), "theirs", "{name}");
    }
}

#[test]
fn a_link_or_device_as_the_target_is_never_replaced_and_a_link_never_followed() {
    let directory = tempfile::tempdir().expect("a directory");
    let victim = directory.path().join("victim");
    write(&victim, "the victim's").expect("written");
    for leads_to in [victim.as_path(), Path::new("nowhere")] {
        let target = directory.path().join("devis.csv");
        symlink(leads_to, &target).expect("a link");
        assert!(refusal(&target, false).is_some_and(|told| told.contains("--overwrite")));
        assert!(refusal(&target, true).is_some_and(|told| told.contains("file-not-plain")));
        assert!(target.is_symlink());
        remove_file(&target).expect("removed");
    }
    assert_eq!(read_to_string(&victim).expect("there"), "the victim's");
    // A second name of the victim's file goes, its first one stays what it is.
    let target = directory.path().join("second.csv");
    hard_link(&victim, &target).expect("a link");
    assert_eq!(refusal(&target, true), None);
    assert_eq!(read_to_string(&victim).expect("there"), "the victim's");
    assert_eq!(read_to_string(&target).expect("there"), "canary");
}

#[test]
fn nothing_is_written_where_anybody_may_replace_it() {
    let directory = tempfile::tempdir().expect("a directory");
    let mode =
        |mode| std::fs::set_permissions(directory.path(), Permissions::from_mode(mode)).expect("a mode");
    mode(0o777);
    let target = directory.path().join("devis.csv");
    assert!(refusal(&target, false).is_some_and(|told| told.contains("directory-open")));
    assert_eq!(std::fs::read_dir(directory.path()).expect("a directory").count(), 0);
    mode(0o1777);
    assert_eq!(refusal(&target, false), None);
}

#[test]
fn a_part_that_was_exchanged_meanwhile_does_not_get_the_name() {
    let directory = tempfile::tempdir().expect("a directory");
    let target = directory.path().join("devis.csv");
    let (mut part, _) = Part::open(&target, what(), false).expect("a part");
    part.write(b"mine").expect("written");
    part.commit("devis-1-1", 1, LEFT_OUT).expect("committed");
    remove_file(beside(&target, ".part")).expect("removed");
    write(beside(&target, ".part"), "forged").expect("written");
    assert!(part.finish().is_err());
    assert!(!target.exists());
}
