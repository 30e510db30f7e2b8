//! What this machine gives: the disk, file descriptors, the processor's time, the service manager.

pub mod descriptors;
pub mod disk;
pub mod priority;
pub mod systemd;
