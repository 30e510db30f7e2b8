//! What ids, words and moments look like in the document. Written here and not beside the types, whose rooms need know
//! nothing of a document.

use std::cmp::Ordering;

use serde_json::{Value, json};
use utoipa::openapi::schema::{
    AdditionalProperties, ArrayBuilder, KnownFormat, ObjectBuilder, OneOfBuilder, SchemaFormat, SchemaType,
    Type,
};
use utoipa::openapi::{Ref, RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use crate::api::Moment;
use crate::api::access::{Access, EvidenceCause, SentMailKind};
use crate::api::backups::BackUp;
use crate::api::bounces::Bounce;
use crate::api::consents::{Became, Confirm, Withdraw};
use crate::api::corrections::Correction;
use crate::api::erasures::{Erase, ErasureState};
use crate::api::evidence::{ConsentOutcome, EventEntity, EventState};
use crate::api::find::{Find, SubmissionState};
use crate::api::id_text::EpochNumber;
use crate::api::inbox::{DropHeld, Requeue, RetryPage};
use crate::api::passes::GivePass;
use crate::api::problem::ProblemCode;
use crate::api::reconfirmations::{AskingKind, ListDue, PEOPLE_MAX, PauseAsking, SayAsked};
use crate::api::requests::{AnswerRequest, ExtendRequest, OpenRequest};
use crate::api::restrictions::Restrict;
use crate::api::status::ClockTrust;
use crate::api::suppressions::{ContactKind, RemoveSuppression, Suppress};
use crate::api::tokens::TokenName;
use crate::attention::AttentionCode;
use crate::code::Coded;
use crate::forget::ChangeKind;
use crate::forget::receipt::{AskedBy, Ground};
use crate::id::{FormId, PageId};
use crate::notification::ParkCode;
use crate::purpose::form_check::{FindingCode, Severity};
use crate::purpose::law::{ExtensionGround, RequestKind, TransferBasis};
use crate::purpose::{Asked, Basis, Channel, DifferenceCode, DropCode, PurposeId, RecordId, UnfedCode};
use crate::trail::{Action, Outcome, Reason, Role};

/// One to twenty digits: Meta's ids do not fit into what most readers of JSON make of a number.
pub(super) const META_ID: &str = "^[0-9]{1,20}$";
/// How the config names a purpose.
pub(super) const PURPOSE: &str = "^[a-z][a-z0-9_]{0,62}$";

/// What stands in no name, as the inside of a class.
macro_rules! not_plain {
    () => {
        concat!(
            r"\u0000-\u001f\u007f-\u00a0\u00ad\u034f\u061c\u115f\u1160\u1680\u17b4\u17b5\u180b-\u180f\u2000-\u200f",
            r"\u2028-\u202f\u205f-\u206f\u3000\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb",
            "\u{1bca0}-\u{1bca3}\u{1d173}-\u{1d17a}\u{e0000}-\u{e0fff}",
        )
    };
}

/// What `visible::is_plain` takes, no blank at either end: what `http/admin/tokens.rs` takes for a name. Readers of patterns
/// have no common way to write a character beyond U+FFFF but the character itself.
const TOKEN_NAME: &str =
    concat!("^[^", " ", not_plain!(), "]([^", not_plain!(), "]*[^", " ", not_plain!(), "])?$");

/// Declares how types of other rooms are written.
macro_rules! written {
    ($($type:ty: $schema:expr;)+) => {$(
        impl PartialSchema for $type {
            fn schema() -> RefOr<Schema> {
                $schema.into()
            }
        }
        impl ToSchema for $type {}
    )+};
}

written! {
    FormId: text(META_ID, "Meta's id of a form.").examples(["901000000000001"]);
    PageId: text(META_ID, "Meta's id of a page.").examples(["104000000000001"]);
    PurposeId: text(PURPOSE, "A purpose, as the config names it.").examples(["devis"]);
    EpochNumber: epoch_number();
    RecordId: text(&record_id(), "PURPOSE-EPOCH-NUMBER: a record's id, and a cursor. Number 0 stands before the first record.")
        .examples(["devis-1-7"]);
    Moment: moment();
    ProblemCode: list::<ProblemCode>("Why a call was not answered.");
    DropCode: list::<DropCode>("Why an answer is not kept.");
    ParkCode: list::<ParkCode>("Why a submission is not stored.");
    AttentionCode: list::<AttentionCode>("What needs a person.");
    UnfedCode: list::<UnfedCode>("Why a field gets no answer from a form.");
    FindingCode: list::<FindingCode>("What a look at a form finds.");
    Severity: list::<Severity>("How much a finding matters.");
    ClockTrust: list::<ClockTrust>("How far the clock is trusted.");
    SubmissionState: list::<SubmissionState>("What a submission is now.");
    DifferenceCode: list::<DifferenceCode>("In what a form is no copy of another.");
    Asked: list::<Asked>("What brings an answer: a question that people see, a hidden parameter, a question that hangs on another's answer.");
    Basis: list::<Basis>("The basis in law (GDPR art. 6(1)).");
    Role: list::<Role>("What an operator may do.");
    Reason: list::<Reason>("Why data is read or changed; it stands in the trail.");
    Action: list::<Action>("What was done.");
    Outcome: list::<Outcome>("How it ended.");
    TokenName: text(TOKEN_NAME, "1 to 64 characters that show themselves, no blank at either end.").min_length(Some(1)).max_length(Some(64));
    ChangeKind: list::<ChangeKind>("What became of a record that a recipient was handed.");
    ErasureState: list::<ErasureState>("How far an erasure is.");
    Channel: list::<Channel>("By what means a person may be contacted, or who else may.");
    ConsentOutcome: list::<ConsentOutcome>("What a box of a form comes to.");
    Access: access();
    TransferBasis: list::<TransferBasis>("What allows data to leave the European Economic Area (GDPR chapter V).");
    RequestKind: list::<RequestKind>("What a person asks for by right.");
    ExtensionGround: list::<ExtensionGround>("Why an answer takes two months more (GDPR art. 12(3)).");
    AskingKind: list::<AskingKind>("What was done, or is to be done, about somebody's agreement.");
    Bounce: bounce();
    PauseAsking: pause_asking();
    ListDue: list_due();
    SayAsked: say_asked();
    OpenRequest: open_request();
    ExtendRequest: extend_request();
    AnswerRequest: answer_request();
    Erase: erase();
    Find: find();
    Requeue: requeue();
    DropHeld: drop_held();
    BackUp: back_up();
    Correction: correction();
    Withdraw: withdraw();
    Became: list::<Became>("What a withdrawal made of a record.");
    Confirm: confirm();
    EvidenceCause: list::<EvidenceCause>("How a record ended of which evidence is left.");
    SentMailKind: list::<SentMailKind>("What a mail was for.");
    EventState: list::<EventState>("What a consent is from an event on.");
    EventEntity: list::<EventEntity>("Who an event is of.");
    Restrict: restrict();
    GivePass: give_pass();
    RetryPage: retry_page();
    ContactKind: list::<ContactKind>("What an address is.");
    Suppress: suppress();
    RemoveSuppression: remove_suppression();
}

/// See [`EpochNumber`].
pub(super) fn epoch_number() -> ObjectBuilder {
    text(&format!("^{}$", numbers()), "EPOCH-NUMBER.").examples(["1-7"])
}

/// `PURPOSE-EPOCH-NUMBER`.
fn record_id() -> String {
    format!("{}-{}$", PURPOSE.trim_end_matches('$'), numbers())
}

/// An epoch and a number: every one that can be given, and no other.
fn numbers() -> String {
    format!("{}-{}", up_to(u32::MAX.into()), up_to(u64::MAX))
}

/// The pattern of the numbers up to this one, without zeros before them: shorter ones, those that are the first to be less in
/// one of its digits, and itself.
fn up_to(most: u64) -> String {
    let digits = most.to_string();
    let any = |count: usize| match count {
        0 => String::new(),
        1 => "[0-9]".to_owned(),
        count => format!("[0-9]{{{count}}}"),
    };
    let mut alternatives =
        vec!["0".to_owned(), format!("[1-9][0-9]{{0,{}}}", digits.len().saturating_sub(2))];
    for (at, digit) in digits.bytes().enumerate() {
        let (least, less) = (if at == 0 { b'1' } else { b'0' }, digit.saturating_sub(1));
        let one = match less.cmp(&least) {
            Ordering::Less => continue,
            Ordering::Equal => char::from(least).to_string(),
            Ordering::Greater => format!("[{}-{}]", char::from(least), char::from(less)),
        };
        alternatives.push(format!("{}{one}{}", &digits[..at], any(digits.len() - at - 1)));
    }
    alternatives.push(digits);
    format!("({})", alternatives.join("|"))
}

/// A string of this pattern.
pub(super) fn text(pattern: &str, description: &str) -> ObjectBuilder {
    of(Type::String).pattern(Some(pattern)).description(Some(description))
}

/// Any string.
pub(super) fn of(kind: Type) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(SchemaType::Type(kind))
}

