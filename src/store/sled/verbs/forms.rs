//! Definitions of forms, their snapshots, and how often each name was dropped: names of questions, never an answer.

use std::ops::Bound::{Excluded, Included};

use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::id::{FormId, PageId};
use crate::lead::Dropped;
use crate::purpose::{DropCode, FormDefinition, PurposeId, Question, TextHash};
use crate::store::forms::{DEFINITION_BYTES_MAX, NAMES_MAX, OTHER_NAMES, REVISIONS_MAX};
use crate::store::sled::SledStore;
use crate::store::sled::aside::row_counter;
use crate::store::sled::draft::Draft;
use crate::store::sled::engine::Engine;
use crate::store::sled::layout::{self, InTree, Place};
use crate::store::sled::shared::Shared;
use crate::store::{
    Adoption, DroppedField, FormRevision, FormSnapshot, Forms, KnownForm, StoreCode, StoreError,
};

/// Rows read at once of either kind: forms are the operator's, so there are few.
const ROWS_MAX: usize = 100_000;

/// So many are written down in one transaction.
const ADOPTIONS_TOGETHER: usize = 1_000;

/// Keys: what is known of a form is `d` ‖ form; its page, where Graph names it, `p` ‖ form; a snapshot is `r` ‖ form ‖ 0 ‖
/// revision, its text in pieces `s` ‖ form ‖ 0 ‖ revision ‖ number; what is known beside is in pieces `b` ‖ form ‖ 0 ‖ number, of
/// which the first begins with how many there are; what a form counts as is `a` ‖ form; the number of a form's names is `c` ‖
/// form; a count is `n` ‖ form ‖ 0 ‖ name, or `o` for what was on a whitelist and is not kept, or `q` for what lacked its consent.
const DEFINITION: u8 = b'd';
const PAGE: u8 = b'p';
const SNAPSHOT: u8 = b'r';
const TEXT: u8 = b's';
const ADOPTION: u8 = b'a';
const BESIDE: u8 = b'b';
const NAMES: u8 = b'c';
const COUNTS: [(u8, DropCode); 3] =
    [(b'n', DropCode::NotWhitelisted), (b'o', DropCode::NotKept), (b'q', DropCode::ConsentNotGiven)];

/// A snapshot's text lies in pieces of this size: a value is no larger than 16 KiB.
const PIECE_BYTES: usize = 12 * 1024;

/// What is known of a form, as the versions wrote it that asked for its questions alone.
#[derive(Deserialize)]
struct FormRow1 {
    questions: Option<Vec<(String, String)>>,
    read_ms: i64,
}

/// The version byte of [`FormRow`].
const FORM_ROW: u8 = 2;

/// What is known of a form: which snapshot it is; none: Graph refuses it for good.
#[derive(Serialize, Deserialize)]
struct FormRow {
    revision: Option<[u8; 32]>,
    read_ms: i64,
}

impl InTree for FormRow {
    const TREES: &'static [Place] = &[Place::Forms];
}

#[derive(Serialize, Deserialize)]
struct SnapshotRow {
    first_ms: i64,
    /// How many.
    pieces: u16,
}

impl InTree for SnapshotRow {
    const TREES: &'static [Place] = &[Place::Forms];
}

/// What a form counts as, or counted.
#[derive(Serialize, Deserialize)]
struct AdoptionRow {
    original: String,
    purposes: Vec<PurposeId>,
    since_ms: i64,
    until_ms: Option<i64>,
}

