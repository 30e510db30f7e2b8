//! The outbox: queued, tried, ended; and what goes with its record.

use std::ops::Bound::{Excluded, Unbounded};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::clock::Day;
use crate::lead::SealedRecord;
use crate::purpose::{Cursor, PurposeId, RecordId};
use crate::store::outbox::{Letters, MAILS_AT_ONCE_MAX, MAILS_WAITING_MAX};
use crate::store::sled::SledStore;
use crate::store::sled::draft::Draft;
use crate::store::sled::layout::{self, InTree, Place, meta, record_id, record_key};
use crate::store::sled::outbox_rows;
use crate::store::sled::shared::Effect;
use crate::store::sled::verbs::requests;
use crate::store::{
    AskedFor, Correspondence, MailAttempt, MailEnd, MailId, MailKind, MailedUnder, MailsWaiting, Outbox,
    RecordsEnding, RequestId, RewriteCause, StoreCode, StoreError, ToRequest,
};
use crate::trail::Entry;

/// Public addresses, and the last day of each.
#[derive(Serialize, Deserialize)]
struct MailedRow(Vec<(String, u32)>);

impl InTree for MailedRow {
    const TREES: &'static [Place] = &[Place::Meta];
}

#[async_trait]
impl Outbox for SledStore {
    async fn queue_mails(&self, mails: Vec<MailId>) -> Result<u64, StoreError> {
        if mails.len() > MAILS_AT_ONCE_MAX {
            return Err(StoreError::of(StoreCode::ValueTooLarge));
        }
        self.writer
            .write(mails.len(), move |draft| {
                let mut count = 0;
                for mail in &mails {
                    let queued =
                        is_there(draft, &mail.record)? && queue(draft, &mail.record, mail.kind, None)?;
                    count += u64::from(queued);
                }
                Ok(count)
            })
            .await
    }

    async fn ask_for_mail(&self, mail: MailId) -> Result<bool, StoreError> {
        self.writer
            .write(1, move |draft| {
                Ok(is_there(draft, &mail.record)? && queue(draft, &mail.record, mail.kind, None)?)
            })
            .await
    }

    async fn ask_by_right(&self, mail: MailId, request: ToRequest) -> Result<AskedFor, StoreError> {
        self.writer.write(1, move |draft| ask_by_right(draft, &mail, request)).await
    }

    fn mail_waits(&self, mail: &MailId) -> bool {
        self.shared.mails().waits(mail)
    }

    fn mails_due(&self, max: usize) -> Vec<MailId> {
        self.shared.mails().due(self.shared.look().now(), max)
    }

    fn mail_stands(&self, mail: &MailId, attempt: &MailAttempt) -> bool {
        let look = self.shared.look();
        let may_go = mail.kind.passes_restriction() || !self.shared.is_restricted(&mail.record, &look);
        may_go && self.shared.mails().has(mail, attempt)
    }

    fn mails_waiting(&self) -> MailsWaiting {
        self.shared.mails().waiting()
    }

    async fn try_mail(&self, mail: MailId) -> Result<Option<MailAttempt>, StoreError> {
        self.writer
            .write(1, move |draft| {
                let Some(mut letters) = of(draft, &mail.record)? else { return Ok(None) };
                let attempt = letters.attempt(mail.kind, draft.now);
                if attempt.is_some() {
                    put(draft, &mail.record, &letters)?;
                }
                Ok(attempt)
            })
            .await
    }

    async fn end_mail(&self, mail: MailId, end: MailEnd, entry: Option<Entry>) -> Result<bool, StoreError> {
        self.writer
            .write(1, move |draft| {
                let Some(mut letters) = of(draft, &mail.record)? else { return Ok(false) };
                if !letters.end(mail.kind, end, draft.now) {
                    return Ok(false);
                }
                put(draft, &mail.record, &letters)?;
                if let Some(mut entry) = entry {
                    entry.about(&mail.record);
                    draft.append_line(entry)?;
                }
                Ok(true)
            })
            .await
    }

    async fn note_written(&self, mails: Vec<MailId>, entry: Entry) -> Result<u64, StoreError> {
        if mails.len() > MAILS_AT_ONCE_MAX {
            return Err(StoreError::of(StoreCode::ValueTooLarge));
        }
        self.writer
            .write(mails.len(), move |draft| {
                let mut count = 0;
                for mail in &mails {
                    if !is_there(draft, &mail.record)? {
                        continue;
                    }
                    let mut letters = of(draft, &mail.record)?.unwrap_or_default();
                    letters.note(mail.kind, draft.now);
                    put(draft, &mail.record, &letters)?;
                    let mut entry = entry.clone();
                    entry.about(&mail.record);
                    draft.append_line(entry)?;
                    count += 1;
                }
                Ok(count)
            })
            .await
    }

