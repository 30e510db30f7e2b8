//! What is written down of one act, before it has a number and a place in the chain.

use crate::purpose::{FieldName, PurposeId, RecordId};
use crate::trail::{Actor, Operator, Reason, Role};

crate::codes! {
    /// What was done.
    pub enum Action {
        /// tamis stored records.
        Stored = "stored",
        /// A page of records was read out.
        Exported = "exported",
        /// A record was looked for, and shown masked.
        Found = "found",
        /// A record was looked for, to be shown in full.
        FoundUnmasked = "found-unmasked",
        /// A record was put together with all that is held of its person, for them (GDPR art. 15).
        Accessed = "accessed",
        /// A pass was given: a link by which a person opens what is held of them.
        PassGiven = "pass-given",
        /// Meta said that a user of the app wants their data deleted: it names no lead.
        MetaDeletionAsked = "meta-deletion-asked",
        /// Meta said that a user of the app took back what they had allowed it.
        MetaDeauthorized = "meta-deauthorized",
        /// Parked references were brought back.
        Requeued = "requeued",
        /// What waits of a page was tried at once.
        PageRetried = "page-retried",
        /// Held references were let go.
        HeldDropped = "held-dropped",
        /// A token was made.
        TokenCreated = "token-created",
        /// A token was revoked.
        TokenRevoked = "token-revoked",
        /// The list of tokens was asked for; only a refusal is written down.
        TokensListed = "tokens-listed",
        /// The trail was asked for; only a refusal is written down.
        TrailRead = "trail-read",
        /// A clock that leapt forward was confirmed, by a person or by Graph's own.
        ClockConfirmed = "clock-confirmed",
        /// The highest clock seen was ahead, and was lowered.
        ClockLowered = "clock-lowered",
        /// References that had been accepted were not in the journal any more.
        ReferencesMissing = "references-missing",
        /// How much an erasure would take was asked for.
        ErasureTried = "erasure-tried",
        /// An erasure was to be shown; only a refusal is written down.
        ErasureShown = "erasure-shown",
        /// An erasure was asked for: the records are gone, and their keys are to be destroyed.
        ErasureAsked = "erasure-asked",
        /// The keys of records that are gone were destroyed.
        Erased = "erased",
        /// Records whose time was over were taken away, and their keys are destroyed next.
        Expired = "records-expired",
        /// The same of records whose persons were asked whether they still agree, and did not answer.
        Lapsed = "records-lapsed",
        /// The end of a purpose's records was moved forward: its period is shorter now.
        PeriodShortened = "period-shortened",
        /// Of records went what their purpose may no longer hold: a field that left the whitelist, one whose consent is over.
        Trimmed = "trimmed",
        /// The trail's lines up to the one with this number (`count`) have had their time, and are gone.
        TrailClosed = "trail-closed",
        /// An address was put on the list of those that may not be stored.
        Suppressed = "suppressed",
        /// That list was read.
        SuppressionsListed = "suppressions-listed",
        /// Entries were taken off it.
        SuppressionRemoved = "suppression-removed",
        /// Entries ended, since the person has said yes again.
        SuppressionClosed = "suppression-closed",
        /// Entries ended by their time.
        SuppressionEnded = "suppression-ended",
        /// What was left of consents of records that are gone ended by its time.
        EvidenceEnded = "evidence-ended",
        /// A record was corrected: its new value is sealed anew, the key of the old one is destroyed.
        Corrected = "corrected",
        /// A person took consents back: they hold no longer, and what hung on them is gone.
        Withdrawn = "withdrawn",
        /// A person said yes once more: what they agreed to counts from now on.
        Confirmed = "confirmed",
        /// A record was restricted, or that was renewed: nobody may use it.
        Restricted = "restricted",
        /// A restriction was lifted.
        RestrictionLifted = "restriction-lifted",
        /// The last day of a restriction is over.
        RestrictionEnded = "restriction-ended",
        /// The list of restrictions was read.
        RestrictionsListed = "restrictions-listed",
        /// Somebody asked for something by right: it stands in the register of requests.
        RequestOpened = "request-opened",
        /// The answer to a request takes two months more (GDPR art. 12(3)).
        RequestExtended = "request-extended",
        /// A request was answered.
        RequestAnswered = "request-answered",
        /// The register of requests was asked for; only a refusal is written down.
        RequestsListed = "requests-listed",
        /// Requests that were answered long ago were taken out of the register.
        RequestsEnded = "requests-ended",
        /// A record was read, to write to its person: a mail server is there, and has not taken the mail yet.
        MailBegun = "mail-begun",
        /// A mail server took the first mail to the person of a record.
        Welcomed = "welcomed",
        /// The person of a record was asked whether they still agree.
        Asked = "asked",
        /// They were reminded of that.
        Reminded = "reminded",
        /// Nobody is to be asked for now whether they still agree.
        AskingPaused = "asking-paused",
        /// Asking goes on.
        AskingResumed = "asking-resumed",
        /// Who is to be asked was looked at, and asked.
        AskingRun = "asking-run",
        /// Who is to be asked was listed, with a link for each.
        AskingListed = "asking-listed",
        /// No mail reaches the address of a record.
        Unreachable = "unreachable",
        /// A backup of store and keyring was begun.
        BackedUp = "backed-up",
        /// A vacuum of the store was begun.
        Vacuumed = "vacuumed",
        /// The store was restored from a backup: whatever came after that is not in it.
        Restored = "restored",
        /// A recipient read what became of records that it was handed.
        ChangesRead = "changes-read",
        /// A recipient applied what it read (or somebody says so for it).
        ChangesApplied = "changes-applied",
        /// What nobody had applied for two years was taken out of a recipient's feed.
        ChangesDropped = "changes-dropped",
        /// How far each recipient has followed was asked for; only a refusal is written down.
        FeedsListed = "feeds-listed",
        /// Records that a clock received that was behind were given the periods of their submission.
        Redated = "redated",
        /// A record was read, since somebody who lost the link to their page asked for it by an address: to see whether mails about the
        /// record go there.
        LinkAsked = "link-asked",
        /// A mail server took the mail with the links to what is held under the address of a record.
        LinkSent = "link-sent",
        /// A mail server took the copy of what is held under the address of a record, which its person had asked for.
        CopySent = "copy-sent",
        /// The person of a record is told first, and then the record is erased: from now on nobody uses it.
        ErasureToTell = "erasure-to-tell",
        /// A mail server took the letter that says that a record is about to be erased.
        ErasureTold = "erasure-told",
        /// Its person is not told before: there is no address, or no server took the letter in time.
        ErasureUntold = "erasure-untold",
    }
}

