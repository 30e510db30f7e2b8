//! The ledger of what was forgotten: a file, meant for another disk, in which each erasure, each end of consents that left its
//! record, and each change of the list of who objected and of what nobody may use is one sealed line, synced before whoever asked is
//! answered. A restore replays it.
//!
//! | part | what |
//! |---|---|
//! | a line | hex: a nonce of 24 bytes, then what it says under XChaCha20-Poly1305, and its tag |
//! | its key | follows from the trail's, which every keyring of the instance has, also one from a backup |
//! | what it says | postcard of [`Line`]: numbers of records, keyed hashes, codes, names that the config has |
//! | behind that | postcard of its number, [`Numbered`], among all lines of its epoch |
//!
//! Kinds of lines are added at the end of [`Said`], and none is ever changed: a ledger of before is read as ever, and an earlier
//! tamis that meets a kind it does not know says that a line cannot be read. What stands behind a line earlier ones do not look at,
//! and what they wrote has nothing there.
//!
//! tamis writes at its end alone and never makes the file: where a disk is not mounted, none must come to be in its place.

mod disk;
mod taken_back;

use std::fs::File;
use std::io::{self, BufRead, BufReader, ErrorKind, Read};
use std::os::unix::fs::FileExt;
use std::path::Path;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::keyring::Keyring;
use crate::machine::own::{Access, Directory};
use crate::purpose::{PurposeId, RecordId};
use crate::random::Random;
use crate::secret::Key;
use crate::secret::cipher::{self, NONCE_BYTES};
use crate::store::ErasureId;
use crate::store::sled::engine::Changes;
use crate::store::sled::layout::Place;
use crate::trail::Reason;

pub(super) use disk::LedgerDisk;
pub(super) use taken_back::TakenBack;

/// A line of 256 submissions with records in many purposes is shorter by far.
const LINE_BYTES_MAX: u64 = 4 * 1024 * 1024;
const BOUND: &[u8] = b"tamis/ledger/1";

/// What stands in one line.
#[derive(Serialize, Deserialize)]
pub(super) struct Line {
    pub(super) at_ms: i64,
    pub(super) said: Said,
    /// Its number; none: an earlier tamis wrote it.
    #[serde(skip)]
    pub(super) number: Option<Numbered>,
}

/// What is to be done again.
#[derive(Serialize, Deserialize)]
pub(super) enum Said {
    Erased(Forgotten),
    /// Rows of the list of who objected, as they were written; none: it was removed.
    Objections(Rows),
    /// Rows of what is held against addresses that were erased, the same way.
    Vigils(Rows),
    /// Consents that ended, of a record that stayed.
    TakenBack(TakenBack),
    /// Rows of what nobody may use, the same way.
    Restrictions(Rows),
}

/// Rows as they were written; none: it was removed.
pub(super) type Rows = Vec<(Vec<u8>, Option<Vec<u8>>)>;

/// Epoch and number of a line, among all or among those of its kind: one that is missing shows.
pub(super) type Numbered = (u32, u64);

/// A record as a line names it; none: that is no name of a purpose.
fn record((name, epoch, number): &(String, u32, u64)) -> Option<RecordId> {
    Some(RecordId { purpose: PurposeId::parse(name)?, epoch: *epoch, number: *number })
}

/// An erasure, by all that names what it took, or what it met that was not read before.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Forgotten {
    /// Epoch and number of the erasure; none: a submission that an erasure awaited, whose own is noted when all are read.
    id: Option<(u32, u64)>,
    reason: Option<String>,
    purposes: Vec<String>,
    /// Keys in `seen`.
    pub(super) seen: Vec<[u8; 32]>,
    records: Vec<(String, u32, u64)>,
}

impl Forgotten {
    /// For keeping.
    pub(super) fn of(
        id: ErasureId,
        reason: Option<Reason>,
        purposes: &[PurposeId],
        seen: Vec<[u8; 32]>,
        records: &[RecordId],
    ) -> Self {
        let name = |purpose: &PurposeId| purpose.as_str().to_owned();
        Self {
            id: Some((id.epoch, id.number)),
            reason: reason.map(|reason| reason.as_str().to_owned()),
            purposes: purposes.iter().map(name).collect(),
            seen,
            records: records.iter().map(|id| (name(&id.purpose), id.epoch, id.number)).collect(),
        }
    }

