//! The keyring as it is used: opened, changed, read.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::sync::{Arc, OnceLock};

use parking_lot::{Mutex, RwLock};
use zeroize::Zeroizing;

use crate::keyring::lease::Lease;
use crate::keyring::pages::body::{Head, KeyName, Keys};
use crate::keyring::pages::change::{Change, Edit, Edited, KeyEdit};
use crate::keyring::pages::disk::Disk;
use crate::keyring::pages::opening::look;
use crate::keyring::pages::page::{self, BODY, Root, What, ZEROS};
use crate::keyring::pages::plan::{Batch, Plan, plan};
use crate::keyring::pages::shelf::{Limits, PAGES_MAX, Shelf};
use crate::keyring::tree::KEY_BYTES;
use crate::keyring::{Bucket, InstanceId, KeyringCode, KeyringError};
use crate::random::Random;
use crate::secret::Key;

/// The root keys at hand.
pub struct Roots {
    /// What is sealed now is sealed by this one.
    pub seal: Root,
    /// Opens what is not sealed by it yet.
    pub also: Option<Root>,
}

impl Roots {
    /// One root key.
    pub fn one(key: Key) -> Self {
        Self { seal: Root::new(key), also: None }
    }

    pub(super) fn all(&self) -> Vec<&Root> {
        std::iter::once(&self.seal).chain(&self.also).collect()
    }
}

/// A keyring in pages. Readers take what is in memory and never wait for the disk; who changes it waits for the one before.
pub struct Pages<D> {
    pub(super) disk: Mutex<D>,
    pub(super) shelf: RwLock<Shelf>,
    pub(super) roots: Roots,
    pub(super) random: Arc<dyn Random>,
    /// Why it is changed no more.
    failed: OnceLock<KeyringError>,
    limits: Limits,
}

/// Why a change was not written, and what is known of the disk.
enum WriteError {
    /// What was written of it is zeroed again: it may be tried once more.
    Unchanged(KeyringError),
    /// Which set the disk holds is unknown until the next start.
    Unknown(KeyringError),
}

impl<D: Disk> Pages<D> {
    /// Writes a keyring of an instance with these single keys onto an empty disk, as of this change. It is durable when
    /// this returns; its name is the caller's matter.
    ///
    /// # Errors
    /// [`KeyringCode::Exists`]: the disk is not empty; [`KeyringCode::NoRandomness`]; [`KeyringCode::Io`].
    pub fn create(
        disk: D,
        roots: Roots,
        instance: InstanceId,
        keys: BTreeMap<KeyName, Key>,
        change: u64,
        random: Arc<dyn Random>,
    ) -> Result<Self, KeyringError> {
        let keys = keys.into_iter().map(|(name, key)| (name, Arc::new(key))).collect();
        Self::create_within(Limits::STANDARD, disk, roots, instance, keys, change, random)
    }

    pub(super) fn create_within(
        limits: Limits,
        mut disk: D,
        roots: Roots,
        instance: InstanceId,
        keys: Keys,
        change: u64,
        random: Arc<dyn Random>,
    ) -> Result<Self, KeyringError> {
        if disk.pages().map_err(failed)? > 0 {
            return Err(KeyringError::of(KeyringCode::Exists));
        }
        let (head, sum, sum_key) = (1, [0; KEY_BYTES], new_key(&*random)?);
        let first = Head { change, sum_key, sum, pages: [].into(), keys };
        let mut raw = page::blank();
        first.write(&mut raw[BODY]).ok_or(KeyringError::io(ErrorKind::FileTooLarge))?;
        page::seal(&mut raw, What::Head, head, instance, &roots.seal, &*random)?;
        disk.grow(limits.pages_ahead + 2).map_err(failed)?;
        let written = disk.write(0, &page::title(instance)).and_then(|()| disk.write(head, &raw));
        written.and_then(|()| disk.sync()).map_err(failed)?;
        let shelf = Shelf {
            instance,
            change,
            keys: first.keys,
            sum_key: first.sum_key,
            sum,
            head,
            head_mark: roots.seal.mark(),
            sheets: BTreeMap::new(),
            buckets: BTreeMap::new(),
            free: (2..limits.pages_ahead + 2).collect(),
        };
        Ok(Self::holding(limits, disk, shelf, roots, random))
    }

    /// Opens a keyring: the newest whole set counts, it is made durable, and what a crash left beside it is zeroed, before
    /// this returns.
    ///
    /// # Errors
    /// [`KeyringCode::Incomplete`], [`KeyringCode::DoesNotOpen`], [`KeyringCode::Format`]: nothing was written.
    /// [`KeyringCode::Io`].
    pub fn open(disk: D, roots: Roots, random: Arc<dyn Random>) -> Result<Self, KeyringError> {
        Self::open_within(Limits::STANDARD, disk, roots, random)
    }

