//! For the fuzzer: this room's private readers of outside bytes. Nothing else uses them.

use crate::http::admin::credential::Credential;
use crate::http::admin::query::Parameters;

/// Reads a token; it has one spelling.
pub fn credential(text: &str) -> bool {
    match Credential::parse(text) {
        Some(read) => {
            assert!(*read.expose() == text, "a token has one spelling");
            true
        }
        None => false,
    }
}

/// Reads a query's parameters. The bound that was asked for, or why it is refused.
pub fn query(text: &str) -> String {
    match Parameters::parse(text, &["after", "format", "limit", "test"]) {
        Ok(parameters) => format!("{:?}", parameters.limit().map_err(|problem| problem.code)),
        Err(problem) => format!("{:?}", problem.code),
    }
}
