//! People who are held: when each of them is asked whether that still is right, and when they go who do not answer.
//!
//! A link that they are sent carries a [`Pass`].
//!
//! Pure: what was said and done comes in, what is to be done comes out. A yes is taken by it (`lead::confirmation`). What a record
//! carries (`reconfirm_due`, `expires_at`) ends it as if its person had been asked and had not answered, since no mail sent is no
//! reason to keep ([`crate::purpose::Lifespan`]).

mod asking;
mod calendar;
mod pass;

pub use asking::{Tally, Turn, turn};
pub use calendar::{Agreed, Bar, Calendar, End, Person, Step};
pub use pass::{Pass, PassKind};
