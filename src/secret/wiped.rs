//! A text that is written piece by piece and leaves nothing of itself behind.

use std::fmt;

use zeroize::Zeroizing;

/// Room that the first piece makes, in bytes: most addresses have it, so that most texts never move.
const ROOM_MIN: usize = 64;

/// A text that may grow. Where it must move to have room, it wipes the place that it leaves, which a `String` does not.
#[derive(Default)]
pub struct WipedText(Zeroizing<String>);

impl WipedText {
    /// Adds a piece.
    pub fn push_str(&mut self, piece: &str) {
        let needed = self.0.len() + piece.len();
        if needed > self.0.capacity() {
            let mut roomier =
                Zeroizing::new(String::with_capacity(needed.max(2 * self.0.len()).max(ROOM_MIN)));
            roomier.push_str(&self.0);
            self.0 = roomier;
        }
        self.0.push_str(piece);
    }

    /// The text as it stands, wiped when dropped.
    pub fn into_text(self) -> Zeroizing<String> {
        self.0
    }
}

impl fmt::Write for WipedText {
    fn write_str(&mut self, piece: &str) -> fmt::Result {
        self.push_str(piece);
        Ok(())
    }
}

impl FromIterator<char> for WipedText {
    fn from_iter<I: IntoIterator<Item = char>>(letters: I) -> Self {
        let mut text = Self::default();
        for letter in letters {
            text.push_str(letter.encode_utf8(&mut [0; 4]));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_what_was_written() {
        let text: WipedText = "Zoé ".chars().cycle().take(4_000).collect();
        assert_eq!(*text.into_text(), "Zoé ".repeat(1_000));
        let mut text = WipedText::default();
        text.push_str(&"é".repeat(100));
        text.push_str("");
        text.push_str("x");
        assert_eq!(*text.into_text(), format!("{}x", "é".repeat(100)));
    }
}
