//! `tamis trail`: who did what, when and why; `tamis trail verify`; `tamis trail checkpoint`.

mod checkpoint;
mod since;
mod verify;

use std::collections::HashMap;
use std::path::PathBuf;

use clap::value_parser;
use jiff::Timestamp;
use jiff::civil::Date;
use reqwest::Method;

use crate::api::tokens::Tokens;
use crate::api::trail::TrailLine;
use crate::cli::receipt::key;
use crate::cli::socket::{ConfigPath, SocketArgument};
use crate::cli::trail::since::Since;
use crate::client::{Daemon, parse};
use crate::clock::Rfc3339;
use crate::forget::receipt::note::VerifierKey;
use crate::purpose::RecordId;
use crate::secret::location::Environment;
use crate::terminal::{Exit, Failure};
use crate::terminal::{Table, or_dash};
use crate::terminal::{print, print_json, tell};

#[derive(clap::Args)]
#[command(
    after_help = "Example:\n  tamis trail --since 2026-11-01 --actor crm",
    args_conflicts_with_subcommands = true
)]
pub(super) struct Arguments {
    #[command(subcommand)]
    verb: Option<Verb>,
    /// The oldest line first
    #[arg(long)]
    oldest_first: bool,
    /// Go on after the line with this number
    #[arg(long, value_name = "SEQ")]
    after: Option<u64>,
    /// Only lines from this day or moment on, as in 2026-11-01 or 2026-11-01T08:30:00Z
    #[arg(long, value_name = "WHEN", value_parser = moment)]
    since: Option<Timestamp>,
    /// Only lines of this one: local:UID, token:ID, a token's name, system, or person
    #[arg(long, value_name = "WHO")]
    actor: Option<String>,
    /// At most this many lines
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = value_parser!(u32).range(1..=10_000))]
    limit: u32,
    /// Print the daemon's NDJSON, one line an act
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    socket: SocketArgument,
}

#[derive(clap::Subcommand)]
enum Verb {
    /// Read every line and check that none is missing, changed or elsewhere
    #[command(after_help = EXAMPLE_OF_VERIFY)]
    Verify(VerifyArguments),
    /// Print where the trail stands, signed: to be kept where nobody can write who can write here
    #[command(after_help = EXAMPLE_OF_CHECKPOINT)]
    Checkpoint(checkpoint::CheckpointArguments),
}

const EXAMPLE_OF_VERIFY: &str = "\
With --since it is held against what was kept elsewhere, too: whoever has the keys can write a trail that chains, \
and not the one of then. Lines of the log are taken as they are (`trail.checkpoint`); the more there are, the nearer \
it is said where.
Exit codes: 0 it is whole, 1 it is not (where is said), or the file is no checkpoint of this key, 2 the command line or \
the key is wrong, 69 tamis does not run.

Example:
  tamis trail verify
  tamis trail verify --since checkpoint.txt";

const EXAMPLE_OF_CHECKPOINT: &str = "\
The log has one at the start, once an hour and at the end (`trail.checkpoint`).
Exit codes: 0 printed or written, 1 refused, 69 tamis does not run.

Example:
  tamis trail checkpoint --output checkpoint.txt";

#[derive(clap::Args)]
struct VerifyArguments {
    /// Hold it against this checkpoint as well, or those in these lines of the log; `-` for stdin
    #[arg(long, value_name = "FILE")]
    since: Option<PathBuf>,
    /// The public key that signed them, as name+id+key; without it that of the tamis that runs
    #[arg(long, requires = "since", value_parser = key)]
    key: Option<VerifierKey>,
    #[command(flatten)]
    socket: SocketArgument,
}

