//! The records of a page on their way to whoever asked. Their end is said, not inferred: a reading that died (a panic, a
//! runtime going down, a reader given up) leaves an error behind it, never a list that looks whole.
//!
//! They go from thread to thread in batches, since waking the other side for each record costs as much as opening it, and
//! go back when they were read: a thread that frees what another allocated waits for the other's allocations.

use std::ops::Deref;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::vec;

use tokio::sync::mpsc;

use crate::lead::OpenedLead;
use crate::store::{StoreCode, StoreError};

/// Where records come out, in arrival order.
pub struct Records {
    /// What [`Records::recv`] has not given yet of the last batch.
    here: vec::IntoIter<OpenedLead>,
    coming: mpsc::Receiver<Told>,
    spent: SyncSender<Vec<OpenedLead>>,
    over: bool,
}

/// Some records in a row. Dropped, they go back to be freed where they were made.
pub struct Batch {
    leads: Vec<OpenedLead>,
    spent: SyncSender<Vec<OpenedLead>>,
}

/// What a reading says.
enum Told {
    Records(Vec<OpenedLead>),
    Failed(StoreError),
    End,
}

/// Where a store puts them in.
pub struct RecordsFeed {
    feed: mpsc::Sender<Told>,
    spent: Receiver<Vec<OpenedLead>>,
}

/// Both ends; so many batches wait in between for a slow reader.
pub fn records(batches_max: usize) -> (RecordsFeed, Records) {
    let (feed, coming) = mpsc::channel(batches_max);
    let (back, spent) = sync_channel(batches_max + 1);
    let records = Records { here: Vec::new().into_iter(), coming, spent: back, over: false };
    (RecordsFeed { feed, spent }, records)
}

impl Records {
    /// The next record; none: that was all. After an `Err` nothing comes.
    pub async fn recv(&mut self) -> Option<Result<OpenedLead, StoreError>> {
        loop {
            if let Some(lead) = self.here.next() {
                return Some(Ok(lead));
            }
            match self.recv_batch().await? {
                Ok(mut batch) => self.here = std::mem::take(&mut batch.leads).into_iter(),
                Err(error) => return Some(Err(error)),
            }
        }
    }

    /// The next records, at least one; none: that was all. After an `Err` nothing comes.
    pub async fn recv_batch(&mut self) -> Option<Result<Batch, StoreError>> {
        while !self.over {
            let told = self.coming.recv().await;
            match told.unwrap_or(Told::Failed(StoreError::of(StoreCode::ReadingInterrupted))) {
                Told::Records(leads) if leads.is_empty() => {}
                Told::Records(leads) => return Some(Ok(Batch { leads, spent: self.spent.clone() })),
                Told::Failed(error) => {
                    self.over = true;
                    return Some(Err(error));
                }
                Told::End => self.over = true,
            }
        }
        None
    }
}

impl Deref for Batch {
    type Target = [OpenedLead];

    fn deref(&self) -> &[OpenedLead] {
        &self.leads
    }
}

impl Drop for Batch {
    fn drop(&mut self) {
        // If the reading is over, or behind with freeing, they are freed here.
        let _ = self.spent.try_send(std::mem::take(&mut self.leads));
    }
}

impl RecordsFeed {
    /// Frees what came back, waits for a place and hands a batch of records over. False: nobody listens any more.
    pub async fn send(&mut self, batch: Vec<OpenedLead>) -> bool {
        self.spent.try_iter().for_each(drop);
        self.feed.send(Told::Records(batch)).await.is_ok()
    }

    /// Ends the page with an error.
    pub async fn fail(self, error: StoreError) {
        // Nobody may be left to hear it.
        let _ = self.feed.send(Told::Failed(error)).await;
    }

    /// Says that this was all.
    pub async fn end(self) {
        // Nobody may be left to hear it.
        let _ = self.feed.send(Told::End).await;
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
        let (mut feed, mut records) = super::records(2);
        assert!(feed.send(Vec::new()).await);
        feed.fail(StoreError::of(StoreCode::Io)).await;
        assert_eq!(records.recv().await.and_then(Result::err).map(|error| error.code), Some(StoreCode::Io));
        assert!(records.recv().await.is_none());
    }
}
