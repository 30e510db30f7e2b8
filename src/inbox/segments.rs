//! The segments as the room knows them: their files, what they are there for, how much of each is still open.

use std::sync::Arc;

use super::segment::SegmentFile;
use crate::clock::Day;

/// One segment, as the room sees it.
pub struct Segment {
    /// The file.
    pub file: Arc<SegmentFile>,
    /// Its use number: segments are written in the order of these.
    pub used: u64,
    /// What it is there for.
    pub state: SegmentState,
    /// How many references in it have no end yet.
    pub open: u64,
    /// The days whose keys seal its frames.
    pub days: Vec<Day>,
    /// Its open references are being written again elsewhere.
    pub rewriting: bool,
}

/// What a segment is there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SegmentState {
    /// Ready to be written.
    Spare,
    /// Being written.
    Active,
    /// Full or closed; recycled when nothing in it is open.
    Ended,
    /// The keeper is giving it a new use, or removing it.
    Recycling,
}

impl Segment {
    /// A segment in this state, with nothing open.
    pub fn new(file: Arc<SegmentFile>, used: u64, state: SegmentState) -> Self {
        Self { file, used, state, open: 0, days: Vec::new(), rewriting: false }
    }

    /// True if the keeper may give it a new use.
    pub fn is_finished(&self) -> bool {
        self.state == SegmentState::Ended && self.open == 0
    }
}

/// Adds a day that is not there yet.
pub fn note(days: &mut Vec<Day>, day: Day) {
    if !days.contains(&day) {
        days.push(day);
    }
}
