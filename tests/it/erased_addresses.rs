//! Somebody is forgotten by an address: in every spelling and for every purpose, and nobody beside them; who objected is not stored
//! again; and the address itself is nowhere afterwards.

use std::process::{Command, Stdio};
use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use tamis_simulator::{Match, Misbehaviour, Rule};

use crate::support::process::BINARY;
use crate::support::{DEVIS_FORM, LETTRE_FORM, Plan, World, canary, lead};

/// Numbers of `devis` are at home in France; those of `lettre` nowhere.
fn plan() -> Plan {
    Plan::with("keep = [\"campaign_id\"]\n", "keep = [\"campaign_id\"]\nphone_region = \"FR\"\n")
}

/// Somebody who asks for a quote.
fn quote(world: &World, email: &str, phone: Option<&str>) -> String {
    let mut asked = lead(DEVIS_FORM).answer("full_name", &["Zoé"]).answer("email", &[email]);
    if let Some(phone) = phone {
        asked = asked.answer("phone_number", &[phone]);
    }
    world.submit(asked, &[email])
}

/// Somebody who wants the letter.
fn letter(world: &World, email: &str) -> String {
    let asked = lead(LETTRE_FORM).answer("first_name", &["Zoé"]).answer("email", &[email]);
    world.submit(asked.checkbox("email_optin", true), &[email])
}

/// One after another: their numbers are in this order.
async fn deliver(world: &World, leads: &[String]) {
    for lead in leads {
        world.deliver_all(std::slice::from_ref(lead)).await;
        world.settled().await;
    }
}

