//! `tamis changes`: how far each recipient has followed what became of its records, and the feed of one on whose behalf somebody acts.

use clap::value_parser;
use reqwest::Method;

use crate::api::changes::{Change, ChangeList, ChangesApplied, Feed, FeedList};
use crate::cli::reasons;
use crate::cli::socket::{ConfigPath, SocketArgument};
use crate::client::{Daemon, parse, written};
use crate::secret::location::Environment;
use crate::terminal::{Failure, Table, print, print_json, printable, tell, thousands};

/// How many come with one call.
const LISTED_AT_ONCE: usize = 1_000;

const EXAMPLE: &str = "\
A recipient that is a program follows by itself (docs/api.md). For one that is none, list what it must follow, tell it, and say
with --applied that it has: all up to that number.

Example:
  tamis changes
  tamis changes --recipient crm --reason person-request
  tamis changes --recipient crm --applied 42 --reason person-request";

#[derive(clap::Args)]
#[command(after_help = EXAMPLE)]
pub(super) struct Arguments {
    /// What this one must follow [default: how far each has followed]
    #[arg(long, value_name = "ID", value_parser = recipient, requires = "reason")]
    recipient: Option<String>,
    /// Only changes after the one with this number [default: after what is applied]
    #[arg(long, value_name = "N", value_parser = value_parser!(u64), requires = "recipient", conflicts_with = "applied")]
    after: Option<u64>,
    /// Say that it has applied all up to this number
    #[arg(long, value_name = "N", value_parser = value_parser!(u64), requires = "recipient")]
    applied: Option<u64>,
    /// Why; it stands in the trail
    #[arg(long, value_parser = reasons(), requires = "recipient")]
    reason: Option<String>,
    /// Print the daemon's JSON; of changes each, one a line
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    socket: SocketArgument,
}

fn recipient(text: &str) -> Result<String, &'static str> {
    let good = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
    good.then(|| text.to_owned()).ok_or("a recipient's id has no spaces or accents")
}

/// Asks the daemon.
pub(super) async fn run(
    arguments: Arguments,
    config: &ConfigPath,
    environment: &Environment,
) -> Result<(), Failure> {
    let daemon = Daemon::at(arguments.socket.locate(config, environment)?)?;
    let (Some(recipient), Some(reason)) = (arguments.recipient, arguments.reason) else {
        let body = daemon.fetch(daemon.call(Method::GET, "/changes/recipients")).await?;
        if arguments.json {
            return print_json(&format!("{}\n", String::from_utf8_lossy(&body)));
        }
        let FeedList { recipients } = parse(&body)?;
        if recipients.is_empty() {
            tell("nothing has become yet of any record that somebody was given");
        }
        return print(&standings(&recipients));
    };
    let of = Of { daemon: &daemon, recipient: &recipient, reason: &reason };
    match arguments.applied {
        Some(up_to) => of.apply(up_to, arguments.json).await,
        None => of.list(arguments.after, arguments.json).await,
    }
}

/// The feed of one recipient.
struct Of<'d> {
    daemon: &'d Daemon,
    recipient: &'d str,
    reason: &'d str,
}

impl Of<'_> {
    async fn call(&self, method: Method, path: &str) -> Result<Vec<u8>, Failure> {
        let call = self.daemon.call(method, path).header("Tamis-Recipient", self.recipient);
        self.daemon.fetch(call.header("Tamis-Reason", self.reason)).await
    }

    async fn apply(&self, up_to: u64, json: bool) -> Result<(), Failure> {
        let body = self.call(Method::POST, &format!("/changes/{up_to}/applied")).await?;
        if json {
            return print_json(&format!("{}\n", String::from_utf8_lossy(&body)));
        }
        let ChangesApplied { changes, applied } = parse(&body)?;
        let recipient = printable(self.recipient);
        print(&format!("{recipient} has applied {} more, and all up to {applied}\n", thousands(changes)))
    }

    async fn list(&self, mut after: Option<u64>, json: bool) -> Result<(), Failure> {
        let (mut count, mut last, mut is_told) = (0, None, false);
        loop {
            let from = after.map(|after| format!("&after={after}")).unwrap_or_default();
            let body = self.call(Method::GET, &format!("/changes?limit={LISTED_AT_ONCE}{from}")).await?;
            let ChangeList { changes, more, applied, dropped_to } = parse(&body)?;
            if let Some(dropped_to) = dropped_to.filter(|to| *to > applied && !is_told) {
                is_told = true;
                tell(&format!(
                    "up to {dropped_to} some went before they were applied: its copy holds records that are gone. Have it compare \
                     everything with an export"
                ));
            }
            if json {
                for change in &changes {
                    print_json(&format!("{}\n", String::from_utf8_lossy(&written(change)?)))?;
                }
            } else if !changes.is_empty() {
                print(&page(&changes))?;
            }
            count += changes.len() as u64;
            last = changes.last().map(|change| change.n).or(last);
            after = last;
            if !more || changes.is_empty() {
                break;
            }
        }
        let recipient = printable(self.recipient);
        tell(&match last {
            None => format!("{recipient} has nothing to follow"),
            Some(last) => format!(
                "{} to follow. Once {recipient} has: `tamis changes --recipient {recipient} --applied {last} --reason {}`",
                thousands(count),
                printable(self.reason)
            ),
        });
        Ok(())
    }
}

/// A line for each change.
fn page(changes: &[Change]) -> String {
    let mut table = Table::new(&["n", "kind", "record", "consent", "ends"]);
    for change in changes {
        let consent = change.consent.clone().unwrap_or_else(|| "-".to_owned());
        let ends = change.expires_at.map_or_else(|| "-".to_owned(), |at| at.to_string());
        table.row([change.n.to_string(), change.kind.to_string(), change.id.to_string(), consent, ends]);
    }
    table.to_string()
}

/// A line for each recipient.
fn standings(recipients: &[Feed]) -> String {
    let mut table = Table::new(&["recipient", "waiting", "since", "read", "applied", "dropped"]);
    for feed in recipients {
        let at = |moment: Option<crate::api::Moment>| {
            moment.map_or_else(|| "never".to_owned(), |moment| moment.to_string())
        };
        let since = feed.waiting_since.map_or_else(|| "-".to_owned(), |since| since.to_string());
        table.row([
            feed.recipient.clone(),
            thousands(feed.waiting),
            since,
            at(feed.read_at),
            at(feed.applied_at),
            thousands(feed.dropped),
        ]);
    }
    table.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::Moment;

    #[test]
    fn who_lags_is_seen_at_a_glance() {
        let at = Moment("2026-11-25T08:47:38Z".parse().expect("a time"));
        let feed = |recipient: &str, waiting, since, read| Feed {
            recipient: recipient.to_owned(),
            waiting,
            waiting_since: since,
            last: 42,
            read: 42,
            read_at: read,
            applied: 7,
            applied_at: None,
            dropped: 0,
        };
        let table = standings(&[feed("agency", 1_200, Some(at), None), feed("crm", 0, None, Some(at))]);
        let lines: Vec<Vec<&str>> = table.lines().map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(lines[1], ["agency", "1,200", "2026-11-25T08:47:38Z", "never", "never", "0"]);
        assert_eq!(lines[2], ["crm", "0", "-", "2026-11-25T08:47:38Z", "never", "0"]);
    }
}
