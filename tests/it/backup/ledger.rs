//! The ledger beside a backup: what it says is done again, what is missing in it is told, and nobody waits for its disk.

use std::fs;

use serde_json::json;

use super::{World, exported, ids, post, told};
use crate::support::process::Daemon;
use crate::support::{LETTRE_FORM, lead};

#[tokio::test(flavor = "multi_thread")]
async fn the_ledger_does_again_what_the_backup_s_own_keyring_knows_nothing_of() {
    let mut world = World::with_ledger().await;
    let daemon = world.home.serve(&[]);
    world.store(&daemon, 6).await;
    let backup = world.back_up("backup");
    world.store(&daemon, 1).await;
    for id in ["devis-1-2", "devis-1-5", "devis-1-7"] {
        let (status, _) = post(&daemon, "/admin/v1/erasures", json!({"by": {"id": id}})).await;
        assert_eq!(status, 200);
    }
    let objected = json!({"email": "nobody@lumen.example", "scope": "all", "reason": "objection"});
    assert_eq!(post(&daemon, "/admin/v1/suppressions", objected).await.0, 200);
    let lines = fs::read_to_string(world.path("ledger")).expect("there");
    assert_eq!(lines.lines().count(), 4);
    assert!(lines.lines().all(|line| line.bytes().all(|byte| byte.is_ascii_hexdigit())));
    assert!(daemon.terminate().0.success());
    let (before, ledger) = (lines.clone(), world.path("ledger").display().to_string());
    // A line in the middle is missing: that is said, and nothing is done.
    world.lose_store();
    world.lose_keys();
    let cut: Vec<&str> =
        before.lines().enumerate().filter(|(at, _)| *at != 1).map(|(_, line)| line).collect();
    fs::write(world.path("cut"), cut.join("\n")).expect("written");
    let refused = world.restore(&backup, &["--ledger", &world.path("cut").display().to_string()]);
    assert!(told(&refused).contains("ledger-incomplete"), "{}", told(&refused));
    // The house is as it was: the next restore must not take the backup's keyring for a newer one.
    let left: Vec<_> = fs::read_dir(world.path("keys")).expect("there").flatten().collect();
    assert!(left.is_empty(), "{left:?}");
    assert!(!world.path("store/db").exists() && !world.path("store/restoring").exists());
    let absent = world.restore(&backup, &["--ledger", "/nowhere/ledger"]);
    assert!(told(&absent).contains("ledger-unreadable"), "{}", told(&absent));
    let restored = world.restore(&backup, &["--ledger", &ledger]);
    assert!(restored.status.success(), "{}", told(&restored));
    let done_again = "4 records; 4 lines of the ledger were done again, the newest of 20";
    assert!(told(&restored).contains(done_again), "{}", told(&restored));
    let daemon = world.home.serve(&[]);
    let (after, _) = exported(&daemon).await;
    assert_eq!(ids(&after), ["devis-1-1", "devis-1-3", "devis-1-4", "devis-1-6"]);
    let listed = daemon.admin().get("/admin/v1/suppressions").await.json();
    assert_eq!(listed["suppressions"].as_array().map(Vec::len), Some(1), "{listed}");
    let addressed = json!({"email": "nobody@lumen.example", "reason": "error"});
    assert_eq!(post(&daemon, "/admin/v1/suppressions/remove", addressed).await.1["removed"], 1);
    assert!(daemon.terminate().0.success());
    world.meta.stop().await;
}

