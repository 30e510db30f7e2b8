//! Under which root keys a keyring lies that did not open under those that were at hand: told by their public names, so that whoever has
//! several of them knows which one is wanted.

use std::collections::BTreeSet;
use std::fmt;
use std::path::Path;

use crate::keyring::files::Files;
use crate::keyring::pages::{FileDisk, Root, RootId, root_ids};
use crate::secret::Key;

/// Which root keys are wanted, beside those that were given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OtherRoot {
    given: BTreeSet<RootId>,
    /// Of the file in the place.
    wanted: BTreeSet<RootId>,
    /// Of the one beside it that a rotation wrote, or took the place of.
    beside: BTreeSet<RootId>,
}

impl OtherRoot {
    /// Looks at a keyring that did not open. None: no page of it is under another root key than those that were given, or nothing can be
    /// read of it; that it does not open has another cause.
    pub fn of(path: &Path, given: &[&Key]) -> Option<Self> {
        let files = Files::of(path);
        let given: BTreeSet<RootId> = given.iter().map(|key| Root::new(Key::clone(key)).id()).collect();
        let ids = |place: &Path| root_ids(&mut FileDisk::of(files.peek(place).ok()??)).ok();
        let wanted = ids(files.place())?;
        let beside = ids(files.being_written()).unwrap_or_default();
        (!wanted.is_subset(&given)).then_some(Self { given, wanted, beside })
    }
}

impl fmt::Display for OtherRoot {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { given, wanted, beside } = self;
        let named =
            |ids: &BTreeSet<RootId>| ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(" and ");
        let (all, had) = (named(wanted), named(given));
        if wanted.len() > 1 {
            return write!(
                to,
                "some of its pages are under one root key and some under another ({all}), and {had} is at hand: a rotation of an earlier \
                 version was cut short. It opens with both: run `tamis keys rotate-root` with the two"
            );
        }
        write!(to, "it is under the root key {all}, and {had} is at hand")?;
        if beside.is_disjoint(given) {
            return write!(to, ". Let `keys.root` lead to {all}");
        }
        write!(
            to,
            ". A rotation was cut short: {all} opens all of it. Let `keys.root` lead to that one and start tamis, or run the same `tamis keys \
             rotate-root` again"
        )
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::keyring::file::FileKeyring;
    use crate::random::SeededRandom;

    fn root(byte: u8) -> Key {
        Key::new([byte; 32])
    }

    fn id(byte: u8) -> String {
        Root::new(root(byte)).id().to_string()
    }

    fn told(path: &Path, given: &[u8]) -> Option<String> {
        let given: Vec<Key> = given.iter().copied().map(root).collect();
        OtherRoot::of(path, &given.iter().collect::<Vec<_>>()).map(|other| other.to_string())
    }

    #[test]
    fn the_root_key_that_is_wanted_is_named_and_none_where_that_is_not_the_cause() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("keyring");
        assert_eq!(told(&path, &[1]), None, "nothing is there");
        drop(FileKeyring::create(&path, root(1), Arc::new(SeededRandom::new(1))).expect("made"));
        assert_eq!(told(&path, &[1]), None);
        assert_eq!(told(&path, &[1, 2]), None);
        let (one, two) = (id(1), id(2));
        assert_eq!(one.len(), 16);
        let plain = told(&path, &[2]).expect("another");
        assert!(
            plain.starts_with(&format!("it is under the root key {one}, and {two} is at hand")),
            "{plain}"
        );
        assert!(plain.ends_with(&format!("Let `keys.root` lead to {one}")), "{plain}");
        // The other of the two lies beside it.
        let new = directory.path().join("keyring.new");
        drop(FileKeyring::create(&new, root(2), Arc::new(SeededRandom::new(1))).expect("made"));
        let cut = told(&path, &[2]).expect("another");
        assert!(cut.contains("cut short") && cut.contains(&format!("{one} opens all of it")), "{cut}");
        assert!(told(&path, &[3]).expect("another").ends_with(&format!("lead to {one}")));
        std::fs::write(&path, "damaged").expect("written");
        assert_eq!(told(&path, &[2]), None);
        let secret = hex::encode([1; 32]);
        assert!(!cut.contains(&secret[..16]) && !plain.contains(&secret[..16]));
    }
}
