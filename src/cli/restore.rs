//! `tamis restore DIR`: a backup in the places that the config names, while tamis does not run.

use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;

use crate::app::{Ambient, RestoreError, restore};
use crate::cli::ConfigPath;
use crate::cli::serve::{not_done, refused};
use crate::clock::{Rfc3339, SystemClock};
use crate::config;
use crate::lifecycle::forbid_cores;
use crate::random::SystemRandom;
use crate::secret::location::Environment;
use crate::store::{Since, Whose};
use crate::terminal::{Failure, print};

const EXAMPLE: &str = "\
tamis must not run. Nothing is written over: move what is left of a store away first, and leave a keyring that is there in its
place. It is the newer one and knows what was erased; only where there is none, the backup's is put there.
New records get another epoch in their ids, so that no id is given twice.

Example:
  tamis restore /var/lib/tamis-backup/2026-11-30 --ledger /mnt/elsewhere/tamis.ledger";

#[derive(clap::Args)]
#[command(after_help = EXAMPLE)]
pub(super) struct Arguments {
    /// The backup: a directory with store/ and keys/ in it
    directory: PathBuf,
    /// Do again what this file says was erased since: the one that `backup.ledger` names
    #[arg(long, value_name = "FILE")]
    ledger: Option<PathBuf>,
    /// Go on although it is not known what people asked for since the backup was made
    #[arg(long)]
    without_ledger: bool,
}

/// Restores it.
pub(super) async fn run(
    arguments: Arguments,
    path: &ConfigPath,
    environment: &Environment,
) -> Result<(), Failure> {
    forbid_cores()
        .map_err(|error| Failure::failed(format!("cores cannot be forbidden: {}", error.kind())))?;
    let config = config::load(&path.path, environment).map_err(|faults| refused(path, &faults))?;
    let root = config.resolve_root(environment).map_err(|faults| refused(path, &faults))?;
    let ambient =
        Ambient { clock: Arc::new(SystemClock), random: Arc::new(SystemRandom), progress: Arc::default() };
    let is_unknown = arguments.ledger.is_none();
    let since = match (arguments.ledger, arguments.without_ledger) {
        (Some(ledger), without) => Some(Since::Ledger(ledger, without)),
        (None, true) => Some(Since::Unknown),
        (None, false) => None,
    };
    let restored = restore(&config, root, &arguments.directory, since, &ambient).await;
    let restored = restored.map_err(|error| not_restored(&error))?;
    let keyless = match restored.keyless {
        0 => String::new(),
        count => format!("; {count} more were erased since, or had their time, and are gone"),
    };
    let replayed = match restored.replayed {
        0 => String::new(),
        lines => {
            let newest =
                restored.newest_line.map_or(String::new(), |at| format!(", the newest of {}", Rfc3339(at)));
            format!("; {lines} lines of the ledger were done again{newest}")
        }
    };
    let not_there = match restored.not_there {
        0 => String::new(),
        count => {
            format!("; {count} of them end consents, or restrict, of records that the backup does not have")
        }
    };
    let unknown = match is_unknown {
        true => format!(
            ". What was taken back, objected to and restricted since {} is not known: do it again before anybody exports",
            when(restored.made_at)
        ),
        // An empty file, or one of before, is taken as well: nobody can tell it from a time in which nothing was asked for.
        false if restored.replayed == 0 => format!(
            ". The ledger has no line of since {}: if anybody was erased, objected or took something back since, it is not the one that tamis \
             wrote to. Do that again before anybody exports",
            when(restored.made_at)
        ),
        false => String::new(),
    };
    let under = match restored.whose {
        Whose::House => "the keyring that was in its place",
        Whose::Backup => "the backup's own keyring",
    };
    print(&format!(
        "restored: {} records{keyless}{replayed}{not_there}{unknown}. It lies under {under}. New ones have the epoch {} in their ids. Start tamis\n",
        restored.records, restored.epoch
    ))
}

/// The moment of a backup.
fn when(made: Option<Timestamp>) -> String {
    let unknown = || "the backup was made (it does not say when)".to_owned();
    made.map_or_else(unknown, |made| Rfc3339(made).to_string())
}

fn not_restored(error: &RestoreError) -> Failure {
    match error {
        RestoreError::Refused(error) => not_done("nothing is restored", error),
        RestoreError::ErasuresUnknown { since } => Failure::failed(format!(
            "nothing is restored: who objected, took a consent back or was restricted since {} is not known, nor, under \
                 the backup's own keyring, who was erased. Name the ledger with --ledger FILE. Where there is none, have the receipts since then at hand and \
                 say --without-ledger",
            when(*since)
        )),
        RestoreError::OtherUser => Failure::failed(
            "nothing is restored: another user owns the place of the store, and could not use what is made there. Run \
             this as the user that runs tamis",
        ),
    }
}
