//! From one config to each room's settings: rooms never see the config itself.

use std::path::PathBuf;
use std::time::Duration;

use crate::config::Config;
use crate::config::meta::RetryTimes;
use crate::config::secrets::PageToken;
use crate::graph::{self, PageAccess, Retry};
use crate::inbox;
use crate::secret::Secret;
use crate::store::sled;

const MIB: u64 = 1024 * 1024;

impl Config {
    /// What Graph needs: the app's secrets for its proofs, and each page's token.
    pub fn graph_settings(&self, app_secrets: Vec<Secret>, page_tokens: Vec<PageToken>) -> graph::Settings {
        let page = |page: PageToken| PageAccess { id: page.id, name: page.name, token: page.token };
        graph::Settings {
            url: self.meta.graph_url.clone(),
            version: self.meta.graph_version.clone(),
            app_secrets,
            pages: page_tokens.into_iter().map(page).collect(),
            calls_in_flight: self.meta.calls_in_flight,
            connect_timeout: Duration::from_millis(self.meta.connect_timeout_ms),
            read_timeout: Duration::from_millis(self.meta.read_timeout_ms),
            reply_max_bytes: self.meta.reply_max_bytes,
        }
    }

    /// What the inbox needs. Its journal lies in `inbox/` below the store's path.
    pub fn inbox_settings(&self) -> inbox::Settings {
        inbox::Settings {
            path: self.store.path.join("inbox"),
            max_references: self.store.inbox_max_references,
            free_disk_min_bytes: self.free_disk_min_bytes(),
            body_max_bytes: self.public.body_max_bytes,
        }
    }

    /// What the store needs.
    pub fn store_settings(&self) -> sled::Settings {
        sled::Settings {
            path: self.store.path.clone(),
            witness: self.witness_path(),
            cache_mb: self.store.cache_mb,
            free_disk_min_bytes: self.free_disk_min_bytes(),
        }
    }

    /// The witness lies beside the keyring: whoever copies the store does not copy it.
    pub fn witness_path(&self) -> PathBuf {
        self.keys.keyring.with_file_name("witness")
    }

    /// When a failed fetch is tried again.
    pub fn retry(&self) -> Retry {
        retry(self.meta.retry)
    }

    /// The same, where Graph's answer may mean "gone" or "not yet".
    pub fn retry_ambiguous(&self) -> Retry {
        retry(self.meta.retry_ambiguous)
    }

    fn free_disk_min_bytes(&self) -> u64 {
        self.store.free_disk_min_mb.saturating_mul(MIB)
    }
}

fn retry(times: RetryTimes) -> Retry {
    let RetryTimes { first_ms, factor, max_ms, attempts } = times;
    Retry { first_ms, factor, max_ms, attempts }
}
