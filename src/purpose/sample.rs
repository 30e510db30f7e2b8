//! A purpose for the tests of this room and of those that read one.

use crate::id::FormId;
use crate::purpose::law::{Controller, Dpo};
use crate::purpose::{
    Basis, BoxKey, Channel, ConsentKey, ConsentRule, FieldName, FieldRule, Purpose, PurposeId, Whitelist,
};

/// A purpose with these fields, by key alone, and nothing else.
pub(crate) fn purpose(id: &str, fields: &[&str]) -> Purpose {
    Purpose {
        id: PurposeId::parse(id).expect("a name"),
        title: Vec::new(),
        forms: vec![FormId::parse("901000000000001").expect("digits")],
        copies: false,
        basis: Basis::PreContract,
        retention_months: Some(12),
        retention_days: None,
        reconfirm_months: None,
        grace_days: 30,
        recipients: Vec::new(),
        keep: Vec::new(),
        phone_region: None,
        welcome: false,
        whitelist: Whitelist::new(fields.iter().map(|name| field(name)).collect()).expect("fields"),
        consents: Vec::new(),
        third_parties: Vec::new(),
        require_one_of: Vec::new(),
        legitimate_interest: Vec::new(),
    }
}

/// A workshop in Angers, without an officer.
pub(crate) fn controller() -> Controller {
    Controller {
        name: "Atelier Lumen SARL".to_owned(),
        address: "12 rue des Lices, 49100 Angers".to_owned(),
        country: "FR".to_owned(),
        email: "vie-privee@lumen.example".to_owned(),
        dpo: Dpo::NoneReason("below the threshold of art. 37".to_owned()),
        trade: None,
        authority: None,
        eu_representative: None,
    }
}

/// A consent that is not required, by the box with its own name, as long as the record.
pub(crate) fn consent(key: &str, channel: Channel) -> ConsentRule {
    ConsentRule {
        key: ConsentKey::parse(key).expect("a name"),
        channel,
        required: false,
        from: vec![BoxKey::anywhere(key)],
        valid_months: None,
        recipient: None,
    }
}

/// A field by its name alone.
pub(crate) fn field(name: &str) -> FieldRule {
    FieldRule::named(FieldName::parse(name).expect("a name"))
}
