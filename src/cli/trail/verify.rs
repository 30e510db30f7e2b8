//! `tamis trail verify`: is the whole trail as it was written, and if not, from where on.

use std::collections::VecDeque;
use std::fmt;

use reqwest::Method;

use crate::api::Moment;
use crate::api::trail::TrailLine;
use crate::cli::trail::lines;
use crate::client::Daemon;
use crate::terminal::Failure;
use crate::terminal::thousands;
use crate::trail::Action;

/// So many lines are verified by one call.
const VERIFIED_AT_ONCE: u64 = 10_000;

/// So many restores are remembered, the newest: a house has a handful.
const RESTORES_MAX: usize = 256;

/// A trail that is whole.
#[derive(Default)]
pub(super) struct Whole {
    count: u64,
    /// The first line that is there; none: there is no line yet.
    pub(super) first: Option<Place>,
    /// The last one.
    pub(super) last: Option<Place>,
    /// The newest line that says that those before the first had had their time.
    pub(super) closed: Option<Place>,
    /// The lines that say that the store was put back from a backup: what stood at them before, and behind, is no more.
    restored: VecDeque<Place>,
}

/// Where in the trail something is.
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub(super) line: u64,
    pub(super) written: Moment,
}

impl Place {
    fn of(line: &TrailLine) -> Self {
        Self { line: line.seq, written: line.time }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {} of {}", self.line, self.written)
    }
}

impl Whole {
    fn take(&mut self, read: &[TrailLine]) {
        self.count += read.len() as u64;
        self.first = self.first.or_else(|| read.first().map(Place::of));
        self.last = read.last().map(Place::of).or(self.last);
        let says = |line: &&TrailLine, action: Action| line.action.to_string() == action.as_str();
        self.closed =
            read.iter().rfind(|line| says(line, Action::TrailClosed)).map(Place::of).or(self.closed);
        for line in read.iter().filter(|line| says(line, Action::Restored)) {
            if self.restored.len() == RESTORES_MAX {
                self.restored.pop_front();
            }
            self.restored.push_back(Place::of(line));
        }
    }

    /// The restore by which a line that was written is no more: it is noted at that line or before it, and later than that was written.
    pub(super) fn put_back(&self, gone: Place) -> Option<Place> {
        let is_by = |restored: &&Place| restored.line <= gone.line && restored.written.0 >= gone.written.0;
        self.restored.iter().find(is_by).copied()
    }
}

impl fmt::Display for Whole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.first, self.last) {
            (Some(first), Some(last)) => writeln!(
                f,
                "{} lines, from {} to {}: none is missing, changed or elsewhere",
                thousands(self.count),
                first.line,
                last.line
            ),
            _ => writeln!(f, "the trail has no lines yet"),
        }
    }
}

/// Reads all of it: whoever answers checks the chain.
pub(super) async fn verified(daemon: &Daemon) -> Result<Whole, Failure> {
    let mut whole = Whole::default();
    loop {
        let after = whole.last.map_or(0, |last| last.line);
        let read = match page_after(daemon, after, VERIFIED_AT_ONCE).await {
            Ok(read) => read,
            Err(failure) if failure.is("trail-broken") => return Err(broken(daemon, after).await),
            Err(failure) => return Err(failure),
        };
        if read.is_empty() {
            return Ok(whole);
        }
        whole.take(&read);
    }
}

async fn page_after(daemon: &Daemon, after: u64, limit: u64) -> Result<Vec<TrailLine>, Failure> {
    let path = format!("/trail?after={after}&limit={limit}");
    lines(&daemon.fetch(daemon.call(Method::GET, &path)).await?)
}

