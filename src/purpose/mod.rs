//! Why we may hold what, and until when.
//!
//! A purpose is the only reason for which tamis keeps anything: its basis in law, the fields it may hold (the
//! whitelist), the consents it needs, its retention, the forms that belong to it. Pure: no files, no network, no time of
//! its own.

mod adoption;
mod boxes;
mod consent;
mod copies;
mod declared;
mod drop_code;
mod form;
pub mod form_check;
pub mod law;
mod legal;
mod matching;
mod phone;
mod policy;
mod record_id;
mod remit;
mod retention;
#[cfg(test)]
pub(crate) mod sample;
mod shared_form;
mod unfed;
mod whitelist;

pub use adoption::{Copies, Likeness};
pub use boxes::{BoxFinding, TextsDiffer};
pub use consent::{BoxKey, ConsentKey, ConsentRule};
pub use copies::{Difference, DifferenceCode, Differs};
pub use declared::{Keep, Purpose, PurposeId, graph_fields};
pub use drop_code::DropCode;
pub use form::{Asked, Choice, FormDefinition, Question};
pub use law::{Basis, Channel, standard_type};
pub use legal::{BoxDefault, Checkbox, Legal, LegalContent, TextHash, Wording};
pub use matching::{Match, Matching, Permit};
pub use phone::{PhoneRegion, dialled, international_e164};
pub use policy::{FormPurposes, Policy};
pub use record_id::{Cursor, RecordId};
pub use remit::{Remit, RemitConsent, RemitField};
pub use retention::{Lifespan, Periods, Term, is_over, periods};
pub use shared_form::SharedForm;
pub use unfed::{Unfed, UnfedCode};
pub use whitelist::{FieldName, FieldRule, Need, QuestionTypes, Whitelist};