/// A whole number within bounds.
pub(super) fn whole(least: u64, most: u64) -> ObjectBuilder {
    of(Type::Integer).minimum(Some(least)).maximum(Some(most))
}

/// One of these words.
pub(super) fn words<'w>(words: impl IntoIterator<Item = &'w str>) -> ObjectBuilder {
    let words: Vec<&str> = words.into_iter().collect();
    of(Type::String).enum_values(Some(words))
}

fn list<C: Coded>(description: &str) -> ObjectBuilder {
    words(C::every().iter().map(|code| code.code())).description(Some(description))
}

fn moment() -> ObjectBuilder {
    of(Type::String)
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
        .description(Some("RFC 3339, in UTC, whole seconds."))
        .examples([Value::from("2026-11-25T08:47:38Z")])
}

/// Digits as a string, or as a number.
fn digits(description: &str) -> OneOfBuilder {
    OneOfBuilder::new()
        .item(of(Type::String).pattern(Some(META_ID)))
        .item(whole(0, u64::MAX))
        .description(Some(description))
}

/// An object that names exactly one of `ways`; the others are absent or null.
fn exactly_one(ways: &[(&str, RefOr<Schema>)], beside: &[(&str, RefOr<Schema>)], said: &str) -> OneOfBuilder {
    exactly_one_with(ways, beside, &[], said)
}

