//! `tamis breach-report`: the facts of a time, from the trail of a running tamis and its counts.

use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::Date;
use reqwest::{Method, Response};

use crate::api::trail::TrailLine;
use crate::cli::desk::volumes::status;
use crate::cli::desk::{Enforced, PaperArguments, now};
use crate::cli::socket::{ConfigPath, SocketArgument};
use crate::cli::trail::{header, lines, moment};
use crate::client::Daemon;
use crate::clock::{Rfc3339, after};
use crate::desk::{Breach, Deed, Span, Tally};
use crate::secret::location::Environment;
use crate::terminal::{Exit, Failure};

/// So many lines come with one call.
const LINES_AT_ONCE: u64 = 10_000;
/// So many calls are made: some hundred million lines, more than a trail keeps.
const CALLS_MAX: usize = 20_000;
/// A daemon that is busy is asked so often for one answer.
const TRIES_MAX: u32 = 5;
/// And no longer waited for at once, whatever it says.
const WAIT_MAX: Duration = Duration::from_secs(60);

const EXAMPLE: &str = "\
What GDPR art. 33(3) asks for, as far as tamis knows it: records and persons by purpose, who read or exported what and
for whom, what was erased since. No person is named. Days are UTC; the last one counts whole. The 72 hours run
from when you became aware, and the report does not wait for what is not known yet.

Exit codes: 0 made, 1 the file is there already, 2 the command line is wrong, 69 tamis does not run, 78 the config is
refused.

Example:
  tamis breach-report --from 2026-11-10 --to 2026-11-12 --lang fr -o violation.md";

