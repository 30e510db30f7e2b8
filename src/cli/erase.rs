//! `tamis erase`: a submission is forgotten, and the receipt about it; `tamis erasure`: the same receipt later.

mod later;
mod told;

use std::fmt::Write as _;
use std::path::PathBuf;

use reqwest::{Method, RequestBuilder};

use crate::api::erasures::{Erase, Erased, ErasedBy, ToBeErased, WouldErase};
use crate::cli::address::{SEARCH_WITHIN, unread, unreadable};
use crate::cli::erase::told::to_be_erased;
use crate::cli::ids;
use crate::cli::paper::{Paper, PaperArguments};
use crate::cli::purposes;
use crate::cli::socket::{ConfigPath, SocketArgument};
use crate::cli::stdin::one_line;
use crate::client::{Daemon, parse, written};
use crate::forget::receipt::{AskedBy, Ground, Receipt};
use crate::random::{Random, SystemRandom};
use crate::secret::location::Environment;
use crate::terminal::{Exit, Failure, print, print_json, printable, tell, thousands};
use clap::builder::{PossibleValue, PossibleValuesParser};

pub(super) use later::{ErasureArguments, show};

/// Of a key by which the request is known again, drawn for each run.
const KEY_BYTES: usize = 16;

/// With these codes some of it may be done: the same request under the same key tells, and goes on.
const DOUBTFUL: [&str; 7] = [
    "disk-full",
    "store-unavailable",
    "store-failed",
    "internal",
    "erasure-pending",
    "correction-pending",
    "search-too-slow",
];

/// By an address several submissions are erased one after the other: a later one may meet these after others are done.
const DOUBTFUL_BY_ADDRESS: [&str; 2] = ["record-restricted", "too-many-searches"];

const EXAMPLE: &str = "\
What is erased does not come back, and nobody can read it afterwards: look first with --dry-run. An id on a command line
stays in the shell's history: `-` reads it from stdin. An address is read from stdin alone, and looked for in everything
that is stored; with --reason objection it goes on the list of `tamis suppress` as well.
With --tell a letter goes to the person first, where the record holds an e-mail address: nobody uses the record meanwhile, nothing
takes it back, and after three days it is erased untold. There is no receipt before: `tamis erasure NUMBER` has it afterwards.
Exit codes: 0 erased (or nothing was there: the receipt says so), 1 refused, or the keys are not destroyed yet
(erasure-pending: `tamis erasure NUMBER` has the receipt later), 2 the command line is wrong, 69 tamis does not run or
does not answer. Where nobody knows what is erased, the failure says the --repeat KEY that has the receipt.

Example:
  tamis erase --id devis-1-123 --reason person-request --format html --lang fr --output receipt.html
  tamis erase --email-stdin --reason objection --format note --output receipt.txt < address.txt
  tamis erase --id devis-1-123 --reason audit --tell";

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
    /// Tell its person by mail first, and erase it then: within three days, told or not
    #[arg(long, conflicts_with_all = ["output", "lang"])]
    tell: bool,
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
    /// Each submission whose record holds the e-mail address on stdin
    #[arg(long)]
    email_stdin: bool,
    /// Each submission whose record holds the telephone number on stdin
    #[arg(long)]
    phone_stdin: bool,
}

impl Which {
    fn by(self) -> Result<ErasedBy, Failure> {
        let read = |id: String| if id == "-" { one_line("an id") } else { Ok(id) };
        match (self.id, self.leadgen_id) {
            (Some(id), _) => Ok(ErasedBy::Id(ids::record(read(id)?)?)),
            (None, Some(id)) => Ok(ErasedBy::LeadgenId(ids::leadgen(read(id)?)?)),
            (None, None) if self.email_stdin => Ok(ErasedBy::Email(one_line("an address")?)),
            (None, None) if self.phone_stdin => Ok(ErasedBy::Phone(one_line("an address")?)),
            (None, None) => {
                Err(Failure::new(Exit::Usage, "say --id, --leadgen-id, --email-stdin or --phone-stdin"))
            }
        }
    }
}

/// Of the trail's reasons those that can be one.
pub(super) fn grounds() -> PossibleValuesParser {
    let meaning = |ground: &Ground| {
        let reason = crate::trail::Reason::from_code(ground.as_str());
        PossibleValue::new(ground.as_str()).help(reason.map_or("", crate::trail::Reason::meaning))
    };
    Ground::ALL.iter().map(meaning).collect::<Vec<_>>().into()
}

