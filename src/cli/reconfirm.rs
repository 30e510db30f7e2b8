//! `tamis reconfirm`: asking people whether they still agree: how it stands, run it now, pause it; and for whoever asks them by means
//! of their own, who is due and who was asked.

use std::fmt::Write as _;

use reqwest::Method;

use crate::api::reconfirmations::{
    AskingKind, AskingRun, DueList, DuePerson, ListDue, PEOPLE_MAX, PauseAsking, Reconfirmations, SaidAsked,
    SayAsked,
};
use crate::api::{IdText, Word};
use crate::cli::ids;
use crate::cli::reasons;
use crate::cli::socket::{ConfigPath, SocketArgument};
use crate::cli::stdin::lines;
use crate::client::{Daemon, parse, written};
use crate::purpose::Cursor;
use crate::secret::location::Environment;
use crate::terminal::{Failure, Table, print, print_json, tell, thousands};

/// So many are listed by one command: each gets a link, which is a row in the store.
const LISTED_MAX: u32 = 100_000;

const EXAMPLE: &str = "\
Who is due is asked once, reminded once 14 days later, and erased at the end of the grace if they stay silent: whether or not a
mail reached them. With [mail] tamis asks by itself, each day (mail.ask_again). Without it ask them by a system of your own: `due`
lists them with a link each, `asked` says who was.

Example:
  tamis reconfirm preview
  tamis reconfirm pause
  tamis reconfirm due lettre --limit 100 > due.txt
  awk '$2 == \"asked\" { print $1 }' due.txt | tamis reconfirm asked
  awk '$2 == \"reminded\" { print $1 }' due.txt | tamis reconfirm asked --reminded";

const PREVIEW_EXAMPLE: &str = "\
Nothing is opened and nothing is done: who objected, or took their agreement back, is counted here, and not written to.

Example:
  tamis reconfirm preview
  tamis reconfirm preview --json";

const RUN_EXAMPLE: &str = "\
As the day's turn does it. None where there is no [mail], where mail.ask_again is false, or while it is paused.

Example:
  tamis reconfirm run";

const PAUSE_EXAMPLE: &str = "\
It is kept across a restart. Records end by their day all the same.

Example:
  tamis reconfirm pause";

const RESUME_EXAMPLE: &str = "\
Whoever is due is asked within a minute.

Example:
  tamis reconfirm resume";

const DUE_EXAMPLE: &str = "\
For whoever asks people by a system of their own: the record's id says who it is. Each link is for its person alone, and cannot be
had again; a new one can, sixteen for a record. Each record is opened, with a line in the trail, and held against what tamis looks at
before it sends a mail: who is restricted, on the list of those who objected, or took their agreement back is left out.
Where there may be more, stderr says where the list goes on.

Example:
  tamis reconfirm due lettre --limit 100 > due.txt
  tamis reconfirm due lettre --limit 5000 --after lettre-1-812 > more.txt";

const ASKED_EXAMPLE: &str = "\
Who was asked is reminded 14 days later, and not asked again.

Example:
  tamis reconfirm asked < ids.txt
  tamis reconfirm asked --reminded < ids.txt";

#[derive(clap::Args)]
#[command(after_help = EXAMPLE)]
pub(super) struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(clap::Subcommand)]
enum Verb {
    /// How many are to be asked, reminded, or have time to answer; nothing is done
    #[command(after_help = PREVIEW_EXAMPLE)]
    Preview(Plain),
    /// Put the mails to whoever is due into the outbox now
    #[command(after_help = RUN_EXAMPLE)]
    Run(Plain),
    /// Ask nobody until `resume`; records end by their day all the same
    #[command(after_help = PAUSE_EXAMPLE)]
    Pause(Plain),
    /// Go on asking
    #[command(after_help = RESUME_EXAMPLE)]
    Resume(Plain),
    /// Who of a purpose is due, each with a link to their page: record, what, last day, link
    #[command(after_help = DUE_EXAMPLE)]
    Due(DueArguments),
    /// Say that people were asked by means of your own: their records' ids on stdin, one a line
    #[command(after_help = ASKED_EXAMPLE)]
    Asked(AskedArguments),
}

#[derive(clap::Args)]
struct Plain {
    /// Print the daemon's JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    socket: SocketArgument,
}

#[derive(clap::Args)]
struct DueArguments {
    /// Of which purpose
    purpose: String,
    /// At most so many
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=i64::from(LISTED_MAX)), default_value_t = PEOPLE_MAX as u32)]
    limit: u32,
    /// Go on behind this record, as an earlier list said
    #[arg(long, value_parser = cursor)]
    after: Option<Cursor>,
    /// Why; it stands in the trail
    #[arg(long, value_parser = reasons(), default_value = "campaign")]
    reason: String,
    #[command(flatten)]
    plain: Plain,
}

#[derive(clap::Args)]
struct AskedArguments {
    /// They were reminded
    #[arg(long)]
    reminded: bool,
    #[command(flatten)]
    plain: Plain,
}

