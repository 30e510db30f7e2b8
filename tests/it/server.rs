//! The commands of README.md, docs/operator.md and docs/api.md, run as they are written on a server of their own: a namespace with
//! its own /etc, /var/lib, /run and network, in which the sandbox plays Meta.

use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::api::ROOT;
use crate::support::process::BINARY;

/// The block of this language of a page in which this stands, its lines joined where they go on.
fn block(page: &str, language: &str, within: &str) -> Vec<String> {
    let page = fs::read_to_string(Path::new(ROOT).join(page)).expect("a page");
    let opening = format!("```{language}\n");
    let blocks = page.split(opening.as_str()).skip(1).filter_map(|rest| rest.split("```").next());
    let mut found = blocks.filter(|block| block.contains(within));
    let block = found.next().unwrap_or_else(|| panic!("no block with {within}")).replace("\\\n", " ");
    block.lines().map(str::to_owned).collect()
}

/// A script of lines of documents, each told before it is run.
#[derive(Default)]
struct Script(String);

impl Script {
    fn own(&mut self, line: &str) -> &mut Self {
        let _ = writeln!(self.0, "{line}");
        self
    }

    /// As it is written.
    fn line(&mut self, line: &str) -> &mut Self {
        let _ = writeln!(self.0, "echo '+ {}'\n{line}", line.replace('\'', "'\\''"));
        self
    }

    fn block(&mut self, page: &str, within: &str) -> &mut Self {
        for line in block(page, "sh", within) {
            self.line(&line);
        }
        self
    }

    /// A file with this in it.
    fn file(&mut self, path: &str, text: &str) -> &mut Self {
        self.own(&format!("cat >{path} <<'END'\n{text}\nEND"))
    }

    /// Runs it. None: there is no right to make a server of its own here.
    fn run(&self) -> Option<String> {
        let possible = Command::new("unshare").args(["-mn", "ip", "link", "set", "lo", "up"]).output();
        if !possible.is_ok_and(|output| output.status.success()) {
            println!("skipped: no right to make namespaces (root, and `unshare` and `ip` installed)");
            return None;
        }
        // As the unit's user: where `/` itself is closed to it, not even its libraries are found.
        let ordinary = ["--reuid", "65534", "--regid", "65534", "--clear-groups", "true"];
        if !Command::new("setpriv").args(ordinary).output().is_ok_and(|output| output.status.success()) {
            println!("skipped: nobody but root can start a program here");
            return None;
        }
        let directory = tempfile::tempdir().expect("a directory");
        let script = directory.path().join("script");
        fs::write(&script, &self.0).expect("a file");
        let room = directory.path().join("room");
        fs::create_dir(&room).expect("a directory");
        let mut command = Command::new("unshare");
        // A process space of its own: whatever it started ends with it.
        command.args(["-mn", "--pid", "--fork", "--kill-child", "--mount-proc", "bash"]);
        command.arg(Path::new(ROOT).join("tests/data/server.sh")).arg(script).arg(BINARY).arg(room);
        let output =
            command.env_clear().env("PATH", "/usr/bin:/bin:/usr/sbin:/sbin").stdin(Stdio::null()).output();
        let output = output.expect("a namespace");
        let told = String::from_utf8_lossy(&output.stdout).into_owned();
        let complained = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{told}\n--- stderr\n{complained}");
        Some(told + &complained)
    }
}

/// Waits until nothing is queued and nothing waits.
const READ: &str = "for _ in $(seq 600); do tamis inbox --json | grep -q '\"queued\":0,\"waiting\":0' && break; sleep 0.05; done";

/// The secrets as the sandbox knows them, typed in where the document says to paste.
fn pasted(line: &str) -> String {
    let secret = if line.contains("app-secret") {
        "sandbox-app-secret"
    } else {
        "EAAsimulatedTokenOfPage104000000000001"
    };
    if line.contains("/dev/stdin") && !line.contains('|') {
        format!("echo {secret} | {line}")
    } else {
        line.to_owned()
    }
}

