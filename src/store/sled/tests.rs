//! What is the engine's own: files, damage, full disks, kills, rows that cannot be read. What every store must keep is
//! held by [`crate::store::contract`].

mod backing_up;
mod clear;
mod clock;
mod closing;
mod damage;
mod disk;
mod erasing;
mod expiring;
mod expiring_killed;
mod exporting;
mod following;
mod handed;
mod killing;
mod last_words;
mod moving;
mod parking;
mod passing;
mod replaying;
mod requesting;
mod resealing;
mod rewriting;
mod rows;
mod scanning;
mod settling;
mod starting;
pub(super) mod support;
mod suppressing;
mod vacuuming;
mod versions;
