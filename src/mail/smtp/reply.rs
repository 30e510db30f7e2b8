//! What a server answers, as numbers.

use crate::mail::failure::{MailCode, MailError, Status};

/// The longest line of an answer: RFC 5321 (4.5.3.1.5) has 512 bytes, and some servers write more.
pub(super) const LINE_BYTES_MAX: usize = 2_048;

/// An answer of more lines is none.
const LINES_MAX: usize = 100;

/// What a server answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Reply {
    /// Its three digits.
    pub(super) code: u16,
    /// The status beside them, where there is one (RFC 2034).
    pub(super) status: Option<Status>,
}

impl Reply {
    /// That it refuses, and for what.
    pub(super) fn refusal(self, code: MailCode) -> MailError {
        MailError { code, reply: Some(self.code), status: self.status }
    }

    /// True of 2xx, 3xx and so on.
    pub(super) fn is_of(self, hundred: u16) -> bool {
        self.code / 100 == hundred
    }

    /// True if its status is about this (RFC 3463, 3): 1 the address, 2 the mailbox, 7 policy …
    pub(super) fn is_about(self, subjects: &[u16]) -> bool {
        self.status.is_some_and(|status| subjects.contains(&status.subject))
    }
}

/// The lines of an answer up to its last.
#[derive(Default)]
pub(super) struct Unfinished {
    lines: usize,
    code: Option<u16>,
}

impl Unfinished {
    /// Takes a line: some, if it was the last.
    pub(super) fn take(
        &mut self,
        line: &[u8],
        words: &mut impl FnMut(&[u8]),
    ) -> Result<Option<Reply>, MailCode> {
        self.lines += 1;
        let (digits, rest) = line.split_at_checked(3).ok_or(MailCode::NotSmtp)?;
        let code = number(digits).filter(|code| (200..600).contains(code)).ok_or(MailCode::NotSmtp)?;
        if self.lines > LINES_MAX || self.code.is_some_and(|known| known != code) {
            return Err(MailCode::NotSmtp);
        }
        self.code = Some(code);
        let (is_last, text) = match rest {
            [] => (true, rest),
            [b' ', text @ ..] => (true, text),
            [b'-', text @ ..] => (false, text),
            _ => return Err(MailCode::NotSmtp),
        };
        words(text);
        Ok(is_last.then(|| Reply { code, status: status(text, code / 100) }))
    }
}

/// The status that a text begins with, of the class that its answer has.
fn status(text: &[u8], class: u16) -> Option<Status> {
    let first = text.split(u8::is_ascii_whitespace).next()?;
    let mut numbers = first.split(|byte| *byte == b'.').map(number);
    let status = Status { class: numbers.next()??, subject: numbers.next()??, detail: numbers.next()?? };
    (numbers.next().is_none() && status.class == class).then_some(status)
}

/// One to three digits.
fn number(digits: &[u8]) -> Option<u16> {
    let is_one = (1..=3).contains(&digits.len()) && digits.iter().all(u8::is_ascii_digit);
    is_one.then(|| digits.iter().fold(0, |number, digit| number * 10 + u16::from(digit - b'0')))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(lines: &[&str]) -> Result<Option<Reply>, MailCode> {
        let mut unfinished = Unfinished::default();
        let mut last = None;
        for line in lines {
            assert_eq!(last, None, "no line is asked for after the last");
            last = unfinished.take(line.as_bytes(), &mut |_| ())?;
        }
        Ok(last)
    }

    #[test]
    fn an_answer_is_its_numbers() {
        let status = |class, subject, detail| Some(Status { class, subject, detail });
        for (lines, code, wanted) in [
            (&["250 OK"][..], 250, None),
            (&["354"], 354, None),
            (&["250-mail.example", "250-SIZE 1000", "250 HELP"], 250, None),
            (&["550 5.1.1 <anne@example.org>: no such user"], 550, status(5, 1, 1)),
            (&["550-5.7.1 first", "550 5.7.1 last"], 550, status(5, 7, 1)),
            (&["450 4.2.0"], 450, status(4, 2, 0)),
            (&["550 4.2.0 of another class"], 550, None),
            (&["550 5.1.1.1 x"], 550, None),
            (&["550 5.1000.1 x"], 550, None),
            (&["550 5.1 x"], 550, None),
        ] {
            assert_eq!(read(lines), Ok(Some(Reply { code, status: wanted })), "{lines:?}");
        }
        assert_eq!(read(&["250-more"]), Ok(None));
    }

    #[test]
    fn what_is_no_answer_is_said_to_be_none() {
        for lines in [
            &[""][..],
            &["25"],
            &["HTTP/1.1 400 Bad Request"],
            &["2500 x"],
            &["150 x"],
            &["600 x"],
            &["250-a", "251 b"],
            &["25é x"],
        ] {
            assert_eq!(read(lines), Err(MailCode::NotSmtp), "{lines:?}");
        }
        let endless = vec!["250-x"; LINES_MAX + 1];
        assert_eq!(read(&endless), Err(MailCode::NotSmtp));
    }
}