/// Prints lines of the trail, or verifies it whole.
pub(super) async fn run(
    arguments: Arguments,
    config: &ConfigPath,
    environment: &Environment,
) -> Result<(), Failure> {
    match arguments.verb {
        Some(Verb::Verify(arguments)) => return verify(arguments, config, environment).await,
        Some(Verb::Checkpoint(arguments)) => return checkpoint::run(arguments, config, environment).await,
        None => {}
    }
    let daemon = Daemon::at(arguments.socket.locate(config, environment)?)?;
    let names = names(&daemon).await?;
    let mut path = format!("/trail?limit={}", arguments.limit);
    path.push_str(if arguments.oldest_first { "&order=asc" } else { "&order=desc" });
    if let Some(after) = arguments.after {
        path.push_str(&format!("&after={after}"));
    }
    if let Some(since) = arguments.since {
        path.push_str(&format!("&since={}", Rfc3339(since)));
    }
    if let Some(actor) = &arguments.actor {
        path.push_str(&format!("&actor={}", actor_of(actor, &names)?));
    }
    let answer = daemon.send(daemon.call(Method::GET, &path)).await?;
    let more = header(&answer, "tamis-more").is_some_and(|more| more == "true");
    let next = header(&answer, "tamis-next-cursor");
    let body = daemon.read(answer).await?;
    let lines: Vec<TrailLine> = lines(&body)?;
    if arguments.json {
        print_json(&String::from_utf8_lossy(&body))?;
    } else if !lines.is_empty() {
        print(&page(&lines, &names))?;
    }
    match next {
        Some(next) if more => tell(&format!("there may be more: add --after {next}")),
        _ if lines.is_empty() => tell("there are no such lines"),
        _ => {}
    }
    Ok(())
}

async fn verify(
    VerifyArguments { since, key, socket }: VerifyArguments,
    config: &ConfigPath,
    environment: &Environment,
) -> Result<(), Failure> {
    let daemon = Daemon::at(socket.locate(config, environment)?)?;
    let Some(file) = since else { return print(&verify::verified(&daemon).await?.to_string()) };
    // A paper that is none is said before a long trail is read.
    let since = match Since::read(&file, key, &daemon).await {
        // Without its last line there is no checkpoint, and so no key: where it is broken is said all the same.
        Err(failure) if failure.is("trail-broken") => {
            return Err(verify::verified(&daemon).await.err().unwrap_or(failure));
        }
        read => read?,
    };
    let whole = verify::verified(&daemon).await?;
    let shown = since.held_against(&whole, &daemon).await?;
    print(&format!("{whole}{shown}"))?;
    tell(&since.signer());
    Ok(())
}

pub(super) fn header(answer: &reqwest::Response, name: &str) -> Option<String> {
    answer.headers().get(name)?.to_str().ok().map(str::to_owned)
}

pub(super) fn lines(body: &[u8]) -> Result<Vec<TrailLine>, Failure> {
    body.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).map(parse).collect()
}

/// What tokens are called, by their ids. One that was revoked is not among them.
async fn names(daemon: &Daemon) -> Result<HashMap<String, String>, Failure> {
    let Tokens { tokens } = parse(&daemon.fetch(daemon.call(Method::GET, "/tokens")).await?)?;
    Ok(tokens.into_iter().map(|token| (token.id, token.name)).collect())
}

/// A day begins at midnight UTC.
pub(super) fn moment(text: &str) -> Result<Timestamp, String> {
    let moment = match text.parse::<Date>() {
        Ok(day) if text.len() == "2026-11-01".len() => format!("{day}T00:00:00Z").parse().ok(),
        _ => text.parse().ok(),
    };
    moment.ok_or_else(|| {
        "this is neither a day as in 2026-11-01 nor a moment as in 2026-11-01T08:30:00Z".to_owned()
    })
}

/// As it stands in a line; a name stands for the token that bears it.
fn actor_of(given: &str, names: &HashMap<String, String>) -> Result<String, Failure> {
    if crate::trail::Actor::parse(given).is_some() {
        return Ok(given.to_owned());
    }
    let mut bearers = names.iter().filter(|(_, name)| *name == given).map(|(id, _)| id);
    match (bearers.next(), bearers.next()) {
        (Some(id), None) => Ok(format!("token:{id}")),
        (Some(_), Some(_)) => Err(Failure::new(
            Exit::Usage,
            "several tokens have this name: say token:ID (`tamis token list` shows them)",
        )),
        (None, _) => Err(Failure::new(
            Exit::Usage,
            "--actor takes local:UID, token:ID, system, person, or the name of a token that `tamis token list` shows",
        )),
    }
}

