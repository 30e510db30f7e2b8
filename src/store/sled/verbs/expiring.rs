//! What ends by its time: found beside the writer, bucket by bucket, and taken away within a transaction. Between that and its
//! end the writer has the leaves punctured.

use std::collections::{BTreeMap, HashSet};
use std::ops::Bound::{Excluded, Included, Unbounded};
use std::sync::{Arc, OnceLock};

use crate::clock::Day;
use crate::forget::ChangeKind;
use crate::keyring::{BUCKET_RECORDS, Bucket};
use crate::lead::{Leaf, SealedRecord, Under};
use crate::purpose::{PurposeId, RecordId};
use crate::store::feeds::Became;
use crate::store::leaves::{bucket_of, place_of};
use crate::store::retention::{BucketCut, EXPIRED_AT_ONCE_MAX, is_given_whole};
use crate::store::sled::aside;
use crate::store::sled::bucket_rows;
use crate::store::sled::buckets::{self, BucketRow};
use crate::store::sled::counts;
use crate::store::sled::draft::{Draft, Sweep};
use crate::store::sled::evidence_rows;
use crate::store::sled::expiry_row;
use crate::store::sled::feed_rows;
use crate::store::sled::layout::{Place, record_id, record_key};
use crate::store::sled::leaf_rows;
use crate::store::sled::shared::Shared;
use crate::store::sled::verbs::{outbox, passes, restrictions, stubs};
use crate::store::stubs::Parting;
use crate::store::{ErasureEnd, Extent, StoreCode, StoreError};
use crate::trail::{Action, Entry};

/// So many buckets are looked at for one batch: as many as one change of the keyring takes.
const BUCKETS_AT_ONCE_MAX: usize = 32;
/// Heads of records that are read at a time, where a bucket has records that its own numbers do not explain.
const HEADS_AT_ONCE: usize = 1_024;

/// What is due: a batch of it.
#[derive(Default)]
pub(in crate::store::sled) struct Due {
    buckets: Vec<Looked>,
    /// There are more buckets in which something may be.
    pub(in crate::store::sled) more: bool,
    /// The key of the last bucket that was looked at: behind it the next batch begins.
    last: Option<Vec<u8>>,
}

/// A bucket in which something may be due.
struct Looked {
    bucket: Bucket,
    /// Its row, as it lay there.
    bytes: Vec<u8>,
    row: BucketRow,
    /// The records under its leaves, each with the day on which it ends.
    records: Vec<(RecordId, Day)>,
    /// Those of them that no clock ends now.
    restricted: HashSet<RecordId>,
}

impl Due {
    /// Nothing is, and no row has to be put right.
    pub(in crate::store::sled) fn is_empty(&self) -> bool {
        self.buckets.is_empty()
    }

    /// Where the batch after this one begins; none: from the first bucket on.
    pub(in crate::store::sled) fn next(&self) -> Option<Vec<u8>> {
        self.last.clone().filter(|_| self.more)
    }

    /// How many records end by this day.
    pub(in crate::store::sled) fn records(&self, today: Day) -> usize {
        self.buckets.iter().map(|looked| looked.over(today)).sum()
    }
}

/// Looks for what has ended by this day: rows of `buckets` first, behind the one with this key, then the records of those buckets
/// that may have some.
///
/// # Errors
/// See [`StoreCode`].
pub(in crate::store::sled) fn due(
    shared: &Shared,
    today: Day,
    after: Option<Vec<u8>>,
) -> Result<Due, StoreError> {
    let (mut due, mut count) = (Due { last: after, ..Due::default() }, 0);
    loop {
        let (rows, more) = rows(shared, today, due.last.as_deref())?;
        due.more = more;
        let mut looked = Vec::with_capacity(rows.len());
        for (bucket, key, (bytes, row)) in rows {
            if count + BUCKET_RECORDS as usize > EXPIRED_AT_ONCE_MAX {
                due.more = true;
                break;
            }
            due.last = Some(key);
            let one = look(shared, bucket, bytes, row)?;
            count += one.over(today);
            looked.push(one);
        }
        look_elsewhere(shared, &mut looked)?;
        for one in &mut looked {
            one.date_what_says_nothing(today);
        }
        // Where all that is due is restricted nothing is to be done, however many such buckets there are.
        looked.retain(|one| !one.waits(today));
        due.buckets.extend(looked);
        if !due.more || !due.buckets.is_empty() {
            return Ok(due);
        }
    }
}

