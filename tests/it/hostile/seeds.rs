//! What the fuzzer begins with: well-formed input of every reader, and the words of their languages.

use std::sync::LazyLock;

use jiff::Timestamp;
use serde::Serialize;
use tamis::config::{self, Config};
use tamis::id::{FormId, LeadgenId, PageId};
use tamis::keyring::tree::Frontier;
use tamis::lead::{Leaf, RawReply, minimise, seal};
use tamis::notification::LeadRef;
use tamis::purpose::{FormDefinition, Matching, Question, RecordId};
use tamis::random::SeededRandom;
use tamis::secret::Key;
use tamis::secret::location::Environment;
use tamis::trail::{Action, Entry, Operator, chain};
use tamis_simulator::notification::{Notification, shapes};
use tamis_simulator::{Lead, sign};

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

/// Whatever comes out of the sieve is sealed, opened again, and names no field that the whitelist does not.
pub const JSON_WORDS: &[&str] = &[
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
    "\"options\":",
    "\"tracking_parameters\":",
    "\"dependent_conditional_questions\":",
    "\"data\":",
    "18446744073709551616",
    "99999999999999999999",
    "<test lead: dummy data for",
];
pub const QUERY_WORDS: &[&str] =
    &["hub.mode=subscribe", "hub.challenge=", "hub.verify_token=", "&", "=", "%", "+", "%00"];
