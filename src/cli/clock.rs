//! `tamis clock confirm`: the clock is right, after a leap, or where it was ahead before.

use reqwest::Method;

use crate::api::clock::Confirmed;
use crate::cli::reasons;
use crate::cli::socket::{ConfigPath, SocketArgument};
use crate::client::{Daemon, parse};
use crate::secret::location::Environment;
use crate::terminal::Failure;
use crate::terminal::print;

#[derive(clap::Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(clap::Subcommand)]
enum Verb {
    /// Say that the clock is right, after it leapt forward or was ahead, so that exports and expiry go on
    #[command(after_help = "Example:\n  tamis clock confirm --reason support")]
    Confirm(ConfirmArguments),
}

#[derive(clap::Args)]
struct ConfirmArguments {
    /// Why; it stands in the trail
    #[arg(long, value_parser = reasons())]
    reason: String,
    #[command(flatten)]
    socket: SocketArgument,
}

/// Confirms the clock.
pub(super) async fn run(
    arguments: Arguments,
    config: &ConfigPath,
    environment: &Environment,
) -> Result<(), Failure> {
    let Verb::Confirm(arguments) = arguments.verb;
    let daemon = Daemon::at(arguments.socket.locate(config, environment)?)?;
    let call = daemon.call(Method::POST, "/clock/confirm").header("Tamis-Reason", &arguments.reason);
    let Confirmed { confirmed } = parse(&daemon.fetch(call).await?)?;
    print(match confirmed {
        true => "the clock is confirmed: exports and expiry go by it\n",
        false => "there is nothing to confirm\n",
    })
}
