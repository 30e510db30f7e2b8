//! One person of the demo: what Meta has of the submission, beside what is kept of it. Invented, like all of them.

use reqwest::Method;
use serde_json::{Value, json};
use tamis_simulator::Lead;

use crate::client::{Daemon, parse, written};
use crate::play::demo::stage::Stage;
use crate::play::house::{list, read};
use crate::terminal::{Failure, Sheet, Tone};

/// Among so many the person is looked for who answered most.
const LOOKED_AT_MAX: usize = 200;
/// The columns: what the form asked, what Meta has, where it is kept.
const WIDTHS: [usize; 2] = [22, 26];

/// An answer or a box, as it is told.
struct Row {
    asked: String,
    at_meta: String,
    kept: Vec<String>,
}

/// Tells of the one who answered most among those who also ticked the box for the letter.
pub(super) async fn tell(sheet: &mut Sheet, stage: &Stage, daemon: &Daemon) -> Result<(), Failure> {
    let Some(lead) = chosen(stage) else { return Ok(()) };
    let question = written(&json!({ "leadgen_id": lead.id, "unmask": true }))?;
    let call = daemon.call(Method::POST, "/find").header("Tamis-Reason", "audit").body(question);
    let found: Value = parse(&daemon.fetch(call).await?)?;
    let forms = read(daemon, "/forms").await?;
    let form = list(&forms["forms"]).iter().find(|form| form["form_id"] == lead.form_id.as_str());
    let rows = rows(lead, form.unwrap_or(&Value::Null), list(&found["records"]));
    sheet.heading("one of these people, as Meta has the submission and as tamis keeps it");
    row(sheet, [Tone::Faint; 3], "  asked", "answered at Meta", "kept, sealed, for");
    for Row { asked, at_meta, kept } in &rows {
        let (tone, kept) =
            if kept.is_empty() { (Tone::Bad, "-".into()) } else { (Tone::Good, kept.join(", ")) };
        row(sheet, [Tone::Plain, Tone::Plain, tone], &format!("  {asked}"), at_meta, &kept);
    }
    let kept = rows.iter().filter(|row| !row.kept.is_empty()).count();
    sheet.line(&format!("  {} at Meta = {kept} kept + {} dropped", rows.len(), rows.len() - kept));
    Ok(())
}

fn row(sheet: &mut Sheet, [asked, at_meta, kept]: [Tone; 3], first: &str, second: &str, third: &str) {
    sheet.cell(asked, first, WIDTHS[0]).put(Tone::Plain, "  ");
    sheet.cell(at_meta, second, WIDTHS[1]).put(Tone::Plain, "  ").put(kept, third).end();
}

fn chosen(stage: &Stage) -> Option<&Lead> {
    let world = &stage.world;
    let odd = |lead: &&Lead| !world.incomplete.contains(&lead.id) && !world.test.contains(&lead.id);
    let whole = || world.leads.iter().filter(odd).take(LOOKED_AT_MAX);
    let subscribed = whole().filter(|lead| world.subscribed.contains(&lead.id));
    let most = |lead: &&Lead| answers(lead).len();
    subscribed.max_by_key(most).or_else(|| whole().max_by_key(most))
}

/// What was answered, skipped questions aside.
fn answers(lead: &Lead) -> Vec<(String, Vec<String>)> {
    let entries = lead.field_data.iter().flatten();
    let entries = entries.filter_map(|entry| serde_json::from_str::<Value>(entry.as_str()).ok());
    let answer = |entry: Value| {
        let values = list(&entry["values"]).iter().filter_map(|value| value.as_str().map(str::to_owned));
        let values: Vec<String> = values.collect();
        (!values.is_empty()).then(|| (text(&entry["name"]), values))
    };
    entries.filter_map(answer).collect()
}

fn rows(lead: &Lead, form: &Value, records: &[Value]) -> Vec<Row> {
    let answered = answers(lead).into_iter().map(|(asked, values)| {
        let question = list(&form["questions"]).iter().find(|question| question["key"] == asked.as_str());
        let fields = question.map(|question| list(&question["fields"])).unwrap_or_default();
        let holds = |field: &Value| {
            let field = text(field);
            let (purpose, name) = field.split_once('.').unwrap_or(("", &field));
            let record = records.iter().find(|record| purpose.is_empty() || record["purpose"] == purpose)?;
            (record["fields"][name] == json!(values)).then(|| format!("{}.{name}", text(&record["purpose"])))
        };
        let kept = fields.iter().filter_map(holds).collect();
        Row { asked, at_meta: values.join("; "), kept }
    });
    let boxes = lead.disclaimer_responses.iter().flatten();
    let boxes = boxes.filter_map(|entry| serde_json::from_str::<Value>(entry.as_str()).ok()).map(|entry| {
        let asked = text(&entry["checkbox_key"]);
        let is_ticked = entry["is_checked"] == "1";
        let known = list(&form["boxes"]).iter().find(|known| known["key"] == asked.as_str());
        let consent = known.map(|known| text(&known["consent"])).unwrap_or_default();
        let key = consent.rsplit('.').next().unwrap_or_default();
        let given = records.iter().find(|record| record["consents"][key]["given"] == true);
        let kept = given.map(|record| format!("{}, consent {key}", text(&record["purpose"])));
        let at_meta = if is_ticked { "box ticked" } else { "box not ticked" };
        Row { asked, at_meta: at_meta.to_owned(), kept: kept.into_iter().collect() }
    });
    answered.chain(boxes).collect()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
