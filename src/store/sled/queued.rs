//! A call that waits for the writer, and its answer.

use tokio::sync::oneshot;

use crate::store::sled::draft::Draft;
use crate::store::{StoreCode, StoreError};

/// A call that waits for the writer: its part of a transaction.
pub(super) trait QueuedCall: Send {
    /// How many outcomes it counts for.
    fn weight(&self) -> usize;
    /// Does nothing of it.
    fn refuse(&mut self, error: StoreError);
    /// Works its part out.
    fn apply(&mut self, draft: &mut Draft<'_>);
    /// What it leaves to be done before it is answered.
    fn manner(&self) -> Manner;
    /// True if it takes records away: whoever is to be forgotten waits for no disk.
    fn erases(&self) -> bool {
        self.manner() == Manner::Erases
    }
    /// True if keys are to be destroyed before it is answered.
    fn punctures(&self) -> bool {
        self.manner() != Manner::Writes
    }
    /// A failure of the engine itself that it met.
    fn fault(&self) -> Option<StoreError>;
    /// Tells the caller, once everything is durable or nothing is.
    fn answer(self: Box<Self>, synced: Result<(), StoreError>);
}

/// What a call leaves to be done once its part is durable.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Manner {
    /// Nothing.
    Writes,
    /// Records were written anew: the keys of what they were are to be destroyed.
    Rewrites,
    /// Records were taken away: their keys are to be destroyed.
    Erases,
}

/// One that was asked with an answer of this type.
pub(super) struct Asked<T, F> {
    weight: usize,
    manner: Manner,
    work: Option<F>,
    outcome: Option<Result<T, StoreError>>,
    answer: oneshot::Sender<Result<T, StoreError>>,
}

impl<T, F> Asked<T, F> {
    /// With this part of a transaction, and whom to answer.
    pub(super) fn of(
        weight: usize,
        manner: Manner,
        work: F,
        answer: oneshot::Sender<Result<T, StoreError>>,
    ) -> Self {
        Self { weight, manner, work: Some(work), outcome: None, answer }
    }
}

impl<T, F> QueuedCall for Asked<T, F>
where
    T: Send,
    F: FnOnce(&mut Draft<'_>) -> Result<T, StoreError> + Send,
{
    fn weight(&self) -> usize {
        self.weight
    }

    fn manner(&self) -> Manner {
        self.manner
    }

    fn refuse(&mut self, error: StoreError) {
        (self.work, self.outcome) = (None, Some(Err(error)));
    }

    fn apply(&mut self, draft: &mut Draft<'_>) {
        if let Some(work) = self.work.take() {
            self.outcome = Some(draft.attempt(work));
        }
    }

    fn fault(&self) -> Option<StoreError> {
        let error = *self.outcome.as_ref()?.as_ref().err()?;
        matches!(error.code, StoreCode::Damaged | StoreCode::Io).then_some(error)
    }

    fn answer(self: Box<Self>, synced: Result<(), StoreError>) {
        let outcome = self.outcome.unwrap_or(Err(StoreError::of(StoreCode::Halted)));
        // Whoever asked may have left; what was done stays done.
        let _ = self.answer.send(synced.and(outcome));
    }
}
