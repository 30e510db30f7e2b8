//! `GET /trail`: who did what, line by line.

use std::str::FromStr;
use std::sync::Arc;

use actix_web::http::header::CONTENT_TYPE;
use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};
use jiff::Timestamp;
use tokio::sync::Semaphore;

use crate::api::trail::TrailLine;
use crate::api::{Moment, Word};
use crate::http::admin::AdminState;
use crate::http::admin::operator::{By, ReadTrail};
use crate::http::admin::query::{Parameters, whole};
use crate::http::holding::Holding;
use crate::http::problem::{Problem, ProblemCode};
use crate::store::{SharedStore, StoreError};
use crate::trail::{Actor, Line};

/// Pages that are made or sent at one time: each may take three megabytes.
const PAGES_MAX: usize = 4;

/// How much is looked at for one page that leaves lines out. Beyond it the page ends, and says where to go on.
const LOOK: Look = Look { at_once: 5_000, in_all: 50_000 };

/// The places of the pages of both doors.
pub fn places() -> Arc<Semaphore> {
    Arc::new(Semaphore::new(PAGES_MAX))
}

/// Lines as NDJSON, in either order. The store has checked their chain.
pub(super) async fn read(
    _by: By<ReadTrail>,
    state: Data<AdminState>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let wanted = Wanted::of(request.query_string())?;
    let place = Arc::clone(&state.trail_pages).try_acquire_owned().map_err(|_| ProblemCode::Busy)?;
    let page = wanted.page(&state.store, LOOK).await?;
    let (next, more) = (page.next, page.more);
    // Ten thousand lines take a while to write: the listener's thread has others to serve.
    let written = tokio::task::spawn_blocking(move || {
        let mut body = Vec::new();
        page.lines.into_iter().for_each(|line| write_line(line, &mut body));
        body
    });
    let body = Bytes::from(written.await.map_err(|_| ProblemCode::Internal)?);
    // It has its place until it is sent.
    let body = Holding::new(body, place);
    Ok(HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, "application/x-ndjson"))
        .insert_header(("Tamis-Next-Cursor", next.to_string()))
        .insert_header(("Tamis-More", if more { "true" } else { "false" }))
        .body(body))
}

/// From which end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    /// Oldest first.
    Asc,
    /// Newest first.
    Desc,
}

/// Lines that are read at once, and for one page.
#[derive(Clone, Copy)]
struct Look {
    at_once: usize,
    in_all: usize,
}

/// Which lines.
#[derive(Debug, PartialEq, Eq)]
struct Wanted {
    order: Order,
    /// Only what comes after this line in that order.
    after: Option<u64>,
    since: Option<Timestamp>,
    actor: Option<Actor>,
    limit: usize,
}

/// Some of them.
struct TrailPage {
    lines: Vec<Line>,
    /// The last line looked at: the next page begins after it.
    next: u64,
    more: bool,
}

impl Wanted {
    fn of(query: &str) -> Result<Self, Problem> {
        let parameters = Parameters::parse(query, &["order", "after", "since", "actor", "limit"])?;
        let order = parameters.read("order", |text| match text {
            "asc" => Some(Order::Asc),
            "desc" => Some(Order::Desc),
            _ => None,
        })?;
        let order = order.unwrap_or(Order::Asc);
        // 0 stands before the first line.
        let after = parameters.read("after", whole)?;
        let since = parameters.read("since", |text| Timestamp::from_str(text).ok())?;
        let actor = parameters.read("actor", Actor::parse)?;
        Ok(Self { order, after, since, actor, limit: parameters.limit()? })
    }