#[derive(clap::Args)]
#[command(after_help = EXAMPLE)]
pub(in crate::cli) struct BreachArguments {
    /// From this day or moment on, as in 2026-11-01 or 2026-11-01T08:30:00Z
    #[arg(long, value_name = "WHEN", value_parser = moment)]
    from: Timestamp,
    /// To this day, the whole of it, or to before this moment
    #[arg(long, value_name = "WHEN", value_parser = end)]
    to: Timestamp,
    /// As what: md to read, json the same for programs
    #[arg(long, value_enum, default_value_t = Shape::Md)]
    format: Shape,
    #[command(flatten)]
    paper: PaperArguments,
    #[command(flatten)]
    socket: SocketArgument,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Shape {
    Md,
    Json,
}

/// Counts what the time was like, and writes it down.
pub(in crate::cli) async fn breach_report(
    BreachArguments { from, to, format, paper, socket }: BreachArguments,
    path: &ConfigPath,
    environment: &Environment,
) -> Result<(), Failure> {
    let span = Span { from, to };
    if span.from >= span.to {
        return Err(Failure::new(Exit::Usage, "--to is not after --from"));
    }
    let config = Enforced::load(path, environment)?;
    let daemon = Daemon::at(socket.locate(path, environment)?)?;
    let tally = counted(&daemon, span).await?;
    let breach = Breach::of(config.house(), tally, paper.lang, now());
    let body = match format {
        Shape::Md => breach.markdown(),
        Shape::Json => breach.json(),
    };
    paper.hand_out(body.as_bytes(), format == Shape::Json)
}

/// What is held now, and back from there by the trail, newest line first, to where the time begins.
async fn counted(daemon: &Daemon, span: Span) -> Result<Tally, Failure> {
    let status = status(daemon).await?;
    let Some(purposes) = status.purposes else {
        return Err(Failure::failed("the store does not tell how much it holds; try again"));
    };
    let held = purposes.into_iter().map(|purpose| (purpose.id, purpose.stored));
    let mut tally = Tally::new(span, held, status.clock.now.0);
    let since = Rfc3339(span.from);
    let mut after = String::new();
    for _ in 0..CALLS_MAX {
        let call = format!("/trail?order=desc&since={since}&limit={LINES_AT_ONCE}{after}");
        let answer = patiently(daemon, &call).await?;
        let more = header(&answer, "tamis-more").is_some_and(|more| more == "true");
        let next = header(&answer, "tamis-next-cursor");
        for line in lines(&daemon.read(answer).await?)? {
            take(&mut tally, line);
        }
        let Some(next) = next.filter(|_| more) else {
            if let Some(begins) = beginning(daemon).await? {
                tally.trail_begins(begins);
            }
            return Ok(tally);
        };
        after = format!("&after={next}");
    }
    Err(Failure::failed("this is too long a time: ask for a part of it"))
}

/// An answer of a daemon that says when to ask again, where it is busy: asked so often, and never waited for longer than a minute at once.
async fn patiently(daemon: &Daemon, call: &str) -> Result<Response, Failure> {
    let mut left = TRIES_MAX;
    loop {
        left -= 1;
        let failure = match daemon.send(daemon.call(Method::GET, call)).await {
            Err(failure) if left > 0 => failure,
            ended => return ended,
        };
        let Some(wait) = failure.refusal().and_then(|refusal| refusal.retry_after) else {
            return Err(failure);
        };
        tokio::time::sleep(wait.min(WAIT_MAX)).await;
    }
}

/// When the trail begins, where lines have gone by their period; none: it has all that ever were.
async fn beginning(daemon: &Daemon) -> Result<Option<Timestamp>, Failure> {
    let first = lines(&daemon.fetch(daemon.call(Method::GET, "/trail?order=asc&limit=1")).await?)?;
    Ok(first.first().filter(|line| line.seq > 1).map(|line| line.time.0))
}

/// The records that a line names stay behind.
fn take(tally: &mut Tally, line: TrailLine) {
    let TrailLine { time, actor, role, recipient, action, purpose, count, reason, result, .. } = line;
    let reason = reason.map(|reason| reason.to_string());
    let [role, action, result] = [role.to_string(), action.to_string(), result.to_string()];
    let deed = Deed { actor, role, action, purpose, recipient, reason, result };
    tally.take(time.0, deed, count);
}

/// A day ends when the next one begins.
fn end(text: &str) -> Result<Timestamp, String> {
    let at = moment(text)?;
    let is_day = text.parse::<Date>().is_ok() && text.len() == "2026-11-01".len();
    Ok(if is_day { after(at, jiff::SignedDuration::from_hours(24)) } else { at })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_day_counts_whole_and_a_moment_is_one() {
        let read = |text| end(text).map(|at| at.to_string());
        assert_eq!(read("2026-11-12").as_deref(), Ok("2026-11-13T00:00:00Z"));
        assert_eq!(read("2026-11-12T08:30:00Z").as_deref(), Ok("2026-11-12T08:30:00Z"));
        assert!(end("yesterday").is_err() && end("2026-11-31").is_err());
    }

    /// A daemon that refuses as often as it is told, and says when to ask again.
    async fn asked(refusals: u32, again: &str) -> (bool, u32) {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("admin.sock");
        let listener = tokio::net::UnixListener::bind(&path).expect("a socket");
        let again = again.to_owned();
        let count = std::sync::Arc::new(std::sync::atomic::AtomicU32::new(0));
        let counted = count.clone();
        let serving = async move {
            loop {
                let (mut stream, _) = listener.accept().await.expect("accepts");
                let asked = counted.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
                let mut head = [0; 4_096];
                let _ = tokio::io::AsyncReadExt::read(&mut stream, &mut head).await;
                let problem = r#"{"type":"urn:tamis:problem:busy","title":"Busy","status":503,"code":"busy","request_id":"r-7"}"#;
                let (head, body) = match asked < refusals {
                    true => (format!("HTTP/1.1 503 x\r\n{again}"), problem),
                    false => ("HTTP/1.1 200 OK\r\n".to_owned(), ""),
                };
                let length = body.len();
                let answer = format!("{head}content-length: {length}\r\nconnection: close\r\n\r\n{body}");
                let _ = tokio::io::AsyncWriteExt::write_all(&mut stream, answer.as_bytes()).await;
            }
        };
        let daemon = Daemon::at(path).unwrap_or_else(|failure| panic!("{failure}"));
        let answered = tokio::select! {
            answer = patiently(&daemon, "/trail") => answer.is_ok(),
            () = serving => false,
        };
        (answered, count.load(std::sync::atomic::Ordering::SeqCst))
    }

    #[tokio::test]
    async fn a_daemon_that_is_busy_is_asked_again_and_not_for_ever() {
        let at_once = "retry-after: 0\r\n";
        assert_eq!(asked(0, at_once).await, (true, 1));
        assert_eq!(asked(TRIES_MAX - 1, at_once).await, (true, TRIES_MAX));
        assert_eq!(asked(TRIES_MAX, at_once).await, (false, TRIES_MAX));
        assert_eq!(asked(1, "").await, (false, 1), "it does not say when");
    }
}
