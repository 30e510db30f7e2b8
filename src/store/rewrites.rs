//! Records written anew: corrected by an officer, brought to what their purpose may still hold, or to what their person wants.
//!
//! As with an erasure the store comes first, then the keyring (docs/decisions, 185): one transaction puts the record under the
//! next unused leaf and notes the old one as pending; then that one is punctured. What is found pending at a start is brought
//! to its end before the store is given to anybody.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;

use crate::clock::Day;
use crate::forget::ChangeKind;
use crate::lead::{RevisedLead, Revision, RevisionRefusal};
use crate::purpose::{ConsentKey, Cursor, Purpose, PurposeId, RecordId, Remit, TextHash};
use crate::store::feeds::Became;
use crate::store::{StoreCode, StoreError};
use crate::trail::{Action, Entry, Outcome};

/// So many records are written anew at once: as one transaction, and one change of the keyring.
pub const REWRITTEN_AT_ONCE_MAX: usize = 256;

/// Why records are written anew. It decides which are passed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RewriteCause {
    /// A person's right (GDPR art. 16): also of a record that is restricted, and of none past its expiry.
    Person,
    /// The same, where consents end (arts. 7(3), 21): a full disk is no reason to go on.
    Withdrawal,
    /// A person says yes once more: of none that is restricted, past its expiry, or whose address may not be stored; and by no clock
    /// that nobody has confirmed, since it lengthens what it counts for.
    Yes,
    /// What the purpose may no longer hold: of none that is restricted, and by no clock that nobody has confirmed.
    Retention,
    /// A clock that was behind: of every one.
    Clock,
    /// Consents ended after the backup was made that was restored: of every one, by any clock.
    Again,
}

/// What is to be written anew.
pub struct RewriteRequest {
    /// Which records, and what is to become of each; at most [`REWRITTEN_AT_ONCE_MAX`].
    pub records: Vec<(RecordId, Revision)>,
    /// Why.
    pub cause: RewriteCause,
}

impl RewriteRequest {
    /// Records of a purpose that were received under a clock that was behind get the periods of their submission; with the line
    /// for it, which is tamis' own.
    pub fn redating(records: Vec<RecordId>, purpose: &Arc<Purpose>) -> (Self, Entry) {
        let revision = Revision::dated_by_submission(Arc::clone(purpose));
        let records = records.into_iter().map(|id| (id, revision.clone())).collect();
        (Self { records, cause: RewriteCause::Clock }, Entry::by_system(Action::Redated))
    }

    /// Records of a purpose are trimmed to what it may hold; with the line for it, which is tamis' own.
    pub fn trimming(records: Vec<RecordId>, remit: &Arc<Remit>) -> (Self, Entry) {
        let revision = Revision::trimmed_to(Arc::clone(remit));
        let records = records.into_iter().map(|id| (id, revision.clone())).collect();
        (Self { records, cause: RewriteCause::Retention }, Entry::by_system(Action::Trimmed))
    }

    /// One record's person says yes to what this says ([`crate::lead::confirmation`]).
    pub fn confirming(record: RecordId, revision: Revision) -> Self {
        Self { records: vec![(record, revision)], cause: RewriteCause::Yes }
    }

    /// # Errors
    /// [`StoreCode::ValueTooLarge`].
    pub(super) fn require_bound(&self) -> Result<(), StoreError> {
        match self.records.len() > REWRITTEN_AT_ONCE_MAX {
            true => Err(StoreError::of(StoreCode::ValueTooLarge)),
            false => Ok(()),
        }
    }
}

/// What became of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rewritten {
    /// It lies under another leaf.
    Anew,
    /// It was so already.
    Same,
    /// It would break a rule, and is left as it is.
    Refused(RevisionRefusal),
    /// It is restricted, and passed over.
    Restricted,
    /// Its address is on the list of those that may not be stored: nobody says yes for it.
    Suppressed,
    /// There was such a record: it was erased, or its time is over.
    Gone,
    /// There never was such a record.
    Unknown,
    /// It does not open: a scan says so too.
    Unreadable,
}

