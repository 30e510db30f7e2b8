//! What the fuzzer begins with: well-formed input of every reader, and the words of their languages.

mod kept;
mod keys;
mod words;

use std::sync::LazyLock;

use jiff::Timestamp;
use tamis::config::{self, Config};
use tamis::id::{FormId, LeadgenId, PageId};
use tamis::lead::{Leaf, RawReply, minimise, seal};
use tamis::notification::LeadRef;
use tamis::purpose::{FormDefinition, Matching, Question, RecordId};
use tamis::random::SeededRandom;
use tamis::secret::Key;
use tamis::secret::location::Environment;
use tamis::trail::{Action, Entry, Operator, chain};
use tamis_simulator::notification::{Notification, shapes};
use tamis_simulator::{Lead, sign};

pub use kept::*;
pub use keys::*;
pub use words::*;

pub const SECRET: &[u8] = b"0f1e2d3c4b5a69788796a5b4c3d2e1f0";
pub const FORM: &str = "901000000000001";
pub const PAGE: &str = "104000000000001";
pub const EXAMPLE: &str = include_str!("../../../config/tamis.example.toml");

pub static PURPOSES: LazyLock<Config> = LazyLock::new(|| {
    config::parse(EXAMPLE, &Environment::default()).unwrap_or_else(|faults| panic!("{faults}"))
});

pub fn now() -> Timestamp {
    Timestamp::from_second(1_795_507_200).expect("in range")
}

pub fn reference() -> LeadRef {
    LeadRef {
        leadgen: LeadgenId::parse("77000000000001").expect("digits"),
        form: FormId::parse(FORM).expect("digits"),
        page: PageId::parse(PAGE).expect("digits"),
        created: None,
        received: now(),
    }
}

pub fn definition() -> FormDefinition {
    let questions = [("full_name", "FULL_NAME"), ("e-mail", "EMAIL"), ("plz", "CUSTOM")];
    let questions = questions.map(|(key, kind)| Question::new(key, kind)).to_vec();
    FormDefinition::asking(FormId::parse(FORM).expect("digits"), questions)
}

fn a_lead() -> Lead {
    Lead::new(PAGE, FORM, 1_795_500_000)
        .with_id("77000000000001")
        .answer("full_name", &["Zoé \"Z\" Müller"])
        .answer("e-mail", &["zoe@example.org"])
        .answer("plz", &["49100", "49000"])
        .skipped("budget")
        .checkbox("email_optin", true)
        .checkbox("consent_call", false)
}

pub fn notifications() -> Vec<Vec<u8>> {
    let lead = a_lead();
    vec![
        Notification::page().bytes(),
        shapes::ids_as_numbers(&lead),
        shapes::zero_ad_and_entry(&lead),
        shapes::without_ad(&lead),
        shapes::iso_created_time(&lead),
        shapes::several_entries(&[lead.clone(), lead.clone()], 2),
        shapes::batch(PAGE, FORM, 77_000, 20, 1_795_500_000),
        shapes::changed_fields(PAGE),
        shapes::messenger_beside(&lead, "words"),
        shapes::permissions("1"),
        shapes::user("1"),
        shapes::fat(&lead),
        shapes::answers_inside(&lead),
        shapes::update_sample(),
        shapes::dashboard_test(),
        shapes::without_value(PAGE),
        shapes::other_fields(PAGE),
        shapes::bad_beside(&lead),
    ]
}

pub fn signatures() -> Vec<Vec<u8>> {
    let good = sign(SECRET, b"{}");
    vec![
        good.clone().into_bytes(),
        good.to_uppercase().into_bytes(),
        format!("{good}\n{good}").into_bytes(),
        Vec::new(),
    ]
}

pub fn challenges() -> Vec<Vec<u8>> {
    let good = "hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token=verify-me";
    vec![good.into(), "hub.mode=subscribe&hub.verify_token=v%65rify%2Dme&hub.challenge=%31".into()]
}

