//! `POST /erasures` and `GET /erasures/{id}`: a submission is forgotten, and the paper about it. By what it is found comes in the
//! body, never in an address that gets logged.

use actix_web::http::header::{ACCEPT_LANGUAGE, CONTENT_LANGUAGE, HeaderName, VARY};
use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};
use jiff::Timestamp;

use crate::api::erasures::{self as api, ErasureState};
use crate::api::{IdText, Moment};
use crate::forget::TellingState;
use crate::forget::address::Sought;
use crate::forget::receipt::{AskedBy, Ground, Signed};
use crate::http::admin::AdminState;
use crate::http::admin::body::read;
use crate::http::admin::erasing::{erased, of_purposes};
use crate::http::admin::erasing_by_address::{Answer, ByAddress};
use crate::http::admin::find::{Queue, its_turn};
use crate::http::admin::operator::{By, Erase as MayErase, SeeErasure};
use crate::http::admin::paper::PaperFormat;
use crate::http::admin::query::{Parameters, named};
use crate::http::admin::reachable;
use crate::http::admin::receipts::Receipts;
use crate::http::admin::search::Search;
use crate::http::admin::suppressions::{is_of_one, objected};
use crate::http::admin::telling;
use crate::http::problem::{Problem, ProblemCode};
use crate::id::LeadgenId;
use crate::language::Language;
use crate::purpose::{Basis, PurposeId, RecordId};
use crate::store::{
    Erasure, ErasureId, ErasureRequest, Followed, RepeatKey, StoreCode, StoreError, Telling, Wanted,
};
use crate::telemetry::metrics::Metrics;
use crate::trail::{Action, Entry, Operator};

/// By what a request is known again that was sent twice.
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// Erases what is named, or says how much that would take.
pub(super) async fn erase(
    by: By<MayErase>,
    state: Data<AdminState>,
    request: HttpRequest,
    receipts: Data<Receipts>,
    metrics: Data<Metrics>,
    (queue, search): (Data<Queue>, Data<Search>),
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    let asked: api::Erase = read(&request, payload).await?;
    let ground = by.operator.reason().and_then(Ground::of).ok_or(ProblemCode::ErasureReasonInvalid)?;
    let asked_by = asked_by(asked.asked_by.as_deref(), ground)?;
    let repeat = repeat_key(&request)?;
    let named = wanted_by(&asked.by)?;
    let purposes = purposes(asked.purposes.as_deref(), &state).await?;
    let is_counted_up = matches!(named, Named::One(Wanted::Record(_)) | Named::Holding(_));
    if (asked.dry_run || asked.tell) && is_counted_up {
        // Whoever counts records up, or tries addresses, learns as little by this as by looking them up.
        its_turn(&by.operator, &state, &metrics).await?;
    }
    let papers = receipts.papers(asked_by, None);
    if asked.tell {
        telling::require_mail(&state)?;
    }
    let told_first = asked.tell && !asked.dry_run;
    let wish = ErasureRequest { purposes, repeat, papers, told_first, ..ErasureRequest::default() };
    if asked.keep_own_requests && asked.tell {
        return Err(Problem::of(ProblemCode::BodyInvalid));
    }
    if asked.keep_own_requests && !(ground == Ground::Objection && matches!(named, Named::Holding(_))) {
        return Err(Problem::of(ProblemCode::BodyInvalid));
    }
    let wanted = match named {
        Named::One(wanted) => wanted,
        Named::Holding(sought) => {
            if let api::ErasedBy::Phone(typed) = &asked.by {
                is_of_one(Some(typed), &wish.purposes, &state.policy.pin())?;
            }
            let to_suppress = match ground {
                Ground::Objection => objected(&asked.by, &wish.purposes, &state.policy.pin())?,
                Ground::PersonRequest | Ground::Withdrawal | Ground::Error | Ground::Audit => Vec::new(),
            };
            let (wish, kept) = match asked.keep_own_requests {
                true => ended_by_objection(wish, &state).await?,
                false => (wish, Vec::new()),
            };
            let by_address = ByAddress {
                state: &state,
                request: &request,
                operator: &by.operator,
                queue: &queue,
                search: &search,
                receipts: &receipts,
                asked_by,
                sought,
                wish,
                kept,
            };
            if asked.dry_run {
                return Ok(HttpResponse::Ok().json(by_address.would_erase(asked.tell).await?));
            }
            return Ok(match by_address.erase(to_suppress).await? {
                Answer::Erased(erased) => HttpResponse::Ok().json(erased),
                Answer::Waits(waits) => HttpResponse::Accepted().json(waits),
            });
        }
    };
    let queued = match &wanted {
        Wanted::Leadgen(leadgen) if queue.holds(leadgen) => vec![*leadgen],
        _ => Vec::new(),
    };
    let wish = ErasureRequest { what: vec![wanted.clone()], queued, ..wish };
    if asked.dry_run {
        let would = would_erase(&by, &state, wish).await?;
        let could_be_told = match asked.tell {
            true => Some(reachable::could_be_told_of(&state, &by.operator, &wanted).await?),
            false => None,
        };
        return Ok(HttpResponse::Ok().json(api::WouldErase { could_be_told, ..would }));
    }
    if wish.told_first {
        return erase_once_told(&by.operator, &state, &request, &receipts, (wish, &wanted)).await;
    }
    let erasure = erased(&state.store, &request, wish, Entry::by(&by.operator, Action::ErasureAsked)).await?;
    let receipt = Receipts::signed(&receipts, &state.store, &erasure).await?.note().to_owned();
    Ok(HttpResponse::Ok().json(api::Erased::one(erasure.id.to_string(), receipt)))
}

