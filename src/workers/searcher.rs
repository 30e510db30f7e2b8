//! Looks for addresses in everything that is stored, on a thread of its own. Look-ups that wait share one scan: one that comes
//! while a scan is under way has its share in the next, since it may have missed what that one has passed already.
//!
//! What an answer says of others is how many records hold an address, and which; nothing of what was looked at is kept.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use tokio::sync::oneshot;

use crate::current::Current;
use crate::forget::address::{Matcher, Sought};
use crate::lead::UnsealedLead;
use crate::purpose::{FieldName, Policy, PurposeId, RecordId};
use crate::store::{Addresses, Kept, Match, Matches, StoreCode, StoreError};
use crate::telemetry::metrics::Metrics;
use crate::trail::Entry;

/// So many look-ups wait for the next scan; it is looked for all of them at once.
pub const WAITING_MAX: usize = 32;
/// A scan that takes longer is given up: some hundred million records, or a disk that hangs.
const SCAN_WITHIN: Duration = Duration::from_secs(10 * 60);
/// After so many records the scan looks up: a millisecond or two.
const SLICE_RECORDS: u64 = 256;
/// And rests for so long while leads wait: fetching and storing come first.
const PAUSE_BUSY: Duration = Duration::from_millis(10);
/// How long the thread may take to end, and how often it is looked at.
const END_WITHIN: Duration = Duration::from_secs(2);
const END_POLL: Duration = Duration::from_millis(2);

/// What runs on a thread.
pub type Work = Box<dyn FnOnce() + Send>;

/// What a search needs.
pub struct SearchTools {
    /// What is kept.
    pub kept: Arc<dyn Addresses>,
    /// By which the numbers of a purpose have a region.
    pub policy: Arc<Current<Policy>>,
    /// Where scans are counted.
    pub metrics: Arc<Metrics>,
    /// True while something waits that comes first.
    pub busy: Box<dyn Fn() -> bool + Send>,
}

/// The searcher.
pub struct Searcher {
    desk: Arc<Desk>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// Where look-ups wait.
#[derive(Default)]
struct Desk {
    waiting: Mutex<Waiting>,
    changed: Condvar,
}

#[derive(Default)]
struct Waiting {
    lookups: Vec<Lookup>,
    is_closed: bool,
}

/// Somebody looks for an address. No `Debug`.
struct Lookup {
    sought: Sought,
    /// Behind this record alone; none: in all.
    after: Option<RecordId>,
    /// Who.
    by: Entry,
    found: Matches,
    answer: oneshot::Sender<Result<Matches, StoreError>>,
}

impl Lookup {
    fn concerns(&self, record: &RecordId) -> bool {
        self.after.as_ref().is_none_or(|after| after < record)
    }
}

impl Searcher {
    /// A searcher that waits on a thread of its own, which `spawn` starts.
    ///
    /// # Errors
    /// There is no thread.
    pub fn start(
        tools: SearchTools,
        spawn: impl FnOnce(Work) -> io::Result<JoinHandle<()>>,
    ) -> io::Result<Self> {
        Self::start_within(SCAN_WITHIN, tools, spawn)
    }

    fn start_within(
        scan_within: Duration,
        tools: SearchTools,
        spawn: impl FnOnce(Work) -> io::Result<JoinHandle<()>>,
    ) -> io::Result<Self> {
        let desk = Arc::<Desk>::default();
        let (scanning, of_thread) =
            (Scanning { tools, desk: Arc::clone(&desk), scan_within }, Arc::clone(&desk));
        let thread = spawn(Box::new(move || {
            while let Some(lookups) = of_thread.next() {
                // Whoever waited is told that there is no answer; the panic's place is in the log.
                let _ = catch_unwind(AssertUnwindSafe(|| scanning.answer(lookups)));
            }
        }))?;
        Ok(Self { desk, thread: Mutex::new(Some(thread)) })
    }

