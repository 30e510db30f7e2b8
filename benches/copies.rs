//! Copies of forms: what 10,000 forms on 300 pages cost a start, a reload and `tamis check`, beside a config that takes none.
//! `cargo bench --bench copies` (`-- --pages 300 --forms 10000 --rounds 5`).
#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a bench fails by panicking and speaks to people"
)]

mod support;

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tamis::clock::{Clock, SystemClock};
use tamis::config;
use tamis::id::{FormId, PageId};
use tamis::purpose::{Checkbox, FormDefinition, Legal, LegalContent, Policy, Question, Wording};
use tamis::secret::location::Environment;
use tamis::store::KnownForm;
use tamis::workers::adopt_known;

use support::home::{Home, NO_GRAPH};
use support::rooms::Rooms;
use support::{machine, option};

/// Of so many forms one is no copy.
const ONE_IN: usize = 5;

fn main() {
    machine::describe(&std::env::temp_dir());
    let (pages, forms, rounds) =
        (option("pages", 300_usize), option("forms", 10_000_usize), option("rounds", 5));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    runtime.block_on(measure(pages, forms, rounds));
}

async fn measure(pages: usize, forms: usize, rounds: usize) {
    let home = Home::new(NO_GRAPH);
    write_config(&home, pages, false);
    let plain = read(&home.config());
    write_config(&home, pages, true);
    let with_copies = read(&home.config());
    let rooms = Rooms::open(home.path());
    println!("{pages} pages with an original each, {forms} forms more, one in {ONE_IN} no copy");
    let begun = Instant::now();
    for known in all(pages, forms) {
        rooms.store.put_form(known).await.expect("kept");
    }
    println!("definitions written, one by one: {:.1} s", begun.elapsed().as_secs_f64());

    let first = Arc::clone(&rooms.config.policy());
    let begun = Instant::now();
    adopt_known(&first, &rooms.store, rooms.clock.now()).await.expect("adopted");
    println!("adopted for the first time, with the register: {} ms", begun.elapsed().as_millis());
    let adopted = first.copies().adopted().len();
    assert_eq!(adopted, (0..forms).filter(|number| number % ONE_IN != 0).count());
    println!("| | median, ms | least | most | RSS more, kB |\n|---|---|---|---|---|");
    let mut kept: Vec<Arc<Policy>> = Vec::new();
    for (name, text) in [("copies", &with_copies), ("no copies taken; the first ends them all", &plain)] {
        let (mut took, before) = (Vec::new(), machine::status_kb(std::process::id(), "VmRSS"));
        for _ in 0..rounds {
            let policy = parsed(text);
            let begun = Instant::now();
            adopt_known(&policy, &rooms.store, rooms.clock.now()).await.expect("adopted");
            took.push(begun.elapsed());
            kept.push(policy);
        }
        let more =
            machine::status_kb(std::process::id(), "VmRSS").saturating_sub(before) / rounds.max(1) as u64;
        line(&format!("found again ({name}; start and reload)"), took, &more.to_string());
    }
    let policy = kept.swap_remove(0);
    let definitions: Vec<FormDefinition> = all(pages, forms).filter_map(|known| known.definition).collect();
    let copies = policy.copies();
    let judged = (0..rounds).map(|_| {
        let begun = Instant::now();
        for definition in definitions.iter().skip(pages) {
            let page = definition.page.expect("a page");
            std::hint::black_box(copies.judge(definition, &page, None));
        }
        begun.elapsed()
    });
    line("held against the originals, all, in memory", judged.collect(), "-");
    let revisions = (0..rounds).map(|_| {
        let begun = Instant::now();
        for definition in &definitions {
            std::hint::black_box(definition.revision());
        }
        begun.elapsed()
    });
    line("hashed, all: what each lead and purpose cost before", revisions.collect(), "-");
    rooms.store.close().await.expect("closes");
    drop(rooms);
    for takes in [false, true] {
        write_config(&home, pages, takes);
        let (mut started, mut checked, mut memory) = (Vec::new(), Vec::new(), 0);
        for _ in 0..rounds {
            let daemon = home.serve();
            started.push(daemon.start);
            let begun = Instant::now();
            let verdict = std::process::Command::new(env!("CARGO_BIN_EXE_tamis"))
                .args(["check", "--config"])
                .arg(home.config())
                .env_clear()
                .output()
                .expect("it runs");
            checked.push(begun.elapsed());
            assert!(verdict.status.success(), "{}", String::from_utf8_lossy(&verdict.stderr));
            memory = machine::status_kb(daemon.pid(), "VmRSS");
            daemon.terminate();
        }
        let name = if takes { "copies" } else { "no copies taken" };
        line(&format!("`tamis serve` until it serves ({name})"), started, &format!("{memory} in all"));
        line(&format!("`tamis check` with all forms ({name})"), checked, "-");
    }
}

