//! Consents taken back, and said once more: what an officer does for somebody, and a person on a page of their own.

use actix_web::HttpRequest;
use actix_web::web::Data;

use crate::forget::receipt::AskedBy;
use crate::http::admin::Receipts;
use crate::http::admin::erasing::erased;
use crate::http::problem::{Problem, ProblemCode, request_id};
use crate::lead::{ConsentUnknown, EventEntity, RevisionRefusal, Said, confirmation, withdrawal};
use crate::purpose::{ConsentKey, Policy, PurposeId, RecordId};
use crate::store::{
    Erasure, ErasureRequest, REWRITTEN_AT_ONCE_MAX, RewriteCause, RewriteRequest, Rewritten, SharedStore,
    Wanted,
};
use crate::trail::{Action, Entry, Role};

/// The acts, as somebody does them.
pub(in crate::http) struct Consents<'a> {
    pub(in crate::http) store: &'a SharedStore,
    pub(in crate::http) policy: &'a Policy,
    pub(in crate::http) receipts: &'a Data<Receipts>,
    /// The call that it is done for: the log names it.
    pub(in crate::http) request: &'a HttpRequest,
    /// Who does it, and why: the line of the trail for what they do. An erasure's reason is one for which data is erased.
    pub(in crate::http) entry: &'a (dyn Fn(Action) -> Entry + Sync),
}

/// What a withdrawal made of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::http) enum Withdrawn {
    /// The consents hold no longer, and what hung on them is gone.
    Ended,
    /// They had ended already, or were never given.
    Unchanged,
    /// Nothing was left on which it may be held: it is erased.
    Erased,
    /// It was erased before, or its time is over.
    Gone,
    /// There never was such a record.
    Unknown,
}

/// What a withdrawal came to.
#[derive(Default)]
pub(in crate::http) struct Withdrawals {
    /// Of each record that it concerns, by purpose.
    pub(in crate::http) each: Vec<(RecordId, Withdrawn)>,
    /// The erasures of those that went whole: done, so that each has a receipt.
    pub(in crate::http) erasures: Vec<Erasure>,
}

/// How something was said, as far as the role of whoever does it tells.
pub(in crate::http) fn said_by(role: Role) -> Said {
    match role {
        Role::Person => Said { entity: EventEntity::Person, ..Said::TO_CONTROLLER },
        _ => Said::TO_CONTROLLER,
    }
}

