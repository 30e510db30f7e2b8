//! What the tests of every store build: references, leads and their ends, pages, lanes, entries of the trail.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::clock::Day;
use crate::id::{FormId, LeadgenId, PageId};
use crate::lead::{Dropped, OpenedLead, sample as sample_leads};
use crate::notification::{Lanes, LeadRef, ParkCode, Why, sample};
use crate::purpose::{Cursor, PurposeId, RecordId};
use crate::store::{
    DueBy, Fate, Outcome, Page, PageRequest, ParkedClaim, Scanned, Scanning, SeenState, Settled, Settlement,
    Store, StoreCode, StoreError, TestFilter,
};
use crate::trail::{Action, Entry, Operator, Reason, Role};

/// 24 November 2025, 16:00 UTC.
pub(crate) const START_S: i64 = 1_764_000_000;
pub(crate) const DAY_MS: i64 = 86_400_000;
/// The longest that any rule lets a reference wait.
pub(crate) const LONGEST: SignedDuration = SignedDuration::from_hours(2);
/// The first leadgen of these tests.
const LEADGENS: u64 = 7_700_000_000_000;

pub(crate) fn purpose(name: &str) -> PurposeId {
    PurposeId::parse(name).expect("a name")
}

pub(crate) fn leadgen(number: u64) -> LeadgenId {
    sample::leadgen(LEADGENS + number)
}

pub(crate) fn start() -> Timestamp {
    Timestamp::from_second(START_S).expect("in range")
}

pub(crate) fn page_id() -> PageId {
    sample::page(sample::PAGE)
}

pub(crate) fn form_id(number: u64) -> FormId {
    sample::form(901_000_000_000_000 + number)
}

pub(crate) fn reference(number: u64) -> LeadRef {
    reference_of(number, 1)
}

pub(crate) fn reference_of(number: u64, form: u64) -> LeadRef {
    let ids = (LEADGENS + number, sample::PAGE, 901_000_000_000_000 + form);
    LeadRef { created: Some(start()), ..sample::reference(ids, start()) }
}

pub(crate) fn email_of(number: u64) -> String {
    format!("amelie.{number}@canary.example")
}

/// A lead of `devis` that lives for ten days.
pub(crate) fn stored(number: u64) -> Settlement {
    stored_in("devis", number, false, 10)
}

pub(crate) fn stored_in(purpose: &str, number: u64, test: bool, days: i64) -> Settlement {
    let expires = Timestamp::from_second(START_S + days * 86_400).expect("in range");
    let lead = sample_leads::lead(purpose, &email_of(number), test, expires);
    let outcome = Outcome::stored(lead);
    Settlement { reference: reference(number), outcome, matched: Vec::new(), dropped: Dropped::default() }
}

pub(crate) fn parked(number: u64, form: u64, why: Why) -> Settlement {
    Settlement {
        reference: reference_of(number, form),
        outcome: Outcome::Parked(why),
        matched: Vec::new(),
        dropped: Dropped::default(),
    }
}

pub(crate) fn waiting(seconds: i64, attempts: u32) -> Why {
    let not_before = Timestamp::from_second(START_S + seconds).expect("in range");
    Why::Waiting { not_before, attempts, code: ParkCode::GraphUnavailable }
}

pub(crate) const HELD: Why = Why::Held { code: ParkCode::FormUnclaimed };
pub(crate) const REFUSED: Why = Why::Refused { code: ParkCode::ConsentMissing };
pub(crate) const BURIED: Why = Why::Buried { code: ParkCode::AttemptsSpent, attempts: 8 };

/// Settles this many leads of `devis`, numbered from `from`, in batches of 50.
pub(crate) async fn store_many<S: Store + ?Sized>(store: &Arc<S>, from: u64, count: u64) {
    let mut next = from;
    while next < from + count {
        let end = (next + 50).min(from + count);
        let settled = store.settle((next..end).map(stored).collect()).await.expect("settled");
        assert!(settled.iter().all(|settled| record_of(settled).is_some()));
        next = end;
    }
}

pub(crate) fn exporting() -> Entry {
    let (id, purposes) = ("0011223344556677".to_owned(), vec![purpose("devis")]);
    let (recipient, reason) = (Some("crm".to_owned()), Some(Reason::CrmSync));
    let operator = Operator::recognised_by_token(id, Role::Exporter, purposes, recipient, reason);
    Entry::by(&operator, Action::Exported)
}

pub(crate) fn by_officer(action: Action) -> Entry {
    let operator = Operator::recognised_by_kernel(1000).because(Reason::PersonRequest);
    Entry::by(&operator, action)
}

/// By whoever holds this token.
pub(crate) fn by_token(id: &str, action: Action) -> Entry {
    let operator = Operator::recognised_by_token(id.to_owned(), Role::Officer, Vec::new(), None, None);
    Entry::by(&operator.because(Reason::PersonRequest), action)
}

pub(crate) fn request(after: Option<Cursor>, limit: usize) -> PageRequest {
    let today = Day::of(start());
    let (purpose, test) = (purpose("devis"), TestFilter::Exclude);
    PageRequest { purpose, after, limit, test, today, incomplete: false, evidence: false, may_leave: None }
}

