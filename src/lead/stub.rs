//! What is left of the consents of a record that is gone: which boxes its person ticked, of which form, and what became of that. No
//! answer, no address, no number of the record. It is sealed under the key of the month in which the record went, and bound to the
//! place at which it lies.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::clock::Day;
use crate::forget::address::{Address, EvidenceKey};
use crate::id::FormId;
use crate::lead::event::{ConsentEvent, EventEntity, EventKind};
use crate::lead::minimised::{ConsentEvidence, ConsentOutcome, Grounds};
use crate::lead::opened::OpenedLead;
use crate::lead::seal::SealError;
use crate::lead::sealed_event::EventRow;
use crate::purpose::{ConsentKey, PurposeId, TextHash};
use crate::random::Random;
use crate::secret::cipher::{self, NONCE_BYTES};

/// The shape that is written.
const VERSION: u8 = 1;
/// So many events are kept of a record: what ended a consent before what was confirmed, the newest of that.
const EVENTS_MAX: usize = 64;

crate::codes! {
    /// How a record ended of which a stub is left.
    pub enum StubCause {
        /// It was erased.
        Erased = "erased",
        /// Its time was over.
        Expired = "expired",
    }
}

/// What is left of the consents of a record.
#[derive(Clone, PartialEq, Eq)]
pub struct Stub {
    /// Why the record was held.
    pub purpose: PurposeId,
    /// The form through which it came.
    pub form: FormId,
    /// What was shown: revisions of form and notice, language.
    pub grounds: Grounds,
    /// The boxes that were ticked.
    pub boxes: Vec<StubBox>,
    /// What became of them, the oldest first.
    pub events: Vec<ConsentEvent>,
    /// How the record ended.
    pub cause: StubCause,
    /// On which day.
    pub ended: Day,
    /// In the course of which day the stub goes.
    pub until: Day,
}

/// A box that was ticked.
#[derive(Clone, PartialEq, Eq)]
pub struct StubBox {
    /// Our name of the consent.
    pub consent: ConsentKey,
    /// Meta's `checkbox_key`.
    pub checkbox_key: String,
    /// The text beside it, if it is known.
    pub text: Option<TextHash>,
    /// What it comes to: given, or given by a box of which nobody knows how it stood.
    pub outcome: ConsentOutcome,
    /// When.
    pub at: Timestamp,
    /// Until when it was to hold; none: as long as the record.
    pub valid_until: Option<Timestamp>,
}

/// What is sealed. Codes are text: a later list of them still reads old rows.
#[derive(Serialize, Deserialize)]
struct StubRow<'s> {
    purpose: &'s str,
    form: &'s str,
    form_revision: Option<[u8; 32]>,
    notice_revision: Option<[u8; 32]>,
    language: Option<&'s str>,
    copy_of: Option<&'s str>,
    boxes: Vec<BoxRow<'s>>,
    events: Vec<EventRow<'s>>,
    cause: &'s str,
}

/// A box.
#[derive(Serialize, Deserialize)]
struct BoxRow<'s> {
    consent: &'s str,
    checkbox_key: &'s str,
    text: Option<[u8; 32]>,
    outcome: &'s str,
    at: i64,
    valid_until: Option<i64>,
}

impl Stub {
    /// Of a record that is about to go, opened with its events; none: its person ticked nothing, or it is one of Meta's test leads.
    pub fn of(lead: &OpenedLead, cause: StubCause, (ended, until): (Day, Day)) -> Option<Self> {
        let given = lead.consents().iter().filter(|evidence| evidence.given());
        let boxes: Vec<StubBox> = given.map(StubBox::of).collect();
        if boxes.is_empty() || lead.is_test() {
            return None;
        }
        let is_of = |event: &&ConsentEvent| boxes.iter().any(|given| given.consent == event.consent);
        let mut events: Vec<ConsentEvent> = lead.events().iter().filter(is_of).cloned().collect();
        bound(&mut events);
        let purpose = lead.id().purpose.clone();
        let (form, grounds) = (*lead.form(), lead.grounds().clone());
        Some(Self { purpose, form, grounds, boxes, events, cause, ended, until })
    }

    /// The same, with this as the last of each box that still held: its person said it by what the record goes by.
    #[must_use]
    pub fn saying(mut self, (kind, entity): (EventKind, EventEntity), at: Timestamp) -> Self {
        for given in &self.boxes {
            let last = self.events.iter().rfind(|event| event.consent == given.consent);
            let until = last.map_or(given.valid_until, |event| event.valid_until);
            let held = last.is_none_or(|event| event.kind == EventKind::Confirmed);
            if held && until.is_none_or(|until| at < until) {
                let (consent, language) = (given.consent.clone(), None);
                let (valid_until, notice_revision) = (None, None);
                self.events.push(ConsentEvent {
                    consent,
                    kind,
                    at,
                    entity,
                    valid_until,
                    notice_revision,
                    language,
                });
            }
        }
        bound(&mut self.events);
        self
    }

