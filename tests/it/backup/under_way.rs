//! While a backup or a vacuum is truly under way: the daemon is held in the middle of it until the test lets it go on. Another one is
//! refused (409 `copy-under-way`), acts that write are to come again (503 `busy`), Meta's calls are taken, and nothing of it is lost.

use std::process::{Child, Command, Stdio};

use reqwest::Method;
use serde_json::{Value, json};

use super::{World, exported, ids, told};
use crate::correcting::day;
use crate::support::held::Hold;
use crate::support::process::{BINARY, Daemon, installed};
use crate::support::{Answer, DEVIS_FORM, LETTRE_FORM, lead};

/// An act of each kind, and what it answers where nothing is in its way.
fn acts() -> Vec<(Method, &'static str, Option<Value>, u16)> {
    let post = |path, body: Value, status| (Method::POST, path, Some(body), status);
    let objected = json!({"email": "nobody@lumen.example", "scope": "all", "reason": "objection"});
    let taken_back = json!({"id": "lettre-1-1", "consents": ["call_optin"]});
    let restricted = json!({"id": "devis-1-3", "until": day(5), "reason": "objection"});
    vec![
        post("/erasures", json!({"by": {"id": "devis-1-1"}}), 200),
        post("/corrections", json!({"id": "devis-1-2", "fields": {"email": ["right@example.org"]}}), 200),
        post("/withdrawals", taken_back, 200),
        post("/restrictions", restricted, 200),
        post("/suppressions", objected, 200),
        post("/confirmations", json!({"id": "lettre-1-1", "consents": ["email_optin"]}), 200),
        post("/inbox/requeue", json!({"code": "consent-missing"}), 200),
        (Method::DELETE, "/restrictions/devis-1-3", None, 204),
        (Method::GET, "/purposes/devis/leads?limit=2", None, 200),
    ]
}

async fn call(daemon: &Daemon, method: &Method, path: &str, body: Option<&Value>) -> Answer {
    let body = body.map(Value::to_string);
    daemon.admin().call(method.clone(), &format!("/admin/v1{path}"), body, Some("person-request")).await
}

/// How many lines of the trail say so.
async fn lines(daemon: &Daemon, action: &str) -> usize {
    let trail = daemon.admin().get("/admin/v1/trail?limit=10000").await;
    trail.lines().iter().filter(|line| line["action"] == action).count()
}

fn asking(world: &World, arguments: &[&str]) -> Child {
    let mut command = Command::new(BINARY);
    command.args(arguments).arg("--config").arg(world.home.config()).env_clear();
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("tamis runs")
}

