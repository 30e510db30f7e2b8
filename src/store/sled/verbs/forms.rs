//! Definitions of forms, and how often each name was dropped: names of questions, never an answer.

use std::ops::Bound::{Excluded, Included};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::id::{FormId, PageId};
use crate::lead::Dropped;
use crate::purpose::{FormDefinition, Question};
use crate::store::forms::{NAMES_MAX, OTHER_NAMES};
use crate::store::sled::SledStore;
use crate::store::sled::aside::row_counter;
use crate::store::sled::draft::Draft;
use crate::store::sled::engine::Engine;
use crate::store::sled::layout::{self, Place};
use crate::store::sled::shared::Shared;
use crate::store::{DroppedField, Forms, KnownForm, StoreCode, StoreError};

/// Rows read at once of either kind: forms are the operator's, so there are few.
const ROWS_MAX: usize = 100_000;

/// Keys: a definition is `d` ‖ form; its page, where Graph names it, `p` ‖ form; the number of a form's names is `c` ‖ form; a count is `n` ‖ form ‖ 0 ‖ name.
const DEFINITION: u8 = b'd';
const PAGE: u8 = b'p';
const NAMES: u8 = b'c';
const COUNT: u8 = b'n';

#[derive(Serialize, Deserialize)]
struct FormRow {
    questions: Option<Vec<Question>>,
    read_ms: i64,
}

#[async_trait]
impl Forms for SledStore {
    async fn form(&self, form: &FormId) -> Result<Option<KnownForm>, StoreError> {
        let form = *form;
        self.beside(move |shared| {
            shared.reading(|engine| {
                // One that cannot be read is as good as none: it is asked for again.
                let key = key(DEFINITION, &form);
                let row = engine.read(&Place::Forms, &key)?;
                let known = row.and_then(|bytes| {
                    shared.unreadable().or_passed_over(&Place::Forms, &key, read(form, &bytes))
                });
                known.map(|known| with_page(shared, engine, known)).transpose()
            })
        })
        .await
    }

    async fn put_form(&self, form: KnownForm) -> Result<(), StoreError> {
        let page = form.definition.as_ref().and_then(|definition| definition.page);
        let questions = form.definition.map(|definition| definition.questions);
        let row = layout::encode(&FormRow { questions, read_ms: form.read_at.as_millisecond() });
        let (definition_key, page_key) = (key(DEFINITION, &form.form), key(PAGE, &form.form));
        let write = move |draft: &mut Draft<'_>| {
            draft.write(Place::Forms, &definition_key, row)?;
            match page {
                Some(page) => draft.write(Place::Forms, &page_key, page.as_str().as_bytes().to_vec()),
                None => {
                    draft.remove(Place::Forms, &page_key);
                    Ok(())
                }
            }
        };
        self.writer.write(1, write).await
    }

    async fn forms(&self) -> Result<Vec<KnownForm>, StoreError> {
        self.beside(|shared| shared.reading(|engine| definitions(shared, engine))).await
    }

    async fn dropped(&self) -> Result<Vec<DroppedField>, StoreError> {
        self.beside(|shared| shared.reading(|engine| counts(shared, engine))).await
    }
}

fn definitions(shared: &Shared, engine: &Engine) -> Result<Vec<KnownForm>, StoreError> {
    let form = |key: &[u8]| {
        let digits = std::str::from_utf8(key.get(1..)?).ok()?;
        FormId::parse(digits)
    };
    let rows = rows(engine, DEFINITION)?;
    let read = |(key, bytes): &(::sled::IVec, ::sled::IVec)| {
        let form = form(key).ok_or(StoreError::of(StoreCode::Damaged));
        let read = form.and_then(|form| read(form, bytes));
        shared.unreadable().or_passed_over(&Place::Forms, key, read)
    };
    let known = rows.iter().filter_map(read);
    known.map(|known| with_page(shared, engine, known)).collect()
}

/// With the page that it belongs to. It has a row of its own, beside what was written before it was asked for; one that
/// cannot be read is as good as none.
fn with_page(shared: &Shared, engine: &Engine, mut known: KnownForm) -> Result<KnownForm, StoreError> {
    let key = key(PAGE, &known.form);
    if let Some(definition) = &mut known.definition
        && let Some(bytes) = engine.read(&Place::Forms, &key)?
    {
        let digits = std::str::from_utf8(&bytes).ok();
        let page = digits.and_then(PageId::parse).ok_or(StoreError::of(StoreCode::Damaged));
        definition.page = shared.unreadable().or_passed_over(&Place::Forms, &key, page);
    }
    Ok(known)
}

fn counts(shared: &Shared, engine: &Engine) -> Result<Vec<DroppedField>, StoreError> {
    let rows = rows(engine, COUNT)?;
    let read = |(key, count): &(::sled::IVec, ::sled::IVec)| {
        shared.unreadable().or_passed_over(&Place::Forms, key, read_count(key, count))
    };
    Ok(rows.iter().filter_map(read).collect())
}

/// Counts the names that the sieve dropped from one lead of this form.
pub(in crate::store::sled) fn count_dropped(
    draft: &mut Draft<'_>,
    form: &FormId,
    dropped: &Dropped,
) -> Result<(), StoreError> {
    for name in dropped.names() {
        let mut at = count_key(form, name);
        let mut count = row_counter(draft, &Place::Forms, &at)?;
        if count == 0 {
            let names_key = key(NAMES, form);
            let names = row_counter(draft, &Place::Forms, &names_key)?;
            if names >= NAMES_MAX {
                at = count_key(form, OTHER_NAMES);
                count = row_counter(draft, &Place::Forms, &at)?;
            } else {
                draft.write(Place::Forms, &names_key, (names + 1).to_be_bytes().to_vec())?;
            }
        }
        draft.write(Place::Forms, &at, (count + 1).to_be_bytes().to_vec())?;
    }
    Ok(())
}

fn key(kind: u8, form: &FormId) -> Vec<u8> {
    [&[kind], form.as_str().as_bytes()].concat()
}

fn count_key(form: &FormId, name: &str) -> Vec<u8> {
    [&[COUNT], form.as_str().as_bytes(), &[0], name.as_bytes()].concat()
}

fn rows(engine: &Engine, kind: u8) -> Result<Vec<(::sled::IVec, ::sled::IVec)>, StoreError> {
    let (from, to) = ([kind], [kind + 1]);
    engine.scan(&Place::Forms, (Included(&from), Excluded(&to)), ROWS_MAX)
}

fn read_count(key: &[u8], count: &[u8]) -> Result<DroppedField, StoreError> {
    let damaged = StoreError::of(StoreCode::Damaged);
    let text = key.get(1..).and_then(|key| std::str::from_utf8(key).ok()).ok_or(damaged)?;
    let (form, name) = text.split_once('\0').ok_or(damaged)?;
    let form = FormId::parse(form).ok_or(damaged)?;
    Ok(DroppedField { form, name: name.to_owned(), count: layout::number(count)? })
}

fn read(form: FormId, bytes: &[u8]) -> Result<KnownForm, StoreError> {
    let row: FormRow = layout::decode(bytes)?;
    let definition = row.questions.map(|questions| FormDefinition { form, page: None, questions });
    Ok(KnownForm { form, definition, read_at: layout::moment(row.read_ms)? })
}
