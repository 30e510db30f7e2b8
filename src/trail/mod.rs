//! Who did what to which record, when, why. Chained; no lead's data. Pure.

mod entry;
mod line;
mod operator;

pub use entry::{Action, Entry, Outcome};
pub use line::{KeptLine, Line, LineError, chain};
pub use operator::{Actor, Operator, Reason, Role};
