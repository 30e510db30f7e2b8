//! tamis against a simulated Meta, on this machine: the demonstration, and a sandbox to develop against.

mod beside;
pub mod demo;
mod house;
pub mod sandbox;
