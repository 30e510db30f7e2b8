//! What else is theirs who holds a pass: found by the mailbox that mails about the record go to, and by no other address in it. Where
//! everything cannot be looked through now, the record itself is done with, and the rest stays to be done.

use actix_web::HttpRequest;

use crate::api::erasures::ErasedBy;
use crate::forget::address::Sought;
use crate::forget::receipt::AskedBy;
use crate::http::admin::erasing::erased;
use crate::http::admin::erasing_by_address::{Answer, ByAddress};
use crate::http::admin::erasures::ended_by_objection;
use crate::http::admin::own_record::Own;
use crate::http::admin::person_acts::{Came, Extent, PersonActs};
use crate::http::admin::suppressions::objected;
use crate::http::problem::{Problem, ProblemCode};
use crate::lead::OpenedLead;
use crate::mail::goes_to;
use crate::purpose::{Basis, RecordId};
use crate::store::{Erasure, ErasureId, ErasureRequest, SHOWN_AT_ONCE_MAX, StoreCode, Wanted};
use crate::trail::{Action, Entry, Operator};

/// So often is looked for records of a mailbox, where it has more than one look names: a person has a handful.
const LOOKS_MAX: u32 = 4;

impl Own {
    /// True if what was asked for may lead on to what other addresses in it hold: everything, and an objection, which is of a person. What
    /// is erased of one purpose is what holds the mailbox that its mails go to.
    fn leads_on(&self, extent: Extent, objects: bool) -> bool {
        self.has_others && (objects || extent == Extent::Whole)
    }
}

impl PersonActs {
    /// The records of its purpose whose mails go to its mailbox, itself among them; true: there may be more, which could not be looked for.
    /// One that only names the address is somebody else's: a form takes what is typed into it.
    pub(super) async fn of_mailbox(
        &self,
        operator: &Operator,
        own: &Own,
    ) -> Result<(Vec<RecordId>, bool), Problem> {
        let mut records = vec![own.held.id.clone()];
        let sought = match &own.mailbox {
            Some(ErasedBy::Email(typed)) => Sought::email(typed),
            _ => None,
        };
        let Some(sought) = sought else { return Ok((records, false)) };
        let mut after = None;
        for _ in 0..LOOKS_MAX {
            let entry = Entry::by(operator, Action::Found);
            let matches = match self.search.matching(sought.clone(), after.take(), &entry).await {
                Err(error) => {
                    let problem = Problem::from(error);
                    return if is_passing(problem.code) { Ok((records, true)) } else { Err(problem) };
                }
                Ok(matches) => matches,
            };
            let found = matches.first.iter().map(|found| &found.record);
            let of_purpose = found.filter(|id| id.purpose == own.held.purpose && **id != own.held.id);
            let of_purpose: Vec<RecordId> = of_purpose.cloned().collect();
            for some in of_purpose.chunks(SHOWN_AT_ONCE_MAX) {
                let (policy, now) = (self.state.policy.pin(), self.now());
                let goes_there = |lead: &OpenedLead| goes_to(lead, &policy, now, &sought);
                let theirs =
                    match self.state.store.find_among(some.to_vec(), entry.clone(), &goes_there).await {
                        Err(error) if error.code == StoreCode::DiskFull => return Ok((records, true)),
                        theirs => theirs?,
                    };
                records.extend(theirs.iter().map(|lead| lead.id().clone()));
            }
            if !matches.are_cut() {
                return Ok((records, false));
            }
            after = matches.first.last().map(|found| found.record.clone());
        }
        Ok((records, true))
    }

