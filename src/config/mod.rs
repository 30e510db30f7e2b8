//! The configuration: three layers, one reading, all faults at once (of a file that is no TOML where it is none).
//!
//! Layers (`layers`): embedded defaults ← the operator's file ← `TAMIS__SECTION__KEY`. The merged tree is read key by key
//! (`section`); what is valid becomes [`Config`], what is not becomes [`Faults`], with the key, the reason and the mend and
//! never the value. Secrets do not pass through here: a key holds a location, and only [`Config::resolve`] goes there.

mod boxes;
mod changes;
mod consents;
mod controller;
mod effective;
mod excerpt;
mod fault;
mod fields;
mod findings;
mod keeping;
mod layers;
mod listeners;
mod mail;
mod meta;
mod place;
mod places;
mod purposes;
mod secrets;
mod section;
mod shown;
mod suggest;
mod table;
#[cfg(test)]
mod tests;
mod titles;
mod untold;

use std::path::Path;
use std::sync::Arc;

pub use boxes::FormKnown;
pub use changes::{Changes, Fingerprint};
pub use effective::Effective;
pub use excerpt::Excerpt;
pub use fault::{Code, Fault, FaultCode, Faults};
pub use keeping::{Backup, Evidence, Feeds, Keys, Log, LogFormat, LogLevel, Requests, Store, Trail};
pub use layers::{CONFIG_BYTES_MAX, DEFAULTS};
pub use listeners::{Admin, Public};
pub use mail::Mail;
pub use meta::{Meta, Page, RetryTimes};
pub use secrets::{PageToken, SecretFound, SecretState, Secrets};
pub use suggest::nearest;

use crate::purpose::Policy;
use crate::purpose::law::{Controller, Recipient};
use crate::secret::location::Environment;
use crate::secret::owner::Owners;
use findings::Findings;
use purposes::House;
use secrets::SecretPlace;
use section::Section;
use table::table;

table! {
    /// A valid config. It holds no secrets, only where they lie.
    pub struct Config as Table(root) {
        /// Who answers for the data.
        @live pub controller: Controller = within(Controller::read);
        /// The public listener.
        pub public: Public = within(Public::read);
        /// The admin side.
        pub admin: Admin = within(|section| Admin::read(section, public.as_ref()));
        /// The app, its pages, Graph.
        pub meta: Meta = within(Meta::read);
        /// Where records lie.
        pub store: Store = within(Store::read);
        /// Where keys lie.
        pub keys: Keys = within(Keys::read);
        /// Copies of the keys.
        pub backup: Backup = within(Backup::read);
        /// Who did what.
        pub trail: Trail = within(Trail::read);
        /// What shows of consents once their records are gone.
        pub evidence: Evidence = within(Evidence::read);
        /// What people asked for.
        pub requests: Requests = within(Requests::read);
        /// What recipients must follow.
        pub changes: Feeds = within(Feeds::read);
        /// The server that takes our mails.
        pub mail: Option<Mail> = may(|item| Mail::read(item.section()));
        /// Who may receive data.
        @live pub recipients: Vec<Recipient> = or(Vec::new(), controller::read_recipients);
        @live policy("purposes"): Arc<Policy> = within(|section| {
            let house = House {
                controller: controller.as_ref(),
                recipients: recipients.as_deref(),
                has_mail: mail.as_ref().is_none_or(Option::is_some),
            };
            purposes::read_purposes(section, &house)
        });
        /// What is logged.
        pub log: Log = within(Log::read);
    }
    check { keeping::compare_paths(store.as_ref(), keys.as_ref(), log.as_ref(), root.findings()); }
    with {
        /// What a person should look at.
        pub warnings: Vec<Fault> = Vec::new()
    }
}

/// Reads a config file and the environment over the defaults. No secret is read.
///
/// # Errors
/// All faults at once.
pub fn load(path: &Path, environment: &Environment) -> Result<Config, Faults> {
    parse(&layers::read_file(path)?, environment)
}

/// The same, from the file's text.
///
/// # Errors
/// All faults at once.
pub fn parse(text: &str, environment: &Environment) -> Result<Config, Faults> {
    read_layers(text, environment)?.config
}

