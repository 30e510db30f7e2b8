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
use crate::purpose::{Cursor, Policy, Purpose, PurposeId};
use crate::store::{
    MAILS_AT_ONCE_MAX, MailId, MailKind, SHOWN_AT_ONCE_MAX, SeenState, SharedStore, StoreError,
};
use crate::trail::Entry;
use crate::workers::judging::{Judged, Unsent, judge_found};
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

/// So many who look due from outside are held against their records for one piece of a list, whoever of them is left out: as many as can
/// be said to be asked at once.
const OPENED_MAX: usize = MAILS_AT_ONCE_MAX;
/// So many times [`HEADS_AT_ONCE`] are looked at from outside for one.
const LOOKS_MAX: usize = 64;

/// A piece of the list of who is due, for whoever asks them by other means.
#[derive(Default)]
pub struct DuePeople {
    /// Each, and the day on which their record ends if they stay silent.
    pub people: Vec<(MailId, Day)>,
    /// So many of those that were looked at look due and may not be written to.
    pub left_out: u64,
    /// Behind which record to go on; none: nobody is due behind these.
    pub next: Option<Cursor>,
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
    /// One piece of a list at a time: it opens records, and holds up no look.
    listing: tokio::sync::Mutex<()>,
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
        let (looking, listing) = Default::default();
        Self { store, policy, writes, schedule, looking, listing, told: Mutex::default() }
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
            let mut after = None;
            loop {
                let (heads, next) = self.heads(purpose, after).await?;
                for head in &heads {
                    *match head.whose {
                        Whose::Turn(Turn::Ask) => &mut tally.to_ask,
                        Whose::Turn(Turn::Remind) => &mut tally.to_remind,
                        Whose::Turn(_) => &mut tally.answering,
                        Whose::Nobody => &mut tally.unreachable,
                    } += 1;
                }
                if queues && self.writes {
                    let mails = heads.into_iter().filter(|head| !head.rests).filter_map(|head| head.mail);
                    for some in mails.collect::<Vec<_>>().chunks(MAILS_AT_ONCE_MAX) {
                        asking.queued += self.store.queue_mails(some.to_vec()).await?;
                    }
                }
                after = next;
                if after.is_none() {
                    break;
                }
            }
            asking.purposes.insert(purpose.id.clone(), tally);
        }
        Ok(asking)
    }

    /// Who of a purpose is to be asked or reminded, in the order of their numbers, behind this one: for whoever asks them by other means.
    /// Each record is opened, with this line in the trail, and held against what the postman holds it against. At most so many, of at most
    /// `OPENED_MAX` that are opened: where there is more behind these, it says so.
    ///
    /// # Errors
    /// As [`Asker::look`].
    pub async fn list(
        &self,
        purpose: &Purpose,
        (mut after, max): (Option<Cursor>, usize),
        entry: Entry,
    ) -> Result<DuePeople, StoreError> {
        let _listing = self.listing.lock().await;
        let (mut due, mut opened) = (DuePeople::default(), 0);
        for _ in 0..LOOKS_MAX {
            let (heads, next) = self.heads(purpose, after).await?;
            let mut candidates =
                heads.into_iter().filter_map(|head| Some((head.mail?, head.ends))).peekable();
            while candidates.peek().is_some() {
                // Each of them may take a place of the list's.
                let room = max.saturating_sub(due.people.len()).min(OPENED_MAX - opened);
                if room == 0 {
                    return Ok(due);
                }
                let some: Vec<_> = candidates.by_ref().take(room.min(SHOWN_AT_ONCE_MAX)).collect();
                opened += some.len();
                due.next = some.last().map(|(mail, _)| mail.record.clone());
                self.open(some, purpose, entry.clone(), &mut due).await?;
            }
            due.next.clone_from(&next);
            after = next;
            if after.is_none() || due.people.len() >= max || opened >= OPENED_MAX {
                break;
            }
        }
        Ok(due)
    }

    /// Opens these records, and puts those on the list whose persons may be written to.
    async fn open(
        &self,
        candidates: Vec<(MailId, Day)>,
        purpose: &Purpose,
        entry: Entry,
        due: &mut DuePeople,
    ) -> Result<(), StoreError> {
        let records = candidates.iter().map(|(mail, _)| mail.record.clone()).collect();
        let mut found = self.store.find_records(records, entry.clone()).await?.into_iter().peekable();
        for (mail, ends) in candidates {
            // In their order; one that is gone meanwhile is not among them.
            let of_it =
                found.next_if(|found| matches!(&found.state, SeenState::Stored(id) if *id == mail.record));
            let judged = match of_it {
                Some(found) => judge_found(&self.store, &mail, purpose, found, &entry).await?,
                None => Judged::MayNot(Unsent::Gone),
            };
            match judged {
                Judged::MayBe { .. } => due.people.push((mail, ends)),
                Judged::MayNot(why) => {
                    tracing::debug!(mail.kind = %mail.kind, code = %why, "asking.left-out");
                    due.left_out += 1;
                }
            }
        }
        Ok(())
    }

    /// The next of a purpose whose turn it is, or would be, as it looks from outside, and where to look on.
    async fn heads(
        &self,
        purpose: &Purpose,
        behind: Option<Cursor>,
    ) -> Result<(Vec<Head>, Option<Cursor>), StoreError> {
        let now = self.store.now();
        let today = Day::of(now);
        let by = today.plus(purpose.grace_days);
        let found = self.store.records_ending(purpose.id.clone(), by, behind, HEADS_AT_ONCE).await?;
        let ids = found.records.iter().map(|(id, _)| id.clone()).collect();
        let written = self.store.correspondence(ids).await?;
        let heads = found.records.into_iter().zip(written).filter_map(|((record, ends), written)| {
            let whose = match turn(ends, purpose.grace_days, (written.asked, written.reminded), today) {
                Turn::Rests => return None,
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
            Some(Head { mail, ends, whose, rests })
        });
        Ok((heads.collect(), found.next))
    }
}

/// A record as it looks from outside.
struct Head {
    /// What is to be written to its person; none: nothing now.
    mail: Option<MailId>,
    /// The day on which it ends if they stay silent.
    ends: Day,
    whose: Whose,
    /// Such a mail was dropped so short a time ago that it is not queued again.
    rests: bool,
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
