//! Whoever lost the link to their page asks for it by their e-mail address. What was typed waits here; it is looked for together with what
//! others typed meanwhile, and where mails about a record go to it one mail is queued, with all the links.
//!
//! Who asks does not wait for any of it, so that neither the answer nor how long it takes tells whether an address is known. What
//! waits lies in memory alone: a stop forgets it, and it is asked for again. When a mail went last lies in the outbox, with the record.
//! Between two looks it rests for several times as long as the last one took, so that strangers never keep the machine busy
//! (docs/decisions, 262).

use std::collections::VecDeque;
use std::sync::Arc;

use async_trait::async_trait;
use futures_util::future::join_all;
use jiff::{SignedDuration, Timestamp};
use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::clock::{Clock, after};
use crate::current::Current;
use crate::forget::address::Sought;
use crate::lead::OpenedLead;
use crate::mail::goes_to;
use crate::purpose::{Policy, RecordId};
use crate::random::Random;
use crate::secret::Wiped;
use crate::store::{MailId, MailKind, Matches, SHOWN_AT_ONCE_MAX, SharedStore, StoreCode, StoreError};
use crate::trail::{Action, Entry};
use crate::workers::{Searcher, Step, WAITING_MAX, Worker};

/// So many addresses wait; who comes beyond is told to come again.
const ASKED_MAX: usize = 256;
/// So many are looked for at once: half of the places that there are, the others are the officer's.
const TOGETHER_MAX: usize = WAITING_MAX / 2;
/// So many records that hold an address are opened at the most: others may name it too, and stand before its own.
const OPENED_MAX: usize = 4 * SHOWN_AT_ONCE_MAX;
/// It rests so many times as long as a look took, within these bounds.
const REST_TIMES: i32 = 4;
const REST_MIN: SignedDuration = SignedDuration::from_secs(5);
const REST_MAX: SignedDuration = SignedDuration::from_mins(30);
/// What could not be looked for so often is let go: it is asked for again.
const LOOKS_MAX: u32 = 5;
/// How long it waits for a copy of the store that is being made.
const AFTER_COPYING: SignedDuration = SignedDuration::from_secs(10);
/// How long it waits for a store that takes nothing now.
const AFTER_REFUSAL: SignedDuration = SignedDuration::from_mins(1);

/// The usher.
pub struct Usher {
    store: SharedStore,
    searcher: Arc<Searcher>,
    policy: Arc<Current<Policy>>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    queue: Mutex<Queue>,
    arrived: Notify,
}

#[derive(Default)]
struct Queue {
    waiting: VecDeque<Asked>,
    rests_until: Option<Timestamp>,
}

/// An address that somebody typed. No `Debug`; wiped when dropped.
struct Asked {
    sought: Sought,
    spelled: Wiped<String>,
    looks: u32,
}

/// What came of a look.
#[derive(Default)]
struct Came {
    /// What could not be looked for.
    again: Vec<Asked>,
    /// How many mails were queued.
    queued: u64,
    /// The store takes nothing now.
    is_refused: bool,
}

impl Usher {
    /// An usher whom nobody has asked yet.
    pub fn new(
        store: SharedStore,
        searcher: Arc<Searcher>,
        policy: Arc<Current<Policy>>,
        (clock, random): (Arc<dyn Clock>, Arc<dyn Random>),
    ) -> Self {
        let (queue, arrived) = (Mutex::default(), Notify::new());
        Self { store, searcher, policy, clock, random, queue, arrived }
    }

    /// Somebody asks for the links to what is held under this address. False: too many wait. Nothing is looked at.
    pub fn ask(&self, sought: Sought) -> bool {
        let spelled = sought.spelled();
        let mut queue = self.queue.lock();
        if queue.waiting.iter().any(|asked| *asked.spelled == *spelled) {
            return true;
        }
        if queue.waiting.len() >= ASKED_MAX {
            return false;
        }
        queue.waiting.push_back(Asked { sought, spelled, looks: 0 });
        drop(queue);
        self.arrived.notify_one();
        true
    }

    /// Those whose turn it is; or when it is anybody's. None: nobody waits.
    fn turn(&self, now: Timestamp) -> Option<Result<Vec<Asked>, Timestamp>> {
        let mut queue = self.queue.lock();
        if queue.waiting.is_empty() {
            return None;
        }
        // A clock that was set back does not make it longer.
        let rests = queue.rests_until.filter(|until| now < *until && *until <= after(now, REST_MAX));
        if let Some(until) = rests {
            return Some(Err(until));
        }
        let together = queue.waiting.len().min(TOGETHER_MAX);
        Some(Ok(queue.waiting.drain(..together).collect()))
    }

