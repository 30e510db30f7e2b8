//! An export on its way to a terminal: bytes in any pieces, out comes text that steers nothing.
//!
//! A file gets other bytes than a screen: there, answers are data.

use crate::visible::{escaped_json, on_screen};

/// What came so far of a character that was cut: three bytes at most.
const CUT_BYTES_MAX: usize = 3;

/// Holds back what of a character has not come yet.
pub struct Screen {
    json: bool,
    cut: Vec<u8>,
}

impl Screen {
    /// For JSON, in which what may not be shown is escaped; otherwise it is replaced.
    pub fn new(json: bool) -> Self {
        Self { json, cut: Vec::with_capacity(CUT_BYTES_MAX) }
    }

    /// What the terminal is given for these bytes.
    pub fn show(&mut self, bytes: &[u8]) -> String {
        let mut all = std::mem::take(&mut self.cut);
        all.extend_from_slice(bytes);
        let mut text = String::with_capacity(all.len());
        let mut chunks = all.utf8_chunks().peekable();
        while let Some(chunk) = chunks.next() {
            text.push_str(chunk.valid());
            match chunk.invalid() {
                [] => {}
                // The last bytes may be the beginning of a character; more of it may come.
                rest if chunks.peek().is_none() && is_beginning(rest) => self.cut = rest.to_vec(),
                _ => text.push(char::REPLACEMENT_CHARACTER),
            }
        }
        // A row's end is CR LF in CSV; alone a CR would overwrite the line.
        text.retain(|c| c != '\r');
        if self.json { escaped_json(&text).into_owned() } else { on_screen(&text).into_owned() }
    }
}

/// True if these bytes are the beginning of a character, and nothing is wrong with them yet.
fn is_beginning(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_err_and(|error| error.error_len().is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(json: bool, bytes: &[u8], piece: usize) -> String {
        let mut screen = Screen::new(json);
        bytes.chunks(piece).map(|piece| screen.show(piece)).collect()
    }

    #[test]
    fn whatever_the_pieces_the_screen_gets_the_same_and_no_orders() {
        let csv = "id,name\r\n1,\"\u{9b}2J é😀\u{202e}\u{1b}[31m\"\r\n".as_bytes();
        let json = "{\"a\":\"\u{9b}é😀\u{202e}\"}\n".as_bytes();
        for piece in 1..=csv.len() {
            assert_eq!(
                shown(false, csv, piece),
                "id,name\n1,\"\u{FFFD}2J é😀\u{FFFD}\u{FFFD}[31m\"\n",
                "{piece}"
            );
            assert_eq!(shown(true, json, piece), "{\"a\":\"\\u009bé😀\\u202e\"}\n", "{piece}");
        }
    }

    #[test]
    fn what_is_no_text_is_replaced_and_nothing_is_held_back_for_long() {
        assert_eq!(shown(false, b"a\xff\xf0\x9fb", 1), "a\u{FFFD}\u{FFFD}b");
        let mut screen = Screen::new(false);
        assert_eq!(screen.show(b"\xf0\x9f\x98"), "");
        assert!(screen.cut.len() <= CUT_BYTES_MAX);
        assert_eq!(screen.show(b"\x80"), "😀");
    }
}
