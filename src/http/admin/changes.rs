//! `GET /changes`, `POST /changes/{n}/applied`, `GET /changes/recipients`: what became of records that a recipient was handed, and how far
//! each has followed (GDPR art. 19).

use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};

use crate::api::Moment;
use crate::api::changes::{Change, ChangeList, ChangesApplied, Feed, FeedList};
use crate::http::admin::AdminState;
use crate::http::admin::leads::given_recipient;
use crate::http::admin::operator::{By, Call, Follow as MayFollow, ListFeeds, SayApplied, note_refusal};
use crate::http::admin::query::{Parameters, whole};
use crate::http::problem::{Problem, ProblemCode, request_id};
use crate::store::{self, CHANGES_LISTED_MAX, FeedStanding};
use crate::trail::{Action, Entry, Operator};

/// The changes of the caller's recipient. Their line is synced before they leave.
pub(super) async fn list(
    by: By<MayFollow>,
    state: Data<AdminState>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let (operator, recipient) = for_recipient(by, &state, &request, Action::ChangesRead).await?;
    let parameters = Parameters::parse(request.query_string(), &["after", "limit"])?;
    let limit = parameters.limit()?.min(CHANGES_LISTED_MAX);
    let after = parameters.read("after", whole)?;
    let entry = Entry::by(&operator, Action::ChangesRead);
    let page =
        state.store.changes(recipient, after, limit, entry).await?.ok_or(ProblemCode::ChangeUnknown)?;
    let changes = page.changes.into_iter().map(shown).collect();
    let dropped_to = (page.dropped_to > 0).then_some(page.dropped_to);
    Ok(HttpResponse::Ok().json(ChangeList { changes, more: page.more, applied: page.applied, dropped_to }))
}

/// The caller's recipient has applied all up to one.
pub(super) async fn applied(
    by: By<SayApplied>,
    state: Data<AdminState>,
    n: Path<String>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let (operator, recipient) = for_recipient(by, &state, &request, Action::ChangesApplied).await?;
    let n = whole(&n).ok_or(ProblemCode::ChangeUnknown)?;
    let entry = Entry::by(&operator, Action::ChangesApplied);
    let applied = state.store.apply_changes(recipient.clone(), n, entry).await?;
    let store::Applied { changes, applied } = applied.ok_or(ProblemCode::ChangeUnknown)?;
    if changes > 0 {
        tracing::info!(
            request.id = %request_id(&request), actor = %operator.actor(), recipient, changes.applied = changes,
            "changes.applied"
        );
    }
    Ok(HttpResponse::Ok().json(ChangesApplied { changes, applied }))
}

/// How far each recipient has followed.
pub(super) async fn recipients(_by: By<ListFeeds>, state: Data<AdminState>) -> Result<HttpResponse, Problem> {
    let recipients = state.store.feeds().await?.into_iter().map(standing).collect();
    Ok(HttpResponse::Ok().json(FeedList { recipients }))
}

/// On whose behalf: a token's recipient, or the one that the command line names, if there is such a one or was.
async fn for_recipient<C: Call>(
    by: By<C>,
    state: &AdminState,
    request: &HttpRequest,
    action: Action,
) -> Result<(Operator, String), Problem> {
    let operator = by.operator;
    let given = given_recipient(&operator, request);
    let is_listed =
        |name: &String| state.policy.pin().purposes().iter().any(|purpose| purpose.recipients.contains(name));
    let known = match given {
        Ok(Some(name)) if operator.recipient().is_some() || is_listed(&name) => Some(name),
        Ok(Some(name)) => {
            let feeds = state.store.feeds().await?;
            feeds.iter().any(|feed| feed.recipient == name).then_some(name)
        }
        Ok(None) | Err(_) => None,
    };
    let Some(recipient) = known else {
        note_refusal(state, &operator, action, None).await;
        return Err(Problem::of(ProblemCode::RecipientNotListed));
    };
    Ok((operator.on_behalf_of(Some(recipient.clone())), recipient))
}

fn shown(change: store::Change) -> Change {
    let store::Change { n, kind, id, consent, expires } = change;
    let (kind, purpose) = (kind.into(), id.purpose.clone());
    Change { n, kind, id, purpose, consent, expires_at: expires.map(Moment) }
}

fn standing(feed: FeedStanding) -> Feed {
    let FeedStanding { recipient, waiting, oldest, last, told, applied, dropped } = feed;
    Feed {
        recipient,
        waiting,
        waiting_since: oldest.map(Moment),
        last,
        read: told.0,
        read_at: told.1.map(Moment),
        applied: applied.0,
        applied_at: applied.1.map(Moment),
        dropped,
    }
}