    /// By the mailbox of the record.
    pub(super) async fn by_mailbox(
        &self,
        request: &HttpRequest,
        operator: &Operator,
        own: &Own,
        extent: Extent,
        objects: bool,
    ) -> Result<Came, Problem> {
        let Some(by @ ErasedBy::Email(typed)) = &own.mailbox else {
            // Nothing else of theirs can be found.
            return Err(Problem::of(ProblemCode::AddressInvalid));
        };
        let sought = Sought::email(typed).ok_or(ProblemCode::AddressInvalid)?;
        let has_others = own.leads_on(extent, objects);
        let mut came = Came { is_left: has_others, are_others_left: has_others, ..Came::default() };
        let (wish, kept) = match objects {
            true => ended_by_objection(self.wish(own, extent), &self.state).await?,
            false => (self.wish(own, extent), Vec::new()),
        };
        // With the erasure, so that its receipt says until when: before anything is looked for.
        let to_suppress = match objects {
            true => objected(by, &self.wish(own, extent).purposes, &self.state.policy.pin())?,
            false => Vec::new(),
        };
        let by_address = ByAddress {
            state: &self.state,
            request,
            operator,
            queue: &self.queue,
            search: &self.search,
            receipts: &self.receipts,
            asked_by: AskedBy::Person,
            sought,
            wish,
            kept,
        };
        // Nothing waits for a letter: they read the receipt here.
        let Answer::Erased(done) = by_address.erase(to_suppress).await? else {
            return Err(Problem::of(ProblemCode::Internal));
        };
        came.unread = done.unseen.unread.unwrap_or_default();
        for number in done.before.iter().map(|before| &before.erasure).chain([&done.erasure]) {
            let id = ErasureId::parse(number).ok_or(ProblemCode::Internal)?;
            came.erasures.extend(self.state.store.erasure(id).await?);
        }
        // Of several erasures that took nothing one paper is enough.
        if came.erasures.iter().any(|erasure| erasure.extent.total() > 0) {
            came.erasures.retain(|erasure| erasure.extent.total() > 0 || erasure.extent.references > 0);
        } else {
            came.erasures.truncate(1);
        }
        Ok(came)
    }

    /// Where everything cannot be looked through now, the record goes all the same, and the rest stays to be done.
    pub(super) async fn whole_or_record(
        &self,
        request: &HttpRequest,
        operator: &Operator,
        (own, extent): (&Own, Extent),
        (all, objects): (Result<Came, Problem>, bool),
    ) -> Result<Came, Problem> {
        let has_others = own.leads_on(extent, objects);
        let basis = own.purpose.as_ref().map(|purpose| purpose.basis);
        let is_own_request = matches!(basis, Some(Basis::Contract | Basis::PreContract));
        match all {
            // An objection does not end what they asked for themselves: what hangs on a consent is the officer's to take.
            Err(problem) if is_passing(problem.code) && objects && is_own_request => {
                Ok(Came { is_left: true, are_others_left: has_others, ..Came::default() })
            }
            Err(problem) if is_passing(problem.code) => {
                let wish = self.wish(own, Extent::OfPurpose);
                let erasure = self.erase_record(request, operator, own, wish).await?;
                // Of a record without an address nothing else can be found: it is done.
                let is_left = has_others || problem.code != ProblemCode::AddressInvalid;
                Ok(Came { erasures: vec![erasure], is_left, are_others_left: has_others, ..Came::default() })
            }
            came => came,
        }
    }

    async fn erase_record(
        &self,
        request: &HttpRequest,
        operator: &Operator,
        own: &Own,
        wish: ErasureRequest,
    ) -> Result<Erasure, Problem> {
        let wish = ErasureRequest { what: vec![Wanted::Record(own.held.id.clone())], ..wish };
        erased(&self.state.store, request, wish, Entry::by(operator, Action::ErasureAsked)).await
    }

    /// What is to be erased, whatever names it.
    pub(super) fn wish(&self, own: &Own, extent: Extent) -> ErasureRequest {
        let purposes = match extent {
            Extent::OfPurpose => vec![own.held.purpose.clone()],
            Extent::Whole => Vec::new(),
        };
        let papers = self.receipts.papers(AskedBy::Person, None);
        ErasureRequest { purposes, papers, ..ErasureRequest::default() }
    }
}

/// True of what will pass, and of what a look through everything cannot do.
fn is_passing(code: ProblemCode) -> bool {
    matches!(code, ProblemCode::SearchesFull | ProblemCode::SearchTooSlow | ProblemCode::AddressInvalid)
}
