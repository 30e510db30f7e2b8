//! For the fuzzer: this room's private readers of outside bytes. Nothing else uses them.

use crate::graph::failure::refusal;
use crate::graph::pace::{Pace, Usage};
use crate::graph::{PageId, form};
use crate::id::FormId;

/// Classifies a reply of this status. Gives back what is logged of it.
pub fn reply(status: u16, body: &[u8]) -> Option<String> {
    refusal(status, body).map(|refusal| format!("{refusal:?} {:?}", refusal.failure()))
}

/// Reads a form's definition; how many questions it has.
pub fn definition(form: &FormId, body: &[u8]) -> Option<usize> {
    form::read(form, body).map(|definition| definition.questions.len())
}

/// Reads usage headers and takes two turns after them. What they are taken to say.
pub fn usage(app: Option<&str>, business: Option<&str>, now: jiff::Timestamp) -> String {
    let usage = Usage::read(app, business);
    let pace = Pace::default();
    let said = format!("{:?} {:?}", usage.stops(), usage.after_refusal());
    if let Some(page) = PageId::parse("1") {
        pace.note(&page, &usage);
        for _ in 0..2 {
            let _ = pace.take_turn(&page, now);
        }
        let _ = pace.far_turn(&page, now);
    }
    said
}
