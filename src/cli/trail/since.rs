//! `tamis trail verify --since`: is the trail of today the one that somebody kept a checkpoint of.
//!
//! A chain that holds tells nothing of whoever has its key and wrote it anew, nor of an end that was cut off together with the
//! row that says where the end is. What was kept elsewhere does.

use std::io::Read as _;
use std::path::Path;

use crate::api::Moment;
use crate::checkpoint::{Checkpoint, CheckpointFault, Differs, KEPT_BYTES_MAX, KEPT_MAX, NotKept, kept};
use crate::cli::trail::checkpoint::of_daemon;
use crate::cli::trail::verify::{Place, Whole};
use crate::client::Daemon;
use crate::clock::Month;
use crate::forget::receipt::note::VerifierKey;
use crate::secret::reading::read_small;
use crate::terminal::{Failure, thousands};

/// One byte more than may be kept, so that what is too long is seen to be.
const READ_BYTES_MAX: u64 = KEPT_BYTES_MAX as u64 + 1;

/// What is held against the trail.
pub(super) struct Since {
    checkpoints: Vec<Checkpoint>,
    key: VerifierKey,
}

impl Since {
    /// Reads what was kept, and lets through what this key signed; without a key, that of the daemon.
    ///
    /// # Errors
    /// A signature does not hold, or there is nothing to read.
    pub(super) async fn read(
        file: &Path,
        key: Option<VerifierKey>,
        daemon: &Daemon,
    ) -> Result<Self, Failure> {
        let not_taken = |why: &str, code: CheckpointFault| {
            let told = format!("{} is not taken: {why} ({code}).", file.display());
            Failure::failed(format!("{told} What to do: tamis explain {code}"))
        };
        let notes = kept(&bytes(file)?).map_err(|why| match why {
            NotKept::NotText => not_taken("it is no text", CheckpointFault::Malformed),
            NotKept::TooMany => {
                let most = thousands(KEPT_MAX as u64);
                let why = format!("it has more than {most} checkpoints, or 16 MiB: give a part of it");
                not_taken(&why, CheckpointFault::Malformed)
            }
            NotKept::Cut(line) => {
                not_taken(&format!("its line {line} was cut off or changed"), CheckpointFault::Malformed)
            }
        })?;
        let given = key.is_some();
        let key = match key {
            Some(key) => key,
            None => {
                let told = of_daemon(daemon, "/trail/checkpoint").await?.key;
                VerifierKey::parse(&told).ok_or_else(crate::client::broken)?
            }
        };
        let mut checkpoints = Vec::with_capacity(notes.len());
        for note in notes {
            let opened = match given {
                true => Checkpoint::open(note.note.as_bytes(), &key),
                // The daemon may have another address by now, and so its key another name.
                false => Checkpoint::open_by_any_name(note.note.as_bytes(), &key),
            };
            checkpoints.push(opened.map_err(|fault| match note.line {
                None => not_taken(fault.sentence(), fault),
                Some(line) => {
                    not_taken(&format!("of the one in its line {line}, {}", fault.sentence()), fault)
                }
            })?);
        }
        // Hours in which nothing was written make the same one again.
        checkpoints.sort_by_key(Checkpoint::lines);
        checkpoints.dedup();
        Ok(Self { checkpoints, key })
    }

    /// Holds a trail that is whole against all of them, and says what that shows.
    ///
    /// # Errors
    /// It is not the trail of then, and where it differs.
    pub(super) async fn held_against(&self, whole: &Whole, daemon: &Daemon) -> Result<String, Failure> {
        let (mut held, mut gone): (Option<Place>, Option<Place>) = (None, None);
        let mut count = 0_u64;
        // Of lines that a restore took; what differs otherwise is told first.
        let mut taken = None;
        for checkpoint in &self.checkpoints {
            let Some(place) = place(checkpoint) else {
                count += 1;
                continue;
            };
            if whole.last.is_none_or(|last| last.line < place.line) {
                taken = Some(taken_by_restore(whole, place).ok_or_else(|| cut_short(whole, place))?);
                continue;
            }
            if whole.first.is_some_and(|first| place.line < first.line) {
                require_time_over(whole, place)?;
                gone = Some(place);
                continue;
            }
            match self.of_today(daemon, place.line).await? {
                // It has had its time while this was looking.
                None => gone = Some(place),
                Some(today) if today == *checkpoint => {
                    (held, count) = (Some(place), count + 1);
                }
                Some(_) => {
                    let by_restore = taken_by_restore(whole, place);
                    taken = Some(by_restore.ok_or_else(|| rewritten(whole, held, place))?);
                }
            }
        }
        if let Some((restored, gone)) = taken {
            return Err(put_back(held, restored, gone));
        }
        Ok(told(whole, held, gone, count))
    }

