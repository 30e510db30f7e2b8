//! How a mail is written and handed to the operator's mail server, one at a time; and to which mailbox mails about a record go.
//!
//! A [`Message`] says what one person is told; [`Message::written`] makes the mail of it, in plain text and in HTML of the same
//! words. A [`Session`] hands it to the server by SMTP, and says of a refusal what is to come of it ([`Course`]) in numbers and codes: what a
//! server writes beside them may quote the address, and is read past (docs/decisions/0243-smtp-by-our-own-hand.md).
//!
//! An [`OwnMailbox`] is the one that mails about a record go to, for whoever writes them and for whoever shows a person what is theirs.

mod failure;
mod letters;
mod mailbox;
mod message;
mod own_mailbox;
mod pace;
mod settings;
mod smtp;
mod trial;

pub use failure::{Course, MailCode, MailError, Status};
pub use letters::{Copied, Erasing, House, Letter, LinkOf, Linked, asked, copied, erasing, linked, welcome};
pub use mailbox::{Addressee, Link, Sender};
pub use message::{Attached, AttachedKind, Block, Message, RawMail, Stamp};
pub use own_mailbox::{OwnMailbox, goes_to};
pub use pace::Pace;
pub use settings::{Encryption, Login, Patience, Settings};
#[doc(hidden)]
pub use smtp::door;
pub use smtp::{Accepted, Session};
pub use trial::trial;
