//! What this machine gives: the disk, files of our own on it, descriptors, the processor's time, the service manager.

pub mod descriptors;
pub mod disk;
pub mod filesystem;
pub mod identity;
pub mod lock;
pub mod own;
pub mod priority;
pub mod progress;
pub mod systemd;