fn page(lines: &[TrailLine], names: &HashMap<String, String>) -> String {
    let head = [
        "seq",
        "time",
        "actor",
        "role",
        "action",
        "purpose",
        "count",
        "records",
        "reason",
        "recipient",
        "result",
    ];
    let mut table = Table::new(&head);
    for line in lines {
        table.row([
            line.seq.to_string(),
            line.time.to_string(),
            actor(&line.actor, names),
            line.role.to_string(),
            line.action.to_string(),
            or_dash(&line.purpose),
            line.count.to_string(),
            with_fields(named(line), &line.fields),
            or_dash(&line.reason),
            or_dash(&line.recipient),
            line.result.to_string(),
        ]);
    }
    table.to_string()
}

/// With what the token is called.
fn actor(actor: &str, names: &HashMap<String, String>) -> String {
    match actor.strip_prefix("token:").and_then(|id| names.get(id)) {
        Some(name) => format!("{actor} ({name})"),
        None => actor.to_owned(),
    }
}

/// Behind the records what was changed in them.
/// The records that it names, or the erasure.
fn named(line: &TrailLine) -> String {
    match &line.erasure {
        Some(erasure) => format!("erasure {erasure}"),
        None => range(line.from.as_ref(), line.to.as_ref()),
    }
}

fn with_fields(records: String, fields: &[String]) -> String {
    if fields.is_empty() { records } else { format!("{records} ({})", fields.join(", ")) }
}

fn range(from: Option<&RecordId>, to: Option<&RecordId>) -> String {
    match (from, to) {
        (Some(from), Some(to)) if from != to => format!("{from} … {to}"),
        (Some(one), _) | (None, Some(one)) => one.to_string(),
        (None, None) => "-".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_a_table() {
        let body = [
            r#"{"seq":1,"time":"2026-11-25T08:47:38Z","actor":"system","role":"system","recipient":null,"action":"stored","purpose":"devis","count":12,"from":"devis-1-1","to":"devis-1-12","reason":null,"result":"done"}"#,
            r#"{"seq":2,"time":"2026-11-25T08:50:00Z","actor":"token:0f3a9c1e5b7d2468","role":"exporter","recipient":"crm","action":"exported","purpose":"devis","count":1,"from":"devis-1-1","to":"devis-1-1","reason":"crm-sync","result":"done"}"#,
        ];
        let lines: Vec<TrailLine> = body.iter().map(|line| parse(line.as_bytes()).expect("a line")).collect();
        let expected = concat!(
            "  seq  time                  actor                         role      action    purpose  count  records                 reason    recipient  result\n",
            "    1  2026-11-25T08:47:38Z  system                        system    stored    devis       12  devis-1-1 … devis-1-12  -         -          done\n",
            "    2  2026-11-25T08:50:00Z  token:0f3a9c1e5b7d2468 (crm)  exporter  exported  devis        1  devis-1-1               crm-sync  crm        done\n",
        );
        let names = HashMap::from([("0f3a9c1e5b7d2468".to_owned(), "crm".to_owned())]);
        assert_eq!(page(&lines, &names), expected);
    }

    #[test]
    fn a_day_begins_at_midnight_and_a_moment_says_its_zone() {
        let read = |text| moment(text).ok().map(|moment| moment.to_string());
        assert_eq!(read("2026-11-01").as_deref(), Some("2026-11-01T00:00:00Z"));
        assert_eq!(read("2026-11-01T01:00:00+01:00").as_deref(), Some("2026-11-01T00:00:00Z"));
        for odd in ["", "2026-11-31", "2026-11", "2026-11-01T01:00:00", "yesterday", "2026111111"] {
            assert!(moment(odd).is_err(), "{odd}");
        }
    }

    #[test]
    fn a_name_stands_for_the_one_token_that_bears_it() {
        let name = |id: &str, name: &str| (id.to_owned(), name.to_owned());
        let names =
            HashMap::from([name("0f3a9c1e5b7d2468", "crm"), name("aa", "twice"), name("bb", "twice")]);
        let of = |given| actor_of(given, &names).ok();
        assert_eq!(of("crm").as_deref(), Some("token:0f3a9c1e5b7d2468"));
        assert_eq!(of("local:0").as_deref(), Some("local:0"));
        assert_eq!(of("system").as_deref(), Some("system"));
        assert_eq!((of("twice"), of("nobody"), of("local:a&b")), (None, None, None));
    }
}
