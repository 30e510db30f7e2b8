//! Making the ends of references durable: numbers, seals, records, what is seen, counters, trail lines, in one
//! transaction, all purposes of a submission together.
//!
//! Sealing happens here and not before: a number reserved early could be overtaken by an exporter, and a key taken early
//! could be destroyed by an erasure in between.

use crate::clock::Day;
use crate::keyring::Bucket;
use crate::lead::{Dropped, Leaf, MinimisedLead, SealError, SealedRecord, Under, seal};
use crate::notification::{LeadRef, ParkCode, Why};
use crate::purpose::{PurposeId, RecordId};
use crate::store::beside::{self, Beside, Placement};
use crate::store::leaves::{bucket_of, first_live};
use crate::store::several::{OpenFor, Standing, row_why};
use crate::store::sled::aside;
use crate::store::sled::bucket_rows;
use crate::store::sled::buckets::{self, BucketRow};
use crate::store::sled::draft::Draft;
use crate::store::sled::layout::{Place, meta, record_key};
use crate::store::sled::leaf_rows;
use crate::store::sled::reference::keyring_failed;
use crate::store::sled::rows::{EndRow, FateRow, SeenRow};
use crate::store::sled::shared::Effect;
use crate::store::sled::verbs::parking::{self, Before, Parking};
use crate::store::sled::verbs::{erased, forms, leaving, outbox, seen, suppressed, vigils};
use crate::store::suppressions::Judged;
use crate::store::{
    ErasedFor, Fate, MailKind, Outcome, SeenState, Settled, Settlement, StoreCode, StoreError, Verdict,
};

/// Settles a batch.
///
/// # Errors
/// [`StoreCode::PurposeUnknown`], [`StoreCode::Keyring`], the engine's: nothing of the batch is done then.
pub(in crate::store::sled) fn settle(
    draft: &mut Draft<'_>,
    batch: Vec<Settlement>,
) -> Result<Vec<Settled>, StoreError> {
    let mut settled = Vec::with_capacity(batch.len());
    for mut settlement in batch {
        settled.push(settle_one(draft, &mut settlement)?);
    }
    Ok(settled)
}

fn settle_one(draft: &mut Draft<'_>, settlement: &mut Settlement) -> Result<Settled, StoreError> {
    let reference = &settlement.reference;
    let seen = draft.shared.seen_key(&reference.leadgen);
    let noted = match draft.read(&Place::Seen, &seen)? {
        None => None,
        Some(bytes) => match seen::note(&bytes) {
            Ok(row) => Some(row),
            Err(error) => {
                aside::keep(draft, &Place::Seen, &seen, bytes, error)?;
                None
            }
        },
    };
    let mut erased = erased::erased_for(draft, &seen)?;
    let mut noted = noted;
    let is_open = noted
        .as_ref()
        .is_none_or(|row| !row.arrivals.is_empty() || matches!(row.end, Some(EndRow::Dropped { .. })));
    let is_met = match &settlement.outcome {
        Outcome::Sieved(verdicts) if is_open && erased != Some(ErasedFor::All) => {
            vigils::meet(draft, reference, (&seen, noted.as_ref()), verdicts)?
        }
        _ => false,
    };
    if is_met {
        erased = erased::erased_for(draft, &seen)?;
        noted = draft.read(&Place::Seen, &seen)?.map(|bytes| seen::note(&bytes)).transpose()?;
    }
    // Of what was erased whole, or of which nothing else is known, nothing is taken in: unless it was for some purposes, just now.
    if erased == Some(ErasedFor::All) || (erased.is_some() && noted.is_none() && !is_met) {
        if let Some(left) = parking::leased(draft, reference, &seen)? {
            parking::unpark(draft, &left);
        }
        return Ok(Settled::Known);
    }
    let erased = erased.map_or(Vec::new(), |erased| erased.purposes().to_vec());
    let noted = noted.filter(|row| !matches!(row.end, Some(EndRow::Dropped { .. })));
    let before = match &noted {
        None => parking::leased(draft, reference, &seen)?.into_iter().collect(),
        Some(row) if row.arrivals.is_empty() => {
            // Its row was left behind, unnoted: it would be claimed again for ever.
            if let Some(left) = parking::leased(draft, reference, &seen)? {
                parking::unpark(draft, &left);
            }
            return Ok(Settled::Known);
        }
        Some(row) => parking::all_before(draft, &row.arrivals)?,
    };
    let fates = noted.map(|row| row.fates).unwrap_or_default();
    let submission = Submission { reference, seen, fates, erased, before };
    match &mut settlement.outcome {
        Outcome::Parked(why) => submission.park(draft, &settlement.matched, *why),
        Outcome::Sieved(verdicts) => submission.sieved(draft, verdicts, &settlement.dropped),
    }
}

