//! Signed notes: a text, an empty line, and a line for each signature (<https://c2sp.org/signed-note>; Ed25519, RFC 8032).
//!
//! What is read is anybody's, so whatever is not exactly a note is refused. The text of one counts only once a signature by
//! a known key has held: [`VerifierKey::open`] is the only way to it.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use sha2::{Digest, Sha256};

use crate::random::{NoRandomness, Random};
use crate::secret::{Key, Wiped};
use crate::visible::is_plain;

/// A whole note, in bytes. A receipt has some two thousand; a purpose or a recipient adds at most a few hundred each.
pub const NOTE_BYTES_MAX: usize = 1 << 20;

/// The specification wants at least sixteen to be read.
const SIGNATURES_MAX: usize = 100;

/// A key's name, in bytes: a host and a path.
const NAME_BYTES_MAX: usize = 255;

const DASH: &str = "\u{2014} ";

/// The specification's byte for Ed25519.
const ED25519_TYPE: u8 = 1;

const ID_BYTES: usize = 4;
const PUBLIC_BYTES: usize = 32;

/// Why a note tells nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoteFault {
    /// It is no signed note.
    Malformed,
    /// No signature on it is by the key that was given.
    KeyUnknown,
    /// A signature that names the key does not hold: the text was changed, or somebody else signed it.
    Forged,
}

/// The name of a key: best an address without a scheme, as in `leads.example.com/receipts`. Nobody calls it.
#[derive(Clone, PartialEq, Eq)]
pub struct KeyName(String);

impl KeyName {
    /// Reads a name: 1 to 255 bytes without spaces, `+` or anything that cannot be seen.
    pub fn parse(text: &str) -> Option<Self> {
        let good = |c: char| is_plain(c) && !c.is_whitespace() && c != '+';
        let is_name = (1..=NAME_BYTES_MAX).contains(&text.len()) && text.chars().all(good);
        is_name.then(|| Self(text.to_owned()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A key that signs. Its seed is all that must be kept of it.
pub struct SigningKey {
    name: KeyName,
    seed: Key,
    /// On the heap, which is wiped when it is freed: the pair does not wipe itself.
    pair: Box<Ed25519KeyPair>,
}

impl SigningKey {
    /// A new one.
    ///
    /// # Errors
    /// The system has no randomness to give.
    pub fn make(name: KeyName, random: &dyn Random) -> Result<Self, NoRandomness> {
        let mut seed = Wiped::new([0; 32]);
        random.fill(seed.as_mut())?;
        Ok(Self::from_seed(name, Key::new(*seed)))
    }

    /// The one with this seed (RFC 8032, 5.1.5: the private key).
    pub fn from_seed(name: KeyName, seed: Key) -> Self {
        #[expect(clippy::expect_used, reason = "only the length of a seed can be wrong")]
        let pair = Ed25519KeyPair::from_seed_unchecked(seed.expose()).expect("32 bytes");
        Self { name, seed, pair: Box::new(pair) }
    }

    /// What the keyring keeps.
    pub fn seed(&self) -> &Key {
        &self.seed
    }

    /// What everybody may know.
    pub fn verifier(&self) -> VerifierKey {
        let mut public = [0; PUBLIC_BYTES];
        public.copy_from_slice(self.pair.public_key().as_ref());
        VerifierKey::new(self.name.clone(), public)
    }

    /// Signs a text that ends with a line's end and has no other control character. The same text is signed the same way
    /// each time: Ed25519 draws nothing.
    ///
    /// # Errors
    /// [`NoteFault::Malformed`]: it is no such text, or too long.
    pub fn sign(&self, text: &str) -> Result<String, NoteFault> {
        let signed = [&self.verifier().id, self.pair.sign(text.as_bytes()).as_ref()].concat();
        let note = format!("{text}\n{DASH}{} {}\n", self.name.0, STANDARD.encode(signed));
        // What nobody could open is not handed out.
        match parse(note.as_bytes()) {
            Ok(parsed) if parsed.text == text => Ok(note),
            _ => Err(NoteFault::Malformed),
        }
    }
}

/// A key that verifies, with its name: the specification's *vkey*, `name+id+key`.
#[derive(Clone, PartialEq, Eq)]
pub struct VerifierKey {
    name: KeyName,
    id: [u8; ID_BYTES],
    public: [u8; PUBLIC_BYTES],
}

impl VerifierKey {
    fn new(name: KeyName, public: [u8; PUBLIC_BYTES]) -> Self {
        let hash = Sha256::new().chain_update(name.as_str()).chain_update([b'\n', ED25519_TYPE]);
        let hash = hash.chain_update(public).finalize();
        let mut id = [0; ID_BYTES];
        id.copy_from_slice(&hash[..ID_BYTES]);
        Self { name, id, public }
    }

    /// Reads what [`fmt::Display`] writes. None also where the id is another key's: a letter was lost.
    pub fn parse(text: &str) -> Option<Self> {
        let (name, rest) = text.split_once('+')?;
        let (id, key) = rest.split_once('+')?;
        let key = STANDARD.decode(key).ok()?;
        let (kind, public) = key.split_first()?;
        let public = public.try_into().ok().filter(|_| *kind == ED25519_TYPE)?;
        Some(Self::new(KeyName::parse(name)?, public)).filter(|key| key.id_text() == id)
    }

    /// The same key under another name: its id is another.
    pub fn named(&self, name: KeyName) -> Self {
        Self::new(name, self.public)
    }

    /// Its name.
    pub fn name(&self) -> &KeyName {
        &self.name
    }

    /// What stands in each note that it signed: eight hexadecimal digits.
    pub fn id_text(&self) -> String {
        hex::encode(self.id)
    }

    /// The text of a note that this key signed. Other signatures are left alone.
    ///
    /// # Errors
    /// See [`NoteFault`].
    pub fn open<'n>(&self, note: &'n [u8]) -> Result<&'n str, NoteFault> {
        let Parsed { text, signatures } = parse(note)?;
        let mine = |signature: &&Signature<'_>| signature.name == self.name.0 && signature.id == self.id;
        let mut mine = signatures.iter().filter(mine).peekable();
        if mine.peek().is_none() {
            return Err(NoteFault::KeyUnknown);
        }
        let key = UnparsedPublicKey::new(&ED25519, self.public);
        match mine.all(|signature| key.verify(text.as_bytes(), &signature.bytes).is_ok()) {
            true => Ok(text),
            false => Err(NoteFault::Forged),
        }
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = STANDARD.encode([&[ED25519_TYPE][..], &self.public].concat());
        write!(f, "{}+{}+{key}", self.name.0, self.id_text())
    }
}

struct Parsed<'n> {
    text: &'n str,
    signatures: Vec<Signature<'n>>,
}

pub(super) struct Signature<'n> {
    name: &'n str,
    id: [u8; ID_BYTES],
    bytes: Vec<u8>,
}

