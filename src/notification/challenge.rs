//! The handshake by which Meta checks that a callback is ours: `GET /webhook?hub.mode=subscribe&…`.

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::secret::{Secret, Wiped};

/// The longest query string that is read; Meta's has some 150 bytes.
const QUERY_BYTES_MAX: usize = 4_096;

/// The longest challenge that is sent back; Meta's is an integer.
const CHALLENGE_BYTES_MAX: usize = 256;

crate::codes! {
    /// Why the handshake is refused.
    pub enum ChallengeCode {
        /// One of `hub.mode`, `hub.verify_token`, `hub.challenge` is not there.
        Missing = "challenge-parameter-missing",
        /// One of them came more than once.
        Repeated = "challenge-parameter-repeated",
        /// The query is too long, or the challenge is nothing that is safe to send back.
        Malformed = "challenge-malformed",
        /// The mode is not `subscribe`.
        WrongMode = "challenge-wrong-mode",
        /// The token is not ours.
        WrongToken = "challenge-wrong-token",
    }
}

/// The verify token, as its SHA-256: the text itself is needed by nobody after the start.
pub struct VerifyToken(Option<[u8; 32]>);

impl VerifyToken {
    /// Of this text; an empty one is like no token.
    pub fn of(text: &Secret) -> Self {
        Self((!text.is_empty()).then(|| Sha256::digest(text.expose()).into()))
    }

    /// Compares in constant time.
    fn is(&self, given: &[u8]) -> bool {
        let digest: [u8; 32] = Sha256::digest(given).into();
        self.0.is_some_and(|kept| bool::from(kept.ct_eq(&digest)))
    }
}

/// What is sent back, alone and as plain text: 1 to 256 of `[A-Za-z0-9._-]`, since whoever knows the token chooses it.
#[derive(Debug, PartialEq, Eq)]
pub struct Challenge(String);

impl Challenge {
    /// Judges the raw query string of a handshake. The dots in the names are literal. What is no parameter of the
    /// handshake is ignored.
    ///
    /// # Errors
    /// A [`ChallengeCode`]. Whether the challenge itself is acceptable is said only to those who know the token.
    pub fn read(query: &str, verify_token: &VerifyToken) -> Result<Self, ChallengeCode> {
        if query.len() > QUERY_BYTES_MAX {
            return Err(ChallengeCode::Malformed);
        }
        let (mut mode, mut token, mut challenge) = (None, None, None);
        for pair in query.split('&') {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let slot = match decode(name).as_slice() {
                b"hub.mode" => &mut mode,
                b"hub.verify_token" => &mut token,
                b"hub.challenge" => &mut challenge,
                _ => continue,
            };
            if slot.replace(decode(value)).is_some() {
                return Err(ChallengeCode::Repeated);
            }
        }
        let (Some(mode), Some(token), Some(challenge)) = (mode, token, challenge) else {
            return Err(ChallengeCode::Missing);
        };
        if mode.as_slice() != b"subscribe" {
            return Err(ChallengeCode::WrongMode);
        }
        if !verify_token.is(&token) {
            return Err(ChallengeCode::WrongToken);
        }
        let safe = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
        if challenge.is_empty() || challenge.len() > CHALLENGE_BYTES_MAX || !challenge.iter().all(safe) {
            return Err(ChallengeCode::Malformed);
        }
        String::from_utf8(challenge.to_vec()).map(Self).map_err(|_| ChallengeCode::Malformed)
    }

    /// The whole body of the answer.
    pub fn into_string(self) -> String {
        self.0
    }
}