/// What came of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rewriting {
    /// Of each record, in their order.
    pub each: Vec<Rewritten>,
    /// The keys of what they were before are destroyed. False: that is tried again each second and at the next start.
    pub keys_destroyed: bool,
}

/// What a look through some records found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecordsFound {
    /// Which, in their order. One that does not open is not among them.
    pub records: Vec<RecordId>,
    /// Where to look on; none: everything was looked at.
    pub next: Option<Cursor>,
}

/// By which remit ([`Remit::hash`]) a purpose's records were trimmed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeptRemit {
    /// None holds more than this lets it, but those that were passed over, and those of which a consent ended since; none: nobody
    /// knows.
    pub in_force: Option<TextHash>,
    /// Which is to be in force, and since when that is known.
    pub pending: Option<(TextHash, Timestamp)>,
    /// The day on which all were looked at last.
    pub looked_on: Option<Day>,
    /// Some were passed over then: they are restricted.
    pub passed_over: bool,
}

/// Writing records anew.
#[async_trait]
pub trait Rewrites: Send + Sync {
    /// Writes records anew: each is sealed under its purpose's next unused leaf and keeps its id and its place in the order; the
    /// leaf is then no later record's number. Writes the trail lines (`entry`, completed: one a purpose; a person's correction leaves one also where
    /// nothing changes), syncs, destroys the keys of what they were, and only then answers. A record that is so already is left
    /// as it is: asked again, nothing happens, but that keys are destroyed which could not be before.
    ///
    /// Whoever has the old row in hand meets a dead leaf and looks again.
    ///
    /// # Errors
    /// [`StoreCode::ValueTooLarge`]: too many at once. [`StoreCode::ClockJumped`], [`StoreCode::ClockUnconfirmed`] if it depends on
    /// the clock whether a person's record is past its expiry, and always where something may no longer be held. Otherwise see [`StoreCode`]: nothing of it is done, or (stalled,
    /// halted) it is not known whether it is.
    async fn rewrite(&self, request: RewriteRequest, entry: Entry) -> Result<Rewriting, StoreError>;

    /// Whether records may lie here that were received under a clock that was behind, and that nobody has looked at since: up to
    /// which settlement. None: there are none. Before all have been looked at, nothing may end by its day. A look into memory.
    fn early_up_to(&self) -> Option<u64>;

    /// Looks through so many records of a purpose for those that were received under a clock that was behind.
    ///
    /// # Errors
    /// See [`StoreCode`].
    async fn early_records(
        &self,
        purpose: PurposeId,
        after: Option<Cursor>,
        max: usize,
    ) -> Result<RecordsFound, StoreError>;

    /// All that were settled up to there have been looked at.
    ///
    /// # Errors
    /// See [`StoreCode`].
    async fn early_looked_at(&self, up_to: u64) -> Result<(), StoreError>;

    /// Looks through so many records of a purpose for those that this would change, restricted ones among them. Nothing is changed.
    ///
    /// # Errors
    /// [`StoreCode::ClockJumped`], [`StoreCode::ClockUnconfirmed`]; otherwise see [`StoreCode`].
    async fn to_rewrite(
        &self,
        purpose: PurposeId,
        revision: Revision,
        after: Option<Cursor>,
        max: usize,
    ) -> Result<RecordsFound, StoreError>;

    /// By which remit the records of each purpose were trimmed, as was noted last.
    ///
    /// # Errors
    /// See [`StoreCode`].
    async fn remits(&self) -> Result<HashMap<PurposeId, KeptRemit>, StoreError>;

    /// Notes it.
    ///
    /// # Errors
    /// See [`StoreCode`].
    async fn keep_remit(&self, purpose: PurposeId, kept: KeptRemit) -> Result<(), StoreError>;
}

