//! Sends what waits in the outbox, one mail at a time: to a server that answers, at the pace that the config gives.
//!
//! A record is read only once a server is there. Whether its person still may be written to is looked at twice: when the mail is
//! written, and between the server's yes to the address and the text (docs/decisions, 242). While no server takes mails they wait,
//! and a person is told; what ends by the calendar ends all the same.

mod asked_for;
mod copying;
mod telling;
mod writing;

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use parking_lot::Mutex;

use crate::attention::{Attention, AttentionCode, Concern};
use crate::clock::{Clock, Day, after};
use crate::current::Current;
use crate::forget::Untold;
use crate::mail::{Course, MailCode, MailError, Pace, RawMail, Session, Settings};
use crate::purpose::{Policy, RecordId};
use crate::store::{MailAttempt, MailEnd, MailId, MailKind, RequestId, SharedStore, StoreCode, StoreError};
use crate::telemetry::metrics::{MailsCounted, Metrics};
use crate::trail::{Action, Entry, Reason};
use crate::workers::carried_out::say_carried_out;
use crate::workers::judging::Unsent;
use crate::workers::{Searcher, Step, Worker};

use copying::Answering;
pub use copying::{CopyFiles, CopyOf, Copying, Lacks};
use telling::untold;
pub use writing::Letterhead;
use writing::{Desk, Written};

/// How long it waits for a server that took nothing: a minute, then twice as long each time, up to the most.
const HALT_FIRST: SignedDuration = SignedDuration::from_mins(1);
const HALT_MAX: SignedDuration = SignedDuration::from_mins(15);
/// After so long without a mail taken a person is told, and at once of what only a person can mend.
const TOLD_AFTER: SignedDuration = SignedDuration::from_mins(15);
/// So many different mails in a row that no address is to blame for: it is the server.
const FAILED_IN_A_ROW_MAX: usize = 3;
/// How long it waits for a store that gives no answer.
const AFTER_REFUSAL: SignedDuration = SignedDuration::from_secs(10);

/// The postman.
pub struct Postman {
    store: SharedStore,
    settings: Settings,
    desk: Desk,
    attention: Arc<Attention>,
    counted: MailsCounted<MailKind, Unsent, MailCode>,
    clock: Arc<dyn Clock>,
    round: Mutex<Round>,
    /// How a mail ended whose end could not be written, since a copy was being made: it comes before anything else is sent.
    unwritten: Mutex<Option<Ending>>,
    /// Under which public address a mail went last, and on which day, as far as that is noted.
    noted: Mutex<Option<(String, Day)>>,
}

/// How a mail ended.
#[derive(Clone)]
struct Ending {
    mail: MailId,
    end: MailEnd,
    /// The line that says so.
    entry: Option<Entry>,
    /// The request that is answered by it.
    request: Option<RequestId>,
    /// Of a letter that goes before an erasure: of which records, and whether their person was told.
    told: Option<Told>,
}

/// Records that wait for their erasure, and whether their person was told.
type Told = (Vec<RecordId>, Result<(), Untold>);

/// How it goes.
struct Round {
    pace: Pace,
    /// Since when no mail was taken although some were due; none: the last one was.
    failing_since: Option<Timestamp>,
    /// Which mails failed since: no more of them than say that it is the server.
    failed: BTreeSet<MailId>,
    /// How often it was halted since.
    halts: u32,
    /// Before this moment no server is asked.
    halted_until: Option<Timestamp>,
}

/// What came of a round.
enum Delivered {
    /// A mail waits no longer.
    Ended,
    /// It waits on; no server was there, or it is the house's to mend, or later.
    Failed(MailError, Blame),
    /// It was another's turn meanwhile.
    Passed,
}

/// Whose a failure is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Blame {
    /// The server took nobody's mail.
    Server,
    /// It did not take this one.
    Mail,
}

impl Postman {
    /// A postman who hands mails to this server, at most so many an hour. `asks_again`: also those that ask whether people still agree.
    pub fn new(
        store: SharedStore,
        (settings, rate, asks_again): (Settings, u32, bool),
        (policy, letterhead): (Arc<Current<Policy>>, Arc<Current<Letterhead>>),
        metrics: &Metrics,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let round = Round {
            pace: Pace::per_hour(rate),
            failing_since: None,
            failed: BTreeSet::new(),
            halts: 0,
            halted_until: None,
        };
        let desk = Desk::new(Arc::clone(&store), policy, letterhead, asks_again);
        let attention = Arc::default();
        let counted = Self::counted(metrics);
        let (round, unwritten, noted) = (Mutex::new(round), Mutex::default(), Mutex::default());
        Self { store, settings, desk, attention, counted, clock, round, unwritten, noted }
    }

