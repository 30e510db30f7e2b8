//! Query parameters, strictly: an unknown or repeated one is a mistake that would otherwise go unseen (`limt=10`).

use actix_web::web::Query;

use crate::api::document::{LIMIT_DEFAULT, LIMIT_MAX};
use crate::http::problem::{Problem, ProblemCode};

/// A whole number as callers write it: digits, and nothing else.
pub(super) fn whole(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

/// The decoded parameters of one call.
pub(super) struct Parameters(Vec<(String, String)>);

impl Parameters {
    /// Decodes a query string whose parameters are all among `known`, each at most once.
    pub(super) fn parse(query: &str, known: &[&str]) -> Result<Self, Problem> {
        let decoded = Query::<Vec<(String, String)>>::from_query(query);
        let pairs = decoded.map_err(|_| ProblemCode::ParameterInvalid)?.into_inner();
        for (index, (name, _)) in pairs.iter().enumerate() {
            if !known.contains(&name.as_str()) {
                return Err(Problem::of(ProblemCode::ParameterUnknown).at(name));
            }
            if pairs.iter().skip(index + 1).any(|(other, _)| other == name) {
                return Err(invalid(name));
            }
        }
        Ok(Self(pairs))
    }

    /// The value of one.
    pub(super) fn value(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// What `read` makes of the value of one that may be absent.
    pub(super) fn read<'p, T>(
        &'p self,
        name: &str,
        read: impl FnOnce(&'p str) -> Option<T>,
    ) -> Result<Option<T>, Problem> {
        self.value(name).map(|value| read(value).ok_or_else(|| invalid(name))).transpose()
    }

    /// `limit`, within its bounds.
    pub(super) fn limit(&self) -> Result<usize, Problem> {
        let Some(text) = self.value("limit") else { return Ok(LIMIT_DEFAULT) };
        if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(invalid("limit"));
        }
        match text.parse() {
            Ok(limit) if (1..=LIMIT_MAX).contains(&limit) => Ok(limit),
            _ => Err(ProblemCode::LimitOutOfRange.into()),
        }
    }
}

/// The same, where something else may be the matter too.
pub(super) fn named(code: ProblemCode, name: &str) -> Problem {
    if code == ProblemCode::ParameterInvalid { invalid(name) } else { code.into() }
}

/// Of a parameter whose value is not taken.
pub(super) fn invalid(name: &str) -> Problem {
    Problem::of(ProblemCode::ParameterInvalid).at(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: &[&str] = &["after", "limit"];

    #[test]
    fn parameters_are_decoded_and_optional() {
        let none = Parameters::parse("", KNOWN).expect("none");
        assert_eq!((none.value("after"), none.limit()), (None, Ok(LIMIT_DEFAULT)));
        let some = Parameters::parse("after=devis%2D1-2&limit=10000", KNOWN).expect("two");
        assert_eq!((some.value("after"), some.limit()), (Some("devis-1-2"), Ok(LIMIT_MAX)));
    }

    #[test]
    fn an_unknown_or_repeated_parameter_is_refused() {
        let refused = |query| Parameters::parse(query, KNOWN).err();
        assert_eq!(refused("limt=1"), Some(Problem::of(ProblemCode::ParameterUnknown).at("limt")));
        assert_eq!(refused("limit=1&limit=1"), Some(invalid("limit")));
        assert_eq!(refused("Limit=1"), Some(Problem::of(ProblemCode::ParameterUnknown)));
    }

    #[test]
    fn a_limit_has_bounds() {
        let limit = |query| Parameters::parse(query, KNOWN).and_then(|parameters| parameters.limit());
        assert_eq!(limit("limit=1"), Ok(1));
        for out in ["limit=0", "limit=10001", "limit=99999999999999999999999"] {
            assert_eq!(limit(out), Err(ProblemCode::LimitOutOfRange.into()), "{out}");
        }
        for bad in ["limit=", "limit=-1", "limit=%2B1", "limit=1e3", "limit=ten"] {
            assert_eq!(limit(bad), Err(invalid("limit")), "{bad}");
        }
    }
}
