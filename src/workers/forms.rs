//! What is known of the forms: read from Graph at first sight, kept in the store, read again daily and when a reply has
//! a key that the definition has not.

use std::collections::{HashMap, HashSet};
use std::ops::Deref;
use std::sync::{Arc, OnceLock};

use jiff::{SignedDuration, Timestamp};
use parking_lot::{Mutex, MutexGuard};

use crate::clock::Clock;
use crate::graph::{Decision, Failure, Graph};
use crate::id::{FormId, PageId};
use crate::purpose::{FormDefinition, Legal, Matching, Purpose, TextHash};
use crate::store::{KnownForm, SharedStore, StoreError};
use crate::workers::boxes::BoxWatch;
use crate::workers::looks::Looks;

/// A definition older than this is read again.
const FRESH_HOURS: i64 = 24;
/// One of which only the questions are known: Graph refused the rest, which may be mended, or an earlier version kept no more.
const PARTIAL_HOURS: i64 = 1;
/// A form that showed an unknown key is read again, but not more often than this.
const REREAD_MINUTES: i64 = 10;
/// One that could not be read again is asked for no more often than this, where no lead of it comes.
const ASKED_AGAIN_HOURS: i64 = 1;
/// With the tokens of so many pages a form is asked for whose page is not known.
const PAGES_ASKED_MAX: usize = 5;
/// How many forms are remembered in memory; beyond, the store is asked.
const REMEMBERED_MAX: usize = 1_000;

/// Why there is no definition to go by.
pub enum Unknown {
    /// Graph did not give it; the leads wait.
    Graph(Failure),
    /// The store did not.
    Store(StoreError),
}

/// A form as it was read, for all of its leads until it is read again.
pub struct FormRead {
    known: KnownForm,
    revision: OnceLock<Option<TextHash>>,
}

impl Deref for FormRead {
    type Target = KnownForm;

    fn deref(&self) -> &KnownForm {
        &self.known
    }
}

impl FormRead {
    fn new(known: KnownForm) -> Self {
        Self { known, revision: OnceLock::new() }
    }

    /// Which content it has; none: Graph does not give it. Worked out once.
    pub fn revision(&self) -> Option<TextHash> {
        *self.revision.get_or_init(|| self.known.definition.as_ref().map(FormDefinition::revision))
    }

    /// What purposes that claim it, or the form that it counts as, may hold of its answers.
    pub(super) fn matchings<'p>(
        &'p self,
        purposes: &[&'p Purpose],
        copy_of: Option<FormId>,
    ) -> Vec<Matching<'p>> {
        let matching = |purpose: &&'p Purpose| {
            let matching = Matching::new(purpose, self.known.definition.as_ref());
            matching.at_revision(self.revision()).counting_as(copy_of)
        };
        purposes.iter().map(matching).collect()
    }
}

/// Definitions of forms.
pub struct FormBook {
    pub(super) store: SharedStore,
    pub(super) graph: Arc<Graph>,
    pub(super) clock: Arc<dyn Clock>,
    /// When forms that no purpose names were looked at.
    pub(super) looks: Looks,
    remembered: Mutex<HashMap<FormId, Arc<FormRead>>>,
    stale: Mutex<HashMap<FormId, Timestamp>>,
    /// When each was last asked for, whatever came of it.
    looked: Mutex<HashMap<FormId, Timestamp>>,
    reading: Mutex<HashMap<FormId, Arc<Reading>>>,
    /// With which page's token Graph refused a form for good: another page's may see it, and whoever can sign calls may name
    /// the wrong page first.
    refused: Mutex<HashSet<(FormId, PageId)>>,
    boxes: BoxWatch,
    /// Forms that were read, or whose leads are held, since somebody asked for them.
    news: Mutex<HashSet<FormId>>,
}

/// What is made of a definition that Graph refuses for good.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Refusal {
    /// It is known that the form has none: its leads are matched by key.
    Kept,
    /// Nothing.
    Passing,
}

/// A form that is being read: whoever needs it meanwhile waits for that one call, and hears how it failed.
type Reading = tokio::sync::Mutex<Option<Failure>>;

