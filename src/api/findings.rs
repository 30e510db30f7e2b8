//! `GET /findings`, `GET /forms/{id}/findings`: what the form check found.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::api::{Moment, Word};
use crate::id::FormId;
use crate::purpose::PurposeId;
use crate::purpose::form_check::{FindingCode, Severity};

/// What stands, of all forms.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct Findings {
    /// Each form that was looked at, by id.
    pub forms: Vec<FormFindings>,
}

/// What was found of a form.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct FormFindings {
    /// The form.
    pub form_id: FormId,
    /// When Graph last gave it; of a form that it refuses, when it first did; of one that nobody claims, when a lead of it was last
    /// seen to wait.
    pub looked_at: Moment,
    /// When people began to see another form than before; null: never, since it is looked at.
    #[schema(required = true)]
    pub changed_at: Option<Moment>,
    /// What people see, as `GET /forms/{id}/revisions` names it; null: it was never readable.
    #[schema(required = true)]
    pub revision: Option<String>,
    /// What stands, the worst first; then, where it was asked for, what ended, the last first. At most 200.
    pub findings: Vec<FormFinding>,
}

/// One thing that was found.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct FormFinding {
    /// How much it matters.
    #[schema(value_type = Severity)]
    pub severity: Word<Severity>,
    /// What.
    #[schema(value_type = FindingCode)]
    pub code: Word<FindingCode>,
    /// Of this purpose; null: of the form as a whole.
    #[schema(required = true)]
    pub purpose: Option<PurposeId>,
    /// About this consent's box; left out where it is about none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub consent: Option<String>,
    /// About the question with this key, not for viewers: it is the form author's word. At most 200 bytes of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub question: Option<String>,
    /// What that question seems to ask, where that says much of a person, in English; not for viewers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub asks: Option<String>,
    /// When a look first found it.
    pub first_seen_at: Moment,
    /// When one last did.
    pub last_seen_at: Moment,
    /// When one first did not any more; null: it stands.
    #[schema(required = true)]
    pub ended_at: Option<Moment>,
}

/// What stands on one form or several, in the status.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct FindingCount {
    /// How much it matters.
    #[schema(value_type = Severity)]
    pub severity: Word<Severity>,
    /// What.
    #[schema(value_type = FindingCode)]
    pub code: Word<FindingCode>,
    /// On how many forms.
    pub forms: u64,
    /// The first of them.
    pub form_id: FormId,
}
