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
    /// It happened. If it is to be said now: how often it happened since it was said last, this time included.
    pub fn happened(&self) -> Option<u64> {
        let now = Instant::now();
        let mut since = self.0.lock();
        since.times += 1;
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
        assert_eq!(seldom.happened(), Some(1));
        assert_eq!((seldom.happened(), seldom.happened()), (None, None));
        tokio::time::advance(EVERY).await;
        assert_eq!((seldom.happened(), seldom.happened()), (Some(3), None));
    }
}
