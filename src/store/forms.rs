//! Forms: their definitions, and what the sieve dropped of their leads.

use async_trait::async_trait;
use jiff::Timestamp;

use crate::id::FormId;
use crate::purpose::{FormDefinition, TextHash};
use crate::store::StoreError;

/// The largest definition, as text.
pub(super) const DEFINITION_BYTES_MAX: usize = 64 * 1024;
/// Names counted for one form; the rest together under [`OTHER_NAMES`].
pub(super) const NAMES_MAX: u64 = 200;
/// Stands for the names that are not counted one by one.
pub(super) const OTHER_NAMES: &str = "…";

/// Definitions of forms, and what the sieve dropped by form.
#[async_trait]
pub trait Forms: Send + Sync {
    /// What is known of a form.
    ///
    /// # Errors
    /// See [`crate::store::StoreCode`].
    async fn form(&self, form: &FormId) -> Result<Option<KnownForm>, StoreError>;
    /// Keeps what was learnt of a form, in the place of what was known. A definition of up to 16 KiB is kept, and stays as a
    /// snapshot of its revision, once: it is what people saw who agreed to something on it.
    ///
    /// # Errors
    /// [`crate::store::StoreCode::ValueTooLarge`]: what was known stays; otherwise see [`crate::store::StoreCode`].
    async fn put_form(&self, form: KnownForm) -> Result<(), StoreError>;
    /// A form as it was at a revision; none: it was never read so, or what was kept of it cannot be read.
    ///
    /// # Errors
    /// See [`crate::store::StoreCode`].
    async fn snapshot(&self, form: &FormId, revision: &TextHash) -> Result<Option<FormSnapshot>, StoreError>;
    /// All known forms, by id.
    ///
    /// # Errors
    /// See [`crate::store::StoreCode`].
    async fn forms(&self) -> Result<Vec<KnownForm>, StoreError>;
    /// Names and counts of dropped fields by form (at most 200 names a form; the rest under `…`), by form and name. They
    /// are counted in the transaction that settles their lead.
    ///
    /// # Errors
    /// See [`crate::store::StoreCode`].
    async fn dropped(&self) -> Result<Vec<DroppedField>, StoreError>;
}

/// A form as last read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownForm {
    /// The form.
    pub form: FormId,
    /// Its definition; none: Graph refuses it for good, so keys are matched by name.
    pub definition: Option<FormDefinition>,
    /// When it was read.
    pub read_at: Timestamp,
}

/// A form's content at one revision. No word of it is a person's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FormSnapshot {
    /// The content.
    pub definition: FormDefinition,
    /// When it was first read so.
    pub first_read_at: Timestamp,
}

/// One name that the sieve let fall.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DroppedField {
    /// The form.
    pub form: FormId,
    /// The question's key (the form author's words).
    pub name: String,
    /// How often.
    pub count: u64,
}
