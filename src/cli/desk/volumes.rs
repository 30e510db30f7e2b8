//! How much a running tamis holds, if one answers.

use reqwest::Method;

use crate::api::status::Status;
use crate::cli::socket::{ConfigPath, SocketArgument};
use crate::client::{Daemon, parse};
use crate::desk::Volumes;
use crate::secret::location::Environment;
use crate::terminal::{Failure, tell};

/// Records by purpose. None, and a word on stderr: nobody answered.
pub(super) async fn told(
    socket: &SocketArgument,
    path: &ConfigPath,
    environment: &Environment,
) -> Option<Volumes> {
    match asked(socket, path, environment).await {
        Ok(volumes) => volumes,
        Err(failure) => {
            tell(&format!("note: the volumes are left out: {failure}"));
            None
        }
    }
}

async fn asked(
    socket: &SocketArgument,
    path: &ConfigPath,
    environment: &Environment,
) -> Result<Option<Volumes>, Failure> {
    let daemon = Daemon::at(socket.locate(path, environment)?)?;
    let status = status(&daemon).await?;
    let at = status.clock.now.0;
    let records = status
        .purposes
        .map(|purposes| purposes.into_iter().map(|purpose| (purpose.id, purpose.stored)).collect::<Vec<_>>());
    Ok(records.map(|records| Volumes { at, records }))
}

/// How things stand.
///
/// # Errors
/// Nobody answers, or not as tamis does.
pub(super) async fn status(daemon: &Daemon) -> Result<Status, Failure> {
    parse(&daemon.fetch(daemon.call(Method::GET, "/status")).await?)
}