pub fn replies() -> Vec<Vec<u8>> {
    let lead = r#"{"id":"77000000000001","created_time":"2026-11-25T08:00:00+0000","form_id":"901000000000001","field_data":[{"name":"full_name","values":["Zo\u00e9"]},{"name":"e-mail","values":["zoe@example.org"]},{"name":"email","values":["a@b.example"]},{"name":"plz","values":["49100"]},{"name":"budget","values":[1,true,null,[]]},{"name":"phone_number","values":"+33612345678"}],"custom_disclaimer_responses":[{"checkbox_key":"email_optin","is_checked":"1"},{"checkbox_key":"consent_call","is_checked":true}],"campaign_id":"123","platform":"ig"}"#;
    let batch = format!(r#"{{"77000000000001":{lead},"77000000000002":false,"x":{lead}}}"#);
    vec![lead.into(), batch.into(), "[]".into(), r#"{"field_data":null}"#.into()]
}

pub fn graph_errors() -> Vec<Vec<u8>> {
    let error = |inside: &str| format!("\u{1}{{\"error\":{{{inside}}}}}").into_bytes();
    vec![
        error(
            r#""message":"(#190) x","type":"OAuthException","code":190,"error_subcode":460,"fbtrace_id":"A""#,
        ),
        error(
            r#""code":100,"error_subcode":33,"message":"Unsupported get request. Object with ID '1' does not exist""#,
        ),
        error(r#""code":4,"is_transient":true,"message":"(#4) Application request limit reached""#),
        error(r#""code":"17""#),
        b"\0{}".to_vec(),
        b"\x07<html>".to_vec(),
    ]
}

pub fn forms() -> Vec<Vec<u8>> {
    let list =
        r#"[{"key":"full_name","type":"FULL_NAME"},{"key":"plz","type":"CUSTOM","options":[{"key":"a"}]}]"#;
    vec![
        format!(r#"{{"id":"{FORM}","questions":{list}}}"#).into_bytes(),
        format!(r#"{{"questions":{{"data":{list}}}}}"#).into_bytes(),
        br#"{"name":"Devis","questions":[{"type":"EMAIL"},{"key":"pays","type":"CUSTOM","options":[{"key":"fr","value":"France"}],"dependent_conditional_questions":[{"name":"region"}]}],"tracking_parameters":{"utm_source":"fb"}}"#.to_vec(),
        br#"{"questions":[{"key":"a"}],"tracking_parameters":[{"key":"utm_source","value":"fb"}]}"#.to_vec(),
    ]
}

pub fn usages() -> Vec<Vec<u8>> {
    let app = r#"{"call_count":80,"total_time":25,"total_cputime":97}"#;
    let business = r#"{"104":[{"type":"leadgen","call_count":1,"total_cputime":1,"total_time":96,"estimated_time_to_regain_access":3}]}"#;
    vec![format!("{app}\n{business}").into_bytes()]
}

pub fn configs() -> Vec<Vec<u8>> {
    let default = include_str!("../../../config/default.toml");
    vec![
        EXAMPLE.into(),
        default.into(),
        format!("{EXAMPLE}\0TAMIS__LOG__LEVEL=debug\nTAMIS__META__CALLS_IN_FLIGHT=4").into_bytes(),
        "[meta]\nretry = { first_ms = 1 }\n".into(),
    ]
}

pub fn cursors() -> Vec<Vec<u8>> {
    ["devis-1-1", "a-0-0", "lettre_b-4294967295-18446744073709551615"]
        .map(|text| text.as_bytes().to_vec())
        .to_vec()
}

pub fn tokens() -> Vec<Vec<u8>> {
    let credential = format!("0123456789abcdef.{}", "ab".repeat(32));
    vec![credential.into_bytes(), "limit=7&after=devis-1-1&format=csv&test=only".into()]
}

pub fn frames() -> Vec<Vec<u8>> {
    let mut encoded = Vec::new();
    reference().encode(&mut encoded);
    let mut frame = vec![0; 32];
    frame[0] = 60;
    frame[28] = 1;
    frame.extend_from_slice(&[4; 60]);
    tamis::inbox::door::restamp(&mut frame);
    vec![encoded, frame.clone(), [frame.clone(), frame].concat()]
}

pub fn records() -> Vec<Vec<u8>> {
    let purpose = PURPOSES.policy();
    let purpose = purpose.purposes().first().expect("a purpose");
    let mut reply = RawReply::with_limit(4_096);
    assert!(reply.push(&replies()[0]).is_ok(), "fits");
    let Some(lead) = reply.lead() else { panic!("a lead") };
    let definition = definition();
    let sieved = minimise(&lead, &reference(), &Matching::new(purpose, Some(&definition)));
    let id = RecordId::parse("devis-1-1").expect("an id");
    let key = Key::new([5; 32]);
    let sealed = sieved
        .result
        .ok()
        .and_then(|lead| seal(&lead, &id, [0; 32], Leaf::of(&id), &key, &SeededRandom::new(1)).ok());
    let mut seeds: Vec<Vec<u8>> = sealed.map(|record| record.encode()).into_iter().collect();
    // Schema, created, received, form, page, one field.
    let mut inside = vec![1, 2, 4, 1, b'9', 1, b'1', 1, 5];
    inside.extend_from_slice(b"email");
    inside.extend_from_slice(&[1, 1, b'a', 0, 8, 0, 0, 0]);
    seeds.push(inside);
    seeds
}

pub fn trails() -> Vec<Vec<u8>> {
    let mut entry = Entry::by(&Operator::recognised_by_kernel(0), Action::Exported);
    entry.from = RecordId::parse("devis-1-1");
    entry.count = 3;
    let (_, line) = chain(&Key::new([7; 32]), &[0; 32], 1, now(), entry.clone());
    let (_, other) = chain(&Key::new([7; 32]), &[0; 32], 1, now(), Entry::by_system(Action::Stored));
    // As before lines said their version.
    let old = line[2..].to_vec();
    vec![line, other, old]
}

/// What a mail server says in a session.
pub fn answers() -> Vec<Vec<u8>> {
    let session = "220 mail.example ESMTP\r\n250-mail.example\r\n250-SIZE 10240000\r\n250-STARTTLS\r\n250-AUTH PLAIN LOGIN\r\n\
                   250-8BITMIME\r\n250 SMTPUTF8\r\n235 2.7.0 ok\r\n250 2.1.0 ok\r\n250 2.1.5 ok\r\n354 go on\r\n250 2.0.0 queued\r\n";
    let refusals = "550 5.1.1 <anne@example.org>: unknown\r\n451-4.7.1 later\r\n451 4.7.1 later\r\n554\r\n";
    vec![session.into(), refusals.into()]
}
