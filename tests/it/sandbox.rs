//! `tamis sandbox`: from nothing to an exported lead, as docs/develop.md writes it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use crate::api::document;
use crate::support::process::BINARY;

fn init(directory: &Path, more: &[&str]) -> Output {
    let mut command = Command::new(BINARY);
    command.args(["sandbox", "init"]).arg(directory).args(more).env_clear().stdin(Stdio::null());
    command.output().expect("the binary runs")
}

fn words(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn init_writes_for_this_user_alone_what_check_finds_good_and_overwrites_nothing() {
    let temporary = tempfile::tempdir().expect("a directory");
    let home = temporary.path().join("a \"b\"/try");
    let written = init(&home, &["--listen", "127.0.0.1:18080", "--port", "19180"]);
    let told = words(&written.stdout);
    assert_eq!(written.status.code(), Some(0), "{}", words(&written.stderr));
    let mode = |name: &str| fs::metadata(home.join(name)).expect("it is there").permissions().mode() & 0o777;
    let names = ["app-secret", "verify-token", "root-key", "page-104000000000001", "page-104000000000002"];
    assert_eq!((mode("."), mode("secrets"), mode("tamis.toml")), (0o700, 0o700, 0o600));
    assert!(names.iter().all(|name| mode(&format!("secrets/{name}")) == 0o600));
    let config = home.join("tamis.toml");
    for part in ["sandbox run --serve --leads 5", "--webhook http://127.0.0.1:18080/webhook --port 19180"] {
        assert!(told.contains(part), "{part} is not in {told}");
    }
    let checked =
        Command::new(BINARY).args(["check", "--quiet", "--config"]).arg(&config).env_clear().output();
    let checked = checked.expect("the binary runs");
    assert_eq!(
        (checked.status.code(), words(&checked.stderr).as_str()),
        (Some(0), ""),
        "no fault, no warning"
    );
    let before = fs::read(&config).expect("the config");
    for taken in [home.as_path(), temporary.path()] {
        let again = init(taken, &[]);
        assert_eq!(again.status.code(), Some(1));
        assert!(words(&again.stderr).contains("is not empty"), "{}", words(&again.stderr));
    }
    assert_eq!(fs::read(&config).expect("the config"), before);
    assert_eq!(fs::read_dir(temporary.path()).expect("a directory").count(), 1);
    let exposed = init(&temporary.path().join("other"), &["--listen", "0.0.0.0:8080"]);
    assert_eq!(exposed.status.code(), Some(2), "everybody knows its secrets");
    assert!(!temporary.path().join("other").exists());
}

/// The lines of the first block in which this stands, as they are written.
fn block(page: &str, within: &str) -> Vec<String> {
    let blocks = page.split("```sh\n").skip(1).filter_map(|rest| rest.split("```").next());
    let block = blocks.into_iter().find(|block| block.contains(within)).expect("a block");
    block.lines().map(str::to_owned).collect()
}

/// Runs a script in a directory, with `tamis` in its path, and where that may be done in a network of its own, so that nobody
/// else has these ports.
fn run(script: &str, directory: &Path) -> Output {
    fs::create_dir(directory.join("bin")).expect("a directory");
    std::os::unix::fs::symlink(BINARY, directory.join("bin/tamis")).expect("a link");
    let alone = Command::new("unshare").args(["-n", "ip", "link", "set", "lo", "up"]).output();
    let mut command = match alone {
        Ok(output) if output.status.success() => {
            let mut command = Command::new("unshare");
            command.args(["-n", "bash", "-c", "ip link set lo up && exec bash -c \"$0\"", script]);
            command
        }
        _ => {
            println!("in the network of this machine: there is no right to make another");
            let mut command = Command::new("bash");
            command.args(["-c", script]);
            command
        }
    };
    let path = format!("{}:/usr/bin:/bin:/usr/sbin:/sbin", directory.join("bin").display());
    command.current_dir(directory).env_clear().env("PATH", path).env("XDG_RUNTIME_DIR", directory);
    command.stdin(Stdio::null()).output().expect("a shell")
}

/// Waits for a line in a file, or fails with what stands there; ends what runs in the background, which may be a shell around it.
const HELP: &str = "await() { for _ in $(seq 1200); do grep -q \"$1\" \"$2\" && return; sleep 0.05; done; cat \"$2\" >&2; exit 99; }\n\
    end() { kill -TERM $(pgrep -P $1 || echo $1); wait $1; }\n";

#[test]
fn three_commands_lead_from_nothing_to_an_exported_lead_and_the_rest_of_the_page_works() {
    let page = document("develop.md");
    let three = block(&page, "tamis sandbox init");
    let [first, second, third] = three.as_slice() else { panic!("three commands: {three:?}") };
    let around = block(&page, "tamis sandbox send --leads 20").join("\n");
    let token = block(&page, "tamis token create").join("\n");
    // As it is written, but for the second terminal.
    let script = format!(
        "set -e\n{HELP}{first}\n({second}\n) >played 2>log &\nawait 'tamis has read them' played\n{third} >leads.csv\n\
         {around}\n{token}\nend $!\n"
    );
    let directory = tempfile::tempdir().expect("a directory");
    let output = run(&script, directory.path());
    let read = |name: &str| fs::read_to_string(directory.path().join(name)).unwrap_or_default();
    let told = words(&output.stdout);
    assert!(output.status.success(), "{told}\n{}\n{}", words(&output.stderr), read("log"));
    let csv = read("leads.csv");
    assert!(csv.starts_with("id,purpose,") && csv.lines().count() >= 3, "{csv}");
    assert!(csv.contains("devis-1-1,devis,") && !csv.contains("diabetes"), "{csv}");
    for part in
        ["20 submitted; the webhook answered 200", "delivered again", "not-whitelisted", "brought back"]
    {
        assert!(told.contains(part), "{part} is not in {told}");
    }
    assert!(!directory.path().join("tamis-sandbox.sock").exists(), "the control socket goes with it");
}

#[test]
fn a_tamis_of_its_own_runs_against_meta_s_side_alone() {
    let page = document("develop.md");
    let alone = block(&page, "tamis serve --config try/tamis.toml");
    let [meta, serve, send] = alone.as_slice() else { panic!("three commands: {alone:?}") };
    // The operator's page says the same to whoever tries it.
    let operator = document("operator.md");
    for command in ["tamis sandbox init try", serve] {
        assert!(operator.contains(&format!("`{}`", command.replace("try", "DIR"))), "{command}");
    }
    let script = format!(
        "set -e\n{HELP}tamis sandbox init try >/dev/null\n({meta}\n) >played 2>greeted & meta=$!\nawait 'until Ctrl-C' greeted\n\
         ({serve}\n) 2>log & serve=$!\nawait process.started log\n{send}\nawait lead.stored log\n\
         end $serve\nend $meta\n"
    );
    let directory = tempfile::tempdir().expect("a directory");
    let output = run(&script, directory.path());
    let read = |name: &str| fs::read_to_string(directory.path().join(name)).unwrap_or_default();
    assert!(output.status.success(), "{}\n{}", words(&output.stderr), read("log"));
    assert!(
        words(&output.stdout).contains("5 submitted; the webhook answered 200"),
        "{}",
        words(&output.stdout)
    );
}