/// Where the chain is broken: the fewest lines after this one with which it is.
async fn broken(daemon: &Daemon, after: u64) -> Failure {
    let (mut whole, mut not) = (0, VERIFIED_AT_ONCE);
    while not - whole > 1 {
        let middle = whole + (not - whole) / 2;
        match page_after(daemon, after, middle).await {
            Ok(_) => whole = middle,
            Err(failure) if failure.is("trail-broken") => not = middle,
            Err(failure) => return failure,
        }
    }
    // Lines that went by their period are no gap: the first one that is there need not be number 1.
    let base = match page_after(daemon, 0, 1).await {
        Ok(first) => first.first().map_or(0, |first| first.seq - 1),
        Err(_) => 0,
    };
    let last = after.max(base) + whole;
    let sound = match page_after(daemon, last.saturating_sub(1), 1).await.as_deref() {
        _ if last == 0 => "its first line".to_owned(),
        // Of the line itself only what was written with it is believed.
        Ok([line]) if line.seq == last => {
            format!("the lines up to {last} ({}) are as they were written; line {}", line.time, last + 1)
        }
        _ => format!("the lines up to {last} are as they were written; line {}", last + 1),
    };
    Failure::failed(format!(
        "the trail is broken: {sound} is missing, changed or elsewhere, or was changed together with the one before it. \
         What to do: tamis explain trail-broken"
    ))
}

#[cfg(test)]
mod tests {
    use actix_web::web::Query;
    use actix_web::{App, HttpResponse, HttpServer, web};

    use super::*;

    /// So many lines there are, the first of them number 8: those before it went by their period.
    const LAST: u64 = 25_000;
    const FIRST: u64 = 8;

    #[derive(serde::Deserialize)]
    struct Asked {
        after: u64,
        limit: u64,
    }

    fn line(seq: u64) -> String {
        format!(
            r#"{{"seq":{seq},"time":"2026-11-25T08:47:38Z","actor":"system","role":"system","recipient":null,"action":"stored","purpose":"devis","count":1,"from":null,"to":null,"reason":null,"result":"done"}}"#
        )
    }

    /// A daemon whose trail is broken at this line.
    async fn verified_against(broken: Option<u64>) -> Result<String, Failure> {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("admin.sock");
        let socket = std::os::unix::net::UnixListener::bind(&path).expect("a socket");
        let answer = move |asked: Query<Asked>| async move {
            let begin = asked.after.max(FIRST - 1);
            let end = (begin + asked.limit).min(LAST);
            if broken.is_some_and(|broken| (begin + 1..=end).contains(&broken)) {
                let problem = r#"{"type":"urn:tamis:problem:trail-broken","title":"The trail is broken","status":500,"code":"trail-broken","request_id":"0123456789abcdef"}"#;
                return HttpResponse::InternalServerError().body(problem);
            }
            HttpResponse::Ok().body((begin + 1..=end).map(|seq| line(seq) + "\n").collect::<String>())
        };
        let server = HttpServer::new(move || App::new().route("/admin/v1/trail", web::get().to(answer)));
        let server = server.workers(1).disable_signals().listen_uds(socket).expect("listening").run();
        let handle = server.handle();
        let client = async {
            let told = verified(&Daemon::at(path).expect("a client")).await.map(|whole| whole.to_string());
            handle.stop(false).await;
            told
        };
        let (served, told) = tokio::join!(server, client);
        served.expect("served");
        told
    }

    #[tokio::test]
    async fn a_whole_trail_is_told_with_its_ends() {
        let told = verified_against(None).await.expect("whole");
        assert_eq!(told, "24,993 lines, from 8 to 25000: none is missing, changed or elsewhere\n");
    }

    #[tokio::test]
    async fn the_line_at_which_it_breaks_is_found() {
        let first = verified_against(Some(FIRST)).await.expect_err("broken").to_string();
        assert!(first.contains("its first line is missing"), "{first}");
        for broken in [9, 10_007, 10_008, 17_432, LAST] {
            let told = verified_against(Some(broken)).await.expect_err("broken").to_string();
            let at = format!("line {broken} is missing");
            assert!(told.contains(&at), "{at}: {told}");
            let sound = format!("up to {} (2026-11-25T08:47:38Z) are", broken - 1);
            assert!(told.contains(&sound), "{sound}: {told}");
        }
    }
}