/// Where rows of `buckets` are found: the bucket, its key, its bytes and what they say.
type Row = (Bucket, Vec<u8>, (Vec<u8>, BucketRow));

/// The rows after this key of buckets in which something may have ended by this day, and whether there are more.
fn rows(shared: &Shared, today: Day, after: Option<&[u8]>) -> Result<(Vec<Row>, bool), StoreError> {
    let from = after.map_or(Unbounded, Excluded);
    shared.reading(|engine| {
        let (mut rows, mut more) = (Vec::new(), false);
        engine.visit(&Place::Buckets, (from, Unbounded), |key, value| {
            let read = BucketRow::read(value);
            let row = shared.unreadable().or_passed_over(&Place::Buckets, key, read);
            let row = row.unwrap_or(BucketRow::UNKNOWN);
            let Some(bucket) = buckets::bucket(key).filter(|_| row.earliest <= today.0) else {
                return Ok(true);
            };
            more = rows.len() >= BUCKETS_AT_ONCE_MAX;
            if !more {
                rows.push((bucket, key.to_vec(), (value.to_vec(), row)));
            }
            Ok(!more)
        })?;
        Ok((rows, more))
    })
}

/// What stands for the day of a record whose head cannot be read, until the others of its bucket are known.
const SAYS_NOTHING: Day = Day(u32::MAX);

/// The records of a bucket's own numbers, and those of other numbers that were written anew under its leaves.
fn look(shared: &Shared, bucket: Bucket, bytes: Vec<u8>, row: BucketRow) -> Result<Looked, StoreError> {
    let place = Place::Vault(bucket.purpose.clone());
    let first = record_key(bucket.epoch, bucket.index.saturating_mul(BUCKET_RECORDS));
    let last = bucket.index.saturating_mul(BUCKET_RECORDS).saturating_add(BUCKET_RECORDS - 1);
    let last = record_key(bucket.epoch, last);
    let (records, restricted) = Default::default();
    let mut looked = Looked { bucket, bytes, row, records, restricted };
    let read = shared.reading(|engine| {
        engine.visit(&place, (Included(&first[..]), Included(&last[..])), |key, value| {
            looked.take(key, value);
            Ok(true)
        })?;
        for id in leaf_rows::in_bucket(engine, &looked.bucket)? {
            let key = record_key(id.epoch, id.number);
            // Those of its own numbers it has already.
            if Bucket::of(&id) != looked.bucket
                && let Some(value) = engine.read(&place, &key)?
            {
                looked.take(&key, &value);
            }
        }
        Ok(())
    });
    match read {
        Err(error) if error.code == StoreCode::PurposeUnknown => {}
        read => read?,
    }
    looked.note_restricted(shared);
    Ok(looked)
}

impl Looked {
    /// Takes a record that is under one of its leaves.
    fn take(&mut self, key: &[u8], value: &[u8]) {
        let Ok(id) = record_id(&self.bucket.purpose, key) else { return };
        let (leaf, day) = head(&id, value);
        if bucket_of(&id.purpose, leaf) == self.bucket {
            self.records.push((id, day.unwrap_or(SAYS_NOTHING)));
        }
    }

