//! All notices of a running tamis: which is in force, and which was when.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;

use crate::notice::{Edition, SectionKey};
use crate::purpose::{PurposeId, TextHash};

/// How much of a revision stands in a link: 16 hexadecimal digits.
const SHORT_DIGITS: usize = 16;

/// Every purpose's shelf. Replaced as a whole by a reload.
#[derive(Default)]
pub struct Book(BTreeMap<PurposeId, Shelf>);

/// All revisions of one purpose's notice.
pub struct Shelf {
    /// The oldest first; a purpose with a shelf has at least one.
    pub volumes: Vec<Volume>,
    /// The newest.
    pub newest: Arc<Edition>,
    /// What the newest says otherwise than the one before.
    pub newest_changed: Vec<SectionKey>,
    /// The config has the purpose no longer.
    pub is_ended: bool,
}

/// A revision, and since when it is in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Volume {
    /// Which.
    pub revision: TextHash,
    /// Since when.
    pub since: Timestamp,
}

impl Volume {
    /// Its name in a link.
    pub fn short(&self) -> String {
        short(&self.revision)
    }
}

fn short(revision: &TextHash) -> String {
    revision.to_string().chars().take(SHORT_DIGITS).collect()
}

impl Book {
    /// Of these shelves.
    pub fn new(shelves: impl IntoIterator<Item = (PurposeId, Shelf)>) -> Self {
        Self(shelves.into_iter().collect())
    }

    /// The shelf of this purpose.
    pub fn shelf(&self, purpose: &str) -> Option<(&PurposeId, &Shelf)> {
        self.0.iter().find(|(id, _)| id.as_str() == purpose)
    }

    /// The revision that was in force for a purpose at this moment; none: there was none yet.
    pub fn in_force(&self, purpose: &PurposeId, at: Timestamp) -> Option<TextHash> {
        let volumes = &self.0.get(purpose)?.volumes;
        volumes.iter().rev().find(|volume| volume.since <= at).map(|volume| volume.revision)
    }
}

impl Shelf {
    /// Where the revision with this name in a link stands, whole or short; of several the last.
    pub fn find(&self, name: &str) -> Option<usize> {
        let is_it = |volume: &Volume| volume.short() == name || volume.revision.to_string() == name;
        self.volumes.iter().rposition(is_it)
    }

    /// When another came into force.
    pub fn until(&self, at: usize) -> Option<Timestamp> {
        self.volumes.get(at + 1).map(|next| next.since)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notice::facts::sample;

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    #[test]
    fn a_submission_has_the_revision_of_its_moment() {
        let volume =
            |text: &str, since: &str| Volume { revision: TextHash::of(text.as_bytes()), since: at(since) };
        let volumes = vec![
            volume("a", "2026-01-01T00:00:00Z"),
            volume("b", "2026-02-01T00:00:00Z"),
            volume("a", "2026-03-01T00:00:00Z"),
        ];
        let newest = Arc::new(Edition::of(sample::House::new().facts()));
        let (a, b) = (volumes[0].revision, volumes[1].revision);
        let devis = PurposeId::parse("devis").expect("a name");
        let book = Book::new([(
            devis.clone(),
            Shelf { volumes, newest, newest_changed: Vec::new(), is_ended: false },
        )]);
        for (moment, wanted) in [
            ("2025-12-31T23:59:59Z", None),
            ("2026-01-01T00:00:00Z", Some(a)),
            ("2026-02-10T00:00:00Z", Some(b)),
            ("2027-01-01T00:00:00Z", Some(a)),
        ] {
            assert_eq!(book.in_force(&devis, at(moment)), wanted, "{moment}");
        }
        assert_eq!(book.in_force(&PurposeId::parse("x").expect("a name"), at("2027-01-01T00:00:00Z")), None);
        let (_, shelf) = book.shelf("devis").expect("it is there");
        assert_eq!(shelf.find(&short(&a)), Some(2), "the last");
        assert_eq!((shelf.find(&b.to_string()), shelf.find("x"), shelf.find("")), (Some(1), None, None));
        assert_eq!((shelf.until(1), shelf.until(2)), (Some(at("2026-03-01T00:00:00Z")), None));
    }
}
