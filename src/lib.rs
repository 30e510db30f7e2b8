//! tamis.