crate::codes! {
    /// How it ended.
    pub enum Outcome {
        /// Done.
        Done = "done",
        /// Nothing was there.
        Nothing = "nothing",
        /// Refused: not this operator's.
        Refused = "refused",
    }
}

/// One act. Ids of records, purposes, counts and codes; nothing a person wrote. Who acted, why, and what is fixed when it is
/// made: by an operator who was recognised, or by tamis itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub(super) actor: Actor,
    pub(super) role: Role,
    pub(super) recipient: Option<String>,
    pub(super) action: Action,
    pub(super) reason: Option<Reason>,
    /// Of which purpose.
    pub purpose: Option<PurposeId>,
    /// How many records (for an export: up to how many); of a revoked token, how many calls were cut; of a closed trail, the
    /// number of the last line that is gone.
    pub count: u64,
    /// The first record.
    pub from: Option<RecordId>,
    /// The last record.
    pub to: Option<RecordId>,
    /// Which fields were changed: their names in the config, never a value.
    pub fields: Vec<FieldName>,
    /// Of which erasure: of one that its person is told of first what was done, of any its end. Epoch and number.
    pub erasure: Option<(u32, u64)>,
    /// How it ended.
    pub result: Outcome,
}

impl Entry {
    /// An act of an operator, still without purpose, range and count.
    pub fn by(operator: &Operator, action: Action) -> Self {
        Self {
            actor: operator.actor().clone(),
            role: operator.role(),
            recipient: operator.recipient().map(str::to_owned),
            reason: operator.reason(),
            ..Self::by_system(action)
        }
    }

