//! The receipt of tests/data/receipt/vectors.py.

use std::collections::BTreeMap;

use crate::clock::Day;
use crate::forget::receipt::note::{KeyName, SigningKey, VerifierKey};
use crate::forget::receipt::{
    AskedBy, ErasedRecords, Ground, Issuer, KeyStorage, Receipt, ReceiptNumber, Recipient, Remains, Version,
};
use crate::purpose::PurposeId;
use crate::purpose::law::RecipientRole;
use crate::secret::Key;

pub(super) fn day(text: &str) -> Day {
    Day::of(format!("{text}T00:00:00Z").parse().expect("a day"))
}

fn erased(purpose: &str, title: &[(&str, &str)], count: u64) -> ErasedRecords {
    let title: BTreeMap<_, _> =
        title.iter().map(|(tag, text)| ((*tag).to_owned(), (*text).to_owned())).collect();
    ErasedRecords { purpose: PurposeId::parse(purpose).expect("a name"), title, count }
}

/// One that has most of what there can be.
pub(super) fn full() -> Receipt {
    let recipient = |name: &str, country: &str, role| Recipient {
        name: name.to_owned(),
        country: country.to_owned(),
        role,
    };
    Receipt {
        version: Version::One,
        number: ReceiptNumber { epoch: 1, number: 17 },
        follows: None,
        asked: "2026-11-29T19:25:00Z".parse().expect("a moment"),
        done: "2026-11-29T19:25:01Z".parse().expect("a moment"),
        asked_by: AskedBy::Person,
        why: Ground::PersonRequest,
        controller: Issuer {
            name: "Atelier Lumen SARL".to_owned(),
            address: "12 rue des Lices, 49100 Angers".to_owned(),
            email: "vie-privee@lumen.example".to_owned(),
        },
        records: vec![
            erased(
                "devis",
                &[
                    ("fr", "Répondre à votre demande de devis"),
                    ("en", "Answer your request for a quote"),
                    ("de", "Ihre Angebotsanfrage beantworten"),
                ],
                2,
            ),
            erased("lettre", &[("fr", "Vous envoyer notre lettre d’information")], 1),
        ],
        references: 1,
        unread: Some(3),
        keyring_generation: 412,
        trail_line: 10_734,
        remains: Remains {
            key_backups_until: Some(day("2026-12-06")),
            tombstones_until: Some(day("2027-04-30")),
            day_keys_until: Some(day("2026-12-07")),
            trail_line_until: day("2027-11-30"),
            log_key_until: Some(day("2027-01-01")),
            suppression_until: None,
            meta_until: Some(day("2027-02-27")),
            sealed_bytes_until: None,
            evidence_until: None,
        },
        to_be_told: Some(vec![
            recipient("CRM Nuage SAS", "FR", RecipientRole::Processor),
            recipient("Partner & Söhne GmbH", "DE", RecipientRole::Controller),
        ]),
        exported_locally: Some(true),
        key_storage: KeyStorage::CopyOnWrite,
    }
}

/// The same of the version that is made now.
pub(super) fn dated() -> Receipt {
    let full = full();
    let remains = Remains { sealed_bytes_until: Some(Some(day("2026-12-30"))), ..full.remains };
    Receipt { version: Version::Three, remains, ..full }
}

/// One that has as little as there can be.
pub(super) fn bare() -> Receipt {
    let full = full();
    Receipt {
        number: ReceiptNumber { epoch: 2, number: 1 },
        follows: Some(full.number),
        asked_by: AskedBy::Authority,
        why: Ground::Error,
        records: Vec::new(),
        references: 0,
        unread: None,
        remains: Remains {
            key_backups_until: None,
            tombstones_until: None,
            day_keys_until: None,
            log_key_until: None,
            meta_until: None,
            suppression_until: Some(day("2029-11-29")),
            ..full.remains
        },
        to_be_told: Some(Vec::new()),
        exported_locally: Some(false),
        key_storage: KeyStorage::InPlace,
        ..full
    }
}

/// One that says that nothing was found.
pub(super) fn nothing() -> Receipt {
    let full = full();
    Receipt {
        version: Version::Two,
        number: ReceiptNumber { epoch: 1, number: 18 },
        records: Vec::new(),
        references: 0,
        unread: None,
        remains: Remains {
            key_backups_until: None,
            day_keys_until: None,
            log_key_until: None,
            meta_until: None,
            ..full.remains
        },
        to_be_told: None,
        exported_locally: None,
        ..full
    }
}

pub(super) fn signer(name: &str, seed: &str) -> SigningKey {
    let seed = hex::decode(seed).expect("hexadecimal");
    SigningKey::from_seed(KeyName::parse(name).expect("a name"), Key::from_slice(&seed).expect("32 bytes"))
}

pub(super) fn verifier(text: &str) -> VerifierKey {
    VerifierKey::parse(text).expect("a key")
}
