//! In which way a reference is parked, as both versions keep it.

use serde::{Deserialize, Serialize};

use crate::notification::{ParkCode, Why};
use crate::store::sled::layout::moment;
use crate::store::{StoreCode, StoreError};

/// [`Why`] as it is kept.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::store::sled) enum WhyRow {
    /// Fetched again later.
    Waiting {
        /// Not before.
        not_before_ms: i64,
        /// Spent so far.
        attempts: u32,
        /// Why.
        code: String,
    },
    /// No purpose or no token.
    Held {
        /// Which.
        code: String,
    },
    /// Whitelist or consent.
    Refused {
        /// Which.
        code: String,
    },
    /// A human must look.
    Buried {
        /// Why.
        code: String,
        /// Spent.
        attempts: u32,
    },
}

impl WhyRow {
    /// For keeping.
    pub(in crate::store::sled) fn of(why: &Why) -> Self {
        let code = why.code().as_str().to_owned();
        match why {
            Why::Waiting { not_before, attempts, .. } => {
                Self::Waiting { not_before_ms: not_before.as_millisecond(), attempts: *attempts, code }
            }
            Why::Held { .. } => Self::Held { code },
            Why::Refused { .. } => Self::Refused { code },
            Why::Buried { attempts, .. } => Self::Buried { code, attempts: *attempts },
        }
    }

    /// As it is used.
    ///
    /// # Errors
    /// The code is a later version's, or the moment none.
    pub(in crate::store::sled) fn why(&self) -> Result<Why, StoreError> {
        Ok(match self {
            Self::Waiting { not_before_ms, attempts, code } => {
                Why::Waiting { not_before: moment(*not_before_ms)?, attempts: *attempts, code: known(code)? }
            }
            Self::Held { code } => Why::Held { code: known(code)? },
            Self::Refused { code } => Why::Refused { code: known(code)? },
            Self::Buried { code, attempts } => Why::Buried { code: known(code)?, attempts: *attempts },
        })
    }
}

/// A code, as text.
///
/// # Errors
/// It is a later version's.
pub(super) fn known(code: &str) -> Result<ParkCode, StoreError> {
    ParkCode::from_code(code).ok_or(StoreError::of(StoreCode::Format))
}
