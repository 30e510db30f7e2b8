//! `tamis suppress add|list|remove`: addresses that may not be stored. An address comes on stdin alone: a command line stays in
//! the shell's history, and others see it.

use reqwest::Method;

use crate::api::suppressions::{
    RemoveSuppression, Suppress, Suppressed, Suppression, SuppressionList, SuppressionsRemoved,
};
use crate::cli::socket::{ConfigPath, SocketArgument};
use crate::cli::stdin::one_line;
use crate::cli::{purposes, reasons};
use crate::client::{Daemon, parse, written};
use crate::secret::location::Environment;
use crate::terminal::{Failure, Table};
use crate::terminal::{print, print_json, printable, tell};

/// Of each entry that is listed, how many come with one call.
const LISTED_AT_ONCE: usize = 1_000;

#[derive(clap::Args)]
#[command(after_help = ADD_EXAMPLE)]
pub(super) struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(clap::Subcommand)]
enum Verb {
    /// Store an address no more; it comes on stdin
    #[command(after_help = ADD_EXAMPLE)]
    Add(AddArguments),
    /// List the entries: of the addresses nothing can be read
    #[command(after_help = "Example:\n  tamis suppress list")]
    List(ListArguments),
    /// Let an address be stored again: it comes on stdin, or its entry is named
    #[command(after_help = REMOVE_EXAMPLE)]
    Remove(RemoveArguments),
}

const ADD_EXAMPLE: &str = "\
The address is read from stdin: on a command line it stays in the shell's history.

Example:
  tamis suppress add --email-stdin --scope all --reason objection < address.txt";

const REMOVE_EXAMPLE: &str = "\
Example:
  tamis suppress remove --id 1-7 --reason error";

#[derive(clap::Args)]
struct AddArguments {
    #[command(flatten)]
    kind: Kind,
    /// For which purpose it may not be stored, or `all`
    #[arg(long, value_name = "PURPOSE", default_value = "all")]
    scope: String,
    /// Why; it stands with the entry and in the trail
    #[arg(long, value_parser = reasons())]
    reason: String,
    /// How long the entry lasts, in months, 36 to 120
    #[arg(long, value_name = "MONTHS", default_value_t = 36)]
    months: u32,
    #[command(flatten)]
    socket: SocketArgument,
}

#[derive(clap::Args)]
#[group(required = true, multiple = false)]
struct Kind {
    /// The e-mail address on stdin
    #[arg(long)]
    email_stdin: bool,
    /// The telephone number on stdin
    #[arg(long)]
    phone_stdin: bool,
}

#[derive(clap::Args)]
struct ListArguments {
    /// Print each entry as the daemon's JSON, one a line
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    socket: SocketArgument,
}

#[derive(clap::Args)]
struct RemoveArguments {
    #[command(flatten)]
    which: Which,
    /// Why; it stands in the trail
    #[arg(long, value_parser = reasons())]
    reason: String,
    #[command(flatten)]
    socket: SocketArgument,
}

#[derive(clap::Args)]
#[group(required = true, multiple = false)]
struct Which {
    /// All entries of the e-mail address on stdin
    #[arg(long)]
    email_stdin: bool,
    /// All entries of the telephone number on stdin
    #[arg(long)]
    phone_stdin: bool,
    /// One entry, by its id (1-7)
    #[arg(long, value_name = "ID")]
    id: Option<String>,
}

/// Adds, lists or removes.
pub(super) async fn run(
    arguments: Arguments,
    config: &ConfigPath,
    environment: &Environment,
) -> Result<(), Failure> {
    match arguments.verb {
        Verb::Add(arguments) => {
            add(&Daemon::at(arguments.socket.locate(config, environment)?)?, arguments).await
        }
        Verb::List(arguments) => {
            list(&Daemon::at(arguments.socket.locate(config, environment)?)?, arguments.json).await
        }
        Verb::Remove(arguments) => {
            remove(&Daemon::at(arguments.socket.locate(config, environment)?)?, arguments).await
        }
    }
}

