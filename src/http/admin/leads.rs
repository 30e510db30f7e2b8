//! `GET /purposes/{purpose}/leads`: a page of records, streamed.

use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE, LINK};
use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};

use crate::clock::Day;
use crate::http::admin::AdminState;
use crate::http::admin::csv::{Csv, Dialect};
use crate::http::admin::format::FormatName;
use crate::http::admin::json::Json;
use crate::http::admin::ndjson::Ndjson;
use crate::http::admin::operator::{By, Export as MayExport, note_refusal};
use crate::http::admin::query::{Parameters, invalid, named};
use crate::http::admin::record::Outlet;
use crate::http::admin::stream::{Export, Format};
use crate::http::problem::{Problem, ProblemCode, request_id};
use crate::http::visit::Visit;
use crate::purpose::{Cursor, Policy, Purpose, PurposeId};
use crate::store::{Page, PageRequest, StoreCode, StoreError, TestFilter};
use crate::telemetry::metrics::Metrics;
use crate::trail::{Action, Entry, Operator, Role};

/// On whose behalf the command line exports. A token's recipient is fixed.
const RECIPIENT_HEADER: &str = "tamis-recipient";

/// Hands out one page. The store has synced its trail line before this function has a byte to send.
pub(super) async fn export(
    by: By<MayExport>,
    state: Data<AdminState>,
    metrics: Data<Metrics>,
    name: Path<String>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let (operator, purpose) = reached(by.operator, &state, &name, &request).await?;
    let mut wanted = Wanted::parse(&request, &purpose.id)?;
    let outlet = Outlet::of(Arc::clone(&purpose), operator.recipient()).with_evidence(wanted.evidence);
    let entry = Entry::by(&operator, Action::Exported);
    let page_request = PageRequest {
        purpose: purpose.id.clone(),
        after: wanted.after.take(),
        limit: wanted.limit,
        test: wanted.test,
        today: Day::of(state.clock.now()),
        incomplete: wanted.incomplete,
        evidence: wanted.evidence,
        may_leave: outlet.may_leave(),
    };
    let after = page_request.after.clone();
    let page = match (state.store.open_page(page_request, entry).await, after) {
        (Err(StoreError { code: StoreCode::CursorAhead, .. }), Some(after)) => {
            return Err(Problem::cursor_ahead(state.store.resume_after(after).await?));
        }
        (page, _) => page?,
    };
    metrics.exported(&purpose.id, page.count);
    let id = request_id(&request);
    tracing::info!(
        request.id = %id, actor = %operator.actor(), role = %operator.role(), purpose = %purpose.id,
        records.max = page.count, cursor = %page.next, "export.opened"
    );
    let visit = request.conn_data::<Arc<Visit>>().cloned();
    Ok(answer(page, outlet, &wanted, id, visit))
}

/// The purpose, and the operator on behalf of whom its records leave for. A refusal is written down.
pub(super) async fn reached(
    operator: Operator,
    state: &AdminState,
    name: &str,
    request: &HttpRequest,
) -> Result<(Operator, Arc<Purpose>), Problem> {
    let policy = state.policy.pin();
    let reached = purpose_for(&operator, &policy, name)
        .and_then(|purpose| Ok((recipient_for(&operator, &purpose, request)?, purpose)));
    match reached {
        Ok((recipient, purpose)) => Ok((operator.on_behalf_of(recipient), purpose)),
        Err(code) => {
            if code.status() == StatusCode::FORBIDDEN {
                // A name that is no purpose's is the caller's words, and stays out of the trail.
                let named = policy.purpose(name).map(|purpose| purpose.id.clone());
                note_refusal(state, &operator, Action::Exported, named).await;
            }
            Err(code.into())
        }
    }
}

/// An exporter is told the same of a purpose that is not its own and of one that does not exist.
fn purpose_for(operator: &Operator, policy: &Policy, name: &str) -> Result<Arc<Purpose>, ProblemCode> {
    let purpose = policy.purpose(name);
    if operator.role() == Role::Exporter {
        let own = purpose.filter(|purpose| operator.purposes().contains(&purpose.id));
        return own.cloned().ok_or(ProblemCode::PurposeNotYours);
    }
    purpose.cloned().ok_or(ProblemCode::PurposeUnknown)
}

/// Data leaves for a recipient that the purpose lists (it stands in the notice), or for nobody outside.
fn recipient_for(
    operator: &Operator,
    purpose: &Purpose,
    request: &HttpRequest,
) -> Result<Option<String>, ProblemCode> {
    match given_recipient(operator, request)? {
        Some(unlisted) if !purpose.recipients.contains(&unlisted) => Err(ProblemCode::RecipientNotListed),
        listed => Ok(listed),
    }
}

