//! `tamis export --state`: what is new and nothing twice, unless something died in between; then twice, and never missing.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::api::{document, run};
use crate::support::power::{Disk, Unsynced, layer, records};
use crate::support::process::{BINARY, Home};
use crate::support::senders::{self, Chance};
use crate::support::{DEVIS_FORM, World, lead};

const PATIENCE: Duration = Duration::from_secs(60);

async fn submit(world: &World, count: usize, before: usize) {
    let one = || lead(DEVIS_FORM).answer("full_name", &["Zoé"]).answer("email", &["z@example.org"]);
    let ids: Vec<String> = (0..count).map(|_| world.submit(one(), &[])).collect();
    world.deliver_all(&ids).await;
    world.stored("devis", before + count).await;
}

/// `tamis export devis --state DIRECTORY/devis.state`, page by page.
fn export(socket: &Path, directory: &Path, more: &[&str]) -> Command {
    let mut command = Command::new(BINARY);
    command.args(["export", "devis", "--reason", "crm-sync", "--limit-page", "1", "--state"]);
    command.arg(directory.join("devis.state")).arg("--socket").arg(socket).args(more);
    command.env_clear().current_dir(directory);
    command
}

fn told(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The numbers of the records of which whole lines are there.
fn numbers(bytes: &[u8]) -> Vec<u64> {
    let lines = bytes.split_inclusive(|byte| *byte == b'\n').filter(|line| line.ends_with(b"\n"));
    let records = lines.map(|line| serde_json::from_slice::<Value>(line).expect("a whole record"));
    let id = |record: Value| record["id"].as_str().expect("an id").rsplit('-').next().map(str::to_owned);
    records.map(|record| id(record).expect("a number").parse().expect("a number")).collect()
}

fn of_file(path: &Path) -> Vec<u64> {
    fs::read(path).map(|bytes| numbers(&bytes)).unwrap_or_default()
}

/// The number of the record up to which the state file says that all is there; 0: none.
fn state_of(directory: &Path) -> u64 {
    let Ok(text) = fs::read_to_string(directory.join("devis.state")) else { return 0 };
    text.strip_prefix("devis-1-").unwrap_or_else(|| panic!("no state: {text:?}")).parse().expect("a number")
}

#[tokio::test(flavor = "multi_thread")]
async fn each_run_has_what_is_new_and_one_with_nothing_new_makes_nothing() {
    let world = World::start().await;
    let directory = tempfile::tempdir().expect("a directory");
    let here = directory.path();
    let sync = async |more: &[&str]| run(export(&world.addresses.socket, here, more)).await.expect("it runs");
    let nothing = sync(&["-o", "none.csv", "--format", "csv"]).await;
    assert!(
        nothing.status.success() && told(&nothing).contains("nothing of devis yet"),
        "{}",
        told(&nothing)
    );
    assert_eq!(state_of(here), 0);
    submit(&world, 2, 0).await;
    let first = sync(&["-o", "first.ndjson"]).await;
    assert!(
        first.status.success() && told(&first).contains("2 records of devis in first.ndjson"),
        "{}",
        told(&first)
    );
    assert_eq!((of_file(&here.join("first.ndjson")), state_of(here)), (vec![1, 2], 2));
    for (more, made) in [
        (&["-o", "none.ndjson"][..], "none.ndjson"),
        (&["-o", "none.csv", "--format", "csv"], "none.csv"),
        (&["--format", "csv"], ""),
        (&["--format", "json"], ""),
    ] {
        let none = sync(more).await;
        assert!(none.status.success() && none.stdout.is_empty(), "{more:?}");
        assert!(told(&none).contains("nothing new of devis after devis-1-2"), "{}", told(&none));
        assert!(made.is_empty() || !here.join(made).exists(), "{made}");
    }
    submit(&world, 3, 2).await;
    // An output is never written over, and what it would have held is not gone.
    let taken = sync(&["-o", "first.ndjson"]).await;
    assert!(!taken.status.success() && told(&taken).contains("another name"), "{}", told(&taken));
    assert_eq!(numbers(&sync(&[]).await.stdout), [3, 4, 5]);
    submit(&world, 1, 5).await;
    let json = sync(&["--format", "json"]).await;
    let document: Value = serde_json::from_slice(&json.stdout).expect("one document");
    assert_eq!((document["leads"][0]["id"].as_str(), state_of(here)), (Some("devis-1-6"), 6));
    let left: BTreeSet<_> =
        fs::read_dir(here).expect("a directory").map(|e| e.expect("a file").file_name()).collect();
    assert_eq!(left, ["devis.state", "first.ndjson"].map(Into::into).into(), "nothing else stays");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_state_ahead_of_the_store_is_an_error_whose_way_out_works_as_it_stands_there() {
    let world = World::start().await;
    let directory = tempfile::tempdir().expect("a directory");
    let here = directory.path();
    submit(&world, 2, 0).await;
    let sync = async || run(export(&world.addresses.socket, here, &[])).await.expect("it runs");
    for (ahead, resumes) in [("devis-1-40", 2), ("devis-9-1", 0)] {
        fs::write(here.join("devis.state"), ahead).expect("written");
        let refused = sync().await;
        let said = told(&refused);
        assert_eq!((refused.status.code(), refused.stdout.len()), (Some(1), 0), "{said}");
        assert!(said.contains("cursor-ahead"), "{said}");
        assert_eq!(fs::read_to_string(here.join("devis.state")).expect("a file"), ahead, "left as it was");
        let way_out = said.split_once("printf").and_then(|(_, rest)| rest.split(". What").next());
        let mut shell = Command::new("sh");
        shell.arg("-c").arg(format!("printf{}", way_out.expect("a command")));
        assert!(run(shell).await.expect("a shell").status.success());
        assert_eq!(state_of(here), resumes);
        let all: Vec<u64> = (resumes + 1..=2).collect();
        assert_eq!(numbers(&sync().await.stdout), all);
    }
    world.end().await;
}

/// A process that kills itself after so many changes; none: it lives.
fn watched(mut command: Command, library: &Path, here: &Path, log: &Path, kill_at: Option<u64>) -> Command {
    command.env("LD_PRELOAD", library).env("TAMIS_UNSYNCED_LOG", log).env("TAMIS_UNSYNCED_ROOT", here);
    command.env("TAMIS_UNSYNCED_KILL_WRITES", "1");
    if let Some(step) = kill_at {
        command.env("TAMIS_UNSYNCED_KILL_AT", step.to_string());
    }
    command
}

/// Waits for the end of a follower, which is told to once the state is where it should be.
async fn ended_at(child: Child, directory: &Path, last: u64) -> ExitStatus {
    let began = Instant::now();
    let (mut child, mut asked) = (Mortal(child), false);
    loop {
        if let Some(status) = child.0.try_wait().expect("a process") {
            return status;
        }
        assert!(began.elapsed() < PATIENCE, "it does not end");
        if !asked
            && fs::read_to_string(directory.join("devis.state"))
                .is_ok_and(|text| text == format!("devis-1-{last}"))
        {
            signal(&child.0, Signal::TERM);
            asked = true;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// A process that does not outlive its test, however that ends.
struct Mortal(Child);

impl Drop for Mortal {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn signal(child: &Child, signal: Signal) {
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw).expect("a process");
    kill_process(pid, signal).expect("a signal");
}

/// Where an export writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Stdout,
    NewFile,
    Following,
}

/// Kills an export after each change that it makes. Whatever the state file says then is there; and with the next run all is.
async fn kill_everywhere(world: &World, way: Way) -> u64 {
    let aside = tempfile::tempdir().expect("a directory");
    let library = layer(aside.path());
    for step in 1.. {
        let directory = tempfile::tempdir().expect("a directory");
        let here = directory.path();
        fs::write(here.join("devis.state"), "devis-1-2").expect("a state");
        let stdout = here.join("stdout.ndjson");
        let append = || File::options().create(true).append(true).open(&stdout).expect("a file");
        let more = |name| match way {
            Way::Stdout => vec![],
            Way::NewFile => vec!["-o", name],
            Way::Following => vec!["-o", name, "--follow", "--interval", "1"],
        };
        let command = export(&world.addresses.socket, here, &more("one.ndjson"));
        let mut command = watched(command, &library, here, &aside.path().join("log"), Some(step));
        command.stdin(Stdio::null()).stdout(append()).stderr(Stdio::null());
        let child = command.spawn().expect("it runs");
        let status = ended_at(child, here, if way == Way::Following { 5 } else { u64::MAX }).await;
        let there = || {
            let files = [&stdout, &here.join("one.ndjson"), &here.join("two.ndjson")];
            files.into_iter().flat_map(|path| of_file(path)).collect::<BTreeSet<u64>>()
        };
        let (said, found) = (state_of(here), there());
        assert!((3..=said).all(|number| found.contains(&number)), "{way:?}, {step}: {said}, {found:?}");
        if status.success() {
            assert_eq!(said, 5, "{way:?}: it was not killed");
            return step - 1;
        }
        // A line that a kill cut in two ends where the next run begins.
        if fs::read(&stdout).is_ok_and(|bytes| !bytes.is_empty() && !bytes.ends_with(b"\n")) {
            fs::write(&stdout, "").expect("half a line, from before the state");
        }
        let mut again = match way {
            Way::Following => export(&world.addresses.socket, here, &["-o", "two.ndjson"]),
            _ => export(&world.addresses.socket, here, &more("two.ndjson")),
        };
        again.stdout(append());
        let ended = run(again).await.expect("it runs");
        assert!(ended.status.success(), "{way:?}, {step}: {}", told(&ended));
        assert_eq!((state_of(here), there()), (5, [3, 4, 5].into()), "{way:?}, {step}: something is missing");
    }
    unreachable!("it is always killed")
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_after_any_change_what_was_written_comes_again_and_nothing_is_missing() {
    let world = World::start().await;
    submit(&world, 5, 0).await;
    for way in [Way::Stdout, Way::NewFile, Way::Following] {
        let kills = kill_everywhere(&world, way).await;
        println!("{way:?}: {kills} kills");
        assert!(kills >= 12, "{way:?}: {kills} changes are too few to be all");
    }
    world.end().await;
}

/// The same for the machine: of what no sync covers nothing is left, or a part.
#[tokio::test(flavor = "multi_thread")]
async fn a_power_cut_leaves_no_state_that_is_ahead_of_the_output() {
    let world = World::start().await;
    submit(&world, 5, 0).await;
    let aside = tempfile::tempdir().expect("a directory");
    let library = layer(aside.path());
    let chance = Chance::new(7);
    for way in [Way::NewFile, Way::Following] {
        let directory = tempfile::tempdir().expect("a directory");
        let here = directory.path();
        let (log, mut disk) = (aside.path().join(format!("{way:?}")), Disk::new(here));
        let more: &[&str] = if way == Way::Following { &["--follow"] } else { &[] };
        let command = export(&world.addresses.socket, here, &[&["-o", "one.ndjson"], more].concat());
        let mut command = watched(command, &library, here, &log, None);
        command.stdin(Stdio::null()).stderr(Stdio::null());
        let last = if way == Way::Following { 5 } else { u64::MAX };
        assert!(ended_at(command.spawn().expect("it runs"), here, last).await.success());
        let bytes = fs::read(&log).expect("a log");
        let mut states = BTreeSet::new();
        for record in records(&bytes) {
            disk.take(&record);
            for unsynced in [Unsynced::Gone, Unsynced::InPart] {
                let left = tempfile::tempdir().expect("a directory");
                disk.rebuild(left.path(), unsynced, &chance);
                let said = state_of(left.path());
                // What is beyond the last sync may be torn; what the state says is not.
                let output = fs::read(left.path().join("one.ndjson")).unwrap_or_default();
                let whole: Vec<&[u8]> =
                    output.split_inclusive(|byte| *byte == b'\n').take(said as usize).collect();
                let expected: Vec<u64> = (1..=said).collect();
                assert_eq!(numbers(&whole.concat()), expected, "{way:?}, {unsynced:?}");
                states.insert(said);
            }
        }
        let expected: &[u64] = if way == Way::Following { &[0, 1, 2, 3, 4, 5] } else { &[0, 5] };
        assert_eq!(states.into_iter().collect::<Vec<_>>(), expected, "{way:?}");
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_at_once_are_one_too_many_and_a_killed_one_is_none() {
    let world = World::start().await;
    submit(&world, 1, 0).await;
    let directory = tempfile::tempdir().expect("a directory");
    let here = directory.path();
    let mut first = export(&world.addresses.socket, here, &["--follow", "--interval", "1"]);
    let first = first.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let first = Mortal(first.spawn().expect("it runs"));
    world.until("the first is at work", || async { state_of(here) == 1 }).await;
    let sync = async || run(export(&world.addresses.socket, here, &[])).await.expect("it runs");
    let second = sync().await;
    assert_eq!((second.status.code(), second.stdout.len()), (Some(1), 0));
    assert!(told(&second).contains("another export goes by"), "{}", told(&second));
    drop(first);
    submit(&world, 1, 1).await;
    assert_eq!(numbers(&sync().await.stdout), [2]);
    world.end().await;
}

/// A reader that has gone took nothing, and one that stalls keeps nobody from ending.
#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_goes_or_stalls_moves_no_state_and_holds_up_no_end() {
    let world = World::start().await;
    let long = "Zoé ".repeat(500);
    let one = || lead(DEVIS_FORM).answer("full_name", &[&long]).answer("email", &["z@example.org"]);
    let ids: Vec<String> = (0..60).map(|_| world.submit(one(), &[])).collect();
    world.deliver_all(&ids).await;
    world.stored("devis", 60).await;
    let directory = tempfile::tempdir().expect("a directory");
    let here = directory.path();
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    let mut gone = export(&world.addresses.socket, here, &[]);
    gone.stdout(writer);
    let ended = run(gone).await.expect("it runs");
    assert_eq!((ended.status.code(), state_of(here)), (Some(1), 0), "{}", told(&ended));
    let mut stalled = export(&world.addresses.socket, here, &["--follow"]);
    let stalled = stalled.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut stalled = Mortal(stalled.spawn().expect("it runs"));
    world.until("some pages are with the reader", || async { state_of(here) > 0 }).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert!(state_of(here) < 60, "a pipe does not hold all of it");
    signal(&stalled.0, Signal::TERM);
    let began = Instant::now();
    while stalled.0.try_wait().expect("a process").is_none() {
        assert!(began.elapsed() < Duration::from_secs(40), "it does not end");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    world.end().await;
}

/// Over a daemon that goes away and comes back, by either signal, and in a trail that says it once.
#[tokio::test(flavor = "multi_thread")]
async fn a_follower_outlives_the_daemon_and_ends_well_when_it_is_told_to() {
    let meta = senders::meta().await;
    let home = Home::new(&meta, "page-token", |text| text);
    let directory = tempfile::tempdir().expect("a directory");
    let here = directory.path();
    let one = || lead(DEVIS_FORM).answer("full_name", &["Zoé"]).answer("email", &["z@example.org"]);
    let socket: PathBuf = home.directory.path().join("run/admin.sock");
    for (round, ending) in [(0_u64, Signal::INT), (1, Signal::TERM)] {
        let mut follower = export(&socket, here, &["--follow", "--interval", "1"]);
        let stdout = File::options().create(true).append(true).open(here.join("all.ndjson")).expect("a file");
        let stderr = File::create(here.join("stderr")).expect("a file");
        let follower = follower.stdin(Stdio::null()).stdout(stdout).stderr(stderr);
        let mut follower = Mortal(follower.spawn().expect("it runs"));
        let said = || fs::read_to_string(here.join("stderr")).unwrap_or_default();
        let wait = async |until: &dyn Fn() -> bool| {
            let began = Instant::now();
            while !until() {
                assert!(began.elapsed() < PATIENCE, "{}", said());
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        wait(&|| said().contains("tamis is not running")).await;
        let daemon = home.serve(&[]);
        let id = meta.add_lead(one());
        let body = meta.notification(&[&id]);
        assert_eq!(meta.deliver(&daemon.webhook(), &body).await.expect("an answer").status, 200);
        wait(&|| state_of(here) == round + 1).await;
        assert_eq!(said().matches("tamis is not running").count(), 1, "once, not at each try: {}", said());
        wait(&|| said().contains("going on")).await;
        let idle = async || {
            tokio::time::sleep(Duration::from_millis(2_500)).await;
            let lines = daemon.admin().get("/admin/v1/trail?limit=10000").await.lines();
            lines.iter().filter(|line| line["action"] == "exported" && line["count"] == 0).count()
        };
        let lines = idle().await;
        assert!(lines > 0, "that it polls is written down");
        assert_eq!(idle().await, lines, "and once a day");
        signal(&follower.0, ending);
        assert!(follower.0.wait().expect("its end").success(), "{ending:?}: {}", said());
        assert!(said().contains("1 record of devis"), "{}", said());
        daemon.terminate();
    }
    assert_eq!(of_file(&here.join("all.ndjson")), [1, 2]);
    meta.stop().await;
}

/// The commands of a page that export or find, as they stand there.
fn commands(page: &str) -> Vec<String> {
    let lines = page.lines().map(|line| line.strip_prefix("sudo ").unwrap_or(line));
    let lines = lines.filter(|line| line.starts_with("tamis export") || line.starts_with("tamis find"));
    lines.map(str::to_owned).collect()
}

/// A newcomer types what stands there, today and tomorrow.
#[tokio::test(flavor = "multi_thread")]
async fn what_the_documentation_says_of_exports_works_as_it_is_printed_and_the_next_day_too() {
    let readme = fs::read_to_string(Path::new(crate::api::ROOT).join("README.md")).expect("a file");
    for (page, days, at_least) in [(readme, 2, 3), (document("operator.md"), 1, 5)] {
        let world = World::start().await;
        submit(&world, 130, 0).await;
        let directory = tempfile::tempdir().expect("a directory");
        let here = directory.path();
        std::os::unix::fs::symlink(BINARY, here.join("tamis")).expect("a link");
        let path = format!("{}:/usr/bin:/bin", here.display());
        let lines = commands(&page);
        assert!(lines.len() >= at_least, "{lines:?}");
        for day in 0..days {
            for line in &lines {
                let line = line.replace("/var/lib/tamis-sync/", "");
                let mut shell = Command::new("sh");
                shell.args(["-c", &line]).current_dir(here).env_clear().env("PATH", &path);
                shell.env("TAMIS_CONFIG", world.directory.path().join("tamis.toml"));
                let output = run(shell).await.expect("a shell");
                assert!(output.status.success(), "day {day}: {line}\n{}", told(&output));
            }
            if day == 0 && days > 1 {
                submit(&world, 2, 130).await;
            }
        }
        if days > 1 {
            let synced = of_file(&here.join("devis.ndjson"));
            assert_eq!(synced, (1..=132).collect::<Vec<u64>>(), "each once, over two days");
            let table = fs::read_to_string(here.join("devis.csv")).expect("a table");
            assert_eq!(table.lines().count(), 133, "all of it, twice asked for");
        }
        world.end().await;
    }
}
