//! Looks at forms.

use async_trait::async_trait;

use crate::id::FormId;
use crate::purpose::form_check::FormLook;
use crate::store::memory::MemoryStore;
use crate::store::{FormLooks, StoreError};

#[async_trait]
impl FormLooks for MemoryStore {
    async fn put_form_looks(&self, looks: Vec<FormLook>) -> Result<(), StoreError> {
        self.0.write(|draft| {
            draft.rows.form_looks.extend(looks.into_iter().map(|look| (look.form, look)));
            Ok(())
        })
    }

    async fn form_look(&self, form: &FormId) -> Result<Option<FormLook>, StoreError> {
        Ok(self.0.rows()?.form_looks.get(form).cloned())
    }

    async fn form_looks(&self) -> Result<Vec<FormLook>, StoreError> {
        Ok(self.0.rows()?.form_looks.values().cloned().collect())
    }
}
