//! Other instances and other users on the same host: none takes from another what it lives by, nor puts its own in the way.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::process::Command;

use tamis_simulator::{Setup, Simulator};

use crate::support::Caller;
use crate::support::process::{BINARY, Home};

/// Two homes of their own whose configs name one socket.
struct Two {
    meta: Simulator,
    first: Home,
    second: Home,
    shared: tempfile::TempDir,
}

impl Two {
    async fn new() -> Self {
        let meta = Simulator::start(Setup::default()).await.expect("Meta's side");
        let shared = tempfile::tempdir().expect("a directory");
        let socket = shared.path().join("run/admin.sock");
        let with_socket = |text: String| {
            let named = |line: &str| match line.starts_with("socket = ") {
                true => format!("socket = \"{}\"", socket.display()),
                false => line.to_owned(),
            };
            text.lines().map(named).collect::<Vec<_>>().join("\n")
        };
        let home = || Home::new(&meta, "page-token", with_socket);
        let (first, second) = (home(), home());
        Self { meta, first, second, shared }
    }

    fn socket(&self) -> PathBuf {
        self.shared.path().join("run/admin.sock")
    }

    fn refusal(&self) -> String {
        match self.second.try_serve::<&str>(&[], &[]) {
            Ok(_) => panic!("the second one started"),
            Err(said) => said,
        }
    }

    async fn answers(&self) -> bool {
        Caller::socket(&self.socket()).get("/admin/v1/purposes").await.status == 200
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_instance_takes_no_living_socket_and_replaces_one_that_was_left() {
    let two = Two::new().await;
    let first = two.first.serve(&[]);
    let said = two.refusal();
    assert!(said.contains("cannot listen on") && said.contains("admin.sock"), "{said}");
    assert!(two.answers().await, "the first one goes on serving");
    let mode = fs::metadata(two.socket()).expect("there").permissions().mode() & 0o777;
    assert_eq!(mode, 0o600);
    first.kill();
    assert!(two.socket().exists(), "a killed process leaves it");
    let second = two.second.serve(&[]);
    assert!(two.answers().await);
    let (status, said) = second.terminate();
    assert!(status.success(), "{said}");
    assert!(!two.socket().exists(), "its own is removed at the end");
    two.meta.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_the_first_removes_no_socket_of_another() {
    let two = Two::new().await;
    let first = two.first.serve(&[]);
    fs::remove_file(two.socket()).expect("removed");
    let other = UnixListener::bind(two.socket()).expect("another program's");
    let (status, said) = first.terminate();
    assert!(status.success(), "{said}");
    assert!(two.socket().exists(), "it was another's");
    let said = two.refusal();
    assert!(said.contains("cannot listen on"), "{said}");
    drop(other);
    fs::remove_file(two.socket()).expect("removed");
    fs::write(two.socket(), "no socket").expect("written");
    two.refusal();
    assert_eq!(fs::read_to_string(two.socket()).expect("there"), "no socket");
    two.meta.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_others_may_write_is_refused_by_its_key_and_check_says_the_same() {
    let meta = Simulator::start(Setup::default()).await.expect("Meta's side");
    let home = Home::new(&meta, "page-token", |text| text);
    let at = |name: &str| home.directory.path().join(name);
    let mode = |name: &str, mode: u32| {
        fs::set_permissions(at(name), fs::Permissions::from_mode(mode)).expect("a mode")
    };
    for name in ["store", "keys", "run"] {
        fs::create_dir(at(name)).expect("made");
        mode(name, 0o700);
    }
    let check = || {
        let config = home.config();
        let output =
            Command::new(BINARY).args(["check", "--json", "--config"]).arg(config).env_clear().output();
        let output = output.expect("the binary runs");
        let told: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
        let found = |kind: &str| {
            let found = told[kind].as_array().cloned().unwrap_or_default().into_iter();
            let word = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
            found.map(|fault| format!("{} {}", word(&fault["key"]), word(&fault["code"]))).collect::<Vec<_>>()
        };
        (output.status.code(), found("faults"), found("warnings"))
    };
    assert_eq!(check(), (Some(0), vec![], vec![]), "private");
    for (name, expected) in [
        ("store", "store.path path-writable"),
        ("keys", "keys.keyring path-writable"),
        ("run", "admin.socket path-writable"),
        ("tamis.toml", " path-writable"),
        ("secrets", "keys.root secret-place-writable"),
    ] {
        let before = fs::metadata(at(name)).expect("there").permissions().mode() & 0o777;
        mode(name, before | 0o002);
        let (code, faults, _) = check();
        assert_eq!(code, Some(78), "{name}");
        assert!(faults.iter().any(|fault| fault == expected), "{name}: {faults:?}");
        let said = home.try_serve::<&str>(&[], &[]).err().unwrap_or_else(|| panic!("{name}: it started"));
        let key = expected.split(' ').next().unwrap_or_default();
        assert!(said.contains(key) && said.contains("others may write"), "{name}: {said}");
        mode(name, before);
    }
    mode("run", 0o755);
    assert_eq!(check(), (Some(0), vec![], vec!["admin.socket exposed".to_owned()]));
    mode("run", 0o700);
    let (status, said) = home.serve(&[]).terminate();
    assert!(status.success(), "{said}");
    meta.stop().await;
}

/// Only root can give a file to somebody else.
#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_a_stranger_owns_is_refused() {
    if !rustix::process::geteuid().is_root() {
        return println!("left out: only root can give a file away");
    }
    let meta = Simulator::start(Setup::default()).await.expect("Meta's side");
    let home = Home::new(&meta, "page-token", |text| text);
    let stranger = |name: &str, uid: u32| {
        std::os::unix::fs::chown(home.directory.path().join(name), Some(uid), None).expect("given away");
    };
    for name in ["secrets/root-key", "secrets"] {
        stranger(name, 12_345);
        let said = home.try_serve::<&str>(&[], &[]).err().unwrap_or_else(|| panic!("{name}: it started"));
        assert!(said.contains("keys.root") && said.contains("belongs to somebody"), "{name}: {said}");
        stranger(name, 0);
    }
    let (status, said) = home.serve(&[]).terminate();
    assert!(status.success(), "{said}");
    meta.stop().await;
}
