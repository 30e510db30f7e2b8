//! `tamis erase`: a submission is forgotten, and the receipt about it; `tamis erasure`: the same receipt later.

use std::fmt::Write as _;

use reqwest::Method;

use crate::api::IdText;
use crate::api::erasures::{Erase, Erased, ErasedBy, WouldErase};
use crate::cli::paper::{Paper, PaperArguments};
use crate::cli::socket::{ConfigPath, SocketArgument};
use crate::cli::stdin::one_line;
use crate::client::{Daemon, parse, written};
use crate::forget::receipt::{AskedBy, Ground};
use crate::random::{Random, SystemRandom};
use crate::secret::location::Environment;
use crate::terminal::{Exit, Failure, print, print_json, tell, thousands};
use clap::builder::{PossibleValue, PossibleValuesParser};

/// Of a key by which the request is known again, drawn for each run.
const KEY_BYTES: usize = 16;

const EXAMPLE: &str = "\
What is erased does not come back, and nobody can read it afterwards: look first with --dry-run. An id on a command line
stays in the shell's history: `-` reads it from stdin.
Exit codes: 0 erased (or nothing was there: the receipt says so), 1 refused, or the keys are not destroyed yet
(erasure-pending: `tamis erasure NUMBER` has the receipt later), 2 the command line is wrong, 69 tamis does not run.

Example:
  tamis erase --id devis-1-123 --reason person-request --format html --lang fr --output receipt.html";

const EXAMPLE_OF_ERASURE: &str = "\
Exit codes: 0 shown, 1 there is no such erasure, or it is not done yet, 2 the command line is wrong, 69 tamis does not run.

Example:
  tamis erasure 1-17 --format note --output receipt.txt";

#[derive(clap::Args)]
#[command(after_help = EXAMPLE)]
pub(super) struct Arguments {
    #[command(flatten)]
    which: Which,
    /// For this purpose alone; may come several times
    #[arg(long = "purpose", value_name = "PURPOSE")]
    purposes: Vec<String>,
    /// Why; it stands in the trail and in the receipt
    #[arg(long, value_parser = grounds())]
    reason: String,
    /// Who wanted it [default: by the reason]
    #[arg(long, value_name = "WHO", value_parser = askers())]
    asked_by: Option<String>,
    /// Say how much it would take, and erase nothing
    #[arg(long, conflicts_with_all = ["output", "lang", "repeat"])]
    dry_run: bool,
    /// By what a request is known again that is sent twice [default: drawn for each run]
    #[arg(long, value_name = "KEY")]
    repeat: Option<String>,
    #[command(flatten)]
    paper: PaperArguments,
    #[command(flatten)]
    socket: SocketArgument,
}

#[derive(clap::Args)]
#[group(required = true, multiple = false)]
struct Which {
    /// The record's id (devis-1-123), or `-` for stdin: its submission, whole
    #[arg(long, value_name = "ID")]
    id: Option<String>,
    /// Meta's id of the submission, or `-` for stdin
    #[arg(long, value_name = "ID")]
    leadgen_id: Option<String>,
}

#[derive(clap::Args)]
#[command(after_help = EXAMPLE_OF_ERASURE)]
pub(super) struct ErasureArguments {
    /// Its number, as the receipt has it
    #[arg(value_name = "NUMBER", value_parser = number)]
    number: String,
    #[command(flatten)]
    paper: PaperArguments,
    #[command(flatten)]
    socket: SocketArgument,
}

impl Which {
    fn by(self) -> Result<ErasedBy, Failure> {
        let read = |id: String| Ok(IdText(if id == "-" { one_line("an id")? } else { id }));
        match (self.id, self.leadgen_id) {
            (Some(id), _) => Ok(ErasedBy::Id(read(id)?)),
            (None, Some(id)) => Ok(ErasedBy::LeadgenId(read(id)?)),
            (None, None) => Err(Failure::new(Exit::Usage, "say --id or --leadgen-id")),
        }
    }
}

/// Of the trail's reasons those that can be one.
fn grounds() -> PossibleValuesParser {
    let meaning = |ground: &Ground| {
        let reason = crate::trail::Reason::from_code(ground.as_str());
        PossibleValue::new(ground.as_str()).help(reason.map_or("", crate::trail::Reason::meaning))
    };
    Ground::ALL.iter().map(meaning).collect::<Vec<_>>().into()
}

