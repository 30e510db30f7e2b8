//! `POST /access`: everything that is held of a person, as they have a right to it (GDPR art. 15).

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::api::evidence::{ConsentEvent, ConsentOutcome};
use crate::api::restrictions::Restricted;
use crate::api::suppressions::Suppression;
use crate::api::{Moment, Word};
use crate::id::{FormId, PageId};
use crate::purpose::law::TransferBasis;
use crate::purpose::{Basis, Channel, PurposeId, RecordId};

/// Of whom: exactly one of `email` and `phone`.
// It holds an address: neither `Debug` nor `Display`.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Access {
    /// An e-mail address, in any spelling.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// A telephone number, in any spelling.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
}

/// Everything that is held under an address, in all purposes. Titles and sentences are in the language that was asked for.
// It holds answers: neither `Debug` nor `Display`.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct AccessFile {
    /// In which language titles and sentences are.
    #[schema(pattern = "^(fr|en|de)$")]
    pub language: String,
    /// When this was put together.
    pub made_at: Moment,
    /// Who answers for the data.
    pub controller: HeldBy,
    /// With what addresses of notices begin.
    pub public_url: String,
    /// Each record that holds the address, by purpose and number.
    pub records: Vec<HeldRecord>,
    /// How many records hold the address, where that is more than stand here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub total: Option<u64>,
    /// Entries of the list of who objected that are of this address.
    pub suppressions: Vec<Suppression>,
    /// What shows of the consents of records that are gone, where that is kept (`evidence.years`); left out where nothing is.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<KeptEvidence>,
    /// How many records do not open, and may hold the address; left out where each opened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub unreadable: Option<u64>,
    /// How many submissions are not read yet, so that nobody knows whose they are; left out where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub unread: Option<u64>,
    /// What tamis keeps beside the records, and until when, in sentences.
    pub remains: Vec<Remaining>,
}

/// Who answers for the data.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct HeldBy {
    /// Its name.
    pub name: String,
    /// Its postal address.
    pub address: String,
    /// Where people write about their data.
    pub email: String,
}

/// What is kept beside the records.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct Remaining {
    /// What.
    pub what: String,
    /// Until when.
    pub until: String,
}

/// A record, whole: also what is not used any more.
// It holds answers: neither `Debug` nor `Display`.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct HeldRecord {
    /// Its id.
    pub id: RecordId,
    /// Why it is held.
    pub purpose: PurposeId,
    /// What people read the purpose under; its name, where the config has no title of it.
    pub title: String,
    /// The basis in law; null: the purpose has left the config.
    #[schema(required = true, value_type = Option<Basis>)]
    pub basis: Option<Word<Basis>>,
    /// Its time is over: nothing of it is shown, and it is erased within a day. All that follows but `handed` is left out then.
    pub expired: bool,
    /// What was stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub content: Option<HeldContent>,
    /// Left out where none stands: nobody may use the record, and no clock ends it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub restricted: Option<Restricted>,
    /// Who was handed the record, and between which days; files of the controller's own first.
    pub handed: Vec<Handed>,
    /// Which mails about it were sent to its person, as far as that is kept: of each kind the last.
    #[serde(default)]
    pub mails: Vec<SentMail>,
    /// Since when no mail reaches its person; left out where mail does, or nobody knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub unreachable_since: Option<Moment>,
}

/// A mail that was sent to the person of a record.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct SentMail {
    /// What it was for.
    #[schema(value_type = SentMailKind)]
    pub kind: Word<SentMailKind>,
    /// When it was sent, by tamis or by a system of the controller's own that said so.
    pub sent_at: Moment,
}

crate::codes! {
    /// What a mail was for.
    pub enum SentMailKind {
        /// Whether they still agree.
        Asked = "asked",
        /// The same once more.
        Reminded = "reminded",
        /// The links to their own pages, which somebody had asked for.
        Link = "link",
        /// A copy of all that is held, which they had asked for.
        Copy = "copy",
    }
}

/// What a record holds, and where it is from.
// It holds answers: neither `Debug` nor `Display`.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct HeldContent {
    /// When the person submitted the form.
    pub created_time: Moment,
    /// When tamis was told.
    pub received_at: Moment,
    /// The day on which it is exported no longer; within the hour it is erased.
    pub expires_at: Moment,
    /// When the person is to be asked again; null: never.
    #[schema(required = true)]
    pub reconfirm_due: Option<Moment>,
    /// The form through which it came.
    pub form_id: FormId,
    /// The page that it belongs to.
    pub page_id: PageId,
    /// The form of the config that its form counted as, a copy of it; left out where its form was named itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub copy_of: Option<FormId>,
    /// The form's language as Meta writes it; left out where it is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub form_language: Option<String>,
    /// The form's content as the person saw it, as hex; left out where it is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub form_revision: Option<String>,
    /// The notice that was in force when the person submitted the form, as hex (`/notice/{purpose}/{revision}`); left out where
    /// there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub notice_revision: Option<String>,
    /// One of Meta's test leads.
    pub test: bool,
    /// The answers.
    pub fields: Vec<HeldField>,
    /// What is kept beside the answers, under the names of an export.
    pub beside: Vec<HeldBeside>,
    /// The boxes that were looked at, with what shows how they were answered.
    pub consents: Vec<HeldConsent>,
}

