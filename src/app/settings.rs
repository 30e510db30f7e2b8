//! From the config to what each room asks for: the one place that knows both.

use std::path::{Path, PathBuf};
use std::time::Duration;

use url::{Host, Url};

use crate::config::{Config, PageToken, RetryTimes};
use crate::graph::{self, PageAccess, Retry};
use crate::inbox;
use crate::mail;
use crate::secret::Secret;
use crate::store;
use crate::workers::Letterhead;

/// The config speaks of MB as disks do.
const BYTES_PER_MB: u64 = 1_000_000;

impl Config {
    /// What the inbox needs. Its witness lies beside the store's, for the same reason.
    pub fn inbox_settings(&self) -> inbox::Settings {
        inbox::Settings {
            path: self.store.path.join("inbox"),
            witness: self.beside_keyring("inbox-witness"),
            max_references: self.store.inbox_max_references,
            max_held_by_form: self.store.inbox_max_held_by_form,
            free_disk_min_bytes: self.free_disk_min_bytes(),
            body_max_bytes: self.public.body_max_bytes,
        }
    }

    /// What the store needs. The witness lies beside the keyring, apart from what it bears witness of.
    pub fn store_settings(&self) -> store::Settings {
        store::Settings {
            path: self.store.path.clone(),
            witness: self.beside_keyring("witness"),
            cache_mb: self.store.cache_mb,
            free_disk_min_bytes: self.free_disk_min_bytes(),
            ledger: self.backup.ledger.clone(),
        }
    }

    /// What Graph's client needs; it gets app secrets of its own, since the webhook holds them too.
    pub fn graph_settings(&self, app_secrets: &[Secret], page_tokens: Vec<PageToken>) -> graph::Settings {
        graph::Settings {
            url: self.meta.graph_url.clone(),
            version: self.meta.graph_version.clone(),
            app_secrets: app_secrets.iter().map(|secret| Secret::new(secret.expose().to_vec())).collect(),
            pages: (page_tokens.into_iter())
                .map(|page| PageAccess { id: page.id, name: page.name, token: page.token })
                .collect(),
            calls_in_flight: self.meta.calls_in_flight,
            connect_timeout: Duration::from_millis(self.meta.connect_timeout_ms),
            read_timeout: Duration::from_millis(self.meta.read_timeout_ms),
            reply_max_bytes: self.meta.reply_max_bytes,
        }
    }

    /// What sending a mail needs; none: the config names no server. The password is that of its login, if it has one.
    pub fn mail_settings(&self, password: Option<Secret>) -> Option<mail::Settings> {
        let mail = self.mail.as_ref()?;
        let login = mail.user.clone().zip(password).map(|(user, password)| mail::Login { user, password });
        Some(mail::Settings {
            server: mail.server.clone(),
            port: mail.port,
            encryption: mail.tls,
            login,
            own_name: own_name(&self.public.url),
            from: mail.from.clone(),
            reply_to: mail.reply_to.clone(),
            patience: mail::Patience::default(),
        })
    }

    /// Whose mails are sent.
    pub fn letterhead(&self) -> Letterhead {
        Letterhead { controller: self.controller.clone(), public_url: self.public.url.clone() }
    }

    /// When a failed fetch is tried again.
    pub fn retry(&self) -> Retry {
        retry(&self.meta.retry)
    }

    /// When a fetch is tried again whose answer may mean "gone" or "not yet".
    pub fn retry_ambiguous(&self) -> Retry {
        retry(&self.meta.retry_ambiguous)
    }

    fn beside_keyring(&self, name: &str) -> PathBuf {
        self.keys.keyring.parent().unwrap_or(Path::new("/")).join(name)
    }

    fn free_disk_min_bytes(&self) -> u64 {
        self.store.free_disk_min_mb.saturating_mul(BYTES_PER_MB)
    }
}

/// What this machine is called by whoever reaches it from outside, as mail servers want it (RFC 5321, 4.1.3).
fn own_name(url: &str) -> String {
    let url = Url::parse(url).ok();
    match url.as_ref().and_then(Url::host) {
        Some(Host::Domain(name)) => name.to_owned(),
        Some(Host::Ipv4(ip)) => format!("[{ip}]"),
        Some(Host::Ipv6(ip)) => format!("[IPv6:{ip}]"),
        None => "[127.0.0.1]".to_owned(),
    }
}

fn retry(times: &RetryTimes) -> Retry {
    Retry { first_ms: times.first_ms, factor: times.factor, max_ms: times.max_ms, attempts: times.attempts }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::parse;
    use crate::secret::location::Environment;

    #[test]
    fn the_rooms_get_what_the_file_says() {
        let text = include_str!("../../config/tamis.example.toml");
        let config = parse(text, &Environment::default()).unwrap_or_else(|faults| panic!("{faults}"));
        let inbox = config.inbox_settings();
        assert_eq!(inbox.path, Path::new("/var/lib/tamis/store/inbox"));
        assert_eq!(inbox.witness, Path::new("/var/lib/tamis-keys/inbox-witness"));
        assert_eq!((inbox.max_references, inbox.max_held_by_form), (500_000, 10_000));
        assert_eq!(inbox.free_disk_min_bytes, 256_000_000);
        let store = config.store_settings();
        assert_eq!(store.witness, Path::new("/var/lib/tamis-keys/witness"));
        let graph = config.graph_settings(&[Secret::new(b"a".to_vec())], Vec::new());
        assert_eq!((graph.version.as_str(), graph.connect_timeout), ("v27.0", Duration::from_secs(5)));
        assert!(graph.app_secrets.first().is_some_and(|secret| secret.equals(b"a")));
        assert!(config.mail_settings(None).is_none(), "the example names no mail server");
        assert_eq!(own_name(&config.public.url), "leads.lumen.example");
        assert_eq!(own_name("http://[::1]:8080/x"), "[IPv6:::1]");
        assert_eq!((config.retry().attempts, config.retry_ambiguous().factor), (750, 4));
    }
}