/// Has what one id names wait for a letter to its person; the receipt, where it was carried out before.
async fn erase_once_told(
    operator: &Operator,
    state: &AdminState,
    request: &HttpRequest,
    receipts: &Data<Receipts>,
    (wish, wanted): (ErasureRequest, &Wanted),
) -> Result<HttpResponse, Problem> {
    let known = state.store.repeated(wish.clone(), Entry::by(operator, Action::ErasureToTell)).await?;
    if known.is_none() && reachable::could_be_told_of(state, operator, wanted).await? == 0 {
        return Err(Problem::of(ProblemCode::NobodyToTell));
    }
    let erasure = telling::begun(state, request, wish, operator).await?;
    if let Some(waits) = telling::waits(state, &erasure).await? {
        let erasure = api::ToBeErased::of(&erasure, waits.until);
        return Ok(HttpResponse::Accepted().json(erasure));
    }
    let receipt = Receipts::signed(receipts, &state.store, &erasure).await?.note().to_owned();
    Ok(HttpResponse::Ok().json(api::Erased::one(erasure.id.to_string(), receipt)))
}

impl api::ToBeErased {
    /// One erasure that waits until then at the latest.
    pub(super) fn of(erasure: &Erasure, until: Timestamp) -> Self {
        Self {
            erasure: erasure.id.to_string(),
            until: Moment(until),
            records: erasure.extent.total(),
            before: Vec::new(),
            unseen: api::Unseen::default(),
            ahead: api::Ahead::default(),
        }
    }
}