fn line(name: &str, mut took: Vec<Duration>, memory: &str) {
    took.sort();
    let ms = |at: usize| took.get(at).map_or(0.0, |one| one.as_secs_f64() * 1e3);
    println!(
        "| {name} | {:.1} | {:.1} | {:.1} | {memory} |",
        ms(took.len() / 2),
        ms(0),
        ms(took.len().saturating_sub(1))
    );
}

fn read(path: &Path) -> std::path::PathBuf {
    let copy = path.with_extension(format!("{}.toml", fs::read(path).expect("a file").len()));
    fs::copy(path, &copy).expect("a copy");
    copy
}

fn parsed(path: &Path) -> Arc<Policy> {
    let loaded = config::load(path, &Environment::new(std::iter::empty()));
    loaded.unwrap_or_else(|faults| panic!("{faults}")).policy()
}

fn page(number: usize) -> String {
    format!("104{:012}", number + 1_000)
}

fn form(number: usize) -> FormId {
    FormId::parse(&format!("901{number:012}")).expect("digits")
}

/// Each page with an original of both purposes.
fn write_config(home: &Home, pages: usize, takes_copies: bool) {
    home.configure(NO_GRAPH, "warn");
    let text = fs::read_to_string(home.config()).expect("a config");
    let forms: Vec<String> = (0..pages).map(|number| format!("\"{}\"", form(number))).collect();
    let forms = format!("forms = [{}]\ncopies = {takes_copies}", forms.join(", "));
    let token = text.lines().find(|line| line.starts_with("token = ")).expect("a page's token").to_owned();
    let mut more = String::new();
    for number in 0..pages {
        let _ = write!(more, "[[meta.pages]]\nid = \"{}\"\nname = \"{number}\"\n{token}\n\n", page(number));
    }
    let text = text
        .replace("forms = [\"901000000000001\"]", &forms)
        .replace("forms = [\"901000000000002\"]", &forms)
        .replace("[store]", &format!("{more}[store]"))
        .replace("level = \"warn\"", "level = \"info\"");
    fs::write(home.config(), text).expect("a file");
}

/// The originals, then the others by turns on the pages: what both purposes ask for, a dozen questions more, two boxes.
fn all(pages: usize, forms: usize) -> impl Iterator<Item = KnownForm> {
    let known = move |number: usize| {
        let is_copy = number < pages || !(number - pages).is_multiple_of(ONE_IN);
        let mut questions: Vec<Question> = [
            ("full_name", "FULL_NAME"),
            ("first_name", "FIRST_NAME"),
            ("email", "EMAIL"),
            ("phone_number", "PHONE"),
        ]
        .map(|(key, kind)| Question::new(key, kind))
        .to_vec();
        if !is_copy {
            questions.pop();
        }
        questions.extend((0..12).map(|at| Question::new(&format!("frage_nummer_{at}_{number}"), "CUSTOM")));
        let one = |key: &str| Checkbox {
            key: key.to_owned(),
            text: Wording::of(&"J'accepte de recevoir la lettre. ".repeat(10), 4_000),
            is_required: Some(false),
            is_ticked_by_default: Some(false),
        };
        let body = Some(Wording::of(&"Vos données sont traitées par Exemple SARL. ".repeat(20), 4_000));
        let boxes = vec![one("email_optin"), one("consent_call")];
        let legal = Legal::Read(LegalContent { title: None, body, boxes, policy_url: None });
        let definition = FormDefinition {
            page: PageId::parse(&page(number % pages)),
            locale: "fr_FR".to_owned(),
            legal,
            ..FormDefinition::asking(form(number), questions)
        };
        KnownForm { form: form(number), definition: Some(definition), read_at: SystemClock.now() }
    };
    (0..pages + forms).map(known)
}
