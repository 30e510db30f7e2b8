//! Passes: given, opened, ended with their record.

use async_trait::async_trait;

use crate::lead::SealedRecord;
use crate::people::Pass;
use crate::purpose::RecordId;
use crate::store::memory::MemoryStore;
use crate::store::memory::draft::Draft;
use crate::store::{
    GivenPass, PASSES_OF_RECORD_MAX, Passes, Rewritten, StoreCode, StoreError, ToOpen, ToPass,
};
use crate::trail::{Entry, Outcome};

#[async_trait]
impl Passes for MemoryStore {
    async fn give_pass(&self, wanted: ToPass, mut entry: Entry) -> Result<GivenPass, StoreError> {
        self.0.write(|draft| {
            if let Some(absent) = draft.absent_for_pass(&wanted.record)? {
                entry.result = Outcome::Nothing;
                draft.append_line(entry);
                return Ok(absent);
            }
            let rows = &mut draft.rows;
            let is_like = |opens: &ToOpen| opens.record == wanted.record && opens.kind == wanted.kind;
            while rows.passes.values().filter(|(_, opens)| is_like(opens)).count() >= PASSES_OF_RECORD_MAX {
                let like = rows.passes.iter().filter(|(_, (_, opens))| is_like(opens));
                let Some(oldest) = like.min_by_key(|(_, (n, _))| *n).map(|(hash, _)| *hash) else { break };
                rows.passes.remove(&oldest);
            }
            let pass = Pass::new(draft.shared.random.as_ref());
            let pass = pass.map_err(|_| StoreError::of(StoreCode::Keyring))?;
            let n = rows.passes.values().map(|(n, _)| n + 1).max().unwrap_or(0);
            let opens = ToOpen {
                record: wanted.record.clone(),
                kind: wanted.kind,
                given_at: draft.look.now(),
                last_day: wanted.last_day,
            };
            rows.passes.insert(pass.hash(), (n, opens));
            entry.count = 1;
            entry.purpose = Some(wanted.record.purpose.clone());
            (entry.from, entry.to) = (Some(wanted.record.clone()), Some(wanted.record));
            draft.append_line(entry);
            Ok(GivenPass::Given(pass))
        })
    }

    async fn take_passes_back(&self, hashes: Vec<[u8; 32]>) -> Result<u64, StoreError> {
        if hashes.len() > PASSES_OF_RECORD_MAX {
            return Err(StoreError::of(StoreCode::ValueTooLarge));
        }
        self.0.write(|draft| {
            Ok(hashes.iter().filter(|hash| draft.rows.passes.remove(*hash).is_some()).count() as u64)
        })
    }

    async fn open_pass(&self, pass: Pass) -> Result<Option<ToOpen>, StoreError> {
        let rows = self.0.rows()?;
        let Some((_, opens)) = rows.passes.get(&pass.hash()) else { return Ok(None) };
        let look = self.0.mark.look();
        let is_over = |day| look.has_come(day).ok_or(look.doubt());
        if let Some(last) = opens.last_day
            && is_over(last.next())?
        {
            return Ok(None);
        }
        let Some(record) = rows.record(&opens.record) else { return Ok(None) };
        let unreadable = StoreError::of(StoreCode::RecordUnreadable);
        let (_, expiry_day, _) = SealedRecord::peek(record).ok_or(unreadable)?;
        if !rows.is_restricted(&opens.record, &look) && is_over(expiry_day)? {
            return Ok(None);
        }
        Ok(Some(opens.clone()))
    }
}

impl Draft<'_> {
    /// Why no pass may be given for a record.
    fn absent_for_pass(&self, id: &RecordId) -> Result<Option<GivenPass>, StoreError> {
        let Some(value) = self.rows.record(id) else {
            return Ok(Some(match self.absent(id) {
                Rewritten::Gone => GivenPass::Gone,
                _ => GivenPass::Unknown,
            }));
        };
        let unreadable = StoreError::of(StoreCode::RecordUnreadable);
        let (_, expiry_day, _) = SealedRecord::peek(value).ok_or(unreadable)?;
        let is_over = !self.is_restricted(id) && self.look.has_come(expiry_day).ok_or(self.look.doubt())?;
        Ok(is_over.then_some(GivenPass::Gone))
    }

    /// A record is no longer there: nothing opens it.
    pub(super) fn forget_passes(&mut self, id: &RecordId) {
        self.rows.passes.retain(|_, (_, opens)| opens.record != *id);
    }
}
