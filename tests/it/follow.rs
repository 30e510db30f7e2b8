//! A CRM that follows: the client of docs/crm-follow.py against a tamis whose records are corrected, restricted and erased, and the
//! calls that it makes.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tamis::clock::{Clock, SystemClock};

use crate::api::{exporter, run, token};
use crate::retention::{self, DAY_S, Shifted, pass};
use crate::support::process::BINARY;
use crate::support::{Caller, DEVIS_FORM, World, lead};

const CLIENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/crm-follow.py");

/// Stores so many leads of `devis`, in their order.
async fn submit(world: &World, count: usize, before: usize) {
    for number in before + 1..=before + count {
        let email = format!("zoe.{number}@example.org");
        let one = lead(DEVIS_FORM).answer("full_name", &["Zoé"]).answer("email", &[&email]);
        let id = world.submit(one, &[]);
        world.deliver(&[&id]).await;
        world.stored("devis", number).await;
    }
}

async fn erase(world: &World, number: usize) -> String {
    let by = json!({"by": {"id": format!("devis-1-{number}")}});
    let answer = world.admin().post("/admin/v1/erasures", &by).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()["erasure"].as_str().expect("a number").to_owned()
}

async fn correct(world: &World, number: usize, email: &str) {
    let body = json!({"id": format!("devis-1-{number}"), "fields": {"email": [email]}});
    let answer = world.admin().post("/admin/v1/corrections", &body).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
}

async fn restrict(world: &World, number: usize) {
    let until = SystemClock.now().checked_add(Duration::from_secs(5 * 86_400)).expect("in range");
    let until = until.to_string()[..10].to_owned();
    let body = json!({"id": format!("devis-1-{number}"), "until": until, "reason": "objection"});
    let answer = world.admin().post("/admin/v1/restrictions", &body).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
}

async fn release(world: &World, number: usize) {
    let path = format!("/admin/v1/restrictions/devis-1-{number}");
    assert_eq!(world.admin().delete(&path).await.status, 204);
}

/// A CRM in a directory of its own.
pub struct Crm {
    directory: tempfile::TempDir,
    /// Where tamis' admin side is.
    pub url: String,
}

impl Crm {
    async fn new(world: &World) -> Self {
        let address = world.addresses.admin.expect("a TCP door");
        Self::at(&world.admin(), &address.to_string()).await
    }

    /// One whose tamis answers at this address, with a token that this caller makes.
    pub async fn at(admin: &Caller, address: &str) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        fs::copy(CLIENT, directory.path().join("follow.py")).expect("a copy");
        let crm = Self { directory, url: format!("http://{address}") };
        crm.take_token(admin).await;
        crm
    }

    /// From now on it has a new token.
    async fn take_token(&self, admin: &Caller) {
        let (_, text) = token(admin, exporter()).await;
        fs::write(self.place("token"), text).expect("a file");
    }

    fn place(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// The client, with small pages, and otherwise as it is written but for this.
    pub fn client(&self, from: &str, to: &str) -> Command {
        let text = fs::read_to_string(CLIENT).expect("a client");
        assert!(text.contains(from), "{from}");
        let text = text.replace("LIMIT = 500", "LIMIT = 3").replace(from, to);
        fs::write(self.place("follow.py"), text).expect("a file");
        let mut command = Command::new("python3");
        command.arg(self.place("follow.py")).args([self.url.as_str()]);
        command.args([self.place("token"), self.place("copy.sqlite")]);
        command
    }

    /// Lets it follow once; none: there is no Python.
    pub async fn follow(&self) -> Option<Output> {
        run(self.client("LIMIT = 500", "LIMIT = 3")).await
    }

    /// What it holds: the address of each record that may be used, and of one that may not a dash.
    pub async fn holds(&self) -> BTreeMap<String, String> {
        let script = "import json, sqlite3, sys\n\
                      for id, lead, usable in sqlite3.connect(sys.argv[1]).execute('SELECT * FROM leads'):\n\
                      \x20   print(id, json.loads(lead)['fields']['email'][0] if usable else '-')";
        let mut command = Command::new("python3");
        command.args(["-c", script]).arg(self.place("copy.sqlite"));
        let read = succeeded(run(command).await.expect("python3"));
        let pairs = read.lines().filter_map(|line| line.split_once(' '));
        pairs.map(|(id, email)| (id.to_owned(), email.to_owned())).collect()
    }
}

