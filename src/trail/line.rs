//! A line of the trail: an entry with its number, its time and its place in the chain.
//!
//! Kept are a zero, the version, the body, the `mac`. The `mac` stands over these bytes as they are kept, so that a line
//! is verified by whoever has the key, also one that this version cannot read. Lines of the first kind (commit 5a9719d and before) have neither zero nor
//! version: they begin with their number, which is never zero, and their `mac` stands over the body alone.

use jiff::Timestamp;

use crate::purpose::{FieldName, PurposeId, RecordId};
use crate::secret::Key;
use crate::trail::entry::{Action, Entry, Outcome};
use crate::trail::operator::{Actor, Reason, Role};

/// Before the version: no line of the first kind begins so.
const VERSIONED: u8 = 0;
/// The version of a line that names no field.
const VERSION: u8 = 2;
/// Of one that does: they stand behind all else.
const WITH_FIELDS: u8 = 3;
/// Of one that names an erasure: epoch and number stand behind all else.
const WITH_ERASURE: u8 = 4;
/// The latest that there is.
const LATEST: u8 = WITH_ERASURE;

/// A line that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// From 1, without gaps.
    pub seq: u64,
    /// When it was written.
    pub time: Timestamp,
    /// What was done.
    pub entry: Entry,
    /// HMAC-SHA256 under the trail key over the previous line's `mac` and this line's bytes.
    pub mac: [u8; 32],
}

/// Why a line is not one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LineError {
    /// The bytes are no line with this number, or it does not follow the line before it.
    #[error("trail line {0} is no line, or does not follow the line before it")]
    Broken(u64),
    /// A later version wrote it.
    #[error("trail line {0} is of a later version")]
    Later(u64),
}

/// A line's bytes, as they are kept.
#[derive(Clone, Copy)]
pub struct KeptLine<'b> {
    signed: &'b [u8],
    mac: [u8; 32],
}

/// Makes the line that follows `previous` (the `mac` of the line before; zeros before the first), and its bytes.
pub fn chain(key: &Key, previous: &[u8; 32], seq: u64, time: Timestamp, entry: Entry) -> (Line, Vec<u8>) {
    let mut bytes = signed(seq, time, &entry);
    let mac = key.hmac(&[previous, &bytes]);
    bytes.extend_from_slice(&mac);
    (Line { seq, time, entry, mac }, bytes)
}

impl<'b> KeptLine<'b> {
    /// The parts of a line's bytes; none: too few.
    pub fn new(bytes: &'b [u8]) -> Option<Self> {
        let (signed, mac) = bytes.split_last_chunk::<32>()?;
        Some(Self { signed, mac: *mac })
    }

    /// The line's `mac`, by which the next one is chained to it.
    pub fn mac(&self) -> [u8; 32] {
        self.mac
    }

    /// True if it says which version wrote it.
    pub fn is_versioned(&self) -> bool {
        self.signed.first() == Some(&VERSIONED)
    }

    /// True if it follows a line with this `mac`. What it says need not be readable.
    pub fn follows(&self, key: &Key, previous: &[u8; 32]) -> bool {
        key.hmac(&[previous, self.signed]) == self.mac
    }

