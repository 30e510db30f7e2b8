//! A trail that is held against what somebody kept of it elsewhere: whatever is changed, taken out, put elsewhere or cut off is
//! found, also by whoever has the keys, and where is said.

mod planted;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Arc;

use jiff::Timestamp;
use tamis::trail::{Action, Entry};

use crate::api::run;
use crate::receipt::python_signs;
use crate::retention::{DAY_S, Shifted, pass, world as world_at};
use crate::support::process::{BINARY, Home};
use crate::support::{DEVIS_FORM, World, canary, lead, senders};
use planted::Planted;

/// What somebody does to the rows, without the keys.
type Plant = fn(&mut Planted);

/// What somebody does who writes the chain anew: to the lines, at one of them.
type Rewrite = fn(&mut Vec<(Timestamp, Entry)>, usize);

fn words(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("UTF-8")
}

fn trail(world: &World, arguments: &[&str]) -> Output {
    let mut command = Command::new(BINARY);
    command.env_clear().arg("trail").args(arguments).arg("--socket").arg(&world.addresses.socket);
    command.output().expect("it runs")
}

/// Keeps a checkpoint, and says of which line it is.
fn keep(world: &World, name: &str) -> (PathBuf, u64) {
    let file = world.directory.path().join(name);
    let made = trail(world, &["checkpoint", "--output", &file.display().to_string()]);
    assert!(made.status.success(), "{}", words(&made.stderr));
    let note = fs::read_to_string(&file).expect("a note");
    (file, note.lines().nth(1).expect("a second line").parse().expect("a number"))
}

fn since(world: &World, kept: &Path) -> (Option<i32>, String) {
    let verified = trail(world, &["verify", "--since", &kept.display().to_string()]);
    (verified.status.code(), words(&verified.stdout) + &words(&verified.stderr))
}

/// Each read-out is a line.
async fn read_out(world: &World, times: usize) {
    for _ in 0..times {
        assert_eq!(world.records("devis").await.len(), 1);
    }
}

/// A trail of at least eight lines, a checkpoint after the second read-out and one near the end, and a line more.
struct Case {
    world: World,
    /// The newer, and both as a log has them.
    newest: PathBuf,
    log: PathBuf,
    lines: [u64; 2],
}

impl Case {
    async fn new() -> Self {
        let world = World::start().await;
        let email = format!("{}@example.org", canary("trail"));
        let answers = lead(DEVIS_FORM).answer("full_name", &["Zoé"]).answer("email", &[&email]);
        let id = world.submit(answers, &[&email]);
        world.deliver_all(std::slice::from_ref(&id)).await;
        world.stored("devis", 1).await;
        read_out(&world, 2).await;
        let (early, first) = keep(&world, "early.txt");
        read_out(&world, 6).await;
        let (newest, last) = keep(&world, "newest.txt");
        read_out(&world, 1).await;
        let log = world.directory.path().join("checkpoints.log");
        let line = |file: &PathBuf| {
            let note = fs::read_to_string(file).expect("a note");
            format!(
                "2026-11-25T08:47:38.120Z INFO  trail.checkpoint checkpoint.lines=1 checkpoint.note={note:?}\n"
            )
        };
        fs::write(&log, [line(&early), line(&newest)].concat()).expect("a log");
        assert!(first >= 3 && last >= first + 6, "{first} {last}");
        for kept in [&early, &newest, &log] {
            let (code, told) = since(&world, kept);
            assert_eq!(code, Some(0), "{told}");
            assert!(told.contains("none is missing") && told.contains("it is the trail of"), "{told}");
        }
        Self { world, newest, log, lines: [first, last] }
    }