/// Shows an erasure as it stands, or its receipt as a paper.
pub(super) async fn show(
    _by: By<SeeErasure>,
    state: Data<AdminState>,
    request: HttpRequest,
    receipts: Data<Receipts>,
    id: Path<String>,
) -> Result<HttpResponse, Problem> {
    let parameters = Parameters::parse(request.query_string(), &["format", "lang"])?;
    let format =
        PaperFormat::of(parameters.value("format"), &request).map_err(|code| named(code, "format"))?;
    let language = language(parameters.value("lang"), &request).map_err(|code| named(code, "lang"))?;
    let id = ErasureId::parse(&id).ok_or(ProblemCode::ErasureUnknown)?;
    let erasure = state.store.erasure(id).await?.ok_or(ProblemCode::ErasureUnknown)?;
    let signed = match erasure.done {
        Some(_) => Some(Receipts::signed(&receipts, &state.store, &erasure).await?),
        None => None,
    };
    let telling = telling::telling(&state, &erasure).await?;
    let waits = telling.is_some_and(|telling| telling.state == TellingState::Waiting);
    let mut answer = HttpResponse::Ok();
    answer.content_type(format.content_type()).insert_header((VARY, "Accept, Accept-Language"));
    match (format, signed) {
        (PaperFormat::Json, signed) => {
            let followed = following(&state, id).await?;
            Ok(answer.json(shown(&erasure, telling, followed, signed.as_ref())))
        }
        (_, None) if waits => Err(Problem::erasure_waits(erasure.id.to_string())),
        (_, None) => Err(Problem::erasure_pending(erasure.id.to_string())),
        (PaperFormat::Note, Some(signed)) => Ok(answer.body(signed.note().to_owned())),
        (PaperFormat::Text, Some(signed)) => {
            Ok(answer.insert_header((CONTENT_LANGUAGE, language.tag())).body(signed.sheet(language)))
        }
        (PaperFormat::Html, Some(signed)) => {
            Ok(answer.insert_header((CONTENT_LANGUAGE, language.tag())).body(signed.html(language)))
        }
    }
}

/// What a request names.
enum Named {
    /// One submission.
    One(Wanted),
    /// Each that holds an address.
    Holding(Sought),
}

fn wanted_by(by: &api::ErasedBy) -> Result<Named, ProblemCode> {
    let one = |wanted: Option<Wanted>| wanted.map(Named::One).ok_or(ProblemCode::BodyInvalid);
    let holding = |sought: Option<Sought>| sought.map(Named::Holding).ok_or(ProblemCode::AddressInvalid);
    match by {
        api::ErasedBy::Id(IdText(id)) => one(RecordId::parse(id).map(Wanted::Record)),
        api::ErasedBy::LeadgenId(IdText(id)) => one(LeadgenId::parse(id).map(Wanted::Leadgen)),
        api::ErasedBy::Email(typed) => holding(Sought::email(typed)),
        api::ErasedBy::Phone(typed) => holding(Sought::phone(typed)),
    }
}

fn asked_by(said: Option<&str>, ground: Ground) -> Result<AskedBy, ProblemCode> {
    match (said, ground) {
        (Some(said), _) => AskedBy::from_code(said).ok_or(ProblemCode::BodyInvalid),
        (None, Ground::PersonRequest | Ground::Withdrawal | Ground::Objection) => Ok(AskedBy::Person),
        (None, Ground::Error | Ground::Audit) => Ok(AskedBy::Controller),
    }
}

/// The caller's key, at most one.
fn repeat_key(request: &HttpRequest) -> Result<Option<RepeatKey>, ProblemCode> {
    let mut given = request.headers().get_all(IDEMPOTENCY_KEY);
    let Some(only) = given.next() else { return Ok(None) };
    let key = only.to_str().ok().and_then(RepeatKey::parse).filter(|_| given.next().is_none());
    key.map(Some).ok_or(ProblemCode::IdempotencyKeyInvalid)
}

/// Purposes that are in the config or have records; none said: all. Whoever mistypes one would be told that nothing was there.
pub(super) async fn purposes(said: Option<&[String]>, state: &AdminState) -> Result<Vec<PurposeId>, Problem> {
    let Some(said) = said else { return Ok(Vec::new()) };
    if said.is_empty() {
        return Err(Problem::of(ProblemCode::BodyInvalid));
    }
    let stored = state.store.stored().await?;
    let policy = state.policy.pin();
    let mut purposes = Vec::with_capacity(said.len());
    for name in said {
        let purpose = PurposeId::parse(name).ok_or(ProblemCode::BodyInvalid)?;
        if policy.purpose(name).is_none() && !stored.contains_key(&purpose) {
            return Err(Problem::of(ProblemCode::PurposeUnknown));
        }
        purposes.push(purpose);
    }
    Ok(purposes)
}

