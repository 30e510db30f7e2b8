//! Which spellings are one address, and which are not.

mod emails;
mod fingerprints;
mod given;
mod phones;
mod sought;

use crate::forget::address::Address;

fn text(address: Option<Address>) -> Option<String> {
    address.map(|address| address.text.to_string())
}
