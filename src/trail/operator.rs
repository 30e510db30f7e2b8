//! Who acts on the admin side, in what role, on whose behalf, and why.

use std::fmt;

use crate::purpose::PurposeId;

crate::codes! {
    /// What an operator may do.
    pub enum Role {
        /// Sees counts.
        Viewer = "viewer",
        /// Exports its purposes to its recipient.
        Exporter = "exporter",
        /// Answers people: finds, corrects, erases one record at a time; no bulk export.
        Officer = "officer",
        /// Runs the daemon: tokens, requeue; sees no answers.
        Admin = "admin",
        /// The command line on the host itself (root or the daemon's user): all roles.
        Local = "local",
        /// tamis itself.
        System = "system",
        /// Whose data it is, on a page of their own.
        Person = "person",
    }
}

crate::codes! {
    /// Why data is read or changed: a closed list, since free text would become a place for personal data.
    pub enum Reason {
        /// Regular transfer into the recipient's CRM.
        CrmSync = "crm-sync",
        /// A campaign for which the data was collected.
        Campaign = "campaign",
        /// The person asked (GDPR arts. 15–18, 20).
        PersonRequest = "person-request",
        /// The person withdrew consent (art. 7(3)).
        Withdrawal = "withdrawal",
        /// The person objected (art. 21).
        Objection = "objection",
        /// Something was stored wrongly.
        Error = "error",
        /// A check by or for the controller.
        Audit = "audit",
        /// Help with the operation of tamis.
        Support = "support",
    }
}

impl Reason {
    /// For whoever must choose one.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::CrmSync => "regular transfer into the recipient's CRM",
            Self::Campaign => "a campaign for which the data was collected",
            Self::PersonRequest => "the person asked (GDPR arts. 15 to 18, 20)",
            Self::Withdrawal => "the person withdrew consent (art. 7(3))",
            Self::Objection => "the person objected (art. 21)",
            Self::Error => "something was stored wrongly",
            Self::Audit => "a check by or for the controller",
            Self::Support => "help with the operation of tamis",
        }
    }
}

/// Who acted, as it stands in the trail.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Actor {
    /// The command line, by the user id that the kernel vouches for.
    Local(u32),
    /// A token, by its id.
    Token(String),
    /// tamis itself.
    System,
    /// Whose data it is: which person, no line says.
    Person,
}

impl Actor {
    /// Reads what [`fmt::Display`] wrote.
    pub fn parse(text: &str) -> Option<Self> {
        match text.split_once(':') {
            None if text == "system" => Some(Self::System),
            None if text == "person" => Some(Self::Person),
            Some(("local", uid)) => uid.parse().ok().map(Self::Local),
            Some(("token", id)) => Some(Self::Token(id.to_owned())),
            _ => None,
        }
    }
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local(uid) => write!(f, "local:{uid}"),
            Self::Token(id) => write!(f, "token:{id}"),
            Self::System => f.write_str("system"),
            Self::Person => f.write_str("person"),
        }
    }
}

/// Proof that a caller was recognised. Handlers take one as a parameter; only `http/admin/operator.rs` makes it, and of a person
/// with a pass `http/public/person/visitor.rs` (a test of the map looks).
#[derive(Clone, Debug)]
pub struct Operator {
    actor: Actor,
    role: Role,
    purposes: Vec<PurposeId>,
    recipient: Option<String>,
    reason: Option<Reason>,
}

impl Operator {
    /// The command line on the host itself, by the user id that the kernel vouches for.
    pub fn recognised_by_kernel(uid: u32) -> Self {
        let actor = Actor::Local(uid);
        Self { actor, role: Role::Local, purposes: Vec::new(), recipient: None, reason: None }
    }

    /// Who holds the token with this id, and what stands on it: an exporter's purposes, recipient and reason.
    pub fn recognised_by_token(
        id: String,
        role: Role,
        purposes: Vec<PurposeId>,
        recipient: Option<String>,
        reason: Option<Reason>,
    ) -> Self {
        Self { actor: Actor::Token(id), role, purposes, recipient, reason }
    }

    /// Whoever holds a pass: the person of the record that it opens, who may have done what they have a right to.
    pub fn recognised_by_pass() -> Self {
        let (actor, role) = (Actor::Person, Role::Person);
        Self { actor, role, purposes: Vec::new(), recipient: None, reason: None }
            .because(Reason::PersonRequest)
    }

