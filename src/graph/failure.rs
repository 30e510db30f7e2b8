//! One classification of everything that Graph answers, or fails to answer.
//!
//! Codes decide, never the HTTP status and never `type`: Graph says 400 and `OAuthException` for throttling too. Where it
//! tells cases apart by text only (code 100), one table of phrases matches on the message and keeps nothing of it: a
//! message may quote a token or an answer. Source of the codes: developers.facebook.com/docs/graph-api/guides/error-handling
//! and …/overview/rate-limiting; what is seen and not documented is marked so.

use std::ops::RangeInclusive;

use jiff::Timestamp;

use crate::json::{Json, Kind};
use crate::notification::ParkCode;
use crate::secret::Wiped;

/// Graph's numbers are shorter: a longer one is somebody's data in the wrong place, and is not kept.
const CODE_MAX: u32 = 999_999;
const SUBCODE_MAX: u32 = 9_999_999;
/// How much of a message is searched; Meta's are a few hundred bytes.
const MESSAGE_BYTES_MAX: usize = 2_000;

/// What follows from a failed read. It has no text, so that it can be shown, logged and stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What to do.
    pub decision: Decision,
    /// The reason under which a reference is parked.
    pub code: ParkCode,
    /// What exactly happened, for the log.
    pub cause: Cause,
    /// Graph's own numbers, if it gave any.
    pub graph: Option<GraphErrorCode>,
}

/// What to do with what could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// It may pass: read again after a growing delay.
    Later {
        /// Not before this moment, whatever the delay.
        not_before: Option<Timestamp>,
    },
    /// Not there, or not ours to read: Graph does not say which. A few slow tries, then a human.
    Ambiguous,
    /// No try can help.
    Bury,
    /// The page, or all of them, is paused. Spends no attempt.
    Halt {
        /// When it is worth looking again.
        until: Timestamp,
    },
    /// Of a form's definition: refused until somebody changes something at Meta's.
    ForGood,
}

/// Graph's `code` and `error_subcode`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GraphErrorCode {
    /// At most six digits.
    pub code: u32,
    /// At most seven digits.
    pub subcode: Option<u32>,
}

crate::codes! {
    /// What exactly happened to a call.
    pub enum Cause {
        /// No connection (refused, unreachable, no such name).
        Connect = "connect-failed",
        /// No connection, or no whole reply, in time.
        Timeout = "timed-out",
        /// The other side's certificate or protocol is not acceptable.
        Tls = "tls-failed",
        /// The connection broke before the reply was whole.
        Broken = "connection-broken",
        /// The reply exceeds the configured size.
        TooLarge = "reply-too-large",
        /// The reply is no JSON: HTML, nothing, half of it.
        NotJson = "reply-not-json",
        /// The reply is JSON, and neither a lead nor an error.
        NoLead = "reply-no-lead",
        /// The reply is about something else than was asked.
        Foreign = "reply-foreign",
        /// The HTTP status says no and the body says nothing.
        Status = "http-status",
        /// Graph says no; its numbers are beside this.
        Refused = "graph-error",
        /// The token cannot stand in a header.
        Token = "token-malformed",
        /// No call was made: the page waits.
        Paused = "page-paused",
    }
}

/// Who is paused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    Page,
    App,
}

/// What a reply or its absence means, before it is known what was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// Passes by itself, or nothing is known about it.
    Passing,
    /// Not there or not ours.
    Absent,
    /// Graph does not take this call as it stands (code 100 without a word that is known).
    Request,
    /// `appsecret_proof` is wrong: another app secret may be right.
    Proof,
    Throttled(Scope),
    TokenDead,
    Permission,
    /// A field does not exist in this version.
    Field,
    /// This version does not exist any more.
    Version,
    /// Meta has blocked the app for a while.
    Policy,
}

impl Fault {
    /// Whom it pauses, and why, when leads were asked for.
    pub(super) fn halt(self) -> Option<(Scope, ParkCode)> {
        match self {
            Self::Passing | Self::Absent | Self::Request => None,
            // A proof depends on the app of the page's token: another page's may be right.
            Self::Proof => Some((Scope::Page, ParkCode::GraphConfig)),
            Self::Throttled(scope) => Some((scope, ParkCode::GraphThrottled)),
            Self::TokenDead => Some((Scope::Page, ParkCode::TokenDead)),
            Self::Permission => Some((Scope::Page, ParkCode::PermissionMissing)),
            Self::Field | Self::Version => Some((Scope::App, ParkCode::GraphConfig)),
            Self::Policy => Some((Scope::App, ParkCode::PolicyBlock)),
        }
    }

