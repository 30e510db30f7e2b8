//! What listens: the public side (the webhook and a word of health), and the admin side on its two doors.
//!
//! Each listener is a server of its own with the narrowest state: the webhook's handler cannot name the vault. Which of
//! them is reachable from where is a matter of addresses and firewalls, not of routes.

pub mod admin;
mod body;
mod caller;
mod connection;
mod consents;
mod health;
mod holding;
pub mod problem;
mod public;
mod request;
mod room;
mod seldom;
mod server;
mod unread;
mod visit;
mod webhook;

pub use body::{BodyBudget, BodyError};
pub use caller::{Proxies, Share};
pub use connection::{Ending, TurnedCode, connections_at_most};
pub use health::Health;
pub use public::{Callbacks, MetaCallbacks, Notices, Persons};
pub use request::with_id;
pub use seldom::Seldom;
pub use server::{
    ADMIN_CONNECTIONS_MAX, AdminDoor, Listener, Running, Shown, Stopper, admin_server, public_server,
};
pub use visit::Visits;
pub use webhook::{Intake, IntakeSettings, Trust};