impl FormBook {
    /// An empty book over store and Graph.
    pub fn new(store: SharedStore, graph: Arc<Graph>, clock: Arc<dyn Clock>) -> Self {
        Self {
            store,
            graph,
            clock,
            looks: Looks::default(),
            remembered: Mutex::default(),
            stale: Mutex::default(),
            looked: Mutex::default(),
            reading: Mutex::default(),
            refused: Mutex::default(),
            boxes: BoxWatch::default(),
            news: Mutex::default(),
        }
    }

    /// The form as it is known, read from Graph if it was never read or long ago. If a known form cannot be read again
    /// for the moment, what is known holds on.
    ///
    /// # Errors
    /// It was never read and cannot be read now.
    pub async fn form(&self, page: &PageId, form: &FormId) -> Result<Arc<FormRead>, Unknown> {
        self.enough(page, form, Refusal::Kept).await
    }

    /// The same of a form of which no lead is read yet. What another page may see of it is not known: a refusal is
    /// remembered nowhere, and what is known of another page's form is enough.
    ///
    /// # Errors
    /// The definition is not known and cannot be read now.
    pub async fn look(&self, page: &PageId, form: &FormId) -> Result<Arc<FormRead>, Unknown> {
        self.enough(page, form, Refusal::Passing).await
    }

    async fn enough(&self, page: &PageId, form: &FormId, refusal: Refusal) -> Result<Arc<FormRead>, Unknown> {
        let is_enough = |known: &FormRead| match (refusal, &known.definition) {
            (Refusal::Kept, _) => self.is_enough(known, page),
            (Refusal::Passing, None) => false,
            (Refusal::Passing, Some(definition)) => {
                definition.is_of_another_page(page) || self.is_fresh(known)
            }
        };
        let known = self.known(form).await.map_err(Unknown::Store)?;
        if let Some(known) = &known
            && is_enough(known)
        {
            return Ok(Arc::clone(known));
        }
        let reading = Arc::clone(self.being_read().entry(*form).or_default());
        let mut failed = reading.lock().await;
        if let Some(failure) = *failed {
            return Err(Unknown::Graph(failure));
        }
        let known = self.known(form).await.map_err(Unknown::Store)?;
        if let Some(known) = &known
            && is_enough(known)
        {
            return Ok(Arc::clone(known));
        }
        let read = self.read(page, form, known, refusal).await;
        if let Err(Unknown::Graph(failure)) = &read {
            *failed = Some(*failure);
        }
        self.being_read().remove(form);
        read
    }

    /// Reads a form that is not known, or no longer well.
    async fn read(
        &self,
        page: &PageId,
        form: &FormId,
        known: Option<Arc<FormRead>>,
        refusal: Refusal,
    ) -> Result<Arc<FormRead>, Unknown> {
        let read = self.graph.read_form(page, form).await;
        self.note_look(form);
        let is_kept = refusal == Refusal::Kept;
        // Without its definition it is not known at all, for who only looks.
        let known = known.filter(|known| is_kept || known.definition.is_some());
        if is_kept && read.as_ref().is_err_and(|failure| failure.decision == Decision::ForGood) {
            let mut refused = self.refused.lock();
            if refused.len() < REMEMBERED_MAX {
                refused.insert((*form, *page));
            }
        }
        let read = match read {
            Ok(definition) => {
                let before = known.as_ref().and_then(|known| known.definition.as_ref());
                if let Some(change) = before.and_then(|before| definition.change_since(before)) {
                    tracing::info!(
                        form.id = %form, page.id = %page, questions.added = change.added,
                        questions.removed = change.removed, questions.retyped = change.retyped,
                        form.reworded = change.is_reworded, "form.changed"
                    );
                }
                KnownForm { form: *form, definition: Some(definition), read_at: self.clock.now() }
            }
            Err(failure) => match (failure.decision, known) {
                (Decision::ForGood, None) if is_kept => {
                    tracing::warn!(form.id = %form, page.id = %page, "form.definition-refused");
                    KnownForm { form: *form, definition: None, read_at: self.clock.now() }
                }
                (_, Some(known)) => {
                    tracing::debug!(form.id = %form, code = %failure.code, "form.not-read-again");
                    let known = KnownForm { read_at: self.a_while_from_stale(&known), ..known.known.clone() };
                    return Ok(self.remember(asked(known)));
                }
                (_, None) => return Err(Unknown::Graph(failure)),
            },
        };
        self.store.put_form(read.clone()).await.map_err(Unknown::Store)?;
        self.note_news(form);
        if read.definition.is_some() {
            let questions = read.definition.as_ref().map_or(0, |definition| definition.questions.len());
            tracing::info!(form.id = %form, page.id = %page, form.questions = questions, "form.read");
        }
        Ok(self.remember(read))
    }

