//! Every example of the documents: each block is run as it is written, read by what would read it, or shown with a reason.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::api::{ROOT, document};

/// What becomes of a block.
enum How {
    /// This test runs it.
    Run(&'static str),
    /// This test reads it, by what reads such a text in earnest.
    Read(&'static str),
    /// It cannot be run where tests run, and this is why. Its `tamis` lines are read all the same, as everywhere
    /// (`every_command_line_in_the_documents_is_one`).
    Shown(&'static str),
}
use How::{Read, Run, Shown};

const SERVER: How = Run("what_the_operator_s_page_says_works_as_it_is_written");
const PERSON: How = Run("the_verbs_for_a_person_run_as_the_page_has_them");
const ASKING: How = Run("a_house_that_asks_by_itself_gets_who_is_due_and_says_who_was_asked");
const CONFIG: How = Read("every_toml_block_in_the_documents_is_read");
const NOT_HERE: How = Shown("needs Debian's archive, rustup, certbot, Docker or an init system");
const PACKAGE: How = Shown("needs the package, which .ci/package makes and tries");
const BY_HAND: How = Shown("needs root on a fresh Debian 12; the page ends with what was tried there");

/// Page, how the block begins, what becomes of it.
const BLOCKS: &[(&str, &str, How)] = &[
    ("README.md", "cargo run --release -- demo", Run("the_demo_tells_the_walk_and_leaves_nothing_behind")),
    ("README.md", "sudo apt-get install ./tamis_", PACKAGE),
    ("README.md", "tamis init DIR", Run("what_the_readme_says_of_running_it_works_as_it_is_written")),
    ("README.md", "tamis status", SERVER),
    ("ARCHITECTURE.md", " Meta ──signed call──▶", Shown("a drawing")),
    (
        "CONTRIBUTING.md",
        "cargo run --release -- demo",
        Shown("what builds, tests and measures all of this: .ci/run and .ci/long"),
    ),
    ("CONTRIBUTING.md", "cargo mutants", Shown("hours; .ci/long runs it")),
    ("docs/api.md", "curl --unix-socket", SERVER),
    (
        "docs/api.md",
        "{\"id\":\"devis-1-7\"",
        Read("the_record_and_the_feed_of_the_page_have_the_shape_of_one"),
    ),
    ("docs/api.md", "{\"changes\":[", Read("the_record_and_the_feed_of_the_page_have_the_shape_of_one")),
    ("docs/api.md", "import re", Run("several_values_in_a_cell_are_read_back_as_they_were")),
    ("docs/api.md", "\"\"\"export.py", Run("the_client_of_the_documentation_reads_on_where_it_stopped")),
    ("docs/deploy.md", "cargo build", NOT_HERE),
    ("docs/deploy.md", "install -d -m 750 -g tamis /etc/tamis", SERVER),
    ("docs/deploy.md", "hex() {", BY_HAND),
    ("docs/deploy.md", "\"${EDITOR:-nano}\"", BY_HAND),
    ("docs/deploy.md", "systemctl enable", BY_HAND),
    ("docs/deploy.md", "apt-get install", NOT_HERE),
    ("docs/deploy.md", "sed -i", NOT_HERE),
    ("docs/deploy.md", "day=$(date", BY_HAND),
    ("docs/deploy.md", "client=lumen", BY_HAND),
    ("docs/deploy.md", "install -d /etc/systemd/system/tamis.service.d", BY_HAND),
    ("docs/deploy.md", "docker build", NOT_HERE),
    (
        "docs/develop.md",
        "tamis sandbox init try",
        Run("three_commands_lead_from_nothing_to_an_exported_lead_and_the_rest_of_the_page_works"),
    ),
    (
        "docs/develop.md",
        "tamis sandbox send",
        Run("three_commands_lead_from_nothing_to_an_exported_lead_and_the_rest_of_the_page_works"),
    ),
    (
        "docs/develop.md",
        "tamis token create",
        Run("three_commands_lead_from_nothing_to_an_exported_lead_and_the_rest_of_the_page_works"),
    ),
    ("docs/develop.md", "tamis sandbox run", Run("a_tamis_of_its_own_runs_against_meta_s_side_alone")),
    (
        "docs/logs.md",
        "2026-11-25T08:47:38.120Z INFO",
        Read("the_lines_of_the_page_are_lines_as_the_log_writes_them"),
    ),
    ("docs/logs.md", "{\"time\":", Read("the_lines_of_the_page_are_lines_as_the_log_writes_them")),
    (
        "docs/metrics.md",
        "- alert: TamisNoCall",
        Shown("an alarm to write oneself, with hours that fit the forms"),
    ),
    ("docs/operator.md", "sudo apt-get install ./tamis_", PACKAGE),
    ("docs/operator.md", "sudo apt-get install build-essential", NOT_HERE),
    ("docs/operator.md", "hex() {", SERVER),
    ("docs/operator.md", "sudo tamis check", SERVER),
    ("docs/operator.md", "[admin]", SERVER),
    ("docs/operator.md", "[controller]", SERVER),
    ("docs/operator.md", "[purposes.lettre]\nconsents", CONFIG),
    (
        "docs/operator.md",
        "[Unit]",
        Shown("a unit of one's own; its command is one that tests/it/sync.rs runs"),
    ),
    ("docs/operator.md", "sudo systemctl enable", SERVER),
    (
        "docs/operator.md",
        "cd /usr/share/doc/tamis",
        Shown("needs a public name; the two files are run by tests/it/proxy.rs"),
    ),
    (
        "docs/operator.md",
        "read -rs TOKEN                                 # paste the system",
        Shown("needs Meta and its tokens"),
    ),
    (
        "docs/operator.md",
        "read -rs TOKEN                                 # the page",
        Shown("needs Meta and its tokens"),
    ),
    ("docs/operator.md", "[purposes.devis]\ntitle", CONFIG),
    ("docs/operator.md", "[purposes.lettre]\ntitle", CONFIG),
    (
        "docs/operator.md",
        "INFO  lead.accepted",
        Shown("the beginnings of three lines; docs/logs.md has them whole"),
    ),
    ("docs/operator.md", "sudo tamis export devis", SERVER),
    ("docs/operator.md", "[admin]\nsocket = \"/run/tamis/admin.sock\"\nlisten", SERVER),
    ("docs/operator.md", "sudo tamis token create", SERVER),
    ("docs/operator.md", "sudo tamis status", SERVER),
    (
        "docs/operator.md",
        "tamis trail checkpoint",
        Run("the_operator_s_page_holds_the_trail_against_what_was_kept"),
    ),
    (
        "docs/operator.md",
        "tamis suppress add",
        Run("the_operator_s_page_puts_an_address_on_the_list_and_takes_it_off_again"),
    ),
    ("docs/operator.md", "tamis      0.1.0", Shown("a screen; tests/it/status.rs holds what stands on it")),
    ("docs/operator.md", "sudo tamis inbox                                             #", SERVER),
    ("docs/operator.md", "sudo tamis backup", SERVER),
    ("docs/operator.md", "sudo tamis vacuum", Shown("tests/it/vacuum.rs has one run")),
    ("docs/operator.md", "[backup]\nledger", CONFIG),
    (
        "docs/operator.md",
        "sudo systemctl stop tamis\nsudo systemd-run",
        Shown("needs an init system; tests/it/backup.rs restores"),
    ),
    (
        "docs/operator.md",
        "sudo systemctl stop tamis\nsudo sh -c",
        Shown("needs an init system; tests/it/rotating.rs rotates"),
    ),
    ("docs/operator.md", "sudo systemctl stop tamis            ", SERVER),
    ("docs/people.md", "tamis reconfirm preview", ASKING),
    ("docs/people.md", "tamis reconfirm due", ASKING),
    ("docs/people.md", "tamis person access", PERSON),
    ("docs/people.md", "tamis person erase", PERSON),
    ("docs/people.md", "tamis person link", PERSON),
    ("docs/people.md", "tamis person requests", PERSON),
    ("docs/operator.md", "[mail]", CONFIG),
    (
        "docs/operator.md",
        "sudo install -m 600 -o tamis -g tamis /dev/stdin /etc/tamis/secrets/mail-password",
        Shown("needs an account at a mail server; tests/it/mail runs the command against one of its own"),
    ),
    ("docs/people.md", "[evidence]", CONFIG),
    (
        "docs/people.md",
        "tamis demo --life",
        Run("the_life_is_told_to_its_end_within_a_minute_and_leaves_nothing_behind"),
    ),
    (
        "docs/people.md",
        "2028-06-02  eighteen months later",
        Shown("some of what the line above prints, on one day of 2026"),
    ),
    ("docs/people.md", "tamis register", Run("the_officer_s_commands_run_as_the_page_has_them")),
    ("docs/purposes.md", "[purposes.devis]", CONFIG),
];

fn pages() -> Vec<PathBuf> {
    let root = Path::new(ROOT);
    let mut pages: Vec<PathBuf> =
        ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"]
            .map(PathBuf::from)
            .into();
    let docs = ["docs", "docs/fr"].map(|folder| fs::read_dir(root.join(folder)).expect("docs"));
    let docs = docs.into_iter().flat_map(Iterator::flatten).map(|entry| entry.path());
    let docs = docs.filter(|path| path.extension().is_some_and(|kind| kind == "md"));
    pages.extend(docs.map(|path| path.strip_prefix(root).expect("below").to_owned()));
    pages
}

fn blocks(page: &str) -> Vec<String> {
    let mut blocks = Vec::new();
    let mut open: Option<String> = None;
    for line in page.lines() {
        match (&mut open, line.starts_with("```")) {
            (None, true) => open = Some(String::new()),
            (Some(_), true) => blocks.extend(open.take()),
            (Some(block), false) => {
                block.push_str(line);
                block.push('\n');
            }
            (None, false) => {}
        }
    }
    blocks
}

/// The names of all tests.
fn tests() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut open = vec![Path::new(ROOT).join("tests"), Path::new(ROOT).join("src")];
    while let Some(place) = open.pop() {
        for entry in fs::read_dir(place).expect("a folder").flatten() {
            match entry.path() {
                path if path.is_dir() => open.push(path),
                path if path.extension().is_some_and(|kind| kind == "rs") => {
                    let text = fs::read_to_string(path).expect("a source");
                    let functions = text.split("fn ").skip(1).filter_map(|rest| rest.split('(').next());
                    names.extend(functions.map(str::to_owned));
                }
                _ => {}
            }
        }
    }
    names
}

#[test]
fn each_block_of_the_documents_is_run_or_read_or_shown_for_a_reason() {
    let tests = tests();
    let mut used = BTreeSet::new();
    let mut unknown = Vec::new();
    for page in pages() {
        let name = page.to_string_lossy().into_owned();
        let text = fs::read_to_string(Path::new(ROOT).join(&page)).expect("a page");
        for block in blocks(&text) {
            // The longest beginning that fits is meant.
            let fits = |(of, begins, _): &&(&str, &str, How)| *of == name && block.starts_with(begins);
            let fitting = BLOCKS.iter().filter(fits).max_by_key(|(_, begins, _)| begins.len());
            match fitting {
                Some((of, begins, _)) => drop(used.insert((*of, *begins))),
                None => unknown.push(format!("{name}: {}", block.lines().next().unwrap_or_default())),
            }
        }
    }
    assert!(unknown.is_empty(), "not in the list: say what becomes of them: {unknown:#?}");
    let gone: Vec<_> =
        BLOCKS.iter().map(|(page, begins, _)| (*page, *begins)).filter(|key| !used.contains(key)).collect();
    assert!(gone.is_empty(), "in the list, but in no page: {gone:#?}");
    for (page, begins, how) in BLOCKS {
        match how {
            Run(test) | Read(test) => {
                assert!(tests.contains(*test), "{page}: {begins}: there is no test {test}")
            }
            Shown(why) => assert!(!why.is_empty()),
        }
    }
}

#[test]
fn shell_blocks_are_shell() {
    for page in pages() {
        let text = fs::read_to_string(Path::new(ROOT).join(&page)).expect("a page");
        for block in text.split("```sh\n").skip(1).filter_map(|rest| rest.split("```").next()) {
            let output = Command::new("bash").args(["-n", "-c", block]).output().expect("bash");
            assert!(
                output.status.success(),
                "{}: {}",
                page.display(),
                String::from_utf8_lossy(&output.stderr)
            );
        }
    }
}

#[test]
fn the_record_and_the_feed_of_the_page_have_the_shape_of_one() {
    let page = document("api.md");
    let openapi: Value = serde_json::from_str(&document("openapi.json")).expect("JSON");
    let block = |number: usize| -> Value {
        let block = page.split("```json\n").nth(number).and_then(|rest| rest.split("```").next());
        serde_json::from_str(block.expect("a block")).expect("JSON")
    };
    let has_shape = |shown: &Value, name: &str| {
        let shape = &openapi["components"]["schemas"][name];
        let (members, shown) =
            (shape["properties"].as_object().expect("members"), shown.as_object().expect("an object"));
        let unknown: Vec<&String> = shown.keys().filter(|name| !members.contains_key(*name)).collect();
        assert!(unknown.is_empty(), "no {name} has {unknown:?}");
        for required in shape["required"].as_array().expect("a list").iter().filter_map(Value::as_str) {
            assert!(shown.contains_key(required), "a {name} has {required}");
        }
    };
    has_shape(&block(1), "Lead");
    let feed = block(2);
    has_shape(&feed, "ChangeList");
    feed["changes"].as_array().expect("changes").iter().for_each(|change| has_shape(change, "Change"));
}

/// The same line in both formats, with the same fields in the same order.
#[test]
fn the_lines_of_the_page_are_lines_as_the_log_writes_them() {
    let page = document("logs.md");
    let blocks = blocks(&page);
    let (pretty, json) = (blocks[0].trim_end(), blocks[1].trim_end());
    let fields: Vec<&str> =
        pretty.split_whitespace().skip(3).filter_map(|word| word.split('=').next()).collect();
    let places: Vec<usize> =
        fields.iter().map(|field| json.find(&format!("\"{field}\":")).expect("in both")).collect();
    assert!(places.is_sorted(), "{fields:?}");
    let written: Value = serde_json::from_str(json).expect("JSON");
    assert_eq!(written.as_object().map(|line| line.len()), Some(fields.len() + 3));
    let source = fs::read_to_string(Path::new(ROOT).join("src/workers/settlement_log.rs")).expect("a source");
    let said =
        source.split("\"lead.stored\"").next().and_then(|before| before.rsplit("tracing::info!(").next());
    let names = said.unwrap_or_default().lines().filter_map(|line| line.trim().split(" = ").next());
    let named: Vec<&str> = names.filter(|name| name.contains('.')).collect();
    assert!(fields.iter().all(|field| named.contains(field)), "{fields:?} of {named:?}");
}
