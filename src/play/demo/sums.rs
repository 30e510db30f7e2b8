//! What became of all submissions, in one line of numbers from both sides: what Meta sent, and what the daemon counts.

use std::collections::HashMap;

use reqwest::Method;
use serde_json::Value;

use crate::client::Daemon;
use crate::play::demo::stage::Stage;
use crate::play::house::{count, list, number};
use crate::terminal::{Failure, Sheet, Tone};

/// Those who did not ask for a purpose are counted here alone.
const NOT_ASKED: &str = "tamis_leads_not_asked_total{";

/// A submission has an end for each purpose of its form; these are all of them.
struct Sums {
    submissions: usize,
    /// Of forms with two purposes.
    of_two: usize,
    /// As many as there should be.
    ends: usize,
    stored: usize,
    not_asked: usize,
    refused: usize,
}

/// Adds up, and says it where it does not.
pub(super) async fn tell(
    sheet: &mut Sheet,
    stage: &Stage,
    daemon: &Daemon,
    inbox: &Value,
    purposes: &Value,
) -> Result<(), Failure> {
    let metrics = daemon.fetch(daemon.call(Method::GET, "/metrics")).await?;
    let sums = Sums::of(stage, inbox, purposes, &String::from_utf8_lossy(&metrics));
    sheet.heading("what became of them");
    sheet.line(&format!(
        "  {} submissions, {} of them of a form with two purposes: {} ends",
        count(sums.submissions),
        count(sums.of_two),
        count(sums.ends)
    ));
    let adds_up = sums.stored + sums.not_asked + sums.refused == sums.ends;
    let (tone, equals) = if adds_up { (Tone::Good, "=") } else { (Tone::Bad, "which is NOT") };
    let line = format!(
        "  {} stored + {} not asked for + {} refused {equals} {}",
        count(sums.stored),
        count(sums.not_asked),
        count(sums.refused),
        count(sums.ends)
    );
    sheet.put(tone, &line).end();
    Ok(())
}

impl Sums {
    fn of(stage: &Stage, inbox: &Value, purposes: &Value, metrics: &str) -> Self {
        let purposes = list(&purposes["purposes"]);
        let mut of_form: HashMap<&str, usize> = HashMap::new();
        for form in purposes.iter().flat_map(|purpose| list(&purpose["forms"])).filter_map(Value::as_str) {
            *of_form.entry(form).or_default() += 1;
        }
        let of = |form: &str| of_form.get(form).copied().unwrap_or(0);
        let leads = &stage.world.leads;
        Self {
            submissions: leads.len(),
            of_two: leads.iter().filter(|lead| of(&lead.form_id) == 2).count(),
            ends: leads.iter().map(|lead| of(&lead.form_id)).sum(),
            stored: purposes.iter().map(|purpose| number(&purpose["stored"])).sum(),
            not_asked: not_asked(metrics),
            refused: list(&inbox["refused"]).iter().map(|row| number(&row["count"])).sum(),
        }
    }
}

fn not_asked(metrics: &str) -> usize {
    let lines = metrics.lines().filter(|line| line.starts_with(NOT_ASKED));
    lines.filter_map(|line| line.rsplit(' ').next()?.parse::<usize>().ok()).sum()
}
