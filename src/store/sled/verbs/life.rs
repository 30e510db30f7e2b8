//! The life of the store: room for purposes, whether it takes and gives, the clock, its end.

use async_trait::async_trait;
use jiff::Timestamp;

use crate::attention::Concern;
use crate::purpose::PurposeId;
use crate::store::mark::Correction;
use crate::store::sled::SledStore;
use crate::store::sled::draft::Draft;
use crate::store::sled::engine::{aside, exchanging};
use crate::store::sled::shared::{Effect, Shared};
use crate::store::sled::verbs::tokens;
use crate::store::{ClockStanding, LastCopies, Life, StoreCode, StoreError};
use crate::trail::{Action, Entry, Outcome};

#[async_trait]
impl Life for SledStore {
    async fn admit(&self, purposes: Vec<PurposeId>) -> Result<(), StoreError> {
        self.beside(move |shared| shared.admit(&purposes)).await
    }

    fn halted(&self) -> Option<StoreCode> {
        let stalled = self.shared.is_stalled().then_some(StoreCode::Stalled);
        self.shared.halted().map(|halt| halt.code).or(stalled)
    }

    fn refusal(&self) -> Option<StoreCode> {
        let closed = || self.shared.engine().err().map(|error| error.code);
        let keyring = || self.shared.keyring().failed().map(|_| StoreCode::Keyring);
        self.halted().or_else(closed).or_else(keyring)
    }

    fn is_copying(&self) -> bool {
        self.shared.is_copying()
    }

    fn last_copies(&self) -> LastCopies {
        self.shared.last_copies()
    }

    fn is_backup_left(&self) -> bool {
        self.shared.is_backup_left()
    }

    async fn copies_aside(&self) -> Result<u64, StoreError> {
        let count = |shared: &Shared| {
            let path = &shared.settings().path;
            // While none is copied, what lies there is the old file of a vacuum, which could not be removed.
            let old = !shared.is_copying() && exchanging::work(path).exists();
            Ok(aside::copies(path)?.len() as u64 + u64::from(old))
        };
        self.beside(count).await
    }

    async fn look_after(&self) -> Result<Vec<Concern>, StoreError> {
        self.writer.look_after().await
    }

    async fn close(&self) -> Result<(), StoreError> {
        self.shut().await
    }

    fn clock(&self) -> ClockStanding {
        self.shared.look().standing()
    }

    async fn confirm_clock(&self, by: Entry) -> Result<bool, StoreError> {
        self.writer.write(1, move |draft| confirm(draft, by)).await
    }

    async fn compare_clock(&self, right: Timestamp) -> Result<bool, StoreError> {
        if self.shared.mark().weigh(Some(right)).is_none() {
            self.shared.mark().hear(Some(right));
            return Ok(false);
        }
        self.writer.write(1, move |draft| compare(draft, right)).await
    }
}

fn confirm(draft: &mut Draft<'_>, mut entry: Entry) -> Result<bool, StoreError> {
    let correction = draft.shared.mark().weigh(None);
    let news = correction.is_some() || !draft.look().is_confirmed();
    if !news {
        entry.result = Outcome::Nothing;
    }
    match correction {
        Some(correction) => {
            correct(draft, correction)?;
        }
        None => draft.effect(Effect::ClockConfirmed),
    }
    draft.append_line(entry)?;
    Ok(news)
}

fn compare(draft: &mut Draft<'_>, right: Timestamp) -> Result<bool, StoreError> {
    // Another may have said so meanwhile.
    let Some(correction) = draft.shared.mark().weigh(Some(right)) else { return Ok(false) };
    if !correct(draft, correction)? {
        draft.append_line(Entry::by_system(Action::ClockConfirmed))?;
    }
    Ok(true)
}

/// Puts a correction in force. True: the highest clock seen was lowered, and a line says so.
fn correct(draft: &mut Draft<'_>, correction: Correction) -> Result<bool, StoreError> {
    let lowers = correction.lowers(&draft.look());
    draft.correct_clock(correction);
    if lowers {
        tokens::made_no_later_than_now(draft)?;
        draft.append_line(Entry::by_system(Action::ClockLowered))?;
    }
    Ok(lowers)
}
