//! The room as a whole, on a real directory.

mod accepting;
mod failing;
mod replaying;
mod witnessing;
mod world;
