//! `POST /bounces`: a mail came back from an address.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// From which address.
// It holds an address: neither `Debug` nor `Display`.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bounce {
    /// The e-mail address.
    pub email: String,
}

/// What was noted.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct Bounced {
    /// Of so many records whose mails go to the address: nobody writes to their persons any more, until the record is corrected.
    pub records: u64,
    /// How many records do not open, and may hold the address.
    pub unreadable: u64,
}