    /// Reads it; does not check the chain.
    ///
    /// # Errors
    /// See [`LineError`].
    pub fn read(&self, seq: u64) -> Result<Line, LineError> {
        let (version, body) = match self.signed {
            [VERSIONED, version @ VERSION..=LATEST, body @ ..] => (*version, body),
            [VERSIONED, version, ..] if *version > LATEST => return Err(LineError::Later(seq)),
            [VERSIONED, ..] => return Err(LineError::Broken(seq)),
            body => (VERSION, body),
        };
        let read = || {
            let (wire, rest): (Wire<'_>, _) = postcard::take_from_bytes(body).ok()?;
            let mut line = wire.line(self.mac)?;
            match version {
                WITH_FIELDS => line.entry.fields = fields(rest)?,
                WITH_ERASURE => line.entry.erasure = Some(postcard::from_bytes(rest).ok()?),
                _ => {}
            }
            (line.seq == seq).then_some(line)
        };
        read().ok_or(LineError::Broken(seq))
    }
}

fn fields(bytes: &[u8]) -> Option<Vec<FieldName>> {
    let names: Vec<&str> = postcard::from_bytes(bytes).ok()?;
    names.into_iter().map(FieldName::parse).collect()
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

fn signed(seq: u64, time: Timestamp, entry: &Entry) -> Vec<u8> {
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
    // The end of an erasure is tamis' own act, which changes no field.
    if let Some(erasure) = &entry.erasure {
        return written(erasure, written(&wire, vec![VERSIONED, WITH_ERASURE]));
    }
    let version = if entry.fields.is_empty() { VERSION } else { WITH_FIELDS };
    let line = written(&wire, vec![VERSIONED, version]);
    if entry.fields.is_empty() {
        return line;
    }
    let names: Vec<&str> = entry.fields.iter().map(FieldName::as_str).collect();
    written(&names, line)
}

fn written(value: &impl serde::Serialize, bytes: Vec<u8>) -> Vec<u8> {
    #[expect(clippy::expect_used, reason = "writing numbers and strings into a growing vector cannot fail")]
    postcard::to_extend(value, bytes).expect("a vector grows")
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
            fields: Vec::new(),
            erasure: None,
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
    use crate::trail::operator::Operator;

    fn key() -> Key {
        Key::new([7; 32])
    }

    fn time() -> Timestamp {
        Timestamp::from_second(1_764_000_000).expect("in range")
    }

    fn field(name: &str) -> FieldName {
        FieldName::parse(name).expect("a name")
    }

    fn entry() -> Entry {
        let mut entry = Entry::by_system(Action::Stored);
        entry.purpose = PurposeId::parse("devis");
        entry.from = RecordId::parse("devis-1-1");
        entry.count = 3;
        entry
    }

    #[test]
    fn a_line_reads_back_and_a_change_breaks_the_chain() {
        let (first, _) = chain(&key(), &[0; 32], 1, time(), entry());
        let (second, bytes) = chain(&key(), &first.mac, 2, time(), entry());
        let kept = KeptLine::new(&bytes).expect("a line");
        assert_eq!(kept.read(2), Ok(second));
        assert_eq!(kept.read(3), Err(LineError::Broken(3)));
        let (_, third) = chain(&key(), &kept.mac(), 3, time(), entry());
        let third = KeptLine::new(&third).expect("a line");
        assert!(third.follows(&key(), &kept.mac()) && !third.follows(&key(), &first.mac));
        assert_eq!(third.read(3).map(|line| line.mac), Ok(third.mac()));
        assert!(third.mac() != kept.mac() && kept.mac() != first.mac);
        assert!(kept.is_versioned() && kept.follows(&key(), &first.mac));
        assert!(!kept.follows(&key(), &[0; 32]) && !kept.follows(&Key::new([8; 32]), &first.mac));
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            let kept = KeptLine::new(&changed).expect("as long as before");
            assert!(!kept.follows(&key(), &first.mac), "byte {at}");
        }
    }

    /// As the build of 5a9719d wrote it: the body alone, and the mac over it.
    #[test]
    fn a_line_without_a_version_reads_and_chains_by_its_old_rule() {
        let (line, bytes) = chain(&key(), &[0; 32], 1, time(), entry());
        let body = &bytes[2..bytes.len() - 32];
        let mac = key().hmac(&[&[0; 32], body]);
        let old = [body, &mac].concat();
        let kept = KeptLine::new(&old).expect("a line");
        assert!(!kept.is_versioned() && kept.follows(&key(), &[0; 32]));
        assert_eq!(kept.read(1), Ok(Line { mac, ..line }));
        // With the head of a later one in front it is neither.
        let dressed = [&[VERSIONED, VERSION], old.as_slice()].concat();
        assert!(!KeptLine::new(&dressed).expect("a line").follows(&key(), &[0; 32]));
    }

    /// Whoever asks the trail years later gets what was written, to the last field.
    #[test]
    fn all_that_an_entry_says_is_in_its_line_and_lines_differ_in_all_of_it() {
        let operator = |recipient: Option<&str>, reason| {
            let recipient = recipient.map(str::to_owned);
            Operator::recognised_by_token("t7".to_owned(), Role::Exporter, Vec::new(), recipient, reason)
        };
        let full = || {
            let mut entry = Entry::by(&operator(Some("crm"), Some(Reason::CrmSync)), Action::Exported);
            entry.purpose = PurposeId::parse("devis");
            (entry.count, entry.result) = (u64::MAX, Outcome::Refused);
            (entry.from, entry.to) = (RecordId::parse("devis-1-2"), RecordId::parse("devis-1-9"));
            entry
        };
        let local = Operator::recognised_by_kernel(1_000);
        let entries = [
            full(),
            Entry::by(&operator(None, Some(Reason::CrmSync)), Action::Exported),
            Entry::by(&operator(Some("crm"), None), Action::Exported),
            Entry::by(&local, Action::Exported),
            Entry::by_system(Action::ClockConfirmed),
            Entry { purpose: None, ..full() },
            Entry { count: 0, ..full() },
            Entry { from: None, ..full() },
            Entry { to: None, ..full() },
            Entry { result: Outcome::Done, ..full() },
            Entry { fields: vec![field("email"), field("city")], ..full() },
            Entry { fields: vec![field("email")], ..full() },
            Entry { erasure: Some((1, 7)), ..full() },
            Entry { erasure: Some((1, 8)), ..full() },
        ];
        let mut seen = Vec::new();
        for (entry, seq) in entries.into_iter().zip(1..) {
            let (line, bytes) = chain(&key(), &[0; 32], seq, time(), entry.clone());
            assert_eq!((line.seq, line.time, &line.entry), (seq, time(), &entry));
            let read = KeptLine::new(&bytes).expect("a line").read(seq);
            assert_eq!(read, Ok(line));
            let (_, at_the_same_place) = chain(&key(), &[0; 32], 1, time(), entry);
            assert!(!seen.contains(&at_the_same_place), "{read:?} lies there like another");
            seen.push(at_the_same_place);
        }
    }

    #[test]
    fn a_line_with_a_word_that_no_list_has_is_broken() {
        let wire = |change: fn(&mut Wire<'_>)| {
            let mut wire = Wire {
                seq: 1,
                time_ms: 1_764_000_000_000,
                actor: "local:0".to_owned(),
                role: "local",
                recipient: None,
                action: "exported",
                purpose: Some("devis"),
                count: 1,
                from: Some("devis-1-1".to_owned()),
                to: None,
                reason: Some("audit"),
                result: "done",
            };
            change(&mut wire);
            let mut bytes = postcard::to_extend(&wire, vec![VERSIONED, VERSION]).expect("a vector grows");
            bytes.extend_from_slice(&[0; 32]);
            KeptLine::new(&bytes).expect("a line").read(1).map(drop)
        };
        assert_eq!(wire(|_| {}), Ok(()), "the control");
        let broken: [fn(&mut Wire<'_>); 9] = [
            |wire| wire.actor = "root".to_owned(),
            |wire| wire.role = "god",
            |wire| wire.action = "exporte",
            |wire| wire.purpose = Some("Devis"),
            |wire| wire.from = Some("devis".to_owned()),
            |wire| wire.to = Some("devis-1-01".to_owned()),
            |wire| wire.reason = Some(""),
            |wire| wire.result = "",
            |wire| wire.time_ms = i64::MAX,
        ];
        for (at, change) in broken.into_iter().enumerate() {
            assert_eq!(wire(change), Err(LineError::Broken(1)), "{at}");
        }
    }

    #[test]
    fn a_name_that_is_no_field_s_breaks_its_line() {
        let (_, bytes) =
            chain(&key(), &[0; 32], 1, time(), Entry { fields: vec![field("email")], ..entry() });
        let of = |bytes: &[u8]| KeptLine::new(bytes).expect("a line").read(1).map(|line| line.entry.fields);
        assert_eq!(of(&bytes), Ok(vec![field("email")]));
        let at = bytes.windows(5).position(|part| part == b"email").expect("it is named");
        let mut other = bytes.clone();
        other[at] = b'E';
        assert_eq!(of(&other), Err(LineError::Broken(1)));
    }

    #[test]
    fn a_version_that_never_was_is_broken_and_not_later() {
        for version in 0..VERSION {
            let bytes = [&[VERSIONED, version][..], &[7; 40]].concat();
            assert_eq!(
                KeptLine::new(&bytes).expect("a line").read(5),
                Err(LineError::Broken(5)),
                "{version}"
            );
        }
        for later in [LATEST + 1, u8::MAX] {
            let bytes = [&[VERSIONED, later][..], &[7; 40]].concat();
            assert_eq!(KeptLine::new(&bytes).expect("a line").read(5), Err(LineError::Later(5)), "{later}");
        }
    }

    #[test]
    fn a_line_of_a_later_version_is_verified_and_said_to_be_one() {
        let signed = [VERSIONED, LATEST + 1, 1, 2, 3];
        let mac = key().hmac(&[&[0; 32], &signed]);
        let bytes = [signed.as_slice(), &mac].concat();
        let kept = KeptLine::new(&bytes).expect("a line");
        assert!(kept.follows(&key(), &[0; 32]));
        assert_eq!(kept.read(1), Err(LineError::Later(1)));
        assert!(KeptLine::new(&bytes[..31]).is_none());
    }
}
