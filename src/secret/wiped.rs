//! What holds an answer, an address or a key and leaves nothing of itself behind.

use std::fmt;
use std::ops::{Deref, DerefMut};

use zeroize::{Zeroize, Zeroizing};

/// What is wiped when it is dropped, and cannot be shown: neither `Debug` nor `Display`, nor can what is made of it derive one. The
/// type of the crate that wipes has a `Debug` that shows what lies in it.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Wiped<T: Zeroize>(Zeroizing<T>);

impl<T: Zeroize> Wiped<T> {
    /// Takes it over.
    pub fn new(inside: T) -> Self {
        Self(Zeroizing::new(inside))
    }
}

impl<T: Zeroize> From<T> for Wiped<T> {
    fn from(inside: T) -> Self {
        Self::new(inside)
    }
}

impl<T: Zeroize> Deref for Wiped<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: Zeroize> DerefMut for Wiped<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}

super::never_shown!(Wiped<String>, Wiped<Vec<u8>>, WipedText);

/// Room that the first piece makes, in bytes: most addresses have it, so that most texts never move.
const ROOM_MIN: usize = 64;

/// A text that may grow. Where it must move to have room, it wipes the place that it leaves, which a `String` does not.
#[derive(Default)]
pub struct WipedText(Wiped<String>);

impl WipedText {
    /// Adds a piece.
    pub fn push_str(&mut self, piece: &str) {
        let needed = self.0.len() + piece.len();
        if needed > self.0.capacity() {
            let mut roomier = Wiped::new(String::with_capacity(needed.max(2 * self.0.len()).max(ROOM_MIN)));
            roomier.push_str(&self.0);
            self.0 = roomier;
        }
        self.0.push_str(piece);
    }

    /// The text as it stands, wiped when dropped.
    pub fn into_text(self) -> Wiped<String> {
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
