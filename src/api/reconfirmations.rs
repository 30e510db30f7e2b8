//! `GET /reconfirmations`, and what becomes of the asking: `run`, `pause`, `list`, `asked`.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::api::{IdText, Word};
use crate::purpose::{Cursor, PurposeId, RecordId};

/// So many people are listed, or said to be asked, at once.
pub const PEOPLE_MAX: usize = 256;

crate::codes! {
    /// What was done, or is to be done, about somebody's agreement.
    pub enum AskingKind {
        /// They were asked whether they still agree.
        Asked = "asked",
        /// The same once more.
        Reminded = "reminded",
    }
}

/// How it stands with asking people whether they still agree.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct Reconfirmations {
    /// tamis asks by mail; false: the config names no mail server, or says that others ask.
    pub by_mail: bool,
    /// Nobody is asked for now.
    pub paused: bool,
    /// Mails to people that wait to be sent, of every kind.
    pub waiting: u64,
    /// By purpose, in their order; those that ask nobody again are not here.
    pub purposes: Vec<Reconfirming>,
}

/// The same of one purpose. People are counted by what their record says in clear, without those who are restricted: who objected, or took
/// their agreement back, is counted, and not written to.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct Reconfirming {
    /// Which.
    pub purpose: PurposeId,
    /// So many are to be asked.
    pub to_ask: u64,
    /// So many are to be reminded.
    pub to_remind: u64,
    /// So many were asked, and have time to answer.
    pub answering: u64,
    /// So many are due, and no mail reaches them.
    pub unreachable: u64,
}

/// What a run came to.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct AskingRun {
    /// So many mails were put into the outbox; none where tamis does not ask by mail, or is paused.
    pub queued: u64,
}

/// Whether asking is paused.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PauseAsking {
    /// Nobody is asked until this is said again.
    pub paused: bool,
}

/// Of which purpose whoever is due is listed.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListDue {
    /// The purpose.
    pub purpose: IdText,
    /// At most so many; 1 to 256; absent: 256.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// Where an earlier answer said that the list goes on; absent: from the first record on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<IdText>,
}

/// Who is due, for whoever asks them by means of their own.
// It holds links: neither `Debug` nor `Display`.
#[derive(Default, Serialize, Deserialize, ToSchema)]
pub struct DueList {
    /// By number. Fewer than were asked for, or none, also where there are more: 256 records are opened for one answer, whoever is left out.
    pub people: Vec<DuePerson>,
    /// So many of those that were looked at for this answer look due and may not be written to: they are on the list of those who objected,
    /// took back what they agreed to, or no mailbox of theirs may be held.
    #[serde(default)]
    pub left_out: u64,
    /// The next `after`: the last record that was looked at, whoever it is. Null: the list ends here.
    #[serde(default)]
    #[schema(required = true)]
    pub next_cursor: Option<Cursor>,
}

/// Somebody who is due.
// Whoever has the link opens the page: neither `Debug` nor `Display`.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct DuePerson {
    /// Their record.
    pub id: RecordId,
    /// What is to be done.
    #[schema(value_type = AskingKind)]
    pub kind: Word<AskingKind>,
    /// The day (UTC) on which the record ends if they stay silent.
    #[schema(pattern = "^[0-9]{4,6}-[0-9]{2}-[0-9]{2}$")]
    pub ends_on: String,
    /// Their page, where they answer. For them alone; it cannot be had again.
    pub url: String,
}

/// Who was asked by other means.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SayAsked {
    /// Their records; 256 at the most.
    pub ids: Vec<IdText>,
    /// What was done.
    pub kind: Word<AskingKind>,
}

/// What was noted.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct SaidAsked {
    /// Of so many records: the others are gone, or never were.
    pub noted: u64,
}
