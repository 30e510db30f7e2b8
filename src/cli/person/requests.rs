//! `tamis person requests`: the register of what people asked for, what is due of it, and what becomes of one. And how the other
//! verbs open a request and write down that it is answered.

use reqwest::Method;

use crate::api::requests::{AnswerRequest, ExtendRequest, OpenRequest, PersonRequest, RequestList};
use crate::cli::ids;
use crate::cli::socket::{ConfigPath, SocketArgument};
use crate::client::{Daemon, parse, written};
use crate::purpose::law::{ExtensionGround, RequestKind};
use crate::secret::location::Environment;
use crate::terminal::{Failure, Table, print, print_json, printable, tell};
use clap::builder::{PossibleValuesParser, TypedValueParser};

/// How many come with one call.
const LISTED_AT_ONCE: usize = 1_000;

const LIST_EXAMPLE: &str = "\
What is not answered comes first, by the day on which it is due. --all shows what is answered too, until it ends by
requests.retention_months. Nobody's name and address stands there.

Example:
  tamis person requests list --all --json
  tamis person requests";

const ADD_EXAMPLE: &str = "\
The other verbs of `tamis person` open one by themselves. Needed for what tamis does not do for you: a letter about something
else, a request that you answer later.

Example:
  tamis person requests add --kind access --received 2026-11-28";

const EXTEND_EXAMPLE: &str = "\
Once, by two months, and within the first month: the person is told by then, and why (GDPR art. 12(3)).

Example:
  tamis person requests extend 1-7 --ground complex";

const ANSWER_EXAMPLE: &str = "\
The other verbs of `tamis person` write it down by themselves.

Example:
  tamis person requests answer 1-7 --erasure 1-17";

#[derive(clap::Args)]
#[command(after_help = LIST_EXAMPLE, args_conflicts_with_subcommands = true)]
pub(super) struct Arguments {
    #[command(subcommand)]
    verb: Option<Verb>,
    #[command(flatten)]
    list: ListArguments,
}

#[derive(clap::Subcommand)]
enum Verb {
    /// What people asked for, what is due first
    #[command(after_help = LIST_EXAMPLE)]
    List(ListArguments),
    /// Write down that somebody asked
    #[command(after_help = ADD_EXAMPLE)]
    Add(AddArguments),
    /// Give a request two months more
    #[command(after_help = EXTEND_EXAMPLE)]
    Extend(ExtendArguments),
    /// Write down that a request is answered
    #[command(after_help = ANSWER_EXAMPLE)]
    Answer(AnswerArguments),
}

#[derive(clap::Args)]
struct ListArguments {
    /// Also what is answered
    #[arg(long)]
    all: bool,
    /// Print each request as the daemon's JSON, one a line
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    socket: SocketArgument,
}

#[derive(clap::Args)]
struct AddArguments {
    /// What they asked for
    #[arg(long, value_parser = of_list(RequestKind::ALL, RequestKind::as_str))]
    kind: RequestKind,
    /// The day (UTC) on which it came [default: today]
    #[arg(long, value_name = "DAY")]
    received: Option<String>,
    #[command(flatten)]
    socket: SocketArgument,
}

#[derive(clap::Args)]
struct ExtendArguments {
    /// Its number (1-7)
    #[arg(value_name = "NUMBER", value_parser = ids::request)]
    id: String,
    /// Why it takes longer
    #[arg(long, value_parser = of_list(ExtensionGround::ALL, ExtensionGround::as_str))]
    ground: ExtensionGround,
    #[command(flatten)]
    socket: SocketArgument,
}

#[derive(clap::Args)]
struct AnswerArguments {
    /// Its number (1-7)
    #[arg(value_name = "NUMBER", value_parser = ids::request)]
    id: String,
    /// The erasure that it led to
    #[arg(long, value_name = "NUMBER")]
    erasure: Option<String>,
    #[command(flatten)]
    socket: SocketArgument,
}

/// One of a closed list.
fn of_list<C: Copy + Send + Sync + 'static>(
    all: &'static [C],
    word: fn(C) -> &'static str,
) -> impl TypedValueParser<Value = C> {
    let known = move |given: String| all.iter().copied().find(|code| word(*code) == given);
    let words: Vec<&'static str> = all.iter().map(|code| word(*code)).collect();
    PossibleValuesParser::new(words).try_map(move |given| known(given).ok_or("it is not on the list"))
}

