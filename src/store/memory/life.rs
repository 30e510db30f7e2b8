//! The life of the store: room for purposes, whether it takes and gives, the clock, its end.

use async_trait::async_trait;
use jiff::Timestamp;

use crate::attention::Concern;
use crate::purpose::PurposeId;
use crate::store::memory::MemoryStore;
use crate::store::{ClockStanding, Life, StoreCode, StoreError};
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

    fn refusal(&self) -> Option<StoreCode> {
        let ended = self.0.process().ended;
        ended.or_else(|| self.0.keyring.failed().map(|_| StoreCode::Keyring))
    }

    fn is_copying(&self) -> bool {
        self.0.process().copying
    }

    /// Nothing of it lies anywhere else.
    async fn look_after(&self) -> Result<Vec<Concern>, StoreError> {
        self.0.rows().map(|_| Vec::new())
    }

    async fn close(&self) -> Result<(), StoreError> {
        let look = self.0.mark.look();
        match self.0.rows() {
            Ok(mut rows) => (rows.clock, rows.clock_certain) = (Some(look.now()), look.certain()),
            Err(error) if error.code == StoreCode::Closed => return Ok(()),
            Err(error) => return Err(error),
        }
        self.0.process().ended = Some(StoreCode::Closed);
        Ok(())
    }

    fn clock(&self) -> ClockStanding {
        self.0.mark.look().standing()
    }

    async fn confirm_clock(&self, by: Entry) -> Result<bool, StoreError> {
        self.weigh(None, Some(by))
    }

    async fn compare_clock(&self, right: Timestamp) -> Result<bool, StoreError> {
        if self.0.mark.weigh(Some(right)).is_none() {
            self.0.mark.hear(Some(right));
            return Ok(false);
        }
        self.weigh(Some(right), None)
    }
}

impl MemoryStore {
    fn weigh(&self, right: Option<Timestamp>, by: Option<Entry>) -> Result<bool, StoreError> {
        let correction = self.0.mark.weigh(right);
        let news = self.0.write(|draft| {
            let lowers = correction.is_some_and(|correction| correction.lowers(&draft.look));
            let news = correction.is_some() || !draft.look.is_confirmed();
            if let Some(correction) = correction {
                draft.look = draft.look.corrected(correction);
            }
            if lowers {
                draft.tokens_made_no_later_than_now();
                draft.append_line(Entry::by_system(Action::ClockLowered));
            }
            match by {
                Some(mut entry) => {
                    entry.result = if news { Outcome::Done } else { Outcome::Nothing };
                    draft.append_line(entry);
                }
                None if !lowers => draft.append_line(Entry::by_system(Action::ClockConfirmed)),
                None => {}
            }
            Ok(news)
        })?;
        match correction {
            Some(correction) => self.0.mark.correct(correction),
            None => self.0.mark.hear(right),
        }
        Ok(news)
    }
}
