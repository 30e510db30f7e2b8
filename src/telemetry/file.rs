//! The log's file: one a day in UTC, kept for so many days, and never a reason to stop.
//!
//! `tamis.log` is written; at the first line, or the first look, of a new day it becomes `tamis-2026-11-25.log` (the day
//! of its lines). Files of that pattern in its directory go when they are older than the retention, no others, and by a clock that
//! somebody has confirmed: lines have the machine's time, which may be wrong.

use std::fs::{File, Metadata, Permissions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crate::clock::{ConfirmedDay, Day};
use crate::machine::disk::{directory_of, private_dir};
use crate::machine::own::{Access, Directory};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::telemetry::log::{LogOutlet, Mishap, NotWritten};

/// After a line that could not be written the next ones are not tried for so long: on a disk that is all but full a
/// short line fits where a long one does not, and that is not worth two lines each.
const REST_MS: i64 = 2_000;
/// So many entries of the directory are looked at in one pruning.
const ENTRIES_MAX: usize = 10_000;
/// So many files of one day there may be: more than one only if the clock went back over midnight.
const FILES_OF_A_DAY_MAX: u32 = 20;

/// A log file with its past.
pub struct LogFile {
    path: PathBuf,
    retention_days: u32,
    /// By which it is judged what is older.
    confirmed: ConfirmedDay,
    open: Option<Open>,
    pruned: Option<Day>,
    /// When a line could last not be written, and why.
    failed: Option<(i64, ErrorKind)>,
    mishap: Option<Mishap>,
}

struct Open {
    file: File,
    /// The day of its lines.
    day: Day,
    /// Its length after the last whole line.
    bytes: u64,
}

impl LogFile {
    /// The file at this path; its predecessors are kept for so many days before the one that is told here. Opens nothing yet.
    pub fn at(path: &Path, retention_days: u32, confirmed: ConfirmedDay) -> Self {
        let (open, pruned, failed, mishap) = (None, None, None, None);
        Self { path: path.to_owned(), retention_days, confirmed, open, pruned, failed, mishap }
    }

    /// Appends lines of one moment's day. All of them are there, or none.
    fn append_at(&mut self, now: Timestamp, lines: &str) -> Result<(), ErrorKind> {
        let now_ms = now.as_millisecond();
        if let Some((failed_ms, kind)) = self.failed
            && (0..REST_MS).contains(&(now_ms - failed_ms))
        {
            return Err(kind);
        }
        let appended = self.append(Day::of(now), lines).map_err(|error| error.kind());
        self.failed = appended.err().map(|kind| (now_ms, kind));
        appended
    }

    fn append(&mut self, today: Day, lines: &str) -> io::Result<()> {
        let open = self.ready(today)?;
        let written = open.file.write_all(lines.as_bytes());
        match &written {
            Ok(()) => open.bytes = open.bytes.saturating_add(lines.len() as u64),
            // Half a line would spoil the next one.
            Err(_) => open.file.set_len(open.bytes).unwrap_or(()),
        }
        written
    }

    /// The file for today's lines. A clock set back stays with the file of the later day.
    fn ready(&mut self, today: Day) -> io::Result<&mut Open> {
        let open = match self.open.take() {
            Some(open) if open.day >= today => open,
            before => self.open_for(today, before.map(|open| open.day))?,
        };
        let confirmed = self.confirmed.told();
        if let Some(day) = confirmed.filter(|_| self.pruned != confirmed) {
            self.pruned = confirmed;
            self.prune(day);
        }
        Ok(self.open.insert(open))
    }

    /// `before`: the day of the lines that are there, if they were written from here; otherwise the file's time tells.
    fn open_for(&mut self, today: Day, before: Option<Day>) -> io::Result<Open> {
        private_dir(directory_of(&self.path))?;
        if let Some(day) = self.day_of_lines(today, before)
            && let Err(error) = self.put_away(day)
        {
            // Tried again tomorrow, not at each line.
            self.mishap = Some(Mishap::NotRotated(error.kind()));
        }
        let (directory, name) = Directory::own_of(&self.path)?;
        let file = directory.open_or_create(name, Access::Append)?;
        let found = file.metadata()?;
        // It may have been there before, with wider rights.
        file.set_permissions(Permissions::from_mode(0o600))?;
        let later = day_of(&found).filter(|day| found.len() > 0 && *day > today);
        Ok(Open { file, day: later.unwrap_or(today), bytes: found.len() })
    }

    /// The day of the last line, if there is one and it was before today.
    fn day_of_lines(&self, today: Day, before: Option<Day>) -> Option<Day> {
        let found = std::fs::symlink_metadata(&self.path).ok().filter(Metadata::is_file)?;
        before.or_else(|| day_of(&found)).filter(|day| found.len() > 0 && *day < today)
    }

    /// Gives the file the name of its day, or of its day with a number, never that of a file that is there.
    fn put_away(&self, day: Day) -> io::Result<()> {
        let (directory, name) = Directory::own_of(&self.path)?;
        for number in 1..=FILES_OF_A_DAY_MAX {
            match directory.rename_new(&name, self.name_of(day, number)) {
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                renamed => return renamed,
            }
        }
        Err(ErrorKind::AlreadyExists.into())
    }

    fn name_of(&self, day: Day, number: u32) -> String {
        let (stem, ending) = self.stem_and_ending();
        match number {
            1 => format!("{stem}{}{ending}", date_of(day)),
            more => format!("{stem}{}.{more}{ending}", date_of(day)),
        }
    }

    /// `tamis-` and `.log` of `tamis.log`.
    fn stem_and_ending(&self) -> (String, String) {
        let text = |part: Option<&std::ffi::OsStr>| part.map(|part| part.to_string_lossy().into_owned());
        let stem = text(self.path.file_stem()).unwrap_or_default();
        let ending = text(self.path.extension()).map(|ending| format!(".{ending}")).unwrap_or_default();
        (format!("{stem}-"), ending)
    }

    fn prune(&self, today: Day) {
        let Ok((directory, _)) = Directory::own_of(&self.path) else { return };
        let Ok(entries) = std::fs::read_dir(directory_of(&self.path)) else { return };
        for entry in entries.take(ENTRIES_MAX).flatten() {
            let name = entry.file_name();
            let day = name.to_str().and_then(|name| self.day_in(name));
            let old = day.is_some_and(|day| day < today.minus(self.retention_days));
            if old && entry.file_type().is_ok_and(|kind| kind.is_file()) {
                let _ = directory.remove(&name);
            }
        }
    }

    /// The day that a predecessor's name says; none: it is no predecessor.
    fn day_in(&self, name: &str) -> Option<Day> {
        let (stem, ending) = self.stem_and_ending();
        let middle = name.strip_prefix(&stem)?.strip_suffix(&ending)?;
        let (date, number) = middle.split_once('.').unwrap_or((middle, "2"));
        if date.len() != 10 || number.parse::<u32>().is_err() {
            return None;
        }
        let date: Date = date.parse().ok()?;
        let day = Day::of(TimeZone::UTC.to_timestamp(date.at(0, 0, 0, 0)).ok()?);
        (date_of(day) == date).then_some(day)
    }

    /// True if the open file is still the one at the path.
    fn is_in_place(&self) -> bool {
        let Some(open) = &self.open else { return true };
        let same = |here: &Metadata, there: &Metadata| here.ino() == there.ino() && here.dev() == there.dev();
        match (open.file.metadata(), std::fs::symlink_metadata(&self.path)) {
            (Ok(here), Ok(there)) => same(&here, &there),
            _ => false,
        }
    }
}

impl LogOutlet for LogFile {
    fn write(&mut self, lines: &[(Timestamp, &str)]) -> Result<(), NotWritten> {
        let mut from = 0;
        for of_a_day in lines.chunk_by(|(one, _), (next, _)| Day::of(*one) == Day::of(*next)) {
            let Some((first, _)) = of_a_day.first() else { continue };
            let text: String = of_a_day.iter().map(|(_, line)| *line).collect();
            self.append_at(*first, &text).map_err(|kind| NotWritten { from, kind })?;
            from += of_a_day.len();
        }
        Ok(())
    }

    fn mishap(&mut self) -> Option<Mishap> {
        self.mishap.take()
    }

    /// A quiet daemon forgets on time too. Opens the file anew if it was moved away or could not be written.
    fn tend(&mut self, now: Timestamp) {
        if self.failed.is_some() || !self.is_in_place() {
            self.open = None;
        }
        // What fails here fails again at the next line, which says so.
        let _ = self.ready(Day::of(now));
    }
}

/// The day of the last change.
fn day_of(found: &Metadata) -> Option<Day> {
    Timestamp::from_second(found.mtime()).ok().map(Day::of)
}

fn date_of(day: Day) -> Date {
    let since = SignedDuration::from_hours(24 * i64::from(day.0));
    let moment = Timestamp::UNIX_EPOCH.checked_add(since).unwrap_or(Timestamp::UNIX_EPOCH);
    moment.to_zoned_datetime(TimeZone::UTC).date()
}

#[cfg(test)]
mod tests;