    async fn note_unreachable(&self, records: Vec<RecordId>, entry: Entry) -> Result<u64, StoreError> {
        if records.len() > MAILS_AT_ONCE_MAX {
            return Err(StoreError::of(StoreCode::ValueTooLarge));
        }
        self.writer
            .write(records.len(), move |draft| {
                let mut count = 0;
                for record in &records {
                    if !is_there(draft, record)? {
                        continue;
                    }
                    let mut letters = of(draft, record)?.unwrap_or_default();
                    letters.bounce(draft.now);
                    put(draft, record, &letters)?;
                    let mut entry = entry.clone();
                    entry.about(record);
                    draft.append_line(entry)?;
                    count += 1;
                }
                Ok(count)
            })
            .await
    }

    async fn records_ending(
        &self,
        purpose: PurposeId,
        by: Day,
        after: Option<Cursor>,
        max: usize,
    ) -> Result<RecordsEnding, StoreError> {
        self.beside(move |shared| {
            let place = Place::Vault(purpose.clone());
            let from = after.map(|after| record_key(after.epoch, after.number));
            let from = from.as_ref().map_or(Unbounded, |key| Excluded(key.as_slice()));
            let rows = match shared.reading(|engine| engine.scan(&place, (from, Unbounded), max)) {
                Err(error) if error.code == StoreCode::PurposeUnknown => Vec::new(),
                rows => rows?,
            };
            let (mut found, look) = (RecordsEnding::default(), shared.look());
            for (key, value) in &rows {
                let Ok(id) = record_id(&purpose, key) else { continue };
                found.next = Some(id.clone());
                // Nobody is behind a test lead, and no day ends what is restricted.
                if let Some((_, day, false)) = SealedRecord::peek(value)
                    && day <= by
                    && !shared.is_restricted(&id, &look)
                {
                    found.records.push((id, day));
                }
            }
            if rows.len() < max {
                found.next = None;
            }
            Ok(found)
        })
        .await
    }

    async fn note_mailed_under(&self, url: String) -> Result<(), StoreError> {
        self.writer
            .write(1, move |draft| {
                let before = draft.read(&Place::Meta, meta::MAILED_UNDER)?;
                // One that cannot be read is as good as none: no mail waits for it.
                let before = before.map(|bytes| mailed(&bytes)).and_then(|read| {
                    draft.shared.unreadable().or_passed_over(&Place::Meta, meta::MAILED_UNDER, read)
                });
                let before = before.unwrap_or_default();
                let noted = MailedUnder::note(before, &url, Day::of(draft.now));
                let row = MailedRow(noted.into_iter().map(|one| (one.url, one.last.0)).collect());
                draft.write(Place::Meta, meta::MAILED_UNDER, layout::encode(&row))
            })
            .await
    }

    async fn mailed_under(&self) -> Result<Vec<MailedUnder>, StoreError> {
        self.beside(|shared| {
            let bytes = shared.reading(|engine| engine.read(&Place::Meta, meta::MAILED_UNDER))?;
            let read = bytes
                .map(|bytes| mailed(&bytes))
                .and_then(|read| shared.unreadable().or_passed_over(&Place::Meta, meta::MAILED_UNDER, read));
            Ok(read.unwrap_or_default())
        })
        .await
    }

    fn asking_paused(&self) -> bool {
        self.shared.asking_paused()
    }

    async fn pause_asking(&self, paused: bool, entry: Entry) -> Result<(), StoreError> {
        self.writer
            .write(1, move |draft| {
                match paused {
                    true => draft.write(Place::Meta, meta::ASKING_PAUSED, vec![1])?,
                    false => draft.remove(Place::Meta, meta::ASKING_PAUSED),
                }
                draft.effect(Effect::AskingPaused(paused));
                draft.append_line(entry)
            })
            .await
    }

    async fn correspondence(&self, records: Vec<RecordId>) -> Result<Vec<Correspondence>, StoreError> {
        self.beside(move |shared| {
            shared.reading(|engine| {
                let one = |id: &RecordId| {
                    let key = outbox_rows::key(id);
                    let Some(bytes) = engine.read(&Place::Outbox, &key)? else {
                        return Ok(Correspondence::default());
                    };
                    let read = outbox_rows::read(&bytes, shared.epoch());
                    let letters = shared.unreadable().or_passed_over(&Place::Outbox, &key, read);
                    Ok(letters.unwrap_or_default().sent)
                };
                records.iter().map(one).collect()
            })
        })
        .await
    }
}

fn mailed(bytes: &[u8]) -> Result<Vec<MailedUnder>, StoreError> {
    let MailedRow(noted) = layout::decode(bytes)?;
    Ok(noted.into_iter().map(|(url, day)| MailedUnder { url, last: Day(day) }).collect())
}

fn is_there(draft: &Draft<'_>, id: &RecordId) -> Result<bool, StoreError> {
    match draft.read(&Place::Vault(id.purpose.clone()), &record_key(id.epoch, id.number)) {
        Err(error) if error.code == StoreCode::PurposeUnknown => Ok(false),
        value => Ok(value?.is_some()),
    }
}

