//! The seal of a parked reference: XChaCha20-Poly1305 under the key of the day on which it was sealed. The additional
//! data binds arrival and day, so that a reference moved to another row does not open.

use crate::clock::Day;
use crate::keyring::{Keyring, KeyringCode, KeyringError};
use crate::notification::LeadRef;
use crate::random::Random;
use crate::secret::Wiped;
use crate::secret::cipher::{self, NONCE_BYTES};
use crate::store::sled::rows::ParkedRow;
use crate::store::{StoreCode, StoreError};

/// Seals a reference; gives nonce and sealed bytes. The day's key is made, and synced, if it is not there.
///
/// # Errors
/// [`StoreCode::Keyring`].
pub(super) fn seal(
    keyring: &dyn Keyring,
    random: &dyn Random,
    reference: &LeadRef,
    arrival: u64,
    day: Day,
) -> Result<([u8; NONCE_BYTES], Vec<u8>), StoreError> {
    let key = match keyring.day_key(day) {
        Err(error) if error.code == KeyringCode::KeyAbsent => {
            keyring.make_days(&[day]).map_err(keyring_failed)?;
            keyring.day_key(day)
        }
        key => key,
    };
    let key = key.map_err(keyring_failed)?;
    let mut nonce = [0; NONCE_BYTES];
    random.fill(&mut nonce).map_err(|_| StoreError::of(StoreCode::Keyring))?;
    let mut plain = Wiped::new(Vec::with_capacity(LeadRef::ENCODED_MAX));
    reference.encode(&mut plain);
    let sealed = cipher::seal(&key, &nonce, &additional_data(arrival, day), &plain);
    Ok((nonce, sealed.map_err(|_| StoreError::of(StoreCode::Keyring))?))
}

/// Opens a reference.
///
/// # Errors
/// [`StoreCode::RecordUnreadable`].
pub(super) fn open(keyring: &dyn Keyring, arrival: u64, row: &ParkedRow) -> Result<LeadRef, StoreError> {
    let unreadable = StoreError::of(StoreCode::RecordUnreadable);
    let key = keyring.day_key(row.day()).map_err(|_| unreadable)?;
    let plain = cipher::open(&key, &row.nonce, &additional_data(arrival, row.day()), &row.sealed);
    let plain = plain.map_err(|_| unreadable)?;
    LeadRef::decode(&mut plain.as_slice()).ok_or(unreadable)
}

fn additional_data(arrival: u64, day: Day) -> Vec<u8> {
    [b"tamis/parked/1".as_slice(), &arrival.to_be_bytes(), &day.0.to_be_bytes()].concat()
}

/// A keyring's failure as the store's: a full disk will pass, anything else needs a human.
pub(super) fn keyring_failed(error: KeyringError) -> StoreError {
    match error.io {
        Some(std::io::ErrorKind::StorageFull) => {
            StoreError { code: StoreCode::DiskFull, io: Some(std::io::ErrorKind::StorageFull) }
        }
        io => StoreError { code: StoreCode::Keyring, io },
    }
}
