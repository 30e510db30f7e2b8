//! Checkpoints of a store's trail, as they are handed out and said in the log.

use std::sync::Arc;

use crate::checkpoint::Checkpoint;
use crate::forget::receipt::note::{SigningKey, VerifierKey};
use crate::store::{SharedStore, StoreCode, StoreError};
use crate::trail::Line;

/// The key that signs, under its name of now; none: the keyring does not give it. Blocks.
pub type CheckpointKey = Box<dyn Fn() -> Option<SigningKey> + Send + Sync>;

/// Makes them.
pub struct Checkpoints {
    store: SharedStore,
    key: Arc<CheckpointKey>,
}

/// One that was made.
pub struct SignedCheckpoint {
    /// The number of the trail's last line; of one that was asked for by a line, that line's.
    pub lines: u64,
    /// The signed note.
    pub note: String,
    /// What it is checked by.
    pub key: VerifierKey,
}

impl Checkpoints {
    /// Of this store's trail, signed by this key.
    pub fn new(store: SharedStore, key: CheckpointKey) -> Self {
        Self { store, key: Arc::new(key) }
    }

    /// Where the trail stands.
    ///
    /// # Errors
    /// [`StoreCode::TrailBroken`]: its last line is not the one that was written. [`StoreCode::Keyring`]: there is no key to
    /// sign with. Otherwise see [`StoreCode`].
    pub async fn newest(&self) -> Result<SignedCheckpoint, StoreError> {
        let newest = self.store.newest(u64::MAX, 1).await?;
        self.signed(newest.first()).await
    }

    /// Where the trail stood when this was its last line, as it is there today; none: there is no such line, or it has had its
    /// time.
    ///
    /// # Errors
    /// As [`Checkpoints::newest`], of that line.
    pub async fn at(&self, line: u64) -> Result<Option<SignedCheckpoint>, StoreError> {
        let Some(before) = line.checked_sub(1) else { return Ok(None) };
        let lines = self.store.lines(before, 1).await?;
        // Where it has gone, the first one that is kept comes instead.
        match lines.first().filter(|found| found.seq == line) {
            Some(line) => self.signed(Some(line)).await.map(Some),
            None => Ok(None),
        }
    }

    async fn signed(&self, last: Option<&Line>) -> Result<SignedCheckpoint, StoreError> {
        let (checkpoint, key) = (Checkpoint::of(last), Arc::clone(&self.key));
        let no_key = StoreError::of(StoreCode::Keyring);
        let signed = tokio::task::spawn_blocking(move || {
            let key = key()?;
            Some((checkpoint.sign(&key).ok()?, key.verifier()))
        });
        // The keyring has said why; or it was a panic of ours, or the runtime is going down.
        let (note, key) = signed.await.ok().flatten().ok_or(no_key)?;
        Ok(SignedCheckpoint { lines: checkpoint.lines(), note, key })
    }
}
