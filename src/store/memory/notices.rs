//! Revisions of notices.

use async_trait::async_trait;
use jiff::Timestamp;

use crate::purpose::{PurposeId, TextHash};
use crate::store::memory::MemoryStore;
use crate::store::notices::{NOTICE_BYTES_MAX, NOTICES_OF_PURPOSE_MAX};
use crate::store::{KeptNotice, Notices, StoreCode, StoreError};

#[async_trait]
impl Notices for MemoryStore {
    async fn keep_notice(
        &self,
        purpose: PurposeId,
        content: Vec<u8>,
        since: Timestamp,
    ) -> Result<bool, StoreError> {
        if content.len() > NOTICE_BYTES_MAX {
            return Err(StoreError::of(StoreCode::ValueTooLarge));
        }
        self.0.write(|draft| {
            let revision = TextHash::of(&content);
            let of_purpose = draft.rows.notices.entry(purpose.clone()).or_default();
            let last = of_purpose.last().map(|(last, since)| (*last, *since));
            if last.is_some_and(|(last, _)| last == revision) {
                return Ok(false);
            }
            if of_purpose.len() >= NOTICES_OF_PURPOSE_MAX {
                return Err(StoreError::of(StoreCode::ValueTooLarge));
            }
            of_purpose.push((revision, last.map_or(since, |(_, before)| before.max(since))));
            draft.rows.notice_texts.insert((purpose, revision), content);
            Ok(true)
        })
    }

    async fn notices(&self) -> Result<Vec<KeptNotice>, StoreError> {
        let rows = self.0.rows()?;
        let kept = |(purpose, revisions): (&PurposeId, &Vec<(TextHash, Timestamp)>)| {
            let kept = |(revision, since): &(TextHash, Timestamp)| KeptNotice {
                purpose: purpose.clone(),
                revision: *revision,
                since: *since,
            };
            revisions.iter().map(kept).collect::<Vec<_>>()
        };
        Ok(rows.notices.iter().flat_map(kept).collect())
    }

    async fn notice(&self, purpose: &PurposeId, revision: &TextHash) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.0.rows()?.notice_texts.get(&(purpose.clone(), *revision)).cloned())
    }
}
