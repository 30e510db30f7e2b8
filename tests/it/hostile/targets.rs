//! Every reader of outside bytes as a function of bytes: it may refuse whatever it likes, and must not panic. What it gives
//! back tells kinds of outcomes apart, so that the fuzzer knows what is new.

use std::collections::hash_map::DefaultHasher;
use std::fmt::Debug;
use std::hash::{Hash, Hasher};
use std::sync::LazyLock;

use bytes::Bytes;
use jiff::Timestamp;
use tamis::config::{self, Config};
use tamis::id::{FormId, LeadgenId, PageId};
use tamis::keyring::InstanceId;
use tamis::lead::{
    BucketKey, RECORD_BYTES_MAX, RawReply, SealError, SealedRecord, Sieved, minimise, open, seal,
};
use tamis::notification::{self, Challenge, ChangeCode, LeadRef, Verifier};
use tamis::purpose::{FormDefinition, Matching, Purpose, Question, RecordId};
use tamis::random::{Random, SeededRandom};
use tamis::secret::location::Environment;
use tamis::secret::{Key, Secret};
use tamis::trail::{Action, Entry, KeptLine, Operator, chain};
use tamis_simulator::notification::{Notification, shapes};
use tamis_simulator::{Lead, sign};

const SECRET: &[u8] = b"0f1e2d3c4b5a69788796a5b4c3d2e1f0";
const FORM: &str = "901000000000001";
const PAGE: &str = "104000000000001";
const EXAMPLE: &str = include_str!("../../../config/tamis.example.toml");

/// One reader.
pub struct Target {
    /// Its name, and its corpus' folder.
    pub name: &'static str,
    /// Reads.
    pub read: fn(&[u8]) -> u64,
    /// What well-formed input looks like.
    pub seeds: fn() -> Vec<Vec<u8>>,
    /// Words of its language.
    pub words: &'static [&'static str],
}

/// All readers.
pub const TARGETS: &[Target] = &[
    Target { name: "wire", read: wire, seeds: notifications, words: JSON_WORDS },
    Target {
        name: "signature",
        read: signature,
        seeds: signatures,
        words: &["sha256=", "sha1=", "\n", "00"],
    },
    Target { name: "challenge", read: challenge, seeds: challenges, words: QUERY_WORDS },
    Target { name: "minimise", read: sieve, seeds: replies, words: JSON_WORDS },
    Target { name: "graph-error", read: graph_error, seeds: graph_errors, words: ERROR_WORDS },
    Target { name: "form", read: form, seeds: forms, words: JSON_WORDS },
    Target { name: "usage", read: usage, seeds: usages, words: ERROR_WORDS },
    Target { name: "config", read: config, seeds: configs, words: CONFIG_WORDS },
    Target {
        name: "cursor",
        read: cursor,
        seeds: cursors,
        words: &["-", "0", "18446744073709551615", "4294967296"],
    },
    Target {
        name: "token",
        read: token,
        seeds: tokens,
        words: &[".", "0", "abcdef", "limit=", "&", "after=", "%2D"],
    },
    Target { name: "keyring", read: keyring, seeds: keyrings, words: &["TAMISKEY", "\u{1}", "devis"] },
    Target { name: "frame", read: frame, seeds: frames, words: &["\u{1}\0\0\0", "\u{2}\0\0\0"] },
    Target { name: "record", read: record, seeds: records, words: &["devis", "email", "leadgen_id"] },
    Target { name: "row", read: row, seeds: rows, words: &["too-old", "devis", "\u{1}"] },
    Target {
        name: "trail",
        read: trail,
        seeds: trails,
        words: &["system", "local:", "token:", "devis-1-1", "exported"],
    },
];

const JSON_WORDS: &[&str] = &[
    "{",
    "}",
    "[",
    "]",
    "\"",
    ":",
    ",",
    "null",
    "true",
    "false",
    "0",
    "-1",
    "1e999",
    "9007199254740993",
    "\\u0000",
    "\\ud800",
    "\\udc00",
    "\"id\":",
    "\"entry\":",
    "\"changes\":",
    "\"field\":\"leadgen\"",
    "\"value\":",
    "\"leadgen_id\":",
    "\"form_id\":",
    "\"page_id\":",
    "\"created_time\":",
    "\"field_data\":",
    "\"name\":",
    "\"values\":",
    "\"custom_disclaimer_responses\":",
    "\"checkbox_key\":",
    "\"is_checked\":",
    "\"questions\":",
    "\"key\":",
    "\"type\":",
    "\"data\":",
    "18446744073709551616",
    "99999999999999999999",
    "<test lead: dummy data for",
];
const QUERY_WORDS: &[&str] =
    &["hub.mode=subscribe", "hub.challenge=", "hub.verify_token=", "&", "=", "%", "+", "%00"];
