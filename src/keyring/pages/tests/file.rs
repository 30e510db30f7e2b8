//! The same in a file.

use std::fs::{self, File};
use std::path::Path;
use std::process::Command;

use super::*;

fn open_file(path: &Path) -> FileDisk {
    FileDisk::of(File::options().read(true).write(true).open(path).expect("opens"))
}

fn made(path: &Path) -> Pages<FileDisk> {
    let file = File::options().read(true).write(true).create_new(true).open(path).expect("made");
    let keys = BTreeMap::from([(KeyName::Seen, Key::new([4; 32]))]);
    Pages::create(FileDisk::of(file), roots(1), InstanceId([7; 16]), keys, 3, random(1)).expect("created")
}

#[test]
fn a_file_is_whole_pages_written_ahead_and_opens_to_what_it_was() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("keyring");
    let pages = made(&path);
    assert_eq!(pages.last_change(), 3, "it goes on counting where the one before ended");
    let bytes = || fs::metadata(&path).expect("there").len();
    assert_eq!(bytes(), (2 + u64::from(PAGES_AHEAD)) * PAGE_BYTES as u64);
    use std::os::unix::fs::MetadataExt;
    assert!(
        fs::metadata(&path).expect("there").blocks() * 512 >= bytes(),
        "no holes: a change needs no room"
    );
    pages.change(&making(0..40)).expect("made");
    pages.change(&erasing(5, 5)).expect("erased");
    let before = told(&pages);
    drop(pages);
    let pages = Pages::open(open_file(&path), roots(1), random(2)).expect("opens");
    assert!(told(&pages) == before);
    drop(pages);
    // A growth that was cut short in the middle of a page.
    let file = File::options().append(true).open(&path).expect("opens");
    std::io::Write::write_all(&mut &file, &[0; 5_000]).expect("written");
    let pages = Pages::open(open_file(&path), roots(1), random(2)).expect("opens");
    pages.change(&erasing(5, 6)).expect("erased");
    assert!(pages.first_live(&bucket(5), 5) == Some(7));
}

/// The child of the test below.
#[test]
fn one_erasure_for_strace() {
    let Some(path) =
        std::env::args().find_map(|argument| argument.strip_prefix("--skip=at:").map(str::to_owned))
    else {
        return;
    };
    let pages = Pages::open(open_file(Path::new(&path)), roots(1), random(2)).expect("opens");
    pages.change(&erasing(1, 5)).expect("erased");
}

/// What the kernel is asked, in its order: the old page is zeros before the answer.
#[test]
fn an_erasure_asks_the_kernel_for_two_pages_a_sync_two_pages_of_zeros_and_a_sync() {
    let installed = Command::new("strace").arg("-V").output().is_ok_and(|ran| ran.status.success());
    if !installed {
        #[expect(
            clippy::disallowed_methods,
            reason = "a test's own environment: in CI a missing strace is a failure"
        )]
        let in_ci = std::env::var_os("CI").is_some();
        assert!(!in_ci, "CI brings strace");
        println!("skipped: strace is not installed");
        return;
    }
    let directory = tempfile::tempdir().expect("a directory");
    let (path, log) = (directory.path().join("keyring"), directory.path().join("log"));
    made(&path).change(&making(0..3)).expect("made");
    let this = std::env::current_exe().expect("a name");
    let status = Command::new("strace")
        .args(["-f", "-y", "-s", "16", "-e", "trace=pwrite64,fdatasync,fsync,write,ftruncate", "-o"])
        .arg(&log)
        .arg(this)
        .args(["--exact", "keyring::pages::tests::file::one_erasure_for_strace"])
        .arg(format!("--skip=at:{}", path.display()))
        .output()
        .expect("runs");
    assert!(status.status.success());
    let log = fs::read_to_string(log).expect("a log");
    let name = format!("{}>", path.display());
    let steps: Vec<&str> = log
        .lines()
        .filter(|line| line.contains(&name))
        .map(|line| match line {
            line if line.contains("fdatasync(") => "sync",
            line if line.contains("pwrite64(")
                && line.contains("\"TAMISKY2")
                && line.contains(", 16384, ") =>
            {
                "page"
            }
            line if line.contains("pwrite64(") && line.contains("\"\\0\\0\\0\\0\\0\\0\\0\\0") => "zeros",
            other => panic!("what is it? {other}"),
        })
        .collect();
    assert_eq!(steps, ["sync", "page", "page", "sync", "zeros", "zeros", "sync"], "{log}");
}
