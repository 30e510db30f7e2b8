//! Why the simulator could not do what it was told.

use std::fmt;
use std::io;

/// What failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SimulatorError {
    /// The port could not be bound.
    Bind(io::ErrorKind),
    /// The HTTP client could not be built.
    Client,
    /// The webhook's address is no http address.
    Address,
    /// The webhook did not answer: connection refused or closed, or 30 seconds over.
    NoAnswer,
    /// The handshake was answered otherwise than with 200 and the challenge alone.
    Handshake {
        /// HTTP status.
        status: u16,
        /// Whether the body was the challenge.
        echoed: bool,
    },
    /// There is no app secret at this place.
    NoSuchSecret,
    /// A signature of one's own that cannot stand in a header.
    Header,
}

impl fmt::Display for SimulatorError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SimulatorError::Bind(kind) => {
                write!(f, "cannot bind the simulated Graph API on loopback: {kind}")
            }
            SimulatorError::Client => f.write_str("cannot build the HTTP client"),
            SimulatorError::Address => f.write_str("the webhook's address is no http address"),
            SimulatorError::NoAnswer => f.write_str("the webhook did not answer"),
            SimulatorError::Handshake { status, echoed } => {
                write!(f, "the handshake was answered with {status}, challenge echoed: {echoed}")
            }
            SimulatorError::NoSuchSecret => f.write_str("there is no app secret at this place"),
            SimulatorError::Header => f.write_str("the signature cannot stand in a header"),
        }
    }
}

impl std::error::Error for SimulatorError {}
