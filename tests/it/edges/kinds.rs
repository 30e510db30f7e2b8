//! What is of nobody: types that hold text or bytes and nothing of whoever submits, and why. Whatever is not named here, and is made of
//! text or bytes in the end, could be an answer.

use super::syntax::{BYTES, Meaning};

/// By the places where they are defined.
pub const OF_NOBODY: [(&str, &str); 19] = [
    ("purpose::declared::PurposeId", "the config's name of a purpose"),
    ("purpose::whitelist::FieldName", "the config's name of a field"),
    ("purpose::consent::ConsentKey", "the config's name of a consent"),
    ("purpose::legal::TextHash", "the hash of a text that everybody reads"),
    ("purpose::form_check::history::FormLook", "what a form asks and says, held against the config"),
    ("store::error::StoreError", "a code, and what the system said"),
    (
        "store::erasures::Papers",
        "what the config said when somebody was erased, and who wanted it: person or authority",
    ),
    ("store::forms::DroppedField", "a question's name, and how often its answer was let fall"),
    ("store::forms::FormRevision", "the hash of a form's text, and since when"),
    ("store::forms::FormSnapshot", "what Meta says of a form"),
    ("store::forms::KnownForm", "what Meta says of a form"),
    ("store::notices::KeptNotice", "a notice, as everybody reads it"),
    ("store::feeds::FeedStanding", "the config's name of a recipient, and numbers"),
    ("store::feeds::Followed", "the config's name of a recipient, and moments"),
    ("store::handed::HandedTo", "the config's name of a recipient, and days"),
    ("store::outbox::MailedUnder", "an address of tamis' own pages"),
    ("store::outbox::MailAttempt", "a number that is drawn for a mail"),
    ("store::rewrites::KeptRemit", "the hash of what the config lets a purpose hold"),
    ("store::tokens::Token", "an account of those who operate tamis, and the hash of its secret"),
];

/// Types of other crates, and ids that a macro makes, that hold nothing by themselves. No text, no bytes, nothing that can be anything.
const PLAIN: [&str; 28] = [
    "Arc",
    "BTreeMap",
    "BTreeSet",
    "Box",
    "Duration",
    "ErrorKind",
    "FormId",
    "HashMap",
    "HashSet",
    "Instant",
    "Iterator",
    "Option",
    "PageId",
    "Result",
    "Send",
    "SignedDuration",
    "Sync",
    "Timestamp",
    "Vec",
    "bool",
    "f64",
    "i32",
    "i64",
    "u16",
    "u32",
    "u64",
    "u8",
    "usize",
];

/// Types of other crates in which an answer may lie.
const ANYTHING: [&str; 10] =
    ["String", "str", "char", BYTES, "Cow", "Bytes", "Value", "OsString", "Path", "PathBuf"];

/// True of what is named above.
pub fn is_of_nobody(place: &[String]) -> bool {
    let place = place.join("::");
    OF_NOBODY.iter().any(|(of_nobody, _)| *of_nobody == place)
}

/// True of a leaf in which nothing of anybody can lie.
pub fn is_plain(leaf: &Meaning) -> bool {
    match leaf {
        Meaning::Own(place) => is_of_nobody(place),
        Meaning::Foreign(name) => PLAIN.contains(&name.as_str()),
    }
}

/// True of a leaf that is text or bytes.
pub fn is_anything(leaf: &Meaning) -> bool {
    matches!(leaf, Meaning::Foreign(name) if ANYTHING.contains(&name.as_str()))
}
