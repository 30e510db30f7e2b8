//! How many cases the generated tests of this room have.

use proptest::prelude::ProptestConfig;

/// So many cases, or `TAMIS_CASES_TIMES` times as many: a run of more than CI has.
pub(in crate::keyring) fn cases(cases: u32) -> ProptestConfig {
    #[expect(clippy::disallowed_methods, reason = "a test's own environment: how much of it")]
    let times = std::env::var("TAMIS_CASES_TIMES").ok();
    let times = times.map_or(1, |times| times.parse::<u32>().expect("a number"));
    ProptestConfig {
        failure_persistence: None,
        cases: cases.saturating_mul(times),
        ..ProptestConfig::default()
    }
}
