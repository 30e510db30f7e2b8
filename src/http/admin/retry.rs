//! `POST /inbox/retry`: what waits of a page is tried at once, although the page is paused.

use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};

use crate::api::{IdText, inbox as api};
use crate::graph::Graph;
use crate::http::admin::AdminState;
use crate::http::admin::body::read;
use crate::http::admin::operator::{By, RetryPage as MayRetryPage};
use crate::http::problem::{Problem, ProblemCode, request_id};
use crate::id::PageId;
use crate::inbox::Inbox;
use crate::store::Requeue;
use crate::trail::{Action, Entry};

/// Brings back what waits, and lets one lead go ahead of the pause. The line of the trail comes first.
pub(super) async fn retry(
    by: By<MayRetryPage>,
    state: Data<AdminState>,
    graph: Data<Graph>,
    inbox: Data<Inbox>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    let api::RetryPage { page_id: IdText(page) } = read(&request, payload).await?;
    let page = PageId::parse(&page).ok_or_else(|| Problem::of(ProblemCode::BodyInvalid).at("page_id"))?;
    if !graph.knows(&page) {
        return Err(Problem::of(ProblemCode::PageUnknown));
    }
    let entry = Entry::by(&by.operator, Action::PageRetried);
    let requeued = state.store.requeue(Requeue::WaitingOf(page), entry).await?;
    let paused = graph.retry(&page);
    inbox.arrived().notify_waiters();
    tracing::info!(
        request.id = %request_id(&request), actor = %by.operator.actor(), page.id = %page, refs.requeued = requeued,
        page.paused = paused, "inbox.page-retried"
    );
    Ok(HttpResponse::Ok().json(api::PageRetried { requeued, paused }))
}