    /// Reads until the page is full, the trail has come to its end, or enough was looked at.
    async fn page(&self, store: &SharedStore, look: Look) -> Result<TrailPage, StoreError> {
        let at_once = if self.takes_all() { self.limit } else { look.at_once };
        let start = self.after.unwrap_or(if self.order == Order::Asc { 0 } else { u64::MAX });
        let mut page = TrailPage { lines: Vec::new(), next: start, more: true };
        let mut looked_at = 0;
        while page.more && page.lines.len() < self.limit && looked_at < look.in_all {
            let read = match self.order {
                Order::Asc => store.lines(page.next, at_once).await?,
                Order::Desc => store.newest(page.next, at_once).await?,
            };
            looked_at += read.len();
            page.more = read.len() == at_once;
            for line in read {
                if page.lines.len() == self.limit {
                    page.more = true;
                    break;
                }
                // Times rise with the numbers, but where the clock had been ahead: what was written then stays away.
                if self.order == Order::Desc && self.since.is_some_and(|since| line.time < since) {
                    page.more = false;
                    break;
                }
                page.next = line.seq;
                if self.takes(&line) {
                    page.lines.push(line);
                }
            }
        }
        // On an empty trail there is nothing to go on after.
        page.next = if page.next == u64::MAX { 0 } else { page.next };
        Ok(page)
    }

    fn takes_all(&self) -> bool {
        self.since.is_none() && self.actor.is_none()
    }

    fn takes(&self, line: &Line) -> bool {
        self.since.is_none_or(|since| line.time >= since)
            && self.actor.as_ref().is_none_or(|actor| line.entry.actor() == actor)
    }
}

