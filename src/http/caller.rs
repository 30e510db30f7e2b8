//! Who called, as an address: for the log lines of calls that were refused, so that an operator can shut somebody out; and
//! whose share a call's body takes of what all bodies may take. No answer depends on it otherwise.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use actix_web::HttpRequest;
use actix_web::http::header::HeaderName;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
/// So many addresses are looked at: no honest way is longer.
const HOPS_MAX: usize = 16;

/// Whose word on where a call came from is believed (`public.trusted_proxies`).
#[derive(Clone, Default)]
pub struct Proxies {
    trusted: Arc<[IpAddr]>,
    /// That somebody looks like a proxy and is none of these was said.
    said: Arc<AtomicBool>,
}

/// Whose share of a bounded thing a call takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Share {
    /// An address', of IPv6 that of its /64: whoever has one of these has all of them.
    Of(IpAddr),
    /// Nobody's: who called is not known, only which proxy passed it on. There is the common bound alone.
    Common,
}

impl Proxies {
    /// These.
    pub fn new(trusted: &[IpAddr]) -> Self {
        Self { trusted: trusted.iter().map(IpAddr::to_canonical).collect(), said: Arc::default() }
    }

    /// Whose share the call takes. Behind a proxy that was not declared all the world has one address: such a one has no
    /// share, and is said once.
    pub fn share(&self, request: &HttpRequest) -> Share {
        let Some(connected) = connected(request) else { return Share::Common };
        let forwards = request.headers().contains_key(FORWARDED_FOR);
        if forwards && !self.trusted.contains(&connected) && is_private(connected) {
            if !self.said.swap(true, Ordering::Relaxed) {
                tracing::warn!(caller.address = %connected, "webhook.proxy-not-trusted");
            }
            return Share::Common;
        }
        match self.caller(request) {
            Caller(Some(caller)) if !self.trusted.contains(&caller) => Share::Of(narrowed(caller)),
            Caller(_) => Share::Common,
        }
    }

    /// True if this one's word is believed.
    pub(super) fn trusts(&self, peer: IpAddr) -> bool {
        self.trusted.contains(&peer.to_canonical())
    }

    /// Who called: whoever is connected, or, if that is a trusted proxy, the last of the addresses in
    /// `X-Forwarded-For` that is none. What stands before that one was written by who knows whom.
    pub fn caller(&self, request: &HttpRequest) -> Caller {
        let Some(connected) = connected(request) else { return Caller(None) };
        let lines = request.headers().get_all(FORWARDED_FOR).filter_map(|value| value.to_str().ok());
        let lines: Vec<&str> = lines.collect();
        Caller(Some(self.behind(connected, &lines)))
    }

    fn behind(&self, connected: IpAddr, lines: &[&str]) -> IpAddr {
        let mut caller = connected;
        for hop in lines.iter().rev().flat_map(|line| line.rsplit(',')).take(HOPS_MAX) {
            if !self.trusts(caller) {
                break;
            }
            // A proxy that does not know writes `unknown`: then the proxy is all there is.
            let Ok(before) = hop.trim().parse::<IpAddr>() else { break };
            caller = before.to_canonical();
        }
        caller
    }
}

fn connected(request: &HttpRequest) -> Option<IpAddr> {
    request.peer_addr().map(|peer| peer.ip().to_canonical())
}

/// True of an address that nobody on the internet has (RFC 1918, 6598, 4193, and links' and hosts' own).
pub(super) fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            let [a, b, ..] = v4.octets();
            v4.is_private() || v4.is_loopback() || v4.is_link_local() || (a, b & 0xc0) == (100, 64)
        }
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_unique_local() || v6.is_unicast_link_local(),
    }
}

/// An address of IPv4, a network of IPv6: whoever has one address of a /64 has all of them.
pub(super) fn narrowed(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64).into(),
    }
}

/// An address, or `-`.
pub struct Caller(Option<IpAddr>);

