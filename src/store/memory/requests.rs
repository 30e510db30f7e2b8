//! The register of requests.

use async_trait::async_trait;

use crate::clock::Day;
use crate::purpose::law::{ExtensionGround, RequestKind};
use crate::store::memory::MemoryStore;
use crate::store::memory::draft::{Draft, EPOCH};
use crate::store::requests::{Extending, PersonRequest, REQUESTS_LISTED_MAX, REQUESTS_MAX, RequestId};
use crate::store::{ErasureId, Requests, StoreCode, StoreError};
use crate::trail::{Action, Entry, Outcome};

#[async_trait]
impl Requests for MemoryStore {
    async fn open_request(
        &self,
        kind: RequestKind,
        received: Day,
        entry: Entry,
    ) -> Result<PersonRequest, StoreError> {
        self.0.write(|draft| draft.open_request(kind, received, entry))
    }

    async fn extend_request(
        &self,
        id: RequestId,
        ground: ExtensionGround,
        mut entry: Entry,
    ) -> Result<Extending, StoreError> {
        self.0.write(|draft| {
            let today = Day::of(draft.look.now());
            let extending = match draft.rows.requests.get_mut(&id) {
                None => Extending::Unknown,
                Some(request)
                    if request.extended.is_some() || request.answered.is_some() || request.due() < today =>
                {
                    Extending::TooLate
                }
                Some(request) => {
                    request.extended = Some((ground, today));
                    Extending::Extended(request.clone())
                }
            };
            match &extending {
                Extending::Extended(_) => entry.count = 1,
                _ => entry.result = Outcome::Nothing,
            }
            draft.append_line(entry);
            Ok(extending)
        })
    }

    async fn answer_request(
        &self,
        id: RequestId,
        erasure: Option<ErasureId>,
        mut entry: Entry,
    ) -> Result<Option<PersonRequest>, StoreError> {
        self.0.write(|draft| {
            let today = Day::of(draft.look.now());
            let Some(request) = draft.rows.requests.get_mut(&id) else { return Ok(None) };
            let was_answered = request.answered.is_some();
            request.answered.get_or_insert((today, erasure));
            let request = request.clone();
            if !was_answered {
                entry.count = 1;
                draft.append_line(entry);
            }
            Ok(Some(request))
        })
    }

    async fn requests(
        &self,
        after: Option<RequestId>,
        limit: usize,
    ) -> Result<Vec<PersonRequest>, StoreError> {
        let rows = self.0.rows()?;
        let all = rows.requests.values().filter(|request| Some(request.id) > after);
        Ok(all.take(limit.min(REQUESTS_LISTED_MAX)).cloned().collect())
    }

    async fn requests_due(&self, by: Day) -> Result<u64, StoreError> {
        let rows = self.0.rows()?;
        let due = |request: &&PersonRequest| request.answered.is_none() && request.due() <= by;
        Ok(rows.requests.values().filter(due).count() as u64)
    }

    async fn end_requests(&self, months: u32) -> Result<u64, StoreError> {
        self.0.write(|draft| {
            let today = Day::of(draft.look.confirmed()?);
            let before = draft.rows.requests.len();
            draft.rows.requests.retain(|_, request| request.is_kept(months, today));
            let ended = (before - draft.rows.requests.len()) as u64;
            if ended > 0 {
                let mut entry = Entry::by_system(Action::RequestsEnded);
                entry.count = ended;
                draft.append_line(entry);
            }
            Ok(ended)
        })
    }
}

impl Draft<'_> {
    /// Writes a request down.
    ///
    /// # Errors
    /// [`StoreCode::TooManyRequests`], and nothing is written.
    pub(super) fn open_request(
        &mut self,
        kind: RequestKind,
        received: Day,
        mut entry: Entry,
    ) -> Result<PersonRequest, StoreError> {
        if self.rows.requests.len() >= REQUESTS_MAX {
            return Err(StoreError::of(StoreCode::TooManyRequests));
        }
        self.rows.last_request += 1;
        let id = RequestId { epoch: EPOCH, number: self.rows.last_request };
        let request = PersonRequest { id, kind, received, extended: None, answered: None };
        self.rows.requests.insert(id, request.clone());
        entry.count = 1;
        self.append_line(entry);
        Ok(request)
    }
}
