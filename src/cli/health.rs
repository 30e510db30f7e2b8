//! `tamis health`: asks a running tamis whether it takes notifications. For container health checks and scripts, where
//! there may be no other HTTP client.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use reqwest::{StatusCode, Url};

use crate::cli::socket::{ConfigPath, public_listen};
use crate::client::client;
use crate::secret::location::Environment;
use crate::terminal::print;
use crate::terminal::{Exit, Failure};

/// How long the answer may take: it is a word, and no disk is asked for it.
const PATIENCE: Duration = Duration::from_secs(3);

/// The word is shorter; whatever sends more is not tamis.
const WORD_BYTES_MAX: usize = 64;

const EXAMPLE: &str = "\
Exit codes: 0 ready, 1 not ready (full, below its disk floor, or halted: tamis status says which), 69 nobody answers.

Example:
  tamis health --config /etc/tamis/tamis.toml";

#[derive(clap::Args)]
#[command(after_help = EXAMPLE)]
pub(super) struct Arguments {
    /// The public listener, as in http://127.0.0.1:8080 [default: public.listen of the config file]
    #[arg(long, value_name = "URL")]
    url: Option<String>,
}

/// Asks once.
pub(super) async fn run(
    arguments: &Arguments,
    config: &ConfigPath,
    environment: &Environment,
) -> Result<(), Failure> {
    let url = match &arguments.url {
        Some(url) => ready_below(url)?,
        None => ready_at(public_listen(config, environment)?)?,
    };
    let down = |why: &str| Failure::new(Exit::DaemonDown, format!("tamis does not answer on {url}{why}"));
    let call = client()?.timeout(PATIENCE).build().map_err(|_| Failure::failed("cannot set a call up"))?;
    let mut answer = call
        .get(url.clone())
        .send()
        .await
        .map_err(|error| down(if error.is_timeout() { " in time" } else { "" }))?;
    let status = answer.status();
    let mut word = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(|_| down(""))? {
        word.extend_from_slice(&chunk);
        if word.len() > WORD_BYTES_MAX {
            break;
        }
    }
    match (status, word.as_slice()) {
        (StatusCode::OK, b"ready") => print("ready\n"),
        (StatusCode::SERVICE_UNAVAILABLE, b"not-ready") => {
            Err(Failure::failed("tamis takes no notifications now: `tamis status` says why"))
        }
        _ => Err(Failure::failed(format!("what answers on {url} (status {}) is not tamis", status.as_u16()))),
    }
}

fn ready_below(url: &str) -> Result<Url, Failure> {
    let usage = || {
        let sentence = "--url takes the address of tamis itself, as in http://127.0.0.1:8080";
        Failure::new(Exit::Usage, sentence)
    };
    let base = Url::parse(url).map_err(|_| usage())?;
    let is_bare = base.username().is_empty() && base.password().is_none() && base.query().is_none();
    if base.scheme() != "http" || !is_bare {
        return Err(usage());
    }
    base.join("/health/ready").map_err(|_| usage())
}

/// Who listens on all addresses is asked on loopback.
fn ready_at(listen: SocketAddr) -> Result<Url, Failure> {
    if listen.port() == 0 {
        let sentence = "public.listen lets the system choose a port: say with --url which one it is";
        return Err(Failure::new(Exit::Usage, sentence));
    }
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    ready_below(&format!("http://{}", SocketAddr::new(ip, listen.port())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_listens_everywhere_is_asked_on_loopback() {
        for (listen, asked) in [
            ("127.0.0.1:8080", "http://127.0.0.1:8080/health/ready"),
            ("0.0.0.0:8080", "http://127.0.0.1:8080/health/ready"),
            ("[::]:80", "http://[::1]/health/ready"),
            ("192.0.2.7:9", "http://192.0.2.7:9/health/ready"),
        ] {
            let url = ready_at(listen.parse().expect("an address")).expect("a URL");
            assert_eq!(url.as_str(), asked, "{listen}");
        }
        let any = ready_at("127.0.0.1:0".parse().expect("an address")).expect_err("no port");
        assert_eq!(any.exit, Exit::Usage);
    }

    #[test]
    fn only_a_bare_http_address_is_taken() {
        for odd in [
            "",
            "127.0.0.1:8080",
            "https://leads.example",
            "http://a:b@127.0.0.1",
            "http://[",
            "http://h/?t=1",
        ] {
            assert_eq!(ready_below(odd).err().map(|failure| failure.exit), Some(Exit::Usage), "{odd}");
        }
        let url = ready_below("http://127.0.0.1:8080/").expect("a URL");
        assert_eq!(url.as_str(), "http://127.0.0.1:8080/health/ready");
    }
}
