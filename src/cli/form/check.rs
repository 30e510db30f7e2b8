//! `tamis form check`: what is the matter with the forms, and of one form what was.

use std::fmt::Write as _;

use jiff::Timestamp;
use reqwest::Method;

use crate::api::Word;
use crate::api::findings::{Findings, FormFinding, FormFindings};
use crate::cli::socket::{ConfigPath, SocketArgument};
use crate::client::{Daemon, parse};
use crate::id::FormId;
use crate::purpose::form_check::{FindingCode, Severity};
use crate::secret::location::Environment;
use crate::terminal::{Exit, Failure, print, print_json, printable};

const EXAMPLE: &str = "\
Each form is looked at when it is first read, and daily from then on, leads or not. What is found says what to do next;
`tamis explain CODE` says more.

Exit codes: 0 nothing serious stands, 1 something does, 69 tamis does not run.

Example:
  tamis form check 901000000000001 --history";

#[derive(clap::Args)]
#[command(after_help = EXAMPLE)]
pub(super) struct Arguments {
    /// This form alone
    #[arg(value_name = "FORM_ID")]
    form: Option<String>,
    /// Of that form also what ended
    #[arg(long, requires = "form")]
    history: bool,
    /// Print the daemon's JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    socket: SocketArgument,
}

/// Asks the daemon, prints what it found, and fails if something serious stands.
pub(super) async fn run(
    arguments: Arguments,
    config: &ConfigPath,
    environment: &Environment,
) -> Result<(), Failure> {
    let daemon = Daemon::at(arguments.socket.locate(config, environment)?)?;
    let path = match &arguments.form {
        None => "/findings".to_owned(),
        Some(form) => {
            let form = FormId::parse(form)
                .ok_or_else(|| Failure::new(Exit::Usage, "a form's id is 1 to 20 digits"))?;
            format!("/forms/{form}/findings")
        }
    };
    let body = daemon.fetch(daemon.call(Method::GET, &path)).await?;
    let forms: Vec<FormFindings> = match arguments.form {
        None => parse::<Findings>(&body)?.forms,
        Some(_) => vec![parse(&body)?],
    };
    if arguments.json {
        print_json(&format!("{}\n", String::from_utf8_lossy(&body)))?;
    } else {
        print(&text(&forms, arguments.history))?;
    }
    let is_serious =
        |found: &FormFinding| found.ended_at.is_none() && found.severity == Severity::Serious.into();
    match forms.iter().filter(|form| form.findings.iter().any(is_serious)).count() {
        0 => Ok(()),
        1 => Err(Failure::failed("one form cannot stay as it is")),
        many => Err(Failure::failed(format!("{many} forms cannot stay as they are"))),
    }
}

/// For people: each form with what stands, then with what ended.
pub(super) fn text(forms: &[FormFindings], history: bool) -> String {
    let mut text = String::new();
    if forms.is_empty() {
        text.push_str("No form was looked at yet: each is with its first lead.\n");
    }
    for form in forms {
        let _ = writeln!(text, "form {}, looked at {}", form.form_id, form.looked_at);
        let (ended, standing): (Vec<&FormFinding>, Vec<&FormFinding>) =
            form.findings.iter().partition(|found| found.ended_at.is_some());
        if standing.is_empty() {
            text.push_str("  as it should be\n");
        }
        let mut told: Option<&Word<FindingCode>> = None;
        for found in standing {
            let since = day(found.first_seen_at.0);
            let _ = writeln!(text, "  {}  {}{}, since {since}", found.severity, found.code, about(found));
            // Of what is alike it is said once what it means.
            if let Word::Known(code) = &found.code
                && told != Some(&found.code)
            {
                let _ = writeln!(text, "    {}", code.means());
                let _ = writeln!(text, "    → {}", code.mend());
            }
            told = Some(&found.code);
        }
        for found in ended.iter().filter(|_| history) {
            let (from, to) = (day(found.first_seen_at.0), found.ended_at.map(|at| day(at.0)));
            let to = to.unwrap_or_default();
            let _ = writeln!(text, "  over  {}{}, {from} to {to}", found.code, about(found));
        }
        if !history && !ended.is_empty() {
            let _ =
                writeln!(text, "  {} more ended: tamis form check {} --history", ended.len(), form.form_id);
        }
    }
    text
}

