//! Meta's callbacks for users of the app: "data deletion request" and "deauthorize". One form field, `signed_request`: a signature and
//! a payload, each base64url (Meta, "Data Deletion Request Callback").
//!
//! The payload names a user by an id that Meta makes for this app. No lead carries it, so nothing is looked up by it: it is not read at
//! all, and the code that is answered is worked out without it.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use serde::Deserialize;
use subtle::ConstantTimeEq;

use crate::notification::{SignatureCode, Verifier};

/// What Meta signs by, as the payload says it.
const ALGORITHM: &str = "HMAC-SHA256";
/// What stands in front of a code's bytes where they are authenticated.
const CODE: &[u8] = b"tamis/meta-deletion/1";
const TIME_BYTES: usize = 8;
const SALT_BYTES: usize = 8;
const MARK_BYTES: usize = 16;

/// A request that Meta signed. What it says is not kept.
pub struct SignedRequest(());

/// Of the payload what is needed to know that it was signed as it says. Whatever else it holds is passed over.
#[derive(Deserialize)]
struct Payload<'p> {
    algorithm: &'p str,
}

impl SignedRequest {
    /// Verifies the value of the field `signed_request`. The digest is taken over the payload's letters as they came; padding, which
    /// Meta leaves out, is passed over.
    ///
    /// # Errors
    /// [`SignatureCode::Malformed`]: not two parts, not base64url, no JSON, or another algorithm; [`SignatureCode::Mismatch`].
    pub fn verify(text: &str, verifier: &Verifier) -> Result<Self, SignatureCode> {
        let (signature, payload) = text.split_once('.').ok_or(SignatureCode::Malformed)?;
        let decoded = |part: &str| URL_SAFE_NO_PAD.decode(part.trim_end_matches('='));
        let claimed = decoded(signature).ok().and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
        let claimed = claimed.ok_or(SignatureCode::Malformed)?;
        if !verifier.fits(&claimed, &[payload.as_bytes()]) {
            return Err(SignatureCode::Mismatch);
        }
        let bytes = decoded(payload).map_err(|_| SignatureCode::Malformed)?;
        let said: Payload<'_> = serde_json::from_slice(&bytes).map_err(|_| SignatureCode::Malformed)?;
        match said.algorithm.eq_ignore_ascii_case(ALGORITHM) {
            true => Ok(Self(())),
            false => Err(SignatureCode::Malformed),
        }
    }

    /// The code by which the request's status is asked for: when it was received and a salt, with a mark under the app's secret, as
    /// hex. Nothing needs to be kept for it. None: there is no secret.
    pub fn code(&self, received: Timestamp, salt: [u8; SALT_BYTES], verifier: &Verifier) -> Option<String> {
        let seconds = received.as_second().to_be_bytes();
        let mark = verifier.mark(&[CODE, &seconds, &salt])?;
        Some(hex::encode([&seconds[..], &salt, mark.get(..MARK_BYTES)?].concat()))
    }
}

