//! Whose a file is, and who else could put another in its place: a secret that a stranger owns is the stranger's to change,
//! and so is one below a directory that strangers may write.
//!
//! Trusted are root and the user that runs tamis, and of groups root's and that user's own. A sticky directory (as `/tmp`)
//! lets nobody take away what is not theirs, so it may lie on the way; it cannot be where tamis keeps its own files.

use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{self, Path};

const ROOT: u32 = 0;
const STICKY: u32 = 0o1000;
const GROUP_WRITES: u32 = 0o020;
const OTHERS_WRITE: u32 = 0o002;

/// Who is trusted beside root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owners {
    /// None: it is not known here, and no owner is held against a file.
    user: Option<u32>,
    group: Option<u32>,
}

/// What is wrong with a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Harm {
    /// It, or a directory above it, belongs to somebody else.
    ForeignOwner,
    /// Others may write it.
    Writable,
    /// Others may write a directory above it, and so put another in its place.
    WayWritable,
}

impl Owners {
    /// The user and the group of this process.
    pub fn of_this_process() -> Self {
        let (user, group) = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
        Self { user: Some(user), group: Some(group) }
    }

    /// The same, but where root looks on the daemon's behalf: whoever owns these, which are the daemon's own; root itself
    /// only if nobody else does. Where none of them exists the daemon's user is not known.
    pub fn of_daemon<'p>(its_own: impl IntoIterator<Item = &'p Path>) -> Self {
        let own = Self::of_this_process();
        if own.user != Some(ROOT) {
            return own;
        }
        let found: Vec<Metadata> = its_own.into_iter().filter_map(|path| fs::metadata(path).ok()).collect();
        let daemon = found.iter().find(|found| found.uid() != ROOT).or(found.first());
        Self { user: daemon.map(MetadataExt::uid), group: daemon.map(MetadataExt::gid) }
    }

    /// Looks at a file and all directories above it; where it is a link, at what it names as well.
    ///
    /// # Errors
    /// It cannot be looked at.
    pub fn look_at_file(&self, path: &Path) -> io::Result<Option<Harm>> {
        let (path, named) = (path::absolute(path)?, fs::canonicalize(path)?);
        for file in [path, named] {
            if let Some(harm) = self.judge(&fs::symlink_metadata(&file)?, Harm::Writable) {
                return Ok(Some(harm));
            }
            let way = file.parent().map_or(Ok(None), |directory| self.look_at_way(directory))?;
            if way.is_some() {
                return Ok(way);
            }
        }
        Ok(None)
    }

    /// Looks at a directory in which tamis makes files, and all above it. Others may make none beside them, also where it
    /// is sticky.
    ///
    /// # Errors
    /// It cannot be looked at.
    pub fn look_at_own_directory(&self, path: &Path) -> io::Result<Option<Harm>> {
        match self.judge(&fs::metadata(path)?, Harm::Writable) {
            Some(harm) => Ok(Some(harm)),
            None => self.look_at_way(path),
        }
    }

    /// Looks at a directory through which something is reached, and all above it; links on the way included.
    ///
    /// # Errors
    /// It cannot be looked at.
    pub fn look_at_way(&self, directory: &Path) -> io::Result<Option<Harm>> {
        let (directory, named) = (path::absolute(directory)?, fs::canonicalize(directory)?);
        for step in directory.ancestors().chain(named.ancestors()) {
            let found = fs::symlink_metadata(step)?;
            let is_sticky = found.is_dir() && found.mode() & STICKY != 0;
            match self.judge(&found, Harm::WayWritable) {
                Some(Harm::WayWritable) if is_sticky => {}
                Some(harm) => return Ok(Some(harm)),
                None => {}
            }
        }
        Ok(None)
    }

    /// True if others than the daemon and its own group may enter a directory.
    ///
    /// # Errors
    /// It cannot be looked at.
    pub fn lets_others_in(&self, directory: &Path) -> io::Result<bool> {
        const GROUP_ENTERS: u32 = 0o010;
        const OTHERS_ENTER: u32 = 0o001;
        let found = fs::metadata(directory)?;
        Ok(found.mode() & OTHERS_ENTER != 0
            || (found.mode() & GROUP_ENTERS != 0 && !self.is_own_group(&found)))
    }

    fn judge(&self, found: &Metadata, writable: Harm) -> Option<Harm> {
        if self.user.is_some_and(|user| ![ROOT, user].contains(&found.uid())) {
            return Some(Harm::ForeignOwner);
        }
        let by_group = found.mode() & GROUP_WRITES != 0 && !self.is_own_group(found);
        // A link has no mode of its own.
        let is_writable = !found.is_symlink() && (found.mode() & OTHERS_WRITE != 0 || by_group);
        is_writable.then_some(writable)
    }

    fn is_own_group(&self, found: &Metadata) -> bool {
        found.gid() == ROOT || self.group == Some(found.gid())
    }
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn mode(path: &Path, mode: u32) {
        fs::set_permissions(path, Permissions::from_mode(mode)).expect("a mode");
    }

    /// `one/two/file` below a directory of ours alone.
    fn place() -> (tempfile::TempDir, std::path::PathBuf) {
        let directory = tempfile::tempdir().expect("a directory");
        let file = directory.path().join("one/two/file");
        fs::create_dir_all(directory.path().join("one/two")).expect("made");
        fs::write(&file, "x").expect("written");
        for (name, bits) in [("one", 0o755), ("one/two", 0o755), ("one/two/file", 0o600)] {
            mode(&directory.path().join(name), bits);
        }
        (directory, file)
    }

    #[test]
    fn others_may_write_neither_the_file_nor_a_directory_above_it() {
        let (directory, file) = place();
        let owners = Owners::of_this_process();
        let look = || owners.look_at_file(&file).expect("looked at");
        assert_eq!(look(), None);
        mode(&file, 0o602);
        assert_eq!(look(), Some(Harm::Writable));
        mode(&file, 0o600);
        for name in ["one", "one/two"] {
            mode(&directory.path().join(name), 0o757);
            assert_eq!(look(), Some(Harm::WayWritable), "{name}");
            mode(&directory.path().join(name), 0o1777);
            assert_eq!(look(), None, "sticky: nobody takes away what is not theirs");
            mode(&directory.path().join(name), 0o755);
        }
        let way = directory.path().join("one");
        mode(&way, 0o1777);
        assert_eq!(owners.look_at_own_directory(&way).expect("looked at"), Some(Harm::Writable));
        assert_eq!(owners.look_at_way(&way).expect("looked at"), None);
    }

    #[test]
    fn a_strangers_group_that_may_write_is_others_and_the_own_one_is_not() {
        let (directory, file) = place();
        mode(&directory.path().join("one/two"), 0o775);
        let gid = fs::metadata(directory.path()).expect("there").gid();
        let own = Owners { group: Some(gid), ..Owners::of_this_process() };
        assert_eq!(own.look_at_file(&file).expect("looked at"), None);
        if gid != ROOT {
            let other = Owners { group: Some(gid + 1), ..own };
            assert_eq!(other.look_at_file(&file).expect("looked at"), Some(Harm::WayWritable));
        }
    }

    #[test]
    fn an_owner_who_is_neither_root_nor_the_daemon_is_a_stranger() {
        let (_directory, file) = place();
        let (mine, all) = (fs::metadata(&file).expect("there").uid(), Owners { user: None, group: None });
        let stranger = Owners { user: Some(mine + 1), group: None };
        let expected = (mine != ROOT).then_some(Harm::ForeignOwner);
        assert_eq!(stranger.look_at_file(&file).expect("looked at"), expected);
        assert_eq!(all.look_at_file(&file).expect("looked at"), None, "not known here");
    }

    #[test]
    fn what_a_link_names_is_looked_at_with_all_above_it() {
        let (directory, file) = place();
        let link = directory.path().join("link");
        std::os::unix::fs::symlink(&file, &link).expect("a link");
        let owners = Owners::of_this_process();
        assert_eq!(owners.look_at_file(&link).expect("looked at"), None);
        mode(&directory.path().join("one"), 0o777);
        assert_eq!(owners.look_at_file(&link).expect("looked at"), Some(Harm::WayWritable));
    }

    #[test]
    fn who_may_enter_is_read_from_the_mode() {
        let directory = tempfile::tempdir().expect("a directory");
        let owners = Owners::of_this_process();
        for (bits, others) in [(0o700, false), (0o701, true), (0o755, true)] {
            mode(directory.path(), bits);
            assert_eq!(owners.lets_others_in(directory.path()).expect("looked at"), others, "{bits:o}");
        }
    }
}
