//! Looks at forms: when each was last looked at, what was found, since when and until when.

use async_trait::async_trait;

use crate::id::FormId;
use crate::purpose::form_check::FormLook;
use crate::store::StoreError;

/// What the form check found, form by form. No word of it is a person's.
#[async_trait]
pub trait FormLooks: Send + Sync {
    /// Keeps what came of looks, each in the place of the form's look before. Of more than 100 a part may stand where it fails.
    ///
    /// # Errors
    /// See [`crate::store::StoreCode`].
    async fn put_form_looks(&self, looks: Vec<FormLook>) -> Result<(), StoreError>;

    /// What came of the last look at a form; none: nobody looked, or what was kept of it cannot be read.
    ///
    /// # Errors
    /// See [`crate::store::StoreCode`].
    async fn form_look(&self, form: &FormId) -> Result<Option<FormLook>, StoreError>;

    /// The same of all forms, by form, at most 100,000. One that cannot be read is passed over.
    ///
    /// # Errors
    /// See [`crate::store::StoreCode`].
    async fn form_looks(&self) -> Result<Vec<FormLook>, StoreError>;
}
