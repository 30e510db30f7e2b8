//! What one person is told, and the mail that is made of it.
//!
//! A text is made of blocks, of which there are two kinds. Both parts of the mail are made of the same ones, so that they say the
//! same; none of them is a picture, loads anything or counts who reads it, and two links look alike whatever they do.

use askama::Template;
use jiff::Timestamp;
use lettre::Address;
use lettre::address::Envelope;
use lettre::message::header::{ContentTransferEncoding, ContentType, HeaderName, HeaderValue};
use lettre::message::{Attachment, Body, Mailbox, MultiPart, SinglePart};

use crate::language::Language;
use crate::mail::failure::MailCode;
use crate::mail::mailbox::{Addressee, Link};
use crate::mail::settings::Settings;
use crate::random::{NoRandomness, Random};
use crate::secret::Wiped;

/// How wide plain text is set (RFC 3676, 4.2, of what is wrapped).
const COLUMNS: usize = 72;

/// What one person is told. No `Debug`: it may say anything of that person.
pub struct Message {
    /// Who.
    pub to: Addressee,
    /// In which language.
    pub language: Language,
    /// What it is about; nothing of the person, since lists of mails are seen by others.
    pub subject: String,
    /// What it says.
    pub blocks: Vec<Block>,
    /// Where one click ends such mails (RFC 8058): it is posted to, without a cookie and without a question.
    pub unsubscribe: Option<Link>,
    /// What goes with it.
    pub files: Vec<Attached>,
}

/// A file that goes with a mail. No `Debug`.
pub struct Attached {
    /// Its name: nothing of the person, since mailboxes list it.
    pub name: &'static str,
    /// What it is.
    pub kind: AttachedKind,
    /// What stands in it.
    pub text: Wiped<String>,
}

/// What an attached file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttachedKind {
    /// For programs.
    Json,
    /// To be read.
    Html,
}

/// A part of what is said.
pub enum Block {
    /// Sentences.
    Paragraph(String),
    /// A link, under what it does.
    Action {
        /// What it does.
        label: String,
        /// Where it leads.
        link: Link,
    },
}

/// What makes a mail this one: tried again with the same stamp, it is the same mail to whoever gets it twice.
#[derive(Clone, Copy)]
pub struct Stamp {
    /// When it was written.
    pub at: Timestamp,
    /// By what it is known from all others.
    pub number: [u8; 16],
}

impl Stamp {
    /// A new one.
    ///
    /// # Errors
    /// The system has no randomness to give.
    pub fn new(at: Timestamp, random: &dyn Random) -> Result<Self, NoRandomness> {
        let mut number = [0; 16];
        random.fill(&mut number)?;
        Ok(Self { at, number })
    }
}

/// A mail as it is sent. No `Debug`.
pub struct RawMail {
    pub(super) from: String,
    pub(super) to: Wiped<String>,
    pub(super) bytes: Wiped<Vec<u8>>,
}

crate::secret::never_shown!(Message, RawMail);

impl RawMail {
    /// Its bytes, headers first, lines ended by CR LF.
    pub fn expose(&self) -> &[u8] {
        &self.bytes
    }

    /// True if the address has letters that only some servers carry (RFC 6531): the rest is ASCII always.
    pub(super) fn needs_utf8(&self) -> bool {
        !self.to.is_ascii()
    }
}

#[derive(Template)]
#[template(path = "mail.html")]
struct Page<'m> {
    language: Language,
    subject: &'m str,
    blocks: &'m [Block],
}

