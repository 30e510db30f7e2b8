//! What a person may have done who holds a pass, by the very paths by which an officer does it. Everything that changes something stands
//! in the register of requests before it begins, and is answered there at its end: what breaks off stays open, and the officer sees
//! it.

use std::sync::Arc;

use actix_web::HttpRequest;
use actix_web::web::Data;
use jiff::Timestamp;
use zeroize::Zeroizing;

use crate::api::access::HeldRecord;
use crate::api::erasures::ErasedBy;
use crate::clock::Day;
use crate::desk;
use crate::forget::address::{Address, Sought};
use crate::forget::receipt::AskedBy;
use crate::http::admin::corrections::{CorrectedRecord, corrected};
use crate::http::admin::erasing::erased;
use crate::http::admin::erasing_by_address::ByAddress;
use crate::http::admin::erasures::ended_by_objection;
use crate::http::admin::find::Queue;
use crate::http::admin::held::Clerk;
use crate::http::admin::receipts::Receipts;
use crate::http::admin::search::Search;
use crate::http::admin::suppressions::objected;
use crate::http::admin::{Admin, AdminState};
use crate::http::consents::Consents;
use crate::http::problem::{Problem, ProblemCode};
use crate::language::Language;
use crate::lead::{EventEntity, OpenedLead, Said};
use crate::mail::{OwnMailbox, goes_to};
use crate::people::Pass;
use crate::purpose::law::{Contact, RequestKind};
use crate::purpose::{Basis, ConsentKey, FieldRule, Policy, Purpose, PurposeId, RecordId, TextHash};
use crate::store::{
    Erasure, ErasureId, ErasureRequest, Found, RequestId, SHOWN_AT_ONCE_MAX, StoreCode, StoreError, ToOpen,
    Wanted,
};
use crate::trail::{Action, Entry, Operator, Reason};

/// So often is looked for records of a mailbox, where it has more than one look names: a person has a handful.
const LOOKS_MAX: u32 = 4;

/// What the public side can have done, of which record a pass says.
pub struct PersonActs {
    pub(super) state: AdminState,
    pub(super) queue: Queue,
    pub(super) search: Arc<Search>,
    pub(super) receipts: Data<Receipts>,
}

/// A record as its person is shown it, and by what else of theirs is found.
pub(in crate::http) struct Own {
    /// What is held, whole: to be masked before it is shown.
    pub(in crate::http) held: HeldRecord,
    /// The purpose; none: it has left the config.
    pub(in crate::http) purpose: Option<Arc<Purpose>>,
    /// The revisions of its purpose's notice, the oldest first: the last one is in force.
    notices: Vec<TextHash>,
    /// The mailbox that its mails go to. Whoever holds a pass is known to read that one, and no other address: a form takes what is
    /// typed into it, also what is somebody else's.
    mailbox: Option<ErasedBy>,
    /// It holds other addresses or numbers. By those nothing is looked for here.
    has_others: bool,
}

impl Own {
    /// The notice that is in force; none: there is none.
    pub(in crate::http) fn notice(&self) -> Option<TextHash> {
        self.notices.last().copied()
    }

    /// True if what was asked for may lead on to what other addresses in it hold: everything, and an objection, which is of a person. What
    /// is erased of one purpose is what holds the mailbox that its mails go to.
    fn leads_on(&self, extent: Extent, objects: bool) -> bool {
        self.has_others && (objects || extent == Extent::Whole)
    }

