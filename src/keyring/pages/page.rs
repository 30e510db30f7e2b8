//! One page, as it lies on the disk.
//!
//! `TAMISKY2`, a byte for what it is, eight bytes that say which root key sealed it, a nonce of 24 bytes; then all the rest
//! of the page under XChaCha20-Poly1305, and its tag. What stands before the nonce, the page's number and the instance are
//! the additional data: a page in another place, or of another instance, does not open. Sealed to its end, it does not say
//! how much of it is used, and no sector of it can be missing unnoticed.
//!
//! A page that is torn has sectors of zeros or of itself, since pages are written over zeros and zeroed in place. The first
//! sector has the whole header: so a header that names no root key at hand is no torn one.

use std::fmt;
use std::ops::Range;

use zeroize::Zeroizing;

use crate::keyring::{InstanceId, KeyringCode, KeyringError};
use crate::random::Random;
use crate::secret::Key;
use crate::secret::cipher::{self, NONCE_BYTES, TAG_BYTES};

/// Bytes of a page.
pub const PAGE_BYTES: usize = 16 * 1024;
/// A free page.
pub(super) static ZEROS: [u8; PAGE_BYTES] = [0; PAGE_BYTES];

const MAGIC: &[u8; 8] = b"TAMISKY2";
const MARK_BYTES: usize = 8;
/// Magic, what it is, whose.
const PREFIX_BYTES: usize = MAGIC.len() + 1 + MARK_BYTES;
/// Where the inside lies.
pub(super) const BODY: Range<usize> = PREFIX_BYTES + NONCE_BYTES..PAGE_BYTES - TAG_BYTES;
/// How long it is.
pub(super) const BODY_BYTES: usize = BODY.end - BODY.start;

/// Page 0 begins as every keyring does, so that a version that knows no pages says that a later one wrote it.
const TITLE: &[u8; 8] = b"TAMISKEY";
const TITLE_VERSION: u8 = 2;

/// A page's bytes: in clear before it is sealed and after it was opened, so wiped.
pub(super) type Raw = Zeroizing<Vec<u8>>;
/// Which root key sealed a page.
pub(super) type Mark = [u8; MARK_BYTES];
/// A page's nonce: drawn at random, so no two pages that ever were have the same.
pub(super) type Nonce = [u8; NONCE_BYTES];

/// By what a root key is known: it stands in clear in each page that it sealed, and tells nothing of the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RootId(Mark);

impl fmt::Display for RootId {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(&hex::encode(self.0))
    }
}

/// A root key, and the mark by which its pages are known.
pub struct Root {
    key: Key,
    mark: Mark,
}

impl Root {
    /// Takes a root key.
    pub fn new(key: Key) -> Self {
        let hash = key.hmac(&[b"tamis/keyring/root"]);
        let mut mark = [0; MARK_BYTES];
        mark.copy_from_slice(&hash[..MARK_BYTES]);
        Self { key, mark }
    }

    /// Its public name.
    pub fn id(&self) -> RootId {
        RootId(self.mark)
    }

    pub(super) fn mark(&self) -> Mark {
        self.mark
    }
}

/// What a page holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    Head,
    Buckets,
}

impl What {
    fn byte(self) -> u8 {
        match self {
            Self::Head => 1,
            Self::Buckets => 2,
        }
    }

    fn of(byte: u8) -> Option<Self> {
        [Self::Head, Self::Buckets].into_iter().find(|what| what.byte() == byte)
    }
}

/// What lies at a page's place.
pub(super) enum Found {
    /// Zeros.
    Free,
    /// Neither zeros nor a page that opens under the root key that it names: torn, or damaged.
    Torn,
    /// Sealed by a root key that is not at hand.
    OfAnotherRoot,
    /// A kind of page that this version does not know.
    OfALaterVersion,
    /// A page.
    Opened(Opened),
}

/// A page that opened.
pub(super) struct Opened {
    pub(super) what: What,
    pub(super) mark: Mark,
    pub(super) nonce: Nonce,
    /// The whole page; its inside is in clear.
    raw: Raw,
}

impl Opened {
    pub(super) fn body(&self) -> &[u8] {
        &self.raw[BODY]
    }
}

/// A page to be filled: its inside is [`BODY`].
pub(super) fn blank() -> Raw {
    Zeroizing::new(vec![0; PAGE_BYTES])
}

