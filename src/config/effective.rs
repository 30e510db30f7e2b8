//! The effective configuration, to be read: the three layers as one, defaults of purposes included, and of each secret
//! where it lies and how long it is.

use std::collections::BTreeMap;
use std::fmt;

use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::config::secrets::{SecretFound, SecretState};
use crate::config::{Config, RetryTimes};
use crate::purpose::law::Dpo;
use crate::purpose::{ConsentRule, FieldRule, Purpose};

/// The effective configuration. `Display` is much like TOML; `Serialize` is the same for programs.
pub struct Effective(Vec<(String, Shown)>);

/// A value that may be shown.
enum Shown {
    Text(String),
    Number(u64),
    Flag(bool),
    List(Vec<Shown>),
    /// In its own lines under `[name]`.
    Table(Vec<(String, Shown)>),
    /// In one line.
    Inline(Vec<(String, Shown)>),
    Secret(SecretFound),
}

impl Effective {
    /// Each key's dotted path and its value as text.
    pub(super) fn values(&self) -> BTreeMap<String, String> {
        let mut values = BTreeMap::new();
        for (section, shown) in &self.0 {
            if let Shown::Table(rows) = shown {
                values
                    .extend(rows.iter().map(|(key, value)| (format!("{section}.{key}"), value.to_string())));
            }
        }
        values
    }
}

impl Config {
    /// The effective configuration, with what was found of the secrets.
    pub fn effective(&self, secrets: &[SecretFound]) -> Effective {
        let secret = |key: &str| {
            let found = secrets.iter().find(|secret| secret.key == key);
            found.map_or(Shown::Text("not looked for".into()), |found| Shown::Secret(found.clone()))
        };
        let mut sections = vec![
            ("controller".to_owned(), self.show_controller()),
            ("public".to_owned(), self.show_public()),
            ("admin".to_owned(), self.show_admin()),
            ("meta".to_owned(), self.show_meta(&secret)),
        ];
        sections.extend(self.meta.pages.iter().enumerate().map(|(at, page)| {
            let key = format!("meta.pages[{at}]");
            let token = secret(&format!("{key}.token"));
            (key, table([("id", text(page.id)), ("name", text(&page.name)), ("token", token)]))
        }));
        sections.push(("store".to_owned(), self.show_store()));
        let keyring = text(self.keys.keyring.display());
        sections.push(("keys".to_owned(), table([("keyring", keyring), ("root", secret("keys.root"))])));
        let months = Shown::Number(self.trail_retention_months.into());
        sections.push(("trail".to_owned(), table([("retention_months", months)])));
        sections.extend(self.recipients.iter().enumerate().map(|(at, recipient)| {
            let shown = table([
                ("id", text(&recipient.id)),
                ("name", text(&recipient.name)),
                ("country", text(&recipient.country)),
                ("role", text(recipient.role)),
            ]);
            (format!("recipients[{at}]"), shown)
        }));
        for purpose in self.policy().purposes() {
            sections.push((format!("purposes.{}", purpose.id), show_purpose(purpose)));
            let fields =
                purpose.whitelist.rules().iter().map(|rule| (rule.name.to_string(), show_field(rule)));
            sections.push((format!("purposes.{}.fields", purpose.id), Shown::Table(fields.collect())));
        }
        sections.push(("log".to_owned(), self.show_log()));
        Effective(sections)
    }

    fn show_controller(&self) -> Shown {
        let controller = &self.controller;
        let dpo = match &controller.dpo {
            Dpo::Contact(contact) => inline([("contact", text(contact))]),
            Dpo::NoneReason(reason) => inline([("none_reason", text(reason))]),
        };
        table([
            ("name", text(&controller.name)),
            ("address", text(&controller.address)),
            ("country", text(&controller.country)),
            ("email", text(&controller.email)),
            ("dpo", dpo),
        ])
    }

    fn show_public(&self) -> Shown {
        let public = &self.public;
        table([
            ("listen", text(public.listen)),
            ("url", text(&public.url)),
            ("trusted_proxies", texts(&public.trusted_proxies)),
            ("body_max_bytes", Shown::Number(public.body_max_bytes as u64)),
            ("drain_seconds", Shown::Number(public.drain_seconds)),
        ])
    }

    fn show_admin(&self) -> Shown {
        let mut rows = vec![("socket".to_owned(), text(self.admin.socket.display()))];
        rows.extend(self.admin.listen.map(|listen| ("listen".to_owned(), text(listen))));
        Shown::Table(rows)
    }

    fn show_meta(&self, secret: &dyn Fn(&str) -> Shown) -> Shown {
        let meta = &self.meta;
        let app_secrets = (0..meta.app_secrets.len()).map(|at| secret(&format!("meta.app_secrets[{at}]")));
        table([
            ("app_id", text(meta.app_id)),
            ("app_secrets", Shown::List(app_secrets.collect())),
            ("verify_token", secret("meta.verify_token")),
            ("graph_url", text(&meta.graph_url)),
            ("graph_version", text(&meta.graph_version)),
            ("calls_in_flight", Shown::Number(meta.calls_in_flight as u64)),
            ("connect_timeout_ms", Shown::Number(meta.connect_timeout_ms)),
            ("read_timeout_ms", Shown::Number(meta.read_timeout_ms)),
            ("reply_max_bytes", Shown::Number(meta.reply_max_bytes as u64)),
            ("retry", show_retry(&meta.retry)),
            ("retry_ambiguous", show_retry(&meta.retry_ambiguous)),
        ])
    }

    fn show_store(&self) -> Shown {
        let store = &self.store;
        table([
            ("path", text(store.path.display())),
            ("cache_mb", Shown::Number(store.cache_mb.into())),
            ("free_disk_min_mb", Shown::Number(store.free_disk_min_mb)),
            ("inbox_max_references", Shown::Number(store.inbox_max_references)),
        ])
    }

