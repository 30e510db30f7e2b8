//! What receipts of erasure are written with: the config that is in force, what the keys lie on, and the key that signs them, and
//! checkpoints of the trail under a name of its own.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use crate::config::Config;
use crate::forget::receipt::note::{KeyName, SigningKey};
use crate::forget::receipt::{Issuer, KeyStorage, OfPurpose, Recipient, Safeguard, Stationery};
use crate::http::admin::Receipts;
use crate::keyring::Keyring;
use crate::machine::filesystem::Overwriting;
use crate::purpose::{Purpose, law};
use crate::store::{CheckpointKey, Checkpoints, SharedStore};

/// What stands for the public address where that makes no name.
const NAMELESS: &str = "tamis";

impl Config {
    /// As the file has it.
    ///
    /// # Panics
    /// Never: the name that is taken at last is one.
    pub(super) fn stationery(&self) -> Stationery {
        let law::Controller { name, address, email, .. } = &self.controller;
        let controller = Issuer { name: name.clone(), address: address.clone(), email: email.clone() };
        let policy = self.policy();
        let purposes = policy.purposes().iter().map(|purpose| {
            let of = OfPurpose { title: titles(purpose) };
            (purpose.id.clone(), of)
        });
        Stationery {
            public_url: self.public.url.clone(),
            key_name: self.key_name("receipts"),
            controller,
            key_backups_days: self.backup.horizon_days,
            trail_months: self.trail.retention_months,
            evidence_months: self.evidence.months(),
            vacuum_days: self.store.vacuum_days,
            key_storage: key_storage(&self.keys.keyring),
            recipients: self.recipients.iter().map(recipient).collect(),
            safeguards: self.recipients.iter().filter_map(safeguard).collect(),
            purposes: purposes.collect(),
            has_ledger: self.backup.ledger.is_some(),
        }
    }

    /// What the key is called that signs checkpoints of the trail.
    pub(super) fn trail_name(&self) -> KeyName {
        self.key_name("trail")
    }

    /// The public address without its scheme, as names of keys are written, and what is signed.
    fn key_name(&self, signed: &str) -> KeyName {
        let url = &self.public.url;
        let address = url.split_once("://").map_or(url.as_str(), |(_, address)| address);
        #[expect(clippy::expect_used, reason = "this one is a name")]
        KeyName::parse(&format!("{address}/{signed}"))
            .unwrap_or_else(|| KeyName::parse(&format!("{NAMELESS}/{signed}")).expect("a name"))
    }
}

fn recipient(declared: &law::Recipient) -> (String, Recipient) {
    let law::Recipient { id, name, country, role, .. } = declared;
    (id.clone(), Recipient { name: name.clone(), country: country.clone(), role: *role })
}

/// Of a recipient outside of the EEA.
fn safeguard(declared: &law::Recipient) -> Option<(String, Safeguard)> {
    let law::Recipient { id, country, transfer_basis, doc_url, .. } = declared;
    let basis = transfer_basis.filter(|_| !law::is_in_eea(country))?;
    Some((id.clone(), Safeguard { basis, document: doc_url.clone() }))
}

fn titles(purpose: &Purpose) -> BTreeMap<String, String> {
    purpose.title.iter().cloned().collect()
}

fn key_storage(keyring: &Path) -> KeyStorage {
    match Overwriting::at(keyring) {
        Ok(Overwriting::InPlace) => KeyStorage::InPlace,
        Ok(Overwriting::CopyOnWrite) => KeyStorage::CopyOnWrite,
        Ok(Overwriting::Overlay) => KeyStorage::Overlay,
        Ok(Overwriting::Network) => KeyStorage::Network,
        Ok(Overwriting::Unknown) | Err(_) => KeyStorage::Unknown,
    }
}

/// What the admin side makes receipts with.
pub(super) fn receipts(
    stationery: Arc<crate::current::Current<Stationery>>,
    keyring: Arc<dyn Keyring>,
) -> Receipts {
    Receipts { stationery, key: Box::new(move |name| signing(&*keyring, name)) }
}

