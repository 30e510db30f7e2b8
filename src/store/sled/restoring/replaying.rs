//! What a ledger says since a backup was made, done again: by the verbs of the store, before anybody can ask.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use jiff::{SignedDuration, Timestamp};

use crate::forget::ChangeKind;
use crate::purpose::RecordId;
use crate::store::feeds::Became;
use crate::store::sled::SledStore;
use crate::store::sled::draft::{Draft, OUTCOMES_MAX};
use crate::store::sled::feed_rows;
use crate::store::sled::layout::{Place, meta, record_key};
use crate::store::sled::ledger::{Forgotten, Lines, Numbered, Rows, Said, TakenBack};
use crate::store::sled::restriction_rows;
use crate::store::sled::verbs::absent::{Absent, absent};
use crate::store::sled::verbs::erasure_targets::Target;
use crate::store::sled::verbs::{erasing, outbox, restrictions, rewriting};
use crate::store::sled::vigil_rows;
use crate::store::{
    ErasureRequest, Erasures, RewriteCause, RewriteRequest, Rewritten, StoreCode, StoreError,
};
use crate::trail::{Action, Entry};

/// So much longer before the backup lines are read: a clock that leaps further is not believed without a person.
const SLACK: SignedDuration = SignedDuration::from_hours(40 * 24);

/// Which numbers the backup's epoch goes on from: a gap in the ledger behind them is a line that is missing.
pub(super) struct Given {
    epoch: u32,
    erasures: u64,
    taken_back: u64,
}

impl Given {
    /// Of a store from a backup of this epoch, before anything is done in it.
    ///
    /// # Errors
    /// See [`StoreCode`].
    pub(super) fn of(store: &SledStore, epoch: u32) -> Result<Self, StoreError> {
        let next = |key: &[u8]| {
            let next = store.shared.reading(|engine| engine.counter(&Place::Meta, key))?;
            Ok::<u64, StoreError>(next.max(1))
        };
        Ok(Self { epoch, erasures: next(meta::NEXT_ERASURE)?, taken_back: next(meta::NEXT_TAKEN_BACK)? })
    }
}

/// What a ledger told.
#[derive(Default)]
pub(super) struct Told {
    pub(super) lines: u64,
    pub(super) unreadable: u64,
    /// Lines that are not there between others that are.
    pub(super) missing: u64,
    /// About consents, and what nobody may use, of records that the backup does not have.
    pub(super) not_there: u64,
}

impl Told {
    /// A line has this number among those of its kind.
    fn note(&mut self, (epoch, number): Numbered, ended: u32, next: &mut u64) {
        if epoch == ended && number >= *next {
            self.missing += number - *next;
            *next = number + 1;
        }
    }
}

/// Does again what the ledger says since this moment.
///
/// # Errors
/// [`StoreCode::LedgerUnreadable`]. Otherwise see [`StoreCode`]: some of it may be done.
pub(super) async fn replay(
    store: &SledStore,
    path: &Path,
    since: Timestamp,
    mut given: Given,
) -> Result<Told, StoreError> {
    let unreadable =
        |error: io::Error| StoreError { code: StoreCode::LedgerUnreadable, io: Some(error.kind()) };
    // A clock that was ahead may have been taken back since: what is done again twice does no harm.
    let since = since.checked_sub(SLACK).unwrap_or(Timestamp::MIN);
    let lines = Lines::since(path, store.shared.keyring(), since).map_err(unreadable)?;
    let (mut told, mut restricted) = (Told::default(), BTreeMap::new());
    for line in lines {
        let Some(line) = line.map_err(unreadable)? else {
            told.unreadable += 1;
            continue;
        };
        told.lines += 1;
        match line.said {
            Said::Erased(forgotten) => {
                if let Some(id) = forgotten.id() {
                    told.note((id.epoch, id.number), given.epoch, &mut given.erasures);
                }
                erase_again(store, forgotten).await?;
            }
            Said::TakenBack(line) => {
                told.note(line.number(), given.epoch, &mut given.taken_back);
                told.not_there += u64::from(!take_back_again(store, line).await?);
            }
            Said::Objections(rows) => object_again(store, rows).await?,
            Said::Vigils(rows) => await_again(store, rows).await?,
            Said::Restrictions(rows) => told.not_there += gather(store, rows, &mut restricted).await?,
        }
    }
    // The last word of each counts: what was restricted and released in between nobody is told.
    let rows: Rows = restricted.into_iter().collect();
    for some in rows.chunks(OUTCOMES_MAX) {
        restrict_again(store, some.to_vec()).await?;
    }
    Ok(told)
}

