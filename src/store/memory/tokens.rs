//! Tokens of the admin side.

use async_trait::async_trait;

use crate::store::memory::MemoryStore;
use crate::store::tokens::{PURPOSES_MAX, TEXT_BYTES_MAX, TOKENS_MAX};
use crate::store::{StoreCode, StoreError, Token, Tokens};
use crate::trail::{Entry, Outcome};

#[async_trait]
impl Tokens for MemoryStore {
    async fn create_token(&self, token: Token, entry: Entry) -> Result<(), StoreError> {
        self.0.write(|draft| {
            let tokens = &mut draft.rows.tokens;
            if !tokens.contains_key(&token.id) && tokens.len() >= TOKENS_MAX {
                return Err(StoreError::of(StoreCode::TooManyTokens));
            }
            let texts = [Some(&token.id), Some(&token.name), token.recipient.as_ref()];
            let is_long = texts.into_iter().flatten().any(|text| text.len() > TEXT_BYTES_MAX);
            if is_long || token.purposes.len() > PURPOSES_MAX {
                return Err(StoreError::of(StoreCode::ValueTooLarge));
            }
            tokens.insert(token.id.clone(), token);
            draft.append_line(entry);
            Ok(())
        })
    }

    async fn token(&self, id: &str) -> Result<Option<Token>, StoreError> {
        Ok(self.0.rows()?.tokens.get(id).cloned())
    }

    async fn tokens(&self) -> Result<Vec<Token>, StoreError> {
        Ok(self.0.rows()?.tokens.values().cloned().collect())
    }

    async fn revoke_token(&self, id: &str, mut entry: Entry) -> Result<bool, StoreError> {
        self.0.write(|draft| {
            let there = draft.rows.tokens.remove(id).is_some();
            if !there {
                entry.result = Outcome::Nothing;
            }
            draft.append_line(entry);
            Ok(there)
        })
    }
}
