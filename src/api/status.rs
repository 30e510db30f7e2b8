//! `GET /status`.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::api::findings::FindingCount;
use crate::api::tokens::TokenRole;
use crate::api::{Moment, Word};
use crate::attention::AttentionCode;
use crate::id::{FormId, PageId};
use crate::notification::ParkCode;
use crate::purpose::{PurposeId, UnfedCode};
use crate::trail::Role;

/// Is it well? To an exporter what concerns its purposes, their forms and the pages that these are known to belong to, and
/// totals. What the store keeps is null while it does not tell.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct Status {
    /// True if notifications are taken.
    pub ready: bool,
    /// Why not: codes of docs/codes.md.
    pub refusals: Vec<String>,
    /// What needs a person although tamis goes on.
    pub attention: Vec<Concern>,
    /// The version that runs.
    pub version: String,
    /// Since when.
    pub started_at: Moment,
    /// When the last signed call was received that was answered 200; null: none since the start.
    #[schema(required = true)]
    pub last_call: Option<Moment>,
    /// When the last lead was stored; null: none since the start.
    #[schema(required = true)]
    pub last_stored: Option<Moment>,
    /// What is on its way, what waits.
    pub inbox: InboxCounts,
    /// Records, in the order of the config.
    #[schema(required = true)]
    pub purposes: Option<Vec<PurposeCount>>,
    /// The pages of the config, by id.
    pub pages: Vec<PageState>,
    /// Fields that no question of a form feeds.
    pub unfed: Vec<UnfedField>,
    /// What the form check found that stands, the worst first.
    #[serde(default)]
    #[schema(required = true)]
    pub findings: Vec<FindingCount>,
    /// When Graph last gave the form of the purposes that it has not given for the longest time; null: none was ever looked at.
    #[serde(default)]
    #[schema(required = true)]
    pub forms_looked_at: Option<Moment>,
    /// The moment of the last backup; null: none was ever made.
    #[serde(default)]
    #[schema(required = true)]
    pub last_backup: Option<Moment>,
    /// What was removed before this moment lies nowhere in the store's files, also sealed; null: nobody has seen to that yet.
    #[serde(default)]
    #[schema(required = true)]
    pub last_vacuum: Option<Moment>,
    /// When it was last restored from a backup; null: never. Records of before count as handed to whoever may have had them.
    #[serde(default)]
    #[schema(required = true)]
    pub last_restore: Option<Moment>,
    /// How many copies of the database lie beside it that suspect starts have made; a vacuum removes them.
    #[serde(default)]
    #[schema(required = true)]
    pub copies_aside: Option<u64>,
    /// How many erasures wait for the letter that tells their person; each is carried out within three days.
    #[serde(default)]
    #[schema(required = true)]
    pub erasures_to_tell: u64,
    /// The log's places.
    pub log: Vec<LogPlace>,
    /// The disk of the journal.
    pub disk: DiskRoom,
    /// The clock.
    pub clock: ClockState,
    /// Tokens that end soon, or have ended and were not revoked; whose token is no admin's sees its own.
    #[schema(required = true)]
    pub tokens: Option<Vec<EndingToken>>,
}

/// One thing that needs a person.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct Concern {
    /// What.
    #[schema(value_type = AttentionCode)]
    pub code: Word<AttentionCode>,
    /// Since when, as far as this start knows.
    pub since: Moment,
}

/// References by where they are.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct InboxCounts {
    /// To be read now.
    pub queued: WaitingCount,
    /// To be read again later.
    #[schema(required = true)]
    pub waiting: Option<WaitingCount>,
    /// Without a purpose or a page in the config.
    #[schema(required = true)]
    pub held: Option<WaitingCount>,
    /// Held before, and being read now.
    #[schema(required = true)]
    pub in_flight: Option<u64>,
    /// Refused by a purpose's rules.
    #[schema(required = true)]
    pub refused: Option<u64>,
    /// Whose last attempt failed.
    #[schema(required = true)]
    pub buried: Option<u64>,
}

/// References of one kind.
#[derive(Default, Serialize, Deserialize, ToSchema)]
pub struct WaitingCount {
    /// How many.
    pub count: u64,
    /// The oldest; null: there is none.
    #[schema(required = true)]
    pub oldest: Option<OldestReference>,
}

/// The oldest reference of a kind.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct OldestReference {
    /// When the call was received that named it; of a held one, since when it is.
    pub since: Moment,
    /// Its form; null: an exporter's purposes do not claim it.
    #[schema(required = true)]
    pub form_id: Option<FormId>,
    /// Its page; null as the form.
    #[schema(required = true)]
    pub page_id: Option<PageId>,
    /// Why it waits; null: it is about to be read, or its form is null.
    #[schema(required = true, value_type = Option<ParkCode>)]
    pub code: Option<Word<ParkCode>>,
}

/// What a purpose holds.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct PurposeCount {
    /// The purpose.
    pub id: PurposeId,
    /// Records kept.
    pub stored: u64,
    /// False: the config does not name it any more; its records end by the dates that they carry.
    pub configured: bool,
}

/// A page and whether its leads are read.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct PageState {
    /// The page.
    pub page_id: PageId,
    /// What the config calls it.
    pub name: String,
    /// Null: its leads are read.
    #[schema(required = true)]
    pub paused: Option<PagePause>,
}

/// Why no lead of a page is read.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct PagePause {
    /// Why.
    #[schema(value_type = ParkCode)]
    pub code: Word<ParkCode>,
    /// Until when; if that has passed, one lead is being read to see.
    pub until: Moment,
}

/// A field of a purpose that no question feeds, on one form or several.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct UnfedField {
    /// The purpose.
    pub purpose: PurposeId,
    /// Its field.
    pub field: String,
    /// True: every lead of these forms is refused.
    pub required: bool,
    /// Why.
    #[schema(value_type = UnfedCode)]
    pub code: Word<UnfedCode>,
    /// On how many forms.
    pub forms: u64,
    /// The first of them.
    pub form_id: FormId,
}

/// Where lines of the log go.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct LogPlace {
    /// `stderr`, `file`.
    pub place: String,
    /// Lines that did not get there since the start.
    pub lost: u64,
}

/// Room for what comes.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct DiskRoom {
    /// Bytes that are free.
    pub free_bytes: u64,
    /// Below so many no notification is taken.
    pub floor_bytes: u64,
}

/// What is made of the clock.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct ClockState {
    /// What it says.
    pub now: Moment,
    /// The highest clock seen that was believed: time goes by it.
    pub mark: Moment,
    /// How far it is trusted.
    #[schema(value_type = ClockTrust)]
    pub trust: Word<ClockTrust>,
}

crate::codes! {
    /// How far the clock is trusted.
    pub enum ClockTrust {
        /// Graph has confirmed it since the start.
        ByGraph = "confirmed-by-graph",
        /// A person has.
        ByPerson = "confirmed-by-person",
        /// It looks right, and nobody has confirmed it.
        Unconfirmed = "unconfirmed",
        /// It is ahead, and not believed.
        Ahead = "ahead",
    }
}

/// A token that ends.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct EndingToken {
    /// What stands before its dot.
    #[schema(pattern = "^[0-9a-f]{16}$")]
    pub id: String,
    /// What it is called.
    pub name: String,
    /// What it may do.
    #[schema(value_type = TokenRole)]
    pub role: Word<Role>,
    /// When it ends, or has ended.
    pub expires_at: Moment,
}

impl Status {
    /// True if nobody needs to do anything.
    pub fn is_well(&self) -> bool {
        self.ready && self.attention.is_empty()
    }
}
