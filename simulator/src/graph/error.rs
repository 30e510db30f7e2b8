//! Errors as the Graph API words them.

use serde_json::{Value, json};

/// One error of the Graph API: `{"error":{…}}` (*Errors*).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GraphError {
    /// HTTP status; mostly 400, also for throttling (seen).
    pub status: u16,
    /// `error.code`
    pub code: i64,
    /// `error.error_subcode`
    pub subcode: Option<i64>,
    /// `error.type`
    pub kind: String,
    /// `error.message`. `{token}` stands for the token that came with the call and `{answers}` for the answers of the
    /// leads asked for: Meta's texts quote what they were given (seen), and nothing of it may be logged.
    pub message: String,
    /// `error.is_transient`
    pub is_transient: Option<bool>,
}

impl GraphError {
    /// An `OAuthException` with HTTP 400, as most are.
    pub fn new(code: i64, message: impl Into<String>) -> GraphError {
        GraphError {
            status: 400,
            code,
            subcode: None,
            kind: "OAuthException".to_owned(),
            message: message.into(),
            is_transient: None,
        }
    }

    /// With this `error_subcode`.
    pub fn subcode(mut self, subcode: i64) -> GraphError {
        self.subcode = Some(subcode);
        self
    }

    /// With this HTTP status.
    pub fn status(mut self, status: u16) -> GraphError {
        self.status = status;
        self
    }

    /// With this `type`.
    pub fn kind(mut self, kind: &str) -> GraphError {
        kind.clone_into(&mut self.kind);
        self
    }

    /// With this `is_transient`.
    pub fn transient(mut self, is_transient: bool) -> GraphError {
        self.is_transient = Some(is_transient);
        self
    }

    /// 100/33: gone, not ours, or not there yet; Meta does not say which (seen).
    pub fn unsupported(method: &str, id: &str) -> GraphError {
        GraphError::new(
            100,
            format!(
                "Unsupported {} request. Object with ID '{id}' does not exist, cannot be loaded due to missing \
                 permissions, or does not support this operation. Please read the Graph API documentation at \
                 https://developers.facebook.com/docs/graph-api",
                method.to_ascii_lowercase()
            ),
        )
        .kind("GraphMethodException")
        .subcode(33)
    }

    /// 104: no token at all (seen).
    pub fn token_missing() -> GraphError {
        GraphError::new(104, "An access token is required to request this resource.")
    }

    /// 190 without subcode: a token that means nothing to Meta (seen, with HTTP 400 and 401).
    pub fn token_unparsable() -> GraphError {
        GraphError::new(190, "Invalid OAuth access token - Cannot parse access token").status(401)
    }

    /// 190/460: dead since the person changed the password (*Errors*, table of subcodes).
    pub fn token_dead() -> GraphError {
        GraphError::new(
            190,
            "Error validating access token: The session has been invalidated because the user changed their \
             password or Facebook has changed the session for security reasons.",
        )
        .subcode(460)
    }

    /// 100 without subcode: the proof does not belong to token and app (seen; *Secure requests*).
    pub fn proof_wrong() -> GraphError {
        GraphError::new(100, "Invalid appsecret_proof provided in the API argument")
            .kind("GraphMethodException")
    }

    /// 100 without subcode: the app demands a proof and none came (seen; *Secure requests*).
    pub fn proof_missing() -> GraphError {
        GraphError::new(100, "API calls from the server require an appsecret_proof argument")
            .kind("GraphMethodException")
    }

    /// What `GET /?ids=…` answers since 27 October 2026: v26.0 took it from every version ("return an error; use per-object
    /// requests or supported batching", Meta's blog of 29 July 2026). Code and wording are assumed: they are known to
    /// nobody outside, so a test chooses its own ([`crate::Simulator::set_ids_error`]).
    pub fn ids_gone() -> GraphError {
        GraphError::new(12, "(#12) Requests with multiple IDs are no longer supported")
    }

    /// A field that the node does not have (seen).
    pub fn no_such_field(name: &str, node_type: &str) -> GraphError {
        GraphError::new(
            100,
            format!("(#100) Tried accessing nonexisting field ({name}) on node type ({node_type})"),
        )
    }

    /// A `fields=` that cannot be read (seen).
    pub fn fields_syntax(at: usize) -> GraphError {
        GraphError::new(2500, format!("Syntax error \"Expected end of string\" at character {at}"))
    }

    /// A version that has ended (code *Errors*; wording assumed).
    pub fn version_ended(newest: u32) -> GraphError {
        GraphError::new(
            2635,
            format!(
                "(#2635) You are calling a deprecated version of the API. Please update to the latest version: v{newest}.0."
            ),
        )
    }

    /// A path that Graph does not know (seen).
    pub fn unknown_path(path: &str) -> GraphError {
        GraphError::new(2500, format!("Unknown path components: {path}"))
    }

    /// 100: a parameter that is refused (wording assumed).
    pub fn parameter(name: &str) -> GraphError {
        GraphError::new(100, format!("(#100) Invalid parameter: {name}"))
    }

    /// The body.
    pub(crate) fn body(&self, token: &str, answers: &str, trace: &str) -> Value {
        let message = self.message.replace("{token}", token).replace("{answers}", answers);
        let mut error =
            json!({ "message": message, "type": self.kind, "code": self.code, "fbtrace_id": trace });
        if let Some(subcode) = self.subcode {
            error["error_subcode"] = json!(subcode);
        }
        if let Some(is_transient) = self.is_transient {
            error["is_transient"] = json!(is_transient);
        }
        json!({ "error": error })
    }
}
