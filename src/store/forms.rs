//! Forms: their definitions, and what the sieve dropped of their leads.

use async_trait::async_trait;
use jiff::Timestamp;

use crate::id::FormId;
use crate::purpose::{DropCode, FormDefinition, PurposeId, TextHash};
use crate::store::StoreError;

/// The largest definition, as text.
pub(super) const DEFINITION_BYTES_MAX: usize = 64 * 1024;
/// So many revisions of a form are told of.
pub(super) const REVISIONS_MAX: usize = 1_000;
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
    /// Keeps what was learnt of a form, in the place of what was known. A definition of up to 64 KiB is kept, and its content stays
    /// as a snapshot of its revision, once: it is what people saw who agreed to something on it.
    ///
    /// # Errors
    /// [`crate::store::StoreCode::ValueTooLarge`]: what was known stays; otherwise see [`crate::store::StoreCode`].
    async fn put_form(&self, form: KnownForm) -> Result<(), StoreError>;
    /// A form as it was at a revision; none: it was never read so, or what was kept of it cannot be read.
    ///
    /// # Errors
    /// See [`crate::store::StoreCode`].
    async fn snapshot(&self, form: &FormId, revision: &TextHash) -> Result<Option<FormSnapshot>, StoreError>;
    /// The revisions of a form that are kept, by when each was first read; at most 1,000. One that cannot be read is passed
    /// over.
    ///
    /// # Errors
    /// See [`crate::store::StoreCode`].
    async fn revisions(&self, form: &FormId) -> Result<Vec<FormRevision>, StoreError>;
    /// All known forms, by id.
    ///
    /// # Errors
    /// See [`crate::store::StoreCode`].
    async fn forms(&self) -> Result<Vec<KnownForm>, StoreError>;
    /// Writes down that forms count as another, or until when they did, in the place of what stood there of each. Of more than
    /// 1,000 a part may stand where it fails.
    ///
    /// # Errors
    /// See [`crate::store::StoreCode`].
    async fn put_adoptions(&self, adoptions: Vec<Adoption>) -> Result<(), StoreError>;
    /// What was last written down of a form that counts as another, or did.
    ///
    /// # Errors
    /// See [`crate::store::StoreCode`].
    async fn adoption(&self, form: &FormId) -> Result<Option<Adoption>, StoreError>;
    /// The register of what was adopted, by form, at most 100,000. One that cannot be read is passed over.
    ///
    /// # Errors
    /// See [`crate::store::StoreCode`].
    async fn adoptions(&self) -> Result<Vec<Adoption>, StoreError>;
    /// Names and counts of dropped fields by form and reason (at most 200 a form; the rest under `…`), by form, name and
    /// reason. They are counted in the transaction that settles what was first made of their lead: once, also if what some
    /// purpose refused is read again.
    ///
    /// # Errors
    /// See [`crate::store::StoreCode`].
    async fn dropped(&self) -> Result<Vec<DroppedField>, StoreError>;
}

/// A form that counts as another, on behalf of those of its purposes that take copies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Adoption {
    /// The copy.
    pub form: FormId,
    /// The form of the config that it is a copy of.
    pub original: FormId,
    /// For these.
    pub purposes: Vec<PurposeId>,
    /// Since when.
    pub since: Timestamp,
    /// Until when; none: it still does.
    pub until: Option<Timestamp>,
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

/// A revision that is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FormRevision {
    /// Which.
    pub revision: TextHash,
    /// When the form was first read so.
    pub first_read_at: Timestamp,
}

/// One name that the sieve let fall.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DroppedField {
    /// The form.
    pub form: FormId,
    /// The question's key (the form author's words).
    pub name: String,
    /// Why.
    pub code: DropCode,
    /// How often.
    pub count: u64,
}
