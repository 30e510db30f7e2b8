//! `tamis vacuum`: the sealed rest of what was erased goes out of the store's file, of a tamis that runs.

use std::time::Duration;

use reqwest::Method;

use crate::api::backups::Vacuumed;
use crate::cli::socket::{ConfigPath, SocketArgument};
use crate::client::{Daemon, parse};
use crate::secret::location::Environment;
use crate::terminal::{Failure, print};

/// It may take half an hour, and says nothing meanwhile.
const AWAITED: Duration = Duration::from_secs(35 * 60);
/// The config speaks of MB as disks do.
const BYTES_PER_MB: u64 = 1_000_000;

const EXAMPLE: &str = "\
What was erased is under keys that are destroyed; its sealed bytes stay in the file until this. tamis does it by itself every
`store.vacuum_days` days. Meanwhile Meta's calls are taken and whoever reads goes on; nothing is stored.

Example:
  tamis vacuum";

#[derive(clap::Args)]
#[command(after_help = EXAMPLE)]
pub(super) struct Arguments {
    #[command(flatten)]
    socket: SocketArgument,
}

/// Has it done.
pub(super) async fn run(
    arguments: Arguments,
    config: &ConfigPath,
    environment: &Environment,
) -> Result<(), Failure> {
    let daemon = Daemon::awaited(arguments.socket.locate(config, environment)?, AWAITED)?;
    let body = daemon.fetch(daemon.call(Method::POST, "/vacuum")).await?;
    let Vacuumed { at, records, before_bytes, store_bytes } = parse(&body)?;
    let mb = |bytes: u64| bytes.div_ceil(BYTES_PER_MB);
    print(&format!(
        "vacuumed, as of {at}: {records} records in {} MB, which were {} MB\n",
        mb(store_bytes),
        mb(before_bytes)
    ))
}