/// What a person said since the backup was made holds after a restore with the ledger, and only then; and whom records may have been
/// handed to is told of what becomes of them.
#[tokio::test(flavor = "multi_thread")]
async fn what_people_took_back_since_the_backup_is_taken_back_again_and_recipients_are_told() {
    let mut world = World::with_ledger().await;
    let daemon = world.home.serve(&[]);
    world.store(&daemon, 2).await;
    let letter = lead(LETTRE_FORM).answer("first_name", &["Zoé"]).answer("email", &["zoe@example.org"]);
    let letter = letter.answer("phone_number", &["06 39 98 00 00"]);
    let letter = world.meta.add_lead(letter.checkbox("email_optin", true).checkbox("consent_call", true));
    let answer = world.meta.deliver(&daemon.webhook(), &world.meta.notification(&[letter.as_str()])).await;
    assert_eq!(answer.expect("an answer").status, 200);
    daemon.until_said("lead.stored", 3);
    let backup = world.back_up("backup");
    let no = json!({"id": "lettre-1-1", "consents": ["call_optin"]});
    let (status, said) = post(&daemon, "/admin/v1/withdrawals", no).await;
    assert_eq!((status, &said["records"][0]["became"]), (200, &json!("ended")), "{said}");
    let until = json!({"id": "devis-1-1", "until": crate::correcting::day(5), "reason": "objection"});
    assert_eq!(post(&daemon, "/admin/v1/restrictions", until).await.0, 200);
    let letters = async |daemon: &Daemon| {
        let read = daemon.admin().get("/admin/v1/purposes/lettre/leads").await.lines().remove(0);
        (read["consents"]["call_optin"]["valid_until"].clone(), read["fields"].get("phone_number").is_some())
    };
    let (ended, has_number) = letters(&daemon).await;
    assert!(ended.is_string() && !has_number);
    assert!(daemon.terminate().0.success());
    let ledger = world.path("ledger").display().to_string();
    let lines = fs::read_to_string(&ledger).expect("there");
    assert_eq!(lines.lines().count(), 2);
    // Somebody takes the wrong file, or one that was emptied: nothing tells it from a time in which nothing was asked for.
    let empty = world.path("empty").display().to_string();
    fs::copy(&ledger, &empty).expect("a file as that one");
    fs::write(&empty, "").expect("emptied");
    for (since, holds_again) in [(None, true), (Some(&empty), true), (Some(&ledger), false)] {
        world.lose_store();
        world.lose_keys();
        let arguments = since.map_or(vec!["--without-ledger"], |file| vec!["--ledger", file]);
        let restored = world.restore(&backup, &arguments);
        assert!(restored.status.success(), "{}", told(&restored));
        let is_told = told(&restored).contains("is not known: do it again before anybody exports");
        assert_eq!(is_told, since.is_none(), "{}", told(&restored));
        let is_warned = told(&restored).contains("The ledger has no line of since 20");
        assert_eq!(is_warned, since == Some(&empty), "{}", told(&restored));
        let daemon = world.home.serve(&[]);
        let (until, has_number) = letters(&daemon).await;
        assert_eq!((until == ended, has_number), (!holds_again, holds_again));
        let (devis, _) = exported(&daemon).await;
        assert_eq!(devis.len(), if holds_again { 2 } else { 1 }, "the other is restricted");
        let status = daemon.admin().get("/admin/v1/status").await.json();
        assert!(status["last_restore"].is_string(), "{status}");
        // Nobody exported that anybody knows of: it counts as handed all the same.
        let (_, erased) = post(&daemon, "/admin/v1/erasures", json!({"by": {"id": "devis-1-2"}})).await;
        let erasure = erased["erasure"].as_str().expect("a number").to_owned();
        let followed = daemon.admin().get(&format!("/admin/v1/erasures/{erasure}")).await.json();
        assert_eq!(followed["followed"][0]["recipient"], json!("crm"), "{followed}");
        assert!(daemon.terminate().0.success());
        fs::write(world.path("ledger"), &lines).expect("as it was");
    }
    world.meta.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_that_is_missing_is_told_and_nobody_waits_for_it() {
    let mut world = World::with_ledger().await;
    fs::remove_file(world.path("ledger")).expect("removed");
    let daemon = world.home.serve(&[]);
    world.store(&daemon, 2).await;
    daemon.until_said("ledger-lost", 1);
    let (status, _) = post(&daemon, "/admin/v1/erasures", json!({"by": {"id": "devis-1-1"}})).await;
    assert_eq!(status, 200);
    assert_eq!(daemon.said("ledger.not-written").len(), 1);
    assert!(!world.path("ledger").exists(), "tamis makes none");
    assert!(daemon.terminate().0.success());
    world.meta.stop().await;
}
