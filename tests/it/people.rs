//! What somebody may ask for who says an address: everything that is held of them, as JSON and as a page; and what they may have done.

mod objecting;
mod withdrawing;

use std::fs;
use std::process::{Command, Stdio};

use reqwest::Method;
use serde_json::{Value, json};

use crate::api::{document, run};
use crate::support::process::{BINARY, installed};
use crate::support::{DEVIS_FORM, LETTRE_FORM, Plan, World, canary, lead};

/// Runs `tamis` with this on stdin: its exit code, what it printed, what it said.
pub(crate) async fn tamis(world: &World, arguments: &[&str], typed: &str) -> (Option<i32>, String, String) {
    let mut command = Command::new(BINARY);
    command.args(arguments).arg("--socket").arg(&world.addresses.socket).env_clear();
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

/// Somebody asks for a quote, and somebody else does; the first one wants the letter too.
pub(crate) async fn furnished(world: &World, email: &str) {
    let quote = |email: &str| lead(DEVIS_FORM).answer("full_name", &["Zoé <b>"]).answer("email", &[email]);
    let letter = lead(LETTRE_FORM).answer("first_name", &["Zoé"]).answer("email", &[email]);
    let leads = [
        world.submit(quote(email), &[]),
        world.submit(quote(&format!("x{email}")), &[]),
        world.submit(letter.checkbox("email_optin", true), &[]),
    ];
    for lead in leads {
        world.deliver(&[&lead]).await;
        world.settled().await;
    }
    world.stored("devis", 2).await;
    world.stored("lettre", 1).await;
}

/// True if this is one of its lines.
fn says(said: &str, line: &str) -> bool {
    said.lines().any(|known| known == line)
}

async fn line_count(world: &World, action: &str) -> usize {
    let trail = world.admin().get("/admin/v1/trail?limit=10000").await.text();
    trail.lines().filter(|line| line.contains(&format!("\"action\":\"{action}\""))).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_that_is_held_of_somebody_is_handed_out_with_a_line_for_each_record() {
    let world = World::planned(Plan::default()).await;
    let email = format!("{}@example.org", canary("anne").to_lowercase());
    furnished(&world, &email).await;
    let to_crm = ["export", "devis", "--format", "csv", "--reason", "crm-sync", "--recipient", "crm"];
    assert_eq!(tamis(&world, &to_crm, "").await.0, Some(0));
    let objects = ["suppress", "add", "--email-stdin", "--scope", "lettre", "--reason", "objection"];
    assert_eq!(tamis(&world, &objects, &email).await.0, Some(0));
    let restricts = ["restrict", "lettre-1-1", "--until", &crate::correcting::day(30), "--reason", "audit"];
    assert_eq!(tamis(&world, &restricts, "").await.0, Some(0));

    let typed = format!("{}\n", email.to_uppercase());
    let flags = ["person", "access", "--email-stdin", "--format", "json", "--lang", "fr"];
    let (code, printed, said) = tamis(&world, &flags, &typed).await;
    assert!(
        code == Some(0)
            && says(
                &said,
                "2 records hold this address. Several people may share it: read the paper before you hand it out"
            ),
        "{said}"
    );
    let held: Value = serde_json::from_str(&printed).expect("JSON");
    let records = held["records"].as_array().expect("a list");
    let ids: Vec<&str> = records.iter().filter_map(|record| record["id"].as_str()).collect();
    assert_eq!(ids, ["devis-1-1", "lettre-1-1"], "and nobody else's");
    let quote = &records[0];
    assert_eq!((&quote["basis"], &quote["expired"]), (&json!("pre_contract"), &json!(false)));
    assert!(quote["title"].as_str().is_some_and(|title| title != "devis"), "{quote}");
    let fields = quote["content"]["fields"].as_array().expect("a list");
    let of = |name: &str| fields.iter().find(|field| field["name"] == name).expect("a field");
    assert_eq!(of("email")["values"], json!([email]));
    assert_eq!(of("email")["title"], json!("Adresse e-mail"));
    assert_eq!(of("full_name")["exported"], json!(true));
    let to: Vec<&str> =
        quote["handed"].as_array().expect("a list").iter().filter_map(|to| to["name"].as_str()).collect();
    assert_eq!(to, ["Exemple CRM SAS"], "{quote}");
    let letter = &records[1];
    let consent = letter["content"]["consents"].as_array().expect("a list").iter();
    let consent = consent.clone().find(|one| one["key"] == "email_optin").expect("the box");
    assert_eq!((&consent["outcome"], &consent["given"]), (&json!("given"), &json!(true)), "{consent}");
    assert!(consent["text"].as_str().is_some_and(|text| !text.is_empty()), "what stood beside it: {consent}");
    assert!(letter["content"]["form_revision"].is_string(), "the form as it was seen: {letter}");
    assert_eq!(letter["restricted"]["reason"], json!("audit"));
    assert_eq!(
        letter["handed"][0]["recipient"],
        Value::Null,
        "this test read it, for nobody outside: {letter}"
    );
    assert_eq!(held["suppressions"][0]["scope"], json!("lettre"));
    assert_eq!(held["remains"].as_array().map(Vec::len), Some(6));
    assert_eq!(line_count(&world, "accessed").await, 2, "a line for each record");
    let nobody = tamis(&world, &flags, "nobody@example.org").await;
    assert!(nobody.0 == Some(0) && says(&nobody.2, "no record holds this address"), "{}", nobody.2);
    assert_eq!(line_count(&world, "accessed").await, 3, "and one where there was nothing");
    world.guard(&email);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_for_the_person_is_whole_in_their_language_and_valid() {
    let world = World::start().await;
    let email = format!("{}@example.org", canary("anne").to_lowercase());
    furnished(&world, &email).await;
    let directory = tempfile::tempdir().expect("a directory");
    for (lang, heading) in [
        ("fr", "Les données que nous détenons sur vous"),
        ("en", "The data that we hold about you"),
        ("de", "Die Daten, die wir über Sie haben"),
    ] {
        let file = directory.path().join(format!("{lang}.html"));
        let path = file.display().to_string();
        let flags = ["person", "access", "--email-stdin", "--lang", lang, "-o", &path];
        let (code, printed, said) = tamis(&world, &flags, &email).await;
        assert_eq!((code, printed.as_str()), (Some(0), ""), "{said}");
        let page = fs::read_to_string(&file).expect("a page");
        assert!(page.contains(&format!("<h1>{heading}</h1>")) && page.contains(&email), "{page}");
        assert!(page.contains("Zoé &#60;b&#62;"), "an answer is text");
        let (code, _, said) = tamis(&world, &flags, &email).await;
        assert!(code == Some(1) && said.contains("is there already"), "no paper is written over: {said}");
        let call = format!("/admin/v1/access?format=html&lang={lang}");
        let body = json!({ "email": email }).to_string();
        let answer = world.admin().call(Method::POST, &call, Some(body), Some("person-request")).await;
        assert!(answer.status == 200 && answer.text().contains(heading), "the daemon makes the same page");
        if !installed("tidy") {
            println!("skipped: tidy is not installed (.ci/run installs it)");
            continue;
        }
        let mut tidy = Command::new("tidy");
        tidy.args(["-quiet", "-errors", "-utf8", "--show-info", "no"]).arg(&file);
        let output = run(tidy).await.expect("tidy runs");
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!((output.status.code(), told), (Some(0), String::new()), "{lang}");
    }
    for (body, status, code) in [
        (json!({"email": "anne"}), 400, "address-invalid"),
        (json!({"email": email, "phone": "06 39 98 00 00"}), 400, "body-invalid"),
        (json!({}), 400, "body-invalid"),
    ] {
        let refused =
            world.admin().call(Method::POST, "/admin/v1/access", Some(body.to_string()), Some("audit")).await;
        assert_eq!((refused.status, refused.json()["code"].clone()), (status, json!(code)));
    }
    let silent = world.admin().call(Method::POST, "/admin/v1/access", Some("{}".to_owned()), None).await;
    assert_eq!((silent.status, silent.json()["code"].clone()), (400, json!("reason-missing")));
    world.guard(&email);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_record_of_an_address_is_restricted_and_goes_when_its_person_says_so() {
    let world = World::start().await;
    let email = format!("{}@example.org", canary("anne").to_lowercase());
    furnished(&world, &email).await;
    let until = crate::correcting::day(30);
    let flags = ["person", "restrict", "--email-stdin", "--until", &until];
    let (code, table, said) = tamis(&world, &flags, &email.to_uppercase()).await;
    assert!(code == Some(0) && says(&said, "restricted: 2 records"), "{said}");
    assert!(
        table.contains("devis-1-1") && table.contains("lettre-1-1") && !table.contains("devis-1-2"),
        "{table}"
    );
    assert_eq!((world.records("devis").await.len(), world.records("lettre").await.len()), (1, 0));
    let (again, _, said) = tamis(&world, &flags, &email).await;
    assert!(again == Some(0) && says(&said, "restricted: 2 records"), "renewed: {said}");
    let nobody = tamis(&world, &flags, "nobody@example.org").await;
    assert!(nobody.0 == Some(0) && says(&nobody.2, "no record holds this address"), "{}", nobody.2);
    let trail = world.admin().get("/admin/v1/trail?limit=10000").await.text();
    let nothing =
        |line: &&str| line.contains("\"action\":\"restricted\"") && line.contains("\"result\":\"nothing\"");
    assert_eq!(trail.lines().filter(nothing).count(), 1, "that somebody asked is written down");
    let late = ["person", "restrict", "--email-stdin", "--until", "2020-01-01"];
    let (code, _, said) = tamis(&world, &late, &email).await;
    assert!(code == Some(1) && said.contains("until-out-of-range"), "{said}");
    let erase = ["person", "erase", "--email-stdin", "--format", "html", "--lang", "de"];
    let (code, page, said) = tamis(&world, &erase, &email).await;
    assert!(code == Some(0) && page.contains("<html lang=\"de\">"), "their own request goes through: {said}");
    assert!(
        world.admin().get("/admin/v1/restrictions").await.json()["restrictions"]
            .as_array()
            .is_some_and(Vec::is_empty)
    );
    assert_eq!(
        tamis(&world, &["person", "erase", "--email-stdin", &email], "").await.0,
        Some(2),
        "an address is no argument"
    );
    world.guard(&email);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_people_asked_for_stands_in_the_register_until_it_is_answered_and_nobody_s_name_does() {
    let mut world = World::start().await;
    let email = format!("{}@example.org", canary("anne").to_lowercase());
    furnished(&world, &email).await;
    let access = ["person", "access", "--email-stdin", "--received", &crate::correcting::day(-2)];
    let (code, _, said) = tamis(&world, &access, &email).await;
    assert!(code == Some(0) && said.contains("request 1-1 (access): to be answered by "), "{said}");
    assert!(said.contains("request 1-1 (access): answered on "), "{said}");
    let add = ["person", "requests", "add", "--kind", "erasure", "--received", &crate::correcting::day(-40)];
    let (code, late, said) = tamis(&world, &add, "").await;
    assert!(
        code == Some(0) && late.contains("request 1-2 (erasure)") && late.contains("late"),
        "{late}{said}"
    );
    let add = ["person", "requests", "add", "--kind", "rectification"];
    assert_eq!(tamis(&world, &add, "").await.0, Some(0));
    let (code, longer, _) =
        tamis(&world, &["person", "requests", "extend", "1-3", "--ground", "complex"], "").await;
    assert!(code == Some(0) && longer.contains("request 1-3"), "{longer}");
    for refused in ["1-3", "1-2"] {
        let (code, _, said) =
            tamis(&world, &["person", "requests", "extend", refused, "--ground", "complex"], "").await;
        assert!(code == Some(1) && said.contains("not-extendable"), "once, and within the month: {said}");
    }
    world
        .until("somebody is told", || async {
            world.admin().get("/admin/v1/status").await.text().contains("request-due")
        })
        .await;
    let (_, open, _) = tamis(&world, &["person", "requests"], "").await;
    let numbers: Vec<&str> = open.lines().skip(1).filter_map(|line| line.split_whitespace().next()).collect();
    assert_eq!(numbers, ["1-2", "1-3"], "what is due first: {open}");
    world.restart().await;
    // What was asked for is done, by the request of then.
    let erase = ["person", "erase", "--email-stdin", "--request", "1-2", "--format", "note"];
    let (code, _, said) = tamis(&world, &erase, &email).await;
    assert!(code == Some(0) && said.contains("request 1-2 (erasure): answered on "), "{said}");
    let (_, all, _) = tamis(&world, &["person", "requests", "list", "--all", "--json"], "").await;
    let all: Vec<Value> = all.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(all.len(), 3);
    assert_eq!((&all[0]["id"], &all[0]["days_left"].is_i64()), (&json!("1-3"), &true));
    assert_eq!((&all[2]["id"], &all[2]["answered"]["erasure"]), (&json!("1-2"), &json!("1-1")), "{all:?}");
    world
        .until("nobody waits too long", || async {
            !world.admin().get("/admin/v1/status").await.text().contains("request-due")
        })
        .await;
    for (flags, code) in [
        (&["person", "requests", "answer", "1-9"][..], "person-request-unknown"),
        (&["person", "requests", "answer", "1-3", "--erasure", "1-9"], "erasure-unknown"),
        (
            &["person", "requests", "add", "--kind", "access", "--received", "2020-01-01"],
            "received-out-of-range",
        ),
    ] {
        let (exit, _, said) = tamis(&world, flags, "").await;
        assert!(exit == Some(1) && said.contains(code), "{said}");
    }
    let trail = world.admin().get("/admin/v1/trail?limit=10000").await.text();
    for action in ["request-opened", "request-extended", "request-answered"] {
        assert!(trail.contains(&format!("\"action\":\"{action}\"")), "{action}");
    }
    world.guard(&email);
    world.end().await;
}

/// One after another, with an address where the page has a file of one.
#[tokio::test(flavor = "multi_thread")]
async fn the_verbs_for_a_person_run_as_the_page_has_them() {
    let world = World::start().await;
    let email = format!("{}@example.org", canary("anne").to_lowercase());
    furnished(&world, &email).await;
    let page = document("people.md");
    let blocks = page.split("```text\n").skip(1).filter_map(|rest| rest.split("```").next());
    let lines: Vec<&str> =
        blocks.flat_map(str::lines).filter(|line| line.starts_with("tamis person")).collect();
    assert_eq!(lines.len(), 11, "{lines:?}");
    let directory = tempfile::tempdir().expect("a directory");
    for line in lines {
        let (command, typed) = line.split_once(" < ").unwrap_or((line, ""));
        let typed = match typed {
            "address.txt" => email.as_str(),
            "number.txt" => "06 39 98 00 00",
            _ => "",
        };
        // Days of the page are those of its own time.
        let command = command.replace("2027-03-31", &crate::correcting::day(90));
        let command = command.replace("2026-11-28", &crate::correcting::day(-2));
        let mut words: Vec<String> = command.split_whitespace().skip(1).map(str::to_owned).collect();
        let file = words.iter().position(|word| word == "-o").map(|at| at + 1);
        if let Some(at) = file {
            words[at] = directory.path().join(&words[at]).display().to_string();
        }
        let arguments: Vec<&str> = words.iter().map(String::as_str).collect();
        let (code, _, said) = tamis(&world, &arguments, typed).await;
        assert_eq!(code, Some(0), "{line}: {said}");
        if let Some(at) = file {
            assert!(fs::metadata(&words[at]).expect("it is there").len() > 100, "{line}");
        }
    }
    world.guard(&email);
    world.end().await;
}