/// Whose it is: `devis.call_optin`, `"pointure"`, `"lieu_de_naissance" (date or place of birth)`.
fn about(found: &FormFinding) -> String {
    let whose: Vec<&str> = found
        .purpose
        .as_ref()
        .map(|purpose| purpose.as_str())
        .into_iter()
        .chain(found.consent.as_deref())
        .collect();
    let mut about = String::new();
    if !whose.is_empty() {
        let _ = write!(about, " {}", whose.join("."));
    }
    if let Some(question) = &found.question {
        let _ = write!(about, " \"{}\"", printable(question));
    }
    if let Some(asks) = &found.asks {
        let _ = write!(about, " ({})", printable(asks));
    }
    about
}

/// The day alone, UTC.
fn day(at: Timestamp) -> String {
    at.to_string().chars().take(10).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &str = r#"{"form_id":"901000000000001","looked_at":"2026-11-25T08:47:38Z","changed_at":null,"revision":"ba","findings":[
        {"severity":"serious","code":"box-pre-ticked","purpose":"devis","consent":"call_optin",
            "first_seen_at":"2026-11-20T08:00:00Z","last_seen_at":"2026-11-25T08:47:38Z","ended_at":null},
        {"severity":"warning","code":"question-unneeded","purpose":null,"question":"lieu\u001b[2J","asks":"date or place of birth",
            "first_seen_at":"2026-11-20T08:00:00Z","last_seen_at":"2026-11-25T08:47:38Z","ended_at":null},
        {"severity":"warning","code":"question-unneeded","purpose":null,"question":"pointure",
            "first_seen_at":"2026-11-20T08:00:00Z","last_seen_at":"2026-11-25T08:47:38Z","ended_at":null},
        {"severity":"later","code":"of-a-later-version","purpose":null,
            "first_seen_at":"2026-11-20T08:00:00Z","last_seen_at":"2026-11-25T08:47:38Z","ended_at":null},
        {"severity":"serious","code":"link-missing","purpose":null,
            "first_seen_at":"2026-11-01T08:00:00Z","last_seen_at":"2026-11-19T08:47:38Z","ended_at":"2026-11-20T08:00:00Z"}]}"#;

    fn form() -> FormFindings {
        parse(BODY.as_bytes()).unwrap_or_else(|_| panic!("an answer"))
    }

    #[test]
    fn what_stands_says_what_to_do_and_what_ended_says_until_when() {
        let expected = "\
form 901000000000001, looked at 2026-11-25T08:47:38Z
  serious  box-pre-ticked devis.call_optin, since 2026-11-20
    a box is ticked when the form opens: its tick is no consent (GDPR art. 4(11); CJEU C-673/17)
    → Publish a form whose box is empty.
  warning  question-unneeded \"lieu\u{FFFD}[2J\" (date or place of birth), since 2026-11-20
    it asks what no field of its purposes takes: people are asked for more than is needed (GDPR art. 5(1)(c))
    → Publish a form without the question. If it is needed: give it a field, and say `why`.
  warning  question-unneeded \"pointure\", since 2026-11-20
  later  of-a-later-version, since 2026-11-20
  over  link-missing, 2026-11-01 to 2026-11-20
";
        assert_eq!(text(&[form()], true), expected);
        let short = text(&[form()], false);
        assert!(
            short.ends_with("  1 more ended: tamis form check 901000000000001 --history\n")
                && !short.contains("over  link"),
            "{short}"
        );
    }

    #[test]
    fn a_form_with_which_nothing_is_the_matter_says_so() {
        let form = FormFindings { findings: Vec::new(), ..form() };
        assert!(text(&[form], false).ends_with("08:47:38Z\n  as it should be\n"));
        assert!(text(&[], false).contains("No form was looked at yet"));
    }
}
