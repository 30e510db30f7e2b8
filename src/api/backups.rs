//! `POST /backups`.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::api::Moment;

/// Where a backup is to be.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BackUp {
    /// A directory of the machine that tamis runs on, from the root on, that is not there yet.
    pub directory: String,
}

/// A backup that was made.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct BackedUp {
    /// What it holds is of this moment.
    pub at: Moment,
    /// How many records it has.
    pub records: u64,
    /// The length of its database, in bytes.
    pub store_bytes: u64,
    /// Which change of the keyring was the last that it has.
    pub keyring_generation: u64,
}