    /// How its person says something on a page in this language, which showed this notice (as hex): one that there was, else what is in
    /// force.
    pub(in crate::http) fn said(&self, notice: &str, language: Language) -> Said {
        let shown = TextHash::parse(notice).filter(|revision| self.notices.contains(revision));
        Said {
            entity: EventEntity::Person,
            notice_revision: shown.or_else(|| self.notice()),
            language: Some(language.tag().to_owned()),
        }
    }
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

impl Own {
    /// The mailbox that its mails go to; none: it has none.
    pub(in crate::http) fn mailbox(&self) -> Option<&str> {
        match &self.mailbox {
            Some(ErasedBy::Email(typed)) => Some(typed),
            _ => None,
        }
    }
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
            Look::ToSee => self.state.store.find(wanted, entry).await?,
            Look::ToEnd => self.state.store.find_to_end(wanted, entry).await?,
        };
        self.own(id, found, language).await
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
        let held = self.held(&found, &policy, &stationery, language).await?;
        Ok(held.map(|held| Own { held, purpose, notices, mailbox, has_others }))
    }

    async fn held(
        &self,
        found: &Found,
        policy: &Policy,
        stationery: &crate::forget::receipt::Stationery,
        language: Language,
    ) -> Result<Option<HeldRecord>, Problem> {
        Clerk::new(&self.state, stationery, policy, language).record(found).await
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
        fields: Vec<(String, Vec<Zeroizing<String>>)>,
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

    /// The records of its purpose whose mails go to its mailbox, itself among them; true: there may be more, which could not be looked for.
    /// One that only names the address is somebody else's: a form takes what is typed into it.
    async fn of_mailbox(&self, operator: &Operator, own: &Own) -> Result<(Vec<RecordId>, bool), Problem> {
        let mut records = vec![own.held.id.clone()];
        let sought = match &own.mailbox {
            Some(ErasedBy::Email(typed)) => Sought::email(typed),
            _ => None,
        };
        let Some(sought) = sought else { return Ok((records, false)) };
        let mut after = None;
        for _ in 0..LOOKS_MAX {
            let matches = match self.search.matching(sought.clone(), after.take()).await {
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
                let entry = Entry::by(operator, Action::Found);
                let opened = match self.state.store.find_records(some.to_vec(), entry).await {
                    Err(error) if error.code == StoreCode::DiskFull => return Ok((records, true)),
                    opened => opened?,
                };
                let (policy, now) = (self.state.policy.pin(), self.now());
                let leads = opened.iter().filter_map(|found| found.lead.as_ref());
                let theirs = leads.filter(|lead| goes_to(lead, &policy, now, &sought));
                records.extend(theirs.map(|lead| lead.id().clone()));
            }
            if !matches.are_cut() {
                return Ok((records, false));
            }
            after = matches.first.last().map(|found| found.record.clone());
        }
        Ok((records, true))
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

    /// By the mailbox of the record.
    async fn by_mailbox(
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
        let done = by_address.erase(to_suppress).await?;
        came.unread = done.unread.unwrap_or_default();
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
    async fn whole_or_record(
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

    fn wish(&self, own: &Own, extent: Extent) -> ErasureRequest {
        let purposes = match extent {
            Extent::OfPurpose => vec![own.held.purpose.clone()],
            Extent::Whole => Vec::new(),
        };
        let papers = self.receipts.papers(AskedBy::Person, None);
        ErasureRequest { purposes, papers, ..ErasureRequest::default() }
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

/// True of what nobody may be reached by: on this page it goes into no record.
pub(in crate::http) fn is_an_address(value: &str) -> bool {
    Sought::email(value).is_some() || (value.trim_start().starts_with('+') && Sought::phone(value).is_some())
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

/// True of what will pass, and of what a look through everything cannot do.
fn is_passing(code: ProblemCode) -> bool {
    matches!(code, ProblemCode::SearchesFull | ProblemCode::SearchTooSlow | ProblemCode::AddressInvalid)
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

/// True of a field that holds what a person is reached by: with it they could have their data sent elsewhere.
pub(in crate::http) fn holds_an_address(rule: &FieldRule) -> bool {
    let names = [rule.name.as_str()].into_iter().chain(rule.from.iter().map(String::as_str));
    let is_mail = |name: &str| name.contains("mail");
    let by_name = is_mail(rule.name.as_str()) || rule.from.iter().any(|key| is_mail(key));
    rule.e164_of.is_some() || by_name || Contact::of(names, rule.types.iter().collect::<Vec<_>>()).is_some()
}

/// The mailbox that mails about it go to; and whether anything else in it might be an address.
fn addresses_of(lead: &OpenedLead, purpose: Option<&Purpose>, now: Timestamp) -> (Option<ErasedBy>, bool) {
    let mailbox = purpose.and_then(|purpose| OwnMailbox::of(lead, purpose, now));
    let is_it = |address: &Address| mailbox.as_ref().is_some_and(|mailbox| mailbox.address.is(address));
    let has_others = lead.held().any(|(name, values)| {
        let rule = purpose.and_then(|purpose| purpose.whitelist.rule(name.as_str()));
        let dials = rule.is_some_and(|rule| {
            let names = [rule.name.as_str()].into_iter().chain(rule.from.iter().map(String::as_str));
            rule.e164_of.is_some()
                || Contact::of(names, rule.types.iter().collect::<Vec<_>>()) == Some(Contact::Number)
        });
        values.iter().map(|value| value.expose()).any(|value| match Address::email_given(value) {
            Some(address) => !is_it(&address),
            None => (dials || value.trim_start().starts_with('+')) && Sought::phone(value).is_some(),
        })
    });
    // It is looked for, and put on the list, as whoever types it there: that must be the same one.
    let mailbox = mailbox.filter(|mailbox| mailbox.sought().is_some());
    (mailbox.map(|mailbox| ErasedBy::Email(mailbox.typed.to_owned())), has_others)
}
