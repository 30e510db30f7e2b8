//! docs/logs.md lists every event that the sources say, with its level and fields, and no other; and what an operator sees
//! of a lead.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use tamis_simulator::{Setup, Simulator};

use crate::support::process::Home;
use crate::support::{Account, DEVIS_FORM, PAGE, add_forms, lead, sources};

/// The part of a macro's arguments up to its closing bracket.
fn arguments(text: &str) -> &str {
    let (mut depth, mut quoted, mut escaped) = (1, false, false);
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            '(' if !quoted => depth += 1,
            ')' if !quoted => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return &text[..at];
        }
    }
    text
}

/// The events that the sources say outside of their tests: name and level.
fn said() -> BTreeSet<(String, String)> {
    let mut events = BTreeSet::new();
    for file in sources() {
        let text = fs::read_to_string(file).expect("a source");
        let production = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
        for level in ["error", "warn", "info", "debug", "trace"] {
            for call in production.split(&format!("tracing::{level}!(")).skip(1) {
                let name = arguments(call).rsplit('"').nth(1).unwrap_or_default();
                events.insert((name.to_owned(), level.to_owned()));
            }
        }
    }
    // Written by the log itself, for what other crates say.
    for level in ["warn", "error", "debug"] {
        events.insert(("foreign.event".to_owned(), level.to_owned()));
    }
    // Written by the log itself too, since they happen while a line is written.
    for name in ["log.file-unwritable", "log.stderr-unwritable", "log.lines-lost", "log.file-not-rotated"] {
        events.insert((name.to_owned(), "warn".to_owned()));
    }
    events
}

/// The events that stand at the start of a table row, with the levels beside them.
fn listed() -> BTreeSet<(String, String)> {
    let text =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/logs.md")).expect("docs/logs.md");
    let mut events = BTreeSet::new();
    for row in text.lines().filter_map(|line| line.strip_prefix("| `")) {
        let mut cells = row.split(" | ");
        let name = cells.next().unwrap_or_default().trim_end_matches('`');
        for level in cells.next().unwrap_or_default().split(", ") {
            events.insert((name.to_owned(), level.to_owned()));
        }
    }
    events
}

#[test]
fn every_event_is_listed_with_its_level_and_no_listed_one_is_gone() {
    let (said, listed) = (said(), listed());
    let missing: Vec<_> = said.difference(&listed).collect();
    let gone: Vec<_> = listed.difference(&said).collect();
    assert!(said.len() > 40, "the reading of the sources broke: {}", said.len());
    assert!(missing.is_empty(), "not in docs/logs.md: {missing:#?}");
    assert!(gone.is_empty(), "in docs/logs.md, but nowhere in the sources: {gone:#?}");
}

#[test]
fn names_of_events_are_kebab_case_in_two_parts() {
    let plain = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b == b'-');
    let odd: Vec<String> = said()
        .into_iter()
        .map(|(name, _)| name)
        .filter(|name| !name.split_once('.').is_some_and(|(room, what)| plain(room) && plain(what)))
        .collect();
    assert!(odd.is_empty(), "{odd:?}");
}

/// The fields that a table row names, by event.
fn fields() -> BTreeMap<String, BTreeSet<String>> {
    let text =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/logs.md")).expect("docs/logs.md");
    let rows = text.lines().filter_map(|line| line.strip_prefix("| `"));
    rows.map(|row| {
        let name = row.split('`').next().unwrap_or_default().to_owned();
        let last = row.trim_end().trim_end_matches('|').rsplit(" | ").next().unwrap_or_default();
        (name, last.split(',').map(|field| field.trim().to_owned()).collect())
    })
    .collect()
}

