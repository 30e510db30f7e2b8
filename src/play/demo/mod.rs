//! `tamis demo`: the whole walk of many leads, with Meta's side simulated on loopback.
//!
//! Nothing is faked on tamis's side: the daemon is the one that `serve` runs, with a store, keys and secrets of its own in a
//! temporary directory (synced like any other), called over real HTTP.

mod account;
mod disk;
mod life;
mod person;
mod stage;
mod sums;

use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt, stream};
use tamis_simulator::DemoWorld;

use crate::client::Daemon;
use crate::clock::SystemClock;
use crate::play::house::all_read;
use crate::secret::location::Environment;
use crate::terminal::{Failure, Sheet, shell_word, tell};
use account::Account;
use stage::{Stage, Watch, perform};

const EXAMPLE: &str = "\
All persons are invented. With --life seven of them are followed to their end: written to, asked after eighteen months, and gone, by a
clock that the demo sets ahead; it fails where anything is left that it does not name. Ends by itself and leaves nothing behind; with --keep it goes on until Ctrl-C. In colour where
stdout is a terminal, unless NO_COLOR is set.

Example:
  tamis demo --leads 1000
  tamis demo --life";

/// Calls of Meta's under way at once.
const CALLS_AT_ONCE: usize = 8;
/// So many leads in a call, by turns: bursts happen.
const LEADS_A_CALL: [usize; 6] = [1, 3, 1, 12, 1, 5];
/// How long the last leads may take after the last call, at the least.
const PATIENCE_SECONDS: usize = 60;
/// And for each lead beyond, so many a second at the least.
const LEADS_A_SECOND: usize = 100;

/// What to play.
#[derive(clap::Args)]
#[command(after_help = EXAMPLE)]
pub struct Arguments {
    /// How many people submit a form
    #[arg(long, default_value_t = 120, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    leads: u32,
    /// Leave it running at the end, and say how to look around
    #[arg(long)]
    keep: bool,
    /// Follow seven people through three years instead: in under a minute
    #[arg(long, conflicts_with_all = ["leads", "keep"])]
    life: bool,
}

/// Sets the stage, plays, tells, clears away.
pub async fn run(arguments: &Arguments, environment: &Environment) -> Result<(), Failure> {
    let sheet = || Sheet::for_stdout(environment.get("NO_COLOR"), environment.get("TERM"));
    if arguments.life {
        return life::run(&sheet).await;
    }
    let leads = usize::try_from(arguments.leads).unwrap_or(usize::MAX);
    let (stage, app) = Stage::set(leads, Arc::new(SystemClock), None).await?;
    let then = async |stage: &Stage| {
        if arguments.keep {
            stay(stage).await;
        }
    };
    perform((stage, app), async |stage: &Stage| play(stage, sheet()).await, then).await
}

async fn play(stage: &Stage, sheet: Sheet) -> Result<(), Failure> {
    let daemon = Daemon::at(stage.socket().to_owned())?;
    let meta = &stage.meta;
    meta.verify_endpoint(&stage.webhook(), stage.verify_token())
        .await
        .map_err(|_| Failure::failed("the handshake with the simulated Meta failed"))?;
    let calls = deliver(stage).await?;
    settle(stage, &daemon).await?;
    Account::take(stage, &daemon, calls).await?.tell(sheet).await
}

/// Sends every lead's notification, some twice, and returns how many calls that took.
async fn deliver(stage: &Stage) -> Result<usize, Failure> {
    let DemoWorld { leads, twice, .. } = &stage.world;
    let ids: Vec<&str> =
        leads.iter().map(|lead| lead.id.as_str()).chain(twice.iter().map(String::as_str)).collect();
    let mut calls: Vec<&[&str]> = Vec::new();
    let mut rest = ids.as_slice();
    for size in LEADS_A_CALL.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let (call, after) = rest.split_at((*size).min(rest.len()));
        calls.push(call);
        rest = after;
    }
    let mut watch = Watch::start("Meta calls", calls.len());
    let webhook = stage.webhook();
    let mut sent = stream::iter(calls.iter().map(|call| {
        let (meta, webhook) = (stage.meta.clone(), webhook.as_str());
        async move { meta.deliver(webhook, &meta.notification(call)).await.map(|answer| answer.status) }
    }))
    .buffer_unordered(CALLS_AT_ONCE);
    while let Some(answer) = sent.next().await {
        match answer {
            Ok(200) => watch.advance(1),
            Ok(status) => return Err(Failure::failed(format!("a signed call was answered {status}"))),
            Err(_) => return Err(Failure::failed("a signed call was not answered")),
        }
    }
    Ok(calls.len())
}

/// Waits until every reference has its end.
async fn settle(stage: &Stage, daemon: &Daemon) -> Result<(), Failure> {
    let leads = stage.world.leads.len();
    let mut watch = Watch::start("tamis fetches", leads);
    let patience = Duration::from_secs((PATIENCE_SECONDS + leads / LEADS_A_SECOND) as u64);
    all_read(daemon, patience, |open| watch.at(leads.saturating_sub(open))).await
}

async fn stay(stage: &Stage) {
    tell(&format!(
        "\
tamis goes on until Ctrl-C. In another terminal:
  tamis inbox --socket {socket}
  tamis export lettre --format csv --socket {socket} --reason audit
  tamis trail --socket {socket}
Its webhook is {webhook}, its log
  {log}",
        socket = shell_word(&stage.socket().display().to_string()),
        webhook = stage.webhook(),
        log = shell_word(&stage.log_path().display().to_string()),
    ));
    stage.stop.requested().await;
}