/// Asks the daemon.
pub(super) async fn run(
    Arguments { verb }: Arguments,
    config: &ConfigPath,
    environment: &Environment,
) -> Result<(), Failure> {
    let at = |plain: &Plain| Daemon::at(plain.socket.locate(config, environment)?);
    match verb {
        Verb::Preview(plain) => {
            let daemon = at(&plain)?;
            let body = daemon.fetch(daemon.call(Method::GET, "/reconfirmations")).await?;
            said(plain.json, &body, |body| print(&page(&parse(body)?)))
        }
        Verb::Run(plain) => {
            let daemon = at(&plain)?;
            let body = daemon.fetch(daemon.call(Method::POST, "/reconfirmations/run")).await?;
            said(plain.json, &body, |body| {
                let AskingRun { queued } = parse(body)?;
                print(&format!("{} mails wait to be sent because of it\n", thousands(queued)))
            })
        }
        Verb::Pause(plain) => pause(at(&plain)?, &plain, true).await,
        Verb::Resume(plain) => pause(at(&plain)?, &plain, false).await,
        Verb::Due(arguments) => {
            let daemon = at(&arguments.plain)?;
            due(&daemon, arguments).await
        }
        Verb::Asked(AskedArguments { reminded, plain }) => {
            let daemon = at(&plain)?;
            let ids: Vec<IdText> =
                lines("records' ids")?.into_iter().map(ids::record).collect::<Result<_, _>>()?;
            if ids.is_empty() {
                // So it is on a day on which nobody is to be reminded.
                tell("no id stands on stdin");
            }
            let kind = if reminded { AskingKind::Reminded } else { AskingKind::Asked };
            let mut noted = 0;
            let mut rest = ids.into_iter().peekable();
            while rest.peek().is_some() {
                let some = SayAsked { ids: rest.by_ref().take(PEOPLE_MAX).collect(), kind: Word::from(kind) };
                let call = daemon.call(Method::POST, "/reconfirmations/asked").body(written(&some)?);
                noted += parse::<SaidAsked>(&daemon.fetch(call).await?)?.noted;
            }
            match plain.json {
                true => print_json(&format!("{{\"noted\":{noted}}}\n")),
                false => print(&format!("noted of {} records\n", thousands(noted))),
            }
        }
    }
}

/// Lists who is due, piece by piece: whoever is shown stays shown, whatever becomes of the next piece. A link cannot be had again.
async fn due(daemon: &Daemon, arguments: DueArguments) -> Result<(), Failure> {
    let DueArguments { purpose, limit, after, reason, plain } = arguments;
    let mut walked = Walked { next: after, ..Walked::default() };
    let mut all = Vec::new();
    let ask = async |limit, after: Option<Cursor>| -> Result<DueList, Failure> {
        let after = after.map(|after| IdText(after.to_string()));
        let wanted = ListDue { purpose: IdText(purpose.clone()), limit: Some(limit), after };
        let call = daemon.call(Method::POST, "/reconfirmations/list").body(written(&wanted)?);
        let body = daemon.fetch(call.header("Tamis-Reason", &reason)).await?;
        parse(&body)
    };
    let show = |people: Vec<DuePerson>| match plain.json {
        true => {
            all.extend(people);
            Ok(())
        }
        false => print(&lines_of(&people)),
    };
    let done = walked.on(limit, ask, show).await;
    let Walked { listed, left_out, next } = walked;
    if plain.json && (done.is_ok() || listed > 0) {
        let list = DueList { people: all, left_out, next_cursor: next.clone() };
        print_json(&format!("{}\n", String::from_utf8_lossy(&written(&list)?)))?;
    }
    if listed == 0 && next.is_none() && done.is_ok() {
        tell("nobody is due");
    }
    if left_out > 0 {
        tell(&format!("{} look due, and may not be written to: left out", thousands(left_out)));
    }
    if let Some(next) = next {
        tell(&format!("there may be more: the list goes on with --after {next}"));
    }
    done
}

/// How far a list was walked.
#[derive(Default)]
struct Walked {
    listed: u32,
    left_out: u64,
    /// Where it goes on; none: it has not begun, or is over.
    next: Option<Cursor>,
}

impl Walked {
    /// Walks on until so many are listed, or the list is over.
    async fn on(
        &mut self,
        limit: u32,
        ask: impl AsyncFn(u32, Option<Cursor>) -> Result<DueList, Failure>,
        mut show: impl FnMut(Vec<DuePerson>) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        while self.listed < limit {
            let some = (limit - self.listed).min(PEOPLE_MAX as u32);
            let DueList { people, left_out, next_cursor } = ask(some, self.next.clone()).await?;
            if next_cursor.as_ref().is_some_and(|next| Some(next) <= self.next.as_ref()) {
                return Err(Failure::failed("the daemon's list does not go on: is it another version?"));
            }
            self.listed = self.listed.saturating_add(u32::try_from(people.len()).unwrap_or(u32::MAX));
            self.left_out += left_out;
            self.next = next_cursor;
            show(people)?;
            if self.next.is_none() {
                break;
            }
        }
        Ok(())
    }
}

