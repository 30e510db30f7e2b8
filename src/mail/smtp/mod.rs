//! SMTP (RFC 5321), as far as a client needs it that hands in one mail at a time.

mod connection;
#[doc(hidden)]
pub mod door;
mod reply;
mod session;
mod wire;

pub use session::{Accepted, Session};
