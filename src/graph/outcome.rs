//! What came of a call, in one word: for whoever counts calls.

use std::sync::OnceLock;
use std::time::Duration;

use crate::graph::failure::{Cause, Fault, Refusal};

crate::codes! {
    /// What came of a call to Graph.
    pub enum CallOutcome {
        /// What was asked for.
        Answered = "answered",
        /// Too many calls.
        Throttled = "graph-throttled",
        /// The page's token.
        TokenDead = "token-dead",
        /// A permission of the token.
        Permission = "permission-missing",
        /// The app secret's proof, a field, the version.
        Config = "graph-config",
        /// Meta has blocked the app for a while.
        Policy = "policy-block",
        /// Not there, or not ours: Graph does not say which.
        Absent = "absent",
        /// Another error of Graph's.
        Refused = "graph-error",
        /// No connection.
        Connect = "connect-failed",
        /// Not in time.
        Timeout = "timed-out",
        /// A certificate or protocol that is not acceptable.
        Tls = "tls-failed",
        /// The connection broke.
        Broken = "connection-broken",
        /// Larger than a reply may be.
        TooLarge = "reply-too-large",
        /// No JSON.
        NotJson = "reply-not-json",
        /// Neither what was asked for nor an error.
        NoLead = "reply-no-lead",
        /// About something else.
        Foreign = "reply-foreign",
        /// The status says no, the body nothing.
        Status = "http-status",
        /// The token cannot stand in a header: no call was made.
        Token = "token-malformed",
    }
}

impl CallOutcome {
    /// Of a call without a whole reply.
    pub(super) fn without_reply(cause: Cause) -> Self {
        match cause {
            Cause::Connect => Self::Connect,
            Cause::Timeout => Self::Timeout,
            Cause::Tls => Self::Tls,
            Cause::Broken => Self::Broken,
            Cause::TooLarge => Self::TooLarge,
            Cause::NotJson => Self::NotJson,
            Cause::NoLead => Self::NoLead,
            Cause::Foreign => Self::Foreign,
            Cause::Status => Self::Status,
            Cause::Token => Self::Token,
            Cause::Refused | Cause::Paused => Self::Refused,
        }
    }

    /// Of a reply that is none of what was asked for.
    pub(super) fn of(refusal: &Refusal) -> Self {
        if refusal.graph.is_none() {
            return Self::without_reply(refusal.cause);
        }
        match refusal.fault {
            Fault::Throttled(_) => Self::Throttled,
            Fault::TokenDead => Self::TokenDead,
            Fault::Permission => Self::Permission,
            Fault::Proof | Fault::Field | Fault::Version => Self::Config,
            Fault::Policy => Self::Policy,
            Fault::Absent => Self::Absent,
            Fault::Passing | Fault::Request => Self::Refused,
        }
    }
}

/// Whom each call is told to.
#[derive(Default)]
pub(super) struct Told(OnceLock<Box<dyn Fn(CallOutcome, Duration) + Send + Sync>>);

impl Told {
    /// From now on this one. The first word holds.
    pub(super) fn set(&self, told: Box<dyn Fn(CallOutcome, Duration) + Send + Sync>) {
        let _ = self.0.set(told);
    }

    /// A call came to this and took so long.
    pub(super) fn call(&self, outcome: CallOutcome, took: Duration) {
        if let Some(told) = self.0.get() {
            told(outcome, took);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::failure::refusal;

    #[test]
    fn what_graph_says_is_told_by_what_follows_and_what_it_does_not_say_by_its_cause() {
        let of =
            |status, body: &str| refusal(status, body.as_bytes()).map(|refusal| CallOutcome::of(&refusal));
        let error = |code| format!(r#"{{"error":{{"message":"x","code":{code}}}}}"#);
        for (code, outcome) in [
            (190, CallOutcome::TokenDead),
            (200, CallOutcome::Permission),
            (4, CallOutcome::Throttled),
            (80_005, CallOutcome::Throttled),
            (368, CallOutcome::Policy),
            (2635, CallOutcome::Config),
            (1, CallOutcome::Refused),
        ] {
            assert_eq!(of(400, &error(code)), Some(outcome), "{code}");
        }
        assert_eq!(of(502, "<html>"), Some(CallOutcome::NotJson));
        assert_eq!(of(500, r#"{"a":1}"#), Some(CallOutcome::Status));
        assert_eq!(of(200, "false"), Some(CallOutcome::NoLead));
        assert_eq!(of(200, r#"{"id":"7"}"#), None);
        for cause in Cause::ALL {
            let told = CallOutcome::without_reply(*cause).as_str();
            assert!(told == cause.as_str() || *cause == Cause::Paused, "{cause}: {told}");
        }
    }
}