/// The same, where each way needs these members beside it.
fn exactly_one_with(
    ways: &[(&str, RefOr<Schema>)],
    beside: &[(&str, RefOr<Schema>)],
    needed: &[&str],
    said: &str,
) -> OneOfBuilder {
    let mut all = OneOfBuilder::new().description(Some(said));
    for (way, schema) in ways {
        let mut object = of(Type::Object).title(Some(*way)).property(*way, schema.clone()).required(*way);
        for (other, _) in ways.iter().filter(|(other, _)| other != way) {
            object = object.property(*other, of(Type::Null));
        }
        for (name, schema) in beside {
            object = object.property(*name, schema.clone());
        }
        for name in needed {
            object = object.required(*name);
        }
        all = all.item(object.additional_properties(Some(AdditionalProperties::FreeForm(false))));
    }
    all
}

fn find() -> OneOfBuilder {
    let unmask = of(Type::Boolean)
        .default(Some(Value::from(false)))
        .description(Some("Show answers whole instead of their first characters."));
    exactly_one(
        &[
            ("leadgen_id", digits("Meta's id of the submission.").into()),
            ("id", RecordId::schema()),
            ("email", address("An e-mail address, in any spelling.", "anne@lumen.example")),
            ("phone", address("A telephone number, in any spelling.", "06 39 98 00 00")),
        ],
        &[("unmask", unmask.into())],
        "Which submission, by one of the two ids, or which records, by an address that they hold: exactly one of the four.",
    )
}

fn bounce() -> ObjectBuilder {
    of(Type::Object)
        .property("email", address("An e-mail address, in any spelling.", "anne@lumen.example"))
        .required("email")
        .additional_properties(Some(AdditionalProperties::FreeForm(false)))
        .description(Some("From which address mail comes back."))
        .examples([json!({"email": "anne@lumen.example"})])
}

fn pause_asking() -> ObjectBuilder {
    of(Type::Object)
        .property("paused", of(Type::Boolean))
        .required("paused")
        .additional_properties(Some(AdditionalProperties::FreeForm(false)))
        .description(Some("Whether nobody is asked."))
        .examples([json!({"paused": false})])
}

fn list_due() -> ObjectBuilder {
    let limit = whole(1, PEOPLE_MAX as u64).description(Some("At most so many. Absent: 256."));
    let after = text(
        &record_id(),
        "The `next_cursor` of an earlier answer, of the same purpose. Absent: from the first record on.",
    );
    of(Type::Object)
        .property("purpose", Ref::from_schema_name("PurposeId"))
        .property("limit", or_null(limit.into()))
        .property("after", or_null(after.into()))
        .required("purpose")
        .additional_properties(Some(AdditionalProperties::FreeForm(false)))
        .description(Some("Of which purpose whoever is due is listed."))
        .examples([json!({"purpose": "lettre", "limit": 100})])
}

