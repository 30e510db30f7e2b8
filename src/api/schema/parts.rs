//! What schemas are made of.

use serde_json::Value;
use utoipa::openapi::schema::{
    AdditionalProperties, KnownFormat, ObjectBuilder, OneOfBuilder, SchemaFormat, SchemaType, Type,
};
use utoipa::openapi::{RefOr, Schema};

use crate::code::Coded;

/// One to twenty digits: Meta's ids do not fit into what most readers of JSON make of a number.
pub(super) const META_ID: &str = "^[0-9]{1,20}$";
/// How the config names a purpose.
pub(super) const PURPOSE: &str = "^[a-z][a-z0-9_]{0,62}$";

/// A string of this pattern.
pub(in crate::api) fn text(pattern: &str, description: &str) -> ObjectBuilder {
    of(Type::String).pattern(Some(pattern)).description(Some(description))
}

/// Any string.
pub(in crate::api) fn of(kind: Type) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(SchemaType::Type(kind))
}

/// A whole number within bounds.
pub(in crate::api) fn whole(least: u64, most: u64) -> ObjectBuilder {
    of(Type::Integer).minimum(Some(least)).maximum(Some(most))
}

/// One of these words.
pub(in crate::api) fn words<'w>(words: impl IntoIterator<Item = &'w str>) -> ObjectBuilder {
    let words: Vec<&str> = words.into_iter().collect();
    of(Type::String).enum_values(Some(words))
}

pub(super) fn list<C: Coded>(description: &str) -> ObjectBuilder {
    words(C::every().iter().map(|code| code.code())).description(Some(description))
}

pub(super) fn moment() -> ObjectBuilder {
    of(Type::String)
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
        .description(Some("RFC 3339, in UTC, whole seconds."))
        .examples([Value::from("2026-11-25T08:47:38Z")])
}

/// Digits as a string, or as a number.
pub(super) fn digits(description: &str) -> OneOfBuilder {
    OneOfBuilder::new()
        .item(of(Type::String).pattern(Some(META_ID)))
        .item(whole(0, u64::MAX))
        .description(Some(description))
}

/// What may be left out, which null says as well.
pub(super) fn or_null(schema: RefOr<Schema>) -> OneOfBuilder {
    OneOfBuilder::new().item(schema).item(of(Type::Null))
}

/// An address, in a body alone. What is one no pattern says.
pub(super) fn address(said: &str, example: &str) -> RefOr<Schema> {
    of(Type::String).max_length(Some(1_024)).description(Some(said)).examples([example]).into()
}

/// An object that names exactly one of `ways`; the others are absent or null.
pub(super) fn exactly_one(
    ways: &[(&str, RefOr<Schema>)],
    beside: &[(&str, RefOr<Schema>)],
    said: &str,
) -> OneOfBuilder {
    exactly_one_with(ways, beside, &[], said)
}

/// The same, where each way needs these members beside it.
pub(super) fn exactly_one_with(
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
