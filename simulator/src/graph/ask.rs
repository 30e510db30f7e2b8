//! One call, read.

use actix_web::HttpRequest;

use crate::calls::{CallKind, GraphCall, ProofSeen, TokenSeen};
use crate::signature::appsecret_proof;
use crate::world::World;

/// A call to the Graph API as we understand it.
pub(crate) struct Ask {
    pub method: String,
    pub path: String,
    /// `v26.0`; empty when the path has none.
    pub version: String,
    pub query: Query,
    pub raw_query: String,
    pub token: Option<String>,
    pub token_in_url: bool,
    /// The pages that the token reads.
    pub pages: Vec<String>,
    pub proof: ProofSeen,
    pub kind: CallKind,
    pub ids: Vec<String>,
}

impl Ask {
    pub fn read(request: &HttpRequest, world: &World, secrets: &[Vec<u8>]) -> Ask {
        let path = request.path().to_owned();
        let mut parts: Vec<String> =
            path.split('/').filter(|part| !part.is_empty()).map(str::to_owned).collect();
        let has_version = parts.first().is_some_and(|part| version_number(part).is_some());
        let version = if has_version { parts.remove(0) } else { String::new() };
        let raw_query = request.query_string().to_owned();
        let query = Query::parse(&raw_query);

        let header = request.headers().get("authorization").and_then(|value| value.to_str().ok());
        let bearer = header.and_then(|value| value.strip_prefix("Bearer ")).map(str::to_owned);
        let in_url = query.value("access_token").map(str::to_owned);
        let token_in_url = in_url.is_some();
        let token = bearer.or(in_url);

        let pages = token.as_deref().map(|token| world.pages_of(token)).unwrap_or_default();
        let proof = proof_of(token.as_deref(), query.value("appsecret_proof"), secrets);
        let ids = match query.value("ids") {
            Some(ids) if parts.is_empty() => ids.split(',').map(|id| id.trim().to_owned()).collect(),
            _ => parts.first().cloned().into_iter().collect(),
        };
        let kind = kind_of(&parts, query.value("ids").is_some(), world);
        let method = request.method().as_str().to_owned();
        Ask { method, path, version, query, raw_query, token, token_in_url, pages, proof, kind, ids }
    }

    pub fn fields(&self) -> Option<&str> {
        self.query.value("fields")
    }

    /// The line for the log.
    pub fn call(&self, at_ms: u64) -> GraphCall {
        let token = match &self.token {
            None => TokenSeen::Missing,
            Some(_) if self.pages.is_empty() => TokenSeen::Unknown,
            Some(_) => TokenSeen::Of(self.pages.clone()),
        };
        GraphCall {
            at_ms,
            method: self.method.clone(),
            path: self.path.clone(),
            query: self.raw_query.clone(),
            kind: self.kind,
            ids: self.ids.clone(),
            fields: self.fields().map(str::to_owned),
            token,
            token_in_url: self.token_in_url,
            proof: self.proof,
        }
    }
}

/// The number before the point of `v26.0`.
pub(crate) fn version_number(part: &str) -> Option<u32> {
    part.strip_prefix('v')?.strip_suffix(".0")?.parse().ok()
}

/// A query, decoded.
pub(crate) struct Query(Vec<(String, String)>);

impl Query {
    pub fn parse(raw: &str) -> Query {
        let pairs = raw.split('&').filter(|pair| !pair.is_empty());
        Query(
            pairs
                .map(|pair| {
                    let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
                    (decode(key), decode(value))
                })
                .collect(),
        )
    }

    /// The value of a parameter; of a repeated one the last, as PHP reads it.
    pub fn value(&self, key: &str) -> Option<&str> {
        self.0.iter().rev().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
    }
}

/// Percent and plus decoding; what is no escape stays as it is.
fn decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let escaped =
            bytes.get(at + 1..at + 3).filter(|_| byte == b'%').and_then(|digits| hex::decode(digits).ok());
        match escaped {
            Some(decoded) => {
                out.extend_from_slice(&decoded);
                at += 3;
            }
            None => {
                out.push(if byte == b'+' { b' ' } else { byte });
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

fn proof_of(token: Option<&str>, proof: Option<&str>, secrets: &[Vec<u8>]) -> ProofSeen {
    let (Some(token), Some(proof)) = (token, proof) else { return ProofSeen::Missing };
    secrets
        .iter()
        .position(|secret| appsecret_proof(secret, token) == proof)
        .map_or(ProofSeen::Wrong, ProofSeen::Secret)
}

fn kind_of(parts: &[String], has_ids: bool, world: &World) -> CallKind {
    match parts {
        [] if has_ids => CallKind::Ids,
        [id] if world.forms.contains_key(id) => CallKind::Form,
        [id] if world.pages.contains_key(id) => CallKind::Page,
        [_] => CallKind::Lead,
        [_, edge] if edge == "leadgen_forms" => CallKind::FormsOfPage,
        [_, edge] if edge == "leads" => CallKind::LeadsOfForm,
        _ => CallKind::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_are_decoded() {
        let query = Query::parse("ids=1%2C2&fields=a%7Bb%7D&x=%zz+y&flag&ids=3");
        assert_eq!(query.value("ids"), Some("3"));
        assert_eq!(query.value("fields"), Some("a{b}"));
        assert_eq!(query.value("x"), Some("%zz y"));
        assert_eq!(query.value("flag"), Some(""));
        assert_eq!(query.value("none"), None);
    }

    #[test]
    fn versions_are_read() {
        assert_eq!(version_number("v26.0"), Some(26));
        assert_eq!(version_number("26.0"), None);
        assert_eq!(version_number("104000000000001"), None);
    }
}
