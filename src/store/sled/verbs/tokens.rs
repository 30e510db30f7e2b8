//! Tokens of the admin side: the secret half only as its SHA-256.

use std::ops::Bound::Unbounded;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::purpose::PurposeId;
use crate::store::sled::SledStore;
use crate::store::sled::draft::Draft;
use crate::store::sled::engine::Engine;
use crate::store::sled::layout::{self, InTree, Place};
use crate::store::sled::shared::Shared;
use crate::store::tokens::{PURPOSES_MAX, TEXT_BYTES_MAX, TOKENS_MAX};
use crate::store::{StoreCode, StoreError, Token, Tokens};
use crate::trail::{Entry, Outcome, Reason, Role};

#[derive(Serialize, Deserialize)]
struct TokenRow {
    hash: [u8; 32],
    name: String,
    role: String,
    purposes: Vec<String>,
    recipient: Option<String>,
    reason: Option<String>,
    created_ms: i64,
    expires_ms: i64,
}

impl InTree for TokenRow {
    const TREES: &'static [Place] = &[Place::Tokens];
}

#[async_trait]
impl Tokens for SledStore {
    async fn create_token(&self, token: Token, entry: Entry) -> Result<(), StoreError> {
        self.writer.write(1, move |draft| create(draft, &token, entry)).await
    }

    async fn token(&self, id: &str) -> Result<Option<Token>, StoreError> {
        let id = id.to_owned();
        self.beside(move |shared| {
            shared.reading(|engine| {
                // One that cannot be read lets nobody in, and keeps nobody else out.
                let row = engine.read(&Place::Tokens, id.as_bytes())?;
                Ok(row.and_then(|bytes| readable(shared, id.as_bytes(), &bytes)))
            })
        })
        .await
    }

    async fn tokens(&self) -> Result<Vec<Token>, StoreError> {
        self.beside(|shared| {
            shared.reading(|engine| {
                Ok(all(engine)?.iter().filter_map(|(id, bytes)| readable(shared, id, bytes)).collect())
            })
        })
        .await
    }

    async fn revoke_token(&self, id: &str, entry: Entry) -> Result<bool, StoreError> {
        let id = id.to_owned();
        self.writer.write(1, move |draft| revoke(draft, &id, entry)).await
    }
}

fn all(engine: &Engine) -> Result<Vec<(::sled::IVec, ::sled::IVec)>, StoreError> {
    engine.scan(&Place::Tokens, (Unbounded, Unbounded), TOKENS_MAX)
}

fn create(draft: &mut Draft<'_>, token: &Token, entry: Entry) -> Result<(), StoreError> {
    // Several created in one transaction may pass the bound by a few; it is there against growth without end.
    let is_new = draft.read(&Place::Tokens, token.id.as_bytes())?.is_none();
    if is_new && all(draft.engine)?.len() >= TOKENS_MAX {
        return Err(StoreError::of(StoreCode::TooManyTokens));
    }
    let texts = [Some(&token.id), Some(&token.name), token.recipient.as_ref()];
    if texts.into_iter().flatten().any(|text| text.len() > TEXT_BYTES_MAX)
        || token.purposes.len() > PURPOSES_MAX
    {
        return Err(StoreError::of(StoreCode::ValueTooLarge));
    }
    let row = TokenRow {
        hash: token.hash,
        name: token.name.clone(),
        role: token.role.as_str().to_owned(),
        purposes: token.purposes.iter().map(ToString::to_string).collect(),
        recipient: token.recipient.clone(),
        reason: token.reason.map(|reason| reason.as_str().to_owned()),
        created_ms: token.created_at.as_millisecond(),
        expires_ms: token.expires_at.as_millisecond(),
    };
    draft.write(Place::Tokens, token.id.as_bytes(), layout::encode(&row))?;
    draft.append_line(entry)
}

/// Tokens that were made while the clock was ahead live as long as was asked for, from now on.
pub(in crate::store::sled) fn made_no_later_than_now(draft: &mut Draft<'_>) -> Result<(), StoreError> {
    let now = draft.now.as_millisecond();
    for (id, bytes) in all(draft.engine)? {
        let mut row: TokenRow = layout::decode(&bytes)?;
        let ahead_ms = row.created_ms - now;
        if ahead_ms > 0 {
            (row.created_ms, row.expires_ms) = (now, row.expires_ms - ahead_ms);
            draft.write(Place::Tokens, &id, layout::encode(&row))?;
        }
    }
    Ok(())
}

fn revoke(draft: &mut Draft<'_>, id: &str, mut entry: Entry) -> Result<bool, StoreError> {
    let there = draft.read(&Place::Tokens, id.as_bytes())?.is_some();
    if there {
        draft.remove(Place::Tokens, id.as_bytes());
    } else {
        entry.result = Outcome::Nothing;
    }
    draft.append_line(entry)?;
    Ok(there)
}

fn readable(shared: &Shared, id: &[u8], bytes: &[u8]) -> Option<Token> {
    shared.unreadable().or_passed_over(&Place::Tokens, id, read(id, bytes))
}

fn read(id: &[u8], bytes: &[u8]) -> Result<Token, StoreError> {
    let unknown = StoreError::of(StoreCode::Format);
    let row: TokenRow = layout::decode(bytes)?;
    let purposes = row.purposes.iter().map(|purpose| PurposeId::parse(purpose).ok_or(unknown));
    Ok(Token {
        id: std::str::from_utf8(id).map_err(|_| unknown)?.to_owned(),
        hash: row.hash,
        name: row.name,
        role: Role::from_code(&row.role).ok_or(unknown)?,
        purposes: purposes.collect::<Result<_, _>>()?,
        recipient: row.recipient,
        reason: row.reason.map(|reason| Reason::from_code(&reason).ok_or(unknown)).transpose()?,
        created_at: layout::moment(row.created_ms)?,
        expires_at: layout::moment(row.expires_ms)?,
    })
}
