//! `GET /reconfirmations`, and `run`, `pause`, `list`, `asked` below it: asking people whether they still agree.

use std::collections::BTreeMap;

use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use futures_util::future::BoxFuture;

use crate::api::reconfirmations::{
    AskingKind, AskingRun, DueList, DuePerson, ListDue, PEOPLE_MAX, PauseAsking, Reconfirmations,
    Reconfirming, SaidAsked, SayAsked,
};
use crate::api::{IdText, Word};
use crate::clock::Day;
use crate::http::admin::AdminState;
use crate::http::admin::body::read;
use crate::http::admin::operator::{By, HandleAsking as MayHandle, ListDue as MayList, SeeAsking as MaySee};
use crate::http::admin::receipts::Receipts;
use crate::http::problem::{Problem, ProblemCode, request_id};
use crate::people::{PassKind, Tally};
use crate::purpose::{Cursor, PurposeId, RecordId};
use crate::store::{GivenPass, MailId, MailKind, StoreError, ToPass};
use crate::trail::{Action, Entry};

/// What a look comes to: by purpose, and how many mails were put into the outbox.
pub type AskingLook = BoxFuture<'static, Result<(BTreeMap<PurposeId, Tally>, u64), StoreError>>;
/// Behind which record a piece of the list begins, and how many it may name.
pub type DueRange = (Option<Cursor>, usize);
/// A piece of the list of who is due.
pub type DueLook = BoxFuture<'static, Result<DuePiece, StoreError>>;

/// Who of a purpose is due and may be written to, as far as was looked.
#[derive(Default)]
pub struct DuePiece {
    /// Each, and the day on which their record ends if they stay silent.
    pub people: Vec<(MailId, Day)>,
    /// So many look due and may not be written to.
    pub left_out: u64,
    /// Behind which record to go on; none: nobody is due behind these.
    pub next: Option<Cursor>,
}

/// Who finds who is to be asked. One for both doors.
pub struct Askings {
    /// Mails are put into the outbox.
    pub by_mail: bool,
    /// Looks, and where that is true puts mails into the outbox.
    pub look: Box<dyn Fn(bool) -> AskingLook + Send + Sync>,
    /// Those of a purpose who are due; each record is opened, with this line in the trail.
    pub list: Box<dyn Fn(PurposeId, DueRange, Entry) -> DueLook + Send + Sync>,
}

/// How it stands.
pub(super) async fn show(
    _by: By<MaySee>,
    state: Data<AdminState>,
    askings: Data<Askings>,
) -> Result<HttpResponse, Problem> {
    let (purposes, _) = (askings.look)(false).await?;
    let purposes = purposes.into_iter().map(|(purpose, tally)| {
        let Tally { to_ask, to_remind, answering, unreachable } = tally;
        Reconfirming { purpose, to_ask, to_remind, answering, unreachable }
    });
    Ok(HttpResponse::Ok().json(Reconfirmations {
        by_mail: askings.by_mail,
        paused: state.store.asking_paused(),
        waiting: state.store.mails_waiting().count,
        purposes: purposes.collect(),
    }))
}

/// Looks at once, and does not wait for the day's turn.
pub(super) async fn run(
    by: By<MayHandle>,
    state: Data<AdminState>,
    askings: Data<Askings>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let queues = !state.store.asking_paused() && state.store.clock_confirmed();
    let (_, queued) = (askings.look)(queues).await?;
    let mut entry = Entry::by(&by.operator, Action::AskingRun);
    entry.count = queued;
    state.store.note(entry).await?;
    tracing::info!(
        request.id = %request_id(&request), actor = %by.operator.actor(), mails.queued = queued, "asking.run"
    );
    Ok(HttpResponse::Ok().json(AskingRun { queued }))
}

