//! A fuzzer that knows nothing but the document: whatever it sends, the answer is one that the document declares.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::api::{ROOT, document, exporter, run, token};
use crate::support::process::{Daemon, Home};
use crate::support::{Caller, DEVIS_FORM, LETTRE_FORM, lead, senders};

/// The calls of the document: method and path.
fn declared() -> Vec<(String, String)> {
    let openapi: Value = serde_json::from_str(&document("openapi.json")).expect("JSON");
    let paths = openapi["paths"].as_object().expect("paths").iter();
    let calls = paths.flat_map(|(path, methods)| {
        methods.as_object().expect("methods").keys().map(|method| (method.to_uppercase(), path.clone()))
    });
    calls.collect()
}

/// The fuzzer, where it is installed.
fn schemathesis() -> Command {
    Command::new("schemathesis")
}

/// A daemon with records, and with references that are held, refused and buried.
async fn furnished(daemon: &Daemon, meta: &tamis_simulator::Simulator) {
    let answered = |form: &str| lead(form).answer("full_name", &["Zoé"]).answer("email", &["z@example.org"]);
    let mut ids: Vec<String> = (0..12).map(|_| meta.add_lead(answered(DEVIS_FORM))).collect();
    ids.push(meta.add_lead(answered(LETTRE_FORM)));
    ids.push(meta.add_lead(lead("901000000000099")));
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let delivered = meta.deliver(&daemon.webhook(), &meta.notification(&ids)).await.expect("an answer");
    assert_eq!(delivered.status, 200);
    daemon.until_said("lead.stored", 12);
    daemon.until_said("lead.held", 1);
    daemon.until_said("lead.refused", 1);
}

/// No answer but a declared one: its status, its kind, its headers, its shape; wrong calls are refused, right ones are
/// not, and nothing is a fault of ours.
#[tokio::test(flavor = "multi_thread")]
async fn whatever_a_stranger_sends_the_answer_is_one_that_the_document_declares() {
    let mut look = schemathesis();
    look.arg("--version");
    if run(look).await.is_none() {
        println!("skipped: schemathesis is not installed (.ci/run installs it)");
        return;
    }
    let meta = senders::meta().await;
    let home = Home::new(&meta, "page-token", |text| text);
    let daemon = home.serve(&[]);
    furnished(&daemon, &meta).await;
    let directory = tempfile::tempdir().expect("a directory");
    let mut config =
        fs::read_to_string(Path::new(ROOT).join("tests/data/schemathesis.toml")).expect("a file");
    let mut tokens = Vec::new();
    for role in ["exporter", "officer", "admin"] {
        let body = if role == "exporter" { exporter() } else { json!({"name": role, "role": role}) };
        let (_, text) = token(&daemon.admin(), body).await;
        config = config.replace(&format!("{{{role}}}"), &text);
        tokens.push(text);
    }
    // After sixty look-ups a token waits ten seconds for each.
    for call in ["find", "access", "bounce", "erase", "give-pass", "withdraw", "restrict"] {
        let (_, text) = token(&daemon.admin(), json!({"name": call, "role": "officer"})).await;
        let place = format!("{{officer-of-{call}}}");
        assert!(config.contains(&place), "{call}");
        config = config.replace(&place, &text);
        tokens.push(text);
    }
    let (admin, erased) = (daemon.admin(), json!({"by": {"leadgen_id": "1"}}).to_string());
    let erased = admin.call(reqwest::Method::POST, "/admin/v1/erasures", Some(erased), Some("audit")).await;
    assert_eq!(erased.status, 200, "there is a first one to be shown");
    // Where a directory may be made no schema can say, and nobody wants those that chance makes.
    let backup = json!({"directory": home.directory.path().join("backup")}).to_string();
    let backup = admin.call(reqwest::Method::POST, "/admin/v1/backups", Some(backup), None).await;
    assert_eq!(backup.status, 200, "{}", backup.text());
    // Nor which record is there, or which number a change has that somebody is to follow.
    let crm = daemon.admin().on_behalf_of("crm");
    let leads = "/admin/v1/purposes/devis/leads";
    for path in [format!("{leads}?limit=3"), format!("{leads}/devis-1-4")] {
        assert_eq!(crm.get(&path).await.status, 200, "{path}");
    }
    // A day of the coming year no schema can say, nor which record is restricted.
    let path = "/admin/v1/restrictions";
    for record in ["devis-1-2", "devis-1-3"] {
        let restricted = json!({"id": record, "until": crate::correcting::day(30)}).to_string();
        let restricted = admin.call(reqwest::Method::POST, path, Some(restricted), Some("objection")).await;
        assert_eq!(restricted.status, 200, "there are two");
    }
    let one = format!("{path}/devis-1-3");
    let lifted = admin.call(reqwest::Method::DELETE, &one, None, Some("person-request")).await;
    assert_eq!(lifted.status, 204, "and one of them is lifted");
    // Which consents a record rests on no schema can say.
    let yes = admin.post("/admin/v1/confirmations", &json!({"id": "devis-1-4", "consents": []})).await;
    assert_eq!(yes.status, 200, "{}", yes.text());
    let no = admin.post("/admin/v1/withdrawals", &json!({"id": "devis-1-4"})).await;
    assert_eq!(no.status, 200, "{}", no.text());
    assert_eq!(crm.get("/admin/v1/changes").await.status, 200, "there are three to be followed");
    assert_eq!(crm.post("/admin/v1/changes/1/applied", &json!(null)).await.status, 200, "and one is");
    for number in 1..=2 {
        let opened = json!({"kind": "access"});
        assert_eq!(
            admin.post("/admin/v1/requests", &opened).await.status,
            200,
            "there is one to be extended, and one to be answered"
        );
        let path = format!("/admin/v1/requests/1-{number}");
        let (verb, body) =
            if number == 1 { ("extension", json!({"ground": "complex"})) } else { ("answer", json!({})) };
        assert_eq!(admin.post(&format!("{path}/{verb}"), &body).await.status, 200);
    }
    let mut spare = Vec::new();
    for _ in 0..3 {
        spare.push(token(&daemon.admin(), json!({"name": "spare", "role": "viewer"})).await.0);
    }
    config =
        config.replace("{spare}", &spare.iter().map(|id| format!("\"{id}\"")).collect::<Vec<_>>().join(", "));
    fs::write(directory.path().join("schemathesis.toml"), config).expect("a file");
    let mut fuzz = schemathesis();
    fuzz.current_dir(directory.path()).args(["--no-color", "run"]);
    fuzz.arg(format!("http://{}/admin/v1/openapi.json", daemon.admin));
    let began = std::time::Instant::now();
    let output = run(fuzz).await.expect("schemathesis");
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{told}\n{}", String::from_utf8_lossy(&output.stderr));
    println!("{:.0} s\n{told}", began.elapsed().as_secs_f64());
    for text in tokens {
        let answer = Caller::tcp(&daemon.admin, Some(&text)).get("/admin/v1/purposes").await;
        assert_eq!(
            answer.status, 200,
            "a token that it used was revoked on the way: it tried nothing after that"
        );
    }
    let (status, said) = daemon.terminate();
    assert!(status.success(), "{said}");
    for fault in ["request.failed", "panic"] {
        assert!(!said.contains(fault), "{said}");
    }
    for (method, path) in declared() {
        let of_call = format!("request.method={method} request.route=/admin/v1{path} response.status=2");
        assert!(said.contains(&of_call), "{method} {path} never went well, so little of it was looked at");
    }
    meta.stop().await;
}
