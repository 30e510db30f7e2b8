//! The two keyed hashes that Meta computes: over a notification's body, and over a token.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// The value of `X-Hub-Signature-256`: `sha256=` and 64 lower-case hex digits, the HMAC-SHA256 of the body as it goes
/// over the wire under the app secret (*Getting started*, "Validating payloads").
pub fn sign(secret: &[u8], body: &[u8]) -> String {
    format!("sha256={}", hmac_hex(secret, body))
}

/// The value of `appsecret_proof`: hex HMAC-SHA256 of the access token under the app secret (*Secure requests*).
pub fn appsecret_proof(secret: &[u8], token: &str) -> String {
    hmac_hex(secret, token.as_bytes())
}

/// A value of the shape of the legacy `X-Hub-Signature`: `sha1=` and 40 hex digits. Not SHA-1: nobody may rely on it.
pub(crate) fn legacy_shaped(body: &[u8]) -> String {
    let digits: String = hmac_hex(b"legacy", body).chars().take(40).collect();
    format!("sha1={digits}")
}

fn hmac_hex(key: &[u8], message: &[u8]) -> String {
    // HMAC takes keys of any length; the `Err` of `new_from_slice` never occurs for it, and an empty text would
    // match nothing.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return String::new() };
    mac.update(message);
    hex::encode(mac.finalize().into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `printf '%s' BODY | openssl dgst -sha256 -hmac SECRET`, OpenSSL 3.
    #[test]
    fn the_signature_is_what_openssl_computes() {
        let body = br#"{"object":"page","entry":[{"id":"104000000000001","note":"\u00e9\/\ud83c\udf3b"}]}"#;
        assert_eq!(
            sign(b"an app secret", body),
            "sha256=f883a6f90eafcc8435448dfb8bef7792462c4bda96a3aeb5375e3678485d08b6"
        );
        assert_eq!(
            appsecret_proof(b"an app secret", "EAAtoken"),
            "1b2c41cc893dff24c49f64b9c8c901e272bf0ccb8135d499a55dc78105518fad"
        );
    }

    #[test]
    fn a_key_longer_than_a_block_is_hashed_first() {
        assert_eq!(
            sign(&[b'k'; 100], b"x"),
            "sha256=8c1858bff6cf9cb73708b4b54f43bca6e1b8b4c3380760dc009001b265b64c6f"
        );
    }
}
