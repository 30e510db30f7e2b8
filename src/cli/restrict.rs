//! `tamis restrict`: records that nobody may use for a while.

use reqwest::Method;

use crate::api::Word;
use crate::api::restrictions::{Restrict, Restricted, RestrictionList};
use crate::cli::ids;
use crate::cli::reasons;
use crate::cli::socket::{ConfigPath, SocketArgument};
use crate::client::{Daemon, parse, written};
use crate::purpose::RecordId;
use crate::secret::location::Environment;
use crate::terminal::{Exit, Failure, Table, print, print_json, printable, tell};
use crate::trail::Reason;

const EXAMPLE: &str = "\
A restricted record is in no export, and no clock ends it; `tamis find` shows it, and says so. Said again, the day and the
reason are renewed.

Example:
  tamis restrict devis-1-123 --until 2027-03-31 --reason person-request
  tamis restrict --lift devis-1-123 --reason person-request
  tamis restrict list";

#[derive(clap::Args)]
#[command(after_help = EXAMPLE)]
pub(super) struct Arguments {
    /// The record's id (devis-1-123), or `list`: show all that are restricted
    #[arg(required_unless_present = "lift", conflicts_with = "lift")]
    id: Option<String>,
    /// The last day (UTC) on which it is restricted: twelve months from now at the latest
    #[arg(long, value_name = "DAY", conflicts_with = "lift")]
    until: Option<String>,
    /// Let this record be used again
    #[arg(long, value_name = "ID", conflicts_with = "json")]
    lift: Option<String>,
    /// Why; it stands in the trail
    #[arg(long, value_parser = reasons())]
    reason: Option<String>,
    /// Print the daemon's JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    socket: SocketArgument,
}

/// Asks the daemon.
pub(super) async fn run(
    arguments: Arguments,
    config: &ConfigPath,
    environment: &Environment,
) -> Result<(), Failure> {
    let daemon = Daemon::at(arguments.socket.locate(config, environment)?)?;
    let usage = |sentence: &str| Failure::new(Exit::Usage, sentence.to_owned());
    if arguments.id.as_deref() == Some("list") {
        if arguments.until.is_some() || arguments.reason.is_some() {
            return Err(usage("`list` shows all that are restricted: it takes no --until and no --reason"));
        }
        let body = daemon.fetch(daemon.call(Method::GET, "/restrictions")).await?;
        if arguments.json {
            return print_json(&format!("{}\n", String::from_utf8_lossy(&body)));
        }
        let RestrictionList { restrictions } = parse(&body)?;
        if restrictions.is_empty() {
            tell("no record is restricted");
        }
        return print(&page(&restrictions));
    }
    let reason = arguments.reason.ok_or_else(|| usage("say why: --reason"))?;
    if let Some(id) = arguments.lift {
        // An id alone goes into an address.
        let id =
            RecordId::parse(&id).ok_or_else(|| usage("--lift takes a record's id, as in devis-1-123"))?;
        let call = daemon.call(Method::DELETE, &format!("/restrictions/{id}"));
        daemon.fetch(call.header("Tamis-Reason", reason)).await?;
        return print(&format!("{id} may be used again\n"));
    }
    let until = arguments.until.ok_or_else(|| usage("say until when: --until, a day as in 2027-03-31"))?;
    let id = ids::record(arguments.id.unwrap_or_default())?;
    let restrict = Restrict {
        id: Some(id),
        email: None,
        phone: None,
        until,
        reason: Reason::from_code(&reason).map(Word::from),
    };
    let body = daemon.fetch(daemon.call(Method::POST, "/restrictions").body(written(&restrict)?)).await?;
    if arguments.json {
        return print_json(&format!("{}\n", String::from_utf8_lossy(&body)));
    }
    let Restricted { id, until, .. } = parse(&body)?;
    print(&format!("{id} is restricted until {until}, that day included\n"))
}

/// A line for each.
pub(super) fn page(restrictions: &[Restricted]) -> String {
    let mut table = Table::new(&["record", "until", "since", "reason"]);
    for restricted in restrictions {
        let reason = restricted.reason.as_ref().map_or_else(|| "-".to_owned(), ToString::to_string);
        let reason = match &restricted.erasure {
            Some(erasure) => format!("{reason}, waits for its erasure {}", printable(erasure)),
            None => reason,
        };
        let (id, since) = (restricted.id.to_string(), restricted.since.to_string());
        table.row([id, restricted.until.clone(), since, reason]);
    }
    table.to_string()
}
