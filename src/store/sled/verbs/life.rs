//! The life of the store: room for purposes, whether it takes and gives, the clock, its end.

use async_trait::async_trait;

use crate::attention::Concern;
use crate::purpose::PurposeId;
use crate::store::sled::SledStore;
use crate::store::sled::draft::Draft;
use crate::store::{Life, StoreCode, StoreError};
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

    fn ready(&self) -> bool {
        self.halted().is_none() && self.shared.engine().is_ok() && self.shared.keyring().failed().is_none()
    }

    async fn look_after(&self) -> Result<Vec<Concern>, StoreError> {
        self.writer.look_after().await
    }

    async fn close(&self) -> Result<(), StoreError> {
        self.shut().await
    }

    fn clock_jumped(&self) -> bool {
        self.shared.look().jumped
    }

    async fn confirm_clock(&self, by: Option<Entry>) -> Result<bool, StoreError> {
        self.writer.write(1, move |draft| confirm_clock(draft, by)).await
    }
}

fn confirm_clock(draft: &mut Draft<'_>, by: Option<Entry>) -> Result<bool, StoreError> {
    let jumped = draft.jumped;
    let mut entry = match by {
        Some(entry) => entry,
        None if !jumped => return Ok(false),
        None => Entry::by_system(Action::ClockConfirmed),
    };
    if !jumped {
        entry.result = Outcome::Nothing;
    }
    draft.append_line(entry)?;
    if jumped {
        draft.confirm_clock();
    }
    Ok(jumped)
}
