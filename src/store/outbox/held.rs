//! The mails that wait, as they are held in memory.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::clock::after;
use crate::purpose::RecordId;
use crate::store::outbox::{MAIL_WAITS_MAX, MailAttempt, MailId, MailKind, MailsWaiting};

/// When a mail is due.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::store) struct MailDue {
    pub(in crate::store) kind: MailKind,
    pub(in crate::store) due: Timestamp,
    pub(in crate::store) queued: Timestamp,
}

/// Those that wait, as they are held in memory.
#[derive(Default)]
pub(in crate::store) struct HeldMails {
    of: BTreeMap<RecordId, Vec<MailDue>>,
    by_due: BTreeSet<(Timestamp, MailId)>,
    by_age: BTreeSet<(Timestamp, MailId)>,
}

impl HeldMails {
    /// From now on these wait for a record, and no others.
    pub(in crate::store) fn replace(&mut self, record: &RecordId, dues: Vec<MailDue>) {
        let id = |due: &MailDue| MailId { record: record.clone(), kind: due.kind };
        for due in self.of.remove(record).into_iter().flatten() {
            self.by_due.remove(&(due.due, id(&due)));
            self.by_age.remove(&(due.queued, id(&due)));
        }
        for due in &dues {
            self.by_due.insert((due.due, id(due)));
            self.by_age.insert((due.queued, id(due)));
        }
        if !dues.is_empty() {
            self.of.insert(record.clone(), dues);
        }
    }

    /// How many there are.
    pub(in crate::store) fn count(&self) -> usize {
        self.by_due.len()
    }

    /// The oldest's age, and how many.
    pub(in crate::store) fn waiting(&self) -> MailsWaiting {
        let oldest = self.by_age.first().map(|(queued, _)| *queued);
        MailsWaiting { count: self.by_due.len() as u64, oldest }
    }

    /// True if it waits.
    pub(in crate::store) fn waits(&self, mail: &MailId) -> bool {
        self.of.get(&mail.record).is_some_and(|dues| dues.iter().any(|due| due.kind == mail.kind))
    }

    /// True if it waits for its next attempt since this one.
    pub(in crate::store) fn has(&self, mail: &MailId, attempt: &MailAttempt) -> bool {
        let is_it = |due: &MailDue| due.kind == mail.kind && due.due == attempt.again;
        self.of.get(&mail.record).is_some_and(|dues| dues.iter().any(is_it))
    }

    /// Those that are due. One that would wait for longer than any may was put off by a clock that was ahead.
    pub(in crate::store) fn due(&self, now: Timestamp, max: usize) -> Vec<MailId> {
        let late = after(now, MAIL_WAITS_MAX);
        let is_due = |due: &Timestamp| *due <= now;
        let due = self.by_due.iter().take_while(|(due, _)| is_due(due));
        let ahead = self.by_due.iter().rev().take_while(|(due, _)| *due > late);
        due.chain(ahead).take(max).map(|(_, mail)| mail.clone()).collect()
    }
}
