//! Every call of the admin side.

use utoipa::openapi::path::{HttpMethod, ParameterIn};
use utoipa::openapi::schema::Type;
use utoipa::openapi::{Content, Ref, Required};

use crate::api::backups::{BackUp, BackedUp, Vacuumed};
use crate::api::clock::Confirmed;
use crate::api::document::asking_calls::{
    bounce, list_due, pause_asking, reconfirmations, run_asking, say_asked,
};
use crate::api::document::call::{ALL, Call, LIMIT_MAX, header, limit, lines, plain};
use crate::api::document::change_calls::{apply_changes, changes, feeds, lead};
use crate::api::document::form_calls::{findings, form_findings, forms, revision, revisions};
use crate::api::document::inbox_calls::{drop_held, inbox, requeue, retry_page};
use crate::api::document::request_calls::{answer_request, extend_request, open_request, requests};
use crate::api::document::rights::{
    access, confirm, correct, erase, erasure, find, give_pass, list_suppressions, receipt_key, release,
    remove_suppression, restrict, restrictions, suppress, withdraw,
};
use crate::api::leads::Lead;
use crate::api::problem::ProblemCode;
use crate::api::purposes::Purposes;
use crate::api::schema::{of, text, whole, words};
use crate::api::status::Status;
use crate::api::tokens::{CreatedToken, NewToken, Tokens};
use crate::api::trail::{TrailCheckpoint, TrailLine};
use crate::trail::Role;

use ProblemCode as No;

const EXPORTER: &[Role] = &[Role::Exporter];
const ADMIN: &[Role] = &[Role::Admin];
const TRAIL: &[Role] = &[Role::Officer, Role::Admin];

/// All of them.
pub fn calls() -> Vec<Call> {
    vec![
        openapi(),
        status(),
        purposes(),
        leads(),
        lead(),
        changes(),
        apply_changes(),
        feeds(),
        forms(),
        revisions(),
        revision(),
        findings(),
        form_findings(),
        inbox(),
        requeue(),
        retry_page(),
        drop_held(),
        find(),
        access(),
        erase(),
        erasure(),
        receipt_key(),
        correct(),
        withdraw(),
        confirm(),
        give_pass(),
        restrict(),
        restrictions(),
        release(),
        reconfirmations(),
        run_asking(),
        pause_asking(),
        list_due(),
        say_asked(),
        bounce(),
        requests(),
        open_request(),
        extend_request(),
        answer_request(),
        create_token(),
        list_tokens(),
        revoke_token(),
        list_suppressions(),
        suppress(),
        remove_suppression(),
        back_up(),
        vacuum(),
        confirm_clock(),
        trail(),
        trail_checkpoint(),
        metrics(),
    ]
}

fn openapi() -> Call {
    Call::new(HttpMethod::Get, "/openapi.json", "openapi", "This document", "Needs no token.").answer(
        "200",
        "OpenAPI 3.1.",
        [("application/json", Content::new(Some(of(Type::Object))))],
        [],
    )
}

fn status() -> Call {
    Call::new(
        HttpMethod::Get,
        "/status",
        "status",
        "Is it well?",
        "Whether notifications are taken and if not why, what needs a person, what waits and why. It answers while the store \
         does not. An exporter sees what concerns its purposes, and totals.",
    )
    .roles(ALL)
    .json::<Status>("200", "How things stand.")
}

fn purposes() -> Call {
    Call::new(
        HttpMethod::Get,
        "/purposes",
        "purposes",
        "What may be held, and how much is",
        "In the order of the config. An exporter sees its own.",
    )
    .roles(ALL)
    .json::<Purposes>("200", "The purposes.")
}

