//! Waiting with an end on a plain thread: where one end of a channel is an async caller and the other a thread, neither
//! may wait for ever on the other.

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;
use std::time::{Duration, Instant};

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Waits on this thread for a future that needs no runtime (a channel's), for at most `within`. None: not in time; the
/// future is dropped.
pub fn wait_for<F: Future>(future: F, within: Duration) -> Option<F::Output> {
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut context = Context::from_waker(&waker);
    let mut future = pin!(future);
    let begun = Instant::now();
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return Some(output);
        }
        let left = within.checked_sub(begun.elapsed())?;
        std::thread::park_timeout(left);
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc;

    use super::*;

    #[test]
    fn it_ends_with_the_future_or_in_time() {
        let (sender, mut receiver) = mpsc::channel::<u8>(1);
        assert_eq!(wait_for(receiver.recv(), Duration::from_millis(20)), None);
        let sending = std::thread::Builder::new().spawn(move || {
            std::thread::sleep(Duration::from_millis(50));
            sender.blocking_send(7).expect("sent");
        });
        assert_eq!(wait_for(receiver.recv(), Duration::from_secs(20)), Some(Some(7)));
        assert_eq!(wait_for(receiver.recv(), Duration::from_secs(20)), Some(None), "the sender left");
        sending.expect("a thread").join().expect("no panic");
    }
}