    /// What is counted of mails: from zero, also where no server is there to take any.
    pub fn counted(metrics: &Metrics) -> MailsCounted<MailKind, Unsent, MailCode> {
        metrics.mails_counted()
    }

    /// Says here what needs a person.
    pub fn attending(self, attention: Arc<Attention>) -> Self {
        Self { attention, ..self }
    }

    /// Answers whoever asks for their links, or for a copy.
    pub fn answering(mut self, searcher: Arc<Searcher>, copying: Copying) -> Self {
        self.desk.answering = Some(Answering { searcher, copying });
        self
    }

    /// Tries to deliver one mail.
    async fn deliver(&self, mail: &MailId) -> Result<Delivered, StoreError> {
        let session = match Session::open(&self.settings).await {
            Ok(session) => session,
            Err(error) => return Ok(Delivered::Failed(error, Blame::Server)),
        };
        let Some(attempt) = self.store.try_mail(mail.clone()).await? else {
            session.close().await;
            return Ok(Delivered::Passed);
        };
        // No server waits while everything is looked through.
        let session = match mail.kind.is_asked_for() {
            true => {
                session.close().await;
                None
            }
            false => Some(session),
        };
        let objections = self.store.objections();
        let (raw, told) = match self.desk.write(mail, &attempt, &self.settings).await {
            Ok(Written::Mail(raw)) => (raw, None),
            Ok(Written::Telling(raw, records)) => (raw, Some((records, Ok(())))),
            // Nobody has what was begun.
            Err(error) => {
                self.desk.take_back().await;
                if let Some(session) = session {
                    session.close().await;
                }
                return Err(error);
            }
            Ok(unwritten) => {
                self.desk.take_back().await;
                if let Some(session) = session {
                    session.close().await;
                }
                return self.unwritten(mail, unwritten).await;
            }
        };
        let mut session = match session {
            Some(session) => session,
            None => match Session::open(&self.settings).await {
                Ok(session) => session,
                Err(error) => {
                    self.desk.take_back().await;
                    return Ok(Delivered::Failed(error, Blame::Server));
                }
            },
        };
        self.round.lock().pace.take();
        match self.hand_over(&mut session, mail, &attempt, (&raw, objections)).await {
            Ok(true) => {
                self.desk.handed_over();
                let entry = Some(Entry::by_system(sent(mail.kind)));
                let request = attempt.request;
                self.end(Ending { mail: mail.clone(), end: MailEnd::Sent, entry, request, told }).await?;
                self.note_address().await;
                self.counted.sent.add(mail.kind, 1);
                tracing::info!(mail.kind = %mail.kind, mail.attempt = attempt.number, "mail.sent");
                session.close().await;
                Ok(Delivered::Ended)
            }
            // It may not go any more, and is looked at again by what is so now.
            Ok(false) => {
                self.desk.take_back().await;
                session.close().await;
                if !self.store.mail_waits(mail) {
                    self.counted.dropped.add(Unsent::Gone, 1);
                    tracing::info!(mail.kind = %mail.kind, code = %Unsent::Gone, "mail.dropped");
                }
                Ok(Delivered::Passed)
            }
            Err(error) => {
                match error.code.course() {
                    // It may have been taken: whoever has it has its links.
                    Course::Unknown => self.desk.handed_over(),
                    Course::Never | Course::Later | Course::Mend => self.desk.take_back().await,
                }
                self.refused(mail, error).await
            }
        }
    }

    /// False: between the server's yes to the address and the text it was seen that the mail may not go, or that somebody objected, or the
    /// asking was paused, since it was written.
    async fn hand_over(
        &self,
        session: &mut Session,
        mail: &MailId,
        attempt: &MailAttempt,
        (raw, objections): (&RawMail, u64),
    ) -> Result<bool, MailError> {
        session.offer(raw).await?;
        let is_heard = mail.kind.passes_restriction() || self.store.objections() == objections;
        let is_asking = matches!(mail.kind, MailKind::Asked | MailKind::Reminded);
        let is_paused = is_asking && self.store.asking_paused();
        if !is_heard || is_paused || !self.store.mail_stands(mail, attempt) {
            return Ok(false);
        }
        session.hand_over(raw).await?;
        Ok(true)
    }

    /// What could not be written: put off, or let go.
    async fn unwritten(&self, mail: &MailId, written: Written) -> Result<Delivered, StoreError> {
        match written {
            Written::Not(why) => self.drop(mail, why).await,
            Written::Later(code) => {
                tracing::warn!(mail.kind = %mail.kind, code, "mail.put-off");
                Ok(Delivered::Passed)
            }
            Written::Mail(_) | Written::Telling(..) => Ok(Delivered::Passed),
        }
    }

