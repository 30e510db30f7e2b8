//! `POST /clock/confirm`.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What became of a confirmation.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct Confirmed {
    /// False: there was nothing to confirm.
    pub confirmed: bool,
}