fn askers() -> PossibleValuesParser {
    AskedBy::ALL.iter().map(|by| by.as_str()).collect::<Vec<_>>().into()
}

/// It goes into an address: digits and a dash, and nothing else.
fn number(text: &str) -> Result<String, &'static str> {
    let is_digits = |part: &str| (1..=20).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
    let is_one = text.split_once('-').is_some_and(|(epoch, number)| is_digits(epoch) && is_digits(number));
    is_one
        .then(|| text.to_owned())
        .ok_or("an erasure's number is two numbers with a dash between them, as in 1-17")
}

/// Has it erased, and hands its receipt out.
pub(super) async fn run(
    arguments: Arguments,
    config: &ConfigPath,
    environment: &Environment,
) -> Result<(), Failure> {
    let daemon = Daemon::at(arguments.socket.locate(config, environment)?)?;
    let Arguments { which, purposes, reason, asked_by, dry_run, repeat, paper, socket: _ } = arguments;
    let purposes = Some(purposes).filter(|purposes| !purposes.is_empty());
    let question = Erase { by: which.by()?, purposes, asked_by, dry_run };
    let call = daemon.call(Method::POST, "/erasures").header("Tamis-Reason", &reason);
    let call = call.body(written(&question)?);
    if dry_run {
        let body = daemon.fetch(call).await?;
        return match paper.is_json() {
            true => print_json(&format!("{}\n", String::from_utf8_lossy(&body))),
            false => print(&would(&parse(&body)?)),
        };
    }
    // Before anything is erased: whoever cannot have the receipt is told so first.
    let paper = Paper::open(paper)?;
    let key = match repeat {
        Some(key) => key,
        None => drawn(&SystemRandom)?,
    };
    let erased: Erased = match daemon.fetch(call.header("Idempotency-Key", &key)).await {
        Ok(body) => parse(&body)?,
        Err(failure) => {
            paper.take_back();
            return Err(failure);
        }
    };
    tell(&format!("erased: {}", erased.erasure));
    paper.fill(&daemon, &erased.erasure).await
}

/// Hands the receipt of an erasure out.
pub(super) async fn show(
    arguments: ErasureArguments,
    config: &ConfigPath,
    environment: &Environment,
) -> Result<(), Failure> {
    let daemon = Daemon::at(arguments.socket.locate(config, environment)?)?;
    Paper::open(arguments.paper)?.fill(&daemon, &arguments.number).await
}

fn drawn(random: &dyn Random) -> Result<String, Failure> {
    let mut bytes = [0; KEY_BYTES];
    random.fill(&mut bytes).map_err(|_| Failure::failed("the system gives no randomness"))?;
    Ok(hex::encode(bytes))
}

/// How much it would take.
fn would(would: &WouldErase) -> String {
    let mut text = format!("records  {}\n", thousands(would.records));
    for of in &would.purposes {
        let _ = writeln!(text, "  {}  {}", of.id, thousands(of.records));
    }
    let _ = writeln!(text, "parked   {}", thousands(would.parked));
    text + "nothing was erased\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_put_into_an_address_and_is_nothing_else() {
        assert_eq!(number("1-17").as_deref(), Ok("1-17"));
        for bad in ["", "1", "-1", "1-", "1-1-1", "../1-1", "1-1?x", "a-1", "1-１"] {
            assert!(number(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_would_be_erased_is_said_by_purpose() {
        let body = br#"{"records":1200,"purposes":[{"id":"devis","records":1200}],"parked":1}"#;
        let told = would(&parse(body).unwrap_or_else(|_| panic!("an answer")));
        assert_eq!(told, "records  1,200\n  devis  1,200\nparked   1\nnothing was erased\n");
    }

    #[test]
    fn a_key_is_drawn_for_each_run() {
        let (one, other) = (drawn(&SystemRandom), drawn(&SystemRandom));
        assert!(one.as_ref().is_ok_and(|key| key.len() == 2 * KEY_BYTES));
        assert_ne!(one.ok(), other.ok());
    }
}
