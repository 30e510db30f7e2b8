//! A client of the admin side that shares nothing with the daemon's own command line.

use std::collections::HashMap;
use std::path::Path;

use serde_json::Value;

/// Calls the admin side through one door.
pub struct Caller {
    client: reqwest::Client,
    base: String,
    bearer: Option<String>,
    recipient: Option<String>,
}

/// What it answered.
pub struct Answer {
    pub status: u16,
    pub headers: HashMap<String, String>,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON, status {}", self.status))
    }

    pub fn text(&self) -> String {
        String::from_utf8(self.body.clone()).expect("UTF-8")
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    pub fn lines(&self) -> Vec<Value> {
        self.text().lines().map(|line| serde_json::from_str(line).expect("a JSON line")).collect()
    }
}

fn builder() -> reqwest::ClientBuilder {
    let _ = rustls::crypto::ring::default_provider().install_default();
    #[expect(clippy::disallowed_methods, reason = "a test's own client")]
    reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none())
}

impl Caller {
    pub fn socket(path: &Path) -> Self {
        let client = builder().unix_socket(path.to_owned()).build().expect("a client");
        Self { client, base: "http://admin.sock".to_owned(), bearer: None, recipient: None }
    }

    pub fn tcp(address: &str, bearer: Option<&str>) -> Self {
        let client = builder().build().expect("a client");
        let (base, bearer) = (format!("http://{address}"), bearer.map(str::to_owned));
        Self { client, base, bearer, recipient: None }
    }

    /// The same, on behalf of a recipient.
    pub fn on_behalf_of(self, recipient: &str) -> Self {
        Self { recipient: Some(recipient.to_owned()), ..self }
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.call(reqwest::Method::GET, path, None, Some("audit")).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.call(reqwest::Method::POST, path, Some(body.to_string()), Some("audit")).await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        self.call(reqwest::Method::DELETE, path, None, Some("audit")).await
    }

    pub async fn call(
        &self,
        method: reqwest::Method,
        path: &str,
        body: Option<String>,
        reason: Option<&str>,
    ) -> Answer {
        self.try_call(method, path, body, reason).await.expect("an answer")
    }

    /// The same of a daemon that may be killed meanwhile. `Err`: it did not answer, or not to the end.
    pub async fn try_call(
        &self,
        method: reqwest::Method,
        path: &str,
        body: Option<String>,
        reason: Option<&str>,
    ) -> Result<Answer, reqwest::Error> {
        let mut request = self.client.request(method, format!("{}{path}", self.base));
        if let Some(bearer) = &self.bearer {
            request = request.header("Authorization", format!("Bearer {bearer}"));
        }
        if let Some(recipient) = &self.recipient {
            request = request.header("Tamis-Recipient", recipient);
        }
        if let Some(reason) = reason {
            request = request.header("Tamis-Reason", reason);
        }
        if let Some(body) = body {
            request = request.header("Content-Type", "application/json").body(body);
        }
        let response = request.send().await?;
        let status = response.status().as_u16();
        let text = |value: &reqwest::header::HeaderValue| value.to_str().unwrap_or_default().to_owned();
        let headers =
            response.headers().iter().map(|(name, value)| (name.to_string(), text(value))).collect();
        let body = response.bytes().await?.to_vec();
        Ok(Answer { status, headers, body })
    }
}