const ERROR_WORDS: &[&str] = &[
    "{\"error\":{",
    "\"code\":",
    "\"error_subcode\":",
    "\"is_transient\":",
    "\"message\":",
    "190",
    "100",
    "33",
    "4",
    "368",
    "-1",
    "null",
    "\"call_count\":",
    "\"estimated_time_to_regain_access\":",
    "\"type\":\"leadgen\"",
    "1e308",
    "\n",
    "nonexisting field",
    "appsecret_proof",
    "reduce the amount of data",
    "[",
    "]",
    "}",
    "\"",
];
const CONFIG_WORDS: &[&str] = &[
    "[meta]",
    "[[meta.pages]]",
    "[purposes.",
    "forms = ",
    "retention_months = ",
    "[store]",
    "[keys]",
    "= {",
    "}",
    "[",
    "]",
    "\"",
    "'''",
    "\n",
    "0",
    "-1",
    "9223372036854775807",
    "1e400",
    "nan",
    "TAMIS__",
    "{ env = \"X\" }",
    "\\u0000",
    "https://",
    "::1",
    "127.0.0.1:0",
    "a.b.c = 1",
    "#",
];

fn kind(outcome: impl Debug) -> u64 {
    let mut hasher = DefaultHasher::new();
    format!("{outcome:?}").hash(&mut hasher);
    hasher.finish()
}

