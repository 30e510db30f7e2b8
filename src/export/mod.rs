//! An export on the operator's side: the files that grow, what says where they stand, and how pages are joined to one file.

mod growing;
mod join;
mod left_out;
mod part;
mod place;
mod state;

pub use growing::Growing;
pub use join::{Format, Join};
pub use left_out::LeftOut;
pub use part::{ExportCommand, Part, Reached};
pub use state::StateFile;
