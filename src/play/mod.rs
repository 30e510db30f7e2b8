//! tamis against a simulated Meta, on this machine: the demonstration, and a sandbox to develop against.

pub mod demo;
pub mod sandbox;
