//! The room as a whole, on a real directory.

mod accepting;
mod ageing;
mod failing;
mod replaying;
mod witnessing;
mod world;
