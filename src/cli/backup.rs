//! `tamis backup DIR`: store and keyring of one moment, from a tamis that runs.

use std::path::PathBuf;
use std::time::Duration;

use reqwest::Method;

use crate::api::backups::{BackUp, BackedUp};
use crate::cli::socket::{ConfigPath, SocketArgument};
use crate::client::{Daemon, parse, written};
use crate::secret::location::Environment;
use crate::terminal::{Exit, Failure, print};

/// A backup may take half an hour, and says nothing meanwhile.
const AWAITED: Duration = Duration::from_secs(35 * 60);

const EXAMPLE: &str = "\
DIR appears whole or not at all: store/ in it is the store part, keys/ the key part, and they belong to different places.
The root key is in neither.

Example:
  tamis backup /var/lib/tamis-backup/2026-11-30";

#[derive(clap::Args)]
#[command(after_help = EXAMPLE)]
pub(super) struct Arguments {
    /// Where it is to be: a directory that is not there yet, in one that tamis may write
    directory: PathBuf,
    #[command(flatten)]
    socket: SocketArgument,
}

/// Has it made.
pub(super) async fn run(
    arguments: Arguments,
    config: &ConfigPath,
    environment: &Environment,
) -> Result<(), Failure> {
    let directory = std::path::absolute(&arguments.directory).ok();
    let directory = directory.and_then(|path| path.into_os_string().into_string().ok());
    let directory = directory.ok_or_else(|| Failure::new(Exit::Usage, "the directory's path is not text"))?;
    let daemon = Daemon::awaited(arguments.socket.locate(config, environment)?, AWAITED)?;
    let call = daemon.call(Method::POST, "/backups").body(written(&BackUp { directory })?);
    let body = daemon.fetch(call).await?;
    let BackedUp { at, records, store_bytes, keyring_generation } = parse(&body)?;
    print(&format!(
        "backed up, as of {at}: {records} records, {} MB, the keyring as of its change {keyring_generation}\n",
        store_bytes.div_ceil(1_000_000)
    ))
}
