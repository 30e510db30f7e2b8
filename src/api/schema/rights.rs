//! What is done by a person's rights.

use serde_json::Value;
use utoipa::PartialSchema;
use utoipa::openapi::schema::{
    AdditionalProperties, ArrayBuilder, KnownFormat, ObjectBuilder, OneOfBuilder, SchemaFormat, Type,
};
use utoipa::openapi::{RefOr, Schema};

use crate::api::schema::parts::{
    address, digits, exactly_one, exactly_one_with, of, or_null, text, whole, words,
};
use crate::forget::receipt::{AskedBy, Ground};
use crate::purpose::{PurposeId, RecordId};
use crate::trail::Reason;

pub(super) fn access() -> OneOfBuilder {
    exactly_one(
        &[
            ("email", address("An e-mail address, in any spelling.", "anne@lumen.example")),
            ("phone", address("A telephone number, in any spelling.", "06 39 98 00 00")),
        ],
        &[],
        "Of whom: exactly one address.",
    )
}

pub(super) fn erase() -> ObjectBuilder {
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
            "tell",
            of(Type::Boolean).default(Some(Value::from(false))).description(Some(
                "Tell its person by mail first, and erase it then: within three days, told or not.",
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
pub(in crate::api) fn grounds() -> ObjectBuilder {
    words(Ground::ALL.iter().map(|ground| ground.as_str()))
}

pub(super) fn correction() -> ObjectBuilder {
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

pub(super) fn withdraw() -> OneOfBuilder {
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

pub(super) fn confirm() -> ObjectBuilder {
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

pub(super) fn restrict() -> OneOfBuilder {
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

pub(super) fn give_pass() -> OneOfBuilder {
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
