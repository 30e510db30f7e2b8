//! The records of a page on their way to whoever asked. Their end is said, not inferred: a reading that died (a panic, a
//! runtime going down, a reader given up) leaves an error behind it, never a list that looks whole.
//!
//! They go from thread to thread in batches: waking the other side for each record costs as much as opening it.

use std::vec;

use tokio::sync::mpsc;

use crate::lead::OpenedLead;
use crate::store::{StoreCode, StoreError};

/// Where records come out, in arrival order.
pub struct Records {
    /// What came last and is not taken yet.
    here: vec::IntoIter<OpenedLead>,
    coming: mpsc::Receiver<Told>,
    over: bool,
}

/// What a reading says.
enum Told {
    Records(Vec<OpenedLead>),
    Failed(StoreError),
    End,
}

/// Where a store puts them in.
pub struct RecordsFeed(mpsc::Sender<Told>);

/// Both ends; so many batches wait in between for a slow reader.
pub fn records(batches_max: usize) -> (RecordsFeed, Records) {
    let (feed, coming) = mpsc::channel(batches_max);
    (RecordsFeed(feed), Records { here: Vec::new().into_iter(), coming, over: false })
}

impl Records {
    /// The next record; none: that was all. After an `Err` nothing comes.
    pub async fn recv(&mut self) -> Option<Result<OpenedLead, StoreError>> {
        loop {
            if let Some(lead) = self.here.next() {
                return Some(Ok(lead));
            }
            if self.over {
                return None;
            }
            let told = self.coming.recv().await;
            match told.unwrap_or(Told::Failed(StoreError::of(StoreCode::ReadingInterrupted))) {
                Told::Records(batch) => self.here = batch.into_iter(),
                Told::Failed(error) => {
                    self.over = true;
                    return Some(Err(error));
                }
                Told::End => self.over = true,
            }
        }
    }
}

impl RecordsFeed {
    /// Waits for a place and hands a batch of records over. False: nobody listens any more.
    pub async fn send(&self, batch: Vec<OpenedLead>) -> bool {
        self.0.send(Told::Records(batch)).await.is_ok()
    }

    /// Ends the page with an error.
    pub async fn fail(self, error: StoreError) {
        // Nobody may be left to hear it.
        let _ = self.0.send(Told::Failed(error)).await;
    }

    /// Says that this was all.
    pub async fn end(self) {
        // Nobody may be left to hear it.
        let _ = self.0.send(Told::End).await;
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
        assert!(feed.send(Vec::new()).await);
        feed.fail(StoreError::of(StoreCode::Io)).await;
        assert_eq!(records.recv().await.and_then(Result::err).map(|error| error.code), Some(StoreCode::Io));
        assert!(records.recv().await.is_none());
    }
}