    /// Something of this form is news to whoever looks at forms. Of more than is remembered the hourly round hears.
    pub(super) fn note_news(&self, form: &FormId) {
        let mut news = self.news.lock();
        if news.len() < REMEMBERED_MAX {
            news.insert(*form);
        }
    }

    /// What is news since the last time, in order.
    pub(super) fn take_news(&self) -> Vec<FormId> {
        let mut news: Vec<FormId> = std::mem::take(&mut *self.news.lock()).into_iter().collect();
        news.sort();
        news
    }

    /// True of a form that was not read for a day, and not asked for lately in vain.
    pub(super) fn is_worth_a_look(&self, known: &KnownForm) -> bool {
        let now = self.clock.now();
        let asked = self.looked.lock().get(&known.form).copied();
        let within = |hours: i64, at: Timestamp| read_within(SignedDuration::from_hours(hours), at, now);
        !within(FRESH_HOURS, known.read_at) && !asked.is_some_and(|at| within(ASKED_AGAIN_HOURS, at))
    }

    /// Reads a form again although no lead of it came: with its page's token, or where Graph names no page, with those of some.
    pub(super) async fn look_again(&self, known: &KnownForm) {
        let own = known.definition.as_ref().and_then(|definition| definition.page);
        let mut pages: Vec<PageId> = match own {
            Some(page) => vec![page],
            None => self.graph.page_ids().iter().copied().collect(),
        };
        pages.sort();
        for page in pages.iter().filter(|page| self.is_readable(page)).take(PAGES_ASKED_MAX) {
            if self.look(page, &known.form).await.is_ok() {
                return;
            }
        }
    }

    fn note_look(&self, form: &FormId) {
        let (now, mut looked) = (self.clock.now(), self.looked.lock());
        if looked.len() < REMEMBERED_MAX || looked.contains_key(form) {
            looked.insert(*form, now);
        }
    }

    /// A reply had a key that the definition has not, or a call another page: it is read again at the next look.
    pub fn doubt(&self, form: &FormId) {
        let mut stale = self.stale.lock();
        if stale.len() < REMEMBERED_MAX {
            stale.entry(*form).or_insert_with(|| self.clock.now());
        }
    }

    /// Says what a person should look at of the boxes of a form of which a lead came, once.
    pub fn look_at_boxes(
        &self,
        page: &PageId,
        purpose: &Purpose,
        (copy_of, known): (Option<FormId>, &KnownForm),
    ) {
        self.boxes.look(purpose, page, &known.form, (copy_of, known.definition.as_ref()));
    }

    /// A time of reading under which a form that could not be read again is tried again soon, and not at each lead.
    fn a_while_from_stale(&self, known: &KnownForm) -> Timestamp {
        let fresh = fresh_for(known, false) - SignedDuration::from_mins(REREAD_MINUTES);
        self.clock.now().checked_sub(fresh).unwrap_or(Timestamp::UNIX_EPOCH)
    }

