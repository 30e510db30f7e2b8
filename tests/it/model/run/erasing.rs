//! How people are erased: asked first how much that would be, and sent twice under one key.

use tamis::store::{Asked, ErasureRequest, Extent, RepeatKey, Wanted};
use tamis::trail::{Operator, Reason};

use super::*;
use crate::model::model::{RECIPIENT, Request};
use crate::model::plan::leadgen;

impl Run<'_> {
    /// `repeats`: it has a key of its caller's in any case.
    pub(super) async fn erase(&mut self, request: Option<Request>, repeats: bool) -> Result<(), Broken> {
        let Some(request) = request else { return Ok(()) };
        self.model.asked = Some(request.clone());
        let named = |record: &Option<tamis::purpose::RecordId>, index: usize| match record {
            Some(id) => Wanted::Record(id.clone()),
            None => Wanted::Leadgen(leadgen(&self.model.leads[index].id)),
        };
        let what: Vec<Wanted> = request.leads.iter().map(|(index, record)| named(record, *index)).collect();
        let purposes = request.of.map(purpose).into_iter().collect();
        // A key of its own, so that what is asked for later is another.
        let repeat = RepeatKey::parse(&format!("key-{}", self.world.now().as_millisecond()));
        let repeat = repeat.filter(|_| request.leads.len().is_multiple_of(2) || repeats);
        let asked = ErasureRequest { what, purposes, repeat, ..ErasureRequest::default() };
        let store = std::sync::Arc::clone(&self.world.rooms().store);
        let said = |error: StoreError| Broken(store_says(&error));
        let because =
            |reason, action| Entry::by(&Operator::recognised_by_kernel(1_000).because(reason), action);
        let by = |action| because(request.reason, action);
        if self.model.is_restricted(&self.world, &request) {
            let wrong = ErasureRequest { repeat: None, ..asked.clone() };
            let refused = store.erase(wrong, because(Reason::Error, Action::ErasureAsked)).await;
            let code = refused.err().map(|error| error.code);
            hold!(
                code == Some(StoreCode::RecordRestricted),
                "what is restricted goes as stored wrongly: {code:?}"
            );
        }
        let was_handed = self.model.was_handed(&request);
        let dry = store.extent(asked.clone(), by(Action::ErasureTried)).await.map_err(said)?;
        let wanted = self.model.extent(&request);
        hold!(dry == wanted, "a dry run says {dry:?}, and there is {wanted:?}");
        let erasure = match store.erase(asked.clone(), by(Action::ErasureAsked)).await.map_err(said)? {
            Asked::Erasure(erasure) => erasure,
            // The clock stands: the same key was used for others.
            Asked::KeyTaken => {
                self.model.asked = None;
                return Ok(());
            }
        };
        hold!(erasure.done.is_some(), "the keyring can be changed, and an erasure has no end");
        // By its key it may be the one of before, in the same moment.
        let is_new = erasure.extent == dry;
        hold!(
            is_new || dry == Extent::default(),
            "{:?} was taken, and a dry run said {dry:?}",
            erasure.extent
        );
        if is_new {
            let holders = store.handed_of(erasure.id).await.map_err(said)?;
            let is_named = holders.iter().any(|holder| holder.recipient.as_deref() == Some(RECIPIENT));
            hold!(
                is_named == was_handed,
                "the recipient had it: {was_handed}, and the erasure says {is_named}"
            );
        }
        if asked.repeat.is_some() {
            let again = store.erase(asked.clone(), by(Action::ErasureAsked)).await.map_err(said)?;
            let same = matches!(&again, Asked::Erasure(again) if again.id == erasure.id);
            hold!(same, "a request sent twice is two: {again:?}");
        }
        let left = store.extent(asked, by(Action::ErasureTried)).await.map_err(said)?;
        hold!(left == Extent::default(), "erased, and {left:?} is left");
        Ok(())
    }
}
