//! Whom a mail goes to, whose it is, and where its links lead.

use std::fmt;

use lettre::Address;
use lettre::message::Mailbox;
use url::Url;

use crate::secret::Wiped;

/// The longest address (RFC 5321, 4.5.3.1.3, without the brackets).
const ADDRESS_BYTES_MAX: usize = 254;

/// The longest link: a line of a header has at most 998 bytes (RFC 5322, 2.1.1).
const LINK_BYTES_MAX: usize = 900;

/// A person's address, as it is written to. Shown nowhere, wiped when dropped.
pub struct Addressee(Wiped<String>);

crate::secret::never_shown!(Addressee, Link);

impl Addressee {
    /// The address that was typed, without space around it: its domain as its registry has it, the part before the `@` letter for
    /// letter, since that is its host's own business (RFC 5321, 2.4). None: no mail reaches it.
    pub fn parse(typed: &str) -> Option<Self> {
        let typed = typed.trim();
        if typed.len() > ADDRESS_BYTES_MAX || typed.chars().any(|c| c.is_control() || c.is_whitespace()) {
            return None;
        }
        let (local, domain) = typed.rsplit_once('@')?;
        let domain = idna::domain_to_ascii(domain).ok()?;
        if !domain.contains('.') {
            return None;
        }
        let address = Wiped::new(format!("{local}@{domain}"));
        let is_one = address.len() <= ADDRESS_BYTES_MAX && address.parse::<Address>().is_ok();
        is_one.then_some(Self(address))
    }

    /// The address, for the mail and for the server.
    pub(super) fn expose(&self) -> &str {
        &self.0
    }
}

/// The house's own address with the name beside it, as in `Atelier Lumen <contact@lumen.example>`. It stands in the config, so it
/// may be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sender(Mailbox);

impl Sender {
    /// One address in ASCII; or a name, in quotes or without, and the address in angle brackets behind it. None: it is none.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let (name, address) = match text.strip_suffix('>') {
            Some(named) => named.rsplit_once('<')?,
            None => ("", text),
        };
        let quoted = name.trim();
        let bare = quoted.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(quoted).trim();
        let is_plain =
            address.len() <= ADDRESS_BYTES_MAX && address.bytes().all(|byte| byte.is_ascii_graphic());
        if !is_plain || bare.chars().any(char::is_control) {
            return None;
        }
        let address: Address = address.parse().ok()?;
        let name = (!bare.is_empty()).then(|| bare.to_owned());
        address.domain().contains('.').then(|| Self(Mailbox::new(name, address)))
    }

    /// The address alone.
    pub fn address(&self) -> &str {
        self.0.email.as_ref()
    }

    /// What stands behind the `@`.
    pub fn domain(&self) -> &str {
        self.0.email.domain()
    }

    pub(super) fn mailbox(&self) -> Mailbox {
        self.0.clone()
    }
}

impl fmt::Display for Sender {
    /// As it is read, without quotes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0.name {
            Some(name) => write!(f, "{name} <{}>", self.address()),
            None => f.write_str(self.address()),
        }
    }
}

/// Where a link of a mail leads: `https:` to a host. Whoever has it may act for a person, so it is shown nowhere.
pub struct Link(Wiped<String>);

impl Link {
    /// None: it is no such link, or longer than a line of a header.
    pub fn parse(text: &str) -> Option<Self> {
        let url = Url::parse(text).ok()?;
        let is_plain = url.scheme() == "https"
            && url.has_host()
            && url.username().is_empty()
            && url.password().is_none()
            && url.as_str().len() <= LINK_BYTES_MAX;
        is_plain.then(|| Self(Wiped::new(url.into())))
    }

    /// The same page, where it is asked for this: a query, as in `do=erase&lang=fr`.
    pub(super) fn asking(&self, query: &str) -> Self {
        Self(Wiped::new(format!("{}?{query}", self.0.as_str())))
    }

    /// The link, for the mail: ASCII without spaces or angle brackets, as URLs are written.
    pub(super) fn expose(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_written_to_as_it_was_typed_with_its_domain_in_ascii() {
        let written = |typed: &str| Addressee::parse(typed).map(|to| to.expose().to_owned());
        for (typed, wanted) in [
            (" Anne.Martin@Example.ORG\n", "Anne.Martin@example.org"),
            ("anne+lettre@bücher.example", "anne+lettre@xn--bcher-kva.example"),
            ("zoé@example.org", "zoé@example.org"),
        ] {
            assert_eq!(written(typed).as_deref(), Some(wanted), "{typed}");
        }
        let long = format!("{}@example.org", "a".repeat(65));
        let longer = format!("a@{}example.org", "b.".repeat(130));
        for bad in [
            "",
            "anne",
            "@example.org",
            "anne@",
            "anne@localhost",
            "a b@example.org",
            "anne@example.org\r\nRCPT TO:<zoe@example.org>",
            "anne@example.org>",
            "<anne@example.org>",
            "anne@exa mple.org",
            "\"a\r\n\"@example.org",
            long.as_str(),
            longer.as_str(),
        ] {
            assert_eq!(written(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn a_sender_may_have_a_name() {
        for named in [
            "Atelier Lumen, été <contact@lumen.example>",
            " \"Atelier Lumen, été\"  <contact@lumen.example> ",
        ] {
            let one = Sender::parse(named).expect("one");
            assert_eq!((one.address(), one.domain()), ("contact@lumen.example", "lumen.example"));
            assert_eq!(one.to_string(), "Atelier Lumen, été <contact@lumen.example>");
            assert_eq!(Sender::parse(&one.to_string()), Some(one), "as it is shown, it is read");
        }
        let bare = Sender::parse("contact@lumen.example").expect("one");
        assert_eq!((bare.to_string().as_str(), &bare.0.name), ("contact@lumen.example", &None));
        for bad in [
            "",
            "Atelier Lumen",
            "contact@localhost",
            "é@lumen.example",
            "a@b.example, c@d.example",
            "<>",
            "a <b c@d.example>",
        ] {
            assert_eq!(Sender::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_link_is_encrypted_and_fits_into_a_header() {
        let leads = |text: &str| Link::parse(text).map(|link| link.expose().to_owned());
        assert_eq!(leads("https://l.example/p/ab c>").as_deref(), Some("https://l.example/p/ab%20c%3E"));
        let long = format!("https://l.example/{}", "a".repeat(900));
        for bad in
            ["http://l.example/p", "mailto:a@l.example", "https://u:p@l.example", "/p/abc", long.as_str()]
        {
            assert_eq!(leads(bad), None, "{bad}");
        }
    }
}
