//! A line of the trail: an entry with its number, its time and its place in the chain.

use jiff::Timestamp;

use crate::purpose::{PurposeId, RecordId};
use crate::secret::Key;
use crate::trail::entry::{Action, Entry, Outcome};
use crate::trail::operator::{Actor, Reason, Role};

/// A line as it is kept: `mac` covers everything before it and the `mac` of the line before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// From 1, without gaps.
    pub seq: u64,
    /// When it was written.
    pub time: Timestamp,
    /// What was done.
    pub entry: Entry,
    /// HMAC-SHA256 under the trail key over the previous line's and this line's content.
    pub mac: [u8; 32],
}

/// A line that does not read or does not chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("trail line {seq} does not read or does not follow the line before it")]
pub struct LineError {
    /// The number it should have had.
    pub seq: u64,
}

/// Makes the line that follows `previous` (the `mac` of the line before; zeros before the first).
pub fn chain(key: &Key, previous: &[u8; 32], seq: u64, time: Timestamp, entry: Entry) -> Line {
    let mac = key.hmac(&[previous, &body(seq, time, &entry)]);
    Line { seq, time, entry, mac }
}

impl Line {
    /// The bytes that the store keeps: the body, then the mac.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = body(self.seq, self.time, &self.entry);
        out.extend_from_slice(&self.mac);
        out
    }

    /// Reads what [`Line::encode`] wrote; does not check the chain.
    ///
    /// # Errors
    /// The bytes are no line with this number.
    pub fn decode(seq: u64, bytes: &[u8]) -> Result<Self, LineError> {
        let broken = LineError { seq };
        let (body, mac) = bytes.split_last_chunk::<32>().ok_or(broken)?;
        let wire: Wire<'_> = postcard::from_bytes(body).map_err(|_| broken)?;
        let line = wire.line(*mac).ok_or(broken)?;
        if line.seq == seq { Ok(line) } else { Err(broken) }
    }

    /// Checks that this line follows a line with this `mac`.
    ///
    /// # Errors
    /// It does not.
    pub fn follows(&self, key: &Key, previous: &[u8; 32]) -> Result<(), LineError> {
        let expected = key.hmac(&[previous, &body(self.seq, self.time, &self.entry)]);
        if expected == self.mac { Ok(()) } else { Err(LineError { seq: self.seq }) }
    }
}

/// Codes are kept as text: a later list of codes still reads old lines.
#[derive(serde::Serialize, serde::Deserialize)]
struct Wire<'l> {
    seq: u64,
    time_ms: i64,
    actor: String,
    role: &'l str,
    recipient: Option<&'l str>,
    action: &'l str,
    purpose: Option<&'l str>,
    count: u64,
    from: Option<String>,
    to: Option<String>,
    reason: Option<&'l str>,
    result: &'l str,
}

fn body(seq: u64, time: Timestamp, entry: &Entry) -> Vec<u8> {
    let wire = Wire {
        seq,
        time_ms: time.as_millisecond(),
        actor: entry.actor.to_string(),
        role: entry.role.as_str(),
        recipient: entry.recipient.as_deref(),
        action: entry.action.as_str(),
        purpose: entry.purpose.as_ref().map(PurposeId::as_str),
        count: entry.count,
        from: entry.from.as_ref().map(ToString::to_string),
        to: entry.to.as_ref().map(ToString::to_string),
        reason: entry.reason.map(Reason::as_str),
        result: entry.result.as_str(),
    };
    #[expect(clippy::expect_used, reason = "writing numbers and strings into a growing vector cannot fail")]
    postcard::to_stdvec(&wire).expect("a vector grows")
}

impl Wire<'_> {
    fn line(self, mac: [u8; 32]) -> Option<Line> {
        let record = |text: Option<String>| match text {
            None => Some(None),
            Some(text) => RecordId::parse(&text).map(Some),
        };
        let entry = Entry {
            actor: Actor::parse(&self.actor)?,
            role: Role::from_code(self.role)?,
            recipient: self.recipient.map(str::to_owned),
            action: Action::from_code(self.action)?,
            purpose: match self.purpose {
                None => None,
                Some(purpose) => Some(PurposeId::parse(purpose)?),
            },
            count: self.count,
            from: record(self.from)?,
            to: record(self.to)?,
            reason: match self.reason {
                None => None,
                Some(reason) => Some(Reason::from_code(reason)?),
            },
            result: Outcome::from_code(self.result)?,
        };
        Some(Line { seq: self.seq, time: Timestamp::from_millisecond(self.time_ms).ok()?, entry, mac })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_reads_back_and_a_change_breaks_the_chain() {
        let key = Key::new([7; 32]);
        let time = Timestamp::from_second(1_764_000_000).expect("in range");
        let mut entry = Entry::by_system(Action::Stored);
        entry.purpose = PurposeId::parse("devis");
        entry.from = RecordId::parse("devis-1-1");
        entry.count = 3;
        let first = chain(&key, &[0; 32], 1, time, entry.clone());
        let second = chain(&key, &first.mac, 2, time, entry);
        let read = Line::decode(2, &second.encode()).expect("a line");
        assert_eq!(read, second);
        assert_eq!(read.follows(&key, &first.mac), Ok(()));
        assert_eq!(read.follows(&key, &[0; 32]), Err(LineError { seq: 2 }));
        let mut changed = second;
        changed.entry.count = 4;
        assert_eq!(changed.follows(&key, &first.mac), Err(LineError { seq: 2 }));
    }
}
