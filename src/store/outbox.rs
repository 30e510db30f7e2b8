//! The outbox: which mails are to be written to the person of a record, and when that was done.
//!
//! Nothing of a person is in it: whom a mail goes to, and what it says, is read from the record when a server is there to take it
//! (docs/decisions, 242). What is kept goes with its record, and outlives its being written anew.

mod held;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};

use crate::clock::{Day, after};
use crate::purpose::law::GRACE_DAYS;
use crate::purpose::{Cursor, PurposeId, RecordId};
use crate::store::{RequestId, RewriteCause, StoreError, ToRequest};
use crate::trail::Entry;

pub(super) use held::{HeldMails, MailDue};

/// So many mails may wait at one time: all of them lie in memory. What is over it is not written, and counted.
pub const MAILS_WAITING_MAX: usize = 100_000;
/// So many are queued, or noted, at once.
pub const MAILS_AT_ONCE_MAX: usize = 256;
/// No mail waits longer for its next attempt, whatever the clock was when that was fixed.
pub const MAIL_WAITS_MAX: SignedDuration = SignedDuration::from_hours(6);
/// What somebody asks for goes once in so long to the person of a record.
pub const ASKED_FOR_EVERY: SignedDuration = SignedDuration::from_hours(24);
/// The longest time for which a config has people answer, in days. Between a yes and the next asking lie six months at least.
const GRACE_DAYS_MAX: u32 = *GRACE_DAYS.end() as u32;

crate::codes! {
    /// What a mail is for. Of each kind one waits at most for a record.
    pub enum MailKind {
        /// What the person asked for, what is held, where that can be changed.
        Welcome = "welcome",
        /// Whether they still agree.
        Asked = "asked",
        /// The same once more.
        Reminded = "reminded",
        /// The links to what is held under their address: somebody lost theirs, and asked for them.
        Link = "link",
        /// A copy of all that is held under their address: they asked for it on their page.
        Copy = "copy",
        /// That what is held of them is about to be erased.
        Erasing = "erasing",
    }
}

impl MailKind {
    /// True of what somebody asks for: once a day, and whatever else may not be written to them.
    pub const fn is_asked_for(self) -> bool {
        matches!(self, Self::Link | Self::Copy)
    }

    /// True of what is written to the person of a record that nobody may use: nothing is offered in it, nor asked.
    pub const fn passes_restriction(self) -> bool {
        self.is_asked_for() || matches!(self, Self::Erasing)
    }
}

/// A mail: there is one of a kind for a record.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct MailId {
    /// To whose person.
    pub record: RecordId,
    /// What for.
    pub kind: MailKind,
}

/// An attempt to send a mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MailAttempt {
    /// Which one it is, from 1 on.
    pub number: u32,
    /// When the mail was queued: its date, whenever it is sent.
    pub queued: Timestamp,
    /// By what it is known from all others: it stays, so that a mail that is sent twice is the same one.
    pub stamp: [u8; 16],
    /// When it is tried again, if nobody says what became of this attempt.
    pub again: Timestamp,
    /// The request that it answers once it is sent.
    pub request: Option<RequestId>,
}

/// What became of a mail that waits no longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailEnd {
    /// A server took it.
    Sent,
    /// It may not be sent as its record is now: it is not to be queued again at once.
    Dropped,
    /// It was tried for too long, or nothing is sent for now: it may be queued again.
    PutOff,
    /// No mail reaches that address.
    Unreachable,
}

/// What came of a mail that was asked for by right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AskedFor {
    /// It waits, and once it is sent the request is answered.
    Queued,
    /// One waits, or went, or was let go, so short a time ago that none goes now: with it is its request.
    Already,
    /// None can be sent: the record is not there, or as many wait as may. Of the latter the request is open, for the officer.
    Not,
}

/// What was written to the person of a record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Correspondence {
    /// When they were asked last whether they still agree.
    pub asked: Option<Timestamp>,
    /// When they were reminded last.
    pub reminded: Option<Timestamp>,
    /// Since when no mail reaches them.
    pub unreachable: Option<Timestamp>,
    /// When they were not asked, or reminded, last, since they may not be as their record was then.
    pub dropped: Option<Timestamp>,
    /// When they were sent the links that somebody asked for, last.
    pub linked: Option<Timestamp>,
    /// When they were sent the copy that they asked for, last; or it was let go, as it could not be, and the officer has the request.
    pub copied: Option<Timestamp>,
}

