//! `GET /purposes`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::api::Word;
use crate::id::FormId;
use crate::purpose::{Basis, Lifespan, PurposeId, Term};

/// The purposes in the order of the config; an exporter sees its own.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct Purposes {
    /// Each.
    pub purposes: Vec<Purpose>,
}

/// Why data is held, and how much of it is.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct Purpose {
    /// Its name.
    pub id: PurposeId,
    /// What people read, by language.
    pub title: BTreeMap<String, String>,
    /// The basis in law.
    #[schema(value_type = Basis)]
    pub basis: Word<Basis>,
    /// The forms that belong to it.
    pub forms: Vec<FormId>,
    /// The whitelist, in the order of a CSV's columns.
    pub fields: Vec<String>,
    /// Records kept, expired ones that are not destroyed yet included.
    pub stored: u64,
    /// How long a record is held, in truth: until the first of these terms ends, counted from the submission. Terms that never
    /// end first are left out.
    #[serde(default)]
    #[schema(required = true)]
    pub lifespan: Vec<Span>,
    /// What the config says, in calendar months: records may end before that (`lifespan`). Absent where it counts days.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retention_months: Option<u32>,
    /// What the config says, in days: records may end before that (`lifespan`). Absent where it counts months.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retention_days: Option<u32>,
}

/// A length of time: calendar months, and days of 24 hours after them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Span {
    /// Calendar months, counted at once and clamped to the month's end.
    pub months: u32,
    /// Days after them.
    pub days: u32,
}

impl Purpose {
    /// What `lifespan` says. None: a tamis of before, which does not say it.
    pub fn held_for(&self) -> Option<Lifespan> {
        let term = |span: &Span| Term { months: span.months, days: span.days };
        (!self.lifespan.is_empty()).then(|| Lifespan::from_terms(self.lifespan.iter().map(term).collect()))
    }
}

impl From<Term> for Span {
    fn from(term: Term) -> Self {
        Self { months: term.months, days: term.days }
    }
}