/// The same for those of its purposes that an objection ends; and those of them that it does not: what the person asked for
/// themselves goes on (GDPR art. 21 knows the basis of art. 6(1)(f), and what is taken back of a consent ends that). Why a purpose
/// was that has left the config nobody knows any more: it ends.
pub(super) async fn ended_by_objection(
    wish: ErasureRequest,
    state: &AdminState,
) -> Result<(ErasureRequest, Vec<PurposeId>), Problem> {
    let policy = state.policy.pin();
    let mut all = wish.purposes.clone();
    if all.is_empty() {
        all.extend(state.store.stored().await?.into_keys());
        all.extend(policy.purposes().iter().map(|purpose| purpose.id.clone()));
    }
    all.sort();
    all.dedup();
    let stays = |id: &PurposeId| {
        let basis = policy.purpose(id.as_str()).map(|purpose| purpose.basis);
        matches!(basis, Some(Basis::Contract | Basis::PreContract))
    };
    let (kept, purposes) = all.into_iter().partition(stays);
    let purposes_said = Some(wish.purposes.clone());
    Ok((ErasureRequest { purposes, purposes_said, ..wish }, kept))
}

/// How much it would take. Its line in the trail is there before anybody is told.
async fn would_erase(
    by: &By<MayErase>,
    state: &AdminState,
    wish: ErasureRequest,
) -> Result<api::WouldErase, Problem> {
    let extent = state.store.extent(wish, Entry::by(&by.operator, Action::ErasureTried)).await?;
    Ok(api::WouldErase::of(&extent))
}

/// Who had something of it, and how far each has followed. Of who had it before there was a feed nothing else is known.
async fn following(state: &AdminState, id: ErasureId) -> Result<Vec<api::Following>, Problem> {
    let had = match state.store.handed_of(id).await {
        // The receipt says that nobody knows.
        Err(StoreError { code: StoreCode::RecordUnreadable, .. }) => Vec::new(),
        had => had?,
    };
    let untold = |recipient| Followed { recipient, told: None, confirmed: None };
    let mut all = state.store.followed(id).await?;
    for recipient in had.into_iter().filter_map(|had| had.recipient) {
        if all.iter().all(|one| one.recipient != recipient) {
            all.push(untold(recipient));
        }
    }
    all.sort_by(|one, other| one.recipient.cmp(&other.recipient));
    let shown = |Followed { recipient, told, confirmed }| api::Following {
        recipient,
        told_at: told.map(Moment),
        confirmed_at: confirmed.map(Moment),
    };
    Ok(all.into_iter().map(shown).collect())
}

fn shown(
    erasure: &Erasure,
    telling: Option<Telling>,
    followed: Vec<api::Following>,
    signed: Option<&Signed>,
) -> api::ErasureShown {
    let waits = telling.is_some_and(|telling| telling.state == TellingState::Waiting);
    let state = match (erasure.done.is_some(), waits) {
        (true, _) => ErasureState::Done,
        (false, true) => ErasureState::Waiting,
        (false, false) => ErasureState::Pending,
    };
    api::ErasureShown {
        erasure: erasure.id.to_string(),
        state: state.into(),
        asked_at: Moment(erasure.asked),
        done_at: erasure.done.map(|end| Moment(end.at)),
        reason: erasure.reason.map(Into::into),
        records: erasure.extent.total(),
        purposes: of_purposes(&erasure.extent),
        parked: erasure.extent.references,
        follows: erasure.follows.map(|id| id.to_string()),
        followed_by: erasure.followed_by.map(|id| id.to_string()),
        told: telling.as_ref().map(telling::shown),
        followed,
        receipt: signed.map(|signed| signed.note().to_owned()),
    }
}

