//! Small file systems of their own: one that fills up, one that turns read-only under open files. They need the right to
//! mount (root); elsewhere there are none, and the test says that it held nothing.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A mounted file system, taken down at the end.
pub struct Mounted {
    at: PathBuf,
    /// The file that holds it; none: it lives in memory.
    image: Option<PathBuf>,
}

impl Mounted {
    /// A file system in memory, over a directory whose files it takes on.
    pub fn memory(at: &Path, kib: u64) -> Option<Self> {
        let options = format!("size={kib}k,mode=700");
        Self::over(at, None, &["-t", "tmpfs", "-o", &options, "none"])
    }

    /// An ext4 in a file, over a directory whose files it takes on.
    pub fn image(at: &Path, image: &Path, mib: u64) -> Option<Self> {
        let file = fs::File::create(image).expect("a file");
        file.set_len(mib * 1024 * 1024).expect("a length");
        if !succeeds(Command::new("mkfs.ext4").arg("-q").arg(image)) {
            return None;
        }
        let path = image.to_str().expect("a path in UTF-8");
        Self::over(at, Some(image.to_owned()), &["-o", "loop", path])
    }

    fn over(at: &Path, image: Option<PathBuf>, mount: &[&str]) -> Option<Self> {
        let kept = tempfile::tempdir().expect("a directory");
        fs::create_dir_all(at).expect("a directory");
        copy(at, kept.path());
        if !succeeds(Command::new("mount").args(mount).arg(at)) {
            println!("skipped: no right to mount a small file system");
            return None;
        }
        let mounted = Self { at: at.to_owned(), image };
        let _ = fs::remove_dir(at.join("lost+found"));
        fs::set_permissions(at, std::os::unix::fs::PermissionsExt::from_mode(0o700)).expect("a mode");
        copy(kept.path(), at);
        Some(mounted)
    }

    /// Leaves this much room.
    pub fn fill(&self, leave_bytes: u64) {
        let mut filler = fs::File::create(self.at.join("filler")).expect("a file");
        let free = free_bytes(&self.at).saturating_sub(leave_bytes);
        let block = vec![1; 64 * 1024];
        let mut left = usize::try_from(free).expect("64 bits");
        while left > 0 {
            let part = left.min(block.len());
            if filler.write_all(&block[..part]).is_err() {
                break;
            }
            left -= part;
        }
        // The last byte of the last page, where nothing is to be left.
        while leave_bytes == 0 && filler.write_all(&[1]).is_ok() {}
    }

    /// Gives the room back.
    pub fn empty(&self) {
        fs::remove_file(self.at.join("filler")).expect("room");
    }

    /// What ext4 does by itself when its disk fails: it is read-only from here on, whoever has files open.
    pub fn abort(&self) {
        assert!(succeeds(Command::new("mount").args(["-o", "remount,abort"]).arg(&self.at)), "aborted");
    }

    /// Nothing may be written there from here on, or again.
    pub fn read_only(&self, is_read_only: bool) {
        let mode = if is_read_only { "remount,ro" } else { "remount,rw" };
        assert!(succeeds(Command::new("mount").args(["-o", mode]).arg(&self.at)), "mounted otherwise");
    }

    /// What an operator does then: unmounts, repairs, mounts again.
    pub fn repair(&self) {
        let image = self.image.as_ref().expect("an image");
        assert!(succeeds(Command::new("umount").arg(&self.at)), "something still holds it");
        // 1: it mended something, as it should.
        let checked = Command::new("e2fsck").args(["-f", "-y"]).arg(image).output().expect("e2fsck");
        assert!(checked.status.code().is_some_and(|code| code <= 1), "{checked:?}");
        assert!(
            succeeds(Command::new("mount").args(["-o", "loop"]).arg(image).arg(&self.at)),
            "mounted again"
        );
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.at).output();
    }
}

fn succeeds(command: &mut Command) -> bool {
    command.output().is_ok_and(|done| done.status.success())
}

fn copy(from: &Path, to: &Path) {
    let done = Command::new("cp").arg("-a").arg(from.join(".")).arg(to).status();
    assert!(done.is_ok_and(|status| status.success()), "copied");
}

fn free_bytes(path: &Path) -> u64 {
    let stat = rustix::fs::statvfs(path).expect("a file system");
    stat.f_bavail * stat.f_frsize
}