    /// The same of a submission that was awaited.
    pub(super) fn awaited(reason: Option<Reason>, purposes: &[PurposeId], seen: [u8; 32]) -> Self {
        let none = ErasureId { epoch: 0, number: 0 };
        Self { id: None, ..Self::of(none, reason, purposes, vec![seen], &[]) }
    }

    /// The erasure's number, if it is one.
    pub(super) fn id(&self) -> Option<ErasureId> {
        self.id.map(|(epoch, number)| ErasureId { epoch, number })
    }

    /// Why it was asked for; a reason of a later version counts as the person's own.
    pub(super) fn reason(&self) -> Option<Reason> {
        let known = |code: &String| Reason::from_code(code).unwrap_or(Reason::PersonRequest);
        self.reason.as_ref().map(known)
    }

    /// For which purposes; none named: for all.
    pub(super) fn purposes(&self) -> Vec<PurposeId> {
        self.purposes.iter().filter_map(|name| PurposeId::parse(name)).collect()
    }

    /// Which records went, or would have.
    pub(super) fn records(&self) -> Vec<RecordId> {
        self.records.iter().filter_map(record).collect()
    }
}

/// What a transaction forgets, as the ledger says it, the first line under this number: nothing, if it forgets nothing.
pub(super) fn lines_of(
    changes: &Changes,
    said: Vec<Said>,
    at: Timestamp,
    (epoch, first): Numbered,
) -> Vec<Line> {
    let at_ms = at.as_millisecond();
    let rows_of = |place: &Place| -> Option<Rows> {
        let rows = changes.0.get(place).filter(|rows| !rows.is_empty())?;
        Some(rows.iter().map(|(key, value)| (key.clone(), value.clone())).collect())
    };
    let objections = rows_of(&Place::Suppressions).map(Said::Objections);
    let vigils = rows_of(&Place::Vigils).map(Said::Vigils);
    let restrictions = rows_of(&Place::Restrictions).map(Said::Restrictions);
    let said = said.into_iter().chain(objections).chain(vigils).chain(restrictions);
    said.zip(first..).map(|(said, number)| Line { at_ms, said, number: Some((epoch, number)) }).collect()
}

/// Lines as they stand in the file.
///
/// # Errors
/// There is no randomness.
pub(super) fn text(keyring: &dyn Keyring, random: &dyn Random, lines: &[Line]) -> io::Result<String> {
    let (key, bound) = (key(keyring), bound(keyring));
    let mut text = String::new();
    for line in lines {
        text.push_str(&sealed(&key, &bound, random, line).ok_or(ErrorKind::Other)?);
        text.push('\n');
    }
    Ok(text)
}

/// Adds lines at the end; they are durable when this returns.
///
/// # Errors
/// [`ErrorKind::NotFound`]: it is not there. Otherwise what the system says.
pub(super) fn append(path: &Path, text: &str) -> io::Result<()> {
    let file = open(path)?;
    let end = file.metadata()?.len();
    let mut last = [b'\n'];
    if let Some(at) = end.checked_sub(1) {
        file.read_exact_at(&mut last, at)?;
    }
    // A line that a crash cut short: nobody was answered for it.
    let ended = if last == [b'\n'] { "" } else { "\n" };
    file.write_all_at([ended, text].concat().as_bytes(), end)?;
    file.sync_all()
}

/// Looks whether it could be written.
///
/// # Errors
/// As [`append`].
pub(super) fn look(path: &Path) -> io::Result<()> {
    open(path).map(drop)
}

fn open(path: &Path) -> io::Result<File> {
    let (directory, name) = Directory::own_of(path)?;
    directory.open_own(name, Access::Write)
}

fn key(keyring: &dyn Keyring) -> Key {
    Key::new(keyring.trail_key().hmac(&[BOUND]))
}

fn bound(keyring: &dyn Keyring) -> Vec<u8> {
    [BOUND, &keyring.instance().0].concat()
}