fn write_line(line: Line, out: &mut Vec<u8>) {
    let Line { seq, time, entry, .. } = line;
    let reason = entry.reason().map(Word::from);
    let shown = TrailLine {
        seq,
        time: Moment(time),
        actor: entry.actor().to_string(),
        role: entry.role().into(),
        recipient: entry.recipient().map(str::to_owned),
        action: entry.action().into(),
        purpose: entry.purpose,
        count: entry.count,
        from: entry.from,
        to: entry.to,
        fields: entry.fields.iter().map(ToString::to_string).collect(),
        erasure: entry.erasure.map(|(epoch, number)| format!("{epoch}-{number}")),
        reason,
        result: entry.result.into(),
    };
    #[expect(clippy::expect_used, reason = "strings and numbers into a growing vector cannot fail")]
    serde_json::to_writer(&mut *out, &shown).expect("a vector grows");
    out.push(b'\n');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::admin::query::invalid;
    use crate::purpose::{PurposeId, RecordId};
    use crate::secret::Key;
    use crate::store::contract::Host;
    use crate::store::contract::support::{by_token, stored};
    use crate::store::memory::MemoryHost;
    use crate::trail::{Action, Entry, Outcome, chain};

    #[test]
    fn a_line_has_the_documented_shape() {
        let mut entry = Entry::by_system(Action::Stored);
        entry.purpose = PurposeId::parse("devis");
        entry.count = 3;
        entry.from = RecordId::parse("devis-1-1");
        entry.to = RecordId::parse("devis-1-3");
        let time = "2026-11-25T08:47:38.9Z".parse().expect("a time");
        let mut out = Vec::new();
        write_line(chain(&Key::new([7; 32]), &[0; 32], 1, time, entry).0, &mut out);
        let expected = concat!(
            r#"{"seq":1,"time":"2026-11-25T08:47:38Z","actor":"system","role":"system","recipient":null,"#,
            r#""action":"stored","purpose":"devis","count":3,"from":"devis-1-1","to":"devis-1-3","#,
            r#""reason":null,"result":"done"}"#,
            "\n"
        );
        assert_eq!(String::from_utf8(out).expect("text"), expected);
    }

    #[test]
    fn the_number_to_go_on_after_is_plain_digits() {
        let read = |query| Wanted::of(query).map(|wanted| wanted.after);
        assert_eq!(read(""), Ok(None));
        assert_eq!(read("after=18446744073709551615"), Ok(Some(u64::MAX)));
        for bad in ["after=", "after=-1", "after=%2B1", "after=18446744073709551616", "after=devis-1-1"] {
            assert_eq!(read(bad), Err(invalid("after")), "{bad}");
        }
    }

    #[test]
    fn what_else_may_be_said_of_the_lines_is_read_strictly() {
        let wanted =
            Wanted::of("order=desc&since=2026-11-01T00:00:00%2B01:00&actor=token:0f3a9c1e5b7d2468&limit=5");
        let expected = Wanted {
            order: Order::Desc,
            after: None,
            since: "2026-10-31T23:00:00Z".parse().ok(),
            actor: Actor::parse("token:0f3a9c1e5b7d2468"),
            limit: 5,
        };
        assert_eq!(wanted, Ok(expected));
        for bad in
            ["order=", "order=DESC", "since=", "since=yesterday", "since=2026-11-01", "actor=", "actor=crm"]
        {
            let name = bad.split('=').next().unwrap_or_default();
            assert_eq!(Wanted::of(bad).err(), Some(invalid(name)), "{bad}");
        }
        let unknown = Problem::of(ProblemCode::ParameterUnknown).at("before");
        assert_eq!(Wanted::of("before=3").err(), Some(unknown));
    }

    /// Walks all pages of what the query asks for, and gives the numbers of the lines and how many pages there were.
    async fn walk(store: &SharedStore, query: &str, look: Look) -> (Vec<u64>, usize) {
        let (mut after, mut sequence, mut pages) = (String::new(), Vec::new(), 0);
        loop {
            let wanted = Wanted::of(format!("{query}{after}").trim_start_matches("&")).expect("a query");
            let page = wanted.page(store, look).await.expect("a page");
            pages += 1;
            assert!(page.lines.len() <= wanted.limit && pages < 100, "{query}");
            sequence.extend(page.lines.iter().map(|line| line.seq));
            if !page.more {
                return (sequence, pages);
            }
            after = format!("&after={}", page.next);
        }
    }

    #[tokio::test]
    async fn pages_in_either_order_give_each_line_once_whatever_is_left_out() {
        let host = MemoryHost::at("2026-11-25T08:00:00Z".parse().expect("a time"));
        let store = host.open();
        // One line a second; every third by a token.
        for number in 1..=30 {
            match number % 3 {
                0 => {
                    let mut entry = by_token("0f3a9c1e5b7d2468", Action::TrailRead);
                    entry.result = Outcome::Refused;
                    store.note(entry).await.expect("noted");
                }
                _ => drop(store.settle(vec![stored(number)]).await.expect("settled")),
            }
            host.clock.advance_ms(1_000);
        }
        let all: Vec<u64> = (1..=30).collect();
        let turned = |sequence: &[u64]| sequence.iter().rev().copied().collect::<Vec<_>>();
        let thirds: Vec<u64> = (1..=10).map(|third| third * 3).collect();
        let late: Vec<u64> = (21..=30).collect();
        let since = "since=2026-11-25T08:00:20Z";
        for (query, expected) in [
            (String::new(), &all),
            ("actor=token:0f3a9c1e5b7d2468".to_owned(), &thirds),
            (since.to_owned(), &late),
            ("actor=local:7".to_owned(), &vec![]),
        ] {
            for (order, expected) in [("asc", expected.clone()), ("desc", turned(expected))] {
                for limit in [1, 4, 10, 1_000] {
                    for (at_once, in_all) in [(1, 3), (7, 7), (100, 1_000)] {
                        let query = format!("{query}&order={order}&limit={limit}");
                        let (sequence, _) = walk(&store, &query, Look { at_once, in_all }).await;
                        assert_eq!(sequence, expected, "{query} {at_once}");
                    }
                }
            }
        }
        let rare = "actor=local:7&limit=1000";
        let (_, pages) = walk(&store, rare, Look { at_once: 5, in_all: 10 }).await;
        assert!(pages >= 3, "no page looks at more than it may: {pages}");
        let (_, pages) =
            walk(&store, &format!("{since}&order=desc&limit=1000"), Look { at_once: 5, in_all: 30 }).await;
        assert_eq!(pages, 1, "what is older is not looked for");
    }
}
