//! What of past requests lies in the daemon's memory: nothing that was secret in them (design: "memory at rest").

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use tamis_simulator::{Setup, Simulator, sign};

use crate::api::{exporter, token};
use crate::support::disk::Needles;
use crate::support::memory;
use crate::support::process::{Home, VERIFY_TOKEN};
use crate::support::{Answer, Caller, DEVIS_FORM, LETTRE_FORM, PAGE, add_forms, canary, lead};

/// The design allows a minute; the daemon needs what its last connections take to end.
const REST: Duration = Duration::from_secs(3);

/// The promise of what is done with a record.
const A_MINUTE: Duration = Duration::from_secs(60);

/// Sends these bytes as they are, and waits for what comes.
async fn send(address: &str, bytes: Vec<u8>) -> String {
    let address = address.to_owned();
    let talk = move || {
        let mut connection = TcpStream::connect(address).expect("a connection");
        connection.set_read_timeout(Some(Duration::from_secs(10))).expect("a socket");
        connection.write_all(&bytes).expect("open");
        let mut answer = [0; 4_096];
        let read = connection.read(&mut answer).expect("an answer");
        String::from_utf8_lossy(&answer[..read]).into_owned()
    };
    tokio::task::spawn_blocking(talk).await.expect("no panic")
}

#[tokio::test(flavor = "multi_thread")]
async fn no_token_no_body_and_no_answer_outlives_its_request() {
    let setup = Setup::default();
    let app_secret = setup.app_secrets[0].clone();
    let meta = Simulator::start(setup).await.expect("Meta's side");
    let page_token = canary("page-token");
    meta.set_token(PAGE, &page_token);
    add_forms(&meta);
    let home = Home::new(&meta, &page_token, |text| text);
    let daemon = home.serve(&[]);
    let local = daemon.admin();
    let (answer, body, guess) = (canary("answer"), canary("body"), canary("guess"));
    let mut gone = vec![answer.clone(), body.clone(), guess.clone(), VERIFY_TOKEN.to_owned()];

    // A lead, whose answers are exported by both doors.
    let lead = lead(DEVIS_FORM).answer("full_name", &[&answer]).answer("email", &["a@example.org"]);
    let id = meta.add_lead(lead);
    let delivered = meta.deliver(&daemon.webhook(), &meta.notification(&[&id])).await.expect("an answer");
    assert_eq!(delivered.status, 200);
    daemon.until_said("lead.stored", 1);
    for asked in [exporter(), json!({"name": "o", "role": "officer"}), json!({"name": "a", "role": "admin"})]
    {
        let (_, text) = token(&local, asked).await;
        let caller = Caller::tcp(&daemon.admin, Some(&text));
        for path in ["/admin/v1/purposes/devis/leads?format=csv", "/admin/v1/purposes", "/admin/v1/tokens"] {
            caller.get(path).await;
        }
        caller.post("/admin/v1/find", &json!({"leadgen_id": id, "unmask": true})).await;
        // In heads that no handler sees.
        let head = |target: &str, more: &str| {
            format!("GET {target} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {text}\r\n{more}\r\n")
                .into_bytes()
        };
        send(&daemon.admin, head("/nothing", "Content-Length: x\r\n")).await;
        send(&daemon.admin, head("/nothing", &format!("X: {}\r\n", "a".repeat(17_000)))).await;
        send(&daemon.public, head("/health/live", "")).await;
        let twice = [head("/health/live", ""), head("/health/ready", "")].concat();
        send(&daemon.public, twice).await;
        let (id, secret) = text.split_once('.').expect("two halves");
        assert!(!id.is_empty());
        gone.push(secret.to_owned());
    }
    let exported = local.get("/admin/v1/purposes/devis/leads").await.text();
    assert!(exported.contains(&answer), "{exported}");

    // The handshake, right and guessed.
    for (token, word) in [(VERIFY_TOKEN, "4711"), (guess.as_str(), "handshake-refused")] {
        let target = format!("/webhook?hub.mode=subscribe&hub.challenge=4711&hub.verify_token={token}");
        let told =
            send(&daemon.public, format!("GET {target} HTTP/1.1\r\nHost: x\r\n\r\n").into_bytes()).await;
        assert!(told.contains(word), "{told}");
    }

    // Bodies: signed, unsigned, in pieces, too large, broken off.
    let note = format!("{{\"object\":\"page\",\"entry\":[],\"note\":\"{body}\"}}");
    let signature = sign(app_secret.as_bytes(), note.as_bytes());
    let signed = format!("X-Hub-Signature-256: {signature}\r\n");
    let length = format!("Content-Length: {}\r\n\r\n{note}", note.len());
    let pieces = format!("Transfer-Encoding: chunked\r\n\r\n{:x}\r\n{note}\r\n0\r\n\r\n", note.len());
    for (lines, status) in [
        (format!("{signed}{length}"), 200),
        (length.clone(), 401),
        (format!("{signed}{pieces}"), 200),
        (format!("{signed}Content-Length: 1000001\r\n\r\n{note}"), 413),
        (format!("Transfer-Encoding: chunked\r\n\r\n{:x}\r\n{note}zz", note.len()), 400),
    ] {
        let told =
            send(&daemon.public, format!("POST /webhook HTTP/1.1\r\nHost: x\r\n{lines}").into_bytes()).await;
        assert!(told.starts_with(&format!("HTTP/1.1 {status} ")), "{status}: {told}");
    }

    tokio::time::sleep(REST).await;
    memory::holds_none(daemon.pid, &Needles::of(&gone), &app_secret);
    let (status, said) = daemon.terminate();
    assert!(status.success(), "{said}");
    meta.stop().await;
}

/// All that is told of a person, in every spelling that tamis makes of it.
struct Person {
    name: String,
    email: String,
    phone: &'static str,
    e164: &'static str,
    postcode: String,
}

