//! `POST /corrections`: an officer puts right what a record holds (GDPR art. 16). Evidence and consents are not corrected by it.

use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};

use crate::api::IdText;
use crate::api::corrections::{Corrected, Correction};
use crate::http::admin::AdminState;
use crate::http::admin::body::read;
use crate::http::admin::operator::{By, Correct as MayCorrect, said};
use crate::http::problem::{Problem, ProblemCode, request_id};
use crate::lead::{CorrectionFault, RevisionRefusal, correction};
use crate::purpose::RecordId;
use crate::secret::Wiped;
use crate::store::{RewriteCause, RewriteRequest, Rewritten};
use crate::trail::{Action, Entry, Operator, Reason};

/// Corrects one record. It is answered once the key of what it held before is destroyed.
pub(super) async fn correct(
    by: By<MayCorrect>,
    state: Data<AdminState>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    let Correction { id: IdText(id), fields, reason } = read(&request, payload).await?;
    let operator = said(by.operator, reason.as_ref(), &request, Some(Reason::PersonRequest))?;
    let id = RecordId::parse(&id).ok_or(ProblemCode::BodyInvalid)?;
    let wiped = |(name, values): (String, Vec<String>)| {
        (name, values.into_iter().map(Wiped::new).collect::<Vec<_>>())
    };
    let fields = fields.0.into_iter().map(wiped).collect();
    let CorrectedRecord { changed, fields } = corrected(&state, &request, &operator, &id, fields).await?;
    Ok(HttpResponse::Ok().json(Corrected { id, changed, fields }))
}

/// What a correction came to.
pub(super) struct CorrectedRecord {
    /// Something is otherwise than it was.
    pub(super) changed: bool,
    /// Which fields were to be corrected.
    pub(super) fields: Vec<String>,
}

/// Has the store put this right, and says so. It is done once the key of what was held before is destroyed.
///
/// # Errors
/// There is no such record, a field or value is not taken, or the store's.
pub(super) async fn corrected(
    state: &AdminState,
    request: &HttpRequest,
    operator: &Operator,
    id: &RecordId,
    fields: Vec<(String, Vec<Wiped<String>>)>,
) -> Result<CorrectedRecord, Problem> {
    let purpose = state.policy.pin().purpose(id.purpose.as_str()).cloned();
    let purpose = purpose.ok_or(ProblemCode::RecordUnknown)?;
    if fields.is_empty() {
        return Err(Problem::of(ProblemCode::BodyInvalid));
    }
    let revision = correction(&purpose, fields).map_err(of_fault)?;
    let names: Vec<_> = revision.names().cloned().collect();
    let mut entry = Entry::by(operator, Action::Corrected);
    entry.fields.clone_from(&names);
    let records = vec![(id.clone(), revision)];
    let rewriting =
        state.store.rewrite(RewriteRequest { records, cause: RewriteCause::Person }, entry).await?;
    let changed = match rewriting.each.first() {
        Some(Rewritten::Anew) => true,
        Some(Rewritten::Same) => false,
        Some(Rewritten::Refused(refusal)) => return Err(of_refusal(*refusal).into()),
        Some(Rewritten::Restricted | Rewritten::Suppressed) => {
            return Err(Problem::of(ProblemCode::RecordRestricted));
        }
        Some(Rewritten::Gone) => return Err(Problem::of(ProblemCode::RecordGone)),
        Some(Rewritten::Unreadable) => return Err(Problem::of(ProblemCode::RecordUnreadable)),
        Some(Rewritten::Unknown) | None => return Err(Problem::of(ProblemCode::RecordUnknown)),
    };
    if !rewriting.keys_destroyed {
        return Err(Problem::of(ProblemCode::CorrectionPending));
    }
    tracing::info!(
        request.id = %request_id(request), actor = %operator.actor(), role = %operator.role(), record.id = %id,
        record.changed = changed, fields = names.len(), "record.corrected"
    );
    Ok(CorrectedRecord { changed, fields: names.iter().map(ToString::to_string).collect() })
}

fn of_fault(fault: CorrectionFault) -> ProblemCode {
    match fault {
        CorrectionFault::FieldUnknown => ProblemCode::FieldUnknown,
        CorrectionFault::FieldWorkedOut => ProblemCode::FieldWorkedOut,
        CorrectionFault::FieldRequired => ProblemCode::FieldRequired,
        CorrectionFault::ValueInvalid => ProblemCode::ValueInvalid,
    }
}

pub(super) fn of_refusal(refusal: RevisionRefusal) -> ProblemCode {
    match refusal {
        RevisionRefusal::TooLarge => ProblemCode::RecordTooLarge,
        RevisionRefusal::ConsentNotGiven => ProblemCode::ConsentNotGiven,
        RevisionRefusal::NoneLeftOfOne | RevisionRefusal::NothingLeft => ProblemCode::FieldRequired,
        // A correction says nothing of consents.
        RevisionRefusal::NoGround | RevisionRefusal::NothingToConfirm => ProblemCode::Internal,
    }
}
