//! Finds who is to be asked whether they still agree, and who to be reminded, and puts the mails into the outbox.
//!
//! It opens nothing: the day on which a record ends stands in clear, and what was written to its person beside it. Who then writes
//! looks at the record itself. Once a day, and when somebody has it run; never by a clock that nobody has confirmed, nor while the
//! asking is paused. Records end by their day whether or not it runs.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use parking_lot::Mutex;

use crate::clock::{Clock, Day, after};
use crate::current::Current;
use crate::people::{Tally, Turn, turn};
use crate::purpose::{Policy, Purpose, PurposeId};
use crate::store::{MAILS_AT_ONCE_MAX, MailId, MailKind, SharedStore, StoreError};
use crate::trail::Entry;
use crate::workers::judging::{Judged, judge};
use crate::workers::routine::{self, Routine, Schedule};

/// How often it looks.
const EVERY: SignedDuration = SignedDuration::from_hours(24);
/// The same where the store gave no answer.
const AFTER_REFUSAL: SignedDuration = SignedDuration::from_mins(10);
/// How often it looks whether the clock is confirmed.
const UNTIL_CONFIRMED: SignedDuration = SignedDuration::from_secs(10);
/// The same of whether the asking goes on.
const WHILE_PAUSED: SignedDuration = SignedDuration::from_mins(1);
/// Somebody whose mail was dropped is queued again so long after, if their record is no other before: a restriction may be over, or an
/// entry of the list. A grace has more days than that, mostly.
const AFTER_DROPPED: SignedDuration = SignedDuration::from_hours(7 * 24);
/// So many records are looked at at a time.
const HEADS_AT_ONCE: usize = 1_024;

/// So many who look due from outside are held against their records for one list: as many as mails wait.
const CANDIDATES_MAX: usize = 100_000;

/// Who is due, for whoever asks them by other means.
#[derive(Default)]
pub struct DuePeople {
    /// Each, and the day on which their record ends if they stay silent.
    pub people: Vec<(MailId, Day)>,
    /// So many that were looked at on the way look due and may not be written to.
    pub left_out: u64,
}

/// How the asking stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asking {
    /// By purpose; of those that ask nobody again there is none.
    pub purposes: BTreeMap<PurposeId, Tally>,
    /// So many mails were put into the outbox.
    pub queued: u64,
}

/// The asker.
pub struct Asker {
    store: SharedStore,
    policy: Arc<Current<Policy>>,
    /// It puts mails into the outbox: there is a server, and the config does not say that others ask.
    writes: bool,
    schedule: Schedule,
    /// One look at a time.
    looking: tokio::sync::Mutex<()>,
    told: Mutex<bool>,
}

#[async_trait]
impl Routine for Asker {
    const NAME: &'static str = "asker";

    fn schedule(&self) -> &Schedule {
        &self.schedule
    }

    async fn turn(&self, routine::Turn { now, .. }: routine::Turn) -> Timestamp {
        if !self.writes {
            return after(now, EVERY);
        }
        if self.store.asking_paused() {
            if !std::mem::replace(&mut *self.told.lock(), true) {
                tracing::info!("asking.paused");
            }
            return after(now, WHILE_PAUSED);
        }
        *self.told.lock() = false;
        if !self.store.clock_confirmed() {
            return after(now, UNTIL_CONFIRMED);
        }
        match self.look(true).await {
            Ok(asking) => {
                let count = |count: fn(&Tally) -> u64| asking.purposes.values().map(count).sum::<u64>();
                tracing::info!(
                    people.to_ask = count(|tally| tally.to_ask),
                    people.to_remind = count(|tally| tally.to_remind),
                    mails.queued = asking.queued,
                    "asking.looked"
                );
                after(now, EVERY)
            }
            Err(error) => {
                tracing::warn!(code = %error.code, "asking.store-refused");
                after(now, AFTER_REFUSAL)
            }
        }
    }
}

impl Asker {
    /// An asker that has not looked yet. `writes`: it puts mails into the outbox, and does not only count.
    pub fn new(
        store: SharedStore,
        policy: Arc<Current<Policy>>,
        writes: bool,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let schedule = Schedule::within(EVERY, clock);
        Self { store, policy, writes, schedule, looking: Default::default(), told: Mutex::default() }
    }

    /// True if it puts mails into the outbox.
    pub fn writes(&self) -> bool {
        self.writes
    }