    /// True if a form's definition is refused for good, which says nothing about leads: it needs other permissions.
    pub(super) fn ends_form(self) -> bool {
        matches!(self, Self::Absent | Self::Request | Self::Permission | Self::Field)
    }
}

/// A classified failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub fault: Fault,
    pub cause: Cause,
    pub graph: Option<GraphErrorCode>,
}

impl Refusal {
    /// Without Graph's numbers.
    pub(super) fn plain(fault: Fault, cause: Cause) -> Self {
        Self { fault, cause, graph: None }
    }

    /// What follows for a lead when nobody is paused.
    pub(super) fn failure(&self) -> Failure {
        let (decision, code) = match self.fault {
            Fault::Absent => (Decision::Ambiguous, ParkCode::LeadUnreadable),
            _ => (Decision::Later { not_before: None }, ParkCode::GraphUnavailable),
        };
        Failure { decision, code, cause: self.cause, graph: self.graph }
    }

    /// What follows while somebody is paused.
    pub(super) fn halted(&self, until: Timestamp, code: ParkCode) -> Failure {
        Failure { decision: Decision::Halt { until }, code, cause: self.cause, graph: self.graph }
    }
}

/// Classifies a whole reply. `None`: it is a JSON object without an error under a 2xx status, so what was asked for may
/// be in it.
pub(super) fn refusal(status: u16, body: &[u8]) -> Option<Refusal> {
    let Some(document) = Json::read(body) else {
        return Some(Refusal::plain(Fault::Passing, Cause::NotJson));
    };
    let error = document.members().find(|(name, value)| name == "error" && !value.is_null());
    if let Some((_, error)) = error {
        return Some(of_error(error));
    }
    if !(200..300).contains(&status) {
        return Some(Refusal::plain(Fault::Passing, Cause::Status));
    }
    match document.kind() {
        Kind::Object if document.members().next().is_some() => None,
        // A missing object, as seen under status 200.
        Kind::Bool if document.scalar() == Some("false") => {
            Some(Refusal::plain(Fault::Absent, Cause::NoLead))
        }
        _ => Some(Refusal::plain(Fault::Passing, Cause::NoLead)),
    }
}

/// Classifies the value of `error`.
fn of_error(error: Json<'_>) -> Refusal {
    let (mut code, mut subcode, mut transient, mut message) = (None, None, false, None);
    for (name, value) in error.members() {
        match &*name {
            "code" => code = code.or_else(|| number(value, CODE_MAX)),
            "error_subcode" => subcode = subcode.or_else(|| number(value, SUBCODE_MAX)),
            "is_transient" => transient |= is_true(value),
            "message" => message = message.or(Some(value)),
            _ => {}
        }
    }
    let Some(code) = code else { return Refusal::plain(Fault::Passing, Cause::Refused) };
    let message = Wiped::new(message.and_then(Json::owned_text).unwrap_or_default());
    let fault = of_code(code, subcode, transient, &message);
    Refusal { fault, cause: Cause::Refused, graph: Some(GraphErrorCode { code, subcode }) }
}

fn is_true(value: Json<'_>) -> bool {
    matches!(value.scalar(), Some("true" | "1"))
        || value.text().is_some_and(|text| text == "true" || text == "1")
}

/// A number, or a string of digits, up to `max`.
fn number(value: Json<'_>, max: u32) -> Option<u32> {
    let digits = value.number_or_text()?;
    let plain = !digits.is_empty() && digits.len() <= 7 && digits.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| digits.parse().ok()).flatten().filter(|number| *number <= max)
}

