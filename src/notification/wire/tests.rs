use bytes::Bytes;

use super::*;
use crate::notification::Verifier;
use crate::secret::{Secret, hmac_sha256};

fn received() -> Timestamp {
    Timestamp::from_second(1_764_060_000).expect("in range")
}

fn notification(json: &str) -> Notification {
    read_bytes(json.as_bytes(), received()).unwrap_or_else(|code| panic!("{code}: {json:.200}"))
}

/// `leadgen/form/page` of each reference.
fn references(read: &Notification) -> Vec<String> {
    let show = |r: &LeadRef| format!("{}/{}/{}", r.leadgen.expose(), r.form, r.page);
    read.references.iter().map(show).collect()
}

/// `code:count` of what was met.
fn census(read: &Notification) -> String {
    read.census.iter().map(|(code, count)| format!("{code}:{count}")).collect::<Vec<_>>().join(" ")
}

fn page(entries: &str) -> String {
    format!(r#"{{"object":"page","entry":[{entries}]}}"#)
}

fn entry(changes: &str) -> String {
    page(&format!(r#"{{"id":"104","time":1764059999,"changes":[{changes}]}}"#))
}

fn leadgen(value: &str) -> String {
    format!(r#"{{"field":"leadgen","value":{value}}}"#)
}

const GOOD: &str = r#"{"value":{"ad_id":0,"form_id":901,"leadgen_id":9007199254740993,"created_time":1764059998,
    "page_id":105,"adgroup_id":"0"},"field":"leadgen"}"#;
const GOOD_SHOWN: &str = "9007199254740993/901/105";

#[test]
fn a_submission_becomes_a_reference() {
    let read = notification(&entry(GOOD));
    assert_eq!(references(&read), [GOOD_SHOWN]);
    assert_eq!(census(&read), "accepted:1");
    let reference = &read.references[0];
    assert_eq!(reference.created.map(Timestamp::as_second), Some(1_764_059_998));
    assert_eq!(reference.received, received());
}

/// Nothing between the bytes whose signature held and those that are read.
#[test]
fn what_was_verified_is_what_is_read() {
    let verifier = Verifier::new(vec![Secret::new(b"app-secret".to_vec())]);
    for body in [entry(GOOD), page(""), "no JSON".to_owned()] {
        let value = format!("sha256={}", hex::encode(hmac_sha256(b"app-secret", &[body.as_bytes()])));
        let authentic = verifier.verify([value.as_bytes()], false, Bytes::from(body.clone()));
        let authentic = authentic.unwrap_or_else(|code| panic!("{code}"));
        let (read, wanted) = (read(&authentic, received()), read_bytes(body.as_bytes(), received()));
        assert_eq!(read.map(|read| references(&read)), wanted.map(|read| references(&read)), "{body}");
    }
}

#[test]
fn every_entry_and_every_change_is_read() {
    let one = |n: u32| leadgen(&format!(r#"{{"leadgen_id":"{n}","form_id":"1","page_id":"2"}}"#));
    let entries = (0..10).map(|e| {
        let changes: Vec<String> = (1..=100).map(|c| one(e * 100 + c)).collect();
        format!(r#"{{"id":"2","changes":[{}]}}"#, changes.join(","))
    });
    let read = notification(&page(&entries.collect::<Vec<_>>().join(",")));
    let wanted: Vec<String> = (1..=1000).map(|n| format!("{n}/1/2")).collect();
    assert_eq!(references(&read), wanted);
}

#[test]
fn a_change_is_judged_alone_and_no_good_one_beside_it_is_lost() {
    let nested = "[".repeat(100_000) + &"]".repeat(100_000);
    for (odd, wanted) in [
        ("null".to_owned(), "change-malformed:1"),
        ("7".to_owned(), "change-malformed:1"),
        ("1e999".to_owned(), "change-malformed:1"),
        (r#""\ud800""#.to_owned(), "change-malformed:1"),
        ("{}".to_owned(), "change-malformed:1"),
        (nested.clone(), "change-malformed:1"),
        (r#"{"field":7,"value":{}}"#.to_owned(), "change-malformed:1"),
        (r#"{"field":"feed","value":{"item":"status"}}"#.to_owned(), "other-field:1"),
        (r#"{"field":"Leadgen","value":{"leadgen_id":1}}"#.to_owned(), "other-field:1"),
        (r#"{"field":"leadgen","field":"feed"}"#.to_owned(), "value-missing:1"),
        (r#"{"field":"leadgen"}"#.to_owned(), "value-missing:1"),
        (leadgen("null"), "value-missing:1"),
        (leadgen("[]"), "value-missing:1"),
        (leadgen(r#""1""#), "value-missing:1"),
        (leadgen("{}"), "id-missing:1"),
        (leadgen(r#"{"leadgen_id":null,"form_id":1,"page_id":2}"#), "id-missing:1"),
        (leadgen(r#"{"leadgen_id":"0","form_id":1,"page_id":2}"#), "id-missing:1"),
        (leadgen(r#"{"leadgen_id":1,"page_id":2}"#), "id-missing:1"),
        (leadgen(r#"{"leadgen_id":1,"form_id":0,"page_id":2}"#), "id-missing:1"),
        (leadgen(r#"{"leadgen_id":1.5e3,"form_id":1,"page_id":2}"#), "id-malformed:1"),
        (leadgen(r#"{"leadgen_id":1.0,"form_id":1,"page_id":2}"#), "id-malformed:1"),
        (leadgen(r#"{"leadgen_id":1e400,"form_id":1,"page_id":2}"#), "id-malformed:1"),
        (leadgen(r#"{"leadgen_id":-1,"form_id":1,"page_id":2}"#), "id-malformed:1"),
        (leadgen(r#"{"leadgen_id":true,"form_id":1,"page_id":2}"#), "id-malformed:1"),
        (leadgen(r#"{"leadgen_id":{},"form_id":1,"page_id":2}"#), "id-malformed:1"),
        (leadgen(r#"{"leadgen_id":"","form_id":1,"page_id":2}"#), "id-malformed:1"),
        (leadgen(r#"{"leadgen_id":" 1","form_id":1,"page_id":2}"#), "id-malformed:1"),
        (leadgen(r#"{"leadgen_id":"../me","form_id":1,"page_id":2}"#), "id-malformed:1"),
        (leadgen(r#"{"leadgen_id":"１２","form_id":1,"page_id":2}"#), "id-malformed:1"),
        (leadgen(r#"{"leadgen_id":123456789012345678901,"form_id":1,"page_id":2}"#), "id-malformed:1"),
        (leadgen(r#"{"leadgen_id":1,"form_id":"x","page_id":2}"#), "id-malformed:1"),
        (leadgen(r#"{"leadgen_id":1,"form_id":1,"page_id":"x"}"#), "id-malformed:1"),
        (leadgen(r#"{"leadgen_id":444444444444,"form_id":"444","page_id":"444"}"#), "test-ping:1"),
        (leadgen(r#"{"leadgen_id":"444444444444"}"#), "test-ping:1"),
        (r#"{"field":"leadgen_fat","value":{"field_data":[]}}"#.to_owned(), "leadgen-fat:1"),
        (r#"{"field":"leadgen_update","value":{"leadgen_id":444444444444}}"#.to_owned(), "leadgen-update:1"),
        (leadgen(r#"{"field_data":[{"name":"email"}]}"#), "answers-in-body:1 id-missing:1"),
    ] {
        let read = notification(&entry(&format!("{GOOD},{odd},{GOOD}")));
        assert_eq!(references(&read), [GOOD_SHOWN, GOOD_SHOWN], "{odd:.120}");
        assert_eq!(census(&read), format!("accepted:2 {wanted}"), "{odd:.120}");
    }
}

#[test]
fn odd_but_whole_submissions_are_accepted() {
    for (value, wanted, created) in [
        (r#"{"leadgen_id":"1","form_id":"2","page_id":"3"}"#, "1/2/3", None),
        (
            r#"{"leadgen_id":1,"leadgen_id":"x","form_id":2,"form_id":[],"page_id":3,"page_id":4}"#,
            "1/2/3",
            None,
        ),
        (r#"{"leadgen\u005fid":"\u0031","form_id":2,"page_id":3}"#, "1/2/3", None),
        (r#"{"leadgen_id":18446744073709551616,"form_id":2,"page_id":3}"#, "18446744073709551616/2/3", None),
        (r#"{"leadgen_id":44,"form_id":2,"page_id":3}"#, "44/2/3", None),
        (r#"{"leadgen_id":1,"form_id":2}"#, "1/2/104", None),
        (r#"{"leadgen_id":1,"form_id":2,"page_id":null}"#, "1/2/104", None),
        (r#"{"leadgen_id":1,"form_id":2,"page_id":"0"}"#, "1/2/104", None),
        (
            r#"{"leadgen_id":1,"form_id":2,"page_id":3,"created_time":"2015-02-28T08:49:14+0000"}"#,
            "1/2/3",
            Some(1_425_113_354),
        ),
        (
            r#"{"leadgen_id":1,"form_id":2,"page_id":3,"created_time":"1425113354"}"#,
            "1/2/3",
            Some(1_425_113_354),
        ),
        (r#"{"leadgen_id":1,"form_id":2,"page_id":3,"created_time":1425113354000000}"#, "1/2/3", None),
        (r#"{"leadgen_id":1,"form_id":2,"page_id":3,"created_time":{"a":1}}"#, "1/2/3", None),
        (r#"{"leadgen_id":1,"form_id":2,"page_id":3,"ad_id":{"a":[1e999]},"x":"\ud800"}"#, "1/2/3", None),
    ] {
        let read = notification(&entry(&leadgen(value)));
        assert_eq!(references(&read), [wanted], "{value}");
        assert_eq!(read.references[0].created.map(Timestamp::as_second), created, "{value}");
    }
}

#[test]
fn an_entry_without_a_usable_id_does_no_harm_where_the_value_names_the_page() {
    for id in [r#""id":"0","#, r#""id":0,"#, r#""id":"me","#, r#""id":null,"#, ""] {
        let read = notification(&page(&format!(r#"{{{id}"changes":[{GOOD}]}}"#)));
        assert_eq!(references(&read), [GOOD_SHOWN], "{id}");
        let no_page = leadgen(r#"{"leadgen_id":1,"form_id":2}"#);
        let read = notification(&page(&format!(r#"{{{id}"changes":[{no_page}]}}"#)));
        assert!(read.references.is_empty() && census(&read).starts_with("id-m"), "{id}");
    }
}

#[test]
fn answers_in_the_body_do_not_stop_its_reference() {
    for answers in [
        r#""field_data":[{"name":"email","values":["a@example.org"]}]"#,
        r#""custom_disclaimer_responses":[]"#,
        r#""email":"a@example.org""#,
    ] {
        let value = format!(r#"{{"leadgen_id":1,{answers},"form_id":2,"page_id":3}}"#);
        let read = notification(&entry(&leadgen(&value)));
        assert_eq!(references(&read), ["1/2/3"]);
        assert_eq!(census(&read), "accepted:1 answers-in-body:1");
    }
}

#[test]
fn other_shapes_are_counted_and_nothing_is_lost() {
    let messaging = r#""messaging":[{"sender":{"id":"1"},"timestamp":1764060000123}]"#;
    let mixed = format!(r#"{{"id":"1",{messaging},"changes":[{GOOD}]}}"#);
    for (json, accepted, wanted) in [
        ("{}".to_owned(), 0, "nothing:1"),
        ("[]".to_owned(), 0, "nothing:1"),
        ("null".to_owned(), 0, "nothing:1"),
        (" 7 ".to_owned(), 0, "nothing:1"),
        (format!("[{}]", entry(GOOD)), 0, "nothing:1"),
        (r#"{"object":"page"}"#.to_owned(), 0, "nothing:1"),
        (r#"{"object":"page","entry":{}}"#.to_owned(), 0, "nothing:1"),
        (page(""), 0, "nothing:1"),
        (page("{}"), 0, "nothing:1"),
        (page(r#"{"id":"1","changes":[]}"#), 0, "nothing:1"),
        (page(r#"{"id":"1","changes":null}"#), 0, "nothing:1"),
        (page(r#"{"id":"1","changes":{}}"#), 0, "change-malformed:1"),
        (page("7,null,[]"), 0, "change-malformed:3"),
        (page(&format!("7,{{\"changes\":[{GOOD}]}},null")), 1, "accepted:1 change-malformed:2"),
        (page(&format!(r#"{{"id":"1",{messaging}}}"#)), 0, "messenger:1"),
        (page(r#"{"id":"1","standby":[]}"#), 0, "messenger:1"),
        (page(&mixed), 1, "accepted:1 messenger:1"),
        (page(r#"{"id":"1","time":1,"changed_fields":["leadgen"]}"#), 0, "values-off:1"),
        (page(&format!(r#"{{"changed_fields":["feed"],"changes":[{GOOD}]}}"#)), 1, "accepted:1 values-off:1"),
        (entry(GOOD).replace("page\",\"entry", "instagram\",\"entry"), 0, "other-object:1"),
        (entry(GOOD).replace("\"object\":\"page\",", ""), 0, "other-object:1"),
        (entry(GOOD).replace("\"page\",\"entry", "[],\"entry"), 0, "other-object:1"),
        (
            r#"{"object":"permissions","entry":[{"uid":"1","changes":[{"field":"x","verb":"granted"}]}]}"#
                .to_owned(),
            0,
            "other-object:1",
        ),
        (entry(r#"{"field":"leadgen","verb":"x"}"#), 0, "value-missing:1"),
    ] {
        let read = notification(&json);
        assert_eq!(read.references.len(), accepted, "{json:.200}");
        assert_eq!(census(&read), wanted, "{json:.200}");
    }
}

#[test]
fn what_is_not_json_is_refused() {
    for bad in [&b""[..], b" ", b"{", b"<html>", b"a=b&c=d", b"{\"object\":\"page\xff\"}", b"{}{}", b"\x00"] {
        let read = read_bytes(bad, received()).map(|read| census(&read));
        assert_eq!(read, Err(WireCode::NotJson), "{}", bad.escape_ascii());
    }
}

#[test]
fn a_call_beyond_the_bound_is_refused_whole() {
    let change = leadgen(r#"{"leadgen_id":1,"form_id":2,"page_id":3}"#);
    let full = entry(&vec![change.as_str(); REFERENCES_MAX].join(","));
    assert_eq!(notification(&full).references.len(), REFERENCES_MAX);
    let over = entry(&vec![change.as_str(); REFERENCES_MAX + 1].join(","));
    let read = read_bytes(over.as_bytes(), received()).map(|read| census(&read));
    assert_eq!(read, Err(WireCode::TooManyReferences));
}

/// JSON of any shape, built from the words that the reader looks for.
fn any_json() -> impl proptest::strategy::Strategy<Value = String> {
    use proptest::prelude::*;
    let words =
        ["object", "entry", "changes", "field", "value", "leadgen_id", "form_id", "page_id", "id", "x"];
    let leaf = prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        Just("1e999".to_owned()),
        Just("\"page\"".to_owned()),
        Just("\"leadgen\"".to_owned()),
        Just("\"\\ud800\"".to_owned()),
        any::<i64>().prop_map(|n| n.to_string()),
        "[0-9]{1,24}".prop_map(|digits| format!("\"{digits}\"")),
        "\\PC{0,8}".prop_map(|text| serde_json::to_string(&text).expect("a string")),
    ];
    leaf.prop_recursive(8, 64, 6, move |inner| {
        let member = (proptest::sample::select(words.to_vec()), inner.clone());
        prop_oneof![
            proptest::collection::vec(inner, 0..6).prop_map(|items| format!("[{}]", items.join(","))),
            proptest::collection::vec(member, 0..6).prop_map(|members| {
                let members = members.iter().map(|(name, value)| format!("\"{name}\":{value}"));
                format!("{{{}}}", members.collect::<Vec<_>>().join(","))
            }),
        ]
    })
}

proptest::proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..400)) {
        let _ = read_bytes(&bytes, received());
    }

    #[test]
    fn json_of_any_shape_is_read(json in any_json()) {
        proptest::prop_assert!(read_bytes(json.as_bytes(), received()).is_ok());
    }

    #[test]
    fn no_odd_neighbour_loses_a_good_change(before in any_json(), after in any_json(), inside in any_json()) {
        let entries = format!(r#"{before},{{"id":{inside},"changes":[{inside},{GOOD},{after}]}},{after}"#);
        let read = notification(&page(&entries));
        proptest::prop_assert!(references(&read).iter().any(|shown| shown == GOOD_SHOWN));
        proptest::prop_assert_eq!(read.census.of(ChangeCode::Accepted) as usize, read.references.len());
    }
}