impl Person {
    fn new(phone: &'static str, e164: &'static str) -> Self {
        let email = format!("{}@Canary.example", canary("email"));
        Self { name: canary("name"), email, phone, e164, postcode: canary("postcode") }
    }

    fn answers(&self) -> Vec<String> {
        let small = self.email.to_lowercase();
        let all = [&self.name, &self.email, &small, &self.postcode].map(Clone::clone).into_iter();
        all.chain([self.phone, self.e164].map(str::to_owned)).collect()
    }
}

/// Every act by which a record is opened, looked through, changed or taken away, and every answer of it: not its addresses alone.
#[tokio::test(flavor = "multi_thread")]
async fn no_answer_outlives_what_is_done_with_its_record() {
    let setup = Setup::default();
    let app_secret = setup.app_secrets[0].clone();
    let meta = Simulator::start(setup).await.expect("Meta's side");
    let page_token = canary("page-token");
    meta.set_token(PAGE, &page_token);
    add_forms(&meta);
    let home = Home::new(&meta, &page_token, |text| {
        text.replace("[purposes.devis]\n", "[purposes.devis]\nphone_region = \"FR\"\n")
    });
    let daemon = home.serve(&[]);
    let admin = daemon.admin();
    let (anne, zoe) =
        (Person::new("06 39 98 47 11", "+33639984711"), Person::new("06 39 98 52 36", "+33639985236"));
    let corrected = canary("corrected");
    let mut answers = [anne.answers(), zoe.answers()].concat();
    answers.push(corrected.clone());
    let needles = Needles::of(&answers);

    let mut leads = Vec::new();
    for person in [&anne, &zoe] {
        let quote = lead(DEVIS_FORM).answer("full_name", &[&person.name]).answer("email", &[&person.email]);
        let quote = quote.answer("phone_number", &[person.phone]).answer("zip_code", &[&person.postcode]);
        let letter =
            lead(LETTRE_FORM).answer("first_name", &[&person.name]).answer("email", &[&person.email]);
        leads.push(meta.add_lead(quote));
        leads.push(meta.add_lead(letter.checkbox("email_optin", true)));
    }
    for (count, lead) in leads.iter().enumerate() {
        let delivered =
            meta.deliver(&daemon.webhook(), &meta.notification(&[lead])).await.expect("an answer");
        assert_eq!(delivered.status, 200);
        daemon.until_said("lead.stored", count + 1);
    }
    // Who is told nothing any more holds nothing any more: after each act, of all that is held.
    let at_rest = async |act: &str, answer: Answer, shows: Option<&str>| {
        let text = answer.text();
        assert_eq!(answer.status, 200, "{act}: {text}");
        assert!(shows.is_none_or(|shown| text.contains(shown)), "{act}: {text}");
        memory::lets_go_of(daemon.pid, &needles, &app_secret, A_MINUTE).await;
    };
    let post = async |path: &str, body: Value, reason: &str| {
        admin.call(Method::POST, path, Some(body.to_string()), Some(reason)).await
    };
    let records = "/admin/v1/purposes/devis/leads";
    for format in ["ndjson", "json", "csv"] {
        let exported = admin.get(&format!("{records}?format={format}")).await;
        at_rest(&format!("export as {format}"), exported, Some(&anne.postcode)).await;
    }
    let cut = admin.get(&format!("{records}?limit=1")).await;
    at_rest("a page of an export", cut, Some(&anne.name)).await;
    let by = json!({"email": anne.email});
    let person = "person-request";
    let found = post("/admin/v1/find", json!({"id": "devis-1-1", "unmask": true}), person).await;
    at_rest("find", found, Some(&anne.name)).await;
    let found = post("/admin/v1/find", json!({"phone": anne.phone, "unmask": true}), person).await;
    at_rest("find by a telephone number", found, Some(&anne.name)).await;
    at_rest("access", post("/admin/v1/access", by.clone(), person).await, Some(&anne.postcode)).await;
    let wrong = json!({"id": "devis-1-1", "fields": {"full_name": [corrected]}});
    at_rest("correction", post("/admin/v1/corrections", wrong, person).await, Some("\"changed\":true")).await;
    let refused = json!({"id": "devis-1-1", "fields": {"full_name": [corrected], "nothing": [anne.name]}});
    assert_eq!(post("/admin/v1/corrections", refused, person).await.status, 422);
    let until = crate::correcting::day(30);
    let restrict = json!({"phone": zoe.phone, "until": until});
    at_rest("restriction", post("/admin/v1/restrictions", restrict, person).await, Some("devis-1-2")).await;
    let would = json!({"by": by, "dry_run": true});
    at_rest("what an erasure would take", post("/admin/v1/erasures", would, person).await, None).await;
    let objects = json!({"by": by, "keep_own_requests": true});
    at_rest("objection", post("/admin/v1/erasures", objects, "objection").await, Some("1-1")).await;
    let kept = admin.get(&format!("{records}?format=ndjson")).await;
    at_rest("export of what stays", kept, Some(&corrected)).await;
    at_rest("erasure by address", post("/admin/v1/erasures", json!({"by": by}), person).await, Some("1-2"))
        .await;
    let by_id = json!({"by": {"id": "devis-1-2"}});
    at_rest("erasure by id", post("/admin/v1/erasures", by_id, person).await, Some("1-3")).await;
    let by_phone = json!({"by": {"phone": zoe.e164}});
    at_rest("erasure of nothing", post("/admin/v1/erasures", by_phone, person).await, Some("1-4")).await;
    memory::holds_none(daemon.pid, &needles, &app_secret);
    let (status, said) = daemon.terminate();
    assert!(status.success(), "{said}");
    meta.stop().await;
}