/// Who may want one.
pub(super) fn askers() -> PossibleValuesParser {
    AskedBy::ALL.iter().map(|by| by.as_str()).collect::<Vec<_>>().into()
}

/// Has it erased, and hands its receipt out.
pub(super) async fn run(
    arguments: Arguments,
    config: &ConfigPath,
    environment: &Environment,
) -> Result<(), Failure> {
    let Arguments { which, purposes, reason, asked_by, tell, dry_run, repeat, paper, socket } = arguments;
    let purposes = Some(purposes).filter(|purposes| !purposes.is_empty());
    let question = Erase { by: which.by()?, purposes, asked_by, keep_own_requests: false, tell, dry_run };
    let socket = socket.locate(config, environment)?;
    Errand { question, reason, repeat, paper }.carry_out(socket).await.map(drop)
}

/// What came of an erasure that somebody wanted, with its number.
pub(super) enum Came {
    /// It is carried out; of several the last.
    Erased(String),
    /// Its person is told first.
    Waits(String),
}

/// An erasure that somebody wants.
pub(super) struct Errand {
    pub(super) question: Erase,
    pub(super) reason: String,
    /// By what it is known again; none: drawn.
    pub(super) repeat: Option<String>,
    pub(super) paper: PaperArguments,
}

impl Errand {
    /// Has it erased, and hands its receipt out. None: how much it would take was asked alone.
    ///
    /// # Errors
    /// It is refused, nobody knows whether it is done, or the receipt has no place.
    pub(super) async fn carry_out(self, socket: PathBuf) -> Result<Option<Came>, Failure> {
        let Self { question, reason, repeat, paper } = self;
        let given: Vec<&str> = question.purposes.iter().flatten().map(String::as_str).collect();
        let is_by_address = matches!(question.by, ErasedBy::Email(_) | ErasedBy::Phone(_));
        // What stays is looked at before what goes.
        let looks = if question.keep_own_requests { 2 } else { 1 };
        let daemon = match is_by_address {
            true => Daemon::awaited(socket, looks * SEARCH_WITHIN)?,
            false => Daemon::at(socket)?,
        };
        let call = daemon.call(Method::POST, "/erasures").header("Tamis-Reason", &reason);
        let call = call.body(written(&question)?);
        if question.dry_run {
            let body = purposes::fetch(&daemon, call, &given).await?;
            match paper.is_json() {
                true => print_json(&format!("{}\n", String::from_utf8_lossy(&body)))?,
                false => print(&would(&parse(&body)?))?,
            }
            return Ok(None);
        }
        let is_json = paper.is_json();
        // Before anything is erased: whoever cannot have the receipt is told so first.
        let paper = Paper::open(paper)?;
        let key = match repeat {
            Some(key) => key,
            None => drawn(&SystemRandom)?,
        };
        let erased = match erased(&daemon, call, &key, &given, is_by_address).await {
            Ok(Answer::Erased(erased)) => erased,
            Ok(Answer::Waits(waits)) => {
                paper.take_back();
                match is_json {
                    true => print_json(&format!("{}\n", String::from_utf8_lossy(&written(&waits)?)))?,
                    false => to_be_erased(&waits).iter().for_each(|line| tell(line)),
                }
                return Ok(Some(Came::Waits(waits.erasure)));
            }
            Err(failure) => {
                paper.take_back();
                return Err(failure);
            }
        };
        for before in &erased.before {
            tell(&said_of(&before.erasure, &before.receipt));
        }
        tell(&said_of(&erased.erasure, &erased.receipt));
        notes(&erased).iter().for_each(|note| tell(note));
        paper.fill(&daemon, &erased.erasure).await?;
        Ok(Some(Came::Erased(erased.erasure)))
    }
}

/// Has it erased. Where nobody knows whether it is, it says by which key the same request is known again.
async fn erased(
    daemon: &Daemon,
    call: RequestBuilder,
    key: &str,
    given: &[&str],
    is_by_address: bool,
) -> Result<Answer, Failure> {
    let again = |failure: Failure| {
        failure.and(&format!(
            ". What of it is erased is not known: the same command with `--repeat {}` is the same request, and has the receipt",
            printable(key)
        ))
    };
    let leaves_open =
        |code: &str| DOUBTFUL.contains(&code) || (is_by_address && DOUBTFUL_BY_ADDRESS.contains(&code));
    let is_doubtful = |failure: &Failure| {
        failure.is_without_answer() || failure.refusal().is_some_and(|no| leaves_open(&no.code))
    };
    match purposes::fetch(daemon, call.header("Idempotency-Key", key), given).await {
        Ok(body) => parse(&body).map_err(again),
        Err(failure) if is_doubtful(&failure) => Err(again(failure)),
        Err(failure) => Err(failure),
    }
}

