//! `POST` and `GET /tokens`.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::api::{Moment, Word, member};
use crate::purpose::PurposeId;
use crate::trail::{Reason, Role};

/// A token to be made. Only an exporter's has purposes, a recipient and a reason, and needs all three.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(examples(json!({
    "name": "crm", "role": "exporter", "purposes": ["devis"], "recipient": "crm", "reason": "crm-sync",
    "expires_days": 365,
})))]
pub struct NewToken {
    /// What you call it: who will hold it, what it is for.
    #[schema(value_type = TokenName)]
    pub name: String,
    /// What it may do.
    #[schema(value_type = TokenRole)]
    pub role: String,
    /// The purposes that it may export, each declared, each once.
    #[serde(default)]
    #[schema(value_type = Vec<PurposeId>)]
    pub purposes: Vec<String>,
    /// On whose behalf it exports: a recipient that each of its purposes lists.
    pub recipient: Option<String>,
    /// Why it exports.
    #[schema(value_type = Option<Reason>)]
    pub reason: Option<String>,
    /// How long it lives. Absent: 365.
    #[serde(default, deserialize_with = "member::number_or_null")]
    #[schema(minimum = 1, maximum = 730, default = 365)]
    pub expires_days: Option<i64>,
}

/// A token, shown this once.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct CreatedToken {
    /// The half that may be shown.
    #[schema(pattern = "^[0-9a-f]{16}$")]
    pub id: String,
    /// The whole text, `ID.SECRET`: keep it as you keep a password.
    #[schema(pattern = r"^[0-9a-f]{16}\.[0-9a-f]{64}$")]
    pub token: String,
    /// When it ends.
    pub expires_at: Moment,
}

/// All tokens, oldest first.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct Tokens {
    /// Each, without its secret.
    pub tokens: Vec<Token>,
}

/// A token without its secret.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct Token {
    /// What stands before the dot.
    #[schema(pattern = "^[0-9a-f]{16}$")]
    pub id: String,
    /// What it is called.
    pub name: String,
    /// What it may do.
    #[schema(value_type = TokenRole)]
    pub role: Word<Role>,
    /// Of an exporter: the purposes that it may export.
    pub purposes: Vec<PurposeId>,
    /// Of an exporter: on whose behalf.
    #[schema(required = true)]
    pub recipient: Option<String>,
    /// Of an exporter: why.
    #[schema(required = true, value_type = Option<Reason>)]
    pub reason: Option<Word<Reason>>,
    /// When it was made.
    pub created_at: Moment,
    /// When it ends.
    pub expires_at: Moment,
    /// True if that has passed.
    pub expired: bool,
}

/// The roles that a token can have (the others are the command line's and tamis's own), for the document alone.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
#[expect(dead_code, reason = "it is looked at by the document alone")]
pub(super) enum TokenRole {
    Viewer,
    Exporter,
    Officer,
    Admin,
}

/// What `http/admin/tokens.rs` takes for a name, for the document alone.
#[expect(dead_code, reason = "it is looked at by the document alone")]
pub(super) struct TokenName(String);
