//! What a link to a person carries: a pass. 256 random bits that say nothing of anybody; whoever holds them opens what the pass was
//! given for, of one record, until its day. The store keeps its hash alone.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::random::{NoRandomness, Random};
use crate::secret::Wiped;
use crate::secret::hmac_sha256;

/// Bytes of a pass.
const PASS_BYTES: usize = 32;
/// Letters of one as it stands in a link: base64url without padding (RFC 4648 §5).
const PASS_LETTERS: usize = 43;
/// What is hashed before it, so that the hash is of nothing else.
const HASHED: &[u8] = b"tamis/pass/1";
/// And before the act that a form is for.
const FORM: &[u8] = b"tamis/form/1/";

/// What a pass opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PassKind {
    /// The person's page: what is held, masked, and what they can have done.
    Page,
    /// One act, by one POST (RFC 8058): nothing is sent any more for this purpose. It shows nothing.
    Stop,
}

impl PassKind {
    /// Its name where it is kept: no operator meets it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Page => "page",
            Self::Stop => "stop",
        }
    }

    /// The one with this name.
    pub fn from_code(name: &str) -> Option<Self> {
        [Self::Page, Self::Stop].into_iter().find(|kind| kind.as_str() == name)
    }
}

/// A pass as it stands in a link. It is somebody's key: wiped when dropped, and nothing shows it but [`Pass::path`].
pub struct Pass(Wiped<[u8; PASS_BYTES]>);

crate::secret::never_shown!(Pass);

impl Pass {
    /// Makes one.
    ///
    /// # Errors
    /// The system gives no randomness.
    pub fn new(random: &dyn Random) -> Result<Self, NoRandomness> {
        let mut bytes = Wiped::new([0; PASS_BYTES]);
        random.fill(&mut *bytes)?;
        Ok(Self(bytes))
    }

    /// Reads what stands in a link, and no other spelling of it.
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() != PASS_LETTERS {
            return None;
        }
        let decoded = Wiped::new(URL_SAFE_NO_PAD.decode(text).ok()?);
        let bytes = <[u8; PASS_BYTES]>::try_from(decoded.as_slice()).ok()?;
        Some(Self(Wiped::new(bytes)))
    }

    /// What is kept of it. A plain hash: nobody guesses 256 bits.
    pub fn hash(&self) -> [u8; 32] {
        Sha256::new().chain_update(HASHED).chain_update(*self.0).finalize().into()
    }

    /// What a form on a page of this pass carries: whoever posts it was shown the form for this act. It is worked out of the pass, so
    /// that it needs no session, and says nothing of it.
    pub fn form_token(&self, act: &str) -> String {
        URL_SAFE_NO_PAD.encode(self.of_form(act))
    }

    /// True if a form that was posted carries that. In constant time.
    pub fn is_form_token(&self, act: &str, posted: &str) -> bool {
        let posted = URL_SAFE_NO_PAD.decode(posted).unwrap_or_default();
        bool::from(self.of_form(act).ct_eq(posted.as_slice()))
    }

    fn of_form(&self, act: &str) -> [u8; 32] {
        hmac_sha256(self.0.as_slice(), &[FORM, act.as_bytes()])
    }

    /// The path that a link has, below the address at which people reach tamis.
    pub fn path(&self, kind: PassKind) -> Wiped<String> {
        let mut path = Wiped::new(String::with_capacity(3 + PASS_LETTERS));
        path.push_str(match kind {
            PassKind::Page => "/p/",
            PassKind::Stop => "/u/",
        });
        URL_SAFE_NO_PAD.encode_string(*self.0, &mut path);
        path
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::SeededRandom;

    #[test]
    fn a_pass_reads_back_from_its_link_and_has_one_spelling() {
        let pass = Pass::new(&SeededRandom::new(3)).expect("random");
        let path = pass.path(PassKind::Page);
        let text = path.strip_prefix("/p/").expect("a page's");
        assert_eq!(text.len(), PASS_LETTERS);
        assert!(text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)), "{text}");
        let read = Pass::parse(text).expect("reads back");
        assert!(read.hash() == pass.hash() && read.path(PassKind::Page) == path);
        assert_eq!(pass.path(PassKind::Stop).strip_prefix("/u/"), Some(text));
        // The last letter has four bits to spare that must be zero.
        let last = text.chars().last().expect("a letter");
        let another = char::from(u8::try_from(last).expect("ascii") + 1);
        for bad in
            [format!("{text}="), format!("{}{another}", &text[..42]), text[..42].to_owned(), String::new()]
        {
            assert!(Pass::parse(&bad).is_none_or(|other| other.hash() != pass.hash()), "{bad}");
        }
        assert!(Pass::parse(&"é".repeat(21)).is_none() && Pass::parse(&"/".repeat(43)).is_none());
    }

    #[test]
    fn a_form_s_token_is_of_its_pass_and_of_its_act() {
        let random = SeededRandom::new(3);
        let (pass, other) = (Pass::new(&random).expect("random"), Pass::new(&random).expect("random"));
        let token = pass.form_token("erase");
        assert!(pass.is_form_token("erase", &token));
        assert!(!pass.is_form_token("stop", &token) && !other.is_form_token("erase", &token));
        for bad in ["", "A", &token[1..], &token[..42]] {
            assert!(!pass.is_form_token("erase", bad), "{bad}");
        }
        assert!(!pass.path(PassKind::Page).contains(&token));
    }

    #[test]
    fn no_two_passes_have_one_hash() {
        let random = SeededRandom::new(3);
        let made: std::collections::BTreeSet<[u8; 32]> =
            (0..1_000).map(|_| Pass::new(&random).expect("random").hash()).collect();
        assert_eq!(made.len(), 1_000);
    }
}