/// What is known of Graph's codes: a new one is a line here. A code that stands nowhere in it concerns what was asked for
/// and nobody else: it is read again later, and never pauses a page. So do 1 and 2 ("unknown", "service") and all that is
/// said of `ids=` and the like (12, 2500).
const CODES: &[(RangeInclusive<u32>, Fault)] = &[
    (3..=3, Fault::Permission),
    (4..=4, Fault::Throttled(Scope::App)),
    (10..=10, Fault::Permission),
    (17..=17, Fault::Throttled(Scope::Page)),
    (32..=32, Fault::Throttled(Scope::Page)),
    (102..=102, Fault::TokenDead),
    // "CRM access has been revoked from Lead Access Manager" (seen).
    (103..=103, Fault::Permission),
    (190..=190, Fault::TokenDead),
    (200..=299, Fault::Permission),
    (341..=341, Fault::Throttled(Scope::App)),
    (368..=368, Fault::Policy),
    (613..=613, Fault::Throttled(Scope::Page)),
    // "Some of the aliases you requested do not exist": ours are digits, so it can only be the object.
    (803..=803, Fault::Absent),
    (2635..=2635, Fault::Version),
    (80_000..=80_014, Fault::Throttled(Scope::Page)),
];

fn of_code(code: u32, subcode: Option<u32>, transient: bool, message: &str) -> Fault {
    let known = CODES.iter().find(|(codes, _)| codes.contains(&code)).map(|(_, fault)| *fault);
    match known {
        // Graph sets `is_transient` on some of these, too: calling on prolongs them.
        Some(Fault::Throttled(scope)) => Fault::Throttled(scope),
        _ if transient => Fault::Passing,
        Some(fault) => fault,
        None if code == INVALID_PARAMETER => of_invalid_parameter(subcode, message),
        None => Fault::Passing,
    }
}

/// Where Graph tells cases apart by text alone.
const INVALID_PARAMETER: u32 = 100;

/// Phrases of code 100, first match wins. A named permission comes before "does not exist", since Meta writes both into
/// one sentence; "permission" alone comes after, since the sentence of subcode 33 has it too and decides nothing.
const PHRASES: &[(&str, Fault)] = &[
    ("appsecret_proof", Fault::Proof),
    ("nonexisting field", Fault::Field),
    ("leads_retrieval", Fault::Permission),
    ("pages_read_engagement", Fault::Permission),
    ("pages_manage_metadata", Fault::Permission),
    ("pages_manage_ads", Fault::Permission),
    ("pages_show_list", Fault::Permission),
    ("ads_management", Fault::Permission),
    ("ads_read", Fault::Permission),
    ("business_management", Fault::Permission),
    ("lead access", Fault::Permission),
    ("leads access", Fault::Permission),
    ("does not exist", Fault::Absent),
    ("do not exist", Fault::Absent),
    ("permission", Fault::Permission),
];

fn of_invalid_parameter(subcode: Option<u32>, message: &str) -> Fault {
    let by_phrase = PHRASES.iter().find(|(phrase, _)| says(message, phrase)).map(|(_, fault)| *fault);
    match (by_phrase, subcode) {
        (Some(fault @ (Fault::Proof | Fault::Field)), _) => fault,
        // Of subcode 33 only a permission by name says more than the subcode.
        (Some(Fault::Permission), Some(33)) if !names_permission(message) => Fault::Absent,
        (Some(fault), _) => fault,
        (None, Some(33)) => Fault::Absent,
        (None, _) => Fault::Request,
    }
}

/// True if a permission is called by its name, which is written in lower case with `_`.
fn names_permission(message: &str) -> bool {
    PHRASES
        .iter()
        .any(|(phrase, fault)| *fault == Fault::Permission && phrase.contains('_') && says(message, phrase))
}

