//! `POST /erasures` by an address: everything that is stored is looked through, and each submission that holds it is erased, whole
//! or for the purposes that are named.
//!
//! One erasure takes 256 submissions. Where an address has more, several follow one another under one answer, each with its own
//! number and receipt. The caller's key goes with the last, and those before it have parts of it: whoever asks again is told of
//! all that were done, and goes on where it broke off (docs/decisions, 191).

use std::collections::HashSet;

use actix_web::HttpRequest;
use actix_web::web::Data;
use jiff::Timestamp;

use crate::api::Moment;
use crate::api::erasures as api;
use crate::forget::address::Sought;
use crate::forget::receipt::{AskedBy, ByAddress as Answered};
use crate::http::admin::AdminState;
use crate::http::admin::corrections::of_refusal;
use crate::http::admin::erasing::erased;
use crate::http::admin::find::Queue;
use crate::http::admin::reachable;
use crate::http::admin::receipts::Receipts;
use crate::http::admin::search::Search;
use crate::http::admin::suppressions::put_on_list;
use crate::http::admin::telling;
use crate::http::consents::said_by;
use crate::http::problem::{Problem, ProblemCode, request_id};
use crate::lead::{Revision, RevisionRefusal};
use crate::purpose::{FieldName, FieldRule, Purpose, PurposeId, RecordId};
use crate::secret::Wiped;
use crate::store::{
    Asked, Erasure, ErasureRequest, Extent, REWRITTEN_AT_ONCE_MAX, RepeatKey, RewriteCause, RewriteRequest,
    Rewritten, SHOWN_AT_ONCE_MAX, ToAwait, ToSuppress, VigilId, Wanted,
};
use crate::trail::{Action, Entry, Operator};

/// So often is looked, where an address has more records than one look names: more than a hundred thousand.
const LOOKS_MAX: u32 = 32;

/// An erasure by an address. It holds one: no `Debug`.
pub(super) struct ByAddress<'a> {
    pub(super) state: &'a AdminState,
    pub(super) request: &'a HttpRequest,
    pub(super) operator: &'a Operator,
    pub(super) queue: &'a Queue,
    pub(super) search: &'a Search,
    pub(super) receipts: &'a Data<Receipts>,
    pub(super) asked_by: AskedBy,
    pub(super) sought: Sought,
    /// What is asked for, but for what is found.
    pub(super) wish: ErasureRequest,
    /// Purposes whose records stay, since the person asked for that themselves; without what hangs on a consent, and no consent of
    /// them holds any more.
    pub(super) kept: Vec<PurposeId>,
}

/// What an erasure by an address is answered with.
pub(super) enum Answer {
    /// It is erased.
    Erased(api::Erased),
    /// Its person is told first.
    Waits(api::ToBeErased),
}

/// A walk through the records of an address, one look after another.
#[derive(Default)]
struct Walk {
    looks: u32,
    /// The last record that was named; none: nothing was looked at.
    after: Option<RecordId>,
    /// The submissions that were named.
    known: HashSet<[u8; 32]>,
    /// How many records do not open.
    unreadable: u64,
    is_over: bool,
}

/// What became of the records that stay.
#[derive(Debug, Default, PartialEq, Eq)]
struct ConsentsEnded {
    changed: u64,
    /// They do not open: nobody can end what they hold.
    unreadable: Vec<RecordId>,
    /// They would break a rule without.
    refused: Vec<(RecordId, RevisionRefusal)>,
}

impl ConsentsEnded {
    fn add(&mut self, records: &[RecordId], each: &[Rewritten]) {
        for (id, rewritten) in records.iter().zip(each) {
            match rewritten {
                Rewritten::Anew => self.changed += 1,
                Rewritten::Unreadable => self.unreadable.push(id.clone()),
                Rewritten::Refused(refusal) => self.refused.push((id.clone(), *refusal)),
                // A person's right reaches what is restricted too, and whoever is on the list; what is gone has no consent.
                Rewritten::Same
                | Rewritten::Restricted
                | Rewritten::Suppressed
                | Rewritten::Gone
                | Rewritten::Unknown => {}
            }
        }
    }
}

