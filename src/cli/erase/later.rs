//! `tamis erasure`: the receipt of an erasure once more, and how far whoever had the records has followed.

use reqwest::Method;

use crate::api::Word;
use crate::api::erasures::{ErasureShown, ErasureState, Following};
use crate::cli::erase::told::how_told;
use crate::cli::ids;
use crate::cli::paper::{Paper, PaperArguments};
use crate::cli::socket::{ConfigPath, SocketArgument};
use crate::client::{Daemon, parse};
use crate::secret::location::Environment;
use crate::terminal::{Failure, printable, tell};

const EXAMPLE: &str = "\
Exit codes: 0 shown, 1 there is no such erasure, or it is not done yet, 2 the command line is wrong, 69 tamis does not run.

Example:
  tamis erasure 1-17 --format note --output receipt.txt";

#[derive(clap::Args)]
#[command(after_help = EXAMPLE)]
pub(in crate::cli) struct ErasureArguments {
    /// Its number, as the receipt has it
    #[arg(value_name = "NUMBER", value_parser = ids::erasure)]
    number: String,
    #[command(flatten)]
    paper: PaperArguments,
    #[command(flatten)]
    socket: SocketArgument,
}

/// Hands the receipt of an erasure out.
pub(in crate::cli) async fn show(
    arguments: ErasureArguments,
    config: &ConfigPath,
    environment: &Environment,
) -> Result<(), Failure> {
    let daemon = Daemon::at(arguments.socket.locate(config, environment)?)?;
    let is_json = arguments.paper.is_json();
    let paper = Paper::open(arguments.paper)?;
    let path = format!("/erasures/{}", arguments.number);
    let shown = match is_json {
        true => None,
        false => Some(parse::<ErasureShown>(&daemon.fetch(daemon.call(Method::GET, &path)).await?)?),
    };
    if let Some(ErasureShown { state: Word::Known(ErasureState::Waiting), told: Some(told), .. }) = &shown {
        tell(&how_told(told));
    }
    paper.fill(&daemon, &arguments.number).await?;
    if let Some(shown) = shown {
        // The paper never changes; what came of what was unread is known later, and whether its person was told stands beside it.
        shown.told.iter().for_each(|told| tell(&how_told(told)));
        shown
            .followed_by
            .iter()
            .for_each(|next| tell(&format!("what was not read then has a receipt of its own: {next}")));
        shown.followed.iter().for_each(|one| tell(&how_far(one)));
    }
    Ok(())
}

/// How far a recipient has followed, in a sentence.
fn how_far(Following { recipient, told_at, confirmed_at }: &Following) -> String {
    let recipient = printable(recipient);
    match (told_at, confirmed_at) {
        (_, Some(at)) => format!("{recipient} has erased it too: confirmed {at}"),
        (Some(at), None) => format!("{recipient} read of it {at}, and has not confirmed"),
        (None, None) => format!("{recipient} has not read of it: tell it, or see `tamis changes`"),
    }
}
