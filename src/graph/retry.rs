//! How long a failed reference waits before it is read again.

use jiff::SignedDuration;

use crate::random::Random;

/// Growing delays with an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retry {
    /// The delay after the first failure.
    pub first_ms: u64,
    /// By how much each delay exceeds the one before it.
    pub factor: u32,
    /// The longest delay, before jitter.
    pub max_ms: u64,
    /// How many attempts there are in all; after the last one the reference is buried.
    pub attempts: u32,
}

impl Retry {
    /// The delay after so many attempts were spent, the one that just failed included. `None`: they are all spent.
    ///
    /// Up to a fifth is added or taken at random, so that what failed together does not come back together; a delay is
    /// thus never longer than 1.2 × `max_ms`.
    pub fn delay_ms(&self, attempts_spent: u32, jitter: &dyn Random) -> Option<u64> {
        if attempts_spent >= self.attempts {
            return None;
        }
        let delay = self.plain_ms(attempts_spent);
        let fifth = delay / 5;
        Some((delay - fifth).saturating_add(below(jitter, fifth.saturating_mul(2).saturating_add(1))))
    }

    /// The longest that it lets anything wait.
    pub fn longest(&self) -> SignedDuration {
        let ms = self.max_ms.saturating_add(self.max_ms / 5);
        SignedDuration::from_millis(i64::try_from(ms).unwrap_or(i64::MAX))
    }

    /// Without jitter: grows with `attempts_spent` up to `max_ms`, and never shrinks.
    fn plain_ms(&self, attempts_spent: u32) -> u64 {
        let steps = attempts_spent.saturating_sub(1);
        u64::from(self.factor.max(1)).saturating_pow(steps).saturating_mul(self.first_ms).min(self.max_ms)
    }
}

/// A number below `bound` (0 for a bound of 0). A system without randomness gets the middle: a retry is no secret.
pub(super) fn below(random: &dyn Random, bound: u64) -> u64 {
    let mut bytes = [0; 8];
    match random.fill(&mut bytes) {
        Ok(()) => u64::from_le_bytes(bytes).checked_rem(bound).unwrap_or(0),
        Err(_) => bound / 2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{NoRandomness, SeededRandom};

    const DEFAULT: Retry = Retry { first_ms: 2_000, factor: 2, max_ms: 3_600_000, attempts: 750 };

    struct None_;
    impl Random for None_ {
        fn fill(&self, _: &mut [u8]) -> Result<(), NoRandomness> {
            Err(NoRandomness)
        }
    }

    #[test]
    fn delays_double_to_an_hour_and_end() {
        let delays: Vec<_> = (1..=13).map(|spent| DEFAULT.delay_ms(spent, &None_)).collect();
        assert_eq!(delays[..3], [Some(2_000), Some(4_000), Some(8_000)]);
        assert_eq!(delays[10..], [Some(2_048_000), Some(3_600_000), Some(3_600_000)]);
        assert_eq!(DEFAULT.delay_ms(0, &None_), Some(2_000));
        assert!(DEFAULT.delay_ms(749, &None_).is_some());
        assert_eq!(DEFAULT.delay_ms(750, &None_), None);
        assert_eq!(DEFAULT.delay_ms(u32::MAX, &None_), None);
    }

    #[test]
    fn the_default_retries_for_about_thirty_days() {
        let total_ms: u64 = (1..750).filter_map(|spent| DEFAULT.delay_ms(spent, &None_)).sum();
        assert!((30..32).contains(&(total_ms / 86_400_000)), "{total_ms}");
    }

    proptest::proptest! {
        #[test]
        fn a_delay_is_bounded_and_never_shrinks(
            first_ms: u64, factor: u32, max_ms: u64, attempts: u32, spent: u32, seed: u64,
        ) {
            let retry = Retry { first_ms, factor, max_ms, attempts };
            let drawn = retry.delay_ms(spent, &SeededRandom::new(seed));
            proptest::prop_assert_eq!(drawn.is_some(), spent < attempts);
            let plain = retry.plain_ms(spent);
            if let Some(drawn) = drawn {
                proptest::prop_assert!(drawn >= plain - plain / 5);
                proptest::prop_assert!(drawn <= plain.saturating_add(plain / 5));
                let longest = retry.longest().as_millis();
                proptest::prop_assert!(i128::from(drawn).min(i128::from(i64::MAX)) <= longest);
            }
            proptest::prop_assert!(plain <= max_ms);
            proptest::prop_assert!(plain <= retry.plain_ms(spent.saturating_add(1)));
        }
    }
}
