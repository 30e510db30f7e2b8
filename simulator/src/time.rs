//! What time it is at Meta, and how Meta writes it.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use jiff::Timestamp;

/// Unix milliseconds, now. Tests hand in their own; [`system_clock`] is the world's.
pub type Clock = Arc<dyn Fn() -> u64 + Send + Sync>;

/// The clock of this machine.
pub fn system_clock() -> Clock {
    Arc::new(|| {
        #[expect(clippy::disallowed_methods, reason = "the simulator's own clock: Meta does not ask ours")]
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    })
}

/// A time as the Graph API writes it: `2015-02-28T08:49:14+0000`, the offset without a colon (*Retrieving*, sample).
pub fn graph_time(unix_seconds: u64) -> String {
    written(unix_seconds, "%Y-%m-%dT%H:%M:%S+0000")
}

/// A time as HTTP's `Date` header wants it (RFC 9110, 5.6.7).
pub(crate) fn http_date(unix_seconds: u64) -> String {
    written(unix_seconds, "%a, %d %b %Y %H:%M:%S GMT")
}

fn written(unix_seconds: u64, format: &str) -> String {
    let seconds = i64::try_from(unix_seconds).unwrap_or(i64::MAX);
    Timestamp::from_second(seconds).unwrap_or(Timestamp::MAX).strftime(format).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_meta_and_http_write_them() {
        assert_eq!(graph_time(1_425_113_354), "2015-02-28T08:49:14+0000");
        assert_eq!(http_date(784_111_777), "Sun, 06 Nov 1994 08:49:37 GMT");
    }
}
