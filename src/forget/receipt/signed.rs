//! A receipt with its signature: as it is handed out, and as it comes back.

use serde::Serialize as _;

use crate::forget::receipt::content::Receipt;
use crate::forget::receipt::note::{NoteFault, SigningKey, VerifierKey};
use crate::forget::receipt::page::Page;
use crate::forget::receipt::{html, paper, text};
use crate::language::Language;
use crate::visible::Visibly;

crate::codes! {
    /// Why something is not taken for a receipt.
    pub enum ReceiptFault {
        /// There is no signed note in it, or more than one.
        Malformed = "receipt-malformed",
        /// No signature on it is by the key that was given.
        KeyUnknown = "receipt-key-unknown",
        /// Its signature does not hold.
        Forged = "receipt-forged",
        /// Its signature holds, and its text is no receipt that this version knows.
        Unreadable = "receipt-unreadable",
    }
}

impl ReceiptFault {
    /// The same for whoever holds it in hand.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::Malformed => {
                "there is no signed note in it, or more than one: give the file as it was handed out, whole, and each receipt alone"
            }
            Self::KeyUnknown => "it was not signed by this key",
            Self::Forged => {
                "its signature does not hold: what was signed was changed, or somebody else signed it"
            }
            Self::Unreadable => "its signature holds, but its text is no receipt that this version knows",
        }
    }
}

impl From<NoteFault> for ReceiptFault {
    fn from(fault: NoteFault) -> Self {
        match fault {
            NoteFault::Malformed => Self::Malformed,
            NoteFault::KeyUnknown => Self::KeyUnknown,
            NoteFault::Forged => Self::Forged,
        }
    }
}

/// A receipt whose signature holds.
pub struct Signed {
    receipt: Receipt,
    note: String,
    key: VerifierKey,
}

impl Receipt {
    /// Signs it. The same receipt is signed the same way each time, so that it can be given again after a crash.
    ///
    /// # Errors
    /// [`ReceiptFault::Malformed`]: it is longer than a note may be.
    pub fn sign(self, key: &SigningKey) -> Result<Signed, ReceiptFault> {
        let note = key.sign(&self.line()?)?;
        Ok(Signed { receipt: self, note, key: key.verifier() })
    }

    /// Its JSON on one line, with the line's end: what is signed. Whatever could not be seen is escaped.
    fn line(&self) -> Result<String, ReceiptFault> {
        let mut line = Vec::new();
        let written = self.serialize(&mut serde_json::Serializer::with_formatter(&mut line, Visibly));
        written.map_err(|_| ReceiptFault::Malformed)?;
        line.push(b'\n');
        String::from_utf8(line).map_err(|_| ReceiptFault::Malformed)
    }
}

impl Signed {
    /// Opens a note that came back.
    ///
    /// # Errors
    /// See [`ReceiptFault`].
    pub fn open(note: &[u8], key: &VerifierKey) -> Result<Self, ReceiptFault> {
        let line = key.open(note)?;
        let is_one = line.split_inclusive('\n').nth(1).is_none();
        let receipt =
            serde_json::from_str(line).ok().filter(|receipt: &Receipt| is_one && receipt.is_of_its_version());
        let receipt = receipt.ok_or(ReceiptFault::Unreadable)?;
        // The key has looked at it: it is UTF-8.
        let note = String::from_utf8(note.to_vec()).map_err(|_| ReceiptFault::Malformed)?;
        Ok(Self { receipt, note, key: key.clone() })
    }

    /// Opens the one note in a paper: the note alone, text or a page, whatever an editor or a mail made of the ends of its lines.
    /// Nothing else in the paper is looked at.
    ///
    /// # Errors
    /// See [`ReceiptFault`].
    pub fn in_paper(paper: &[u8], key: &VerifierKey) -> Result<Self, ReceiptFault> {
        let [whole, line] = paper::notes_in(paper).ok_or(ReceiptFault::Malformed)?;
        match Self::open(whole.as_bytes(), key) {
            // What stands before a receipt may be anything, and too long for a note.
            Err(ReceiptFault::Malformed | ReceiptFault::Forged) => Self::open(line.as_bytes(), key),
            opened => opened,
        }
    }

    /// What it says.
    pub fn receipt(&self) -> &Receipt {
        &self.receipt
    }

    /// The signed note, as it is kept and handed out.
    pub fn note(&self) -> &str {
        &self.note
    }

    /// Its text alone: the receipt as JSON on one line.
    pub fn json(&self) -> &str {
        self.note.split_inclusive('\n').next().unwrap_or_default()
    }

    /// For people, as plain text of at most 78 columns.
    pub fn text(&self, language: Language) -> String {
        text::of(&self.page(language))
    }

    /// The same with the signed note below it: all that a receipt is, in one text.
    pub fn sheet(&self, language: Language) -> String {
        text::whole(&self.page(language))
    }

    /// For people, as a page to read or print, which needs nothing from outside and carries the signed note.
    pub fn html(&self, language: Language) -> String {
        html::of(&self.page(language))
    }

    fn page(&self, language: Language) -> Page<'_> {
        Page::of(&self.receipt, &self.note, &self.key, language)
    }
}
