//! What a keyring holds: one generation of it, in memory.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

use zeroize::Zeroizing;

use crate::clock::{Day, Month};
use crate::keyring::{Bucket, InstanceId, KeyringCode, KeyringError};
use crate::random::Random;
use crate::secret::Key;

/// One generation. Cloning it shares the keys: each lies in memory once, and is wiped when its last holder leaves.
#[derive(Clone)]
pub struct Content {
    /// Whose keyring.
    pub instance: InstanceId,
    /// Counts the replacements of the file.
    pub generation: u64,
    /// Of the hashes in `seen`.
    pub seen: Arc<Key>,
    /// Of the trail's chain.
    pub trail: Arc<Key>,
    /// Of the names of leads in the log: the newest month and the one before.
    pub months: BTreeMap<Month, Arc<Key>>,
    /// Of references.
    pub days: BTreeMap<Day, Arc<Key>>,
    /// Of records.
    pub buckets: BTreeMap<Bucket, BucketKeys>,
}

/// A bucket's key, and beside it the one that an erasure under way is replacing.
#[derive(Clone)]
pub struct BucketKeys {
    /// What is sealed now is sealed under this one.
    pub newest: Numbered,
    /// Still opens what is not re-sealed yet.
    pub previous: Option<Numbered>,
}

/// A key with its generation within its bucket, counted from 0.
#[derive(Clone)]
pub struct Numbered {
    /// Which.
    pub generation: u32,
    /// The key.
    pub key: Arc<Key>,
}

impl Content {
    /// A new instance at generation 0, with the keys that live as long as it does.
    ///
    /// # Errors
    /// [`KeyringCode::NoRandomness`].
    pub fn new(random: &dyn Random) -> Result<Self, KeyringError> {
        let mut instance = [0; 16];
        random.fill(&mut instance).map_err(|_| KeyringError::of(KeyringCode::NoRandomness))?;
        Ok(Self {
            instance: InstanceId(instance),
            generation: 0,
            seen: new_key(random)?,
            trail: new_key(random)?,
            months: BTreeMap::new(),
            days: BTreeMap::new(),
            buckets: BTreeMap::new(),
        })
    }

    /// Makes the key of a day where it is absent.
    ///
    /// # Errors
    /// [`KeyringCode::NoRandomness`].
    pub fn make_day(&mut self, day: Day, random: &dyn Random) -> Result<(), KeyringError> {
        if let Entry::Vacant(vacant) = self.days.entry(day) {
            vacant.insert(new_key(random)?);
        }
        Ok(())
    }

    /// Makes the first key of a bucket where there is none.
    ///
    /// # Errors
    /// [`KeyringCode::NoRandomness`].
    pub fn make_bucket(&mut self, bucket: &Bucket, random: &dyn Random) -> Result<(), KeyringError> {
        if !self.buckets.contains_key(bucket) {
            let newest = Numbered { generation: 0, key: new_key(random)? };
            self.buckets.insert(bucket.clone(), BucketKeys { newest, previous: None });
        }
        Ok(())
    }

    /// The key for a month. A clock that went back does not bring back a month whose key is gone: the oldest one held
    /// serves for it. None: the month is new.
    pub fn month_key(&self, month: Month) -> Option<&Arc<Key>> {
        let (newest, _) = self.months.last_key_value()?;
        let oldest = || self.months.values().next().filter(|_| month < *newest);
        self.months.get(&month).or_else(oldest)
    }

    /// Makes the key of a new month, and destroys those of all but the month before.
    ///
    /// # Errors
    /// [`KeyringCode::NoRandomness`].
    pub fn make_month(&mut self, month: Month, random: &dyn Random) -> Result<(), KeyringError> {
        if self.month_key(month).is_none() {
            self.months.insert(month, new_key(random)?);
            self.months.retain(|held, _| held.0.saturating_add(1) >= month.0);
        }
        Ok(())
    }
}

fn new_key(random: &dyn Random) -> Result<Arc<Key>, KeyringError> {
    let mut bytes = Zeroizing::new([0; 32]);
    random.fill(bytes.as_mut_slice()).map_err(|_| KeyringError::of(KeyringCode::NoRandomness))?;
    Ok(Arc::new(Key::new(*bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::SeededRandom;

    #[test]
    fn only_the_newest_month_and_the_one_before_have_a_key() {
        let random = SeededRandom::new(1);
        let mut content = Content::new(&random).expect("made");
        let months = |content: &Content| content.months.keys().map(|month| month.0).collect::<Vec<_>>();
        for (month, expected) in
            [(100, vec![100]), (101, vec![100, 101]), (102, vec![101, 102]), (110, vec![110])]
        {
            content.make_month(Month(month), &random).expect("made");
            assert_eq!(months(&content), expected);
        }
    }

    #[test]
    fn a_clock_that_goes_back_brings_no_month_back() {
        let random = SeededRandom::new(1);
        let mut content = Content::new(&random).expect("made");
        content.make_month(Month(100), &random).expect("made");
        content.make_month(Month(101), &random).expect("made");
        let oldest = Arc::clone(content.month_key(Month(100)).expect("held"));
        content.make_month(Month(7), &random).expect("nothing to make");
        assert_eq!(content.months.len(), 2);
        assert!(content.month_key(Month(7)).is_some_and(|key| Arc::ptr_eq(key, &oldest)));
        assert!(content.month_key(Month(102)).is_none(), "a new month has no key before it is made");
    }
}
