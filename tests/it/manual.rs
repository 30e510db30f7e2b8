//! Man pages and completions, as the programs read them that they are for.

use std::collections::BTreeSet;
use std::io::Write;
use std::process::{Command, Stdio};

use crate::support::process::{BINARY, installed};

fn tamis(arguments: &[&str]) -> String {
    let told = Command::new(BINARY).args(arguments).env_clear().output().expect("the command line");
    assert!(told.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&told.stderr));
    String::from_utf8(told.stdout).expect("text")
}

/// The verbs, as the help lists them.
fn verbs() -> Vec<String> {
    let help = tamis(&["--help"]);
    let listed =
        help.split_once("Commands:\n").expect("a list").1.split("\n\n").next().expect("its end").to_owned();
    // A description that is wrapped goes on further right.
    let verbs: Vec<String> = (listed.lines())
        .filter_map(|line| line.strip_prefix("  ").filter(|line| !line.starts_with(' ')))
        .filter_map(|line| line.split_whitespace().next().map(str::to_owned))
        .collect();
    assert!(verbs.len() >= 12, "{verbs:?}");
    verbs
}

/// Gives a text to a program; what it says on stdout and stderr.
fn told_by(program: &str, arguments: &[&str], text: &str) -> (String, String) {
    let mut child = Command::new(program)
        .args(arguments)
        .env("LC_ALL", "C.UTF-8")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it runs");
    let mut stdin = child.stdin.take().expect("a pipe");
    let text = text.to_owned();
    let writer =
        std::thread::Builder::new().spawn(move || stdin.write_all(text.as_bytes())).expect("a thread");
    let told = child.wait_with_output().expect("its end");
    // A program that has seen enough is no failure of this test.
    let _ = writer.join();
    let words = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (words(&told.stdout), words(&told.stderr))
}

#[test]
fn each_verb_has_a_page_that_troff_reads_without_a_complaint() {
    let names: BTreeSet<String> = tamis(&["manual", "--names"]).lines().map(str::to_owned).collect();
    assert!(names.contains("tamis") && names.contains("tamis-token-create"), "{names:?}");
    for verb in verbs() {
        assert!(names.contains(&format!("tamis-{verb}")), "{verb}");
    }
    let whole = tamis(&["manual"]);
    for verb in verbs() {
        let written = format!("tamis-{verb}(1)").replace('-', "\\-");
        assert!(whole.contains(&written), "{verb}\n{whole}");
    }
    assert_eq!(tamis(&["manual", "export"]), tamis(&["manual", "tamis-export"]));
    for name in &names {
        let page = tamis(&["manual", name]);
        assert!(page.contains(&format!(".TH {name} 1 ")), "{page}");
        if installed("groff") {
            let (shown, complained) = told_by("groff", &["-man", "-ww", "-Tutf8", "-P-cbu"], &page);
            assert_eq!(complained, "", "{name}");
            assert!(shown.contains("SYNOPSIS"), "{shown}");
        }
    }
    let told =
        Command::new(BINARY).args(["manual", "\u{1b}[31mnonsense"]).env_clear().output().expect("it runs");
    let said = String::from_utf8(told.stderr).expect("text");
    assert!(told.status.code() == Some(2) && !said.contains("nonsense"), "{said}");
}

/// bash asks the function that the completions define, as it does when somebody presses Tab.
fn completed_by_bash(words: &[&str]) -> BTreeSet<String> {
    let line = words.iter().map(|word| format!("'{word}'")).collect::<Vec<_>>().join(" ");
    let script = format!(
        "{}\nCOMP_WORDS=({line}); COMP_CWORD={}; _tamis tamis '{}' '{}'; printf '%s\\n' \"${{COMPREPLY[@]}}\"\n",
        tamis(&["completions", "bash"]),
        words.len() - 1,
        words[words.len() - 1],
        words[words.len() - 2],
    );
    let (told, complained) = told_by("bash", &["--norc", "-s"], &script);
    assert_eq!(complained, "", "{words:?}");
    told.lines().map(str::to_owned).collect()
}

#[test]
fn bash_completes_every_verb_and_its_options() {
    let offered = completed_by_bash(&["tamis", ""]);
    for verb in verbs() {
        assert!(offered.contains(&verb), "{verb} is not among {offered:?}");
    }
    assert_eq!(
        completed_by_bash(&["tamis", "exp"]),
        BTreeSet::from(["explain", "export"].map(str::to_owned))
    );
    assert!(completed_by_bash(&["tamis", "export", "--"]).contains("--format"));
    assert!(
        completed_by_bash(&["tamis", "token", ""])
            .is_superset(&BTreeSet::from(["create", "list"].map(str::to_owned)))
    );
}

#[test]
fn zsh_and_fish_get_every_verb_and_no_fault() {
    for (shell, check) in [("zsh", "-n"), ("fish", "--no-execute")] {
        let completions = tamis(&["completions", shell]);
        for verb in verbs() {
            let lines = |start: &str| completions.lines().any(|line| line.contains(start));
            assert!(lines(&format!("'{verb}:")) || lines(&format!("-a \"{verb}\"")), "{shell}: {verb}");
        }
        if installed(shell) {
            let directory = tempfile::tempdir().expect("a directory");
            let file = directory.path().join("completions");
            std::fs::write(&file, &completions).expect("written");
            let told = Command::new(shell).arg(check).arg(&file).output().expect("it runs");
            assert!(told.status.success(), "{shell}: {}", String::from_utf8_lossy(&told.stderr));
        }
    }
}
