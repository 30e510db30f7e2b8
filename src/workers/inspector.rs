//! Looks at forms: at each as soon as it was read, and at all of them hourly, when what Graph gave more than a day ago is asked
//! for again, leads or not. What a look finds is kept first and said then: once when it begins, once when it ends.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use async_trait::async_trait;
use futures_util::StreamExt;
use jiff::{SignedDuration, Timestamp};

use crate::clock::after_ms;
use crate::id::FormId;
use crate::purpose::form_check::{Finding, FindingCode, FormLook, FormSeen, LookChange, Severity};
use crate::purpose::{Policy, PurposeId};
use crate::store::{KnownForm, StoreError};
use crate::workers::Tools;
use crate::workers::routine::{Routine, Schedule, Turn};

/// How often it asks whether a form was read.
const EVERY: SignedDuration = SignedDuration::from_secs(1);
const EVERY_MS: u64 = 1_000;
/// How long it rests after the store refused.
const REST_MS: u64 = 5_000;
/// So many forms are read again in one round, and so many at once: leads come first.
const READ_A_ROUND: usize = 100;
const READ_AT_ONCE: usize = 4;
/// How soon it goes on, where not all that is due was read again.
const SOON: SignedDuration = SignedDuration::from_mins(1);
/// Of so many forms that nobody claims and whose leads wait it is kept that they do.
const HELD_MAX: usize = 1_000;

/// The inspector.
pub struct Inspector {
    tools: Arc<Tools>,
    schedule: Schedule,
}

#[async_trait]
impl Routine for Inspector {
    const NAME: &'static str = "inspector";

    fn schedule(&self) -> &Schedule {
        &self.schedule
    }

    async fn turn(&self, Turn { now, .. }: Turn) -> Timestamp {
        match self.look_around(now).await {
            Ok(()) => after_ms(now, EVERY_MS),
            Err(error) => {
                self.tools.form_check.hurry();
                tracing::debug!(code = %error.code, "form.not-checked");
                after_ms(now, REST_MS)
            }
        }
    }
}

/// A form that is to be looked at.
struct ToLook {
    form: FormId,
    known: Option<KnownForm>,
    is_held: bool,
    before: Option<FormLook>,
}

impl Inspector {
    /// Over what the fetchers share.
    pub fn new(tools: Arc<Tools>) -> Self {
        let schedule = Schedule::within(EVERY, Arc::clone(&tools.clock));
        Self { tools, schedule }
    }

    async fn look_around(&self, now: Timestamp) -> Result<(), StoreError> {
        let Tools { form_check, forms, policy, store, .. } = &*self.tools;
        let policy = policy.pin();
        if form_check.is_round_due(now) {
            return self.go_round(&policy, now).await;
        }
        let news = forms.take_news();
        if news.is_empty() {
            return Ok(());
        }
        let held = store.held(&news).await?.of_forms;
        let mut all = Vec::with_capacity(news.len());
        for (form, held) in news.into_iter().zip(held) {
            let (known, before) = (store.form(&form).await?, store.form_look(&form).await?);
            all.push(ToLook { form, known, is_held: held > 0, before });
        }
        self.look(&policy, all, now).await
    }

    /// Reads again what was not read for a day, and holds every form against the config in force.
    async fn go_round(&self, policy: &Policy, now: Timestamp) -> Result<(), StoreError> {
        let Tools { form_check, forms, graph, store, .. } = &*self.tools;
        // What was read until now stands among all; what is read from here on is news still.
        forms.take_news();
        let claimed = policy.claimed_forms();
        let known = store.forms().await?;
        let stale =
            known.iter().filter(|known| claimed.contains(&known.form) && forms.is_worth_a_look(known));
        let mut stale: Vec<&KnownForm> = stale.collect();
        let is_more = stale.len() > READ_A_ROUND;
        stale.truncate(READ_A_ROUND);
        futures_util::stream::iter(&stale)
            .for_each_concurrent(READ_AT_ONCE, |known| forms.look_again(known))
            .await;
        let known = if stale.is_empty() { known } else { store.forms().await? };
        let held = store.overview().await?.held.into_iter().filter(|held| graph.knows(&held.page));
        let held: HashSet<FormId> = held.map(|held| held.form).take(HELD_MAX).collect();
        let before = store.form_looks().await?.into_iter().map(|look| (look.form, look));
        let mut before: HashMap<FormId, FormLook> = before.collect();
        let mut known: HashMap<FormId, KnownForm> = known.into_iter().map(|one| (one.form, one)).collect();
        let mut all: Vec<FormId> = known.keys().chain(&held).chain(before.keys()).copied().collect();
        all.sort();
        all.dedup();
        let to_look = |form: FormId| ToLook {
            form,
            known: known.remove(&form),
            is_held: held.contains(&form),
            before: before.remove(&form),
        };
        self.look(policy, all.into_iter().map(to_look).collect(), now).await?;
        form_check.went_round(now, is_more.then_some(SOON));
        Ok(())
    }

    /// Looks, keeps what is new, and says it then.
    async fn look(&self, policy: &Policy, all: Vec<ToLook>, now: Timestamp) -> Result<(), StoreError> {
        let Tools { form_check, store, .. } = &*self.tools;
        let home = form_check.home();
        let (mut looks, mut changes) = (Vec::new(), Vec::new());
        for ToLook { form, known, is_held, before } in all {
            let seen = FormSeen {
                form,
                definition: known.as_ref().and_then(|known| known.definition.as_ref()),
                read_at: known.as_ref().map(|known| known.read_at),
                changed_at: None,
                is_held,
            };
            let (look, change) = FormLook::after(before.as_ref(), policy, home.as_ref().as_ref(), seen, now);
            // A form of which nothing was ever found, and which nobody claims, is nobody's.
            let is_nobodys = before.is_none() && look.findings.is_empty() && policy.of_form(&form).is_empty();
            if is_nobodys {
                continue;
            }
            form_check.note(&look);
            if before.as_ref().is_none_or(|before| look.is_news_to(before)) {
                looks.push(look);
                changes.push((form, change));
            }
        }
        store.put_form_looks(looks).await?;
        for (form, change) in &changes {
            say(form, change);
        }
        Ok(())
    }
}

/// Of what is alike one line, however many questions it is about: a question's key is the form author's word.
fn say(form: &FormId, LookChange { begun, ended }: &LookChange) {
    for ((severity, code, purpose), count) in alike(begun) {
        let purpose = purpose.map(PurposeId::as_str);
        match severity {
            Severity::Note => {
                tracing::info!(form.id = %form, code = %code, purpose, severity = %severity, findings.count = count, "form.finding");
            }
            Severity::Serious | Severity::Warning => {
                tracing::warn!(form.id = %form, code = %code, purpose, severity = %severity, findings.count = count, "form.finding");
            }
        }
    }
    for ((_, code, purpose), count) in alike(ended) {
        let purpose = purpose.map(PurposeId::as_str);
        tracing::info!(form.id = %form, code = %code, purpose, findings.count = count, "form.finding-over");
    }
}

type Alike<'f> = (Severity, FindingCode, Option<&'f PurposeId>);

fn alike(findings: &[Finding]) -> BTreeMap<Alike<'_>, usize> {
    let mut alike = BTreeMap::new();
    for finding in findings {
        *alike.entry((finding.severity, finding.code, finding.purpose.as_ref())).or_default() += 1;
    }
    alike
}
