//! What a keyring of before held: one generation of it, in memory.

use std::collections::BTreeMap;
#[cfg(test)]
use std::collections::btree_map::Entry;
use std::sync::Arc;

#[cfg(test)]
use zeroize::Zeroizing;

use crate::clock::{Day, Month};
use crate::keyring::{Bucket, InstanceId};
#[cfg(test)]
use crate::keyring::{KeyringCode, KeyringError};
#[cfg(test)]
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

#[cfg(test)]
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

    /// Makes the key of a new month.
    ///
    /// # Errors
    /// [`KeyringCode::NoRandomness`].
    pub fn make_month(&mut self, month: Month, random: &dyn Random) -> Result<(), KeyringError> {
        self.months.insert(month, new_key(random)?);
        Ok(())
    }
}

#[cfg(test)]
fn new_key(random: &dyn Random) -> Result<Arc<Key>, KeyringError> {
    let mut bytes = Zeroizing::new([0; 32]);
    random.fill(bytes.as_mut_slice()).map_err(|_| KeyringError::of(KeyringCode::NoRandomness))?;
    Ok(Arc::new(Key::new(*bytes)))
}
