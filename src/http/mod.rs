//! The three listeners.

pub mod admin;
pub mod problem;
