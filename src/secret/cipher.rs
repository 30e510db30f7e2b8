//! The one cipher: whatever is sealed is sealed here. The additional data binds what a text is and where it belongs.
//!
//! Its nonces are drawn at random, and their length says which of two constructions it is: 24 bytes never meet themselves
//! again, whatever is sealed under a key (XChaCha20-Poly1305, draft-irtf-cfrg-xchacha); 12 are enough for a key that seals a
//! handful of texts in its life, a leaf's (ChaCha20-Poly1305, RFC 8439).

use chacha20poly1305::Tag;
use zeroize::Zeroize;

use crate::secret::{Key, Wiped};

/// Bytes of a nonce, under a key that seals much.
pub const NONCE_BYTES: usize = 24;
/// Bytes of a nonce, under a key that seals one text and a few of its like.
pub const SHORT_NONCE_BYTES: usize = 12;
/// Bytes of a tag.
pub const TAG_BYTES: usize = 16;

/// How much of the stack is overwritten below whoever used the cipher: its frames hold blocks of the text and of the
/// key's stream, and lie there until something else does. Frames of a build without optimisation are larger.
const SCRUBBED_WORDS: usize = if cfg!(debug_assertions) { 4_096 } else { 512 };

/// It does not open: another key, nonce or place, or bytes that were changed. Or, sealing, it is longer than the cipher
/// takes (256 GiB).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused;

/// A nonce of one of the two lengths.
pub trait Nonce: sealing::Sealing {}

impl Nonce for [u8; NONCE_BYTES] {}
impl Nonce for [u8; SHORT_NONCE_BYTES] {}

/// Seals a text; the sealed bytes end with the tag.
///
/// # Errors
/// [`Refused`]: the text is too long.
pub fn seal(key: &Key, nonce: &impl Nonce, aad: &[u8], text: &[u8]) -> Result<Vec<u8>, Refused> {
    // One allocation of the final size: a growing buffer would leave parts in clear behind.
    let mut sealed = Vec::with_capacity(text.len() + TAG_BYTES);
    sealed.extend_from_slice(text);
    let tag = seal_in_place(key, nonce, aad, &mut sealed)?;
    sealed.extend_from_slice(&tag);
    Ok(sealed)
}

/// Opens what [`seal`] sealed.
///
/// # Errors
/// [`Refused`].
pub fn open(key: &Key, nonce: &impl Nonce, aad: &[u8], sealed: &[u8]) -> Result<Wiped<Vec<u8>>, Refused> {
    let (sealed, tag) = sealed.split_last_chunk::<TAG_BYTES>().ok_or(Refused)?;
    let mut text = Wiped::new(sealed.to_vec());
    open_in_place(key, nonce, aad, &mut text, tag)?;
    Ok(text)
}

/// Seals a text where it lies, and gives its tag.
///
/// # Errors
/// [`Refused`]: the text is too long.
pub fn seal_in_place(
    key: &Key,
    nonce: &impl Nonce,
    aad: &[u8],
    text: &mut [u8],
) -> Result<[u8; TAG_BYTES], Refused> {
    let tag = encrypt(key, nonce, aad, text);
    scrub_stack();
    tag
}

/// Opens a text where it lies. Refused, it is what it was.
///
/// # Errors
/// [`Refused`].
pub fn open_in_place(
    key: &Key,
    nonce: &impl Nonce,
    aad: &[u8],
    text: &mut [u8],
    tag: &[u8; TAG_BYTES],
) -> Result<(), Refused> {
    let opened = decrypt(key, nonce, aad, text, tag);
    scrub_stack();
    opened
}

/// What a nonce's length decides.
mod sealing {
    use chacha20poly1305::aead::{AeadInOut, KeyInit};
    use chacha20poly1305::{ChaCha20Poly1305, Key as CipherKey, Nonce, Tag, XChaCha20Poly1305, XNonce};

    use super::{NONCE_BYTES, Refused, SHORT_NONCE_BYTES};
    use crate::secret::Key;

    pub trait Sealing {
        fn encrypt(&self, key: &Key, aad: &[u8], text: &mut [u8]) -> Result<Tag, Refused>;
        fn decrypt(&self, key: &Key, aad: &[u8], text: &mut [u8], tag: &Tag) -> Result<(), Refused>;
    }

    impl Sealing for [u8; NONCE_BYTES] {
        fn encrypt(&self, key: &Key, aad: &[u8], text: &mut [u8]) -> Result<Tag, Refused> {
            let cipher = XChaCha20Poly1305::new(&CipherKey::from(*key.expose()));
            cipher.encrypt_inout_detached(&XNonce::from(*self), aad, text.into()).map_err(|_| Refused)
        }

        fn decrypt(&self, key: &Key, aad: &[u8], text: &mut [u8], tag: &Tag) -> Result<(), Refused> {
            let cipher = XChaCha20Poly1305::new(&CipherKey::from(*key.expose()));
            cipher.decrypt_inout_detached(&XNonce::from(*self), aad, text.into(), tag).map_err(|_| Refused)
        }
    }