    pub(super) fn open_within(
        limits: Limits,
        mut disk: D,
        roots: Roots,
        random: Arc<dyn Random>,
    ) -> Result<Self, KeyringError> {
        let (mut shelf, losers) = look(&mut disk, &roots.all())?;
        // A killed predecessor may have left the newer set in the system's memory alone: were the older zeroed first, a
        // power cut could leave neither.
        disk.sync().map_err(failed)?;
        if !losers.is_empty() {
            zero(&mut disk, &losers).and_then(|()| disk.sync()).map_err(failed)?;
            shelf.free.extend(losers);
        }
        Ok(Self::holding(limits, disk, shelf, roots, random))
    }

    fn holding(limits: Limits, disk: D, shelf: Shelf, roots: Roots, random: Arc<dyn Random>) -> Self {
        let (disk, shelf) = (Mutex::new(disk), RwLock::new(shelf));
        Self { disk, shelf, roots, random, failed: OnceLock::new(), limits }
    }

    /// Whose keyring it is.
    pub fn instance(&self) -> InstanceId {
        self.shelf.read().instance
    }

    /// Which change was the last one.
    pub fn last_change(&self) -> u64 {
        self.shelf.read().change
    }

    /// Why it is changed no more: a change ended in a way that leaves open which set the disk holds.
    pub fn failed(&self) -> Option<KeyringError> {
        self.failed.get().copied()
    }

    /// A single key.
    pub fn key(&self, name: KeyName) -> Option<Key> {
        self.shelf.read().keys.get(&name).map(|key| Key::clone(key))
    }

    /// Which single keys there are, in order.
    pub fn key_names(&self) -> Vec<KeyName> {
        self.shelf.read().keys.keys().copied().collect()
    }

    /// A reader's right to a bucket's keys; none: there is no such bucket.
    pub fn lease(&self, bucket: &Bucket) -> Option<Lease> {
        self.shelf.read().buckets.get(bucket).map(|entry| entry.held.lease())
    }

    /// True if there is such a bucket, living or not.
    pub fn has_bucket(&self, bucket: &Bucket) -> bool {
        self.shelf.read().buckets.contains_key(bucket)
    }

    /// True if the leaf lives.
    pub fn is_live(&self, bucket: &Bucket, leaf: u16) -> bool {
        self.shelf.read().buckets.get(bucket).is_some_and(|entry| entry.held.frontier().is_live(leaf))
    }

    /// The first living leaf at or above this one; none: the bucket has none, or is not there.
    pub fn first_live(&self, bucket: &Bucket, from: u16) -> Option<u16> {
        self.shelf.read().buckets.get(bucket)?.held.frontier().first_live(from)
    }

    /// Which buckets there are, in order.
    pub fn buckets(&self) -> Vec<Bucket> {
        self.shelf.read().buckets.keys().cloned().collect()
    }

    /// How many pages a change can write without room being found for them.
    pub fn pages_free(&self) -> usize {
        self.shelf.read().free.len()
    }

