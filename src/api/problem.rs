//! Refusals and failures as the outside sees them: RFC 9457 bodies with a stable code.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::api::Word;
use crate::purpose::Cursor;

crate::codes! {
    /// Why a call was not answered.
    pub enum ProblemCode {
        /// No such address.
        NotFound = "not-found",
        /// The address takes other methods.
        MethodNotAllowed = "method-not-allowed",
        /// The request is no HTTP that tamis reads.
        RequestInvalid = "request-invalid",
        /// The request did not arrive in time.
        RequestTimeout = "request-timeout",
        /// The request's head is larger than any that tamis reads.
        HeadTooLarge = "head-too-large",
        /// The body is larger than this call takes.
        BodyTooLarge = "body-too-large",
        /// The bodies of all requests take the memory that they may take, or as many exports run as may, or all connections are at work, or a backup is being made, or a vacuum runs.
        Busy = "busy",
        /// The notification carries no usable signature.
        SignatureMissing = "signature-missing",
        /// The notification's signature is under none of the app's secrets.
        SignatureMismatch = "signature-mismatch",
        /// The notification is signed and no JSON.
        NotJson = "not-json",
        /// The notification has more references than one call may bring.
        TooManyReferences = "too-many-references",
        /// A parameter of Meta's handshake is missing, repeated or malformed.
        HandshakeIncomplete = "handshake-incomplete",
        /// Mode or token of Meta's handshake is wrong.
        HandshakeRefused = "handshake-refused",
        /// The inbox takes nothing for now: nothing of the call was taken.
        InboxUnavailable = "inbox-unavailable",
        /// The body is not what this call takes.
        BodyInvalid = "body-invalid",
        /// A query parameter that this call does not know.
        ParameterUnknown = "parameter-unknown",
        /// A query parameter twice, or with a value that this call does not take.
        ParameterInvalid = "parameter-invalid",
        /// `limit` is not within its bounds.
        LimitOutOfRange = "limit-out-of-range",
        /// `Accept` names no media type that this call answers with.
        NotAcceptable = "not-acceptable",
        /// The cursor is none.
        CursorInvalid = "cursor-invalid",
        /// The cursor belongs to another purpose.
        CursorForeign = "cursor-foreign",
        /// A cursor that this store never gave.
        CursorAhead = "cursor-ahead",
        /// No bearer token came with the call.
        TokenMissing = "token-missing",
        /// The token is wrong, revoked or expired.
        TokenRefused = "token-refused",
        /// The caller on the socket is neither root nor the daemon's user.
        PeerRefused = "peer-refused",
        /// The operator's role does not allow this call.
        RoleInsufficient = "role-insufficient",
        /// The exporter's token does not name this purpose.
        PurposeNotYours = "purpose-not-yours",
        /// The purpose does not list the recipient.
        RecipientNotListed = "recipient-not-listed",
        /// A call that reads or changes people's data needs a reason.
        ReasonMissing = "reason-missing",
        /// The reason is not on the closed list.
        ReasonUnknown = "reason-unknown",
        /// No such purpose.
        PurposeUnknown = "purpose-unknown",
        /// No such token.
        TokenUnknown = "token-unknown",
        /// A token's name is empty, too long, or not printable.
        TokenNameInvalid = "token-name-invalid",
        /// A token's role is not one that a token can have.
        TokenRoleInvalid = "token-role-invalid",
        /// An exporter's token names no purpose, one twice, or one that is not declared.
        TokenPurposesInvalid = "token-purposes-invalid",
        /// An exporter's token needs a recipient that each of its purposes lists.
        TokenRecipientInvalid = "token-recipient-invalid",
        /// An exporter's token needs a reason from the closed list.
        TokenReasonInvalid = "token-reason-invalid",
        /// A token's life is not within its bounds.
        TokenExpiryInvalid = "token-expiry-invalid",
        /// Only an exporter's token carries purposes, a recipient and a reason.
        TokenNotExporter = "token-not-exporter",
        /// No more tokens are kept.
        TooManyTokens = "too-many-tokens",
        /// A telephone number without its country, for purposes of several.
        PhoneAmbiguous = "phone-ambiguous",
        /// A suppression lasts between 36 and 120 months.
        MonthsOutOfRange = "months-out-of-range",
        /// No more suppressions are kept.
        TooManySuppressions = "too-many-suppressions",
        /// More look-ups by a record's number or an address wait than may.
        /// No such record.
        RecordUnknown = "record-unknown",
        /// There was such a record: it was erased, or its time is over.
        RecordGone = "record-gone",
        /// Nobody agreed to hand the record to this recipient, or that agreement is over.
        RecordWithheld = "record-withheld",
        /// No change of this recipient has this number, or ever had.
        ChangeUnknown = "change-unknown",
        /// The record is restricted: only what its person asks for may be done with it.
        RecordRestricted = "record-restricted",
        /// The record would be larger than a record may be.
        RecordTooLarge = "record-too-large",
        /// The purpose's whitelist has no such field.
        FieldUnknown = "field-unknown",
        /// A field that is worked out from another.
        FieldWorkedOut = "field-worked-out",
        /// A field that the record may not be without.
        FieldRequired = "field-required",
        /// A field twice, a blank answer, or too many.
        ValueInvalid = "value-invalid",
        /// A field hangs on a consent that was not given, or is over.
        ConsentNotGiven = "consent-not-given",
        /// The purpose asks for no such consent.
        ConsentUnknown = "consent-unknown",
        /// Nothing that is confirmed was agreed to and still holds.
        NothingToConfirm = "nothing-to-confirm",
        /// The record's address is on the list of those that may not be stored.
        AddressSuppressed = "address-suppressed",
        /// The correction is done; the key of what the record held before is not destroyed yet.
        CorrectionPending = "correction-pending",
        /// The last day of a restriction is over, or too far away.
        UntilOutOfRange = "until-out-of-range",
        /// The record is not restricted.
        NotRestricted = "not-restricted",
        /// No more restrictions are kept.
        TooManyRestrictions = "too-many-restrictions",
        /// No more requests of persons are kept.
        RegisterFull = "register-full",
        /// No such request of a person.
        PersonRequestUnknown = "person-request-unknown",
        /// The request of a person was extended or answered before, or its month is over.
        NotExtendable = "not-extendable",
        /// The day on which a request came has not come yet, or is more than a year ago.
        ReceivedOutOfRange = "received-out-of-range",
        /// More look-ups by a record's number wait than may.
        LookupsTooFast = "lookups-too-fast",
        /// As many look-ups by address wait as may.
        SearchesFull = "too-many-searches",
        /// The look through everything that is stored took too long.
        SearchTooSlow = "search-too-slow",
        /// What was typed is no e-mail address, or no telephone number.
        AddressInvalid = "address-invalid",
        /// The clock is ahead and not believed: nothing is handed out.
        ClockJumped = "clock-jumped",
        /// Whether a record is past its expiry depends on a clock that nobody has confirmed since the start.
        ClockUnconfirmed = "clock-unconfirmed",
        /// The reason is none for which data is erased.
        ErasureReasonInvalid = "erasure-reason-invalid",
        /// No such erasure.
        ErasureUnknown = "erasure-unknown",
        /// The records are gone, and their keys could not be destroyed yet: nobody may be told that they are erased.
        ErasurePending = "erasure-pending",
        /// The erasure waits: its person is told first.
        ErasureWaits = "erasure-waits",
        /// The record waits for its erasure: its person is told first, and nothing takes that back.
        ToBeErased = "record-to-be-erased",
        /// Nobody can be told by mail: the config names no mail server.
        MailNotConfigured = "mail-not-configured",
        /// None of the records holds an address that a mail can go to.
        NobodyToTell = "nobody-to-tell",
        /// The key by which a request is known again is none.
        IdempotencyKeyInvalid = "idempotency-key-invalid",
        /// The caller used the key for another request.
        IdempotencyKeyTaken = "idempotency-key-taken",
        /// A purpose claims the form: what is held of it is waiting for its page, not for a hand.
        FormClaimed = "form-claimed",
        /// Nothing is known of the form.
        FormUnknown = "form-unknown",
        /// The trail has no such line, or not any more.
        TrailLineUnknown = "trail-line-unknown",
        /// The form was never read so.
        RevisionUnknown = "revision-unknown",
        /// The page is not in the config.
        PageUnknown = "page-unknown",
        /// A backup is being made, or a vacuum runs: one at a time.
        CopyUnderWay = "copy-under-way",
        /// Something is where the backup is to be.
        DirectoryTaken = "directory-taken",
        /// No backup can be made there.
        DirectoryRefused = "directory-refused",
        /// There is no room for a backup.
        DirectoryFull = "directory-full",
        /// There is no room for a new file of the store beside the old one.
        NoRoomToVacuum = "no-room-to-vacuum",
        /// The disk is full, or below its floor.
        DiskFull = "disk-full",
        /// The store takes nothing for now.
        StoreUnavailable = "store-unavailable",
        /// The store failed.
        StoreFailed = "store-failed",
        /// A stored record does not open.
        RecordUnreadable = "record-unreadable",
        /// Records of the purpose are missing.
        CountMismatch = "store-count-mismatch",
        /// The trail does not chain.
        TrailBroken = "trail-broken",
        /// A fault of ours.
        Internal = "internal",
    }
}

