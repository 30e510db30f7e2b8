//! Which server takes our mails, and how long it may take over that.

use std::time::Duration;

use crate::mail::mailbox::Sender;
use crate::secret::Secret;

crate::codes! {
    /// How what goes to the mail server is kept from others.
    pub enum Encryption {
        /// TLS once the connection stands (RFC 3207), or nothing is sent.
        Starttls = "starttls",
        /// TLS from the first byte (RFC 8314).
        Implicit = "implicit",
        /// No TLS: only to this machine itself.
        None = "none",
    }
}

impl Encryption {
    /// The port where servers offer it (RFC 6409, RFC 8314, RFC 5321).
    pub const fn port(self) -> u16 {
        match self {
            Self::Starttls => 587,
            Self::Implicit => 465,
            Self::None => 25,
        }
    }
}

/// What the server knows us by. No `Debug`.
pub struct Login {
    /// The account.
    pub user: String,
    /// Its password.
    pub password: Secret,
}

/// What has to be known to send. No `Debug`: it holds the password.
pub struct Settings {
    /// The mail server: a name, or an address.
    pub server: String,
    /// Its port.
    pub port: u16,
    /// How the connection is encrypted.
    pub encryption: Encryption,
    /// None: the server takes mails without.
    pub login: Option<Login>,
    /// What this machine calls itself, as in `leads.example.com` or `[192.0.2.7]` (RFC 5321, 4.1.3).
    pub own_name: String,
    /// Whose mails these are.
    pub from: Sender,
    /// Where answers go; none: to the sender.
    pub reply_to: Option<Sender>,
    /// How long the server may take.
    pub patience: Patience,
}

/// How long a server may take. Each is a bound, whatever arrives meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// Until the connection stands, the server's name looked up, TLS not counted.
    pub connect: Duration,
    /// For TLS, and for each command with its answer.
    pub command: Duration,
    /// For all of it together.
    pub whole: Duration,
}

impl Default for Patience {
    /// Ten seconds, half a minute, two minutes: servers that look a mail over take their time after its end.
    fn default() -> Self {
        let (connect, command, whole) = (10, 30, 120);
        Self {
            connect: Duration::from_secs(connect),
            command: Duration::from_secs(command),
            whole: Duration::from_secs(whole),
        }
    }
}
