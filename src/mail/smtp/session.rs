//! The walk through SMTP: greeting, TLS, login; sender and addressee; the mail. Between the last two whoever sends may look once more
//! whether it still is to be sent.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tokio::time::Instant;

use crate::mail::failure::{MailCode, MailError, Status};
use crate::mail::message::RawMail;
use crate::mail::settings::{Encryption, Login, Settings};
use crate::mail::smtp::connection::{encrypt, reach};
use crate::mail::smtp::reply::Reply;
use crate::mail::smtp::wire::{Stream, Wire};
use crate::secret::Wiped;

/// How long the goodbye may take: the mail is taken, whatever comes of it.
const GOODBYE_WITHIN: Duration = Duration::from_secs(2);

/// That a server took a mail: it answers for it from here on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// The three digits of its answer.
    pub reply: u16,
    /// The status beside them.
    pub status: Option<Status>,
}

/// A server that knows us and waits for a mail.
pub struct Session {
    wire: Wire,
    offers: Offers,
    /// For each command.
    patience: Duration,
    /// When all of it has to be over.
    end: Instant,
}

/// What a server says that it can do (RFC 5321, 4.1.1.1).
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Offers {
    starttls: bool,
    plain: bool,
    login: bool,
    eight_bit: bool,
    utf8: bool,
}

impl Session {
    /// Reaches the server, under TLS as the settings want it, and logs in.
    ///
    /// # Errors
    /// See [`MailCode`]: nothing was said of any mail yet.
    pub async fn open(settings: &Settings) -> Result<Self, MailError> {
        let (now, patience) = (Instant::now(), settings.patience);
        let end = now + patience.whole;
        let server = settings.server.as_str();
        let stream = reach(server, settings.port, end.min(now + patience.connect)).await?;
        let stream: Box<dyn Stream> = match settings.encryption {
            Encryption::Implicit => {
                let until = end.min(Instant::now() + patience.command);
                encrypt(stream, server, until).await?
            }
            Encryption::Starttls | Encryption::None => Box::new(stream),
        };
        let (wire, offers) = (Wire::new(stream), Offers::default());
        let mut session = Self { wire, offers, patience: patience.command, end };
        let greeting = session.answer(|_| ()).await?;
        expect(greeting, 220, MailCode::Unwelcome)?;
        session.hello(&settings.own_name).await?;
        if settings.encryption == Encryption::Starttls {
            session = session.start_tls(server).await?;
            // What was said before TLS may have been anybody's.
            session.hello(&settings.own_name).await?;
        }
        if let Some(login) = &settings.login {
            session.log_in(login).await?;
        }
        Ok(session)
    }

    /// Names sender and addressee of a mail.
    ///
    /// # Errors
    /// See [`MailCode`]: the mail itself was not sent.
    pub async fn offer(&mut self, mail: &RawMail) -> Result<(), MailError> {
        let mut parameters = String::new();
        if mail.needs_utf8() {
            if !(self.offers.utf8 && self.offers.eight_bit) {
                return Err(MailCode::AddressNotCarried.into());
            }
            parameters.push_str(" SMTPUTF8 BODY=8BITMIME");
        }
        let sender = self.command(&format!("MAIL FROM:<{}>{parameters}\r\n", mail.from)).await?;
        expect(sender, 250, MailCode::SenderRefused)?;
        let line = Wiped::new(format!("RCPT TO:<{}>\r\n", mail.to.as_str()));
        let addressee = self.command(&line).await?;
        if [250, 251].contains(&addressee.code) {
            return Ok(());
        }
        Err(refusal(addressee, of_addressee(addressee)))
    }

    /// Sends the mail that was offered.
    ///
    /// # Errors
    /// See [`MailCode`]; of `mail-answer-lost` alone nobody knows whether the mail was taken.
    pub async fn hand_over(&mut self, mail: &RawMail) -> Result<Accepted, MailError> {
        let go_on = self.command("DATA\r\n").await?;
        expect(go_on, 354, MailCode::MessageRefused)?;
        let until = self.until();
        self.wire.send(&stuffed(&mail.bytes), until).await?;
        // With this line the mail is whole.
        let until = self.until();
        let answer = match self.wire.send(b".\r\n", until).await {
            Ok(()) => self.answer(|_| ()).await,
            Err(code) => Err(code),
        };
        let answer = answer.map_err(|_| MailCode::AnswerLost)?;
        if answer.is_of(2) {
            return Ok(Accepted { reply: answer.code, status: answer.status });
        }
        // Some servers look a mailbox up only now, and say so.
        let is_of_address = answer.is_about(&[1, 2]) && answer.is_of(5);
        let code = if is_of_address { of_addressee(answer) } else { MailCode::MessageRefused };
        Err(refusal(answer, code))
    }

