//! `tamis confirm`: a person said yes once more, by a letter, a call, or a system of the operator's own.

use reqwest::Method;

use crate::api::Word;
use crate::api::consents::{Confirm, Yes};
use crate::cli::socket::{ConfigPath, SocketArgument};
use crate::cli::{ids, reasons};
use crate::client::{Daemon, parse, written};
use crate::secret::location::Environment;
use crate::terminal::{Failure, print, print_json};
use crate::trail::Reason;

/// Why, where nobody says another reason: they said so.
const REASON: &str = "person-request";

const EXAMPLE: &str = "\
The boxes that they named hold from now on as if ticked today, and the record's time begins anew. Others stay as they are, and one
that is over is not given anew by the way. Keep the letter: it is what shows the yes.
Exit codes: 0 taken down (or it was today already: it says so), 1 refused, 2 the command line is wrong, 69 tamis does not run or
does not answer.

Example:
  tamis confirm lettre-1-7 --consent email_optin";

#[derive(clap::Args)]
#[command(after_help = EXAMPLE)]
pub(super) struct Arguments {
    /// The record's id (lettre-1-7)
    id: String,
    /// A box that they named, by the consent's name in the config; may come several times. None where the purpose rests on no consent
    #[arg(long = "consent", value_name = "CONSENT")]
    consents: Vec<String>,
    /// Why; it stands in the trail
    #[arg(long, value_parser = reasons(), default_value = REASON)]
    reason: String,
    /// Print the daemon's JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    socket: SocketArgument,
}

/// Has the daemon take it down.
pub(super) async fn run(
    arguments: Arguments,
    config: &ConfigPath,
    environment: &Environment,
) -> Result<(), Failure> {
    let Arguments { id, consents, reason, json, socket } = arguments;
    let daemon = Daemon::at(socket.locate(config, environment)?)?;
    let confirm =
        Confirm { id: ids::record(id)?, consents, reason: Reason::from_code(&reason).map(Word::from) };
    let body = daemon.fetch(daemon.call(Method::POST, "/confirmations").body(written(&confirm)?)).await?;
    if json {
        return print_json(&format!("{}\n", String::from_utf8_lossy(&body)));
    }
    let Yes { id, changed } = parse(&body)?;
    print(&match changed {
        true => format!("{id} is confirmed: its time begins anew today\n"),
        false => format!("{id} was confirmed today already\n"),
    })
}
