//! Another config while running: all of it or nothing.
//!
//! Whoever works on something keeps the rules that they began with; what was fetched under rules that are in force no
//! more is not stored but claimed again.

use std::sync::{Arc, Weak};

use tokio::sync::Mutex;

use crate::app::notices::SinceStart;
use crate::app::{notices, retries};
use crate::config::{Config, Fingerprint, Secrets};
use crate::current::Current;
use crate::forget::receipt::Stationery;
use crate::forget::receipt::note::KeyName;
use crate::http::Trust;
use crate::notification::{Verifier, VerifyToken};
use crate::store::{StoreCode, StoreError};
use crate::workers::{Letterhead, Tools, adopt_known};

/// So many keys are named in a line of the log.
const KEYS_NAMED_MAX: usize = 40;

/// Puts another config in force. One at a time.
pub struct Reload {
    /// Weak, so that whoever may reload does not keep the rooms of a daemon that has ended.
    pub(super) tools: Weak<Tools>,
    pub(super) trust: Arc<Current<Trust>>,
    pub(super) stationery: Arc<Current<Stationery>>,
    pub(super) letterhead: Arc<Current<Letterhead>>,
    pub(super) trail_name: Arc<Current<KeyName>>,
    pub(super) since_start: SinceStart,
    pub(super) started: Fingerprint,
    pub(super) running: Mutex<Fingerprint>,
}

impl Reload {
    /// Puts a valid config and its secrets in force, and says what changed and what has to wait for a restart. When it
    /// returns, nothing more is stored that the config before allowed and this one does not.
    ///
    /// One exception: a settlement that the store did not answer in time was given up and may still be carried out.
    ///
    /// # Errors
    /// The store cannot take a new purpose in, or not say or write down what is a copy under it: then nothing has changed.
    pub async fn apply(&self, config: &Config, secrets: Secrets) -> Result<Applied, StoreError> {
        let tools = self.tools.upgrade().ok_or(StoreError::of(StoreCode::Closed))?;
        let mut running = self.running.lock().await;
        let Secrets { app_secrets, verify_token, page_tokens, root: _, mail_password: _, warnings: _ } =
            secrets;
        let policy = config.policy();
        policy.prepare();
        let purposes = policy.purposes().iter().map(|purpose| purpose.id.clone()).collect();
        tools.store.admit(purposes).await?;
        let is_another = *tools.policy.pin() != *policy;
        if is_another {
            adopt_known(&policy, &tools.store, tools.clock.now()).await?;
        }
        let book = notices::publish(config, self.since_start, &tools.store).await?;
        let stationery_before = self.stationery.pin();
        let stationery = config.stationery().reloaded(&stationery_before);
        let graph = config.graph_settings(&app_secrets, page_tokens);
        let verify_token = VerifyToken::of(&verify_token);
        let trust = Trust { verifier: Verifier::new(app_secrets), verify_token };
        let closed = tools.gate.close().await;
        tools.graph.replace_access(graph.app_secrets, graph.pages);
        tools.retries.replace(Arc::new(retries(config)));
        // An equal policy sends nothing back.
        if is_another {
            tools.policy.replace(policy);
            tools.silence.begin_anew();
            tools.forms.begin_anew();
        }
        tools.notices.replace(Arc::new(book));
        tools.form_check.begin_anew(&config.public.url);
        self.stationery.replace(Arc::new(stationery));
        self.letterhead.replace(Arc::new(config.letterhead()));
        self.trail_name.replace(Arc::new(config.trail_name()));
        self.trust.replace(Arc::new(trust));
        drop(closed);
        let next_url = &config.public.url;
        if stationery_before.public_url != *next_url {
            notices::say_addresses_before(&tools.store, next_url).await;
        }
        // What was held may have found its purpose.
        tools.inbox.arrived().notify_waiters();
        let next = config.fingerprint();
        let changed = running.changes(&next).live;
        let waiting = self.started.changes(&next).at_restart;
        *running = next;
        Ok(Applied { changed, waiting })
    }
}

/// What a reload led to: the keys that changed since the last one, and those that differ from the start and wait.
#[must_use = "the log is to say it, under the level that is in force now"]
pub struct Applied {
    changed: Vec<String>,
    waiting: Vec<String>,
}

impl Applied {
    /// Says it in the log.
    pub fn say(&self) {
        tracing::info!(config.keys = named(&self.changed), "config.reloaded");
        if !self.waiting.is_empty() {
            tracing::warn!(config.keys = named(&self.waiting), "config.needs-restart");
        }
    }
}

/// Keys are the operator's own names; values are not said.
fn named(keys: &[String]) -> String {
    let mut text = keys.iter().take(KEYS_NAMED_MAX).map(String::as_str).collect::<Vec<_>>().join(",");
    if keys.len() > KEYS_NAMED_MAX {
        text.push_str(&format!(",… and {} more", keys.len() - KEYS_NAMED_MAX));
    }
    text
}
