//! A lead after the sieve: what its purpose may hold, and no more.

use jiff::Timestamp;

use crate::clock::Day;
use crate::id::{FormId, LeadgenId, PageId};
use crate::lead::reach::Reach;
use crate::purpose::{BoxDefault, ConsentKey, FieldName, FieldRule, Keep, Permit, PurposeId, TextHash};
use crate::secret::Wiped;

/// One value of an answer, wiped when dropped.
pub struct Answer(Wiped<String>);

crate::secret::never_shown!(Answer, LeadgenId, Content, MinimisedLead);

impl Answer {
    /// Takes a decoded value. Without a permit there is no answer.
    pub(in crate::lead) fn new(_permit: &Permit<'_>, value: String) -> Self {
        Self(Wiped::new(value))
    }

    /// The text that people read who chose this answer.
    pub(in crate::lead) fn labelled(self, label: &str) -> Self {
        Self(Wiped::new(label.to_owned()))
    }

    /// What was worked out from an answer: permitted as that one is.
    pub(in crate::lead) fn worked_out(_of: &Self, value: String) -> Self {
        Self(Wiped::new(value))
    }

    /// An id, a name or a platform that the purpose keeps beside its answers.
    pub(in crate::lead) fn attribution(_kept: Keep, value: String) -> Self {
        Self(Wiped::new(value))
    }

    /// What an officer put in the place of an answer. Without a rule of a whitelist there is none.
    pub(in crate::lead) fn corrected(_rule: &FieldRule, value: Wiped<String>) -> Self {
        Self(value)
    }

    /// The same once more, for another record or another try.
    pub(in crate::lead) fn again(&self) -> Self {
        Self(self.0.clone())
    }

    /// A value that was sealed before, hence permitted when it was stored.
    pub(in crate::lead) fn from_sealed(value: String) -> Self {
        Self(Wiped::new(value))
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
    /// The same as it stood in the reply; none where it stood in no known spelling, or was not there.
    pub answer: Option<String>,
    /// How the box stood when the form opened.
    pub default: BoxDefault,
    /// The text beside the box, if it is known.
    pub text: Option<TextHash>,
    /// When the person gave or refused it.
    pub at: Timestamp,
    /// Until when it was to hold; none: as long as the record.
    pub valid_until: Option<Timestamp>,
    /// When the person said yes to it once more, last; none: never.
    pub confirmed: Option<Timestamp>,
}

crate::codes! {
    /// What a consent comes to.
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

impl ConsentEvidence {
    /// What it comes to.
    pub fn outcome(&self) -> ConsentOutcome {
        match (self.tick, self.default) {
            (Tick::Yes, BoxDefault::Clear) => ConsentOutcome::Given,
            (Tick::Yes, BoxDefault::Unknown) => ConsentOutcome::DefaultUnknown,
            (Tick::Yes, BoxDefault::Ticked) => ConsentOutcome::PreTicked,
            (Tick::No, _) => ConsentOutcome::NotGiven,
            (Tick::Absent, _) => ConsentOutcome::Absent,
            (Tick::Unclear, _) => ConsentOutcome::Unclear,
        }
    }

    /// Only a clear yes is a yes, and only a person's own.
    pub fn given(&self) -> bool {
        matches!(self.outcome(), ConsentOutcome::Given | ConsentOutcome::DefaultUnknown)
    }
}

/// What a submission rests on beside its consents.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Grounds {
    /// The form's content as the person saw it; none: Graph does not give it.
    pub form_revision: Option<TextHash>,
    /// The notice that was in force when the person submitted the form.
    pub notice_revision: Option<TextHash>,
    /// The form's language as Meta writes it (`fr_FR`).
    pub language: Option<String>,
    /// The form that its form is a copy of.
    pub copy_of: Option<FormId>,
}

/// A lead that holds what its purpose's whitelist names and nothing else. Fields are private: only `lead/` builds one,
/// only the sealer sees inside.
pub struct MinimisedLead {
    pub(in crate::lead) purpose: PurposeId,
    pub(in crate::lead) content: Content,
    pub(in crate::lead) reach: Reach,
}

/// What is sealed.
pub(in crate::lead) struct Content {
    pub created: Timestamp,
    pub received: Timestamp,
    pub form: FormId,
    pub page: PageId,
    /// In the order of the whitelist, each with at least one value; what a correction added comes last.
    pub fields: Vec<(FieldName, Vec<Answer>)>,
    pub consents: Vec<ConsentEvidence>,
    pub grounds: Grounds,
    /// The record's own key in `seen`; none in what an earlier version stored. Only the sealer gives it.
    pub seen: Option<[u8; 32]>,
    pub expires_at: Timestamp,
    pub reconfirm_due: Option<Timestamp>,
    pub test: bool,
    /// Only where the purpose keeps it.
    pub leadgen: Option<LeadgenId>,
    /// Campaign and the like, where the purpose keeps them.
    pub attribution: Vec<(Keep, Answer)>,
    /// When the person said yes last; none: never since the submission.
    pub confirmed: Option<Timestamp>,
}

impl Content {
    /// The person's last act, from which its periods count: a yes, or the submission (its arrival, if that was earlier).
    pub fn acted(&self) -> Timestamp {
        self.confirmed.unwrap_or(self.created.min(self.received))
    }

    /// From when on a consent counts: the last yes to it, or the submission.
    pub fn agreed(&self, key: &ConsentKey) -> Timestamp {
        let evidence = self.consents.iter().find(|evidence| evidence.key == *key);
        let confirmed = evidence.and_then(|evidence| evidence.confirmed);
        confirmed.unwrap_or(self.created.min(self.received))
    }
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

    /// Notes which revision of the purpose's notice was in force when the person submitted the form.
    pub fn note_notice(&mut self, in_force: impl FnOnce(&PurposeId, Timestamp) -> Option<TextHash>) {
        self.content.grounds.notice_revision = in_force(&self.purpose, self.content.created);
    }

    /// Whom it reaches: asked before it is sealed.
    pub fn reach(&self) -> &Reach {
        &self.reach
    }

    /// Leaves these fields out, and lets these consents count no more. False: it is nothing then that its purpose takes.
    pub fn leave_out(&mut self, without: &[FieldName], unheard: &[ConsentKey]) -> bool {
        self.content.fields.retain(|(name, _)| !without.contains(name));
        self.content.consents.retain(|found| !unheard.contains(&found.key));
        self.reach.needs().met_by(&self.content.fields).is_ok()
    }

    /// The first day on which the record is no longer exported.
    pub fn expiry_day(&self) -> Day {
        Day::of(self.content.expires_at)
    }

    /// True if its person is written to once it is stored: its purpose has a first mail, and it is no test lead.
    pub fn is_welcomed(&self) -> bool {
        self.reach.is_welcomed() && !self.content.test
    }

    /// True if it is one of Meta's test leads.
    pub fn is_test(&self) -> bool {
        self.content.test
    }
}
