//! The tick-boxes of a form that count as consent.

use std::fmt;
use std::sync::Arc;

use crate::purpose::law::Channel;
use crate::purpose::policy::is_name;

/// Our name of a consent: `[a-z][a-z0-9_]{0,62}`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConsentKey(Arc<str>);

impl ConsentKey {
    /// Reads `[a-z][a-z0-9_]{0,62}`.
    pub fn parse(text: &str) -> Option<Self> {
        is_name(text).then(|| Self(text.into()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ConsentKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
impl fmt::Debug for ConsentKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One tick-box that counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsentRule {
    /// Our name.
    pub key: ConsentKey,
    /// What it allows.
    pub channel: Channel,
    /// A lead without it is refused.
    pub required: bool,
    /// Meta's `checkbox_key`s; by default our name.
    pub from: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_shown_as_it_is_written() {
        let key = ConsentKey::parse("email_optin").expect("a name");
        assert_eq!(key.as_str(), "email_optin");
        assert_eq!(
            (format!("{key}"), format!("{key:?}")),
            ("email_optin".to_owned(), "email_optin".to_owned())
        );
        assert!(ConsentKey::parse("email optin").is_none());
    }
}
