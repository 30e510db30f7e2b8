//! The connection to a mail server: lines in, bytes out, nothing without an end.

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, timeout_at};

use crate::mail::failure::MailCode;
use crate::mail::smtp::reply::{LINE_BYTES_MAX, Reply, Unfinished};
use crate::secret::Wiped;

/// What bytes go over: TCP, or TLS over it.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// A stream with what was read of it and is not asked for yet.
pub(super) struct Wire {
    stream: Box<dyn Stream>,
    read: Wiped<Vec<u8>>,
}

impl Wire {
    pub(super) fn new(stream: Box<dyn Stream>) -> Self {
        Self { stream, read: Wiped::new(Vec::with_capacity(LINE_BYTES_MAX)) }
    }

    /// The stream alone, for TLS to begin on. None: something was said before TLS that nobody asked for, and that would count as
    /// said under TLS.
    pub(super) fn into_stream(self) -> Option<Box<dyn Stream>> {
        self.read.is_empty().then_some(self.stream)
    }

    /// Sends this, whole.
    pub(super) async fn send(&mut self, bytes: &[u8], until: Instant) -> Result<(), MailCode> {
        let sent = async {
            self.stream.write_all(bytes).await?;
            self.stream.flush().await
        };
        match timeout_at(until, sent).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(MailCode::Broken),
            Err(_) => Err(MailCode::Slow),
        }
    }

    /// An answer, whole. `line` is shown the words of each of its lines, which are kept nowhere.
    pub(super) async fn reply(
        &mut self,
        until: Instant,
        mut line: impl FnMut(&[u8]),
    ) -> Result<Reply, MailCode> {
        let mut unfinished = Unfinished::default();
        loop {
            let text = self.line(until).await?;
            if let Some(reply) = unfinished.take(&text, &mut line)? {
                return Ok(reply);
            }
        }
    }

    /// A line without its end.
    async fn line(&mut self, until: Instant) -> Result<Wiped<Vec<u8>>, MailCode> {
        let mut looked = 0;
        loop {
            if let Some(at) = self.read[looked..].iter().position(|byte| *byte == b'\n') {
                let mut line = Wiped::new(self.read.drain(..=looked + at).collect::<Vec<u8>>());
                let text = line.trim_ascii_end().len();
                line.truncate(text);
                return Ok(line);
            }
            looked = self.read.len();
            if looked >= LINE_BYTES_MAX {
                return Err(MailCode::NotSmtp);
            }
            let mut chunk = Wiped::new([0; 512]);
            match timeout_at(until, self.stream.read(chunk.as_mut_slice())).await {
                Ok(Ok(0) | Err(_)) => return Err(MailCode::Broken),
                Ok(Ok(count)) => self.read.extend_from_slice(&chunk[..count]),
                Err(_) => return Err(MailCode::Slow),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::io::{DuplexStream, duplex};

    use super::*;

    fn wire(room: usize) -> (Wire, DuplexStream) {
        let (ours, theirs) = duplex(room);
        (Wire::new(Box::new(ours)), theirs)
    }

    fn in_seconds(seconds: u64) -> Instant {
        Instant::now() + Duration::from_secs(seconds)
    }

    async fn code(wire: &mut Wire) -> Result<u16, MailCode> {
        wire.reply(in_seconds(30), |_| ()).await.map(|reply| reply.code)
    }

    #[tokio::test]
    async fn answers_are_read_in_pieces_or_together_and_their_words_are_shown_once() {
        let (mut wire, mut theirs) = wire(4_096);
        for piece in ["250-on", "e\r", "\n250 two\r\n354 go on\n", "221"] {
            theirs.write_all(piece.as_bytes()).await.expect("room");
        }
        let mut words = Vec::new();
        let reply = wire.reply(in_seconds(30), |line| words.push(String::from_utf8_lossy(line).into_owned()));
        assert_eq!(reply.await.map(|reply| reply.code), Ok(250));
        assert_eq!(words, ["one", "two"]);
        assert_eq!(code(&mut wire).await, Ok(354));
        drop(theirs);
        assert_eq!(code(&mut wire).await, Err(MailCode::Broken), "an answer without its end is none");
    }

    #[tokio::test]
    async fn a_line_has_an_end() {
        for (length, wanted) in
            [(LINE_BYTES_MAX - 8, Ok(250)), (LINE_BYTES_MAX + 512, Err(MailCode::NotSmtp))]
        {
            let (mut wire, mut theirs) = wire(1 << 16);
            theirs.write_all(format!("250 {}\r\n", "x".repeat(length)).as_bytes()).await.expect("room");
            assert_eq!(code(&mut wire).await, wanted, "{length}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_is_waited_for_longer_than_they_may_take() {
        let (mut silent, _theirs) = wire(4_096);
        assert_eq!(code(&mut silent).await, Err(MailCode::Slow));

        let (mut dripping, mut theirs) = wire(4_096);
        let drip = async {
            loop {
                theirs.write_all(b"2").await.expect("room");
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        };
        let began = Instant::now();
        tokio::select! {
            () = drip => {}
            answer = code(&mut dripping) => assert_eq!(answer, Err(MailCode::Slow)),
        }
        assert_eq!(began.elapsed(), Duration::from_secs(30));

        let (mut deaf, _theirs) = wire(16);
        assert_eq!(deaf.send(&[b'x'; 64], in_seconds(3)).await, Err(MailCode::Slow));
    }

    #[tokio::test]
    async fn what_was_said_before_tls_ends_it() {
        let (mut wire, mut theirs) = wire(4_096);
        theirs.write_all(b"220 go on\r\n250 ").await.expect("room");
        assert_eq!(code(&mut wire).await, Ok(220));
        assert!(wire.into_stream().is_none());
        let (mut honest, mut theirs) = self::wire(4_096);
        theirs.write_all(b"220 go on\r\n").await.expect("room");
        assert_eq!(code(&mut honest).await, Ok(220));
        assert!(honest.into_stream().is_some());
    }
}