fn say_asked() -> ObjectBuilder {
    let ids = ArrayBuilder::new()
        .items(Ref::from_schema_name("RecordId"))
        .min_items(Some(1))
        .max_items(Some(PEOPLE_MAX))
        .description(Some("Their records."));
    of(Type::Object)
        .property("ids", ids)
        .property("kind", Ref::from_schema_name("AskingKind"))
        .required("ids")
        .required("kind")
        .additional_properties(Some(AdditionalProperties::FreeForm(false)))
        .description(Some("Who was asked by other means."))
        .examples([json!({"ids": ["lettre-1-7"], "kind": "asked"})])
}

fn open_request() -> ObjectBuilder {
    let day = of(Type::String)
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::Date)))
        .description(Some("The day (UTC) on which it came, within the last year. Absent: today."));
    of(Type::Object)
        .property("kind", Ref::from_schema_name("RequestKind"))
        .property("received", or_null(day.into()))
        .required("kind")
        .additional_properties(Some(AdditionalProperties::FreeForm(false)))
        .description(Some("What somebody asked for, and when it came."))
        .examples([json!({"kind": "access"})])
}

fn extend_request() -> ObjectBuilder {
    of(Type::Object)
        .property("ground", Ref::from_schema_name("ExtensionGround"))
        .required("ground")
        .additional_properties(Some(AdditionalProperties::FreeForm(false)))
        .description(Some("Why the answer takes two months more."))
}

fn answer_request() -> ObjectBuilder {
    let erasure = epoch_number().description(Some("The erasure that it led to."));
    of(Type::Object)
        .property("erasure", or_null(erasure.into()))
        .additional_properties(Some(AdditionalProperties::FreeForm(false)))
        .description(Some("That it is answered, and by which erasure, if it led to one."))
}

fn access() -> OneOfBuilder {
    exactly_one(
        &[
            ("email", address("An e-mail address, in any spelling.", "anne@lumen.example")),
            ("phone", address("A telephone number, in any spelling.", "06 39 98 00 00")),
        ],
        &[],
        "Of whom: exactly one address.",
    )
}

fn erase() -> ObjectBuilder {
    let way = |name: &str, schema: RefOr<Schema>| {
        of(Type::Object)
            .title(Some(name))
            .property(name, schema)
            .required(name)
            .additional_properties(Some(AdditionalProperties::FreeForm(false)))
    };
    let by = OneOfBuilder::new()
        .item(way("id", RecordId::schema()))
        .item(way("leadgen_id", digits("Meta's id of the submission.").into()))
        .item(way("email", address("An e-mail address, in any spelling.", "anne@lumen.example")))
        .item(way("phone", address("A telephone number, in any spelling.", "06 39 98 00 00")))
        .description(Some(
            "By what it is found: the submission of a record, whole, or Meta's own id of it; or each submission whose record \
             holds an address, whole.",
        ));
    let purposes =
        ArrayBuilder::new().items(PurposeId::schema()).min_items(Some(1)).max_items(Some(256)).description(
            Some("For these purposes alone. Absent: for all, those included that will claim its form."),
        );
    of(Type::Object)
        .property("by", by)
        .required("by")
        .property("purposes", purposes)
        .property(
            "asked_by",
            words(AskedBy::ALL.iter().map(|by| by.as_str())).description(Some(
                "Who wanted it; it stands in the receipt. Absent: the person where the reason is the person's, else the controller.",
            )),
        )
        .property(
            "keep_own_requests",
            of(Type::Boolean).default(Some(Value::from(false))).description(Some(
                "With the reason `objection`, by an address: what the person asked for themselves (basis `contract` or \
                 `pre_contract`) stays.",
            )),
        )
        .property(
            "dry_run",
            of(Type::Boolean)
                .default(Some(Value::from(false)))
                .description(Some("Say how much it would take, and erase nothing.")),
        )
        .additional_properties(Some(AdditionalProperties::FreeForm(false)))
        .description(Some("What is to be erased."))
        .examples([
            serde_json::json!({"by": {"id": "devis-1-7"}, "dry_run": true}),
            serde_json::json!({"by": {"leadgen_id": "7"}}),
            serde_json::json!({"by": {"email": "anne@lumen.example"}, "purposes": ["devis"]}),
        ])
}