/// A line for each: record, what, last day, link.
fn lines_of(people: &[DuePerson]) -> String {
    let mut text = String::new();
    for person in people {
        // Writing into a string does not fail.
        let _ = writeln!(text, "{} {} {} {}", person.id, person.kind, person.ends_on, person.url);
    }
    text
}

async fn pause(daemon: Daemon, plain: &Plain, paused: bool) -> Result<(), Failure> {
    let call = daemon.call(Method::POST, "/reconfirmations/pause").body(written(&PauseAsking { paused })?);
    let body = daemon.fetch(call).await?;
    let sentence = if paused { "nobody is asked until `tamis reconfirm resume`" } else { "asking goes on" };
    said(plain.json, &body, |_| print(&format!("{sentence}\n")))
}

fn said(json: bool, body: &[u8], page: impl FnOnce(&[u8]) -> Result<(), Failure>) -> Result<(), Failure> {
    if json { print_json(&format!("{}\n", String::from_utf8_lossy(body))) } else { page(body) }
}

/// Where a list goes on, for clap.
fn cursor(text: &str) -> Result<Cursor, &'static str> {
    Cursor::parse(text).ok_or("where a list goes on looks like lettre-1-123: the purpose and two numbers")
}

/// A line for each purpose.
fn page(standing: &Reconfirmations) -> String {
    let mut text = String::new();
    let mut table = Table::new(&["purpose", "to ask", "to remind", "answering", "unreachable"]);
    for purpose in &standing.purposes {
        table.row([
            purpose.purpose.to_string(),
            thousands(purpose.to_ask),
            thousands(purpose.to_remind),
            thousands(purpose.answering),
            thousands(purpose.unreachable),
        ]);
    }
    let how = match (standing.by_mail, standing.paused) {
        (false, _) => "tamis asks nobody: there is no [mail], or mail.ask_again is false",
        (true, true) => "paused: nobody is asked",
        (true, false) => "whoever is due is asked by mail, each day",
    };
    // Writing into a string does not fail.
    let _ = writeln!(text, "{table}{how}; {} mails wait", thousands(standing.waiting));
    text
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;
    use crate::purpose::RecordId;

    fn person(number: u64) -> DuePerson {
        let id = RecordId::parse(&format!("lettre-1-{number}")).expect("an id");
        let (ends_on, url) = ("2026-12-24".to_owned(), "https://leads.lumen.example/p/x".to_owned());
        DuePerson { id, kind: Word::from(AskingKind::Asked), ends_on, url }
    }

    /// A list of so many records, of which each tenth may be written to; 256 are opened for one answer.
    async fn walk(records: u64, limit: u32) -> (Vec<u64>, Walked, Vec<(u32, u64)>) {
        let (mut shown, asked) = (Vec::new(), RefCell::new(Vec::new()));
        let ask = async |limit: u32, after: Option<Cursor>| -> Result<DueList, Failure> {
            let from = after.map_or(0, |after| after.number);
            asked.borrow_mut().push((limit, from));
            let mut list = DueList::default();
            for number in from + 1..=records.min(from + 256) {
                if number % 10 == 0 {
                    list.people.push(person(number));
                } else {
                    list.left_out += 1;
                }
                list.next_cursor = (number < records).then(|| person(number).id);
                if list.people.len() >= limit as usize {
                    break;
                }
            }
            Ok(list)
        };
        let mut walked = Walked::default();
        let done = walked.on(limit, ask, |people| {
            shown.extend(people.iter().map(|person| person.id.number));
            Ok(())
        });
        done.await.expect("walked");
        (shown, walked, asked.into_inner())
    }

    #[tokio::test]
    async fn a_list_is_walked_to_its_end_or_to_as_many_as_were_asked_for() {
        let (shown, walked, asked) = walk(600, 5_000).await;
        assert_eq!(shown, (1..=60).map(|ten| ten * 10).collect::<Vec<_>>(), "each once");
        assert_eq!((walked.listed, walked.left_out, walked.next), (60, 540, None));
        assert_eq!(asked, [(256, 0), (256, 256), (256, 512)]);
        let (shown, walked, asked) = walk(600, 30).await;
        assert_eq!((shown.len(), walked.listed, walked.left_out), (30, 30, 270));
        assert_eq!(walked.next.map(|next| next.number), Some(300));
        assert_eq!(asked, [(30, 0), (5, 256)]);
    }

    #[tokio::test]
    async fn a_list_that_does_not_go_on_is_not_asked_for_ever() {
        let mut walked = Walked { next: Some(person(7).id), ..Walked::default() };
        let ask = async |_, after| -> Result<DueList, Failure> {
            Ok(DueList { next_cursor: after, ..DueList::default() })
        };
        assert!(walked.on(9, ask, |_| Ok(())).await.is_err());
    }
}
