//! `tamis person restrict`: every record that holds an address, for a while.

use reqwest::Method;

use crate::api::Word;
use crate::api::restrictions::{Restrict, RestrictedAll};
use crate::cli::address::{SEARCH_WITHIN, unread, unreadable};
use crate::cli::person::requests::OfRequest;
use crate::cli::person::{Address, REASON, Who};
use crate::cli::reasons;
use crate::cli::restrict::page;
use crate::cli::socket::{ConfigPath, SocketArgument};
use crate::client::{Daemon, parse, written};
use crate::purpose::law::RequestKind;
use crate::secret::location::Environment;
use crate::terminal::{Failure, print, print_json, records, tell};
use crate::trail::Reason;

const EXAMPLE: &str = "\
Every record that holds the address is in no export from now on, and no clock ends it (GDPR art. 18). Said again, the day and
the reason are renewed. `tamis restrict --lift ID` lifts one: tell the person before.
Exit codes: 0 restricted (or nothing was there: it says so), 1 refused, 2 the command line is wrong, 69 tamis does not run or
does not answer.

Example:
  tamis person restrict --email-stdin --until 2027-03-31 < address.txt";

#[derive(clap::Args)]
#[command(after_help = EXAMPLE)]
pub(super) struct Arguments {
    #[command(flatten)]
    who: Who,
    /// The last day (UTC) on which they are restricted: twelve months from now at the latest
    #[arg(long, value_name = "DAY")]
    until: String,
    /// Why; it stands in the trail and with the restriction
    #[arg(long, value_parser = reasons(), default_value = REASON)]
    reason: String,
    /// Print the daemon's JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    of_request: OfRequest,
    #[command(flatten)]
    socket: SocketArgument,
}

/// Asks the daemon.
pub(super) async fn run(
    arguments: Arguments,
    config: &ConfigPath,
    environment: &Environment,
) -> Result<(), Failure> {
    let Arguments { who, until, reason, json, of_request, socket } = arguments;
    let (email, phone) = match who.read()? {
        Address::Email(email) => (Some(email), None),
        Address::Phone(phone) => (None, Some(phone)),
    };
    let restrict =
        Restrict { id: None, email, phone, until, reason: Reason::from_code(&reason).map(Word::from) };
    let daemon = Daemon::awaited(socket.locate(config, environment)?, 4 * SEARCH_WITHIN)?;
    let request = of_request.open(&daemon, RequestKind::Restriction).await?;
    let call = daemon.call(Method::POST, "/restrictions").body(written(&restrict)?);
    let body = daemon.fetch(call).await.map_err(|failure| request.still_open(failure))?;
    let all: RestrictedAll = parse(&body)?;
    notes(&all).iter().for_each(|note| tell(note));
    match json {
        true => print_json(&format!("{}\n", String::from_utf8_lossy(&body)))?,
        false if all.restrictions.is_empty() => {}
        false => print(&page(&all.restrictions))?,
    }
    if all.unread > 0 || all.unreadable > 0 {
        request.left_open();
        return Ok(());
    }
    request.answered(&daemon, None).await
}

/// What was reached, and what was not.
fn notes(all: &RestrictedAll) -> Vec<String> {
    let mut notes = vec![match all.restrictions.len() as u64 {
        0 => "no record holds this address".to_owned(),
        count => format!("restricted: {}", records(count)),
    }];
    if all.unreadable > 0 {
        notes.push(unreadable(all.unreadable));
    }
    if all.unread > 0 {
        notes.push(unread(all.unread, "restrict again once they are"));
    }
    notes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_reached_is_said() {
        let said = |body: &str| notes(&parse(body.as_bytes()).unwrap_or_else(|failure| panic!("{failure}")));
        assert_eq!(
            said(r#"{"restrictions":[],"unread":0,"unreadable":0}"#),
            ["no record holds this address"]
        );
        let one = r#"{"id":"devis-1-7","reason":"person-request","since":"2026-11-25T08:00:00Z","until":"2027-03-31"}"#;
        let some = said(&format!(r#"{{"restrictions":[{one}],"unread":2,"unreadable":1}}"#));
        assert_eq!(some[0], "restricted: 1 record");
        assert!(
            some[1].starts_with("records that do not open: 1.") && some[2].contains("not read yet: 2."),
            "{some:?}"
        );
    }
}