    fn show_log(&self) -> Shown {
        let mut rows =
            vec![("format".to_owned(), text(self.log.format)), ("level".to_owned(), text(self.log.level))];
        if let Some(file) = &self.log.file {
            rows.push(("file".to_owned(), text(file.display())));
            rows.push(("file_retention_days".to_owned(), Shown::Number(self.log.file_retention_days.into())));
        }
        Shown::Table(rows)
    }
}

fn show_retry(retry: &RetryTimes) -> Shown {
    inline([
        ("first_ms", Shown::Number(retry.first_ms)),
        ("factor", Shown::Number(retry.factor.into())),
        ("max_ms", Shown::Number(retry.max_ms)),
        ("attempts", Shown::Number(retry.attempts.into())),
    ])
}

fn show_purpose(purpose: &Purpose) -> Shown {
    let title = purpose.title.iter().map(|(language, title)| (language.clone(), text(title))).collect();
    let mut rows = vec![
        ("title".to_owned(), Shown::Inline(title)),
        ("forms".to_owned(), texts(&purpose.forms)),
        ("basis".to_owned(), text(purpose.basis)),
        ("retention_months".to_owned(), Shown::Number(purpose.retention_months.into())),
    ];
    if let Some(months) = purpose.reconfirm_months {
        rows.push(("reconfirm_months".to_owned(), Shown::Number(months.into())));
        rows.push(("grace_days".to_owned(), Shown::Number(purpose.grace_days.into())));
    }
    rows.push(("recipients".to_owned(), texts(&purpose.recipients)));
    rows.push(("keep".to_owned(), texts(&purpose.keep)));
    let consents = purpose.consents.iter().map(|consent| (consent.key.to_string(), show_consent(consent)));
    rows.push(("consents".to_owned(), Shown::Inline(consents.collect())));
    Shown::Table(rows)
}

fn show_consent(consent: &ConsentRule) -> Shown {
    inline([
        ("channel", text(consent.channel)),
        ("required", Shown::Flag(consent.required)),
        ("from", texts(&consent.from)),
    ])
}

fn show_field(rule: &FieldRule) -> Shown {
    let mut rows = vec![("required".to_owned(), Shown::Flag(rule.required))];
    rows.extend(rule.question_type.as_ref().map(|asked| ("type".to_owned(), text(asked))));
    if !rule.from.is_empty() {
        rows.push(("from".to_owned(), texts(&rule.from)));
    }
    rows.extend(rule.consent.as_ref().map(|consent| ("consent".to_owned(), text(consent))));
    rows.extend(rule.why.as_ref().map(|why| ("why".to_owned(), text(why))));
    Shown::Inline(rows)
}

fn text(value: impl fmt::Display) -> Shown {
    Shown::Text(value.to_string())
}

fn texts<T: fmt::Display>(values: &[T]) -> Shown {
    Shown::List(values.iter().map(text).collect())
}

fn table<const N: usize>(rows: [(&str, Shown); N]) -> Shown {
    Shown::Table(rows.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
}

fn inline<const N: usize>(rows: [(&str, Shown); N]) -> Shown {
    Shown::Inline(rows.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
}

impl fmt::Display for Effective {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (name, value)) in self.0.iter().enumerate() {
            let gap = if index == 0 { "" } else { "\n" };
            writeln!(f, "{gap}[{name}]")?;
            if let Shown::Table(rows) = value {
                for (key, value) in rows {
                    writeln!(f, "{key} = {value}")?;
                }
            }
        }
        Ok(())
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write!(f, "{text:?}"),
            Self::Number(number) => write!(f, "{number}"),
            Self::Flag(flag) => write!(f, "{flag}"),
            Self::List(values) => {
                let values: Vec<String> = values.iter().map(Self::to_string).collect();
                write!(f, "[{}]", values.join(", "))
            }
            Self::Table(rows) | Self::Inline(rows) if rows.is_empty() => f.write_str("{}"),
            Self::Table(rows) | Self::Inline(rows) => {
                let rows: Vec<String> = rows.iter().map(|(key, value)| format!("{key} = {value}")).collect();
                write!(f, "{{ {} }}", rows.join(", "))
            }
            Self::Secret(found) => match &found.state {
                SecretState::Set { bytes } => write!(f, "set ({bytes} bytes), {}", found.location),
                SecretState::NotReadableHere(_) => write!(f, "not readable here, {}", found.location),
                SecretState::Refused(fault) => {
                    write!(f, "not usable ({}), {}", fault.code.as_str(), found.location)
                }
            },
        }
    }
}

impl Serialize for Effective {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(key, value)| (key, value)))
    }
}

impl Serialize for Shown {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(text) => serializer.serialize_str(text),
            Self::Number(number) => serializer.serialize_u64(*number),
            Self::Flag(flag) => serializer.serialize_bool(*flag),
            Self::List(values) => serializer.collect_seq(values),
            Self::Table(rows) | Self::Inline(rows) => {
                serializer.collect_map(rows.iter().map(|(key, value)| (key, value)))
            }
            Self::Secret(found) => {
                let mut map = serializer.serialize_map(None)?;
                map.serialize_entry("location", &found.location.to_string())?;
                match &found.state {
                    SecretState::Set { bytes } => {
                        map.serialize_entry("state", "set")?;
                        map.serialize_entry("bytes", bytes)?;
                    }
                    SecretState::NotReadableHere(_) => map.serialize_entry("state", "not-readable-here")?,
                    SecretState::Refused(fault) => map.serialize_entry("state", &fault.code)?,
                }
                map.end()
            }
        }
    }
}
