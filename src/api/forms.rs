//! `GET /forms`.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::api::Moment;
use crate::id::{FormId, PageId};
use crate::purpose::PurposeId;

/// All forms that were read.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct Forms {
    /// Each.
    pub forms: Vec<Form>,
}

/// What is known of a form.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct Form {
    /// The form.
    pub form_id: FormId,
    /// The page that it belongs to; null: Graph does not say, and what is called with any page is read.
    #[schema(required = true)]
    pub page_id: Option<PageId>,
    /// Whose it is; null: no purpose claims it any more.
    #[schema(required = true)]
    pub purpose: Option<PurposeId>,
    /// When Graph was last asked for it.
    pub read_at: Moment,
    /// False: Graph does not give the definition, and questions are matched by exact key.
    pub readable: bool,
    /// How many questions it has.
    pub question_count: usize,
    /// Fields of the purpose that no question feeds.
    pub unfed: Vec<String>,
    /// Its questions, not for viewers: they are the form author's words, and may reveal by themselves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub questions: Option<Vec<Question>>,
}

/// A question, and the field that it feeds.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct Question {
    /// The key under which a lead's answer comes.
    pub key: String,
    /// Meta's type (`EMAIL`, `CUSTOM`); empty where Meta gives none.
    #[serde(rename = "type")]
    pub question_type: String,
    /// The field; null: its answers are dropped.
    #[schema(required = true)]
    pub field: Option<String>,
}
