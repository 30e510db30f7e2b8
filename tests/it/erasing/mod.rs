//! Proof of erasing, by somebody who believes nothing: who keeps copies of every file from every moment, has the root key,
//! and kills the process when he likes.

mod besieged;
mod bytes;
mod cipher;
mod copies;
mod crashes;
mod expansion;
mod exports;
mod house;
mod kills;
mod ledger;
mod life;
mod locked;
mod memory;
mod order;
mod outsider;