    /// Queues a mail to the mailbox that was sought, if mails about any of these records go to it, and none went or waits for one of
    /// those. True: it is queued.
    async fn queue(&self, sought: &Sought, matches: &Matches) -> Result<bool, StoreError> {
        // What only names it elsewhere is not opened, and hides nothing.
        let ids = matches.first.iter().filter(|found| found.may_be_mailbox).take(OPENED_MAX);
        let ids: Vec<RecordId> = ids.map(|found| found.record.clone()).collect();
        let now = self.store.now();
        let written = self.store.correspondence(ids.clone()).await?;
        let (mut written_about, mut others) = (Vec::new(), Vec::new());
        for (record, written) in ids.into_iter().zip(written) {
            let mail = MailId { record, kind: MailKind::Link };
            if written.is_recent(MailKind::Link, now) || self.store.mail_waits(&mail) {
                written_about.push(mail.record);
            } else if written.unreachable.is_none() {
                others.push(mail.record);
            }
        }
        // A mail about a record that is another's, and only names the address, keeps nobody from theirs.
        if self.first_of(sought, &written_about, now).await?.is_some() {
            return Ok(false);
        }
        match self.first_of(sought, &others, now).await? {
            Some(record) => self.store.ask_for_mail(MailId { record, kind: MailKind::Link }).await,
            None => Ok(false),
        }
    }

    /// The first of these records whose mails go to the mailbox that was sought. What is opened for it leaves its lines in the trail.
    async fn first_of(
        &self,
        sought: &Sought,
        records: &[RecordId],
        now: Timestamp,
    ) -> Result<Option<RecordId>, StoreError> {
        let policy = self.policy.pin();
        for part in records.chunks(SHOWN_AT_ONCE_MAX) {
            let goes_there = |lead: &OpenedLead| goes_to(lead, &policy, now, sought);
            let theirs = self.store.find_among(part.to_vec(), by(), &goes_there).await?;
            if let Some(first) = theirs.first() {
                return Ok(Some(first.id().clone()));
            }
        }
        Ok(None)
    }

    /// Looks for all of them at once.
    async fn look(&self, turn: Vec<Asked>) -> Came {
        let looks = turn.iter().map(|asked| self.searcher.look(asked.sought.clone(), None, by()));
        let looked = join_all(looks).await;
        let mut came = Came::default();
        for (asked, found) in turn.into_iter().zip(looked) {
            let done = match found {
                Ok(matches) if matches.first.is_empty() => Ok(false),
                Ok(matches) => self.queue(&asked.sought, &matches).await,
                Err(error) => Err(error),
            };
            match done {
                Ok(is_queued) => came.queued += u64::from(is_queued),
                Err(error) => {
                    tracing::warn!(code = %error.code, "links.not-looked");
                    let is_passing = is_passing(error.code);
                    came.is_refused |= is_passing;
                    came.again.push(Asked { looks: asked.looks + u32::from(!is_passing), ..asked });
                }
            }
        }
        came
    }
}

/// In whose name is looked: whoever asked did not say who they are.
fn by() -> Entry {
    Entry::by_system(Action::LinkAsked)
}

/// The same in an order that nobody foretells: when a mail arrives does not tell whoever asked for it that one went before it, to the
/// address that they had asked for first. Without randomness it stays as it was.
fn shuffled(turn: Vec<Asked>, random: &dyn Random) -> Vec<Asked> {
    let mut drawn = vec![[0_u8; 8]; turn.len()];
    if drawn.iter_mut().any(|place| random.fill(place).is_err()) {
        return turn;
    }
    let mut placed: Vec<([u8; 8], Asked)> = drawn.into_iter().zip(turn).collect();
    placed.sort_by_key(|(place, _)| *place);
    placed.into_iter().map(|(_, asked)| asked).collect()
}

/// True of what the store refuses for a while whatever it is asked: that is no look, and whoever asked is not let go for it.
fn is_passing(code: StoreCode) -> bool {
    matches!(
        code,
        StoreCode::CopyUnderWay
            | StoreCode::DiskFull
            | StoreCode::Stalled
            | StoreCode::ClockJumped
            | StoreCode::ClockUnconfirmed
    )
}

#[async_trait]
impl Worker for Usher {
    fn name(&self) -> &'static str {
        "usher"
    }

    fn wake(&self) -> Option<&Notify> {
        Some(&self.arrived)
    }

    async fn step(&self) -> Step {
        let begun = self.clock.now();
        // What would be found now could not be written down.
        if self.store.is_copying() {
            return Step::Until(after(begun, AFTER_COPYING));
        }
        let turn = match self.turn(begun) {
            None => return Step::Idle,
            Some(Err(until)) => return Step::Until(until),
            Some(Ok(turn)) => turn,
        };
        let count = turn.len();
        let turn = shuffled(turn, &*self.random);
        let Came { again, queued, is_refused } = self.look(turn).await;
        let now = self.clock.now();
        let took = now.duration_since(begun).max(SignedDuration::ZERO);
        let least = if is_refused { AFTER_REFUSAL } else { REST_MIN };
        let rest = took.saturating_mul(REST_TIMES).clamp(least, REST_MAX);
        let mut queue = self.queue.lock();
        queue.rests_until = Some(after(now, rest));
        for asked in again.into_iter().filter(|asked| asked.looks < LOOKS_MAX).rev() {
            queue.waiting.push_front(asked);
        }
        let waiting = queue.waiting.len();
        drop(queue);
        tracing::info!(links.asked = count, mails.queued = queued, links.waiting = waiting, "links.looked");
        Step::Did(count)
    }
}

#[cfg(test)]
mod tests;