    /// Looks at all purposes that ask again. `queues`: and puts the mails into the outbox, if it does that at all.
    ///
    /// # Errors
    /// [`crate::store::StoreCode::ClockJumped`], [`crate::store::StoreCode::ClockUnconfirmed`] of who is to be asked; otherwise
    /// see [`crate::store::StoreCode`].
    pub async fn look(&self, queues: bool) -> Result<Asking, StoreError> {
        let _looking = self.looking.lock().await;
        let policy = self.policy.pin();
        let mut asking = Asking::default();
        for purpose in policy.purposes().iter().filter(|purpose| purpose.reconfirm_months.is_some()) {
            let mut tally = Tally::default();
            let queues = queues && self.writes;
            let count = |_: (Option<MailId>, Day), whose: Whose| {
                *match whose {
                    Whose::Turn(Turn::Ask) => &mut tally.to_ask,
                    Whose::Turn(Turn::Remind) => &mut tally.to_remind,
                    Whose::Turn(_) => &mut tally.answering,
                    Whose::Nobody => &mut tally.unreachable,
                } += 1;
            };
            self.each(purpose, count, queues.then_some(&mut asking.queued)).await?;
            asking.purposes.insert(purpose.id.clone(), tally);
        }
        Ok(asking)
    }

    /// The first of a purpose who are to be asked or reminded, in the order of their numbers: for whoever asks them by other means. Each
    /// record is opened, with this line in the trail, and held against what the postman holds it against.
    ///
    /// # Errors
    /// As [`Asker::look`].
    pub async fn first(&self, purpose: &Purpose, max: usize, entry: Entry) -> Result<DuePeople, StoreError> {
        let _looking = self.looking.lock().await;
        let mut candidates = Vec::new();
        let take = |(mail, ends): (Option<MailId>, Day), _: Whose| {
            candidates.extend(mail.filter(|_| candidates.len() < CANDIDATES_MAX).map(|mail| (mail, ends)));
        };
        self.each(purpose, take, None).await?;
        let mut due = DuePeople::default();
        for (mail, ends) in candidates {
            if due.people.len() >= max {
                break;
            }
            match judge(&self.store, &mail, purpose, entry.clone()).await? {
                Judged::MayBe { .. } => due.people.push((mail, ends)),
                Judged::MayNot(why) => {
                    tracing::debug!(mail.kind = %mail.kind, code = %why, "asking.left-out");
                    due.left_out += 1;
                }
            }
        }
        Ok(due)
    }

    async fn each(
        &self,
        purpose: &Purpose,
        mut look: impl FnMut((Option<MailId>, Day), Whose),
        mut queued: Option<&mut u64>,
    ) -> Result<(), StoreError> {
        let now = self.store.now();
        let today = Day::of(now);
        let (by, mut next) = (today.plus(purpose.grace_days), None);
        loop {
            let found = self.store.records_ending(purpose.id.clone(), by, next, HEADS_AT_ONCE).await?;
            let ids = found.records.iter().map(|(id, _)| id.clone()).collect();
            let written = self.store.correspondence(ids).await?;
            let mut mails = Vec::new();
            for ((record, ends), written) in found.records.into_iter().zip(written) {
                let whose = match turn(ends, purpose.grace_days, (written.asked, written.reminded), today) {
                    Turn::Rests => continue,
                    Turn::Ask | Turn::Remind if written.unreachable.is_some() => Whose::Nobody,
                    turn => Whose::Turn(turn),
                };
                let kind = match whose {
                    Whose::Turn(Turn::Ask) => Some(MailKind::Asked),
                    Whose::Turn(Turn::Remind) => Some(MailKind::Reminded),
                    _ => None,
                };
                let mail = kind.map(|kind| MailId { record, kind });
                let rests = written.dropped.is_some_and(|dropped| now < after(dropped, AFTER_DROPPED));
                mails.extend(mail.clone().filter(|_| !rests));
                look((mail, ends), whose);
            }
            if let Some(queued) = queued.as_deref_mut() {
                for some in mails.chunks(MAILS_AT_ONCE_MAX) {
                    *queued += self.store.queue_mails(some.to_vec()).await?;
                }
            }
            next = found.next;
            if next.is_none() {
                return Ok(());
            }
        }
    }
}

/// Whose turn it is.
#[derive(Clone, Copy)]
enum Whose {
    /// Somebody's.
    Turn(Turn),
    /// No mail reaches them.
    Nobody,
}

#[cfg(test)]
mod tests;
