//! What a file lies on, as far as it matters to whoever writes over it: whether its old bytes are gone afterwards.

use std::io::{self, ErrorKind};
use std::path::Path;

crate::codes! {
    /// What becomes of a file's old bytes when others are written in their place.
    pub enum Overwriting {
        /// They are gone.
        InPlace = "in-place",
        /// What changes is written elsewhere: they stay until their place is used again, and in every snapshot.
        CopyOnWrite = "copy-on-write",
        /// The same of the first change of a file in a lower layer, as containers have them.
        Overlay = "overlay",
        /// That is for another machine to say.
        Network = "network",
        /// The system does not say.
        Unknown = "storage-unknown",
    }
}

/// The numbers by which Linux names file systems (linux/magic.h, statfs(2); of zfs, bcachefs and ntfs3 their own sources).
const KNOWN: [(u32, Overwriting); 29] = [
    // ext2, ext3, ext4; xfs (which copies what a reflink shares, and nobody links a keyring); jfs; reiserfs.
    (0x0000_EF53, Overwriting::InPlace),
    (0x5846_5342, Overwriting::InPlace),
    (0x3153_464A, Overwriting::InPlace),
    (0x5265_4973, Overwriting::InPlace),
    // tmpfs, ramfs; vfat, exfat, ntfs, ntfs3.
    (0x0102_1994, Overwriting::InPlace),
    (0x8584_58F6, Overwriting::InPlace),
    (0x0000_4D44, Overwriting::InPlace),
    (0x2011_BAB0, Overwriting::InPlace),
    (0x5346_544E, Overwriting::InPlace),
    (0x7366_746E, Overwriting::InPlace),
    // btrfs, zfs, bcachefs; f2fs and nilfs2, which write a log.
    (0x9123_683E, Overwriting::CopyOnWrite),
    (0x2FC1_2FC1, Overwriting::CopyOnWrite),
    (0xCA45_1A4E, Overwriting::CopyOnWrite),
    (0xF2F5_2010, Overwriting::CopyOnWrite),
    (0x0000_3434, Overwriting::CopyOnWrite),
    // overlayfs, aufs.
    (0x794C_7630, Overwriting::Overlay),
    (0x6175_6673, Overwriting::Overlay),
    // nfs; smb, cifs, smb2; ceph; afs of the kernel's two kinds; coda; ncp; 9p; gfs2, ocfs2, lustre.
    (0x0000_6969, Overwriting::Network),
    (0x0000_517B, Overwriting::Network),
    (0xFF53_4D42, Overwriting::Network),
    (0xFE53_4D42, Overwriting::Network),
    (0x00C3_6400, Overwriting::Network),
    (0x5346_414F, Overwriting::Network),
    (0x6B41_4653, Overwriting::Network),
    (0x7375_7245, Overwriting::Network),
    (0x0000_564C, Overwriting::Network),
    (0x0102_1997, Overwriting::Network),
    (0x0116_1970, Overwriting::Network),
    (0x7461_636F, Overwriting::Network),
];

impl Overwriting {
    /// Of the file system with this number.
    pub fn of_number(number: u32) -> Self {
        let known = KNOWN.iter().find(|(known, _)| *known == number);
        known.map_or(Self::Unknown, |(_, overwriting)| *overwriting)
    }

    /// Of what lies at a path, or will: where nothing is there yet the deepest directory above it counts.
    ///
    /// # Errors
    /// What the system says.
    pub fn at(path: &Path) -> io::Result<Self> {
        let above = path.ancestors().filter(|place| !place.as_os_str().is_empty());
        for place in above.chain([Path::new(".")]) {
            match rustix::fs::statfs(place) {
                // The number has 32 bits, in whatever type the C library gives it.
                Ok(stat) => {
                    return Ok(Self::of_number(u32::try_from(stat.f_type & 0xFFFF_FFFF).unwrap_or(0)));
                }
                Err(error) if io::Error::from(error).kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(ErrorKind::NotFound.into())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    /// What `stat -f -c %t` says of them.
    #[test]
    fn file_systems_are_known_by_their_numbers() {
        let said = |number| Overwriting::of_number(number).as_str();
        assert_eq!(said(0xef53), "in-place");
        assert_eq!(said(0x5846_5342), "in-place");
        assert_eq!(said(0x9123_683e), "copy-on-write");
        assert_eq!(said(0x2fc1_2fc1), "copy-on-write");
        assert_eq!(said(0x794c_7630), "overlay");
        assert_eq!(said(0x6969), "network");
        assert_eq!(said(0xff53_4d42), "network");
        // FUSE may be anything.
        assert_eq!(said(0x6573_5546), "storage-unknown");
        assert_eq!(said(0), "storage-unknown");
        let numbers: HashSet<u32> = KNOWN.iter().map(|(number, _)| *number).collect();
        assert_eq!(numbers.len(), KNOWN.len(), "each once");
    }

    #[test]
    fn of_what_is_not_there_yet_the_directory_above_it_counts() {
        let directory = tempfile::tempdir().expect("a directory");
        let there = Overwriting::at(directory.path()).expect("the system says");
        let absent = directory.path().join("keys/deeper/keyring");
        assert_eq!(Overwriting::at(&absent).expect("the system says"), there);
        assert_eq!(Overwriting::at(Path::new("/proc/self/status")).expect("said"), Overwriting::Unknown);
        assert!(Overwriting::at(Path::new("nowhere/keyring")).is_ok(), "below the current directory");
        let not_below = directory.path().join("file");
        std::fs::write(&not_below, b"").expect("written");
        assert!(Overwriting::at(&not_below.join("keyring")).is_err());
    }
}
