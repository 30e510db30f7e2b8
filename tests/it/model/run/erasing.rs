//! How people are erased: asked first how much that would be, and sent twice under one key.

use tamis::store::{Asked, ErasureRequest, Extent, RepeatKey, Wanted};
use tamis::trail::{Operator, Reason};

use super::*;
use crate::model::plan::leadgen;

impl Run<'_> {
    pub(super) async fn erase(&mut self, people: &[usize], of: Option<usize>) -> Result<(), Broken> {
        let Some(request) = self.model.request(people, of) else { return Ok(()) };
        self.model.asked = Some(request.clone());
        let named = |record: &Option<tamis::purpose::RecordId>, index: usize| match record {
            Some(id) => Wanted::Record(id.clone()),
            None => Wanted::Leadgen(leadgen(&self.model.leads[index].id)),
        };
        let what: Vec<Wanted> = request.leads.iter().map(|(index, record)| named(record, *index)).collect();
        let purposes = request.of.map(purpose).into_iter().collect();
        // A key of its own, so that what is asked for later is another.
        let repeat = RepeatKey::parse(&format!("key-{}", self.world.now().as_millisecond()));
        let repeat = repeat.filter(|_| request.leads.len().is_multiple_of(2) || people.len() == 3);
        let asked = ErasureRequest { what, purposes, repeat, ..ErasureRequest::default() };
        let store = std::sync::Arc::clone(&self.world.rooms().store);
        let said = |error: StoreError| Broken(store_says(&error));
        let by = |action| {
            let operator = Operator::recognised_by_kernel(1_000).because(Reason::PersonRequest);
            Entry::by(&operator, action)
        };
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
