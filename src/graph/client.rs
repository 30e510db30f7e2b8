//! One HTTP call to Graph: what is sent, and the reply as bytes. What it means is decided elsewhere.
//!
//! Nothing foreign leaves this file: an error of the HTTP client becomes a [`Cause`] at once, since its text has the URL,
//! and the URL has ids.

use std::error::Error as StdError;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use parking_lot::Mutex;
use reqwest::Url;
use reqwest::header::{AUTHORIZATION, DATE, HeaderMap, HeaderValue};

use crate::base_url::BaseUrl;
use crate::clock::Clock;
use crate::graph::connection::{Watch, watched};
use crate::graph::failure::Cause;
use crate::graph::pace::Usage;
use crate::graph::{GraphCode, GraphDate, GraphError, Settings};
use crate::id::{FormId, LeadgenId};
use crate::lead::RawReply;
use crate::secret::{Secret, Wiped, hmac_sha256};

/// Idle connections are dropped soon: their buffers keep the last reply, dropped answers included, until they are freed and
/// zeroed. While leads come, calls follow one another closely enough to share one.
const IDLE: Duration = Duration::from_millis(500);
/// How long Graph may take to say what time it is.
const DATE_WITHIN: Duration = Duration::from_secs(5);
/// A reply with more headers is refused.
const HEADERS_MAX: usize = 100;

/// What is read.
#[derive(Clone, Copy)]
pub(super) enum Target<'t> {
    Lead(&'t LeadgenId, &'t str),
    Form(&'t FormId, &'t str),
}

/// A whole reply.
pub(super) struct Reply {
    pub status: u16,
    pub usage: Usage,
    pub body: RawReply,
}

/// Where Graph is, and the client that calls there.
pub(super) struct Client {
    /// Keeps connections from call to call, at most as many as calls may be in flight.
    http: reqwest::Client,
    /// Keeps none: for what failed on a kept one.
    afresh: reqwest::Client,
    /// With the version: `https://graph.facebook.com/v27.0`.
    base: Url,
    warned: AtomicBool,
    clock: Arc<dyn Clock>,
    date: Mutex<Option<GraphDate>>,
}

impl Client {
    /// Builds the client. Of the environment it uses `SSL_CERT_FILE` and `SSL_CERT_DIR`, and no proxy.
    ///
    /// # Errors
    /// See [`GraphCode`].
    pub(super) fn new(settings: &Settings, clock: Arc<dyn Clock>) -> Result<Self, GraphError> {
        let base = versioned(&settings.url, &settings.version)?;
        // An error only says that one is installed already, by us or by whoever embeds us.
        let _already = rustls::crypto::ring::default_provider().install_default();
        let http = build(settings, &base, settings.calls_in_flight)?;
        let afresh = build(settings, &base, 0)?;
        Ok(Self { http, afresh, base, warned: AtomicBool::new(false), clock, date: Mutex::new(None) })
    }

    /// Reads the target as whoever the token stands for; once more, over a new connection, if Graph had closed a kept one.
    /// The token travels in a header; `appsecret_proof` in the query opens nothing without it.
    ///
    /// # Errors
    /// What happened, when there is no whole reply.
    pub(super) async fn read(
        &self,
        target: Target<'_>,
        token: &Secret,
        app_secret: Option<&Secret>,
        max_bytes: usize,
    ) -> Result<Reply, Cause> {
        let url = self.url(target, token, app_secret);
        let bearer = bearer(token)?;
        let sent = self.http.get(url.clone()).header(AUTHORIZATION, bearer.clone()).send();
        let (sent, connected) = watched(sent).await;
        let sent = match sent.map_err(|error| cause(&error)) {
            // The kept connection had ended: that is no word about what was asked for.
            Err(Cause::Broken) if !connected => {
                let again = self.afresh.get(url).header(AUTHORIZATION, bearer).send();
                again.await.map_err(|error| cause(&error))
            }
            sent => sent,
        };
        let mut response = sent?;
        self.warn_once(response.headers());
        self.note_date(response.headers());
        let usage = usage(response.headers());
        let status = response.status().as_u16();
        let announced = response.content_length().unwrap_or(0);
        if usize::try_from(announced).map_or(true, |announced| announced > max_bytes) {
            return Err(Cause::TooLarge);
        }
        let mut body = RawReply::with_limit(max_bytes);
        while let Some(chunk) = response.chunk().await.map_err(|error| cause(&error))? {
            body.push(&chunk).map_err(|_| Cause::TooLarge)?;
        }
        Ok(Reply { status, usage, body })
    }

