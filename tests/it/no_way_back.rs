//! Whoever was erased, has objected, or whose time is over does not come back: not by a call that is repeated, a requeue, a reload
//! or a restart; and Graph is not asked for them again.

use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tamis::clock::{Clock, SystemClock};
use tamis::id::LeadgenId;
use tamis::keyring::file::FileKeyring;
use tamis::purpose::PurposeId;
use tamis::random::SystemRandom;
use tamis::secret::Key;
use tamis::store::{self, Asked, ErasureRequest, Settings, Wanted};
use tamis::trail::{Action, Entry};
use tamis_simulator::{CallKind, Lead};

use crate::api::run;
use crate::support::process::Home;
use crate::support::senders;
use crate::support::{DEVIS_FORM, LETTRE_FORM, PAGE, Plan, World, canary, lead};

/// A form that no purpose claims at first.
const LATER_FORM: &str = "901000000000009";
const FORMS: &str = "forms = [\"901000000000001\"]";
const MORE_FORMS: &str = "forms = [\"901000000000001\", \"901000000000009\"]";
const MONTHS: &str = "retention_months = 12\nrecipients";
const DAYS: &str = "retention_days = 30\nrecipients";

fn now() -> u64 {
    u64::try_from(SystemClock.now().as_second()).expect("after 1970")
}

/// For which leads Graph was asked.
fn asked(world: &World) -> Vec<String> {
    let calls = world.meta.graph_calls().into_iter().filter(|call| call.kind == CallKind::Lead);
    calls.flat_map(|call| call.ids).collect()
}

async fn call(world: &World, path: &str, body: &Value) -> Value {
    let answer = world.admin().post(&format!("/admin/v1{path}"), body).await;
    assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    answer.json()
}

/// What became of a lead, by purpose.
async fn fates(world: &World, id: &str) -> Vec<String> {
    let found = call(world, "/find", &json!({ "leadgen_id": id })).await;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let shown = |record: &Value| {
        let parts = ["purpose", "state", "code"].map(|name| text(&record[name]));
        parts.join(" ").trim().to_owned()
    };
    found["records"].as_array().expect("a list").iter().map(shown).collect()
}

/// A lead for the letter of somebody with this address.
fn letter(world: &World, sent: Lead, email: &str) -> String {
    let answered =
        sent.answer("first_name", &["Zoé"]).answer("email", &[email]).checkbox("email_optin", true);
    world.submit(answered, &[email])
}

async fn arrives(world: &World, id: &str) {
    assert_eq!(world.deliver(&[id]).await.status, 200);
    world.settled().await;
}

