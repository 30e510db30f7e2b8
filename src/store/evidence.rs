//! What became of consents after they were given: events of a record, each sealed under a key of its leaf. They go where the record
//! goes: under another leaf with it, and away with it. Whoever opens a record opens them beside it.

use crate::keyring::Keyring;
use crate::keyring::tree::Kind;
use crate::lead::{ConsentEvent, EventKind, EventPlace, Leaf, SealError, open_event, seal_event};
use crate::purpose::RecordId;
use crate::random::Random;
use crate::store::leaves::{Leaves, NoKey};
use crate::store::{StoreCode, StoreError};

/// So many events of a record are kept; beyond it a yes takes the place of the last one to the same box. What ends a consent is kept
/// beyond it: each ends once.
pub(super) const EVENTS_MAX: usize = 200;

/// What was read of the events of a record.
pub(super) struct Opened {
    /// In their order.
    pub(super) events: Vec<ConsentEvent>,
    /// The numbers of those that do not open, and why: each is one row, and harms no other.
    pub(super) unreadable: Vec<(u32, StoreError)>,
}

/// Opens rows of a record that lies under this leaf.
///
/// # Errors
/// [`NoKey`]: the record is gone, or lies under another leaf by now.
pub(super) fn opened(
    rows: &[(u32, Vec<u8>)],
    (id, leaf): (&RecordId, Leaf),
    leaves: &mut Leaves,
    keyring: &dyn Keyring,
) -> Result<Opened, NoKey> {
    let mut opened = Opened { events: Vec::with_capacity(rows.len()), unreadable: Vec::new() };
    for (n, bytes) in rows {
        let key = leaves.text_key(keyring, &id.purpose, leaf, Kind::ConsentEvent, u64::from(*n))?;
        match open_event(bytes, EventPlace { id, leaf, n: *n }, key.key()) {
            Ok(event) => opened.events.push(event),
            Err(SealError::UnknownLayout) => {
                opened.unreadable.push((*n, StoreError::of(StoreCode::Format)));
            }
            Err(_) => opened.unreadable.push((*n, StoreError::of(StoreCode::Damaged))),
        }
    }
    Ok(opened)
}

/// Adds events to those that there are.
pub(super) fn with(mut events: Vec<ConsentEvent>, added: &[ConsentEvent]) -> Vec<ConsentEvent> {
    for event in added {
        if events.len() >= EVENTS_MAX && event.kind == EventKind::Confirmed {
            let is_same = |known: &ConsentEvent| known.kind == event.kind && known.consent == event.consent;
            // Where nobody ever said yes to this box, those who did to others give way.
            let at = events.iter().rposition(is_same);
            let at = at.or_else(|| events.iter().rposition(|known| known.kind == EventKind::Confirmed));
            at.map(|at| events.remove(at));
        }
        events.push(event.clone());
    }
    events
}

/// Seals the events of a record under this leaf: the bytes of each, in their order.
///
/// # Errors
/// [`StoreCode::Keyring`].
pub(super) fn sealed(
    events: &[ConsentEvent],
    (id, leaf): (&RecordId, Leaf),
    (leaves, keyring): (&mut Leaves, &dyn Keyring),
    random: &dyn Random,
) -> Result<Vec<Vec<u8>>, StoreError> {
    let no_key = StoreError::of(StoreCode::Keyring);
    let mut rows = Vec::with_capacity(events.len());
    for (n, event) in (0_u32..).zip(events) {
        let key = leaves.text_key(keyring, &id.purpose, leaf, Kind::ConsentEvent, u64::from(n));
        let key = key.map_err(|_| no_key)?;
        let row = seal_event(event, EventPlace { id, leaf, n }, key.key(), random);
        rows.push(row.map_err(|_| no_key)?);
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::lead::EventEntity;
    use crate::purpose::ConsentKey;

    fn event(consent: &str, kind: EventKind, second: i64) -> ConsentEvent {
        ConsentEvent {
            consent: ConsentKey::parse(consent).expect("a name"),
            kind,
            at: Timestamp::from_second(second).expect("in range"),
            entity: EventEntity::Person,
            valid_until: None,
            notice_revision: None,
            language: None,
        }
    }

    #[test]
    fn a_record_has_so_many_events_and_what_ends_a_consent_always_has_room() {
        let mut events = Vec::new();
        for second in 0..300 {
            events = with(events, &[event("email_optin", EventKind::Confirmed, second)]);
        }
        assert_eq!(events.len(), EVENTS_MAX);
        assert_eq!(events[0].at.as_second(), 0, "the first stay");
        assert_eq!(events[EVENTS_MAX - 1].at.as_second(), 299, "and the last yes");
        events = with(events, &[event("sms_optin", EventKind::Confirmed, 300)]);
        assert_eq!(events.len(), EVENTS_MAX);
        events = with(events, &[event("email_optin", EventKind::Withdrawn, 301)]);
        assert_eq!(events.len(), EVENTS_MAX + 1);
    }
}