    /// What Graph's clock said with its last reply.
    pub(super) fn date(&self) -> Option<GraphDate> {
        *self.date.lock()
    }

    /// Asks Graph for nothing but its `Date`: no token travels, and whatever the status is, the header counts.
    ///
    /// # Errors
    /// What happened, when there is no reply.
    pub(super) async fn ask_date(&self) -> Result<(), Cause> {
        let asked = self.afresh.head(self.base.clone()).timeout(DATE_WITHIN).send().await;
        let response = asked.map_err(|error| cause(&error))?;
        self.note_date(response.headers());
        Ok(())
    }

    fn note_date(&self, headers: &HeaderMap) {
        let mut given = headers.get_all(DATE).iter();
        if let (Some(only), None) = (given.next(), given.next())
            && let Some(date) = only.to_str().ok().and_then(http_date)
        {
            *self.date.lock() = Some(GraphDate { date, at: self.clock.now() });
        }
    }

    fn url(&self, target: Target<'_>, token: &Secret, app_secret: Option<&Secret>) -> Url {
        let (node, fields) = match target {
            Target::Lead(leadgen, fields) => (leadgen.expose(), fields),
            Target::Form(form, fields) => (form.as_str(), fields),
        };
        let mut url = self.base.clone();
        url.set_path(&format!("{}/{node}", self.base.path().trim_end_matches('/')));
        // Digits, our own field names and commas: nothing of it needs escaping.
        let mut query = format!("fields={fields}");
        if let Some(app_secret) = app_secret {
            query.push_str("&appsecret_proof=");
            query.push_str(&hex::encode(hmac_sha256(app_secret.expose(), &[token.expose()])));
        }
        url.set_query(Some(&query));
        url
    }

    /// Meta announces the end of a version in a header. Its text is not logged: it is Meta's, not ours.
    fn warn_once(&self, headers: &HeaderMap) {
        if headers.contains_key("x-ad-api-version-warning") && !self.warned.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                graph.base = self.base.path(),
                header = "x-ad-api-version-warning",
                "graph.version-warning"
            );
        }
    }
}

/// A client that keeps so many connections, and shares none with another.
fn build(settings: &Settings, base: &Url, kept: usize) -> Result<reqwest::Client, GraphError> {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that builds the client for Graph, with limits"
    )]
    let builder = reqwest::Client::builder()
        .user_agent(concat!("tamis/", env!("CARGO_PKG_VERSION")))
        .http1_only()
        .http1_max_headers(HEADERS_MAX)
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        .retry(reqwest::retry::never())
        .connect_timeout(settings.connect_timeout)
        .read_timeout(settings.read_timeout)
        .timeout(settings.connect_timeout.saturating_add(settings.read_timeout))
        .pool_max_idle_per_host(kept)
        .pool_idle_timeout(IDLE)
        .connector_layer(Watch);
    let builder = match base.scheme() {
        "https" => builder.https_only(true),
        // Loopback without TLS needs no root certificates, and a bare machine has none.
        _ => builder.tls_certs_only([]),
    };
    builder.build().map_err(|_| GraphError(GraphCode::Client))
}