/// Has nobody asked, or some again.
pub(super) async fn pause(
    by: By<MayHandle>,
    state: Data<AdminState>,
    askings: Data<Askings>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    let PauseAsking { paused } = read(&request, payload).await?;
    let action = if paused { Action::AskingPaused } else { Action::AskingResumed };
    state.store.pause_asking(paused, Entry::by(&by.operator, action)).await?;
    // What waited was let go meanwhile, and the day's turn may be hours away.
    if !paused && state.store.clock_confirmed() {
        (askings.look)(true).await?;
    }
    Ok(HttpResponse::Ok().json(PauseAsking { paused }))
}

/// Who is due, each with a link of their own.
pub(super) async fn list(
    by: By<MayList>,
    state: Data<AdminState>,
    askings: Data<Askings>,
    receipts: Data<Receipts>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    let ListDue { purpose: IdText(purpose), limit, after } = read(&request, payload).await?;
    let policy = state.policy.pin();
    let purpose = policy.purpose(&purpose).ok_or(ProblemCode::PurposeUnknown)?;
    let limit = limit.map_or(PEOPLE_MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
    if !(1..=PEOPLE_MAX).contains(&limit) {
        return Err(Problem::of(ProblemCode::LimitOutOfRange));
    }
    let after = after.map(|IdText(after)| cursor(&after, &purpose.id)).transpose()?;
    let public_url = receipts.stationery.pin().public_url.clone();
    let mut people = Vec::new();
    let look = Entry::by(&by.operator, Action::AskingListed);
    let due = (askings.list)(purpose.id.clone(), (after, limit), look).await?;
    for (MailId { record, kind }, ends) in due.people {
        let wanted = ToPass { record: record.clone(), kind: PassKind::Page, last_day: None };
        let entry = Entry::by(&by.operator, Action::PassGiven);
        // Its time has come, or it was erased meanwhile.
        let GivenPass::Given(pass) = state.store.give_pass(wanted, entry).await? else { continue };
        let kind = if kind == MailKind::Reminded { AskingKind::Reminded } else { AskingKind::Asked };
        let url = format!("{public_url}{}", pass.path(PassKind::Page).as_str());
        people.push(DuePerson { id: record, kind: Word::from(kind), ends_on: ends.to_string(), url });
    }
    let mut entry = Entry::by(&by.operator, Action::AskingListed);
    (entry.purpose, entry.count) = (Some(purpose.id.clone()), people.len() as u64);
    state.store.note(entry).await?;
    Ok(HttpResponse::Ok().json(DueList { people, left_out: due.left_out, next_cursor: due.next }))
}

/// Where a list of this purpose goes on.
fn cursor(text: &str, purpose: &PurposeId) -> Result<Cursor, Problem> {
    let cursor = Cursor::parse(text).ok_or_else(|| Problem::of(ProblemCode::CursorInvalid).at("after"))?;
    let is_its = cursor.purpose == *purpose;
    is_its.then_some(cursor).ok_or_else(|| Problem::of(ProblemCode::CursorForeign).at("after"))
}

/// Notes who was asked by other means.
pub(super) async fn asked(
    by: By<MayHandle>,
    state: Data<AdminState>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    let SayAsked { ids, kind } = read(&request, payload).await?;
    let Word::Known(kind) = kind else { return Err(Problem::of(ProblemCode::BodyInvalid).at("kind")) };
    if ids.is_empty() || ids.len() > PEOPLE_MAX {
        return Err(Problem::of(ProblemCode::BodyInvalid).at("ids"));
    }
    let (kind, action) = match kind {
        AskingKind::Asked => (MailKind::Asked, Action::Asked),
        AskingKind::Reminded => (MailKind::Reminded, Action::Reminded),
    };
    let record = |IdText(id): &IdText| Some(MailId { record: RecordId::parse(id)?, kind });
    let mails: Option<Vec<MailId>> = ids.iter().map(record).collect();
    let mails = mails.ok_or_else(|| Problem::of(ProblemCode::BodyInvalid).at("ids"))?;
    let noted = state.store.note_written(mails, Entry::by(&by.operator, action)).await?;
    Ok(HttpResponse::Ok().json(SaidAsked { noted }))
}
