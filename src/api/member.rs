//! Members of a request's body that are read more strictly than they come, or less: as JSON Schema takes them.

use serde::de::{Deserialize, Deserializer, Error};
use serde_json::Number;

/// What is there, or absent: null is neither. A null that narrows nothing would erase all.
pub(super) fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// A whole number that is there, however it is written: to JSON Schema `36.0` is one. Null is none.
pub(super) fn number<'de, D: Deserializer<'de>, N: TryFrom<i64>>(
    deserializer: D,
) -> Result<Option<N>, D::Error> {
    whole(&Number::deserialize(deserializer)?).map(Some)
}

/// The same, where null is as good as absent.
pub(super) fn number_or_null<'de, D: Deserializer<'de>, N: TryFrom<i64>>(
    deserializer: D,
) -> Result<Option<N>, D::Error> {
    Option::<Number>::deserialize(deserializer)?.as_ref().map(whole).transpose()
}

fn whole<N: TryFrom<i64>, E: Error>(number: &Number) -> Result<N, E> {
    // Beyond that two numbers may be one as floats.
    let float = || number.as_f64().filter(|float| float.fract() == 0.0 && float.abs() <= f64::from(i32::MAX));
    let whole = number.as_i64().or_else(|| float().map(|float| float as i64));
    whole.and_then(|whole| whole.try_into().ok()).ok_or_else(|| E::custom("no whole number in range"))
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    #[derive(Debug, PartialEq, Deserialize)]
    struct Body {
        #[serde(default, deserialize_with = "super::present")]
        text: Option<String>,
        #[serde(default, deserialize_with = "super::number")]
        months: Option<u32>,
        #[serde(default, deserialize_with = "super::number_or_null")]
        days: Option<i64>,
    }

    fn read(body: &str) -> Option<Body> {
        serde_json::from_str(body).ok()
    }

    #[test]
    fn what_is_absent_is_none_and_a_null_is_refused_where_it_could_be_taken_for_it() {
        let none = || Some(Body { text: None, months: None, days: None });
        assert_eq!(read("{}"), none());
        assert_eq!(read(r#"{"days":null}"#), none());
        assert_eq!((read(r#"{"text":null}"#), read(r#"{"months":null}"#)), (None, None));
        assert_eq!(read(r#"{"text":"a"}"#).and_then(|body| body.text).as_deref(), Some("a"));
    }

    #[test]
    fn a_number_is_whole_however_it_is_written() {
        for whole in ["36", "36.0", "3.6e1", "3600e-2"] {
            assert_eq!(
                read(&format!(r#"{{"months":{whole}}}"#)).and_then(|body| body.months),
                Some(36),
                "{whole}"
            );
            assert_eq!(
                read(&format!(r#"{{"days":-{whole}}}"#)).and_then(|body| body.days),
                Some(-36),
                "{whole}"
            );
        }
        for bad in [
            "36.5",
            "-1",
            "-1.0",
            "4294967296",
            "3e9",
            "1e400",
            "\"36\"",
            "true",
            "[]",
            "18446744073709551616",
        ] {
            assert_eq!(read(&format!(r#"{{"months":{bad}}}"#)), None, "{bad}");
        }
        for bad in ["30.5", "3e9", "\"30\"", "18446744073709551616"] {
            assert_eq!(read(&format!(r#"{{"days":{bad}}}"#)), None, "{bad}");
        }
    }
}
