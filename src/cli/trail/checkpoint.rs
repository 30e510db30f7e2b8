//! `tamis trail checkpoint`: where the trail stands, signed.

use std::path::PathBuf;

use reqwest::Method;

use crate::api::trail::TrailCheckpoint;
use crate::cli::paper::Place;
use crate::cli::socket::{ConfigPath, SocketArgument};
use crate::client::{Daemon, parse};
use crate::secret::location::Environment;
use crate::terminal::{Failure, print, printable};

#[derive(clap::Args)]
pub(super) struct CheckpointArguments {
    /// Into this new file instead of stdout
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// The public key that checkpoints are checked by, as name+id+key, instead of one
    #[arg(long)]
    key: bool,
    #[command(flatten)]
    socket: SocketArgument,
}

/// Prints the newest, or the key.
pub(super) async fn run(
    arguments: CheckpointArguments,
    config: &ConfigPath,
    environment: &Environment,
) -> Result<(), Failure> {
    let daemon = Daemon::at(arguments.socket.locate(config, environment)?)?;
    let made = of_daemon(&daemon, "/trail/checkpoint").await?;
    let text = if arguments.key { format!("{}\n", printable(&made.key)) } else { made.note };
    match arguments.output {
        Some(path) => Place::open(path)?.write(text.as_bytes()),
        None => print(&text),
    }
}

/// What the daemon answers there.
pub(super) async fn of_daemon(daemon: &Daemon, path: &str) -> Result<TrailCheckpoint, Failure> {
    parse(&daemon.fetch(daemon.call(Method::GET, path)).await?)
}
