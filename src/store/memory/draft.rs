//! What one transaction writes, on a copy of the rows.

use std::collections::BTreeMap;

use crate::clock::Day;
use crate::id::{FormId, LeadgenId};
use crate::keyring::KeyringError;
use crate::lead::{Dropped, Leaf, MinimisedLead, SealError, Under, seal};
use crate::notification::{LeadRef, ParkCode, Why};
use crate::purpose::{PurposeId, RecordId};
use crate::store::beside::{self, Placement};
use crate::store::forms::{NAMES_MAX, OTHER_NAMES};
use crate::store::leaves::{Leaves, first_live};
use crate::store::mark::ClockReading;
use crate::store::memory::MemoryState;
use crate::store::memory::rows::{End, Note, ParkedRow, Rows};
use crate::store::seen::seen_key;
use crate::store::several::{OpenFor, Standing, row_why};
use crate::store::suppressions::Judged;
use crate::store::{
    ErasedFor, Fate, MailKind, Outcome, SeenState, Settled, Settlement, StoreCode, StoreError, Verdict,
};
use crate::trail::{Action, Entry, chain};

/// The restore epoch of every record: nothing here is ever restored.
pub(super) const EPOCH: u32 = 1;

/// A transaction under way.
pub(super) struct Draft<'s> {
    pub(super) shared: &'s MemoryState,
    pub(super) rows: Rows,
    pub(super) look: ClockReading,
    /// How many records were stored, the first and the last.
    stored: BTreeMap<PurposeId, (u64, RecordId, RecordId)>,
    /// Arrivals that are parked otherwise now, or no longer.
    pub(super) moved: Vec<u64>,
}

impl<'s> Draft<'s> {
    /// Begins.
    pub(super) fn begin(shared: &'s MemoryState, rows: &Rows) -> Self {
        let (rows, look) = (rows.clone(), shared.mark.look());
        Self { shared, rows, look, stored: BTreeMap::new(), moved: Vec::new() }
    }

    /// Completes it; gives the arrivals that are leased no longer.
    pub(super) fn finish(&mut self) -> Vec<u64> {
        for (purpose, (count, first, last)) in std::mem::take(&mut self.stored) {
            let mut entry = Entry::by_system(Action::Stored);
            (entry.purpose, entry.count) = (Some(purpose), count);
            (entry.from, entry.to) = (Some(first), Some(last));
            self.append_line(entry);
        }
        self.rows.forget_letters();
        (self.rows.clock, self.rows.clock_certain) = (Some(self.look.now()), self.look.certain());
        std::mem::take(&mut self.moved)
    }

    /// Adds a line to the trail, chained to the one before.
    pub(super) fn append_line(&mut self, entry: Entry) {
        let (last, mac) = self.rows.trail_head;
        let (line, bytes) = chain(&self.shared.keyring.trail_key(), &mac, last + 1, self.look.now(), entry);
        self.rows.trail_head = (line.seq, line.mac);
        self.rows.trail.insert(line.seq, bytes);
    }