    /// Which records hold this address, of all or of those behind one, for whoever this line will name. Whoever waits no longer drops
    /// this.
    ///
    /// # Errors
    /// [`StoreCode::SearchesFull`]: as many wait as may. [`StoreCode::SearchTooSlow`]; otherwise the store's.
    pub async fn look(
        &self,
        sought: Sought,
        after: Option<RecordId>,
        by: Entry,
    ) -> Result<Matches, StoreError> {
        let answered = self.desk.ask(sought, after, by)?;
        answered.await.unwrap_or(Err(StoreError::of(StoreCode::Closed)))
    }

    /// Ends: what waits is told so, and what is under way is broken off.
    pub async fn end(&self) {
        self.desk.close();
        let Some(thread) = self.thread.lock().take() else { return };
        let until = Instant::now() + END_WITHIN;
        while !thread.is_finished() && Instant::now() < until {
            tokio::time::sleep(END_POLL).await;
        }
        // One that hangs in a system call is left to the end of the process.
        if thread.is_finished() {
            let _ = thread.join();
        }
    }
}

impl Drop for Searcher {
    fn drop(&mut self) {
        self.desk.close();
    }
}

impl Desk {
    fn ask(
        &self,
        sought: Sought,
        after: Option<RecordId>,
        by: Entry,
    ) -> Result<oneshot::Receiver<Result<Matches, StoreError>>, StoreError> {
        let (answer, answered) = oneshot::channel();
        let mut waiting = self.waiting.lock();
        if waiting.is_closed {
            return Err(StoreError::of(StoreCode::Closed));
        }
        // Who went away holds no place.
        waiting.lookups.retain(|lookup| !lookup.answer.is_closed());
        if waiting.lookups.len() >= WAITING_MAX {
            return Err(StoreError::of(StoreCode::SearchesFull));
        }
        waiting.lookups.push(Lookup { sought, after, by, found: Matches::default(), answer });
        self.changed.notify_one();
        Ok(answered)
    }

    /// All that wait, once there are any; none: it is over.
    fn next(&self) -> Option<Vec<Lookup>> {
        let mut waiting = self.waiting.lock();
        loop {
            if waiting.is_closed {
                return None;
            }
            waiting.lookups.retain(|lookup| !lookup.answer.is_closed());
            if !waiting.lookups.is_empty() {
                return Some(std::mem::take(&mut waiting.lookups));
            }
            self.changed.wait(&mut waiting);
        }
    }

    fn close(&self) {
        let mut waiting = self.waiting.lock();
        waiting.is_closed = true;
        waiting.lookups.clear();
        self.changed.notify_one();
    }

    fn is_closed(&self) -> bool {
        self.waiting.lock().is_closed
    }
}

/// What the thread has.
struct Scanning {
    tools: SearchTools,
    desk: Arc<Desk>,
    scan_within: Duration,
}

impl Scanning {
    /// One scan for all of them.
    fn answer(&self, mut lookups: Vec<Lookup>) {
        let begun = Instant::now();
        self.tools.metrics.searched(lookups.len() as u64);
        let scanned = self.scan(&mut lookups, begun);
        tracing::info!(
            search.lookups = lookups.len(),
            search.records = scanned.ok(),
            search.took_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX),
            code = scanned.err().map(|error| tracing::field::display(error.code)),
            "search.done"
        );
        for Lookup { found, answer, .. } in lookups {
            // Nobody may wait for it any more.
            let _ = answer.send(scanned.map(|_| found));
        }
    }