impl Correspondence {
    /// True if such a mail, which somebody asked for, was sent, or a copy let go, so short a time ago that none goes now.
    pub fn is_recent(&self, kind: MailKind, now: Timestamp) -> bool {
        let sent = match kind {
            MailKind::Link => self.linked,
            MailKind::Copy => self.copied,
            MailKind::Welcome | MailKind::Asked | MailKind::Reminded | MailKind::Erasing => None,
        };
        // A clock that was ahead holds nothing up for longer.
        sent.is_some_and(|sent| now.duration_since(sent).abs() < ASKED_FOR_EVERY)
    }
}

/// Records that end soon.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecordsEnding {
    /// Each, and the day on which it is neither exported nor kept any more.
    pub records: Vec<(RecordId, Day)>,
    /// Where to look on; none: there is nothing after it.
    pub next: Option<Cursor>,
}

/// A public address with which links of mails begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailedUnder {
    /// As the config has it.
    pub url: String,
    /// The day on which the last such mail went.
    pub last: Day,
}

/// So many public addresses are remembered; of more the oldest goes.
const MAILED_UNDER_MAX: usize = 8;
/// The longest that is: links of mails are shorter.
const MAILED_UNDER_BYTES_MAX: usize = 900;
/// For so long: a record that nobody asks about lives no longer, mostly, and with it its links.
const MAILED_UNDER_MONTHS: u32 = 60;

impl MailedUnder {
    /// Notes of these that a mail went under this address on that day: the last one stands first.
    pub(super) fn note(noted: Vec<Self>, url: &str, today: Day) -> Vec<Self> {
        if url.len() > MAILED_UNDER_BYTES_MAX {
            return noted;
        }
        let others = noted.into_iter().filter(|one| one.url != url);
        let others = others.filter(|one| today < one.last.plus_months(MAILED_UNDER_MONTHS));
        let last = Self { url: url.to_owned(), last: today };
        [last].into_iter().chain(others).take(MAILED_UNDER_MAX).collect()
    }
}

/// What waits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MailsWaiting {
    /// How many.
    pub count: u64,
    /// Since when the oldest does.
    pub oldest: Option<Timestamp>,
}

/// The outbox.
#[async_trait]
pub trait Outbox: Send + Sync {
    /// Queues mails, due at once: none to a record that is not there, none for which one of its kind waits, and none beyond
    /// [`MAILS_WAITING_MAX`]. Returns how many.
    ///
    /// # Errors
    /// [`crate::store::StoreCode::ValueTooLarge`]: these are more than [`MAILS_AT_ONCE_MAX`]. Otherwise see
    /// [`crate::store::StoreCode`].
    async fn queue_mails(&self, mails: Vec<MailId>) -> Result<u64, StoreError>;

    /// Queues a mail that somebody asked for, due at once. False: its record is not there, one of its kind waits or was sent within a day,
    /// or there is no room.
    ///
    /// # Errors
    /// See [`crate::store::StoreCode`].
    async fn ask_for_mail(&self, mail: MailId) -> Result<bool, StoreError>;

    /// The same of what somebody asks for by right. The request that the mail answers is opened in the same transaction: who asks twice at
    /// one moment has one mail and one request. Where the register is full, the mail goes without; where there is no room for the mail, it
    /// counts as one that was let go.
    ///
    /// # Errors
    /// See [`crate::store::StoreCode`].
    async fn ask_by_right(&self, mail: MailId, request: ToRequest) -> Result<AskedFor, StoreError>;

    /// True if it waits: a look into memory.
    fn mail_waits(&self, mail: &MailId) -> bool;

    /// At most so many of those that are due, who is due longest first: a look into memory.
    fn mails_due(&self, max: usize) -> Vec<MailId>;

    /// True if this attempt is the last that was begun of a mail that waits, nothing was changed of its record since, and that is
    /// not restricted, unless it was asked for or tells of its erasure: a look into memory, for whoever is about to send it.
    fn mail_stands(&self, mail: &MailId, attempt: &MailAttempt) -> bool;

    /// How many wait: a look into memory.
    fn mails_waiting(&self) -> MailsWaiting;