/// Undoes `%41` and `+`; a `%` that begins no escape stands for itself. Wiped when dropped: it may be the token.
fn decode(text: &str) -> Wiped<Vec<u8>> {
    let mut out = Wiped::new(Vec::with_capacity(text.len()));
    let mut rest = text.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        let escape = after.split_first_chunk::<2>();
        let mut decoded = [0];
        rest = match (byte, escape) {
            (b'%', Some((digits, beyond))) if hex::decode_to_slice(digits, &mut decoded).is_ok() => beyond,
            (b'+', _) => {
                decoded = [b' '];
                after
            }
            _ => {
                decoded = [*byte];
                after
            }
        };
        out.extend_from_slice(&decoded);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(query: &str) -> Result<String, ChallengeCode> {
        let token = VerifyToken::of(&Secret::new(b"t\xc3\xb6ken +%&=".to_vec()));
        Challenge::read(query, &token).map(Challenge::into_string)
    }

    const TOKEN: &str = "hub.verify_token=t%C3%B6ken+%2B%25%26%3D";

    #[test]
    fn the_right_token_gets_its_challenge_back() {
        for (query, wanted) in [
            (format!("hub.mode=subscribe&hub.challenge=1158201444&{TOKEN}"), "1158201444"),
            (format!("{TOKEN}&hub.challenge=a.B_c-9&hub.mode=subscribe&x=1&x=2&&=&hub.other"), "a.B_c-9"),
            (format!("hub%2Emode=%73ubscribe&hub%2echallenge=%31&{TOKEN}"), "1"),
            (format!("hub.mode=subscribe&hub.challenge={}&{TOKEN}", "9".repeat(256)), &*"9".repeat(256)),
        ] {
            assert_eq!(read(&query).as_deref(), Ok(wanted), "{query}");
        }
    }

    #[test]
    fn each_refusal_has_its_code() {
        for (query, wanted) in [
            (String::new(), ChallengeCode::Missing),
            (format!("hub.mode=subscribe&{TOKEN}"), ChallengeCode::Missing),
            (format!("hub.challenge=1&{TOKEN}"), ChallengeCode::Missing),
            ("hub.mode=subscribe&hub.challenge=1".to_owned(), ChallengeCode::Missing),
            (format!("hub_mode=subscribe&hub_challenge=1&{TOKEN}"), ChallengeCode::Missing),
            (format!("hub.mode=subscribe&hub.challenge=1&hub.challenge=1&{TOKEN}"), ChallengeCode::Repeated),
            (format!("hub.mode=subscribe&hub.challenge=1&{TOKEN}&{TOKEN}"), ChallengeCode::Repeated),
            (format!("hub.mode=unsubscribe&hub.challenge=1&{TOKEN}"), ChallengeCode::WrongMode),
            (format!("hub.mode=Subscribe&hub.challenge=1&{TOKEN}"), ChallengeCode::WrongMode),
            ("hub.mode=subscribe&hub.challenge=1&hub.verify_token=".to_owned(), ChallengeCode::WrongToken),
            ("hub.mode=subscribe&hub.challenge=1&hub.verify_token".to_owned(), ChallengeCode::WrongToken),
            (format!("hub.mode=subscribe&hub.challenge=1&{TOKEN}x"), ChallengeCode::WrongToken),
            ("hub.mode=subscribe&hub.challenge=%3C&hub.verify_token=x".to_owned(), ChallengeCode::WrongToken),
            (format!("hub.mode=subscribe&hub.challenge=&{TOKEN}"), ChallengeCode::Malformed),
            (format!("hub.mode=subscribe&hub.challenge=%3Cscript%3E&{TOKEN}"), ChallengeCode::Malformed),
            (format!("hub.mode=subscribe&hub.challenge=1%0D%0AX:1&{TOKEN}"), ChallengeCode::Malformed),
            (format!("hub.mode=subscribe&hub.challenge=1+2&{TOKEN}"), ChallengeCode::Malformed),
            (format!("hub.mode=subscribe&hub.challenge=%FF&{TOKEN}"), ChallengeCode::Malformed),
            (
                format!("hub.mode=subscribe&hub.challenge={}&{TOKEN}", "9".repeat(257)),
                ChallengeCode::Malformed,
            ),
            (
                format!("hub.mode=subscribe&hub.challenge=1&{TOKEN}&x={}", "9".repeat(5_000)),
                ChallengeCode::Malformed,
            ),
        ] {
            assert_eq!(read(&query), Err(wanted), "{query:.120}");
        }
    }

    #[test]
    fn a_query_of_the_longest_length_is_read_and_a_longer_one_is_not() {
        let with = |bytes: usize| {
            let query = format!("hub.mode=subscribe&hub.challenge=1&{TOKEN}&x=");
            let filler = "9".repeat(bytes - query.len());
            read(&(query + &filler))
        };
        assert_eq!(with(QUERY_BYTES_MAX).as_deref(), Ok("1"));
        assert_eq!(with(QUERY_BYTES_MAX + 1), Err(ChallengeCode::Malformed));
    }

    #[test]
    fn an_empty_token_in_the_config_matches_nothing() {
        let query = "hub.mode=subscribe&hub.challenge=1&hub.verify_token=";
        assert_eq!(
            Challenge::read(query, &VerifyToken::of(&Secret::new(Vec::new()))),
            Err(ChallengeCode::WrongToken)
        );
    }

    #[test]
    fn a_percent_that_begins_no_escape_stands_for_itself() {
        for (text, wanted) in [("%", "%"), ("%4", "%4"), ("%zz", "%zz"), ("%%41", "%A"), ("a%20b+c", "a b c")]
        {
            assert_eq!(decode(text).as_slice(), wanted.as_bytes(), "{text}");
        }
    }
}
