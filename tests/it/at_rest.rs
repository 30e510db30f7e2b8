//! What of past requests lies in the daemon's memory: nothing that was secret in them (design: "memory at rest").

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::json;
use tamis_simulator::{Setup, Simulator, sign};

use crate::api::{exporter, token};
use crate::support::disk::Needles;
use crate::support::memory;
use crate::support::process::{Home, VERIFY_TOKEN};
use crate::support::{Caller, DEVIS_FORM, PAGE, add_forms, canary, lead};

/// The design allows a minute; the daemon needs what its last connections take to end.
const REST: Duration = Duration::from_secs(3);

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
