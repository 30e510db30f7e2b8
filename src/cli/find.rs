//! `tamis find`: what became of one submission, by purpose, or which records hold an address.

use std::fmt::Write as _;

use reqwest::Method;

use crate::api::Pairs;
use crate::api::find::{Find, Finding, Found};
use crate::api::leads::Consent;
use crate::api::restrictions::Restricted;
use crate::cli::address::{SEARCH_WITHIN, unread, unreadable};
use crate::cli::socket::{ConfigPath, SocketArgument};
use crate::cli::stdin::one_line;
use crate::cli::{ids, reasons};
use crate::client::{Daemon, parse, written};
use crate::secret::location::Environment;
use crate::terminal::{Exit, Failure};
use crate::terminal::{print, print_json, printable, records, tell, thousands};

/// A record's id leads to nothing once it is gone; the submission's is remembered for as long as it could come back.
const NOTHING_OF_RECORD: &str = "nothing is known of this id: a record that was erased is not known by it any more; \
    by --leadgen-id its submission is `erased`, for 120 to 150 days";
const NOTHING_OF_SUBMISSION: &str = "nothing is known of this id";

const EXAMPLE: &str = "\
An id on a command line stays in the shell's history: `-` reads it from stdin. An address is read from
stdin alone, and looked for in everything that is stored. A record that was erased is known by --leadgen-id alone.
Exit codes: 0 answered, also where nothing is known, 1 refused, 2 the command line is wrong, 69 tamis does not run.

Example:
  tamis find --id devis-1-123 --reason person-request
  tamis find --email-stdin --reason person-request < address.txt";

#[derive(clap::Args)]
#[command(after_help = EXAMPLE)]
pub(super) struct Arguments {
    #[command(flatten)]
    which: WantedLead,
    /// Show answers whole instead of their first characters
    #[arg(long)]
    unmask: bool,
    /// Why you look; it stands in the trail
    #[arg(long, value_parser = reasons())]
    reason: String,
    /// Print the daemon's JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    socket: SocketArgument,
}

#[derive(clap::Args)]
#[group(required = true, multiple = false)]
struct WantedLead {
    /// Meta's id of the submission, or `-` for stdin
    #[arg(long, value_name = "ID")]
    leadgen_id: Option<String>,
    /// The record's id (devis-1-123), or `-` for stdin
    #[arg(long, value_name = "ID")]
    id: Option<String>,
    /// The records that hold the e-mail address on stdin
    #[arg(long)]
    email_stdin: bool,
    /// The records that hold the telephone number on stdin
    #[arg(long)]
    phone_stdin: bool,
}

impl WantedLead {
    /// The question, with its id read from stdin where asked.
    fn question(self, unmask: bool) -> Result<Find, Failure> {
        let read = |id: String| if id == "-" { one_line("an id") } else { Ok(id) };
        let question = Find { leadgen_id: None, id: None, email: None, phone: None, unmask };
        match (self.leadgen_id, self.id) {
            (Some(id), _) => Ok(Find { leadgen_id: Some(ids::leadgen(read(id)?)?), ..question }),
            (None, Some(id)) => Ok(Find { id: Some(ids::record(read(id)?)?), ..question }),
            (None, None) if self.email_stdin => Ok(Find { email: Some(one_line("an address")?), ..question }),
            (None, None) if self.phone_stdin => Ok(Find { phone: Some(one_line("an address")?), ..question }),
            (None, None) => {
                Err(Failure::new(Exit::Usage, "say --leadgen-id, --id, --email-stdin or --phone-stdin"))
            }
        }
    }
}

