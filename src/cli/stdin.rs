//! What says who somebody is comes on stdin: on a command line it stays in the shell's history, and others see it.

use std::io::Read;

use crate::secret::Wiped;
use crate::terminal::{Exit, Failure};

/// No id and no address is longer, in whatever spelling.
const LINE_BYTES_MAX: u64 = 1_024;
/// A list of ids is no longer.
const LIST_BYTES_MAX: u64 = 1_000_000;

/// The one line that stdin has: `what` says of what, for whoever gave another.
///
/// # Errors
/// It is empty, has more lines or more than 1,024 bytes, or is no text.
pub(super) fn one_line(what: &str) -> Result<String, Failure> {
    line_of(std::io::stdin().lock(), what)
}

/// The lines that stdin has, without those that are empty: `what` says of what. A long list is bounded by its bytes.
///
/// # Errors
/// They have more than a million bytes, or are no text.
pub(super) fn lines(what: &str) -> Result<Vec<String>, Failure> {
    lines_of(std::io::stdin().lock(), what)
}

fn lines_of(from: impl Read, what: &str) -> Result<Vec<String>, Failure> {
    let mut text = String::new();
    let read = from.take(LIST_BYTES_MAX + 1).read_to_string(&mut text);
    read.map_err(|_| Failure::failed(format!("cannot read {what} from stdin")))?;
    if text.len() as u64 > LIST_BYTES_MAX {
        return Err(Failure::new(Exit::Usage, format!("these are more {what} than are taken at once")));
    }
    Ok(text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect())
}

fn line_of(from: impl Read, what: &str) -> Result<String, Failure> {
    let mut text = Wiped::new(String::new());
    let read = from.take(LINE_BYTES_MAX + 1).read_to_string(&mut text);
    read.map_err(|_| Failure::failed(format!("cannot read {what} from stdin")))?;
    let one = text.trim();
    if one.is_empty() || one.lines().count() > 1 || text.len() as u64 > LINE_BYTES_MAX {
        return Err(Failure::new(Exit::Usage, format!("{what} is read from stdin, on one line")));
    }
    Ok(one.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_taken_without_what_is_around_them() {
        let read = |text: &str| lines_of(text.as_bytes(), "ids").map_err(|failure| failure.to_string());
        assert_eq!(read(" a \r\n\n b").as_deref(), Ok(&["a".to_owned(), "b".to_owned()][..]));
        assert_eq!(read("").map(|lines| lines.len()), Ok(0));
        assert!(read(&"a\n".repeat(500_001)).is_err());
    }

    #[test]
    fn one_line_is_taken_without_what_is_around_it() {
        let read = |text: &str| line_of(text.as_bytes(), "an address").map_err(|failure| failure.to_string());
        assert_eq!(read(" anne@lumen.example\r\n").as_deref(), Ok("anne@lumen.example"));
        assert_eq!(read(&"a".repeat(1_024)).map(|line| line.len()), Ok(1_024));
        let (long, trailing) = ("a".repeat(1_025), format!("a{}", "\n".repeat(1_024)));
        for bad in ["", " \n", "a\nb", long.as_str(), trailing.as_str()] {
            assert_eq!(read(bad), Err("an address is read from stdin, on one line".to_owned()));
        }
        let no_text = line_of(&[b'a', 0xff][..], "an id").map_err(|failure| failure.to_string());
        assert_eq!(no_text, Err("cannot read an id from stdin".to_owned()));
    }
}