pub(crate) fn read_all(page: &mut Page) -> Result<Vec<OpenedLead>, StoreError> {
    page.records.by_ref().map(|lead| Ok(lead?.read().expect("of our layout"))).collect()
}

/// Everything of a purpose, page by page: values in order.
pub(crate) async fn export<S: Store + ?Sized>(
    store: &Arc<S>,
    limit: usize,
) -> Result<Vec<String>, StoreError> {
    let mut values = Vec::new();
    let mut after = None;
    loop {
        let mut page = store.open_page(request(after, limit), exporting()).await?;
        values.extend(read_all(&mut page)?.iter().map(sample_leads::email));
        if !page.more {
            return Ok(values);
        }
        after = Some(page.next);
    }
}

/// A whole scan, in slices of this many entries.
pub(crate) async fn scan<S: Store + ?Sized>(store: &Arc<S>, slice: usize) -> Result<Scanned, StoreError> {
    for _ in 0..1_000_000 {
        if let Scanning::Over(scanned) = store.scan(slice).await? {
            return Ok(scanned);
        }
    }
    panic!("it never ends");
}

/// A purpose claims these forms, and their page may be read.
pub(crate) fn claimed(forms: impl IntoIterator<Item = u64>) -> Lanes {
    let forms = Arc::new(forms.into_iter().map(form_id).collect());
    Lanes { forms, pages: HashMap::from([(page_id(), true)]) }
}

/// Every form that these tests use is claimed.
pub(crate) fn all_claimed() -> Lanes {
    claimed(1..=10)
}

/// No purpose claims any form.
pub(crate) fn unclaimed() -> Lanes {
    claimed([])
}

/// Waits until the condition holds; panics after ten seconds.
pub(crate) async fn until(what: &str, condition: impl AsyncFn() -> bool) {
    for _ in 0..500 {
        if condition().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("ten seconds, and still not: {what}");
}

/// The code of a refusal.
pub(crate) fn code<T>(result: Result<T, StoreError>) -> Option<StoreCode> {
    result.err().map(|error| error.code)
}

/// So many seconds after the start.
pub(crate) fn after(seconds: i64) -> Timestamp {
    Timestamp::from_second(START_S + seconds).expect("in range")
}

/// So many days after the start.
pub(crate) fn later(days: i64) -> Timestamp {
    after(days * 86_400)
}

pub(crate) fn record(id: &str) -> RecordId {
    RecordId::parse(id).expect("an id")
}

/// What settlements led to, as words.
/// The record that was stored, where there is one purpose.
pub(crate) fn record_of(settled: &Settled) -> Option<&RecordId> {
    match settled {
        Settled::Sieved(fates) => match fates.as_slice() {
            [Fate { state: SeenState::Stored(id), .. }] => Some(id),
            _ => None,
        },
        Settled::Parked(_) | Settled::Known => None,
    }
}

/// What became of a leadgen that has no more than one fate.
pub(crate) async fn seen<S: Store + ?Sized>(
    store: &Arc<S>,
    number: u64,
) -> Result<Option<SeenState>, StoreError> {
    let mut fates = store.seen(&leadgen(number)).await?;
    assert!(fates.len() <= 1);
    Ok(fates.pop().map(|fate| fate.state))
}

/// A state in a word: a record's id, a code.
pub(crate) fn word(state: &SeenState) -> String {
    match state {
        SeenState::Stored(id) => id.to_string(),
        SeenState::Parked(why) => why.code().to_string(),
        SeenState::Refused(code) => format!("for good: {code}"),
        SeenState::NotAsked => "not-asked".to_owned(),
        SeenState::Suppressed => "suppressed".to_owned(),
        SeenState::Erased => "erased".to_owned(),
    }
}

pub(crate) fn words(settled: &[Settled]) -> Vec<String> {
    let said = |settled: &Settled| match settled {
        Settled::Sieved(fates) => fates.iter().map(|fate| word(&fate.state)).collect::<Vec<_>>().join(" "),
        Settled::Parked(code) => code.to_string(),
        Settled::Known => "known".to_owned(),
    };
    settled.iter().map(said).collect()
}

/// What is due so many seconds after the start, where nothing may wait for longer than [`LONGEST`].
pub(crate) fn due(seconds: i64) -> DueBy {
    DueBy { now: after(seconds), longest: LONGEST }
}

/// Claims of any form, by number, and the attempts they have spent.
pub(crate) async fn claim<S: Store + ?Sized>(store: &Arc<S>, seconds: i64, max: usize) -> Vec<(u64, u32)> {
    let claimed = store.claim_due(due(seconds), max, &all_claimed()).await.expect("claimed");
    claimed.map_or(Vec::new(), |(_, claims)| numbers(&claims))
}

pub(crate) fn numbers(claims: &[ParkedClaim]) -> Vec<(u64, u32)> {
    let number =
        |claim: &ParkedClaim| claim.reference.leadgen.expose().parse::<u64>().expect("digits") - LEADGENS;
    claims.iter().map(|claim| (number(claim), claim.attempts)).collect()
}