/// What those are told who were handed records that are written anew: the same of many in one piece.
#[derive(Default)]
pub(super) struct RewritesTold(Vec<(Told, Vec<RecordId>)>);

/// One of it: what became of a record, of which consent, and when the record ends from now on, where that is another.
type Told = (ChangeKind, Option<ConsentKey>, Option<Timestamp>);

impl RewritesTold {
    /// A record was.
    pub(super) fn note(&mut self, id: &RecordId, lead: &RevisedLead, cause: RewriteCause) {
        // A consent that does not hold any more is what its recipient acts upon: it says no, or its time is over.
        let kind = match cause {
            RewriteCause::Person | RewriteCause::Withdrawal | RewriteCause::Again => ChangeKind::Withdrawn,
            RewriteCause::Yes => return self.note_yes(id, lead),
            RewriteCause::Retention | RewriteCause::Clock => ChangeKind::Ended,
        };
        for consent in lead.consents_over() {
            self.add((kind, Some(consent.clone()), None), id);
        }
        if lead.is_other_besides() {
            self.add((ChangeKind::Corrected, None, None), id);
        }
    }

    fn note_yes(&mut self, id: &RecordId, lead: &RevisedLead) {
        let ends = Some(lead.expires_at());
        for event in lead.events() {
            self.add((ChangeKind::Confirmed, Some(event.consent.clone()), ends), id);
        }
        if lead.events().is_empty() {
            self.add((ChangeKind::Confirmed, None, ends), id);
        }
    }

    fn add(&mut self, told: Told, id: &RecordId) {
        match self.0.iter_mut().find(|(found, _)| *found == told) {
            Some((_, records)) => records.push(id.clone()),
            None => self.0.push((told, vec![id.clone()])),
        }
    }

    /// Each of it.
    pub(super) fn each(&self) -> impl Iterator<Item = Became<'_>> {
        self.0.iter().map(|((kind, consent, expires), records)| Became {
            consent: consent.as_ref(),
            expires: *expires,
            ..Became::of(*kind, records)
        })
    }
}

/// The trail's lines of a request.
pub(super) fn lines_of_rewrite(request: &RewriteRequest, each: &[Rewritten], entry: &Entry) -> Vec<Entry> {
    let mut lines: Vec<Entry> = Vec::new();
    let is_of_person =
        matches!(request.cause, RewriteCause::Person | RewriteCause::Withdrawal | RewriteCause::Yes);
    let goes_whole = |one: &Rewritten| *one == Rewritten::Refused(RevisionRefusal::NoGround);
    for ((id, _), rewritten) in request.records.iter().zip(each) {
        let is_told = match rewritten {
            Rewritten::Anew => true,
            // Its erasure has lines of its own.
            Rewritten::Refused(RevisionRefusal::NoGround) => false,
            Rewritten::Same | Rewritten::Refused(_) => is_of_person,
            _ => false,
        };
        if is_told {
            let changed = u64::from(*rewritten == Rewritten::Anew);
            add(&mut lines, id, changed, entry);
        }
    }
    if lines.is_empty() && is_of_person && !each.iter().any(goes_whole) {
        let mut line = entry.clone();
        line.result = Outcome::Nothing;
        lines.push(line);
    }
    lines
}

fn add(lines: &mut Vec<Entry>, id: &RecordId, changed: u64, entry: &Entry) {
    let of = |line: &&mut Entry| line.purpose.as_ref().is_some_and(|of: &PurposeId| *of == id.purpose);
    let line = match lines.iter_mut().find(of) {
        Some(line) => line,
        None => {
            let mut line = entry.clone();
            (line.purpose, line.from) = (Some(id.purpose.clone()), Some(id.clone()));
            line.result = Outcome::Nothing;
            lines.push(line);
            let Some(line) = lines.last_mut() else { return };
            line
        }
    };
    line.count += changed;
    line.to = Some(id.clone());
    if changed > 0 {
        line.result = Outcome::Done;
    }
}