/// A submission as it was before something of it is settled.
struct Submission<'s> {
    reference: &'s LeadRef,
    /// Its key in `seen`.
    seen: [u8; 32],
    /// For which purposes it has its end.
    fates: Vec<FateRow>,
    /// For which it was erased.
    erased: Vec<PurposeId>,
    /// What is parked of it.
    before: Vec<Before>,
}

impl Submission<'_> {
    /// Where in `before` its own reference is; one that cannot be read may be it.
    fn own(&self) -> Option<usize> {
        let lane = self.reference.lane();
        let same = self.before.iter().position(|one| one.beside().lane == Some(lane));
        same.or_else(|| self.before.iter().position(|one| one.beside().lane.is_none()))
    }

    /// The purposes for which nothing is settled any more.
    fn decided(&self) -> Result<Vec<PurposeId>, StoreError> {
        let ends = self.fates.iter().map(FateRow::purpose);
        ends.chain(self.erased.iter().cloned().map(Ok)).collect()
    }

    fn open(&self) -> &[OpenFor] {
        self.own().map_or(&[], |own| self.before[own].open())
    }

    /// Where it stands, and with which row.
    fn standing<'s>(&'s self, decided: &'s [PurposeId]) -> Standing<'s> {
        let open = self.open();
        // With an end for some purpose, what is parked says for which it is open.
        let is_lost = if self.own().is_some() { open.is_empty() } else { self.before.is_empty() };
        Standing { decided, open, is_lost }
    }

    /// Parks what was not read.
    fn park(mut self, draft: &mut Draft<'_>, matched: &[PurposeId], why: Why) -> Result<Settled, StoreError> {
        let decided = self.decided()?;
        let own = self.own();
        let standing = self.standing(&decided);
        if !decided.is_empty() && own.is_none() && !standing.is_lost {
            return Ok(Settled::Known);
        }
        let open = standing.parked(matched, why);
        let parked: Vec<Beside> = self.before.iter().map(Before::beside).collect();
        // Three others are under way, or Graph has confirmed one.
        let Some(Placement { at, gone }) = beside::place(&parked, &self.reference.lane(), &why) else {
            return Ok(Settled::Known);
        };
        for one in self.before.extract_if(.., |one| gone.contains(&one.arrival)) {
            parking::unpark(draft, &one);
        }
        let own = self.before.iter().position(|one| Some(one.arrival) == at);
        let own = own.map(|place| self.before.remove(place));
        let others = self.before.iter().map(|one| one.arrival).collect();
        let was_sieved = own.as_ref().is_some_and(|own| own.row.was_sieved);
        let parking = Parking { why, open, fates: self.fates, others, was_sieved };
        parking::park(draft, self.reference, parking, own)?;
        Ok(Settled::Parked(why.code()))
    }

    /// Gives each purpose that is open what it makes of it. What is refused stays parked for these; what else was named of the
    /// submission, with other forms or pages, ends.
    fn sieved(
        mut self,
        draft: &mut Draft<'_>,
        verdicts: &mut [Verdict],
        dropped: &Dropped,
    ) -> Result<Settled, StoreError> {
        let decided = self.decided()?;
        let offered: Vec<PurposeId> = verdicts.iter().map(|verdict| verdict.purpose().clone()).collect();
        let standing = self.standing(&decided);
        let mut taken = standing.takes(&offered);
        let mut open = standing.left(&taken, &offered);
        if taken.is_empty() {
            // Matched to what it was erased for alone, it has nothing to come back for.
            if !self.erased.is_empty() && open.is_empty() {
                self.end(draft)?;
            }
            return Ok(Settled::Known);
        }
        let own = self.own().map(|own| self.before.remove(own));
        if !own.as_ref().is_some_and(|own| own.row.was_sieved) {
            forms::count_dropped(draft, &self.reference.form, dropped)?;
        }
        let judged = suppressed::judge_each(draft, verdicts)?;
        let mut said = Vec::with_capacity(taken.len());
        for (verdict, judged) in verdicts.iter().zip(judged) {
            let Some(place) = taken.iter().position(|purpose| purpose == verdict.purpose()) else { continue };
            let purpose = taken.swap_remove(place);
            let state = match verdict {
                Verdict::Stored(_) if matches!(judged, Some(Judged::Barred)) => {
                    self.fates.push(FateRow::suppressed(&purpose));
                    SeenState::Suppressed
                }
                Verdict::Stored(lead) => match store(draft, lead, self.seen)? {
                    Some(id) => {
                        if let Some(Judged::Stored(closed)) = judged {
                            suppressed::close(draft, &closed, &id)?;
                        }
                        let others = self.fates.iter().filter_map(|fate| fate.record().ok().flatten());
                        leaving::join(draft, others, &id)?;
                        self.fates.push(FateRow::stored(&id));
                        SeenState::Stored(id)
                    }
                    None => SeenState::Parked(too_large(own.as_ref())),
                },
                Verdict::Refused(_, code) => SeenState::Parked(Why::Refused { code: *code }),
                Verdict::NotAsked(_) => {
                    self.fates.push(FateRow::not_asked(&purpose));
                    SeenState::NotAsked
                }
            };
            if let SeenState::Parked(why) = state {
                open.push(OpenFor { purpose: purpose.clone(), why });
            }
            said.push(Fate { purpose: Some(purpose), state });
        }
        for other in &self.before {
            parking::unpark(draft, other);
        }
        match row_why(&mut open) {
            Some(why) => {
                let (others, was_sieved) = (Vec::new(), true);
                let parking = Parking { why, open, fates: self.fates, others, was_sieved };
                parking::park(draft, self.reference, parking, own)?;
            }
            None => {
                if let Some(own) = own {
                    parking::unpark(draft, &own);
                }
                let row = SeenRow { fates: self.fates, day: Day::of(draft.now).0, ..SeenRow::default() };
                draft.write(Place::Seen, &self.seen, row.bytes())?;
            }
        }
        Ok(Settled::Sieved(said))
    }
}

