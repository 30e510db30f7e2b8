//! What is said once somebody has done something on their page: above it, or in its place where it is no more.

use jiff::Timestamp;

use crate::language::Language;
use crate::notice::naming::line;
use crate::people::page::{Act, Block, House, Part, Sheet};
use crate::people::words::words;

/// What is said of a choice that was not made.
pub fn choose(language: Language) -> String {
    words(language).choose.to_owned()
}

/// What is said of a value that is not taken; none: of no field that one knows.
pub fn value_bad(field: &str, language: Language) -> String {
    line(words(language).value_bad, &[("field", field)])
}

/// What came of asking for a copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Copying {
    /// It is on its way.
    Begun,
    /// One is already, or went within the last day.
    Already,
    /// None can be sent.
    Not,
}

/// What is said of that.
pub fn copied(came: Copying, language: Language) -> &'static str {
    let words = words(language);
    match came {
        Copying::Begun => words.copy_begun,
        Copying::Already => words.copy_already,
        Copying::Not => words.copy_not,
    }
}

/// What is said of a correction.
pub fn corrected(changed: bool, language: Language) -> &'static str {
    let words = words(language);
    if changed { words.corrected } else { words.same }
}

/// What is said of consents that were taken back.
pub fn withdrawn(language: Language) -> &'static str {
    words(language).withdrawn
}

/// What is said of a yes to boxes, or to the purpose alone; `changed` is false if it was said today already.
pub fn confirmed(changed: bool, is_to_boxes: bool, language: Language) -> &'static str {
    let words = words(language);
    match (changed, is_to_boxes) {
        (false, _) => words.confirmed_already,
        (true, true) => words.confirmed,
        (true, false) => words.confirmed_own,
    }
}

/// What is said where a yes cannot be taken.
pub fn no_yes(house: &House<'_>, language: Language) -> String {
    line(words(language).confirm_not, &[("email", house.email)])
}

/// What an act came to after which the page is no more.
pub struct Ended {
    /// Which.
    pub act: Act,
    /// The number of its last receipt.
    pub number: String,
    /// Each receipt, as a text.
    pub receipts: Vec<String>,
    /// Nothing was left to erase.
    pub is_empty: bool,
    /// How many forms are not read yet.
    pub unread: u64,
    /// Other addresses of the record were not looked for.
    pub are_others_left: bool,
    /// By when what could not be finished is; none: all of it is done.
    pub open_until: Option<Timestamp>,
}

/// The page of that. It cannot be asked for again.
pub fn ended(ended: &Ended, house: &House<'_>, language: Language) -> Sheet {
    let words = words(language);
    let mut blocks = Vec::new();
    // Who says no where nothing goes asked for that themselves: it stays.
    let stays = ended.is_empty && ended.act == Act::Stop;
    if ended.is_empty {
        let said = match ended.act {
            Act::Stop => words.stop_own,
            // What could be looked at is taken back; nothing rested on it alone.
            Act::Withdraw => words.withdrawn,
            _ => words.nothing_found,
        };
        blocks.push(Block::Text(said.to_owned()));
    }
    if let Some(until) = ended.open_until {
        let given = [("controller", house.name), ("date", &*language.day(until))];
        blocks.push(Block::Text(line(words.remaining_open, &given)));
    }
    if ended.are_others_left {
        blocks.push(Block::Text(line(words.others_left, &[("email", house.email)])));
    }
    if ended.unread > 0 {
        blocks.push(Block::Text(line(words.unread, &[("n", &ended.unread.to_string())])));
    }
    let mut parts = vec![Part::new("", blocks)];
    if !ended.receipts.is_empty() && !stays {
        let mut blocks = vec![Block::Text(line(words.receipt, &[("number", &ended.number)]))];
        blocks.extend(ended.receipts.iter().cloned().map(Block::Paper));
        parts.push(Part::new(words.receipt_heading, blocks));
    }
    let heading = match ended.act {
        Act::Stop => words.stopped_heading,
        Act::Withdraw if ended.is_empty => words.withdraw_heading,
        Act::Erase | Act::Correct | Act::Withdraw | Act::Confirm | Act::Copy => words.erased_heading,
    };
    parts.retain(|part| !part.blocks.is_empty());
    Sheet {
        language,
        house: house.name.to_owned(),
        title: words.page_title,
        query: None,
        kind: None,
        heading: heading.to_owned(),
        banner: None,
        parts,
    }
}
