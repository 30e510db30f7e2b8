//! Copies: a form that no purpose names is held against those that purposes name, and counts as one of them or is held.
//!
//! It is looked at with its first lead, and again when it may be another. What is adopted is written down first and said then,
//! once; what was adopted before a restart or a reload is found again from what the store knows, without a call.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use futures_util::StreamExt;
use jiff::{SignedDuration, Timestamp};

use crate::clock::after_ms;
use crate::graph::{Availability, Decision};
use crate::id::{FormId, PageId};
use crate::notification::Lane;
use crate::purpose::{Copies, Differs, FormDefinition, Likeness, Policy, PurposeId, TextHash};
use crate::store::{Adoption, SharedStore, StoreError};
use crate::workers::Tools;
use crate::workers::forms::{FormBook, FormRead, Unknown};
use crate::workers::looks::Look;
use crate::workers::routine::{Routine, Schedule, Turn};

/// Of so many originals that were never read it is asked, with one look, whether they are of the page.
const PLACED_A_LOOK: usize = 20;
/// How often what is held is looked at again.
const EVERY: SignedDuration = SignedDuration::from_secs(60);
const EVERY_MS: u64 = 60_000;
/// How soon, where not all was looked at.
const SOON_MS: u64 = 1_000;
/// So many forms are looked at in one turn, and so many at once: leads come first.
const LOOKS_A_TURN: usize = 100;
const LOOKS_AT_ONCE: usize = 4;

impl FormBook {
    /// Looks at a form of which a lead came and which nobody claims: whether it is a copy of one that somebody does.
    pub(super) async fn consider(&self, policy: &Policy, Lane { page, form }: &Lane) {
        let copies = policy.copies();
        if !copies.are_wanted() || !policy.of_form(form).is_empty() || !self.is_readable(page) {
            return;
        }
        let now = self.clock.now();
        if !self.looks.are_due(form, page, now) {
            return;
        }
        self.place_originals(policy, page).await;
        if !copies.is_of_page(page) {
            return self.looks.note(form, page, now, Look::Unread);
        }
        let look = match self.look(page, form).await {
            Ok(known) => match self.judge(policy, page, &known).await {
                Ok(_) => Look::Judged,
                Err(error) => {
                    tracing::warn!(code = %error.code, "fetcher.store-refused");
                    Look::Unread
                }
            },
            Err(unknown) => what_came_of(&unknown),
        };
        self.looks.note(form, page, now, look);
    }

    /// True if the leads of a form may be read under what it counted as when its purposes were looked up: it stands under
    /// them itself, or is a copy still. What an original is now is learnt on the way.
    pub(super) async fn still_counts(
        &self,
        policy: &Policy,
        copy_of: Option<FormId>,
        page: &PageId,
        known: &FormRead,
    ) -> bool {
        let copies = policy.copies();
        let Some(original) = copy_of else {
            if copies.are_wanted()
                && let (Some(definition), Some(revision)) = (&known.definition, known.revision())
            {
                copies.learn(definition, revision, Some(*page));
            }
            return true;
        };
        if known.revision().is_some_and(|revision| copies.stands(&known.form, revision)) {
            return true;
        }
        let judged = self.judge(policy, page, known).await;
        // A store that fails now changes nothing: what is read cannot be stored either.
        judged.is_ok_and(|counts_as| counts_as == Some(original))
    }

    pub(super) fn is_readable(&self, page: &PageId) -> bool {
        matches!(self.graph.availability(page), Availability::Ready | Availability::Probe)
    }

    /// Learns which of the originals are of this page, as far as that is not known.
    async fn place_originals(&self, policy: &Policy, page: &PageId) {
        let (copies, now) = (policy.copies(), self.clock.now());
        let unplaced = copies.unplaced().into_iter();
        for original in
            unplaced.filter(|original| self.looks.are_due(original, page, now)).take(PLACED_A_LOOK)
        {
            let look = match self.look(page, &original).await {
                Ok(known) => {
                    if let (Some(definition), Some(revision)) = (&known.definition, known.revision()) {
                        copies.learn(definition, revision, Some(*page));
                    }
                    Look::Judged
                }
                Err(unknown) => what_came_of(&unknown),
            };
            self.looks.note(&original, page, now, look);
        }
    }

