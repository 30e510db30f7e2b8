//! A client of the running daemon, over its admin socket.

use std::error::Error as _;
use std::io::ErrorKind;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::RETRY_AFTER;
use reqwest::{Method, RequestBuilder, Response};

use crate::api::problem::ProblemBody;
use crate::terminal::printable;
use crate::terminal::{Exit, Failure, Refusal};

/// The daemon is on this machine: it accepts at once or not at all.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// The longest silence within an answer (a scan over a large vault, a slow disk).
const READ_TIMEOUT: Duration = Duration::from_secs(60);

/// An answer that is taken whole is no larger than this: 10,000 lines of the trail are about 4 MB, 10,000 forms with
/// their boxes' texts 30 to 100 MB.
const ANSWER_BYTES_MAX: usize = 128 * 1024 * 1024;

/// A running tamis.
pub struct Daemon {
    client: reqwest::Client,
    socket: PathBuf,
}

impl Daemon {
    /// A client of this socket. Connects to nothing yet.
    pub fn at(socket: PathBuf) -> Result<Self, Failure> {
        Self::awaited(socket, READ_TIMEOUT)
    }

    /// The same, for a call that may be silent for so long.
    pub fn awaited(socket: PathBuf, silence: Duration) -> Result<Self, Failure> {
        let client = client()?.read_timeout(silence).unix_socket(socket.clone()).build();
        Ok(Self { client: client.map_err(|_| cannot())?, socket })
    }

    /// A call to be completed and sent. The path goes below `/admin/v1` and needs no escaping: callers put only ids,
    /// codes and numbers into it.
    pub fn call(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("http://tamis/admin/v1{path}"))
    }

    /// Sends a call and gives its answer if it is a good one.
    pub async fn send(&self, call: RequestBuilder) -> Result<Response, Failure> {
        let response = call.send().await.map_err(|error| self.unreachable(&error))?;
        if response.status().is_success() {
            return Ok(response);
        }
        let status = response.status().as_u16();
        let wait = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
        let body = self.read(response).await.unwrap_or_default();
        Err(refusal(status, wait.map(Duration::from_secs), &body))
    }

    /// Sends a call and takes its answer whole.
    pub async fn fetch(&self, call: RequestBuilder) -> Result<Vec<u8>, Failure> {
        let response = self.send(call).await?;
        self.read(response).await
    }

    /// Takes the body of an answer whole.
    pub async fn read(&self, mut response: Response) -> Result<Vec<u8>, Failure> {
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|_| broken())? {
            if body.len() + chunk.len() > ANSWER_BYTES_MAX {
                return Err(Failure::failed("the daemon's answer is too large to be right"));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    fn unreachable(&self, error: &reqwest::Error) -> Failure {
        let socket = self.socket.display();
        match io_kind(error) {
            Some(ErrorKind::PermissionDenied) => Failure::failed(format!(
                "the socket {socket} is not open to this user. Run the command as root or as tamis's own user"
            )),
            _ if error.is_connect() => Failure::new(
                Exit::DaemonDown,
                format!(
                    "tamis is not running (no answer on {socket}). Start it with `systemctl start tamis` or \
                     `tamis serve`; if it runs, say where with --config or --socket"
                ),
            ),
            _ if error.is_timeout() => {
                Failure::unanswered(format!("tamis does not answer in time on {socket}"))
            }
            _ => broken(),
        }
    }
}

/// What builds a client of something on this machine, with limits.
pub fn client() -> Result<reqwest::ClientBuilder, Failure> {
    #[expect(clippy::disallowed_methods, reason = "one of the two places where HTTP clients are built")]
    let builder = reqwest::Client::builder();
    Ok(builder
        .tls_backend_preconfigured(no_tls().ok_or_else(cannot)?)
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .http1_only()
        .connect_timeout(CONNECT_TIMEOUT)
        .read_timeout(READ_TIMEOUT))
}

fn cannot() -> Failure {
    Failure::failed("cannot set the connection to the daemon up")
}

/// The daemon stopped in the middle of an answer.
pub fn broken() -> Failure {
    Failure::broken_off("the daemon broke the transfer off; its log says why")
}

/// Reads an answer's JSON. serde_json's own words would repeat the answer's.
pub fn parse<'b, T: serde::Deserialize<'b>>(body: &'b [u8]) -> Result<T, Failure> {
    serde_json::from_slice(body)
        .map_err(|_| Failure::failed("the daemon's answer is not understood: is it another version?"))
}

/// Writes a call's body.
pub fn written(body: &impl serde::Serialize) -> Result<Vec<u8>, Failure> {
    serde_json::to_vec(body).map_err(|_| Failure::failed("cannot write the call's body"))
}

/// reqwest wants a TLS configuration even for a socket. This one trusts nobody.
fn no_tls() -> Option<rustls::ClientConfig> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config =
        rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().ok()?;
    Some(config.with_root_certificates(rustls::RootCertStore::empty()).with_no_client_auth())
}

