//! Who called, as an address: for the log lines of calls that were refused, so that an operator can shut somebody out.
//! Nothing is decided by it, and of calls that were taken it is not even looked at.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use actix_web::HttpRequest;
use actix_web::http::header::HeaderName;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
/// So many addresses are looked at: no honest way is longer.
const HOPS_MAX: usize = 16;

/// Whose word on where a call came from is believed (`public.trusted_proxies`).
#[derive(Clone, Default)]
pub struct Proxies(Arc<[IpAddr]>);

impl Proxies {
    /// These.
    pub fn new(trusted: &[IpAddr]) -> Self {
        Self(trusted.iter().map(IpAddr::to_canonical).collect())
    }

    /// Who called: whoever is connected, or, if that is a trusted proxy, the last of the addresses in
    /// `X-Forwarded-For` that is none. What stands before that one was written by who knows whom.
    pub fn caller(&self, request: &HttpRequest) -> Caller {
        let Some(connected) = request.peer_addr().map(|peer| peer.ip().to_canonical()) else {
            return Caller(None);
        };
        let lines = request.headers().get_all(FORWARDED_FOR).filter_map(|value| value.to_str().ok());
        let lines: Vec<&str> = lines.collect();
        Caller(Some(self.behind(connected, &lines)))
    }

    fn behind(&self, connected: IpAddr, lines: &[&str]) -> IpAddr {
        let mut caller = connected;
        for hop in lines.iter().rev().flat_map(|line| line.rsplit(',')).take(HOPS_MAX) {
            if !self.0.contains(&caller) {
                break;
            }
            // A proxy that does not know writes `unknown`: then the proxy is all there is.
            let Ok(before) = hop.trim().parse::<IpAddr>() else { break };
            caller = before.to_canonical();
        }
        caller
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
            Proxies::new(&["::ffff:127.0.0.1".parse().expect("mapped")]).0[0].to_string(),
            "127.0.0.1"
        );
    }
}
