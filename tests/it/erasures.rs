//! Somebody wants to be forgotten: from the call to the paper, against a Meta that goes on as if nothing had happened.

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use tamis::forget::receipt::Signed;
use tamis::forget::receipt::note::VerifierKey;
use tamis_simulator::{CallKind, Match, Misbehaviour, Rule};

use crate::api::{exporter, token};
use crate::receipt::python_signs;
use crate::support::process::{BINARY, installed};
use crate::support::{Answer, Caller, DEVIS_FORM, World, canary, lead, log};

const VERIFIER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/receipt-verify.py");

/// Somebody who asked for a quote: Meta's id.
fn submit(world: &World) -> String {
    let email = format!("{}@example.org", canary("erased"));
    world.submit(lead(DEVIS_FORM).answer("full_name", &["Zoé"]).answer("email", &[&email]), &[&email])
}

async fn post(caller: &Caller, path: &str, body: &Value) -> Answer {
    caller.call(Method::POST, path, Some(body.to_string()), Some("person-request")).await
}

async fn erase(world: &World, by: Value) -> (String, String) {
    let answer = post(&world.admin(), "/admin/v1/erasures", &json!({ "by": by })).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let erased = answer.json();
    let text = |name: &str| erased[name].as_str().expect("text").to_owned();
    (text("erasure"), text("receipt"))
}

async fn key(world: &World) -> VerifierKey {
    let shown = world.admin().get("/admin/v1/receipts/key").await.json();
    VerifierKey::parse(shown["key"].as_str().expect("text")).expect("a key")
}

/// How often Graph was asked for this lead.
fn asked(world: &World, id: &str) -> usize {
    let calls = world.meta.graph_calls().into_iter().filter(|call| call.kind == CallKind::Lead);
    calls.filter(|call| call.ids.iter().any(|asked| asked == id)).count()
}

async fn states(world: &World, question: Value) -> Vec<String> {
    let found = post(&world.admin(), "/admin/v1/find", &question).await;
    assert_eq!(found.status, 200, "{}", found.text());
    let found = found.json();
    let records = found["records"].as_array().expect("a list").iter();
    records.map(|record| record["state"].as_str().expect("a word").to_owned()).collect()
}

