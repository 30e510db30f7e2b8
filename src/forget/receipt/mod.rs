//! The receipt of an erasure: what was done, when, and what is left until when, signed, and in words for whoever asked.
//!
//! [`Receipt`] is its content, made of what became of an erasure ([`Receipt::of`]) and of what was written down when it was asked
//! for ([`Stationery`]). It travels as a signed note ([`note`]) whose text is the content as JSON on one line
//! ([`Receipt::sign`], [`Signed::open`]); it is never changed afterwards. [`Signed::text`] and [`Signed::html`] say the same
//! in the three languages of pages, both from one source, and [`Signed::in_paper`] finds it in either again. docs/receipt-verify.py
//! verifies it and shares nothing with this.

mod content;
mod html;
mod making;
pub mod note;
mod page;
mod paper;
mod signed;
mod text;
mod wire;
mod words;

#[cfg(test)]
mod tests;

pub use content::{
    AskedBy, ErasedRecords, Ground, Issuer, KeyStorage, Receipt, ReceiptNumber, Recipient, Remains, Version,
};
pub use making::{Became, ByAddress, OfPurpose, Safeguard, Stationery, Unmade};
pub use paper::{PAPER_BYTES_MAX, tidied};
pub use signed::{ReceiptFault, Signed};
