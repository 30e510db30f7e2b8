//! `tamis form`: what is the matter with a form, the contents that it had, and what people saw at one of them.

mod check;

use std::fmt::Write as _;

use reqwest::Method;

use crate::api::findings::FormFindings;
use crate::api::forms::{FormRevision, Revisions};
use crate::cli::socket::{ConfigPath, SocketArgument};
use crate::client::{Daemon, parse};
use crate::id::FormId;
use crate::purpose::TextHash;
use crate::secret::location::Environment;
use crate::terminal::{Exit, Failure, Table};
use crate::terminal::{print, print_json, printable};

#[derive(clap::Args)]
#[command(
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    after_help = "Example:\n  tamis form 901000000000001 --revision ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
)]
pub(super) struct Arguments {
    #[command(subcommand)]
    verb: Option<Verb>,
    /// Which form
    #[arg(value_name = "FORM_ID", required = true)]
    form: Option<String>,
    /// Show what people saw at this one, as `tamis find` names it
    #[arg(long, value_name = "HEX")]
    revision: Option<String>,
    /// Print the daemon's JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    socket: SocketArgument,
}

#[derive(clap::Subcommand)]
enum Verb {
    /// Show what is the matter with the forms, and since when
    Check(check::Arguments),
}

/// Asks the daemon and prints what it knows.
pub(super) async fn run(
    arguments: Arguments,
    config: &ConfigPath,
    environment: &Environment,
) -> Result<(), Failure> {
    if let Some(Verb::Check(arguments)) = arguments.verb {
        return check::run(arguments, config, environment).await;
    }
    let form = FormId::parse(&arguments.form.unwrap_or_default())
        .ok_or_else(|| Failure::new(Exit::Usage, "a form's id is 1 to 20 digits"))?;
    let revision = match &arguments.revision {
        None => None,
        Some(text) => Some(
            TextHash::parse(text).ok_or_else(|| Failure::new(Exit::Usage, "a revision is 64 hex digits"))?,
        ),
    };
    let daemon = Daemon::at(arguments.socket.locate(config, environment)?)?;
    let path = match revision {
        None => format!("/forms/{form}/revisions"),
        Some(revision) => format!("/forms/{form}/revisions/{revision}"),
    };
    let body = daemon.fetch(daemon.call(Method::GET, &path)).await?;
    if arguments.json {
        return print_json(&format!("{}\n", String::from_utf8_lossy(&body)));
    }
    match revision {
        None => {
            let found = daemon.fetch(daemon.call(Method::GET, &format!("/forms/{form}/findings"))).await;
            // A form that was read a moment ago was not looked at yet.
            let found = found.ok().and_then(|body| parse::<FormFindings>(&body).ok());
            let found = found.map(|found| format!("\n{}", check::text(&[found], false)));
            print(&(list(&parse(&body)?) + &found.unwrap_or_default()))
        }
        Some(_) => print(&page(&parse(&body)?)),
    }
}

fn list(Revisions { revisions, .. }: &Revisions) -> String {
    let mut table = Table::new(&["first read", "revision", "now"]);
    for one in revisions {
        let now = if one.current { "current" } else { "" };
        table.row([one.first_read_at.to_string(), one.revision.clone(), now.to_owned()]);
    }
    table.to_string()
}

/// What people saw, top to bottom.
fn page(form: &FormRevision) -> String {
    let mut text = String::new();
    let language = form.locale.as_deref().map(|locale| format!(", {}", printable(locale)));
    let language = language.unwrap_or_default();
    let _ = writeln!(text, "form {}{language}, first read at {}", form.form_id, form.first_read_at);
    for question in &form.questions {
        let _ = writeln!(
            text,
            "question  {} ({})",
            printable(&question.key),
            if question.question_type.is_empty() { question.asked.as_str() } else { &question.question_type }
        );
        for choice in &question.choices {
            let _ = writeln!(text, "  {}: {}", printable(&choice.key), printable(&choice.label));
        }
    }
    if !form.boxes_readable {
        let _ = writeln!(text, "Graph did not give its disclaimer and its tick-boxes");
    }
    for (name, part) in [("title", &form.title), ("text", &form.body)] {
        if let Some(part) = part {
            let _ = writeln!(text, "{name}  {}", printable(&part.text));
        }
    }
    for found in &form.boxes {
        let default = match found.ticked_by_default {
            Some(false) => "",
            Some(true) => ", ticked when the form opened",
            None => ", how it stood when the form opened is not known",
        };
        let _ = writeln!(text, "tick-box  {}{default}: {}", printable(&found.key), printable(&found.text));
    }
    if let Some(url) = &form.policy_url {
        let _ = writeln!(text, "policy  {}", printable(url));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_saw_is_read_from_top_to_bottom_and_steers_no_terminal() {
        let body = r#"{"form_id":"901000000000001","revision":"ba","first_read_at":"2026-11-25T08:47:38Z","locale":"fr_FR",
            "questions":[{"key":"e-mail","type":"EMAIL","asked":"question","choices":[]},
                {"key":"ville\u001b[2J","type":"","asked":"dependent","choices":[{"key":"a","label":"Angers"}]}],
            "boxes_readable":true,"title":null,"body":{"text":"Vos données","hash":"x"},
            "boxes":[{"key":"optin","text":"J'accepte","text_hash":"x","required":null,"ticked_by_default":true}],
            "policy_url":"https://exemple.example/"}"#;
        let form: FormRevision = parse(body.as_bytes()).unwrap_or_else(|_| panic!("an answer"));
        let expected = "\
form 901000000000001, fr_FR, first read at 2026-11-25T08:47:38Z
question  e-mail (EMAIL)
question  ville\u{FFFD}[2J (dependent)
  a: Angers
text  Vos données
tick-box  optin, ticked when the form opened: J'accepte
policy  https://exemple.example/
";
        assert_eq!(page(&form), expected);
        let body = r#"{"form_id":"901","revisions":[{"revision":"ba","first_read_at":"2026-11-25T08:47:38Z","current":true}]}"#;
        let all: Revisions = parse(body.as_bytes()).unwrap_or_else(|_| panic!("an answer"));
        assert!(list(&all).contains("2026-11-25T08:47:38Z  ba        current"), "{}", list(&all));
    }
}