fn leads() -> Call {
    let query = ParameterIn::Query;
    let next = header(Ref::from_schema_name("RecordId"), "The next `after`.");
    let more = header(words(["true", "false"]), "`true`: there is more, go on at once.");
    let missing = "With `incomplete=allow` alone: how many records of the purpose are missing.";
    let missing = header(whole(1, u64::MAX), missing);
    let left_out = "With `test=exclude`, which is what is done if nothing is said: how many test leads lie within this \
                    page and are left out.";
    let left_out = header(whole(0, u64::MAX), left_out);
    let file = header(of(Type::String), "With a table alone: a file's name.");
    let link = "Where there is more: the next page, `<?after=…>; rel=\"next\"` (RFC 8288), relative to the address that was \
                asked, with its other parameters.";
    let link = header(of(Type::String), link);
    let records =
        "At most so many records follow. Fewer, where nobody agreed to hand one of them to this recipient.";
    let records = header(whole(0, LIMIT_MAX as u64), records);
    let expired = "How many records lie within this page and are left out, since their expiry day has come.";
    let expired = header(whole(0, u64::MAX), expired);
    let restricted = "How many records lie within this page and are left out, since they are restricted.";
    let restricted = header(whole(0, u64::MAX), restricted);
    let page = Content::new(Some(Ref::from_schema_name("LeadPage")));
    Call::new(
        HttpMethod::Get,
        "/purposes/{purpose}/leads",
        "leads",
        "Read records out",
        "One page, in the order in which the records arrived; what arrives meanwhile comes later. The page's line is in \
         the trail, synced, before its first byte. Keep `Tamis-Next-Cursor` once the page has come to its end and is \
         processed, and ask again with `after`. A transfer that breaks off is no page: ask again with the cursor before. \
         Without `format`, `Accept` decides between the media types below, by weight and then in their order \
         (RFC 9110 section 12.5.1).",
    )
    .roles(EXPORTER)
    .reason(true)
    .parameter(ParameterIn::Path, "purpose", Required::True, Ref::from_schema_name("PurposeId"), "The purpose.")
    .parameter(
        query.clone(),
        "format",
        Required::False,
        words(["ndjson", "csv", "json"]),
        "One record a line; a table; one document. Absent: what `Accept` asks for, `ndjson` where it takes anything.",
    )
    .parameter(
        query.clone(),
        "dialect",
        Required::False,
        words(["excel"]),
        "With a table alone: for a double click. Programs leave it out.",
    )
    .parameter(
        query.clone(),
        "after",
        Required::False,
        Ref::from_schema_name("RecordId"),
        "Only what came after this record, a cursor of the same purpose. Absent: from the first on.",
    )
    .parameter(query.clone(), "limit", Required::False, limit(), "At most so many records.")
    .parameter(
        query.clone(),
        "test",
        Required::False,
        words(["exclude", "include", "only"]).default(Some("exclude".into())),
        "Meta's test leads.",
    )
    .parameter(
        query.clone(),
        "evidence",
        Required::False,
        words(["false", "true"]).default(Some("false".into())),
        "Whether each record says how its consents were given and what became of them. Not in a table.",
    )
    .parameter(
        query,
        "incomplete",
        Required::False,
        words(["refuse", "allow"]).default(Some("refuse".into())),
        "Whether to read what is left of a purpose of which records are missing.",
    )
    .parameter(
        ParameterIn::Header,
        "Tamis-Recipient",
        Required::False,
        of(Type::String),
        "On whose behalf, a recipient that the purpose lists. On the socket alone: a token has its own, which counts.",
    )
    .answer(
        "200",
        "A page.",
        [
            ("application/x-ndjson", lines::<Lead>()),
            ("application/json", page),
            ("text/csv", plain("RFC 4180, UTF-8, with a header row.")),
        ],
        [
            ("Tamis-Next-Cursor", next),
            ("Tamis-More", more),
            ("Link", link),
            ("Tamis-Records", records),
            ("Tamis-Expired-Left-Out", expired),
            ("Tamis-Restricted-Left-Out", restricted),
            ("Tamis-Test-Left-Out", left_out),
            ("Tamis-Missing", missing),
            ("Content-Disposition", file),
        ],
    )
    .refused(&[
        No::ParameterUnknown,
        No::ParameterInvalid,
        No::LimitOutOfRange,
        No::NotAcceptable,
        No::CursorInvalid,
        No::CursorForeign,
        No::CursorAhead,
        No::PurposeNotYours,
        No::RecipientNotListed,
        No::NotFound,
        No::PurposeUnknown,
        No::RecordUnreadable,
        No::CountMismatch,
        No::Busy,
        No::ClockJumped,
        No::ClockUnconfirmed,
    ])
}

fn create_token() -> Call {
    Call::new(
        HttpMethod::Post,
        "/tokens",
        "create-token",
        "Make a token for the TCP door",
        "Its text is in this answer and nowhere else.",
    )
    .roles(ADMIN)
    .reason(false)
    .body::<NewToken>()
    .json::<CreatedToken>("201", "The token.")
    .refused(&[
        No::TokenNameInvalid,
        No::TokenRoleInvalid,
        No::TokenPurposesInvalid,
        No::TokenRecipientInvalid,
        No::TokenReasonInvalid,
        No::TokenExpiryInvalid,
        No::TokenNotExporter,
        No::TooManyTokens,
    ])
}

fn list_tokens() -> Call {
    Call::new(
        HttpMethod::Get,
        "/tokens",
        "list-tokens",
        "List the tokens",
        "Oldest first, without their secrets.",
    )
    .roles(ADMIN)
    .json::<Tokens>("200", "The tokens.")
}

fn revoke_token() -> Call {
    Call::new(
        HttpMethod::Delete,
        "/tokens/{id}",
        "revoke-token",
        "Take a token back",
        "The next call with it is refused.",
    )
    .roles(ADMIN)
    .reason(false)
    .parameter(
        ParameterIn::Path,
        "id",
        Required::True,
        text("^[0-9a-f]{16}$", "What stands before the dot."),
        "The token's id, never its text.",
    )
    .answer("204", "It is revoked.", [], [])
    .refused(&[No::NotFound, No::TokenUnknown])
}

