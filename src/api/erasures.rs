//! `POST /erasures`, `GET /erasures/{id}` and `GET /receipts/key`.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::api::id_text::EpochNumber;
use crate::api::{IdText, Moment, Word, member};
use crate::forget::{TellingState, Untold};
use crate::purpose::PurposeId;
use crate::trail::Reason;

/// What is to be erased.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Erase {
    /// By what it is found.
    pub by: ErasedBy,
    /// For these purposes alone, and not for others.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "member::present")]
    pub purposes: Option<Vec<String>>,
    /// Who wanted it; absent: the person where the reason is the person's, else the controller.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "member::present")]
    pub asked_by: Option<String>,
    /// With the reason `objection`, by an address: what the person asked for themselves (a purpose whose basis is `contract` or
    /// `pre_contract`) stays, since an objection does not end that.
    #[serde(default, skip_serializing_if = "is_false")]
    pub keep_own_requests: bool,
    /// Tell its person by mail first, and erase it then: within three days, told or not.
    #[serde(default, skip_serializing_if = "is_false")]
    pub tell: bool,
    /// Say how much it would take, and erase nothing.
    #[serde(default)]
    pub dry_run: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "it is what serde asks")]
fn is_false(said: &bool) -> bool {
    !said
}

/// By what it is found: exactly one member.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErasedBy {
    /// The submission of this record, whole.
    Id(IdText),
    /// The submission with this id of Meta's.
    LeadgenId(IdText),
    /// Each submission whose record holds this e-mail address, whole.
    Email(String),
    /// The same by a telephone number.
    Phone(String),
}

/// What of an address nobody could see when it was looked for; nothing of it where an id was named.
#[derive(Default, Serialize, Deserialize, ToSchema)]
pub struct Unseen {
    /// By an address: how many submissions were accepted and not read yet, so that nobody knew whose they were.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub unread: Option<u64>,
    /// By an address: how many records do not open, and may hold it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub unreadable: Option<u64>,
}

/// What becomes of an address that was erased; nothing of it where an id was named.
#[derive(Default, Serialize, Deserialize, ToSchema)]
pub struct Ahead {
    /// By an address, where the reason is `objection`: until when it is not stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub suppressed_until: Option<Moment>,
    /// By an address: true if what is unread is held against it when it is read. What holds it is not stored then, and an erasure
    /// follows this one once all of it was (`followed_by` in `GET /erasures/{id}`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub awaited: Option<bool>,
}

/// How much an erasure would take. Nothing was erased.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct WouldErase {
    /// Records, of all purposes.
    pub records: u64,
    /// The same by purpose.
    pub purposes: Vec<ErasedOf>,
    /// Submissions that were accepted and not read, or not stored.
    pub parked: u64,
    /// By an address: what nobody could see.
    #[serde(flatten)]
    pub unseen: Unseen,
    /// With `tell`: of how many of these records the person could be told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub could_be_told: Option<u64>,
}

/// How much of one purpose.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct ErasedOf {
    /// The purpose.
    pub id: PurposeId,
    /// Records.
    pub records: u64,
}

/// It is erased, and this is the paper about it.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct Erased {
    /// The erasure's number.
    #[schema(value_type = EpochNumber)]
    pub erasure: String,
    /// The signed receipt (a C2SP signed note), as `tamis receipt verify` takes it. Its first line is JSON.
    pub receipt: String,
    /// By an address with more submissions than one erasure takes: the erasures that came before it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub before: Vec<ErasedBefore>,
    /// By an address: what nobody could see.
    #[serde(flatten)]
    pub unseen: Unseen,
    /// By an address: what becomes of it from now on.
    #[serde(flatten)]
    pub ahead: Ahead,
}

impl Erased {
    /// One submission that was named by an id.
    pub fn one(erasure: String, receipt: String) -> Self {
        let (before, unseen, ahead) = Default::default();
        Self { erasure, receipt, before, unseen, ahead }
    }
}

