//! What is asked of a submission, of the inbox, and of the house.

use serde_json::Value;
use utoipa::PartialSchema;
use utoipa::openapi::schema::{AdditionalProperties, ObjectBuilder, OneOfBuilder, Type};

use crate::api::schema::parts::{address, digits, exactly_one, of, text};
use crate::notification::ParkCode;
use crate::purpose::RecordId;

pub(super) fn find() -> OneOfBuilder {
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

pub(super) fn requeue() -> OneOfBuilder {
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

pub(super) fn drop_held() -> ObjectBuilder {
    of(Type::Object)
        .property("form_id", digits("A form that no purpose claims."))
        .required("form_id")
        .additional_properties(Some(AdditionalProperties::FreeForm(false)))
        .description(Some("Of which form the held references are let go."))
}

pub(super) fn retry_page() -> ObjectBuilder {
    of(Type::Object)
        .property("page_id", digits("A page of the config."))
        .required("page_id")
        .additional_properties(Some(AdditionalProperties::FreeForm(false)))
        .description(Some("Which page is tried at once."))
        .examples([serde_json::json!({"page_id": "104000000000001"})])
}

pub(super) fn back_up() -> ObjectBuilder {
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
