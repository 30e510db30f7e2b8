//! The account that the demo gives at its end.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use reqwest::Method;
use serde_json::Value;

use crate::client::Daemon;
use crate::play::demo::stage::Stage;
use crate::play::demo::{disk, person, sums};
use crate::play::house::{count, list, number, read};
use crate::terminal::Failure;
use crate::terminal::thousands;
use crate::terminal::{Sheet, Table, Tone};

/// So many addresses are searched for on disk.
const SEARCHED_MAX: usize = 2_000;
/// So many lines of the export are shown.
const LINES_SHOWN: usize = 4;

/// What happened, to be told from both sides.
pub(super) struct Account<'s> {
    stage: &'s Stage,
    daemon: &'s Daemon,
    calls: usize,
    inbox: Value,
    purposes: Value,
    csv: String,
}

impl<'s> Account<'s> {
    /// Asks the daemon.
    pub(super) async fn take(stage: &'s Stage, daemon: &'s Daemon, calls: usize) -> Result<Self, Failure> {
        let inbox = read(daemon, "/inbox").await?;
        let purposes = read(daemon, "/purposes").await?;
        let export = daemon
            .fetch(
                daemon
                    .call(Method::GET, &format!("/purposes/devis/leads?format=csv&limit={LINES_SHOWN}"))
                    .header("Tamis-Reason", "audit"),
            )
            .await?;
        let csv = String::from_utf8_lossy(&export).into_owned();
        Ok(Self { stage, daemon, calls, inbox, purposes, csv })
    }

    /// Tells it, with what Meta's side, the disk and the log say.
    pub(super) async fn tell(&self, mut sheet: Sheet) -> Result<(), Failure> {
        let Self { stage, daemon, inbox, purposes, .. } = self;
        self.sent(&mut sheet);
        person::tell(&mut sheet, stage, daemon).await?;
        fetched(&mut sheet, stage);
        sums::tell(&mut sheet, stage, daemon, inbox, purposes).await?;
        dropped(&mut sheet, stage, inbox);
        refused(&mut sheet, inbox);
        held(&mut sheet, purposes);
        exported(&mut sheet, &self.csv);
        on_disk(&mut sheet, stage)
            .map_err(|error| Failure::failed(format!("cannot look at the disk: {}", error.kind())))?;
        said(&mut sheet, stage);
        next(&mut sheet);
        sheet.print()
    }

    fn sent(&self, sheet: &mut Sheet) {
        let world = &self.stage.world;
        sheet
            .put(Tone::Heading, "tamis demo: a workshop's lead forms, with a simulated Meta on this machine")
            .end();
        sheet.line("all persons are invented");
        sheet.heading("Meta sent");
        sheet.line(&format!(
            "  {} submissions of {} forms (one of them German) in {} signed calls,",
            count(world.leads.len()),
            count(world.forms.len()),
            count(self.calls),
        ));
        sheet.line(&format!(
            "  {} of them twice, as it does at times: nothing is stored twice",
            count(world.twice.len())
        ));
        sheet.line("  each call was answered 200, after its references were synced to disk");
    }
}

fn fetched(sheet: &mut Sheet, stage: &Stage) {
    let calls = stage.meta.graph_calls();
    let leads: Vec<&str> = calls
        .iter()
        .filter_map(|call| call.fields.as_deref())
        .filter(|fields| fields.contains("field_data"))
        .collect();
    let asked: BTreeSet<&str> = leads.iter().copied().collect();
    sheet.heading("tamis fetched");
    sheet.line(&format!(
        "  {} Graph calls: {} of one lead each, asking for no more than",
        count(calls.len()),
        count(leads.len())
    ));
    for fields in asked {
        sheet.line(&format!("    {fields}"));
    }
}

/// By reason, and by form.
fn dropped(sheet: &mut Sheet, stage: &Stage, inbox: &Value) {
    for (code, heading) in [
        ("not-whitelisted", "dropped while parsing, before they became values: on no whitelist"),
        ("consent-not-given", "dropped although on a whitelist: the person did not tick the box"),
        ("not-kept", "dropped although on a whitelist: too long, or a second answer"),
    ] {
        let mut by_form: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for row in list(&inbox["dropped"]).iter().filter(|row| row["code"] == code) {
            let name = row["name"].as_str().unwrap_or_default();
            let line = format!("{name} {}", count(number(&row["count"])));
            by_form.entry(row["form_id"].as_str().unwrap_or_default()).or_default().push(line);
        }
        if by_form.is_empty() {
            continue;
        }
        sheet.heading(heading);
        for (id, names) in by_form {
            let form = stage.world.forms.iter().find(|form| form.id == id);
            let name = form.map_or(id, |form| form.name.as_str());
            sheet.paragraph("  ", &format!("{name}: {}", names.join(" · ")));
        }
    }
}

fn refused(sheet: &mut Sheet, inbox: &Value) {
    let mut table = Table::new(&["form", "purpose", "code", "submissions"]);
    for row in list(&inbox["refused"]) {
        let cell = |name: &str| row[name].as_str().unwrap_or_default().to_owned();
        table.row([cell("form_id"), cell("purpose"), cell("code"), count(number(&row["count"]))]);
    }
    if !table.is_empty() {
        sheet.heading("refused, and not stored (tamis explain CODE)");
        put(sheet, &table);
    }
}

fn held(sheet: &mut Sheet, purposes: &Value) {
    sheet.heading("what each purpose holds, sealed");
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
    put(sheet, &table);
}

fn put(sheet: &mut Sheet, table: &Table) {
    table.to_string().lines().for_each(|line| sheet.line(line));
}

fn exported(sheet: &mut Sheet, csv: &str) {
    sheet.heading("the first lines of `tamis export devis --format csv`, now in the trail");
    for line in csv.lines().take(LINES_SHOWN + 1) {
        sheet.line(&format!("  {line}"));
    }
}

fn on_disk(sheet: &mut Sheet, stage: &Stage) -> std::io::Result<()> {
    let kept = stage.kept();
    let forbidden = addresses(stage);
    let found = disk::search(&kept, &forbidden)?;
    let control = disk::finds_a_control(&kept[0])?;
    sheet.heading("what lies on disk");
    sheet.line(&format!("  {}…", disk::glimpse(&kept[0])?));
    sheet.line(&format!(
        "  searched {} bytes in {} files for {} addresses and leadgen ids:",
        thousands(found.bytes),
        found.files,
        count(forbidden.len()),
    ));
    let tone = if found.hits == 0 && control { Tone::Good } else { Tone::Bad };
    let control = if control { "found" } else { "NOT found" };
    sheet.put(tone, &format!("  {} found (control: {control})", found.hits)).end();
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

fn said(sheet: &mut Sheet, stage: &Stage) {
    sheet.heading("the log names no person");
    let log = fs::read_to_string(stage.log_path()).unwrap_or_default();
    for name in ["lead.accepted", "lead.stored", "lead.refused", "form.read"] {
        if let Some(line) = log.lines().find(|line| line.contains(name)) {
            sheet.paragraph("  ", line);
        }
    }
}

fn next(sheet: &mut Sheet) {
    sheet.heading("where to go next");
    sheet.line("  tamis demo --keep        leaves this running, to look around");
    sheet.line("  tamis sandbox init DIR   a tamis of your own to try, against this Meta");
    sheet.line("  tamis init DIR           a config of your own, with its keys");
}