    /// Says goodbye. What comes of that changes nothing.
    pub async fn close(mut self) {
        self.end = self.end.min(Instant::now() + GOODBYE_WITHIN);
        let _ = self.command("QUIT\r\n").await;
    }

    async fn hello(&mut self, own_name: &str) -> Result<(), MailError> {
        let until = self.until();
        self.wire.send(format!("EHLO {own_name}\r\n").as_bytes(), until).await?;
        let mut offers = Offers::default();
        let reply = self.answer(|line| offers.take(line)).await?;
        expect(reply, 250, MailCode::Unwelcome)?;
        self.offers = offers;
        Ok(())
    }

    async fn start_tls(mut self, server: &str) -> Result<Self, MailError> {
        if !self.offers.starttls {
            return Err(MailCode::NoTls.into());
        }
        let reply = self.command("STARTTLS\r\n").await?;
        expect(reply, 220, MailCode::NoTls)?;
        let until = self.until();
        let stream = self.wire.into_stream().ok_or(MailCode::TlsFailed)?;
        let stream = encrypt(stream, server, until).await?;
        Ok(Self { wire: Wire::new(stream), offers: Offers::default(), ..self })
    }

    /// PLAIN (RFC 4616) where it is offered, else LOGIN, which Microsoft's servers have.
    async fn log_in(&mut self, Login { user, password }: &Login) -> Result<(), MailError> {
        let coded = |bytes: &[u8]| Wiped::new(STANDARD.encode(bytes));
        let reply = if self.offers.plain {
            let both = Wiped::new([&b"\0"[..], user.as_bytes(), b"\0", password.expose()].concat());
            let line = Wiped::new(format!("AUTH PLAIN {}\r\n", coded(&both).as_str()));
            self.command(&line).await?
        } else if self.offers.login {
            let mut reply = self.command("AUTH LOGIN\r\n").await?;
            for answer in [user.as_bytes(), password.expose()] {
                expect(reply, 334, MailCode::LoginRefused)?;
                let line = Wiped::new(format!("{}\r\n", coded(answer).as_str()));
                reply = self.command(&line).await?;
            }
            reply
        } else {
            return Err(MailCode::NoLogin.into());
        };
        expect(reply, 235, MailCode::LoginRefused)
    }

    async fn command(&mut self, line: &str) -> Result<Reply, MailCode> {
        let until = self.until();
        self.wire.send(line.as_bytes(), until).await?;
        self.answer(|_| ()).await
    }

    async fn answer(&mut self, line: impl FnMut(&[u8])) -> Result<Reply, MailCode> {
        let until = self.until();
        self.wire.reply(until, line).await
    }

    /// When what begins now has to be over.
    fn until(&self) -> Instant {
        self.end.min(Instant::now() + self.patience)
    }
}

impl Offers {
    /// Takes a line of the answer to EHLO; of its first, the server's name, nothing is known.
    pub(super) fn take(&mut self, line: &[u8]) {
        let mut words = line.split(|byte| *byte == b' ' || *byte == b'=').map(<[u8]>::to_ascii_uppercase);
        match words.next().as_deref() {
            Some(b"STARTTLS") => self.starttls = true,
            Some(b"8BITMIME") => self.eight_bit = true,
            Some(b"SMTPUTF8") => self.utf8 = true,
            Some(b"AUTH") => {
                for mechanism in words {
                    self.plain |= mechanism == b"PLAIN";
                    self.login |= mechanism == b"LOGIN";
                }
            }
            _ => {}
        }
    }
}