    /// Notes, once a day, under which address the links of mails lead: whoever changes it is told until when they did.
    async fn note_address(&self) {
        let now = (self.desk.letterhead.pin().public_url.clone(), Day::of(self.store.now()));
        if self.noted.lock().as_ref() == Some(&now) {
            return;
        }
        match self.store.note_mailed_under(now.0.clone()).await {
            Ok(()) => *self.noted.lock() = Some(now),
            Err(error) => tracing::warn!(code = %error.code, "mail.address-not-noted"),
        }
    }

    /// The request that a mail was sent for is answered by it. Where that cannot be written down, the officer sees it open.
    ///
    /// # Errors
    /// A copy is being made: it can be written down behind that.
    async fn answer(&self, request: Option<RequestId>) -> Result<(), StoreError> {
        let Some(request) = request else { return Ok(()) };
        let entry = Entry::by_person(Action::RequestAnswered, Reason::PersonRequest);
        match self.store.answer_request(request, None, entry).await {
            Err(error) if error.code == StoreCode::CopyUnderWay => Err(error),
            Err(error) => {
                tracing::warn!(code = %error.code, "mail.request-left-open");
                Ok(())
            }
            Ok(_) => Ok(()),
        }
    }

    async fn drop(&self, mail: &MailId, why: Unsent) -> Result<Delivered, StoreError> {
        let end = match why {
            Unsent::TooLate | Unsent::NotAsking => MailEnd::PutOff,
            _ => MailEnd::Dropped,
        };
        let (entry, told) = Self::untold(mail, untold(why));
        self.end(Ending { mail: mail.clone(), end, entry, request: None, told }).await?;
        self.counted.dropped.add(why, 1);
        tracing::info!(mail.kind = %mail.kind, code = %why, "mail.dropped");
        Ok(Delivered::Ended)
    }

    async fn refused(&self, mail: &MailId, error: MailError) -> Result<Delivered, StoreError> {
        self.counted.failed.add(error.code, 1);
        let status = error.status.map(|status| status.to_string());
        tracing::warn!(
            mail.kind = %mail.kind, code = %error.code, smtp.reply = error.reply, smtp.status = status,
            "mail.not-taken"
        );
        if error.code.course() != Course::Never {
            return Ok(Delivered::Failed(error, Blame::Mail));
        }
        let (entry, told) = Self::untold(mail, Some(Untold::Unreachable));
        let entry = entry.or(Some(Entry::by_system(Action::Unreachable)));
        self.end(Ending { mail: mail.clone(), end: MailEnd::Unreachable, entry, request: None, told })
            .await?;
        self.counted.dropped.add(Unsent::Unreachable, 1);
        Ok(Delivered::Ended)
    }

    /// What becomes of the erasure that a letter was to go before; of any other mail, nothing.
    fn untold(mail: &MailId, why: Option<Untold>) -> (Option<Entry>, Option<Told>) {
        match why.filter(|_| mail.kind == MailKind::Erasing) {
            Some(why) => {
                (Some(Entry::by_system(Action::ErasureUntold)), Some((vec![mail.record.clone()], Err(why))))
            }
            None => (None, None),
        }
    }

    /// The letter about an erasure went, or is not going to: the last of it has it carried out.
    async fn end_telling(&self, (records, told): Told, entry: Option<Entry>) -> Result<(), StoreError> {
        let entry = entry.unwrap_or_else(|| Entry::by_system(Action::ErasureUntold));
        if let Some(erasure) = self.store.end_telling(records, told, entry).await? {
            say_carried_out(&self.store, &erasure).await;
        }
        Ok(())
    }

    /// Has the end of a mail written, and what it answers; while a copy is made both are kept, or the mail would go out once more behind
    /// that. What is written twice changes nothing.
    async fn end(&self, ending: Ending) -> Result<(), StoreError> {
        let Ending { mail, end, entry, request, told } = ending.clone();
        let ended = match told {
            Some(told) => self.end_telling(told, entry).await,
            None => match self.store.end_mail(mail, end, entry).await {
                Ok(_) => self.answer(request).await,
                Err(error) => Err(error),
            },
        };
        match ended {
            Err(error) if error.code == StoreCode::CopyUnderWay => *self.unwritten.lock() = Some(ending),
            ended => ended?,
        }
        Ok(())
    }

    /// True: nothing is to be written any more.
    async fn has_written(&self) -> Result<bool, StoreError> {
        let kept = self.unwritten.lock().take();
        let Some(ending) = kept else { return Ok(true) };
        if let Err(error) = self.end(ending.clone()).await {
            *self.unwritten.lock() = Some(ending);
            return Err(error);
        }
        Ok(self.unwritten.lock().is_none())
    }

