//! The outbox: queued, tried, ended. What goes with its record goes when a transaction is completed.

use std::ops::Bound::{Excluded, Unbounded};

use async_trait::async_trait;

use crate::clock::Day;
use crate::lead::SealedRecord;
use crate::purpose::{Cursor, PurposeId, RecordId};
use crate::store::memory::MemoryStore;
use crate::store::memory::draft::Draft;
use crate::store::memory::rows::Rows;
use crate::store::outbox::{HeldMails, Letters, MAILS_AT_ONCE_MAX, MAILS_WAITING_MAX};
use crate::store::{
    AskedFor, Correspondence, MailAttempt, MailEnd, MailId, MailKind, MailedUnder, MailsWaiting, Outbox,
    RecordsEnding, RequestId, StoreCode, StoreError, ToRequest,
};
use crate::trail::Entry;

#[async_trait]
impl Outbox for MemoryStore {
    async fn queue_mails(&self, mails: Vec<MailId>) -> Result<u64, StoreError> {
        if mails.len() > MAILS_AT_ONCE_MAX {
            return Err(StoreError::of(StoreCode::ValueTooLarge));
        }
        self.0.write(|draft| {
            let mut count = 0;
            for MailId { record, kind } in &mails {
                let is_there = draft.rows.record(record).is_some();
                count += u64::from(is_there && draft.queue_mail(record, *kind, None)?);
            }
            Ok(count)
        })
    }

    async fn ask_for_mail(&self, mail: MailId) -> Result<bool, StoreError> {
        self.0.write(|draft| {
            let is_there = draft.rows.record(&mail.record).is_some();
            Ok(is_there && draft.queue_mail(&mail.record, mail.kind, None)?)
        })
    }

    async fn ask_by_right(&self, mail: MailId, request: ToRequest) -> Result<AskedFor, StoreError> {
        let (MailId { record, kind }, ToRequest { kind: asks_for, received, entry }) = (mail, request);
        self.0.write(|draft| {
            if draft.rows.record(&record).is_none() {
                return Ok(AskedFor::Not);
            }
            let now = draft.look.now();
            if draft.rows.letters.get(&record).is_some_and(|letters| !letters.takes(kind, now)) {
                return Ok(AskedFor::Already);
            }
            let request = match draft.open_request(asks_for, received, entry) {
                Err(error) if error.code == StoreCode::TooManyRequests => None,
                request => Some(request?.id),
            };
            if draft.queue_mail(&record, kind, request)? {
                return Ok(AskedFor::Queued);
            }
            draft.rows.letters.entry(record).or_default().note_dropped(kind, now);
            Ok(AskedFor::Not)
        })
    }

    fn mail_waits(&self, mail: &MailId) -> bool {
        self.0.rows().is_ok_and(|rows| rows.held_mails().waits(mail))
    }

    fn mails_due(&self, max: usize) -> Vec<MailId> {
        let now = self.0.mark.look().now();
        self.0.rows().map_or_else(|_| Vec::new(), |rows| rows.held_mails().due(now, max))
    }

    fn mail_stands(&self, mail: &MailId, attempt: &MailAttempt) -> bool {
        let look = self.0.mark.look();
        let may_go = |rows: &Rows| mail.kind.passes_restriction() || !rows.is_restricted(&mail.record, &look);
        let stands = |rows: &Rows| may_go(rows) && rows.held_mails().has(mail, attempt);
        self.0.rows().is_ok_and(|rows| stands(&rows))
    }

    fn mails_waiting(&self) -> MailsWaiting {
        self.0.rows().map_or_else(|_| MailsWaiting::default(), |rows| rows.held_mails().waiting())
    }

    async fn try_mail(&self, mail: MailId) -> Result<Option<MailAttempt>, StoreError> {
        self.0.write(|draft| {
            let now = draft.look.now();
            let letters = draft.rows.letters.get_mut(&mail.record);
            Ok(letters.and_then(|letters| letters.attempt(mail.kind, now)))
        })
    }

    async fn end_mail(&self, mail: MailId, end: MailEnd, entry: Option<Entry>) -> Result<bool, StoreError> {
        self.0.write(|draft| {
            let now = draft.look.now();
            let letters = draft.rows.letters.get_mut(&mail.record);
            let ended = letters.is_some_and(|letters| letters.end(mail.kind, end, now));
            if let (true, Some(mut entry)) = (ended, entry) {
                entry.about(&mail.record);
                draft.append_line(entry);
            }
            Ok(ended)
        })
    }

