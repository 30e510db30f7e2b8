//! Meta misbehaving: the daemon as a process, and the worst that the other side can do.

mod outage;
