//! `tamis person bounce`: mail comes back from an address.

use reqwest::Method;

use crate::api::bounces::{Bounce, Bounced};
use crate::cli::address::SEARCH_WITHIN;
use crate::cli::socket::{ConfigPath, SocketArgument};
use crate::cli::stdin::one_line;
use crate::client::{Daemon, parse, written};
use crate::secret::location::Environment;
use crate::terminal::{Failure, print_json, records, tell, thousands};

const EXAMPLE: &str = "\
What a mail server refuses at once tamis notes by itself. This is for what comes back later, into the mailbox of mail.from. Nobody
is written to at that address any more, until `tamis correct` gives the record a better one; it ends by its day all the same.
Exit codes: 0 noted (or nothing was there: it says so), 1 refused, 2 the command line is wrong, 69 tamis does not run or does
not answer.

Example:
  tamis person bounce --email-stdin < address.txt";

#[derive(clap::Args)]
#[command(after_help = EXAMPLE)]
pub(super) struct Arguments {
    /// The e-mail address on stdin
    #[arg(long, required = true)]
    email_stdin: bool,
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
    let Arguments { email_stdin: _, json, socket } = arguments;
    let bounce = Bounce { email: one_line("an address")? };
    let daemon = Daemon::awaited(socket.locate(config, environment)?, 4 * SEARCH_WITHIN)?;
    let body = daemon.fetch(daemon.call(Method::POST, "/bounces").body(written(&bounce)?)).await?;
    let Bounced { records: count, unreadable } = parse(&body)?;
    match count {
        0 => tell("no record holds this address"),
        count => tell(&format!("nobody writes there any more: {}", records(count))),
    }
    if unreadable > 0 {
        let unreadable = thousands(unreadable);
        tell(&format!(
            "records that do not open: {unreadable}. They may hold the address: the log says more"
        ));
    }
    if json { print_json(&format!("{}\n", String::from_utf8_lossy(&body))) } else { Ok(()) }
}
