//! For the fuzzer: this room's private readers of outside bytes. Nothing else uses them.

use zeroize::Zeroizing;

use crate::keyring::format;
use crate::secret::Key;

/// Opens a keyring's file; what it says if it does not.
pub fn file(bytes: &[u8], root: &Key) -> String {
    match format::open(Zeroizing::new(bytes.to_vec()), root) {
        Ok(content) => format!("{} keys of days", content.days.len()),
        Err(error) => error.to_string(),
    }
}

/// Reads what would be inside, behind the seal.
pub fn inside(plain: &[u8]) -> bool {
    format::decode(plain).is_some()
}