    /// Begins an attempt: counts it, and has the next one due later and later, [`MAIL_WAITS_MAX`] from now at the most. What becomes
    /// of this one need not be said but by [`Outbox::end_mail`]: also after a crash it is tried again. None: it does not wait any
    /// more.
    ///
    /// # Errors
    /// See [`crate::store::StoreCode`].
    async fn try_mail(&self, mail: MailId) -> Result<Option<MailAttempt>, StoreError>;

    /// A mail waits no longer. What was sent is noted of the record's person, and an address that no mail reaches; `entry` says
    /// so in the trail, completed with the record. False: it did not wait, and nothing is said.
    ///
    /// # Errors
    /// See [`crate::store::StoreCode`].
    async fn end_mail(&self, mail: MailId, end: MailEnd, entry: Option<Entry>) -> Result<bool, StoreError>;

    /// Notes of these records that their persons were asked, or reminded, by other means than ours, now; one that waits in the outbox
    /// does not any more. The trail has a line for each (`entry`, completed). Returns how many are there.
    ///
    /// # Errors
    /// [`crate::store::StoreCode::ValueTooLarge`]: these are more than [`MAILS_AT_ONCE_MAX`]. Otherwise see
    /// [`crate::store::StoreCode`].
    async fn note_written(&self, mails: Vec<MailId>, entry: Entry) -> Result<u64, StoreError>;

    /// Notes that no mail reaches the persons of these records: nothing waits for them any more, and nobody writes to them until what
    /// their record holds is corrected. The trail has a line for each (`entry`, completed). Returns how many are there.
    ///
    /// # Errors
    /// As [`Outbox::note_written`].
    async fn note_unreachable(&self, records: Vec<RecordId>, entry: Entry) -> Result<u64, StoreError>;

    /// Records of a purpose that end by this day, as they say in clear, and when each does: of the next `max` after this one. Test
    /// leads are none, nor is what is restricted.
    ///
    /// # Errors
    /// See [`crate::store::StoreCode`].
    async fn records_ending(
        &self,
        purpose: PurposeId,
        by: Day,
        after: Option<Cursor>,
        max: usize,
    ) -> Result<RecordsEnding, StoreError>;

    /// Notes that a mail went today whose links begin with this address.
    ///
    /// # Errors
    /// See [`crate::store::StoreCode`].
    async fn note_mailed_under(&self, url: String) -> Result<(), StoreError>;

    /// Under which public addresses mails went, the last first.
    ///
    /// # Errors
    /// See [`crate::store::StoreCode`].
    async fn mailed_under(&self) -> Result<Vec<MailedUnder>, StoreError>;

    /// True while nobody is to be asked whether they still agree: a look into memory.
    fn asking_paused(&self) -> bool;

    /// Says so, or that it goes on. It is kept across a restart.
    ///
    /// # Errors
    /// See [`crate::store::StoreCode`].
    async fn pause_asking(&self, paused: bool, entry: Entry) -> Result<(), StoreError>;

    /// What was written to the persons of these records, in their order.
    ///
    /// # Errors
    /// See [`crate::store::StoreCode`].
    async fn correspondence(&self, records: Vec<RecordId>) -> Result<Vec<Correspondence>, StoreError>;
}

/// A mail that waits.
#[derive(Clone)]
pub(super) struct WaitingMail {
    pub(super) kind: MailKind,
    pub(super) due: Timestamp,
    pub(super) attempts: u32,
    pub(super) queued: Timestamp,
    pub(super) stamp: [u8; 16],
    pub(super) request: Option<RequestId>,
}

/// How long an attempt is waited for before the next: five minutes, then three times as long each time, up to the most.
fn wait_after(attempts: u32) -> SignedDuration {
    const FIRST: SignedDuration = SignedDuration::from_mins(5);
    let factor = 3_i32.saturating_pow(attempts.saturating_sub(1).min(10));
    FIRST.saturating_mul(factor).min(MAIL_WAITS_MAX)
}

/// What is kept of one record.
#[derive(Clone, Default)]
pub(super) struct Letters {
    /// In the order in which they were queued.
    pub(super) waiting: Vec<WaitingMail>,
    pub(super) sent: Correspondence,
}

impl Letters {
    /// Queues a mail; false: one of its kind waits, or went so short a time ago that none goes now.
    pub(super) fn queue(
        &mut self,
        kind: MailKind,
        now: Timestamp,
        (stamp, request): ([u8; 16], Option<RequestId>),
    ) -> bool {
        let is_new = self.takes(kind, now);
        if is_new {
            self.waiting.push(WaitingMail { kind, due: now, attempts: 0, queued: now, stamp, request });
        }
        is_new
    }