impl ProblemCode {
    /// The HTTP status and the sentence that people read.
    pub const fn status_and_title(self) -> (u16, &'static str) {
        match self {
            Self::NotFound => (404, "There is nothing at this address"),
            Self::MethodNotAllowed => (405, "This address takes other methods"),
            Self::RequestInvalid => (400, "The request cannot be read"),
            Self::RequestTimeout => (408, "The request did not arrive in time"),
            Self::HeadTooLarge => (431, "The request's head is too large"),
            Self::BodyTooLarge => (413, "The body is too large"),
            Self::Busy => {
                (503, "Too much is being read at once, or a backup is being made, or a vacuum runs")
            }
            Self::SignatureMissing => (401, "A signature is needed, in the header X-Hub-Signature-256"),
            Self::SignatureMismatch => (403, "The signature does not fit the body"),
            Self::NotJson => (400, "The body is no JSON"),
            Self::TooManyReferences => (413, "The notification has too many changes"),
            Self::HandshakeIncomplete => {
                (400, "hub.mode, hub.verify_token and hub.challenge are needed, once each")
            }
            Self::HandshakeRefused => (403, "The mode or the token is wrong"),
            Self::InboxUnavailable => (503, "Nothing is taken for now"),
            Self::BodyInvalid => (400, "The body is not what this call takes"),
            Self::ParameterUnknown => (400, "A query parameter is unknown"),
            Self::ParameterInvalid => (400, "A query parameter has a value that this call does not take"),
            Self::LimitOutOfRange => (400, "The limit must be between 1 and 10,000"),
            Self::NotAcceptable => {
                (406, "None of the media types in Accept is one that this call answers with")
            }
            Self::CursorInvalid => (400, "The cursor cannot be read"),
            Self::CursorForeign => (400, "The cursor belongs to another purpose"),
            Self::TokenMissing => (401, "A bearer token is needed"),
            Self::TokenRefused => (401, "The token is wrong, revoked or expired"),
            Self::PeerRefused => (403, "Only root and the daemon's own user may use the admin socket"),
            Self::RoleInsufficient => (403, "This role may not do this"),
            Self::PurposeNotYours => (403, "This token does not reach that purpose"),
            Self::RecipientNotListed => (403, "The purpose does not list this recipient"),
            Self::ReasonMissing => (400, "A reason is needed, in the header Tamis-Reason"),
            Self::ReasonUnknown => (400, "The reason is not on the list"),
            Self::PurposeUnknown => (404, "There is no such purpose"),
            Self::TokenUnknown => (404, "There is no such token"),
            Self::TokenNameInvalid => (400, "A token's name has 1 to 64 printable characters"),
            Self::TokenRoleInvalid => (400, "A token's role is viewer, exporter, officer or admin"),
            Self::TokenPurposesInvalid => (400, "An exporter's token names declared purposes, each once"),
            Self::TokenRecipientInvalid => {
                (400, "An exporter's token names a recipient that each of its purposes lists")
            }
            Self::TokenReasonInvalid => (400, "An exporter's token carries a reason from the list"),
            Self::TokenExpiryInvalid => (400, "A token lives between 1 and 730 days"),
            Self::TokenNotExporter => {
                (400, "Only an exporter's token has purposes, a recipient and a reason")
            }
            Self::CursorAhead => (
                409,
                "This store never gave this cursor: it was restored, or is another one. Go on after resume_after",
            ),
            Self::TooManyTokens => (409, "No more tokens are kept: revoke one first"),
            Self::PhoneAmbiguous => {
                (400, "The number needs its country: the purposes are of several, begin it with a plus")
            }
            Self::MonthsOutOfRange => (400, "A suppression lasts between 36 and 120 months"),
            Self::TooManySuppressions => (409, "No more suppressions are kept: remove some first"),
            Self::LookupsTooFast => {
                (429, "Too many look-ups by number or address at once: one after another they are answered")
            }
            Self::SearchesFull => (503, "Too many look-ups by address wait already"),
            Self::SearchTooSlow => (503, "Looking through everything that is stored took too long"),
            Self::AddressInvalid => (400, "This is no e-mail address, or no telephone number"),
            Self::ErasureReasonInvalid => {
                (400, "Data is erased for person-request, withdrawal, objection, error or audit")
            }
            Self::ErasureUnknown => (404, "There is no such erasure"),
            Self::ErasurePending => (503, "The records are gone, but their keys are not destroyed yet"),
            Self::IdempotencyKeyInvalid => {
                (400, "Idempotency-Key has 1 to 255 visible characters of ASCII, and comes once")
            }
            Self::IdempotencyKeyTaken => (422, "This Idempotency-Key was used for another request"),
            Self::RecordUnknown => (404, "There is no such record"),
            Self::RecordGone => (410, "The record was erased, or its time is over"),
            Self::RecordWithheld => (403, "Nobody agreed to hand this record to this recipient"),
            Self::ChangeUnknown => (404, "No change of this recipient has this number, or ever had"),
            Self::RecordRestricted => {
                (409, "The record is restricted: only what its person asks for may be done with it")
            }
            Self::RecordTooLarge => (422, "The record would be larger than a record may be"),
            Self::FieldUnknown => (422, "The purpose has no such field"),
            Self::FieldWorkedOut => (422, "This field is worked out from another: correct that one"),
            Self::FieldRequired => (422, "The record may not be without this field"),
            Self::ValueInvalid => (422, "A field is named twice, or has a blank answer, or too many"),
            Self::ConsentNotGiven => (422, "The field needs a consent that was not given, or is over"),
            Self::ConsentUnknown => (404, "No purpose that is meant asks for such a consent"),
            Self::NothingToConfirm => {
                (409, "Nothing that is confirmed was agreed to and still holds: only a new submission can")
            }
            Self::AddressSuppressed => {
                (409, "The address is on the list of who objected: nobody says yes for it")
            }
            Self::CorrectionPending => {
                (503, "The record is corrected, but the key of what it held is not destroyed yet")
            }
            Self::UntilOutOfRange => {
                (422, "A restriction ends within twelve months, on a day such as 2027-03-31")
            }
            Self::NotRestricted => (404, "The record is not restricted"),
            Self::ErasureWaits => (
                409,
                "Its person is told first: the erasure is carried out then, within three days of its asking",
            ),
            Self::ToBeErased => (409, "The record waits for its erasure: nothing takes that back"),
            Self::MailNotConfigured => (409, "Nobody can be told: the config names no mail server"),
            Self::NobodyToTell => (
                409,
                "Nobody can be told: no record of it holds an address that mail reaches; nothing was erased",
            ),
            Self::TooManyRestrictions => (409, "No more restrictions are kept: lift one first"),
            Self::RegisterFull => {
                (409, "No more requests of persons are kept: those that are answered end by their time")
            }
            Self::PersonRequestUnknown => (404, "There is no such request of a person"),
            Self::NotExtendable => {
                (409, "The request was extended or answered before, or its first month is over")
            }
            Self::ReceivedOutOfRange => {
                (422, "A request came today or within the last year, on a day such as 2026-11-30")
            }
            Self::FormClaimed => (409, "A purpose claims this form: its references are not dropped"),
            Self::TrailLineUnknown => (404, "The trail has no such line, or not any more"),
            Self::FormUnknown => (404, "Nothing is known of this form"),
            Self::RevisionUnknown => (404, "The form has no such revision"),
            Self::PageUnknown => (404, "No such page is in the config"),
            Self::ClockJumped => (503, "The clock is ahead: it must be put right or confirmed first"),
            Self::ClockUnconfirmed => (503, "The clock must be confirmed first"),
            Self::CopyUnderWay => (409, "A backup is being made or a vacuum runs already: one at a time"),
            Self::DirectoryTaken => {
                (409, "Something is there already: name a directory that is not there yet")
            }
            Self::DirectoryRefused => (
                422,
                "No backup can be made there: the path begins at the root, in a directory that tamis may write and that is \
                 neither the store's nor the keyring's",
            ),
            Self::DirectoryFull => (503, "There is no room for a backup there"),
            Self::NoRoomToVacuum => (503, "There is no room for a new file of the store beside the old one"),
            Self::DiskFull => (503, "The disk is full, or below its floor: make room"),
            Self::StoreUnavailable => (503, "The store takes nothing for now"),
            Self::StoreFailed => (500, "The store failed"),
            Self::RecordUnreadable => (500, "A stored record does not open"),
            Self::CountMismatch => {
                (500, "Records of this purpose are missing: the log says how many and which")
            }
            Self::TrailBroken => (500, "The trail is broken: a line is missing or changed"),
            Self::Internal => (500, "Something is wrong with tamis"),
        }
    }
}

