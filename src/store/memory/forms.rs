//! Definitions of forms, and how often each name was dropped.

use async_trait::async_trait;

use crate::id::FormId;
use crate::store::memory::MemoryStore;
use crate::store::{DroppedField, Forms, KnownForm, StoreCode, StoreError};

/// The largest definition, in bytes of keys and types.
const DEFINITION_BYTES_MAX: usize = 24 * 1024;

#[async_trait]
impl Forms for MemoryStore {
    async fn form(&self, form: &FormId) -> Result<Option<KnownForm>, StoreError> {
        Ok(self.0.rows()?.forms.get(form).cloned())
    }

    async fn put_form(&self, form: KnownForm) -> Result<(), StoreError> {
        let questions = form.definition.iter().flat_map(|definition| &definition.questions);
        let bytes: usize = questions.map(|question| question.key.len() + question.question_type.len()).sum();
        if bytes > DEFINITION_BYTES_MAX {
            return Err(StoreError::of(StoreCode::ValueTooLarge));
        }
        self.0.write(|draft| {
            draft.rows.forms.insert(form.form, form);
            Ok(())
        })
    }

    async fn forms(&self) -> Result<Vec<KnownForm>, StoreError> {
        Ok(self.0.rows()?.forms.values().cloned().collect())
    }

    async fn dropped(&self) -> Result<Vec<DroppedField>, StoreError> {
        let rows = self.0.rows()?;
        let field = |((form, name), count): (&(FormId, String), &u64)| DroppedField {
            form: *form,
            name: name.clone(),
            count: *count,
        };
        Ok(rows.dropped.iter().map(field).collect())
    }
}
