//! What the Graph side was asked: a bounded log, for tests to look into.

use std::collections::VecDeque;

/// One call to the Graph API, noted when it arrives, before any rule applies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GraphCall {
    /// Unix milliseconds by the simulator's clock.
    pub at_ms: u64,
    /// `GET`, …
    pub method: String,
    /// Path without query, version included.
    pub path: String,
    /// The whole query, as it came: a test can assert that no token stands in it.
    pub query: String,
    /// What was asked for.
    pub kind: CallKind,
    /// The ids asked for: one; those of `ids=`, where somebody still asks so.
    pub ids: Vec<String>,
    /// The value of `fields=`, decoded.
    pub fields: Option<String>,
    /// Which token came, and how.
    pub token: TokenSeen,
    /// Whether it came in the URL rather than in the `Authorization` header.
    pub token_in_url: bool,
    /// Whether an `appsecret_proof` came, and which secret made it.
    pub proof: ProofSeen,
}

/// What a call asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallKind {
    /// `/{version}/{leadgen_id}`, or an id that nobody knows.
    Lead,
    /// `/{version}/?ids=…`, which Meta refuses
    Ids,
    /// `/{version}/{form_id}`
    Form,
    /// `/{version}/{page_id}`
    Page,
    /// `/{version}/{page_id}/leadgen_forms`
    FormsOfPage,
    /// `/{version}/{form_id}/leads`
    LeadsOfForm,
    /// Anything else.
    Other,
}

/// The token of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenSeen {
    /// None came.
    Missing,
    /// One came that reads no page.
    Unknown,
    /// One that reads these pages.
    Of(Vec<String>),
}

/// The `appsecret_proof` of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProofSeen {
    /// None came.
    Missing,
    /// One came that no app secret makes of this token.
    Wrong,
    /// Made with the app secret at this place of [`crate::Setup::app_secrets`].
    Secret(usize),
}

/// A ring of the last calls.
pub(crate) struct CallLog {
    calls: VecDeque<GraphCall>,
    calls_max: usize,
}

impl CallLog {
    pub fn new(calls_max: usize) -> CallLog {
        CallLog { calls: VecDeque::new(), calls_max }
    }

    pub fn note(&mut self, call: GraphCall) {
        if self.calls_max == 0 {
            return;
        }
        if self.calls.len() == self.calls_max {
            self.calls.pop_front();
        }
        self.calls.push_back(call);
    }

    pub fn all(&self) -> Vec<GraphCall> {
        self.calls.iter().cloned().collect()
    }

    pub fn clear(&mut self) {
        self.calls.clear();
    }
}