    fn being_read(&self) -> MutexGuard<'_, HashMap<FormId, Arc<Reading>>> {
        self.reading.lock()
    }

    async fn known(&self, form: &FormId) -> Result<Option<Arc<FormRead>>, StoreError> {
        if let Some(known) = self.remembered.lock().get(form) {
            return Ok(Some(Arc::clone(known)));
        }
        Ok(self.store.form(form).await?.map(|known| self.remember(known)))
    }

    fn remember(&self, known: KnownForm) -> Arc<FormRead> {
        let known = Arc::new(FormRead::new(known));
        let mut remembered = self.remembered.lock();
        if remembered.len() < REMEMBERED_MAX || remembered.contains_key(&known.form) {
            remembered.insert(known.form, Arc::clone(&known));
        }
        self.stale.lock().remove(&known.form);
        known
    }

    /// True if what is known needs no look at Graph for leads of this page.
    fn is_enough(&self, known: &KnownForm, page: &PageId) -> bool {
        let refused = || {
            let refused = self.refused.lock();
            refused.contains(&(known.form, *page)) || refused.len() >= REMEMBERED_MAX
        };
        self.is_fresh(known)
            && (known.definition.is_some() || refused() && !self.is_worth_another_look(known, page))
    }

    /// True of a form that Graph refused before somebody wanted the page tried at once: it may be given now.
    fn is_worth_another_look(&self, known: &KnownForm, page: &PageId) -> bool {
        let looked = self.looked.lock().get(&known.form).copied().unwrap_or(known.read_at);
        self.graph.is_retried_since(page, looked)
    }

    fn is_fresh(&self, known: &KnownForm) -> bool {
        if known.definition.as_ref().is_some_and(|definition| definition.legal == Legal::NotAsked) {
            return false;
        }
        let doubted = self.stale.lock().contains_key(&known.form);
        read_within(fresh_for(known, doubted), known.read_at, self.clock.now())
    }
}

/// How long what was read stands.
fn fresh_for(known: &KnownForm, doubted: bool) -> SignedDuration {
    let is_partial = known.definition.as_ref().is_some_and(|definition| definition.is_partial);
    match (doubted, is_partial) {
        (true, _) => SignedDuration::from_mins(REREAD_MINUTES),
        (false, true) => SignedDuration::from_hours(PARTIAL_HOURS),
        (false, false) => SignedDuration::from_hours(FRESH_HOURS),
    }
}

/// What an earlier version read without its boxes, and cannot be read again for now: it was asked for.
fn asked(mut known: KnownForm) -> KnownForm {
    if let Some(definition) = &mut known.definition
        && definition.legal == Legal::NotAsked
    {
        definition.legal = Legal::Withheld;
    }
    known
}

/// True of what was read no longer ago than this. What was read later than now was read under a clock that is put right
/// since: nobody knows how long ago that is.
fn read_within(limit: SignedDuration, read_at: Timestamp, now: Timestamp) -> bool {
    let age = now.duration_since(read_at);
    !age.is_negative() && age < limit
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::purpose::FormDefinition;

    #[test]
    fn what_is_not_whole_or_is_doubted_is_read_again_sooner() {
        let form = FormId::parse("901").expect("digits");
        let mut definition = FormDefinition::asking(form, Vec::new());
        let known = |definition| KnownForm { form, definition, read_at: Timestamp::UNIX_EPOCH };
        let hours = |definition, doubted| fresh_for(&known(definition), doubted).as_secs() as f64 / 3_600.0;
        assert_eq!(hours(Some(definition.clone()), false), 24.0);
        assert_eq!(hours(None, false), 24.0, "refused whole");
        definition.is_partial = true;
        assert_eq!(hours(Some(definition.clone()), false), 1.0);
        assert!(hours(Some(definition), true) < 0.2);
    }

    #[test]
    fn what_was_read_while_the_clock_was_ahead_is_read_again() {
        let at = |hours: i64| Timestamp::from_second(1_764_000_000 + hours * 3_600).expect("in range");
        let day = SignedDuration::from_hours(FRESH_HOURS);
        assert!(read_within(day, at(0), at(0)) && read_within(day, at(0), at(23)));
        assert!(!read_within(day, at(0), at(24)));
        assert!(!read_within(day, at(200 * 24), at(0)), "it would stand for 200 days");
    }
}
