//! The body of an export: one thread reads and unseals, the listener's writes and sends, in chunks, in bounded memory.
//!
//! Between them go bytes of records, not opened ones: these are made of many small blocks, and a thread that frees what
//! another allocated waits for the other's allocations. An answer is a value only while its line is written.
//!
//! The end is said, not inferred: a thread that died (a panic, a runtime going down, a client given up) breaks the
//! transfer, so that nobody takes half an export for a whole one.

use std::sync::Arc;
use std::time::Duration;

use actix_web::HttpResponseBuilder;
use bytes::Bytes;
use futures_util::stream;
use tokio::sync::mpsc;

use crate::http::admin::record::{Outlet, Record};
use crate::http::visit::Visit;
use crate::lead::UnsealedLead;
use crate::lifecycle::wait::wait_for;
use crate::store::{DayLook, Records, StoreCode, StoreError};

/// A chunk leaves when it has reached this size; it exceeds it by one record at most. After each the listener's thread
/// looks at its other connections.
const CHUNK_BYTES: usize = 32 * 1024;
/// Records that go from thread to thread at a time: waking the other side for each costs as much as unsealing it.
const BATCH_RECORDS: usize = 64;
/// Batches that wait for a slow client, beside the one that it has and the one that is being read.
const BATCHES_WAITING_MAX: usize = 1;
/// How long a client may take nothing before its export ends, with an error: it holds a thread and a place in the store.
const TAKEN_WITHIN: Duration = if cfg!(test) { Duration::from_secs(3) } else { Duration::from_secs(60) };

/// How records become bytes.
pub(super) trait Format {
    /// What comes before the first record.
    fn head(&mut self, out: &mut Vec<u8>);
    /// One record.
    fn record(&mut self, record: &Record<'_>, out: &mut Vec<u8>);
    /// What comes after the last.
    fn tail(&mut self, out: &mut Vec<u8>);
}

/// An export before its first byte.
pub(super) struct Export {
    /// The records that follow.
    pub(super) records: Records,
    /// The look at the clock by which it was opened.
    pub(super) days: DayLook,
    /// What of them is let out.
    pub(super) outlet: Outlet,
    /// How they are written.
    pub(super) format: Box<dyn Format>,
    /// The number of the request, for the log.
    pub(super) request_id: String,
    /// Whoever takes it.
    pub(super) visit: Option<Arc<Visit>>,
    /// So many records lie among them and are not in it: nobody agreed to hand them to this recipient.
    pub(super) withheld: u64,
}

/// What the reading thread says.
enum Told {
    Records(Vec<UnsealedLead>),
    Failed(StoreError),
    End,
}

/// Nobody takes what is read.
enum Unheard {
    /// The client went away.
    Gone,
    /// It took nothing for [`TAKEN_WITHIN`].
    Stuck,
}

impl Export {
    /// The answer with this export as its body.
    pub(super) fn into_response(self, mut head: HttpResponseBuilder) -> actix_web::HttpResponse {
        let Self { records, days, outlet, format, request_id, visit, withheld } = self;
        let (told, coming) = mpsc::channel(BATCHES_WAITING_MAX);
        let (id, purpose) = (request_id.clone(), outlet.purpose().id.clone());
        // Ends by itself when nobody takes what it reads, or with the last record.
        tokio::task::spawn_blocking(move || {
            if let Err(Unheard::Stuck) = read(records, &told) {
                tracing::warn!(request.id = %id, purpose = %purpose, "export.given-up");
                if let Some(visit) = visit {
                    visit.end();
                }
            }
        });
        let batch = Vec::new().into_iter();
        let stage = Stage::Head;
        let writing = Writing { coming, batch, days, outlet, format, request_id, stage, sent: 0, withheld };
        head.streaming(stream::unfold(writing, |mut writing| async move {
            let chunk = writing.chunk().await?;
            Some((chunk, writing))
        }))
    }
}

fn read(records: Records, told: &mpsc::Sender<Told>) -> Result<(), Unheard> {
    let mut batch = Vec::with_capacity(BATCH_RECORDS);
    for record in records {
        match record {
            Ok(lead) => batch.push(lead),
            // What could be read leaves first: the error then says where it ends.
            Err(error) => {
                tell(told, Told::Records(batch))?;
                return tell(told, Told::Failed(error));
            }
        }
        if batch.len() == BATCH_RECORDS {
            tell(told, Told::Records(std::mem::replace(&mut batch, Vec::with_capacity(BATCH_RECORDS))))?;
        }
    }
    tell(told, Told::Records(batch))?;
    tell(told, Told::End)
}

fn tell(told: &mpsc::Sender<Told>, what: Told) -> Result<(), Unheard> {
    match wait_for(told.send(what), TAKEN_WITHIN) {
        Some(Ok(())) => Ok(()),
        Some(Err(_)) => Err(Unheard::Gone),
        None => Err(Unheard::Stuck),
    }
}

/// The client's end of an export.
struct Writing {
    coming: mpsc::Receiver<Told>,
    /// What came and is not written yet.
    batch: std::vec::IntoIter<UnsealedLead>,
    days: DayLook,
    outlet: Outlet,
    format: Box<dyn Format>,
    request_id: String,
    stage: Stage,
    sent: u64,
    /// So many records nobody agreed to hand to this recipient.
    withheld: u64,
}

enum Stage {
    Head,
    Records,
    /// After these bytes the transfer breaks.
    Failing(StoreError),
    Over,
}

impl Writing {
    /// The next chunk. An error breaks the transfer: a client must never take half an export for a whole one.
    async fn chunk(&mut self) -> Option<Result<Bytes, StoreError>> {
        // A client that takes all at once would otherwise keep the thread to itself.
        tokio::task::yield_now().await;
        let mut out = Vec::with_capacity(CHUNK_BYTES + CHUNK_BYTES / 2);
        if matches!(self.stage, Stage::Head) {
            self.format.head(&mut out);
            self.stage = Stage::Records;
        }
        while matches!(self.stage, Stage::Records) && out.len() < CHUNK_BYTES {
            if let Some(lead) = self.batch.next() {
                if let Err(error) = self.write(&lead, &mut out) {
                    self.stage = Stage::Failing(error);
                }
                continue;
            }
            let told = self.coming.recv().await;
            match told.unwrap_or(Told::Failed(StoreError::of(StoreCode::ReadingInterrupted))) {
                Told::Records(leads) => self.batch = leads.into_iter(),
                Told::Failed(error) => self.stage = Stage::Failing(error),
                Told::End => {
                    self.format.tail(&mut out);
                    self.stage = Stage::Over;
                    self.log_end();
                }
            }
        }
        match self.stage {
            _ if !out.is_empty() => Some(Ok(Bytes::from(out))),
            Stage::Failing(error) => {
                self.stage = Stage::Over;
                self.log_failure(error);
                Some(Err(error))
            }
            Stage::Head | Stage::Records | Stage::Over => None,
        }
    }