/// What the query says, else what the caller likes best, else English.
pub(super) fn language(said: Option<&str>, request: &HttpRequest) -> Result<Language, ProblemCode> {
    if let Some(said) = said {
        let known = Language::ALL.into_iter().find(|language| language.tag() == said);
        return known.ok_or(ProblemCode::ParameterInvalid);
    }
    let liked = request.headers().get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
    Ok(liked.and_then(Language::preferred).unwrap_or(Language::En))
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;
    use crate::http::admin::body::parse;

    #[test]
    fn a_request_names_exactly_one_thing_and_knows_no_other_member() {
        let by = |body: &str| {
            let asked = parse::<api::Erase>(body.as_bytes()).map_err(|problem| problem.code);
            asked.map(|asked| wanted_by(&asked.by).err())
        };
        for good in [
            r#"{"by":{"id":"devis-1-7"}}"#,
            r#"{"by":{"leadgen_id":"9007199254740993"}}"#,
            r#"{"by":{"leadgen_id":9007199254740993},"dry_run":true,"purposes":["devis"],"asked_by":"person"}"#,
            r#"{"by":{"email":" Anne@Lumen.example"}}"#,
            r#"{"by":{"phone":"06 39 98 00 00"}}"#,
        ] {
            assert_eq!(by(good), Ok(None), "{good}");
        }
        for (bad, code) in [
            (r#"{"by":{"id":"devis"}}"#, ProblemCode::BodyInvalid),
            (r#"{"by":{"leadgen_id":"a"}}"#, ProblemCode::BodyInvalid),
            (r#"{"by":{"email":"anne"}}"#, ProblemCode::AddressInvalid),
            (r#"{"by":{"phone":"12345"}}"#, ProblemCode::AddressInvalid),
        ] {
            assert_eq!(by(bad), Ok(Some(code)), "{bad}");
        }
        for bad in [
            "",
            "{}",
            r#"{"by":{}}"#,
            r#"{"by":"id"}"#,
            r#"{"by":{"id":"devis-1-7","leadgen_id":"1"}}"#,
            r#"{"by":{"id":"devis-1-7","leadgen_id":null}}"#,
            r#"{"by":{"name":"Anne"}}"#,
            r#"{"by":{"email":null}}"#,
            r#"{"by":{"phone":639980000}}"#,
            r#"{"by":{"email":"anne@lumen.example","phone":"06 39 98 00 00"}}"#,
            r#"{"by":{"id":"devis-1-7"},"dryrun":true}"#,
            r#"{"by":{"id":"devis-1-7"},"dry_run":1}"#,
            r#"{"by":{"id":"devis-1-7"},"reason":"person-request"}"#,
        ] {
            assert_eq!(by(bad), Err(ProblemCode::BodyInvalid), "{bad}");
        }
    }

    #[test]
    fn who_wanted_it_follows_from_the_reason_unless_it_is_said() {
        assert_eq!(asked_by(None, Ground::Objection), Ok(AskedBy::Person));
        assert_eq!(asked_by(None, Ground::Audit), Ok(AskedBy::Controller));
        assert_eq!(asked_by(Some("authority"), Ground::PersonRequest), Ok(AskedBy::Authority));
        assert_eq!(asked_by(Some("Anne"), Ground::PersonRequest), Err(ProblemCode::BodyInvalid));
    }

    #[test]
    fn a_callers_key_comes_once_and_can_be_seen() {
        let key = |values: &[&str]| {
            let request = values.iter().fold(TestRequest::post(), |request, value| {
                request.append_header(("Idempotency-Key", *value))
            });
            repeat_key(&request.to_http_request()).map(|key| key.is_some())
        };
        assert_eq!((key(&[]), key(&["0f-6e"])), (Ok(false), Ok(true)));
        for bad in [&["a", "a"][..], &["a b"], &[""]] {
            assert_eq!(key(bad), Err(ProblemCode::IdempotencyKeyInvalid), "{bad:?}");
        }
    }

    #[test]
    fn a_language_is_said_or_liked_or_english() {
        let of = |said, liked: &str| {
            language(said, &TestRequest::get().append_header(("Accept-Language", liked)).to_http_request())
        };
        assert_eq!(of(Some("de"), "fr"), Ok(Language::De));
        assert_eq!((of(None, "fr-CH, en;q=0.5"), of(None, "it")), (Ok(Language::Fr), Ok(Language::En)));
        for bad in ["", "it", "DE", "de-AT"] {
            assert_eq!(of(Some(bad), "fr"), Err(ProblemCode::ParameterInvalid), "{bad}");
        }
    }
}
