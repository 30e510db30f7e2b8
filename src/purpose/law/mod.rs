//! What the law says about holding leads, as types and pure functions: no keys of a config, no messages. The config asks
//! here and puts the answer into words; a new rule of law is a function here and a sentence there.

mod answering;
mod authorities;
mod basis;
mod contact;
mod delicate;
mod limits;
mod names;
mod parties;
mod questions;
mod special;
mod trade;
mod untold;

pub use answering::{ExtensionGround, RequestKind, answered_by};
pub use authorities::authority_of;
pub use basis::{Basis, Unproven};
pub use contact::{Channel, Contact};
pub use delicate::Delicate;
pub use limits::{
    CALL_CONSENT_MONTHS_FR, CHANGES_DAYS, CONSENT_MONTHS, EVIDENCE_YEARS, GRACE_DAYS, GRACE_DAYS_DEFAULT,
    PROSPECT_MONTHS_RECOMMENDED, PURPOSES_OF_A_FORM_MAX, RECONFIRM_MONTHS, REQUEST_MONTHS, RETENTION_DAYS,
    RETENTION_MONTHS, TRAIL_MONTHS, TRAIL_MONTHS_RECOMMENDED,
};
pub(in crate::purpose) use names::words;
pub use parties::{
    Authority, Controller, Dpo, Recipient, RecipientRole, TransferBasis, is_country, is_in_eea,
};
pub use questions::{TypeKnown, key_of_type, standard_type, type_known, type_of_key, types};
pub use special::Category;
pub use trade::ForbiddenTrade;
pub use untold::Untold;
