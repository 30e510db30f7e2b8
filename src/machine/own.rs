//! Files of our own, in a directory where others may write too.
//!
//! A directory is opened once, and what is done in it is done by names of one component relative to that handle
//! (openat(2), renameat(2), unlinkat(2)), so that nobody can put another directory in its place meanwhile. What is made is
//! new or is not made; a link is never followed. What was there before is gone on with only if it is a plain file of ours
//! with one name: whoever owns a file reads what is written into it, and behind a second name lies somebody's other file.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, ErrorKind};
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path};

use rustix::fs::{AtFlags, FileType, Mode, OFlags, RenameFlags};
use rustix::io::Errno;

use crate::machine::disk::directory_of;

crate::codes! {
    /// Why a file or a directory is not used.
    pub enum FileCode {
        /// Another user owns the file.
        Foreign = "file-foreign",
        /// Its path is a link, or it has a second name.
        Linked = "file-linked",
        /// What is there is no file: a directory, a pipe, a device, a socket.
        NotPlain = "file-not-plain",
        /// Anybody may rename and remove what lies in the directory: all may write, and it has no sticky bit.
        DirectoryOpen = "directory-open",
        /// Another user owns the directory.
        DirectoryForeign = "directory-foreign",
    }
}

impl FileCode {
    /// For a person, after the path.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::Foreign => "it belongs to another user, who would read what is written",
            Self::Linked => "it is a link, or the file has a second name",
            Self::NotPlain => "what is there is no plain file",
            Self::DirectoryOpen => {
                "anybody may replace what lies in its directory (mode o+w without the sticky bit)"
            }
            Self::DirectoryForeign => "its directory belongs to another user",
        }
    }
}

#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Refused(FileCode);

/// The code of a refusal of ours; none: the system failed.
pub fn refusal(error: &io::Error) -> Option<FileCode> {
    error.get_ref()?.downcast_ref::<Refused>().map(|refused| refused.0)
}

fn refuse(code: FileCode) -> io::Error {
    io::Error::new(ErrorKind::PermissionDenied, Refused(code))
}

/// What a file that is there is opened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Reading.
    Read,
    /// Reading and writing, anywhere in it.
    Write,
    /// Writing at its end.
    Append,
}

impl Access {
    fn flags(self) -> OFlags {
        match self {
            Self::Read => OFlags::RDONLY,
            Self::Write => OFlags::RDWR,
            Self::Append => OFlags::WRONLY | OFlags::APPEND,
        }
    }
}

/// What stands at a name; links are not followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A file.
    Plain,
    /// A socket.
    Socket,
    /// A link, a directory, a pipe, a device.
    Other,
}

/// No name is looked up again more often because somebody makes and removes it meanwhile.
const TRIES: u32 = 3;

/// An open directory.
pub struct Directory {
    handle: File,
    kept: bool,
}

impl Directory {
    /// Opens a directory, whoever owns it.
    ///
    /// # Errors
    /// [`FileCode::DirectoryOpen`]; otherwise what the system says.
    pub fn open(path: &Path) -> io::Result<Self> {
        let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
        Self::holding(rustix::fs::open(
            path,
            OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC,
            Mode::empty(),
        )?)
    }

    /// Opens a directory that must be this user's, or root's.
    ///
    /// # Errors
    /// [`FileCode::DirectoryOpen`], [`FileCode::DirectoryForeign`]; otherwise what the system says.
    pub fn own(path: &Path) -> io::Result<Self> {
        let directory = Self::open(path)?;
        if !is_ours(directory.handle.metadata()?.uid()) {
            return Err(refuse(FileCode::DirectoryForeign));
        }
        Ok(directory)
    }

    /// [`Directory::own`] of a file's path, and the file's name in it.
    ///
    /// # Errors
    /// The same.
    pub fn own_of(file: &Path) -> io::Result<(Self, OsString)> {
        Ok((Self::own(directory_of(file))?, name_of(file)?))
    }

    fn holding(handle: impl Into<File>) -> io::Result<Self> {
        let handle: File = handle.into();
        let found = handle.metadata()?;
        let (mode, sticky) = (found.mode(), found.mode() & 0o1000 != 0);
        if mode & 0o002 != 0 && !sticky {
            return Err(refuse(FileCode::DirectoryOpen));
        }
        // A user's own group has nobody else in it on most systems.
        let own_group = found.gid() == rustix::process::getegid().as_raw();
        let kept = is_ours(found.uid()) && (sticky || mode & 0o020 == 0 || own_group);
        Ok(Self { handle, kept })
    }

    /// True if nobody but this user and root can replace or remove a file of ours in it.
    pub fn is_kept(&self) -> bool {
        self.kept
    }

