//! What a ledger says since a backup was made, done again: by the verbs of the store, before anybody can ask.

use std::cmp::Ordering;
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
use crate::store::sled::ledger::{Forgotten, Line, Lines, Numbered, Said, TakenBack};
use crate::store::sled::restoring::last_words::{LastWords, Order, Word, Words};
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

/// Where the backup stands: its epoch, its moment, and which numbers its epoch goes on from. A gap in the ledger behind them is a
/// line that is missing.
pub(super) struct Given {
    epoch: u32,
    at: Option<Timestamp>,
    lines: u64,
    erasures: u64,
    taken_back: u64,
}

impl Given {
    /// Of a store from a backup of this epoch and moment, before anything is done in it.
    ///
    /// # Errors
    /// See [`StoreCode`].
    pub(super) fn of(store: &SledStore, epoch: u32, at: Option<Timestamp>) -> Result<Self, StoreError> {
        let next = |key: &[u8]| {
            let next = store.shared.reading(|engine| engine.counter(&Place::Meta, key))?;
            Ok::<u64, StoreError>(next.max(1))
        };
        let (lines, erasures) = (next(meta::NEXT_LEDGER_LINE)?, next(meta::NEXT_ERASURE)?);
        Ok(Self { epoch, at, lines, erasures, taken_back: next(meta::NEXT_TAKEN_BACK)? })
    }

    /// Where a line stands beside it.
    fn order(&self, line: &Line) -> Order {
        // Of these an earlier tamis wrote which they are of their kind.
        let of_kind = match &line.said {
            Said::Erased(forgotten) => forgotten.id().map(|id| ((id.epoch, id.number), self.erasures)),
            Said::TakenBack(line) => Some((line.number(), self.taken_back)),
            Said::Objections(_) | Said::Vigils(_) | Said::Restrictions(_) => None,
        };
        match line.number.map(|number| (number, self.lines)).or(of_kind) {
            Some((number, next)) => self.order_of(number, next),
            None => Order::Unknown { is_later: self.at.is_some_and(|at| line.at_ms > at.as_millisecond()) },
        }
    }

    /// By a number; the backup's epoch goes on from `next`.
    fn order_of(&self, (epoch, number): Numbered, next: u64) -> Order {
        match epoch.cmp(&self.epoch) {
            Ordering::Greater => Order::After,
            Ordering::Equal if number >= next => Order::After,
            Ordering::Equal => Order::Before,
            // Nobody knows whether the ledger was at hand when the backup's epoch began.
            Ordering::Less => Order::Unknown { is_later: false },
        }
    }
}

/// What a ledger told.
#[derive(Default)]
pub(super) struct Told {
    /// How many lines say what the backup does not have.
    pub(super) lines: u64,
    pub(super) unreadable: u64,
    /// Lines that are not there between others that are.
    pub(super) missing: u64,
    /// About consents, and what nobody may use, of records that the backup does not have.
    pub(super) not_there: u64,
    /// When the newest line was written that says what the backup does not have.
    pub(super) newest: Option<Timestamp>,
}

/// Which number comes next in the ledger, by epoch: among all lines, and among those of a kind.
struct Expected {
    lines: BTreeMap<u32, u64>,
    erasures: u64,
    taken_back: u64,
}

impl Expected {
    fn of(given: &Given) -> Self {
        let lines = [(given.epoch, given.lines)].into();
        Self { lines, erasures: given.erasures, taken_back: given.taken_back }
    }

    /// How many lines are missing before this one.
    fn missing_before(&mut self, line: &Line, given: &Given) -> u64 {
        let mut missing = 0;
        if let Some((epoch, number)) = line.number.filter(|(epoch, _)| *epoch >= given.epoch) {
            // An epoch that came later counts from 1.
            let next = self.lines.entry(epoch).or_insert(1);
            missing += number.saturating_sub(*next);
            // One that was given before is given again: what had it never came to be.
            *next = number + 1;
        }
        let of_kind = match &line.said {
            Said::Erased(forgotten) => forgotten.id().map(|id| ((id.epoch, id.number), &mut self.erasures)),
            Said::TakenBack(line) => Some((line.number(), &mut self.taken_back)),
            Said::Objections(_) | Said::Vigils(_) | Said::Restrictions(_) => None,
        };
        if let Some(((epoch, number), next)) = of_kind
            && epoch == given.epoch
            && number >= *next
        {
            missing += number - *next;
            *next = number + 1;
        }
        missing
    }
}

/// Does again what the ledger says since the backup.
///
/// # Errors
/// [`StoreCode::LedgerUnreadable`]. Otherwise see [`StoreCode`]: some of it may be done.
pub(super) async fn replay(store: &SledStore, path: &Path, given: &Given) -> Result<Told, StoreError> {
    let unreadable =
        |error: io::Error| StoreError { code: StoreCode::LedgerUnreadable, io: Some(error.kind()) };
    // A clock that was ahead may have been taken back since: what is done again twice does no harm.
    let since = given.at.unwrap_or(Timestamp::UNIX_EPOCH).checked_sub(SLACK).unwrap_or(Timestamp::MIN);
    let lines = Lines::since(path, store.shared.keyring(), since).map_err(unreadable)?;
    let (mut told, mut expected, mut words) = (Told::default(), Expected::of(given), LastWords::default());
    for line in lines {
        let Some(line) = line.map_err(unreadable)? else {
            told.unreadable += 1;
            continue;
        };
        let (number, order) = (line.number, given.order(&line));
        if order != Order::Before {
            told.lines += 1;
            told.newest = told.newest.max(Timestamp::from_millisecond(line.at_ms).ok());
            told.missing += expected.missing_before(&line, given);
            number.into_iter().for_each(|number| words.number_given(number));
        }
        match line.said {
            // The backup has it.
            Said::Erased(_) | Said::TakenBack(_) if order == Order::Before => {}
            Said::Erased(forgotten) => erase_again(store, forgotten).await?,
            Said::TakenBack(line) => told.not_there += u64::from(!take_back_again(store, line).await?),
            Said::Objections(rows) => words.add(number, order, Place::Suppressions, rows),
            Said::Vigils(rows) => words.add(number, order, Place::Vigils, rows),
            Said::Restrictions(rows) => words.add(number, order, Place::Restrictions, rows),
        }
    }
    // What waited for its letter when the backup was made was carried out since, or would have been: its line is one of before.
    store.carry_out_what_waits().await?;
    // Of each row the last word, so that nobody is told of what was restricted and released in between.
    let mut words = words.by_place();
    object_again(store, words.remove(&Place::Suppressions).unwrap_or_default()).await?;
    await_again(store, words.remove(&Place::Vigils).unwrap_or_default()).await?;
    told.not_there += restrict_again(store, words.remove(&Place::Restrictions).unwrap_or_default()).await?;
    Ok(told)
}