impl fmt::Display for Caller {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(address) => address.fmt(out),
            None => out.write_str("-"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caller(trusted: &[&str], connected: &str, lines: &[&str]) -> String {
        let address = |text: &&str| text.parse::<IpAddr>().expect("an address");
        let trusted: Vec<IpAddr> = trusted.iter().map(address).collect();
        Proxies::new(&trusted).behind(address(&connected), lines).to_string()
    }

    #[test]
    fn only_a_trusted_proxy_is_believed_and_only_about_who_is_connected_to_it() {
        let local: &[&str] = &["127.0.0.1"];
        for (trusted, connected, lines, wanted) in [
            (local, "203.0.113.9", &["198.51.100.1"][..], "203.0.113.9"),
            (local, "127.0.0.1", &[], "127.0.0.1"),
            (local, "127.0.0.1", &["203.0.113.9"], "203.0.113.9"),
            (local, "127.0.0.1", &["1.1.1.1, 203.0.113.9"], "203.0.113.9"),
            (local, "127.0.0.1", &["1.1.1.1", "203.0.113.9"], "203.0.113.9"),
            (local, "127.0.0.1", &["203.0.113.9, 127.0.0.1"], "203.0.113.9"),
            (local, "127.0.0.1", &["203.0.113.9, unknown"], "127.0.0.1"),
            (local, "127.0.0.1", &["not an address\" x=1"], "127.0.0.1"),
            (local, "127.0.0.1", &[""], "127.0.0.1"),
            (&["10.0.0.2", "10.0.0.1"], "10.0.0.1", &["6.6.6.6, 2001:db8::1, 10.0.0.2"], "2001:db8::1"),
            (&[], "127.0.0.1", &["203.0.113.9"], "127.0.0.1"),
        ] {
            assert_eq!(caller(trusted, connected, lines), wanted, "{connected} {lines:?}");
        }
        let long = vec!["127.0.0.1"; 100_000].join(",");
        assert_eq!(caller(local, "127.0.0.1", &[&long]), "127.0.0.1");
        assert_eq!(
            Proxies::new(&["::ffff:127.0.0.1".parse().expect("mapped")]).trusted[0].to_string(),
            "127.0.0.1"
        );
    }

    #[test]
    fn an_address_has_a_share_and_a_proxy_without_an_address_has_none() {
        let share = |connected: &str, forwarded: &str| {
            let peer = std::net::SocketAddr::new(connected.parse().expect("an address"), 1);
            let mut request = actix_web::test::TestRequest::default().peer_addr(peer);
            if !forwarded.is_empty() {
                request = request.insert_header((FORWARDED_FOR, forwarded));
            }
            Proxies::new(&["127.0.0.1".parse().expect("an address")]).share(&request.to_http_request())
        };
        let of = |text: &str| Share::Of(text.parse().expect("an address"));
        for (connected, forwarded, wanted) in [
            ("203.0.113.9", "", of("203.0.113.9")),
            // Whoever is connected may write what they like into their head.
            ("203.0.113.9", "198.51.100.1", of("203.0.113.9")),
            ("127.0.0.1", "198.51.100.1", of("198.51.100.1")),
            ("127.0.0.1", "2001:db8:1:2:3:4:5:6", of("2001:db8:1:2::")),
            ("127.0.0.1", "2001:db8:1:2::7", of("2001:db8:1:2::")),
            ("127.0.0.1", "", Share::Common),
            ("127.0.0.1", "unknown", Share::Common),
            ("10.0.0.7", "", of("10.0.0.7")),
            ("10.0.0.7", "198.51.100.1", Share::Common),
            ("100.64.0.1", "198.51.100.1", Share::Common),
            ("100.128.0.1", "198.51.100.1", of("100.128.0.1")),
            ("fd00::1", "198.51.100.1", Share::Common),
        ] {
            assert_eq!(share(connected, forwarded), wanted, "{connected} {forwarded}");
        }
    }
}