    fn write(&mut self, lead: &UnsealedLead, out: &mut Vec<u8>) -> Result<(), StoreError> {
        let lead = lead.read().map_err(|_| StoreError::of(StoreCode::RecordUnreadable))?;
        match Record::of(&lead, &self.outlet, self.days)? {
            Some(record) => {
                self.format.record(&record, out);
                self.sent += 1;
            }
            None => self.withheld += 1,
        }
        Ok(())
    }

    fn log_failure(&self, error: StoreError) {
        tracing::error!(
            request.id = %self.request_id, purpose = %self.outlet.purpose().id, records.sent = self.sent,
            store.code = %error.code, io.kind = ?error.io, "export.broken"
        );
    }

    fn log_end(&self) {
        tracing::info!(
            request.id = %self.request_id, purpose = %self.outlet.purpose().id, records.sent = self.sent,
            records.withheld = self.withheld, "export.done"
        );
    }
}

impl Drop for Writing {
    fn drop(&mut self) {
        if !matches!(self.stage, Stage::Over) {
            tracing::warn!(
                request.id = %self.request_id, purpose = %self.outlet.purpose().id, records.sent = self.sent,
                "export.abandoned"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use actix_web::HttpResponse;
    use actix_web::body::{MessageBody, to_bytes};
    use jiff::Timestamp;

    use super::*;
    use crate::http::admin::ndjson::Ndjson;
    use crate::http::admin::tests::policy;
    use crate::lead::{UnsealedLead, sample};

    /// Unsealed leads, as many as are asked for.
    fn leads() -> impl Iterator<Item = Result<UnsealedLead, StoreError>> {
        std::iter::repeat_with(|| Ok(sample::unsealed("devis", "anne@lumen.example", Timestamp::UNIX_EPOCH)))
    }

    fn response(
        records: impl Iterator<Item = Result<UnsealedLead, StoreError>> + Send + 'static,
    ) -> HttpResponse {
        let outlet = Outlet::of(policy().purpose("devis").expect("a purpose").clone(), None);
        let (format, request_id, visit) = (Box::new(Ndjson), "1".to_owned(), None);
        let days = DayLook::at(Timestamp::UNIX_EPOCH);
        let records = Box::new(records);
        let export = Export { records, days, outlet, format, request_id, visit, withheld: 0 };
        export.into_response(HttpResponse::Ok())
    }

    #[tokio::test]
    async fn what_could_be_read_leaves_before_the_error() {
        let failing = leads().take(1_000).chain([Err(StoreError::of(StoreCode::RecordUnreadable))]);
        let mut body = Box::pin(response(failing).into_body());
        let (mut bytes, mut failed) = (0, false);
        while let Some(chunk) = std::future::poll_fn(|context| body.as_mut().poll_next(context)).await {
            match chunk {
                Ok(chunk) => bytes += chunk.len(),
                Err(_) => failed = true,
            }
        }
        let line = to_bytes(response(leads().take(1)).into_body()).await.expect("a line").len();
        assert_eq!((bytes, failed), (1_000 * line, true));
    }

    #[tokio::test]
    async fn a_thread_that_dies_breaks_the_transfer() {
        let dying = leads().take(10).chain(std::iter::from_fn(|| panic!("of a test")));
        assert!(to_bytes(response(dying).into_body()).await.is_err(), "a short list that looks whole");
    }

    #[tokio::test]
    async fn a_client_that_takes_nothing_is_given_up_and_one_that_leaves_is_noticed() {
        let place = Arc::new(());
        let holding = |place: Arc<()>| leads().inspect(move |_| assert!(Arc::strong_count(&place) > 0));
        let stuck = response(holding(place.clone()));
        tokio::time::sleep(TAKEN_WITHIN / 2).await;
        assert_eq!(Arc::strong_count(&place), 2);
        tokio::time::sleep(TAKEN_WITHIN).await;
        assert_eq!(Arc::strong_count(&place), 1, "its thread and its place in the store are free");
        assert!(to_bytes(stuck.into_body()).await.is_err(), "a short list that looks whole");
        drop(response(holding(place.clone())));
        tokio::time::sleep(TAKEN_WITHIN / 2).await;
        assert_eq!(Arc::strong_count(&place), 1);
    }
}
