//! Stderr as a place of the log. It is written by its descriptor, not by the standard library's handle: that one has a
//! lock, and a thread that waits for a reader with it in its hand would hold up whoever else has a word to say.

use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::os::fd::AsFd;
use std::time::Duration;

use jiff::Timestamp;

use crate::telemetry::log::{LogOutlet, NotWritten};

/// How long to wait before a stream is tried again that takes nothing and does not make its writers wait (somebody else
/// who has the same pipe or terminal made it so).
const PAUSE: Duration = Duration::from_millis(20);

/// A stream of lines: stderr, or what stands for it in a test.
pub struct LogStream<W> {
    to: W,
    /// The last thing that got through was half a line.
    torn: bool,
}

impl LogStream<File> {
    /// The process's stderr.
    ///
    /// # Errors
    /// The system gives no second descriptor.
    pub fn stderr() -> io::Result<Self> {
        let descriptor = io::stderr().as_fd().try_clone_to_owned()?;
        Ok(Self::of(File::from(descriptor)))
    }
}

impl<W: Write + Send> LogStream<W> {
    /// Lines into this.
    pub fn of(to: W) -> Self {
        Self { to, torn: false }
    }

    /// Writes all of it. An error: so many bytes got through.
    fn write_all(&mut self, bytes: &[u8]) -> Result<(), (usize, ErrorKind)> {
        let mut at = 0;
        while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
            match self.to.write(rest) {
                Ok(0) => return Err((at, ErrorKind::WriteZero)),
                Ok(written) => at += written,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => std::thread::sleep(PAUSE),
                Err(error) => return Err((at, error.kind())),
            }
        }
        Ok(())
    }
}

impl<W: Write + Send> LogOutlet for LogStream<W> {
    fn write(&mut self, lines: &[(Timestamp, &str)]) -> Result<(), NotWritten> {
        let mut text = String::new();
        if self.torn {
            text.push('\n');
        }
        let begin = text.len();
        text.extend(lines.iter().map(|(_, line)| *line));
        let Err((through, kind)) = self.write_all(text.as_bytes()) else {
            self.torn = false;
            return Ok(());
        };
        if through > 0 {
            self.torn = !text.as_bytes().get(..through).is_some_and(|through| through.ends_with(b"\n"));
        }
        let (mut from, mut end) = (0, begin);
        for (_, line) in lines {
            end += line.len();
            if end > through {
                break;
            }
            from += 1;
        }
        Err(NotWritten { from, kind })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes so many bytes more, then fails, until it is given room again.
    #[derive(Default)]
    struct Small {
        written: Vec<u8>,
        room: usize,
        tired: bool,
    }

    impl Write for Small {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if std::mem::replace(&mut self.tired, false) {
                return Err(ErrorKind::WouldBlock.into());
            }
            if self.room == 0 {
                return Err(ErrorKind::StorageFull.into());
            }
            let taken = bytes.len().min(self.room);
            self.room -= taken;
            self.written.extend_from_slice(&bytes[..taken]);
            Ok(taken)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn lines<const N: usize>(texts: [&'static str; N]) -> [(Timestamp, &'static str); N] {
        texts.map(|text| (Timestamp::UNIX_EPOCH, text))
    }

    #[test]
    fn half_a_line_counts_as_none_and_does_not_spoil_the_next_one() {
        let mut stream = LogStream::of(Small { room: 6, ..Small::default() });
        let lost = stream.write(&lines(["one\n", "two\n", "three\n"]));
        assert_eq!(lost, Err(NotWritten { from: 1, kind: ErrorKind::StorageFull }));
        let lost = stream.write(&lines(["four\n"]));
        assert_eq!(lost, Err(NotWritten { from: 0, kind: ErrorKind::StorageFull }));
        stream.to.room = 100;
        assert_eq!(stream.write(&lines(["five\n", "six\n"])), Ok(()));
        assert_eq!(String::from_utf8_lossy(&stream.to.written), "one\ntw\nfive\nsix\n");
    }

    #[test]
    fn a_stream_that_does_not_wait_for_its_reader_is_tried_again() {
        let mut stream = LogStream::of(Small { room: 100, tired: true, ..Small::default() });
        assert_eq!(stream.write(&lines(["one\n"])), Ok(()));
        assert_eq!(stream.to.written, b"one\n");
    }
}
