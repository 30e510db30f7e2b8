//! What a person may have done who holds a pass, by the very paths by which an officer does it. Everything that changes something stands
//! in the register of requests before it begins, and is answered there at its end: what breaks off stays open, and the officer sees
//! it.

use std::sync::Arc;

use actix_web::HttpRequest;
use actix_web::web::Data;
use jiff::Timestamp;

use crate::api::access::HeldRecord;
use crate::clock::Day;
use crate::desk;
use crate::http::admin::corrections::{CorrectedRecord, corrected};
use crate::http::admin::find::Queue;
use crate::http::admin::held::Clerk;
use crate::http::admin::own_record::{Own, addresses_of};
use crate::http::admin::receipts::Receipts;
use crate::http::admin::search::Search;
use crate::http::admin::suppressions::objected;
use crate::http::admin::{Admin, AdminState};
use crate::http::consents::Consents;
use crate::http::problem::{Problem, ProblemCode};
use crate::language::Language;
use crate::lead::Said;
use crate::people::Pass;
use crate::purpose::law::RequestKind;
use crate::purpose::{ConsentKey, Policy, PurposeId, RecordId};
use crate::secret::Wiped;
use crate::store::{Erasure, Found, RequestId, StoreError, ToOpen, Wanted};
use crate::trail::{Action, Entry, Operator, Reason};

/// What the public side can have done, of which record a pass says.
pub struct PersonActs {
    pub(super) state: AdminState,
    pub(super) queue: Queue,
    pub(super) search: Arc<Search>,
    pub(super) receipts: Data<Receipts>,
}

/// What a record is looked up for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::http) enum Look {
    /// To be shown, or changed.
    ToSee,
    /// Its person is about to have it ended, or says no to its use: a disk that is full is in nobody's way.
    ToEnd,
}

/// How far an act goes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::http) enum Extent {
    /// The purpose of the record.
    OfPurpose,
    /// Everything.
    Whole,
}

/// What an act came to.
#[derive(Default)]
pub(in crate::http) struct Came {
    /// The erasures that it led to.
    pub(in crate::http) erasures: Vec<Erasure>,
    /// How many submissions are not read yet.
    pub(in crate::http) unread: u64,
    /// Something of it could not be finished now.
    pub(in crate::http) is_left: bool,
    /// That is what other addresses of the record may lead to.
    pub(in crate::http) are_others_left: bool,
    /// By the end of which day it is; none: nobody wrote it down.
    pub(in crate::http) due: Option<Day>,
}

impl Admin {
    /// What people can have done.
    pub fn person_acts(&self) -> PersonActs {
        PersonActs {
            state: self.state(),
            queue: self.queue(),
            search: Arc::clone(&self.search),
            receipts: Data::from(Arc::clone(&self.receipts)),
        }
    }
}

impl PersonActs {
    /// What a pass opens.
    ///
    /// # Errors
    /// The store's.
    pub(in crate::http) async fn open(&self, pass: Pass) -> Result<Option<ToOpen>, Problem> {
        Ok(self.state.store.open_pass(pass).await?)
    }

    /// What the config says of whoever answers for the data.
    pub(in crate::http) fn receipts(&self) -> &Receipts {
        &self.receipts
    }

    /// The believed clock's moment.
    pub(in crate::http) fn now(&self) -> Timestamp {
        self.state.store.now()
    }

    /// Looks the record up, with its line in the trail. None: it is gone.
    ///
    /// # Errors
    /// The store's.
    pub(in crate::http) async fn look(
        &self,
        operator: &Operator,
        (id, look): (&RecordId, Look),
        language: Language,
    ) -> Result<Option<Own>, Problem> {
        let (wanted, entry) = (Wanted::Record(id.clone()), Entry::by(operator, Action::Found));
        let found = match look {
            Look::ToSee => self.state.store.find(wanted, entry.clone()).await?,
            Look::ToEnd => self.state.store.find_to_end(wanted, entry.clone()).await?,
        };
        self.own(id, found, language, &entry).await
    }

    /// What people read a purpose under; its name, where the config has no title of it.
    pub(in crate::http) fn title_of(&self, purpose: &PurposeId, language: Language) -> String {
        let policy = self.state.policy.pin();
        let declared = policy.purpose(purpose.as_str());
        declared.map_or_else(|| purpose.to_string(), |declared| desk::purpose_title(declared, language))
    }