/// Lists, or does what is to be done with one.
pub(super) async fn run(
    arguments: Arguments,
    config: &ConfigPath,
    environment: &Environment,
) -> Result<(), Failure> {
    let at = |socket: SocketArgument| Daemon::at(socket.locate(config, environment)?);
    match arguments.verb.unwrap_or(Verb::List(arguments.list)) {
        Verb::List(ListArguments { all, json, socket }) => list(&at(socket)?, all, json).await,
        Verb::Add(AddArguments { kind, received, socket }) => {
            let opened = open(&at(socket)?, kind, received).await?;
            print(&format!("{}\n", said(&opened)))
        }
        Verb::Extend(ExtendArguments { id, ground, socket }) => {
            let body = written(&ExtendRequest { ground: ground.into() })?;
            let daemon = at(socket)?;
            let call = daemon.call(Method::POST, &format!("/requests/{id}/extension"));
            print(&format!("{}\n", said(&parse(&daemon.fetch(call.body(body)).await?)?)))
        }
        Verb::Answer(AnswerArguments { id, erasure, socket }) => {
            let answered = answer(&at(socket)?, &id, erasure).await?;
            print(&format!("{}\n", said(&answered)))
        }
    }
}

/// Of which request of the register a verb is the answer.
#[derive(clap::Args)]
pub(super) struct OfRequest {
    /// The day (UTC) on which they asked [default: today]
    #[arg(long, value_name = "DAY", conflicts_with = "request")]
    received: Option<String>,
    /// The request of the register that this answers [default: a new one]
    #[arg(long, value_name = "NUMBER", value_parser = ids::request)]
    request: Option<String>,
}

/// A request that is being answered.
pub(super) struct Open {
    id: String,
    is_new: bool,
}

impl OfRequest {
    /// Opens one where none is named, and says by when it is answered.
    ///
    /// # Errors
    /// It cannot be written down.
    pub(super) async fn open(self, daemon: &Daemon, kind: RequestKind) -> Result<Open, Failure> {
        if let Some(id) = self.request {
            is_open(daemon, &id).await?;
            return Ok(Open { id, is_new: false });
        }
        let opened = open(daemon, kind, self.received).await?;
        tell(&said(&opened));
        Ok(Open { id: opened.id, is_new: true })
    }
}

impl Open {
    /// Writes down that it is answered.
    ///
    /// # Errors
    /// What was asked for is done, and that cannot be written down.
    pub(super) async fn answered(self, daemon: &Daemon, erasure: Option<String>) -> Result<(), Failure> {
        let by =
            erasure.as_ref().map_or_else(String::new, |number| format!(" --erasure {}", printable(number)));
        match answer(daemon, &self.id, erasure).await {
            Ok(answered) => {
                tell(&said(&answered));
                Ok(())
            }
            Err(failure) => Err(failure.and(&format!(
                ". What was asked for is done, and the register does not say so: `tamis person requests answer {}{by}`",
                printable(&self.id)
            ))),
        }
    }

    /// Says that it is not answered yet, and how it is.
    pub(super) fn left_open(self) {
        let id = printable(&self.id);
        tell(&format!(
            "request {id} stays open: some of it is not reached. Do the same again with `--request {id}`, or close it with \
             `tamis person requests answer {id}`"
        ));
    }

    /// Says that it is answered once this erasure is carried out, whose person is told first, and how that is written down.
    pub(super) fn waits(self, erasure: &str) {
        let (id, erasure) = (printable(&self.id), printable(erasure));
        tell(&format!(
            "request {id} stays open until then: write it down with `tamis person requests answer {id} --erasure {erasure}` once \
             `tamis erasure {erasure}` has the receipt"
        ));
    }

    /// The failure of what was to be done, and how the same is done again under this request.
    pub(super) fn still_open(&self, failure: Failure) -> Failure {
        match self.is_new {
            true => failure.and(&format!(
                ". The request stays open: do it again with `--request {}`",
                printable(&self.id)
            )),
            false => failure,
        }
    }
}

async fn open(
    daemon: &Daemon,
    kind: RequestKind,
    received: Option<String>,
) -> Result<PersonRequest, Failure> {
    let body = written(&OpenRequest { kind: kind.into(), received })?;
    parse(&daemon.fetch(daemon.call(Method::POST, "/requests").body(body)).await?)
}

async fn answer(daemon: &Daemon, id: &str, erasure: Option<String>) -> Result<PersonRequest, Failure> {
    let body = written(&AnswerRequest { erasure })?;
    let call = daemon.call(Method::POST, &format!("/requests/{id}/answer"));
    parse(&daemon.fetch(call.body(body)).await?)
}

/// One request, in a sentence.
fn said(request: &PersonRequest) -> String {
    let (id, kind) = (printable(&request.id), request.kind.as_str());
    match (&request.answered, request.days_left) {
        (Some(answered), _) => format!("request {id} ({kind}): answered on {}", printable(&answered.on)),
        (None, left) => {
            let left = left.map_or_else(String::new, |left| format!(", {}", left_of(left)));
            format!("request {id} ({kind}): to be answered by {}{left}", printable(&request.due))
        }
    }
}

