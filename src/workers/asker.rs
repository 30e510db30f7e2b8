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

    /// The first of a purpose who are to be asked or reminded, in the order of their numbers: for whoever asks them by other means.
    ///
    /// # Errors
    /// As [`Asker::look`].
    pub async fn first(&self, purpose: &Purpose, max: usize) -> Result<Vec<(MailId, Day)>, StoreError> {
        let _looking = self.looking.lock().await;
        let mut first = Vec::new();
        let take = |(mail, ends): (Option<MailId>, Day), _: Whose| {
            if let Some(mail) = mail.filter(|_| first.len() < max) {
                first.push((mail, ends));
            }
        };
        self.each(purpose, take, None).await?;
        Ok(first)
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
mod tests {
    use super::*;
    use crate::purpose::sample::purpose;
    use crate::store::MailEnd;
    use crate::store::contract::Host;
    use crate::store::contract::support::{by_officer, stored_in};
    use crate::store::memory::MemoryHost;
    use crate::trail::Action;
    use crate::workers::Worker;

    struct World {
        host: MemoryHost,
        store: SharedStore,
        asker: Asker,
    }

    impl World {
        /// Three records, of which one ends in 20 days, under a purpose that asks again 30 days before.
        async fn new(writes: bool) -> Self {
            let host = MemoryHost::new();
            let store = host.open();
            let settled = [(1, 20), (2, 31), (3, 400)];
            let settled = settled.map(|(number, days)| stored_in("devis", number, false, days));
            store.settle(settled.into()).await.expect("settled");
            let mut devis = purpose("devis", &["email"]);
            (devis.reconfirm_months, devis.grace_days) = (Some(18), 30);
            let policy = Arc::new(Current::new(Policy::new(vec![devis, purpose("lettre", &["email"])])));
            let asker = Asker::new(store.clone(), policy, writes, host.clock.clone());
            Self { host, store, asker }
        }

        async fn tally(&self) -> [u64; 4] {
            let asking = self.asker.look(false).await.expect("looked");
            let [(_, tally)] = asking.purposes.iter().collect::<Vec<_>>()[..] else { panic!("one purpose") };
            [tally.to_ask, tally.to_remind, tally.answering, tally.unreachable]
        }

        /// Takes its turn, and gives what waits then.
        async fn turn(&self) -> Vec<String> {
            self.asker.step().await;
            self.store.mails_due(9).iter().map(|mail| format!("{} {}", mail.kind, mail.record)).collect()
        }

        async fn end(&self, kind: MailKind, number: u64, end: MailEnd) {
            let record = crate::store::contract::support::record(&format!("devis-1-{number}"));
            assert_eq!(self.store.end_mail(MailId { record, kind }, end, None).await, Ok(true));
        }
    }

    #[tokio::test]
    async fn who_is_due_is_queued_reminded_and_then_left_alone() {
        let world = World::new(true).await;
        assert_eq!(world.tally().await, [1, 0, 0, 0]);
        assert_eq!(world.turn().await, ["asked devis-1-1"]);
        world.end(MailKind::Asked, 1, MailEnd::Sent).await;
        assert_eq!(world.tally().await, [0, 0, 1, 0]);
        world.host.pass_days(&world.store, 1);
        assert_eq!(world.turn().await, ["asked devis-1-2"], "due a day later");
        world.end(MailKind::Asked, 2, MailEnd::Unreachable).await;
        world.host.pass_days(&world.store, 13);
        assert_eq!(world.turn().await, ["reminded devis-1-1"]);
        world.end(MailKind::Reminded, 1, MailEnd::Sent).await;
        for _ in 0..3 {
            world.host.pass_days(&world.store, 1);
            assert_eq!((world.turn().await, world.tally().await), (Vec::new(), [0, 0, 1, 1]));
        }
        world.host.pass_days(&world.store, 3);
        assert_eq!(world.tally().await, [0, 0, 0, 1], "it ends today");
    }

    #[tokio::test]
    async fn whose_mail_was_dropped_is_not_queued_again_each_day() {
        let world = World::new(true).await;
        assert_eq!(world.turn().await, ["asked devis-1-1"]);
        world.end(MailKind::Asked, 1, MailEnd::PutOff).await;
        world.host.clock.advance_ms(86_400_000);
        world.host.agree(&world.store);
        assert_eq!(
            world.turn().await,
            ["asked devis-1-1", "asked devis-1-2"],
            "put off, and due a day later"
        );
        world.end(MailKind::Asked, 1, MailEnd::Dropped).await;
        world.end(MailKind::Asked, 2, MailEnd::Sent).await;
        for day in 1..=6 {
            world.host.pass_days(&world.store, 1);
            assert_eq!((world.turn().await, world.tally().await), (Vec::new(), [1, 0, 1, 0]), "{day}");
        }
        world.host.pass_days(&world.store, 1);
        assert_eq!(world.turn().await, ["asked devis-1-1"], "things may be otherwise since");
    }

    #[tokio::test]
    async fn nobody_is_asked_while_it_is_paused_or_where_the_house_asks_by_itself() {
        let world = World::new(true).await;
        world.store.pause_asking(true, by_officer(Action::AskingPaused)).await.expect("kept");
        assert_eq!((world.turn().await, world.tally().await), (Vec::new(), [1, 0, 0, 0]));
        world.store.pause_asking(false, by_officer(Action::AskingResumed)).await.expect("kept");
        world.host.clock.advance_ms(61_000);
        assert_eq!(world.turn().await, ["asked devis-1-1"]);
        let own = World::new(false).await;
        assert_eq!((own.turn().await, own.tally().await), (Vec::new(), [1, 0, 0, 0]));
        let policy = own.asker.policy.pin();
        let first = own.asker.first(policy.purpose("devis").expect("a purpose"), 5).await.expect("looked");
        let [(mail, ends)] = first.as_slice() else { panic!("one is due") };
        assert_eq!((mail.kind, *ends), (MailKind::Asked, Day::of(own.store.now()).plus(20)));
    }
}
