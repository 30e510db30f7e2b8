//! The officer's papers: the record of processing activities (GDPR art. 30(1)), facts for an impact assessment (art. 35(7)) and
//! for the notification of a breach (art. 33(3)). Pure: no runtime, no network, no files, no clock.
//!
//! Made from what is enforced, as the notices are, so that they cannot differ; what tamis cannot know is left to be completed,
//! and said to be. No paper of the house names a person (docs/decisions, 220 to 222); the one that a person is handed about
//! their own data does (art. 15, docs/decisions, 233).
//!
//! | file | subject |
//! |---|---|
//! | `house` | what the papers are made from |
//! | `activity`, `own` | an activity in the columns of the record: a purpose; what tamis does by itself |
//! | `register`, `page/` | all of them, as CSV, JSON and a page |
//! | `dpia` | the facts for an assessment |
//! | `access/` | what a person is handed about their data |
//! | `breach`, `tally` | the facts of a breach, and their counting |
//! | `words/` | the texts, a table a language |
//! | `markdown` | headings, lists and tables of the two that are Markdown |

mod access;
mod activity;
mod breach;
mod codes;
mod dpia;
mod house;
mod markdown;
mod own;
mod page;
mod register;
mod tally;
mod words;

pub use access::{
    access_page, beside_title, consent_title, consent_title_gone, field_title, purpose_title, remaining,
};
pub use breach::Breach;
pub use dpia::{Volumes, dpia_facts};
pub use house::{House, Keeping, Warned};
pub use register::Register;
pub use tally::{Deed, Span, Tally};
