//! For the fuzzer: this room's private readers of outside bytes. Nothing else uses them.

use crate::mail::smtp::reply::{Reply, Unfinished};
use crate::mail::smtp::session::Offers;

/// Reads answers of a mail server, one after the other, up to the first that is none; and what it offers by them.
pub fn answers(bytes: &[u8]) -> (Vec<String>, String) {
    let (mut replies, mut offers, mut unfinished) = (Vec::new(), Offers::default(), Unfinished::default());
    for line in bytes.split(|byte| *byte == b'\n') {
        match unfinished.take(line.trim_ascii_end(), &mut |words| offers.take(words)) {
            Ok(None) => {}
            Ok(Some(Reply { code, status })) => {
                replies.push(format!("{} {}", code / 100, status.is_some()));
                unfinished = Unfinished::default();
            }
            Err(code) => {
                replies.push(code.to_string());
                break;
            }
        }
    }
    (replies, format!("{offers:?}"))
}
