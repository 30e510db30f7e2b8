//! How a lead is named in the log: by a short keyed hash whose key is replaced every month, so that lines about one lead
//! can be put together for a while, and never traced back to Meta's id without the keyring.

use std::fmt;
use std::sync::Arc;

use crate::clock::{Clock, Month};
use crate::id::LeadgenId;
use crate::keyring::Keyring;
use crate::secret::Key;
use parking_lot::Mutex;

/// Ten hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct LeadName([u8; 5]);

impl fmt::Display for LeadName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Gives leads their names.
pub struct LeadNames {
    keyring: Arc<dyn Keyring>,
    clock: Arc<dyn Clock>,
    key: Mutex<Option<(Month, Key)>>,
}

impl LeadNames {
    /// Takes the month's key from the keyring.
    pub fn new(keyring: Arc<dyn Keyring>, clock: Arc<dyn Clock>) -> Self {
        Self { keyring, clock, key: Mutex::new(None) }
    }

    /// The lead's name this month. If the month's key cannot be had, all leads are named alike: better no name than a
    /// traceable one.
    pub fn of(&self, leadgen: &LeadgenId) -> LeadName {
        let month = Month::of(self.clock.now());
        let mut held = self.key.lock();
        if held.as_ref().is_none_or(|(of, _)| *of != month) {
            *held = self.keyring.log_key(month).ok().map(|key| (month, key));
        }
        let mut name = [0; 5];
        if let Some((_, key)) = held.as_ref() {
            let mac = key.hmac(&[leadgen.expose().as_bytes()]);
            name.copy_from_slice(&mac[..5]);
        }
        LeadName(name)
    }
}
