//! Words from closed lists on the wire.

use std::fmt;

use serde::de::{Deserialize, Deserializer};
use serde::ser::{Serialize, Serializer};

use crate::code::Coded;

/// A word from a closed list. A list only ever grows: a reader keeps a word that it does not know as it came, so that a
/// command line of yesterday understands a daemon of today.
#[derive(Clone, PartialEq, Eq)]
pub enum Word<C> {
    /// One of this version's.
    Known(C),
    /// One of a later version's.
    Later(String),
}

impl<C> From<C> for Word<C> {
    fn from(code: C) -> Self {
        Self::Known(code)
    }
}

impl<C: Coded> Word<C> {
    /// The word.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Known(code) => code.code(),
            Self::Later(word) => word,
        }
    }
}

impl<C: Coded> fmt::Display for Word<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl<C: Coded> Serialize for Word<C> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de, C: Coded> Deserialize<'de> for Word<C> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let word = String::deserialize(deserializer)?;
        let known = C::every().iter().copied().find(|code| code.code() == word);
        Ok(known.map_or(Self::Later(word), Self::Known))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trail::Role;

    #[test]
    fn a_word_that_is_not_known_is_kept() {
        let read = |text| serde_json::from_str::<Word<Role>>(text).expect("a word");
        assert!(read(r#""officer""#) == Word::Known(Role::Officer));
        let later = read(r#""bishop""#);
        assert!(later == Word::Later("bishop".to_owned()));
        assert_eq!(serde_json::to_string(&later).expect("JSON"), r#""bishop""#);
    }
}