/// Why a call was not answered (RFC 9457). It names the code and the request; never a value from the request.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct ProblemBody {
    /// `urn:tamis:problem:` and the code.
    #[serde(rename = "type")]
    #[schema(pattern = "^urn:tamis:problem:[a-z-]+$")]
    pub kind: String,
    /// A sentence for people.
    pub title: String,
    /// The HTTP status again.
    pub status: u16,
    /// A stable reason: docs/codes.md says what to do.
    #[schema(value_type = ProblemCode)]
    pub code: Word<ProblemCode>,
    /// The number of the request, as in the header `Tamis-Request-Id` and in tamis' log.
    pub request_id: String,
    /// With `cursor-ahead` alone: the cursor to go on after.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resume_after: Option<Cursor>,
    /// With `erasure-pending` alone: the erasure's number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub erasure: Option<String>,
    /// With `parameter-unknown`, `parameter-invalid` and `body-invalid`, where it is known: the name of the query parameter, or
    /// of the body's member, that is not taken. Never its value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub parameter: Option<String>,
    /// With `no-room-to-vacuum` alone: so many bytes must be free.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub needed_bytes: Option<u64>,
    /// With `no-room-to-vacuum` alone: so many are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub free_bytes: Option<u64>,
}

impl ProblemBody {
    /// What is said of a refusal.
    pub fn of(code: ProblemCode, request_id: &str) -> Self {
        let (status, title) = code.status_and_title();
        Self {
            kind: format!("urn:tamis:problem:{code}"),
            title: title.to_owned(),
            status,
            code: code.into(),
            request_id: request_id.to_owned(),
            resume_after: None,
            erasure: None,
            parameter: None,
            needed_bytes: None,
            free_bytes: None,
        }
    }
}