fn parse(note: &[u8]) -> Result<Parsed<'_>, NoteFault> {
    parts(note).ok_or(NoteFault::Malformed)
}

fn parts(note: &[u8]) -> Option<Parsed<'_>> {
    let note = std::str::from_utf8(note).ok().filter(|note| note.len() <= NOTE_BYTES_MAX)?;
    if note.bytes().any(|byte| byte < b' ' && byte != b'\n') {
        return None;
    }
    // The text keeps its own line's end; it may have empty lines, the signatures cannot.
    let (text, signatures) = note.split_at(note.rfind("\n\n")? + 1);
    let lines = signatures.strip_prefix('\n')?.strip_suffix('\n')?;
    let signatures = lines.split('\n').take(SIGNATURES_MAX + 1).map(signature).collect::<Option<Vec<_>>>()?;
    (signatures.len() <= SIGNATURES_MAX).then_some(Parsed { text, signatures })
}

/// A line that signs, as it is written; whether it holds is another question.
pub(super) fn signature(line: &str) -> Option<Signature<'_>> {
    let (name, encoded) = line.strip_prefix(DASH)?.split_once(' ')?;
    let bytes = STANDARD.decode(encoded).ok()?;
    let (id, bytes) = bytes.split_first_chunk::<ID_BYTES>().filter(|(_, bytes)| !bytes.is_empty())?;
    let is_name = !name.is_empty() && !name.contains('+') && !name.contains(char::is_whitespace);
    is_name.then(|| Signature { name, id: *id, bytes: bytes.to_vec() })
}