/// That an answer is the one that lets us go on; else that it refuses, by this code if it does so for good.
fn expect(reply: Reply, wanted: u16, code: MailCode) -> Result<(), MailError> {
    if reply.code == wanted { Ok(()) } else { Err(refusal(reply, code)) }
}

/// 4xx is "not now", whatever it is about; what is neither 4xx nor 5xx is no answer to what was asked.
fn refusal(reply: Reply, code: MailCode) -> MailError {
    reply.refusal(match reply.code / 100 {
        4 => MailCode::Deferred,
        5 => code,
        _ => MailCode::NotSmtp,
    })
}

/// Whose a 5xx after RCPT is. Where it is not clearly the address's, it counts as the house's: who is told so looks at it, and nobody
/// loses their data for a list of spammers that the house's server is on.
fn of_addressee(reply: Reply) -> MailCode {
    let of_sender = [(1, 7), (1, 8)]; // the sender's address, written badly or of no domain (RFC 3463, 3.2)
    match reply.status {
        Some(status) if of_sender.contains(&(status.subject, status.detail)) => MailCode::SenderRefused,
        Some(_) if reply.is_about(&[1, 2]) => MailCode::AddressRefused,
        Some(_) => MailCode::SenderRefused,
        // Not here, not a name (RFC 5321, 4.2.3). A 550 says as much of a relay that is not allowed, or of a sender whom the
        // server does not believe.
        None if [551, 553].contains(&reply.code) => MailCode::AddressRefused,
        None => MailCode::SenderRefused,
    }
}

/// The mail with a second dot where a line begins with one (RFC 5321, 4.5.2), its last line ended.
fn stuffed(mail: &[u8]) -> Wiped<Vec<u8>> {
    let mut bytes = Wiped::new(Vec::with_capacity(mail.len() + mail.len() / 64 + 2));
    for line in mail.split_inclusive(|byte| *byte == b'\n') {
        if line.starts_with(b".") {
            bytes.push(b'.');
        }
        bytes.extend_from_slice(line);
    }
    if !bytes.ends_with(b"\r\n") {
        bytes.extend_from_slice(b"\r\n");
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_begins_with_a_dot_gets_a_second_one() {
        assert_eq!(stuffed(b".\r\na.b\r\n..c").as_slice(), b"..\r\na.b\r\n...c\r\n");
        assert_eq!(stuffed(b"a\r\n").as_slice(), b"a\r\n");
    }

    #[test]
    fn what_a_server_offers_is_read_in_whatever_case() {
        let mut offers = Offers::default();
        for line in ["mail.example greets you", "starttls", "AUTH=LOGIN", "AUTH XOAUTH2 plain", "SIZE 1"] {
            offers.take(line.as_bytes());
        }
        assert!(offers.starttls && offers.plain && offers.login && !offers.utf8 && !offers.eight_bit);
        let mut others = Offers::default();
        others.take(b"AUTH CRAM-MD5 XPLAIN");
        assert!(!others.plain && !others.login);
    }

    #[test]
    fn only_what_is_clearly_the_address_s_counts_against_it() {
        let status = |subject, detail| Some(Status { class: 5, subject, detail });
        for (code, status, wanted) in [
            (550, status(1, 1), MailCode::AddressRefused),
            (550, status(1, 10), MailCode::AddressRefused),
            (552, status(2, 2), MailCode::AddressRefused),
            (550, None, MailCode::SenderRefused),
            (551, None, MailCode::AddressRefused),
            (553, None, MailCode::AddressRefused),
            (553, status(1, 8), MailCode::SenderRefused),
            (554, status(7, 1), MailCode::SenderRefused),
            (550, status(7, 1), MailCode::SenderRefused),
            (550, status(4, 4), MailCode::SenderRefused),
            (554, None, MailCode::SenderRefused),
            (530, None, MailCode::SenderRefused),
            (552, None, MailCode::SenderRefused),
        ] {
            assert_eq!(of_addressee(Reply { code, status }), wanted, "{code} {status:?}");
        }
        let later = refusal(Reply { code: 450, status: None }, MailCode::AddressRefused);
        assert_eq!(later.to_string(), "mail-deferred (450)");
        let odd = refusal(Reply { code: 250, status: None }, MailCode::MessageRefused);
        assert_eq!(odd.code, MailCode::NotSmtp);
    }
}