/// How many days are left.
fn left_of(days: i64) -> String {
    match days {
        0 => "today".to_owned(),
        1 => "1 day left".to_owned(),
        -1 => "1 day late".to_owned(),
        days if days > 0 => format!("{days} days left"),
        days => format!("{} days late", days.unsigned_abs()),
    }
}

/// The whole register.
async fn register(daemon: &Daemon) -> Result<Vec<PersonRequest>, Failure> {
    let mut all: Vec<PersonRequest> = Vec::new();
    loop {
        let after = all.last().map(|request| format!("&after={}", request.id)).unwrap_or_default();
        let call = daemon.call(Method::GET, &format!("/requests?limit={LISTED_AT_ONCE}{after}"));
        let RequestList { requests, more } = parse(&daemon.fetch(call).await?)?;
        let is_over = requests.is_empty() || !more;
        all.extend(requests);
        if is_over {
            return Ok(all);
        }
    }
}

/// Before anything is done for it: a number that is not in the register, or of what is answered, is a slip.
async fn is_open(daemon: &Daemon, id: &str) -> Result<(), Failure> {
    let all = register(daemon).await?;
    match all.iter().find(|request| request.id == id) {
        Some(request) if request.answered.is_none() => Ok(()),
        Some(_) => Err(Failure::failed(format!("request {} is answered already", printable(id)))),
        None => Err(Failure::failed(format!(
            "there is no request {}: `tamis person requests` lists them",
            printable(id)
        ))),
    }
}

async fn list(daemon: &Daemon, with_answered: bool, json: bool) -> Result<(), Failure> {
    let mut all = register(daemon).await?;
    all.retain(|request| with_answered || request.answered.is_none());
    // What is due first comes first; what is answered last, in the order of its numbers.
    all.sort_by_key(|request| (request.days_left.is_none(), request.days_left));
    if json {
        let lines = all.iter().map(|request| {
            let line = written(request)?;
            Ok(format!("{}\n", String::from_utf8_lossy(&line)))
        });
        return print_json(&lines.collect::<Result<String, Failure>>()?);
    }
    if all.is_empty() {
        tell("nobody waits for an answer");
        return Ok(());
    }
    print(&page(&all))
}

fn page(all: &[PersonRequest]) -> String {
    let mut table = Table::new(&[
        "number",
        "asked for",
        "received",
        "due",
        "left",
        "extended",
        "answered",
        "erasure",
        "then",
    ]);
    for request in all {
        let dash = || "-".to_owned();
        let answered = request.answered.as_ref();
        table.row([
            request.id.clone(),
            request.kind.to_string(),
            request.received.clone(),
            request.due.clone(),
            request.days_left.map_or_else(dash, left_of),
            request.extended.as_ref().map_or_else(dash, |extension| extension.ground.to_string()),
            answered.map_or_else(dash, |answered| answered.on.clone()),
            answered.and_then(|answered| answered.erasure.clone()).unwrap_or_else(dash),
            answered.and_then(|answered| answered.followed_by.clone()).unwrap_or_else(dash),
        ]);
    }
    table.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &str = r#"{"requests":[
        {"id":"1-1","kind":"erasure","received":"2026-11-05","due":"2026-12-07","days_left":null,"extended":null,
         "answered":{"on":"2026-11-06","erasure":"1-17","followed_by":"1-18"}},
        {"id":"1-2","kind":"access","received":"2026-10-20","due":"2026-11-20","days_left":-10,"extended":null,"answered":null},
        {"id":"1-3","kind":"objection","received":"2026-11-30","due":"2027-03-01","days_left":91,
         "extended":{"ground":"complex","on":"2026-11-30"},"answered":null}],"more":false}"#;

    #[test]
    fn the_register_is_a_table() {
        let RequestList { requests, .. } =
            parse(BODY.as_bytes()).unwrap_or_else(|failure| panic!("{failure}"));
        let text = page(&requests);
        let rows: Vec<Vec<&str>> = text.lines().map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(rows[1].first(), Some(&"1-1"), "{text}");
        assert!(rows[1].ends_with(&["1-17", "1-18"]) && rows[2].ends_with(&["-", "-", "-", "-"]), "{text}");
        assert!(
            text.contains("10 days late") && text.contains("91 days left") && text.contains("complex"),
            "{text}"
        );
    }

    #[test]
    fn one_is_said_in_a_sentence() {
        let RequestList { requests, .. } =
            parse(BODY.as_bytes()).unwrap_or_else(|failure| panic!("{failure}"));
        assert_eq!(said(&requests[0]), "request 1-1 (erasure): answered on 2026-11-06");
        assert_eq!(said(&requests[1]), "request 1-2 (access): to be answered by 2026-11-20, 10 days late");
        assert_eq!(
            (left_of(0), left_of(1), left_of(-1)),
            ("today".to_owned(), "1 day left".to_owned(), "1 day late".to_owned())
        );
    }
}