async fn erase(world: &World, reason: &str, body: &Value) -> Value {
    let answer =
        world.admin().call(Method::POST, "/admin/v1/erasures", Some(body.to_string()), Some(reason)).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

async fn states(world: &World, question: Value) -> Vec<String> {
    let found = world.admin().post("/admin/v1/find", &question).await;
    assert_eq!(found.status, 200, "{}", found.text());
    let found = found.json();
    let records = found["records"].as_array().expect("a list").iter();
    records.map(|record| record["state"].as_str().expect("a word").to_owned()).collect()
}

/// Runs `tamis erase` with this on stdin: its exit code, what it printed, what it said.
async fn command(world: &World, arguments: &[&str], typed: &str) -> (Option<i32>, String, String) {
    let mut command = Command::new(BINARY);
    command.arg("erase").args(arguments).arg("--socket").arg(&world.addresses.socket).env_clear();
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let typed = typed.to_owned();
    let run = move || {
        use std::io::Write as _;
        let mut child = command.spawn().expect("the binary runs");
        // It may be gone already, where its arguments are wrong.
        let _ = child.stdin.take().expect("a pipe").write_all(typed.as_bytes());
        child.wait_with_output().expect("it ends")
    };
    let output = tokio::task::spawn_blocking(run).await.expect("no panic");
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("UTF-8");
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_objects_by_an_address_on_stdin_is_gone_everywhere_and_is_not_stored_again() {
    let mut world = World::planned(plan()).await;
    let anne = canary("anne").to_lowercase();
    let (email, neighbour) = (format!("{anne}@example.org"), format!("x{anne}@example.org"));
    let loud = format!(" \"{}\"@EXAMPLE.org", anne.to_uppercase());
    let theirs = [quote(&world, &email, None), quote(&world, &loud, None), letter(&world, &email)];
    deliver(&world, &theirs).await;
    deliver(&world, &[quote(&world, &neighbour, None)]).await;
    world.stored("devis", 3).await;
    world.stored("lettre", 1).await;
    let typed = format!("{}\n", email.to_uppercase());
    let (code, would, said) =
        command(&world, &["--email-stdin", "--reason", "objection", "--dry-run"], &typed).await;
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(would, "records  3\n  devis  2\n  lettre  1\nparked   0\nnothing was erased\n");
    // Graph takes its time: it is accepted, and whose it is nobody knows.
    world.meta.misbehave(Rule::always(Match::any(), Misbehaviour::Delay(Duration::from_secs(6))));
    let unread = letter(&world, &email);
    world.deliver_all(std::slice::from_ref(&unread)).await;
    let paper = world.directory.path().join("receipt.txt").display().to_string();
    let flags = ["--email-stdin", "--reason", "objection", "--format", "note", "--output", &paper];
    let (code, _, said) = command(&world, &flags, &typed).await;
    assert_eq!(code, Some(0), "{said}");
    for part in ["erased: 1-1\n", "not read yet: 1. ", "a second receipt follows", "written to "] {
        assert!(said.contains(part), "{said}");
    }
    let note = std::fs::read_to_string(&paper).expect("a receipt");
    assert!(!note.to_lowercase().contains(&anne), "the receipt");
    let line = note.lines().next().expect("a line");
    let receipt: Value = serde_json::from_str(line).expect("JSON");
    assert!(receipt["remains"]["suppression_until"].is_string(), "{receipt}");
    assert_eq!((world.records("devis").await.len(), world.records("lettre").await.len()), (1, 0));
    world.settled().await;
    world.meta.behave();
    let barred =
        async |world: &World, id: &str| states(world, json!({ "leadgen_id": id })).await == ["suppressed"];
    let erased = async || states(&world, json!({ "leadgen_id": unread })).await == ["erased"];
    world.until("what was unread is erased when it is read", erased).await;
    // Meta repeats, they come again by another form, tamis starts anew.
    let later = letter(&world, &loud);
    for _ in 0..2 {
        deliver(&world, &theirs).await;
        deliver(&world, std::slice::from_ref(&later)).await;
        world.until("what comes later is barred", || barred(&world, &later)).await;
        assert_eq!((world.records("devis").await.len(), world.records("lettre").await.len()), (1, 0));
        for id in &theirs {
            assert_eq!(states(&world, json!({ "leadgen_id": id })).await, ["erased"]);
        }
        assert!(states(&world, json!({ "email": email })).await.is_empty());
        world.restart().await;
    }
    for wrong in
        [&["--email-stdin", "--id", "devis-1-1"][..], &["--email", &email], &["--email-stdin", &email]]
    {
        let arguments = [wrong, &["--reason", "error"]].concat();
        assert_eq!(command(&world, &arguments, "").await.0, Some(2), "an address is no argument");
    }
    let (code, _, said) = command(&world, &["--email-stdin", "--reason", "error"], "anne").await;
    assert!(code == Some(1) && said.contains("address-invalid"), "{said}");
    let trail = world.admin().get("/admin/v1/trail?limit=10000").await.text();
    assert!(trail.contains("suppressed") && !trail.to_lowercase().contains(&anne), "the trail");
    // The end of a world searches its log and its disk for what is guarded.
    world.guard(&anne);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_is_erased_by_the_rules_of_each_purpose_and_what_is_unread_goes_when_it_is_read() {
    let mut world = World::planned(plan()).await;
    let mail = |name: &str| format!("{}@example.org", canary(name));
    let leads = [
        quote(&world, &mail("a"), Some("06 39 98 04 71")),
        quote(&world, &mail("b"), Some("+33 (0)6 39 98 04 71")),
        quote(&world, &mail("c"), Some("06 39 98 04 72")),
    ];
    deliver(&world, &leads).await;
    world.stored("devis", 3).await;
    world.meta.misbehave(Rule::always(Match::any(), Misbehaviour::Delay(Duration::from_secs(6))));
    let unread = quote(&world, &mail("d"), Some("0639980471"));
    world.deliver_all(std::slice::from_ref(&unread)).await;
    let by = json!({"phone": "0033 6 39 98 04 71"});
    let would = erase(&world, "person-request", &json!({"by": by, "dry_run": true})).await;
    assert_eq!(
        would,
        json!({"records": 2, "purposes": [{"id": "devis", "records": 2}], "parked": 0, "unread": 1, "unreadable": 0})
    );
    let erased = erase(&world, "person-request", &json!({ "by": by })).await;
    assert_eq!((&erased["erasure"], &erased["unread"]), (&"1-1".into(), &1.into()));
    assert_eq!(erased["awaited"], json!(true));
    assert!(erased.get("suppressed_until").is_none(), "erasing alone bars nobody");
    assert_eq!(world.records("devis").await.len(), 1);
    world.restart().await;
    world.settled().await;
    world.meta.behave();
    let state = async |world: &World, id: &str| states(world, json!({ "leadgen_id": id })).await;
    world.until("it is read", || async { state(&world, &unread).await == ["erased"] }).await;
    assert_eq!(world.records("devis").await.len(), 1, "and the neighbour stays");
    // What they send in afterwards is theirs to send in.
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    let later = quote(&world, &mail("e"), Some("06 39 98 04 71"));
    deliver(&world, std::slice::from_ref(&later)).await;
    world.until("it is stored", || async { state(&world, &later).await == ["stored"] }).await;
    let ambiguous = json!({"by": {"phone": "12345"}}).to_string();
    let none = world.admin().call(Method::POST, "/admin/v1/erasures", Some(ambiguous), Some("error")).await;
    assert_eq!((none.status, none.json()["code"].clone()), (400, "address-invalid".into()));
    world.end().await;
}

/// The receipt says that something was unread, and what came of it has one of its own.
#[tokio::test(flavor = "multi_thread")]
async fn once_what_was_unread_is_read_a_second_receipt_says_what_came_of_it() {
    let clock = std::sync::Arc::new(crate::retention::Shifted::default());
    let world = crate::retention::world(&clock).await;
    let email = format!("{}@example.org", canary("second"));
    deliver(&world, &[quote(&world, &email, None)]).await;
    world.stored("devis", 1).await;
    world.meta.misbehave(Rule::always(Match::any(), Misbehaviour::Delay(Duration::from_secs(6))));
    let unread =
        [quote(&world, &email, None), quote(&world, &format!("{}@example.org", canary("other")), None)];
    world.deliver_all(&unread).await;
    let erased = erase(&world, "person-request", &json!({"by": {"email": email}})).await;
    let receipt = |note: &Value| -> Value {
        let note = note.as_str().expect("a note");
        serde_json::from_str(note.lines().next().expect("a line")).expect("JSON")
    };
    assert_eq!(receipt(&erased["receipt"])["unread"], json!(2));
    let shown = async |number: &str| world.admin().get(&format!("/admin/v1/erasures/{number}")).await.json();
    assert!(shown("1-1").await.get("followed_by").is_none());
    world.settled().await;
    world.meta.behave();
    world.stored("devis", 1).await;
    clock.pass(3_700);
    world.until("a second one follows", || async { shown("1-1").await["followed_by"] == "1-2" }).await;
    let second = shown("1-2").await;
    assert_eq!(
        (&second["follows"], &second["state"], &second["parked"]),
        (&json!("1-1"), &json!("done"), &json!(1))
    );
    let second = receipt(&second["receipt"]);
    assert_eq!((&second["follows"], &second["references"]), (&json!("1-1"), &json!(1)));
    assert_eq!((&second["unread"], &second["why"]), (&Value::Null, &json!("person-request")));
    assert_eq!(
        receipt(&shown("1-1").await["receipt"]),
        receipt(&erased["receipt"]),
        "the first never changes"
    );
    world.end().await;
}