    /// Makes the end of one reference.
    pub(super) fn settle(&mut self, settlement: &mut Settlement) -> Result<Settled, StoreError> {
        let reference = &settlement.reference;
        let mut is_met = false;
        if let Outcome::Sieved(verdicts) = &settlement.outcome {
            let note = self.rows.seen.get(&reference.leadgen);
            if note.is_none_or(|note| !note.arrivals.is_empty() || matches!(note.end, Some(End::Dropped(_))))
            {
                is_met = self.meet(reference, verdicts)?;
            }
        }
        let erased = self.rows.erased_for(&*self.shared.keyring, &reference.leadgen);
        // Of what was erased whole, or of which nothing else is known, nothing is taken in.
        if erased == Some(ErasedFor::All)
            || (erased.is_some() && !is_met && !self.rows.seen.contains_key(&reference.leadgen))
        {
            return Ok(Settled::Known);
        }
        let note = match self.rows.seen.get(&reference.leadgen) {
            None | Some(Note { end: Some(End::Dropped(_)), .. }) => Note::default(),
            Some(note) if note.arrivals.is_empty() => return Ok(Settled::Known),
            Some(note) => note.clone(),
        };
        let before = self.rows.beside(&note.arrivals);
        let own = before.iter().find(|one| one.lane == Some(reference.lane()));
        let row = own.and_then(|own| self.rows.parked.get(&own.arrival));
        let (open, was_sieved) = (row.map(|row| row.open.clone()), row.is_some_and(|row| row.was_sieved));
        let (mut decided, open) = (note.decided(), open.unwrap_or_default());
        decided.extend(erased.iter().flat_map(|erased| erased.purposes().to_vec()));
        // One whose form was not matched yet is open for whatever it was not erased for.
        let is_lost = own.map_or(before.is_empty(), |_| open.is_empty());
        let standing = Standing { decided: &decided, open: &open, is_lost };
        let (at, attempts) = (own.map(|own| own.arrival), own.map_or(0, |own| attempts(&own.why)));
        match &mut settlement.outcome {
            Outcome::Parked(why) => {
                if !decided.is_empty() && own.is_none() {
                    return Ok(Settled::Known);
                }
                let open = standing.parked(&settlement.matched, *why);
                let Some(Placement { at, gone }) = beside::place(&before, &reference.lane(), why) else {
                    return Ok(Settled::Known);
                };
                for arrival in &gone {
                    self.unpark(*arrival);
                }
                let left = before.iter().map(|one| one.arrival).filter(|arrival| !gone.contains(arrival));
                let others = left.filter(|arrival| Some(*arrival) != at).collect();
                self.park(reference, (*why, open, was_sieved), at, Note { arrivals: others, ..note })?;
                Ok(Settled::Parked(why.code()))
            }
            Outcome::Sieved(verdicts) => {
                let offered: Vec<PurposeId> =
                    verdicts.iter().map(|verdict| verdict.purpose().clone()).collect();
                let taken = standing.takes(&offered);
                let mut open = standing.left(&taken, &offered);
                if taken.is_empty() {
                    // Matched to what it was erased for alone, it has nothing to come back for.
                    if erased.is_some() && open.is_empty() {
                        before.iter().for_each(|one| drop(self.unpark(one.arrival)));
                        let note = Note { arrivals: Vec::new(), ..note };
                        match note.fates.is_empty() {
                            true => self.rows.seen.remove(&reference.leadgen),
                            false => self.rows.seen.insert(reference.leadgen, note),
                        };
                    }
                    return Ok(Settled::Known);
                }
                if !was_sieved {
                    self.count_dropped(&reference.form, &settlement.dropped);
                }
                let judged = self.judge_by_the_list(verdicts)?;
                let mut said: Vec<Fate> = Vec::new();
                for (verdict, judged) in verdicts.iter().zip(judged) {
                    let purpose = verdict.purpose();
                    let is_said = said.iter().any(|fate| fate.purpose.as_ref() == Some(purpose));
                    if is_said || !taken.contains(purpose) {
                        continue;
                    }
                    said.push(Fate {
                        purpose: Some(purpose.clone()),
                        state: self.judge((verdict, judged), &reference.leadgen, attempts)?,
                    });
                }
                for one in before.iter().filter(|one| Some(one.arrival) != at) {
                    self.unpark(one.arrival);
                }
                let mut note = Note { arrivals: Vec::new(), ..note };
                for Fate { state, .. } in &said {
                    if let SeenState::Stored(id) = state {
                        self.join_telling(&note.fates, id)?;
                    }
                }
                for Fate { purpose, state } in &said {
                    match (purpose, state) {
                        (Some(purpose), SeenState::Parked(why)) => {
                            open.push(OpenFor { purpose: purpose.clone(), why: *why });
                        }
                        _ => note.fates.push(Fate { purpose: purpose.clone(), state: state.clone() }),
                    }
                }
                match row_why(&mut open) {
                    Some(why) => self.park(reference, (why, open, true), at, note)?,
                    None => {
                        at.map(|arrival| self.unpark(arrival));
                        self.rows.seen.insert(reference.leadgen, note);
                    }
                }
                Ok(Settled::Sieved(said))
            }
        }
    }

    /// What becomes of a submission for one purpose.
    fn judge(
        &mut self,
        (verdict, judged): (&Verdict, Option<Judged>),
        leadgen: &LeadgenId,
        attempts: u32,
    ) -> Result<SeenState, StoreError> {
        Ok(match verdict {
            Verdict::Refused(_, code) => SeenState::Parked(Why::Refused { code: *code }),
            Verdict::NotAsked(_) => SeenState::NotAsked,
            Verdict::Stored(_) if matches!(judged, Some(Judged::Barred)) => SeenState::Suppressed,
            Verdict::Stored(lead) => match self.seal_next(lead, leadgen)? {
                None => SeenState::Parked(Why::Buried { code: ParkCode::RecordTooLarge, attempts }),
                Some(id) => {
                    if let Some(Judged::Stored(closed)) = judged {
                        self.close_suppressions(&closed, &id);
                    }
                    if lead.is_welcomed() {
                        self.queue_mail(&id, MailKind::Welcome, None)?;
                    }
                    let range = self.stored.entry(id.purpose.clone()).or_insert((0, id.clone(), id.clone()));
                    (range.0, range.2) = (range.0 + 1, id.clone());
                    SeenState::Stored(id)
                }
            },
        })
    }

