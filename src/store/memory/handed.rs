//! To whom records were handed.

use async_trait::async_trait;

use crate::clock::Day;
use crate::forget::ChangeKind;
use crate::purpose::{PurposeId, RecordId};
use crate::store::feeds::Became;
use crate::store::handed::{Holders, PageHanded, Run, Spot};
use crate::store::memory::MemoryStore;
use crate::store::memory::draft::Draft;
use crate::store::memory::rows::Rows;
use crate::store::{ErasureId, Handed, HandedTo, StoreError};
use crate::trail::Entry;

#[async_trait]
impl Handed for MemoryStore {
    async fn handed_to(&self, records: &[RecordId], _by: &Entry) -> Result<Vec<HandedTo>, StoreError> {
        let today = Day::of(self.0.mark.look().now());
        Ok(self.0.rows()?.holders(records, today))
    }

    async fn handed_of(&self, erasure: ErasureId) -> Result<Vec<HandedTo>, StoreError> {
        Ok(self.0.rows()?.handed_of.get(&erasure).cloned().unwrap_or_default())
    }

    async fn trim_handed(&self) -> Result<u64, StoreError> {
        self.0.write(|draft| {
            let Rows { handed, vaults, withheld, passed, .. } = &mut draft.rows;
            let mut count = 0;
            for ((purpose, _), ranges) in handed.iter_mut() {
                let records = vaults.get(purpose).map(|vault| &vault.records);
                let between = |(first, last): Run| {
                    let found = records.into_iter().flat_map(move |records| records.range(first..=last));
                    found.map(|(spot, _)| *spot)
                };
                let first_in = |run| Ok::<Option<Spot>, StoreError>(between(run).next());
                count += ranges.trim(first_in, |run| Ok(between(run).next_back()))?;
            }
            handed.retain(|_, ranges| !ranges.is_empty());
            for ((purpose, _), spots) in withheld.iter_mut().chain(passed) {
                let is_there =
                    |spot: &Spot| vaults.get(purpose).is_some_and(|vault| vault.records.contains_key(spot));
                spots.retain(is_there);
            }
            Ok(count)
        })
    }
}

impl Rows {
    /// Who was handed any of these.
    pub(super) fn holders(&self, records: &[RecordId], today: Day) -> Vec<HandedTo> {
        let mut holders = Holders::default();
        for (purpose, recipient) in self.handed.keys() {
            for id in records.iter().filter(|id| id.purpose == *purpose) {
                if let Some(days) = self.had(purpose, recipient.as_deref(), (id.epoch, id.number)) {
                    holders.note(recipient.as_deref(), days, today);
                }
            }
        }
        holders.all()
    }

    /// Between which days a recipient was handed a record; none: it was not.
    pub(super) fn had(&self, purpose: &PurposeId, recipient: Option<&str>, spot: Spot) -> Option<(Day, Day)> {
        let ranges = self.handed.get(&(purpose.clone(), recipient.map(str::to_owned)))?;
        let marks = recipient.and_then(|name| self.withheld.get(&(purpose.clone(), name.to_owned())));
        let is_withheld = marks.is_some_and(|marks| marks.contains(&spot));
        ranges.days_of(spot).filter(|_| !is_withheld)
    }
}

impl Draft<'_> {
    /// Notes what a page is to its recipient.
    pub(super) fn note_page(&mut self, purpose: &PurposeId, recipient: Option<&str>, page: &PageHanded) {
        let today = Day::of(self.look.now());
        if let Some(name) = recipient {
            let whose = (purpose.clone(), name.to_owned());
            let new = page.withheld.iter().copied();
            let new: Vec<Spot> =
                new.filter(|spot| self.rows.had(purpose, recipient, *spot).is_none()).collect();
            let marks = self.rows.withheld.entry(whose.clone()).or_default();
            marks.retain(|spot| !page.leaving.iter().any(|(first, last)| first <= spot && spot <= last));
            marks.extend(new);
            for (epoch, number) in &page.passed {
                let id = RecordId { purpose: purpose.clone(), epoch: *epoch, number: *number };
                let spot = (*epoch, *number);
                if self.is_restricted(&id) {
                    self.rows.passed.entry(whose.clone()).or_default().insert(spot);
                } else if self.rows.had(purpose, recipient, spot).is_none() && self.rows.record(&id).is_some()
                {
                    self.note_for(name, &Became::of(ChangeKind::Stored, &[]), purpose, vec![spot]);
                }
            }
        }
        if !page.leaving.is_empty() {
            let holder = (purpose.clone(), recipient.map(str::to_owned));
            self.rows.handed.entry(holder).or_default().add(&page.leaving, today);
        }
    }
}
