//! Checkpoints of the trail: how many lines it has, and the `mac` by which the next one would be chained to the last, signed.
//! Kept where nobody can write who can write the store, one shows later whether the trail is still the one of then; without
//! one, whoever holds the keys could write a trail of his own, and whoever writes the files could cut its end off. Pure.
//!
//! It is a signed note (<https://c2sp.org/signed-note>) whose text is a checkpoint (<https://c2sp.org/tlog-checkpoint>): the
//! origin, which is the key's name; the number of lines; their hash, in base64. One more line says when the last line was
//! written. The hash is that of a chain and not of a tree: nothing is proven by it but by whoever has the lines. The same
//! lines make the same note each time.

mod kept;
#[cfg(test)]
mod tests;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;

use crate::clock::Rfc3339;
use crate::forget::receipt::note::{KeyName, NoteFault, SigningKey, VerifierKey};
use crate::trail::Line;

pub use kept::{KEPT_BYTES_MAX, KEPT_MAX, Kept, NotKept, kept};

/// Before the moment in the last line of the text.
const WRITTEN: &str = "written ";

crate::codes! {
    /// Why something is not taken for a checkpoint.
    pub enum CheckpointFault {
        /// It is no signed note.
        Malformed = "checkpoint-malformed",
        /// No signature on it is by the key that was given.
        KeyUnknown = "checkpoint-key-unknown",
        /// Its signature does not hold.
        Forged = "checkpoint-forged",
        /// Its signature holds, and its text is no checkpoint that this version knows.
        Unreadable = "checkpoint-unreadable",
    }
}

crate::codes! {
    /// How a trail differs from the one that a checkpoint is of.
    pub enum Differs {
        /// It ends before the line that the checkpoint is of.
        CutShort = "trail-cut-short",
        /// That line is another one today.
        Rewritten = "trail-rewritten",
        /// That line is none of today's, and a line says that the store was put back from a backup behind it.
        PutBack = "trail-put-back",
        /// That line went before its time.
        ClosedEarly = "trail-closed-early",
    }
}

impl CheckpointFault {
    /// The same for whoever holds it in hand.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::Malformed => "it is no signed note: something is missing, or was added",
            Self::KeyUnknown => "it was not signed by this key",
            Self::Forged => "its signature does not hold: the text was changed, or somebody else signed it",
            Self::Unreadable => "its signature holds, but its text is no checkpoint that this version knows",
        }
    }
}

impl From<NoteFault> for CheckpointFault {
    fn from(fault: NoteFault) -> Self {
        match fault {
            NoteFault::Malformed => Self::Malformed,
            NoteFault::KeyUnknown => Self::KeyUnknown,
            NoteFault::Forged => Self::Forged,
        }
    }
}

/// Where the trail stood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    lines: u64,
    head: [u8; 32],
    written: Option<Timestamp>,
}

impl Checkpoint {
    /// Of a trail whose last line this is; none: it has none yet.
    pub fn of(last: Option<&Line>) -> Self {
        let Some(line) = last else { return Self { lines: 0, head: [0; 32], written: None } };
        // As it is written: whole seconds.
        let written = Timestamp::from_second(line.time.as_second()).unwrap_or(line.time);
        Self { lines: line.seq, head: line.mac, written: Some(written) }
    }

    /// The number of the last line: so many were written, whatever has gone since by its period.
    pub fn lines(&self) -> u64 {
        self.lines
    }

    /// When that line was written; none: there was no line.
    pub fn written(&self) -> Option<Timestamp> {
        self.written
    }

    /// Signs it. The key's name is the origin.
    ///
    /// # Errors
    /// [`CheckpointFault::Malformed`]: never for a checkpoint that was made of a line.
    pub fn sign(&self, key: &SigningKey) -> Result<String, CheckpointFault> {
        Ok(key.sign(&self.text(key.verifier().name()))?)
    }

    /// Opens a note that came back.
    ///
    /// # Errors
    /// See [`CheckpointFault`].
    pub fn open(note: &[u8], key: &VerifierKey) -> Result<Self, CheckpointFault> {
        let text = key.open(note)?;
        // Read only as it is written: whatever the key signs under another name, or as a receipt, is none.
        let read = Self::read(text).filter(|read| read.text(key.name()) == text);
        read.ok_or(CheckpointFault::Unreadable)
    }

    /// The same for a key of which only the name may be another: the instance's public address has changed since.
    ///
    /// # Errors
    /// See [`CheckpointFault`].
    pub fn open_by_any_name(note: &[u8], key: &VerifierKey) -> Result<Self, CheckpointFault> {
        let origin = note.split(|byte| *byte == b'\n').next().unwrap_or_default();
        let origin = std::str::from_utf8(origin).ok().and_then(KeyName::parse);
        Self::open(note, &origin.map_or_else(|| key.clone(), |origin| key.named(origin)))
    }

    fn text(&self, origin: &KeyName) -> String {
        let (origin, head) = (origin.as_str(), STANDARD.encode(self.head));
        let written = self.written.map(|at| format!("{WRITTEN}{}\n", Rfc3339(at))).unwrap_or_default();
        format!("{origin}\n{}\n{head}\n{written}", self.lines)
    }

    fn read(text: &str) -> Option<Self> {
        let mut parts = text.lines().skip(1);
        let (lines, head) = (parts.next()?.parse().ok()?, STANDARD.decode(parts.next()?).ok()?);
        let written = match parts.next() {
            None => None,
            Some(line) => Some(line.strip_prefix(WRITTEN)?.parse().ok()?),
        };
        let head = head.try_into().ok()?;
        // Of no lines there is no hash but the one before the first.
        let agrees = if lines == 0 { head == [0; 32] && written.is_none() } else { written.is_some() };
        agrees.then_some(Self { lines, head, written })
    }
}
