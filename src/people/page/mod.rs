//! What people are shown of themselves: one look, the notice's, for every page, without script, picture or font; forms that post to
//! the page itself. Nothing that it is made of knows a pass: no link names one, every address on it begins with a question mark.

mod came;
mod other;
mod own;

use askama::Template;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use crate::language::Language;
use crate::people::words::{Words, words};

pub use came::{Copying, Ended, choose, confirmed, copied, corrected, ended, no_yes, value_bad, withdrawn};
pub use other::{
    asked_for_links, asking_for_links, callback, failed, link_bad, link_full, lost, one_click, stopped,
};
pub use own::{Act, Reach, Shown, asking, asking_unseen, own, unseen};

const STYLE: &str = concat!(include_str!("../../notice/page/notice.css"), include_str!("sheet.css"));
/// The longest e-mail address (RFC 5321, 4.5.3.1.3), with room for what a mail program copies around it.
const ADDRESS_CHARS_MAX: usize = 320;
/// The longest value that one types into a field, in characters: longer than any name or address.
pub const VALUE_CHARS_MAX: usize = 500;

/// Who answers for the data.
pub struct House<'h> {
    /// Its name.
    pub name: &'h str,
    /// Its postal address.
    pub address: &'h str,
    /// Where people write about their data.
    pub email: &'h str,
}

impl House<'_> {
    fn mail(&self, text: &str, said: String) -> Way {
        Way { text: text.to_owned(), href: format!("mailto:{}", self.email), said }
    }
}

/// A page.
pub struct Sheet {
    /// In which language.
    pub language: Language,
    /// Who answers for the data.
    pub house: String,
    /// The document's title. It stands in tabs and histories: nothing personal.
    pub title: &'static str,
    /// The query of the same page, up to its language; none: the page cannot be asked for again.
    pub query: Option<&'static str>,
    /// Above the heading.
    pub kind: Option<&'static str>,
    /// The heading.
    pub heading: String,
    /// What was just done, or is to be known first.
    pub banner: Option<String>,
    /// The rest.
    pub parts: Vec<Part>,
}

/// A part of a page. Without a heading it stands alone.
#[derive(Default)]
pub struct Part {
    /// Its heading.
    pub heading: String,
    /// Shown as what counts most.
    pub is_summary: bool,
    /// What it says.
    pub blocks: Vec<Block>,
}

/// A paragraph, or what stands in the place of one. It may hold answers, masked.
pub enum Block {
    /// A paragraph.
    Text(String),
    /// Points.
    Points(Vec<String>),
    /// Labels, each with what is said of it.
    Facts(Vec<(String, Vec<String>)>),
    /// Ways on.
    Links(Vec<Way>),
    /// A paper, line by line.
    Paper(String),
    /// What can be done here.
    Form(Form),
    /// The one thing that a link of a mail's headers can have done (RFC 8058), by this button.
    OneClick(&'static str),
}

/// A link, and what it leads to.
pub struct Way {
    /// Its text.
    pub text: String,
    /// Where: a query of this page, a place of this site, a mail.
    pub href: String,
    /// What is said of it.
    pub said: String,
}

/// A form: posted to the page itself.
pub struct Form {
    /// What it does.
    pub act: &'static str,
    /// What shows that it was shown ([`crate::people::Pass::form_token`]); nothing: there is nothing of anybody behind it.
    pub token: String,
    /// The revision of the notice that the page shows, as hex; nothing: it shows none.
    pub notice: String,
    /// What is to be said.
    pub inputs: Vec<Input>,
    /// The button.
    pub button: &'static str,
    /// The way back; none: this is the page.
    pub back: Option<&'static str>,
}

/// Something to say.
pub enum Input {
    /// One of several, none of which is chosen before.
    Choice {
        /// What is asked.
        legend: &'static str,
        /// Its name in the form.
        name: &'static str,
        /// Values and their texts.
        options: Vec<(&'static str, String)>,
    },
    /// Any of several, none of which is ticked before.
    Boxes {
        /// What is asked.
        legend: &'static str,
        /// What their names in the form begin with.
        name: &'static str,
        /// Names and their texts.
        options: Vec<(String, String)>,
    },
    /// An e-mail address, under the name `email`.
    Mail {
        /// What it is.
        label: &'static str,
    },
    /// A text.
    Text {
        /// The field's name in the config.
        name: String,
        /// What people call it.
        label: String,
        /// What is held now, masked.
        now: String,
    },
}

#[derive(Template)]
#[template(path = "sheet.html")]
struct Page<'p> {
    style: &'static str,
    words: &'static Words,
    languages: [Language; 3],
    value_chars_max: usize,
    address_chars_max: usize,
    sheet: &'p Sheet,
}

impl Part {
    /// With a heading.
    pub fn new(heading: impl Into<String>, blocks: Vec<Block>) -> Self {
        Self { heading: heading.into(), is_summary: false, blocks }
    }

    fn class(&self) -> &'static str {
        if self.is_summary { "summary" } else { "part" }
    }
}

impl Sheet {
    /// The page's text.
    pub fn html(&self) -> String {
        let page = Page {
            style: STYLE,
            words: words(self.language),
            languages: Language::ALL,
            value_chars_max: VALUE_CHARS_MAX,
            address_chars_max: ADDRESS_CHARS_MAX,
            sheet: self,
        };
        // Writing texts into a text cannot fail.
        page.render().unwrap_or_default()
    }
}

/// The header `Content-Security-Policy` of these pages (CSP level 3): as the notice's, and forms go to the page's own site.
pub fn content_security_policy() -> String {
    let hash = STANDARD.encode(Sha256::digest(STYLE.as_bytes()));
    format!(
        "default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    )
}

#[cfg(test)]
mod tests;
