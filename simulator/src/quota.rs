//! A limit on calls, with the headers that tell how near it is (*Rate limits*, "Business use case rate limits").

use std::collections::VecDeque;

use crate::graph::error::GraphError;
use crate::misbehave::Usage;

/// So many calls within a sliding window.
pub(crate) struct Quota {
    page_id: String,
    calls_max: u32,
    window_ms: u64,
    made: VecDeque<u64>,
    refused: u32,
}

impl Quota {
    pub fn new(page_id: &str, calls_max: u32, window_ms: u64) -> Quota {
        let calls_max = calls_max.max(1);
        Quota { page_id: page_id.to_owned(), calls_max, window_ms, made: VecDeque::new(), refused: 0 }
    }

    /// Counts a call: the usage after it, and the refusal if it is one too many.
    pub fn count(&mut self, now_ms: u64) -> (Usage, Option<GraphError>) {
        while self.made.front().is_some_and(|made| made + self.window_ms <= now_ms) {
            self.made.pop_front();
        }
        self.made.push_back(now_ms);
        let made = u32::try_from(self.made.len()).unwrap_or(u32::MAX);
        let usage = Usage::leadgen(&self.page_id, made.saturating_mul(100) / self.calls_max, 0);
        let refusal = (made > self.calls_max).then(|| {
            self.refused += 1;
            GraphError::new(80_005, "(#80005) There have been too many calls from this ad-account.")
        });
        (usage, refusal)
    }

    pub fn refused(&self) -> u32 {
        self.refused
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_count_for_a_window_and_the_one_too_many_is_refused() {
        let mut quota = Quota::new("104", 4, 1_000);
        let used = |quota: &mut Quota, at| {
            let (usage, refusal) = quota.count(at);
            let business = usage.business.expect("a header");
            (business.contains("\"call_count\":100"), refusal.is_some())
        };
        for at in [0, 1, 2] {
            assert_eq!(used(&mut quota, at), (false, false));
        }
        assert_eq!(used(&mut quota, 3), (true, false));
        assert_eq!(used(&mut quota, 4), (false, true), "125 %");
        assert_eq!(quota.refused(), 1);
        assert_eq!(used(&mut quota, 1_002), (false, false), "0, 1 and 2 are over");
    }
}
