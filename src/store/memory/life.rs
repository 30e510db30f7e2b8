//! The life of the store: room for purposes, whether it takes and gives, the clock, its end.

use async_trait::async_trait;

use crate::attention::Concern;
use crate::purpose::PurposeId;
use crate::store::memory::MemoryStore;
use crate::store::{Life, StoreCode, StoreError};
use crate::trail::{Action, Entry, Outcome};

#[async_trait]
impl Life for MemoryStore {
    async fn admit(&self, purposes: Vec<PurposeId>) -> Result<(), StoreError> {
        let mut rows = self.0.rows()?;
        for purpose in purposes {
            rows.vaults.entry(purpose).or_default();
        }
        Ok(())
    }

    fn halted(&self) -> Option<StoreCode> {
        self.0.process().ended.filter(|code| *code != StoreCode::Closed)
    }

    fn ready(&self) -> bool {
        self.0.process().ended.is_none() && self.0.keyring.failed().is_none()
    }

    /// Nothing of it lies anywhere else.
    async fn look_after(&self) -> Result<Vec<Concern>, StoreError> {
        self.0.rows().map(|_| Vec::new())
    }

    async fn close(&self) -> Result<(), StoreError> {
        let mark = self.0.mark.look().mark;
        match self.0.rows() {
            Ok(mut rows) => rows.clock = Some(mark),
            Err(error) if error.code == StoreCode::Closed => return Ok(()),
            Err(error) => return Err(error),
        }
        self.0.process().ended = Some(StoreCode::Closed);
        Ok(())
    }

    fn clock_jumped(&self) -> bool {
        self.0.mark.look().jumped
    }

    async fn confirm_clock(&self, by: Option<Entry>) -> Result<bool, StoreError> {
        let confirmed = self.0.write(|draft| {
            let jumped = draft.look.jumped;
            let mut entry = match by {
                Some(entry) => entry,
                None if !jumped => return Ok(None),
                None => Entry::by_system(Action::ClockConfirmed),
            };
            if !jumped {
                entry.result = Outcome::Nothing;
            }
            draft.append_line(entry);
            if jumped {
                draft.look.mark = draft.look.now;
            }
            Ok(jumped.then_some(draft.look.now))
        })?;
        if let Some(moment) = confirmed {
            self.0.mark.confirm(moment);
        }
        Ok(confirmed.is_some())
    }
}