    /// How many records were looked at.
    fn scan(&self, lookups: &mut [Lookup], begun: Instant) -> Result<u64, StoreError> {
        let policy = self.tools.policy.pin();
        let mut matching: Option<(PurposeId, OfPurpose)> = None;
        let mut looked_at = 0;
        self.go_on(lookups, begun)?;
        let by: Vec<Entry> = lookups.iter().map(|lookup| lookup.by.clone()).collect();
        for kept in self.tools.kept.each_kept(&by)? {
            looked_at += 1;
            if looked_at % SLICE_RECORDS == 0 {
                self.go_on(lookups, begun)?;
            }
            let lead = match kept? {
                Kept::Record(lead) => lead,
                Kept::Unreadable(id) => {
                    count_unreadable(lookups, &id);
                    continue;
                }
            };
            let purpose = &lead.id().purpose;
            let by = match &mut matching {
                Some((of, by)) if of == purpose => by,
                matching => {
                    let known = policy.purpose(purpose.as_str());
                    let sought = lookups.iter().enumerate().map(|(which, lookup)| (which, &lookup.sought));
                    let matcher = Matcher::of(sought, known.and_then(|purpose| purpose.phone_region));
                    let names = known.into_iter().flat_map(|purpose| purpose.whitelist.mailboxes());
                    let mailboxes = names.map(|rule| rule.name.clone()).collect();
                    &mut matching.insert((purpose.clone(), OfPurpose { matcher, mailboxes })).1
                }
            };
            match holders(&lead, by) {
                Some(which) => note(lookups, which, &lead),
                None => count_unreadable(lookups, lead.id()),
            }
        }
        Ok(looked_at)
    }

    /// Looks up from the records: gives way to what comes first.
    ///
    /// # Errors
    /// It is over.
    fn go_on(&self, lookups: &[Lookup], begun: Instant) -> Result<(), StoreError> {
        if self.desk.is_closed() {
            return Err(StoreError::of(StoreCode::Closed));
        }
        if lookups.iter().all(|lookup| lookup.answer.is_closed()) {
            return Err(StoreError::of(StoreCode::ReadingInterrupted));
        }
        if begun.elapsed() >= self.scan_within {
            return Err(StoreError::of(StoreCode::SearchTooSlow));
        }
        if (self.tools.busy)() {
            std::thread::sleep(PAUSE_BUSY);
        }
        Ok(())
    }
}

/// By what the records of one purpose are looked at.
struct OfPurpose {
    matcher: Matcher,
    /// The fields that mails about them may go to.
    mailboxes: Vec<FieldName>,
}

/// Whose address a record holds: a bit for each look-up.
#[derive(Clone, Copy, Default)]
struct Holders {
    /// Wherever it stands.
    all: u32,
    /// Of those, in a field that mails may go to.
    in_mailboxes: u32,
}

/// Whose address the record holds. None: a later version wrote it.
fn holders(lead: &UnsealedLead, by: &OfPurpose) -> Option<Holders> {
    const { assert!(WAITING_MAX <= u32::BITS as usize, "a bit for each") };
    let mut which = Holders::default();
    if !by.matcher.is_idle() {
        let look = |name: &str, answer: &str| {
            let mut found = 0_u32;
            by.matcher.look(answer, |one| found |= 1_u32 << one);
            which.all |= found;
            if found != 0 && by.mailboxes.iter().any(|mailbox| mailbox.as_str() == name) {
                which.in_mailboxes |= found;
            }
        };
        lead.each_answer(look).ok()?;
    }
    Some(which)
}

fn note(lookups: &mut [Lookup], which: Holders, lead: &UnsealedLead) {
    if which.all == 0 {
        return;
    }
    for (at, lookup) in lookups.iter_mut().enumerate() {
        let bit = 1_u32 << at;
        if which.all & bit != 0 && lookup.concerns(lead.id()) {
            let may_be_mailbox = which.in_mailboxes & bit != 0;
            lookup.found.add(Match { record: lead.id().clone(), seen: lead.seen(), may_be_mailbox });
        }
    }
}

fn count_unreadable(lookups: &mut [Lookup], record: &RecordId) {
    let concerned = lookups.iter_mut().filter(|lookup| lookup.concerns(record));
    concerned.for_each(|lookup| lookup.found.unreadable += 1);
}

#[cfg(test)]
mod tests;
