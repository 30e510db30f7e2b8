//! `POST /access`: everything that is held of a person, by an address in the body (GDPR art. 15). Each record of it leaves its
//! line in the trail before it is opened.

use actix_web::http::header::{CONTENT_LANGUAGE, VARY};
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};

use crate::api::Moment;
use crate::api::access::{Access, AccessFile, HeldBy};
use crate::desk;
use crate::forget::address::Sought;
use crate::http::admin::AdminState;
use crate::http::admin::body::read;
use crate::http::admin::erasures::language;
use crate::http::admin::find::{Queue, its_turn};
use crate::http::admin::held::Clerk;
use crate::http::admin::operator::{Access as MayAccess, By};
use crate::http::admin::paper::PaperFormat;
use crate::http::admin::query::{Parameters, named};
use crate::http::admin::receipts::Receipts;
use crate::http::admin::search::Search;
use crate::http::admin::stubs::kept_of;
use crate::http::admin::suppressions::{entries_of, is_of_one};
use crate::http::problem::{Problem, ProblemCode, request_id};
use crate::language::Language;
use crate::purpose::RecordId;
use crate::store::SHOWN_AT_ONCE_MAX;
use crate::telemetry::metrics::Metrics;
use crate::trail::{Action, Entry};

/// So many records stand in one paper; beyond that their number is told. A person has a handful.
const RECORDS_MAX: usize = 1_000;

/// Puts it together, for a program or as a page.
pub(super) async fn access(
    by: By<MayAccess>,
    state: Data<AdminState>,
    request: HttpRequest,
    receipts: Data<Receipts>,
    metrics: Data<Metrics>,
    (queue, search): (Data<Queue>, Data<Search>),
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    let parameters = Parameters::parse(request.query_string(), &["format", "lang"])?;
    let format =
        PaperFormat::of_a_page(parameters.value("format"), &request).map_err(|code| named(code, "format"))?;
    let language = language(parameters.value("lang"), &request).map_err(|code| named(code, "lang"))?;
    let Access { email, phone } = read(&request, payload).await?;
    let sought = match (&email, &phone) {
        (Some(typed), None) => Sought::email(typed),
        (None, Some(typed)) => Sought::phone(typed),
        _ => return Err(Problem::of(ProblemCode::BodyInvalid)),
    };
    let sought = sought.ok_or(ProblemCode::AddressInvalid)?;
    is_of_one(phone.as_deref(), &[], &state.policy.pin())?;
    its_turn(&by.operator, &state, &metrics).await?;
    // Counted first: what is read in between is met.
    let unread = queue.count() + state.store.parked().await?;
    let entry = Entry::by(&by.operator, Action::Accessed);
    let matches = search.matching(sought, None, &entry).await?;
    let ids: Vec<RecordId> = matches.first.into_iter().take(RECORDS_MAX).map(|found| found.record).collect();
    let gathering = Gathering { state: &state, receipts: &receipts, language };
    let held = gathering.file(&ids, entry, (email.as_deref(), phone.as_deref())).await?;
    tracing::info!(
        request.id = %request_id(&request), actor = %by.operator.actor(), role = %by.operator.role(),
        records.found = held.records.len(), "access.done"
    );
    let counted = |count: u64| (count > 0).then_some(count);
    let held = AccessFile {
        total: (matches.total > ids.len() as u64).then_some(matches.total),
        unreadable: counted(matches.unreadable),
        unread: counted(unread),
        ..held
    };
    let mut answer = HttpResponse::Ok();
    answer.content_type(format.content_type()).insert_header((VARY, "Accept, Accept-Language"));
    answer.insert_header((CONTENT_LANGUAGE, language.tag()));
    Ok(match format {
        PaperFormat::Html => answer.body(desk::access_page(&held, language)),
        _ => answer.json(held),
    })
}

/// Where what is held of somebody is put together.
pub(super) struct Gathering<'g> {
    pub(super) state: &'g AdminState,
    pub(super) receipts: &'g Receipts,
    pub(super) language: Language,
}

impl Gathering<'_> {
    /// All that is held in these records, with what the list and the evidence that is left say of the address. `entry` is written for each
    /// record before it is opened; where there is none, that somebody asked stands in the trail all the same.
    ///
    /// # Errors
    /// It depends on whether the clock is right, or the store's.
    pub(super) async fn file(
        &self,
        ids: &[RecordId],
        entry: Entry,
        (email, phone): (Option<&str>, Option<&str>),
    ) -> Result<AccessFile, Problem> {
        let Self { state, receipts, language } = *self;
        let (stationery, policy) = (receipts.stationery.pin(), state.policy.pin());
        let mut clerk = Clerk::new(state, &stationery, &policy, language, &entry);
        let mut records = Vec::with_capacity(ids.len());
        let mut parts = ids.chunks(SHOWN_AT_ONCE_MAX);
        let mut part = Some(parts.next().unwrap_or_default());
        while let Some(of) = part {
            for found in state.store.find_records(of.to_vec(), entry.clone()).await? {
                records.extend(clerk.record(&found).await?);
            }
            part = parts.next();
        }
        let suppressions = entries_of(state, email, phone, &entry).await?;
        let evidence = kept_of(state, (email, phone), (&*policy, &*stationery), language, &entry).await?;
        let controller = &stationery.controller;
        Ok(AccessFile {
            language: language.tag().to_owned(),
            made_at: Moment(state.store.now()),
            controller: HeldBy {
                name: controller.name.clone(),
                address: controller.address.clone(),
                email: controller.email.clone(),
            },
            public_url: stationery.public_url.clone(),
            total: None,
            records,
            suppressions,
            evidence,
            unreadable: None,
            unread: None,
            remains: desk::remaining(
                (stationery.key_backups_days, stationery.trail_months, stationery.evidence_months),
                stationery.has_ledger,
                &controller.name,
                language,
            ),
        })
    }
}
