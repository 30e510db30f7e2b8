//! The address of a host below which calls are made.

use std::net::IpAddr;

use reqwest::Url;

/// `https:`, or `http:` to this host alone; without user, query or fragment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BaseUrl(Url);

/// Why a text is no such address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unfit {
    /// No URL of a host, or with more in it than a host and a path.
    NotPlain,
    /// `http:` to another host: everything on the way could be read and changed.
    Insecure,
}

impl BaseUrl {
    /// Reads it.
    ///
    /// # Errors
    /// See [`Unfit`].
    pub fn parse(text: &str) -> Result<Self, Unfit> {
        let url = Url::parse(text).map_err(|_| Unfit::NotPlain)?;
        let bare = url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none();
        let host = url.host_str().filter(|host| bare && !host.is_empty()).ok_or(Unfit::NotPlain)?;
        match url.scheme() {
            "https" => Ok(Self(url)),
            "http" if is_loopback(host) => Ok(Self(url)),
            "http" => Err(Unfit::Insecure),
            _ => Err(Unfit::NotPlain),
        }
    }

    /// It, without the slash at its end.
    pub fn as_str(&self) -> &str {
        self.0.as_str().trim_end_matches('/')
    }

    /// The address of what lies below, in `[a-z0-9.]` and slashes.
    pub fn below(&self, path: &str) -> Url {
        let mut url = self.0.clone();
        url.set_path(&format!("{}/{path}", self.0.path().trim_end_matches('/')));
        url
    }
}

/// True for 127.0.0.0/8, ::1 and `localhost` itself. Any other name may be pointed elsewhere.
fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_https_or_this_host_is_called() {
        for good in [
            "https://graph.facebook.com",
            "https://graph.facebook.com/",
            "http://127.0.0.1:8090",
            "http://[::1]:1/proxy/",
            "http://localhost:1",
            "http://127.1.2.3",
        ] {
            assert!(BaseUrl::parse(good).is_ok(), "{good}");
        }
        for (bad, why) in [
            ("http://graph.facebook.com", Unfit::Insecure),
            ("http://127.0.0.1.example.com", Unfit::Insecure),
            ("http://0.0.0.0", Unfit::Insecure),
            ("http://localhost.example", Unfit::Insecure),
            ("http://10.0.0.1", Unfit::Insecure),
            ("ftp://127.0.0.1", Unfit::NotPlain),
            ("file:///etc/passwd", Unfit::NotPlain),
            ("https://user:pw@graph.facebook.com", Unfit::NotPlain),
            ("https://graph.facebook.com/?a=b", Unfit::NotPlain),
            ("https://graph.facebook.com/#x", Unfit::NotPlain),
            ("graph.facebook.com", Unfit::NotPlain),
            ("https://u@h", Unfit::NotPlain),
            ("https://", Unfit::NotPlain),
            ("", Unfit::NotPlain),
        ] {
            assert_eq!(BaseUrl::parse(bad), Err(why), "{bad}");
        }
    }

    #[test]
    fn a_path_goes_below_the_one_that_is_there() {
        let base = BaseUrl::parse("http://127.0.0.1:8090/graph/").expect("good");
        assert_eq!(base.as_str(), "http://127.0.0.1:8090/graph");
        assert_eq!(base.below("v27.0").as_str(), "http://127.0.0.1:8090/graph/v27.0");
    }
}
