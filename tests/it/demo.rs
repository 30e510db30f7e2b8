//! `tamis demo` as a newcomer meets it: what it tells, in which width and colour, and what it leaves behind.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Output, Stdio};
use std::time::{Duration, Instant};

use crate::support::process::{BINARY, installed};

/// How long a demo may take before the test fails.
const PATIENCE: Duration = Duration::from_secs(120);

fn demo(temporary: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(BINARY);
    command.arg("demo").args(arguments).env_clear().env("TMPDIR", temporary).stdin(Stdio::null());
    command
}

fn words(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("UTF-8")
}

fn is_empty(directory: &Path) -> bool {
    fs::read_dir(directory).expect("a directory").next().is_none()
}

fn signal(child: &Child, signal: rustix::process::Signal) {
    let pid = i32::try_from(child.id()).ok().and_then(rustix::process::Pid::from_raw).expect("a process");
    rustix::process::kill_process(pid, signal).expect("a signal");
}

/// The numbers of the line in which this stands.
fn numbers(told: &str, within: &str) -> Vec<u64> {
    let line =
        told.lines().find(|line| line.contains(within)).unwrap_or_else(|| panic!("no {within} in {told}"));
    let words = line.split_whitespace().map(|word| word.replace(',', ""));
    words.filter_map(|word| word.parse().ok()).collect()
}

#[test]
fn the_demo_tells_the_walk_and_leaves_nothing_behind() {
    let temporary = tempfile::tempdir().expect("a directory");
    let Output { status, stdout, stderr } =
        demo(temporary.path(), &["--leads", "60"]).output().expect("the binary runs");
    let (told, complained) = (words(&stdout), words(&stderr));
    assert_eq!(status.code(), Some(0), "{told}\n{complained}");
    for part in [
        "60 submissions of 3 forms",
        "all persons are invented",
        "as Meta has the submission and as tamis keeps it",
        "id,created_time,form_id,field_data,custom_disclaimer_responses\n",
        "id,created_time,form_id,field_data,custom_disclaimer_responses,campaign_id\n",
        "on no whitelist\n",
        "the person did not tick the box\n",
        "consent-missing",
        "id,purpose,created_time,",
        "0 found (control: found)",
        "lead.stored",
    ] {
        assert!(told.contains(part), "{part} is not in\n{told}");
    }
    assert!(told.lines().all(|line| line.chars().count() <= 80), "{told}");
    assert!(!told.contains('\u{1b}'), "colour is for terminals");
    assert!(is_empty(temporary.path()), "something was left behind");

    // The sums add up, and say what is so.
    let [submissions, of_two, ends] = numbers(&told, "of a form with two purposes")[..] else {
        panic!("{told}")
    };
    let [stored, not_asked, refused, all] = numbers(&told, "not asked for +")[..] else { panic!("{told}") };
    assert_eq!((submissions, ends), (60, 60 + of_two));
    assert_eq!((stored + not_asked + refused, all), (ends, ends), "{told}");
    assert!(of_two > 0 && not_asked > 0 && refused > 0, "{told}");
    // What is said of one person, too: each answer is kept or dropped.
    let person = told.split("as tamis keeps it\n").nth(1).and_then(|rest| rest.split("\n\n").next());
    let rows: Vec<&str> = person.unwrap_or_default().lines().skip(1).collect();
    let (sum, rows) = rows.split_last().expect("rows");
    let dropped = rows.iter().filter(|row| row.ends_with("  -")).count();
    assert_eq!(
        *sum,
        format!("  {} at Meta = {} kept + {dropped} dropped", rows.len(), rows.len() - dropped),
        "{told}"
    );
    let of = |question: &str| rows.iter().find(|row| row.trim_start().starts_with(question)).expect("a row");
    assert!(of("email").ends_with("devis.email, lettre.email"), "{told}");
    assert!(of("have_you_diabetes").ends_with("  -") && of("newsletter_optin").contains("lettre, consent"));
}

/// Starts it, and waits until all is told. Whoever drops the reader closes its stderr.
fn kept(temporary: &Path) -> (Child, BufReader<ChildStderr>) {
    let mut command = demo(temporary, &["--leads", "20", "--keep"]);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("the binary runs");
    let mut stderr = BufReader::new(child.stderr.take().expect("a pipe"));
    let told = stderr.by_ref().lines().map_while(Result::ok).any(|line| line.contains("until Ctrl-C"));
    assert!(told, "it did not get there");
    (child, stderr)
}

