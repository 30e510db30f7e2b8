//! What is written down of one act, before it has a number and a place in the chain.

use crate::purpose::{PurposeId, RecordId};
use crate::trail::{Actor, Operator, Reason, Role};

crate::codes! {
    /// What was done.
    pub enum Action {
        /// tamis stored records.
        Stored = "stored",
        /// A page of records was read out.
        Exported = "exported",
        /// A record was looked for, and shown masked.
        Found = "found",
        /// A record was looked for, to be shown in full.
        FoundUnmasked = "found-unmasked",
        /// Parked references were brought back.
        Requeued = "requeued",
        /// A token was made.
        TokenCreated = "token-created",
        /// A token was revoked.
        TokenRevoked = "token-revoked",
        /// The list of tokens was asked for; only a refusal is written down.
        TokensListed = "tokens-listed",
        /// The trail was asked for; only a refusal is written down.
        TrailRead = "trail-read",
        /// A clock that leapt forward was confirmed, by a person or by Graph's own.
        ClockConfirmed = "clock-confirmed",
    }
}

crate::codes! {
    /// How it ended.
    pub enum Outcome {
        /// Done.
        Done = "done",
        /// Nothing was there.
        Nothing = "nothing",
        /// Refused: not this operator's.
        Refused = "refused",
    }
}

/// One act. Ids of records, purposes, counts and codes; nothing a person wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Who.
    pub actor: Actor,
    /// In what role.
    pub role: Role,
    /// On whose behalf.
    pub recipient: Option<String>,
    /// What.
    pub action: Action,
    /// Of which purpose.
    pub purpose: Option<PurposeId>,
    /// How many records (for an export: up to how many).
    pub count: u64,
    /// The first record.
    pub from: Option<RecordId>,
    /// The last record.
    pub to: Option<RecordId>,
    /// Why.
    pub reason: Option<Reason>,
    /// How it ended.
    pub result: Outcome,
}

impl Entry {
    /// An act of an operator, still without purpose, range and count.
    pub fn by(operator: &Operator, action: Action) -> Self {
        Self {
            actor: operator.actor.clone(),
            role: operator.role,
            recipient: operator.recipient.clone(),
            action,
            purpose: None,
            count: 0,
            from: None,
            to: None,
            reason: operator.reason,
            result: Outcome::Done,
        }
    }

    /// An act of tamis itself.
    pub fn by_system(action: Action) -> Self {
        Self {
            actor: Actor::System,
            role: Role::System,
            recipient: None,
            action,
            purpose: None,
            count: 0,
            from: None,
            to: None,
            reason: None,
            result: Outcome::Done,
        }
    }
}