/// When the request was received for which this code was given; none: none was, or under a secret that is the app's no more.
pub fn received_by(code: &str, verifier: &Verifier) -> Option<Timestamp> {
    let bytes = hex::decode(code).ok().filter(|_| !code.bytes().any(|byte| byte.is_ascii_uppercase()))?;
    let (seconds, rest) = bytes.split_first_chunk::<TIME_BYTES>()?;
    let (salt, claimed) = rest.split_first_chunk::<SALT_BYTES>()?;
    let claimed: &[u8; MARK_BYTES] = claimed.try_into().ok()?;
    let is_ours = verifier
        .marks(&[CODE, seconds, salt])
        .any(|mark| mark.get(..MARK_BYTES).is_some_and(|mark| bool::from(mark.ct_eq(claimed))));
    is_ours.then(|| Timestamp::from_second(i64::from_be_bytes(*seconds)).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::{Secret, hmac_sha256};

    fn verifier(secrets: &[&str]) -> Verifier {
        Verifier::new(secrets.iter().map(|secret| Secret::new(secret.as_bytes().to_vec())).collect())
    }

    fn signed(secret: &str, payload: &str) -> String {
        let payload = URL_SAFE_NO_PAD.encode(payload);
        let signature = URL_SAFE_NO_PAD.encode(hmac_sha256(secret.as_bytes(), &[payload.as_bytes()]));
        format!("{signature}.{payload}")
    }

    fn judged(text: &str, verifier: &Verifier) -> Result<(), SignatureCode> {
        SignedRequest::verify(text, verifier).map(drop)
    }

    /// As Meta's documentation has it: what it signed with the secret of its example.
    #[test]
    fn meta_s_own_example_holds() {
        let text = "vlXgu64BQGFSQrY0ZcJBZASMvYvTHu9GQ0YM9rjPSso.\
                    eyJhbGdvcml0aG0iOiJITUFDLVNIQTI1NiIsIjAiOiJwYXlsb2FkIn0";
        assert_eq!(judged(text, &verifier(&["secret"])), Ok(()));
        assert_eq!(judged(text, &verifier(&["another"])), Err(SignatureCode::Mismatch));
    }

    #[test]
    fn each_of_the_app_s_secrets_holds_and_nothing_else() {
        let both = verifier(&["new", "old"]);
        let payload = r#"{"algorithm":"HMAC-SHA256","issued_at":1796000000,"user_id":"218471"}"#;
        for secret in ["new", "old"] {
            assert_eq!(judged(&signed(secret, payload), &both), Ok(()));
            let (signature, payload) = signed(secret, payload)
                .split_once('.')
                .map(|(a, b)| (a.to_owned(), b.to_owned()))
                .expect("two");
            assert_eq!(judged(&format!("{signature}=.{payload}"), &both), Ok(()), "padded");
        }
        for other in ["", "neW", "newold"] {
            assert_eq!(judged(&signed(other, payload), &both), Err(SignatureCode::Mismatch), "{other}");
        }
        let whole = signed("new", payload);
        for at in [0, 20, 44, whole.len() - 1] {
            let mut odd = whole.clone().into_bytes();
            odd[at] = if odd[at] == b'A' { b'B' } else { b'A' };
            let odd = String::from_utf8(odd).expect("text");
            assert!(judged(&odd, &both).is_err(), "{at}");
        }
        assert_eq!(judged(&signed("", payload), &verifier(&[""])), Err(SignatureCode::Mismatch));
    }

    #[test]
    fn what_is_no_signed_request_is_told_apart() {
        let one = verifier(&["s"]);
        for bad in ["", ".", "abc", "é.é", "AAAA.e30", "a.b.c"] {
            assert_eq!(judged(bad, &one), Err(SignatureCode::Malformed), "{bad}");
        }
        for payload in
            ["", "{}", "[]", r#"{"algorithm":"none"}"#, r#"{"algorithm":"HMAC-SHA1"}"#, r#"{"algorithm":1}"#]
        {
            assert_eq!(judged(&signed("s", payload), &one), Err(SignatureCode::Malformed), "{payload}");
        }
    }

    #[test]
    fn a_code_says_when_it_was_given_and_only_one_that_was_given_does() {
        let both = verifier(&["new", "old"]);
        let at = Timestamp::from_second(1_796_000_000).expect("in range");
        let request = SignedRequest(());
        let code = request.code(at, [7; SALT_BYTES], &both).expect("a secret");
        assert!(
            code.bytes().all(|byte| byte.is_ascii_hexdigit()) && code.len() == 64,
            "alphanumeric: {code}"
        );
        assert_eq!(received_by(&code, &both), Some(at));
        assert_eq!(
            received_by(&code, &verifier(&["newer", "new"])),
            Some(at),
            "while the secret is replaced"
        );
        assert_eq!(received_by(&code, &verifier(&["old"])), None);
        assert!(request.code(at, [8; SALT_BYTES], &both).is_some_and(|other| other != code));
        for at in 0..code.len() {
            let mut odd = code.clone().into_bytes();
            odd[at] = if odd[at] == b'0' { b'1' } else { b'0' };
            assert_eq!(received_by(&String::from_utf8(odd).expect("text"), &both), None, "{at}");
        }
        for bad in ["", "00", &code.to_uppercase(), &code[2..], &format!("{code}00")] {
            assert_eq!(received_by(bad, &both), None, "{bad}");
        }
        assert!(request.code(at, [7; SALT_BYTES], &verifier(&[])).is_none());
    }
}