/// What an erasure is answered with.
#[derive(serde::Deserialize)]
#[serde(untagged)]
enum Answer {
    /// Its person is told first.
    Waits(ToBeErased),
    Erased(Erased),
}

/// What became of it, with its number: where nothing was there nobody is told that something was erased.
fn said_of(number: &str, receipt: &str) -> String {
    let content = receipt.lines().next().and_then(|line| serde_json::from_str::<Receipt>(line).ok());
    match content.is_some_and(|receipt| receipt.records.is_empty() && receipt.references == 0) {
        true => format!("nothing was found: {number}"),
        false => format!("erased: {number}"),
    }
}

/// What is to be said beside the receipt of an erasure by an address.
fn notes(erased: &Erased) -> Vec<String> {
    let counted = |count: Option<u64>| count.filter(|count| *count > 0);
    let mut notes = Vec::new();
    if !erased.before.is_empty() {
        notes.push("each has a receipt of its own: `tamis erasure NUMBER`; the last one follows".to_owned());
    }
    notes.extend(counted(erased.unseen.unreadable).map(unreadable));
    if let Some(count) = counted(erased.unseen.unread) {
        let then = match (erased.ahead.awaited, erased.ahead.suppressed_until) {
            (Some(true), _) => format!(
                "what holds the address is not stored when it is read, and a second receipt follows: `tamis erasure {}` says its number",
                erased.erasure
            ),
            (_, Some(_)) => "what of them is the address's is judged by the list".to_owned(),
            (_, None) => "look again once they are".to_owned(),
        };
        notes.push(unread(count, &then));
    }
    if let Some(until) = erased.ahead.suppressed_until {
        notes.push(format!("the address is on the list of who objected until {until}"));
    }
    notes
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
    for (name, count) in [("unread", would.unseen.unread), ("unreadable", would.unseen.unreadable)] {
        if let Some(count) = count.filter(|count| *count > 0) {
            let _ = writeln!(text, "{name}  {}", thousands(count));
        }
    }
    if let Some(count) = would.could_be_told {
        let _ = writeln!(text, "could be told  {}", thousands(count));
    }
    text + "nothing was erased\n"
}

#[cfg(test)]
mod tests {
    use super::*;

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

    /// A daemon that reads a call and says this; nothing: it goes away.
    async fn said_by_a_daemon(answer: Option<(u16, &str)>) -> (Result<Answer, Failure>, String) {
        use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("admin.sock");
        let listener = tokio::net::UnixListener::bind(&path).expect("a socket");
        let daemon = Daemon::at(path).unwrap_or_else(|failure| panic!("{failure}"));
        let call = daemon.call(Method::POST, "/erasures").body("{}");
        let serve = async {
            let (mut stream, _) = listener.accept().await.expect("a call");
            let (mut read, mut part) = (Vec::new(), [0; 1_024]);
            while !read.ends_with(b"{}") {
                let length = stream.read(&mut part).await.expect("a call");
                read.extend_from_slice(&part[..length]);
            }
            if let Some((status, body)) = answer {
                let head = format!(
                    "HTTP/1.1 {status} x\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                    body.len()
                );
                stream.write_all((head + body).as_bytes()).await.expect("answered");
            }
            String::from_utf8(read).expect("text")
        };
        tokio::join!(erased(&daemon, call, "7f0c", &[], true), serve)
    }

    fn problem(status: u16, code: &str) -> String {
        format!(
            r#"{{"type":"urn:tamis:problem:x","title":"No","status":{status},"code":"{code}","request_id":"r-7"}}"#
        )
    }

