//! A store in memory.

use super::*;

/// A store that holds tokens and remembers what it was asked.
#[derive(Default)]
pub(super) struct MemoryStore {
    pub(super) tokens: Mutex<Vec<Token>>,
    pub(super) entries: Mutex<Vec<Entry>>,
    pub(super) page: Mutex<Vec<Result<UnsealedLead, StoreError>>>,
    pub(super) asked: Mutex<Option<(usize, TestFilter, Day)>>,
}

const NOT_HERE: StoreError = StoreError::of(StoreCode::Halted);

impl Store for MemoryStore {}

#[async_trait]
impl Leads for MemoryStore {
    async fn settle(&self, _: Vec<Settlement>) -> Result<Vec<Settled>, StoreError> {
        Err(NOT_HERE)
    }
    async fn open_page(&self, request: PageRequest, entry: Entry) -> Result<Page, StoreError> {
        self.entries.lock().expect("lock").push(entry);
        *self.asked.lock().expect("lock") = Some((request.limit, request.test, request.today));
        let start = Cursor { purpose: request.purpose, epoch: 1, number: 0 };
        let records = Box::new(std::mem::take(&mut *self.page.lock().expect("lock")).into_iter());
        Ok(Page { next: request.after.unwrap_or(start), more: false, count: 0, missing: 0, records })
    }
    async fn find(&self, wanted: Wanted, entry: Entry) -> Result<Vec<Found>, StoreError> {
        self.entries.lock().expect("lock").push(entry);
        Ok(match wanted {
            Wanted::Leadgen(_) => vec![Found { state: SeenState::Erased, lead: None }],
            Wanted::Record(_) => Vec::new(),
        })
    }
    async fn stored(&self) -> Result<HashMap<PurposeId, u64>, StoreError> {
        Ok(HashMap::from([(PurposeId::parse("devis").expect("a purpose"), 41)]))
    }
}

#[async_trait]
impl Seen for MemoryStore {
    async fn known(&self, leadgens: &[LeadgenId]) -> Result<Vec<bool>, StoreError> {
        Ok(vec![false; leadgens.len()])
    }
    async fn seen(&self, _: &LeadgenId) -> Result<Option<SeenState>, StoreError> {
        Ok(None)
    }
}

#[async_trait]
impl Parked for MemoryStore {
    async fn claim_due(
        &self,
        _: Timestamp,
        _: usize,
        _: &Lanes,
    ) -> Result<Option<(Lane, Vec<ParkedClaim>)>, StoreError> {
        Ok(None)
    }
    async fn release(&self, _: &[LeadgenId]) {}
    async fn next_due(&self) -> Result<Option<Timestamp>, StoreError> {
        Ok(None)
    }
    async fn parked(&self) -> Result<u64, StoreError> {
        Ok(0)
    }
    async fn overview(&self) -> Result<ParkedOverview, StoreError> {
        Ok(ParkedOverview::default())
    }
    async fn requeue(&self, _: Requeue, entry: Entry) -> Result<u64, StoreError> {
        self.entries.lock().expect("lock").push(entry);
        Ok(3)
    }
    async fn expire_parked(&self, _: Timestamp) -> Result<u64, StoreError> {
        Ok(0)
    }
    async fn sealed_days(&self) -> Result<Vec<Day>, StoreError> {
        Ok(Vec::new())
    }
}

#[async_trait]
impl Trail for MemoryStore {
    async fn lines(&self, _: u64, _: usize) -> Result<Vec<Line>, StoreError> {
        Err(StoreError::of(StoreCode::TrailBroken))
    }
    async fn note(&self, entry: Entry) -> Result<(), StoreError> {
        self.entries.lock().expect("lock").push(entry);
        Ok(())
    }
}

#[async_trait]
impl Life for MemoryStore {
    async fn admit(&self, _: Vec<PurposeId>) -> Result<(), StoreError> {
        Err(NOT_HERE)
    }
    fn halted(&self) -> Option<StoreCode> {
        None
    }
    fn ready(&self) -> bool {
        true
    }
    async fn close(&self) -> Result<(), StoreError> {
        Ok(())
    }
    fn clock_jumped(&self) -> bool {
        false
    }
    async fn confirm_clock(&self, by: Option<Entry>) -> Result<bool, StoreError> {
        self.entries.lock().expect("lock").extend(by);
        Ok(true)
    }
}

#[async_trait]
impl Scan for MemoryStore {
    async fn scan(&self, _: usize) -> Result<Scanning, StoreError> {
        Err(NOT_HERE)
    }
}

#[async_trait]
impl Tokens for MemoryStore {
    async fn create_token(&self, token: Token, entry: Entry) -> Result<(), StoreError> {
        self.entries.lock().expect("lock").push(entry);
        self.tokens.lock().expect("lock").push(token);
        Ok(())
    }
    async fn token(&self, id: &str) -> Result<Option<Token>, StoreError> {
        Ok(self.tokens.lock().expect("lock").iter().find(|token| token.id == id).cloned())
    }
    async fn tokens(&self) -> Result<Vec<Token>, StoreError> {
        Ok(self.tokens.lock().expect("lock").clone())
    }
    async fn revoke_token(&self, id: &str, entry: Entry) -> Result<bool, StoreError> {
        self.entries.lock().expect("lock").push(entry);
        let mut tokens = self.tokens.lock().expect("lock");
        let before = tokens.len();
        tokens.retain(|token| token.id != id);
        Ok(tokens.len() < before)
    }
}

#[async_trait]
impl Forms for MemoryStore {
    async fn form(&self, _: &FormId) -> Result<Option<KnownForm>, StoreError> {
        Ok(None)
    }
    async fn put_form(&self, _: KnownForm) -> Result<(), StoreError> {
        Ok(())
    }
    async fn forms(&self) -> Result<Vec<KnownForm>, StoreError> {
        let question = |key: &str| Question { key: key.to_owned(), question_type: "CUSTOM".to_owned() };
        let (_, form, _) = ids();
        let definition =
            FormDefinition { form, questions: vec![question("ville"), question("have_you_diabetes")] };
        let read_at = at("2026-11-25T07:00:00Z");
        Ok(vec![KnownForm { form, definition: Some(definition), read_at }])
    }
    async fn dropped(&self) -> Result<Vec<DroppedField>, StoreError> {
        Ok(Vec::new())
    }
}
