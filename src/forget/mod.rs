//! What goes, and what is said of it. Pure: the store and the keyring act, nothing here knows them.
//!
//! Receipts are given out by nobody yet: of them only `tamis receipt verify` exists
//! (docs/decisions/0178-what-a-receipt-says.md). Who objected is on a list of the store's, and is judged where a lead is settled
//! (0179-when-two-addresses-are-one.md, 0180-a-no-and-a-later-yes.md, 0193, 0194).
//! The daemon finds records by its addresses; of the rest only `tamis receipt verify` exists
//! (docs/decisions/0178-what-a-receipt-says.md, 0179-when-two-addresses-are-one.md,
//! 0180-a-no-and-a-later-yes.md).
//! The daemon makes [`receipt`]s of erasures; of the rest it uses nothing yet (docs/decisions/0178-what-a-receipt-says.md,
//! 0179-when-two-addresses-are-one.md, 0180-a-no-and-a-later-yes.md).

pub mod address;
pub mod receipt;
pub mod suppression;