async fn erase_again(store: &SledStore, forgotten: Forgotten) -> Result<(), StoreError> {
    if let Some(id) = forgotten.id()
        && store.erasure(id).await?.is_some()
    {
        return Ok(());
    }
    let seen = forgotten.seen.iter().map(|key| Target { seen: Some(*key), record: None });
    let named = forgotten.records().into_iter().map(|id| Target { seen: None, record: Some(id) });
    let targets: Vec<Target> = seen.chain(named).collect();
    let request = ErasureRequest { purposes: forgotten.purposes(), ..ErasureRequest::default() };
    let entry = Entry::by_system_because(Action::ErasureAsked, forgotten.reason());
    let weight = targets.len().max(1);
    let work = move |draft: &mut Draft<'_>| {
        let mut later = Vec::new();
        // They could be erased then: what the backup says of a restriction is over.
        for id in forgotten.records() {
            restrictions::forget(draft, &id)?;
            outbox::forget(draft, &id)?;
            // Stored after the backup was made: who had it may not have read yet that it was erased.
            if matches!(presence(draft, &id)?, Some(Absent::Never)) {
                later.push(id);
            }
        }
        feed_rows::note(draft, &Became::of(ChangeKind::Erased, &later))?;
        erasing::erase(draft, &targets, &request, &entry).map(drop)
    };
    store.writer.write_and_puncture(weight, work).await
}

/// Ends consents as their person said. False: the record was stored after the backup was made.
async fn take_back_again(store: &SledStore, line: TakenBack) -> Result<bool, StoreError> {
    let (Some(id), Some(revision)) = (line.record(), line.revision()) else { return Ok(true) };
    let mut entry = Entry::by_system_because(Action::Withdrawn, Some(line.reason()));
    entry.fields = revision.names().cloned().collect();
    let request = RewriteRequest { records: vec![(id, revision)], cause: RewriteCause::Again };
    let work = move |draft: &mut Draft<'_>| rewriting::rewrite(draft, &request, &entry);
    let drafted = store.writer.write_and_puncture(1, work).await?;
    // One that does not open is handed to nobody either: a scan says which.
    Ok(drafted.each.first() != Some(&Rewritten::Unknown))
}

/// Gathers what is to be said of restrictions at the end. Of a record that is not there nothing is; returns how many of those the
/// backup never had.
async fn gather(
    store: &SledStore,
    rows: Rows,
    into: &mut BTreeMap<Vec<u8>, Option<Vec<u8>>>,
) -> Result<u64, StoreError> {
    let mut not_there = 0;
    for (key, value) in rows {
        let Ok(id) = restriction_rows::id(&key) else { continue };
        let row = key.clone();
        let look = move |draft: &mut Draft<'_>| {
            Ok((presence(draft, &id)?, draft.read(&Place::Restrictions, &row)?.is_some()))
        };
        match (store.writer.write(1, look).await?, value) {
            // What came and went since the backup was made changes nothing.
            ((None, false), None) => drop(into.remove(&key)),
            ((None, _), value) => drop(into.insert(key, value)),
            ((Some(Absent::Never), _), Some(_)) => not_there += 1,
            ((Some(_), _), _) => {}
        }
    }
    Ok(not_there)
}

/// Why a record is not there; none: it is.
fn presence(draft: &mut Draft<'_>, id: &RecordId) -> Result<Option<Absent>, StoreError> {
    match draft.read(&Place::Vault(id.purpose.clone()), &record_key(id.epoch, id.number)) {
        Ok(Some(_)) => Ok(None),
        Ok(None) => absent(draft, id).map(Some),
        Err(error) if error.code == StoreCode::PurposeUnknown => Ok(Some(Absent::Never)),
        Err(error) => Err(error),
    }
}

async fn restrict_again(store: &SledStore, rows: Rows) -> Result<(), StoreError> {
    let work = move |draft: &mut Draft<'_>| {
        for (key, value) in rows {
            let Ok(id) = restriction_rows::id(&key) else { continue };
            // It may have been erased by a later line.
            if presence(draft, &id)?.is_none() {
                restrictions::set_again(draft, &id, value)?;
            }
        }
        Ok(())
    };
    store.writer.write(OUTCOMES_MAX, work).await
}

/// What was held against addresses is so again, where the store is opened next.
async fn await_again(store: &SledStore, rows: Rows) -> Result<(), StoreError> {
    let work = move |draft: &mut Draft<'_>| {
        let mut next = draft.counter(&Place::Meta, meta::NEXT_VIGIL)?.max(1);
        for (key, value) in rows {
            if let Some(id) = vigil_rows::of_row_key(&key) {
                next = next.max(id.0.saturating_add(1));
            }
            match value {
                Some(value) => draft.write(Place::Vigils, &key, value)?,
                None => draft.remove(Place::Vigils, &key),
            }
        }
        // No number is given twice.
        draft.write(Place::Meta, meta::NEXT_VIGIL, next.to_be_bytes().to_vec())
    };
    store.writer.write(1, work).await
}

async fn object_again(store: &SledStore, rows: Rows) -> Result<(), StoreError> {
    // Under another key, or none, nobody would be found on the list.
    store.shared.keyring().suppression_key().map_err(|_| StoreError::of(StoreCode::SuppressionKey))?;
    let work = move |draft: &mut Draft<'_>| {
        let mut entry = Entry::by_system(Action::Suppressed);
        entry.count = rows.len() as u64;
        for (key, value) in rows {
            match value {
                Some(value) => draft.write(Place::Suppressions, &key, value)?,
                None => draft.remove(Place::Suppressions, &key),
            }
        }
        draft.append_line(entry)
    };
    store.writer.write(1, work).await
}
