//! What listens: the public side (the webhook and a word of health), and the admin side on its two doors.
//!
//! Each listener is a server of its own with the narrowest state: the webhook's handler cannot name the vault. Which of
//! them is reachable from where is a matter of addresses and firewalls, not of routes.

pub mod admin;
mod body;
mod caller;
mod health;
mod over_bound;
mod patience;
pub mod problem;
mod request;
mod server;
mod unread;
mod webhook;

pub use body::BodyBudget;
pub use caller::Proxies;
pub use health::Health;
pub use over_bound::OverBound;
pub use patience::Patience;
pub use request::with_id;
pub use server::{ADMIN_CONNECTIONS_MAX, AdminDoor, Listener, NEXT_HEAD_MAX, admin_server, public_server};
pub use webhook::{Intake, IntakeSettings, Trust};