    /// Notes which of its records no clock ends now.
    fn note_restricted(&mut self, shared: &Shared) {
        let look = shared.look();
        let is_restricted = |(id, _): &&(RecordId, Day)| shared.is_restricted(id, &look);
        self.restricted = self.records.iter().filter(is_restricted).map(|(id, _)| id.clone()).collect();
    }

    /// How many of its records end by this day.
    fn over(&self, today: Day) -> usize {
        let is_over = |(id, day): &&(RecordId, Day)| *day <= today && !self.restricted.contains(id);
        self.records.iter().filter(is_over).count()
    }

    /// True if nothing is to be done: what is due in it is restricted, and its row says what lives there.
    fn waits(&self, today: Day) -> bool {
        let is_due = |(_, day): &(RecordId, Day)| *day <= today;
        self.row.is_known() && self.over(today) == 0 && self.records.iter().any(is_due)
    }

    fn has(&self, id: &RecordId) -> bool {
        self.records.iter().any(|(other, _)| other == id)
    }

    /// True if records are counted here that it does not have.
    fn lacks_some(&self) -> bool {
        (self.records.len() as u64) < u64::from(self.row.live) || !self.row.is_known()
    }

    /// None ends later than the last that is counted; one that does not say when it ends, then. Where nobody knows that
    /// either, with the last of the others, and if there are none, now.
    fn date_what_says_nothing(&mut self, today: Day) {
        let known = self.records.iter().map(|(_, day)| *day).filter(|day| *day != SAYS_NOTHING).max();
        let last = if self.row.is_known() { Day(self.row.latest) } else { known.unwrap_or(today) };
        self.records.iter_mut().for_each(|(_, day)| *day = (*day).min(last));
    }
}

/// The leaf of a record and its expiry day. A head that cannot be read names neither: then it is the leaf of its own number.
fn head(id: &RecordId, value: &[u8]) -> (Leaf, Option<Day>) {
    match SealedRecord::peek(value) {
        Some((Under::Leaf(leaf), day, _)) => (leaf, Some(day)),
        Some((Under::Bucket(_), day, _)) => (Leaf::of(id), Some(day)),
        None => (Leaf::of(id), None),
    }
}

/// Where a bucket counts more than its own numbers and `leaves` explain, all heads of the purpose are looked at, once for all such
/// buckets: a row of `leaves` may be lost, and the record that it named is due all the same.
fn look_elsewhere(shared: &Shared, looked: &mut [Looked]) -> Result<(), StoreError> {
    let mut lacking: BTreeMap<PurposeId, Vec<usize>> = BTreeMap::new();
    for (at, one) in looked.iter().enumerate().filter(|(_, one)| one.lacks_some()) {
        lacking.entry(one.bucket.purpose.clone()).or_default().push(at);
    }
    for (purpose, wanted) in lacking {
        let place = Place::Vault(purpose.clone());
        let mut after: Option<::sled::IVec> = None;
        loop {
            let from = after.as_ref().map_or(Unbounded, |key| Excluded(key.as_ref()));
            let rows = shared.reading(|engine| engine.scan(&place, (from, Unbounded), HEADS_AT_ONCE));
            let rows = match rows {
                Err(error) if error.code == StoreCode::PurposeUnknown => Vec::new(),
                rows => rows?,
            };
            for (key, value) in &rows {
                let Ok(id) = record_id(&purpose, key) else { continue };
                let (leaf, day) = head(&id, value);
                let bucket = bucket_of(&purpose, leaf);
                // Those of its own numbers it has already.
                if bucket == Bucket::of(&id) {
                    continue;
                }
                if let Some(at) = wanted.iter().find(|at| looked[**at].bucket == bucket)
                    && !looked[*at].has(&id)
                {
                    looked[*at].records.push((id, day.unwrap_or(SAYS_NOTHING)));
                }
            }
            after = rows.last().map(|(key, _)| key.clone());
            if rows.len() < HEADS_AT_ONCE {
                break;
            }
        }
        wanted.iter().for_each(|at| looked[*at].note_restricted(shared));
    }
    Ok(())
}

