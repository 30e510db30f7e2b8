//! `[mail]`: the server that takes our mails, and whose they are.

use std::net::IpAddr;
use std::ops::RangeInclusive;

use crate::config::fault::FaultCode;
use crate::config::place;
use crate::config::section::{ConfigItem, Section};
use crate::config::shown::ShownValue;
use crate::config::table::{plain, table};
use crate::mail::{Encryption, Sender};
use crate::secret::location::Location;

const PORT: RangeInclusive<u64> = 1..=65_535;

/// So many mails an hour; what providers take from one sender lies between a few hundred a day and a hundred thousand an hour.
const RATE: RangeInclusive<u64> = 1..=100_000;

/// A provider of a small firm takes no more without asking.
const RATE_DEFAULT: u32 = 200;

/// The longest name of a host (RFC 1035, 2.3.4).
const HOST_BYTES_MAX: usize = 253;

/// The longest name of an account, and the longest sender with its name.
const PROSE_CHARS_MAX: usize = 300;

table! {
    /// Where mails are handed in.
    #[derive(Clone, Debug)]
    pub struct Mail as Table(section) {
        /// The mail server.
        pub server: String = must("\"smtp.example.com\"", server);
        /// How the connection is encrypted.
        pub tls: Encryption = or(Encryption::Starttls, |item| item.one_of(Encryption::ALL, Encryption::as_str));
        /// Its port.
        pub port: u16 = or(tls.map_or(0, Encryption::port), |item| item.number(PORT));
        /// The account, where the server wants a login.
        pub user: Option<String> = may(|item| item.prose(PROSE_CHARS_MAX));
        /// Where its password lies.
        pub password: Option<Location> = may(place::location);
        /// Whose mails they are.
        pub from: Sender = must("\"Exemple SARL <contact@example.com>\"", sender);
        /// Where answers go, if not to the sender.
        pub reply_to: Option<Sender> = may(sender);
        /// How many mails are sent an hour at the most.
        pub rate: u32 = or(RATE_DEFAULT, |item| item.number(RATE));
        /// Whoever is due is asked by mail whether they still agree; else the house asks by means of its own.
        pub ask_again: bool = or(true, |item| item.flag());
    }
    check { require_both(&section, &user, &password); require_tls(&section, server.as_deref(), tls); }
}

fn server(item: &ConfigItem<'_>) -> Option<String> {
    let mend = "Write its name alone, as in \"smtp.example.com\"; the port stands in `port`.";
    item.parsed(
        |text| is_host(text).then(|| text.to_ascii_lowercase()),
        "the name or address of a host",
        mend,
    )
}

fn is_host(text: &str) -> bool {
    let is_label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    text.parse::<IpAddr>().is_ok() || text.len() <= HOST_BYTES_MAX && text.split('.').all(is_label)
}

fn sender(item: &ConfigItem<'_>) -> Option<Sender> {
    let text = item.prose(PROSE_CHARS_MAX)?;
    let mend = "Write one address, or a name before it, as in \"Exemple SARL <contact@example.com>\".";
    item.parsed(|_| Sender::parse(&text), "an e-mail address", mend)
}

/// A user without a password, or the other way round, is half a login.
fn require_both(section: &Section<'_>, user: &Option<Option<String>>, password: &Option<Option<Location>>) {
    let (missing, given) = match (user, password) {
        (Some(Some(_)), Some(None)) => ("password", "user"),
        (Some(None), Some(Some(_))) => ("user", "password"),
        _ => return,
    };
    section.findings().fault(
        FaultCode::Missing,
        &section.path(missing),
        format!("`{given}` is given, and a login needs both"),
        format!("Add `{missing}`, or remove `{given}` where the server takes mails without a login."),
    );
}

/// Without TLS a mail goes to a server of this very machine, which then sends it on.
fn require_tls(section: &Section<'_>, server: Option<&str>, tls: Option<Encryption>) {
    let (Some(server), Some(Encryption::None)) = (server, tls) else { return };
    if server != "localhost" && !server.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback()) {
        section.findings().fault(
            FaultCode::MailInClear,
            &section.path("tls"),
            "without TLS addresses, mails and the password can be read on the way, and this server is not loopback",
            "Choose \"starttls\" or \"implicit\".",
        );
    }
}

plain! {
    Encryption, Sender => ShownValue::text;
    u16 => |number: &u16| ShownValue::Number(u64::from(*number));
}