/// Reads a config file and all its secrets, for `tamis serve`.
///
/// # Errors
/// All faults at once, those of the secrets included.
pub fn load_with_secrets(path: &Path, environment: &Environment) -> Result<(Config, Secrets), Faults> {
    let Read { config, places } = read_layers(&layers::read_file(path)?, environment)?;
    match config {
        Ok(mut config) => {
            let mut found = config.look_at_places(path, &Owners::of_this_process());
            let secrets = match config.resolve(environment) {
                Ok(secrets) if found.faults.is_empty() => secrets,
                Ok(_) => return Err(found),
                Err(Faults { faults, .. }) => {
                    found.faults.extend(faults);
                    return Err(found);
                }
            };
            config.warnings.append(&mut found.warnings);
            config.warnings.extend(secrets.warnings.iter().cloned());
            Ok((config, secrets))
        }
        Err(mut found) => {
            let looked = secrets::look_for(&places, &Owners::of_this_process(), environment);
            found.faults.extend(looked.into_iter().filter_map(SecretFound::into_fault));
            Err(found)
        }
    }
}

/// What `tamis check` learns of a config and its secrets.
pub struct Checked {
    /// The config, if it is valid (its secrets may still be refused).
    pub config: Option<Config>,
    /// All faults and warnings, those of the secrets included.
    pub found: Faults,
    /// What was found of the secrets.
    pub secrets: Vec<SecretFound>,
}

/// Reads a config file and looks for its secrets, keeping none.
pub fn check(path: &Path, environment: &Environment) -> Checked {
    let read = layers::read_file(path).and_then(|text| read_layers(&text, environment));
    let Read { config, places } = match read {
        Ok(read) => read,
        Err(found) => return Checked { config: None, found, secrets: Vec::new() },
    };
    let (config, mut found) = match config {
        Ok(config) => {
            let Faults { faults, warnings } = config.look_at_places(path, &config.owners());
            let all = config.warnings.iter().cloned().chain(warnings);
            let (untold, warnings) =
                all.partition(|warning| warning.code == FaultCode::NoticeIncomplete.into());
            (Some(config), Faults { faults: [faults, untold].concat(), warnings })
        }
        Err(found) => (None, found),
    };
    let owners = config.as_ref().map_or_else(|| Owners::of_daemon([]), Config::owners);
    let secrets = secrets::look_for(&places, &owners, environment);
    for secret in &secrets {
        match &secret.state {
            SecretState::Set { doubt, .. } => found.warnings.extend(doubt.clone()),
            SecretState::NotReadableHere(fault) => found.warnings.push(fault.clone()),
            SecretState::Refused(fault) => found.faults.push(fault.clone()),
        }
    }
    Checked { config, found, secrets }
}

/// What reading gives, whether or not it is valid.
struct Read {
    config: Result<Config, Faults>,
    places: Vec<SecretPlace>,
}

/// Reads the layers. An error means that there is nothing to read.
fn read_layers(text: &str, environment: &Environment) -> Result<Read, Faults> {
    let layers = layers::merge(text, environment)?;
    let findings = Findings::new(layers.variables);
    findings.extend(layers.misnamed);
    let config = Config::read(Section::root(&layers.root, &findings));
    let (found, places) = findings.into_parts();
    let config = match config {
        Some(config) if found.faults.is_empty() => Ok(Config { warnings: found.warnings, ..config }),
        _ => Err(found),
    };
    Ok(Read { config, places })
}

impl Config {
    /// What the notices of its purposes lack. A start goes on, and holds the forms of those purposes; `tamis check` and a
    /// reload take it for a fault.
    pub fn untold(&self) -> Vec<Fault> {
        let is_untold = |warning: &&Fault| warning.code == FaultCode::NoticeIncomplete.into();
        self.warnings.iter().filter(is_untold).cloned().collect()
    }

    /// The purposes: a snapshot that may be held on to.
    pub fn policy(&self) -> Arc<Policy> {
        Arc::clone(&self.policy)
    }
}
