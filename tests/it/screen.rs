//! What reaches a terminal: the binary on a pty, over a daemon whose leads were written by somebody who wants to steer it.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};

use crate::api::run;
use crate::support::process::BINARY;
use crate::support::{DEVIS_FORM, World, lead};

/// A name with an order of each kind: a title, a cleared screen (by ESC and by C1), a line overwritten, text turned, a NUL.
const NASTY: &str = "Anne\u{1b}]0;gotcha\u{7}\u{1b}[2J\u{9b}2J\rPAID\u{7f}\u{202e}gpj\u{2066}\u{200b}\0End";
/// The same on one line, as names of questions, files and keys are.
const NAME: &str = "bud\u{1b}[2J\u{9b}31mget\u{202e}gpj";

/// Runs it on a terminal of its own, by Python's `pty`: all that it writes comes back as one. None: there is no Python.
async fn on_a_terminal(arguments: &[&str]) -> Option<(Option<i32>, String)> {
    let spawn = "import os,pty,sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))";
    let mut command = Command::new("python3");
    command.args(["-c", spawn, BINARY]).args(arguments);
    let output = run(command).await?;
    let text = String::from_utf8(output.stdout).unwrap_or_else(|_| panic!("no UTF-8: {arguments:?}"));
    Some((output.status.code(), text))
}

async fn piped(arguments: &[&str]) -> Output {
    let mut command = Command::new(BINARY);
    command.args(arguments);
    run(command).await.expect("the binary runs")
}

/// True of what a terminal may get: no control character but the line ends, which the pty made CR LF, and nothing that
/// turns text or hides.
fn is_harmless(text: &str) -> bool {
    let hides =
        |c: char| matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}');
    !text.replace("\r\n", "\n").chars().any(|c| c != '\n' && (c.is_control() || hides(c)))
}