/// Seals a page whose inside is filled, where it lies, and gives its nonce.
///
/// # Errors
/// [`KeyringCode::NoRandomness`].
pub(super) fn seal(
    raw: &mut Raw,
    what: What,
    number: u32,
    instance: InstanceId,
    root: &Root,
    random: &dyn Random,
) -> Result<Nonce, KeyringError> {
    let mut nonce = [0; NONCE_BYTES];
    random.fill(&mut nonce).map_err(|_| KeyringError::of(KeyringCode::NoRandomness))?;
    let prefix = prefix_of(what, root.mark);
    raw[..PREFIX_BYTES].copy_from_slice(&prefix);
    raw[PREFIX_BYTES..BODY.start].copy_from_slice(&nonce);
    let aad = bound(&prefix, number, instance);
    let tag = cipher::seal_in_place(&root.key, &nonce, &aad, &mut raw[BODY]);
    // A page is far shorter than what the cipher takes.
    let tag = tag.map_err(|_| KeyringError::of(KeyringCode::DoesNotOpen))?;
    raw[BODY.end..].copy_from_slice(&tag);
    Ok(nonce)
}

/// Looks at a page, and opens it under the root key that it names.
pub(super) fn open(mut raw: Raw, number: u32, instance: InstanceId, roots: &[&Root]) -> Found {
    if raw.as_slice() == ZEROS {
        return Found::Free;
    }
    let (Some(prefix), Some(nonce)) = (raw.first_chunk(), raw[PREFIX_BYTES..].first_chunk()) else {
        return Found::Torn;
    };
    let (prefix, nonce): ([u8; PREFIX_BYTES], Nonce) = (*prefix, *nonce);
    let Some(rest) = prefix.strip_prefix(MAGIC) else { return Found::Torn };
    let Some((&kind, mark)) = rest.split_first() else { return Found::Torn };
    let Some(what) = What::of(kind) else { return Found::OfALaterVersion };
    let Some(root) = roots.iter().find(|root| root.mark == mark) else { return Found::OfAnotherRoot };
    let aad = bound(&prefix, number, instance);
    let (front, tag) = raw.split_at_mut(BODY.end);
    let Some(tag) = tag.first_chunk() else { return Found::Torn };
    match cipher::open_in_place(&root.key, &nonce, &aad, &mut front[BODY], tag) {
        Ok(()) => Found::Opened(Opened { what, mark: root.mark, nonce, raw }),
        Err(_) => Found::Torn,
    }
}

/// The first page.
pub(super) fn title(instance: InstanceId) -> Raw {
    let mut raw = blank();
    raw[..TITLE.len()].copy_from_slice(TITLE);
    raw[TITLE.len()] = TITLE_VERSION;
    raw[TITLE.len() + 1..][..instance.0.len()].copy_from_slice(&instance.0);
    raw
}

/// Whose keyring it is.
///
/// # Errors
/// [`KeyringCode::Format`]: another version's; [`KeyringCode::DoesNotOpen`]: no keyring's, or damaged.
pub(super) fn instance_of(raw: &Raw) -> Result<InstanceId, KeyringError> {
    let refused = || KeyringError::of(KeyringCode::DoesNotOpen);
    let rest = raw.strip_prefix(TITLE).ok_or_else(refused)?;
    let (version, rest) = rest.split_first().ok_or_else(refused)?;
    if *version != TITLE_VERSION {
        return Err(KeyringError::of(KeyringCode::Format));
    }
    let instance = InstanceId(*rest.first_chunk().ok_or_else(refused)?);
    if *title(instance) == **raw { Ok(instance) } else { Err(refused()) }
}

/// True if it begins as a keyring does, whosever and of whatever version.
pub(super) fn is_titled(raw: &Raw) -> bool {
    raw.starts_with(TITLE)
}

/// Which root key a page says that it was sealed by; none: it says nothing.
pub(super) fn root_of(raw: &Raw) -> Option<RootId> {
    raw.strip_prefix(MAGIC)?.get(1..)?.first_chunk().copied().map(RootId)
}

/// True of a page that says of itself that a root key sealed it which is not at hand.
pub(super) fn is_of_another_root(raw: &Raw, roots: &[&Root]) -> bool {
    root_of(raw).is_some_and(|id| !roots.iter().any(|root| root.id() == id))
}

fn prefix_of(what: What, mark: Mark) -> [u8; PREFIX_BYTES] {
    let mut prefix = [what.byte(); PREFIX_BYTES];
    prefix[..MAGIC.len()].copy_from_slice(MAGIC);
    prefix[MAGIC.len() + 1..].copy_from_slice(&mark);
    prefix
}

fn bound(prefix: &[u8; PREFIX_BYTES], number: u32, instance: InstanceId) -> Vec<u8> {
    [prefix.as_slice(), &number.to_le_bytes(), &instance.0].concat()
}