fn back_up() -> Call {
    Call::new(
        HttpMethod::Post,
        "/backups",
        "back-up",
        "Make a backup",
        "Store and keyring of one moment, into a directory of the machine that tamis runs on. It is answered once the backup is \
         there; meanwhile notifications are taken, nothing is stored, and what needs a line in the trail is answered 503 `busy`.",
    )
    .roles(ADMIN)
    .body::<BackUp>()
    .json::<BackedUp>("200", "What it holds.")
    .refused(&[No::CopyUnderWay, No::DirectoryTaken, No::DirectoryRefused, No::DirectoryFull])
}

fn vacuum() -> Call {
    Call::new(
        HttpMethod::Post,
        "/vacuum",
        "vacuum",
        "Clear the sealed rest of what was erased out of the store's file",
        "What is kept is copied into a new file, held against the old one row by row, and put in its place; copies that were set aside \
         go as well. It is answered once that is done; meanwhile as for a backup. Readers do not notice. A body is not read.",
    )
    .roles(ADMIN)
    .json::<Vacuumed>("200", "How long the file was, and is.")
    .refused(&[No::CopyUnderWay, No::NoRoomToVacuum])
}

fn confirm_clock() -> Call {
    Call::new(
        HttpMethod::Post,
        "/clock/confirm",
        "confirm-clock",
        "Say that the clock is right",
        "After a leap forward, before which nothing is exported, or where the clock was ahead until it was put right. A body is not read.",
    )
    .roles(ADMIN)
    .reason(false)
    .json::<Confirmed>("200", "Whether there was something to confirm.")
}

fn trail() -> Call {
    Call::new(
        HttpMethod::Get,
        "/trail",
        "trail",
        "Who did what, when, why",
        "The chain of the lines is checked while they are read. A call that leaves lines out looks at 50,000 at the most: \
         its page may be short although `Tamis-More` is `true`; go on with `after`.",
    )
    .roles(TRAIL)
    .parameter(
        ParameterIn::Query,
        "order",
        Required::False,
        words(["asc", "desc"]).default(Some("asc".into())),
        "Oldest first, or newest first.",
    )
    .parameter(
        ParameterIn::Query,
        "after",
        Required::False,
        whole(0, u64::MAX),
        "Only lines after the one with this number, in the order asked for. Absent: from the first on.",
    )
    .parameter(
        ParameterIn::Query,
        "since",
        Required::False,
        Ref::from_schema_name("Moment"),
        "Only lines from this moment on.",
    )
    .parameter(
        ParameterIn::Query,
        "actor",
        Required::False,
        of(Type::String).pattern(Some("^(system|local:[0-9]{1,9}|token:[0-9a-f]{16})$")),
        "Only lines of this one, as it stands in a line.",
    )
    .parameter(ParameterIn::Query, "limit", Required::False, limit(), "At most so many lines.")
    .answer(
        "200",
        "The lines.",
        [("application/x-ndjson", lines::<TrailLine>())],
        [
            ("Tamis-Next-Cursor", header(whole(0, u64::MAX), "The next `after`.")),
            ("Tamis-More", header(words(["true", "false"]), "`true`: there is more, go on at once.")),
        ],
    )
    .refused(&[
        No::Busy,
        No::ParameterUnknown,
        No::ParameterInvalid,
        No::LimitOutOfRange,
        No::TrailBroken,
    ])
}

fn trail_checkpoint() -> Call {
    Call::new(
        HttpMethod::Get,
        "/trail/checkpoint",
        "trail-checkpoint",
        "Where the trail stands, signed",
        "A note to be kept elsewhere: `tamis trail verify --since` holds the trail against it, whoever holds the keys by then. \
         The same lines make the same note.",
    )
    .roles(TRAIL)
    .parameter(
        ParameterIn::Query,
        "line",
        Required::False,
        whole(1, u64::MAX),
        "Where it stood when this was its last line. Absent: where it stands.",
    )
    .json::<TrailCheckpoint>("200", "The checkpoint, and the key that it is checked by.")
    .refused(&[No::ParameterUnknown, No::ParameterInvalid, No::TrailLineUnknown, No::TrailBroken])
}

fn metrics() -> Call {
    Call::new(
        HttpMethod::Get,
        "/metrics",
        "metrics",
        "Counters and gauges",
        "For Prometheus. An exporter sees no series that names a purpose or page of others.",
    )
    .roles(ALL)
    .answer(
        "200",
        "Everything that is counted.",
        [("application/openmetrics-text", plain("Lines of OpenMetrics 1.0, which Prometheus reads."))],
        [],
    )
}
