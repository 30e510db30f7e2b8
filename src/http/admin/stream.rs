//! The body of an export: records as they come, in chunks, in bounded memory.

use std::sync::Arc;

use actix_web::HttpResponseBuilder;
use bytes::Bytes;
use futures_util::stream;

use crate::http::admin::record::Record;
use crate::purpose::Purpose;
use crate::store::{Records, StoreError};

/// A chunk leaves when it has reached this size; it exceeds it by one batch of records at most.
const CHUNK_BYTES: usize = 32 * 1024;

/// How records become bytes.
pub(super) trait Format {
    /// What comes before the first record.
    fn head(&mut self, out: &mut Vec<u8>);
    /// One record.
    fn record(&mut self, record: &Record<'_>, out: &mut Vec<u8>);
    /// What comes after the last.
    fn tail(&mut self, out: &mut Vec<u8>);
}

/// An export under way.
pub(super) struct Export {
    /// The records that follow.
    pub(super) records: Records,
    /// Whose whitelist they are read under.
    pub(super) purpose: Arc<Purpose>,
    /// How they are written.
    pub(super) format: Box<dyn Format>,
    /// The number of the request, for the log.
    pub(super) request_id: String,
}

impl Export {
    /// The answer with this export as its body.
    pub(super) fn into_response(self, mut head: HttpResponseBuilder) -> actix_web::HttpResponse {
        let progress = Progress { export: self, stage: Stage::Head, sent: 0 };
        head.streaming(stream::unfold(progress, |mut progress| async move {
            let chunk = progress.chunk().await?;
            Some((chunk, progress))
        }))
    }
}

enum Stage {
    Head,
    Records,
    Over,
}

struct Progress {
    export: Export,
    stage: Stage,
    sent: u64,
}

impl Progress {
    /// The next chunk. An error breaks the transfer: a client must never take half an export for a whole one.
    async fn chunk(&mut self) -> Option<Result<Bytes, StoreError>> {
        if matches!(self.stage, Stage::Over) {
            return None;
        }
        let mut out = Vec::with_capacity(CHUNK_BYTES);
        if matches!(self.stage, Stage::Head) {
            self.export.format.head(&mut out);
            self.stage = Stage::Records;
        }
        while out.len() < CHUNK_BYTES {
            match self.export.records.recv_batch().await {
                Some(Ok(batch)) => {
                    for lead in batch.iter() {
                        self.export.format.record(&Record::of(lead, &self.export.purpose), &mut out);
                    }
                    self.sent += batch.len() as u64;
                }
                Some(Err(error)) => {
                    self.stage = Stage::Over;
                    self.log_failure(error);
                    return Some(Err(error));
                }
                None => {
                    self.export.format.tail(&mut out);
                    self.stage = Stage::Over;
                    self.log_end();
                    break;
                }
            }
        }
        // An empty chunk would be passed over anyway; NDJSON without records has none.
        Some(Ok(Bytes::from(out)))
    }

    fn log_failure(&self, error: StoreError) {
        let Self { export, sent, .. } = self;
        tracing::error!(
            request.id = %export.request_id, purpose = %export.purpose.id, records.sent = sent,
            store.code = %error.code, io.kind = ?error.io, "export.broken"
        );
    }

    fn log_end(&self) {
        let Self { export, sent, .. } = self;
        tracing::info!(
            request.id = %export.request_id, purpose = %export.purpose.id, records.sent = sent, "export.done"
        );
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if matches!(self.stage, Stage::Records) {
            let Self { export, sent, .. } = self;
            tracing::warn!(
                request.id = %export.request_id, purpose = %export.purpose.id, records.sent = *sent,
                "export.abandoned"
            );
        }
    }
}
