//! The admin API as its documentation tells it.

use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

use crate::support::{Caller, DEVIS_FORM, World, lead};

pub const ROOT: &str = env!("CARGO_MANIFEST_DIR");

pub fn document(name: &str) -> String {
    fs::read_to_string(Path::new(ROOT).join("docs").join(name)).expect("a document")
}

/// The client as docs/api.md has it.
fn client() -> String {
    python_of(&document("api.md"), "LIMIT, ATTEMPTS")
}

/// The block of Python of a page in which this stands.
pub fn python_of(page: &str, within: &str) -> String {
    let mut blocks = page.split("```python\n").skip(1).filter_map(|rest| rest.split("```").next());
    blocks.find(|block| block.contains(within)).expect("a block of Python").to_owned()
}

/// Runs a program to its end; none if it is not installed.
pub async fn run(mut command: Command) -> Option<Output> {
    command.stdin(Stdio::null());
    let ended = tokio::task::spawn_blocking(move || command.output()).await.expect("no panic");
    match ended {
        Ok(output) => Some(output),
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => panic!("{error}"),
    }
}

pub async fn token(admin: &Caller, body: Value) -> (String, String) {
    let made = admin.post("/admin/v1/tokens", &body).await;
    assert_eq!(made.status, 201, "{}", made.text());
    let text = |name: &str| made.json()[name].as_str().expect("text").to_owned();
    (text("id"), text("token"))
}

pub fn exporter() -> Value {
    json!({"name": "crm", "role": "exporter", "purposes": ["devis"], "recipient": "crm", "reason": "crm-sync"})
}

async fn submit(world: &World, count: usize, before: usize) {
    let ids: Vec<String> = (0..count)
        .map(|number| {
            let name = format!("Zoé\u{2028}Ü{number}");
            world.submit(
                lead(DEVIS_FORM).answer("full_name", &[&name]).answer("email", &["z@example.org"]),
                &[],
            )
        })
        .collect();
    world.deliver_all(&ids).await;
    world.stored("devis", before + count).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_client_of_the_documentation_reads_on_where_it_stopped() {
    let world = World::start().await;
    let directory = tempfile::tempdir().expect("a directory");
    let place = |name: &str| directory.path().join(name);
    let (id, text) = token(&world.admin(), exporter()).await;
    fs::write(place("token"), text).expect("a file");
    // Small pages, so that there are several; and no second try, so that a refusal is told at once.
    let as_written = client();
    assert!(as_written.lines().count() <= 60, "it was to be short");
    let short = as_written.replace("LIMIT, ATTEMPTS = 500, 6", "LIMIT, ATTEMPTS = 3, 1");
    assert_ne!(short, as_written);
    fs::write(place("export.py"), short).expect("a file");
    let export = async || {
        let mut command = Command::new("python3");
        let url = format!("http://{}", world.addresses.admin.expect("a TCP door"));
        command.arg(place("export.py")).args([url.as_str(), "devis"]).args([place("token"), place("cursor")]);
        run(command).await
    };
    let ids = |output: &Output| -> Vec<String> {
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let lines = output.stdout.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        let leads = lines.map(|line| serde_json::from_slice::<Value>(line).expect("a lead"));
        leads.map(|lead| lead["id"].as_str().expect("an id").to_owned()).collect()
    };
    let numbered = |numbers: std::ops::RangeInclusive<usize>| -> Vec<String> {
        numbers.map(|number| format!("devis-1-{number}")).collect()
    };
    submit(&world, 7, 0).await;
    let Some(first) = export().await else {
        println!("skipped: python3 is not installed");
        return world.end().await;
    };
    assert_eq!(ids(&first), numbered(1..=7));
    assert_eq!(fs::read_to_string(place("cursor")).expect("a cursor"), "devis-1-7");
    assert!(ids(&export().await.expect("python3")).is_empty(), "nothing new");
    submit(&world, 2, 7).await;
    assert_eq!(ids(&export().await.expect("python3")), numbered(8..=9));
    fs::write(place("cursor"), "devis-1-40").expect("a cursor of a store that had come further");
    let ahead = export().await.expect("python3");
    assert!(ids(&ahead).is_empty() && String::from_utf8_lossy(&ahead.stderr).contains("ahead of the store"));
    submit(&world, 1, 9).await;
    assert_eq!(ids(&export().await.expect("python3")), numbered(10..=10), "it goes on from the store's end");
    assert!(world.admin().delete(&format!("/admin/v1/tokens/{id}")).await.status < 300);
    let refused = export().await.expect("python3");
    let told = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && told.contains("401 token-refused (request "), "{told}");
    assert_eq!(fs::read_to_string(place("cursor")).expect("a cursor"), "devis-1-10");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn both_doors_give_the_document_away_as_it_is_checked_in() {
    let world = World::start().await;
    for caller in [world.admin(), world.admin_tcp(None)] {
        let answer = caller.call(reqwest::Method::GET, "/admin/v1/openapi.json", None, None).await;
        assert_eq!((answer.status, answer.header("content-type")), (200, "application/json"));
        assert_eq!(
            answer.text(),
            document("openapi.json"),
            "cargo run --example openapi > docs/openapi.json"
        );
    }
    let guarded = world.admin_tcp(None).get("/admin/v1/purposes").await;
    assert_eq!(guarded.status, 401, "the others still ask who calls");
    world.end().await;
}

/// The codes that any call of the document declares.
fn codes(value: &Value, into: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            let listed = members.get("code").and_then(|code| code["enum"].as_array());
            let listed = listed.filter(|_| members.contains_key("status"));
            into.extend(listed.into_iter().flatten().filter_map(|code| code.as_str().map(str::to_owned)));
            members.values().for_each(|value| codes(value, into));
        }
        Value::Array(elements) => elements.iter().for_each(|value| codes(value, into)),
        _ => {}
    }
}

#[test]
fn the_documentation_names_every_call_and_parameter_and_code_that_is_declared() {
    let text = document("api.md");
    let openapi: Value = serde_json::from_str(&document("openapi.json")).expect("JSON");
    for (path, methods) in openapi["paths"].as_object().expect("paths") {
        for (method, call) in methods.as_object().expect("methods") {
            let named = format!("{} {path}", method.to_uppercase());
            let whole = format!("{} /admin/v1{path}", method.to_uppercase());
            assert!(text.contains(&named) || text.contains(&whole), "docs/api.md has no {named}");
            for parameter in call["parameters"].as_array().map(Vec::as_slice).unwrap_or_default() {
                let name = parameter["name"].as_str().expect("a name");
                assert!(
                    text.contains(&format!("`{name}`")) || text.contains(&format!("{{{name}}}")),
                    "{name}"
                );
            }
        }
    }
    let mut declared = BTreeSet::new();
    codes(&openapi["paths"], &mut declared);
    assert!(declared.len() > 30, "the reading of the document broke: {declared:?}");
    declared.retain(|code| !text.contains(&format!("`{code}`")));
    assert!(declared.is_empty(), "not in docs/api.md: {declared:?}");
}
