//! What is said of whoever is asked again, and of mail that comes back.

use serde_json::json;
use utoipa::openapi::Ref;
use utoipa::openapi::schema::{AdditionalProperties, ArrayBuilder, ObjectBuilder, Type};

use crate::api::reconfirmations::PEOPLE_MAX;
use crate::api::schema::numbers::record_id;
use crate::api::schema::parts::{address, of, or_null, text, whole};

pub(super) fn bounce() -> ObjectBuilder {
    of(Type::Object)
        .property("email", address("An e-mail address, in any spelling.", "anne@lumen.example"))
        .required("email")
        .additional_properties(Some(AdditionalProperties::FreeForm(false)))
        .description(Some("From which address mail comes back."))
        .examples([json!({"email": "anne@lumen.example"})])
}

pub(super) fn pause_asking() -> ObjectBuilder {
    of(Type::Object)
        .property("paused", of(Type::Boolean))
        .required("paused")
        .additional_properties(Some(AdditionalProperties::FreeForm(false)))
        .description(Some("Whether nobody is asked."))
        .examples([json!({"paused": false})])
}

pub(super) fn list_due() -> ObjectBuilder {
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

pub(super) fn say_asked() -> ObjectBuilder {
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
