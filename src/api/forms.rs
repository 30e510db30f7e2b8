//! `GET /forms`.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::api::{Moment, Word};
use crate::id::{FormId, PageId};
use crate::purpose::{Asked, PurposeId};

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
    /// The first of its purposes; null: none claims it any more.
    #[schema(required = true)]
    pub purpose: Option<PurposeId>,
    /// All that claim it, in the order of the config.
    pub purposes: Vec<PurposeId>,
    /// When Graph was last asked for it.
    pub read_at: Moment,
    /// False: Graph does not give the definition, and questions are matched by exact key.
    pub readable: bool,
    /// True: Graph gave its questions alone; hidden parameters are not known.
    pub partial: bool,
    /// How many questions it has, hidden parameters and dependent ones included.
    pub question_count: usize,
    /// Fields of its purposes that no question feeds; as `purpose.field` where there are several purposes.
    pub unfed: Vec<String>,
    /// Which content it has, as hex; it changes with any text that people see. Null: Graph does not give the definition.
    #[schema(required = true)]
    pub revision: Option<String>,
    /// Its language as Meta writes it (`fr_FR`); null: Graph does not say.
    #[schema(required = true)]
    pub locale: Option<String>,
    /// False: Graph does not give the tick-boxes, and whether one is ticked when the form opens is not known.
    pub boxes_readable: bool,
    /// Its tick-boxes, not for viewers; left out where they cannot be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub boxes: Option<Vec<Box>>,
    /// Its questions, not for viewers: they are the form author's words, and may reveal by themselves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub questions: Option<Vec<Question>>,
}

/// A tick-box, and the consent that counts it.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct Box {
    /// Meta's `checkbox_key`.
    pub key: String,
    /// What stands beside it.
    pub text: String,
    /// SHA-256 of the text, as hex; a record's evidence names it.
    pub text_hash: String,
    /// It is ticked when the form opens: its tick is no consent. Null: Graph does not say.
    #[schema(required = true)]
    pub ticked_by_default: Option<bool>,
    /// The consent; null: none counts it.
    #[schema(required = true)]
    pub consent: Option<String>,
}

/// A question, and the field that it feeds.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct Question {
    /// The key under which a lead's answer comes.
    pub key: String,
    /// Meta's type (`EMAIL`, `CUSTOM`); empty where Meta gives none, as of hidden parameters.
    #[serde(rename = "type")]
    pub question_type: String,
    /// What brings the answer.
    #[schema(value_type = Asked)]
    pub asked: Word<Asked>,
    /// The first of its fields; null: its answers are dropped.
    #[schema(required = true)]
    pub field: Option<String>,
    /// Where the form stands under several purposes: all fields that it feeds, as `purpose.field`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub fields: Option<Vec<String>>,
}