impl InTree for AdoptionRow {
    const TREES: &'static [Place] = &[Place::Forms];
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
                    shared.unreadable().or_passed_over(&Place::Forms, &key, read(engine, form, &bytes))
                });
                known.map(|known| with_the_rest(shared, engine, known)).transpose()
            })
        })
        .await
    }

    async fn put_form(&self, known: KnownForm) -> Result<(), StoreError> {
        let KnownForm { form, definition, read_at } = known;
        let page = definition.as_ref().and_then(|definition| definition.page);
        let content = definition.as_ref().map(FormDefinition::content);
        let beside = definition.as_ref().and_then(FormDefinition::beside);
        let bytes = [&content, &beside].into_iter().flatten().map(String::len).sum::<usize>();
        if bytes > DEFINITION_BYTES_MAX {
            return Err(StoreError::of(StoreCode::ValueTooLarge));
        }
        let revision = content.as_ref().map(|content| TextHash::of(content.as_bytes()));
        let row = FormRow { revision: revision.map(|hash| *hash.bytes()), read_ms: read_at.as_millisecond() };
        let row = layout::encode_as(FORM_ROW, &row);
        self.writer
            .write(1, move |draft| {
                if let (Some(content), Some(revision)) = (&content, &revision) {
                    keep_snapshot(draft, &form, revision, content, read_at)?;
                }
                draft.write(Place::Forms, &key(DEFINITION, &form), row)?;
                keep_beside(draft, &form, beside.as_deref())?;
                let page_key = key(PAGE, &form);
                match page {
                    Some(page) => draft.write(Place::Forms, &page_key, page.as_str().as_bytes().to_vec()),
                    None => {
                        draft.remove(Place::Forms, &page_key);
                        Ok(())
                    }
                }
            })
            .await
    }

    async fn snapshot(&self, form: &FormId, revision: &TextHash) -> Result<Option<FormSnapshot>, StoreError> {
        let (form, revision) = (*form, *revision);
        self.beside(move |shared| {
            shared.reading(|engine| {
                let key = of_revision(SNAPSHOT, &form, &revision);
                let found = snapshot(engine, form, &revision);
                Ok(shared.unreadable().or_passed_over(&Place::Forms, &key, found).flatten())
            })
        })
        .await
    }

    async fn revisions(&self, form: &FormId) -> Result<Vec<FormRevision>, StoreError> {
        let form = *form;
        self.beside(move |shared| shared.reading(|engine| revisions(shared, engine, &form))).await
    }

    async fn forms(&self) -> Result<Vec<KnownForm>, StoreError> {
        self.beside(|shared| shared.reading(|engine| definitions(shared, engine))).await
    }

    async fn put_adoptions(&self, adoptions: Vec<Adoption>) -> Result<(), StoreError> {
        for some in adoptions.chunks(ADOPTIONS_TOGETHER) {
            let rows: Vec<(Vec<u8>, Vec<u8>)> = some.iter().map(written).collect();
            let write = move |draft: &mut Draft<'_>| {
                rows.into_iter().try_for_each(|(key, row)| draft.write(Place::Forms, &key, row))
            };
            self.writer.write(1, write).await?;
        }
        Ok(())
    }

    async fn adoption(&self, form: &FormId) -> Result<Option<Adoption>, StoreError> {
        let form = *form;
        self.beside(move |shared| {
            shared.reading(|engine| {
                let key = key(ADOPTION, &form);
                let row = engine.read(&Place::Forms, &key)?;
                let read = |bytes: ::sled::IVec| {
                    shared.unreadable().or_passed_over(&Place::Forms, &key, read_adoption(form, &bytes))
                };
                Ok(row.and_then(read))
            })
        })
        .await
    }

    async fn adoptions(&self) -> Result<Vec<Adoption>, StoreError> {
        self.beside(|shared| {
            shared.reading(|engine| {
                let read = |(key, bytes): &(::sled::IVec, ::sled::IVec)| {
                    let adoption = form_of(key).and_then(|form| read_adoption(form, bytes));
                    shared.unreadable().or_passed_over(&Place::Forms, key, adoption)
                };
                Ok(rows(engine, ADOPTION)?.iter().filter_map(read).collect())
            })
        })
        .await
    }

    async fn dropped(&self) -> Result<Vec<DroppedField>, StoreError> {
        self.beside(|shared| shared.reading(|engine| counts(shared, engine))).await
    }
}

fn definitions(shared: &Shared, engine: &Engine) -> Result<Vec<KnownForm>, StoreError> {
    let rows = rows(engine, DEFINITION)?;
    let read = |(key, bytes): &(::sled::IVec, ::sled::IVec)| {
        let read = form_of(key).and_then(|form| read(engine, form, bytes));
        shared.unreadable().or_passed_over(&Place::Forms, key, read)
    };
    let known = rows.iter().filter_map(read);
    known.map(|known| with_the_rest(shared, engine, known)).collect()
}