/// What is kept of a record, this transaction included; what cannot be read of it is nothing, and said.
fn of(draft: &Draft<'_>, id: &RecordId) -> Result<Option<Letters>, StoreError> {
    let key = outbox_rows::key(id);
    let Some(bytes) = draft.read(&Place::Outbox, &key)? else { return Ok(None) };
    let read = outbox_rows::read(&bytes, draft.shared.epoch());
    Ok(draft.shared.unreadable().or_passed_over(&Place::Outbox, &key, read))
}

fn put(draft: &mut Draft<'_>, id: &RecordId, letters: &Letters) -> Result<(), StoreError> {
    let key = outbox_rows::key(id);
    match letters.is_empty() {
        true => draft.remove(Place::Outbox, &key),
        false => {
            let row = outbox_rows::bytes(letters, draft.shared.epoch());
            draft.write(Place::Outbox, &key, row)?;
        }
    }
    draft.effect(Effect::Mails(id.clone(), letters.dues()));
    Ok(())
}

/// Queues a mail to the person of a record that is there, due at once; sent, it answers this request. False: one of its kind waits or went
/// just now, or there is no room.
///
/// # Errors
/// See [`StoreCode`].
pub(in crate::store::sled) fn queue(
    draft: &mut Draft<'_>,
    id: &RecordId,
    kind: MailKind,
    request: Option<RequestId>,
) -> Result<bool, StoreError> {
    // What this very transaction queues comes on top: a few hundred at the most.
    if draft.shared.mails().count() >= MAILS_WAITING_MAX {
        return Ok(false);
    }
    let mut letters = of(draft, id)?.unwrap_or_default();
    let mut stamp = [0; 16];
    draft.shared.random().fill(&mut stamp).map_err(|_| StoreError::of(StoreCode::Keyring))?;
    let is_new = letters.queue(kind, draft.now, (stamp, request));
    if is_new {
        put(draft, id, &letters)?;
    }
    Ok(is_new)
}

/// Queues a mail with the request that it answers, if none of its kind waits or went just now.
fn ask_by_right(
    draft: &mut Draft<'_>,
    MailId { record, kind }: &MailId,
    ToRequest { kind: asks_for, received, entry }: ToRequest,
) -> Result<AskedFor, StoreError> {
    if !is_there(draft, record)? {
        return Ok(AskedFor::Not);
    }
    let mut letters = of(draft, record)?.unwrap_or_default();
    if !letters.takes(*kind, draft.now) {
        return Ok(AskedFor::Already);
    }
    let request = match requests::open(draft, asks_for, received, entry) {
        Err(error) if error.code == StoreCode::TooManyRequests => None,
        request => Some(request?.id),
    };
    if queue(draft, record, *kind, request)? {
        return Ok(AskedFor::Queued);
    }
    letters.note_dropped(*kind, draft.now);
    put(draft, record, &letters)?;
    Ok(AskedFor::Not)
}

/// A mail does not wait any more; nothing is noted of it.
///
/// # Errors
/// See [`StoreCode`].
pub(in crate::store::sled) fn let_go(
    draft: &mut Draft<'_>,
    id: &RecordId,
    kind: MailKind,
) -> Result<(), StoreError> {
    let Some(mut letters) = of(draft, id)? else { return Ok(()) };
    match letters.end(kind, MailEnd::PutOff, draft.now) {
        true => put(draft, id, &letters),
        false => Ok(()),
    }
}

/// A record is another than it was.
///
/// # Errors
/// See [`StoreCode`].
pub(in crate::store::sled) fn begin_anew(
    draft: &mut Draft<'_>,
    id: &RecordId,
    cause: RewriteCause,
) -> Result<(), StoreError> {
    let Some(mut letters) = of(draft, id)? else { return Ok(()) };
    letters.begin_anew(cause, draft.now);
    put(draft, id, &letters)
}

/// True if the person of a record that ends on this day was asked whether they still agree, and has not answered.
///
/// # Errors
/// See [`StoreCode`].
pub(in crate::store::sled) fn is_unanswered(
    draft: &Draft<'_>,
    id: &RecordId,
    ends: Day,
) -> Result<bool, StoreError> {
    Ok(of(draft, id)?.is_some_and(|letters| letters.is_unanswered(ends)))
}

/// A record is not there any more: nothing is to be written to its person, and nobody remembers what was.
///
/// # Errors
/// See [`StoreCode`].
pub(in crate::store::sled) fn forget(draft: &mut Draft<'_>, id: &RecordId) -> Result<(), StoreError> {
    let key = outbox_rows::key(id);
    if draft.read(&Place::Outbox, &key)?.is_some() {
        draft.remove(Place::Outbox, &key);
        draft.effect(Effect::Mails(id.clone(), Vec::new()));
    }
    Ok(())
}