/// True if the message has this phrase, in any case.
fn says(message: &str, phrase: &str) -> bool {
    let bytes = message.as_bytes();
    let looked_at = bytes.get(..MESSAGE_BYTES_MAX).unwrap_or(bytes);
    looked_at.windows(phrase.len()).any(|window| window.eq_ignore_ascii_case(phrase.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(fields: &str) -> String {
        format!(r#"{{"error":{{"type":"OAuthException","fbtrace_id":"AbC",{fields}}}}}"#)
    }

    fn fault(status: u16, body: &str) -> Option<Fault> {
        refusal(status, body.as_bytes()).map(|refusal| refusal.fault)
    }

    #[test]
    fn every_code_of_the_reference_is_classified() {
        use Fault::{Absent, Passing, Permission, Policy, Request, Throttled, TokenDead, Version};
        let mut table = vec![
            (1, Passing),
            (2, Passing),
            (4, Throttled(Scope::App)),
            (341, Throttled(Scope::App)),
            (17, Throttled(Scope::Page)),
            (32, Throttled(Scope::Page)),
            (613, Throttled(Scope::Page)),
            (102, TokenDead),
            (190, TokenDead),
            (3, Permission),
            (10, Permission),
            (103, Permission),
            (200, Permission),
            (230, Permission),
            (299, Permission),
            (300, Passing),
            (12, Passing),
            (458, Passing),
            (2_500, Passing),
            (100, Request),
            (803, Absent),
            (368, Policy),
            (2635, Version),
            (0, Passing),
            (999_999, Passing),
        ];
        table.extend((80_000..=80_014).map(|code| (code, Throttled(Scope::Page))));
        for (code, wanted) in table {
            for status in [200, 400, 401, 403, 404, 500, 503] {
                let number = error(&format!(r#""message":"(#{code}) x","code":{code}"#));
                assert_eq!(fault(status, &number), Some(wanted), "{code} under {status}");
                let text = error(&format!(r#""code":"{code}","message":"x""#));
                assert_eq!(fault(status, &text), Some(wanted), "{code} as text");
            }
        }
        for subcode in [458, 459, 460, 463, 464, 467, 492] {
            let dead = error(&format!(r#""code":190,"error_subcode":{subcode},"message":"Session""#));
            assert_eq!(fault(400, &dead), Some(TokenDead), "{subcode}");
        }
    }

    #[test]
    fn code_100_is_told_apart_by_its_message() {
        let unsupported = "Unsupported get request. Object with ID '44' does not exist, cannot be loaded due to missing \
            permissions, or does not support this operation. Please read the Graph API documentation";
        for (wanted, subcode, message) in [
            (Fault::Absent, Some(33), unsupported),
            (Fault::Absent, None, unsupported),
            (Fault::Absent, Some(33), "anything"),
            (Fault::Absent, Some(33), "Missing permission"),
            (Fault::Absent, None, "(#100) Some of the aliases you requested do not exist: 44"),
            (Fault::Permission, None, "(#100) This call requires the PAGES_READ_ENGAGEMENT permission"),
            (
                Fault::Permission,
                Some(33),
                "Object does not exist, cannot be loaded due to missing permission or reviewable feature. This \
                 endpoint requires the 'leads_retrieval' permission",
            ),
            (Fault::Permission, None, "(#100) Missing permission"),
            (Fault::Proof, None, "Invalid appsecret_proof provided in the API argument"),
            (Fault::Proof, None, "API calls from the server require an appsecret_proof argument"),
            (
                Fault::Field,
                None,
                "(#100) Tried accessing nonexisting field (ads_management) on node type (UserLeadGenInfo)",
            ),
            (Fault::Request, None, "(#100) Multi-ID requests are no longer supported"),
            (Fault::Request, None, "Invalid parameter"),
            (Fault::Request, Some(2_804_003), ""),
        ] {
            let subcode = subcode.map_or(String::new(), |subcode| format!(r#","error_subcode":{subcode}"#));
            let body = error(&format!(r#""code":100{subcode},"message":"{message}""#));
            assert_eq!(fault(400, &body), Some(wanted), "{body}");
        }
    }

    #[test]
    fn throttling_is_seen_through_is_transient_and_other_codes_are_not() {
        let four =
            error(r#""code":4,"is_transient":true,"message":"(#4) Application request limit reached""#);
        assert_eq!(fault(403, &four), Some(Fault::Throttled(Scope::App)));
        for transient in ["true", "1", "\"true\""] {
            let ten = error(&format!(r#""code":10,"is_transient":{transient},"message":"x""#));
            assert_eq!(fault(400, &ten), Some(Fault::Passing), "{transient}");
        }
        for lasting in ["false", "null", "0", "\"\"", "{}"] {
            let ten = error(&format!(r#""code":10,"is_transient":{lasting},"message":"x""#));
            assert_eq!(fault(400, &ten), Some(Fault::Permission), "{lasting}");
        }
    }

    #[test]
    fn what_no_line_knows_is_for_later_whatever_it_says() {
        let message = "Please reduce the amount of data you\\u0027re asking for, then retry your request";
        for code in [0, 1, 2, 5, 12, 99, 101, 104, 191, 300, 1_000, 2_500, 80_015, 999_999] {
            for extra in ["", r#","error_subcode":33"#, r#","error_subcode":1892058"#] {
                let body = error(&format!(r#""code":{code},"message":"{message}"{extra}"#));
                assert_eq!(fault(500, &body), Some(Fault::Passing), "{body}");
            }
        }
    }

    #[test]
    fn what_is_no_error_object_survives() {
        for (wanted, cause, status, body) in [
            (Fault::Passing, Cause::NotJson, 502, "<html><body>Bad Gateway</body></html>"),
            (Fault::Passing, Cause::NotJson, 200, ""),
            (Fault::Passing, Cause::NotJson, 200, r#"{"id":"44","field_data":[{"name":"em"#),
            (Fault::Passing, Cause::Status, 500, "{}"),
            (Fault::Passing, Cause::Status, 302, r#"{"id":"44"}"#),
            (Fault::Passing, Cause::Status, 400, r#"{"error":null}"#),
            (Fault::Passing, Cause::Refused, 400, r#"{"error":{}}"#),
            (Fault::Passing, Cause::Refused, 400, r#"{"error":"no"}"#),
            (Fault::Passing, Cause::Refused, 400, r#"{"error":[{"code":190}]}"#),
            (
                Fault::Passing,
                Cause::Refused,
                200,
                r#"{"error":{"message":"no code","type":"OAuthException"}}"#,
            ),
            (Fault::Passing, Cause::Refused, 200, r#"{"error":{"code":null,"message":"x"}}"#),
            (Fault::Passing, Cause::Refused, 200, r#"{"error":{"code":-1,"message":"x"}}"#),
            (Fault::Passing, Cause::Refused, 200, r#"{"error":{"code":190.5,"message":"x"}}"#),
            (Fault::Passing, Cause::NoLead, 200, "{}"),
            (Fault::Passing, Cause::NoLead, 200, " [ ] "),
            (Fault::Absent, Cause::NoLead, 200, "false"),
            (Fault::Passing, Cause::NoLead, 200, "null"),
            (Fault::Passing, Cause::NoLead, 200, "true"),
            (Fault::Passing, Cause::NoLead, 200, "\"ok\""),
            (Fault::Passing, Cause::NoLead, 200, "[1]"),
        ] {
            assert_eq!(
                refusal(status, body.as_bytes()),
                Some(Refusal::plain(wanted, cause)),
                "{status} {body}"
            );
        }
        assert_eq!(refusal(200, b"{\"id\":\"\xff\"}"), Some(Refusal::plain(Fault::Passing, Cause::NotJson)));
        for fine in [r#"{"id":"44"}"#, r#"{"error":null,"id":"44"}"#, r#"{"type":"x","message":"flat"}"#] {
            assert_eq!(refusal(200, fine.as_bytes()), None, "{fine}");
        }
    }

    #[test]
    fn nothing_that_a_message_quotes_survives() {
        let quoted = "Malformed access token EAABcanary; jeanne.canary@example.org; +33612345678; lead 44409";
        let bodies = [
            error(&format!(r#""code":190,"message":"{quoted}","error_user_msg":"{quoted}""#)),
            error(&format!(r#""code":100,"error_subcode":33,"message":"{quoted}""#)),
            error(&format!(r#""code":12,"message":"{quoted}""#)),
            error(r#""code":33612345678,"message":"canary""#),
            error(r#""code":"612345678","error_subcode":"0612345678""#),
            error(r#""code":10,"error_subcode":61234567"#),
            format!(r#"{{"error":"{quoted}"}}"#),
            quoted.to_owned(),
        ];
        for body in bodies {
            let refusal = refusal(400, body.as_bytes()).expect("an error");
            let failure = refusal.failure();
            let shown = format!("{refusal:?} {failure:?} {} {}", failure.code, failure.cause);
            for canary in ["EAAB", "canary", "example", "6123", "444"] {
                assert!(!shown.contains(canary), "{shown}");
            }
        }
    }

    #[test]
    fn numbers_are_kept_for_the_log() {
        let body = error(r#""code":17,"error_subcode":2446079,"message":"User request limit reached""#);
        let graph = refusal(400, body.as_bytes()).and_then(|refusal| refusal.graph);
        assert_eq!(graph, Some(GraphErrorCode { code: 17, subcode: Some(2_446_079) }));
    }
}
