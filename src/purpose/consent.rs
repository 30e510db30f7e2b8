//! The tick-boxes of a form that count as consent.

use std::fmt;
use std::sync::Arc;

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

crate::codes! {
    /// By what means a person may be contacted. Consent is given for each apart (in France for calls since 11 August
    /// 2026: law 2025-594).
    pub enum Channel {
        /// E-mail.
        Email = "email",
        /// Calls.
        Phone = "phone",
        /// Text messages.
        Sms = "sms",
        /// Letters.
        Post = "post",
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