    #[cfg(test)]
    pub(super) fn shelf(&self) -> parking_lot::RwLockReadGuard<'_, Shelf> {
        self.shelf.read()
    }

    /// Makes a change durable, then visible, and gives the number of the last change that is. What is so already is not
    /// written. What touches more than [`crate::keyring::pages::CHANGE_BUCKETS_MAX`] buckets is several changes, in order of
    /// the buckets, of which a crash may leave the first ones done: it is asked for again.
    ///
    /// # Errors
    /// [`KeyringCode::NoRandomness`], [`KeyringCode::Io`]: the change under way did not happen. After a failure of unknown
    /// result every later change fails alike.
    pub fn change(&self, change: &Change) -> Result<u64, KeyringError> {
        let mut disk = self.disk.lock();
        let mut edits = change.buckets.iter().peekable();
        let mut keys = self.edited_keys(change)?;
        while keys.is_some() || edits.peek().is_some() {
            let mut frontiers = Vec::new();
            for (bucket, edit) in edits.by_ref() {
                let shelf = self.shelf.read();
                let held = shelf.buckets.get(bucket).map(|entry| entry.held.frontier());
                let edited = edit.of(held, &*self.random);
                match edited.map_err(|_| KeyringError::of(KeyringCode::NoRandomness))? {
                    Edited::Same => continue,
                    Edited::Next(frontier) => frontiers.push((bucket.clone(), Some(frontier))),
                    Edited::Forgotten => frontiers.push((bucket.clone(), None)),
                }
                if frontiers.len() == self.limits.change_buckets {
                    break;
                }
            }
            if keys.is_none() && frontiers.is_empty() {
                break;
            }
            let keys = keys.take().unwrap_or_else(|| self.shelf.read().keys.clone());
            self.write(&mut disk, Batch { frontiers, keys })?;
        }
        Ok(self.last_change())
    }

    /// False if everything is so already.
    pub fn is_needed(&self, change: &Change) -> bool {
        let shelf = self.shelf.read();
        let of_key =
            |(name, edit): (&KeyName, &KeyEdit)| shelf.keys.contains_key(name) == (*edit == KeyEdit::Destroy);
        let of_bucket = |(bucket, edit): (&Bucket, &Edit)| {
            edit.is_needed(shelf.buckets.get(bucket).map(|entry| entry.held.frontier()))
        };
        change.keys.iter().any(of_key) || change.buckets.iter().any(of_bucket)
    }

    /// How many pages, the head among them, another root key sealed than the one that seals now.
    pub fn under_others(&self) -> usize {
        self.shelf.read().sealed_by_others(self.roots.seal.mark()).len()
    }

    /// All single keys as they will be; none: they stay.
    fn edited_keys(&self, change: &Change) -> Result<Option<Keys>, KeyringError> {
        let mut keys = self.shelf.read().keys.clone();
        let mut differs = false;
        for (name, edit) in &change.keys {
            match edit {
                KeyEdit::Make if !keys.contains_key(name) => {
                    keys.insert(*name, Arc::new(new_key(&*self.random)?));
                    differs = true;
                }
                KeyEdit::Destroy => differs |= keys.remove(name).is_some(),
                KeyEdit::Make => {}
            }
        }
        Ok(differs.then_some(keys))
    }

    fn write(&self, disk: &mut D, batch: Batch) -> Result<(), KeyringError> {
        if let Some(error) = self.failed.get() {
            return Err(*error);
        }
        let most = Limits::pages_of(batch.frontiers.len());
        if self.pages_free() < most {
            // Where it cannot be had the change may still need less.
            let _ = self.keep_ahead(disk);
        }
        let plan = plan(&self.shelf.read(), batch, &self.roots.seal, &*self.random)?;
        match write(disk, &plan) {
            Ok(()) => {
                self.shelf.write().take(plan.next);
                if self.pages_free() < self.limits.pages_ahead as usize {
                    // The change is done; the next one tries again before it begins.
                    let _ = self.keep_ahead(disk);
                }
                Ok(())
            }
            Err(WriteError::Unchanged(error)) => Err(error),
            Err(WriteError::Unknown(error)) => Err(*self.failed.get_or_init(|| error)),
        }
    }

    /// Adds free pages.
    fn keep_ahead(&self, disk: &mut D) -> Result<(), KeyringError> {
        let from = disk.pages().map_err(failed)?;
        let more = self.limits.pages_ahead.min(PAGES_MAX.saturating_sub(from));
        disk.grow(more).map_err(failed)?;
        self.shelf.write().free.extend(from..from + more);
        Ok(())
    }
}

/// Writes the new pages, then zeros over those of before, each durable before what comes next.
fn write(disk: &mut impl Disk, plan: &Plan) -> Result<(), WriteError> {
    for (at, (number, raw)) in plan.writes.iter().enumerate() {
        if let Err(error) = disk.write(*number, raw) {
            let begun: Vec<u32> = plan.writes[..=at].iter().map(|(number, _)| *number).collect();
            let undone = zero(disk, &begun).and_then(|()| disk.sync());
            return Err(match undone {
                Ok(()) => WriteError::Unchanged(failed(error)),
                Err(error) => WriteError::Unknown(failed(error)),
            });
        }
    }
    let done = disk.sync().and_then(|()| zero(disk, &plan.zeros)).and_then(|()| disk.sync());
    done.map_err(|error| WriteError::Unknown(failed(error)))
}

fn zero(disk: &mut impl Disk, numbers: &[u32]) -> std::io::Result<()> {
    numbers.iter().try_for_each(|number| disk.write(*number, &ZEROS))
}

fn new_key(random: &dyn Random) -> Result<Key, KeyringError> {
    let mut bytes = Zeroizing::new([0; KEY_BYTES]);
    random.fill(bytes.as_mut_slice()).map_err(|_| KeyringError::of(KeyringCode::NoRandomness))?;
    Ok(Key::new(*bytes))
}

#[expect(clippy::needless_pass_by_value, reason = "it is what `map_err` is given")]
fn failed(error: std::io::Error) -> KeyringError {
    KeyringError::io(error.kind())
}