/// What a daemon of its own says, at this level, about a lead that is stored, one that is refused and one that is held, an
/// export and a refusal.
async fn a_day(level: &str) -> Vec<Value> {
    let meta = Simulator::start(Setup::default()).await.expect("Meta's side");
    meta.set_token(PAGE, "page-token");
    add_forms(&meta);
    let log = format!("\n[log]\nlevel = \"{level}\"\nformat = \"json\"\n");
    let home = Home::new(&meta, "page-token", |text| format!("{text}{log}"));
    let daemon = home.serve(&[]);
    let good = lead(DEVIS_FORM).answer("full_name", &["Z"]).answer("email", &["z@example.org"]);
    let leads = [good.answer("budget", &["7"]), lead(DEVIS_FORM), lead("901000000000088")];
    for lead in leads.map(|lead| meta.add_lead(lead)) {
        let answer = meta.deliver(&daemon.webhook(), &meta.notification(&[&lead])).await.expect("an answer");
        assert_eq!(answer.status, 200);
    }
    assert_eq!(Account::of(&daemon.admin()).await.stored.len(), 1);
    meta.deliver(&daemon.webhook(), b"{").await.expect("an answer");
    let (status, said) = daemon.terminate();
    assert!(status.success(), "{said}");
    meta.stop().await;
    said.lines().map(|line| serde_json::from_str(line).expect("a line is an object")).collect()
}

fn only<'v>(lines: &'v [Value], event: &str) -> Vec<&'v Value> {
    lines.iter().filter(|line| line["event"] == event).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn at_info_a_lead_leaves_two_lines_under_one_name() {
    let lines = a_day("info").await;
    let (accepted, stored) = (only(&lines, "lead.accepted"), only(&lines, "lead.stored"));
    assert_eq!((accepted.len(), stored.len()), (3, 1));
    let hex = |value: &Value, digits: usize| {
        value.as_str().is_some_and(|text| text.len() == digits && text.bytes().all(|b| b.is_ascii_hexdigit()))
    };
    let of_stored: Vec<_> =
        accepted.iter().filter(|line| line["lead.name"] == stored[0]["lead.name"]).collect();
    assert_eq!(of_stored.len(), 1, "{lines:?}");
    assert!(hex(&stored[0]["lead.name"], 10) && stored[0]["lead.name"] != "0000000000");
    assert!(accepted.iter().all(|line| hex(&line["request.id"], 16)), "{accepted:?}");
    let requests: BTreeSet<&str> = accepted.iter().filter_map(|line| line["request.id"].as_str()).collect();
    assert_eq!(requests.len(), 3, "three calls, three numbers");
    assert_eq!((&stored[0]["record.id"], &stored[0]["form.id"]), (&json!("devis-1-1"), &json!(DEVIS_FORM)));
    assert_eq!((&stored[0]["dropped.standard"], &stored[0]["dropped.custom"]), (&json!(""), &json!(1)));
    for (event, code) in [("lead.refused", "required-field-missing"), ("lead.held", "form-unclaimed")] {
        let told = only(&lines, event);
        assert_eq!((told.len(), &told[0]["code"]), (1, &json!(code)), "{event}");
        assert!(accepted.iter().any(|line| line["lead.name"] == told[0]["lead.name"]), "{event}");
    }
    assert!(lines.iter().all(|line| ["info", "warn", "error"].iter().any(|level| line["level"] == *level)));
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_have_the_fields_that_are_listed_and_no_other() {
    let listed = fields();
    let mut wrong = BTreeSet::new();
    let lines = a_day("trace").await;
    assert!(lines.iter().map(|line| line["event"].as_str()).collect::<BTreeSet<_>>().len() > 12);
    for line in &lines {
        let event = line["event"].as_str().expect("a name");
        let of_event = listed.get(event).unwrap_or_else(|| panic!("{event} is not listed"));
        let names = line.as_object().expect("an object").keys();
        for field in names.filter(|name| !["time", "level", "event"].contains(&name.as_str())) {
            if !of_event.contains(field) {
                wrong.insert(format!("{event}: {field}"));
            }
        }
    }
    assert!(wrong.is_empty(), "not in docs/logs.md: {wrong:#?}");
}
