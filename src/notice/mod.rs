//! What people are told: the notice of a purpose, made from the very purpose, controller and recipients that are enforced
//! (GDPR arts. 12 to 14). Pure: no runtime, no network, no files, no clock.
//!
//! | file | subject |
//! |---|---|
//! | `facts` | what a notice is made from; what tamis can do today, which its words hang on |
//! | `parts/` | the sections, each with the articles that ask for it |
//! | `words/` | the texts, a table a language |
//! | `document` | a notice as paragraphs, lists and tables, in one language: what is kept of a revision |
//! | `edition` | a revision: the notice in all languages, its hash, what changed since the one before |
//! | `naming` | what fields, countries and periods are called, for other papers |
//! | `book` | all notices of a running tamis, and which was in force when |
//! | `page/`, `markdown`, `short` | the notice as a page, as text, and as the few sentences that fit into Meta's form |

mod book;
mod countries;
mod document;
mod edition;
mod facts;
mod markdown;
pub mod naming;
mod page;
mod parts;
mod saying;
mod short;
mod words;

pub use book::{Book, Shelf, Volume};
pub use document::{Block, Inline, Notice, Row, Section, SectionKey};
pub use edition::Edition;
pub use facts::{Abilities, Facts};
pub use markdown::markdown;
pub use page::{Frame, content_security_policy, missing, page};
pub use short::{SHORT_CHARS_ADVISED, short};
