//! Finding people by their address: in every spelling and by the rules of each purpose, and nobody beside them; and the address
//! itself is nowhere afterwards.

use std::process::{Command, Stdio};

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::disk::Needles;
use crate::support::process::BINARY;
use crate::support::{DEVIS_FORM, LETTRE_FORM, Plan, World, canary, lead, log};

/// Numbers of `devis` are at home in France; those of `lettre` nowhere.
fn plan() -> Plan {
    Plan::with("keep = [\"campaign_id\"]\n", "keep = [\"campaign_id\"]\nphone_region = \"FR\"\n")
}

/// Somebody who asks for a quote, under this name and with these answers.
fn quote(world: &World, name: &str, email: &str, phone: Option<&str>) -> String {
    let mut asked = lead(DEVIS_FORM).answer("full_name", &[name]).answer("email", &[email]);
    if let Some(phone) = phone {
        asked = asked.answer("phone_number", &[phone]);
    }
    world.submit(asked, &[email])
}

/// Somebody who wants the letter, and calls.
fn letter(world: &World, email: &str, phone: &str) -> String {
    let asked = lead(LETTRE_FORM)
        .answer("first_name", &["Léa"])
        .answer("email", &[email])
        .answer("phone_number", &[phone])
        .checkbox("email_optin", true)
        .checkbox("consent_call", true);
    world.submit(asked, &[email])
}

async fn deliver(world: &World, leads: &[String]) {
    world.deliver_all(leads).await;
    world.settled().await;
}

