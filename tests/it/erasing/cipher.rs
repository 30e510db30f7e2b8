//! ChaCha20 once more (RFC 8439), and HChaCha20 (draft-irtf-cfrg-xchacha); what is sealed is opened by another library than
//! the daemon's.

use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};

const CONSTANTS: [u32; 4] = [0x6170_7865, 0x3320_646e, 0x7962_2d32, 0x6b20_6574];

fn word(bytes: &[u8]) -> u32 {
    u32::from_le_bytes(bytes.try_into().expect("four bytes"))
}

/// Constants, a key, and what follows it.
fn state(key: &[u8; 32], rest: [u32; 4]) -> [u32; 16] {
    let mut state = [0; 16];
    state[..4].copy_from_slice(&CONSTANTS);
    state[4..12].iter_mut().zip(key.chunks(4)).for_each(|(to, bytes)| *to = word(bytes));
    state[12..].copy_from_slice(&rest);
    state
}

/// Ten times: four columns, four diagonals.
fn rounds(state: &mut [u32; 16]) {
    const QUARTERS: [[usize; 4]; 8] = [
        [0, 4, 8, 12],
        [1, 5, 9, 13],
        [2, 6, 10, 14],
        [3, 7, 11, 15],
        [0, 5, 10, 15],
        [1, 6, 11, 12],
        [2, 7, 8, 13],
        [3, 4, 9, 14],
    ];
    for _ in 0..10 {
        for [a, b, c, d] in QUARTERS {
            for (to, from, mixed, turn) in [(a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)] {
                state[to] = state[to].wrapping_add(state[from]);
                state[mixed] = (state[mixed] ^ state[to]).rotate_left(turn);
            }
        }
    }
}

fn bytes<const N: usize>(words: impl Iterator<Item = u32>) -> [u8; N] {
    let all: Vec<u8> = words.flat_map(u32::to_le_bytes).collect();
    all.try_into().expect("so many bytes")
}

/// The first block of the key stream.
pub fn block(key: &[u8; 32], nonce: &[u8; 12]) -> [u8; 64] {
    let before = state(key, [0, word(&nonce[..4]), word(&nonce[4..8]), word(&nonce[8..])]);
    let mut after = before;
    rounds(&mut after);
    bytes(after.into_iter().zip(before).map(|(after, before)| after.wrapping_add(before)))
}

/// HChaCha20: a key from a key and sixteen bytes.
pub fn half(key: &[u8; 32], nonce: &[u8; 16]) -> [u8; 32] {
    let mut state = state(key, [0, 4, 8, 12].map(|at| word(&nonce[at..at + 4])));
    rounds(&mut state);
    bytes(state[..4].iter().chain(&state[12..]).copied())
}

/// ChaCha20-Poly1305.
pub fn open(key: &[u8; 32], nonce: [u8; 12], aad: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
    let key = LessSafeKey::new(UnboundKey::new(&CHACHA20_POLY1305, key).expect("a key"));
    let mut text = sealed.to_vec();
    let length = key
        .open_in_place(Nonce::assume_unique_for_key(nonce), Aad::from(aad), &mut text)
        .ok()
        .map(|opened| opened.len())?;
    text.truncate(length);
    Some(text)
}

/// RFC 8439, appendix A.1, test vector 1; draft-irtf-cfrg-xchacha-03, 2.2.1.
#[test]
fn blocks_are_the_documents() {
    let expected = concat!(
        "76b8e0ada0f13d90405d6ae55386bd28bdd219b8a08ded1aa836efcc8b770dc7",
        "da41597c5157488d7724e03fb8d84a376a43b8f41518a11cc387b669b2ee6586",
    );
    assert_eq!(hex::encode(block(&[0; 32], &[0; 12])), expected);
    let key: Vec<u8> = (0..32).collect();
    let nonce = [0, 0, 0, 9, 0, 0, 0, 0x4a, 0, 0, 0, 0, 0x31, 0x41, 0x59, 0x27];
    let derived = half(&key.try_into().expect("32 bytes"), &nonce);
    assert_eq!(hex::encode(derived), "82413b4227b27bfed30e42508a877d73a0f9e4d58a74a853c12ec41326d3ecdc");
}