    /// Takes the purpose's next number and stores under it; none: the record is too large, and the number is not used.
    fn seal_next(
        &mut self,
        lead: &MinimisedLead,
        leadgen: &LeadgenId,
    ) -> Result<Option<RecordId>, StoreError> {
        let unknown = StoreError::of(StoreCode::PurposeUnknown);
        let vault = self.rows.vaults.get_mut(lead.purpose()).ok_or(unknown)?;
        let (keyring, from) = (&*self.shared.keyring, Leaf { epoch: EPOCH, number: vault.last_number + 1 });
        let leaf = first_live(keyring, lead.purpose(), from).map_err(keyring_failed)?;
        let id = RecordId { purpose: lead.purpose().clone(), epoch: leaf.epoch, number: leaf.number };
        let key = Leaves::default().key(keyring, &id.purpose, Under::Leaf(leaf));
        let key = key.map_err(|_| StoreError::of(StoreCode::Keyring))?;
        let seen = seen_key(&self.shared.keyring.seen_key(), leadgen);
        match seal(lead, &id, seen, leaf, key.key(), self.shared.random.as_ref()) {
            Ok(record) => {
                vault.records.insert((id.epoch, id.number), record.encode());
                (vault.last_number, vault.counted) = (id.number, vault.counted + 1);
                self.rows.early.0 += u64::from(lead.is_early());
                Ok(Some(id))
            }
            Err(SealError::TooLarge(_)) => Ok(None),
            Err(_) => Err(StoreError::of(StoreCode::Keyring)),
        }
    }

    fn park(
        &mut self,
        reference: &LeadRef,
        (why, open, was_sieved): (Why, Vec<OpenFor>, bool),
        before: Option<u64>,
        mut note: Note,
    ) -> Result<(), StoreError> {
        let sealed = Day::of(self.look.now());
        if self.shared.keyring.day_key(sealed).is_err() {
            self.shared.keyring.make_days(&[sealed]).map_err(keyring_failed)?;
        }
        let same_kind = |row: &&ParkedRow| {
            std::mem::discriminant(&row.why) == std::mem::discriminant(&why) && row.why.code() == why.code()
        };
        let row = before.and_then(|arrival| self.rows.parked.get(&arrival)).filter(same_kind);
        // Held again is held since it first was; what became of another kind is so since now.
        let since = row.map_or(self.look.now(), |row| row.since);
        let arrival = before.unwrap_or(self.rows.last_arrival + 1);
        self.rows.last_arrival = self.rows.last_arrival.max(arrival);
        let received = Day::of(reference.received);
        let submitted = reference.created.map_or(received, |created| Day::of(created).min(received));
        let (reference, others_ended) = (reference.clone(), !note.fates.is_empty());
        note.arrivals.push(arrival);
        self.rows.seen.insert(reference.leadgen, Note { end: None, ..note });
        let row = ParkedRow { reference, why, open, others_ended, was_sieved, since, submitted, sealed };
        self.rows.parked.insert(arrival, row);
        self.moved.push(arrival);
        Ok(())
    }

    /// Takes a reference out of what is parked; the caller says what became of it.
    pub(super) fn unpark(&mut self, arrival: u64) -> Option<ParkedRow> {
        self.moved.push(arrival);
        self.rows.parked.remove(&arrival)
    }

    /// Tokens that were made while the clock was ahead live as long as was asked for, from now on.
    pub(super) fn tokens_made_no_later_than_now(&mut self) {
        let now = self.look.now();
        for token in self.rows.tokens.values_mut().filter(|token| token.created_at > now) {
            let ahead = token.created_at.duration_since(now);
            (token.created_at, token.expires_at) = (now, token.expires_at - ahead);
        }
    }

    /// Takes a reference out of what is parked for good: this is what became of its submission, as a whole or (by the code)
    /// for the purposes for which it was open, unless others of it are parked.
    pub(super) fn end(&mut self, arrival: u64, end: impl FnOnce(&LeadRef) -> End, code: Option<ParkCode>) {
        let Some(ParkedRow { reference, open, .. }) = self.unpark(arrival) else { return };
        let mut note = self.rows.seen.get(&reference.leadgen).cloned().unwrap_or_default();
        note.arrivals.retain(|other| *other != arrival);
        if note.arrivals.is_empty() {
            let refused = open.into_iter().zip(code.into_iter().cycle());
            let fate = |(open, code): (OpenFor, ParkCode)| Fate {
                purpose: Some(open.purpose),
                state: SeenState::Refused(code),
            };
            note.fates.extend(refused.map(fate));
            note.end = note.fates.is_empty().then(|| end(&reference));
        }
        self.rows.seen.insert(reference.leadgen, note);
    }

    fn count_dropped(&mut self, form: &FormId, dropped: &Dropped) {
        for (name, code) in dropped.named() {
            let counted = &mut self.rows.dropped;
            let own = (*form, name.to_owned(), code);
            let names = counted.keys().filter(|(of, name, _)| of == form && name != OTHER_NAMES).count();
            let at = if !counted.contains_key(&own) && names as u64 >= NAMES_MAX {
                (*form, OTHER_NAMES.to_owned(), code)
            } else {
                own
            };
            *counted.entry(at).or_default() += 1;
        }
    }
}

fn attempts(why: &Why) -> u32 {
    match why {
        Why::Waiting { attempts, .. } | Why::Buried { attempts, .. } => *attempts,
        _ => 0,
    }
}

/// A full disk will pass, anything else needs a human.
pub(super) fn keyring_failed(error: KeyringError) -> StoreError {
    let code = match error.io {
        Some(std::io::ErrorKind::StorageFull) => StoreCode::DiskFull,
        _ => StoreCode::Keyring,
    };
    StoreError { code, io: error.io }
}