/// The reasons for which data is erased.
pub(super) fn grounds() -> ObjectBuilder {
    words(Ground::ALL.iter().map(|ground| ground.as_str()))
}

fn drop_held() -> ObjectBuilder {
    of(Type::Object)
        .property("form_id", digits("A form that no purpose claims."))
        .required("form_id")
        .additional_properties(Some(AdditionalProperties::FreeForm(false)))
        .description(Some("Of which form the held references are let go."))
}

fn back_up() -> ObjectBuilder {
    let directory = text(
        "^/",
        "A directory of the machine that tamis runs on, from the root on, that is not there yet. The one that it is made in is, and \
         tamis may write there.",
    );
    of(Type::Object)
        .property(
            "directory",
            directory.max_length(Some(1_024)).examples(["/var/lib/tamis-backup/2026-11-30"]),
        )
        .required("directory")
        .additional_properties(Some(AdditionalProperties::FreeForm(false)))
        .description(Some("Where a backup is to be."))
}

/// What may be left out, which null says as well.
fn or_null(schema: RefOr<Schema>) -> OneOfBuilder {
    OneOfBuilder::new().item(schema).item(of(Type::Null))
}

fn correction() -> ObjectBuilder {
    let answers = ArrayBuilder::new().items(of(Type::String)).max_items(Some(100));
    let fields = of(Type::Object)
        .property_names(Some(text("^[a-z][a-z0-9_]{0,62}$", "A field, as the config names it.")))
        .additional_properties(Some(answers))
        .description(Some(
            "The answers of each field in the place of those that it had; none: the field goes. At least one field, at most a \
             hundred.",
        ));
    of(Type::Object)
        .property("id", RecordId::schema())
        .property("fields", fields)
        .property("reason", or_null(Reason::schema()))
        .required("id")
        .required("fields")
        .additional_properties(Some(AdditionalProperties::FreeForm(false)))
        .description(Some(
            "What a record should hold in some of its fields, and why; without a reason: `person-request`.",
        ))
        .examples([serde_json::json!({
            "id": "devis-1-1", "fields": {"email": ["marie@lumen.example"]}, "reason": "person-request"
        })])
}

fn withdraw() -> OneOfBuilder {
    let names =
        |said: &str| ArrayBuilder::new().items(of(Type::String)).min_items(Some(1)).description(Some(said));
    let ways = [
        ("id", RecordId::schema()),
        ("email", address("An e-mail address, in any spelling.", "anne@lumen.example")),
        ("phone", address("A telephone number, in any spelling.", "06 39 98 00 00")),
    ];
    let beside = [
        ("purposes", names("By an address: in these purposes alone. Absent: in all.").into()),
        ("consents", names("Which, by the names of the config. Absent: all.").into()),
        ("reason", or_null(Reason::schema()).into()),
    ];
    let said = "Which consents are taken back, of which record or of whoever has an address, and why; without a reason: `withdrawal`.";
    exactly_one_with(&ways, &beside, &[], said)
}

fn confirm() -> ObjectBuilder {
    let boxes = ArrayBuilder::new().items(of(Type::String)).description(Some(
        "The boxes that they named, by the names of the config; none where the purpose rests on no consent.",
    ));
    of(Type::Object)
        .property("id", RecordId::schema())
        .property("consents", boxes)
        .property("reason", or_null(Reason::schema()))
        .required("id")
        .required("consents")
        .additional_properties(Some(AdditionalProperties::FreeForm(false)))
        .description(Some(
            "To which boxes a person says yes once more, and why; without a reason: `person-request`.",
        ))
        .examples([serde_json::json!({"id": "lettre-1-7", "consents": ["email_optin"]})])
}

fn restrict() -> OneOfBuilder {
    let day = of(Type::String).format(Some(SchemaFormat::KnownFormat(KnownFormat::Date))).description(Some(
        "The last day (UTC) on which the record is restricted: today at the earliest, twelve months from now at the latest.",
    ));
    let ways = [
        ("id", RecordId::schema()),
        ("email", address("An e-mail address, in any spelling.", "anne@lumen.example")),
        ("phone", address("A telephone number, in any spelling.", "06 39 98 00 00")),
    ];
    let beside = [("until", day.into()), ("reason", or_null(Reason::schema()).into())];
    let said = "Which record nobody may use, or which of whoever has an address, until when, and why.";
    exactly_one_with(&ways, &beside, &["until"], said)
}

