//! What shows of a consent how it was given and what became of it, in the order and with the names of ISO/IEC TS 27560 where it has
//! one (docs/decisions, 258).

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::api::{Moment, Word};
use crate::id::FormId;
use crate::purpose::{Basis, Channel, PurposeId, RecordId};

/// A consent of a record, for one purpose and channel.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct ConsentRecord {
    /// Of this shape.
    #[schema(pattern = "^tamis/evidence/1$")]
    pub schema_version: String,
    /// The record, by which its person is known as well.
    pub record_id: RecordId,
    /// The purpose.
    pub purpose: PurposeId,
    /// Its basis in law; null: the purpose has left the config.
    #[schema(required = true, value_type = Option<Basis>)]
    pub lawful_basis: Option<Word<Basis>>,
    /// The consent, as the config names it, or did.
    pub consent: String,
    /// What it allows; null: the purpose asks for it no more.
    #[schema(required = true, value_type = Option<Channel>)]
    pub channel: Option<Word<Channel>>,
    /// Whom the data may be handed to, for the channel `third_party`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub recipient: Option<String>,
    /// What was shown and answered when it was given.
    pub collection: Collection,
    /// What became of it, the oldest first.
    pub events: Vec<ConsentEvent>,
}

/// What was shown and answered.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct Collection {
    /// Through what: Meta's lead forms.
    #[schema(pattern = "^meta-lead-ads$")]
    pub method: String,
    /// The form.
    pub form_id: FormId,
    /// Its content as the person saw it, as hex (`GET /forms/{id}/revisions/{revision}`); null: it is not known.
    #[schema(required = true)]
    pub form_revision: Option<String>,
    /// Meta's `checkbox_key`.
    pub checkbox_key: String,
    /// SHA-256 of the text beside the box, as hex; null: it is not known. The form's revision has the text.
    #[schema(required = true)]
    pub text_hash: Option<String>,
    /// The answer as it stood in Meta's reply; null: it stood in no known spelling, or was not there.
    #[schema(required = true)]
    pub answer: Option<String>,
    /// What the box comes to.
    #[schema(value_type = ConsentOutcome)]
    pub outcome: Word<ConsentOutcome>,
}

crate::codes! {
    /// What a box of a form comes to.
    pub enum ConsentOutcome {
        /// Given, by a box that was empty when the form opened.
        Given = "given",
        /// Given, by a box of which nobody knows how it stood when the form opened.
        DefaultUnknown = "default-unknown",
        /// The box was ticked when the form opened: nobody's act, hence not given.
        PreTicked = "pre-ticked",
        /// The box is not ticked.
        NotGiven = "not-given",
        /// The box was not in the reply.
        Absent = "absent",
        /// The reply says nothing clear of it.
        Unclear = "unclear",
    }
}

crate::codes! {
    /// What a consent is from an event on.
    pub enum EventState {
        /// The person agreed, by the box.
        Given = "given",
        /// They did not, or nobody can say that it was they.
        Refused = "refused",
        /// They said yes to it once more.
        Confirmed = "confirmed",
        /// They took it back.
        Withdrawn = "withdrawn",
        /// They objected.
        Objected = "objected",
        /// Its validity is over.
        Ended = "ended",
    }
}

crate::codes! {
    /// Who an event is of.
    pub enum EventEntity {
        /// The person, by a form or on a page of their own.
        Person = "person",
        /// The controller, to whom the person wrote or spoke.
        Controller = "controller",
        /// tamis, by the calendar.
        System = "system",
    }
}

/// What became of a consent.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct ConsentEvent {
    /// When.
    pub event_time: Moment,
    /// From this day on it holds no longer by what was said then; null: it holds as long as the record, or not at all.
    #[schema(required = true)]
    pub valid_until: Option<Moment>,
    /// Who wrote it down.
    #[schema(value_type = EventEntity)]
    pub entity: Word<EventEntity>,
    /// What the consent is since.
    #[schema(value_type = EventState)]
    pub event_state: Word<EventState>,
    /// The notice that the person could read then, as hex (`/notice/{purpose}/{revision}`); null: it is not known, or nobody read one.
    #[schema(required = true)]
    pub notice_revision: Option<String>,
    /// In which language they were asked; null: it is not known, or they were not.
    #[schema(required = true)]
    pub language: Option<String>,
}
