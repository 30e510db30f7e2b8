//! Where words go. Nothing here panics when the other end of a pipe has gone (`tamis trail | head`), and nothing of
//! others' words steers the terminal at it: whatever is said goes through [`visible`](crate::visible).

use std::io::{ErrorKind, IsTerminal, Write, stderr, stdout};
use std::time::Duration;

use crate::terminal::screen::Screen;
use crate::terminal::{Exit, Failure};
use crate::visible::{escaped_json, in_a_cell, on_screen};

/// How long a last word may take that nobody may be there to read.
const TELL_WITHIN: Duration = Duration::from_secs(2);

/// Writes what was asked for to stdout, for a person. A reader that has seen enough is no failure.
pub fn print(text: &str) -> Result<(), Failure> {
    put(&on_screen(text))
}

/// Writes JSON to stdout: the same document, with nothing in it that would steer a terminal.
pub fn print_json(text: &str) -> Result<(), Failure> {
    put(&escaped_json(text))
}

/// Writes text to stdout that is safe as it is.
pub(super) fn put(text: &str) -> Result<(), Failure> {
    let mut out = stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(cannot(&error)),
        _ => Ok(()),
    }
}

fn cannot(error: &std::io::Error) -> Failure {
    Failure::failed(format!("cannot write to stdout: {}", error.kind()))
}

/// An export to stdout: as it is for a file or a program, made safe for a terminal.
pub struct ToStdout(Option<Screen>);

impl ToStdout {
    /// Looks where stdout leads.
    pub fn open(json: bool) -> Self {
        Self(stdout().is_terminal().then(|| Screen::new(json)))
    }

    /// Writes bytes of it. A reader that goes before the end is a failure: it has half of it.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        match &mut self.0 {
            None => write_whole(bytes),
            Some(screen) => write_whole(screen.show(bytes).as_bytes()),
        }
    }

    /// Makes durable what was written, where stdout is a file.
    pub fn sync(&self) -> Result<(), Failure> {
        sync_stdout().map_err(|error| Failure::failed(format!("cannot sync stdout: {}", error.kind())))
    }
}

/// Makes what went to stdout durable, where stdout is a file. What went into a pipe is its reader's.
fn sync_stdout() -> std::io::Result<()> {
    let out = stdout().lock();
    let kind = rustix::fs::FileType::from_raw_mode(rustix::fs::fstat(&out)?.st_mode);
    if kind == rustix::fs::FileType::RegularFile {
        rustix::fs::fsync(&out)?;
    }
    Ok(())
}

fn write_whole(bytes: &[u8]) -> Result<(), Failure> {
    let mut out = stdout().lock();
    let written = out.write_all(bytes).and_then(|()| out.flush());
    written.map_err(|error| cannot(&error))
}

/// Tells the person at the terminal one line.
pub fn tell(line: &str) {
    // Nobody is left to tell if stderr is gone.
    let _ = writeln!(stderr().lock(), "{}", on_screen(line));
}

/// The same for whoever must end, whether or not somebody reads: after two seconds it is left unsaid.
pub fn tell_in_passing(line: &str) {
    let (line, (said, outcome)) = (line.to_owned(), std::sync::mpsc::channel());
    let telling = move || {
        tell(&line);
        // Whoever waited may have gone.
        let _ = said.send(());
    };
    if std::thread::Builder::new().name("tell".to_owned()).spawn(telling).is_ok() {
        let _ = outcome.recv_timeout(TELL_WITHIN);
    }
}

/// Help and usage errors, which repeat words of the command line.
pub fn told_by_clap(told: &clap::Error) -> Exit {
    let text = told.render().to_string();
    if told.use_stderr() {
        tell(text.trim_end());
        return Exit::Usage;
    }
    match print(&text) {
        Ok(()) => Exit::Done,
        Err(_) => Exit::Failed,
    }
}

/// Text of others (names of questions, of tokens) within a line, without what would steer a terminal.
pub fn printable(text: &str) -> String {
    in_a_cell(text).into_owned()
}

/// `1 record`, `1,203 records`.
pub fn records(number: u64) -> String {
    format!("{} record{}", thousands(number), if number == 1 { "" } else { "s" })
}

/// A number with its thousands apart: `12,345`.
pub fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_stand_apart() {
        for (number, text) in [(0, "0"), (999, "999"), (1_000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(thousands(number), text);
        }
        assert_eq!((records(1), records(1_203)), ("1 record".to_owned(), "1,203 records".to_owned()));
    }

    #[test]
    fn nothing_steers_the_terminal() {
        assert_eq!(printable("pointure \u{1b}[31m\n\u{202e}é"), "pointure \u{FFFD}[31m\u{FFFD}\u{FFFD}é");
    }
}
