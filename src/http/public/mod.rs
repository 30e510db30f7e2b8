//! What people are shown on the public listener, and what they can have done there.

mod allowance;
mod meta;
mod notice;
mod person;
mod reader;
mod sheet;

pub(super) use meta::meta_routes;
pub use meta::{Callbacks, MetaCallbacks};
pub use notice::Notices;
pub(super) use notice::notice_routes;
pub use person::Persons;
pub(super) use person::person_routes;