/// The ids that are found, in order.
async fn found(world: &World, question: Value) -> Vec<String> {
    let answer = world.admin().post("/admin/v1/find", &question).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let records = answer.json()["records"].as_array().expect("records").clone();
    assert!(records.iter().all(|record| record["state"] == "stored"), "{records:?}");
    records.iter().map(|record| record["id"].as_str().expect("an id").to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_is_found_by_an_address_in_every_spelling_and_no_neighbour_is() {
    let world = World::planned(plan()).await;
    let anne = canary("anne").to_lowercase();
    let address = format!("{anne}.dupré@bücher.example");
    let spelled = [
        address.clone(),
        format!(" {}@XN--BCHER-KVA.Example ", format!("{anne}.dupré").to_uppercase()),
        format!("\"{anne}.dupré\"@bücher.example"),
        format!("{anne}.dupre\u{301}＠bücher.example"),
    ];
    let neighbours = [
        format!("{anne}dupré@bücher.example"),
        format!("{anne}.dupré+x@bücher.example"),
        format!("{anne}.dupré@bucher.example"),
        format!("x{anne}.dupré@bücher.example"),
        format!("{anne}.dupré@bücher.example.org"),
    ];
    let mut leads: Vec<String> = Vec::new();
    for email in spelled.iter().chain(&neighbours) {
        leads.push(quote(&world, "Anne", email, None));
    }
    leads.push(letter(&world, &spelled[1], "+49 30 901820"));
    // Not in a field that anybody calls an address, and it is one all the same.
    leads.push(quote(&world, &spelled[2], "other@example.org", None));
    // One after another: their numbers are in this order.
    for lead in &leads {
        deliver(&world, std::slice::from_ref(lead)).await;
    }
    world.stored("devis", 10).await;
    let wanted = ["devis-1-1", "devis-1-2", "devis-1-3", "devis-1-4", "devis-1-10", "lettre-1-1"];
    assert_eq!(found(&world, json!({"email": address})).await, wanted);
    for spelling in &spelled {
        assert_eq!(found(&world, json!({"email": spelling})).await, wanted, "any spelling finds all");
    }
    for (at, neighbour) in neighbours.iter().enumerate() {
        assert_eq!(found(&world, json!({"email": neighbour})).await.len(), 1, "{at}");
    }
    assert!(found(&world, json!({"email": format!("nobody.{anne}@bücher.example")})).await.is_empty());
    let masked = world.admin().post("/admin/v1/find", &json!({"email": address})).await;
    assert!(!masked.text().to_lowercase().contains(&anne), "masked unless asked");
    let shown = world.admin().post("/admin/v1/find", &json!({"email": address, "unmask": true})).await;
    assert!(shown.text().contains(&anne));
    world.guard(&anne);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_is_found_by_the_region_of_its_purpose_and_else_by_its_digits() {
    let world = World::planned(plan()).await;
    let mail = |name: &str| format!("{}@example.org", canary(name));
    let leads = [
        quote(&world, "A", &mail("a"), Some("06 39 98 04 71")),
        quote(&world, "B", &mail("b"), Some("+33 (0)6 39 98 04 71")),
        quote(&world, "C", &mail("c"), Some("06 39 98 04 72")),
        quote(&world, "D", &mail("d"), Some("39 98 04 71")),
        quote(&world, "E", &mail("e"), None),
        letter(&world, &mail("f"), "06.39.98.04.71"),
        letter(&world, &mail("g"), "+33639980471"),
        letter(&world, &mail("h"), "0033639980471"),
    ];
    // One after another: their numbers are in this order.
    for lead in &leads {
        deliver(&world, std::slice::from_ref(lead)).await;
    }
    world.stored("devis", 5).await;
    world.stored("lettre", 3).await;
    for (typed, wanted) in [
        ("0639980471", &["devis-1-1", "devis-1-2", "lettre-1-1"][..]),
        ("+33 6 39 98 04 71", &["devis-1-1", "devis-1-2", "lettre-1-2"]),
        ("0033 6 39 98 04 71", &["devis-1-1", "devis-1-2", "lettre-1-3"]),
        ("06 39 98 04 72", &["devis-1-3"]),
        ("39 98 04 71", &["devis-1-4"]),
        ("06 39 98 04 73", &[]),
        // Nothing is inferred from one to the other.
        ("+49 6 39 98 04 71", &[]),
    ] {
        assert_eq!(found(&world, json!({"phone": typed})).await, wanted, "{typed}");
    }
    // The region goes from the config: what stands beside the number as it was typed is found still.
    world.reload(|text| text.replace("phone_region = \"FR\"\n", "")).await;
    assert_eq!(
        found(&world, json!({"phone": "+33639980471"})).await,
        ["devis-1-1", "devis-1-2", "lettre-1-2"],
        "by what is stored"
    );
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_stands_in_no_log_no_trail_no_problem_and_no_metric() {
    let world = World::planned(plan()).await;
    let (anne, nobody, wrong) = (canary("anne"), canary("nobody"), canary("wrong"));
    let email = format!("{anne}@example.org");
    deliver(&world, &[quote(&world, "Anne", &email, Some("06 39 98 04 71"))]).await;
    world.stored("devis", 1).await;
    let before = world.admin().get("/admin/v1/trail?limit=10000").await.lines().len();
    let questions = [
        json!({"email": email}),
        json!({"email": email.to_uppercase(), "unmask": true}),
        json!({"email": format!("{nobody}@example.org")}),
        json!({"phone": "06 39 98 04 71"}),
    ];
    for question in &questions {
        assert_eq!(world.admin().post("/admin/v1/find", question).await.status, 200);
    }
    let mut said = String::new();
    for question in [
        json!({"email": wrong}),
        json!({"phone": wrong}),
        json!({"phone": format!("06 39 98 04 71 {wrong}")}),
        json!({"email": format!("{wrong}@example.org"), "id": "devis-1-1"}),
        json!({ (wrong.clone()): wrong }),
    ] {
        let refused = world.admin().post("/admin/v1/find", &question).await;
        assert_eq!(refused.status, 400, "{}", refused.text());
        said += &refused.text();
    }
    let silent =
        world.admin().call(Method::POST, "/admin/v1/find", Some(questions[0].to_string()), None).await;
    assert_eq!(silent.status, 400, "without a reason");
    said += &silent.text();
    let lines = world.admin().get(&format!("/admin/v1/trail?after={before}&limit=100")).await.lines();
    let told: Vec<(&Value, &Value, &Value, &Value)> =
        lines.iter().map(|line| (&line["action"], &line["count"], &line["from"], &line["result"])).collect();
    let (one, none) = (json!("devis-1-1"), Value::Null);
    let (found, unmasked, done, nothing) =
        (json!("found"), json!("found-unmasked"), json!("done"), json!("nothing"));
    assert_eq!(
        told,
        [
            (&found, &json!(1), &one, &done),
            (&unmasked, &json!(1), &one, &done),
            (&found, &json!(0), &none, &nothing),
            (&found, &json!(1), &one, &done),
        ]
    );
    said += &lines.iter().map(Value::to_string).collect::<String>();
    let metrics = world.admin().get("/admin/v1/metrics").await.text();
    assert!(metrics.contains("tamis_searches_total 4\n"), "{metrics}");
    said += &metrics;
    let numbers = ["0639980471", "33639980471", "39 98 04 71"].map(str::to_owned);
    let needles = Needles::of([&anne, &nobody, &wrong].into_iter().chain(&numbers));
    assert!(!needles.within(email.as_bytes()).is_empty(), "the search finds what is there");
    let found = needles.within(said.as_bytes());
    assert!(found.is_empty(), "told: {found:?}");
    [anne, nobody, wrong].iter().for_each(|canary| world.guard(canary));
    let events = log().events("search.done");
    assert!(events.iter().any(|line| line.contains("search.records=1")), "{events:?}");
    // The end of a world searches its log and its disk for what is guarded.
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_reads_an_address_from_stdin_alone() {
    let world = World::planned(plan()).await;
    let email = format!("{}@example.org", canary("anne"));
    deliver(&world, &[quote(&world, "Anne", &email, Some("06 39 98 04 71"))]).await;
    world.stored("devis", 1).await;
    let socket = world.addresses.socket.display().to_string();
    let find = async |flags: &[&str], typed: &str| {
        let mut command = Command::new(BINARY);
        command.arg("find").args(flags).args(["--reason", "person-request", "--socket", &socket]);
        command.env_clear().stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let typed = typed.to_owned();
        let run = move || {
            use std::io::Write as _;
            let mut child = command.spawn().expect("the binary runs");
            child.stdin.take().expect("a pipe").write_all(typed.as_bytes()).expect("typed");
            child.wait_with_output().expect("it ends")
        };
        let output = tokio::task::spawn_blocking(run).await.expect("no panic");
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("UTF-8");
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    };
    let (code, shown, said) = find(&["--email-stdin"], &format!("{}\n", email.to_uppercase())).await;
    assert_eq!(code, Some(0), "{said}");
    assert!(shown.starts_with("id") && shown.contains("devis-1-1"), "{shown}");
    let (code, shown, _) = find(&["--phone-stdin"], "+33 6 39 98 04 71").await;
    assert!(code == Some(0) && shown.contains("devis-1-1"), "{shown}");
    let (code, shown, said) = find(&["--phone-stdin"], "06 39 98 04 72").await;
    assert_eq!((code, shown.as_str()), (Some(0), ""), "{said}");
    assert!(said.contains("no record holds this address"), "{said}");
    let (code, _, said) = find(&["--email-stdin"], "anne").await;
    assert!(code != Some(0) && said.contains("address-invalid"), "{said}");
    for wrong in
        [&["--email-stdin", "--id", "devis-1-1"][..], &["--email", &email], &["--email-stdin", &email]]
    {
        let (code, _, said) = find(wrong, "").await;
        assert_eq!(code, Some(2), "{said}");
    }
    world.end().await;
}
