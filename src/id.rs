//! Meta's identifiers: one to twenty decimal digits, kept as digits.
//!
//! They arrive as JSON numbers or strings and may exceed 2^53, so that a float would corrupt them; Meta documents no
//! upper bound below twenty digits. What is not digits never becomes an id, and so never reaches a URL path.

use std::fmt;
use std::hash::{Hash, Hasher};

/// The most digits that an id may have.
pub const DIGITS_MAX: usize = 20;

/// One to twenty ASCII digits, inline.
#[derive(Clone, Copy)]
struct Digits {
    len: u8,
    bytes: [u8; DIGITS_MAX],
}

impl Digits {
    fn parse(text: &str) -> Option<Self> {
        let raw = text.as_bytes();
        if raw.is_empty() || raw.len() > DIGITS_MAX || !raw.iter().all(u8::is_ascii_digit) {
            return None;
        }
        let mut bytes = [0; DIGITS_MAX];
        bytes[..raw.len()].copy_from_slice(raw);
        Some(Self { len: raw.len() as u8, bytes })
    }

    fn as_str(&self) -> &str {
        // Only `parse` builds a value, and digits are UTF-8; the empty string is unreachable.
        std::str::from_utf8(&self.bytes[..usize::from(self.len)]).unwrap_or_default()
    }
}

impl PartialEq for Digits {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}
impl Eq for Digits {}
impl Hash for Digits {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}
impl PartialOrd for Digits {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Digits {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.len, self.bytes).cmp(&(other.len, other.bytes))
    }
}

/// Meta's identifier of one submission. It leads to a person, so it has neither `Debug` nor `Display`: whoever needs
/// the digits says so with [`LeadgenId::expose`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LeadgenId(Digits);

impl LeadgenId {
    /// Reads one to twenty ASCII digits; anything else is no id.
    pub fn parse(text: &str) -> Option<Self> {
        Digits::parse(text).map(Self)
    }

    /// The digits, for the call to Graph, for a keyed hash, and for an export whose purpose keeps them.
    pub fn expose(&self) -> &str {
        self.0.as_str()
    }
}

/// An id that names no person and may be shown.
macro_rules! shown_id {
    ($(#[$meta:meta])* $name:ident) => {
        $(#[$meta])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Digits);

        impl $name {
            /// Reads one to twenty ASCII digits; anything else is no id.
            pub fn parse(text: &str) -> Option<Self> {
                Digits::parse(text).map(Self)
            }

            /// The digits.
            pub fn as_str(&self) -> &str {
                self.0.as_str()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                // The text is not repeated: it may be anybody's.
                Self::parse(&text).ok_or_else(|| serde::de::Error::custom("no id"))
            }
        }
    };
}

shown_id! {
    /// Meta's identifier of a lead form.
    FormId
}
shown_id! {
    /// Meta's identifier of a Facebook page (an Instagram lead belongs to the connected page).
    PageId
}
shown_id! {
    /// Meta's identifier of the operator's app.
    AppId
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_one_to_twenty_digits_and_nothing_else() {
        for good in ["0", "123", "9007199254740993", "18446744073709551616", "99999999999999999999"] {
            assert!(FormId::parse(good).is_some_and(|id| id.as_str() == good), "{good}");
        }
        for bad in ["", "-1", "1.0", "1e3", "12 ", "١٢", "123456789012345678901", "../1", "0x1"] {
            assert!(FormId::parse(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn order_is_numeric_for_ids_without_leading_zeros() {
        let (Some(nine), Some(ten)) = (FormId::parse("9"), FormId::parse("10")) else { panic!("digits") };
        assert!(nine < ten);
    }
}