    #[tokio::test]
    async fn where_nobody_knows_what_is_erased_the_key_is_told_by_which_the_receipt_is_had() {
        let doubtful = DOUBTFUL.iter().chain(&DOUBTFUL_BY_ADDRESS);
        let doubtful = doubtful.map(|code| Some((503, problem(503, code))));
        let other = Some((200, r#"{"an answer":"of another version"}"#.to_owned()));
        for answer in doubtful.chain([other, None]) {
            let answer = answer.as_ref().map(|(status, body)| (*status, body.as_str()));
            let (failed, call) = said_by_a_daemon(answer).await;
            assert!(call.contains("idempotency-key: 7f0c"), "{call}");
            let told = failed.err().expect("no receipt").to_string();
            assert!(told.contains("`--repeat 7f0c`"), "{answer:?}: {told}");
        }
        let refused = problem(404, "purpose-unknown");
        let (failed, _) = said_by_a_daemon(Some((404, &refused))).await;
        assert!(!failed.err().expect("refused").to_string().contains("--repeat"), "nothing is erased");
        let (done, _) = said_by_a_daemon(Some((200, r#"{"erasure":"1-2","receipt":"a note"}"#))).await;
        let done = done.unwrap_or_else(|failure| panic!("{failure}"));
        assert!(matches!(done, Answer::Erased(erased) if erased.erasure == "1-2"));
        let waits = r#"{"erasure":"1-3","until":"2026-12-03T08:00:00Z","records":2}"#;
        let (waits, _) = said_by_a_daemon(Some((202, waits))).await;
        let Ok(Answer::Waits(waits)) = waits else { panic!("it waits") };
        let told = to_be_erased(&waits).join("\n");
        assert!(
            told.contains("on 2026-12-03") && told.contains("latest: 1-3\n") && told.contains("(records: 2)"),
            "{told}"
        );
        // What was never sent, nobody needs to ask for again.
        let directory = tempfile::tempdir().expect("a directory");
        let daemon = Daemon::at(directory.path().join("nobody.sock")).expect("a client");
        let call = daemon.call(Method::POST, "/erasures");
        let down = erased(&daemon, call, "7f0c", &[], true).await;
        assert!(!down.err().expect("nobody listens").to_string().contains("--repeat"));
    }

    #[test]
    fn a_code_that_leaves_it_open_is_one_of_the_daemon_s() {
        for code in DOUBTFUL.iter().chain(&DOUBTFUL_BY_ADDRESS) {
            assert!(crate::api::problem::ProblemCode::from_code(code).is_some(), "{code}");
        }
    }

    #[test]
    fn nobody_is_told_that_something_was_erased_where_nothing_was_found() {
        let note = |records: &str, references: u32| {
            let vectors = include_str!("../../tests/data/receipt/vectors.json");
            let vectors: serde_json::Value = serde_json::from_str(vectors).expect("JSON");
            let sample = vectors["judged"][0]["note"].as_str().expect("a note");
            let mut content: serde_json::Value =
                serde_json::from_str(sample.lines().next().expect("a line")).expect("JSON");
            content["records"] = serde_json::from_str(records).expect("JSON");
            content["references"] = references.into();
            format!("{content}\n\n— a signature\n")
        };
        let some = r#"[{"purpose":"devis","title":{},"count":2}]"#;
        assert_eq!(said_of("1-7", &note(some, 0)), "erased: 1-7");
        assert_eq!(said_of("1-7", &note("[]", 1)), "erased: 1-7");
        assert_eq!(said_of("1-7", &note("[]", 0)), "nothing was found: 1-7");
        assert_eq!(said_of("1-7", "of another version"), "erased: 1-7");
    }

    #[test]
    fn what_an_address_leaves_open_is_said() {
        let erased = |rest: &str| -> Erased {
            let body = format!(r#"{{"erasure":"1-2","receipt":"a note"{rest}}}"#);
            parse(body.as_bytes()).unwrap_or_else(|failure| panic!("{failure}"))
        };
        assert!(notes(&erased("")).is_empty() && notes(&erased(r#","unread":0,"unreadable":0"#)).is_empty());
        let rest = r#","before":[{"erasure":"1-1","receipt":"a note"}],"unread":1200,"unreadable":2"#;
        let told = notes(&erased(rest)).join("\n");
        for part in ["a receipt of its own", "not read yet: 1,200", "look again", "do not open: 2"] {
            assert!(told.contains(part), "{told}");
        }
        let awaited = notes(&erased(r#","unread":3,"awaited":true"#)).join("\n");
        assert!(awaited.contains("a second receipt follows: `tamis erasure 1-2`"), "{awaited}");
        let barred = notes(&erased(r#","unread":3,"suppressed_until":"2029-11-25T08:00:00Z""#)).join("\n");
        assert!(barred.contains("judged by the list") && barred.contains("until 2029-11-25"), "{barred}");
    }
}
