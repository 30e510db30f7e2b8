//! No fetch and no record past its time: whether a lead's time is over under a purpose.

use jiff::Timestamp;

use crate::notification::ParkCode;
use crate::purpose::{Purpose, is_over};
use crate::store::{Fate, Verdict};
use crate::workers::Tools;
use crate::workers::claimed::Purposes;
use crate::workers::clockwatch::confirmed_now;

impl Tools {
    /// Whether the time of a lead that was submitted then is over under this purpose: it is neither fetched nor kept. Nothing
    /// is over by a clock that nobody has confirmed since this start.
    async fn is_over(&self, purpose: &Purpose, submitted: Timestamp) -> bool {
        // By neither clock: nobody need be asked.
        if !is_over(purpose, submitted, self.store.now().max(self.clock.now())) {
            return false;
        }
        let now = confirmed_now(&self.store, &self.graph, self.clock.as_ref(), &self.asked_in_vain).await;
        now.is_some_and(|now| is_over(purpose, submitted, now))
    }

    /// Takes those purposes out of the reading for which a lead was erased or barred, of whose verdict the store takes no notice, and those
    /// under which the time of a lead that was submitted then is over. A requeue judges the latter anew, by the period that
    /// holds then.
    pub(super) async fn set_over_aside(
        &self,
        purposes: &mut Purposes<'_>,
        fates: &[Fate],
        submitted: Timestamp,
    ) {
        let mut read = Vec::with_capacity(purposes.read.len());
        for purpose in std::mem::take(&mut purposes.read) {
            let has_no_way_back = fates.iter().any(|fate| fate.has_no_way_back_for(&purpose.id));
            match has_no_way_back || self.is_over(purpose, submitted).await {
                true => purposes.over.push(purpose.id.clone()),
                false => read.push(purpose),
            }
        }
        purposes.read = read;
    }

    /// Before a lead is sealed, by the time that Graph says it was submitted: it knows better than the notification.
    pub(super) async fn unless_over(
        &self,
        purposes: &Purposes<'_>,
        submitted: Timestamp,
        verdicts: &mut [Verdict],
    ) {
        for verdict in verdicts.iter_mut().filter(|verdict| matches!(verdict, Verdict::Stored(_))) {
            let purpose = purposes.read.iter().find(|purpose| purpose.id == *verdict.purpose());
            if let Some(purpose) = purpose
                && self.is_over(purpose, submitted).await
            {
                *verdict = Verdict::Refused(purpose.id.clone(), ParkCode::RetentionOver);
            }
        }
    }
}
