//! Consents that ended since their person said so, of a record that stayed: as the ledger has it, and as what is done again.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::lead::{ConsentEvent, EventEntity, EventKind, Revision, Said};
use crate::purpose::{ConsentKey, FieldName, RecordId, TextHash};
use crate::store::sled::ledger::Numbered;
use crate::trail::Reason;

/// What somebody took back, or objected to. It holds no answer: names of the config, codes, moments.
#[derive(Serialize, Deserialize)]
pub(in crate::store::sled) struct TakenBack {
    /// Epoch and number among these lines, so that one that is missing shows.
    number: Numbered,
    record: (String, u32, u64),
    kind: String,
    at_ms: i64,
    consents: Vec<String>,
    /// What hung on them, and went.
    fields: Vec<String>,
    entity: String,
    notice: Option<[u8; 32]>,
    language: Option<String>,
}

impl TakenBack {
    /// For keeping, under this epoch and number; none: the revision ends no consent.
    pub(in crate::store::sled) fn of(
        number: Numbered,
        id: &RecordId,
        revision: &Revision,
        ended: &[ConsentEvent],
    ) -> Option<Self> {
        let (kind, at, said) = revision.ends()?;
        Some(Self {
            number,
            record: (id.purpose.as_str().to_owned(), id.epoch, id.number),
            kind: kind.as_str().to_owned(),
            at_ms: at.as_millisecond(),
            consents: ended.iter().map(|event| event.consent.as_str().to_owned()).collect(),
            fields: revision.names().map(|name| name.as_str().to_owned()).collect(),
            entity: said.entity.as_str().to_owned(),
            notice: said.notice_revision.map(|hash| *hash.bytes()),
            language: said.language,
        })
    }

    /// Its number.
    pub(in crate::store::sled) fn number(&self) -> Numbered {
        self.number
    }

    /// Of which record; none: that is no name of one.
    pub(in crate::store::sled) fn record(&self) -> Option<RecordId> {
        super::record(&self.record)
    }

    /// Why.
    pub(in crate::store::sled) fn reason(&self) -> Reason {
        match self.kind() {
            EventKind::Objected => Reason::Objection,
            EventKind::Withdrawn | EventKind::Confirmed => Reason::Withdrawal,
        }
    }

    /// What is done again; none: what it says is none of this version's moments.
    pub(in crate::store::sled) fn revision(&self) -> Option<Revision> {
        let at = Timestamp::from_millisecond(self.at_ms).ok()?;
        let fields = self.fields.iter().filter_map(|name| FieldName::parse(name));
        let consents = self.consents.iter().filter_map(|key| ConsentKey::parse(key)).collect();
        let said = Said {
            entity: EventEntity::from_code(&self.entity).unwrap_or(EventEntity::Controller),
            notice_revision: self.notice.map(TextHash::from_bytes),
            language: self.language.clone(),
        };
        Some(Revision::said_before(fields, consents, (self.kind(), at), said))
    }

    /// A kind of a later version ends them all the same.
    fn kind(&self) -> EventKind {
        EventKind::from_code(&self.kind).unwrap_or(EventKind::Withdrawn)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::contract::support::{record, start};

    #[test]
    fn what_was_taken_back_is_read_as_it_was_said() {
        let language = Some("fr".to_owned());
        let said = Said { entity: EventEntity::Person, notice_revision: Some(TextHash::of(b"x")), language };
        let key = ConsentKey::parse("email_optin").expect("a key");
        let city = FieldName::parse("city").expect("a name");
        let revision =
            Revision::said_before([city], vec![key.clone()], (EventKind::Objected, start()), said.clone());
        let event = ConsentEvent {
            consent: key,
            kind: EventKind::Objected,
            at: start(),
            entity: said.entity,
            valid_until: Some(start()),
            notice_revision: said.notice_revision,
            language: said.language.clone(),
        };
        let line = TakenBack::of((1, 7), &record("devis-1-3"), &revision, &[event]).expect("it ends one");
        let bytes = postcard::to_allocvec(&line).expect("grows");
        let read: TakenBack = postcard::from_bytes(&bytes).expect("read");
        assert_eq!((read.number(), read.record()), ((1, 7), Some(record("devis-1-3"))));
        assert_eq!(read.reason(), Reason::Objection);
        let again = read.revision().expect("of our moments");
        assert!(again.ends() == Some((EventKind::Objected, start(), said)));
        assert_eq!(again.names().map(FieldName::as_str).collect::<Vec<_>>(), ["city"]);
        assert!(TakenBack::of((1, 8), &record("devis-1-3"), &Revision::without([]), &[]).is_none());
    }
}