fn give_pass() -> OneOfBuilder {
    let days = whole(1, 365)
        .default(Some(30.into()))
        .description(Some("For how many days the link opens the page, today among them."));
    let ways = [
        ("id", RecordId::schema()),
        ("email", address("An e-mail address, in any spelling.", "anne@lumen.example")),
        ("phone", address("A telephone number, in any spelling.", "06 39 98 00 00")),
    ];
    let said = "Of which record, or of which of whoever has an address, and for how long.";
    exactly_one_with(&ways, &[("days", or_null(days.into()).into())], &[], said)
}

fn retry_page() -> ObjectBuilder {
    of(Type::Object)
        .property("page_id", digits("A page of the config."))
        .required("page_id")
        .additional_properties(Some(AdditionalProperties::FreeForm(false)))
        .description(Some("Which page is tried at once."))
        .examples([serde_json::json!({"page_id": "104000000000001"})])
}

/// An address, in a body alone. What is one no pattern says.
fn address(said: &str, example: &str) -> RefOr<Schema> {
    of(Type::String).max_length(Some(1_024)).description(Some(said)).examples([example]).into()
}

const MAILBOX: &str = "An e-mail address.";
const NUMBER: &str = "A telephone number; without its country (`+33…`) it is read as the purposes read it.";

fn suppress() -> OneOfBuilder {
    let scope = text(PURPOSE, "A purpose of the config, or `all`.").examples(["all"]);
    let months = whole(36, 120).default(Some(36.into())).description(Some("How long the entry lasts."));
    let beside = [
        ("scope", scope.into()),
        ("reason", Ref::from_schema_name("Reason").into()),
        ("months", months.into()),
    ];
    let ways =
        [("email", address(MAILBOX, "anne.dupont@example.org")), ("phone", address(NUMBER, "+33639980000"))];
    let said = "Exactly one address, of which a keyed hash is kept, for which purpose it may not be stored, and why.";
    exactly_one_with(&ways, &beside, &["scope", "reason"], said)
        .examples([json!({"email": "anne.dupont@example.org", "scope": "all", "reason": "objection"})])
}

fn remove_suppression() -> OneOfBuilder {
    let id = epoch_number().description(Some("One entry."));
    let ways = [
        ("email", address(MAILBOX, "anne.dupont@example.org")),
        ("phone", address(NUMBER, "+33639980000")),
        ("id", id.into()),
    ];
    let beside = [("reason", Ref::from_schema_name("Reason").into())];
    exactly_one_with(
        &ways,
        &beside,
        &["reason"],
        "All entries of exactly one address, or one entry; and why.",
    )
    .examples([json!({"email": "anne.dupont@example.org", "reason": "person-request"})])
}

fn requeue() -> OneOfBuilder {
    exactly_one(
        &[
            ("ref", digits("One, by its number in the inbox.").into()),
            ("code", ParkCode::schema()),
            ("form_id", digits("All of this form.").into()),
        ],
        &[],
        "Which of the refused and buried references: exactly one of the three.",
    )
}

#[cfg(test)]
mod tests {
    use proptest::strategy::{Strategy, ValueTree};
    use proptest::string::string_regex;
    use proptest::test_runner::TestRunner;

    use super::*;

    #[test]
    fn a_pattern_of_numbers_has_every_one_that_fits_and_no_other() {
        assert_eq!(up_to(10), "(0|[1-9][0-9]{0,0}|10)");
        assert_eq!(up_to(255), "(0|[1-9][0-9]{0,1}|1[0-9]{2}|2[0-4][0-9]|25[0-4]|255)");
        let u32s = concat!(
            "(0|[1-9][0-9]{0,8}|[1-3][0-9]{9}|4[0-1][0-9]{8}|42[0-8][0-9]{7}|429[0-3][0-9]{6}|4294[0-8][0-9]{5}|",
            "42949[0-5][0-9]{4}|429496[0-6][0-9]{3}|4294967[0-1][0-9]{2}|42949672[0-8][0-9]|429496729[0-4]|4294967295)"
        );
        assert_eq!(up_to(u32::MAX.into()), u32s);
        let pattern = record_id();
        let ids = string_regex(pattern.trim_matches(['^', '$'])).expect("a pattern");
        let mut runner = TestRunner::deterministic();
        for _ in 0..10_000 {
            let id = ids.new_tree(&mut runner).expect("one").current();
            assert!(RecordId::parse(&id).is_some(), "{id}");
        }
    }
}
