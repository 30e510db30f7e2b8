//! What the metrics look up when somebody asks.

use std::sync::Arc;

use jiff::Timestamp;

use crate::attention::Attention;
use crate::clock::Clock;
use crate::graph::Graph;
use crate::inbox::Inbox;
use crate::store::SharedStore;
use crate::telemetry::metrics::{OldestSeconds, Readings};
use crate::workers::Stands;

/// The rooms that are asked.
#[derive(Clone)]
pub(super) struct Read {
    pub(super) inbox: Arc<Inbox>,
    pub(super) store: SharedStore,
    pub(super) graph: Arc<Graph>,
    pub(super) attention: Arc<Attention>,
    pub(super) clock: Arc<dyn Clock>,
}

impl Read {
    /// As it is now. What the store does not tell is left as it was, or at nothing.
    pub(super) async fn readings(&self, (stands, looked): (Vec<Stands>, Option<Timestamp>)) -> Readings {
        let Self { inbox, store, graph, attention, clock } = self;
        let now = clock.now();
        let age = |since: Option<Timestamp>| {
            let seconds = since.map_or(0, |since| now.as_second() - since.as_second());
            u64::try_from(seconds).unwrap_or(0)
        };
        let (segments, disk) = (inbox.figures(), inbox.disk());
        let queued = inbox.oldest().map(|(_, since)| since);
        let parked = store.oldest().await.unwrap_or_default();
        let tokens = store.tokens().await.unwrap_or_default();
        let latest = now.max(store.now());
        Readings {
            inbox_queued: inbox.queued(),
            oldest: OldestSeconds {
                queued: age(queued),
                waiting: age(parked.waiting.map(|oldest| oldest.since)),
                held: age(parked.held.map(|oldest| oldest.since)),
            },
            inbox_segments: (segments.segments_live as u64, segments.segments_spare as u64),
            inbox_references_missing: segments.references_missing,
            parked: store.parked().await.ok(),
            mails_waiting: store.mails_waiting().count,
            erasures_to_tell: store.tellings_waiting(),
            mail_waiting_seconds: age(store.mails_waiting().oldest),
            records: store.stored().await.map_or_else(|_| Vec::new(), |stored| stored.into_iter().collect()),
            pages: graph.page_ids().iter().copied().collect(),
            paused: graph.paused().into_iter().map(|paused| (paused.page, paused.code)).collect(),
            tokens: tokens.into_iter().map(|token| (token.id.clone(), token.days_left(latest))).collect(),
            erasures_pending: {
                let stuck = store.stuck_erasures();
                stuck.pending + stuck.damaged
            },
            vigils: store.vigils(),
            attention: attention.standing().into_iter().map(|(code, _)| code).collect(),
            findings: stands.iter().map(|one| (one.code, one.forms.len() as u64)).collect(),
            form_look_seconds: age(looked),
            copied: {
                let copies = store.last_copies();
                (seconds(copies.backed_up), seconds(copies.vacuumed))
            },
            disk: (disk.free_bytes, disk.floor_bytes),
            ready: inbox.ready().await && store.ready(),
        }
    }
}

/// In seconds since 1970; 0: none.
fn seconds(moment: Option<Timestamp>) -> u64 {
    moment.and_then(|moment| u64::try_from(moment.as_second()).ok()).unwrap_or(0)
}
