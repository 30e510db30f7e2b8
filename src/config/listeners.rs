//! `[public]` and `[admin]`: where tamis listens.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use crate::config::fault::FaultCode;
use crate::config::place;
use crate::config::section::ConfigItem;
use crate::config::table::table;

/// A leadgen call of 1,000 changes has about 250 KB; Meta names 3 MB as the most for any webhook.
const BODY_BYTES: std::ops::RangeInclusive<u64> = 1_000..=3_145_728;

/// systemd waits 90 seconds by default before it kills; more has to be set in the unit.
const DRAIN_SECONDS: std::ops::RangeInclusive<u64> = 1..=300;

/// The longest path of a Unix socket, without the zero at its end (unix(7)).
const SOCKET_PATH_BYTES_MAX: usize = 107;

table! {
    /// The listener that Meta's calls reach, behind the operator's TLS proxy.
    #[derive(Clone, Debug)]
    pub struct Public as Table(section) {
        /// Where it listens.
        pub listen: SocketAddr = must("\"127.0.0.1:8080\"", place::address);
        /// How the world reaches it: `{url}/webhook` is registered with Meta. No slash at its end.
        @live pub url: String = must("\"https://leads.example.com\"", public_url);
        /// Whose `X-Forwarded-For` is believed.
        pub trusted_proxies: Vec<IpAddr> = must("[\"127.0.0.1\"]", |item| item.each(place::ip));
        /// The longest body.
        pub body_max_bytes: usize = must("1_000_000", |item| item.number(BODY_BYTES));
        /// How long a stop waits for what is under way.
        pub drain_seconds: u64 = must("20", |item| item.number(DRAIN_SECONDS));
    }
}

table! {
    /// The two doors of the admin side.
    #[derive(Clone, Debug)]
    pub struct Admin as Table(section, public: Option<&Public>) {
        /// The Unix socket, in a directory of its own.
        pub socket: PathBuf = must("\"/run/tamis/admin.sock\"", socket);
        /// TCP, for programs with a token.
        pub listen: Option<SocketAddr> = may(|item| admin_address(item, public));
    }
}

/// With a warning where it is the webhook's own: that would be registered as `…/webhook/webhook`.
fn public_url(item: &ConfigItem<'_>) -> Option<String> {
    let url = place::base_url(item)?;
    let path = url.split("://").nth(1).and_then(|rest| rest.split_once('/')).map_or("", |(_, path)| path);
    if path.split('/').any(|part| part.eq_ignore_ascii_case("webhook")) {
        item.warn(
            FaultCode::UrlWebhook,
            "this has /webhook in it, and tamis puts /webhook behind it: Meta would call …/webhook/webhook",
            "Leave /webhook out, unless your proxy takes just that away.",
        );
    }
    Some(url)
}

fn socket(item: &ConfigItem<'_>) -> Option<PathBuf> {
    let path = place::path(item)?;
    if path.as_os_str().len() > SOCKET_PATH_BYTES_MAX {
        let reason = format!("a socket's path has at most {SOCKET_PATH_BYTES_MAX} bytes");
        item.fault(FaultCode::OutOfRange, reason, "Choose a shorter path.");
        return None;
    }
    Some(path)
}

fn admin_address(item: &ConfigItem<'_>, public: Option<&Public>) -> Option<SocketAddr> {
    let address = place::address(item)?;
    if !address.ip().is_loopback() {
        item.warn(
            FaultCode::Exposed,
            "the admin side is not on loopback: tokens and leads cross the network in clear",
            "Listen on 127.0.0.1, and let a TLS proxy or a tunnel carry it.",
        );
    }
    if public.is_some_and(|public| clash(public.listen, address)) {
        item.fault(
            FaultCode::AddressTaken,
            "`public.listen` has this address: the admin side would face the world",
            "Choose another port.",
        );
    }
    Some(address)
}

/// Two listeners cannot share a port where one of them takes all addresses. Port 0 is whatever is free.
fn clash(a: SocketAddr, b: SocketAddr) -> bool {
    let port = a.port() == b.port() && a.port() != 0;
    port && (a.ip() == b.ip() || a.ip().is_unspecified() || b.ip().is_unspecified())
}
