//! The document holds together, and the one that is checked in is this one.

use std::collections::BTreeSet;

use serde_json::Value;

use super::*;

fn document() -> Value {
    serde_json::from_str(text()).expect("JSON")
}

/// Every text under this name, at any depth.
fn all<'v>(value: &'v Value, name: &str, into: &mut Vec<&'v str>) {
    match value {
        Value::Object(members) => {
            for (key, value) in members {
                match value {
                    Value::String(text) if key == name => into.push(text),
                    _ => all(value, name, into),
                }
            }
        }
        Value::Array(elements) => elements.iter().for_each(|element| all(element, name, into)),
        _ => {}
    }
}

#[test]
fn the_document_that_is_checked_in_is_this_one() {
    let checked_in = include_str!("../../../docs/openapi.json");
    assert!(checked_in == text(), "renew it: cargo run --example openapi > docs/openapi.json");
}

#[test]
fn every_shape_that_is_named_is_there_and_none_is_there_for_nothing() {
    let document = document();
    let mut named = Vec::new();
    all(&document, "$ref", &mut named);
    let named: BTreeSet<&str> =
        named.iter().map(|name| name.trim_start_matches("#/components/schemas/")).collect();
    let there = document["components"]["schemas"].as_object().expect("shapes");
    let there: BTreeSet<&str> = there.keys().map(String::as_str).collect();
    assert_eq!(named, there);
}

#[test]
fn every_call_is_in_the_document_once() {
    let document = document();
    let mut ids = Vec::new();
    all(&document["paths"], "operationId", &mut ids);
    assert_eq!(ids.len(), calls().len());
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len());
}

/// What a call answers beyond this list is nowhere declared.
#[test]
fn codes_of_the_webhook_are_no_answers_of_the_admin_side() {
    let document = document();
    let paths = document["paths"].to_string();
    for code in ["signature-missing", "not-json", "handshake-refused", "inbox-unavailable"] {
        assert!(!paths.contains(code), "{code}");
    }
    for code in ["clock-jumped", "busy", "too-many-tokens", "trail-broken", "store-count-mismatch"] {
        assert!(paths.contains(code), "{code}");
    }
}

/// Of two shapes of one name the document would have one, and the other's answers would be none that it declares.
#[test]
fn no_two_shapes_have_one_name() {
    let mut known = std::collections::BTreeMap::new();
    for (name, schema) in super::schemas() {
        let text = serde_json::to_string(&schema).expect("JSON");
        let first = known.entry(name.clone()).or_insert_with(|| text.clone());
        assert_eq!(*first, text, "{name}");
    }
    assert!(known.len() > 50, "{}", known.len());
}