/// What checkpoints of this trail are made with.
pub(super) fn checkpoints(
    store: SharedStore,
    name: Arc<crate::current::Current<KeyName>>,
    keyring: Arc<dyn Keyring>,
) -> Checkpoints {
    let key: CheckpointKey = Box::new(move || signing(&*keyring, (*name.pin()).clone()));
    Checkpoints::new(store, key)
}

fn signing(keyring: &dyn Keyring, name: KeyName) -> Option<SigningKey> {
    let seed = keyring.receipt_seed();
    let seed = seed.inspect_err(|error| {
        tracing::error!(code = %error.code, io.kind = ?error.io, "receipt.no-key");
    });
    Some(SigningKey::from_seed(name, seed.ok()?))
}

/// Makes the key that signs receipts, so that no reading makes one. Where the keyring cannot be changed now, the first receipt does.
pub(super) async fn make_key(keyring: &Arc<dyn Keyring>) {
    let keyring = Arc::clone(keyring);
    let made = tokio::task::spawn_blocking(move || keyring.receipt_seed().map(drop)).await;
    if let Ok(Err(error)) = made {
        tracing::warn!(code = %error.code, io.kind = ?error.io, "receipt.no-key");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::parse;
    use crate::secret::location::Environment;
    use crate::store::PAPERS_BYTES_MAX;

    fn config(change: impl Fn(String) -> String) -> Config {
        let text = change(include_str!("../../config/tamis.example.toml").to_owned());
        parse(&text, &Environment::default()).unwrap_or_else(|faults| panic!("{faults}"))
    }

    #[test]
    fn receipts_say_what_the_file_says() {
        let stationery = config(|text| text).stationery();
        assert_eq!(stationery.key_name.as_str(), "leads.lumen.example/receipts");
        assert_eq!(config(|text| text).trail_name().as_str(), "leads.lumen.example/trail");
        assert_eq!(stationery.controller.email, "vie-privee@lumen.example");
        assert_eq!((stationery.key_backups_days, stationery.trail_months), (7, 12));
        let names: Vec<&str> = stationery.purposes.keys().map(|purpose| purpose.as_str()).collect();
        assert_eq!(names, ["devis", "lettre"]);
        let of: Vec<&OfPurpose> = stationery.purposes.values().collect();
        assert_eq!(of[0].title["de"], "Ihre Angebotsanfrage beantworten");
        assert_eq!(stationery.recipients["crm"].name, "Exemple CRM SAS");
    }

    /// As many recipients as the largest config has room for, with the names that take the most to be written down.
    #[test]
    fn what_the_largest_config_says_fits_beside_an_erasure() {
        let config = config(|mut text| {
            let name = "\"".repeat(500);
            for number in 0.. {
                let more = format!(
                    "\n[[recipients]]\nid = \"r{number}\"\nrole = \"processor\"\ncountry = \"FR\"\nname = '{name}'\n"
                );
                if (text.len() + more.len()) as u64 > crate::config::CONFIG_BYTES_MAX {
                    return text;
                }
                text.push_str(&more);
            }
            text
        });
        let stationery = config.stationery();
        assert!(stationery.recipients.len() > 1_500, "{}", stationery.recipients.len());
        let of_purposes = stationery.of_purposes();
        let bytes = stationery.of_all().len() + of_purposes.values().map(Vec::len).sum::<usize>();
        assert!((1 << 20..PAPERS_BYTES_MAX).contains(&bytes), "{bytes}");
    }

    #[test]
    fn an_address_that_makes_no_name_has_a_name_all_the_same() {
        let long = format!("https://leads.lumen.example/{}", "a".repeat(250));
        let config = config(|text| text.replace("https://leads.lumen.example\"", &format!("{long}\"")));
        assert_eq!(config.stationery().key_name.as_str(), "tamis/receipts");
        assert_eq!(config.trail_name().as_str(), "tamis/trail");
    }
}
