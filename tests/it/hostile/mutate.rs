//! Changes of an input that keep some of its structure.

use crate::dice::Dice;

/// No input grows beyond this.
const BYTES_MAX: usize = 64 * 1024;

/// One to eight changes.
pub fn mutate(input: &[u8], others: &[Vec<u8>], words: &[&str], dice: &mut Dice) -> Vec<u8> {
    let mut bytes = input.to_vec();
    for _ in 0..1 + dice.below(8) {
        change(&mut bytes, others, words, dice);
        bytes.truncate(BYTES_MAX);
    }
    bytes
}

fn change(bytes: &mut Vec<u8>, others: &[Vec<u8>], words: &[&str], dice: &mut Dice) {
    let at = dice.below(bytes.len() + 1);
    let range = range(bytes.len(), dice);
    match dice.below(12) {
        0 => {
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= 1 << dice.below(8);
            }
        }
        1 => {
            if let Some(byte) = bytes.get_mut(at) {
                let odd = [0, 0xff, 0x7f, 0x80, b'"', b'{', b'\\', b'0', b'\n'];
                *byte = dice.of(&odd);
            }
        }
        2 => drop(bytes.drain(range)),
        3 => {
            let copy = bytes[range].to_vec();
            bytes.splice(at..at, copy);
        }
        4 => {
            // The same again and again: depth and length.
            let copy = bytes[range].iter().copied().take(64).collect::<Vec<u8>>();
            bytes.splice(at..at, copy.repeat(1 + dice.below(200)));
        }
        5..8 => {
            let word = words.get(dice.below(words.len())).copied().unwrap_or_default();
            bytes.splice(at..at, word.bytes());
        }
        8 => {
            let word = words.get(dice.below(words.len())).copied().unwrap_or_default();
            bytes.splice(range, word.bytes());
        }
        9 => {
            let other = others.get(dice.below(others.len())).cloned().unwrap_or_default();
            let part = self::range(other.len(), dice);
            bytes.splice(range, other[part].iter().copied());
        }
        10 => number(bytes, dice),
        _ => bytes.truncate(at),
    }
}

fn range(len: usize, dice: &mut Dice) -> std::ops::Range<usize> {
    let from = dice.below(len + 1);
    let longest = if dice.below(4) == 0 { len } else { 16 };
    from..(from + dice.below(longest + 1)).min(len)
}

/// Another number in the place of one.
fn number(bytes: &mut Vec<u8>, dice: &mut Dice) {
    let Some(from) = bytes.iter().position(u8::is_ascii_digit) else { return };
    let starts: Vec<usize> = (from..bytes.len())
        .filter(|at| bytes[*at].is_ascii_digit() && (*at == 0 || !bytes[*at - 1].is_ascii_digit()))
        .collect();
    let Some(start) = starts.get(dice.below(starts.len())).copied() else { return };
    let end =
        bytes[start..].iter().position(|byte| !byte.is_ascii_digit()).map_or(bytes.len(), |len| start + len);
    let odd =
        ["0", "1", "-1", "4294967296", "9223372036854775807", "18446744073709551616", "1.5", "1e400", "00"];
    bytes.splice(start..end, dice.of(&odd).bytes());
}