/// On whose behalf: what stands on a token, or what the command line says.
pub(super) fn given_recipient(
    operator: &Operator,
    request: &HttpRequest,
) -> Result<Option<String>, ProblemCode> {
    match (operator.role(), request.headers().get(RECIPIENT_HEADER)) {
        (Role::Local, Some(given)) => {
            Ok(Some(given.to_str().map_err(|_| ProblemCode::RecipientNotListed)?.to_owned()))
        }
        (Role::Local, None) => Ok(None),
        // Without a recipient an exporter's token reaches nothing.
        _ => Ok(Some(operator.recipient().ok_or(ProblemCode::RecipientNotListed)?.to_owned())),
    }
}

fn answer(
    page: Page,
    outlet: Outlet,
    wanted: &Wanted,
    request_id: String,
    visit: Option<Arc<Visit>>,
) -> HttpResponse {
    let mut head = HttpResponse::Ok();
    head.insert_header(("Tamis-Next-Cursor", page.next.to_string()));
    head.insert_header(("Tamis-More", if page.more { "true" } else { "false" }));
    if page.more {
        // Relative to the address that was asked (RFC 3986 section 5.2), whatever stands before tamis.
        head.insert_header((LINK, format!("<?after={}{}>; rel=\"next\"", page.next, wanted.again)));
    }
    head.insert_header(("Tamis-Records", page.count.to_string()));
    head.insert_header(("Tamis-Expired-Left-Out", page.expired.to_string()));
    head.insert_header(("Tamis-Restricted-Left-Out", page.restricted.to_string()));
    if wanted.test == TestFilter::Exclude {
        head.insert_header(("Tamis-Test-Left-Out", page.tests_left_out.to_string()));
    }
    if page.missing > 0 {
        head.insert_header(("Tamis-Missing", page.missing.to_string()));
    }
    head.insert_header((CONTENT_TYPE, wanted.format.content_type()));
    let purpose = outlet.purpose();
    let format: Box<dyn Format> = match wanted.format {
        FormatName::Ndjson => Box::new(Ndjson),
        FormatName::Json => Box::new(Json::new(page.next, page.more)),
        FormatName::Csv => {
            let file = format!("attachment; filename=\"{}.csv\"", purpose.id);
            head.insert_header((CONTENT_DISPOSITION, file));
            Box::new(Csv::new(purpose, wanted.dialect))
        }
    };
    let (records, days, withheld) = (page.records, page.days, page.withheld);
    Export { records, days, outlet, format, request_id, visit, withheld }.into_response(head)
}

/// What the query asks for, and `Accept` where the query says no format.
#[derive(Debug, PartialEq, Eq)]
struct Wanted {
    format: FormatName,
    dialect: Dialect,
    after: Option<Cursor>,
    limit: usize,
    test: TestFilter,
    incomplete: bool,
    evidence: bool,
    /// What the next page is asked for beside its `after`, to stand behind it in a query.
    again: String,
}

