//! The engine against its promises. What other engines must pass too will move beside the traits.

mod clock;
mod closing;
mod damage;
mod disk;
mod exporting;
mod killing;
mod parking;
mod scanning;
mod settling;
mod starting;
mod support;
mod tellings;