/// Asks the daemon and prints what it found.
pub(super) async fn run(
    arguments: Arguments,
    config: &ConfigPath,
    environment: &Environment,
) -> Result<(), Failure> {
    let question = arguments.which.question(arguments.unmask)?;
    let is_address = question.email.is_some() || question.phone.is_some();
    let nothing = nothing_of(&question);
    let socket = arguments.socket.locate(config, environment)?;
    let daemon = if is_address { Daemon::awaited(socket, SEARCH_WITHIN)? } else { Daemon::at(socket)? };
    let call = daemon.call(Method::POST, "/find").header("Tamis-Reason", &arguments.reason);
    let call = call.body(written(&question)?);
    let body = daemon.fetch(call).await?;
    if arguments.json {
        return print_json(&format!("{}\n", String::from_utf8_lossy(&body)));
    }
    let answer: Found = parse(&body)?;
    let notes = if is_address { notes(&answer) } else { Vec::new() };
    if let Some(told) = nothing.filter(|_| answer.records.is_empty()) {
        tell(told);
    }
    notes.iter().for_each(|note| tell(note));
    print(&pages(&answer.records))
}

/// What is said where there is nothing; none: of an address [`notes`] say it.
fn nothing_of(question: &Find) -> Option<&'static str> {
    match question {
        Find { id: Some(_), .. } => Some(NOTHING_OF_RECORD),
        Find { leadgen_id: Some(_), .. } => Some(NOTHING_OF_SUBMISSION),
        _ => None,
    }
}

/// What is to be said of a look for an address beside what it found.
fn notes(answer: &Found) -> Vec<String> {
    let mut notes = Vec::new();
    if answer.records.is_empty() {
        notes.push("no record holds this address".to_owned());
    }
    if let Some(total) = answer.total {
        let shown = answer.records.len();
        let are = if shown == 1 { "is" } else { "are" };
        notes.push(format!("{} hold this address, {shown} of them {are} shown", records(total)));
    }
    notes.extend(answer.unreadable.map(unreadable));
    notes.extend(answer.unread.map(|count| unread(count, "look again once they are")));
    notes.extend(answer.evidence.map(|count| {
        let count = thousands(count);
        format!(
            "records that are gone, and left evidence of consents: {count}. `tamis person access` shows it"
        )
    }));
    notes
}

/// A page for each purpose.
fn pages(records: &[Finding]) -> String {
    records.iter().map(page).collect::<Vec<_>>().join("\n")
}

/// One finding, a line for each thing that is known.
fn page(record: &Finding) -> String {
    let mut lines: Vec<(String, String)> = Vec::new();
    let mut line = |name: &str, value: &str| lines.push((printable(name), printable(value)));
    match (&record.id, &record.purpose) {
        (Some(id), _) => line("id", &id.to_string()),
        (None, Some(purpose)) => line("purpose", purpose.as_str()),
        (None, None) => {}
    }
    match &record.code {
        Some(code) => line("state", &format!("{} ({code})", record.state)),
        None => line("state", record.state.as_str()),
    }
    for (name, moment) in [("created", &record.created_time), ("expires", &record.expires_at)] {
        if let Some(moment) = moment {
            line(name, &moment.to_string());
        }
    }
    if let Some(Restricted { reason, until, erasure, .. }) = &record.restricted {
        let why = reason.as_ref().map_or_else(String::new, |reason| format!(" ({reason})"));
        match erasure {
            Some(erasure) => line(
                "to be erased",
                &format!(
                    "by {until}, once its person was told: {}; nobody may use it{why}",
                    printable(erasure)
                ),
            ),
            None => line("restricted", &format!("until {until}: nobody may use it{why}")),
        }
    }
    if let Some(form) = record.form_id {
        let original = record.copy_of.map(|original| format!(", a copy of {original}")).unwrap_or_default();
        line("form", &format!("{form}{original}"));
    }
    if let Some(revision) = &record.form_revision {
        line("form revision", revision);
    }
    for (name, values) in by_name(&record.fields) {
        line(name, &values.join("; "));
    }
    for (key, Consent { given, valid_until }) in by_name(&record.consents) {
        let until = valid_until.map(|until| format!("given, valid until {until}"));
        let told = if *given { "given" } else { "not given" };
        line(&format!("consents.{key}"), until.as_deref().unwrap_or(told));
    }
    let width = lines.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    let mut text = String::new();
    for (name, value) in &lines {
        let padding = " ".repeat(width - name.chars().count());
        let _ = writeln!(text, "{name}{padding}  {value}");
    }
    text
}