impl Message {
    /// The mail: plain text and HTML of the same words, no header that says which program wrote it.
    ///
    /// # Errors
    /// `mail-not-written`: it cannot be written as a mail.
    pub fn written(&self, settings: &Settings, stamp: Stamp) -> Result<RawMail, MailCode> {
        let number = hex::encode(stamp.number);
        let to: Address = self.to.expose().parse().map_err(|_| MailCode::NotWritten)?;
        let from = settings.from.mailbox();
        let envelope = Envelope::new(Some(from.email.clone()), vec![to.clone()]);
        let date = stamp.at.try_into().map_err(|_| MailCode::NotWritten)?;
        let subject: String = self.subject.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        let page = Page { language: self.language, subject: &subject, blocks: &self.blocks };
        let html = page.render().map_err(|_| MailCode::NotWritten)?;
        let mut parts = MultiPart::alternative()
            .boundary(format!("=_{number}"))
            .singlepart(part(ContentType::TEXT_PLAIN, self.plain())?)
            .singlepart(part(ContentType::TEXT_HTML, html)?);
        if !self.files.is_empty() {
            let mixed = MultiPart::mixed().boundary(format!("=_{number}_files")).multipart(parts);
            let files = self.files.iter().map(Attached::part).collect::<Result<Vec<_>, _>>()?;
            parts = files.into_iter().fold(mixed, MultiPart::singlepart);
        }
        let mut mail = lettre::Message::builder()
            .envelope(envelope.map_err(|_| MailCode::NotWritten)?)
            .from(from)
            .to(Mailbox::new(None, to))
            .subject(subject)
            .date(date)
            .message_id(Some(format!("<{number}@{}>", settings.from.domain())));
        if let Some(reply_to) = &settings.reply_to {
            mail = mail.reply_to(reply_to.mailbox());
        }
        // An answering machine keeps silent (RFC 3834).
        mail = mail.raw_header(header("Auto-Submitted", "auto-generated"));
        mail = mail.raw_header(header("Content-Language", self.language.tag()));
        if let Some(link) = &self.unsubscribe {
            mail = mail.raw_header(header("List-Unsubscribe", &format!("<{}>", link.expose())));
            mail = mail.raw_header(header("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"));
        }
        let mail = mail.multipart(parts).map_err(|_| MailCode::NotWritten)?;
        Ok(RawMail {
            from: settings.from.address().to_owned(),
            to: Wiped::new(self.to.expose().to_owned()),
            bytes: Wiped::new(mail.formatted()),
        })
    }

    /// Paragraphs set in columns, broken at blanks alone: an address or a number is copied whole. A link on a line of its own, whole, so that it can be clicked or copied.
    fn plain(&self) -> String {
        let blocks = self.blocks.iter().map(|block| match block {
            Block::Paragraph(text) => set(text),
            Block::Action { label, link } => format!("{}\n{}", set(label), link.expose()),
        });
        let mut text = blocks.collect::<Vec<String>>().join("\n\n");
        text.push('\n');
        text
    }
}

impl Attached {
    fn part(&self) -> Result<SinglePart, MailCode> {
        let kind = match self.kind {
            AttachedKind::Json => ContentType::parse("application/json").map_err(|_| MailCode::NotWritten)?,
            AttachedKind::Html => ContentType::TEXT_HTML,
        };
        // In lines of 76 letters whatever is in it (RFC 2045, 6.8), and opened by nobody on the way.
        let body = Body::new_with_encoding(self.text.as_bytes().to_vec(), ContentTransferEncoding::Base64);
        let body = body.map_err(|_| MailCode::NotWritten)?;
        Ok(Attachment::new(self.name.to_owned()).body(body, kind))
    }
}

/// Of a header that is ASCII and shorter than a line: it is written as it is.
fn header(name: &'static str, value: &str) -> HeaderValue {
    let value = value.to_owned();
    HeaderValue::dangerous_new_pre_encoded(HeaderName::new_from_ascii_str(name), value.clone(), value)
}

/// Quoted-printable whatever it says: every server carries it, and a reader of the source can still read it.
fn part(kind: ContentType, text: String) -> Result<SinglePart, MailCode> {
    let body = Body::new_with_encoding(text, ContentTransferEncoding::QuotedPrintable);
    Ok(SinglePart::builder().header(kind).body(body.map_err(|_| MailCode::NotWritten)?))
}

/// Sentences in columns.
fn set(text: &str) -> String {
    let options = textwrap::Options::new(COLUMNS).word_splitter(textwrap::WordSplitter::NoHyphenation);
    textwrap::fill(text, options.break_words(false))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_address_and_no_number_is_broken() {
        let told = "Un reçu signé, que chacun peut vérifier, sera établi. Son numéro est 1234-17. Écrivez à vie-privee@lumen.example.";
        for begin in 0..COLUMNS {
            let text = set(&format!("{}{told}", "a ".repeat(begin)));
            assert!(text.contains("1234-17.") && text.contains("vie-privee@lumen.example"), "{text}");
        }
        let long = format!("https://lumen.example/{}", "a-".repeat(COLUMNS));
        assert_eq!(set(&format!("See {long}")), format!("See\n{long}"));
    }
}
