//! Who signed a notification: HMAC-SHA256 over the bytes as they came, under the app's secret.

use bytes::Bytes;
use subtle::{Choice, ConstantTimeEq};

use crate::secret::{Secret, hmac_sha256};

crate::codes! {
    /// Why a notification is not Meta's.
    pub enum SignatureCode {
        /// No `X-Hub-Signature-256`.
        Missing = "signature-missing",
        /// Only the legacy `X-Hub-Signature` (SHA-1), which proves nothing any more.
        LegacyOnly = "signature-sha1-only",
        /// The header came more than once.
        Repeated = "signature-repeated",
        /// Not `sha256=` and 64 hexadecimal digits.
        Malformed = "signature-malformed",
        /// Well-formed, but under none of the app's secrets.
        Mismatch = "signature-mismatch",
    }
}

/// A body that Meta signed. Only [`Verifier::verify`] makes one, and only [`crate::notification::read`] looks inside.
/// It has no `Debug`: a third-party sender may have put answers into it.
pub struct Authentic(Bytes);

impl Authentic {
    pub(in crate::notification) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

/// Holds the app's secrets: one, or two while the old one is being replaced.
pub struct Verifier(Vec<Secret>);

impl Verifier {
    /// Takes the secrets. An empty one is left out, since anybody could sign with it; with none nothing is authentic.
    pub fn new(secrets: Vec<Secret>) -> Self {
        Self(secrets.into_iter().filter(|secret| !secret.is_empty()).collect())
    }

    /// Verifies a body against the values of `X-Hub-Signature-256`. The digest is taken over the raw bytes, before any
    /// decoding (Meta signs what it sends, escapes included). Every secret is tried, in constant time, so that the time
    /// taken says nothing of the digest nor of which secret fits. `legacy_present` tells whether `X-Hub-Signature` came
    /// too; it only names the refusal.
    ///
    /// # Errors
    /// A [`SignatureCode`]; the body is dropped unread.
    pub fn verify<'h>(
        &self,
        values: impl IntoIterator<Item = &'h [u8]>,
        legacy_present: bool,
        body: Bytes,
    ) -> Result<Authentic, SignatureCode> {
        let mut values = values.into_iter();
        let value = match values.next() {
            Some(value) => value,
            None if legacy_present => return Err(SignatureCode::LegacyOnly),
            None => return Err(SignatureCode::Missing),
        };
        if values.next().is_some() {
            return Err(SignatureCode::Repeated);
        }
        let claimed = digest(value).ok_or(SignatureCode::Malformed)?;
        if self.fits(&claimed, &[&body]) { Ok(Authentic(body)) } else { Err(SignatureCode::Mismatch) }
    }

    /// True if the digest is over these parts, under one of the secrets. Each is tried, in constant time.
    pub(in crate::notification) fn fits(&self, claimed: &[u8; 32], parts: &[&[u8]]) -> bool {
        let mut fits = Choice::from(0);
        for mark in self.marks(parts) {
            fits |= mark.ct_eq(claimed);
        }
        bool::from(fits)
    }

    /// The digest over these parts under the newest secret; none: there is none.
    pub(in crate::notification) fn mark(&self, parts: &[&[u8]]) -> Option<[u8; 32]> {
        self.marks(parts).next()
    }

    /// The same under each of them, the newest first.
    pub(in crate::notification) fn marks(&self, parts: &[&[u8]]) -> impl Iterator<Item = [u8; 32]> {
        self.0.iter().map(move |secret| hmac_sha256(secret.expose(), parts))
    }
}