    /// Makes a file that was not there, for its owner alone.
    ///
    /// # Errors
    /// [`ErrorKind::AlreadyExists`], also where there is a link, to wherever; otherwise what the system says.
    pub fn create_new(&self, name: impl AsRef<OsStr>) -> io::Result<File> {
        let name = one(name.as_ref())?;
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        Ok(rustix::fs::openat(&self.handle, name, flags, Mode::RUSR | Mode::WUSR)?.into())
    }

    /// Opens a file that is there.
    ///
    /// # Errors
    /// [`FileCode`]; otherwise what the system says.
    pub fn open_own(&self, name: impl AsRef<OsStr>, access: Access) -> io::Result<File> {
        let name = one(name.as_ref())?;
        // Opening a pipe would wait for its other end.
        let flags = access.flags() | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let opened = rustix::fs::openat(&self.handle, name, flags, Mode::empty());
        let file: File = opened.map_err(not_followed)?.into();
        let found = file.metadata()?;
        if !found.is_file() {
            return Err(refuse(FileCode::NotPlain));
        }
        if found.nlink() > 1 {
            return Err(refuse(FileCode::Linked));
        }
        if !is_ours(found.uid()) {
            return Err(refuse(FileCode::Foreign));
        }
        Ok(file)
    }

    /// Opens a file that is there, or makes it.
    ///
    /// # Errors
    /// As [`Directory::open_own`].
    pub fn open_or_create(&self, name: impl AsRef<OsStr>, access: Access) -> io::Result<File> {
        let name = name.as_ref();
        for _ in 0..TRIES {
            match self.open_own(name, access) {
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                opened => return opened,
            }
            match self.create_new(name) {
                // It was made meanwhile.
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                // Made for reading and writing: at its end, where that was asked for.
                Ok(made) if access == Access::Append => {
                    drop(made);
                }
                made => return made,
            }
        }
        match self.open_own(name, access) {
            Err(error) if error.kind() == ErrorKind::NotFound => Err(ErrorKind::AlreadyExists.into()),
            opened => opened,
        }
    }

    /// Makes a directory that was not there, for its owner alone, and opens it.
    ///
    /// # Errors
    /// As [`Directory::create_new`] and [`Directory::own`].
    pub fn make_directory(&self, name: impl AsRef<OsStr>) -> io::Result<Self> {
        let name = one(name.as_ref())?;
        rustix::fs::mkdirat(&self.handle, name, Mode::RWXU)?;
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let made = Self::holding(
            rustix::fs::openat(&self.handle, name, flags, Mode::empty()).map_err(not_followed)?,
        )?;
        if !is_ours(made.handle.metadata()?.uid()) {
            return Err(refuse(FileCode::DirectoryForeign));
        }
        Ok(made)
    }

