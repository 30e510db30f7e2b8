//! The register of requests: the tree `requests`, a row for each under its number.

use std::ops::Bound::{Excluded, Unbounded};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::clock::Day;
use crate::purpose::law::{ExtensionGround, RequestKind};
use crate::store::requests::{Extending, PersonRequest, REQUESTS_LISTED_MAX, REQUESTS_MAX, RequestId};
use crate::store::sled::SledStore;
use crate::store::sled::draft::{Draft, OUTCOMES_MAX};
use crate::store::sled::layout::{self, InTree, Place, meta, record_key};
use crate::store::sled::shared::Shared;
use crate::store::{ErasureId, Requests, StoreCode, StoreError};
use crate::trail::{Action, Entry, Outcome};

/// A request as it is kept. Codes are kept as text: a later list of codes still reads old rows.
#[derive(Serialize, Deserialize)]
struct RequestRow {
    kind: String,
    received_day: u32,
    extended: Option<(String, u32)>,
    answered_day: Option<u32>,
    erasure: Option<(u32, u64)>,
}

impl InTree for RequestRow {
    const TREES: &'static [Place] = &[Place::Requests];
}

#[async_trait]
impl Requests for SledStore {
    async fn open_request(
        &self,
        kind: RequestKind,
        received: Day,
        entry: Entry,
    ) -> Result<PersonRequest, StoreError> {
        let work = move |draft: &mut Draft<'_>| open(draft, kind, received, entry);
        match kind {
            // As far below the disk's floor as what they lead to.
            RequestKind::Erasure | RequestKind::Objection | RequestKind::Withdrawal => {
                self.writer.write_and_puncture(1, work).await
            }
            _ => self.writer.write(1, work).await,
        }
    }

    async fn extend_request(
        &self,
        id: RequestId,
        ground: ExtensionGround,
        entry: Entry,
    ) -> Result<Extending, StoreError> {
        self.writer.write(1, move |draft| extend(draft, id, ground, entry)).await
    }

    async fn answer_request(
        &self,
        id: RequestId,
        erasure: Option<ErasureId>,
        entry: Entry,
    ) -> Result<Option<PersonRequest>, StoreError> {
        // As far down as what was done.
        self.writer.write_and_puncture(1, move |draft| answer(draft, id, erasure, entry)).await
    }

    async fn requests(
        &self,
        after: Option<RequestId>,
        limit: usize,
    ) -> Result<Vec<PersonRequest>, StoreError> {
        let limit = limit.min(REQUESTS_LISTED_MAX);
        self.beside(move |shared| {
            let mut listed = Vec::new();
            each(shared, after, |request| {
                listed.push(request);
                listed.len() < limit
            })?;
            Ok(listed)
        })
        .await
    }

    async fn requests_due(&self, by: Day) -> Result<u64, StoreError> {
        self.beside(move |shared| {
            let mut count = 0;
            each(shared, None, |request| {
                count += u64::from(request.answered.is_none() && request.due() <= by);
                true
            })?;
            Ok(count)
        })
        .await
    }

    async fn end_requests(&self, months: u32) -> Result<u64, StoreError> {
        self.shared.engine()?;
        let today = self.shared.confirmed_day()?;
        let over = self
            .beside(move |shared| {
                let mut over = Vec::new();
                each(shared, None, |request| {
                    over.extend((!request.is_kept(months, today)).then_some(request.id));
                    true
                })?;
                Ok(over)
            })
            .await?;
        let mut count = 0;
        for some in over.chunks(OUTCOMES_MAX) {
            let some = some.to_vec();
            count += self.writer.write(some.len(), move |draft| end(draft, &some)).await?;
        }
        Ok(count)
    }
}

fn key(id: RequestId) -> [u8; 12] {
    record_key(id.epoch, id.number)
}

/// Each after this one, until there is enough.
fn each(
    shared: &Shared,
    after: Option<RequestId>,
    mut look: impl FnMut(PersonRequest) -> bool,
) -> Result<(), StoreError> {
    let from = after.map(key);
    let range = (from.as_ref().map_or(Unbounded, |from| Excluded(from.as_slice())), Unbounded);
    shared.reading(|engine| {
        engine.visit(&Place::Requests, range, |key, value| {
            let read = id_of(key).and_then(|id| read(id, value));
            Ok(shared.unreadable().or_passed_over(&Place::Requests, key, read).is_none_or(&mut look))
        })
    })
}

fn id_of(key: &[u8]) -> Result<RequestId, StoreError> {
    let damaged = StoreError::of(StoreCode::Damaged);
    let (epoch, number) = key.split_first_chunk().ok_or(damaged)?;
    Ok(RequestId { epoch: u32::from_be_bytes(*epoch), number: layout::number(number)? })
}

fn read(id: RequestId, bytes: &[u8]) -> Result<PersonRequest, StoreError> {
    let unknown = StoreError::of(StoreCode::Format);
    let RequestRow { kind, received_day, extended, answered_day, erasure } = layout::decode(bytes)?;
    let ground =
        |(code, day): (String, u32)| Ok((ExtensionGround::from_code(&code).ok_or(unknown)?, Day(day)));
    let erasure = erasure.map(|(epoch, number)| ErasureId { epoch, number });
    Ok(PersonRequest {
        id,
        kind: RequestKind::from_code(&kind).ok_or(unknown)?,
        received: Day(received_day),
        extended: extended.map(ground).transpose()?,
        answered: answered_day.map(|day| (Day(day), erasure)),
    })
}