    async fn note_written(&self, mails: Vec<MailId>, entry: Entry) -> Result<u64, StoreError> {
        if mails.len() > MAILS_AT_ONCE_MAX {
            return Err(StoreError::of(StoreCode::ValueTooLarge));
        }
        self.0.write(|draft| {
            let mut count = 0;
            for MailId { record, kind } in &mails {
                if draft.rows.record(record).is_none() {
                    continue;
                }
                let now = draft.look.now();
                draft.rows.letters.entry(record.clone()).or_default().note(*kind, now);
                let mut entry = entry.clone();
                entry.about(record);
                draft.append_line(entry);
                count += 1;
            }
            Ok(count)
        })
    }

    async fn note_unreachable(&self, records: Vec<RecordId>, entry: Entry) -> Result<u64, StoreError> {
        if records.len() > MAILS_AT_ONCE_MAX {
            return Err(StoreError::of(StoreCode::ValueTooLarge));
        }
        self.0.write(|draft| {
            let there: Vec<&RecordId> = records.iter().filter(|id| draft.rows.record(id).is_some()).collect();
            for record in &there {
                let now = draft.look.now();
                draft.rows.letters.entry((*record).clone()).or_default().bounce(now);
                let mut entry = entry.clone();
                entry.about(record);
                draft.append_line(entry);
            }
            Ok(there.len() as u64)
        })
    }

    async fn records_ending(
        &self,
        purpose: PurposeId,
        by: Day,
        after: Option<Cursor>,
        max: usize,
    ) -> Result<RecordsEnding, StoreError> {
        let look = self.0.mark.look();
        let (rows, mut found, mut looked_at) = (self.0.rows()?, RecordsEnding::default(), 0);
        let Some(vault) = rows.vaults.get(&purpose) else { return Ok(found) };
        let from = after.map_or(Unbounded, |after| Excluded((after.epoch, after.number)));
        for ((epoch, number), value) in vault.records.range((from, Unbounded)).take(max) {
            let id = RecordId { purpose: purpose.clone(), epoch: *epoch, number: *number };
            looked_at += 1;
            found.next = Some(id.clone());
            // Nobody is behind a test lead, and no day ends what is restricted.
            let ends = SealedRecord::peek(value);
            let ends = ends.filter(|(_, day, test)| !test && *day <= by && !rows.is_restricted(&id, &look));
            found.records.extend(ends.map(|(_, day, _)| (id, day)));
        }
        if looked_at < max {
            found.next = None;
        }
        Ok(found)
    }

    async fn note_mailed_under(&self, url: String) -> Result<(), StoreError> {
        self.0.write(|draft| {
            let before = std::mem::take(&mut draft.rows.mailed_under);
            draft.rows.mailed_under = MailedUnder::note(before, &url, Day::of(draft.look.now()));
            Ok(())
        })
    }

    async fn mailed_under(&self) -> Result<Vec<MailedUnder>, StoreError> {
        Ok(self.0.rows()?.mailed_under.clone())
    }

    fn asking_paused(&self) -> bool {
        self.0.rows().is_ok_and(|rows| rows.asking_paused)
    }

    async fn pause_asking(&self, paused: bool, entry: Entry) -> Result<(), StoreError> {
        self.0.write(|draft| {
            draft.rows.asking_paused = paused;
            draft.append_line(entry);
            Ok(())
        })
    }

    async fn correspondence(&self, records: Vec<RecordId>) -> Result<Vec<Correspondence>, StoreError> {
        let rows = self.0.rows()?;
        let one = |id: &RecordId| rows.letters.get(id).map_or_else(Correspondence::default, |kept| kept.sent);
        Ok(records.iter().map(one).collect())
    }
}

impl Rows {
    pub(super) fn held_mails(&self) -> HeldMails {
        let mut held = HeldMails::default();
        self.letters.iter().for_each(|(id, letters)| held.replace(id, letters.dues()));
        held
    }

    /// What is kept of records that are not there any more, or has nothing in it, goes.
    pub(super) fn forget_letters(&mut self) {
        let mut letters = std::mem::take(&mut self.letters);
        letters.retain(|id, letters: &mut Letters| self.record(id).is_some() && !letters.is_empty());
        self.letters = letters;
    }
}

impl Draft<'_> {
    /// Queues a mail to the person of a record that is there; sent, it answers this request. False: one of its kind waits or went just
    /// now, or there is no room.
    pub(super) fn queue_mail(
        &mut self,
        id: &RecordId,
        kind: MailKind,
        request: Option<RequestId>,
    ) -> Result<bool, StoreError> {
        if self.rows.held_mails().count() >= MAILS_WAITING_MAX {
            return Ok(false);
        }
        let mut stamp = [0; 16];
        self.shared.random.fill(&mut stamp).map_err(|_| StoreError::of(StoreCode::Keyring))?;
        let letters = self.rows.letters.entry(id.clone()).or_default();
        Ok(letters.queue(kind, self.look.now(), (stamp, request)))
    }
}
