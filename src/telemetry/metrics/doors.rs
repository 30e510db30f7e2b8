//! Connections, by listener, and what the admin side answered.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use crate::code::Coded;
use crate::telemetry::metrics::labels::{CountedBy, CountedByStatus, OneWord, TwoWords};
use crate::telemetry::metrics::{Metrics, register};

/// The doors.
pub(super) struct Doors {
    admin_requests: CountedByStatus,
    lookups_slowed: Counter,
    searches: Counter,
    search_scans: Counter,
    connections: Family<OneWord, Gauge>,
    turned_away: Family<TwoWords, Counter>,
    heads_refused: Family<TwoWords, Counter>,
}

/// What one listener counts. It waits for nobody.
pub struct ListenerCounts<T, H> {
    /// Open now.
    pub connections: Gauge,
    /// Connections that lost their place or got none.
    pub turned_away: CountedBy<T>,
    /// Requests answered before anything of them was read but the head.
    pub heads_refused: CountedBy<H>,
}

impl Doors {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let admin_requests: Family<OneWord, Counter> =
            register!(registry, "admin_requests", "Calls to the admin side, by HTTP status answered");
        Self {
            admin_requests: CountedByStatus::all(&admin_requests),
            lookups_slowed: register!(
                registry,
                "lookups_slowed",
                "Look-ups by a record's number or an address that had to wait or were refused, since their caller makes many"
            ),
            searches: register!(registry, "searches", "Look-ups by an e-mail address or a telephone number"),
            search_scans: register!(
                registry,
                "search_scans",
                "Scans of everything that is stored that were made for look-ups by address; those that wait share one"
            ),
            connections: register!(registry, "connections", "Connections, by listener"),
            turned_away: register!(
                registry,
                "connections_turned_away",
                "Connections that lost their place or got none, by listener and code"
            ),
            heads_refused: register!(
                registry,
                "heads_refused",
                "Requests answered before anything of them was read but the head, by listener and code"
            ),
        }
    }
}

impl Metrics {
    /// A call to the admin side was answered.
    pub fn admin_request(&self, status: u16) {
        self.doors.admin_requests.count(status);
    }

    /// A look-up by a record's number or an address had to wait, or was refused.
    pub fn lookup_slowed(&self) {
        self.doors.lookups_slowed.inc();
    }

    /// Everything that is stored is looked through, for so many look-ups by address.
    pub fn searched(&self, lookups: u64) {
        self.doors.searches.inc_by(lookups);
        self.doors.search_scans.inc();
    }

    /// What the listener of this name counts: every code for which it turns connections away, and those of heads that it
    /// refuses.
    pub fn listener<T: Coded, H: Coded>(&self, name: &'static str, heads: &[H]) -> ListenerCounts<T, H> {
        let listener = ("listener", name);
        ListenerCounts {
            connections: self.doors.connections.get_or_create_owned(&[listener]),
            turned_away: CountedBy::beside(&self.doors.turned_away, listener, "code", T::every()),
            heads_refused: CountedBy::beside(&self.doors.heads_refused, listener, "code", heads),
        }
    }
}