/// In the order of their names; none if nothing is said of them.
fn by_name<V>(pairs: &Option<Pairs<V>>) -> Vec<(&str, &V)> {
    let pairs = pairs.iter().flat_map(|pairs| &pairs.0);
    let mut pairs: Vec<(&str, &V)> = pairs.map(|(name, value)| (name.as_str(), value)).collect();
    pairs.sort_by_key(|(name, _)| *name);
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_is_a_page_of_aligned_lines() {
        let body = r#"{"records":[{"id":"devis-1-7","purpose":"devis","state":"stored",
            "created_time":"2026-11-25T08:47:38Z","expires_at":"2027-11-25T08:47:38Z",
            "fields":{"email":["a•••@l•••"],"full_name":["A•••"]},"consents":{"email_optin":{"given":true,"valid_until":null},"call_optin":{"given":true,"valid_until":"2027-11-25T08:47:38Z"},
            "sms_optin":{"given":false,"valid_until":null}}},
            {"state":"held","code":"form-unclaimed"}]}"#;
        let answer: Found = parse(body.as_bytes()).expect("an answer");
        let expected = concat!(
            "id                    devis-1-7\n",
            "state                 stored\n",
            "created               2026-11-25T08:47:38Z\n",
            "expires               2027-11-25T08:47:38Z\n",
            "email                 a•••@l•••\n",
            "full_name             A•••\n",
            "consents.call_optin   given, valid until 2027-11-25T08:47:38Z\n",
            "consents.email_optin  given\n",
            "consents.sms_optin    not given\n",
        );
        assert_eq!(page(&answer.records[0]), expected);
        assert_eq!(page(&answer.records[1]), "state  held (form-unclaimed)\n");
    }

    #[test]
    fn of_an_address_it_is_said_what_is_not_shown() {
        let said = |body: &str| notes(&parse(body.as_bytes()).expect("an answer"));
        assert_eq!(said(r#"{"records":[]}"#), ["no record holds this address"]);
        assert!(said(r#"{"records":[{"id":"devis-1-7","state":"stored"}]}"#).is_empty());
        let body = r#"{"records":[{"id":"devis-1-7","state":"stored"}],"total":101,"unreadable":2,"unread":3,"evidence":1}"#;
        assert_eq!(
            said(body),
            [
                "101 records hold this address, 1 of them is shown",
                "records that do not open: 2. They may hold the address: the log says more",
                "submissions that are not read yet: 3. Nobody knows whose they are: look again once they are",
                "records that are gone, and left evidence of consents: 1. `tamis person access` shows it",
            ]
        );
    }

    #[test]
    fn by_a_record_s_id_it_is_said_that_an_erased_one_is_not_known_by_it() {
        let ask = |question: &str| serde_json::from_str::<Find>(question).expect("a question");
        let told = nothing_of(&ask(r#"{"id":"devis-1-7"}"#)).expect("a sentence");
        assert!(told.contains("erased") && told.contains("--leadgen-id") && !told.contains('\n'), "{told}");
        assert_eq!(nothing_of(&ask(r#"{"leadgen_id":"9"}"#)), Some("nothing is known of this id"));
        assert_eq!(nothing_of(&ask(r#"{"email":"a@b.example"}"#)), None);
    }

    #[test]
    fn each_purpose_of_a_submission_has_a_page_of_its_own() {
        let body = r#"{"records":[{"purpose":"appels","state":"refused","code":"required-field-missing"},
            {"id":"devis-1-7","purpose":"devis","state":"expired"},{"id":"devis-1-8","purpose":"devis","state":"stored",
            "restricted":{"id":"devis-1-8","reason":"objection","since":"2026-11-25T08:47:38Z","until":"2027-03-31"}},{"purpose":"lettre","state":"not-asked"}]}"#;
        let answer: Found = parse(body.as_bytes()).expect("an answer");
        let expected = concat!(
            "purpose  appels\n",
            "state    refused (required-field-missing)\n\n",
            "id     devis-1-7\n",
            "state  expired\n\n",
            "id          devis-1-8\n",
            "state       stored\n",
            "restricted  until 2027-03-31: nobody may use it (objection)\n\n",
            "purpose  lettre\n",
            "state    not-asked\n",
        );
        assert_eq!(pages(&answer.records), expected);
    }
}