/// Erases a submission in the store of a daemon that is stopped.
async fn erase(world: &World, id: &str) {
    let at = |path: &str| world.directory.path().join(path);
    let keyring = FileKeyring::open(&at("keys/keyring"), Key::new([42; 32]), Arc::new(SystemRandom));
    let keyring = Arc::new(keyring.expect("opens").expect("there"));
    let settings = Settings {
        path: at("store"),
        witness: at("keys/witness"),
        cache_mb: 16,
        free_disk_min_bytes: 1,
        ledger: None,
    };
    let purposes = ["devis", "lettre"].map(|name| PurposeId::parse(name).expect("a name")).to_vec();
    let store = store::open(settings, keyring, purposes, Arc::new(SystemClock), Arc::new(SystemRandom));
    let store = store.expect("opens");
    let request = ErasureRequest::of(Wanted::Leadgen(LeadgenId::parse(id).expect("digits")));
    let erased = store.erase(request, Entry::by_system(Action::ErasureAsked)).await.expect("erased");
    assert!(matches!(erased, Asked::Erasure(erasure) if erasure.done.is_some()));
    store.close().await.expect("closed");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_erased_barred_or_over_comes_back_on_no_way_and_graph_is_not_asked() {
    let mut world = World::planned(Plan::with(MONTHS, DAYS)).await;
    let (zoe, other) = (canary("zoe") + "@example.org", canary("other") + "@example.org");
    let suppress = json!({"email": zoe.to_uppercase(), "scope": "all", "reason": "objection"});
    let made = call(&world, "/suppressions", &suppress).await;
    assert_eq!(made["suppressions"][0]["scope"], "all");
    // Barred: the first time nobody can know before the answer is there.
    let barred = letter(&world, lead(LETTRE_FORM), &zoe);
    arrives(&world, &barred).await;
    world.until("it is barred", || async { fates(&world, &barred).await == ["lettre suppressed"] }).await;
    // Over: its notification says when it was sent in.
    let email = canary("old") + "@example.org";
    let old = Lead::new(PAGE, DEVIS_FORM, now() - 31 * 86_400);
    let old = world.submit(old.answer("full_name", &["Zoé"]).answer("email", &[&email]), &[&email]);
    arrives(&world, &old).await;
    world
        .until("it is over", || async { fates(&world, &old).await == ["devis refused retention-over"] })
        .await;
    // Erased before it was read: it is held, since no purpose claims its form.
    let email = canary("erased") + "@example.org";
    let held = lead(LATER_FORM).answer("full_name", &["Zoé"]).answer("email", &[&email]);
    let erased = world.submit(held, &[&email]);
    arrives(&world, &erased).await;
    world.until("it is held", || async { fates(&world, &erased).await == ["held form-unclaimed"] }).await;
    assert_eq!(asked(&world), [barred.as_str()], "once, and for no other");
    world.stop_daemon().await;
    erase(&world, &erased).await;
    world.meta.clear_graph_calls();
    world.start_daemon().await;

    let all = [&barred, &old, &erased];
    let ends = async |world: &World| {
        for (id, end) in all.iter().zip(["lettre suppressed", "devis refused retention-over", "erased"]) {
            world.until(end, || async { fates(world, id).await == [end] }).await;
        }
    };
    for way in ["as it is", "once more", "reloaded", "restarted", "allowed again"] {
        match way {
            "reloaded" => world.reload(|text| text.replace(FORMS, MORE_FORMS)).await,
            "restarted" => world.restart().await,
            "allowed again" => {
                let remove = json!({"email": zoe, "reason": "person-request"});
                assert_eq!(call(&world, "/suppressions/remove", &remove).await, json!({"removed": 1}));
            }
            _ => {}
        }
        for id in all {
            arrives(&world, id).await;
        }
        for form in [LETTRE_FORM, DEVIS_FORM, LATER_FORM] {
            call(&world, "/inbox/requeue", &json!({ "form_id": form })).await;
        }
        world.settled().await;
        let waiting = async || world.admin().get("/admin/v1/inbox").await.json()["waiting"] == 0;
        world.until("nothing waits", waiting).await;
        ends(&world).await;
        assert_eq!(asked(&world), [""; 0], "{way}");
    }
    // Somebody else's is read, so the fetchers were at work all the while.
    let read = letter(&world, lead(LETTRE_FORM), &other);
    arrives(&world, &read).await;
    world.stored("lettre", 1).await;
    assert_eq!(asked(&world), [read]);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_objected_is_barred_from_prospecting_and_gets_what_they_ask_for_until_they_say_yes() {
    let world = World::start().await;
    let zoe = canary("zoe") + "@example.org";
    let suppress = json!({"email": zoe, "scope": "all", "reason": "objection", "months": 36});
    let made = call(&world, "/suppressions", &suppress).await;
    let id = made["suppressions"][0]["id"].clone();
    let barred = letter(&world, lead(LETTRE_FORM), &zoe);
    arrives(&world, &barred).await;
    world.until("it is barred", || async { fates(&world, &barred).await == ["lettre suppressed"] }).await;
    let quote = lead(DEVIS_FORM).answer("full_name", &["Zoé"]).answer("email", &[&zoe]);
    let quote = world.submit(quote, &[&zoe]);
    arrives(&world, &quote).await;
    world.stored("devis", 1).await;
    let listed = world.admin().get("/admin/v1/suppressions").await;
    let list = listed.json();
    assert_eq!((&list["suppressions"][0]["id"], &list["more"]), (&id, &json!(false)));
    assert!(
        !listed.text().contains(&zoe) && listed.text().len() < 300,
        "nothing of the address: {}",
        listed.text()
    );
    let metrics = world.admin().get("/admin/v1/metrics").await.text();
    for line in [
        "tamis_leads_suppressed_total{purpose=\"lettre\"} 1",
        "tamis_leads_suppressed_total{purpose=\"devis\"} 0",
    ] {
        assert!(metrics.contains(line), "{line}\n{metrics}");
    }
    // Whole seconds are all that Meta says.
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    let yes = letter(&world, Lead::new(PAGE, LETTRE_FORM, now()), &zoe);
    arrives(&world, &yes).await;
    world.stored("lettre", 1).await;
    let list = world.admin().get("/admin/v1/suppressions").await.json();
    assert_eq!(list["suppressions"], json!([]), "the entry is closed");
    world.end().await;
}

/// The lines of the operator's page, as they stand there.
#[tokio::test(flavor = "multi_thread")]
async fn the_operator_s_page_puts_an_address_on_the_list_and_takes_it_off_again() {
    let page = include_str!("../../docs/operator.md");
    let block =
        page.split("```sh\n").find(|block| block.starts_with("tamis suppress add")).expect("the block");
    let block = block.split("```").next().expect("its end");
    let meta = senders::meta().await;
    let home = Home::new(&meta, "page-token", |text| text);
    let daemon = home.serve(&[]);
    let at = home.directory.path();
    std::fs::write(at.join("address.txt"), "Zoe.canaryzq@example.org\n").expect("a file");
    std::fs::write(at.join("number.txt"), "+33 6 39 98 00 00\n").expect("a file");
    let binaries = home.binary.parent().expect("a folder").to_owned();
    let mut shell = Command::new("sh");
    shell.args(["-euc", block]).current_dir(at).env_clear().stdin(Stdio::null());
    shell.env("PATH", format!("{}:/usr/bin:/bin", binaries.display())).env("TAMIS_CONFIG", home.config());
    let ran = run(shell).await.expect("a shell");
    let (out, err) = (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    assert!(ran.status.success(), "{err}");
    let rows: Vec<&str> = out.lines().map(str::trim).collect();
    assert!(rows[1].starts_with("1-1  email    all     objection"), "{out}");
    assert!(rows[2].starts_with("1-2  phone    lettre  objection"), "{out}");
    assert!(err.contains("one entry is gone"), "{err}");
    assert!(!format!("{out}{err}").contains("canaryzq"), "an address is told back");
    let (status, said) = daemon.terminate();
    assert!(status.success() && !said.to_lowercase().contains("canaryzq"), "{said}");
    meta.stop().await;
}