fn io_kind(error: &reqwest::Error) -> Option<ErrorKind> {
    let mut cause = error.source();
    while let Some(inner) = cause {
        if let Some(io) = inner.downcast_ref::<std::io::Error>() {
            return Some(io.kind());
        }
        cause = inner.source();
    }
    None
}

/// The sentence for a refusal, from the problem that the daemon sent.
fn refusal(status: u16, retry_after: Option<Duration>, body: &[u8]) -> Failure {
    match serde_json::from_slice::<ProblemBody>(body) {
        Ok(ProblemBody {
            title,
            code,
            request_id,
            resume_after,
            erasure,
            parameter,
            needed_bytes,
            free_bytes,
            ..
        }) => {
            let resume_after = resume_after.map(|cursor| cursor.to_string());
            let room = needed_bytes
                .zip(free_bytes)
                .map(|(needed, free)| format!("{needed} bytes must be free on its disk, {free} are"));
            let after = resume_after.as_ref().or(erasure.as_ref()).or(parameter.as_ref()).or(room.as_ref());
            let after = after.map_or_else(String::new, |which| format!(": {which}"));
            let sentence = format!("{title}{after} ({code}, request {request_id})");
            let refusal = Refusal { code: code.to_string(), resume_after, retry_after };
            Failure::of_daemon(refusal, printable(&sentence))
        }
        Err(_) => Failure::failed(format!("the daemon answered with status {status}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_daemon_that_is_down_is_named_with_its_socket_and_ends_with_69() {
        let directory = tempfile::tempdir().expect("a directory");
        let daemon = Daemon::at(directory.path().join("nobody.sock")).expect("a client");
        let down = daemon.fetch(daemon.call(Method::GET, "/inbox")).await.expect_err("nobody listens");
        assert_eq!(down.exit, Exit::DaemonDown);
        assert!(down.to_string().contains("nobody.sock") && down.to_string().contains("--config"), "{down}");
        // A socket file that outlived its daemon.
        drop(std::os::unix::net::UnixListener::bind(directory.path().join("nobody.sock")).expect("a socket"));
        let down = daemon.fetch(daemon.call(Method::GET, "/inbox")).await.expect_err("nobody listens");
        assert_eq!(down.exit, Exit::DaemonDown);
    }

    #[test]
    fn a_refusal_is_told_with_its_code() {
        let body = br#"{"type":"urn:tamis:problem:x","title":"This role may not do this","status":403,"code":"role-insufficient","request_id":"r-7"}"#;
        assert_eq!(
            refusal(403, None, body).to_string(),
            "This role may not do this (role-insufficient, request r-7)"
        );
        assert_eq!(refusal(502, None, b"<html>").to_string(), "the daemon answered with status 502");
        let body = br#"{"type":"urn:tamis:problem:x","title":"No","status":409,"code":"cursor-ahead","request_id":"r-7","resume_after":"devis-1-7"}"#;
        let ahead = refusal(409, Some(Duration::from_secs(30)), body);
        assert!(ahead.is("cursor-ahead"));
        let said = ahead.refusal().expect("a refusal");
        assert_eq!(said.resume_after.as_deref(), Some("devis-1-7"));
        assert_eq!(said.retry_after, Some(Duration::from_secs(30)));
    }
}
