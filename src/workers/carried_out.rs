//! What is said of an erasure that waited for a letter to its person and is carried out now.

use crate::forget::Untold;
use crate::store::{Erasure, SharedStore};

/// Says so: how many records, of how many the person was told, and whether their keys are gone too.
pub(super) async fn say_carried_out(store: &SharedStore, erasure: &Erasure) {
    // The line is there also where that cannot be read now.
    let telling = store.telling(erasure.id).await.ok().flatten();
    let (told, untold) = telling.map_or((0, 0), |telling| (telling.told, telling.untold));
    let code = telling.and_then(|telling| telling.why).map(Untold::as_str);
    tracing::info!(
        erasure.id = %erasure.id, records.erased = erasure.extent.total(), records.told = told,
        records.untold = untold, code, done = erasure.done.is_some(), "erasure.carried-out"
    );
}