fn sealed(key: &Key, bound: &[u8], random: &dyn Random, line: &Line) -> Option<String> {
    let mut nonce = [0; NONCE_BYTES];
    random.fill(&mut nonce).ok()?;
    let mut plain = postcard::to_allocvec(line).ok()?;
    if let Some(number) = &line.number {
        plain.extend(postcard::to_allocvec(number).ok()?);
    }
    let sealed = cipher::seal(key, &nonce, bound, &plain).ok()?;
    Some(hex::encode([nonce.as_slice(), &sealed].concat()))
}

/// The lines of a ledger, in their order; none within: one that cannot be read.
pub(super) struct Lines {
    from: BufReader<File>,
    key: Key,
    bound: Vec<u8>,
    since_ms: i64,
}

impl Lines {
    /// Those of this instance that were written at this moment or later.
    ///
    /// # Errors
    /// What the system says.
    pub(super) fn since(path: &Path, keyring: &dyn Keyring, since: Timestamp) -> io::Result<Self> {
        let from = BufReader::new(File::open(path)?);
        Ok(Self { from, key: key(keyring), bound: bound(keyring), since_ms: since.as_millisecond() })
    }

    fn read(&self, text: &[u8]) -> Option<Line> {
        let bytes = hex::decode(text).ok()?;
        let (nonce, sealed) = bytes.split_first_chunk::<NONCE_BYTES>()?;
        let plain = cipher::open(&self.key, nonce, &self.bound, sealed).ok()?;
        read(&plain)
    }
}

fn read(plain: &[u8]) -> Option<Line> {
    let (mut line, behind) = postcard::take_from_bytes::<Line>(plain).ok()?;
    if !behind.is_empty() {
        line.number = Some(postcard::from_bytes(behind).ok()?);
    }
    Some(line)
}

