//! What files lie on, as far as it tells what overwriting them is worth.

use std::path::Path;

/// A kind of file system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Storage {
    /// It overwrites where a file lies.
    InPlace,
    /// It writes what changes elsewhere: old bytes stay until their place is used again.
    CopyOnWrite,
    /// Layers, as containers have them.
    Overlay,
    /// Another machine's.
    Network,
    /// The system does not say, or says what nobody here knows.
    Unknown,
}

/// By the number that statfs(2) gives (linux/magic.h; of zfs and bcachefs their own sources).
const KINDS: &[(u32, Storage)] = &[
    (0x0000_ef53, Storage::InPlace),     // ext2, ext3, ext4
    (0x5846_5342, Storage::InPlace),     // xfs
    (0x0102_1994, Storage::InPlace),     // tmpfs
    (0x3153_464a, Storage::InPlace),     // jfs
    (0x9123_683e, Storage::CopyOnWrite), // btrfs
    (0x2fc1_2fc1, Storage::CopyOnWrite), // zfs
    (0xca45_1a4e, Storage::CopyOnWrite), // bcachefs
    (0xf2f5_2010, Storage::CopyOnWrite), // f2fs
    (0x0000_3434, Storage::CopyOnWrite), // nilfs
    (0x794c_7630, Storage::Overlay),     // overlayfs
    (0x0000_6969, Storage::Network),     // nfs
    (0xff53_4d42, Storage::Network),     // cifs
    (0xfe53_4d42, Storage::Network),     // smb2
    (0x0000_517b, Storage::Network),     // smb
    (0x00c3_6400, Storage::Network),     // ceph
    (0x0102_1997, Storage::Network),     // 9p
    (0x5346_414f, Storage::Network),     // afs
];

impl Storage {
    /// What lies at this path lies on this.
    pub fn of(path: &Path) -> Self {
        // The numbers have 32 bits, whatever the word is that they are given in.
        rustix::fs::statfs(path).map_or(Self::Unknown, |found| Self::of_kind(found.f_type as u32))
    }

    fn of_kind(kind: u32) -> Self {
        KINDS.iter().find(|(known, _)| *known == kind).map_or(Self::Unknown, |(_, storage)| *storage)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_system_is_known_by_its_number_and_what_is_not_known_is_nothing_else() {
        assert_eq!(Storage::of_kind(0xef53), Storage::InPlace);
        assert_eq!(Storage::of_kind(0x9123_683e), Storage::CopyOnWrite);
        assert_eq!(Storage::of_kind(0x794c_7630), Storage::Overlay);
        assert_eq!(Storage::of_kind(0xff53_4d42), Storage::Network);
        assert_eq!(Storage::of_kind(0x6573_5546), Storage::Unknown, "a file system of somebody's own (fuse)");
        assert_eq!(Storage::of(Path::new("/proc")), Storage::Unknown);
        assert_eq!(Storage::of(Path::new("/nonexistent/place")), Storage::Unknown);
        let numbers: std::collections::BTreeSet<u32> = KINDS.iter().map(|(number, _)| *number).collect();
        assert_eq!(numbers.len(), KINDS.len());
    }
}