/// Reads `sha256=` and 64 hexadecimal digits. Meta writes them in lower case; upper case says the same.
fn digest(value: &[u8]) -> Option<[u8; 32]> {
    let mut digest = [0; 32];
    hex::decode_to_slice(value.strip_prefix(b"sha256=")?, &mut digest).ok()?;
    Some(digest)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &[u8] = br#"{"object":"page","name":"M\u00fcller \/ \u003C\ud83d\ude00"}"#;

    fn verifier(secrets: &[&str]) -> Verifier {
        Verifier::new(secrets.iter().map(|secret| Secret::new(secret.as_bytes().to_vec())).collect())
    }

    fn signed(secret: &str, body: &[u8]) -> String {
        format!("sha256={}", hex::encode(hmac_sha256(secret.as_bytes(), &[body])))
    }

    fn judge(verifier: &Verifier, values: &[&[u8]], body: &[u8]) -> Result<(), SignatureCode> {
        verifier.verify(values.iter().copied(), false, Bytes::copy_from_slice(body)).map(|_| ())
    }

    #[test]
    fn a_known_signature_holds() {
        // openssl dgst -sha256 -hmac app-secret, over the same bytes.
        let body = br#"{"object":"page","entry":[]}"#;
        let value = b"sha256=e6e9d7a842a48e17f43a34d6125d0d933e2aab92ee37f0993a4d493b50e3d438";
        assert_eq!(judge(&verifier(&["app-secret"]), &[value], body), Ok(()));
    }

    #[test]
    fn both_secrets_hold_and_no_third() {
        let both = verifier(&["new", "old"]);
        for secret in ["new", "old"] {
            assert_eq!(judge(&both, &[signed(secret, BODY).as_bytes()], BODY), Ok(()), "{secret}");
            let upper = format!("sha256={}", signed(secret, BODY)[7..].to_uppercase());
            assert_eq!(judge(&both, &[upper.as_bytes()], BODY), Ok(()), "{secret}, upper case");
        }
        for other in ["", "neW", "newold", "older"] {
            let value = signed(other, BODY);
            assert_eq!(judge(&both, &[value.as_bytes()], BODY), Err(SignatureCode::Mismatch), "{other}");
        }
    }

    #[test]
    fn an_empty_secret_verifies_nothing() {
        for secrets in [&[][..], &[""], &["", "real"]] {
            let value = signed("", BODY);
            assert_eq!(
                judge(&verifier(secrets), &[value.as_bytes()], BODY),
                Err(SignatureCode::Mismatch),
                "{secrets:?}"
            );
        }
    }

    #[test]
    fn any_changed_bit_of_body_or_digest_is_a_mismatch() {
        let verifier = verifier(&["secret"]);
        let value = signed("secret", BODY);
        for bit in 0..BODY.len() * 8 {
            let mut body = BODY.to_vec();
            body[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(judge(&verifier, &[value.as_bytes()], &body), Err(SignatureCode::Mismatch));
        }
        let digest = hmac_sha256(b"secret", &[BODY]);
        for bit in 0..256 {
            let mut other = digest;
            other[bit / 8] ^= 1 << (bit % 8);
            let value = format!("sha256={}", hex::encode(other));
            assert_eq!(judge(&verifier, &[value.as_bytes()], BODY), Err(SignatureCode::Mismatch));
        }
    }

    #[test]
    fn what_is_no_single_well_formed_header_has_its_own_code() {
        let verifier = verifier(&["secret"]);
        let good = signed("secret", BODY);
        assert_eq!(judge(&verifier, &[], BODY), Err(SignatureCode::Missing));
        let legacy = verifier.verify([], true, Bytes::from_static(BODY)).map(|_| ());
        assert_eq!(legacy, Err(SignatureCode::LegacyOnly));
        assert_eq!(
            judge(&verifier, &[good.as_bytes(), good.as_bytes()], BODY),
            Err(SignatureCode::Repeated),
            "twice the same is twice"
        );
        for bad in [
            String::new(),
            "sha256=".to_owned(),
            good[7..].to_owned(),
            good.replace("sha256", "sha1"),
            good.replace("sha256", "SHA256"),
            good.replace('=', ":"),
            good[..good.len() - 1].to_owned(),
            good[..good.len() - 2].to_owned(),
            format!("{good}0"),
            format!("{good}00"),
            format!(" {good}"),
            format!("{good},{good}"),
            format!("sha256={}", "g".repeat(64)),
            format!("sha256={}", "é".repeat(32)),
        ] {
            let judged = judge(&verifier, &[bad.as_bytes()], BODY);
            assert_eq!(judged, Err(SignatureCode::Malformed), "{bad}");
        }
        assert_eq!(judge(&verifier, &[b"sha256=\xff\xff"], BODY), Err(SignatureCode::Malformed));
    }
}
