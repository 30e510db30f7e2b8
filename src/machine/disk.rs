//! The few things about files that three rooms need alike: syncing a directory, making a private one, free space.

use std::fs::{DirBuilder, File};
use std::io::{self, ErrorKind};
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

/// Makes a new entry of a directory durable (a file's own sync does not).
///
/// # Errors
/// What the system says; a failed sync is never tried again as if nothing had happened.
pub fn sync_dir(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// The directory that holds `path`; a path of one component lies in the current one.
pub fn directory_of(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Makes a directory that only its owner may enter, with its parents, each new entry durable before anything is made in
/// it; an existing one is left as it is. A predecessor killed between making and syncing leaves a name that a power cut
/// takes back with all that lies below: so the deepest that exists is made durable, too.
///
/// # Errors
/// What the system says.
pub fn private_dir(path: &Path) -> io::Result<()> {
    let named = path.ancestors().take_while(|dir| !dir.as_os_str().is_empty());
    let (mut absent, mut existing) = (Vec::new(), None);
    for directory in named {
        if directory.exists() {
            existing = Some(directory);
            break;
        }
        absent.push(directory);
    }
    if let Some(existing) = existing {
        match sync_dir(directory_of(existing)) {
            // Whoever may not read a directory did not make what lies in it; not every file system syncs one.
            Err(error) if !matches!(error.kind(), ErrorKind::PermissionDenied | ErrorKind::InvalidInput) => {
                return Err(error);
            }
            _ => {}
        }
    }
    for made in absent.into_iter().rev() {
        DirBuilder::new().recursive(true).mode(0o700).create(made)?;
        sync_dir(directory_of(made))?;
    }
    // What exists and is no directory is an error.
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Bytes that an unprivileged writer may still use on the file system of `path`.
///
/// # Errors
/// What the system says.
pub fn free_bytes(path: &Path) -> io::Result<u64> {
    let stat = rustix::fs::statvfs(path)?;
    Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_private_directory_is_made_with_its_parents_and_an_existing_one_is_left_as_it_is() {
        let root = tempfile::tempdir().expect("a directory");
        let deep = root.path().join("one/two/three");
        private_dir(&deep).expect("made");
        for made in [root.path().join("one"), root.path().join("one/two"), deep.clone()] {
            assert_eq!(fs::metadata(&made).expect("there").permissions().mode() & 0o777, 0o700);
        }
        fs::set_permissions(&deep, fs::Permissions::from_mode(0o750)).expect("a mode");
        private_dir(&deep).expect("there already");
        assert_eq!(fs::metadata(&deep).expect("there").permissions().mode() & 0o777, 0o750);
        fs::write(deep.join("file"), b"").expect("written");
        assert!(private_dir(&deep.join("file")).is_err(), "a file is no directory");
        assert!(private_dir(&deep.join("file/below")).is_err(), "nothing lies below a file");
    }
}
