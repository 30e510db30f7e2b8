//! Receipts of erasure as whoever holds one meets them: the binary, the verifier in docs/ that knows the public key alone, and
//! the page.

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tamis::forget::receipt::Signed;
use tamis::forget::receipt::note::VerifierKey;
use tamis::language::Language;

use crate::support::process::{BINARY, installed};

const VERIFIER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/receipt-verify.py");

/// True if there is a Python that can sign and verify; else it is said.
pub fn python_signs() -> bool {
    let looked = Command::new("python3").args(["-c", "import cryptography"]).stderr(Stdio::null()).status();
    let signs = looked.is_ok_and(|status| status.success());
    if !signs {
        println!("skipped: python3-cryptography is not installed (.ci/run installs it)");
    }
    signs
}

/// tests/data/receipt/vectors.json: the key, and files with what becomes of each.
fn vectors() -> (String, Vec<(String, String, String)>) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/receipt/vectors.json");
    let vectors: Value = serde_json::from_slice(&fs::read(path).expect("kept")).expect("JSON");
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    let judged = vectors["judged"].as_array().expect("a list").iter();
    let judged = judged.map(|one| (text(&one["what"]), text(&one["note"]), text(&one["in_paper"]))).collect();
    (text(&vectors["vkey"]), judged)
}

/// Runs the verb with no config, no daemon and no environment.
fn verify(directory: &Path, note: &str, arguments: &[&str]) -> Output {
    let file = directory.join("receipt.txt");
    fs::write(&file, note).expect("written");
    let mut command = Command::new(BINARY);
    command.env_clear().args(["receipt", "verify"]).arg(file).args(arguments);
    command.stdin(Stdio::null()).output().expect("the binary runs")
}

fn words(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("UTF-8")
}

#[test]
fn the_binary_says_of_each_note_what_becomes_of_it_and_shows_only_what_was_signed() {
    let directory = tempfile::tempdir().expect("a directory");
    let (key, judged) = vectors();
    for (what, note, verdict) in judged {
        let output = verify(directory.path(), &note, &["--key", &key]);
        let (shown, said) = (words(&output.stdout), words(&output.stderr));
        if verdict == "good" {
            assert_eq!(output.status.code(), Some(0), "{what}: {said}");
            assert!(shown.starts_with("Receipt of erasure\n"), "{what}: {shown}");
            assert!(
                said.starts_with("the signature of leads.lumen.example/receipts (key "),
                "{what}: {said}"
            );
        } else {
            assert_eq!((output.status.code(), &*shown), (Some(1), ""), "{what}");
            assert!(said.starts_with("error: ") && said.contains(&format!("({verdict})")), "{what}: {said}");
            assert!(said.contains(&format!("tamis explain {verdict}")), "{what}: {said}");
        }
    }
}

#[test]
fn a_receipt_is_shown_in_words_of_three_languages_or_as_it_was_signed() {
    let directory = tempfile::tempdir().expect("a directory");
    let (key, judged) = vectors();
    let note = &judged[0].1;
    for (language, begins) in
        [("fr", "Reçu d’effacement\n"), ("en", "Receipt of erasure\n"), ("de", "Löschbestätigung\n")]
    {
        let output = verify(directory.path(), note, &["--key", &key, "--lang", language]);
        assert!(words(&output.stdout).starts_with(begins), "{}", words(&output.stdout));
    }
    let output = verify(directory.path(), note, &["--key", &key, "--json"]);
    assert_eq!(words(&output.stdout), note.split_inclusive('\n').next().expect("a line"));
    let cases: [(&str, &[&str]); 3] =
        [("a key", &["--key", &key[1..]]), ("no key", &[]), ("a language", &["--key", &key, "--lang", "it"])];
    for (what, arguments) in cases {
        assert_eq!(verify(directory.path(), note, arguments).status.code(), Some(2), "{what}");
    }
    let absent = directory.path().join("absent");
    let output = Command::new(BINARY).args(["receipt", "verify", "--key", &key]).arg(absent).output();
    let output = output.expect("the binary runs");
    assert_eq!(output.status.code(), Some(1));
    assert!(words(&output.stderr).contains("cannot read"), "{}", words(&output.stderr));
}

#[test]
fn a_receipt_may_come_by_stdin_and_one_without_an_end_is_read_no_further_than_one_can_be() {
    let directory = tempfile::tempdir().expect("a directory");
    let (key, judged) = vectors();
    let file = directory.path().join("receipt.txt");
    fs::write(&file, &judged[0].1).expect("written");
    let from = |stdin: fs::File| {
        let mut command = Command::new(BINARY);
        command.env_clear().args(["receipt", "verify", "-", "--key", &key]).stdin(stdin);
        command.output().expect("the binary runs")
    };
    assert_eq!(from(fs::File::open(&file).expect("there")).status.code(), Some(0));
    let endless = from(fs::File::open("/dev/zero").expect("there"));
    assert_eq!(endless.status.code(), Some(1));
    assert!(words(&endless.stderr).contains("receipt-malformed"), "{}", words(&endless.stderr));
}

