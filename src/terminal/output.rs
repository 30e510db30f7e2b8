//! Where words go. Nothing here panics when the other end of a pipe has gone (`tamis trail | head`).

use std::io::{ErrorKind, Write, stderr, stdout};
use std::time::Duration;

use crate::terminal::{Exit, Failure};

/// How long a last word may take that nobody may be there to read.
const TELL_WITHIN: Duration = Duration::from_secs(2);

/// Writes what was asked for to stdout. A reader that has seen enough is no failure.
pub fn print(text: &str) -> Result<(), Failure> {
    let mut out = stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Failure::failed(format!("cannot write to stdout: {}", error.kind())))
        }
        _ => Ok(()),
    }
}

/// Writes bytes of an export to stdout. A reader that goes before the end is a failure: it has half of it.
pub fn print_bytes(bytes: &[u8]) -> Result<(), Failure> {
    let mut out = stdout().lock();
    let written = out.write_all(bytes).and_then(|()| out.flush());
    written.map_err(|error| Failure::failed(format!("cannot write to stdout: {}", error.kind())))
}

/// Tells the person at the terminal one line.
pub fn tell(line: &str) {
    // Nobody is left to tell if stderr is gone.
    let _ = writeln!(stderr().lock(), "{line}");
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

/// Help and usage errors: clap knows where each goes and how it ends.
pub fn told_by_clap(told: &clap::Error) -> Exit {
    let _ = told.print();
    if told.use_stderr() { Exit::Usage } else { Exit::Done }
}

/// Text of others (names of questions, of tokens) without what would steer a terminal.
pub fn printable(text: &str) -> String {
    let steers = |c: char| {
        c.is_control()
            || matches!(c, '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
    };
    text.chars().map(|c| if steers(c) { '\u{FFFD}' } else { c }).collect()
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