    /// Seals it at its place, which the store names. The bytes that are kept: version, nonce, sealed.
    ///
    /// # Errors
    /// [`SealError::NoRandomness`], [`SealError::TooLarge`].
    pub fn seal(&self, place: &[u8], key: &EvidenceKey, random: &dyn Random) -> Result<Vec<u8>, SealError> {
        let bytes = |hash: &TextHash| *hash.bytes();
        let row = StubRow {
            purpose: self.purpose.as_str(),
            form: self.form.as_str(),
            form_revision: self.grounds.form_revision.as_ref().map(bytes),
            notice_revision: self.grounds.notice_revision.as_ref().map(bytes),
            language: self.grounds.language.as_deref(),
            copy_of: self.grounds.copy_of.as_ref().map(FormId::as_str),
            boxes: self.boxes.iter().map(StubBox::row).collect(),
            events: self.events.iter().map(EventRow::of).collect(),
            cause: self.cause.as_str(),
        };
        #[expect(
            clippy::expect_used,
            reason = "writing numbers and strings into a growing vector cannot fail"
        )]
        let plain = postcard::to_allocvec(&row).expect("a vector grows");
        let mut nonce = [0; NONCE_BYTES];
        random.fill(&mut nonce).map_err(|_| SealError::NoRandomness)?;
        let aad = self::additional_data(place, (self.ended, self.until));
        let sealed = cipher::seal(&key.sealing(), &nonce, &aad, &plain);
        let sealed = sealed.map_err(|_| SealError::TooLarge(plain.len()))?;
        Ok([&[VERSION][..], &nonce, &sealed].concat())
    }

    /// Opens what [`Stub::seal`] wrote, at its place, with the days that stand beside it.
    ///
    /// # Errors
    /// [`SealError::DoesNotOpen`]; [`SealError::UnknownLayout`]: a later version wrote it.
    pub fn open(
        bytes: &[u8],
        place: &[u8],
        (ended, until): (Day, Day),
        key: &EvidenceKey,
    ) -> Result<Self, SealError> {
        let body = match bytes {
            [VERSION, body @ ..] => body,
            [] => return Err(SealError::DoesNotOpen),
            _ => return Err(SealError::UnknownLayout),
        };
        let (nonce, sealed) = body.split_first_chunk::<NONCE_BYTES>().ok_or(SealError::DoesNotOpen)?;
        let plain =
            cipher::open(&key.sealing(), nonce, &self::additional_data(place, (ended, until)), sealed);
        let plain = plain.map_err(|_| SealError::DoesNotOpen)?;
        Self::read(&plain, (ended, until)).ok_or(SealError::UnknownLayout)
    }

    /// For the fuzzer's door: what stands behind the seal.
    pub(in crate::lead) fn inside(plain: &[u8]) -> Option<Self> {
        Self::read(plain, (Day(0), Day(0)))
    }

    fn read(plain: &[u8], (ended, until): (Day, Day)) -> Option<Self> {
        let row: StubRow<'_> = postcard::from_bytes(plain).ok()?;
        let copy_of = match row.copy_of {
            None => None,
            Some(form) => Some(FormId::parse(form)?),
        };
        Some(Self {
            purpose: PurposeId::parse(row.purpose)?,
            form: FormId::parse(row.form)?,
            grounds: Grounds {
                form_revision: row.form_revision.map(TextHash::from_bytes),
                notice_revision: row.notice_revision.map(TextHash::from_bytes),
                language: row.language.map(str::to_owned),
                copy_of,
            },
            boxes: row.boxes.iter().map(StubBox::read).collect::<Option<_>>()?,
            events: row.events.iter().map(EventRow::event).collect::<Option<_>>()?,
            cause: StubCause::from_code(row.cause)?,
            ended,
            until,
        })
    }
}

/// What ended a consent stays before what was confirmed.
fn bound(events: &mut Vec<ConsentEvent>) {
    while events.len() > EVENTS_MAX {
        let oldest = events.iter().position(|event| event.kind == EventKind::Confirmed).unwrap_or(0);
        events.remove(oldest);
    }
}

impl StubBox {
    fn of(evidence: &ConsentEvidence) -> Self {
        Self {
            consent: evidence.key.clone(),
            checkbox_key: evidence.checkbox_key.clone(),
            text: evidence.text,
            outcome: evidence.outcome(),
            at: evidence.at,
            valid_until: evidence.valid_until,
        }
    }

    fn row(&self) -> BoxRow<'_> {
        BoxRow {
            consent: self.consent.as_str(),
            checkbox_key: &self.checkbox_key,
            text: self.text.map(|hash| *hash.bytes()),
            outcome: self.outcome.as_str(),
            at: self.at.as_second(),
            valid_until: self.valid_until.map(Timestamp::as_second),
        }
    }

    fn read(row: &BoxRow<'_>) -> Option<Self> {
        Some(Self {
            consent: ConsentKey::parse(row.consent)?,
            checkbox_key: row.checkbox_key.to_owned(),
            text: row.text.map(TextHash::from_bytes),
            outcome: ConsentOutcome::from_code(row.outcome)?,
            at: Timestamp::from_second(row.at).ok()?,
            valid_until: match row.valid_until {
                None => None,
                Some(seconds) => Some(Timestamp::from_second(seconds).ok()?),
            },
        })
    }
}

/// By which addresses a record is found once it is gone. The store knows no purpose, so a number counts where the field is called one,
/// or where it begins with a plus.
pub fn addresses(lead: &OpenedLead) -> Vec<Address> {
    let mut addresses: Vec<Address> = Vec::new();
    for (name, answers) in lead.held() {
        for answer in answers {
            let found = Address::in_field(name.as_str(), answer.expose());
            if let Some(found) = found
                && addresses.len() < ADDRESSES_MAX
                && !addresses.iter().any(|known| known.is(&found))
            {
                addresses.push(found);
            }
        }
    }
    addresses
}

/// By so many addresses one record is found: whoever typed more into one form is no person.
const ADDRESSES_MAX: usize = 20;

fn additional_data(place: &[u8], (ended, until): (Day, Day)) -> Vec<u8> {
    [&b"tamis/stub"[..], &[VERSION], &ended.0.to_be_bytes(), &until.0.to_be_bytes(), place].concat()
}

#[cfg(test)]
mod tests;
