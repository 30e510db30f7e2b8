//! Paths, addresses, URLs, and where a secret lies.

use std::net::{IpAddr, SocketAddr};
use std::path::{Component, Path, PathBuf};

use crate::base_url::{BaseUrl, Unfit};
use crate::config::fault::FaultCode;
use crate::config::section::ConfigItem;
use crate::secret::location::Location;

/// Letters and digits in a row that are more likely a secret than a name (Meta's app secrets have 32, page tokens more).
const SECRET_LIKE_MIN: usize = 32;

/// An absolute path below the root, without `..`, so that two paths can be compared.
pub(super) fn path(item: &ConfigItem<'_>) -> Option<PathBuf> {
    let mend = "Write it from the root on, as in \"/var/lib/tamis/store\".";
    item.parsed(absolute, "an absolute path without `..`", mend)
}

fn absolute(text: &str) -> Option<PathBuf> {
    let path = Path::new(text);
    let plain = path.components().all(|part| matches!(part, Component::RootDir | Component::Normal(_)));
    (path.is_absolute() && plain && path.parent().is_some() && !text.chars().any(char::is_control))
        .then(|| path.components().collect())
}

/// An address to listen on.
pub(super) fn address(item: &ConfigItem<'_>) -> Option<SocketAddr> {
    item.parsed(
        |text| text.parse().ok(),
        "an address and a port",
        "Write it as \"127.0.0.1:8080\" or \"[::1]:8080\".",
    )
}

/// An IP address.
pub(super) fn ip(item: &ConfigItem<'_>) -> Option<IpAddr> {
    item.parsed(|text| text.parse().ok(), "an IP address", "Write one address, as in \"127.0.0.1\".")
}

/// A base URL, without the slash at its end: `https:`, or `http:` to this host alone.
pub(super) fn base_url(item: &ConfigItem<'_>) -> Option<String> {
    let mend = "Write scheme and host, as in \"https://leads.example.com\", without user, query or fragment.";
    let read = |text: &str| match BaseUrl::parse(text) {
        Err(Unfit::NotPlain) => None,
        read => Some(read),
    };
    let url = item.parsed(read, "a URL of a host", mend)?;
    let Ok(url) = url else {
        item.fault(
            FaultCode::InsecureUrl,
            "without TLS everything on the way can be read and changed, and this host is not loopback",
            "Write https: instead of http:.",
        );
        return None;
    };
    Some(url.as_str().to_owned())
}

/// Where a secret lies: a table with exactly one of `file`, `env`, `credential`.
pub(super) fn location(item: &ConfigItem<'_>) -> Option<Location> {
    if item.is_text() {
        item.fault(
            FaultCode::SecretInConfig,
            "a secret's location belongs here, and a text was given; if that text was the secret, it is no longer one",
            "Write { file = \"/path\" }, { env = \"NAME\" } or { credential = \"name\" }, and replace a secret that stood here.",
        );
        return None;
    }
    let mut table = item.section();
    let places = [table.item("file"), table.item("env"), table.item("credential")];
    let given = places.iter().flatten().count();
    if given != 1 && !table.is_broken() {
        let reason = format!("a secret lies in exactly one place, and {given} are given");
        item.fault(FaultCode::LocationAmbiguous, reason, "Give one of `file`, `env` and `credential`.");
    }
    table.finish();
    if given != 1 {
        return None;
    }
    let [file, env, credential] = places;
    let file = file.and_then(|file| path(&file)).map(Location::File);
    let env = env.and_then(|env| {
        name(&env, is_variable, "a variable's name", "Write upper-case letters, digits and _.")
    });
    let credential = credential.and_then(|credential| {
        let mend = "Write the name that the unit's LoadCredential= gives it: letters, digits, dot, - and _.";
        name(&credential, is_credential, "a credential's name", mend)
    });
    let location = file.or(env.map(Location::Env)).or(credential.map(Location::Credential))?;
    item.note_place(&location);
    Some(location)
}

fn name(item: &ConfigItem<'_>, good: impl Fn(&str) -> bool, what: &str, mend: &str) -> Option<String> {
    if item.text().is_some_and(looks_like_a_secret) {
        item.fault(
            FaultCode::SecretInConfig,
            "a name belongs here, and this looks like the secret itself",
            "Write the name of the place where it lies, and replace the secret: it stood in a config file.",
        );
        return None;
    }
    item.parsed(|text| good(text).then(|| text.to_owned()), what, mend)
}

fn is_variable(text: &str) -> bool {
    let good = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_';
    text.len() <= 128 && text.bytes().all(good) && !text.starts_with(|first: char| first.is_ascii_digit())
}

/// systemd takes a credential's name as a file name (systemd.exec(5)).
fn is_credential(text: &str) -> bool {
    let good = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_');
    text.len() <= 128 && text.bytes().all(good) && !text.starts_with('.')
}

fn looks_like_a_secret(text: &str) -> bool {
    let dense = text.bytes().all(|b| b.is_ascii_alphanumeric());
    text.len() >= SECRET_LIKE_MIN && dense && text.bytes().any(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_absolute_and_one_path_has_one_spelling() {
        for bad in ["", "x", "./x", "/", "/a/../b", "/a\nb"] {
            assert!(absolute(bad).is_none(), "{bad:?}");
        }
        assert_eq!(absolute("/a//b/./c/"), Some(PathBuf::from("/a/b/c")));
    }

    #[test]
    fn a_pasted_secret_is_told_from_a_name() {
        assert!(looks_like_a_secret("0123456789abcdef0123456789abcdef"));
        assert!(looks_like_a_secret("EAAGm0PX4ZCpsBAKZCpsBAKZCpsBAKZCpsBA"));
        for name in [
            "meta-app-secret",
            "META_APP_SECRET",
            "page-104000000000001",
            "tamis-root-key-of-the-client-2026",
        ] {
            assert!(!looks_like_a_secret(name), "{name}");
        }
    }
}
