//! Revisions of notices: `e` ‖ purpose ‖ 0 ‖ number → which and since when; what they say, once, in pieces:
//! `t` ‖ purpose ‖ 0 ‖ revision ‖ number.

use std::ops::Bound::{Excluded, Included};

use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::purpose::{PurposeId, TextHash};
use crate::store::notices::{NOTICE_BYTES_MAX, NOTICES_OF_PURPOSE_MAX};
use crate::store::sled::SledStore;
use crate::store::sled::engine::Engine;
use crate::store::sled::layout::{self, InTree, Place};
use crate::store::{KeptNotice, Notices, StoreCode, StoreError};

const REVISION: u8 = b'e';
const TEXT: u8 = b't';

/// A value is no larger than 16 KiB.
const PIECE_BYTES: usize = 12 * 1024;
/// Purposes are the operator's, so there are few.
const ROWS_MAX: usize = 100_000;

#[derive(Serialize, Deserialize)]
struct RevisionRow {
    revision: [u8; 32],
    since_ms: i64,
    /// How many.
    pieces: u16,
}

impl InTree for RevisionRow {
    const TREES: &'static [Place] = &[Place::Notices];
}

#[async_trait]
impl Notices for SledStore {
    async fn keep_notice(
        &self,
        purpose: PurposeId,
        content: Vec<u8>,
        since: Timestamp,
    ) -> Result<bool, StoreError> {
        if content.len() > NOTICE_BYTES_MAX {
            return Err(StoreError::of(StoreCode::ValueTooLarge));
        }
        self.writer
            .write(1, move |draft| {
                let rows = rows(draft.engine, &purpose, NOTICES_OF_PURPOSE_MAX)?;
                let last =
                    rows.last().map(|(key, row)| Ok::<_, StoreError>((number_of(key)?, row))).transpose()?;
                let revision = *TextHash::of(&content).bytes();
                let last_row = last.as_ref().and_then(|(_, row)| layout::decode::<RevisionRow>(row).ok());
                if last_row.as_ref().is_some_and(|row| row.revision == revision) {
                    return Ok(false);
                }
                if rows.len() >= NOTICES_OF_PURPOSE_MAX {
                    return Err(StoreError::of(StoreCode::ValueTooLarge));
                }
                let pieces = content.chunks(PIECE_BYTES);
                let count =
                    u16::try_from(pieces.len()).map_err(|_| StoreError::of(StoreCode::ValueTooLarge))?;
                for (number, piece) in (0..count).zip(pieces) {
                    draft.write(Place::Notices, &piece_key(&purpose, &revision, number), piece.to_vec())?;
                }
                let since_ms = since.as_millisecond().max(last_row.map_or(i64::MIN, |row| row.since_ms));
                let row = RevisionRow { revision, since_ms, pieces: count };
                let number = last.map_or(0, |(number, _)| number + 1);
                draft.write(Place::Notices, &row_key(&purpose, number), layout::encode(&row))?;
                Ok(true)
            })
            .await
    }

    async fn notices(&self) -> Result<Vec<KeptNotice>, StoreError> {
        self.beside(|shared| {
            shared.reading(|engine| {
                let range = (Included([REVISION].as_slice()), Excluded([REVISION + 1].as_slice()));
                let rows = engine.scan(&Place::Notices, range, ROWS_MAX)?;
                let kept = |(key, bytes): &(::sled::IVec, ::sled::IVec)| {
                    shared.unreadable().or_passed_over(&Place::Notices, key, read(key, bytes))
                };
                Ok(rows.iter().filter_map(kept).collect())
            })
        })
        .await
    }

    async fn notice(&self, purpose: &PurposeId, revision: &TextHash) -> Result<Option<Vec<u8>>, StoreError> {
        let (purpose, revision) = (purpose.clone(), *revision);
        self.beside(move |shared| {
            shared.reading(|engine| {
                let key = piece_key(&purpose, revision.bytes(), 0);
                let found = text(engine, &purpose, &revision);
                Ok(shared.unreadable().or_passed_over(&Place::Notices, &key, found).flatten())
            })
        })
        .await
    }
}

type Rows = Vec<(::sled::IVec, ::sled::IVec)>;

fn rows(engine: &Engine, purpose: &PurposeId, most: usize) -> Result<Rows, StoreError> {
    let (first, last) = (row_key(purpose, 0), row_key(purpose, u32::MAX));
    engine.scan(&Place::Notices, (Included(first.as_slice()), Included(last.as_slice())), most)
}

/// All pieces that are there; none: there is no first. One that is missing shows by the hash.
fn text(engine: &Engine, purpose: &PurposeId, revision: &TextHash) -> Result<Option<Vec<u8>>, StoreError> {
    let mut content = Vec::new();
    let most = NOTICE_BYTES_MAX.div_ceil(PIECE_BYTES);
    for number in (0..=u16::MAX).take(most) {
        match engine.read(&Place::Notices, &piece_key(purpose, revision.bytes(), number))? {
            Some(piece) => content.extend_from_slice(&piece),
            None => break,
        }
    }
    if content.is_empty() {
        return Ok(None);
    }
    match TextHash::of(&content) == *revision {
        true => Ok(Some(content)),
        false => Err(StoreError::of(StoreCode::Damaged)),
    }
}

fn read(key: &[u8], bytes: &[u8]) -> Result<KeptNotice, StoreError> {
    let damaged = StoreError::of(StoreCode::Damaged);
    let name = key.get(1..key.len().saturating_sub(5)).ok_or(damaged)?;
    let purpose = std::str::from_utf8(name).ok().and_then(PurposeId::parse).ok_or(damaged)?;
    let row: RevisionRow = layout::decode(bytes)?;
    let since = layout::moment(row.since_ms)?;
    Ok(KeptNotice { purpose, revision: TextHash::from_bytes(row.revision), since })
}

fn number_of(key: &[u8]) -> Result<u32, StoreError> {
    let number = key.last_chunk::<4>().ok_or(StoreError::of(StoreCode::Damaged))?;
    Ok(u32::from_be_bytes(*number))
}

fn row_key(purpose: &PurposeId, number: u32) -> Vec<u8> {
    [&[REVISION], purpose.as_str().as_bytes(), &[0], number.to_be_bytes().as_slice()].concat()
}

fn piece_key(purpose: &PurposeId, revision: &[u8; 32], number: u16) -> Vec<u8> {
    [&[TEXT], purpose.as_str().as_bytes(), &[0], revision, number.to_be_bytes().as_slice()].concat()
}