/// Its person is told first, and then it is erased. Nobody uses the records any more.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct ToBeErased {
    /// The erasure's number, which its receipt will have: `GET /erasures/{id}` says how far it is.
    #[schema(value_type = EpochNumber)]
    pub erasure: String,
    /// When it is carried out at the latest, told or not.
    pub until: Moment,
    /// Records that wait, of all purposes.
    pub records: u64,
    /// By an address with more submissions than one erasure takes: the numbers of the erasures that came before it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<EpochNumber>, required = false)]
    pub before: Vec<String>,
    /// By an address: what nobody could see.
    #[serde(flatten)]
    pub unseen: Unseen,
    /// By an address: what becomes of it from now on.
    #[serde(flatten)]
    pub ahead: Ahead,
}

/// How it stands with the letter that goes before an erasure.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct ErasureTold {
    /// How far it is.
    #[schema(value_type = TellingState)]
    pub state: Word<TellingState>,
    /// When the erasure is, or was, carried out at the latest.
    pub until: Moment,
    /// Of how many records a mail server took the letter to their person.
    pub told: u64,
    /// Of how many the person was not told.
    pub untold: u64,
    /// Why not, of the last of them; null: all were told, or wait.
    #[schema(required = true, value_type = Option<Untold>)]
    pub code: Option<Word<Untold>>,
}

/// An erasure of the same address.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct ErasedBefore {
    /// Its number.
    #[schema(pattern = "^[0-9]+-[0-9]+$")]
    pub erasure: String,
    /// Its receipt.
    pub receipt: String,
}

/// An erasure, as it stands.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct ErasureShown {
    /// Its number.
    #[schema(value_type = EpochNumber)]
    pub erasure: String,
    /// How far it is.
    #[schema(value_type = ErasureState)]
    pub state: Word<ErasureState>,
    /// When it was asked for.
    pub asked_at: Moment,
    /// When it was done; null: it is not.
    #[schema(required = true)]
    pub done_at: Option<Moment>,
    /// Why.
    #[schema(required = true, value_type = Option<Reason>)]
    pub reason: Option<Word<Reason>>,
    /// Records that are gone, of all purposes; of an erasure that waits, those that will be.
    pub records: u64,
    /// The same by purpose.
    pub purposes: Vec<ErasedOf>,
    /// Submissions that ended before they were read or stored.
    pub parked: u64,
    /// The erasure by an address that this one adds to: what was unread then is read by now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = EpochNumber, required = false)]
    pub follows: Option<String>,
    /// The one that says what came of what was unread.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = EpochNumber, required = false)]
    pub followed_by: Option<String>,
    /// Of one whose person was to be told first: how that stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub told: Option<ErasureTold>,
    /// Each recipient that had something of it, and how far it has followed: what the receipt lists as to be told.
    #[serde(default)]
    pub followed: Vec<Following>,
    /// The signed receipt; null: it is not done.
    #[schema(required = true)]
    pub receipt: Option<String>,
}

/// How far a recipient has followed an erasure.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct Following {
    /// As the config named it then.
    pub recipient: String,
    /// When it read in its feed (`GET /changes`) that all of it is erased; null: it has not.
    #[schema(required = true)]
    pub told_at: Option<Moment>,
    /// When it said that it has erased all of it too; null: it has not.
    #[schema(required = true)]
    pub confirmed_at: Option<Moment>,
}

crate::codes! {
    /// How far an erasure is.
    pub enum ErasureState {
        /// Its person is told first: the records are there, and nobody uses them.
        Waiting = "waiting",
        /// The records are gone, and their keys are not destroyed yet.
        Pending = "pending",
        /// The keys are destroyed, and the disk has it.
        Done = "done",
    }
}

/// The public key of the receipts.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct ReceiptKey {
    /// As `name+id+key`: what `tamis receipt verify --key` takes.
    pub key: String,
}
