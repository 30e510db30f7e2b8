//! What is said of a person's request.

use serde_json::json;
use utoipa::openapi::Ref;
use utoipa::openapi::schema::{AdditionalProperties, KnownFormat, ObjectBuilder, SchemaFormat, Type};

use crate::api::schema::numbers::epoch_number;
use crate::api::schema::parts::{of, or_null};

pub(super) fn open_request() -> ObjectBuilder {
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

pub(super) fn extend_request() -> ObjectBuilder {
    of(Type::Object)
        .property("ground", Ref::from_schema_name("ExtensionGround"))
        .required("ground")
        .additional_properties(Some(AdditionalProperties::FreeForm(false)))
        .description(Some("Why the answer takes two months more."))
}

pub(super) fn answer_request() -> ObjectBuilder {
    let erasure = epoch_number().description(Some("The erasure that it led to."));
    of(Type::Object)
        .property("erasure", or_null(erasure.into()))
        .additional_properties(Some(AdditionalProperties::FreeForm(false)))
        .description(Some("That it is answered, and by which erasure, if it led to one."))
}