    /// False: one of its kind waits, or went so short a time ago that none goes now.
    pub(super) fn takes(&self, kind: MailKind, now: Timestamp) -> bool {
        self.waiting.iter().all(|waiting| waiting.kind != kind) && !self.sent.is_recent(kind, now)
    }

    /// Begins an attempt.
    pub(super) fn attempt(&mut self, kind: MailKind, now: Timestamp) -> Option<MailAttempt> {
        let mail = self.waiting.iter_mut().find(|waiting| waiting.kind == kind)?;
        mail.attempts = mail.attempts.saturating_add(1);
        mail.due = after(now, wait_after(mail.attempts));
        Some(MailAttempt {
            number: mail.attempts,
            queued: mail.queued,
            stamp: mail.stamp,
            again: mail.due,
            request: mail.request,
        })
    }

    /// They were written to by other means.
    pub(super) fn note(&mut self, kind: MailKind, now: Timestamp) {
        self.waiting.retain(|waiting| waiting.kind != kind);
        self.note_sent(kind, now);
    }

    /// They were asked whether they still agree before their record ends on this day, and have not answered: a yes begins anew. What was
    /// asked longer before than any grace lasts was asked about an earlier time, and a yes of before 0269 left it there. Whoever no mail
    /// reaches was not asked.
    pub(super) fn is_unanswered(&self, ends: Day) -> bool {
        let since = ends.minus(GRACE_DAYS_MAX);
        self.sent.asked.is_some_and(|asked| since <= Day::of(asked)) && self.sent.unreachable.is_none()
    }

    /// No mail reaches them.
    pub(super) fn bounce(&mut self, now: Timestamp) {
        self.waiting.clear();
        self.sent.unreachable = Some(now);
    }

    fn note_sent(&mut self, kind: MailKind, now: Timestamp) {
        match kind {
            MailKind::Asked => self.sent.asked = Some(now),
            MailKind::Reminded => self.sent.reminded = Some(now),
            MailKind::Link => self.sent.linked = Some(now),
            MailKind::Copy => self.sent.copied = Some(now),
            // The record goes, and with it what was written to its person.
            MailKind::Welcome | MailKind::Erasing => {}
        }
    }

    /// One may not be sent, or cannot be queued.
    pub(super) fn note_dropped(&mut self, kind: MailKind, now: Timestamp) {
        match kind {
            MailKind::Asked | MailKind::Reminded => self.sent.dropped = Some(now),
            // What is too large today is so an hour later: no further request is opened for it meanwhile.
            MailKind::Copy => self.sent.copied = Some(now),
            MailKind::Welcome | MailKind::Link | MailKind::Erasing => {}
        }
    }

    /// Their record is another than it was: what is under way of them does not stand, and they are due at once. What a person
    /// corrects may be the address that no mail reached; nobody else changes it.
    pub(super) fn begin_anew(&mut self, cause: RewriteCause, now: Timestamp) {
        self.sent.dropped = None;
        if cause == RewriteCause::Person {
            self.sent.unreachable = None;
        }
        // What they were asked they have answered.
        if cause == RewriteCause::Yes {
            (self.sent.asked, self.sent.reminded) = (None, None);
        }
        self.waiting.iter_mut().for_each(|mail| mail.due = now);
    }

    /// Ends one; false: it did not wait.
    pub(super) fn end(&mut self, kind: MailKind, end: MailEnd, now: Timestamp) -> bool {
        let before = self.waiting.len();
        self.waiting.retain(|waiting| waiting.kind != kind);
        if self.waiting.len() == before {
            return false;
        }
        match end {
            MailEnd::Sent => self.note_sent(kind, now),
            MailEnd::Dropped => self.note_dropped(kind, now),
            MailEnd::PutOff => {}
            MailEnd::Unreachable => self.sent.unreachable = Some(now),
        }
        true
    }

    /// True if there is nothing to keep.
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.sent == Correspondence::default()
    }

    /// When each mail that waits is due, and since when it waits.
    pub(super) fn dues(&self) -> Vec<MailDue> {
        let due = |mail: &WaitingMail| MailDue { kind: mail.kind, due: mail.due, queued: mail.queued };
        self.waiting.iter().map(due).collect()
    }
}

#[cfg(test)]
mod tests;