/// The verifier is the proof that a receipt needs no tamis: short enough to be read, and of one mind with it.
#[test]
fn the_verifier_in_docs_knows_the_public_key_alone_and_says_the_same() {
    let source = fs::read_to_string(VERIFIER).expect("docs/receipt-verify.py");
    assert!(source.lines().count() <= 65, "{} lines", source.lines().count());
    assert!(!source.contains("assert "), "python -O leaves assertions out");
    if !python_signs() {
        return;
    }
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("receipt.txt");
    let (key, judged) = vectors();
    let line = judged[0].1.split_inclusive('\n').next().expect("a line").to_owned();
    let run = |key: &str| python(&file, key);
    for (what, note, verdict) in judged {
        fs::write(&file, &note).expect("written");
        let output = run(&key);
        // What a text means it leaves to whoever reads it.
        let holds = ["good", "receipt-unreadable"].contains(&&*verdict);
        // A note with very many signatures is refused by the binary for its length alone.
        if what != "a hundred and one signatures" {
            assert_eq!(output.status.code(), Some(i32::from(!holds)), "{what}: {}", words(&output.stderr));
        }
        if holds {
            let shown = words(&output.stdout);
            assert!(!shown.is_empty() && (shown == line || note.starts_with(&shown)), "{what}: {shown}");
        } else {
            assert!(!words(&output.stderr).contains("Traceback"), "{what}: {}", words(&output.stderr));
        }
    }
    assert_eq!(run(&key[1..]).status.code(), Some(1), "a key that is none");
    let key = key.as_str();
    for wrong in [&[][..], &["receipt.txt", key], &[key, "--key", "receipt.txt", "more"]] {
        let called = Command::new("python3").arg(VERIFIER).args(wrong).output().expect("Python runs");
        assert_eq!(called.status.code(), Some(2), "{wrong:?}");
    }
}

/// Called as `tamis receipt verify` is.
fn python(file: &Path, key: &str) -> Output {
    let mut command = Command::new("python3");
    command.arg(VERIFIER).arg(file).args(["--key", key]).output().expect("Python runs")
}

/// What a newcomer has: what `tamis erasure` printed, as text by default, or a file that Notepad or a mail has had.
#[test]
fn whatever_is_handed_out_is_taken_back_also_from_windows_and_without_its_last_line_s_end() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("paper");
    let (text, judged) = vectors();
    let key = VerifierKey::parse(&text).expect("a key");
    let signed = Signed::open(judged[0].1.as_bytes(), &key).expect("it holds");
    let both = |language| [signed.sheet(language), signed.html(language)];
    let papers = Language::ALL.into_iter().flat_map(both).chain([signed.note().to_owned()]);
    let with_python = python_signs();
    for paper in papers {
        // Somebody rewrote the words; nobody could rewrite what was signed.
        let retold = paper.replacen("CRM Nuage SAS (FR)", "nobody", 1);
        let cut = |paper: &str| paper.trim_end().to_owned();
        for paper in
            [paper.replace('\n', "\r\n"), cut(&paper.replace('\n', "\r\n")), cut(&paper), retold, paper]
        {
            let output = verify(directory.path(), &paper, &["--key", &text]);
            assert_eq!(output.status.code(), Some(0), "{}: {paper}", words(&output.stderr));
            assert_eq!(words(&output.stdout), signed.text(Language::En));
            if with_python {
                fs::write(&file, &paper).expect("written");
                let output = python(&file, &text);
                assert_eq!(words(&output.stdout), signed.json(), "{}: {paper}", words(&output.stderr));
            }
        }
    }
}

/// As a browser gets it: no warning of a checker either.
#[test]
fn a_receipts_page_is_html_in_every_language() {
    if !installed("tidy") {
        println!("skipped: tidy is not installed (.ci/run installs it)");
        return;
    }
    let directory = tempfile::tempdir().expect("a directory");
    let (key, judged) = vectors();
    let key = VerifierKey::parse(&key).expect("a key");
    let tidy = |page: &str| {
        let file = directory.path().join("receipt.html");
        fs::write(&file, page).expect("written");
        let mut command = Command::new("tidy");
        command.args(["-quiet", "-errors", "-utf8", "--show-info", "no"]).arg(file);
        let output = command.output().expect("tidy runs");
        (output.status.code(), words(&output.stderr))
    };
    for (_, note, _) in judged.iter().take(2) {
        let signed = Signed::open(note.as_bytes(), &key).expect("it holds");
        for language in Language::ALL {
            let page = signed.html(language);
            assert_eq!(tidy(&page), (Some(0), String::new()), "{language}");
            let broken = page.replacen("</table>", "", 1);
            assert_ne!(tidy(&broken).0, Some(0), "control: what is wrong is seen");
        }
    }
}
