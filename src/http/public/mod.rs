//! What people are shown on the public listener.

mod allowance;
mod notice;

pub use notice::Notices;
pub(super) use notice::notice_routes;