impl Consents<'_> {
    /// Takes consents of these records back: those that are named, or all (none said). Fields that hang on them go. A record whose
    /// purpose rests on consent, and of which no consent holds any more that it needs, is erased, and with all consents so is one
    /// whose purpose has left the config: nobody knows on what it rests. Of a purpose that asks for none of those that are named
    /// nothing is done. Done again, it changes nothing.
    ///
    /// # Errors
    /// [`ProblemCode::RecordUnreadable`]; [`ProblemCode::CorrectionPending`], [`ProblemCode::ErasurePending`]: it is done but for
    /// keys that could not be destroyed yet; otherwise the store's. What was done before stays so.
    pub(in crate::http) async fn withdraw(
        &self,
        records: &[RecordId],
        consents: Option<&[ConsentKey]>,
    ) -> Result<Withdrawals, Problem> {
        self.withdraw_as(records, consents, self.said()).await
    }

    /// The same, with how it was said.
    ///
    /// # Errors
    /// As [`Consents::withdraw`].
    pub(in crate::http) async fn withdraw_as(
        &self,
        records: &[RecordId],
        consents: Option<&[ConsentKey]>,
        said: Said,
    ) -> Result<Withdrawals, Problem> {
        let mut purposes: Vec<&PurposeId> = records.iter().map(|id| &id.purpose).collect();
        purposes.sort();
        purposes.dedup();
        let (mut done, mut is_unreadable) = (Withdrawals::default(), false);
        for purpose in purposes {
            let of: Vec<RecordId> = records.iter().filter(|id| id.purpose == *purpose).cloned().collect();
            for some in of.chunks(REWRITTEN_AT_ONCE_MAX) {
                is_unreadable |= self.withdraw_some((purpose, some), consents, &said, &mut done).await?;
            }
        }
        let count = |what| done.each.iter().filter(|(_, became)| *became == what).count();
        let by = (self.entry)(Action::Withdrawn);
        tracing::info!(
            request.id = %request_id(self.request), actor = %by.actor(), role = %by.role(),
            records.changed = count(Withdrawn::Ended), records.erased = count(Withdrawn::Erased),
            "consent.withdrawn"
        );
        match is_unreadable {
            true => Err(Problem::of(ProblemCode::RecordUnreadable)),
            false => Ok(done),
        }
    }

    /// The same of some of one purpose. True if one of them does not open: what becomes of the others does not wait for it.
    async fn withdraw_some(
        &self,
        (purpose, records): (&PurposeId, &[RecordId]),
        consents: Option<&[ConsentKey]>,
        said: &Said,
        done: &mut Withdrawals,
    ) -> Result<bool, Problem> {
        let declared = self.policy.purpose(purpose.as_str());
        let known = |key: &&ConsentKey| {
            declared.is_some_and(|purpose| purpose.consents.iter().any(|rule| rule.key == **key))
        };
        let named: Option<Vec<ConsentKey>> =
            consents.map(|named| named.iter().filter(known).cloned().collect());
        if named.as_ref().is_some_and(Vec::is_empty) {
            return Ok(false);
        }
        let Some(declared) = declared else {
            let erasure = self.erase(purpose, records.to_vec()).await?;
            // Of a name that no purpose has, or of records that went before, nothing is.
            let is_any = erasure.as_ref().is_some_and(|erasure| erasure.extent.total() > 0);
            let became = if is_any { Withdrawn::Erased } else { Withdrawn::Unknown };
            done.erasures.extend(erasure.filter(|_| is_any));
            done.each.extend(records.iter().map(|id| (id.clone(), became)));
            return Ok(false);
        };
        let revision = withdrawal(declared, named.as_deref(), self.store.now())
            .map_err(|ConsentUnknown| ProblemCode::ConsentUnknown)?
            .as_said(said.clone());
        let mut entry = (self.entry)(Action::Withdrawn);
        entry.fields = revision.names().cloned().collect();
        let cause = RewriteCause::Withdrawal;
        let each = records.iter().map(|id| (id.clone(), revision.clone())).collect();
        let rewriting = self.store.rewrite(RewriteRequest { records: each, cause }, entry).await?;
        let (mut to_erase, mut is_unreadable) = (Vec::new(), false);
        for (id, rewritten) in records.iter().zip(&rewriting.each) {
            let became = match rewritten {
                Rewritten::Anew => Withdrawn::Ended,
                Rewritten::Same => Withdrawn::Unchanged,
                Rewritten::Refused(RevisionRefusal::NoGround) => {
                    to_erase.push(id.clone());
                    Withdrawn::Erased
                }
                Rewritten::Gone => Withdrawn::Gone,
                Rewritten::Unknown => Withdrawn::Unknown,
                // Nothing else that ends a consent is refused.
                Rewritten::Refused(_)
                | Rewritten::Unreadable
                | Rewritten::Restricted
                | Rewritten::Suppressed => {
                    is_unreadable = true;
                    continue;
                }
            };
            done.each.push((id.clone(), became));
        }
        if !to_erase.is_empty() {
            done.erasures.extend(self.erase(purpose, to_erase).await?);
        }
        match rewriting.keys_destroyed {
            true => Ok(is_unreadable),
            false => Err(Problem::of(ProblemCode::CorrectionPending)),
        }
    }

    fn said(&self) -> Said {
        said_by((self.entry)(Action::Confirmed).role())
    }

    /// What rested on consents that are gone, for this purpose alone.
    async fn erase(&self, purpose: &PurposeId, records: Vec<RecordId>) -> Result<Option<Erasure>, Problem> {
        let wish = ErasureRequest {
            what: records.into_iter().map(Wanted::Record).collect(),
            purposes: vec![purpose.clone()],
            papers: self.receipts.papers(AskedBy::Person, None),
            ..ErasureRequest::default()
        };
        erased(self.store, self.request, wish, (self.entry)(Action::ErasureAsked)).await.map(Some)
    }

    /// A yes is an act: what the boxes that are named stand for counts from now on, and so does the record. Returns false where they
    /// had said so today already.
    ///
    /// # Errors
    /// [`ProblemCode::ConsentUnknown`], [`ProblemCode::NothingToConfirm`]: none of them was given and still holds;
    /// [`ProblemCode::RecordRestricted`], [`ProblemCode::AddressSuppressed`], [`ProblemCode::RecordGone`],
    /// [`ProblemCode::RecordUnknown`], [`ProblemCode::RecordUnreadable`];
    /// [`ProblemCode::CorrectionPending`]; [`ProblemCode::ClockUnconfirmed`]: nobody knows from when on it would count. Otherwise
    /// the store's.
    pub(in crate::http) async fn confirm(
        &self,
        record: &RecordId,
        boxes: Vec<ConsentKey>,
    ) -> Result<bool, Problem> {
        self.confirm_as(record, boxes, self.said()).await
    }

    /// The same, with how it was said.
    ///
    /// # Errors
    /// As [`Consents::confirm`].
    pub(in crate::http) async fn confirm_as(
        &self,
        record: &RecordId,
        boxes: Vec<ConsentKey>,
        said: Said,
    ) -> Result<bool, Problem> {
        let purpose = self.policy.purpose(record.purpose.as_str()).ok_or(ProblemCode::RecordUnknown)?;
        let revision =
            confirmation(purpose, boxes).map_err(|ConsentUnknown| ProblemCode::ConsentUnknown)?.as_said(said);
        let entry = (self.entry)(Action::Confirmed);
        let (actor, role) = (entry.actor().clone(), entry.role());
        let request = RewriteRequest::confirming(record.clone(), revision);
        let rewriting = self.store.rewrite(request, entry).await?;
        let changed = match rewriting.each.first() {
            Some(Rewritten::Anew) => true,
            Some(Rewritten::Same) => false,
            Some(Rewritten::Refused(_)) => return Err(Problem::of(ProblemCode::NothingToConfirm)),
            Some(Rewritten::Restricted) => return Err(Problem::of(ProblemCode::RecordRestricted)),
            Some(Rewritten::Suppressed) => return Err(Problem::of(ProblemCode::AddressSuppressed)),
            Some(Rewritten::Gone) => return Err(Problem::of(ProblemCode::RecordGone)),
            Some(Rewritten::Unreadable) => return Err(Problem::of(ProblemCode::RecordUnreadable)),
            Some(Rewritten::Unknown) | None => return Err(Problem::of(ProblemCode::RecordUnknown)),
        };
        if !rewriting.keys_destroyed {
            return Err(Problem::of(ProblemCode::CorrectionPending));
        }
        tracing::info!(
            request.id = %request_id(self.request), %actor, %role, record.id = %record,
            record.changed = changed, "consent.confirmed"
        );
        Ok(changed)
    }
}
