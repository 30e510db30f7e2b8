//! How the parts of a receipt stand in its JSON: each in one spelling, and nothing else is read.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::de::{Deserialize, Deserializer};

use crate::clock::{Day, Rfc3339};
use crate::code::Coded;

/// What stands in JSON as a text that people can read.
pub(in crate::forget::receipt) trait Shown: Sized {
    /// The text.
    fn shown(&self) -> String;
    /// What has this text.
    fn of_text(text: &str) -> Option<Self>;
}

impl<C: Coded> Shown for C {
    fn shown(&self) -> String {
        self.code().to_owned()
    }
    fn of_text(text: &str) -> Option<Self> {
        C::every().iter().copied().find(|known| known.code() == text)
    }
}

/// `2026-11-29T19:25:00Z`.
impl Shown for Timestamp {
    fn shown(&self) -> String {
        Rfc3339(*self).to_string()
    }
    fn of_text(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}

/// `2026-12-06`.
impl Shown for Day {
    fn shown(&self) -> String {
        self.to_string()
    }
    fn of_text(text: &str) -> Option<Self> {
        let date: Date = text.parse().ok()?;
        Some(Self::of(TimeZone::UTC.to_timestamp(date.at(0, 0, 0, 0)).ok()?))
    }
}

/// A text's value, if the text is the one that the value is written as.
fn read<T: Shown>(text: &str) -> Option<T> {
    T::of_text(text).filter(|value| value.shown() == text)
}

/// For serde: a value, or null; absent it is neither.
pub(in crate::forget::receipt) fn there<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    Option::deserialize(deserializer)
}

/// For serde: a text.
pub(in crate::forget::receipt) mod shown {
    use serde::de::{Deserialize, Deserializer, Error};
    use serde::ser::Serializer;

    use super::{Shown, read};

    pub fn serialize<T: Shown, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&value.shown())
    }

    pub fn deserialize<'de, T: Shown, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
        read(&String::deserialize(deserializer)?).ok_or_else(|| D::Error::custom("not in its one spelling"))
    }
}

/// For serde: a text, or null.
pub(in crate::forget::receipt) mod maybe_shown {
    use serde::de::{Deserialize, Deserializer, Error};
    use serde::ser::{Serialize, Serializer};

    use super::{Shown, read};

    pub fn serialize<T: Shown, S: Serializer>(value: &Option<T>, serializer: S) -> Result<S::Ok, S::Error> {
        value.as_ref().map(Shown::shown).serialize(serializer)
    }

    pub fn deserialize<'de, T: Shown, D: Deserializer<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
        let text = Option::<String>::deserialize(deserializer)?;
        let read = text.map(|text| read(&text).ok_or_else(|| D::Error::custom("not in its one spelling")));
        read.transpose()
    }
}

/// For serde, of a field that an earlier version has not: absent, or as [`maybe_shown`].
pub(in crate::forget::receipt) mod since_shown {
    use serde::de::Deserializer;
    use serde::ser::Serializer;

    use super::{Shown, maybe_shown};

    pub fn serialize<T: Shown, S: Serializer>(
        value: &Option<Option<T>>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match value {
            Some(value) => maybe_shown::serialize(value, serializer),
            None => serializer.serialize_none(),
        }
    }

    pub fn deserialize<'de, T: Shown, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Option<T>>, D::Error> {
        maybe_shown::deserialize(deserializer).map(Some)
    }
}
