//! The mailboxes of people: a mail server on loopback that takes every mail and passes none on (RFC 5321). It is no part of Meta's
//! side; it is here since it, too, is a world that shares no code with the daemon.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::failure::SimulatorError;
use crate::shared::locked;

/// A line of a command, with room to spare (RFC 5321, 4.5.3.1.6).
const LINE_MAX: u64 = 4_096;
/// A mail beyond this is not taken.
const MAIL_BYTES_MAX: usize = 1_000_000;
/// So many mails are kept; what comes beyond is put off.
const MAILS_MAX: usize = 1_000;
/// How long a caller may be silent.
const SILENCE_MAX: Duration = Duration::from_secs(30);

/// A mail, as it arrived.
// It may say what a person wrote: no `Debug`.
#[derive(Clone)]
pub struct Mail {
    /// Whom the envelope names.
    pub to: String,
    /// Headers and parts, without the dots of the wire.
    pub raw: Vec<u8>,
}

impl Mail {
    /// All of it as text, its quoted-printable undone (RFC 2045, 6.7).
    pub fn text(&self) -> String {
        let mut plain = Vec::with_capacity(self.raw.len());
        let mut rest = self.raw.as_slice();
        while let Some((first, after)) = rest.split_first() {
            let escaped = after.get(..2).filter(|_| *first == b'=');
            match escaped {
                Some(b"\r\n") => rest = &after[2..],
                Some(digits) => match hex::decode(digits) {
                    Ok(byte) => {
                        plain.extend(byte);
                        rest = &after[2..];
                    }
                    Err(_) => {
                        plain.push(*first);
                        rest = after;
                    }
                },
                None => {
                    plain.push(*first);
                    rest = after;
                }
            }
        }
        String::from_utf8_lossy(&plain).into_owned()
    }
}

/// The server, running. It ends with [`Mailboxes::stop`], or when it is dropped.
pub struct Mailboxes {
    address: SocketAddr,
    taken: Arc<Mutex<Vec<Mail>>>,
    stop: CancellationToken,
    server: JoinHandle<()>,
    _stop_on_drop: DropGuard,
}

impl Mailboxes {
    /// Binds a port on loopback and returns when it listens.
    ///
    /// # Errors
    /// The port cannot be bound.
    pub async fn start() -> Result<Self, SimulatorError> {
        let cannot = |error: io::Error| SimulatorError::Bind(error.kind());
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(cannot)?;
        let address = listener.local_addr().map_err(cannot)?;
        let (taken, stop) = (Arc::<Mutex<Vec<Mail>>>::default(), CancellationToken::new());
        let (taking, stopped) = (Arc::clone(&taken), stop.clone());
        let serve = async move {
            // One caller after the other: a postman sends one mail at a time.
            let calls = async {
                while let Ok((stream, _)) = listener.accept().await {
                    // Whoever breaks off has broken off.
                    let _ = converse(stream, &taking).await;
                }
            };
            tokio::select! {
                () = calls => {}
                () = stopped.cancelled() => {}
            }
        };
        #[expect(clippy::disallowed_methods, reason = "the mailboxes' one task; `stop` joins it")]
        let server = tokio::spawn(serve);
        let stop_on_drop = stop.clone().drop_guard();
        Ok(Self { address, taken, stop, server, _stop_on_drop: stop_on_drop })
    }

    /// Where it listens, on loopback.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// What arrived since this was asked last, in the order of arrival.
    pub fn collect(&self) -> Vec<Mail> {
        std::mem::take(&mut *locked(&self.taken))
    }

    /// Ends it, a conversation under way included, and waits for its task.
    pub async fn stop(self) {
        self.stop.cancel();
        let _ = self.server.await;
    }
}