impl Submission<'_> {
    /// Takes out what is parked of it; for some purpose it may have its end.
    fn end(&self, draft: &mut Draft<'_>) -> Result<(), StoreError> {
        self.before.iter().for_each(|one| parking::unpark(draft, one));
        if self.fates.is_empty() {
            draft.remove(Place::Seen, &self.seen);
            return Ok(());
        }
        let row = SeenRow { fates: self.fates.clone(), day: Day::of(draft.now).0, ..SeenRow::default() };
        draft.write(Place::Seen, &self.seen, row.bytes())
    }
}

fn too_large(before: Option<&Before>) -> Why {
    let attempts = match before.and_then(|before| before.row.why.why().ok()) {
        Some(Why::Waiting { attempts, .. } | Why::Buried { attempts, .. }) => attempts,
        _ => 0,
    };
    Why::Buried { code: ParkCode::RecordTooLarge, attempts }
}

/// Stores a lead under its purpose's next number; none: the record is too large.
fn store(
    draft: &mut Draft<'_>,
    lead: &MinimisedLead,
    seen: [u8; 32],
) -> Result<Option<RecordId>, StoreError> {
    let Some((id, record)) = seal_next(draft, lead, seen)? else { return Ok(None) };
    let key = record_key(id.epoch, id.number);
    draft.write(Place::Vault(id.purpose.clone()), &key, record.encode())?;
    count_in_bucket(draft, &bucket_of(&id.purpose, Leaf::of(&id)), record.expiry_day)?;
    count_stored(draft, &id.purpose)?;
    draft.note_stored(&id);
    if lead.is_welcomed() {
        outbox::queue(draft, &id, MailKind::Welcome, None)?;
    }
    if lead.is_early() {
        let early = aside::row_counter(draft, &Place::Meta, meta::EARLY)?.saturating_add(1);
        draft.write(Place::Meta, meta::EARLY, early.to_be_bytes().to_vec())?;
        draft.effect(Effect::Early(early));
    }
    Ok(Some(id))
}