#[test]
fn what_the_operator_s_page_says_works_as_it_is_written() {
    const PAGE: &str = "docs/operator.md";
    let toml = |within: &str| block(PAGE, "toml", within).join("\n");
    let (places, who, purpose) = (toml("[store]\npath"), toml("app_id ="), toml("phone_number = {}\n"));
    let door = toml("[[recipients]]");
    let (admin, recipients) = door.split_once("[[recipients]]").expect("both");
    let config = [&places, &who, &purpose].map(String::as_str).join("\n\n");
    let with_door = config.replace(&places, places.split_once("[store]").expect("the store").1);
    let with_door = format!("{admin}\n[store]{with_door}\n[[recipients]]{recipients}")
        .replace("basis = \"pre_contract\"", "basis = \"pre_contract\"\nrecipients = [\"crm\"]");

    let mut script = Script::default();
    // What the package brings; `.ci/package` holds the package itself.
    script.own("useradd --system --no-create-home --shell /usr/sbin/nologin tamis");
    script.block("docs/deploy.md", "install -d -m 750 -g tamis /etc/tamis");
    let unit = fs::read_to_string(Path::new(ROOT).join("deploy/tamis.service")).expect("the unit");
    script.file("/etc/systemd/system/tamis.service", &unit.replace("/usr/bin/tamis", "/usr/local/bin/tamis"));
    script.file("/etc/tamis/tamis.toml", &config);
    for line in block(PAGE, "sh", "hex() {") {
        script.line(&pasted(&line));
    }
    script.block(PAGE, "sudo tamis check\n");
    script.own("tamis sandbox run >/dev/null 2>&1 &").block(PAGE, "sudo systemctl enable --now tamis");
    script.own("tamis sandbox send --leads 400").own(READ);
    // Each by itself: nobody runs one after the other into the same file.
    for line in block(PAGE, "sh", "sudo tamis export devis --format csv -o devis.csv") {
        script.line(&line).own("rm -f devis*");
    }
    script.file("/etc/tamis/tamis.toml", &with_door).own("systemctl restart tamis");
    for line in block(PAGE, "sh", "ID.SECRET") {
        let line = line.replace("ID.SECRET", "$(cat token)");
        script.line(&if line.contains("token create") { format!("{line} | tee token") } else { line });
    }
    for line in block("docs/api.md", "sh", "--unix-socket") {
        script.line(&line.replace("ID.SECRET", "$(cat token)"));
    }
    // A second token of the same name would leave open whose lines are meant.
    script.own("tamis token revoke $(cut -d. -f1 token)").block("README.md", "tamis export devis");
    script.block(PAGE, "journalctl -u tamis --since yesterday");
    script.block(PAGE, "sudo tamis inbox drop");
    for line in block(PAGE, "sh", "sudo tamis backup") {
        script.line(&line.replace(" /backup", " $ROOM/backup"));
    }
    script.block(PAGE, "sudo systemctl stop tamis            ");
    script.own("systemctl stop tamis; ls $ROOM/backup $ROOM/backup-keys; cat /run/journal");
    let Some(told) = script.run() else { return };
    for part in [
        "is good: no faults",
        "webhook answered 200",
        "process.started public.address=127.0.0.1:8080",
        "Tamis-Next-Cursor",
        "dropped\n",
        "store-20",
        "keys.tar",
        "process.stopped",
    ] {
        assert!(told.to_lowercase().contains(&part.to_lowercase()), "{part} is not in\n{told}");
    }
    assert!(!told.contains("panic"), "{told}");
}

#[test]
fn what_the_readme_says_of_running_it_works_as_it_is_written() {
    let lines = block("README.md", "sh", "tamis init DIR");
    let [init, check, serve] = lines.as_slice() else { panic!("three lines: {lines:?}") };
    let mut script = Script::default();
    script.line(init);
    // It names what is left to fill in; then somebody does.
    script.own(&format!("code=0; {check} || code=$?; [ $code = 78 ]"));
    for (empty, filled) in [
        ("name = \"\"", "name = \"Atelier\""),
        ("address = \"\"", "address = \"Angers\""),
        ("country = \"\"", "country = \"FR\""),
        ("email = \"\"", "email = \"a@b.example\""),
        ("none_reason = \"\"", "none_reason = \"art. 37\""),
        ("url = \"\"", "url = \"https:\\/\\/leads.example\""),
        ("app_id = \"\"", "app_id = \"1\""),
        ("^id = \"\"", "id = \"2\""),
    ] {
        script.own(&format!("sed -i 's/{empty}/{filled}/' DIR/tamis.toml"));
    }
    for name in ["app-secret", "page-token"] {
        script.own(&format!("echo abc | install -m 600 /dev/stdin DIR/secrets/{name}"));
    }
    script.line(check).own(&format!("({serve}\n) 2>log & echo"));
    script.own("for _ in $(seq 600); do grep -q process.started log && break; sleep 0.05; done");
    script.own("tamis health --config DIR/tamis.toml; kill $(pgrep -P $! || echo $!); wait $!; cat log");
    let Some(told) = script.run() else { return };
    assert!(told.contains("is good: no faults") && told.contains("process.stopped"), "{told}");
}
