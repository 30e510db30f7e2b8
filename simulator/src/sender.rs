//! Sends notifications and handshakes to a webhook, as Meta's machines do.

use std::sync::Arc;
use std::time::{Duration, Instant};

use reqwest::header::{
    ACCEPT, ACCEPT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER, USER_AGENT,
};
use reqwest::{Client, Response, Url};

use crate::failure::SimulatorError;
use crate::signature::{legacy_shaped, sign};

/// How a delivery is signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Signing {
    /// As Meta does, with the app secret at this place, the legacy SHA-1 header beside it.
    Secret(usize),
    /// With a secret that is not the app's.
    Foreign,
    /// Not at all.
    Missing,
    /// Only with the legacy SHA-1 header.
    Sha1Alone,
    /// With this value of `X-Hub-Signature-256`.
    Header(String),
    /// Rightly, but with the header twice.
    Twice,
}

/// What a webhook answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// HTTP status.
    pub status: u16,
    /// `Retry-After`, if any.
    pub retry_after: Option<String>,
    /// The body, up to 64 KiB of it.
    pub body: Vec<u8>,
    /// From sending to the end of the answer.
    pub elapsed: Duration,
}

/// The HTTP client on Meta's side.
pub(crate) struct Sender {
    client: Client,
}

impl Sender {
    /// With a client that keeps its connections, or not.
    pub fn new(keeps_connections: bool) -> Result<Sender, SimulatorError> {
        // Only http to loopback is spoken, but reqwest wants to know of some TLS; this one trusts nobody. Handed in
        // rather than installed for the process, which would hide that the daemon forgot its own.
        let tls =
            rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
                .with_safe_default_protocol_versions()
                .map_err(|_| SimulatorError::Client)?
                .with_root_certificates(rustls::RootCertStore::empty())
                .with_no_client_auth();
        #[expect(clippy::disallowed_methods, reason = "Meta's client, with limits, for loopback alone")]
        let builder = Client::builder();
        let client = builder
            .tls_backend_preconfigured(tls)
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .http1_only()
            .pool_max_idle_per_host(if keeps_connections { usize::MAX } else { 0 })
            .timeout(ANSWER_MAX)
            .build()
            .map_err(|_| SimulatorError::Client)?;
        Ok(Sender { client })
    }

    pub async fn deliver(
        &self,
        webhook_url: &str,
        body: &[u8],
        signing: &Signing,
        secrets: &[Vec<u8>],
    ) -> Result<Delivery, SimulatorError> {
        let url = address(webhook_url)?;
        let mut headers = signature_headers(body, signing, secrets)?;
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(USER_AGENT, HeaderValue::from_static("Webhooks/1.0 (https://fb.me/webhooks)")); // seen
        headers.insert(ACCEPT, HeaderValue::from_static("*/*"));
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("deflate, gzip")); // seen
        let begun = Instant::now();
        let request = self.client.post(url).headers(headers).body(body.to_owned());
        let answer = request.send().await.map_err(|_| SimulatorError::NoAnswer)?;
        let status = answer.status().as_u16();
        let retry_after = answer.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
        let retry_after = retry_after.map(str::to_owned);
        let body = start_of_body(answer).await?;
        Ok(Delivery { status, retry_after, body, elapsed: begun.elapsed() })
    }

    /// GET with `hub.mode`, `hub.challenge`, `hub.verify_token`; right is 200 with the challenge as the whole body
    /// (*Getting started*, "Verification requests").
    pub async fn verify(
        &self,
        webhook_url: &str,
        verify_token: &str,
        challenge: String,
    ) -> Result<String, SimulatorError> {
        let mut url = address(webhook_url)?;
        url.query_pairs_mut()
            .append_pair("hub.mode", "subscribe")
            .append_pair("hub.challenge", &challenge)
            .append_pair("hub.verify_token", verify_token);
        let agent = "facebookplatform/1.0 (+http://developers.facebook.com)"; // seen
        let request = self.client.get(url).header(USER_AGENT, agent);
        let answer = request.send().await.map_err(|_| SimulatorError::NoAnswer)?;
        let status = answer.status().as_u16();
        let echoed = start_of_body(answer).await? == challenge.as_bytes();
        if status == 200 && echoed {
            Ok(challenge)
        } else {
            Err(SimulatorError::Handshake { status, echoed })
        }
    }
}

/// `X-Hub-Signature-256`, and the legacy `X-Hub-Signature` that still comes beside it (*Getting started*; seen).
fn signature_headers(
    body: &[u8],
    signing: &Signing,
    secrets: &[Vec<u8>],
) -> Result<HeaderMap, SimulatorError> {
    let newest = secrets.first().ok_or(SimulatorError::NoSuchSecret);
    let values = match signing {
        Signing::Secret(at) => vec![sign(secrets.get(*at).ok_or(SimulatorError::NoSuchSecret)?, body)],
        Signing::Foreign => vec![sign(b"another app's secret", body)],
        Signing::Missing | Signing::Sha1Alone => vec![],
        Signing::Header(value) => vec![value.clone()],
        Signing::Twice => vec![sign(newest?, body); 2],
    };
    let mut headers = HeaderMap::new();
    for value in values {
        let value = HeaderValue::from_str(&value).map_err(|_| SimulatorError::Header)?;
        headers.append("x-hub-signature-256", value);
    }
    if *signing != Signing::Missing {
        let legacy = legacy_shaped(body);
        headers
            .append("x-hub-signature", HeaderValue::from_str(&legacy).map_err(|_| SimulatorError::Header)?);
    }
    Ok(headers)
}

fn address(webhook_url: &str) -> Result<Url, SimulatorError> {
    Url::parse(webhook_url).ok().filter(|url| url.scheme() == "http").ok_or(SimulatorError::Address)
}

async fn start_of_body(mut answer: Response) -> Result<Vec<u8>, SimulatorError> {
    let mut body = Vec::new();
    while body.len() < BODY_MAX {
        match answer.chunk().await.map_err(|_| SimulatorError::NoAnswer)? {
            Some(chunk) => body.extend_from_slice(&chunk[..chunk.len().min(BODY_MAX - body.len())]),
            None => break,
        }
    }
    Ok(body)
}

const ANSWER_MAX: Duration = Duration::from_secs(30);
const BODY_MAX: usize = 64 * 1024;