/// A conversation, until the caller says goodbye.
async fn converse(stream: TcpStream, taken: &Mutex<Vec<Mail>>) -> io::Result<()> {
    let mut wire = BufReader::new(stream);
    say(&mut wire, "220 mailboxes.example").await?;
    let mut to = None;
    loop {
        let line = line(&mut wire).await?;
        let text = String::from_utf8_lossy(&line);
        let verb = text.get(..4).unwrap_or_default().to_ascii_uppercase();
        let answer = match verb.as_str() {
            "EHLO" => "250-mailboxes.example\r\n250-8BITMIME\r\n250 SMTPUTF8",
            "HELO" | "RSET" | "NOOP" | "MAIL" => {
                to = None;
                "250 2.0.0 OK"
            }
            "RCPT" => {
                let address = text.split_once('<').and_then(|(_, rest)| rest.split_once('>'));
                to = address.map(|(address, _)| address.to_owned());
                if to.is_some() { "250 2.1.5 OK" } else { "501 5.1.3 no address" }
            }
            "DATA" => match to.take() {
                None => "503 5.5.1 whose?",
                Some(to) => {
                    say(&mut wire, "354 go on").await?;
                    match body(&mut wire).await? {
                        Some(raw) => keep(taken, Mail { to, raw }),
                        None => "552 5.3.4 too large",
                    }
                }
            },
            "QUIT" => return say(&mut wire, "221 2.0.0 bye").await,
            _ => "502 5.5.1 not known",
        };
        say(&mut wire, answer).await?;
    }
}

/// Keeps a mail, and gives the answer.
fn keep(taken: &Mutex<Vec<Mail>>, mail: Mail) -> &'static str {
    let mut taken = locked(taken);
    if taken.len() >= MAILS_MAX {
        return "452 4.3.1 no room";
    }
    taken.push(mail);
    "250 2.0.0 taken"
}

async fn say(wire: &mut BufReader<TcpStream>, answer: &str) -> io::Result<()> {
    wire.get_mut().write_all(format!("{answer}\r\n").as_bytes()).await
}

/// A line, without its end.
async fn line(wire: &mut BufReader<TcpStream>) -> io::Result<Vec<u8>> {
    let mut line = Vec::new();
    let mut bounded = AsyncReadExt::take(wire, LINE_MAX);
    let read = bounded.read_until(b'\n', &mut line);
    let silent = |_| io::Error::from(io::ErrorKind::TimedOut);
    tokio::time::timeout(SILENCE_MAX, read).await.map_err(silent)??;
    if line.pop() != Some(b'\n') {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    if line.last() == Some(&b'\r') {
        line.pop();
    }
    Ok(line)
}

/// A mail, up to the line that is a dot. None: it is too large; it was read all the same.
async fn body(wire: &mut BufReader<TcpStream>) -> io::Result<Option<Vec<u8>>> {
    let mut raw = Vec::new();
    loop {
        let line = line(wire).await?;
        if line == b"." {
            return Ok((raw.len() <= MAIL_BYTES_MAX).then_some(raw));
        }
        if raw.len() <= MAIL_BYTES_MAX {
            raw.extend_from_slice(line.strip_prefix(b".").unwrap_or(&line));
            raw.extend_from_slice(b"\r\n");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_sent_is_kept_as_it_was_and_read_without_its_code() {
        let mailboxes = Mailboxes::start().await.expect("it listens");
        let stream = TcpStream::connect(("127.0.0.1", mailboxes.port())).await.expect("a connection");
        let mut wire = BufReader::new(stream);
        assert!(line(&mut wire).await.expect("a greeting").starts_with(b"220 "));
        for (command, answers) in [
            ("EHLO us.example", vec!["250-", "250-", "250 "]),
            ("DATA", vec!["503 "]),
            ("RCPT TO:nobody", vec!["501 "]),
            ("MAIL FROM:<us@example.org> SMTPUTF8 BODY=8BITMIME", vec!["250 "]),
            ("RCPT TO:<zoe@example.org>", vec!["250 "]),
            ("DATA", vec!["354 "]),
            ("Subject: one\r\n\r\nhttps://a.example/=\r\np/caf=C3=A9 =3D\r\n..dot\r\n.", vec!["250 "]),
            ("EXPN all", vec!["502 "]),
            ("QUIT", vec!["221 "]),
        ] {
            wire.get_mut().write_all(format!("{command}\r\n").as_bytes()).await.expect("sent");
            for answer in answers {
                let said = line(&mut wire).await.expect("an answer");
                assert!(said.starts_with(answer.as_bytes()), "{command}: {said:?}");
            }
        }
        let [mail] = mailboxes.collect().try_into().unwrap_or_else(|_| panic!("one mail"));
        assert_eq!(mail.to, "zoe@example.org");
        assert!(mail.text().ends_with("https://a.example/p/café =\r\n.dot\r\n"), "{}", mail.text());
        assert!(mailboxes.collect().is_empty());
        mailboxes.stop().await;
    }
}
