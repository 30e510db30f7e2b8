//! `tamis person withdraw`: consents of every record that holds an address are taken back.

use reqwest::Method;

use crate::api::Word;
use crate::api::consents::{Became, Withdraw, Withdrawal};
use crate::cli::address::SEARCH_WITHIN;
use crate::cli::erase::grounds;
use crate::cli::person::requests::OfRequest;
use crate::cli::person::{Address, Who};
use crate::cli::purposes;
use crate::cli::socket::{ConfigPath, SocketArgument};
use crate::client::{Daemon, parse, written};
use crate::purpose::law::RequestKind;
use crate::secret::location::Environment;
use crate::terminal::{Failure, Table, print, print_json, records, tell, thousands};
use crate::trail::Reason;

/// Why, where nobody says another reason.
const WITHDRAWAL: &str = "withdrawal";

const EXAMPLE: &str = "\
The consents end today (GDPR art. 7(3)): exports say so, and what was held by them alone goes. Without --consent all of them. A
record that nothing holds any more is erased, and `tamis erasure NUMBER` has its receipt. Said again, it changes nothing.
Whoever must not be stored again objects: `tamis person object`.
Exit codes: 0 taken back (or nothing was there: it says so), 1 refused, 2 the command line is wrong, 69 tamis does not run or
does not answer.

Example:
  tamis person withdraw --email-stdin --consent call_optin < address.txt";

#[derive(clap::Args)]
#[command(after_help = EXAMPLE)]
pub(super) struct Arguments {
    #[command(flatten)]
    who: Who,
    /// For this purpose alone; may come several times
    #[arg(long = "purpose", value_name = "PURPOSE")]
    purposes: Vec<String>,
    /// This consent alone, by its name in the config; may come several times
    #[arg(long = "consent", value_name = "CONSENT")]
    consents: Vec<String>,
    /// Why; it stands in the trail, and in the receipt of what is erased
    #[arg(long, value_parser = grounds(), default_value = WITHDRAWAL)]
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
    let Arguments { who, purposes, consents, reason, json, of_request, socket } = arguments;
    let (email, phone) = match who.read()? {
        Address::Email(email) => (Some(email), None),
        Address::Phone(phone) => (None, Some(phone)),
    };
    let given: Vec<&str> = purposes.iter().map(String::as_str).collect();
    let withdraw = Withdraw {
        id: None,
        email,
        phone,
        purposes: Some(purposes.clone()).filter(|purposes| !purposes.is_empty()),
        consents: Some(consents).filter(|consents| !consents.is_empty()),
        reason: Reason::from_code(&reason).map(Word::from),
    };
    let daemon = Daemon::awaited(socket.locate(config, environment)?, 2 * SEARCH_WITHIN)?;
    let request = of_request.open(&daemon, RequestKind::Withdrawal).await?;
    let call = daemon.call(Method::POST, "/withdrawals").body(written(&withdraw)?);
    let body = purposes::fetch(&daemon, call, &given).await.map_err(|failure| request.still_open(failure))?;
    let done: Withdrawal = parse(&body)?;
    notes(&done).iter().for_each(|note| tell(note));
    match json {
        true => print_json(&format!("{}\n", String::from_utf8_lossy(&body)))?,
        false if done.records.is_empty() => {}
        false => print(&page(&done))?,
    }
    if done.unread.is_some_and(|count| count > 0) || done.unreadable.is_some_and(|count| count > 0) {
        request.left_open();
        return Ok(());
    }
    request.answered(&daemon, done.erasures.last().map(|last| last.erasure.clone())).await
}

/// The records, and what became of each.
fn page(done: &Withdrawal) -> String {
    let mut table = Table::new(&["record", "became"]);
    for of in &done.records {
        table.row([of.id.to_string(), of.became.to_string()]);
    }
    table.to_string()
}

/// What was reached, and what was not.
fn notes(done: &Withdrawal) -> Vec<String> {
    let count = |what: Became| done.records.iter().filter(|of| of.became == Word::Known(what)).count() as u64;
    let mut notes = match done.records.len() {
        0 => vec!["no record holds this address".to_owned()],
        _ => vec![format!(
            "consents ended in {}, {} erased, {} unchanged",
            records(count(Became::Ended)),
            thousands(count(Became::Erased)),
            thousands(count(Became::Unchanged))
        )],
    };
    for erasure in &done.erasures {
        notes.push(format!("erased: {0} (`tamis erasure {0}` has its receipt)", erasure.erasure));
    }
    if let Some(count) = done.unreadable.filter(|count| *count > 0) {
        notes.push(format!(
            "records that do not open: {}. They may hold the address: the log says more",
            thousands(count)
        ));
    }
    if let Some(count) = done.unread.filter(|count| *count > 0) {
        notes.push(format!(
            "submissions that are not read yet: {}. Nobody knows whose they are: withdraw again once they are",
            thousands(count)
        ));
    }
    notes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_became_of_it_and_what_was_not_reached_is_said() {
        let said = |body: &str| notes(&parse(body.as_bytes()).unwrap_or_else(|failure| panic!("{failure}")));
        let none = said(r#"{"records":[],"erasures":[],"unread":0,"unreadable":0}"#);
        assert_eq!(none, ["no record holds this address"]);
        let some = said(
            r#"{"records":[{"id":"devis-1-7","became":"ended"},{"id":"lettre-1-2","became":"erased"}],
                "erasures":[{"erasure":"1-4","receipt":"{}"}],"unread":2,"unreadable":1}"#,
        );
        assert_eq!(some[0], "consents ended in 1 record, 1 erased, 0 unchanged");
        assert_eq!(some[1], "erased: 1-4 (`tamis erasure 1-4` has its receipt)");
        assert!(
            some[2].starts_with("records that do not open: 1.") && some[3].contains("not read yet: 2."),
            "{some:?}"
        );
    }
}