    impl Sealing for [u8; SHORT_NONCE_BYTES] {
        fn encrypt(&self, key: &Key, aad: &[u8], text: &mut [u8]) -> Result<Tag, Refused> {
            let cipher = ChaCha20Poly1305::new(&CipherKey::from(*key.expose()));
            cipher.encrypt_inout_detached(&Nonce::from(*self), aad, text.into()).map_err(|_| Refused)
        }

        fn decrypt(&self, key: &Key, aad: &[u8], text: &mut [u8], tag: &Tag) -> Result<(), Refused> {
            let cipher = ChaCha20Poly1305::new(&CipherKey::from(*key.expose()));
            cipher.decrypt_inout_detached(&Nonce::from(*self), aad, text.into(), tag).map_err(|_| Refused)
        }
    }
}

/// Never a part of its caller, so that its frame lies where [`scrub_stack`] overwrites it.
#[inline(never)]
fn encrypt(key: &Key, nonce: &impl Nonce, aad: &[u8], text: &mut [u8]) -> Result<[u8; TAG_BYTES], Refused> {
    nonce.encrypt(key, aad, text).map(Into::into)
}

/// As [`encrypt`].
#[inline(never)]
fn decrypt(
    key: &Key,
    nonce: &impl Nonce,
    aad: &[u8],
    text: &mut [u8],
    tag: &[u8; TAG_BYTES],
) -> Result<(), Refused> {
    nonce.decrypt(key, aad, text, &Tag::from(*tag))
}

/// Overwrites what frames that have ended left below.
#[inline(never)]
fn scrub_stack() {
    let mut below = [0_u64; SCRUBBED_WORDS];
    below.zeroize();
    std::hint::black_box(&below);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Appendix A.3.1 of draft-irtf-cfrg-xchacha-03.
    #[test]
    fn the_draft_s_own_example_comes_out() {
        let bytes = |text: &str| hex::decode(text).expect("hexadecimal");
        let key = Key::from_slice(&bytes("808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f"));
        let key = key.expect("a key");
        let nonce: [u8; NONCE_BYTES] =
            bytes("404142434445464748494a4b4c4d4e4f5051525354555657").try_into().expect("a nonce");
        let aad = bytes("50515253c0c1c2c3c4c5c6c7");
        let text =
            b"Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, \
                     sunscreen would be it.";
        let sealed = seal(&key, &nonce, &aad, text).expect("seals");
        let expected = concat!(
            "bd6d179d3e83d43b9576579493c0e939572a1700252bfaccbed2902c21396cbb731c7f1b0b4aa6440bf3a82f4eda7e39",
            "ae64c6708c54c216cb96b72e1213b4522f8c9ba40db5d945b11b69b982c1bb9e3f3fac2bc369488f76b2383565d3fff9",
            "21f9664c97637da9768812f615c68b13b52ec0875924c1c7987947deafd8780acf49",
        );
        assert_eq!(hex::encode(&sealed), expected);
        assert!(open(&key, &nonce, &aad, &sealed).is_ok_and(|opened| opened.as_slice() == text));
        for cut in 0..sealed.len() {
            assert!(open(&key, &nonce, &aad, &sealed[..cut]).is_err(), "cut at {cut}");
        }
        assert!(open(&key, &nonce, b"another place", &sealed).is_err());
    }

    /// RFC 8439, section 2.8.2: the same text, key and additional data under a nonce of 12 bytes.
    #[test]
    fn the_rfc_s_own_example_comes_out_under_a_short_nonce() {
        let bytes = |text: &str| hex::decode(text).expect("hexadecimal");
        let key = Key::from_slice(&bytes("808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f"));
        let key = key.expect("a key");
        let nonce: [u8; SHORT_NONCE_BYTES] = bytes("070000004041424344454647").try_into().expect("a nonce");
        let aad = bytes("50515253c0c1c2c3c4c5c6c7");
        let text =
            b"Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, \
                     sunscreen would be it.";
        let sealed = seal(&key, &nonce, &aad, text).expect("seals");
        let expected = concat!(
            "d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d63dbea45e8ca9671282fafb69da92728b",
            "1a71de0a9e060b2905d6a5b67ecd3b3692ddbd7f2d778b8c9803aee328091b58fab324e4fad675945585808b4831d7bc",
            "3ff4def08e4b7a9de576d26586cec64b61161ae10b594f09e26a7e902ecbd0600691",
        );
        assert_eq!(hex::encode(&sealed), expected);
        assert!(open(&key, &nonce, &aad, &sealed).is_ok_and(|opened| opened.as_slice() == text));
        for cut in 0..sealed.len() {
            assert!(open(&key, &nonce, &aad, &sealed[..cut]).is_err(), "cut at {cut}");
        }
        assert!(open(&key, &nonce, b"another place", &sealed).is_err());
        let mut long = [0; NONCE_BYTES];
        long[..SHORT_NONCE_BYTES].copy_from_slice(&nonce);
        assert!(open(&key, &long, &aad, &sealed).is_err(), "the two are not one another's");
    }
}
