//! Corrections and restrictions, as an officer asks for them, and what is left of what a record held before.

use std::fs;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use tamis_simulator::{Setup, Simulator};

use crate::api::{exporter, token};
use crate::support::process::Home;
use crate::support::{Caller, DEVIS_FORM, LETTRE_FORM, PAGE, World, add_forms, canary, lead};

const LEADS: &str = "/admin/v1/purposes/devis/leads";

/// Stores so many leads of `devis` and gives their addresses.
async fn furnished(world: &World, count: usize) -> Vec<String> {
    let emails: Vec<String> = (0..count).map(|_| format!("{}@example.org", canary("before"))).collect();
    let mut ids = Vec::new();
    for email in &emails {
        let answers = lead(DEVIS_FORM).answer("full_name", &["Zoé"]).answer("email", &[email]);
        ids.push(world.submit(answers, &[email]));
        // In their order.
        world.deliver(&[ids.last().expect("one")]).await;
        world.stored("devis", ids.len()).await;
    }
    emails
}

async fn correct(caller: &Caller, id: &str, fields: Value) -> (u16, Value) {
    let answer = caller.post("/admin/v1/corrections", &json!({"id": id, "fields": fields})).await;
    (answer.status, answer.json())
}

/// What a record holds in a field, as an export has it.
async fn exported(world: &World, field: &str) -> Vec<String> {
    let records = world.records("devis").await;
    records.iter().map(|record| record["fields"][field][0].as_str().unwrap_or("-").to_owned()).collect()
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a directory");
    for entry in fs::read_dir(from).expect("readable") {
        let path = entry.expect("readable").path();
        let target = to.join(path.file_name().expect("a name"));
        if path.is_dir() { copy(&path, &target) } else { fs::copy(&path, &target).map(drop).expect("copied") }
    }
}

fn replace(from: &Path, to: &Path) {
    fs::remove_dir_all(to).expect("it was there");
    copy(from, to);
}

