//! The account that the demo gives at its end.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;

use reqwest::Method;
use serde_json::Value;

use crate::client::Daemon;
use crate::play::demo::stage::Stage;
use crate::play::demo::{disk, number, read};
use crate::terminal::Failure;
use crate::terminal::Table;
use crate::terminal::{print, thousands};

/// So many addresses are searched for on disk.
const SEARCHED_MAX: usize = 2_000;
/// So many lines of the export and of the log are shown.
const LINES_SHOWN: usize = 4;

/// What happened, gathered from both sides.
pub(super) struct Account {
    text: String,
}

impl Account {
    /// Asks the daemon, Meta's side and the disk.
    pub(super) async fn take(stage: &Stage, daemon: &Daemon, calls: usize) -> Result<Self, Failure> {
        let inbox = read(daemon, "/inbox").await?;
        let purposes = read(daemon, "/purposes").await?;
        let export = daemon
            .fetch(
                daemon
                    .call(Method::GET, &format!("/purposes/devis/leads?format=csv&limit={LINES_SHOWN}"))
                    .header("Tamis-Reason", "audit"),
            )
            .await?;
        let mut text = String::new();
        sent(&mut text, stage, calls);
        fetched(&mut text, stage);
        dropped(&mut text, &inbox);
        refused(&mut text, &inbox);
        held(&mut text, &purposes);
        subscribed(&mut text, stage);
        exported(&mut text, &String::from_utf8_lossy(&export));
        on_disk(&mut text, stage)
            .map_err(|error| Failure::failed(format!("cannot look at the disk: {}", error.kind())))?;
        said(&mut text, stage);
        next(&mut text);
        Ok(Self { text })
    }

    /// Prints it.
    pub(super) fn print(&self) -> Result<(), Failure> {
        print(&self.text)
    }
}

fn heading(text: &mut String, heading: &str) {
    let _ = writeln!(text, "\n{heading}");
}

fn count(value: usize) -> String {
    thousands(value as u64)
}

fn sent(text: &mut String, stage: &Stage, calls: usize) {
    let world = &stage.world;
    let _ = writeln!(text, "tamis demo: a workshop's lead forms, with a simulated Meta on this machine");
    heading(text, "Meta sent");
    let _ = writeln!(
        text,
        "  {} submissions of {} forms (one of them German) in {} signed calls, {} submissions twice",
        count(world.leads.len()),
        world.forms.len(),
        count(calls),
        count(world.twice.len()),
    );
    let _ = writeln!(text, "  each call was answered 200, after its references were synced to disk");
}

fn fetched(text: &mut String, stage: &Stage) {
    let calls = stage.meta.graph_calls();
    let leads: Vec<&str> = calls
        .iter()
        .filter_map(|call| call.fields.as_deref())
        .filter(|fields| fields.contains("field_data"))
        .collect();
    let asked: BTreeSet<&str> = leads.iter().copied().collect();
    heading(text, "tamis fetched");
    let _ = writeln!(
        text,
        "  {} Graph calls: {} of one lead each, asking for no more than",
        count(calls.len()),
        count(leads.len())
    );
    for fields in asked {
        let _ = writeln!(text, "    {fields}");
    }
}

fn dropped(text: &mut String, inbox: &Value) {
    heading(text, "and dropped while parsing, before they became values");
    let mut by_form: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for row in list(&inbox["dropped"]) {
        let name = row["name"].as_str().unwrap_or_default();
        let line = format!("{name} {}", count(number(&row["count"])));
        by_form.entry(row["form_id"].as_str().unwrap_or_default()).or_default().push(line);
    }
    for (form, names) in by_form {
        let _ = writeln!(text, "  form {form}: {}", names.join(" · "));
    }
}

fn refused(text: &mut String, inbox: &Value) {
    let mut table = Table::new(&["form", "code", "submissions"]);
    for row in list(&inbox["refused"]) {
        let cell = |name: &str| row[name].as_str().unwrap_or_default().to_owned();
        table.row([cell("form_id"), cell("code"), count(number(&row["count"]))]);
    }
    if !table.is_empty() {
        heading(text, "not stored");
        let _ = write!(text, "{table}");
    }
}

fn held(text: &mut String, purposes: &Value) {
    heading(text, "what each purpose holds, sealed");
    let mut table = Table::new(&["purpose", "basis", "records", "fields"]);
    for purpose in list(&purposes["purposes"]) {
        let fields: Vec<&str> = list(&purpose["fields"]).iter().filter_map(Value::as_str).collect();
        table.row([
            purpose["id"].as_str().unwrap_or_default().to_owned(),
            purpose["basis"].as_str().unwrap_or_default().to_owned(),
            count(number(&purpose["stored"])),
            fields.join(", "),
        ]);
    }
    let _ = write!(text, "{table}");
}

fn subscribed(text: &mut String, stage: &Stage) {
    let world = &stage.world;
    let is_kept = |id: &&String| !world.incomplete.contains(*id);
    let _ = writeln!(
        text,
        "  {} of those who asked for a quote ticked the box for the letter: one submission, a record for each purpose",
        count(world.subscribed.iter().filter(is_kept).count()),
    );
}

fn exported(text: &mut String, csv: &str) {
    heading(
        text,
        "the first lines of `tamis export devis --format csv` (an access that now stands in the trail)",
    );
    for line in csv.lines().take(LINES_SHOWN + 1) {
        let _ = writeln!(text, "  {line}");
    }
}

fn on_disk(text: &mut String, stage: &Stage) -> std::io::Result<()> {
    let kept = stage.kept();
    let forbidden = addresses(stage);
    let found = disk::search(&kept, &forbidden)?;
    let control = disk::finds_a_control(&kept[0])?;
    heading(text, "what lies on disk");
    let _ = writeln!(text, "  {}…", disk::glimpse(&kept[0])?);
    let _ = writeln!(
        text,
        "  searched {} bytes in {} files for {} addresses and leadgen ids: {} found (control: {})",
        thousands(found.bytes),
        found.files,
        count(forbidden.len()),
        found.hits,
        if control { "found" } else { "NOT found" },
    );
    Ok(())
}

/// What people wrote and what leads to them: e-mail addresses and leadgen ids.
fn addresses(stage: &Stage) -> Vec<String> {
    let mut texts: Vec<String> = Vec::new();
    for lead in &stage.world.leads {
        if texts.len() >= SEARCHED_MAX {
            break;
        }
        texts.push(lead.id.clone());
        let answers = lead.field_data.iter().flatten();
        let words = answers.filter_map(|entry| serde_json::from_str::<Value>(entry.as_str()).ok());
        let values = words.flat_map(|entry| list(&entry["values"]).to_vec());
        texts.extend(
            values.filter_map(|value| value.as_str().filter(|word| word.contains('@')).map(str::to_owned)),
        );
    }
    texts
}

fn said(text: &mut String, stage: &Stage) {
    heading(text, "the log names no person");
    let log = fs::read_to_string(stage.log_path()).unwrap_or_default();
    for name in ["lead.accepted", "lead.stored", "lead.refused", "form.read"] {
        if let Some(line) = log.lines().find(|line| line.contains(name)) {
            let _ = writeln!(text, "  {line}");
        }
    }
}

fn next(text: &mut String) {
    heading(text, "where to go next");
    let _ = writeln!(text, "  tamis demo --keep        leaves this running, to look around");
    let _ = writeln!(text, "  tamis init DIR           a config of your own, with its keys");
    let _ = writeln!(text, "  README.md                from here to a registered webhook");
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}
