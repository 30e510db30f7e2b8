//! `GET /purposes`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::api::Word;
use crate::id::FormId;
use crate::purpose::{Basis, PurposeId};

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
    /// Calendar months after which a record expires; absent where its purpose counts days.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retention_months: Option<u32>,
    /// Days after which a record expires; absent where its purpose counts months.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retention_days: Option<u32>,
}
