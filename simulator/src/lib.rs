//! Meta's side.
