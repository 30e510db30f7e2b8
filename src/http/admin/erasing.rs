//! One erasure, however it was asked for: the store does it, and how much it takes.

use actix_web::HttpRequest;

use crate::api::erasures as api;
use crate::http::problem::{Problem, ProblemCode, request_id};
use crate::purpose::PurposeId;
use crate::store::{Asked, Erasure, ErasureRequest, Extent, SharedStore};
use crate::trail::Entry;

/// Has the store erase this, and says so.
///
/// # Errors
/// The caller's key was used for another request, the keys are not destroyed yet, or the store's.
pub(in crate::http) async fn erased(
    store: &SharedStore,
    request: &HttpRequest,
    wish: ErasureRequest,
    entry: Entry,
) -> Result<Erasure, Problem> {
    let actor = entry.actor().clone();
    let erasure = match store.erase(wish, entry).await? {
        Asked::Erasure(erasure) => erasure,
        Asked::KeyTaken => return Err(Problem::of(ProblemCode::IdempotencyKeyTaken)),
    };
    tracing::info!(
        request.id = %request_id(request), %actor, erasure.id = %erasure.id,
        records.erased = erasure.extent.total(), refs.ended = erasure.extent.references,
        done = erasure.done.is_some(), "erasure.asked"
    );
    if erasure.done.is_none() {
        return Err(Problem::erasure_pending(erasure.id.to_string()));
    }
    Ok(erasure)
}

impl api::WouldErase {
    /// So much.
    pub(super) fn of(extent: &Extent) -> Self {
        Self {
            records: extent.total(),
            purposes: of_purposes(extent),
            parked: extent.references,
            unseen: api::Unseen::default(),
            could_be_told: None,
        }
    }
}

/// How much of each purpose.
pub(super) fn of_purposes(extent: &Extent) -> Vec<api::ErasedOf> {
    let of = |(id, records): &(PurposeId, u64)| api::ErasedOf { id: id.clone(), records: *records };
    extent.records.iter().map(of).collect()
}
