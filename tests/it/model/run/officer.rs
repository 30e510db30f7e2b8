//! What officers do with what is stored, and what a recipient follows.

use std::sync::Arc;

use tamis::lead::{RevisionRefusal, correction, withdrawal};
use tamis::purpose::Purpose;
use tamis::store::{RewriteCause, RewriteRequest, Rewritten, SharedStore, ToSuppress};
use tamis::trail::{Operator, Reason};

use super::*;
use crate::model::model::{Came, RECIPIENT, Want};
use crate::model::ops::LETTER;
use crate::model::plan::PURPOSES;

/// Longer than any run.
const SUPPRESSED_MONTHS: u32 = 36;
/// More changes than a run makes.
const CHANGES_MAX: usize = 1_000;

fn by(action: Action, reason: Reason) -> Entry {
    Entry::by(&Operator::recognised_by_kernel(1_000).because(reason), action)
}

pub(super) fn said(error: StoreError) -> Broken {
    Broken(store_says(&error))
}

impl Run<'_> {
    pub(super) fn store(&self) -> SharedStore {
        Arc::clone(&self.world.rooms().store)
    }

    fn purpose(&self, of: usize) -> Arc<Purpose> {
        Arc::clone(self.world.config().policy().purpose(PURPOSES[of]).expect("under every policy"))
    }

    /// What an operation is to do is known before it begins: a kill may fall into it. False: there is nobody whom it is about.
    pub(super) fn prepare(&mut self, op: &Op) -> bool {
        self.model.wanted = self.model.want(&self.world, op);
        match &self.model.wanted {
            Some(Want::Withdraw(whom, _)) if whom.of == LETTER => {
                self.model.asked = self.model.request_of(whom);
                if self.model.asked.is_none() {
                    self.model.wanted = None;
                }
            }
            Some(Want::Follow(_)) => self.model.heard(Vec::new()),
            _ => {}
        }
        self.model.wanted.is_some()
    }

    /// Does what was prepared. `is_killed`: somewhere within, so that no answer counts.
    pub(super) async fn carry_out(&mut self, is_killed: bool) -> Result<(), Broken> {
        let Some(want) = self.model.wanted.clone() else { return Ok(()) };
        let store = self.store();
        let came = match &want {
            Want::Correct(whom, field, value) => {
                let fields = vec![((*field).to_owned(), vec![value.clone().into()])];
                let revision = correction(&self.purpose(whom.of), fields);
                let revision = revision.map_err(|fault| format!("a correction of {field}: {fault:?}"))?;
                let mut entry = by(Action::Corrected, Reason::PersonRequest);
                entry.fields = revision.names().cloned().collect();
                let records = vec![(whom.id.clone(), revision)];
                let request = RewriteRequest { records, cause: RewriteCause::Person };
                Came::Rewritten(store.rewrite(request, entry).await)
            }
            Want::Restrict(whom, until, _) => {
                let entry = by(Action::Restricted, Reason::PersonRequest);
                Came::Restricted(store.restrict(whom.id.clone(), *until, entry).await)
            }
            Want::Lift(whom) => {
                let entry = by(Action::RestrictionLifted, Reason::PersonRequest);
                Came::Lifted(store.lift_restriction(whom.id.clone(), entry).await)
            }
            Want::Suppress(id, of, _) => {
                let addresses = self.model.address(id).into_iter().collect();
                let what = ToSuppress { addresses, purpose: of.map(purpose), months: SUPPRESSED_MONTHS };
                Came::Suppressed(store.suppress(what, by(Action::Suppressed, Reason::Objection)).await)
            }
            Want::Withdraw(whom, at) => {
                let revision = withdrawal(&self.purpose(whom.of), None, *at);
                let revision = revision.map_err(|_| "a consent is unknown".to_owned())?;
                let records = vec![(whom.id.clone(), revision)];
                let request = RewriteRequest { records, cause: RewriteCause::Withdrawal };
                Came::Rewritten(store.rewrite(request, by(Action::Withdrawn, Reason::Withdrawal)).await)
            }
            Want::Hand(of, limit) => {
                let page = self.hand(*of, *limit).await?;
                return match is_killed {
                    true => Ok(()),
                    false => self.model.handed(&self.world, (*of, *limit), page.as_ref()),
                };
            }
            Want::Follow(applied) => return self.follow(*applied).await,
        };
        let is_over = matches!(&came, Came::Rewritten(Ok(rewriting))
            if rewriting.each == [Rewritten::Refused(RevisionRefusal::NoGround)]);
        if !is_killed {
            self.model.judge(&self.world, &want, came)?;
        }
        // What was taken back was all that it rested on.
        match self.model.asked.take().filter(|_| is_over) {
            Some(request) => self.erase(Some(request), false).await,
            None => Ok(()),
        }
    }

    /// The recipient reads what became of what it had, and says that it has applied the first of that.
    async fn follow(&mut self, applied: usize) -> Result<(), Broken> {
        let (store, of) = (self.store(), RECIPIENT.to_owned());
        let entry = |action| Entry::by_system_for(action, RECIPIENT);
        let page = store.changes(of.clone(), None, CHANGES_MAX, entry(Action::ChangesRead)).await;
        let changes = page.map_err(said)?.unwrap_or_default().changes;
        let shown = changes.iter().map(|change| format!("{} {}", change.kind, change.id));
        self.model.heard(shown.collect());
        self.model.check_heard()?;
        let Some(last) = changes.iter().take(applied).next_back() else { return Ok(()) };
        let came = store.apply_changes(of, last.n, entry(Action::ChangesApplied)).await.map_err(said)?;
        let came = came.map(|came| (came.changes, came.applied));
        let wanted = applied.min(changes.len()) as u64;
        hold!(came == Some((wanted, last.n)), "{wanted} up to {} are applied: {came:?}", last.n);
        Ok(())
    }
}