impl ByAddress<'_> {
    /// How much it would take. The store writes a line for each piece.
    pub(super) async fn would_erase(self, tell: bool) -> Result<api::WouldErase, Problem> {
        let unread = self.unread().await?;
        let (mut walk, mut extent, mut is_asked) = (Walk::default(), Extent::default(), false);
        while let Some(pieces) = self.look(&mut walk).await? {
            for what in pieces {
                extent.add(&self.extent(what).await?);
                is_asked = true;
            }
        }
        if !is_asked {
            // The question stands in the trail, whatever is found.
            self.extent(Vec::new()).await?;
        }
        let (unread, unreadable) = (Some(unread), Some(walk.unreadable));
        let could_be_told = match tell {
            true => Some(self.could_be_told(false).await?),
            false => None,
        };
        let unseen = api::Unseen { unread, unreadable };
        Ok(api::WouldErase { unseen, could_be_told, ..api::WouldErase::of(&extent) })
    }

    /// Puts the address on the list first, where it is to be, so that what is read later is barred; then erases what there is.
    pub(super) async fn erase(self, to_suppress: Vec<ToSuppress>) -> Result<Answer, Problem> {
        let mut before = self.parts().await?;
        if let Some(last) = self.known(self.wish.repeat.clone()).await? {
            return self.answer(&before, &last).await;
        }
        // Before anything is done.
        if self.wish.told_first && before.is_empty() && self.could_be_told(true).await? == 0 {
            return Err(Problem::of(ProblemCode::NobodyToTell));
        }
        let suppressed_until = self.suppress(to_suppress).await?;
        let unread = self.unread().await?;
        // Before anybody looks: what is read in between is met by one or the other.
        let vigil = self.await_unread(unread).await?;
        let awaited = vigil.is_some();
        // Before there is a receipt: a request that is sent again does it again until there is one.
        let untouched = self.end_consents().await?;
        let mut answered = Answered { unread, unreadable: untouched, suppressed_until, awaited };
        let mut walk = Walk::default();
        // Held back until there is another: the last has the caller's key.
        let mut piece = Vec::new();
        while let Some(pieces) = self.look(&mut walk).await? {
            answered.unreadable = untouched + walk.unreadable;
            for next in pieces {
                let part = std::mem::replace(&mut piece, next);
                if !part.is_empty() {
                    let repeat = self.part(before.len() as u64 + 1);
                    before.push(self.one(part, (repeat, None), &answered).await?);
                }
            }
        }
        let last = self.one(piece, (self.wish.repeat.clone(), vigil), &answered).await?;
        self.answer(&before, &last).await
    }

    /// Of how many of its records, within these purposes, the person could be told; `any`: no more are looked at than needed to know
    /// whether there is one.
    async fn could_be_told(&self, any: bool) -> Result<u64, Problem> {
        let (mut after, mut count) = (None, 0);
        for _ in 0..LOOKS_MAX {
            let matches = self.search.matching(self.sought.clone(), after.take(), &self.entry()).await?;
            let of_these =
                |id: &RecordId| self.wish.purposes.is_empty() || self.wish.purposes.contains(&id.purpose);
            let records: Vec<RecordId> =
                matches.first.iter().map(|found| found.record.clone()).filter(of_these).collect();
            for some in records.chunks(SHOWN_AT_ONCE_MAX) {
                count += reachable::could_be_told(self.state, self.operator, some).await?;
                if any && count > 0 {
                    return Ok(count);
                }
            }
            if !matches.are_cut() {
                return Ok(count);
            }
            after = matches.first.last().map(|found| found.record.clone());
        }
        Err(Problem::of(ProblemCode::SearchTooSlow))
    }

    /// What stays is as it would be stored after the objection. How many of them do not open, and are as they were.
    async fn end_consents(&self) -> Result<u64, Problem> {
        if self.kept.is_empty() {
            return Ok(0);
        }
        let policy = self.state.policy.pin();
        let (mut after, mut ended, mut closed) = (None, ConsentsEnded::default(), None);
        for _ in 0..LOOKS_MAX {
            let matches = self.search.matching(self.sought.clone(), after.take(), &self.entry()).await?;
            closed.get_or_insert(matches.unreadable);
            for id in &self.kept {
                let Some(purpose) = policy.purpose(id.as_str()) else { continue };
                let of_purpose =
                    matches.first.iter().map(|found| &found.record).filter(|of| of.purpose == *id);
                let records: Vec<RecordId> = of_purpose.cloned().collect();
                for some in records.chunks(REWRITTEN_AT_ONCE_MAX) {
                    ended.add(some, &self.end_consents_of(purpose, some).await?);
                }
            }
            if !matches.are_cut() {
                // Nobody else looks where nothing is erased: what does not open may hold the address, and a consent.
                let unseen = if self.erases_nothing() { closed.unwrap_or_default() } else { 0 };
                return Ok(self.say_ended(&ended)? + unseen);
            }
            after = matches.first.last().map(|found| found.record.clone());
        }
        Err(Problem::of(ProblemCode::SearchTooSlow))
    }

    /// How many do not open. One whose consents stand although it opens keeps the objection from being answered: what is erased
    /// of the rest has to wait for it.
    fn say_ended(&self, ended: &ConsentsEnded) -> Result<u64, Problem> {
        let (request, actor) = (request_id(self.request), self.operator.actor());
        if ended.changed > 0 {
            tracing::info!(
                request.id = %request, %actor, records.changed = ended.changed, "objection.consents-ended"
            );
        }
        let unreadable = ended.unreadable.iter().map(|id| (id, ProblemCode::RecordUnreadable));
        let refused = ended.refused.iter().map(|(id, refusal)| (id, of_refusal(*refusal)));
        for (id, code) in unreadable.chain(refused) {
            tracing::error!(request.id = %request, %actor, record.id = %id, %code, "objection.consents-stand");
        }
        match ended.refused.first() {
            Some((_, refusal)) => Err(Problem::of(of_refusal(*refusal))),
            None => Ok(ended.unreadable.len() as u64),
        }
    }

    /// What became of these, in their order.
    async fn end_consents_of(
        &self,
        purpose: &Purpose,
        records: &[RecordId],
    ) -> Result<Vec<Rewritten>, Problem> {
        let rules = purpose.whitelist.rules();
        let hangs = |rule: &&FieldRule| {
            let of = rule.e164_of.as_ref().and_then(|of| rules.iter().find(|rule| rule.name == *of));
            rule.consent.is_some() || of.is_some_and(|of| of.consent.is_some())
        };
        let names: Vec<FieldName> = rules.iter().filter(hangs).map(|rule| rule.name.clone()).collect();
        let revision = Revision::without(names.clone()).ending_consents(self.state.store.now());
        let revision = revision.as_said(said_by(self.operator.role()));
        let records = records.iter().map(|id| (id.clone(), revision.clone())).collect();
        let mut entry = Entry::by(self.operator, Action::Corrected);
        entry.fields = names;
        let request = RewriteRequest { records, cause: RewriteCause::Withdrawal };
        let rewriting = self.state.store.rewrite(request, entry).await?;
        match rewriting.keys_destroyed {
            true => Ok(rewriting.each),
            false => Err(Problem::of(ProblemCode::CorrectionPending)),
        }
    }

    /// What is unread is held against the address when it is read; none: too many are awaited, and nothing more is promised.
    async fn await_unread(&self, unread: u64) -> Result<Option<VigilId>, Problem> {
        if self.erases_nothing() {
            return Ok(None);
        }
        let policy = self.state.policy.pin();
        let regions = policy.purposes().iter().map(|purpose| (purpose.id.clone(), purpose.phone_region));
        let what = ToAwait {
            addresses: self.sought.addresses(regions),
            purposes: self.wish.purposes.clone(),
            unread,
            repeat: self.wish.repeat.clone(),
            papers: self.receipts.papers(self.asked_by, None),
        };
        Ok(self.state.store.await_unread(what, self.entry()).await?)
    }

    /// Where every purpose stays, none is named: that is not all of them.
    fn erases_nothing(&self) -> bool {
        !self.kept.is_empty() && self.wish.purposes.is_empty()
    }

    /// Counted before anybody looks: what is read in between is met.
    async fn unread(&self) -> Result<u64, Problem> {
        Ok(self.queue.count() + self.state.store.parked().await?)
    }

    /// The next submissions of the address, in pieces that are erased at once; none: there are no more.
    async fn look(&self, walk: &mut Walk) -> Result<Option<Vec<Vec<Wanted>>>, Problem> {
        if walk.is_over || self.erases_nothing() {
            return Ok(None);
        }
        if walk.looks == LOOKS_MAX {
            return Err(Problem::of(ProblemCode::SearchTooSlow));
        }
        let matches = self.search.matching(self.sought.clone(), walk.after.take(), &self.entry()).await?;
        if walk.looks == 0 {
            walk.unreadable = matches.unreadable;
        }
        walk.looks += 1;
        walk.is_over = !matches.are_cut();
        walk.after = matches.first.last().map(|found| found.record.clone());
        Ok(Some(matches.submissions(&mut walk.known)))
    }

    async fn suppress(&self, to_suppress: Vec<ToSuppress>) -> Result<Option<Timestamp>, Problem> {
        let mut until = None;
        for what in to_suppress {
            let made = put_on_list(self.state, self.request, self.operator, what).await?;
            until = until.max(made.iter().map(|entry| entry.until).max());
        }
        Ok(until)
    }

    /// The erasures that the request has come to already, but for its last.
    async fn parts(&self) -> Result<Vec<Erasure>, Problem> {
        let mut parts = Vec::new();
        while let Some(repeat) = self.part(parts.len() as u64 + 1)
            && let Some(part) = self.known(Some(repeat)).await?
        {
            parts.push(part);
        }
        Ok(parts)
    }

    fn part(&self, number: u64) -> Option<RepeatKey> {
        self.wish.repeat.as_ref().map(|key| key.part(number))
    }

    /// What this key was used for, if that was the same request. One that has no end yet is tried again.
    async fn known(&self, repeat: Option<RepeatKey>) -> Result<Option<Erasure>, Problem> {
        let known = self.state.store.repeated(self.wish(Vec::new(), repeat.clone()), self.entry()).await?;
        if let Some(Asked::Erasure(erasure)) = &known
            && telling::waits(self.state, erasure).await?.is_some()
        {
            return Ok(Some(erasure.clone()));
        }
        match known {
            None => Ok(None),
            Some(Asked::KeyTaken) => Err(Problem::of(ProblemCode::IdempotencyKeyTaken)),
            Some(Asked::Erasure(erasure)) if erasure.done.is_some() => Ok(Some(erasure)),
            Some(Asked::Erasure(_)) => {
                let again = self.wish(Vec::new(), repeat);
                erased(&self.state.store, self.request, again, self.entry()).await.map(Some)
            }
        }
    }

    async fn one(
        &self,
        what: Vec<Wanted>,
        (repeat, vigil): (Option<RepeatKey>, Option<VigilId>),
        answered: &Answered,
    ) -> Result<Erasure, Problem> {
        let papers = self.receipts.papers(self.asked_by, Some(answered.clone()));
        let wish = ErasureRequest { papers, vigil, ..self.wish(what, repeat) };
        if wish.told_first {
            return telling::begun(self.state, self.request, wish, self.operator).await;
        }
        erased(&self.state.store, self.request, wish, self.entry()).await
    }

    async fn extent(&self, what: Vec<Wanted>) -> Result<Extent, Problem> {
        let entry = Entry::by(self.operator, Action::ErasureTried);
        Ok(self.state.store.extent(self.wish(what, None), entry).await?)
    }

    fn wish(&self, what: Vec<Wanted>, repeat: Option<RepeatKey>) -> ErasureRequest {
        // Whoever wants some to stay asks for something else than who names the same purposes and wants all to go.
        let kept = if self.wish.purposes_said.is_some() { "/kept" } else { "" };
        let spelled = self.sought.spelled();
        // In one place: a text that grows leaves what it held where it was.
        let mut named = Wiped::new(String::with_capacity(spelled.len() + kept.len()));
        named.push_str(&spelled);
        named.push_str(kept);
        ErasureRequest { what, repeat, named: Some(named), ..self.wish.clone() }
    }

    fn entry(&self) -> Entry {
        Entry::by(self.operator, Action::ErasureAsked)
    }

    /// What is answered, now and whenever it is asked for again.
    async fn answer(&self, before: &[Erasure], last: &Erasure) -> Result<Answer, Problem> {
        let Answered { unread, unreadable, suppressed_until, awaited } =
            Answered::of(&last.papers.of_all).unwrap_or_default();
        let unseen = api::Unseen { unread: Some(unread), unreadable: Some(unreadable) };
        let ahead =
            api::Ahead { suppressed_until: suppressed_until.map(Moment), awaited: awaited.then_some(true) };
        let (mut until, mut records) = (None, 0);
        for erasure in before.iter().chain([last]) {
            if let Some(waits) = telling::waits(self.state, erasure).await? {
                until = until.max(Some(waits.until));
                records += erasure.extent.total();
            }
        }
        if let Some(until) = until {
            return Ok(Answer::Waits(api::ToBeErased {
                records,
                before: before.iter().map(|erasure| erasure.id.to_string()).collect(),
                unseen,
                ahead,
                ..api::ToBeErased::of(last, until)
            }));
        }
        let mut told = Vec::with_capacity(before.len());
        for erasure in before {
            told.push(api::ErasedBefore {
                erasure: erasure.id.to_string(),
                receipt: self.receipt(erasure).await?,
            });
        }
        Ok(Answer::Erased(api::Erased {
            erasure: last.id.to_string(),
            receipt: self.receipt(last).await?,
            before: told,
            unseen,
            ahead,
        }))
    }

    async fn receipt(&self, erasure: &Erasure) -> Result<String, Problem> {
        Ok(Receipts::signed(self.receipts, &self.state.store, erasure).await?.note().to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_whose_consents_stand_is_named_and_one_that_is_gone_is_not() {
        let id = |number: u64| RecordId::parse(&format!("devis-1-{number}")).expect("an id");
        let records: Vec<RecordId> = (1..=6).map(id).collect();
        let refused = Rewritten::Refused(RevisionRefusal::TooLarge);
        let each = [
            Rewritten::Anew,
            Rewritten::Same,
            Rewritten::Unreadable,
            refused,
            Rewritten::Gone,
            Rewritten::Anew,
        ];
        let mut ended = ConsentsEnded::default();
        ended.add(&records, &each);
        let expected = ConsentsEnded {
            changed: 2,
            unreadable: vec![id(3)],
            refused: vec![(id(4), RevisionRefusal::TooLarge)],
        };
        assert_eq!(ended, expected);
    }
}
