//! What lies where a config or a secret should: a pipe without a writer, a device, a directory. Nothing waits for it.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::fs::{CWD, FileType, Mode, mknodat};
use tamis_simulator::{Setup, Simulator};

use crate::support::process::{BINARY, Home};
use crate::support::{Account, DEVIS_FORM, PAGE, add_forms, lead};

/// How long a verb may take to say so.
const WITHIN: Duration = Duration::from_secs(15);
const KEYS: [(&str, &str); 4] = [
    ("app-secret", "meta.app_secrets[0]"),
    ("verify-token", "meta.verify_token"),
    ("page-token", "meta.pages[0].token"),
    ("root-key", "keys.root"),
];

fn put_pipe(path: &Path) {
    fs::remove_file(path).expect("a file");
    mknodat(CWD, path, FileType::Fifo, Mode::from_raw_mode(0o600), 0).expect("a pipe");
}

/// Runs a verb to its end, which must come in time; exit code and what it said.
fn run(verb: &str, config: &Path) -> (Option<i32>, String) {
    let mut command = Command::new(BINARY);
    command.args([verb, "--config"]).arg(config).env_clear().stdin(Stdio::null());
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the binary runs");
    let begun = Instant::now();
    while child.try_wait().expect("a process").is_none() {
        if begun.elapsed() > WITHIN {
            let _ = child.kill();
            panic!("{verb} waits: {:?}", child.wait_with_output().expect("an end"));
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    let output = child.wait_with_output().expect("an end");
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pipe_in_the_place_of_a_secret_is_refused_by_its_key_and_not_waited_for() {
    let meta = Simulator::start(Setup::default()).await.expect("Meta's side");
    for (name, key) in KEYS {
        let home = Home::new(&meta, "page-token", |text| text);
        put_pipe(&home.directory.path().join("secrets").join(name));
        for verb in ["serve", "check"] {
            let (code, said) = run(verb, &home.config());
            assert_eq!(code, Some(78), "{verb} {name}: {said}");
            assert!(said.contains(key) && said.contains("is no file"), "{verb} {name}: {said}");
        }
    }
    meta.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn so_is_one_in_the_place_of_the_config() {
    let meta = Simulator::start(Setup::default()).await.expect("Meta's side");
    let home = Home::new(&meta, "page-token", |text| text);
    put_pipe(&home.config());
    for (verb, exit) in [("serve", 78), ("check", 78), ("inbox", 78)] {
        let (code, said) = run(verb, &home.config());
        assert!(said.contains("is no file"), "{verb}: {said}");
        assert_eq!(code, Some(exit), "{verb}: {said}");
    }
    meta.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pipes_that_come_while_it_runs_stop_neither_calls_nor_leads_nor_the_end() {
    let meta = Simulator::start(Setup::default()).await.expect("Meta's side");
    meta.set_token(PAGE, "page-token");
    add_forms(&meta);
    let home = Home::new(&meta, "page-token", |text| text);
    let daemon = home.serve(&[]);
    for (name, _) in KEYS {
        put_pipe(&home.directory.path().join("secrets").join(name));
    }
    daemon.hang_up();
    let refused = daemon.until_said("config.refused", KEYS.len());
    for (_, key) in KEYS {
        let told = |line: &&String| line.contains(key) && line.contains("code=secret-not-a-file");
        assert!(refused.iter().any(|line| told(&line)), "{key}: {refused:?}");
    }
    // The page's token is looked at five times a second, when it is asked for.
    tokio::time::sleep(Duration::from_millis(300)).await;
    let good = lead(DEVIS_FORM).answer("full_name", &["Z"]).answer("email", &["z@example.org"]);
    let body = meta.notification(&[&meta.add_lead(good)]);
    let answer = meta.deliver(&daemon.webhook(), &body).await.expect("an answer");
    assert_eq!(answer.status, 200, "the old app secret holds on");
    assert_eq!(Account::of(&daemon.admin()).await.stored.len(), 1, "and so does the old token");
    let told = daemon.until_said("graph.token-not-read", 1);
    assert!(told.len() == 1 && told[0].contains("code=secret-not-a-file"), "{told:?}");
    let begun = Instant::now();
    let (status, said) = daemon.terminate();
    assert!(status.success() && begun.elapsed() < Duration::from_secs(10), "{said}");
    meta.stop().await;
}