    async fn own(
        &self,
        id: &RecordId,
        found: Vec<Found>,
        language: Language,
        by: &Entry,
    ) -> Result<Option<Own>, Problem> {
        let Some(found) = found.into_iter().next() else { return Ok(None) };
        let (policy, stationery) = (self.state.policy.pin(), self.receipts.stationery.pin());
        let purpose = policy.purpose(id.purpose.as_str()).cloned();
        let (mailbox, has_others) = match &found.lead {
            Some(lead) => addresses_of(lead, purpose.as_deref(), self.now()),
            None => return Ok(None),
        };
        let notices = self.state.store.notices().await?.into_iter();
        let notices = notices.filter(|kept| kept.purpose == id.purpose).map(|kept| kept.revision).collect();
        let held = self.held(&found, (&*policy, &*stationery), language, by).await?;
        Ok(held.map(|held| Own { held, purpose, notices, mailbox, has_others }))
    }

    async fn held(
        &self,
        found: &Found,
        (policy, stationery): (&Policy, &crate::forget::receipt::Stationery),
        language: Language,
        by: &Entry,
    ) -> Result<Option<HeldRecord>, Problem> {
        Clerk::new(&self.state, stationery, policy, language, by).record(found).await
    }

    /// Erases what holds its mailbox: of its purpose, or everything. Of everything, what else holds another address of it is left to the
    /// officer, who can ask whose that is.
    ///
    /// # Errors
    /// Nothing is known to be erased; it stands in the register.
    pub(in crate::http) async fn erase(
        &self,
        request: &HttpRequest,
        operator: &Operator,
        own: &Own,
        extent: Extent,
    ) -> Result<Came, Problem> {
        let opened = self.open_request(RequestKind::Erasure, operator).await?;
        let all = self.by_mailbox(request, operator, own, extent, false).await;
        let mut came = self.whole_or_record(request, operator, (own, extent), (all, false)).await?;
        self.answer_request(opened, operator, &mut came).await?;
        Ok(came)
    }

    /// Puts its mailbox on the list of who objected, and has erased what an objection ends; what the person asked for themselves
    /// stays, without what hangs on a consent.
    ///
    /// # Errors
    /// It stands in the register; whether the list has the mailbox is not known.
    pub(in crate::http) async fn object(
        &self,
        request: &HttpRequest,
        operator: &Operator,
        own: &Own,
        extent: Extent,
    ) -> Result<Came, Problem> {
        let opened = self.open_request(RequestKind::Objection, operator).await?;
        let all = self.by_mailbox(request, operator, own, extent, true).await;
        if all.is_err() {
            // What could not be looked for is barred all the same; said again, an entry is renewed.
            if let Some(by) = &own.mailbox {
                for what in objected(by, &self.wish(own, extent).purposes, &self.state.policy.pin())? {
                    self.state.store.suppress(what, Entry::by(operator, Action::Suppressed)).await?;
                }
            }
        }
        let mut came = self.whole_or_record(request, operator, (own, extent), (all, true)).await?;
        self.answer_request(opened, operator, &mut came).await?;
        Ok(came)
    }

    /// Puts right what it holds.
    ///
    /// # Errors
    /// A value is not taken, or the store's.
    pub(in crate::http) async fn correct(
        &self,
        request: &HttpRequest,
        operator: &Operator,
        own: &Own,
        fields: Vec<(String, Vec<Wiped<String>>)>,
    ) -> Result<bool, Problem> {
        let opened = self.open_request(RequestKind::Rectification, operator).await?;
        let done = corrected(&self.state, request, operator, &own.held.id, fields).await;
        match done {
            Ok(CorrectedRecord { changed, .. }) => {
                self.answer_request(opened, operator, &mut Came::default()).await?;
                Ok(changed)
            }
            // What is not taken was told to the person: that is the answer.
            Err(problem) if is_told(problem.code) => {
                self.answer_request(opened, operator, &mut Came::default()).await?;
                Err(problem)
            }
            Err(problem) => Err(problem),
        }
    }

