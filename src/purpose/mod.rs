//! Why we may hold what, and until when.
//!
//! A purpose is the only reason for which tamis keeps anything: its basis in law, the fields it may hold (the
//! whitelist), the consents it needs, its retention, the forms that belong to it. Pure: no files, no network, no time of
//! its own.

mod consent;
mod form;
mod matching;
mod policy;
mod record_id;
mod retention;
mod whitelist;

pub use consent::{Channel, ConsentKey, ConsentRule};
pub use form::{FormDefinition, Question};
pub use matching::{Match, Matching, Permit};
pub use policy::{Basis, Keep, Policy, Purpose, PurposeId};
pub use record_id::{Cursor, RecordId};
pub use retention::{Periods, periods};
pub use whitelist::{FieldName, FieldRule, Whitelist, standard_type};
