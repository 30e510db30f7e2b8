//! Why a mail was not taken, in codes and numbers alone.
//!
//! A server explains itself in words, and these words quote the address ("<anne@example.org>: no such user"). They are read past,
//! and so is what lies below a broken connection: its texts name hosts and paths.

use std::fmt;

crate::codes! {
    /// Why a mail was not taken.
    pub enum MailCode {
        /// No connection: no such name, nobody listens, a firewall.
        Unreachable = "mail-unreachable",
        /// The server took longer over one command, or over all, than it may.
        Slow = "mail-slow",
        /// The connection broke before the mail was sent whole.
        Broken = "mail-broken",
        /// It broke, or took too long, when the mail was sent whole and its answer was still to come.
        AnswerLost = "mail-answer-lost",
        /// What answers is no mail server, or says more than one may.
        NotSmtp = "mail-not-smtp",
        /// The server does not offer TLS, and nothing is sent without.
        NoTls = "mail-no-tls",
        /// TLS does not come about: nobody vouches for the server's certificate, mostly.
        TlsFailed = "mail-tls-failed",
        /// There are no authorities on this machine that could vouch for any server.
        NoAuthorities = "mail-no-authorities",
        /// The server takes no login that we know (PLAIN, LOGIN).
        NoLogin = "mail-no-login",
        /// The server refuses user or password.
        LoginRefused = "mail-login-refused",
        /// The server refuses to speak with us at all.
        Unwelcome = "mail-unwelcome",
        /// The server does not let this sender send, or not to that address: relaying denied, a policy, a list of spammers.
        SenderRefused = "mail-sender-refused",
        /// The server refuses mail for that address, and it is the address that it minds.
        AddressRefused = "mail-address-refused",
        /// The address has letters that this server cannot carry.
        AddressNotCarried = "mail-address-not-carried",
        /// The server refuses the mail, and not for the address.
        MessageRefused = "mail-message-refused",
        /// The server asks us to come again.
        Deferred = "mail-deferred",
        /// What should be sent cannot be written as a mail.
        NotWritten = "mail-not-written",
    }
}

/// What is to come of a mail that was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Course {
    /// No mail will reach this address this way.
    Never,
    /// The same mail may go later, by itself.
    Later,
    /// The house has to mend something first: its server, login, sender or name. No address is to suffer for it.
    Mend,
    /// Nobody can tell: the mail may have been taken. Sent again, it may arrive twice.
    Unknown,
}

impl MailCode {
    /// What is to come of the mail.
    pub const fn course(self) -> Course {
        match self {
            Self::AddressRefused | Self::AddressNotCarried => Course::Never,
            Self::Unreachable | Self::Slow | Self::Broken | Self::NotSmtp | Self::Deferred => Course::Later,
            Self::AnswerLost => Course::Unknown,
            Self::NoTls
            | Self::TlsFailed
            | Self::NoAuthorities
            | Self::NoLogin
            | Self::LoginRefused
            | Self::Unwelcome
            | Self::SenderRefused
            | Self::MessageRefused
            | Self::NotWritten => Course::Mend,
        }
    }
}

/// A status beside an answer's code (RFC 3463): `5.1.1` is "no such mailbox".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Status {
    /// 2: done, 4: not now, 5: never.
    pub class: u16,
    /// 1: the address, 2: the mailbox, 3: the mail system, 4: the network, 5: the protocol, 6: the content, 7: policy.
    pub subject: u16,
    /// What of it.
    pub detail: u16,
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.class, self.subject, self.detail)
    }
}

/// Why a mail was not taken, with the numbers of the server's answer if there was one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub struct MailError {
    /// Why.
    pub code: MailCode,
    /// The three digits of the answer.
    pub reply: Option<u16>,
    /// The status beside them.
    pub status: Option<Status>,
}

impl From<MailCode> for MailError {
    /// Of what no server said.
    fn from(code: MailCode) -> Self {
        Self { code, reply: None, status: None }
    }
}

impl fmt::Display for MailError {
    /// As `mail-address-refused (550 5.1.1)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code.as_str())?;
        match (self.reply, self.status) {
            (Some(reply), Some(status)) => write!(f, " ({reply} {status})"),
            (Some(reply), None) => write!(f, " ({reply})"),
            (None, _) => Ok(()),
        }
    }
}
