//! A receipt from all its sides: what stands in it, its signature, and what people read.

mod known;
mod making;
mod notes;
mod pages;
mod papers;
mod sample;