/// The reason of all this: the store of before, with the keyring of now, opens nothing of what was corrected.
#[tokio::test(flavor = "multi_thread")]
async fn after_a_correction_an_older_copy_of_the_store_does_not_give_the_old_value() {
    let mut world = World::start().await;
    let emails = furnished(&world, 3).await;
    let home = world.directory.path().to_owned();
    world.stop_daemon().await;
    let saved = tempfile::tempdir().expect("a directory");
    for place in ["store", "keys"] {
        copy(&home.join(place), &saved.path().join(place));
    }
    world.start_daemon().await;
    let new = format!("{}@example.org", canary("after"));
    world.guard(&new);
    let fields = ["email"];
    let (status, answer) = correct(&world.admin(), "devis-1-2", json!({"email": [new]})).await;
    assert_eq!((status, &answer), (200, &json!({"id": "devis-1-2", "changed": true, "fields": fields})));
    let (status, again) = correct(&world.admin(), "devis-1-2", json!({"email": [new]})).await;
    assert_eq!((status, &again["changed"]), (200, &json!(false)), "sent twice");
    let expected = vec![emails[0].clone(), new.clone(), emails[2].clone()];
    assert_eq!(exported(&world, "email").await, expected);
    world.restart().await;
    assert_eq!(exported(&world, "email").await, expected);
    let trail = world.admin().get("/admin/v1/trail?order=desc&limit=1000").await;
    let lines: Vec<Value> = trail.lines().into_iter().filter(|line| line["action"] == "corrected").collect();
    assert_eq!(lines.len(), 2);
    for (line, (count, result)) in lines.iter().zip([(0, "nothing"), (1, "done")]) {
        assert_eq!((&line["count"], &line["result"]), (&json!(count), &json!(result)));
        assert_eq!((&line["fields"], &line["from"]), (&json!(fields), &json!("devis-1-2")));
    }
    assert!(!trail.text().contains("@example.org"), "a value stands in the trail");
    world.stop_daemon().await;

    // Yesterday's store beside today's keyring.
    let keyring = fs::read(home.join("keys/keyring")).expect("a keyring");
    replace(&saved.path().join("store"), &home.join("store"));
    replace(&saved.path().join("keys"), &home.join("keys"));
    fs::write(home.join("keys/keyring"), keyring).expect("written");
    world.start_daemon().await;
    let find =
        async |id: &str| world.admin().post("/admin/v1/find", &json!({"id": id, "unmask": true})).await;
    let survivor = find("devis-1-1").await;
    assert_eq!((survivor.status, survivor.text().contains(&emails[0])), (200, true), "the control");
    let corrected = find("devis-1-2").await;
    assert_eq!((corrected.status, &corrected.json()["code"]), (500, &json!("record-unreadable")));
    world.stop_daemon().await;

    // And beside its own keyring of that day it does: that is what a backup of the keys is for, and its horizon.
    replace(&saved.path().join("store"), &home.join("store"));
    replace(&saved.path().join("keys"), &home.join("keys"));
    world.start_daemon().await;
    let before = world.admin().post("/admin/v1/find", &json!({"id": "devis-1-2", "unmask": true})).await;
    assert!(before.text().contains(&emails[1]), "the search finds nothing, so it proves nothing");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_correction_is_held_to_the_purpose_and_refused_by_name() {
    let world = World::start().await;
    furnished(&world, 2).await;
    let admin = world.admin();
    for (id, fields, status, code) in [
        ("devis-1-9", json!({"email": ["a@b.example"]}), 404, "record-unknown"),
        ("inconnu-1-1", json!({"email": ["a@b.example"]}), 404, "record-unknown"),
        ("devis-1-1", json!({"shoe_size": ["44"]}), 422, "field-unknown"),
        ("devis-1-1", json!({"email": []}), 422, "field-required"),
        ("devis-1-1", json!({"email": [" "]}), 422, "value-invalid"),
        ("devis-1-1", json!({}), 400, "body-invalid"),
        ("devis", json!({"email": ["a@b.example"]}), 400, "body-invalid"),
    ] {
        let (answered, body) = correct(&admin, id, fields.clone()).await;
        assert_eq!((answered, &body["code"]), (status, &json!(code)), "{id} {fields}");
    }
    let odd = json!({"id": "devis-1-1", "fields": {"email": ["a@b.example"]}, "reason": "whim"});
    let refused = admin.post("/admin/v1/corrections", &odd).await;
    assert_eq!((refused.status, &refused.json()["code"]), (400, &json!("reason-unknown")));
    let (status, _) = correct(&admin, "devis-1-1", json!({"phone_number": ["06 39 98 00 00"]})).await;
    assert_eq!(
        (status, exported(&world, "phone_number").await),
        (200, vec!["06 39 98 00 00".to_owned(), "-".to_owned()])
    );
    let (status, _) = correct(&admin, "devis-1-1", json!({"phone_number": []})).await;
    assert_eq!((status, exported(&world, "phone_number").await), (200, vec!["-".to_owned(), "-".to_owned()]));
    for (role, body, status) in [
        ("officer", json!({"name": "o", "role": "officer"}), 200),
        ("admin", json!({"name": "a", "role": "admin"}), 403),
        ("exporter", exporter(), 403),
    ] {
        let (_, text) = token(&admin, body).await;
        let (answered, _) =
            correct(&world.admin_tcp(Some(&text)), "devis-1-2", json!({"postcode": ["49100"]})).await;
        assert_eq!(answered, status, "{role}");
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn evidence_stays_and_what_hangs_on_a_consent_that_was_not_given_is_refused() {
    let world = World::start().await;
    let answers = lead(LETTRE_FORM)
        .answer("email", &["z@example.org"])
        .checkbox("email_optin", true)
        .checkbox("consent_call", false);
    world.deliver_all(&[world.submit(answers, &[])]).await;
    world.stored("lettre", 1).await;
    let before = world.records("lettre").await;
    let (status, body) = correct(&world.admin(), "lettre-1-1", json!({"phone_number": ["0639980000"]})).await;
    assert_eq!((status, &body["code"]), (422, &json!("consent-not-given")));
    let (status, _) = correct(&world.admin(), "lettre-1-1", json!({"email": ["y@example.org"]})).await;
    assert_eq!(status, 200);
    let mut after = world.records("lettre").await;
    assert_eq!(after[0]["fields"]["email"], json!(["y@example.org"]));
    after[0]["fields"] = before[0]["fields"].clone();
    assert_eq!(after, before, "all else is as it was");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restricted_record_is_in_no_export_until_that_is_lifted() {
    let world = World::start().await;
    let emails = furnished(&world, 2).await;
    let admin = world.admin();
    let restrict = async |id: &str, until: &str| {
        let body = json!({"id": id, "until": until, "reason": "objection"});
        admin.post("/admin/v1/restrictions", &body).await
    };
    let done = restrict("devis-1-1", &day(30)).await;
    assert_eq!((done.status, &done.json()["until"]), (200, &json!(day(30))));
    for (id, until, status, code) in [
        ("devis-1-1", day(400), 422, "until-out-of-range"),
        ("devis-1-1", day(-1), 422, "until-out-of-range"),
        ("devis-1-1", "tomorrow".to_owned(), 422, "until-out-of-range"),
        ("devis-1-9", day(1), 404, "record-unknown"),
    ] {
        let refused = restrict(id, &until).await;
        assert_eq!((refused.status, &refused.json()["code"]), (status, &json!(code)), "{id} {until}");
    }
    let (_, text) = token(&admin, exporter()).await;
    for caller in [world.admin(), world.admin_tcp(Some(&text))] {
        for format in ["ndjson", "csv", "json"] {
            let page = caller.get(&format!("{LEADS}?format={format}")).await;
            assert_eq!((page.status, page.header("tamis-restricted-left-out")), (200, "1"));
            assert_eq!((page.text().contains(&emails[0]), page.text().contains(&emails[1])), (false, true));
        }
    }
    let find =
        async || admin.post("/admin/v1/find", &json!({"id": "devis-1-1", "unmask": true})).await.json();
    let found = find().await["records"][0].clone();
    assert_eq!(found["fields"]["email"], json!([emails[0]]), "the officer's look-up alone");
    assert_eq!(
        (&found["restricted"]["reason"], &found["restricted"]["until"]),
        (&json!("objection"), &json!(day(30)))
    );
    let list = admin.get("/admin/v1/restrictions").await.json();
    assert_eq!(list["restrictions"][0]["id"], "devis-1-1");
    let (status, _) = correct(&admin, "devis-1-1", json!({"email": ["corrected@example.org"]})).await;
    assert_eq!(status, 200, "a person's right goes on");
    assert_eq!(admin.delete("/admin/v1/restrictions/devis-1-1").await.status, 204);
    let again = admin.delete("/admin/v1/restrictions/devis-1-1").await;
    assert_eq!((again.status, &again.json()["code"]), (404, &json!("not-restricted")));
    let emails = vec!["corrected@example.org".to_owned(), emails[1].clone()];
    assert_eq!(
        (exported(&world, "email").await, find().await["records"][0].get("restricted")),
        (emails, None)
    );
    world.end().await;
}

fn client(socket: &Path) -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    #[expect(clippy::disallowed_methods, reason = "a test's own client")]
    let builder = reqwest::Client::builder();
    builder.no_proxy().unix_socket(socket.to_owned()).build().expect("a client")
}

/// The status of an answer; none: whoever was asked is gone.
async fn post(client: &reqwest::Client, body: &Value) -> Option<u16> {
    let call = client.post("http://admin.sock/admin/v1/corrections").body(body.to_string());
    let answer = call.send().await.ok()?;
    let status = answer.status().as_u16();
    answer.bytes().await.ok().map(|_| status)
}

/// Killed at any moment, also between the store and the keyring: what was answered holds, and a record has one of its values.
#[tokio::test(flavor = "multi_thread")]
async fn kills_among_corrections_leave_each_record_with_one_value_and_lose_no_answer() {
    const RECORDS: usize = 8;
    const KILLS: u64 = 6;
    let meta = Simulator::start(Setup::default()).await.expect("Meta's side");
    let page_token = canary("page-token");
    meta.set_token(PAGE, &page_token);
    add_forms(&meta);
    let home = Home::new(&meta, &page_token, |text| text);
    let daemon = home.serve(&[]);
    let ids: Vec<String> = (0..RECORDS)
        .map(|number| {
            let email = format!("v0-{number}@example.org");
            meta.add_lead(lead(DEVIS_FORM).answer("full_name", &["Zoé"]).answer("email", &[&email]))
        })
        .collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    meta.deliver(&daemon.webhook(), &meta.notification(&ids)).await.expect("an answer");
    daemon.until_said("lead.stored", RECORDS);
    daemon.terminate();
    // Of each record the last version that was answered, and the last that was asked for.
    let mut versions = [(0_u64, 0_u64); RECORDS];
    for round in 1..=KILLS {
        let daemon = home.serve(&[]);
        let caller = client(&daemon.socket());
        let asked = std::sync::Mutex::new(versions);
        let work = async {
            for version in (round * 1_000)..(round * 1_000 + 999) {
                for number in 0..RECORDS {
                    asked.lock().expect("no panic")[number].1 = version;
                    let body = json!({"id": format!("devis-1-{}", number + 1), "fields": {"email": [format!("v{version}-{number}@example.org")]}});
                    if post(&caller, &body).await != Some(200) {
                        return;
                    }
                    asked.lock().expect("no panic")[number].0 = version;
                }
            }
        };
        let killer = async {
            tokio::time::sleep(Duration::from_millis(40 + 37 * round)).await;
            daemon.kill();
        };
        tokio::join!(work, killer);
        versions = *asked.lock().expect("no panic");
    }
    assert!(versions.iter().any(|(answered, _)| *answered > 0), "killed too early");
    let daemon = home.serve(&[]);
    let records = daemon.admin().get(&format!("{LEADS}?test=include")).await;
    assert_eq!(records.status, 200);
    let records = records.lines();
    assert_eq!(records.len(), RECORDS);
    for record in records {
        let email = record["fields"]["email"][0].as_str().expect("an address");
        let id = record["id"].as_str().expect("an id");
        let number =
            id.rsplit('-').next().and_then(|number| number.parse::<usize>().ok()).expect("a number") - 1;
        let (version, of) = email[1..].split_once('-').expect("a version");
        assert!(version == "0" || of.starts_with(&format!("{number}@")), "{id} has another's: {email}");
        let version: u64 = version.parse().expect("a version");
        let (answered, asked) = versions[number];
        assert!(
            answered <= version && version <= asked,
            "{email}: {answered} was answered, {asked} asked for"
        );
    }
    daemon.terminate();
    meta.stop().await;
}

/// The day so many days from now.
pub fn day(days: i64) -> String {
    #[expect(clippy::disallowed_methods, reason = "a test's own clock")]
    let now = jiff::Timestamp::now();
    (now + jiff::SignedDuration::from_hours(24 * days)).to_string()[..10].to_owned()
}