    /// What stands at a name; none: nothing.
    ///
    /// # Errors
    /// What the system says.
    pub fn kind(&self, name: impl AsRef<OsStr>) -> io::Result<Option<Kind>> {
        match rustix::fs::statat(&self.handle, one(name.as_ref())?, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(found) => Ok(Some(match FileType::from_raw_mode(found.st_mode) {
                FileType::RegularFile => Kind::Plain,
                FileType::Socket => Kind::Socket,
                _ => Kind::Other,
            })),
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// True if the name still is this file's: nobody put another in its place.
    ///
    /// # Errors
    /// What the system says.
    pub fn is_at(&self, name: impl AsRef<OsStr>, file: &File) -> io::Result<bool> {
        let here = rustix::fs::fstat(file)?;
        match rustix::fs::statat(&self.handle, one(name.as_ref())?, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(there) => Ok((here.st_dev, here.st_ino) == (there.st_dev, there.st_ino)),
            Err(Errno::NOENT) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Gives a file of this directory another name in it. What had that name has it no more; a link is replaced, not
    /// followed.
    ///
    /// # Errors
    /// What the system says.
    pub fn rename(&self, from: impl AsRef<OsStr>, to: impl AsRef<OsStr>) -> io::Result<()> {
        let (from, to) = (one(from.as_ref())?, one(to.as_ref())?);
        Ok(rustix::fs::renameat(&self.handle, from, &self.handle, to)?)
    }

    /// The same, if nothing has that name. Where the file system cannot promise that, a look before has to do.
    ///
    /// # Errors
    /// [`ErrorKind::AlreadyExists`]; otherwise what the system says.
    pub fn rename_new(&self, from: impl AsRef<OsStr>, to: impl AsRef<OsStr>) -> io::Result<()> {
        let (from, to) = (one(from.as_ref())?, one(to.as_ref())?);
        match rustix::fs::renameat_with(&self.handle, from, &self.handle, to, RenameFlags::NOREPLACE) {
            Err(Errno::INVAL | Errno::NOSYS) if self.kind(to)?.is_some() => {
                Err(ErrorKind::AlreadyExists.into())
            }
            Err(Errno::INVAL | Errno::NOSYS) => self.rename(from, to),
            renamed => Ok(renamed?),
        }
    }

    /// Moves a file or directory of this directory into another of the same file system, if nothing has that name there.
    ///
    /// # Errors
    /// [`ErrorKind::AlreadyExists`]; otherwise what the system says.
    pub fn move_new(&self, from: impl AsRef<OsStr>, other: &Self, to: impl AsRef<OsStr>) -> io::Result<()> {
        let (from, to) = (one(from.as_ref())?, one(to.as_ref())?);
        match rustix::fs::renameat_with(&self.handle, from, &other.handle, to, RenameFlags::NOREPLACE) {
            Err(Errno::INVAL | Errno::NOSYS) if other.kind(to)?.is_some() => {
                Err(ErrorKind::AlreadyExists.into())
            }
            Err(Errno::INVAL | Errno::NOSYS) => {
                Ok(rustix::fs::renameat(&self.handle, from, &other.handle, to)?)
            }
            moved => Ok(moved?),
        }
    }

    /// Lets what stands at a name here and what stands at one in another directory change places, in one step. False: the file system
    /// has no such step, and nothing was done.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`]: one of them is not there. Otherwise what the system says.
    pub fn exchange(
        &self,
        one_name: impl AsRef<OsStr>,
        other: &Self,
        other_name: impl AsRef<OsStr>,
    ) -> io::Result<bool> {
        let (from, to) = (one(one_name.as_ref())?, one(other_name.as_ref())?);
        match rustix::fs::renameat_with(&self.handle, from, &other.handle, to, RenameFlags::EXCHANGE) {
            Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => Ok(false),
            exchanged => Ok(exchanged.map(|()| true)?),
        }
    }

    /// Removes a name; a link goes, not what it leads to. False: there was nothing.
    ///
    /// # Errors
    /// What the system says.
    pub fn remove(&self, name: impl AsRef<OsStr>) -> io::Result<bool> {
        match rustix::fs::unlinkat(&self.handle, one(name.as_ref())?, AtFlags::empty()) {
            Ok(()) => Ok(true),
            Err(Errno::NOENT) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Removes what a predecessor of ours left at a name, and nothing else. False: there was nothing.
    ///
    /// # Errors
    /// As [`Directory::open_own`]: somebody else put it there.
    pub fn discard(&self, name: impl AsRef<OsStr>) -> io::Result<bool> {
        match self.open_own(name.as_ref(), Access::Read) {
            Ok(_) => self.remove(name),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Lets its owner alone use a socket that was just bound in it.
    ///
    /// # Errors
    /// [`FileCode::NotPlain`] if it is no socket (any more); otherwise what the system says.
    pub fn protect_socket(&self, name: impl AsRef<OsStr>) -> io::Result<()> {
        let name = name.as_ref();
        if self.kind(name)? != Some(Kind::Socket) {
            return Err(refuse(FileCode::NotPlain));
        }
        // The name stays what it is: nobody else may replace it here.
        Ok(rustix::fs::chmodat(&self.handle, one(name)?, Mode::RUSR | Mode::WUSR, AtFlags::empty())?)
    }

    /// The handle, to be locked for instance.
    pub fn into_file(self) -> File {
        self.handle
    }

    /// Makes the names in it durable.
    ///
    /// # Errors
    /// What the system says; a failed sync is never tried again as if nothing had happened.
    pub fn sync(&self) -> io::Result<()> {
        self.handle.sync_all()
    }
}

/// True if this user owns what is at a path.
///
/// # Errors
/// What the system says.
pub fn is_of_this_user(path: &Path) -> io::Result<bool> {
    Ok(std::fs::metadata(path)?.uid() == rustix::process::geteuid().as_raw())
}

/// The last component of a path.
///
/// # Errors
/// [`ErrorKind::InvalidInput`] if it has none that names a file (`/`, `..`).
pub fn name_of(path: &Path) -> io::Result<OsString> {
    path.file_name().map(OsStr::to_owned).ok_or(ErrorKind::InvalidInput.into())
}

/// Names of several components would be looked up in directories that nobody looked at.
fn one(name: &OsStr) -> io::Result<&OsStr> {
    let mut components = Path::new(name).components();
    match (components.next(), components.next()) {
        (Some(Component::Normal(only)), None) if only == name => Ok(name),
        _ => Err(ErrorKind::InvalidInput.into()),
    }
}

/// Root may do anything anyway.
fn is_ours(uid: u32) -> bool {
    uid == 0 || uid == rustix::process::geteuid().as_raw()
}

fn not_followed(error: Errno) -> io::Error {
    match error {
        Errno::LOOP | Errno::MLINK => refuse(FileCode::Linked),
        Errno::ISDIR | Errno::NXIO | Errno::NOTDIR => refuse(FileCode::NotPlain),
        other => other.into(),
    }
}

#[cfg(test)]
mod tests;
