//! Mails to people: sent, dropped, not taken.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

use crate::code::Coded;
use crate::telemetry::metrics::labels::{CountedBy, OneWord};
use crate::telemetry::metrics::{Metrics, register};

/// Mails.
pub(super) struct Mails {
    sent: Family<OneWord, Counter>,
    dropped: Family<OneWord, Counter>,
    failed: Family<OneWord, Counter>,
}

impl Mails {
    pub(super) fn register(registry: &mut Registry) -> Self {
        Self {
            sent: register!(registry, "mails_sent", "Mails that a server took, by kind"),
            dropped: register!(registry, "mails_dropped", "Mails that waited and were not sent, by code"),
            failed: register!(
                registry,
                "mail_failures",
                "How often a mail server was not there, or did not take a mail, by code"
            ),
        }
    }
}

/// What counts mails: by kind, by why one was not sent, by what a server did not take. Each has a line from the start.
pub struct MailsCounted<K, W, C> {
    /// A server took it.
    pub sent: CountedBy<K>,
    /// It waits no longer, and was not sent.
    pub dropped: CountedBy<W>,
    /// It waits on.
    pub failed: CountedBy<C>,
}

impl Metrics {
    /// What counts mails.
    pub fn mails_counted<K: Coded, W: Coded, C: Coded>(&self) -> MailsCounted<K, W, C> {
        MailsCounted {
            sent: CountedBy::all(&self.mails.sent, "kind"),
            dropped: CountedBy::all(&self.mails.dropped, "code"),
            failed: CountedBy::all(&self.mails.failed, "code"),
        }
    }
}