fn ended(mut child: Child) -> Option<i32> {
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE {
        if let Some(status) = child.try_wait().expect("a process") {
            return status.code();
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    let _ = child.kill();
    panic!("it does not end")
}

#[test]
fn whoever_ends_one_that_was_kept_has_seen_it_succeed_and_nothing_is_left() {
    use rustix::process::Signal;
    for asked in [Signal::INT, Signal::TERM, Signal::HUP] {
        let temporary = tempfile::tempdir().expect("a directory");
        let (child, _stderr) = kept(temporary.path());
        assert!(!is_empty(temporary.path()));
        signal(&child, asked);
        assert_eq!(ended(child), Some(0), "{asked:?}");
        assert!(is_empty(temporary.path()), "{asked:?}: something was left behind");
    }
}

#[test]
fn a_terminal_that_is_closed_amid_it_leaves_nothing_behind() {
    use rustix::process::Signal;
    for asked in [Signal::HUP, Signal::INT] {
        let temporary = tempfile::tempdir().expect("a directory");
        let mut command = demo(temporary.path(), &["--leads", "20000"]);
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the binary runs");
        let begun = Instant::now();
        // At once: also while it is still setting itself up.
        while is_empty(temporary.path()) {
            assert!(begun.elapsed() < PATIENCE, "it never began");
            std::thread::sleep(Duration::from_millis(1));
        }
        signal(&child, asked);
        assert_eq!(ended(child), Some(1), "{asked:?}: it was not played to its end");
        assert!(is_empty(temporary.path()), "{asked:?}: something was left behind");
    }
}

#[test]
fn a_terminal_gets_colour_unless_it_is_asked_not_to() {
    if !installed("script") {
        println!("skipped: there is no `script` to make a terminal");
        return;
    }
    let told = |variables: &[(&str, &str)]| {
        let temporary = tempfile::tempdir().expect("a directory");
        let mut command = Command::new("script");
        command.args(["-qec", &format!("{BINARY} demo --leads 5"), "/dev/null"]).env_clear();
        command.env("TMPDIR", temporary.path()).env("TERM", "xterm").env("PATH", "/usr/bin:/bin");
        command.envs(variables.iter().copied()).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("a terminal");
        let mut told = Vec::new();
        child.stdout.take().expect("a pipe").read_to_end(&mut told).expect("read");
        assert!(child.wait().expect("its end").success());
        // A progress bar moves the cursor; colour is what ends in m.
        words(&told)
            .split('\u{1b}')
            .skip(1)
            .filter(|code| {
                code.split(|c: char| c.is_alphabetic())
                    .next()
                    .is_some_and(|number| code.starts_with('[') && code[number.len()..].starts_with('m'))
            })
            .count()
    };
    assert!(told(&[]) > 10);
    assert_eq!(told(&[("NO_COLOR", "1")]), 0);
    assert_eq!(told(&[("TERM", "dumb")]), 0);
    assert!(told(&[("NO_COLOR", "")]) > 10, "set to nothing is not set");
}

/// Without a terminal, as everything above: and without Python, a mail server or a network.
#[test]
fn the_life_is_told_to_its_end_within_a_minute_and_leaves_nothing_behind() {
    let temporary = tempfile::tempdir().expect("a directory");
    let begun = Instant::now();
    let Output { status, stdout, stderr } =
        demo(temporary.path(), &["--life"]).output().expect("the binary runs");
    let (told, complained) = (words(&stdout), words(&stderr));
    assert_eq!((status.code(), complained.as_str()), (Some(0), ""), "{told}");
    assert!(begun.elapsed() < Duration::from_secs(60), "{:?}", begun.elapsed());
    let mut rest = told.as_str();
    for part in [
        "seven people ask for the monthly letter",
        "tamis person object",
        "tamis person access",
        "tamis person bounce",
        "eighteen months later",
        "tamis reconfirm preview",
        "two weeks later",
        "tamis confirm",
        "records-lapsed",
        "what is left, as the receipts say",
        "0 found (control: found)",
        "tamis person withdraw",
        "three years later",
    ] {
        rest = rest.split_once(part).unwrap_or_else(|| panic!("{part} is not in its place in\n{told}")).1;
    }
    assert!(told.lines().all(|line| line.chars().count() <= 80), "{told}");
    assert!(!told.contains('\u{1b}') && !told.contains("/p/"), "no colour, and nobody's link: {told}");
    assert!(is_empty(temporary.path()), "something was left behind");
    for also in ["--keep", "--leads=5"] {
        let refused = demo(temporary.path(), &["--life", also]).output().expect("the binary runs");
        assert_eq!(refused.status.code(), Some(2), "{also}");
    }
}

#[test]
fn a_life_that_is_interrupted_leaves_nothing_behind() {
    let temporary = tempfile::tempdir().expect("a directory");
    let mut command = demo(temporary.path(), &["--life"]);
    let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the binary runs");
    let begun = Instant::now();
    while is_empty(temporary.path()) {
        assert!(begun.elapsed() < PATIENCE, "it never began");
        std::thread::sleep(Duration::from_millis(1));
    }
    signal(&child, rustix::process::Signal::INT);
    assert_eq!(ended(child), Some(1), "it was not played to its end");
    assert!(is_empty(temporary.path()), "something was left behind");
}
