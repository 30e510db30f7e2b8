//! Meta misbehaving: the daemon as a process, and the worst that the other side can do.

mod connection;
mod flood;
mod outage;
mod quota;
mod slow;
mod storm;
