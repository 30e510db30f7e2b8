//! The calls by which an officer does what a person may ask for: look-ups (GDPR art. 15), corrections (art. 16), erasures
//! (art. 17) and their receipts, restrictions (art. 18), objections (art. 21).

use utoipa::openapi::path::{HttpMethod, ParameterIn};
use utoipa::openapi::schema::OneOfBuilder;
use utoipa::openapi::{Content, Ref, Required};

use crate::api::access::Access;
use crate::api::consents::{Confirm, Withdraw, Withdrawal, Yes};
use crate::api::corrections::{Corrected, Correction};
use crate::api::document::call::{ALL, Call, header, limit, plain};
use crate::api::erasures::{Erase, ReceiptKey};
use crate::api::find::Find;
use crate::api::passes::{GivePass, GivenPasses};
use crate::api::problem::ProblemCode as No;
use crate::api::restrictions::{Restrict, RestrictionList};
use crate::api::schema::{epoch_number, grounds, text, whole, words};
use crate::api::suppressions::{
    RemoveSuppression, Suppress, Suppressed, SuppressionList, SuppressionsRemoved,
};
use crate::trail::Role;

const OFFICER: &[Role] = &[Role::Officer];

pub(super) fn find() -> Call {
    Call::new(
        HttpMethod::Post,
        "/find",
        "find",
        "Look one submission up, or the records of an address",
        "By one id or address, in the body: URLs get logged. The look stands in the trail, found or not. By a record's number \
         or an address 60 at once are answered at once, then one in ten seconds: whoever asks one after another waits, and is \
         told how long. By an address everything that is stored is looked through, which takes about as long as an export; \
         look-ups that wait share one look.",
    )
    .roles(OFFICER)
    .reason(false)
    .body::<Find>()
    .answer(
        "200",
        "What became of it; an empty list: nothing is known of this id, or no record holds this address. A record that was erased \
         is not known by its id any more; by the submission's it is `erased`. Of the records of an address the first 100 are \
         shown.",
        [("application/json", Content::new(Some(Ref::from_schema_name("Found"))))],
        [("Tamis-Waited", header(whole(1, u64::MAX), "Where it was made to wait: so many seconds."))],
    )
    .refused(&[
        No::AddressInvalid,
        No::LookupsTooFast,
        No::RecordUnreadable,
        No::ClockJumped,
        No::ClockUnconfirmed,
        No::SearchesFull,
        No::SearchTooSlow,
    ])
}

pub(super) fn access() -> Call {
    let language = header(words(["fr", "en", "de"]), "Of its titles and sentences.");
    Call::new(
        HttpMethod::Post,
        "/access",
        "access",
        "Everything that is held of a person",
        "GDPR art. 15, by an address in the body: each record that holds it, in all purposes, whole, with basis, evidence of \
         consents, periods, recipients with days; its entries on the list of who objected; and what else remains. Found as \
         `POST /find` finds it, and as fast. Each record leaves a line in the trail. At most 1,000 records stand in one answer.",
    )
    .roles(OFFICER)
    .reason(false)
    .parameter(
        ParameterIn::Query,
        "format",
        Required::False,
        words(["json", "html"]),
        "`html` is a page to be printed, for the person. Absent: by `Accept`, else `json`.",
    )
    .parameter(
        ParameterIn::Query,
        "lang",
        Required::False,
        words(["fr", "en", "de"]),
        "In which language titles and sentences are. Absent: by `Accept-Language`, else English.",
    )
    .body::<Access>()
    .answer(
        "200",
        "All of it; no records: none holds this address.",
        [
            ("application/json", Content::new(Some(Ref::from_schema_name("AccessFile")))),
            ("text/html", plain("The same as a page.")),
        ],
        [("Content-Language", language)],
    )
    .refused(&[
        No::ParameterUnknown,
        No::ParameterInvalid,
        No::NotAcceptable,
        No::AddressInvalid,
        No::PhoneAmbiguous,
        No::ClockJumped,
        No::ClockUnconfirmed,
        No::RecordUnreadable,
        No::LookupsTooFast,
        No::SearchesFull,
        No::SearchTooSlow,
    ])
}

