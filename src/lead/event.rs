//! What became of a consent after it was given. That it was given stands in the record itself
//! ([`ConsentEvidence`](crate::lead::ConsentEvidence)) and nowhere else.

use jiff::Timestamp;

use crate::purpose::{ConsentKey, TextHash};

crate::codes! {
    /// What became of a consent.
    pub enum EventKind {
        /// Said yes to once more.
        Confirmed = "confirmed",
        /// Taken back (GDPR art. 7(3)).
        Withdrawn = "withdrawn",
        /// Ended by an objection (art. 21).
        Objected = "objected",
    }
}

crate::codes! {
    /// Who wrote it down.
    pub enum EventEntity {
        /// The person, by a form or on a page of their own.
        Person = "person",
        /// The controller, to whom the person wrote or spoke.
        Controller = "controller",
    }
}

/// One of them.
#[derive(Clone, PartialEq, Eq)]
pub struct ConsentEvent {
    /// Of which consent.
    pub consent: ConsentKey,
    /// What.
    pub kind: EventKind,
    /// When.
    pub at: Timestamp,
    /// Who wrote it down.
    pub entity: EventEntity,
    /// Until when the consent holds from then on; none: as long as the record.
    pub valid_until: Option<Timestamp>,
    /// The notice that the person could read then; none: it is not known.
    pub notice_revision: Option<TextHash>,
    /// In which language they were asked; none: they were not, or it is not known.
    pub language: Option<String>,
}

/// How somebody said it: what an event has beside what it is.
#[derive(Clone, PartialEq, Eq)]
pub struct Said {
    /// Who wrote it down.
    pub entity: EventEntity,
    /// The notice that the person could read.
    pub notice_revision: Option<TextHash>,
    /// In which language they were asked, as a tag (`fr`).
    pub language: Option<String>,
}

impl Said {
    /// The controller wrote down what came by a letter or a call.
    pub const TO_CONTROLLER: Self =
        Self { entity: EventEntity::Controller, notice_revision: None, language: None };
}