async fn add(daemon: &Daemon, arguments: AddArguments) -> Result<(), Failure> {
    let AddArguments { kind, scope, reason, months, .. } = arguments;
    let address = one_line("an address")?;
    let (email, phone) = if kind.email_stdin { (Some(address), None) } else { (None, Some(address)) };
    let what = Suppress { email, phone, scope, reason, months: Some(months) };
    let call = daemon.call(Method::POST, "/suppressions").body(written(&what)?);
    let Suppressed { suppressions } = parse(&purposes::fetch(daemon, call, &[&what.scope]).await?)?;
    for entry in &suppressions {
        let (id, scope) = (printable(&entry.id), printable(&entry.scope));
        tell(&format!("suppressed ({scope}) until {}: entry {id}", entry.until));
    }
    tell("What is stored already stays.");
    Ok(())
}

async fn list(daemon: &Daemon, json: bool) -> Result<(), Failure> {
    let mut all: Vec<Suppression> = Vec::new();
    loop {
        let after = all.last().map(|entry| format!("&after={}", entry.id)).unwrap_or_default();
        let call = daemon.call(Method::GET, &format!("/suppressions?limit={LISTED_AT_ONCE}{after}"));
        let SuppressionList { suppressions, more } = parse(&daemon.fetch(call).await?)?;
        let is_over = suppressions.is_empty() || !more;
        all.extend(suppressions);
        if is_over {
            break;
        }
    }
    if json {
        let lines = all.iter().map(|entry| {
            let line = written(entry)?;
            Ok(format!("{}\n", String::from_utf8_lossy(&line)))
        });
        return print_json(&lines.collect::<Result<String, Failure>>()?);
    }
    if all.is_empty() {
        tell("nobody is on the list");
        return Ok(());
    }
    print(&page(&all))
}

fn page(all: &[Suppression]) -> String {
    let mut table = Table::new(&["id", "address", "scope", "reason", "since", "until"]);
    for entry in all {
        table.row([
            entry.id.clone(),
            entry.contact.to_string(),
            entry.scope.clone(),
            entry.reason.as_ref().map_or_else(|| "-".to_owned(), ToString::to_string),
            entry.since.to_string(),
            entry.until.to_string(),
        ]);
    }
    table.to_string()
}

async fn remove(daemon: &Daemon, arguments: RemoveArguments) -> Result<(), Failure> {
    let RemoveArguments { which, reason, .. } = arguments;
    let mut asked = RemoveSuppression { email: None, phone: None, id: which.id, reason };
    if asked.id.is_none() {
        let address = Some(one_line("an address")?);
        (asked.email, asked.phone) = if which.email_stdin { (address, None) } else { (None, address) };
    }
    let call = daemon.call(Method::POST, "/suppressions/remove").body(written(&asked)?);
    let SuppressionsRemoved { removed } = parse(&daemon.fetch(call).await?)?;
    match removed {
        0 => tell("nobody of that kind is on the list"),
        1 => tell("one entry is gone"),
        more => tell(&format!("{more} entries are gone")),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_a_table() {
        let body = r#"{"suppressions":[
            {"id":"1-7","contact":"email","scope":"all","reason":"objection","since":"2026-11-25T08:00:00Z",
             "until":"2029-11-25T08:00:00Z"},
            {"id":"1-12","contact":"phone","scope":"devis","reason":null,"since":"2026-11-25T08:00:00Z",
             "until":"2029-11-25T08:00:00Z"}],"more":false}"#;
        let SuppressionList { suppressions, .. } = parse(body.as_bytes()).expect("an answer");
        let expected = concat!(
            "  id    address  scope  reason     since                 until\n",
            "  1-7   email    all    objection  2026-11-25T08:00:00Z  2029-11-25T08:00:00Z\n",
            "  1-12  phone    devis  -          2026-11-25T08:00:00Z  2029-11-25T08:00:00Z\n",
        );
        assert_eq!(page(&suppressions), expected);
    }
}