pub(super) fn erase() -> Call {
    let answers =
        OneOfBuilder::new().item(Ref::from_schema_name("Erased")).item(Ref::from_schema_name("WouldErase"));
    let waits = Content::new(Some(Ref::from_schema_name("ToBeErased")));
    Call::new(
        HttpMethod::Post,
        "/erasures",
        "erase",
        "Erase a submission",
        "Its records, and what is parked of it, in all its purposes or in those that are named. The answer comes once the keys \
         are destroyed and the disk has it; until then it is `erasure-pending`, with the number of the erasure. What is erased does not \
         come back. By what it is found stands in the body: URLs get logged. With `dry_run` nothing is erased, and the \
         question stands in the trail; by a record's number or an address it is as fast as a look-up. By an address each submission \
         of which a record holds it goes, found as `POST /find` finds it; more than 256 go in several erasures, and the answer has \
         each. Where the reason is `objection`, the address goes on the list of `POST /suppressions` first. What is not read yet \
         is said as a number and held against the address when it is: what holds it is not stored, and an erasure follows. With \
         `keep_own_requests` an objection ends what rests on a consent or a legitimate interest, and what the person asked for \
         themselves stays, without the fields that hang on a consent; its consents hold no longer than until then. With `tell` its \
         person is told by mail first: nobody uses its records meanwhile, and they are erased once a mail server took the letter, within \
         three days whatever comes.",
    )
    .roles(OFFICER)
    .reason_of(grounds())
    .parameter(
        ParameterIn::Header,
        "Idempotency-Key",
        Required::False,
        text("^[!-~]{1,255}$", "Of the caller's choosing."),
        "By what a request is known again that is sent twice: it is answered as it was, and nothing is erased twice.",
    )
    .body::<Erase>()
    .answer("200", "The receipt; or, with `dry_run`, how much it would take.", [("application/json", Content::new(Some(answers)))], [])
    .answer("202", "With `tell`: its person is told first. There is no receipt yet.", [("application/json", waits)], [])
    .refused(&[
        No::ErasureReasonInvalid,
        No::MailNotConfigured,
        No::NobodyToTell,
        No::TooManyRestrictions,
        No::IdempotencyKeyInvalid,
        No::IdempotencyKeyTaken,
        No::AddressInvalid,
        No::PhoneAmbiguous,
        No::TooManySuppressions,
        No::PurposeUnknown,
        No::LookupsTooFast,
        No::SearchesFull,
        No::SearchTooSlow,
        No::RecordRestricted,
        No::RecordTooLarge,
        No::ErasurePending,
        No::CorrectionPending,
    ])
}

pub(super) fn erasure() -> Call {
    let language = header(words(["fr", "en", "de"]), "Of a paper for people: its language.");
    Call::new(
        HttpMethod::Get,
        "/erasures/{id}",
        "erasure",
        "How far an erasure is, and its receipt",
        "The receipt is the same whenever it is asked for. Without `format`, `Accept` decides between the media types below; as \
         a paper for people it is refused until the erasure is done: with `erasure-pending`, or `erasure-waits` while its person is told first.",
    )
    .roles(OFFICER)
    .parameter(
        ParameterIn::Path,
        "id",
        Required::True,
        epoch_number(),
        "Its number.",
    )
    .parameter(
        ParameterIn::Query,
        "format",
        Required::False,
        words(["json", "txt", "html", "note"]),
        "`txt` and `html` are for people; `note` is the signed receipt alone, as it is verified.",
    )
    .parameter(
        ParameterIn::Query,
        "lang",
        Required::False,
        words(["fr", "en", "de"]),
        "In which language. Absent: by `Accept-Language`, else English.",
    )
    .answer(
        "200",
        "The erasure, or its receipt.",
        [
            ("application/json", Content::new(Some(Ref::from_schema_name("ErasureShown")))),
            ("text/plain", plain("The receipt in words, the signed text at its end; or the signed text alone.")),
            ("text/html", plain("The receipt as a page.")),
        ],
        [("Content-Language", language)],
    )
    .refused(&[
        No::ParameterUnknown,
        No::ParameterInvalid,
        No::NotAcceptable,
        No::NotFound,
        No::ErasureUnknown,
        No::ErasureWaits,
        No::ErasurePending,
    ])
}

pub(super) fn receipt_key() -> Call {
    Call::new(
        HttpMethod::Get,
        "/receipts/key",
        "receipt-key",
        "The public key of the receipts",
        "Make it known to whoever gets one. A receipt names the key that signed it; one that was signed under an earlier name \
         (`public.url` changed) is checked by the key of then.",
    )
    .roles(ALL)
    .json::<ReceiptKey>("200", "The key.")
}

