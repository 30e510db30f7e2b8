//! `GET /forms`, and what each form was.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::api::{Moment, Word};
use crate::id::{FormId, PageId};
use crate::purpose::{self, Asked, DifferenceCode, PurposeId};

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
    /// The form that it counts as: no purpose names it, but it asks the same under the same boxes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub copy_of: Option<FormId>,
    /// In what it differs from the form that it might be a copy of, not for viewers; left out where that was not found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub differs: Option<Differs>,
    /// Which content it has, as hex; it changes with any text that people see. Null: Graph does not give the definition.
    #[schema(required = true)]
    pub revision: Option<String>,
    /// Its language as Meta writes it (`fr_FR`); null: Graph does not say.
    #[schema(required = true)]
    pub locale: Option<String>,
    /// False: Graph does not give the tick-boxes, and whether one is ticked when the form opens is not known.
    pub boxes_readable: bool,
    /// Where its privacy link leads, not for viewers; left out where it leads nowhere, or Graph does not give it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub policy_url: Option<String>,
    /// Its tick-boxes, not for viewers; left out where they cannot be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub boxes: Option<Vec<Box>>,
    /// Its questions, not for viewers: they are the form author's words, and may reveal by themselves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub questions: Option<Vec<Question>>,
}

/// In what a form is no copy.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct Differs {
    /// The form of the config that it is least unlike.
    pub original: FormId,
    /// In what, the first 20.
    pub differences: Vec<Difference>,
    /// How many there are.
    pub total: u64,
}

/// One thing in which a form is no copy. Keys and types are the form author's words.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct Difference {
    /// For this purpose of the original.
    pub purpose: PurposeId,
    /// What.
    #[schema(value_type = DifferenceCode)]
    pub code: Word<DifferenceCode>,
    /// The key of the question or tick-box; empty where it is about the form as a whole; of `several-originals` a form.
    pub key: String,
    /// The field or consent that it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub of: Option<String>,
    /// How it is on the original: a question's type, or how a box stands when the form opens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub original: Option<String>,
    /// How it is on this form.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub form: Option<String>,
}

impl From<&purpose::Differs> for Differs {
    fn from(found: &purpose::Differs) -> Self {
        let difference = |one: &purpose::Difference| Difference {
            purpose: one.purpose.clone(),
            code: one.code.into(),
            key: one.key.clone(),
            of: one.of.clone(),
            original: one.original.clone(),
            form: one.form.clone(),
        };
        let differences = found.differences.iter().map(difference).collect();
        Self { original: found.original, differences, total: found.total as u64 }
    }
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

/// The contents that a form had.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct Revisions {
    /// The form.
    pub form_id: FormId,
    /// Each, by when it was first read so; at most 1,000.
    pub revisions: Vec<Revision>,
}

/// One content of a form.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct Revision {
    /// SHA-256 of the content, as hex; a record's evidence names it.
    #[schema(pattern = "^[0-9a-f]{64}$")]
    pub revision: String,
    /// When it was first read.
    pub first_read_at: Moment,
    /// True of what the form is now, as far as is known.
    pub current: bool,
}

/// What people saw who filled a form in.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct FormRevision {
    /// The form.
    pub form_id: FormId,
    /// Which content it is.
    #[schema(pattern = "^[0-9a-f]{64}$")]
    pub revision: String,
    /// When it was first read.
    pub first_read_at: Moment,
    /// Its language as Meta writes it (`fr_FR`); null: Graph did not say.
    #[schema(required = true)]
    pub locale: Option<String>,
    /// Its questions, without hidden parameters.
    pub questions: Vec<QuestionSeen>,
    /// False: Graph did not give the disclaimer and the tick-boxes.
    pub boxes_readable: bool,
    /// The disclaimer's title; null: there was none, or it is not known.
    #[schema(required = true)]
    pub title: Option<TextSeen>,
    /// The disclaimer; null: there was none, or it is not known.
    #[schema(required = true)]
    pub body: Option<TextSeen>,
    /// Its tick-boxes.
    pub boxes: Vec<BoxSeen>,
    /// Where the privacy policy stood; null: nowhere, or it is not known.
    #[schema(required = true)]
    pub policy_url: Option<String>,
}

/// A question as it was.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct QuestionSeen {
    /// The key under which answers came.
    pub key: String,
    /// Meta's type; empty where Meta gave none.
    #[serde(rename = "type")]
    pub question_type: String,
    /// What brought the answer.
    #[schema(value_type = Asked)]
    pub asked: Word<Asked>,
    /// What people chose from, where a key was not its text; empty also where there was too much of it.
    pub choices: Vec<ChoiceSeen>,
}

/// One thing to choose, as it was.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct ChoiceSeen {
    /// How an answer named it.
    pub key: String,
    /// What people read.
    pub label: String,
}

/// A text as it was.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct TextSeen {
    /// The text, or its beginning.
    pub text: String,
    /// SHA-256 of all of it, as hex.
    pub hash: String,
}

/// A tick-box as it was.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct BoxSeen {
    /// Meta's `checkbox_key`.
    pub key: String,
    /// What stood beside it, or its beginning.
    pub text: String,
    /// SHA-256 of all of the text, as hex; a record's evidence names it.
    pub text_hash: String,
    /// The form could not be sent without it. Null: Graph did not say.
    #[schema(required = true)]
    pub required: Option<bool>,
    /// It was ticked when the form opened. Null: Graph did not say.
    #[schema(required = true)]
    pub ticked_by_default: Option<bool>,
}