    /// The same operator, who has said why. A reason that stands on a token holds.
    pub fn because(mut self, reason: Reason) -> Self {
        self.reason.get_or_insert(reason);
        self
    }

    /// The same person, who asks for this by another right. A reason that stands on a token holds.
    pub fn otherwise_because(self, reason: Reason) -> Self {
        let is_fixed = self.actor != Actor::Person;
        let reason = if is_fixed { self.reason } else { Some(reason) };
        Self { reason, ..self }
    }

    /// The same operator, acting on behalf of this recipient, or of nobody outside.
    pub fn on_behalf_of(self, recipient: Option<String>) -> Self {
        Self { recipient, ..self }
    }

    /// Who.
    pub fn actor(&self) -> &Actor {
        &self.actor
    }

    /// In what role.
    pub fn role(&self) -> Role {
        self.role
    }

    /// For an exporter: the purposes it may read.
    pub fn purposes(&self) -> &[PurposeId] {
        &self.purposes
    }

    /// For an exporter: on whose behalf.
    pub fn recipient(&self) -> Option<&str> {
        self.recipient.as_deref()
    }

    /// Fixed on an exporter's token; else from the call.
    pub fn reason(&self) -> Option<Reason> {
        self.reason
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exporter(reason: Option<Reason>) -> Operator {
        let purposes = vec![PurposeId::parse("devis").expect("a purpose")];
        let recipient = Some("crm".to_owned());
        Operator::recognised_by_token("t7".to_owned(), Role::Exporter, purposes, recipient, reason)
    }

    #[test]
    fn who_acted_reads_back_as_it_was_written_and_nothing_else_is_anybody() {
        for (actor, text) in [
            (Actor::Local(0), "local:0"),
            (Actor::Local(u32::MAX), "local:4294967295"),
            (Actor::Token("t7".to_owned()), "token:t7"),
            (Actor::System, "system"),
            (Actor::Person, "person"),
        ] {
            assert_eq!(actor.to_string(), text);
            assert_eq!(Actor::parse(text), Some(actor));
        }
        for text in [
            "", "System", "root", "local", "token", "local:", "local:-1", "local:x", "system:", "sys:7",
            "person:", "person:7",
        ] {
            assert_eq!(Actor::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_recognised_operator_is_who_it_was_recognised_as() {
        let local = Operator::recognised_by_kernel(1_000);
        assert_eq!((local.actor(), local.role()), (&Actor::Local(1_000), Role::Local));
        assert_eq!((local.recipient(), local.reason()), (None, None));
        assert!(local.purposes().is_empty(), "purposes are an exporter's");
        let person = Operator::recognised_by_pass();
        assert_eq!((person.actor(), person.role()), (&Actor::Person, Role::Person));
        assert_eq!((person.recipient(), person.reason()), (None, Some(Reason::PersonRequest)));
        let token = exporter(None);
        assert_eq!((token.actor(), token.role()), (&Actor::Token("t7".to_owned()), Role::Exporter));
        assert_eq!(token.purposes().iter().map(PurposeId::as_str).collect::<Vec<_>>(), ["devis"]);
        assert_eq!(token.recipient(), Some("crm"));
    }

    /// Who gave the token out said why; whoever holds it does not change that.
    #[test]
    fn a_reason_on_a_token_holds_and_one_that_is_missing_is_taken_from_the_call() {
        let fixed = exporter(Some(Reason::CrmSync)).because(Reason::Audit);
        assert_eq!(fixed.reason(), Some(Reason::CrmSync));
        assert_eq!(exporter(None).because(Reason::Audit).reason(), Some(Reason::Audit));
        assert_eq!(exporter(None).reason(), None);
    }

    #[test]
    fn acting_for_somebody_changes_that_and_nothing_else() {
        let other = exporter(Some(Reason::CrmSync)).on_behalf_of(Some("agency".to_owned()));
        assert_eq!(other.recipient(), Some("agency"));
        assert_eq!((other.actor(), other.role()), (&Actor::Token("t7".to_owned()), Role::Exporter));
        assert_eq!((other.reason(), other.purposes().len()), (Some(Reason::CrmSync), 1));
        assert_eq!(other.on_behalf_of(None).recipient(), None);
    }
}