    /// A mail was taken, or its address was refused: the server is there. Or nothing waits.
    fn goes_on(&self, now: Timestamp) {
        let mut round = self.round.lock();
        if round.failing_since.take().is_some() && round.halted_until.is_some() {
            tracing::info!("mail.goes-on");
        }
        (round.failed, round.halts, round.halted_until) = (BTreeSet::new(), 0, None);
        drop(round);
        self.attention.found(&[AttentionCode::MailHalted], &[], now);
    }

    /// No mail was taken. Gives the moment before which none is tried, if that is the server's doing.
    fn failed(&self, mail: &MailId, (error, blame): (MailError, Blame), now: Timestamp) {
        let mut round = self.round.lock();
        let since = *round.failing_since.get_or_insert(now);
        if blame == Blame::Mail {
            if round.failed.len() < FAILED_IN_A_ROW_MAX {
                round.failed.insert(mail.clone());
            }
            // One mailbox that is full, however often it is tried, holds up nobody else.
            if round.failed.len() < FAILED_IN_A_ROW_MAX {
                return;
            }
        }
        let times = 2_i32.saturating_pow(round.halts.min(10));
        round.halts = round.halts.saturating_add(1);
        let wait = HALT_FIRST.saturating_mul(times).min(HALT_MAX);
        round.halted_until = Some(after(now, wait));
        drop(round);
        if blame == Blame::Server {
            self.counted.failed.add(error.code, 1);
        }
        let status = error.status.map(|status| status.to_string());
        tracing::warn!(
            code = %error.code, smtp.reply = error.reply, smtp.status = status, wait.seconds = wait.as_secs(),
            mails.waiting = self.store.mails_waiting().count, "mail.halted"
        );
        let lasts = now.duration_since(since) >= TOLD_AFTER;
        if lasts || error.code.course() == Course::Mend {
            let concern = Concern::of(AttentionCode::MailHalted);
            self.attention.found(&[AttentionCode::MailHalted], &[concern], now);
        }
    }

    /// Where nothing waits any more nobody has to mend anything for it.
    fn has_nothing_to_send(&self) {
        if self.store.mails_waiting().count == 0 && self.round.lock().failing_since.is_some() {
            self.goes_on(self.clock.now());
        }
    }

    /// Before this moment nothing is sent.
    fn rests_until(&self, now: Timestamp) -> Option<Timestamp> {
        let mut round = self.round.lock();
        // A clock that was set back does not make it longer.
        let halted = round.halted_until.filter(|until| now < *until && *until <= after(now, HALT_MAX));
        halted.or_else(|| Some(round.pace.next(now)).filter(|next| now < *next))
    }
}

/// What the trail calls it.
fn sent(kind: MailKind) -> Action {
    match kind {
        MailKind::Welcome => Action::Welcomed,
        MailKind::Asked => Action::Asked,
        MailKind::Reminded => Action::Reminded,
        MailKind::Link => Action::LinkSent,
        MailKind::Copy => Action::CopySent,
        MailKind::Erasing => Action::ErasureTold,
    }
}

#[async_trait]
impl Worker for Postman {
    fn name(&self) -> &'static str {
        "postman"
    }

    async fn step(&self) -> Step {
        // What would be sent now could not be noted.
        let rest = Step::Until(after(self.clock.now(), AFTER_REFUSAL));
        if self.store.is_copying() {
            return rest;
        }
        match self.has_written().await {
            Ok(true) => {}
            Ok(false) => return rest,
            Err(error) => {
                tracing::warn!(code = %error.code, "postman.store-refused");
                return rest;
            }
        }
        self.desk.take_untaken().await;
        // By a clock that may be ahead nobody is written to.
        let Some(mail) = self.store.mails_due(1).pop().filter(|_| !self.store.clock_jumped()) else {
            self.has_nothing_to_send();
            return Step::Idle;
        };
        let now = self.clock.now();
        if let Some(until) = self.rests_until(now) {
            return Step::Until(until);
        }
        let delivered = self.deliver(&mail).await;
        let now = self.clock.now();
        match delivered {
            Ok(Delivered::Ended) => {
                self.goes_on(now);
                Step::Did(1)
            }
            Ok(Delivered::Passed) => Step::Did(1),
            Ok(Delivered::Failed(error, blame)) => {
                self.failed(&mail, (error, blame), now);
                Step::Did(0)
            }
            Err(error) => {
                tracing::warn!(code = %error.code, "postman.store-refused");
                Step::Until(after(now, AFTER_REFUSAL))
            }
        }
    }
}

#[cfg(test)]
mod tests;
