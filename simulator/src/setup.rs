//! What a simulator starts with.

use crate::time::{Clock, system_clock};

/// What a simulator starts with.
#[derive(Clone)]
pub struct Setup {
    /// Port on loopback; 0: any free one.
    pub port: u16,
    /// The app's secrets, newest first: the first signs, every one is good for `appsecret_proof`.
    pub app_secrets: Vec<String>,
    /// Whether a call without `appsecret_proof` is refused (app setting "Require app secret").
    pub require_proof: bool,
    /// The oldest version that still answers: v21.0 until 21 January 2027 (*Versions*).
    pub oldest_version: u32,
    /// The newest version: v27.0 since 4 November 2026 (*Versions*).
    pub newest_version: u32,
    /// Whether notifications come over connections that are kept, or each over one of its own.
    pub keeps_connections: bool,
    /// How many of the last calls are remembered.
    pub calls_max: usize,
    /// What time it is at Meta: the `Date` header, the time of notifications and of the log of calls.
    pub clock: Clock,
}

impl Default for Setup {
    fn default() -> Setup {
        Setup {
            port: 0,
            app_secrets: vec!["0f1e2d3c4b5a69788796a5b4c3d2e1f0".to_owned()],
            require_proof: true,
            oldest_version: 21,
            newest_version: 27,
            keeps_connections: true,
            calls_max: 10_000,
            clock: system_clock(),
        }
    }
}
