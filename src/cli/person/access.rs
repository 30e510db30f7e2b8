//! `tamis person access`: everything that is held of somebody, as a page for them or as JSON.

use std::path::PathBuf;

use reqwest::Method;

use crate::api::access::{Access, AccessFile};
use crate::cli::address::{SEARCH_WITHIN, unread, unreadable};
use crate::cli::paper::Place;
use crate::cli::person::requests::OfRequest;
use crate::cli::person::{Address, REASON, Who};
use crate::cli::socket::{ConfigPath, SocketArgument};
use crate::cli::{language, reasons};
use crate::client::{Daemon, parse, written};
use crate::desk::access_page;
use crate::language::Language;
use crate::purpose::law::RequestKind;
use crate::secret::location::Environment;
use crate::terminal::{Failure, ToStdout, records, tell, thousands};

const EXAMPLE: &str = "\
html is a page for the person, to be read or printed; json has the same for a program. Every record that is shown leaves a line
in the trail. Make sure first that who asks is the person.
Exit codes: 0 made (also where nothing is held: it says so), 1 refused, or the file is there already, 2 the command line is
wrong, 69 tamis does not run or does not answer.

Example:
  tamis person access --email-stdin --lang fr -o acces.html < address.txt";

#[derive(clap::Args)]
#[command(after_help = EXAMPLE)]
pub(super) struct Arguments {
    #[command(flatten)]
    who: Who,
    /// As what
    #[arg(long, value_enum, default_value_t = Shape::Html)]
    format: Shape,
    /// In which language of the person
    #[arg(long, value_parser = language::of_tag(), default_value = "en")]
    lang: Language,
    /// Into this new file instead of stdout
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Why; it stands in the trail
    #[arg(long, value_parser = reasons(), default_value = REASON)]
    reason: String,
    #[command(flatten)]
    of_request: OfRequest,
    #[command(flatten)]
    socket: SocketArgument,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Shape {
    Html,
    Json,
}

/// Asks the daemon, and hands the paper out.
pub(super) async fn run(
    arguments: Arguments,
    config: &ConfigPath,
    environment: &Environment,
) -> Result<(), Failure> {
    let Arguments { who, format, lang, output, reason, of_request, socket } = arguments;
    let question = match who.read()? {
        Address::Email(email) => Access { email: Some(email), phone: None },
        Address::Phone(phone) => Access { email: None, phone: Some(phone) },
    };
    let daemon = Daemon::awaited(socket.locate(config, environment)?, SEARCH_WITHIN)?;
    // Before anybody's data are opened: whoever cannot have the paper is told so first.
    let place = output.map(Place::open).transpose()?;
    let request = of_request.open(&daemon, RequestKind::Access).await?;
    let call = daemon.call(Method::POST, &format!("/access?format=json&lang={}", lang.tag()));
    let call = call.header("Tamis-Reason", reason).body(written(&question)?);
    let body = daemon.fetch(call).await.map_err(|failure| request.still_open(failure))?;
    let held: AccessFile = parse(&body)?;
    notes(&held).iter().for_each(|note| tell(note));
    let paper = match format {
        Shape::Html => access_page(&held, lang).into_bytes(),
        Shape::Json => [body.as_slice(), b"\n"].concat(),
    };
    match place {
        Some(place) => place.write(&paper)?,
        None => ToStdout::open(format == Shape::Json).write(&paper)?,
    }
    if held.unread.is_some() || held.unreadable.is_some() || held.total.is_some() {
        request.left_open();
        return Ok(());
    }
    request.answered(&daemon, None).await
}

/// What whoever hands it out is to know.
fn notes(held: &AccessFile) -> Vec<String> {
    let mut notes = vec![match held.records.len() as u64 {
        0 => "no record holds this address".to_owned(),
        1 if held.total.is_none() => "1 record holds this address".to_owned(),
        count => format!(
            "{} hold this address. Several people may share it: read the paper before you hand it out",
            records(held.total.unwrap_or(count))
        ),
    }];
    if let Some(total) = held.total {
        notes.push(format!(
            "{} of them stand in the paper, {} do not",
            held.records.len(),
            thousands(total.saturating_sub(held.records.len() as u64))
        ));
    }
    if !held.suppressions.is_empty() {
        notes.push(format!("entries on the list of who objected: {}", held.suppressions.len()));
    }
    notes.extend(held.unreadable.map(unreadable));
    notes.extend(held.unread.map(|count| unread(count, "look again once they are")));
    notes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_hands_it_out_is_told_what_does_not_stand_in_it() {
        let said = |change: &str| {
            let body = format!(
                r#"{{"language":"en","made_at":"2026-11-30T08:00:00Z","controller":{{"name":"L","address":"L","email":"l@l.example"}},"public_url":"https://l.example",
                    "records":[],"suppressions":[],"remains":[]{change}}}"#
            );
            notes(&parse(body.as_bytes()).unwrap_or_else(|failure| panic!("{failure}")))
        };
        assert_eq!(said(""), ["no record holds this address"]);
        assert_eq!(
            said(r#","unread":1200,"unreadable":1"#)[1..],
            [
                "records that do not open: 1. They may hold the address: the log says more",
                "submissions that are not read yet: 1,200. Nobody knows whose they are: look again once they are",
            ]
        );
    }
}
