//! What is to be changed: asked for as a whole, and nothing where it is so already.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::keyring::Bucket;
use crate::keyring::pages::body::KeyName;
use crate::keyring::tree::{Frontier, LeafSet};
use crate::random::{NoRandomness, Random};

/// A change of the keyring.
#[derive(Default)]
pub struct Change {
    pub(in crate::keyring) buckets: BTreeMap<Bucket, Edit>,
    pub(super) keys: BTreeMap<KeyName, KeyEdit>,
}

/// What becomes of one bucket, in this order.
#[derive(Clone, Default)]
pub struct Edit {
    make: bool,
    puncture: LeafSet,
    renew: Option<u16>,
    forget: bool,
}

/// What becomes of a single key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyEdit {
    /// It is made where it is absent.
    Make,
    /// It is destroyed where it is there.
    Destroy,
}

/// What an edit comes to.
pub(in crate::keyring) enum Edited {
    Same,
    Next(Frontier),
    Forgotten,
}

impl Change {
    /// Makes a bucket's tree where there is none.
    pub fn make(&mut self, bucket: Bucket) {
        self.buckets.entry(bucket).or_default().make = true;
    }

    /// Erases leaves of a bucket. Of a bucket that is not there nothing lives.
    pub fn puncture(&mut self, bucket: Bucket, leaves: Range<u16>) {
        self.buckets.entry(bucket).or_default().puncture.insert(leaves);
    }

    /// Makes the nodes over a bucket's leaves from `from` on anew: none of them may have been given.
    pub fn renew_unassigned(&mut self, bucket: Bucket, from: u16) {
        self.buckets.entry(bucket).or_default().renew = Some(from);
    }

    /// Forgets a bucket in which nothing lives, so that it could be made anew. One that lives stays.
    pub fn forget(&mut self, bucket: Bucket) {
        self.buckets.entry(bucket).or_default().forget = true;
    }

    /// Makes or destroys a single key; what was asked last of one counts.
    pub fn key(&mut self, name: KeyName, edit: KeyEdit) {
        self.keys.insert(name, edit);
    }
}

impl Edit {
    /// False if it would leave a bucket as it is.
    pub(super) fn is_needed(&self, held: Option<&Frontier>) -> bool {
        let Some(held) = held else { return self.make };
        !held.dead().includes(&self.puncture) || self.renew.is_some() || self.forget
    }

    /// What a bucket becomes.
    ///
    /// # Errors
    /// [`NoRandomness`].
    pub(in crate::keyring) fn of(
        &self,
        held: Option<&Frontier>,
        random: &dyn Random,
    ) -> Result<Edited, NoRandomness> {
        let made = if held.is_none() && self.make { Some(Frontier::new(random)?) } else { None };
        let Some(before) = made.as_ref().or(held) else { return Ok(Edited::Same) };
        let punctured =
            (!before.dead().includes(&self.puncture)).then(|| before.puncture_set(&self.puncture));
        let before = punctured.as_ref().unwrap_or(before);
        let from = self.renew.filter(|from| before.first_live(*from).is_some());
        let renewed = from.map(|from| before.renew_unassigned(from, random)).transpose()?;
        let now = renewed.as_ref().unwrap_or(before);
        if self.forget && now.is_dead() {
            return Ok(if held.is_some() { Edited::Forgotten } else { Edited::Same });
        }
        Ok(renewed.or(punctured).or(made).map_or(Edited::Same, Edited::Next))
    }
}
