//! The command line as a newcomer meets it: the binary, its words and its exit codes.

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use crate::support::process::BINARY;

/// Runs the binary with nothing of this process's environment but a place for temporary files.
fn tamis(temporary: &Path, arguments: &[&str]) -> Output {
    Command::new(BINARY)
        .args(arguments)
        .env_clear()
        .env("TMPDIR", temporary)
        .stdin(Stdio::null())
        .output()
        .expect("the binary runs")
}

fn words(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("UTF-8")
}

#[test]
fn init_then_check_names_just_what_is_left_to_fill_in_and_nothing_is_overwritten() {
    let temporary = tempfile::tempdir().expect("a directory");
    let home = temporary.path().join("etc");
    let home_text = home.display().to_string();
    let written = tamis(temporary.path(), &["init", &home_text]);
    assert_eq!(written.status.code(), Some(0), "{}", words(&written.stderr));
    let config = home.join("tamis.toml").display().to_string();
    let checked = tamis(temporary.path(), &["check", "--config", &config]);
    assert_eq!(checked.status.code(), Some(78));
    let said = words(&checked.stderr);
    assert!(said.contains("meta.app_secrets[0]") && said.contains("controller.name"), "{said}");
    let before = fs::read(&config).expect("the config");
    let again = tamis(temporary.path(), &["init", &home_text]);
    assert_eq!(again.status.code(), Some(1));
    assert_eq!(fs::read(&config).expect("the config"), before);
    let served = tamis(temporary.path(), &["serve", "--config", &config]);
    assert_eq!(served.status.code(), Some(78), "serve refuses what check refuses");
    let root_key = home.join("secrets/root-key");
    fs::remove_file(&root_key).expect("removed");
    let served = tamis(temporary.path(), &["serve", "--config", &config]);
    assert_eq!(served.status.code(), Some(78));
    let said = words(&served.stderr);
    assert!(said.contains("keys.root") && said.contains("tamis init"), "{said}");
    assert!(!root_key.exists(), "serve makes no root key");
}

#[test]
fn a_daemon_that_is_down_is_said_and_coded() {
    let temporary = tempfile::tempdir().expect("a directory");
    let socket = temporary.path().join("admin.sock").display().to_string();
    for verb in [
        &["inbox"][..],
        &["status"],
        &["export", "devis", "--reason", "audit"],
        &["find", "--id", "devis-1-1", "--reason", "audit"],
        &["trail"],
        &["token", "list"],
    ] {
        let output = tamis(temporary.path(), &[verb, &["--socket", &socket]].concat());
        assert_eq!(output.status.code(), Some(69), "{verb:?}: {}", words(&output.stderr));
    }
    assert_eq!(tamis(temporary.path(), &["nonsense"]).status.code(), Some(2));
}

#[test]
fn who_says_no_reason_is_shown_which_there_are() {
    let temporary = tempfile::tempdir().expect("a directory");
    for verb in [&["export", "devis"][..], &["find", "--id", "devis-1-1"]] {
        let output = tamis(temporary.path(), verb);
        let said = words(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{said}");
        for line in [
            "It stands in the trail",
            "--reason crm-sync ",
            "--reason person-request  the person asked (GDPR",
        ] {
            assert!(said.contains(line), "{verb:?}: {said}");
        }
    }
    let other = words(&tamis(temporary.path(), &["export", "--reason", "audit"]).stderr);
    assert!(!other.contains("It stands in the trail"), "{other}");
}

#[test]
fn a_config_that_cannot_be_read_ends_every_verb_with_78_and_says_where() {
    let temporary = tempfile::tempdir().expect("a directory");
    let absent = temporary.path().join("absent.toml").display().to_string();
    let broken = temporary.path().join("broken.toml");
    fs::write(&broken, "[admin]\nsocket = \"/x\"\nlisten = CANARY\n").expect("a file");
    let broken = broken.display().to_string();
    for verb in ["serve", "check", "inbox", "health"] {
        for config in [&absent, &broken] {
            let output = tamis(temporary.path(), &[verb, "--config", config]);
            let said = words(&output.stderr);
            assert_eq!(output.status.code(), Some(78), "{verb} {config}: {said}");
            assert!(
                !said.contains("CANARY") && (config == &absent || said.contains("line 3")),
                "{verb}: {said}"
            );
        }
    }
    let said = words(&tamis(temporary.path(), &["check", "--config", &broken]).stderr);
    assert!(said.contains("line 3, column 10: not valid TOML [config-syntax]"), "{said}");
    assert!(said.contains("\n  3 | listen = …\n    |          ^\n"), "{said}");
}
