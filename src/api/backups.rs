//! `POST /backups` and `POST /vacuum`.

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

/// A store that lies in a new file.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct Vacuumed {
    /// What was removed before this moment lies nowhere in the store's directory.
    pub at: Moment,
    /// How many records it has.
    pub records: u64,
    /// The length of the database that was, in bytes.
    pub before_bytes: u64,
    /// The length of the one that is.
    pub store_bytes: u64,
}