async fn with_nasty_leads() -> World {
    let world = World::start().await;
    let one = lead(DEVIS_FORM)
        .answer("full_name", &[NASTY])
        .answer("email", &["a@example.org"])
        .answer(NAME, &["dropped"]);
    let test = "<test lead: dummy data for full_name>";
    let two = lead(DEVIS_FORM).answer("full_name", &[test]).answer("email", &["test@meta.com"]);
    let three = lead(DEVIS_FORM).answer("full_name", &["Fred B"]).answer("email", &["test@fb.com"]);
    for (lead, count) in [(one, 1), (two, 2), (three, 3)] {
        let id = world.submit(lead, &[]);
        world.deliver(&[&id]).await;
        world.stored("devis", count).await;
    }
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn no_verb_lets_the_words_of_others_steer_the_terminal() {
    let world = with_nasty_leads().await;
    let socket = world.addresses.socket.display().to_string();
    let reason = ["--reason", "audit"];
    let of_daemon: [(&[&str], &str); 9] = [
        (&["export", "devis", "--format", "csv"], "PAID"),
        (&["export", "devis", "--format", "csv", "--dialect", "excel"], "PAID"),
        (&["export", "devis", "--format", "ndjson"], "PAID"),
        (&["export", "devis", "--format", "json"], "PAID"),
        (&["find", "--id", "devis-1-1", "--unmask"], "PAID"),
        (&["find", "--id", "devis-1-1", "--unmask", "--json"], "PAID"),
        (&["inbox"], "[2J"),
        (&["inbox", "--json"], "[2J"),
        (&["token", "create", "--role", "viewer", "--name", NAME], "token-name-invalid"),
    ];
    for (verb, there) in of_daemon {
        let takes_reason = ["export", "find"].contains(&verb[0]);
        let line = [verb, &["--socket", &socket], if takes_reason { &reason } else { &[] }].concat();
        let Some((_, told)) = on_a_terminal(&line).await else {
            println!("skipped: python3 is not installed");
            return world.end().await;
        };
        assert!(told.contains(there), "{verb:?} says nothing of it: {}", told.escape_debug());
        assert!(is_harmless(&told), "{verb:?}: {}", told.escape_debug());
    }
    // What is no lead's: names of files, keys of a config, words of the command line.
    let directory = tempfile::tempdir().expect("a directory");
    let key: String = NAME.chars().map(|c| format!("\\u{:04x}", u32::from(c))).collect();
    let config = directory.path().join(format!("{NAME}.toml"));
    std::fs::write(&config, format!("\"{key}\" = 1\n")).expect("a file");
    let config = config.display().to_string();
    let absent = directory.path().join(NAME).join("out.csv").display().to_string();
    let alone: [&[&str]; 5] = [
        &["check", "--config", &config],
        &["check", "--json", "--config", &config],
        &["inbox", "--socket", &absent],
        &["export", "devis", "-o", &absent, "--socket", &socket, "--reason", "audit"],
        &["export", NAME],
    ];
    for line in alone {
        let (status, told) = on_a_terminal(line).await.expect("python3");
        assert_ne!(status, Some(0), "{line:?}");
        assert!(told.contains("get"), "{line:?} says nothing of it: {}", told.escape_debug());
        assert!(is_harmless(&told), "{line:?}: {}", told.escape_debug());
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_gets_what_was_answered_and_a_table_has_no_control_characters() {
    let world = with_nasty_leads().await;
    let socket = world.addresses.socket.display().to_string();
    let export = async |format: &str, test: &str| {
        let line =
            ["export", "devis", "--reason", "audit", "--socket", &socket, "--format", format, "--test", test];
        let output = piped(&line).await;
        assert_eq!(output.status.code(), Some(0));
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
        (text(output.stdout), text(output.stderr))
    };
    let (ndjson, told) = export("ndjson", "exclude").await;
    let leads: Vec<Value> = ndjson.lines().map(|line| serde_json::from_str(line).expect("a lead")).collect();
    assert_eq!(leads.len(), 2, "whoever writes test@fb.com is no test lead: {ndjson}");
    assert_eq!(leads[0]["fields"]["full_name"], json!([NASTY]), "not a byte less than was answered");
    assert_eq!(leads[1]["fields"]["email"], json!(["test@fb.com"]));
    assert!(is_harmless(&ndjson), "{}", ndjson.escape_debug());
    assert!(told.contains("1 test lead left out"), "{told}");

    let (csv, _) = export("csv", "exclude").await;
    let name = "Anne\u{FFFD}]0\\;gotcha\u{FFFD}\u{FFFD}[2J\u{FFFD}2J\nPAID\u{FFFD}\u{202e}gpj\u{2066}\u{200b}\u{FFFD}End";
    assert!(csv.contains(&format!("\"{name}\"")), "{}", csv.escape_debug());
    assert_eq!(csv.matches("\r\n").count(), 3, "rows end in CR LF, and nothing else has a CR");
    assert!(!csv.replace("\r\n", "").contains(|c: char| c.is_control() && c != '\n'));

    let (all, told) = export("ndjson", "include").await;
    assert_eq!(all.lines().count(), 3);
    assert!(!told.contains("left out"), "{told}");
    let page = world.admin().get("/admin/v1/purposes/devis/leads").await;
    assert_eq!(page.header("tamis-test-left-out"), "1");
    world.end().await;
}

/// A part that goes on after a kill goes on counting what it leaves out.
#[tokio::test(flavor = "multi_thread")]
async fn an_export_in_small_pages_counts_all_that_it_leaves_out() {
    let world = with_nasty_leads().await;
    let socket = world.addresses.socket.display().to_string();
    let directory = tempfile::tempdir().expect("a directory");
    let target = directory.path().join("devis.csv").display().to_string();
    let line =
        ["export", "devis", "-o", &target, "--limit-page", "1", "--socket", &socket, "--reason", "audit"];
    let output = piped(&line).await;
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && told.contains("1 test lead left out"), "{told}");
    assert!(Path::new(&target).exists());
    world.end().await;
}