fn succeeded(output: Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

fn expected(pairs: &[(usize, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(number, email)| (format!("devis-1-{number}"), (*email).to_owned())).collect()
}

fn address(number: usize) -> String {
    format!("zoe.{number}@example.org")
}

/// What a file and whatever lies beside it hold as bytes.
fn bytes_beside(path: &Path) -> Vec<u8> {
    let entries = fs::read_dir(path.parent().expect("a directory")).expect("readable");
    let files = entries.map(|entry| entry.expect("an entry").path());
    files.filter(|file| file.is_file()).flat_map(|file| fs::read(file).expect("readable")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_client_of_the_documentation_keeps_a_copy_in_step_also_where_it_lags_or_is_killed() {
    let lines = fs::read_to_string(CLIENT).expect("a client");
    assert!(lines.lines().count() <= 84, "it was to be short");
    let world = World::start().await;
    submit(&world, 9, 0).await;
    let crm = Crm::new(&world).await;
    let Some(first) = crm.follow().await else {
        println!("skipped: python3 is not installed");
        return world.end().await;
    };
    succeeded(first);
    assert_eq!(crm.holds().await.len(), 9);
    // It lags: more than a page of changes, several of one record, one that was gone before it was read anew.
    correct(&world, 1, "one@example.org").await;
    correct(&world, 1, "uno@example.org").await;
    let erasure = erase(&world, 3).await;
    correct(&world, 4, "four@example.org").await;
    erase(&world, 4).await;
    submit(&world, 1, 7).await;
    restrict(&world, 2).await;
    restrict(&world, 5).await;
    release(&world, 5).await;
    let followed = async || {
        let shown = world.admin().get(&format!("/admin/v1/erasures/{erasure}")).await.json();
        let followed = &shown["followed"];
        assert_eq!((followed.as_array().map(Vec::len), &followed[0]["recipient"]), (Some(1), &json!("crm")));
        (followed[0]["told_at"].is_string(), followed[0]["confirmed_at"].is_string())
    };
    assert_eq!(followed().await, (false, false));
    let now = [
        (1, "uno@example.org".to_owned()),
        (2, "-".to_owned()),
        (5, address(5)),
        (6, address(6)),
        (7, address(7)),
        (8, address(8)),
        (9, address(9)),
        // Each correction took a number.
        (13, address(8)),
    ];
    let now: Vec<(usize, &str)> = now.iter().map(|(number, email)| (*number, email.as_str())).collect();
    // Killed wherever it happens to be, again and again.
    for ms in [40, 80, 120, 160, 200, 240, 280] {
        let mut command = crm.client("LIMIT = 500", "LIMIT = 1");
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("python3");
        tokio::time::sleep(Duration::from_millis(ms)).await;
        // It may have ended by itself.
        let _ = child.kill();
        child.wait().expect("it ended");
    }
    // And between what it made durable and telling so: the same comes again.
    erase(&world, 9).await;
    let silent = crm.client(
        "        ask(f\"/changes/{page['changes'][-1]['n']}/applied\", \"POST\")",
        "        sys.exit(7)",
    );
    assert_eq!(run(silent).await.expect("python3").status.code(), Some(7));
    for _ in 0..2 {
        succeeded(crm.follow().await.expect("python3"));
        let mut left = now.clone();
        left.retain(|(number, _)| *number != 9);
        assert_eq!(crm.holds().await, expected(&left));
    }
    assert_eq!(followed().await, (true, true));
    let bytes = bytes_beside(&crm.place("copy.sqlite"));
    let holds = |text: &str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
    assert!(holds("uno@example.org"), "the search finds nothing, so it proves nothing");
    assert!(!holds(&address(3)) && !holds(&address(9)), "what was erased lies in the copy still");
    let status = world.admin().get("/admin/v1/changes/recipients").await.json();
    assert_eq!(
        (&status["recipients"][0]["recipient"], &status["recipients"][0]["waiting"]),
        (&json!("crm"), &json!(0))
    );
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_feed_is_its_recipients_and_what_is_not_theirs_is_refused_and_told_apart() {
    let world = World::start().await;
    submit(&world, 3, 0).await;
    let (_, text) = token(&world.admin(), exporter()).await;
    let crm = world.admin_tcp(Some(&text));
    let leads = "/admin/v1/purposes/devis/leads";
    assert_eq!(crm.get(&format!("{leads}/devis-1-2")).await.json()["id"], json!("devis-1-2"));
    let exported = crm.get(&format!("{leads}?format=ndjson")).await;
    let one = crm.get(&format!("{leads}/devis-1-2")).await;
    assert_eq!(one.json(), exported.lines()[1], "it is what a page gives");
    erase(&world, 2).await;
    restrict(&world, 3).await;
    for (id, status, code) in [
        ("devis-1-2", 410, "record-gone"),
        ("devis-1-3", 409, "record-restricted"),
        ("devis-1-9", 404, "record-unknown"),
        ("lettre-1-1", 404, "record-unknown"),
        ("anne@example.org", 404, "record-unknown"),
    ] {
        let answer = crm.get(&format!("{leads}/{id}")).await;
        assert_eq!((answer.status, &answer.json()["code"]), (status, &json!(code)), "{id}");
    }
    assert_eq!(crm.get("/admin/v1/purposes/lettre/leads/lettre-1-1").await.status, 403);
    let feed = crm.get("/admin/v1/changes").await.json();
    let said = feed["changes"].as_array().expect("changes").iter();
    let said: Vec<String> =
        said.map(|one| format!("{} {} {}", one["n"], one["kind"], one["id"]).replace('"', "")).collect();
    assert_eq!(said, ["1 erased devis-1-2", "2 restricted devis-1-3"]);
    assert_eq!((&feed["more"], &feed["applied"]), (&json!(false), &json!(0)));
    for (path, status) in [
        ("/admin/v1/changes?after=3", 404),
        ("/admin/v1/changes?after=x", 400),
        ("/admin/v1/changes?limit=0", 400),
        ("/admin/v1/changes/recipients", 403),
    ] {
        assert_eq!(crm.get(path).await.status, status, "{path}");
    }
    for (n, status) in [("3", 404), ("x", 404), ("2", 200), ("2", 200)] {
        let answer = crm.post(&format!("/admin/v1/changes/{n}/applied"), &json!(null)).await;
        assert_eq!(answer.status, status, "{n}");
    }
    // On the host somebody may follow for a recipient, and for nobody that there never was.
    for (caller, status) in [
        (world.admin().on_behalf_of("crm"), 200),
        (world.admin().on_behalf_of("nobody"), 403),
        (world.admin(), 403),
    ] {
        assert_eq!(caller.get("/admin/v1/changes").await.status, status);
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_follow_needs_a_person_until_it_has() {
    let clock = Arc::new(Shifted::default());
    // Records live for five days.
    let world = retention::world(&clock).await;
    submit(&world, 2, 0).await;
    let crm = || world.admin().on_behalf_of("crm");
    assert_eq!(crm().get("/admin/v1/purposes/devis/leads").await.lines().len(), 2);
    let is_needed = || async {
        world.admin().get("/admin/v1/status").await.text().contains("changes-unapplied")
            && world.admin().get("/admin/v1/metrics").await.text().contains(r#"code="changes-unapplied"} 1"#)
    };
    pass(&world, &clock, 6 * DAY_S).await;
    let kinds = || async {
        let changes = crm().get("/admin/v1/changes").await.json()["changes"].take();
        changes.as_array().expect("a list").iter().map(|one| one["kind"].clone()).collect::<Vec<_>>()
    };
    world.until("both are said to be over", || async { kinds().await == ["expired", "expired"] }).await;
    assert!(!is_needed().await, "there is time");
    pass(&world, &clock, 8 * DAY_S).await;
    world.until("a person is needed", is_needed).await;
    assert_eq!(crm().post("/admin/v1/changes/2/applied", &json!(null)).await.status, 200);
    world.until("nobody is any more", || async { !is_needed().await }).await;
    world.end().await;
}

/// What nobody applied for two years nobody is told of any more: its copy is compared, once.
#[tokio::test(flavor = "multi_thread")]
async fn a_copy_whose_changes_were_dropped_unread_is_compared_with_what_there_is() {
    let clock = Arc::new(Shifted::default());
    // Records live for five days.
    let world = retention::world(&clock).await;
    submit(&world, 2, 0).await;
    let crm = Crm::new(&world).await;
    let Some(first) = crm.follow().await else {
        println!("skipped: python3 is not installed");
        return world.end().await;
    };
    succeeded(first);
    assert_eq!(crm.holds().await, expected(&[(1, &address(1)), (2, &address(2))]));
    pass(&world, &clock, 6 * DAY_S).await;
    let on_behalf = world.admin().on_behalf_of("crm");
    let waiting = async || on_behalf.get("/admin/v1/changes").await.json();
    let count = |page: &serde_json::Value| page["changes"].as_array().map(Vec::len);
    world.until("both are said to be over", || async { count(&waiting().await) == Some(2) }).await;
    pass(&world, &clock, 740 * DAY_S).await;
    world.until("both changes are dropped", || async { waiting().await["dropped_to"] == json!(2) }).await;
    // One that Meta dates by the clock of now.
    let created = u64::try_from(clock.now().as_second()).expect("in range");
    let mut one = lead(DEVIS_FORM).answer("full_name", &["Zoé"]).answer("email", &[&address(3)]);
    one.created_time = created;
    let id = world.submit(one, &[]);
    world.deliver(&[&id]).await;
    world.stored("devis", 1).await;
    crm.take_token(&world.admin()).await;
    for compared in [true, false] {
        let output = crm.follow().await.expect("python3");
        let told = String::from_utf8(output.stderr).expect("text");
        let says = "changes were dropped unread; devis was compared, 2 records were in no page";
        assert_eq!((output.status.success(), told.contains(says)), (true, compared), "{told}");
        assert_eq!(crm.holds().await, expected(&[(3, &address(3))]));
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_shows_who_lags_and_follows_for_who_is_no_program() {
    let world = World::start().await;
    submit(&world, 2, 0).await;
    let tamis = async |arguments: &[&str]| {
        let mut command = Command::new(BINARY);
        command.arg("changes").args(arguments).arg("--socket").arg(&world.addresses.socket).env_clear();
        let output = run(command).await.expect("it runs");
        let said = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
        (output.status.code(), said(output.stdout), said(output.stderr))
    };
    let (code, table, told) = tamis(&[]).await;
    assert!(code == Some(0) && table.lines().count() <= 1 && told.contains("nothing"), "{table}{told}");
    world.admin().on_behalf_of("crm").get("/admin/v1/purposes/devis/leads").await;
    erase(&world, 2).await;
    let (_, table, _) = tamis(&[]).await;
    assert!(table.contains("crm") && table.contains("never"), "{table}");
    let follow = ["--recipient", "crm", "--reason", "person-request"];
    let (code, list, told) = tamis(&follow).await;
    assert!(code == Some(0) && list.contains("erased") && list.contains("devis-1-2"), "{list}{told}");
    let (_, lines, _) = tamis(&[&follow[..], &["--json"]].concat()).await;
    assert_eq!(lines, "{\"n\":1,\"kind\":\"erased\",\"id\":\"devis-1-2\",\"purpose\":\"devis\"}\n");
    // What it says to do is a command that does it.
    let command = told.split('`').nth(1).expect("a command").to_owned();
    let words: Vec<&str> = command.split_whitespace().skip(2).collect();
    let (code, done, told) = tamis(&words).await;
    assert!(
        code == Some(0) && done.contains("crm has applied 1 more, and all up to 1"),
        "{command}: {done}{told}"
    );
    assert!(tamis(&follow).await.2.contains("nothing to follow"));
    let (code, _, told) = tamis(&["--recipient", "nobody", "--reason", "audit"]).await;
    assert!(code == Some(1) && told.contains("recipient-not-listed"), "{told}");
    world.end().await;
}

/// A record that its cursor passed while nobody might use it, and that it never had.
#[tokio::test(flavor = "multi_thread")]
async fn a_copy_gets_what_was_restricted_when_it_was_passed_by_once_it_is_released() {
    let world = World::start().await;
    submit(&world, 3, 0).await;
    restrict(&world, 2).await;
    let crm = Crm::new(&world).await;
    let Some(first) = crm.follow().await else {
        println!("skipped: python3 is not installed");
        return world.end().await;
    };
    succeeded(first);
    assert_eq!(crm.holds().await, expected(&[(1, &address(1)), (3, &address(3))]));
    // Its cursor stands behind it.
    succeeded(crm.follow().await.expect("python3"));
    release(&world, 2).await;
    let all = expected(&[(1, &address(1)), (2, &address(2)), (3, &address(3))]);
    for _ in 0..2 {
        succeeded(crm.follow().await.expect("python3"));
        assert_eq!(crm.holds().await, all);
    }
    // From now on it is one of theirs.
    restrict(&world, 2).await;
    succeeded(crm.follow().await.expect("python3"));
    assert_eq!(crm.holds().await.get("devis-1-2").map(String::as_str), Some("-"));
    release(&world, 2).await;
    erase(&world, 2).await;
    succeeded(crm.follow().await.expect("python3"));
    assert!(!crm.holds().await.contains_key("devis-1-2"));
    world.end().await;
}
