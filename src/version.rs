//! What this binary is.

/// Version and the commit that it was built from (build.rs): `0.1.0 (commit 1a2b3c4d5e6f)`. `, changed` after it: from
/// other sources than the commit's.
pub const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), " (", env!("TAMIS_BUILT_FROM"), ")");
