//! Definitions of forms, and how often each name was dropped.

use async_trait::async_trait;

use crate::id::FormId;
use crate::purpose::{DropCode, FormDefinition, TextHash};
use crate::store::forms::{DEFINITION_BYTES_MAX, REVISIONS_MAX};
use crate::store::memory::MemoryStore;
use crate::store::{
    Adoption, DroppedField, FormRevision, FormSnapshot, Forms, KnownForm, StoreCode, StoreError,
};

#[async_trait]
impl Forms for MemoryStore {
    async fn form(&self, form: &FormId) -> Result<Option<KnownForm>, StoreError> {
        Ok(self.0.rows()?.forms.get(form).cloned())
    }

    async fn put_form(&self, form: KnownForm) -> Result<(), StoreError> {
        let bytes = |definition: &FormDefinition| {
            definition.content().len() + definition.beside().map_or(0, |beside| beside.len())
        };
        if form.definition.as_ref().map(bytes).is_some_and(|bytes| bytes > DEFINITION_BYTES_MAX) {
            return Err(StoreError::of(StoreCode::ValueTooLarge));
        }
        self.0.write(|draft| {
            if let Some(definition) = form.definition.clone() {
                let definition = definition.as_seen();
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

    async fn revisions(&self, form: &FormId) -> Result<Vec<FormRevision>, StoreError> {
        let rows = self.0.rows()?;
        let own = rows.snapshots.iter().filter(|((of, _), _)| of == form);
        let mut all: Vec<FormRevision> = own
            .map(|((_, revision), snapshot)| FormRevision {
                revision: *revision,
                first_read_at: snapshot.first_read_at,
            })
            .collect();
        all.sort_by_key(|one| (one.first_read_at, one.revision));
        all.truncate(REVISIONS_MAX);
        Ok(all)
    }

    async fn forms(&self) -> Result<Vec<KnownForm>, StoreError> {
        Ok(self.0.rows()?.forms.values().cloned().collect())
    }

    async fn put_adoptions(&self, adoptions: Vec<Adoption>) -> Result<(), StoreError> {
        self.0.write(|draft| {
            draft.rows.adoptions.extend(adoptions.into_iter().map(|adoption| (adoption.form, adoption)));
            Ok(())
        })
    }

    async fn adoption(&self, form: &FormId) -> Result<Option<Adoption>, StoreError> {
        Ok(self.0.rows()?.adoptions.get(form).cloned())
    }

    async fn adoptions(&self) -> Result<Vec<Adoption>, StoreError> {
        Ok(self.0.rows()?.adoptions.values().cloned().collect())
    }

    async fn dropped(&self) -> Result<Vec<DroppedField>, StoreError> {
        let rows = self.0.rows()?;
        let field = |((form, name, code), count): (&(FormId, String, DropCode), &u64)| DroppedField {
            form: *form,
            name: name.clone(),
            code: *code,
            count: *count,
        };
        Ok(rows.dropped.iter().map(field).collect())
    }
}
