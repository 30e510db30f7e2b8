//! A line that anybody can cause is said at most once a minute, with how often it would have been.

use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

const EVERY: Duration = Duration::from_secs(60);

/// What happens again and again, and is said seldom.
#[derive(Default)]
pub struct Seldom(Mutex<Since>);

#[derive(Default)]
struct Since {
    said: Option<Instant>,
    times: u64,
}

impl Seldom {
    /// It happened so often. If it is to be said now: how often since it was said last, these times included.
    pub fn happened(&self, times: u64) -> Option<u64> {
        let now = Instant::now();
        let mut since = self.0.lock();
        since.times = since.times.saturating_add(times);
        if since.said.is_some_and(|said| now.duration_since(said) < EVERY) {
            return None;
        }
        let times = since.times;
        *since = Since { said: Some(now), times: 0 };
        Some(times)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn it_is_said_at_once_and_then_once_a_minute() {
        let seldom = Seldom::default();
        assert_eq!(seldom.happened(3), Some(3));
        assert_eq!((seldom.happened(4), seldom.happened(5)), (None, None));
        tokio::time::advance(EVERY).await;
        assert_eq!((seldom.happened(1), seldom.happened(1)), (Some(10), None), "none is left out");
    }
}