/// A field with its answers.
// It holds answers: neither `Debug` nor `Display`.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct HeldField {
    /// As the config names it, or did.
    pub name: String,
    /// What people call it.
    pub title: String,
    /// The answers.
    pub values: Vec<String>,
    /// False: it is in no export any more, since the whitelist no longer names it or the consent that it hangs on does not hold.
    pub exported: bool,
}

/// What is kept beside the answers.
// It holds what leads to a person: neither `Debug` nor `Display`.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct HeldBeside {
    /// As an export names it.
    pub name: String,
    /// What it is.
    pub title: String,
    /// What was kept.
    pub value: String,
}

/// A consent, and its evidence.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct HeldConsent {
    /// As the config names it, or did.
    pub key: String,
    /// What it allows; null: the purpose asks for it no more.
    #[schema(required = true, value_type = Option<Channel>)]
    pub channel: Option<Word<Channel>>,
    /// The same in words.
    pub title: String,
    /// The person ticked the box, and nobody had ticked it before.
    pub given: bool,
    /// What the box comes to.
    #[schema(value_type = ConsentOutcome)]
    pub outcome: Word<ConsentOutcome>,
    /// When it was given or refused.
    pub at: Moment,
    /// From this day on it holds no longer; null: it holds as long as the record, or was not given.
    #[schema(required = true)]
    pub valid_until: Option<Moment>,
    /// Meta's `checkbox_key`.
    pub checkbox_key: String,
    /// The answer as it stood in Meta's reply; null: it stood in no known spelling, or was not there.
    #[schema(required = true)]
    pub answer: Option<String>,
    /// What stood beside the box; null: it is not known.
    #[schema(required = true)]
    pub text: Option<String>,
    /// SHA-256 of that text, as hex; null: it is not known.
    #[schema(required = true)]
    pub text_hash: Option<String>,
    /// What became of it, the oldest first: that it was given or refused, and what came after.
    #[serde(default)]
    pub events: Vec<ConsentEvent>,
}

crate::codes! {
    /// How a record ended of which evidence is left.
    pub enum EvidenceCause {
        /// It was erased.
        Erased = "erased",
        /// Its time was over.
        Expired = "expired",
    }
}

/// What shows of the consents of a record that is gone: found by a keyed hash of the address, without an answer.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct KeptEvidence {
    /// Why the record was held.
    pub purpose: PurposeId,
    /// What people read the purpose under; its name, where the config has no title of it.
    pub title: String,
    /// How the record ended.
    #[schema(value_type = EvidenceCause)]
    pub cause: Word<EvidenceCause>,
    /// On which day (UTC).
    #[schema(pattern = "^[0-9]{4,6}-[0-9]{2}-[0-9]{2}$")]
    pub ended: String,
    /// In the course of which day (UTC) this goes, at the latest.
    #[schema(pattern = "^[0-9]{4,6}-[0-9]{2}-[0-9]{2}$")]
    pub until: String,
    /// The form through which it came.
    pub form_id: FormId,
    /// The form of the config that its form counted as; left out where its form was named itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub copy_of: Option<FormId>,
    /// The form's content as the person saw it, as hex; null: it is not known.
    #[schema(required = true)]
    pub form_revision: Option<String>,
    /// The boxes that were ticked.
    pub consents: Vec<KeptConsent>,
}

/// A box that was ticked.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct KeptConsent {
    /// As the config names it, or did.
    pub key: String,
    /// What it allows, in words.
    pub title: String,
    /// Meta's `checkbox_key`.
    pub checkbox_key: String,
    /// SHA-256 of the text beside the box, as hex; null: it is not known.
    #[schema(required = true)]
    pub text_hash: Option<String>,
    /// What the box comes to.
    #[schema(value_type = ConsentOutcome)]
    pub outcome: Word<ConsentOutcome>,
    /// That it was given, and what became of it, the oldest first.
    pub events: Vec<ConsentEvent>,
}

/// Who was handed a record.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct Handed {
    /// As the config names it, or did; null: nobody outside, it was exported into files of the controller's own.
    #[schema(required = true)]
    pub recipient: Option<String>,
    /// Its name; left out where the config no longer says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub name: Option<String>,
    /// Its country (ISO 3166-1 alpha-2); left out where the config no longer says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub country: Option<String>,
    /// What allows data to leave the European Economic Area for it (GDPR arts. 15(2), 46); left out where it is within, or where the config
    /// does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, value_type = Option<TransferBasis>)]
    pub safeguard: Option<Word<TransferBasis>>,
    /// Where that can be read; left out likewise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub safeguard_url: Option<String>,
    /// The first day (UTC).
    #[schema(pattern = "^[0-9]{4,6}-[0-9]{2}-[0-9]{2}$")]
    pub first: String,
    /// The last day (UTC).
    #[schema(pattern = "^[0-9]{4,6}-[0-9]{2}-[0-9]{2}$")]
    pub last: String,
}