fn put(draft: &mut Draft<'_>, request: &PersonRequest) -> Result<(), StoreError> {
    let erasure = request.answered.and_then(|(_, erasure)| erasure);
    let row = RequestRow {
        kind: request.kind.as_str().to_owned(),
        received_day: request.received.0,
        extended: request.extended.map(|(ground, day)| (ground.as_str().to_owned(), day.0)),
        answered_day: request.answered.map(|(day, _)| day.0),
        erasure: erasure.map(|erasure| (erasure.epoch, erasure.number)),
    };
    draft.write(Place::Requests, &key(request.id), layout::encode(&row))
}

/// The row of a request, this transaction included.
fn of(draft: &Draft<'_>, id: RequestId) -> Result<Option<PersonRequest>, StoreError> {
    let row = draft.read(&Place::Requests, &key(id))?;
    let read = row.map(|bytes| read(id, &bytes));
    Ok(read.and_then(|read| draft.shared.unreadable().or_passed_over(&Place::Requests, &key(id), read)))
}

/// How many there are, this transaction included, if that was ever counted and can be read.
fn counted(draft: &Draft<'_>) -> Result<Option<u64>, StoreError> {
    let row = draft.read(&Place::Meta, meta::REQUESTS)?;
    Ok(row.and_then(|bytes| layout::number(&bytes).ok()))
}

/// The same, counted where it never was: by the first that is opened, which nothing of this transaction precedes.
fn count(draft: &Draft<'_>) -> Result<u64, StoreError> {
    if let Some(count) = counted(draft)? {
        return Ok(count);
    }
    let mut count = 0;
    draft.engine.visit(&Place::Requests, (Unbounded, Unbounded), |_, _| {
        count += 1;
        Ok(true)
    })?;
    Ok(count)
}

/// Writes a request down.
///
/// # Errors
/// [`StoreCode::TooManyRequests`], and nothing is written; otherwise see [`StoreCode`].
pub(in crate::store::sled) fn open(
    draft: &mut Draft<'_>,
    kind: RequestKind,
    received: Day,
    mut entry: Entry,
) -> Result<PersonRequest, StoreError> {
    let count = count(draft)?;
    if count >= REQUESTS_MAX as u64 {
        return Err(StoreError::of(StoreCode::TooManyRequests));
    }
    draft.write(Place::Meta, meta::REQUESTS, (count + 1).to_be_bytes().to_vec())?;
    let number = draft.counter(&Place::Meta, meta::NEXT_REQUEST)?.max(1);
    draft.write(Place::Meta, meta::NEXT_REQUEST, (number + 1).to_be_bytes().to_vec())?;
    let id = RequestId { epoch: draft.shared.epoch(), number };
    let request = PersonRequest { id, kind, received, extended: None, answered: None };
    put(draft, &request)?;
    entry.count = 1;
    draft.append_line(entry)?;
    Ok(request)
}

fn extend(
    draft: &mut Draft<'_>,
    id: RequestId,
    ground: ExtensionGround,
    mut entry: Entry,
) -> Result<Extending, StoreError> {
    let today = Day::of(draft.now);
    let extending = match of(draft, id)? {
        None => Extending::Unknown,
        Some(request)
            if request.extended.is_some() || request.answered.is_some() || request.due() < today =>
        {
            Extending::TooLate
        }
        Some(request) => Extending::Extended(PersonRequest { extended: Some((ground, today)), ..request }),
    };
    match &extending {
        Extending::Extended(request) => {
            put(draft, request)?;
            entry.count = 1;
        }
        _ => entry.result = Outcome::Nothing,
    }
    draft.append_line(entry)?;
    Ok(extending)
}

fn answer(
    draft: &mut Draft<'_>,
    id: RequestId,
    erasure: Option<ErasureId>,
    mut entry: Entry,
) -> Result<Option<PersonRequest>, StoreError> {
    let Some(request) = of(draft, id)? else { return Ok(None) };
    if request.answered.is_some() {
        return Ok(Some(request));
    }
    let request = PersonRequest { answered: Some((Day::of(draft.now), erasure)), ..request };
    put(draft, &request)?;
    entry.count = 1;
    draft.append_line(entry)?;
    Ok(Some(request))
}

/// Takes these away; an answer is never taken back, so what was over is over.
fn end(draft: &mut Draft<'_>, over: &[RequestId]) -> Result<u64, StoreError> {
    let mut ended = 0;
    for id in over {
        if draft.read(&Place::Requests, &key(*id))?.is_some() {
            draft.remove(Place::Requests, &key(*id));
            ended += 1;
        }
    }
    if ended > 0 {
        if let Some(count) = counted(draft)? {
            let left = count.saturating_sub(ended);
            draft.write(Place::Meta, meta::REQUESTS, left.to_be_bytes().to_vec())?;
        }
        let mut entry = Entry::by_system(Action::RequestsEnded);
        entry.count = ended;
        draft.append_line(entry)?;
    }
    Ok(ended)
}
