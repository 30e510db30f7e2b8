//! An event of a consent as it is kept: sealed under a key of its own of the record's leaf. The additional data binds the record, the
//! leaf and the event's number, so that a row that was moved does not open.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::lead::event::{ConsentEvent, EventEntity, EventKind};
use crate::lead::seal::{Leaf, SealError};
use crate::purpose::{ConsentKey, RecordId, TextHash};
use crate::random::Random;
use crate::secret::Key;
use crate::secret::cipher::{self, SHORT_NONCE_BYTES};

/// The shape that is written.
const VERSION: u8 = 1;

/// What is sealed. Codes are text: a later list of them still reads old rows.
#[derive(Serialize, Deserialize)]
pub(in crate::lead) struct EventRow<'e> {
    consent: &'e str,
    kind: &'e str,
    at: i64,
    entity: &'e str,
    valid_until: Option<i64>,
    notice_revision: Option<[u8; 32]>,
    language: Option<&'e str>,
}

impl<'e> EventRow<'e> {
    /// For keeping.
    pub(in crate::lead) fn of(event: &'e ConsentEvent) -> Self {
        Self {
            consent: event.consent.as_str(),
            kind: event.kind.as_str(),
            at: event.at.as_second(),
            entity: event.entity.as_str(),
            valid_until: event.valid_until.map(Timestamp::as_second),
            notice_revision: event.notice_revision.map(|hash| *hash.bytes()),
            language: event.language.as_deref(),
        }
    }

    /// As it is used; none: a later version wrote it.
    pub(in crate::lead) fn event(&self) -> Option<ConsentEvent> {
        let moment = |second: i64| Timestamp::from_second(second).ok();
        let valid_until = match self.valid_until {
            None => None,
            Some(second) => Some(moment(second)?),
        };
        Some(ConsentEvent {
            consent: ConsentKey::parse(self.consent)?,
            kind: EventKind::from_code(self.kind)?,
            at: moment(self.at)?,
            entity: EventEntity::from_code(self.entity)?,
            valid_until,
            notice_revision: self.notice_revision.map(TextHash::from_bytes),
            language: self.language.map(str::to_owned),
        })
    }
}

/// Where an event lies: of which record, under which leaf, and its number among the record's events, from 0.
#[derive(Clone, Copy)]
pub struct EventPlace<'p> {
    /// Of which record.
    pub id: &'p RecordId,
    /// The leaf that the record has.
    pub leaf: Leaf,
    /// Its number.
    pub n: u32,
}

impl EventPlace<'_> {
    fn additional_data(&self) -> Vec<u8> {
        let purpose = self.id.purpose.as_str().as_bytes();
        let mut aad = Vec::with_capacity(purpose.len() + 48);
        aad.extend_from_slice(b"tamis/evidence");
        aad.push(VERSION);
        aad.push(purpose.len() as u8);
        aad.extend_from_slice(purpose);
        for (epoch, number) in [(self.id.epoch, self.id.number), (self.leaf.epoch, self.leaf.number)] {
            aad.extend_from_slice(&epoch.to_be_bytes());
            aad.extend_from_slice(&number.to_be_bytes());
        }
        aad.extend_from_slice(&self.n.to_be_bytes());
        aad
    }
}

/// Seals an event in its place. The bytes that are kept: version, nonce, sealed.
///
/// # Errors
/// [`SealError::NoRandomness`].
pub fn seal_event(
    event: &ConsentEvent,
    place: EventPlace<'_>,
    key: &Key,
    random: &dyn Random,
) -> Result<Vec<u8>, SealError> {
    let row = EventRow::of(event);
    #[expect(clippy::expect_used, reason = "writing numbers and strings into a growing vector cannot fail")]
    let plain = postcard::to_allocvec(&row).expect("a vector grows");
    let mut nonce = [0; SHORT_NONCE_BYTES];
    random.fill(&mut nonce).map_err(|_| SealError::NoRandomness)?;
    let sealed = cipher::seal(key, &nonce, &place.additional_data(), &plain);
    let sealed = sealed.map_err(|_| SealError::TooLarge(plain.len()))?;
    Ok([&[VERSION][..], &nonce, &sealed].concat())
}

/// Opens what [`seal_event`] wrote, in its place.
///
/// # Errors
/// [`SealError::DoesNotOpen`]; [`SealError::UnknownLayout`]: a later version wrote it.
pub fn open_event(bytes: &[u8], place: EventPlace<'_>, key: &Key) -> Result<ConsentEvent, SealError> {
    let body = match bytes {
        [VERSION, body @ ..] => body,
        [] => return Err(SealError::DoesNotOpen),
        _ => return Err(SealError::UnknownLayout),
    };
    let (nonce, sealed) = body.split_first_chunk::<SHORT_NONCE_BYTES>().ok_or(SealError::DoesNotOpen)?;
    let plain = cipher::open(key, nonce, &place.additional_data(), sealed);
    let plain = plain.map_err(|_| SealError::DoesNotOpen)?;
    let row: Option<EventRow<'_>> = postcard::from_bytes(&plain).ok();
    row.and_then(|row| row.event()).ok_or(SealError::UnknownLayout)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::SeededRandom;

    fn event() -> ConsentEvent {
        ConsentEvent {
            consent: ConsentKey::parse("email_optin").expect("a name"),
            kind: EventKind::Confirmed,
            at: Timestamp::from_second(1_764_000_000).expect("in range"),
            entity: EventEntity::Person,
            valid_until: Timestamp::from_second(1_795_000_000).ok(),
            notice_revision: Some(TextHash::of(b"a notice")),
            language: Some("fr".to_owned()),
        }
    }

    #[test]
    fn an_event_opens_in_its_place_and_in_no_other() {
        let id = RecordId::parse("lettre-1-7").expect("an id");
        let (key, leaf) = (Key::new([9; 32]), Leaf { epoch: 1, number: 12 });
        let place = EventPlace { id: &id, leaf, n: 3 };
        let sealed = seal_event(&event(), place, &key, &SeededRandom::new(3)).expect("seals");
        assert!(open_event(&sealed, place, &key).is_ok_and(|opened| opened == event()));
        let other = RecordId::parse("lettre-1-8").expect("an id");
        for place in [
            EventPlace { n: 2, ..place },
            EventPlace { leaf: Leaf { number: 13, ..leaf }, ..place },
            EventPlace { id: &other, ..place },
        ] {
            assert_eq!(open_event(&sealed, place, &key).err(), Some(SealError::DoesNotOpen));
        }
        let wrong = Key::new([8; 32]);
        assert_eq!(open_event(&sealed, place, &wrong).err(), Some(SealError::DoesNotOpen));
        let later = [&[2], &sealed[1..]].concat();
        assert_eq!(open_event(&later, place, &key).err(), Some(SealError::UnknownLayout));
        assert!((0..sealed.len()).all(|cut| open_event(&sealed[..cut], place, &key).is_err()));
    }
}