    /// The daemon comes back over what somebody did to the trail.
    async fn tampered(&mut self, tamper: impl FnOnce(&mut Planted)) {
        self.world.stop_daemon().await;
        let mut planted = Planted::read(&self.world);
        tamper(&mut planted);
        planted.write(&self.world);
        self.world.start_daemon().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_keys_what_is_changed_taken_out_put_elsewhere_or_cut_off_is_found_where_it_is() {
    let cases: [(&str, Plant); 5] = [
        ("changed", |trail| trail.rows.get_mut(&3).expect("a line")[10] ^= 1),
        ("taken out", |trail| drop(trail.rows.remove(&3))),
        ("put elsewhere", |trail| {
            let (third, fourth) = (trail.rows[&3].clone(), trail.rows[&4].clone());
            trail.rows.extend([(3, fourth), (4, third)]);
        }),
        ("the first", |trail| drop(trail.rows.remove(&1))),
        // The row that names the end stays.
        ("the last", |trail| drop(trail.rows.pop_last())),
    ];
    for (what, tamper) in cases {
        let mut case = Case::new().await;
        case.tampered(tamper).await;
        let (code, told) = since(&case.world, &case.newest);
        assert_eq!(code, Some(1), "{what}: {told}");
        let after = |line: u64| {
            (
                format!("the lines up to {} (20", line - 1),
                format!("line {line} is missing, changed or elsewhere"),
            )
        };
        let (sound, place) = match what {
            "the first" => (String::new(), "its first line is missing".to_owned()),
            "the last" => after(case.lines[1] + 1),
            _ => after(3),
        };
        // The moment of the last line that is sound is told with it.
        assert!(told.contains(&sound) && told.contains(&place), "{what}: {told}");
        assert!(told.contains("tamis explain trail-broken"), "{what}: {told}");
        case.world.end().await;
    }
}

/// The row that says where the end is has no seal: whoever writes the files cuts it off as well, and the chain holds.
#[tokio::test(flavor = "multi_thread")]
async fn an_end_that_was_cut_off_with_the_row_that_names_it_is_found_by_the_checkpoint_alone() {
    let mut case = Case::new().await;
    let [first, last] = case.lines;
    case.tampered(|trail| trail.cut_after(first)).await;
    let alone = trail(&case.world, &["verify"]);
    assert_eq!(alone.status.code(), Some(0), "the control: {}", words(&alone.stderr));
    for kept in [&case.newest, &case.log] {
        let (code, told) = since(&case.world, kept);
        assert_eq!(code, Some(1), "{told}");
        assert!(
            told.contains("it ends with line ") && told.contains("tamis explain trail-cut-short"),
            "{told}"
        );
        assert!(told.contains(&format!("a checkpoint is of line {last} of 20")), "{told}");
        assert!(told.contains(&format!(" to {last} are gone")), "{told}");
    }
    case.world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_the_keys_a_trail_that_was_written_anew_chains_and_is_not_the_one_of_then() {
    let cases: [(&str, Rewrite); 3] = [
        ("changed", |lines, at| lines[at].1.count += 1),
        ("taken out", |lines, at| drop(lines.remove(at))),
        ("put elsewhere", |lines, at| {
            lines[at].1.count = 77;
            lines.swap(at, at + 1);
        }),
    ];
    for (what, change) in cases {
        let mut case = Case::new().await;
        let [first, last] = case.lines;
        case.tampered(|trail| {
            let mut lines = trail.lines();
            // Between the two checkpoints.
            change(&mut lines, usize::try_from(first).expect("few") + 1);
            trail.chain_anew(lines);
        })
        .await;
        let alone = trail(&case.world, &["verify"]);
        assert_eq!(alone.status.code(), Some(0), "the control, {what}: {}", words(&alone.stderr));
        let (code, told) = since(&case.world, &case.newest);
        assert_eq!(code, Some(1), "{what}: {told}");
        assert!(told.contains("tamis explain trail-rewritten"), "{what}: {told}");
        assert!(told.contains(&format!("of the lines 1 to {last} (20")), "{what}: {told}");
        let (code, told) = since(&case.world, &case.log);
        assert_eq!(code, Some(1), "{what}: {told}");
        assert!(told.contains(&format!("up to line {first} of 20")), "{what}: {told}");
        assert!(told.contains(&format!("of the lines {} to {last} (20", first + 1)), "{what}: {told}");
        case.world.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_not_signed_here_is_not_taken_and_a_new_address_changes_nothing() {
    let mut case = Case::new().await;
    let key = words(&trail(&case.world, &["checkpoint", "--key"]).stdout);
    let key = key.trim_end();
    let kept = case.newest.display().to_string();
    let given = |key: &str| trail(&case.world, &["verify", "--since", &kept, "--key", key]);
    assert_eq!(given(key).status.code(), Some(0));
    assert_eq!(given(&key[1..]).status.code(), Some(2), "a key that is none");
    let other = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
    let unknown = given(other);
    assert_eq!(unknown.status.code(), Some(1));
    assert!(words(&unknown.stderr).contains("tamis explain checkpoint-key-unknown"));
    let note = fs::read_to_string(&case.newest).expect("a note");
    let forged = case.world.directory.path().join("forged.txt");
    let line = format!("\n{}\n", case.lines[1]);
    let changed = note.replace(&line, "\n2\n");
    for (text, code) in [(&*changed, "forged"), ("", "malformed"), (&note[..note.len() - 1], "malformed")] {
        fs::write(&forged, text).expect("written");
        let (exit, told) = since(&case.world, &forged);
        assert_eq!(exit, Some(1), "{told}");
        assert!(told.contains(&format!("tamis explain checkpoint-{code}")), "{told}");
    }
    let again = trail(&case.world, &["checkpoint", "--output", &kept]);
    assert!(words(&again.stderr).contains("is there already"), "nothing that was kept is written over");

    case.world.stop_daemon().await;
    case.world
        .reconfigure(|text| text.replace("https://leads.lumen.example", "https://leads.atelier.example"));
    case.world.start_daemon().await;
    let now = words(&trail(&case.world, &["checkpoint", "--key"]).stdout);
    assert!(now.starts_with("leads.atelier.example/trail+") && now.trim_end() != key, "{now}");
    for arguments in [vec!["verify", "--since", &kept], vec!["verify", "--since", &kept, "--key", key]] {
        let verified = trail(&case.world, &arguments);
        assert_eq!(verified.status.code(), Some(0), "{}", words(&verified.stderr));
    }
    case.world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_checkpoint_of_lines_that_had_their_time_is_no_alarm_and_one_of_lines_that_had_not_is() {
    let clock = Arc::new(Shifted::default());
    let mut world = world_at(&clock).await;
    let (none, lines) = keep(&world, "early.txt");
    world.records("devis").await;
    let (old, of_old) = keep(&world, "old.txt");
    assert!(lines < of_old);
    pass(&world, &clock, 400 * DAY_S).await;
    world
        .until("they are gone", || async {
            let lines = world.admin().get("/admin/v1/trail?limit=10000").await.lines();
            lines.iter().any(|line| line["action"] == "trail-closed")
        })
        .await;
    let (new, of_new) = keep(&world, "new.txt");
    for kept in [&none, &old] {
        let (code, told) = since(&world, kept);
        assert_eq!(code, Some(0), "{told}");
        assert!(lines == 0 && kept == &none || told.contains(" has had its time, as line "), "{told}");
    }
    let (_, told) = since(&world, &old);
    assert!(told.contains("nothing is left to hold against"), "{told}");
    let (code, told) = since(&world, &new);
    assert_eq!(code, Some(0), "{told}");
    assert!(told.contains(&format!("it is the trail of the checkpoint of line {of_new} of ")), "{told}");

    // Whoever has the keys closes it over what was done today.
    world.stop_daemon().await;
    let mut planted = Planted::read(&world);
    let (time, mut entry) =
        (planted.lines().last().expect("a line").0, Entry::by_system(Action::TrailClosed));
    entry.count = of_new;
    planted.close_over(of_new, time, entry);
    planted.write(&world);
    world.start_daemon().await;
    let alone = trail(&world, &["verify"]);
    assert_eq!(alone.status.code(), Some(0), "the control: {}", words(&alone.stderr));
    let (code, told) = since(&world, &new);
    assert_eq!(code, Some(1), "{told}");
    assert!(told.contains(&format!("a checkpoint is of line {of_new} of ")), "{told}");
    assert!(told.contains("tamis explain trail-closed-early"), "{told}");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_operator_s_page_holds_the_trail_against_what_was_kept() {
    let page = include_str!("../../docs/operator.md");
    let begins = |block: &&str| block.starts_with("tamis trail checkpoint");
    let block = page.split("```sh\n").find(begins).expect("the block");
    let block = block.split("```").next().expect("its end");
    let meta = senders::meta().await;
    let home = Home::new(&meta, "page-token", |text| text);
    let daemon = home.serve(&[]);
    let at = home.directory.path();
    let said = daemon.until_said("trail.checkpoint", 1).join("\n");
    fs::write(at.join("tamis.log"), format!("{said}\n")).expect("a log");
    let binaries = home.binary.parent().expect("a folder").to_owned();
    let mut shell = Command::new("sh");
    shell.args(["-euc", block]).current_dir(at).env_clear().stdin(Stdio::null());
    shell.env("PATH", format!("{}:/usr/bin:/bin", binaries.display())).env("TAMIS_CONFIG", home.config());
    let ran = run(shell).await.expect("a shell");
    let (out, err) = (words(&ran.stdout), words(&ran.stderr));
    assert!(ran.status.success(), "{err}");
    assert_eq!(out.matches("the trail has no lines yet").count(), 2, "{out}");
    assert_eq!(err.matches("the signatures are those of ").count(), 2, "{err}");
    if python_signs() {
        let verifier = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/receipt-verify.py");
        let key = fs::read_to_string(at.join("trail-key.txt")).expect("a key");
        let (origin, _) = key.split_once('+').expect("a name");
        let mut python = Command::new("python3");
        python.arg(verifier).arg(at.join("checkpoint.txt")).args(["--key", key.trim_end()]);
        let checked = python.output().expect("Python runs");
        assert!(checked.status.success(), "{}", words(&checked.stderr));
        assert!(words(&checked.stdout).starts_with(&format!("{origin}\n0\n")) && origin.ends_with("/trail"));
    }
    assert!(daemon.terminate().0.success());
    meta.stop().await;
}

/// The log is all that somebody kept.
#[tokio::test(flavor = "multi_thread")]
async fn the_lines_of_a_log_in_either_format_are_what_the_trail_is_held_against() {
    for format in ["pretty", "json"] {
        let meta = senders::meta().await;
        let log = format!("\n[log]\nformat = \"{format}\"\n");
        let home = Home::new(&meta, "page-token", |text| format!("{text}{log}"));
        let daemon = home.serve(&[]);
        daemon.until_said("trail.checkpoint", 1);
        let (status, said) = daemon.terminate();
        assert!(status.success(), "{said}");
        let count = said.lines().filter(|line| line.contains("trail.checkpoint")).count();
        assert_eq!(count, 2, "at the start and at the end: {said}");
        let kept = home.config().with_file_name("kept.log");
        fs::write(&kept, &said).expect("written");
        let daemon = home.serve(&[]);
        let mut command = Command::new(BINARY);
        command
            .env_clear()
            .args(["trail", "verify", "--since"])
            .arg(&kept)
            .arg("--socket")
            .arg(daemon.socket());
        let output = run(command).await.expect("it runs");
        assert_eq!(output.status.code(), Some(0), "{}", words(&output.stderr));
        assert!(daemon.terminate().0.success());
        meta.stop().await;
    }
}
