//! The records of a page on their way to whoever asked. Their end is said, not inferred: a reading that died (a panic, a
//! runtime going down, a reader given up) leaves an error behind it, never a list that looks whole.

use tokio::sync::mpsc;

use crate::lead::OpenedLead;
use crate::store::{StoreCode, StoreError};

/// Where records come out, in arrival order.
pub struct Records {
    /// None: the end.
    coming: mpsc::Receiver<Option<Result<OpenedLead, StoreError>>>,
    over: bool,
}

/// Where a store puts them in.
pub struct RecordsFeed(mpsc::Sender<Option<Result<OpenedLead, StoreError>>>);

/// Both ends; so many records wait in between for a slow reader.
pub fn records(waiting_max: usize) -> (RecordsFeed, Records) {
    let (feed, coming) = mpsc::channel(waiting_max);
    (RecordsFeed(feed), Records { coming, over: false })
}

impl Records {
    /// The next record; none: that was all. After an `Err` nothing comes.
    pub async fn recv(&mut self) -> Option<Result<OpenedLead, StoreError>> {
        if self.over {
            return None;
        }
        let told = self.coming.recv().await;
        let told = told.unwrap_or(Some(Err(StoreError::of(StoreCode::ReadingInterrupted))));
        self.over = !matches!(told, Some(Ok(_)));
        told
    }
}

impl RecordsFeed {
    /// Waits for a place and hands a record over, or the error that ends the page. False: nobody listens any more.
    pub async fn send(&self, record: Result<OpenedLead, StoreError>) -> bool {
        self.0.send(Some(record)).await.is_ok()
    }

    /// Says that this was all.
    pub async fn end(self) {
        // Nobody may be left to hear it.
        let _ = self.0.send(None).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_end_that_was_not_said_is_an_error_once() {
        let (feed, mut records) = records(1);
        drop(feed);
        let told = records.recv().await.and_then(Result::err).map(|error| error.code);
        assert_eq!(told, Some(StoreCode::ReadingInterrupted));
        assert!(records.recv().await.is_none());
    }

    #[tokio::test]
    async fn an_end_that_was_said_is_none() {
        let (feed, mut records) = records(1);
        feed.end().await;
        assert!(records.recv().await.is_none());
        let (feed, mut records) = super::records(2);
        assert!(feed.send(Err(StoreError::of(StoreCode::Io))).await);
        feed.end().await;
        assert_eq!(records.recv().await.and_then(Result::err).map(|error| error.code), Some(StoreCode::Io));
        assert!(records.recv().await.is_none());
    }
}
