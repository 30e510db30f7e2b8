//! `tamis person link`: the link by which a person opens their own page, to be handed to them.

use std::fmt::Write as _;

use reqwest::Method;

use crate::api::passes::{GivePass, GivenPasses};
use crate::cli::address::SEARCH_WITHIN;
use crate::cli::person::{Address, REASON, Who};
use crate::cli::reasons;
use crate::cli::socket::{ConfigPath, SocketArgument};
use crate::client::{Daemon, parse, written};
use crate::secret::location::Environment;
use crate::terminal::{Failure, print, print_json, tell, thousands};

const EXAMPLE: &str = "\
One link for each record that holds the address, on stdout: record, last day, link. Whoever opens it sees what is held, in part,
and can say no, correct or erase it, so make sure first that who asks is the person, and hand the link to nobody else. It cannot
be printed again: a new one can. A record has sixteen at most, the oldest goes.
Exit codes: 0 given (or nothing was there: it says so), 1 refused, 2 the command line is wrong, 69 tamis does not run or does
not answer.

Example:
  tamis person link --email-stdin < address.txt";

#[derive(clap::Args)]
#[command(after_help = EXAMPLE)]
pub(super) struct Arguments {
    #[command(flatten)]
    who: Who,
    /// For how many days it opens the page, today among them
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u32).range(1..=365), default_value_t = 30)]
    days: u32,
    /// Why; it stands in the trail
    #[arg(long, value_parser = reasons(), default_value = REASON)]
    reason: String,
    /// Print the daemon's JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    socket: SocketArgument,
}

/// Asks the daemon.
pub(super) async fn run(
    arguments: Arguments,
    config: &ConfigPath,
    environment: &Environment,
) -> Result<(), Failure> {
    let Arguments { who, days, reason, json, socket } = arguments;
    let (email, phone) = match who.read()? {
        Address::Email(email) => (Some(email), None),
        Address::Phone(phone) => (None, Some(phone)),
    };
    let question = GivePass { id: None, email, phone, days: Some(days) };
    let daemon = Daemon::awaited(socket.locate(config, environment)?, SEARCH_WITHIN)?;
    let call = daemon.call(Method::POST, "/passes").header("Tamis-Reason", reason).body(written(&question)?);
    let body = daemon.fetch(call).await?;
    let given: GivenPasses = parse(&body)?;
    notes(&given).iter().for_each(|note| tell(note));
    match json {
        true => print_json(&format!("{}\n", String::from_utf8_lossy(&body))),
        false if given.passes.is_empty() => Ok(()),
        false => print(&links(&given)),
    }
}

/// A line for each, for whoever copies it.
fn links(given: &GivenPasses) -> String {
    let mut text = String::new();
    for link in &given.passes {
        let _ = writeln!(text, "{}  {}  {}", link.id, link.last_day, link.url);
    }
    text
}

/// What whoever hands it on is to know.
fn notes(given: &GivenPasses) -> Vec<String> {
    let mut notes = Vec::new();
    match given.passes.len() {
        0 => notes.push("no record holds this address".to_owned()),
        1 => notes.push("for the person alone: whoever has the link can have these data erased".to_owned()),
        _ => notes.push(
            "for the person alone: whoever has a link can have its data erased. Several people may share an address".to_owned(),
        ),
    }
    if let Some(total) = given.total {
        notes.push(format!("records that hold the address: {}. These are the first", thousands(total)));
    }
    if given.unreadable > 0 {
        notes.push(format!(
            "records that do not open: {}. They may hold the address: the log says more",
            thousands(given.unreadable)
        ));
    }
    if given.unread > 0 {
        notes.push(format!("submissions that are not read yet: {}", thousands(given.unread)));
    }
    notes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_link_has_a_line_and_whoever_hands_it_on_is_warned() {
        let said =
            |body: &str| parse::<GivenPasses>(body.as_bytes()).unwrap_or_else(|failure| panic!("{failure}"));
        let none = said(r#"{"passes":[],"unread":0,"unreadable":0}"#);
        assert_eq!(notes(&none), ["no record holds this address"]);
        let one = r#"{"id":"devis-1-7","url":"https://leads.lumen.example/p/AAAA","last_day":"2026-12-29"}"#;
        let some = said(&format!(r#"{{"passes":[{one}],"total":200,"unread":2,"unreadable":1}}"#));
        assert_eq!(links(&some), "devis-1-7  2026-12-29  https://leads.lumen.example/p/AAAA\n");
        let told = notes(&some).join("\n");
        for part in ["for the person alone", "the address: 200", "not open: 1", "not read yet: 2"] {
            assert!(told.contains(part), "{part}: {told}");
        }
    }
}