    /// Holds a form against the originals, and does and says what follows. What it counts as now.
    async fn judge(
        &self,
        policy: &Policy,
        page: &PageId,
        known: &FormRead,
    ) -> Result<Option<FormId>, StoreError> {
        let (Some(definition), Some(revision)) = (&known.definition, known.revision()) else {
            return Ok(None);
        };
        if definition.is_of_another_page(page) {
            return Ok(None);
        }
        let before = self.store.adoption(&known.form).await?.filter(|before| before.until.is_none());
        let judged = Judged::of(policy, (definition, page), before.as_ref(), self.clock.now());
        if let Some(row) = judged.row.clone() {
            self.store.put_adoptions(vec![row]).await?;
        }
        judged.take_effect(policy.copies(), revision);
        self.note_news(&known.form);
        Ok(judged.counts_as)
    }

    /// Another config is in force: every form is worth a look.
    pub fn begin_anew(&self) {
        self.looks.begin_anew();
    }
}

fn what_came_of(unknown: &Unknown) -> Look {
    match unknown {
        Unknown::Graph(failure) if failure.decision == Decision::ForGood => Look::Refused,
        Unknown::Graph(_) | Unknown::Store(_) => Look::Unread,
    }
}

/// What a form is to the originals, and what that changes.
struct Judged {
    form: FormId,
    page: PageId,
    counts_as: Option<FormId>,
    differs: Option<Differs>,
    /// For the register; none: it stands there so, or never did.
    row: Option<Adoption>,
}

impl Judged {
    fn of(
        policy: &Policy,
        (definition, page): (&FormDefinition, &PageId),
        before: Option<&Adoption>,
        now: Timestamp,
    ) -> Self {
        let (copies, form) = (policy.copies(), definition.form);
        let nothing = Self { form, page: *page, counts_as: None, differs: None, row: None };
        match copies.judge(definition, page, before.map(|before| before.original)) {
            Likeness::Foreign => nothing,
            Likeness::Copy(original) => {
                let purposes = copies.taking(&original).into_iter().flat_map(|taking| taking.iter());
                let purposes: Vec<PurposeId> = purposes.map(|purpose| purpose.id.clone()).collect();
                let is_known =
                    before.is_some_and(|before| before.original == original && before.purposes == purposes);
                let row = Adoption { form, original, purposes, since: now, until: None };
                Self { counts_as: Some(original), row: (!is_known).then_some(row), ..nothing }
            }
            Likeness::Differs(differs) => {
                let row = before.map(|before| Adoption { until: Some(now), ..before.clone() });
                Self { differs: Some(differs), row, ..nothing }
            }
        }
    }

    /// Once it is written down. What is no news is not said.
    fn take_effect(&self, copies: &Copies, revision: TextHash) {
        let Self { form, page, counts_as, differs, row } = self;
        if let Some(original) = counts_as {
            let is_taken = copies.adopt(*form, revision, original);
            if let Some(Adoption { purposes, .. }) = row.as_ref().filter(|_| is_taken) {
                let purposes: Vec<&str> = purposes.iter().map(PurposeId::as_str).collect();
                tracing::info!(
                    form.id = %form, page.id = %page, original.form.id = %original,
                    purposes = purposes.join(","), "form.adopted"
                );
            }
        }
        if let Some(differs) = differs {
            let is_known = copies.differing(form).is_some_and(|known| *known == *differs);
            copies.differ(*form, differs.clone());
            if !is_known {
                tracing::warn!(
                    form.id = %form, page.id = %page, original.form.id = %differs.original,
                    differences.count = differs.total, form.was_copy = row.is_some(), "form.differs"
                );
            }
        }
    }
}