pub(super) fn list_suppressions() -> Call {
    Call::new(
        HttpMethod::Get,
        "/suppressions",
        "list-suppressions",
        "Which addresses may not be stored",
        "By id, scope, reason and dates: neither the addresses nor what is kept of them can be read. The call stands in the trail.",
    )
    .roles(OFFICER)
    .parameter(
        ParameterIn::Query,
        "after",
        Required::False,
        epoch_number().description(Some("An entry's id.")),
        "Only entries after this one. Absent: from the first on.",
    )
    .parameter(ParameterIn::Query, "limit", Required::False, limit(), "At most so many entries, and 1,000 at the most.")
    .json::<SuppressionList>("200", "The entries.")
    .refused(&[No::ParameterUnknown, No::ParameterInvalid, No::LimitOutOfRange])
}

pub(super) fn suppress() -> Call {
    Call::new(
        HttpMethod::Post,
        "/suppressions",
        "suppress",
        "Store an address no more",
        "Of whoever sends in a form with it, nothing is stored for a purpose that rests on consent or on a legitimate interest; \
         what they asked for themselves is, without what hangs on a consent. It ends after three years, or when the person \
         ticks a box for that address again. What is stored already stays: that is an erasure.",
    )
    .roles(OFFICER)
    .body::<Suppress>()
    .json::<Suppressed>("200", "The entries, one for each spelling of the address.")
    .refused(&[
        No::ReasonUnknown,
        No::AddressInvalid,
        No::PhoneAmbiguous,
        No::MonthsOutOfRange,
        No::PurposeUnknown,
        No::TooManySuppressions,
    ])
}

pub(super) fn remove_suppression() -> Call {
    Call::new(
        HttpMethod::Post,
        "/suppressions/remove",
        "remove-suppression",
        "Let an address be stored again",
        "One entry by its id, or all of an address. What was barred before stays so.",
    )
    .roles(OFFICER)
    .body::<RemoveSuppression>()
    .json::<SuppressionsRemoved>("200", "How many entries went.")
    .refused(&[No::ReasonUnknown, No::AddressInvalid, No::PhoneAmbiguous])
}

/// `POST /corrections`.
pub(super) fn correct() -> Call {
    Call::new(
        HttpMethod::Post,
        "/corrections",
        "correct",
        "Put right what a record holds",
        "GDPR art. 16. Answers are held to the rules of the purpose; consents and what else is evidence stay as they are. It is \
         answered once what the record held before can be read nowhere any more. Sent twice, the second changes nothing.",
    )
    .roles(OFFICER)
    .reason_also_in_body()
    .body::<Correction>()
    .json::<Corrected>("200", "Whether anything was changed, and in which fields.")
    .refused(&[
        No::RecordUnknown,
        No::RecordGone,
        No::RecordRestricted,
        No::RecordTooLarge,
        No::RecordUnreadable,
        No::FieldUnknown,
        No::FieldWorkedOut,
        No::FieldRequired,
        No::ValueInvalid,
        No::ConsentNotGiven,
        No::CorrectionPending,
        No::ClockJumped,
        No::ClockUnconfirmed,
    ])
}

/// `POST /withdrawals`.
pub(super) fn withdraw() -> Call {
    Call::new(
        HttpMethod::Post,
        "/withdrawals",
        "withdraw",
        "Take a person's consents back",
        "GDPR art. 7(3). What was given holds until now and no longer: exports say so in `valid_until`, and fields that hang on it are \
         erased. Where a purpose rests on consent and no required one of it holds any more, the record itself is erased, with a \
         receipt. By an address each record that holds it is meant, found as `POST /find` finds it; what is not read yet is not, and \
         is said as a number. Sent twice, the second changes nothing.",
    )
    .roles(OFFICER)
    .reason_also_in_body()
    .body::<Withdraw>()
    .json::<Withdrawal>("200", "What became of each record, and the receipts of those that went whole.")
    .refused(&[
        No::ErasureReasonInvalid,
        No::AddressInvalid,
        No::PhoneAmbiguous,
        No::PurposeUnknown,
        No::ConsentUnknown,
        No::RecordUnknown,
        No::RecordGone,
        No::RecordUnreadable,
        No::LookupsTooFast,
        No::SearchesFull,
        No::SearchTooSlow,
        No::CorrectionPending,
        No::ErasurePending,
        No::ClockJumped,
        No::ClockUnconfirmed,
    ])
}

