//! A lead after the sieve: what its purpose may hold, and no more.

use jiff::Timestamp;
use zeroize::Zeroizing;

use crate::clock::Day;
use crate::id::{FormId, LeadgenId, PageId};
use crate::purpose::{ConsentKey, FieldName, Keep, Permit, PurposeId};

/// One value of an answer, wiped when dropped.
pub struct Answer(Zeroizing<String>);

impl Answer {
    /// Takes a decoded value. Without a permit there is no answer.
    pub(in crate::lead) fn new(_permit: &Permit<'_>, value: String) -> Self {
        Self(Zeroizing::new(value))
    }

    /// An id or platform that the purpose keeps beside its answers.
    pub(in crate::lead) fn attribution(_kept: Keep, value: String) -> Self {
        Self(Zeroizing::new(value))
    }

    /// A value that was sealed before, hence permitted when it was stored.
    pub(in crate::lead) fn from_sealed(value: String) -> Self {
        Self(Zeroizing::new(value))
    }

    /// The text, for an export stream.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

/// What Meta said of one tick-box. Verbatim, since it is evidence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Tick {
    /// A clear yes: `"1"` or `true`.
    Yes,
    /// A clear no: `""`, `"0"`, `false`.
    No,
    /// The box was not in the reply.
    Absent,
    /// Any other value, or one box twice with different ticks: not a yes.
    Unclear,
}

/// One consent of a lead: what it rests on.
#[derive(Clone, PartialEq, Eq)]
pub struct ConsentEvidence {
    /// Our name.
    pub key: ConsentKey,
    /// Meta's `checkbox_key` that was looked at.
    pub checkbox_key: String,
    /// What it said.
    pub tick: Tick,
}

impl ConsentEvidence {
    /// Only a clear yes is a yes.
    pub fn given(&self) -> bool {
        self.tick == Tick::Yes
    }
}

/// A lead that holds what its purpose's whitelist names and nothing else. Fields are private: only `lead/` builds one,
/// only the sealer sees inside.
pub struct MinimisedLead {
    pub(in crate::lead) purpose: PurposeId,
    pub(in crate::lead) content: Content,
}

/// What is sealed.
pub(in crate::lead) struct Content {
    pub created: Timestamp,
    pub received: Timestamp,
    pub form: FormId,
    pub page: PageId,
    /// In the order of the whitelist; each with at least one value.
    pub fields: Vec<(FieldName, Vec<Answer>)>,
    pub consents: Vec<ConsentEvidence>,
    pub expires_at: Timestamp,
    pub reconfirm_due: Option<Timestamp>,
    pub test: bool,
    /// Only where the purpose keeps it.
    pub leadgen: Option<LeadgenId>,
    /// Campaign and the like, where the purpose keeps them.
    pub attribution: Vec<(Keep, Answer)>,
}

impl MinimisedLead {
    /// The purpose whose whitelist was used.
    pub fn purpose(&self) -> &PurposeId {
        &self.purpose
    }

    /// The form it came through.
    pub fn form(&self) -> &FormId {
        &self.content.form
    }

    /// The first day on which the record is no longer exported.
    pub fn expiry_day(&self) -> Day {
        Day::of(self.content.expires_at)
    }

    /// True if it is one of Meta's test leads.
    pub fn is_test(&self) -> bool {
        self.content.test
    }
}
