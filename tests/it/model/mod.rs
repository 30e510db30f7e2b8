//! The daemon against a small model: generated operations, a clock that stands until it is moved, Meta's side on
//! command, `kill -9` at any moment; after each operation everything is looked at.
//!
//! **What fails a run.**
//! - An acknowledged reference is in no place or in two: the journal's, the store's and the overview's counts must agree
//!   with what `seen` says of each.
//! - A reference changes its place without one of the operations that may: fetching, reaping, requeueing. What is stored
//!   stays stored under its id, whatever comes.
//! - A lead is asked for that no purpose claims, that has its end, or with more fields than its purpose needs.
//! - While nothing misbehaves, an outcome is another than the answers and the policy say.
//! - An attempt is counted twice, or a reference waits longer or is tried more often than the config allows.
//! - A number is given twice, or below one that was given.
//! - An exporter that goes on from its cursor misses a record, gets one twice, or gets what the whitelist, a consent or
//!   the expiry keeps back.
//! - The clock leaps and no leap is said, or time goes back, or something ends as too old, or is passed over as expired, for a
//!   clock that is ahead (unless a person confirmed that one).
//! - An erasure takes more or less than its dry run said, or than there is, or of some of its people alone; what is erased is
//!   asked of Graph, stored, exported, requeued or taken for new before its tombstone has served; a request sent twice is two.
//! - A correction, a restriction, its end, an objection, what is taken back or a page of a recipient is answered otherwise than is so, is
//!   done or not against the answer, or is half done after a kill: what a record holds and shows of its consents, the key of what it
//!   was, who may use it and until when, the list of who objected, what is left of consents once their record is gone.
//! - What was objected to is stored, or brought back by another call or a requeue; what is restricted is in a page, ends by its time, or is
//!   erased for another reason than its person's; what was taken back stays in a record that goes on, or the record where nothing else was
//!   its ground.
//! - A recipient gets what it may not, is said to have had what was withheld from it or what it passed by, or hears less than became of
//!   what it had, or of anything else.
//! - The trail does not chain, has no line for a page, or tells of what did not happen.
//! - A call without Meta's signature is believed; more is taken than the bound allows, or refused while there is room.
//! - After the reaper's look something older than 90 days is parked, or a day's key seals nothing.
//! - Once Meta behaves, something acknowledged never has its end.
//! - A leadgen id or an answer lies in clear in a file; inbox or store halts; something takes longer than a minute.
//!
//! **What does not.** A fetch repeated after a kill. A call refused whole because one of its leads found no room. A
//! requeue beyond the inbox's bound (it bounds what is accepted). A call that got no answer and is queued all the same.
//! Which of several attempts that failed counts as whose.
//!
//! **What is not repeatable.** The inbox's keeper looks once a real second, so whether it saw a new day yet differs from
//! run to run; with several calls to Graph in flight, which of them meets a scripted failure; which thread asks for
//! randomness or time first, so where exactly a kill within an operation falls.

mod fuse;
#[expect(clippy::module_inception, reason = "the model is what this folder is about")]
mod model;
mod ops;
mod plan;
mod run;
mod world;

#[cfg(test)]
mod found;

pub use ops::AsRust;
pub use run::{of_seed, run, shrink};
pub use world::Meta;
