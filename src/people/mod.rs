//! People who are held: when each of them is asked whether that still is right, and when they go who do not answer; and what they
//! are shown of themselves.
//!
//! | file | subject |
//! |---|---|
//! | `asking` | whose turn it is to be asked, or reminded; what is found of many |
//! | `agreed` | what they agreed to, what of it still holds, what a yes makes of it |
//! | `pass` | what a link to one of them carries |
//! | `mask` | answers as they are shown to whoever holds a link |
//! | `page/`, `words/` | the pages, and their texts in each language |
//!
//! Pure: what was said and done comes in, what is to be done or shown comes out. A yes is taken by `lead::confirmation`.
//! What a record carries (`reconfirm_due`, `expires_at`) ends it as if its person had been asked and had not answered, since no mail
//! sent is no reason to keep ([`crate::purpose::Lifespan`]).

mod agreed;
mod asking;
mod mask;
pub mod page;
mod pass;
mod words;

pub use agreed::{Agreed, confirmed, named};
pub use asking::{Tally, Turn, turn};
pub use mask::mask;
pub use pass::{Pass, PassKind};