pub const ERROR_WORDS: &[&str] = &[
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
pub const CONFIG_WORDS: &[&str] = &[
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

pub fn keyrings() -> Vec<Vec<u8>> {
    // A real file of before there were trees, and what is inside one: instance, generation, keys, months, days, a bucket.
    let packed = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/store-5a9719d.tar.gz");
    let packed = flate2::read::GzDecoder::new(std::fs::File::open(packed).expect("the old store"));
    let mut unpacked = tar::Archive::new(packed);
    let mut file = Vec::new();
    for entry in unpacked.entries().expect("entries") {
        let mut entry = entry.expect("an entry");
        if entry.path().is_ok_and(|path| path.ends_with("keys/keyring")) {
            std::io::Read::read_to_end(&mut entry, &mut file).expect("bytes");
        }
    }
    assert!(!file.is_empty(), "a keyring");
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
    vec![file, inside]
}

/// Kinds, counts and lengths as they stand in pages.
pub const PAGE_WORDS: &[&str] =
    &["\u{1}", "\u{2}", "\u{3}", "\0", "\u{1}\0", "\0\u{2}", "\u{7f}\0", "devis", "TAMISKY2"];

fn frontier_bytes(frontier: &Frontier) -> Vec<u8> {
    let mut bytes = vec![0; frontier.encoded_bytes()];
    assert!(frontier.encode(&mut bytes).is_some(), "it fits");
    bytes
}

/// Of a bucket that is whole, of one with holes, of one in which nothing lives, and of one that a backup renewed.
pub fn frontiers() -> Vec<Vec<u8>> {
    let random = SeededRandom::new(1);
    let whole: Frontier = Frontier::new(&random).expect("randomness");
    let holes = whole.puncture(7).puncture_range(100..140).puncture(511);
    let renewed = holes.renew_unassigned(200, &random).expect("randomness").renew_unassigned(300, &random);
    let dead = whole.puncture_range(0..512);
    [whole, holes, dead, renewed.expect("randomness")].iter().map(frontier_bytes).collect()
}

/// A head with two keys and the page of the buckets, and buckets of two purposes.
pub fn page_insides() -> Vec<Vec<u8>> {
    let mut head = 9_u64.to_le_bytes().to_vec();
    // Key of the sum, sum, a map of one byte that names page 2, two keys.
    head.extend_from_slice(&[[3; 32], [0; 32]].concat());
    head.extend_from_slice(&[1, 0, 0b100, 2, 0]);
    for kind in [1, 2] {
        head.extend_from_slice(&[&[kind, 0, 0, 0, 0][..], &[kind + 3; 32]].concat());
    }
    let mut buckets = 8_u64.to_le_bytes().to_vec();
    buckets.extend_from_slice(&[2, 0]);
    for (purpose, frontier) in [("devis", &frontiers()[1]), ("lettre", &frontiers()[0])] {
        buckets.push(purpose.len() as u8);
        buckets.extend_from_slice(purpose.as_bytes());
        buckets.extend_from_slice(&[1, 0, 0, 0, 1, 0, 4, 0, 0, 0, 0, 0, 0, 0]);
        buckets.extend_from_slice(frontier);
    }
    vec![head, buckets]
}

/// As tamis::keyring::pages::door::file takes them: whole, with what a crash left beside it, and without what the head names.
pub fn page_files() -> Vec<Vec<u8>> {
    let [head, buckets] = page_insides().try_into().expect("two");
    let piece = |what: u8, number: u8, bytes: &[u8]| {
        [&[what, number][..], &(bytes.len() as u16).to_le_bytes(), bytes].concat()
    };
    let whole = [piece(2, 2, &buckets), piece(1, 1, &head)].concat();
    let mut older = head.clone();
    older[0] -= 1;
    let left = [piece(2, 3, &buckets), piece(1, 4, &older), piece(0, 5, b"torn")].concat();
    vec![whole.clone(), [whole, left].concat(), [piece(2, 3, &buckets), piece(3, 1, &head)].concat()]
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

pub fn rows() -> Vec<Vec<u8>> {
    vec![
        vec![1, 0, 5, b'd', b'e', b'v', b'i', b's', 1, 1, 9],
        vec![1, 1, 7, 9],
        vec![1, 2, 7, b't', b'o', b'o', b'-', b'o', b'l', b'd', 3],
    ]
}

/// Names and codes in rows, and lengths that are none.
pub const ROW_WORDS: &[&str] = &[
    "devis",
    "\0",
    "\u{1}",
    "\u{7f}",
    "person-request",
    "objection",
    "erased",
    "email_optin",
    "\u{5}devis",
    "p",
    "w",
    "e",
    "r",
    "b",
    "f",
];
/// Epoch and number in a key.
const NUMBER: [u8; 12] = [0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 9];
/// In milliseconds.
const MOMENT: i64 = 1_795_507_200_000;

fn plain(row: &impl Serialize) -> Vec<u8> {
    postcard::to_allocvec(row).expect("a vector grows")
}

/// A row of the first version under a key.
fn under(key: &[&[u8]], row: &impl Serialize) -> Vec<u8> {
    let key = key.concat();
    [&[key.len() as u8][..], &key, &[1], &plain(row)].concat()
}

/// What an erasure, a record that was written anew, and an expiry have pending; an erasure that is done; a caller's key; a tombstone.
pub fn erasures() -> Vec<Vec<u8>> {
    let leaves = vec![("devis", vec![(1_u32, 9_u64), (1, 600)])];
    let cuts =
        vec![("devis", 1_u32, 0_u64, vec![(3_u16, 9_u16), (11, 12)], false), ("lettre", 1, 2, vec![], true)];
    let traces = (Some(20_000_u32), None::<u32>, Some(20_150_u32));
    let papers = (vec![1_u8, 2], vec![3_u8], vec![("devis", vec![4_u8])]);
    let done = Some((MOMENT, 7_u64));
    let erasure =
        (MOMENT, Some("person-request"), vec![("devis", 2_u64)], 1_u64, 5_u64, traces, papers, done);
    vec![
        under(&[b"p", &NUMBER], &leaves),
        under(&[b"w", &NUMBER, b"devis"], &leaves),
        under(&[b"x"], &(20_000_u32, cuts)),
        under(&[b"e", &NUMBER], &erasure),
        under(&[b"r", &[7; 32]], &(1_u32, 9_u64, [7_u8; 32])),
        under(&[&[0, 0, 2, 1], &[7; 32]], &vec!["devis", "lettre"]),
    ]
}

/// A pass, an event, a stub, a restriction, mails that wait.
pub fn besides() -> Vec<Vec<u8>> {
    let pass = (1_u32, 9_u64, [7_u8; 12], vec![7_u8; 40]);
    let letters = (
        1_u32,
        vec![("welcome", MOMENT, 0_u32, MOMENT, [7_u8; 16])],
        Some(MOMENT),
        None::<i64>,
        None::<i64>,
        None::<i64>,
    );
    let mut stub = under(&[&[0, 0, 2, 1], &[7; 32], &9_u64.to_be_bytes()], &());
    // Two days, then what is sealed.
    stub.pop();
    stub.extend_from_slice(&[0, 0, 0x4e, 0x20, 0, 0, 0x5e, 0x20, 1]);
    stub.extend_from_slice(&[7; 80]);
    vec![
        under(&[b"rdevis\0", &NUMBER, &[1], &3_u64.to_be_bytes(), &[7; 32]], &pass),
        under(&[b"devis\0", &NUMBER], &(Some("objection"), MOMENT, 20_100_u32)),
        under(&[b"devis\0", &NUMBER], &letters),
        stub,
    ]
}

/// A feed, a block of it, how far an erasure is followed, an entry of the list of who objected, whose an address is that is awaited.
pub fn feeds() -> Vec<Vec<u8>> {
    let runs = vec![(1_u32, 9_u64, 3_u32), (1, 600, 1)];
    let block = (1_u64, MOMENT, "erased", "devis", runs, None::<&str>, Some(MOMENT), Some((1_u32, 4_u64)));
    let feed = (4_u64, 1_u64, 4_u64, 0_u64, Some(MOMENT), 0_u64, None::<i64>, 0_u64, 0_u64);
    vec![
        under(&[b"bcrm\0", &4_u64.to_be_bytes()], &block),
        under(&[b"fcrm"], &feed),
        under(&[b"e", &NUMBER, b"crm"], &(4_u64, Some(MOMENT), None::<i64>)),
        under(&[b"h", &[7; 32]], &(1_u32, 9_u64, MOMENT, MOMENT)),
        under(&[b"h", &[7; 32]], &vec![9_u64]),
    ]
}

/// What is sealed of an event of a consent, and of a stub.
pub fn kept_evidence() -> Vec<Vec<u8>> {
    let event = (
        "email_optin",
        "confirmed",
        1_795_507_200_i64,
        "person",
        Some(1_800_000_000_i64),
        Some([7_u8; 32]),
        Some("fr"),
    );
    let ticked = ("email_optin", "email_optin", Some([7_u8; 32]), "given", 1_795_507_200_i64, None::<i64>);
    let grounds = (Some([7_u8; 32]), None::<[u8; 32]>, Some("fr"), Some(FORM));
    let stub = ("devis", FORM, grounds, vec![ticked], vec![event], "erased");
    vec![plain(&event), plain(&stub)]
}

/// Lines of the ledger: an erasure, a change of the list of who objected, consents that were taken back.
pub fn ledgers() -> Vec<Vec<u8>> {
    let erased = (
        Some((1_u32, 4_u64)),
        Some("person-request"),
        vec!["devis"],
        vec![[7_u8; 32]],
        vec![("devis", 1_u32, 9_u64)],
    );
    let objected = vec![(vec![b'h', 7], Some(vec![1_u8, 2])), (vec![b'n', 7], None)];
    let said = (MOMENT, vec!["email_optin"], vec!["city"], "person", None::<[u8; 32]>, Some("fr"));
    let back = ((1_u32, 7_u64), ("devis", 1_u32, 9_u64), "objected", said);
    vec![plain(&(MOMENT, 0_u32, erased)), plain(&(MOMENT, 1_u32, objected)), plain(&(MOMENT, 3_u32, back))]
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
