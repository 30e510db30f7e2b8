//! The three listeners.
