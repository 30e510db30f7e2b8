//! Who mistypes a name, an id or a parameter is told which there are, what one looks like, or which it is: never what was typed.

use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::json;

use crate::support::World;
use crate::support::process::BINARY;

fn tamis(directory: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(BINARY);
    command.args(arguments).current_dir(directory).env_clear().stdin(Stdio::null());
    command.env("TAMIS_CONFIG", "tamis.toml");
    let ended = tokio::task::block_in_place(|| command.output()).expect("the binary runs");
    (ended.status.code(), String::from_utf8_lossy(&ended.stderr).into_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn who_names_a_purpose_that_is_not_there_is_told_which_are() {
    let world = World::start().await;
    let here = world.directory.path().to_owned();
    for (arguments, hint) in [
        (&["export", "devi", "--reason", "audit"][..], "Did you mean \"devis\"?"),
        (&["export", "newsletter", "--reason", "audit"], "There are: devis, lettre"),
        (
            &["erase", "--id", "devis-1-1", "--reason", "person-request", "--purpose", "letre", "--dry-run"],
            "Did you mean \"lettre\"?",
        ),
        (
            &[
                "token",
                "create",
                "--name",
                "crm",
                "--role",
                "exporter",
                "--purpose",
                "devi",
                "--recipient",
                "crm",
                "--reason",
                "crm-sync",
            ],
            "Did you mean \"devis\"?",
        ),
    ] {
        let (code, said) = tamis(&here, arguments);
        assert!(code == Some(1) && said.contains(hint), "{arguments:?}: {said}");
    }
    let mut add = Command::new(BINARY);
    add.args(["suppress", "add", "--email-stdin", "--scope", "newsletter", "--reason", "objection"]);
    add.current_dir(&here).env_clear().env("TAMIS_CONFIG", "tamis.toml").stdin(Stdio::piped());
    let said = tokio::task::block_in_place(|| {
        let mut child = add.stderr(Stdio::piped()).spawn().expect("the binary runs");
        let mut input = child.stdin.take().expect("a pipe");
        std::io::Write::write_all(&mut input, b"anne@lumen.example\n").expect("written");
        drop(input);
        String::from_utf8_lossy(&child.wait_with_output().expect("it ends").stderr).into_owned()
    });
    assert!(said.contains("There are: devis, lettre") && !said.contains("anne"), "{said}");

    let (code, said) = tamis(&here, &["find", "--id", "DEVIS-1-40", "--reason", "audit"]);
    assert!(code == Some(2) && said.contains("looks like devis-1-123"), "{said}");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_names_the_parameter_or_the_member_and_never_its_value() {
    let world = World::start().await;
    for (path, code, name) in [
        ("/admin/v1/trail?order=CANARY", "parameter-invalid", json!("order")),
        ("/admin/v1/trail?befor=CANARY", "parameter-unknown", json!("befor")),
        ("/admin/v1/inbox?names=CANARY", "parameter-invalid", json!("names")),
        // What may be a person's is not repeated.
        ("/admin/v1/trail?anne%40lumen.example=1", "parameter-unknown", json!(null)),
    ] {
        let problem = world.admin().get(path).await.json();
        assert_eq!((&problem["code"], &problem["parameter"]), (&json!(code), &name), "{path}: {problem}");
        assert!(
            !problem.to_string().contains("CANARY") && !problem.to_string().contains("anne"),
            "{problem}"
        );
    }
    for (path, body, name) in [
        ("/admin/v1/inbox/drop", json!({"form_id": "CANARY"}), json!("form_id")),
        ("/admin/v1/inbox/requeue", json!({"code": "CANARY"}), json!("code")),
        ("/admin/v1/inbox/requeue", json!({"code": "CANARY", "ref": "CANARY"}), json!(null)),
    ] {
        let problem = world.admin().post(path, &body).await.json();
        assert_eq!(
            (&problem["code"], &problem["parameter"]),
            (&json!("body-invalid"), &name),
            "{path}: {problem}"
        );
        assert!(!problem.to_string().contains("CANARY"), "{problem}");
    }
    world.end().await;
}
