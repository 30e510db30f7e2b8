//! Pages: for whoever may have everything, and for a recipient that may not.

use std::sync::Arc;

use tamis::lead::{OpenedLead, UnsealedLead};
use tamis::store::{MayLeave, PageRequest, Records, TestFilter};

use super::officer::said;
use super::*;
use crate::model::model::{HandedPage, RECIPIENT, is_doubt};

/// What a page gives.
fn read_records(records: Records) -> Result<Vec<OpenedLead>, Broken> {
    let read = |lead: Result<UnsealedLead, StoreError>| {
        let unreadable = |_| store_says(&StoreError::of(StoreCode::RecordUnreadable));
        lead.map_err(|error| store_says(&error))?.read().map_err(unreadable)
    };
    records.map(read).collect::<Result<Vec<_>, String>>().map_err(Broken)
}

impl Run<'_> {
    /// A page for an exporter. None: by this clock nothing is handed out.
    pub(super) async fn take_page(&self, of: usize, limit: usize) -> Result<Option<ExportedPage>, Broken> {
        let request = PageRequest {
            purpose: purpose(of),
            after: self.model.cursor(of),
            limit,
            test: TestFilter::Include,
            today: Day::of(self.world.now()),
            incomplete: false,
            evidence: false,
            may_leave: None,
        };
        let store = &self.world.rooms().store;
        let opened = store.open_page(request, Entry::by_system(Action::Exported)).await;
        if self.model.leapt {
            hold!(opened.is_err(), "something is handed out after a leap of the clock");
        }
        let page = match opened {
            Err(error) if is_doubt(&error) => return Ok(None),
            opened => opened.map_err(|error| store_says(&error))?,
        };
        let (next, more, count) = (page.next.clone(), page.more, page.count);
        Ok(Some(ExportedPage { next, more, count, records: read_records(page.records)? }))
    }

    /// A page for the recipient: what its person agreed to and has not taken back. None: by this clock nothing is handed out.
    pub(super) async fn hand(&self, of: usize, limit: usize) -> Result<Option<HandedPage>, Broken> {
        let may_leave: MayLeave = Arc::new(|lead: &OpenedLead, _| {
            Ok(lead.consents().iter().any(|one| one.given() && one.valid_until.is_none()))
        });
        let request = PageRequest {
            purpose: purpose(of),
            after: self.model.recipient_cursor(of),
            limit,
            test: TestFilter::Include,
            today: Day::of(self.world.now()),
            incomplete: false,
            evidence: false,
            may_leave: Some(may_leave),
        };
        let page =
            match self.store().open_page(request, Entry::by_system_for(Action::Exported, RECIPIENT)).await {
                Err(error) if is_doubt(&error) => return Ok(None),
                opened => opened.map_err(said)?,
            };
        let (next, count, withheld) = (page.next.clone(), page.count, page.withheld);
        Ok(Some(HandedPage { next, count, withheld, records: read_records(page.records)? }))
    }
}