impl Wanted {
    fn parse(request: &HttpRequest, purpose: &PurposeId) -> Result<Self, Problem> {
        const AGAIN: [&str; 6] = ["format", "dialect", "limit", "test", "incomplete", "evidence"];
        let known = [&["after"], AGAIN.as_slice()].concat();
        let parameters = Parameters::parse(request.query_string(), &known)?;
        let format =
            FormatName::of(parameters.value("format"), request).map_err(|code| named(code, "format"))?;
        let dialect = match (format, parameters.value("dialect")) {
            (_, None) => Dialect::Plain,
            (FormatName::Csv, Some("excel")) => Dialect::Excel,
            _ => return Err(invalid("dialect")),
        };
        let after = match parameters.value("after") {
            None => None,
            Some(text) => Some(Cursor::parse(text).ok_or(ProblemCode::CursorInvalid)?),
        };
        if after.as_ref().is_some_and(|cursor| cursor.purpose != *purpose) {
            return Err(ProblemCode::CursorForeign.into());
        }
        let test = match parameters.value("test") {
            None | Some("exclude") => TestFilter::Exclude,
            Some("include") => TestFilter::Include,
            Some("only") => TestFilter::Only,
            Some(_) => return Err(invalid("test")),
        };
        let incomplete = match parameters.value("incomplete") {
            None | Some("refuse") => false,
            Some("allow") => true,
            Some(_) => return Err(invalid("incomplete")),
        };
        // Events do not fit into a cell.
        let evidence = match (format, parameters.value("evidence")) {
            (_, None | Some("false")) => false,
            (FormatName::Ndjson | FormatName::Json, Some("true")) => true,
            _ => return Err(invalid("evidence")),
        };
        let limit = parameters.limit()?;
        // Words of lists and digits: nothing to escape.
        let again = AGAIN.iter().filter_map(|name| Some(format!("&{name}={}", parameters.value(name)?)));
        Ok(Self { format, dialect, after, limit, test, incomplete, evidence, again: again.collect() })
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn parse(query: &str) -> Result<Wanted, ProblemCode> {
        parse_with(query, None)
    }

    fn parse_with(query: &str, accept: Option<&str>) -> Result<Wanted, ProblemCode> {
        let request = TestRequest::get().uri(&format!("/leads?{query}"));
        let request =
            accept.into_iter().fold(request, |request, accept| request.append_header(("Accept", accept)));
        refused(request).map_err(|problem| problem.code)
    }

    fn refused(request: TestRequest) -> Result<Wanted, Problem> {
        Wanted::parse(&request.to_http_request(), &PurposeId::parse("devis").expect("a purpose"))
    }

    #[test]
    fn without_parameters_it_is_ndjson_a_thousand_and_no_test_leads() {
        let wanted = parse("").expect("defaults");
        assert_eq!(wanted.format, FormatName::Ndjson);
        assert_eq!((wanted.after, wanted.limit, wanted.test), (None, 1_000, TestFilter::Exclude));
        assert!(!wanted.incomplete && !wanted.evidence);
        assert_eq!(wanted.again, "");
    }

    #[test]
    fn the_next_page_is_asked_for_as_this_one_was() {
        let again = |query| parse(query).expect("a query").again;
        assert_eq!(again("test=only&after=devis-1-0&format=csv&limit=7"), "&format=csv&limit=7&test=only");
        assert_eq!(
            again("dialect=excel&format=csv&incomplete=allow"),
            "&format=csv&dialect=excel&incomplete=allow"
        );
    }

    #[test]
    fn a_dialect_goes_with_a_table_that_the_header_asks_for_too() {
        let excel = parse_with("dialect=excel", Some("text/csv")).expect("a query");
        assert_eq!((excel.format, excel.dialect), (FormatName::Csv, Dialect::Excel));
        assert_eq!(parse_with("", Some("text/html")).err(), Some(ProblemCode::NotAcceptable));
    }

    #[test]
    fn all_parameters_are_read() {
        let wanted = parse("format=csv&dialect=excel&after=devis-1-0&limit=7&test=only&incomplete=allow");
        let wanted = wanted.expect("all");
        assert!(wanted.incomplete);
        assert_eq!((wanted.format, wanted.dialect), (FormatName::Csv, Dialect::Excel));
        assert_eq!(wanted.after, Cursor::parse("devis-1-0"));
        assert_eq!((wanted.limit, wanted.test), (7, TestFilter::Only));
    }

    #[test]
    fn mistakes_are_told_apart() {
        for (query, code) in [
            ("format=xml", ProblemCode::ParameterInvalid),
            ("format=", ProblemCode::ParameterInvalid),
            ("format=csv&dialect=lotus", ProblemCode::ParameterInvalid),
            ("format=ndjson&dialect=excel", ProblemCode::ParameterInvalid),
            ("dialect=excel", ProblemCode::ParameterInvalid),
            ("test=yes", ProblemCode::ParameterInvalid),
            ("incomplete=yes", ProblemCode::ParameterInvalid),
            ("evidence=1", ProblemCode::ParameterInvalid),
            ("evidence=true&format=csv", ProblemCode::ParameterInvalid),
            ("after=", ProblemCode::CursorInvalid),
            ("after=devis-1", ProblemCode::CursorInvalid),
            ("after=lettre-1-5", ProblemCode::CursorForeign),
            ("limit=10001", ProblemCode::LimitOutOfRange),
            ("offset=3", ProblemCode::ParameterUnknown),
        ] {
            assert_eq!(parse(query).err(), Some(code), "{query}");
        }
        for (query, name) in [
            ("format=xml", "format"),
            ("dialect=excel", "dialect"),
            ("test=yes", "test"),
            ("incomplete=1", "incomplete"),
            ("evidence=true&format=csv", "evidence"),
        ] {
            let request = TestRequest::get().uri(&format!("/leads?{query}"));
            assert_eq!(refused(request).err(), Some(invalid(name)), "{query}");
        }
    }
}
