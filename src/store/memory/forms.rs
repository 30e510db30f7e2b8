//! Definitions of forms, and how often each name was dropped.

use async_trait::async_trait;

use crate::id::FormId;
use crate::purpose::{FormDefinition, TextHash};
use crate::store::forms::DEFINITION_BYTES_MAX;
use crate::store::memory::MemoryStore;
use crate::store::{DroppedField, FormSnapshot, Forms, KnownForm, StoreCode, StoreError};

#[async_trait]
impl Forms for MemoryStore {
    async fn form(&self, form: &FormId) -> Result<Option<KnownForm>, StoreError> {
        Ok(self.0.rows()?.forms.get(form).cloned())
    }

    async fn put_form(&self, form: KnownForm) -> Result<(), StoreError> {
        let content = form.definition.as_ref().map(FormDefinition::content);
        if content.is_some_and(|content| content.len() > DEFINITION_BYTES_MAX) {
            return Err(StoreError::of(StoreCode::ValueTooLarge));
        }
        self.0.write(|draft| {
            if let Some(definition) = form.definition.clone() {
                let definition = FormDefinition { page: None, ..definition };
                let at = (form.form, definition.revision());
                let snapshot = FormSnapshot { definition, first_read_at: form.read_at };
                draft.rows.snapshots.entry(at).or_insert(snapshot);
            }
            draft.rows.forms.insert(form.form, form);
            Ok(())
        })
    }

    async fn snapshot(&self, form: &FormId, revision: &TextHash) -> Result<Option<FormSnapshot>, StoreError> {
        Ok(self.0.rows()?.snapshots.get(&(*form, *revision)).cloned())
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