    /// An act of tamis itself.
    pub fn by_system(action: Action) -> Self {
        Self {
            actor: Actor::System,
            role: Role::System,
            recipient: None,
            action,
            reason: None,
            purpose: None,
            count: 0,
            from: None,
            to: None,
            fields: Vec::new(),
            erasure: None,
            result: Outcome::Done,
        }
    }

    /// The same, for the reason for which somebody had it begin.
    pub fn by_system_because(action: Action, reason: Option<Reason>) -> Self {
        Self { reason, ..Self::by_system(action) }
    }

    /// An act of a person about what is held of them, on a page of their own.
    pub fn by_person(action: Action, reason: Reason) -> Self {
        Self { actor: Actor::Person, role: Role::Person, reason: Some(reason), ..Self::by_system(action) }
    }

    /// It is about this record and no other.
    pub fn about(&mut self, record: &RecordId) {
        self.purpose = Some(record.purpose.clone());
        (self.from, self.to, self.count) = (Some(record.clone()), Some(record.clone()), 1);
    }

    /// An act of tamis itself that concerns this recipient.
    pub fn by_system_for(action: Action, recipient: &str) -> Self {
        Self { recipient: Some(recipient.to_owned()), ..Self::by_system(action) }
    }

    /// Who.
    pub fn actor(&self) -> &Actor {
        &self.actor
    }

    /// In what role.
    pub fn role(&self) -> Role {
        self.role
    }

    /// On whose behalf.
    pub fn recipient(&self) -> Option<&str> {
        self.recipient.as_deref()
    }

    /// What.
    pub fn action(&self) -> Action {
        self.action
    }

    /// Why.
    pub fn reason(&self) -> Option<Reason> {
        self.reason
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_says_of_its_operator_who_in_what_role_for_whom_and_why() {
        let recipient = Some("crm".to_owned());
        let operator = Operator::recognised_by_token(
            "t7".to_owned(),
            Role::Exporter,
            Vec::new(),
            recipient,
            Some(Reason::CrmSync),
        );
        let entry = Entry::by(&operator, Action::Exported);
        assert_eq!((entry.actor(), entry.role()), (&Actor::Token("t7".to_owned()), Role::Exporter));
        assert_eq!((entry.recipient(), entry.reason()), (Some("crm"), Some(Reason::CrmSync)));
        assert_eq!((entry.action(), entry.result), (Action::Exported, Outcome::Done));
        assert_eq!((entry.purpose, entry.count, entry.from, entry.to), (None, 0, None, None));
    }

    #[test]
    fn what_tamis_does_by_itself_is_nobody_elses() {
        let entry = Entry::by_system(Action::Stored);
        assert_eq!((entry.actor(), entry.role()), (&Actor::System, Role::System));
        assert_eq!((entry.recipient(), entry.reason()), (None, None));
        assert_eq!(entry.action(), Action::Stored);
        let local = Entry::by(&Operator::recognised_by_kernel(0), Action::Requeued);
        assert_eq!((local.actor(), local.recipient(), local.reason()), (&Actor::Local(0), None, None));
    }

    #[test]
    fn what_a_person_does_names_nobody() {
        let entry = Entry::by_person(Action::Withdrawn, Reason::Withdrawal);
        assert_eq!((entry.actor(), entry.role()), (&Actor::Person, Role::Person));
        assert_eq!((entry.recipient(), entry.reason()), (None, Some(Reason::Withdrawal)));
        assert_eq!((entry.action(), entry.result), (Action::Withdrawn, Outcome::Done));
    }
}
