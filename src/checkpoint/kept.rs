//! What somebody kept: a checkpoint as a file of its own, or the lines of the log that carry some.

use serde_json::Value;

use crate::forget::receipt::tidied;

/// The field of the log's line that holds the note.
const FIELD: &str = "checkpoint.note";
/// The same in a line for people, whose texts are quoted and escaped (`telemetry::line`).
const PLAIN: &str = "checkpoint.note=\"";

/// What is kept, in bytes: the hourly lines of some years.
pub const KEPT_BYTES_MAX: usize = 16 << 20;
/// And so many checkpoints: more than a year of them.
pub const KEPT_MAX: usize = 20_000;

/// A note that was kept, still unverified.
#[derive(Debug, PartialEq, Eq)]
pub struct Kept {
    /// In which line of what was kept; none: it is all of it.
    pub line: Option<usize>,
    /// The note.
    pub note: String,
}

/// Why nothing is read of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotKept {
    /// It is no text.
    NotText,
    /// It is longer than [`KEPT_BYTES_MAX`], or holds more than [`KEPT_MAX`].
    TooMany,
    /// The line of the log with this number names a checkpoint and holds none.
    Cut(usize),
}

/// The notes in what was kept. Lines of the log come in either format, with or without what a search puts before them; those
/// that are about something else are passed over.
///
/// # Errors
/// See [`NotKept`].
pub fn kept(bytes: &[u8]) -> Result<Vec<Kept>, NotKept> {
    if bytes.len() > KEPT_BYTES_MAX {
        return Err(NotKept::TooMany);
    }
    let text = std::str::from_utf8(bytes).map_err(|_| NotKept::NotText)?;
    if !text.contains(FIELD) {
        // It may have come by mail, as a receipt may; one whose end is missing was cut off.
        let note = if text.ends_with('\n') { tidied(text) } else { text.to_owned() };
        return Ok(vec![Kept { line: None, note }]);
    }
    let named = (1..).zip(text.lines()).filter(|(_, line)| line.contains(FIELD));
    let notes = named.take(KEPT_MAX + 1).map(|(number, line)| {
        let note = of_plain(line).or_else(|| of_json(line)).ok_or(NotKept::Cut(number))?;
        Ok(Kept { line: Some(number), note })
    });
    let notes = notes.collect::<Result<Vec<_>, _>>()?;
    if notes.len() > KEPT_MAX { Err(NotKept::TooMany) } else { Ok(notes) }
}

fn of_json(line: &str) -> Option<String> {
    let object = &line[line.find('{')?..];
    // What a terminal or a collector adds after it is not looked at.
    let value = serde_json::Deserializer::from_str(object).into_iter::<Value>().next()?.ok()?;
    value.get(FIELD)?.as_str().map(str::to_owned)
}

fn of_plain(line: &str) -> Option<String> {
    let mut letters = line[line.find(PLAIN)? + PLAIN.len()..].chars();
    let mut note = String::new();
    loop {
        match letters.next()? {
            '"' => return Some(note),
            '\\' => note.push(match letters.next()? {
                'n' => '\n',
                same @ ('"' | '\\' | '\'') => same,
                _ => return None,
            }),
            letter => note.push(letter),
        }
    }
}