/// Finds again what counts as a form of this policy, from what the store knows, and ends what does no more. Nothing is called:
/// what was never read is looked at with its next lead.
///
/// # Errors
/// The store does not give what it knows, or does not take what is new. Nothing counts then.
pub async fn adopt_known(policy: &Policy, store: &SharedStore, now: Timestamp) -> Result<(), StoreError> {
    let register = store.adoptions().await?;
    let open = register.into_iter().filter(|adoption| adoption.until.is_none());
    let mut open: HashMap<FormId, Adoption> = open.map(|adoption| (adoption.form, adoption)).collect();
    let copies = policy.copies();
    let known = if copies.are_wanted() { store.forms().await? } else { Vec::new() };
    let definitions: Vec<(FormDefinition, TextHash)> = known
        .into_iter()
        .filter_map(|known| known.definition)
        .map(|found| {
            let revision = found.revision();
            (found, revision)
        })
        .collect();
    for (definition, revision) in &definitions {
        copies.learn(definition, *revision, None);
    }
    let mut all = Vec::new();
    for (definition, revision) in &definitions {
        let Some(page) = definition.page.filter(|_| !policy.declares(&definition.form)) else { continue };
        let before = open.get(&definition.form);
        let judged = Judged::of(policy, (definition, &page), before, now);
        if judged.counts_as.is_some() || judged.differs.is_some() {
            open.remove(&definition.form);
            all.push((judged, *revision));
        }
    }
    let is_over =
        |adoption: &Adoption| policy.declares(&adoption.form) || copies.taking(&adoption.original).is_none();
    let ended: Vec<Adoption> = open.into_values().filter(is_over).collect();
    let end = |adoption: &Adoption| Adoption { until: Some(now), ..adoption.clone() };
    let rows = all.iter().filter_map(|(judged, _)| judged.row.clone()).chain(ended.iter().map(end));
    store.put_adoptions(rows.collect()).await?;
    for (judged, revision) in &all {
        judged.take_effect(copies, *revision);
    }
    for Adoption { form, original, .. } in &ended {
        let declared = policy.declares(form);
        tracing::info!(
            form.id = %form, original.form.id = %original, form.declared = declared, "form.copy-ended"
        );
    }
    Ok(())
}

/// Looks at what is held: it may be a copy by now, or have become readable.
pub struct Adopter {
    tools: Arc<Tools>,
    schedule: Schedule,
}

impl Adopter {
    /// Over what the fetchers share.
    pub fn new(tools: Arc<Tools>) -> Self {
        let schedule = Schedule::within(EVERY, Arc::clone(&tools.clock));
        Self { tools, schedule }
    }

    /// Looks at some of the forms that are held and due for a look. True: there are more.
    async fn look_around(&self, policy: &Policy, now: Timestamp) -> Result<bool, StoreError> {
        let Tools { store, forms, inbox, .. } = &*self.tools;
        let held = store.overview().await?.held;
        let lanes = held.iter().map(|held| Lane { page: held.page, form: held.form });
        let mut due = lanes.filter(|lane| {
            policy.of_form(&lane.form).is_empty()
                && forms.is_readable(&lane.page)
                && forms.looks.are_due(&lane.form, &lane.page, now)
        });
        let some: Vec<Lane> = due.by_ref().take(LOOKS_A_TURN).collect();
        let is_more = due.next().is_some();
        futures_util::stream::iter(&some)
            .for_each_concurrent(LOOKS_AT_ONCE, |lane| forms.consider(policy, lane))
            .await;
        if some.iter().any(|lane| !policy.of_form(&lane.form).is_empty()) {
            inbox.arrived().notify_waiters();
        }
        Ok(is_more)
    }
}

#[async_trait]
impl Routine for Adopter {
    const NAME: &'static str = "adopter";

    fn schedule(&self) -> &Schedule {
        &self.schedule
    }

    async fn turn(&self, Turn { now, .. }: Turn) -> Timestamp {
        let policy = self.tools.policy.pin();
        if !policy.copies().are_wanted() {
            return after_ms(now, EVERY_MS);
        }
        match self.look_around(&policy, now).await {
            Ok(true) => after_ms(now, SOON_MS),
            Ok(false) => after_ms(now, EVERY_MS),
            Err(error) => {
                tracing::debug!(code = %error.code, "form.held-not-looked-at");
                after_ms(now, EVERY_MS)
            }
        }
    }
}
