//! Erasures whose person is told first: what begins to wait, and how it stands.

use actix_web::HttpRequest;

use crate::api::erasures as api;
use crate::api::{Moment, Word};
use crate::forget::TellingState;
use crate::http::admin::AdminState;
use crate::http::admin::erasing::erased;
use crate::http::problem::{Problem, ProblemCode, request_id};
use crate::store::{Erasure, ErasureRequest, StoreError, Telling, ToldFirst};
use crate::trail::{Action, Entry, Operator};

/// Refuses where nobody sends mails.
///
/// # Errors
/// `mail-not-configured`.
pub(super) fn require_mail(state: &AdminState) -> Result<(), Problem> {
    match state.sends_mail {
        true => Ok(()),
        false => Err(Problem::of(ProblemCode::MailNotConfigured)),
    }
}

/// Has an erasure wait for its letter, and says so. One that has no record is carried out at once, and so was one that was asked for before.
///
/// # Errors
/// As [`erased`].
pub(super) async fn begun(
    state: &AdminState,
    request: &HttpRequest,
    wish: ErasureRequest,
    operator: &Operator,
) -> Result<Erasure, Problem> {
    let entry = Entry::by(operator, Action::ErasureToTell);
    let (id, telling) = match state.store.erase_once_told(wish.clone(), entry).await? {
        ToldFirst::Waits(id, telling) => (id, telling),
        ToldFirst::KeyTaken => return Err(Problem::of(ProblemCode::IdempotencyKeyTaken)),
        ToldFirst::Known(erasure) if erasure.done.is_some() => return Ok(erasure),
        ToldFirst::Known(erasure) => return Err(Problem::erasure_pending(erasure.id.to_string())),
        ToldFirst::NoRecord => {
            return erased(&state.store, request, wish, Entry::by(operator, Action::ErasureAsked)).await;
        }
    };
    let erasure = state.store.erasure(id).await?.ok_or(ProblemCode::Internal)?;
    tracing::info!(
        request.id = %request_id(request), actor = %operator.actor(), erasure.id = %id,
        records.to_tell = erasure.extent.total(), until = %telling.until, "erasure.to-tell"
    );
    Ok(erasure)
}

/// How the letter of an erasure stands, if one was to go.
///
/// # Errors
/// The store's.
pub(super) async fn telling(state: &AdminState, erasure: &Erasure) -> Result<Option<Telling>, StoreError> {
    state.store.telling(erasure.id).await
}

/// True if it waits for its letter.
///
/// # Errors
/// The store's.
pub(super) async fn waits(state: &AdminState, erasure: &Erasure) -> Result<Option<Telling>, StoreError> {
    if erasure.done.is_some() {
        return Ok(None);
    }
    Ok(telling(state, erasure).await?.filter(|telling| telling.state == TellingState::Waiting))
}

/// It, as it is shown.
pub(super) fn shown(telling: &Telling) -> api::ErasureTold {
    api::ErasureTold {
        state: Word::from(telling.state),
        until: Moment(telling.until),
        told: telling.told,
        untold: telling.untold,
        code: telling.why.map(Word::from),
    }
}