impl Iterator for Lines {
    type Item = io::Result<Option<Line>>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let mut text = Vec::new();
            match self.from.by_ref().take(LINE_BYTES_MAX).read_until(b'\n', &mut text) {
                Err(error) => return Some(Err(error)),
                Ok(0) => return None,
                Ok(_) => {}
            }
            let line = text.trim_ascii();
            if line.is_empty() {
                continue;
            }
            match self.read(line) {
                Some(line) if line.at_ms < self.since_ms => {}
                line => return Some(Ok(line)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keyring::memory::MemoryKeyring;
    use crate::random::SeededRandom;
    use crate::store::contract::support::{record, start};

    fn line(number: u64) -> Line {
        let id = ErasureId { epoch: 1, number };
        let forgotten =
            Forgotten::of(id, Some(Reason::Objection), &[], vec![[7; 32]], &[record("devis-1-2")]);
        let at_ms = start().as_millisecond() + number as i64;
        Line { at_ms, said: Said::Erased(forgotten), number: Some((1, number)) }
    }

    fn add(path: &Path, keyring: &dyn Keyring, random: &dyn Random, lines: &[Line]) -> io::Result<()> {
        append(path, &text(keyring, random, lines)?)
    }

    fn numbers(path: &Path, keyring: &dyn Keyring, since: Timestamp) -> Vec<Option<u64>> {
        let read = Lines::since(path, keyring, since).expect("opens");
        let number = |line: Line| match line.said {
            Said::Erased(forgotten) => forgotten.id().map_or(0, |id| id.number),
            Said::Objections(_) | Said::Vigils(_) | Said::TakenBack(_) | Said::Restrictions(_) => 0,
        };
        read.map(|line| line.expect("readable").map(number)).collect()
    }

    #[test]
    fn lines_are_read_by_whoever_has_the_keyring_and_by_nobody_else() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("ledger");
        let (keyring, random) = (MemoryKeyring::of_instance(7), SeededRandom::new(1));
        let absent = add(&path, &*keyring, &random, &[line(1)]).expect_err("it is not made");
        assert_eq!(absent.kind(), ErrorKind::NotFound);
        Directory::own(directory.path()).expect("ours").create_new("ledger").expect("made");
        add(&path, &*keyring, &random, &[line(1), line(2)]).expect("written");
        add(&path, &*keyring, &random, &[line(3)]).expect("written");
        assert_eq!(numbers(&path, &*keyring, start()), [Some(1), Some(2), Some(3)]);
        let later = Timestamp::from_millisecond(start().as_millisecond() + 2).expect("a moment");
        assert_eq!(numbers(&path, &*keyring, later), [Some(2), Some(3)]);
        let other = MemoryKeyring::of_instance(8);
        assert_eq!(numbers(&path, &*other, start()), [None, None, None]);
        let bytes = std::fs::read(&path).expect("there");
        assert!(!bytes.windows(5).any(|part| part == b"devis"));
    }

    /// As the first tamis that had a ledger wrote it.
    #[test]
    fn a_ledger_of_before_is_read_as_ever_and_a_kind_that_is_not_known_is_a_line_that_cannot_be_read() {
        #[derive(Serialize)]
        struct LineOfBefore(i64, SaidOfBefore);
        #[derive(Serialize)]
        enum SaidOfBefore {
            Erased(Forgotten),
            Objections(Rows),
            Vigils(Rows),
        }
        let rows = || vec![(vec![1, 2], Some(vec![3])), (vec![4], None)];
        let Said::Erased(forgotten) = line(7).said else { panic!("an erasure") };
        let read = |said: SaidOfBefore| {
            let bytes = postcard::to_allocvec(&LineOfBefore(9, said)).expect("grows");
            let line = read(&bytes).expect("read");
            assert_eq!((line.at_ms, line.number), (9, None));
            line.said
        };
        let Said::Erased(again) = read(SaidOfBefore::Erased(forgotten)) else { panic!("an erasure") };
        assert_eq!(again.id().map(|id| id.number), Some(7));
        assert_eq!(again.records(), [crate::store::contract::support::record("devis-1-2")]);
        assert!(matches!(read(SaidOfBefore::Objections(rows())), Said::Objections(read) if read == rows()));
        assert!(matches!(read(SaidOfBefore::Vigils(rows())), Said::Vigils(read) if read == rows()));
        // A moment, and the number of a kind that is to come.
        assert!(super::read(&[18, 5, 0]).is_none());
    }

    /// The number stands behind what it reads.
    #[test]
    fn an_earlier_tamis_reads_a_line_that_has_a_number() {
        #[derive(Deserialize)]
        struct LineOfBefore(i64, Said);
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("ledger");
        let (keyring, random) = (MemoryKeyring::of_instance(7), SeededRandom::new(1));
        Directory::own(directory.path()).expect("ours").create_new("ledger").expect("made");
        add(&path, &*keyring, &random, &[line(300), Line { number: None, ..line(4) }]).expect("written");
        let lines: Vec<_> = Lines::since(&path, &*keyring, start()).expect("opens").collect();
        let numbers = lines.iter().map(|line| line.as_ref().expect("read").as_ref().expect("ours").number);
        assert_eq!(numbers.collect::<Vec<_>>(), [Some((1, 300)), None]);
        let mut plain = postcard::to_allocvec(&line(300)).expect("grows");
        plain.extend(postcard::to_allocvec(&(1_u32, 300_u64)).expect("grows"));
        assert_eq!(super::read(&plain).expect("read").number, Some((1, 300)));
        let before: LineOfBefore = postcard::from_bytes(&plain).expect("read");
        assert!(before.0 == line(300).at_ms && matches!(before.1, Said::Erased(_)));
        // Half a number is none.
        assert!(super::read(&plain[..plain.len() - 1]).is_none());
    }

    #[test]
    fn a_line_that_a_crash_cut_short_spoils_no_other() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("ledger");
        let (keyring, random) = (MemoryKeyring::of_instance(7), SeededRandom::new(1));
        Directory::own(directory.path()).expect("ours").create_new("ledger").expect("made");
        add(&path, &*keyring, &random, &[line(1), line(2)]).expect("written");
        let whole = std::fs::metadata(&path).expect("there").len();
        let file = File::options().write(true).open(&path).expect("opens");
        file.set_len(whole - 30).expect("cut");
        add(&path, &*keyring, &random, &[line(3)]).expect("written");
        assert_eq!(numbers(&path, &*keyring, start()), [Some(1), None, Some(3)]);
    }
}