fn now() -> Timestamp {
    Timestamp::from_second(1_795_507_200).expect("in range")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn reference() -> LeadRef {
    LeadRef {
        leadgen: LeadgenId::parse("77000000000001").expect("digits"),
        form: FormId::parse(FORM).expect("digits"),
        page: PageId::parse(PAGE).expect("digits"),
        created: None,
        received: now(),
    }
}

fn wire(bytes: &[u8]) -> u64 {
    let verifier = Verifier::new(vec![Secret::new(SECRET.to_vec())]);
    let signature = sign(SECRET, bytes);
    let authentic = verifier.verify([signature.as_bytes()], false, Bytes::copy_from_slice(bytes));
    let Ok(authentic) = authentic else { panic!("what was signed is refused") };
    match notification::read(&authentic, now()) {
        Ok(read) => {
            assert!(read.references.len() <= notification::REFERENCES_MAX, "unbounded");
            let mut encoded = Vec::new();
            for reference in &read.references {
                encoded.clear();
                reference.encode(&mut encoded);
                assert!(encoded.len() <= LeadRef::ENCODED_MAX, "an encoded reference is too long");
                assert!(LeadRef::decode(&mut encoded.as_slice()).is_some(), "a reference does not read back");
            }
            let census: Vec<(ChangeCode, bool)> =
                read.census.iter().map(|(code, count)| (code, count > 1)).collect();
            kind((read.references.len().min(6), census))
        }
        Err(code) => kind(code),
    }
}

fn signature(bytes: &[u8]) -> u64 {
    let verifier = Verifier::new(vec![Secret::new(SECRET.to_vec()), Secret::new(b"x".to_vec())]);
    let values: Vec<&[u8]> = bytes.split(|byte| *byte == b'\n').collect();
    let verified = verifier.verify(values, bytes.len().is_multiple_of(2), Bytes::from_static(b"{}"));
    let honest = text(bytes).to_ascii_lowercase() == sign(SECRET, b"{}");
    if verified.is_ok() {
        assert!(honest || text(bytes).to_ascii_lowercase() == sign(b"x", b"{}"), "a wrong signature passes");
    }
    kind(verified.err())
}

fn challenge(bytes: &[u8]) -> u64 {
    let read = Challenge::read(&text(bytes), &Secret::new(b"verify-me".to_vec()));
    kind(read.map(|challenge| challenge.into_string().len().min(8)).map_err(|code| format!("{code:?}")))
}

static PURPOSES: LazyLock<Config> = LazyLock::new(|| {
    config::parse(EXAMPLE, &Environment::default()).unwrap_or_else(|faults| panic!("{faults}"))
});

fn definition() -> FormDefinition {
    let question = |key: &str, kind: &str| Question { key: key.to_owned(), question_type: kind.to_owned() };
    let questions =
        vec![question("full_name", "FULL_NAME"), question("e-mail", "EMAIL"), question("plz", "CUSTOM")];
    FormDefinition { form: FormId::parse(FORM).expect("digits"), questions }
}

/// Whatever comes out of the sieve is sealed, opened again, and names no field that the whitelist does not.
fn sieve(bytes: &[u8]) -> u64 {
    let mut reply = RawReply::with_limit(256 * 1024);
    for chunk in bytes.chunks(1_000) {
        if reply.push(chunk).is_err() {
            return kind("too large");
        }
    }
    let mut outcomes = Vec::new();
    let policy = PURPOSES.policy();
    let Some(lead) = reply.lead() else { return kind("no lead") };
    let definition = definition();
    for purpose in policy.purposes() {
        for known in [None, Some(&definition)] {
            let Sieved { result, dropped, unknown_key } =
                minimise(&lead, &reference(), &Matching::new(purpose, known));
            let stored = match result {
                Ok(minimised) => sealed_and_opened(&minimised, purpose),
                Err(code) => format!("{code:?}"),
            };
            outcomes.push((stored, dropped.count().min(3), unknown_key));
        }
    }
    outcomes.dedup();
    kind(outcomes)
}

fn sealed_and_opened(lead: &tamis::lead::MinimisedLead, purpose: &Purpose) -> String {
    let id = RecordId { purpose: purpose.id.clone(), epoch: 1, number: 1 };
    let key = BucketKey { generation: 1, key: Key::new([5; 32]) };
    let record = match seal(lead, &id, &key, &SeededRandom::new(1)) {
        Ok(record) => record,
        Err(SealError::TooLarge(_)) => return "too large".to_owned(),
        Err(_) => panic!("it does not seal"),
    };
    let encoded = record.encode();
    assert!(encoded.len() <= RECORD_BYTES_MAX, "a record of {} bytes", encoded.len());
    let decoded = SealedRecord::decode(&encoded).expect("a record");
    let Ok(opened) = open(&decoded, &id, &key) else { panic!("what was sealed does not open") };
    let named = purpose
        .whitelist
        .columns()
        .iter()
        .filter(|name| opened.field(purpose, name.as_str()).is_some())
        .count();
    assert!(named > 0, "a record without a field");
    let consents = opened.consents().iter().filter(|evidence| evidence.given()).count();
    format!("stored {named} {consents} {}", opened.is_test())
}

fn graph_error(bytes: &[u8]) -> u64 {
    let (first, body) = bytes.split_first().unwrap_or((&0, &[]));
    let status = [200, 400, 401, 403, 404, 429, 500, 502, 302, 204][usize::from(*first) % 10];
    let said = tamis::graph::door::reply(status, body);
    assert!(said.as_ref().is_none_or(|said| said.len() < 600), "too much is kept of a reply");
    kind(said)
}

fn form(bytes: &[u8]) -> u64 {
    let form = FormId::parse(FORM).expect("digits");
    kind(tamis::graph::door::definition(&form, bytes).map(|questions| questions.min(20)))
}

fn usage(bytes: &[u8]) -> u64 {
    let text = text(bytes);
    let (app, business) = text.split_once('\n').unwrap_or((&text, ""));
    let said = tamis::graph::door::usage(Some(app), Some(business), now());
    // Numbers without end are one kind.
    kind(said.chars().filter(|c| !c.is_ascii_digit()).collect::<String>())
}

fn config(bytes: &[u8]) -> u64 {
    let text = text(bytes);
    let (file, variables) = text.split_once('\0').unwrap_or((&text, ""));
    let variables = variables.split('\n').filter_map(|line| line.split_once('='));
    let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
    match config::parse(file, &Environment::new(variables)) {
        Ok(config) => kind(("valid", config.policy().purposes().len(), config.warnings.len())),
        Err(faults) => {
            let shown = faults.to_string();
            assert!(shown.len() < 4 * 1024 * 1024, "faults without end");
            kind(faults.faults.iter().map(|fault| format!("{:?}", fault.code)).collect::<Vec<_>>())
        }
    }
}

fn cursor(bytes: &[u8]) -> u64 {
    let text = text(bytes);
    let read = RecordId::parse(&text);
    if let Some(read) = &read {
        assert!(read.to_string() == text, "an id has one spelling");
    }
    kind((read.is_some(), text.len().min(90)))
}

fn token(bytes: &[u8]) -> u64 {
    let text = text(bytes);
    kind((tamis::http::admin::door::credential(&text), tamis::http::admin::door::query(&text)))
}

fn keyring(bytes: &[u8]) -> u64 {
    let root = Key::new([42; 32]);
    kind((tamis::keyring::door::file(bytes, &root), tamis::keyring::door::inside(bytes)))
}

fn frame(bytes: &[u8]) -> u64 {
    let (key, instance) = (Key::new([3; 32]), InstanceId([9; 16]));
    let as_it_is = tamis::inbox::door::frames(bytes, &key, instance);
    let mut restamped = bytes.to_vec();
    tamis::inbox::door::restamp(&mut restamped);
    let opens = tamis::inbox::door::opens(&restamped, &key, instance);
    let reference = LeadRef::decode(&mut &*bytes).is_some();
    kind((as_it_is.min(4), opens, reference))
}

fn record(bytes: &[u8]) -> u64 {
    let peeked = SealedRecord::peek(bytes).map(|(_, _, test)| test);
    let opened = SealedRecord::decode(bytes).map(|record| {
        let id = RecordId::parse("devis-1-1").expect("an id");
        open(&record, &id, &BucketKey { generation: 1, key: Key::new([5; 32]) }).is_ok()
    });
    kind((peeked, opened, tamis::lead::door::inside(bytes).map(|fields| fields.min(6))))
}

fn row(bytes: &[u8]) -> u64 {
    kind(tamis::store::sled::door::rows(bytes))
}

fn trail(bytes: &[u8]) -> u64 {
    let Some(kept) = KeptLine::new(bytes) else { return kind(()) };
    let read = kept.read(1);
    if let Ok(line) = &read {
        let _ = kept.follows(&Key::new([7; 32]), &[0; 32]);
        let (again, bytes) = chain(&Key::new([7; 32]), &[0; 32], 1, line.time, line.entry.clone());
        let read_again = KeptLine::new(&bytes).expect("a line").read(1);
        assert!(read_again.as_ref() == Ok(&again) && again.entry == line.entry, "a line does not read back");
    }
    kind((
        kept.is_versioned(),
        read.map(|line| (line.entry.action(), line.entry.role(), line.entry.from.is_some())),
    ))
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

fn notifications() -> Vec<Vec<u8>> {
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

fn signatures() -> Vec<Vec<u8>> {
    let good = sign(SECRET, b"{}");
    vec![
        good.clone().into_bytes(),
        good.to_uppercase().into_bytes(),
        format!("{good}\n{good}").into_bytes(),
        Vec::new(),
    ]
}

fn challenges() -> Vec<Vec<u8>> {
    let good = "hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token=verify-me";
    vec![good.into(), "hub.mode=subscribe&hub.verify_token=v%65rify%2Dme&hub.challenge=%31".into()]
}

fn replies() -> Vec<Vec<u8>> {
    let lead = r#"{"id":"77000000000001","created_time":"2026-11-25T08:00:00+0000","form_id":"901000000000001","field_data":[{"name":"full_name","values":["Zo\u00e9"]},{"name":"e-mail","values":["zoe@example.org"]},{"name":"email","values":["a@b.example"]},{"name":"plz","values":["49100"]},{"name":"budget","values":[1,true,null,[]]},{"name":"phone_number","values":"+33612345678"}],"custom_disclaimer_responses":[{"checkbox_key":"email_optin","is_checked":"1"},{"checkbox_key":"consent_call","is_checked":true}],"campaign_id":"123","platform":"ig"}"#;
    let batch = format!(r#"{{"77000000000001":{lead},"77000000000002":false,"x":{lead}}}"#);
    vec![lead.into(), batch.into(), "[]".into(), r#"{"field_data":null}"#.into()]
}

fn graph_errors() -> Vec<Vec<u8>> {
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

fn forms() -> Vec<Vec<u8>> {
    let list =
        r#"[{"key":"full_name","type":"FULL_NAME"},{"key":"plz","type":"CUSTOM","options":[{"key":"a"}]}]"#;
    vec![
        format!(r#"{{"id":"{FORM}","questions":{list}}}"#).into_bytes(),
        format!(r#"{{"questions":{{"data":{list}}}}}"#).into_bytes(),
    ]
}

fn usages() -> Vec<Vec<u8>> {
    let app = r#"{"call_count":80,"total_time":25,"total_cputime":97}"#;
    let business = r#"{"104":[{"type":"leadgen","call_count":1,"total_cputime":1,"total_time":96,"estimated_time_to_regain_access":3}]}"#;
    vec![format!("{app}\n{business}").into_bytes()]
}

fn configs() -> Vec<Vec<u8>> {
    let default = include_str!("../../../config/default.toml");
    vec![
        EXAMPLE.into(),
        default.into(),
        format!("{EXAMPLE}\0TAMIS__LOG__LEVEL=debug\nTAMIS__META__CALLS_IN_FLIGHT=4").into_bytes(),
        "[meta]\nretry = { first_ms = 1 }\n".into(),
    ]
}

fn cursors() -> Vec<Vec<u8>> {
    ["devis-1-1", "a-0-0", "lettre_b-4294967295-18446744073709551615"]
        .map(|text| text.as_bytes().to_vec())
        .to_vec()
}

fn tokens() -> Vec<Vec<u8>> {
    let credential = format!("0123456789abcdef.{}", "ab".repeat(32));
    vec![credential.into_bytes(), "limit=7&after=devis-1-1&format=csv&test=only".into()]
}

fn keyrings() -> Vec<Vec<u8>> {
    // A real file, and what is inside one: instance, generation, keys, months, days, a bucket.
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("keyring");
    let random: std::sync::Arc<dyn Random> = std::sync::Arc::new(SeededRandom::new(1));
    let made = tamis::keyring::file::FileKeyring::create(&path, Key::new([42; 32]), random);
    assert!(made.is_ok(), "a keyring");
    let mut inside = vec![9; 16];
    inside.push(3);
    for _ in 0..2 {
        inside.push(32);
        inside.extend_from_slice(&[7; 32]);
    }
    inside.extend_from_slice(&[0, 1, 5, 32]);
    inside.extend_from_slice(&[8; 32]);
    inside.extend_from_slice(&[1, 5]);
    inside.extend_from_slice(b"devis");
    inside.extend_from_slice(&[1, 1, 0, 1, 32]);
    inside.extend_from_slice(&[6; 32]);
    inside.push(0);
    vec![std::fs::read(&path).expect("a file"), inside]
}

fn frames() -> Vec<Vec<u8>> {
    let mut encoded = Vec::new();
    reference().encode(&mut encoded);
    let mut frame = vec![0; 32];
    frame[0] = 60;
    frame[28] = 1;
    frame.extend_from_slice(&[4; 60]);
    tamis::inbox::door::restamp(&mut frame);
    vec![encoded, frame.clone(), [frame.clone(), frame].concat()]
}

fn records() -> Vec<Vec<u8>> {
    let purpose = PURPOSES.policy();
    let purpose = purpose.purposes().first().expect("a purpose");
    let mut reply = RawReply::with_limit(4_096);
    assert!(reply.push(&replies()[0]).is_ok(), "fits");
    let Some(lead) = reply.lead() else { panic!("a lead") };
    let definition = definition();
    let sieved = minimise(&lead, &reference(), &Matching::new(purpose, Some(&definition)));
    let id = RecordId::parse("devis-1-1").expect("an id");
    let key = BucketKey { generation: 1, key: Key::new([5; 32]) };
    let sealed = sieved.result.ok().and_then(|lead| seal(&lead, &id, &key, &SeededRandom::new(1)).ok());
    let mut seeds: Vec<Vec<u8>> = sealed.map(|record| record.encode()).into_iter().collect();
    // Schema, created, received, form, page, one field.
    let mut inside = vec![1, 2, 4, 1, b'9', 1, b'1', 1, 5];
    inside.extend_from_slice(b"email");
    inside.extend_from_slice(&[1, 1, b'a', 0, 8, 0, 0, 0]);
    seeds.push(inside);
    seeds
}

fn rows() -> Vec<Vec<u8>> {
    vec![
        vec![1, 0, 5, b'd', b'e', b'v', b'i', b's', 1, 1, 9],
        vec![1, 1, 7, 9],
        vec![1, 2, 7, b't', b'o', b'o', b'-', b'o', b'l', b'd', 3],
    ]
}

fn trails() -> Vec<Vec<u8>> {
    let mut entry = Entry::by(&Operator::recognised_by_kernel(0), Action::Exported);
    entry.from = RecordId::parse("devis-1-1");
    entry.count = 3;
    let (_, line) = chain(&Key::new([7; 32]), &[0; 32], 1, now(), entry.clone());
    let (_, other) = chain(&Key::new([7; 32]), &[0; 32], 1, now(), Entry::by_system(Action::Stored));
    // As before lines said their version.
    let old = line[2..].to_vec();
    vec![line, other, old]
}