/// Below which address Graph is called: the version is part of the path, and nothing else.
fn versioned(url: &str, version: &str) -> Result<Url, GraphError> {
    let base = BaseUrl::parse(url).map_err(|_| GraphError(GraphCode::Url))?;
    let numbers = version.strip_prefix('v').and_then(|numbers| numbers.split_once('.'));
    let digits = |text: &str| (1..=4).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    if !numbers.is_some_and(|(major, minor)| digits(major) && digits(minor)) {
        return Err(GraphError(GraphCode::Version));
    }
    Ok(base.below(version))
}

/// Reads a date as servers must write it (RFC 9110 section 5.6.7, `Sun, 06 Nov 1994 08:49:37 GMT`), and nothing else:
/// the day of the week has to fit.
fn http_date(text: &str) -> Option<Timestamp> {
    let date = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text).ok()?;
    let written = jiff::fmt::rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&date).ok()?;
    (written == text).then_some(date)
}

fn bearer(token: &Secret) -> Result<HeaderValue, Cause> {
    let mut text = Wiped::new(Vec::with_capacity("Bearer ".len() + token.len()));
    text.extend_from_slice(b"Bearer ");
    text.extend_from_slice(token.expose());
    let mut header = HeaderValue::from_bytes(&text).map_err(|_| Cause::Token)?;
    header.set_sensitive(true);
    Ok(header)
}

fn usage(headers: &HeaderMap) -> Usage {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    Usage::read(text("x-app-usage"), text("x-business-use-case-usage"))
}

/// What an error of the HTTP client comes to; the error itself is dropped here.
fn cause(error: &reqwest::Error) -> Cause {
    match () {
        () if is_tls(error) => Cause::Tls,
        () if error.is_timeout() => Cause::Timeout,
        () if error.is_connect() => Cause::Connect,
        () => Cause::Broken,
    }
}

fn is_tls(error: &reqwest::Error) -> bool {
    let mut next: Option<&(dyn StdError + 'static)> = error.source();
    // The chain is a handful long; a bound costs nothing.
    for _ in 0..16 {
        let Some(inner) = next else { return false };
        if inner.is::<rustls::Error>() {
            return true;
        }
        // An I/O error gives as its source the source of what it wraps, and so hides what it wraps.
        next = match inner.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref) {
            Some(wrapped) => Some(wrapped),
            None => inner.source(),
        };
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_part_of_the_path_and_nothing_else() {
        assert_eq!(versioned("http://graph.example", "v27.0"), Err(GraphError(GraphCode::Url)));
        let base = versioned("http://127.0.0.1:8090/graph/", "v27.0").expect("good");
        assert_eq!(base.as_str(), "http://127.0.0.1:8090/graph/v27.0");
        for bad in ["", "26.0", "v26", "v27.0/..", "v27.0?x", "vx.y", "v.0", "v27.0.1"] {
            let refused = versioned("https://graph.facebook.com", bad).err();
            assert_eq!(refused, Some(GraphError(GraphCode::Version)), "{bad}");
        }
    }

    #[test]
    fn a_date_is_read_as_servers_must_write_it_and_in_no_other_way() {
        let date = http_date("Sun, 06 Nov 1994 08:49:37 GMT").expect("the one form");
        assert_eq!(date.as_second(), 784_111_777);
        for bad in [
            "",
            "Mon, 06 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
            "Sun, 06 Nov 1994 08:49:37 +0000",
            "Sun, 06 Nov 1994 09:49:37 +0100",
            "06 Nov 1994 08:49:37 GMT",
            "Sun, 6 Nov 1994 08:49:37 GMT",
            " Sun, 06 Nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 08:49:37 GMT, Sun, 06 Nov 1994 08:49:37 GMT",
            "1994-11-06T08:49:37Z",
        ] {
            assert_eq!(http_date(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_token_that_cannot_stand_in_a_header_is_not_sent() {
        assert_eq!(bearer(&Secret::new(b"a\r\nx: y".to_vec())).err(), Some(Cause::Token));
        let header = bearer(&Secret::new(b"EAAB".to_vec())).expect("plain");
        assert!(header.is_sensitive() && header.as_bytes() == b"Bearer EAAB");
    }
}