/// Lines are numbered from 1 in the epoch that begins: what was done again in it has none.
///
/// # Errors
/// See [`StoreCode`].
pub(super) async fn number_anew(store: &SledStore) -> Result<(), StoreError> {
    let work = |draft: &mut Draft<'_>| {
        draft.remove(Place::Meta, meta::NEXT_LEDGER_LINE);
        Ok(())
    };
    store.writer.write(1, work).await
}

async fn erase_again(store: &SledStore, forgotten: Forgotten) -> Result<(), StoreError> {
    if let Some(id) = forgotten.id()
        && store.erasure(id).await?.is_some()
    {
        // One that waited for its letter when the backup was made was carried out since, or would have been.
        return store.carry_out_untold(id).await;
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

/// Why a record is not there; none: it is.
fn presence(draft: &mut Draft<'_>, id: &RecordId) -> Result<Option<Absent>, StoreError> {
    match draft.read(&Place::Vault(id.purpose.clone()), &record_key(id.epoch, id.number)) {
        Ok(Some(_)) => Ok(None),
        Ok(None) => absent(draft, id).map(Some),
        Err(error) if error.code == StoreCode::PurposeUnknown => Ok(Some(Absent::Never)),
        Err(error) => Err(error),
    }
}

/// Returns how many the backup never had of those that nobody may use.
async fn restrict_again(store: &SledStore, words: Words) -> Result<u64, StoreError> {
    let set = |draft: &mut Draft<'_>, words: Words| {
        let mut not_there = 0;
        for (key, word) in words {
            let Ok(id) = restriction_rows::id(&key) else { continue };
            let held = draft.read(&Place::Restrictions, &key)?;
            let Some(row) = word.against(held.as_deref()) else { continue };
            match presence(draft, &id)? {
                None => restrictions::set_again(draft, &id, row)?,
                Some(Absent::Never) => not_there += u64::from(row.is_some()),
                Some(Absent::Gone) => {}
            }
        }
        Ok(not_there)
    };
    in_parts(store, words, set).await
}

/// What was held against addresses is so again, where the store is opened next.
async fn await_again(store: &SledStore, words: Words) -> Result<(), StoreError> {
    let put = |draft: &mut Draft<'_>, words: Words| {
        let mut next = draft.counter(&Place::Meta, meta::NEXT_VIGIL)?.max(1);
        for (key, word) in words {
            if let Some(id) = vigil_rows::of_row_key(&key) {
                next = next.max(id.0.saturating_add(1));
            }
            put_again(draft, Place::Vigils, &key, word)?;
        }
        // No number is given twice.
        draft.write(Place::Meta, meta::NEXT_VIGIL, next.to_be_bytes().to_vec())?;
        Ok(0)
    };
    in_parts(store, words, put).await.map(drop)
}

async fn object_again(store: &SledStore, words: Words) -> Result<(), StoreError> {
    if words.is_empty() {
        return Ok(());
    }
    // Under another key, or none, nobody would be found on the list.
    store.shared.keyring().suppression_key().map_err(|_| StoreError::of(StoreCode::SuppressionKey))?;
    let put = |draft: &mut Draft<'_>, words: Words| {
        let mut entry = Entry::by_system(Action::Suppressed);
        for (key, word) in words {
            entry.count += u64::from(put_again(draft, Place::Suppressions, &key, word)?);
        }
        if entry.count > 0 {
            draft.append_line(entry)?;
        }
        Ok(0)
    };
    in_parts(store, words, put).await.map(drop)
}

/// Writes a row as the ledger says, if that is newer than what is there. False: it is not.
fn put_again(draft: &mut Draft<'_>, place: Place, key: &[u8], word: Word) -> Result<bool, StoreError> {
    let held = draft.read(&place, key)?;
    match word.against(held.as_deref()) {
        None => return Ok(false),
        Some(Some(value)) => draft.write(place, key, value)?,
        Some(None) => draft.remove(place, key),
    }
    Ok(true)
}

/// Does something with as many words at a time as one transaction takes; the sum of what that returns.
async fn in_parts(
    store: &SledStore,
    words: Words,
    work: impl Fn(&mut Draft<'_>, Words) -> Result<u64, StoreError> + Clone + Send + 'static,
) -> Result<u64, StoreError> {
    let (mut words, mut sum) = (words.into_iter(), 0);
    loop {
        let some: Words = words.by_ref().take(OUTCOMES_MAX).collect();
        if some.is_empty() {
            return Ok(sum);
        }
        let work = work.clone();
        sum += store.writer.write(some.len(), move |draft| work(draft, some)).await?;
    }
}