fn receipt_of(note: &str, key: &VerifierKey) -> Value {
    let signed = Signed::open(note.as_bytes(), key).unwrap_or_else(|fault| panic!("{fault}"));
    serde_json::from_str(signed.json()).expect("JSON")
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_erased_is_read_found_requeued_and_fetched_no_more_whatever_meta_repeats() {
    let mut world = World::start().await;
    let ids: Vec<String> = (0..4).map(|_| submit(&world)).collect();
    world.deliver_all(&ids).await;
    world.stored("devis", 4).await;
    let key = key(&world).await;
    let (_, bearer) = token(&world.admin(), exporter()).await;
    let read = world.admin_tcp(Some(&bearer)).get("/admin/v1/purposes/devis/leads").await;
    assert_eq!(read.header("tamis-next-cursor"), "devis-1-4", "{}", read.text());
    let (first, by_record) = erase(&world, json!({"id": "devis-1-2"})).await;
    // Records are numbered as they were settled: whose the second is, the look-up tells.
    let mut gone = Vec::new();
    for id in &ids {
        if states(&world, json!({ "leadgen_id": id })).await == ["erased"] {
            gone.push(id.clone());
        }
    }
    assert_eq!(gone.len(), 1);
    let other = ids.iter().find(|id| **id != gone[0]).expect("another").clone();
    let (second, by_leadgen) = erase(&world, json!({ "leadgen_id": other })).await;
    gone.push(other);
    assert_eq!((first.as_str(), second.as_str()), ("1-1", "1-2"));
    for note in [&by_record, &by_leadgen] {
        let receipt = receipt_of(note, &key);
        assert_eq!((&receipt["records"][0]["count"], &receipt["references"]), (&1.into(), &0.into()));
        assert_eq!(receipt["records"][0]["title"]["en"], "Answer your request for a quote");
        assert_eq!(receipt["to_be_told"][0]["name"], "Exemple CRM SAS");
        assert_eq!(receipt["exported_locally"], true, "this test has read it out");
        assert_eq!(receipt["controller"]["name"], "Atelier Lumen SARL");
        assert!(!ids.iter().any(|id| note.contains(id.as_str())), "Meta's id");
    }
    let calls: Vec<usize> = gone.iter().map(|id| asked(&world, id)).collect();
    // One that came since: nobody had it.
    let late = submit(&world);
    world.deliver_all(std::slice::from_ref(&late)).await;
    world.settled().await;
    let (_, note) = erase(&world, json!({ "leadgen_id": late })).await;
    let receipt = receipt_of(&note, &key);
    assert_eq!((&receipt["records"][0]["count"], &receipt["to_be_told"]), (&1.into(), &json!([])));
    assert_eq!(receipt["exported_locally"], false);
    for round in 0..2 {
        // Meta repeats, and an operator brings back what there is.
        world.deliver_all(&gone).await;
        world.settled().await;
        let requeued = world.admin().post("/admin/v1/inbox/requeue", &json!({"form_id": DEVIS_FORM})).await;
        assert_eq!(requeued.json()["requeued"], 0, "{}", requeued.text());
        assert_eq!(world.records("devis").await.len(), 2);
        assert_eq!(states(&world, json!({"id": "devis-1-2"})).await, [""; 0]);
        for (id, before) in gone.iter().zip(&calls) {
            assert_eq!(states(&world, json!({ "leadgen_id": id })).await, ["erased"]);
            assert_eq!(asked(&world, id), *before, "Graph is not asked for it");
        }
        let shown = world.admin().get("/admin/v1/erasures/1-1?format=note").await.text();
        assert_eq!(shown, by_record, "a receipt never changes");
        if round == 0 {
            // Also by another name of the controller, and after a restart.
            world.reload(|text| text.replace("Atelier Lumen SARL", "Lumen Europe SE")).await;
            world.restart().await;
        }
    }
    // Erased once more: what the first receipt says of recipients the second one does not know, and does not deny.
    let (_, again) = erase(&world, json!({ "leadgen_id": gone[0] })).await;
    let receipt = receipt_of(&again, &key);
    assert_eq!((&receipt["records"], &receipt["references"]), (&json!([]), &0.into()));
    assert_eq!((&receipt["to_be_told"], &receipt["exported_locally"]), (&Value::Null, &Value::Null));
    let first = world.admin().get("/admin/v1/erasures/1-1?format=note").await.text();
    assert!(first == by_record && receipt_of(&first, &key)["to_be_told"][0]["name"] == "Exemple CRM SAS");
    let none = submit(&world);
    let (_, nothing) = erase(&world, json!({ "leadgen_id": none })).await;
    let receipt = receipt_of(&nothing, &key);
    assert!(receipt["records"].as_array().expect("a list").is_empty());
    assert_eq!(receipt["controller"]["name"], "Lumen Europe SE");
    world.deliver_all(std::slice::from_ref(&none)).await;
    world.settled().await;
    assert_eq!(asked(&world, &none), 0, "what comes later is turned away as well");
    // The trail's lines go by the config of the start until the next one, and so a receipt says.
    world.reload(|text| text.to_owned() + "\n[trail]\nretention_months = 6\n").await;
    let (_, later) = erase(&world, json!({ "leadgen_id": submit(&world) })).await;
    let until = |receipt: &Value| receipt["remains"]["trail_line_until"].clone();
    assert_eq!(until(&receipt_of(&later, &key)), until(&receipt));
    world.end().await;
}

/// What was accepted and not read yet lies in the journal alone: the receipt counts it, and it is not fetched.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_read_yet_is_struck_off_and_counted() {
    let world = World::start().await;
    let key = key(&world).await;
    let first = submit(&world);
    world.deliver_all(std::slice::from_ref(&first)).await;
    world.stored("devis", 1).await;
    // Graph takes its time: it is asked, and what it says then comes too late.
    world.meta.misbehave(Rule::always(Match::any(), Misbehaviour::Delay(Duration::from_secs(4))));
    let unread = submit(&world);
    world.deliver_all(std::slice::from_ref(&unread)).await;
    assert_eq!(states(&world, json!({ "leadgen_id": unread })).await, ["queued"]);
    let would = json!({"by": {"leadgen_id": unread}, "dry_run": true});
    let would = post(&world.admin(), "/admin/v1/erasures", &would).await.json();
    assert_eq!(would, json!({"records": 0, "purposes": [], "parked": 1}));
    let (_, note) = erase(&world, json!({ "leadgen_id": unread })).await;
    let receipt = receipt_of(&note, &key);
    assert_eq!((&receipt["references"], receipt["records"].as_array().map(Vec::len)), (&1.into(), Some(0)));
    assert!(receipt["remains"]["day_keys_until"].is_string() && receipt["remains"]["meta_until"].is_string());
    assert!(receipt["remains"]["key_backups_until"].is_null());
    world.settled().await;
    world.meta.behave();
    assert_eq!(world.records("devis").await.len(), 1);
    assert_eq!(states(&world, json!({ "leadgen_id": unread })).await, ["erased"]);
    let (_, again) = erase(&world, json!({ "leadgen_id": unread })).await;
    assert_eq!(receipt_of(&again, &key)["references"], 0, "once");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_is_sent_twice_is_one_and_another_under_its_key_is_refused() {
    let world = World::start().await;
    let ids: Vec<String> = (0..2).map(|_| submit(&world)).collect();
    world.deliver_all(&ids).await;
    world.stored("devis", 2).await;
    let call = async |by: Value| {
        #[expect(clippy::disallowed_methods, reason = "a test's own client")]
        let client = reqwest::Client::builder().no_proxy().unix_socket(world.addresses.socket.clone());
        let client = client.pool_max_idle_per_host(0).build().expect("a client");
        let call = client.post("http://admin.sock/admin/v1/erasures").header("Tamis-Reason", "objection");
        let call = call.header("Idempotency-Key", "b7c2").body(json!({ "by": by }).to_string());
        let answer = call.send().await.expect("an answer");
        let status = answer.status().as_u16();
        let body = answer.bytes().await.expect("a whole body");
        (status, serde_json::from_slice::<Value>(&body).expect("JSON"))
    };
    let (status, first) = call(json!({"leadgen_id": ids[0]})).await;
    assert_eq!(status, 200, "{first}");
    assert_eq!(call(json!({"leadgen_id": ids[0]})).await, (200, first));
    let (status, taken) = call(json!({"leadgen_id": ids[1]})).await;
    assert_eq!((status, &taken["code"]), (422, &"idempotency-key-taken".into()));
    assert_eq!(world.records("devis").await.len(), 1, "and nothing is erased");
    world.end().await;
}

/// Something lies in the keyring's place, so that no key can be destroyed: the records are in no export any more, and nobody gets
/// a receipt. It is said wherever somebody looks, and ends by itself once the place is free.
#[tokio::test(flavor = "multi_thread")]
async fn while_the_keys_cannot_be_destroyed_it_is_said_everywhere_and_never_called_done() {
    let world = World::start().await;
    let ids: Vec<String> = (0..3).map(|_| submit(&world)).collect();
    world.deliver_all(&ids).await;
    world.stored("devis", 3).await;
    let key = key(&world).await;
    erase(&world, json!({"id": "devis-1-3"})).await;
    let place = world.directory.path().join("keys/keyring");
    fs::remove_file(&place).expect("removed");
    let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
    rustix::fs::mknodat(rustix::fs::CWD, &place, rustix::fs::FileType::Fifo, mode, 0).expect("a pipe");
    let body = json!({"by": {"id": "devis-1-1"}});
    let pending = post(&world.admin(), "/admin/v1/erasures", &body).await;
    assert_eq!((pending.status, pending.header("content-type")), (503, "application/problem+json"));
    assert_eq!(pending.json()["code"], "erasure-pending");
    assert_eq!(pending.json()["erasure"], "1-2");
    assert_eq!(world.records("devis").await.len(), 1, "it is in no export any more");
    let get = async |path: &str| world.admin().get(&format!("/admin/v1{path}")).await;
    let shown = get("/erasures/1-2").await.json();
    assert_eq!((&shown["state"], &shown["receipt"]), (&"pending".into(), &Value::Null));
    assert_eq!(get("/erasures/1-2?format=html").await.status, 503);
    let attention = async || {
        let status = get("/status").await.json();
        let concerns = status["attention"].as_array().expect("a list").clone();
        concerns.iter().any(|concern| concern["code"] == "erasure-pending")
    };
    assert!(attention().await);
    let metrics = get("/metrics").await.text();
    for line in ["tamis_erasures_pending 1\n", "tamis_attention{code=\"erasure-pending\"} 1\n"] {
        assert!(metrics.contains(line), "{line}");
    }
    let well = tamis(&world, &["status"]).await;
    assert_eq!(well.status.code(), Some(1));
    assert!(words(&well.stdout).contains("erasure-pending"), "{}", words(&well.stdout));
    let told = tamis(&world, &["erase", "--id", "devis-1-2", "--reason", "objection"]).await;
    assert_eq!((told.status.code(), told.stdout.len()), (Some(1), 0));
    assert!(words(&told.stderr).contains("1-3 (erasure-pending"), "{}", words(&told.stderr));
    fs::remove_file(&place).expect("removed");
    world.until("it has its end", || async { get("/erasures/1-2").await.json()["state"] == "done" }).await;
    let note = get("/erasures/1-2?format=note").await.text();
    let receipt = receipt_of(&note, &key);
    assert_eq!((&receipt["number"], &receipt["records"][0]["count"]), (&"1-2".into(), &1.into()));
    world.until("and nobody is needed", || async { !attention().await }).await;
    let said = log().text();
    assert!(said.contains("store.erasure-pending") && said.contains("code=erasure-pending"), "{said}");
    world.end().await;
}

/// What a caller says that it takes gets through to the call, also at the door of records.
#[tokio::test(flavor = "multi_thread")]
async fn a_caller_gets_the_kind_and_the_language_that_it_takes() {
    let world = World::start().await;
    let id = submit(&world);
    world.deliver_all(std::slice::from_ref(&id)).await;
    world.stored("devis", 1).await;
    #[expect(clippy::disallowed_methods, reason = "a test's own client")]
    let client = reqwest::Client::builder().no_proxy().unix_socket(world.addresses.socket.clone());
    let client = client.pool_max_idle_per_host(0).build().expect("a client");
    let kind = async |path: &str, accept: &str| {
        let call = client.get(format!("http://admin.sock/admin/v1{path}")).header("Accept", accept);
        let call = call.header("Accept-Language", "de-AT, fr;q=0.5").header("Tamis-Reason", "audit");
        let answer = call.send().await.expect("an answer");
        let text = |name: &str| {
            let value = answer.headers().get(name).and_then(|value| value.to_str().ok());
            value.unwrap_or_default().to_owned()
        };
        (answer.status().as_u16(), text("content-type"), text("content-language"))
    };
    let said = |status: u16, kind: &str, language: &str| (status, kind.to_owned(), language.to_owned());
    let leads = "/purposes/devis/leads";
    assert_eq!(kind(leads, "text/csv").await.1, "text/csv; charset=utf-8; header=present");
    assert_eq!(kind(leads, "image/png").await.0, 406);
    erase(&world, json!({ "leadgen_id": id })).await;
    let (html, text) = ("text/html; charset=utf-8", "text/plain; charset=utf-8");
    assert_eq!(kind("/erasures/1-1", "text/html, */*;q=0.1").await, said(200, html, "de"));
    assert_eq!(kind("/erasures/1-1?lang=en", "text/plain").await, said(200, text, "en"));
    assert_eq!(kind("/erasures/1-1", "*/*").await, said(200, "application/json", ""));
    assert_eq!(kind("/erasures/1-1", "text/csv").await.0, 406);
    world.end().await;
}

fn words(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("UTF-8")
}

/// Runs the command line against this daemon.
async fn tamis(world: &World, arguments: &[&str]) -> Output {
    let mut command = Command::new(BINARY);
    command.args(arguments).arg("--socket").arg(&world.addresses.socket).env_clear().stdin(Stdio::null());
    let ended = tokio::task::spawn_blocking(move || command.output()).await.expect("no panic");
    ended.expect("the binary runs")
}

async fn run(mut command: Command) -> Output {
    command.stdin(Stdio::null());
    let ended = tokio::task::spawn_blocking(move || command.output()).await.expect("no panic");
    ended.expect("it runs")
}

/// What an operator does from the request to the paper, and what whoever holds the paper does with it.
#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_erases_and_the_paper_is_checked_by_tamis_and_by_python_alike() {
    let world = World::start().await;
    let ids: Vec<String> = (0..2).map(|_| submit(&world)).collect();
    world.deliver_all(&ids).await;
    world.stored("devis", 2).await;
    let place = |name: &str| world.directory.path().join(name).display().to_string();
    let would = tamis(&world, &["erase", "--id", "devis-1-1", "--reason", "audit", "--dry-run"]).await;
    assert_eq!(words(&would.stdout), "records  1\n  devis  1\nparked   0\nnothing was erased\n");
    let (paper, page) = (place("receipt.txt"), place("receipt.html"));
    let one = ["erase", "--id", "devis-1-1", "--reason", "person-request"];
    let done = tamis(&world, &[&one[..], &["--format", "note", "--output", &paper]].concat()).await;
    assert_eq!(done.status.code(), Some(0), "{}", words(&done.stderr));
    assert_eq!(words(&done.stderr), format!("erased: 1-1\nwritten to {paper}\n"));
    let over = tamis(&world, &[&one[..], &["--output", &paper]].concat()).await;
    assert_eq!(
        over.status.code(),
        Some(1),
        "a file that is there is not written over, and nothing is erased"
    );
    let absent = tamis(&world, &["erase", "--id", "devis-1-2", "--reason", "crm-sync"]).await;
    assert_eq!(absent.status.code(), Some(2), "no ground for an erasure");
    let key = tamis(&world, &["receipt", "key"]).await;
    assert_eq!(key.status.code(), Some(0), "{}", words(&key.stderr));
    let key = words(&key.stdout).trim().to_owned();
    assert!(key.starts_with("leads.lumen.example/receipts+"), "{key}");
    let mut verify = Command::new(BINARY);
    verify.env_clear().args(["receipt", "verify", &paper, "--key", &key, "--lang", "de"]);
    let verified = run(verify).await;
    assert_eq!(verified.status.code(), Some(0), "{}", words(&verified.stderr));
    assert!(words(&verified.stdout).starts_with("Löschbestätigung\n"));
    if python_signs() {
        let mut python = Command::new("python3");
        python.args([VERIFIER, &paper, "--key", &key]);
        let verified = run(python).await;
        assert_eq!(verified.status.code(), Some(0), "{}", words(&verified.stderr));
        let note = fs::read_to_string(&paper).expect("a receipt");
        assert_eq!(words(&verified.stdout), note.split_inclusive('\n').next().expect("a line"));
    }
    for (lang, title) in
        [("fr", "Reçu d’effacement"), ("en", "Receipt of erasure"), ("de", "Löschbestätigung")]
    {
        let text = tamis(&world, &["erasure", "1-1", "--lang", lang]).await;
        assert!(words(&text.stdout).starts_with(&format!("{title}\n")), "{}", words(&text.stdout));
        // By the command that the paper itself names.
        let printed = place(&format!("printed.{lang}.txt"));
        fs::write(&printed, &text.stdout).expect("written");
        let mut verify = Command::new(BINARY);
        verify.env_clear().args(["receipt", "verify", &printed, "--key", &key, "--lang", lang]);
        let verified = run(verify).await;
        assert_eq!(verified.status.code(), Some(0), "{}", words(&verified.stderr));
        assert!(words(&text.stdout).starts_with(&words(&verified.stdout)), "{}", words(&verified.stdout));
        let html = tamis(&world, &["erasure", "1-1", "--format", "html", "--lang", lang]).await;
        assert!(words(&html.stdout).contains(&format!("<html lang=\"{lang}\">")));
        is_html(&world.directory.path().join("page.html"), &html.stdout).await;
    }
    let written = tamis(&world, &["erasure", "1-1", "--format", "html", "--output", &page]).await;
    assert_eq!(written.status.code(), Some(0), "{}", words(&written.stderr));
    let json = tamis(&world, &["erasure", "1-1", "--format", "json"]).await;
    let shown: Value = serde_json::from_slice(&json.stdout).expect("JSON");
    assert_eq!((&shown["state"], &shown["reason"]), (&"done".into(), &"person-request".into()));
    let none = tamis(&world, &["erasure", "1-9"]).await;
    assert_eq!(none.status.code(), Some(1));
    assert!(words(&none.stderr).contains("erasure-unknown"), "{}", words(&none.stderr));
    // What was asked stands in the trail, with who and why.
    let trail = world.admin().get("/admin/v1/trail").await.lines();
    let actions: Vec<&str> = trail.iter().filter_map(|line| line["action"].as_str()).collect();
    for action in ["erasure-tried", "erasure-asked", "erased"] {
        assert!(actions.contains(&action), "{action}: {actions:?}");
    }
    world.end().await;
}

async fn is_html(file: &Path, page: &[u8]) {
    if !installed("tidy") {
        println!("skipped: tidy is not installed (.ci/run installs it)");
        return;
    }
    fs::write(file, page).expect("written");
    let mut tidy = Command::new("tidy");
    tidy.args(["-quiet", "-errors", "-utf8", "--show-info", "no"]).arg(file);
    let output = run(tidy).await;
    assert_eq!((output.status.code(), words(&output.stderr)), (Some(0), String::new()));
}