/// Takes the purpose's next number, that of the first leaf that lives, and seals under it; none: the record is too large, and the number is not used.
fn seal_next(
    draft: &mut Draft<'_>,
    lead: &MinimisedLead,
    seen: [u8; 32],
) -> Result<Option<(RecordId, SealedRecord<'static>)>, StoreError> {
    let purpose = lead.purpose();
    draft.engine.tree(&Place::Vault(purpose.clone()))?;
    let leaf = next_leaf(draft, purpose)?;
    let id = RecordId { purpose: purpose.clone(), epoch: leaf.epoch, number: leaf.number };
    // A leaf that is punctured after this is not this one: it is nobody's yet.
    let shared = draft.shared;
    let key = draft.leaves.key(shared.keyring(), purpose, Under::Leaf(leaf));
    let key = key.map_err(|_| StoreError::of(StoreCode::Keyring))?;
    match seal(lead, &id, seen, leaf, key.key(), draft.shared.random()) {
        Ok(record) => {
            take_leaf(draft, purpose, leaf)?;
            Ok(Some((id, record)))
        }
        Err(SealError::TooLarge(_)) => Ok(None),
        Err(_) => Err(StoreError::of(StoreCode::Keyring)),
    }
}

/// The purpose's next unused leaf.
///
/// # Errors
/// See [`StoreCode`].
pub(in crate::store::sled) fn next_leaf(
    draft: &mut Draft<'_>,
    purpose: &PurposeId,
) -> Result<Leaf, StoreError> {
    let number = draft.counter(&Place::Sequence, purpose.as_str().as_bytes())?.max(1);
    let from = Leaf { epoch: draft.shared.epoch(), number };
    let leaf = first_live(draft.shared.keyring(), purpose, from).map_err(keyring_failed)?;
    // One that is taken would be another record's end, by its number or by its leaf: the sequence is damaged.
    let of_its_own = draft.read(&Place::Vault(purpose.clone()), &record_key(leaf.epoch, leaf.number))?;
    if of_its_own.is_some() || leaf_rows::is_noted(draft, purpose, leaf)? {
        return Err(StoreError::of(StoreCode::Damaged));
    }
    Ok(leaf)
}

/// From here on it is used.
///
/// # Errors
/// See [`StoreCode`].
pub(in crate::store::sled) fn take_leaf(
    draft: &mut Draft<'_>,
    purpose: &PurposeId,
    leaf: Leaf,
) -> Result<(), StoreError> {
    let next = (leaf.number + 1).to_be_bytes().to_vec();
    draft.write(Place::Sequence, purpose.as_str().as_bytes(), next)
}

/// A record with this expiry is stored in a bucket.
///
/// # Errors
/// See [`StoreCode`].
pub(in crate::store::sled) fn count_in_bucket(
    draft: &mut Draft<'_>,
    bucket: &Bucket,
    expiry: Day,
) -> Result<(), StoreError> {
    let key = buckets::key(bucket);
    let row = bucket_rows::read_or_aside(draft, &key)?;
    bucket_rows::put(draft, &key, Some(row.map_or_else(|| BucketRow::of(expiry), |row| row.with(expiry))))
}

fn count_stored(draft: &mut Draft<'_>, purpose: &PurposeId) -> Result<(), StoreError> {
    let key = meta::stored(purpose);
    let count = aside::row_counter(draft, &Place::Meta, &key)? + 1;
    draft.write(Place::Meta, &key, count.to_be_bytes().to_vec())?;
    draft.effect(Effect::Stored(purpose.clone(), count));
    Ok(())
}
