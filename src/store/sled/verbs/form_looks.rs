//! Looks at forms, in the tree `forms`: `l` ‖ form ‖ 0 ‖ number → a piece of what came of the last look; the first begins with
//! how many there are.

use std::ops::Bound::{Excluded, Included};

use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::id::FormId;
use crate::purpose::form_check::{Finding, FindingCode, FormLook, KeptFinding, Severity};
use crate::purpose::{ConsentKey, PurposeId, TextHash};
use crate::store::sled::SledStore;
use crate::store::sled::draft::Draft;
use crate::store::sled::engine::Engine;
use crate::store::sled::layout::{self, InTree, Place};
use crate::store::sled::pieces;
use crate::store::{FormLooks, StoreCode, StoreError};

const LOOK: u8 = b'l';
/// Forms are the operator's, so there are few.
const LOOKS_MAX: usize = 100_000;
/// Pieces of one look, at the most: 200 findings of half a kilobyte are nine.
const PIECES_MAX: u8 = 16;
/// So many are written down in one transaction.
const LOOKS_TOGETHER: usize = 100;

#[derive(Serialize, Deserialize)]
struct LookRow {
    looked_ms: i64,
    revision: Option<[u8; 32]>,
    changed_ms: Option<i64>,
    findings: Vec<FindingRow>,
}

impl InTree for LookRow {
    const TREES: &'static [Place] = &[Place::Forms];
}

/// Codes as words: a later version has more of them.
#[derive(Serialize, Deserialize)]
struct FindingRow {
    code: String,
    severity: String,
    purpose: Option<PurposeId>,
    consent: Option<String>,
    question: Option<String>,
    first_ms: i64,
    last_ms: i64,
    ended_ms: Option<i64>,
}

#[async_trait]
impl FormLooks for SledStore {
    async fn put_form_looks(&self, looks: Vec<FormLook>) -> Result<(), StoreError> {
        for some in looks.chunks(LOOKS_TOGETHER) {
            let rows: Vec<(FormId, Vec<u8>)> = some.iter().map(|look| (look.form, written(look))).collect();
            let keep = |draft: &mut Draft<'_>, form: &FormId, row: &[u8]| {
                pieces::write(draft, &Place::Forms, &at(form), row, PIECES_MAX)
            };
            self.writer
                .write(1, move |draft| rows.iter().try_for_each(|(form, row)| keep(draft, form, row)))
                .await?;
        }
        Ok(())
    }

    async fn form_look(&self, form: &FormId) -> Result<Option<FormLook>, StoreError> {
        let form = *form;
        self.beside(move |shared| {
            shared.reading(|engine| {
                let found = look(engine, form);
                Ok(shared
                    .unreadable()
                    .or_passed_over(&Place::Forms, &pieces::key(&at(&form), 0), found)
                    .flatten())
            })
        })
        .await
    }

    async fn form_looks(&self) -> Result<Vec<FormLook>, StoreError> {
        self.beside(|shared| {
            shared.reading(|engine| {
                let (from, to) = ([LOOK], [LOOK + 1]);
                let range = (Included(from.as_slice()), Excluded(to.as_slice()));
                let rows = engine.scan(&Place::Forms, range, LOOKS_MAX)?;
                let firsts = rows.iter().filter(|(key, _)| key.last() == Some(&0));
                let read = |(key, _): &(::sled::IVec, ::sled::IVec)| {
                    let found = form_of(key).and_then(|form| look(engine, form));
                    shared.unreadable().or_passed_over(&Place::Forms, key, found).flatten()
                };
                Ok(firsts.filter_map(read).collect())
            })
        })
        .await
    }
}

fn look(engine: &Engine, form: FormId) -> Result<Option<FormLook>, StoreError> {
    let row = pieces::read(|key| engine.read(&Place::Forms, key), &at(&form), PIECES_MAX)?;
    row.map(|row| read(form, &row)).transpose()
}

/// The key of its pieces, but for their number.
fn at(form: &FormId) -> Vec<u8> {
    [&[LOOK], form.as_str().as_bytes(), &[0]].concat()
}

fn form_of(key: &[u8]) -> Result<FormId, StoreError> {
    let digits = key.get(1..key.len().saturating_sub(2)).and_then(|digits| std::str::from_utf8(digits).ok());
    digits.and_then(FormId::parse).ok_or(StoreError::of(StoreCode::Damaged))
}

fn written(look: &FormLook) -> Vec<u8> {
    let finding = |kept: &KeptFinding| {
        let KeptFinding { finding, first_seen, last_seen, ended } = kept;
        FindingRow {
            code: finding.code.as_str().to_owned(),
            severity: finding.severity.as_str().to_owned(),
            purpose: finding.purpose.clone(),
            consent: finding.consent.as_ref().map(|consent| consent.as_str().to_owned()),
            question: finding.question.clone(),
            first_ms: first_seen.as_millisecond(),
            last_ms: last_seen.as_millisecond(),
            ended_ms: ended.map(Timestamp::as_millisecond),
        }
    };
    layout::encode(&LookRow {
        looked_ms: look.looked_at.as_millisecond(),
        revision: look.revision.map(|revision| *revision.bytes()),
        changed_ms: look.changed_at.map(Timestamp::as_millisecond),
        findings: look.findings.iter().map(finding).collect(),
    })
}

fn read(form: FormId, bytes: &[u8]) -> Result<FormLook, StoreError> {
    let LookRow { looked_ms, revision, changed_ms, findings } = layout::decode(bytes)?;
    let finding = |row: FindingRow| {
        // A code that only a later version knows is none to this one.
        let (code, severity) = (FindingCode::from_code(&row.code)?, Severity::from_code(&row.severity)?);
        let consent = row.consent.as_deref().and_then(ConsentKey::parse);
        let finding = Finding { severity, code, purpose: row.purpose, consent, question: row.question };
        Some((finding, row.first_ms, row.last_ms, row.ended_ms))
    };
    let kept = findings.into_iter().filter_map(finding).map(|(finding, first_ms, last_ms, ended_ms)| {
        Ok(KeptFinding {
            finding,
            first_seen: layout::moment(first_ms)?,
            last_seen: layout::moment(last_ms)?,
            ended: ended_ms.map(layout::moment).transpose()?,
        })
    });
    Ok(FormLook {
        form,
        looked_at: layout::moment(looked_ms)?,
        revision: revision.map(TextHash::from_bytes),
        changed_at: changed_ms.map(layout::moment).transpose()?,
        findings: kept.collect::<Result<_, StoreError>>()?,
    })
}