/// `POST /confirmations`.
pub(super) fn confirm() -> Call {
    Call::new(
        HttpMethod::Post,
        "/confirmations",
        "confirm",
        "Take a person's yes down",
        "A yes is an act: the boxes that are named hold from now on as if they had been ticked now, and the record's time begins anew. \
         Boxes that are not named stay as they are, and one that is over is not given anew by the way. Sent twice on one day, the \
         second changes nothing.",
    )
    .roles(OFFICER)
    .reason_also_in_body()
    .body::<Confirm>()
    .json::<Yes>("200", "Whether anything was changed.")
    .refused(&[
        No::ConsentUnknown,
        No::NothingToConfirm,
        No::AddressSuppressed,
        No::RecordUnknown,
        No::RecordGone,
        No::RecordRestricted,
        No::RecordUnreadable,
        No::CorrectionPending,
        No::ClockJumped,
        No::ClockUnconfirmed,
    ])
}

/// `POST /passes`.
pub(super) fn give_pass() -> Call {
    Call::new(
        HttpMethod::Post,
        "/passes",
        "give-pass",
        "Have a link by which a person opens their page",
        "The page shows what is held of one record, in part, and lets its person say no, correct or erase it. By an address each \
         record that holds it has a link, found as `POST /find` finds it. A link is told once; a record has sixteen at most, the \
         oldest goes. Make sure first that who asks is the person.",
    )
    .roles(OFFICER)
    .reason(false)
    .body::<GivePass>()
    .json::<GivenPasses>("200", "The links.")
    .refused(&[
        No::AddressInvalid,
        No::PhoneAmbiguous,
        No::LookupsTooFast,
        No::SearchesFull,
        No::SearchTooSlow,
        No::RecordUnknown,
        No::RecordGone,
        No::ClockJumped,
        No::ClockUnconfirmed,
    ])
}

/// `POST /restrictions`.
pub(super) fn restrict() -> Call {
    let answers = OneOfBuilder::new()
        .item(Ref::from_schema_name("Restricted"))
        .item(Ref::from_schema_name("RestrictedAll"));
    Call::new(
        HttpMethod::Post,
        "/restrictions",
        "restrict",
        "Let nobody use a record for a while",
        "GDPR art. 18. It is in no export, no clock ends it, and only what its person asks for erases it. Sent again, day and \
         reason are renewed. By an address each record that holds it is restricted, found as `POST /find` finds it; what is not \
         read yet is not, and is said as a number.",
    )
    .roles(OFFICER)
    .reason_also_in_body()
    .body::<Restrict>()
    .answer(
        "200",
        "The restriction; by an address all of them.",
        [("application/json", Content::new(Some(answers)))],
        [],
    )
    .refused(&[
        No::AddressInvalid,
        No::PhoneAmbiguous,
        No::LookupsTooFast,
        No::SearchesFull,
        No::SearchTooSlow,
        No::RecordUnknown,
        No::RecordGone,
        No::UntilOutOfRange,
        No::TooManyRestrictions,
        No::ToBeErased,
        No::ClockJumped,
        No::ClockUnconfirmed,
    ])
}

/// `GET /restrictions`.
pub(super) fn restrictions() -> Call {
    Call::new(
        HttpMethod::Get,
        "/restrictions",
        "restrictions",
        "Which records are restricted",
        "By record; without what they hold.",
    )
    .roles(OFFICER)
    .json::<RestrictionList>("200", "The restrictions.")
}

/// `DELETE /restrictions/{record}`.
pub(super) fn release() -> Call {
    Call::new(
        HttpMethod::Delete,
        "/restrictions/{record}",
        "release",
        "Lift a restriction",
        "The record may be used again. What fell due meanwhile goes at the next sweep. Tell the person before (art. 18(3)).",
    )
    .roles(OFFICER)
    .reason(false)
    .parameter(
        ParameterIn::Path,
        "record",
        Required::True,
        Ref::from_schema_name("RecordId"),
        "The record's id.",
    )
    .answer("204", "It is lifted.", [], [])
    .refused(&[No::NotFound, No::NotRestricted, No::ToBeErased])
}
