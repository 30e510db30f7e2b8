//! By which remit the records of each purpose were trimmed.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use crate::clock::Day;
use crate::purpose::{PurposeId, TextHash};
use crate::store::sled::draft::Draft;
use crate::store::sled::engine::Engine;
use crate::store::sled::layout::{self, InTree, Place, meta};
use crate::store::sled::shared::Shared;
use crate::store::{KeptRemit, StoreError};

#[derive(Serialize, Deserialize)]
struct RemitRow {
    in_force: Option<[u8; 32]>,
    pending: Option<([u8; 32], i64)>,
    looked_on: Option<u32>,
    passed_over: bool,
}

impl InTree for RemitRow {
    const TREES: &'static [Place] = &[Place::Meta];
}

/// By which remit each was. Of what cannot be read nobody knows.
///
/// # Errors
/// See [`crate::store::StoreCode`].
pub(in crate::store::sled) fn kept(
    shared: &Shared,
    engine: &Engine,
) -> Result<HashMap<PurposeId, KeptRemit>, StoreError> {
    let mut found = HashMap::new();
    engine.visit(&Place::Meta, meta::REMIT.range(), |key, value| {
        let Some(purpose) = meta::REMIT.purpose(key) else { return Ok(false) };
        if let Some(kept) = shared.unreadable().or_passed_over(&Place::Meta, key, read(value)) {
            found.insert(purpose, kept);
        }
        Ok(true)
    })?;
    Ok(found)
}

fn read(value: &[u8]) -> Result<KeptRemit, StoreError> {
    let row = layout::decode::<RemitRow>(value)?;
    let pending =
        row.pending.map(|(hash, ms)| Ok((TextHash::from_bytes(hash), layout::moment(ms)?))).transpose()?;
    Ok(KeptRemit {
        in_force: row.in_force.map(TextHash::from_bytes),
        pending,
        looked_on: row.looked_on.map(Day),
        passed_over: row.passed_over,
    })
}

/// Notes it.
///
/// # Errors
/// See [`crate::store::StoreCode`].
pub(in crate::store::sled) fn keep(
    draft: &mut Draft<'_>,
    purpose: &PurposeId,
    kept: &KeptRemit,
) -> Result<(), StoreError> {
    let row = RemitRow {
        in_force: kept.in_force.map(|hash| *hash.bytes()),
        pending: kept.pending.map(|(hash, since)| (*hash.bytes(), since.as_millisecond())),
        looked_on: kept.looked_on.map(|day| day.0),
        passed_over: kept.passed_over,
    };
    draft.write(Place::Meta, &meta::REMIT.of(purpose), layout::encode(&row))
}
