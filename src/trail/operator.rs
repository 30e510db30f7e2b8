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

/// Who acted, as it stands in the trail.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Actor {
    /// The command line, by the user id that the kernel vouches for.
    Local(u32),
    /// A token, by its id.
    Token(String),
    /// tamis itself.
    System,
}

impl Actor {
    /// Reads what [`fmt::Display`] wrote.
    pub fn parse(text: &str) -> Option<Self> {
        match text.split_once(':') {
            None if text == "system" => Some(Self::System),
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
        }
    }
}

/// Proof that a caller was recognised. Handlers take one as a parameter; only `http/admin/operator.rs` makes it.
#[derive(Clone, Debug)]
pub struct Operator {
    /// Who.
    pub actor: Actor,
    /// In what role.
    pub role: Role,
    /// For an exporter: the purposes it may read.
    pub purposes: Vec<PurposeId>,
    /// For an exporter: on whose behalf.
    pub recipient: Option<String>,
    /// Fixed on an exporter's token; else from the call.
    pub reason: Option<Reason>,
}
