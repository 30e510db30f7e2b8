//! Reading a lead: one call for one lead. Who reads many has many calls in flight.

use crate::graph::Graph;
use crate::graph::call::{Called, Found, Refused};
use crate::graph::client::Target;
use crate::graph::failure::Failure;
use crate::id::{LeadgenId, PageId};
use crate::lead::{RawLead, RawReply};

/// What came of reading a lead.
pub struct LeadRead {
    /// The reply, or why there is none and what follows.
    pub outcome: Result<LeadReply, Failure>,
    /// HTTP calls made: none while the page is paused, two when the other app secret was tried.
    pub calls: u32,
}

/// The reply in which the lead is that was asked for. It has no `Debug`.
pub struct LeadReply(RawReply);

impl LeadReply {
    /// The lead. It is the one that was asked for, whether it names itself or not.
    pub fn lead(&self) -> Option<RawLead<'_>> {
        self.0.lead()
    }
}

impl Graph {
    pub(super) async fn lead(&self, page: &PageId, fields: &str, id: &LeadgenId) -> LeadRead {
        let Some(access) = self.access(page) else {
            return LeadRead { outcome: Err(self.no_token()), calls: 0 };
        };
        let Called { outcome, calls } =
            self.call(&access, Target::Lead(id, fields), self.reply_max_bytes).await;
        let outcome = match outcome {
            Ok(Found { body }) => Ok(LeadReply(body)),
            Err(Refused { failure, .. }) => Err(failure),
        };
        LeadRead { outcome, calls }
    }
}
