//! Which addresses may not be stored.

use serde_json::json;
use utoipa::openapi::Ref;
use utoipa::openapi::schema::OneOfBuilder;

use crate::api::schema::numbers::epoch_number;
use crate::api::schema::parts::{PURPOSE, address, exactly_one_with, text, whole};

const MAILBOX: &str = "An e-mail address.";
const NUMBER: &str = "A telephone number; without its country (`+33…`) it is read as the purposes read it.";

pub(super) fn suppress() -> OneOfBuilder {
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

pub(super) fn remove_suppression() -> OneOfBuilder {
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
