//! `GET /requests`, `POST /requests`, `POST /requests/{id}/extension` and `POST /requests/{id}/answer`: the register of what people
//! asked for by right. No address and no name is in it.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::api::Word;
use crate::api::id_text::EpochNumber;
use crate::purpose::law::{ExtensionGround, RequestKind};

/// What somebody asked for, and when it came.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OpenRequest {
    /// What.
    pub kind: Word<RequestKind>,
    /// The day (UTC) on which it came. Absent: today.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub received: Option<String>,
}

/// Why the answer takes two months more.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExtendRequest {
    /// Which of the two grounds that there are.
    pub ground: Word<ExtensionGround>,
}

/// That it is answered.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AnswerRequest {
    /// The erasure that it led to, if it led to one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub erasure: Option<String>,
}

/// A request of a person.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct PersonRequest {
    /// Its number.
    #[schema(value_type = EpochNumber)]
    pub id: String,
    /// What was asked for.
    #[schema(value_type = RequestKind)]
    pub kind: Word<RequestKind>,
    /// The day (UTC) on which it came.
    #[schema(pattern = "^[0-9]{4,6}-[0-9]{2}-[0-9]{2}$")]
    pub received: String,
    /// The day (UTC) by whose end it is answered.
    #[schema(pattern = "^[0-9]{4,6}-[0-9]{2}-[0-9]{2}$")]
    pub due: String,
    /// So many days are left, today not counted; less than 0: it is late. Null: it is answered.
    #[schema(required = true)]
    pub days_left: Option<i64>,
    /// Why it takes two months more; null: it does not.
    #[schema(required = true)]
    pub extended: Option<Extension>,
    /// How it was answered; null: it is not.
    #[schema(required = true)]
    pub answered: Option<Answered>,
}

/// Why an answer takes two months more.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct Extension {
    /// Why.
    #[schema(value_type = ExtensionGround)]
    pub ground: Word<ExtensionGround>,
    /// The day (UTC) on which that was decided: the person is told by then.
    #[schema(pattern = "^[0-9]{4,6}-[0-9]{2}-[0-9]{2}$")]
    pub on: String,
}

/// How a request was answered.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct Answered {
    /// The day (UTC).
    #[schema(pattern = "^[0-9]{4,6}-[0-9]{2}-[0-9]{2}$")]
    pub on: String,
    /// The erasure that it led to, whose receipt has the same number; null: none.
    #[schema(required = true, value_type = Option<EpochNumber>)]
    pub erasure: Option<String>,
    /// The erasure that says what came of what was not read yet then, whose receipt is to be handed over as well; null: there is none, or
    /// not yet.
    #[serde(default)]
    #[schema(required = true, value_type = Option<EpochNumber>)]
    pub followed_by: Option<String>,
}

/// Requests, by their numbers.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct RequestList {
    /// The requests.
    pub requests: Vec<PersonRequest>,
    /// True: there may be more, after the last one.
    pub more: bool,
}
