//! `GET /trail`: who did what, line by line.

use std::sync::Arc;

use actix_web::http::header::CONTENT_TYPE;
use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};
use tokio::sync::Semaphore;

use crate::api::trail::TrailLine;
use crate::api::{Moment, Word};
use crate::http::admin::Desk;
use crate::http::admin::operator::{By, ReadTrail};
use crate::http::admin::query::{Parameters, whole};
use crate::http::holding::Holding;
use crate::http::problem::{Problem, ProblemCode};
use crate::trail::Line;

/// Pages that are made or sent at one time: each may take three megabytes.
const PAGES_MAX: usize = 4;

/// The places of the pages of both doors.
pub fn places() -> Arc<Semaphore> {
    Arc::new(Semaphore::new(PAGES_MAX))
}

/// Lines after a number, oldest first, as NDJSON. The store has checked their chain.
pub(super) async fn read(
    _by: By<ReadTrail>,
    desk: Data<Desk>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let parameters = Parameters::parse(request.query_string(), &["after", "limit"])?;
    let (after, limit) = (after(&parameters)?, parameters.limit()?);
    let place = Arc::clone(&desk.trail_pages).try_acquire_owned().map_err(|_| ProblemCode::Busy)?;
    let lines = desk.store.lines(after, limit).await?;
    // Ten thousand lines take a while to write: the listener's thread has others to serve.
    let written = tokio::task::spawn_blocking(move || {
        let mut body = Vec::new();
        lines.into_iter().for_each(|line| write_line(line, &mut body));
        body
    });
    let body = Bytes::from(written.await.map_err(|_| ProblemCode::Internal)?);
    // It has its place until it is sent.
    let body = Holding::new(body, place);
    Ok(HttpResponse::Ok().insert_header((CONTENT_TYPE, "application/x-ndjson")).body(body))
}

/// The number to go on after; 0 stands before the first line.
fn after(parameters: &Parameters) -> Result<u64, ProblemCode> {
    let Some(text) = parameters.value("after") else { return Ok(0) };
    whole(text).ok_or(ProblemCode::ParameterInvalid)
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
    use crate::purpose::{PurposeId, RecordId};
    use crate::secret::Key;
    use crate::trail::{Action, Entry, chain};

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
        let read = |query| Parameters::parse(query, &["after", "limit"]).and_then(|p| after(&p));
        assert_eq!(read(""), Ok(0));
        assert_eq!(read("after=18446744073709551615"), Ok(u64::MAX));
        for bad in ["after=", "after=-1", "after=%2B1", "after=18446744073709551616", "after=devis-1-1"] {
            assert_eq!(read(bad), Err(ProblemCode::ParameterInvalid), "{bad}");
        }
    }
}