/// With what is beside its content, and with the page that it belongs to. Each has rows of its own, beside what was written
/// before it was asked for; what cannot be read is as good as none.
fn with_the_rest(shared: &Shared, engine: &Engine, mut known: KnownForm) -> Result<KnownForm, StoreError> {
    if let Some(definition) = known.definition.take() {
        let at = beside_key(&known.form, 0);
        let beside = beside(engine, &known.form);
        let beside = shared.unreadable().or_passed_over(&Place::Forms, &at, beside).flatten();
        let with = beside.and_then(|text| definition.clone().with_beside(&text));
        known.definition = Some(with.unwrap_or(definition));
    }
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

/// The form of a key that ends with it.
fn form_of(key: &[u8]) -> Result<FormId, StoreError> {
    let digits = key.get(1..).and_then(|digits| std::str::from_utf8(digits).ok());
    digits.and_then(FormId::parse).ok_or(StoreError::of(StoreCode::Damaged))
}

fn written(adoption: &Adoption) -> (Vec<u8>, Vec<u8>) {
    let Adoption { form, original, purposes, since, until } = adoption;
    let row = AdoptionRow {
        original: original.to_string(),
        purposes: purposes.clone(),
        since_ms: since.as_millisecond(),
        until_ms: until.map(Timestamp::as_millisecond),
    };
    (key(ADOPTION, form), layout::encode(&row))
}

fn read_adoption(form: FormId, bytes: &[u8]) -> Result<Adoption, StoreError> {
    let AdoptionRow { original, purposes, since_ms, until_ms } = layout::decode(bytes)?;
    Ok(Adoption {
        form,
        original: FormId::parse(&original).ok_or(StoreError::of(StoreCode::Damaged))?,
        purposes,
        since: layout::moment(since_ms)?,
        until: until_ms.map(layout::moment).transpose()?,
    })
}

fn counts(shared: &Shared, engine: &Engine) -> Result<Vec<DroppedField>, StoreError> {
    let mut all = Vec::new();
    for (kind, code) in COUNTS {
        let read = |(key, count): &(::sled::IVec, ::sled::IVec)| {
            shared.unreadable().or_passed_over(&Place::Forms, key, read_count(key, count, code))
        };
        all.extend(rows(engine, kind)?.iter().filter_map(read));
    }
    all.sort_by_cached_key(|field: &DroppedField| (field.form, field.name.clone(), field.code));
    Ok(all)
}

/// Counts the names that the sieve dropped from one lead of this form.
pub(in crate::store::sled) fn count_dropped(
    draft: &mut Draft<'_>,
    form: &FormId,
    dropped: &Dropped,
) -> Result<(), StoreError> {
    for (name, code) in dropped.named() {
        let mut at = count_key(form, name, code);
        let mut count = row_counter(draft, &Place::Forms, &at)?;
        if count == 0 {
            let names_key = key(NAMES, form);
            let names = row_counter(draft, &Place::Forms, &names_key)?;
            if names >= NAMES_MAX {
                at = count_key(form, OTHER_NAMES, code);
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

fn count_key(form: &FormId, name: &str, code: DropCode) -> Vec<u8> {
    let kind = COUNTS.iter().find(|(_, of)| *of == code).map_or(b'n', |(kind, _)| *kind);
    [&[kind], form.as_str().as_bytes(), &[0], name.as_bytes()].concat()
}

fn rows(engine: &Engine, kind: u8) -> Result<Vec<(::sled::IVec, ::sled::IVec)>, StoreError> {
    let (from, to) = ([kind], [kind + 1]);
    engine.scan(&Place::Forms, (Included(&from), Excluded(&to)), ROWS_MAX)
}

fn read_count(key: &[u8], count: &[u8], code: DropCode) -> Result<DroppedField, StoreError> {
    let damaged = StoreError::of(StoreCode::Damaged);
    let text = key.get(1..).and_then(|key| std::str::from_utf8(key).ok()).ok_or(damaged)?;
    let (form, name) = text.split_once('\0').ok_or(damaged)?;
    let form = FormId::parse(form).ok_or(damaged)?;
    Ok(DroppedField { form, name: name.to_owned(), code, count: layout::number(count)? })
}

fn read(engine: &Engine, form: FormId, bytes: &[u8]) -> Result<KnownForm, StoreError> {
    if layout::version(bytes) != Some(FORM_ROW) {
        let FormRow1 { questions, read_ms } = layout::decode(bytes)?;
        let question = |(key, question_type): &(String, String)| Question::new(key, question_type);
        // It was not asked for anything else then: as good as refused, it is asked for again before long.
        let definition = questions.map(|questions| FormDefinition {
            is_partial: true,
            ..FormDefinition::asking(form, questions.iter().map(question).collect())
        });
        return Ok(KnownForm { form, definition, read_at: layout::moment(read_ms)? });
    }
    let FormRow { revision, read_ms } = layout::decode_as(FORM_ROW, bytes)?;
    let definition = match revision {
        None => None,
        Some(revision) => {
            let snapshot = snapshot(engine, form, &TextHash::from_bytes(revision))?;
            Some(snapshot.ok_or(StoreError::of(StoreCode::Damaged))?.definition)
        }
    };
    Ok(KnownForm { form, definition, read_at: layout::moment(read_ms)? })
}

/// Keeps the content of a revision, unless it is kept already and can be read.
fn keep_snapshot(
    draft: &mut Draft<'_>,
    form: &FormId,
    revision: &TextHash,
    content: &str,
    read_at: Timestamp,
) -> Result<(), StoreError> {
    if matches!(snapshot(draft.engine, *form, revision), Ok(Some(_))) {
        return Ok(());
    }
    let at = of_revision(SNAPSHOT, form, revision);
    let before = draft.read(&Place::Forms, &at)?;
    let before = before.and_then(|row| layout::decode::<SnapshotRow>(&row).ok());
    let first_ms = before.map_or(read_at.as_millisecond(), |row| row.first_ms);
    let pieces = content.as_bytes().chunks(PIECE_BYTES);
    let count = u16::try_from(pieces.len()).map_err(|_| StoreError::of(StoreCode::ValueTooLarge))?;
    for (number, piece) in (0..count).zip(pieces) {
        draft.write(Place::Forms, &piece_key(form, revision, number), piece.to_vec())?;
    }
    draft.write(Place::Forms, &at, layout::encode(&SnapshotRow { first_ms, pieces: count }))
}

/// Keeps what is known beside a form's content, in the place of what was.
fn keep_beside(draft: &mut Draft<'_>, form: &FormId, beside: Option<&str>) -> Result<(), StoreError> {
    let Some(beside) = beside else {
        draft.remove(Place::Forms, &beside_key(form, 0));
        return Ok(());
    };
    let pieces = beside.as_bytes().chunks(PIECE_BYTES);
    let count = u8::try_from(pieces.len()).map_err(|_| StoreError::of(StoreCode::ValueTooLarge))?;
    for (number, piece) in (0..count).zip(pieces) {
        let first: &[u8] = if number == 0 { &[count] } else { &[] };
        draft.write(Place::Forms, &beside_key(form, number), [first, piece].concat())?;
    }
    Ok(())
}

fn beside(engine: &Engine, form: &FormId) -> Result<Option<String>, StoreError> {
    let damaged = StoreError::of(StoreCode::Damaged);
    let Some(first) = engine.read(&Place::Forms, &beside_key(form, 0))? else { return Ok(None) };
    let (count, first) = first.split_first().ok_or(damaged)?;
    let mut text = first.to_vec();
    for number in 1..*count {
        text.extend_from_slice(&engine.read(&Place::Forms, &beside_key(form, number))?.ok_or(damaged)?);
    }
    String::from_utf8(text).map(Some).map_err(|_| damaged)
}

fn beside_key(form: &FormId, number: u8) -> Vec<u8> {
    [&[BESIDE], form.as_str().as_bytes(), &[0, number]].concat()
}

fn snapshot(engine: &Engine, form: FormId, revision: &TextHash) -> Result<Option<FormSnapshot>, StoreError> {
    let damaged = StoreError::of(StoreCode::Damaged);
    let Some(row) = engine.read(&Place::Forms, &of_revision(SNAPSHOT, &form, revision))? else {
        return Ok(None);
    };
    let SnapshotRow { first_ms, pieces } = layout::decode(&row)?;
    let mut content = Vec::new();
    for number in 0..pieces {
        let piece = engine.read(&Place::Forms, &piece_key(&form, revision, number))?.ok_or(damaged)?;
        content.extend_from_slice(&piece);
    }
    let content = std::str::from_utf8(&content).map_err(|_| damaged)?;
    if TextHash::of(content.as_bytes()) != *revision {
        return Err(damaged);
    }
    let definition = FormDefinition::of_content(form, content).ok_or(damaged)?;
    Ok(Some(FormSnapshot { definition, first_read_at: layout::moment(first_ms)? }))
}

fn revisions(shared: &Shared, engine: &Engine, form: &FormId) -> Result<Vec<FormRevision>, StoreError> {
    let prefix = [&[SNAPSHOT], form.as_str().as_bytes(), &[0]].concat();
    let end = [&[SNAPSHOT], form.as_str().as_bytes(), &[1]].concat();
    let rows =
        engine.scan(&Place::Forms, (Included(prefix.as_slice()), Excluded(end.as_slice())), REVISIONS_MAX)?;
    let read = |(key, row): &(::sled::IVec, ::sled::IVec)| {
        let damaged = StoreError::of(StoreCode::Damaged);
        let revision = key.get(prefix.len()..).and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
        let SnapshotRow { first_ms, .. } = layout::decode(row)?;
        let revision = TextHash::from_bytes(revision.ok_or(damaged)?);
        Ok(FormRevision { revision, first_read_at: layout::moment(first_ms)? })
    };
    let read = |row: &(::sled::IVec, ::sled::IVec)| {
        shared.unreadable().or_passed_over(&Place::Forms, &row.0, read(row))
    };
    let mut all: Vec<FormRevision> = rows.iter().filter_map(read).collect();
    all.sort_by_key(|one| (one.first_read_at, one.revision));
    Ok(all)
}

fn of_revision(kind: u8, form: &FormId, revision: &TextHash) -> Vec<u8> {
    [&[kind], form.as_str().as_bytes(), &[0], revision.bytes().as_slice()].concat()
}

fn piece_key(form: &FormId, revision: &TextHash, number: u16) -> Vec<u8> {
    let mut key = of_revision(TEXT, form, revision);
    key.extend_from_slice(&number.to_be_bytes());
    key
}
