//! Where a form's privacy link leads.

use url::Url;

/// What stands before the purpose in the path of a notice.
const NOTICE: &str = "notice";

/// Where the notices of this house are in public.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoticeHome {
    host: String,
    port: Option<u16>,
    path: Vec<String>,
}

/// Where a link leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinkLeads {
    /// Nowhere: there is none.
    Nowhere,
    /// To the notice of the purpose of this name, or to one of its revisions.
    Notice(String),
    /// Elsewhere.
    Elsewhere,
}

impl NoticeHome {
    /// Below this address; none: it is no address of a host.
    pub fn below(public_url: &str) -> Option<Self> {
        let url = Url::parse(public_url).ok()?;
        Some(Self {
            host: url.host_str()?.to_owned(),
            port: url.port_or_known_default(),
            path: segments(&url),
        })
    }

    /// Where a link leads: host and path decide. A choice of language, and what an ad adds behind `?`, leads nowhere else; nor
    /// does `http:`, if it is without a port, since whoever serves the one sends people on from the other.
    pub fn leads(&self, link: Option<&str>) -> LinkLeads {
        let Some(link) = link.map(str::trim).filter(|link| !link.is_empty()) else {
            return LinkLeads::Nowhere;
        };
        let Ok(url) = Url::parse(link) else { return LinkLeads::Elsewhere };
        let is_web = matches!(url.scheme(), "https" | "http");
        let same_port =
            url.port_or_known_default() == self.port || url.port().is_none() && self.port == Some(443);
        if !is_web || url.host_str() != Some(self.host.as_str()) || !same_port {
            return LinkLeads::Elsewhere;
        }
        let path = segments(&url);
        let below = path.strip_prefix(self.path.as_slice()).map(|below| below.iter().map(String::as_str));
        match below.map(|below| below.collect::<Vec<_>>()).as_deref() {
            Some([NOTICE, purpose, revision @ ..])
                if revision.len() <= 1 && !purpose.is_empty() && revision != [""] =>
            {
                LinkLeads::Notice((*purpose).to_owned())
            }
            _ => LinkLeads::Elsewhere,
        }
    }
}

/// The parts of a path; a slash at its end makes an empty one, which `/notice/{purpose}` does not have: there is no page there.
fn segments(url: &Url) -> Vec<String> {
    let parts: Vec<String> = url.path_segments().into_iter().flatten().map(str::to_owned).collect();
    match parts.as_slice() {
        [only] if only.is_empty() => Vec::new(),
        _ => parts,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leads(home: &str, link: &str) -> String {
        match NoticeHome::below(home).expect("an address").leads(Some(link)) {
            LinkLeads::Nowhere => "nowhere".to_owned(),
            LinkLeads::Elsewhere => "elsewhere".to_owned(),
            LinkLeads::Notice(purpose) => purpose,
        }
    }

    #[test]
    fn a_link_is_the_notice_by_host_and_path() {
        let home = "https://leads.lumen.example";
        for (link, wanted) in [
            ("https://leads.lumen.example/notice/devis", "devis"),
            ("https://leads.lumen.example/notice/devis?lang=de", "devis"),
            ("https://LEADS.lumen.example:443/notice/devis?utm_source=fb#who", "devis"),
            ("http://leads.lumen.example/notice/devis", "devis"),
            (" https://leads.lumen.example/notice/devis/0123456789abcdef ", "devis"),
            ("https://leads.lumen.example/notice/lettre", "lettre"),
            ("https://leads.lumen.example/notice/devis/", "elsewhere"),
            ("https://leads.lumen.example/notice/devis/a/b", "elsewhere"),
            ("https://leads.lumen.example/notice/", "elsewhere"),
            ("https://leads.lumen.example/vie-privee", "elsewhere"),
            ("https://leads.lumen.example", "elsewhere"),
            ("https://lumen.example/notice/devis", "elsewhere"),
            ("https://leads.lumen.example.evil.example/notice/devis", "elsewhere"),
            ("https://leads.lumen.example@evil.example/notice/devis", "elsewhere"),
            ("https://leads.lumen.example:8443/notice/devis", "elsewhere"),
            ("ftp://leads.lumen.example/notice/devis", "elsewhere"),
            ("leads.lumen.example/notice/devis", "elsewhere"),
            ("", "nowhere"),
            ("  ", "nowhere"),
        ] {
            assert_eq!(leads(home, link), wanted, "{link}");
        }
        assert_eq!(NoticeHome::below(home).expect("an address").leads(None), LinkLeads::Nowhere);
    }

    #[test]
    fn below_a_path_and_on_a_port_it_is_the_notice_there_alone() {
        let home = "https://lumen.example:8443/tamis";
        for (link, wanted) in [
            ("https://lumen.example:8443/tamis/notice/devis", "devis"),
            ("https://lumen.example:8443/notice/devis", "elsewhere"),
            ("https://lumen.example/tamis/notice/devis", "elsewhere"),
            ("https://lumen.example:8443/tamis2/notice/devis", "elsewhere"),
        ] {
            assert_eq!(leads(home, link), wanted, "{link}");
        }
        assert!(NoticeHome::below("leads").is_none() && NoticeHome::below("data:x").is_none());
    }
}