/// Begins a copy, holds it there, and looks at all that goes on meanwhile and afterwards.
async fn held(command: &str, at: &str) {
    assert!(installed("cc"), "the layer that holds is C");
    let (mut world, hold) = (World::new().await, Hold::new());
    let daemon = world.home.try_serve(&[], &hold.environment()).expect("it starts");
    world.store(&daemon, 6).await;
    let letter = lead(LETTRE_FORM).answer("first_name", &["Zoé"]).answer("email", &["zoe@example.org"]);
    let letter = letter.answer("phone_number", &["06 39 98 00 00"]);
    let letter = world.meta.add_lead(letter.checkbox("email_optin", true).checkbox("consent_call", true));
    let answer = world.meta.deliver(&daemon.webhook(), &world.meta.notification(&[letter.as_str()])).await;
    assert_eq!(answer.expect("an answer").status, 200);
    daemon.until_said("lead.stored", 7);
    let (before, _) = exported(&daemon).await;

    hold.hold_at(at);
    let (first, second) = (world.path("first").display().to_string(), world.path("second"));
    let mut copying = match command {
        "backup" => asking(&world, &["backup", &first]),
        other => asking(&world, &[other]),
    };
    hold.until_reached().await;

    // Another of the two is one too many, by whichever door.
    let directory = json!({"directory": &second});
    for (path, body) in [("/backups", Some(&directory)), ("/vacuum", None)] {
        let answer = call(&daemon, &Method::POST, path, body).await;
        let code = answer.json()["code"].clone();
        assert_eq!((answer.status, &code), (409, &json!("copy-under-way")), "{path}");
        assert_eq!(answer.header("retry-after"), "", "{path}: it is not for a program to come again");
    }
    for arguments in [vec!["backup", second.to_str().expect("UTF-8")], vec!["vacuum"]] {
        let refused = world.tamis(&arguments);
        assert_eq!(refused.status.code(), Some(1), "{arguments:?}");
        assert!(told(&refused).contains("copy-under-way"), "{}", told(&refused));
    }
    assert!(!second.exists());

    // Whatever writes, and be it a line of the trail, is to come again.
    for (method, path, body, _) in acts() {
        let answer = call(&daemon, &method, path, body.as_ref()).await;
        assert_eq!(answer.status, 503, "{method} {path}: {}", answer.text());
        assert_eq!(answer.json()["code"], json!("busy"), "{method} {path}");
        let after: u64 = answer.header("retry-after").parse().expect("seconds");
        assert!((1..=60).contains(&after), "{method} {path}: {after}");
    }
    let erasing = world.tamis(&["erase", "--id", "devis-1-1", "--reason", "person-request"]);
    assert_eq!(erasing.status.code(), Some(1), "{}", told(&erasing));
    assert!(told(&erasing).contains("busy"), "{}", told(&erasing));

    // Meta is answered, tamis is well, and says so.
    let meanwhile: Vec<String> = (0..3)
        .map(|number| {
            let email = format!("meanwhile{number}@example.org");
            let one = lead(DEVIS_FORM).answer("full_name", &["Zoé"]);
            world.meta.add_lead(one.answer("email", &[&email]))
        })
        .collect();
    for id in &meanwhile {
        let taken = world.meta.deliver(&daemon.webhook(), &world.meta.notification(&[id.as_str()])).await;
        assert_eq!(taken.expect("an answer").status, 200);
    }
    let status = call(&daemon, &Method::GET, "/status", None).await;
    assert_eq!((status.status, &status.json()["ready"]), (200, &json!(true)));
    assert_eq!(daemon.said("lead.stored").len(), 7, "nothing is stored meanwhile");
    assert!(copying.try_wait().expect("a process").is_none(), "all of this happened while it was under way");

    hold.let_go();
    let ended = copying.wait_with_output().expect("its end");
    assert!(ended.status.success(), "{}", told(&ended));
    assert!(told(&ended).contains("7 records"), "{}", told(&ended));
    // What was taken is stored, what was refused had left nothing, and asked again it is done, once.
    daemon.until_said("lead.stored", 10);
    let (after, _) = exported(&daemon).await;
    assert!(after.len() == 9 && after[..6] == before[..], "{after:?}");
    for action in ["erasure-asked", "corrected", "withdrawn", "restricted", "suppressed", "confirmed"] {
        assert_eq!(lines(&daemon, action).await, 0, "{action}");
    }
    for (method, path, body, status) in acts() {
        let answer = call(&daemon, &method, path, body.as_ref()).await;
        assert_eq!(answer.status, status, "{method} {path}: {}", answer.text());
    }
    let (after, _) = exported(&daemon).await;
    assert_eq!(after.len(), 8);
    assert!(!ids(&after).contains(&"devis-1-1"));
    assert!(after.contains(&("devis-1-2".to_owned(), "right@example.org".to_owned())), "{after:?}");
    for action in ["erasure-asked", "corrected", "withdrawn", "restricted", "suppressed", "confirmed"] {
        assert_eq!(lines(&daemon, action).await, 1, "{action}");
    }
    let of_copies = match command {
        "backup" => [1, 0],
        _ => [0, 1],
    };
    assert_eq!([lines(&daemon, "backed-up").await, lines(&daemon, "vacuumed").await], of_copies);
    assert!(daemon.terminate().0.success());
    // All of it is as durable as ever.
    let daemon = world.home.serve(&[]);
    assert_eq!(exported(&daemon).await.0, after);
    assert!(daemon.terminate().0.success());
    if command == "backup" {
        is_of_the_moment_before(&world, &before).await;
    }
    world.meta.stop().await;
}

/// The backup has what was there when it began, and nothing of what was asked meanwhile.
async fn is_of_the_moment_before(world: &World, before: &[(String, String)]) {
    let elsewhere = World::beside(world);
    let restored = elsewhere.restore(&world.path("first"), &["--without-ledger"]);
    assert!(restored.status.success(), "{}", told(&restored));
    let daemon = elsewhere.home.serve(&[]);
    let (there, _) = exported(&daemon).await;
    assert_eq!(there, before, "{:?}", ids(&there));
    assert!(daemon.terminate().0.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn while_a_backup_copies_others_are_told_so_and_lose_nothing() {
    held("backup", "mkdir:/.first.part/store/db").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_a_backup_gets_its_name_others_are_told_so_and_lose_nothing() {
    held("backup", "rename:/.first.part").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_a_vacuum_copies_others_are_told_so_and_lose_nothing() {
    held("vacuum", "mkdir:/store/vacuum").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_a_vacuum_changes_the_files_places_others_are_told_so_and_lose_nothing() {
    held("vacuum", "rename:/store/db").await;
}