/// What became of a batch within a transaction.
pub(in crate::store::sled) struct Swept {
    pub(in crate::store::sled) extent: Extent,
    /// So many of them were of people who were asked, and did not answer.
    pub(in crate::store::sled) lapsed: u64,
    /// Where its end stands; none: there is no key to be destroyed.
    pub(in crate::store::sled) ended: Option<Arc<OnceLock<ErasureEnd>>>,
}

/// Takes a batch away, and notes it.
///
/// # Errors
/// [`StoreCode::Keyring`]: the batch before still has its keys. Otherwise see [`StoreCode`]: nothing of it is done.
pub(in crate::store::sled) fn expire(
    draft: &mut Draft<'_>,
    due: &Due,
    today: Day,
) -> Result<Swept, StoreError> {
    // Records that a clock received that was behind have not got their dates yet.
    if draft.shared.early_up_to().is_some() {
        return Err(StoreError::of(StoreCode::ClockUnconfirmed));
    }
    if expiry_row::is_pending(draft)? {
        return Err(StoreError::of(StoreCode::Keyring));
    }
    let (extent, lost) = (Extent::default(), BTreeMap::new());
    let (lines, records) = Default::default();
    let mut taken = Taken { extent, lost, lapsed: 0, lines, records, since: today };
    let mut cuts = Vec::new();
    for looked in &due.buckets {
        cuts.extend(expire_bucket(draft, looked, today, &mut taken)?);
    }
    let Taken { extent, lost, lapsed, lines, records, since } = taken;
    feed_rows::note(draft, &Became::of(ChangeKind::Expired, &records))?;
    for (purpose, count) in &extent.records {
        counts::take_off(draft, purpose, *count)?;
    }
    for (purpose, count) in lost {
        // No more than a scan has missed: a bucket may be counted wrongly.
        let count = count.min(draft.shared.missing(&purpose));
        counts::take_off(draft, &purpose, count)?;
    }
    for entry in lines {
        draft.append_line(entry)?;
    }
    if cuts.is_empty() {
        return Ok(Swept { extent, lapsed, ended: None });
    }
    expiry_row::write(draft, since, &cuts)?;
    let ended = Arc::<OnceLock<ErasureEnd>>::default();
    draft.sweep(Sweep { cuts, ended: Arc::clone(&ended) });
    Ok(Swept { extent, lapsed, ended: Some(ended) })
}

/// What a transaction takes away.
struct Taken {
    extent: Extent,
    /// Records that were lost before, and whose time is over now: they are counted no more.
    lost: BTreeMap<PurposeId, u64>,
    lapsed: u64,
    /// One a purpose and epoch, and another of those who lapsed.
    lines: Vec<Entry>,
    /// Which they are.
    records: Vec<RecordId>,
    /// The first expiry day.
    since: Day,
}

impl Taken {
    fn note(&mut self, id: &RecordId, day: Day, has_lapsed: bool) {
        self.extent.count(&id.purpose);
        self.lapsed += u64::from(has_lapsed);
        let action = if has_lapsed { Action::Lapsed } else { Action::Expired };
        self.records.push(id.clone());
        self.since = self.since.min(day);
        let is_same = |line: &&mut Entry| {
            let from = line.from.as_ref();
            line.action() == action
                && from.is_some_and(|from| from.purpose == id.purpose && from.epoch == id.epoch)
        };
        match self.lines.iter_mut().find(is_same) {
            Some(line) => {
                line.count += 1;
                line.from.iter_mut().for_each(|from| from.number = from.number.min(id.number));
                line.to.iter_mut().for_each(|to| to.number = to.number.max(id.number));
            }
            None => {
                let mut line = Entry::by_system(action);
                (line.purpose, line.count) = (Some(id.purpose.clone()), 1);
                (line.from, line.to) = (Some(id.clone()), Some(id.clone()));
                self.lines.push(line);
            }
        }
    }
}