    /// Takes these consents back, in each record of its purpose whose mails go to its mailbox; what then rests on nothing is erased. Where
    /// they cannot be looked for now, of this record alone, and the rest stays to be done.
    ///
    /// # Errors
    /// The store's; it stands in the register.
    pub(in crate::http) async fn withdraw(
        &self,
        request: &HttpRequest,
        operator: &Operator,
        own: &Own,
        (boxes, said): (&[ConsentKey], Said),
    ) -> Result<Came, Problem> {
        let opened = self.open_request(RequestKind::Withdrawal, operator).await?;
        let entry = |action| Entry::by(operator, action);
        let (records, is_left) = self.of_mailbox(operator, own).await?;
        let done = self
            .consents(request, &self.state.policy.pin(), &entry)
            .withdraw_as(&records, Some(boxes), said)
            .await?;
        let mut came = Came { erasures: done.erasures, is_left, ..Came::default() };
        self.answer_request(opened, operator, &mut came).await?;
        Ok(came)
    }

    /// Says yes once more to these boxes. False: that was said today already.
    ///
    /// # Errors
    /// As [`Consents::confirm`].
    pub(in crate::http) async fn confirm(
        &self,
        request: &HttpRequest,
        operator: &Operator,
        own: &Own,
        (boxes, said): (Vec<ConsentKey>, Said),
    ) -> Result<bool, Problem> {
        let entry = |action| Entry::by(operator, action);
        let policy = self.state.policy.pin();
        self.consents(request, &policy, &entry).confirm_as(&own.held.id, boxes, said).await
    }

    fn consents<'a>(
        &'a self,
        request: &'a HttpRequest,
        policy: &'a Policy,
        entry: &'a (dyn Fn(Action) -> Entry + Sync),
    ) -> Consents<'a> {
        Consents { store: &self.state.store, policy, receipts: &self.receipts, request, entry }
    }

    /// Each receipt as a text, in this language.
    ///
    /// # Errors
    /// The store's, or there is no key to sign with.
    pub(in crate::http) async fn papers(
        &self,
        came: &Came,
        language: Language,
    ) -> Result<Vec<String>, Problem> {
        let mut papers = Vec::with_capacity(came.erasures.len());
        for erasure in &came.erasures {
            let signed = Receipts::signed(&self.receipts, &self.state.store, erasure).await?;
            papers.push(signed.sheet(language));
        }
        Ok(papers)
    }

    /// Writes down that it is asked for. Where the register is full it is done all the same.
    async fn open_request(
        &self,
        kind: RequestKind,
        operator: &Operator,
    ) -> Result<Option<(RequestId, Day)>, StoreError> {
        let (today, entry) = (Day::of(self.now()), Entry::by(operator, Action::RequestOpened));
        match self.state.store.open_request(kind, today, entry).await {
            Ok(request) => Ok(Some((request.id, request.due()))),
            Err(error) if error.code == crate::store::StoreCode::TooManyRequests => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Writes down that it is done, or, where something is left, leaves it to the officer and says by when.
    async fn answer_request(
        &self,
        opened: Option<(RequestId, Day)>,
        operator: &Operator,
        came: &mut Came,
    ) -> Result<(), StoreError> {
        let Some((id, due)) = opened else { return Ok(()) };
        if came.is_left {
            came.due = Some(due);
            return Ok(());
        }
        let entry = Entry::by(operator, Action::RequestAnswered);
        self.state.store.answer_request(id, came.erasures.last().map(|erasure| erasure.id), entry).await?;
        Ok(())
    }
}

/// The operator of an objection: why is what stands on the list.
pub(in crate::http) fn objecting(operator: Operator) -> Operator {
    operator.otherwise_because(Reason::Objection)
}

/// The operator of a withdrawal.
pub(in crate::http) fn withdrawing(operator: Operator) -> Operator {
    operator.otherwise_because(Reason::Withdrawal)
}

/// True of a yes that cannot be taken now: the person turns to whoever answers for the data.
pub(in crate::http) fn is_no_yes(code: ProblemCode) -> bool {
    matches!(
        code,
        ProblemCode::NothingToConfirm
            | ProblemCode::RecordRestricted
            | ProblemCode::AddressSuppressed
            | ProblemCode::ConsentUnknown
    )
}

/// True of what the person can put right themselves.
pub(in crate::http) fn is_told(code: ProblemCode) -> bool {
    matches!(
        code,
        ProblemCode::ValueInvalid
            | ProblemCode::FieldRequired
            | ProblemCode::FieldUnknown
            | ProblemCode::FieldWorkedOut
            | ProblemCode::ConsentNotGiven
            | ProblemCode::RecordTooLarge
    )
}