    /// The same of the trail of today; none: that line has had its time.
    async fn of_today(&self, daemon: &Daemon, line: u64) -> Result<Option<Checkpoint>, Failure> {
        let made = match of_daemon(daemon, &format!("/trail/checkpoint?line={line}")).await {
            Ok(made) => made,
            Err(failure) if failure.is("trail-line-unknown") => return Ok(None),
            Err(failure) => return Err(failure),
        };
        // Signed by the key of today, which need not be the one of then.
        let key = VerifierKey::parse(&made.key).ok_or_else(crate::client::broken)?;
        Checkpoint::open(made.note.as_bytes(), &key).map(Some).map_err(|_| crate::client::broken())
    }

    /// By which key they were signed.
    pub(super) fn signer(&self) -> String {
        let (name, id) = (self.key.name().as_str(), self.key.id_text());
        format!("the signatures are those of {name} (key {id})")
    }
}

/// The last line of a checkpoint; none: there was no line yet.
fn place(checkpoint: &Checkpoint) -> Option<Place> {
    Some(Place { line: checkpoint.lines(), written: Moment(checkpoint.written()?) })
}

/// Lines go in whole months, and a line says so: what was written in the month of that line, or later, did not go by its period.
fn require_time_over(whole: &Whole, place: Place) -> Result<(), Failure> {
    let month = |place: Place| Month::of(place.written.0);
    if whole.closed.is_some_and(|closed| month(place) < month(closed)) {
        return Ok(());
    }
    let by = whole.closed.map_or("no line says so".to_owned(), |closed| format!("{closed} ended it"));
    Err(differs(
        Differs::ClosedEarly,
        &format!("a checkpoint is of {place}, which is gone before its time: {by}"),
    ))
}

/// The restore that took this line, and the line.
fn taken_by_restore(whole: &Whole, place: Place) -> Option<(Place, Place)> {
    whole.put_back(place).map(|restored| (restored, place))
}

fn put_back(held: Option<Place>, restored: Place, gone: Place) -> Failure {
    let sound =
        held.map_or(String::new(), |held| format!("up to {held} it is the one of the checkpoint there; "));
    let told = format!(
        "{sound}{restored} says that the store was put back from a backup, and the lines from {} to {} that were written before are no more",
        restored.line, gone.line
    );
    differs(Differs::PutBack, &told)
}

fn cut_short(whole: &Whole, place: Place) -> Failure {
    let gone = |from: u64| match from == place.line {
        true => format!("line {from} is gone"),
        false => format!("lines {from} to {} are gone", place.line),
    };
    let told = match whole.last {
        Some(last) => format!("it ends with {last}, and a checkpoint is of {place}: {}", gone(last.line + 1)),
        None => format!("it has no lines, and a checkpoint is of {place}"),
    };
    differs(Differs::CutShort, &told)
}

fn rewritten(whole: &Whole, held: Option<Place>, place: Place) -> Failure {
    let begins = whole.first.map_or(1, |first| first.line);
    let (sound, from) = match held {
        Some(held) => (format!("up to {held} it is the one of the checkpoint there; "), held.line + 1),
        None => (String::new(), begins),
    };
    let among = match from == place.line {
        true => format!("{place}, of which there is a checkpoint,"),
        false => format!(
            "of the lines {from} to {} ({}), where there is a checkpoint, one",
            place.line, place.written
        ),
    };
    let told =
        format!("{sound}{among} was changed, taken out or put elsewhere, and what follows was chained anew");
    differs(Differs::Rewritten, &told)
}

fn differs(how: Differs, told: &str) -> Failure {
    Failure::failed(format!(
        "the trail is not the one of then: {told} ({how}). What to do: tamis explain {how}"
    ))
}

fn told(whole: &Whole, held: Option<Place>, gone: Option<Place>, count: u64) -> String {
    let mut told = String::new();
    match (held, count) {
        (Some(place), 1) => told.push_str(&format!("it is the trail of the checkpoint of {place}\n")),
        (Some(place), count) => {
            told.push_str(&format!(
                "it is the trail of {} checkpoints, the newest of {place}\n",
                thousands(count)
            ));
        }
        (None, 0) => {}
        (None, _) => told.push_str("a checkpoint of before the first line shows nothing\n"),
    }
    if let Some(place) = gone {
        let first = whole.first.map_or(1, |first| first.line);
        let by = whole.closed.map(|closed| format!(", as {closed} says")).unwrap_or_default();
        told.push_str(&format!("{place} has had its time{by}: what is left begins with line {first}\n"));
        if held.is_none() {
            told.push_str("nothing is left to hold against a checkpoint of that time: keep a later one\n");
        }
    }
    told
}

fn bytes(file: &Path) -> Result<Vec<u8>, Failure> {
    let cannot = |why: String| Failure::failed(format!("cannot read {}: {why}", file.display()));
    if file == Path::new("-") {
        let mut bytes = Vec::new();
        let read = std::io::stdin().lock().take(READ_BYTES_MAX).read_to_end(&mut bytes);
        return read.map(|_| bytes).map_err(|error| cannot(error.kind().to_string()));
    }
    read_small(file, READ_BYTES_MAX).map(|file| file.bytes.to_vec()).map_err(|why| cannot(why.to_string()))
}
