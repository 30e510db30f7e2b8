//! Steps that are told to run.