fn expire_bucket(
    draft: &mut Draft<'_>,
    looked: &Looked,
    today: Day,
    taken: &mut Taken,
) -> Result<Option<BucketCut>, StoreError> {
    let Looked { bucket, bytes, row, records, restricted: _ } = looked;
    let place = Place::Vault(bucket.purpose.clone());
    let at = buckets::key(bucket);
    let is_as_looked_at = draft.read(&Place::Buckets, &at)?.as_ref() == Some(bytes);
    // Nothing ends later than the last that is counted, unless something was counted since.
    let last = if row.is_known() && is_as_looked_at { Day(row.latest) } else { SAYS_NOTHING };
    let (mut leaves, mut left) = (Vec::new(), None::<BucketRow>);
    for (id, day) in records {
        // No clock ends what is restricted, as it is now.
        if *day > today || restrictions::is_restricted(draft, id)? {
            left = Some(left.map_or_else(|| BucketRow::of(*day), |row| row.with(*day)));
            continue;
        }
        let key = record_key(id.epoch, id.number);
        let Some(value) = draft.read(&place, &key)? else { continue };
        let (leaf, now) = head(id, &value);
        // It was written anew since: it is looked at again with the next batch.
        if bucket_of(&id.purpose, leaf) != *bucket || now.is_some_and(|now| now.min(last) > today) {
            continue;
        }
        aside::forget(draft, &place, &key)?;
        draft.remove(place.clone(), &key);
        leaf_rows::forget(draft, leaf, id)?;
        restrictions::forget(draft, id)?;
        passes::forget(draft, id)?;
        let has_lapsed = outbox::is_unanswered(draft, id, *day)?;
        outbox::forget(draft, id)?;
        stubs::leave(draft, id, &value, Parting::EXPIRED)?;
        evidence_rows::forget(draft, id)?;
        leaves.push(place_of(leaf));
        taken.note(id, *day, has_lapsed);
    }
    if !is_as_looked_at {
        // Something was stored or erased there since: what is left is looked at with the next batch.
        let mut row = bucket_rows::read_or_aside(draft, &at)?;
        leaves.iter().for_each(|_| row = row.and_then(BucketRow::without));
        bucket_rows::put(draft, &at, row)?;
        return Ok((!leaves.is_empty()).then(|| BucketCut::of(bucket.clone(), leaves, false)));
    }
    // What is counted and was not found may come back from a backup until its time is over as well.
    let lost = u64::from(row.live).saturating_sub(records.len() as u64);
    let is_over = match row.is_known() {
        true => left.is_none() && (lost == 0 || row.latest <= today.0),
        false => left.is_none() && !records.is_empty(),
    };
    if !is_over && lost > 0 && row.is_known() {
        let live = left.map_or(0, |left| left.live).saturating_add(u32::try_from(lost).unwrap_or(u32::MAX));
        let earliest = left.map_or(row.latest, |left| left.earliest);
        left = Some(BucketRow { live, earliest, latest: row.latest });
    }
    bucket_rows::put(draft, &at, left)?;
    let next = draft.counter(&Place::Sequence, bucket.purpose.as_str().as_bytes())?.max(1);
    let forget = is_over && is_given_whole(bucket, draft.shared.epoch(), next);
    let has_lost = is_over && lost > 0;
    if has_lost {
        leaf_rows::forget_bucket(draft, bucket)?;
        *taken.lost.entry(bucket.purpose.clone()).or_default() += lost;
    }
    if has_lost && !forget {
        let given = next.saturating_sub(bucket.index.saturating_mul(BUCKET_RECORDS)).min(BUCKET_RECORDS);
        leaves.extend(0..given as u16);
    }
    Ok((forget || !leaves.is_empty()).then(|| BucketCut::of(bucket.clone(), leaves, forget)))
}
