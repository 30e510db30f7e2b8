//! Who could be told by mail that they are about to be erased. It writes no line of the log.

use crate::http::admin::AdminState;
use crate::mail::OwnMailbox;
use crate::purpose::RecordId;
use crate::store::{SHOWN_AT_ONCE_MAX, SeenState, StoreError, Wanted};
use crate::trail::{Action, Entry, Operator};

/// Of how many of these records the person could be told: each is opened for it, with its line.
///
/// # Errors
/// The store's.
pub(super) async fn could_be_told(
    state: &AdminState,
    operator: &Operator,
    records: &[RecordId],
) -> Result<u64, StoreError> {
    let (policy, now, mut count) = (state.policy.pin(), state.store.now(), 0);
    for some in records.chunks(SHOWN_AT_ONCE_MAX) {
        let entry = Entry::by(operator, Action::ErasureTried);
        let found = state.store.find_records(some.to_vec(), entry).await?;
        let written = state.store.correspondence(some.to_vec()).await?;
        let is_reached = |id: &RecordId| {
            let at = some.iter().position(|other| other == id);
            at.and_then(|at| written.get(at)).is_some_and(|written| written.unreachable.is_none())
        };
        for found in found {
            let (SeenState::Stored(id), Some(lead)) = (&found.state, &found.lead) else { continue };
            let purpose = policy.purpose(id.purpose.as_str());
            let has_mailbox = purpose.is_some_and(|purpose| OwnMailbox::of(lead, purpose, now).is_some());
            count += u64::from(has_mailbox && is_reached(id));
        }
    }
    Ok(count)
}

/// The same of what one id names, as far as a look-up by it shows.
///
/// # Errors
/// The store's.
pub(super) async fn could_be_told_of(
    state: &AdminState,
    operator: &Operator,
    wanted: &Wanted,
) -> Result<u64, StoreError> {
    let records = match wanted {
        Wanted::Record(id) => vec![id.clone()],
        Wanted::Leadgen(_) => {
            let found = state.store.find(wanted.clone(), Entry::by(operator, Action::ErasureTried)).await?;
            let records = found.into_iter().filter_map(|found| match found.state {
                SeenState::Stored(id) => Some(id),
                _ => None,
            });
            records.collect()
        }
    };
    could_be_told(state, operator, &records).await
}
