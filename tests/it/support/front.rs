//! A proxy in front of a daemon: nginx with deploy/nginx.conf, or Caddy with deploy/Caddyfile, their paths and ports changed,
//! nothing else (Caddy's certificate, which it would fetch, beside).

use std::fmt;
use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

use super::caddy;
use super::process::installed;

/// The host that deploy/nginx.conf and deploy/Caddyfile have to be filled in with.
pub const HOST: &str = "leads.lumen.example";

/// A name of the same machine that is not in them.
pub const OTHER_HOST: &str = "other.lumen.example";

const CONFIG: &str = include_str!("../../../deploy/nginx.conf");

/// Which proxy.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Proxy {
    Nginx,
    Caddy,
}

impl Proxy {
    /// Those that are here. Where one is not, whoever runs the tests is told; in CI that is a failure.
    pub fn here() -> Vec<Self> {
        let here = |proxy: &Self| {
            let here = proxy.is_installed();
            if !here {
                #[expect(
                    clippy::disallowed_methods,
                    reason = "a test's own environment: in CI a missing proxy is a failure"
                )]
                let in_ci = std::env::var_os("CI").is_some();
                assert!(!in_ci, "CI brings {proxy}");
                println!("skipped: {proxy} is not installed");
            }
            here
        };
        [Self::Nginx, Self::Caddy].into_iter().filter(here).collect()
    }

    fn is_installed(self) -> bool {
        match self {
            Self::Nginx => installed("nginx") || Path::new("/usr/sbin/nginx").exists(),
            Self::Caddy => installed("caddy"),
        }
    }
}

impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if *self == Self::Nginx { "nginx" } else { "caddy" })
    }
}

/// How long it may take to listen.
const PATIENCE: Duration = Duration::from_secs(20);

/// A certificate authority of the test's own.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
    der: CertificateDer<'static>,
}

/// A certificate with its chain and key.
pub struct Identity {
    pem: String,
    key_pem: String,
    chain: Vec<CertificateDer<'static>>,
    key: Vec<u8>,
}

impl Authority {
    pub fn new(name: &str) -> Self {
        let (params, key) = (authority(name), KeyPair::generate().expect("a key"));
        let certificate = params.self_signed(&key).expect("a certificate");
        Self { pem: certificate.pem(), der: certificate.der().clone(), issuer: Issuer::new(params, key) }
    }

    /// One below it.
    pub fn intermediate(&self, name: &str) -> Self {
        let (params, key) = (authority(name), KeyPair::generate().expect("a key"));
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate");
        Self { pem: certificate.pem(), der: certificate.der().clone(), issuer: Issuer::new(params, key) }
    }

    /// A server's certificate for a host.
    pub fn server(&self, host: &str) -> Identity {
        let mut params = CertificateParams::new([host.to_owned()]).expect("a host");
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        self.sign(&params, None)
    }

    /// What a client needs to trust all that it signs.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// A server's certificate that ran out long ago.
    pub fn expired(&self, host: &str) -> Identity {
        let mut params = CertificateParams::new([host.to_owned()]).expect("a host");
        params.not_before = rcgen::date_time_ymd(2020, 1, 1);
        params.not_after = rcgen::date_time_ymd(2021, 1, 1);
        self.sign(&params, None)
    }

    /// A server's certificate that nobody vouches for but itself.
    pub fn self_signed(host: &str) -> Identity {
        let (params, key) =
            (CertificateParams::new([host.to_owned()]).expect("a host"), KeyPair::generate().expect("a key"));
        let certificate = params.self_signed(&key).expect("a certificate");
        let chain = vec![certificate.der().clone()];
        Identity { pem: certificate.pem(), key_pem: key.serialize_pem(), chain, key: key.serialize_der() }
    }

    /// A client's certificate, which brings the intermediate along that signed it.
    pub fn client(&self, organisation: &str, name: &str) -> Identity {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::OrganizationName, organisation);
        params.distinguished_name.push(DnType::CommonName, name);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        self.sign(&params, Some(&self.der))
    }

    fn sign(&self, params: &CertificateParams, above: Option<&CertificateDer<'static>>) -> Identity {
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate");
        let chain = [certificate.der()].into_iter().chain(above).cloned().collect();
        Identity { pem: certificate.pem(), key_pem: key.serialize_pem(), chain, key: key.serialize_der() }
    }
}

impl Identity {
    /// For a program that reads it from files: `cert.pem` and `key.pem`.
    pub fn write(&self, directory: &Path) {
        fs::write(directory.join("cert.pem"), &self.pem).expect("a file");
        fs::write(directory.join("key.pem"), &self.key_pem).expect("a file");
    }

    /// For a server of HTTP/1 that shows it.
    pub fn server_config(&self) -> rustls::ServerConfig {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(self.key.clone()));
        rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(self.chain.clone(), key)
            .expect("an identity")
    }
}

fn authority(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    params
}

/// A running proxy.
pub struct Front {
    pub proxy: Proxy,
    child: Child,
    /// Its logs and temporary files.
    pub directory: tempfile::TempDir,
    tls: SocketAddr,
    pub plain: SocketAddr,
    trusted: CertificateDer<'static>,
}

impl Front {
    /// Starts a proxy in front of `upstream`; with an authority for clients, Meta's client certificate is asked for.
    pub fn start(proxy: Proxy, upstream: &str, clients: Option<&Authority>) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let above = Authority::new("a public authority");
        let server = above.server(HOST);
        let write = |name: &str, text: &str| -> PathBuf {
            let path = directory.path().join(name);
            fs::write(&path, text).expect("a file");
            path
        };
        server.write(directory.path());
        // A file where nginx would make its temporary ones: a body that does not stay in memory is answered with 500.
        write("temporary", "");
        let (tls, plain) = (free_port(), free_port());
        let mut site = match proxy {
            Proxy::Nginx => site(directory.path(), upstream, tls, plain),
            Proxy::Caddy => caddy::site(directory.path(), upstream, tls, plain, clients.is_some()),
        };
        if let Some(clients) = clients {
            write("meta.pem", &clients.pem);
            site = site.replace("#mtls# ", "");
        }
        write("tamis.conf", &site);
        let mut command = match proxy {
            Proxy::Nginx => {
                let mut command = Command::new("nginx");
                command.args(["-e", "start.log", "-p"]).arg(directory.path());
                command.arg("-c").arg(write("nginx.conf", &frame(directory.path())));
                command
            }
            Proxy::Caddy => caddy::command(directory.path()),
        };
        let child = command.stdin(Stdio::null()).spawn().unwrap_or_else(|_| panic!("{proxy} starts"));
        let front = Self { proxy, child, directory, tls, plain, trusted: above.der };
        front.until_it_listens();
        front
    }

    fn until_it_listens(&self) {
        let begun = Instant::now();
        while TcpStream::connect(self.tls).is_err() {
            let said = fs::read_to_string(self.directory.path().join("start.log")).unwrap_or_default();
            assert!(begun.elapsed() < PATIENCE, "{} does not listen:\n{said}", self.proxy);
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// The address of a path, as Meta would call it.
    pub fn url(&self, path: &str) -> String {
        format!("https://{HOST}:{}{path}", self.tls.port())
    }

    /// What a client needs that trusts this front, but for its own certificate.
    fn trust(&self) -> rustls::ConfigBuilder<rustls::ClientConfig, rustls::client::WantsClientCert> {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(self.trusted.clone()).expect("an authority");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_root_certificates(roots)
    }

    /// Sends these bytes over TLS, as they are. What comes back until the other side closes, or says nothing for a while.
    pub fn send_raw(&self, bytes: &[u8]) -> String {
        let config = Arc::new(self.trust().with_no_client_auth());
        let session = rustls::ClientConnection::new(config, HOST.try_into().expect("a name"));
        let socket = TcpStream::connect(self.tls).expect("a connection");
        socket.set_read_timeout(Some(Duration::from_millis(500))).expect("a socket");
        let mut stream = rustls::StreamOwned::new(session.expect("a session"), socket);
        stream.write_all(bytes).expect("open");
        let (mut told, mut buffer) = (Vec::new(), [0; 4_096]);
        while let Ok(read @ 1..) = stream.read(&mut buffer) {
            told.extend_from_slice(&buffer[..read]);
        }
        String::from_utf8_lossy(&told).into_owned()
    }

    /// A client that trusts this front, with a certificate of its own or none.
    pub fn client(&self, identity: Option<&Identity>) -> reqwest::Client {
        let config = self.trust();
        let config = match identity {
            None => config.with_no_client_auth(),
            Some(identity) => {
                let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(identity.key.clone()));
                config.with_client_auth_cert(identity.chain.clone(), key).expect("an identity")
            }
        };
        #[expect(clippy::disallowed_methods, reason = "a test's own client")]
        reqwest::Client::builder()
            .tls_backend_preconfigured(config)
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .resolve(HOST, self.tls)
            .resolve(OTHER_HOST, self.tls)
            .timeout(Duration::from_secs(30))
            .build()
            .expect("a client")
    }

    /// The lines of the access log, once there are so many.
    pub fn access_log(&self, lines: usize) -> Vec<String> {
        let begun = Instant::now();
        loop {
            let text = fs::read_to_string(self.directory.path().join("tamis.access.log")).expect("a log");
            if text.lines().count() >= lines {
                return text.lines().map(str::to_owned).collect();
            }
            assert!(begun.elapsed() < PATIENCE, "no {lines} lines in\n{text}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What surrounds a file of /etc/nginx/conf.d: one process, which ends when it is killed, and no path outside.
fn frame(directory: &Path) -> String {
    let directory = directory.display();
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .iter()
        .map(|kind| format!("{kind}_temp_path {directory}/temporary;\n"))
        .collect();
    format!(
        "daemon off;\nmaster_process off;\npid {directory}/nginx.pid;\nerror_log {directory}/main.log warn;\n\
         events {{ worker_connections 512; }}\nhttp {{\n{temporary}include {directory}/tamis.conf;\n}}\n"
    )
}

fn site(directory: &Path, upstream: &str, tls: SocketAddr, plain: SocketAddr) -> String {
    let directory = directory.display().to_string();
    let mut text: String =
        CONFIG.lines().filter(|line| !line.contains("listen [::]")).map(|line| format!("{line}\n")).collect();
    for (from, to) in [
        ("server 127.0.0.1:8080;", format!("server {upstream};")),
        ("listen 443 ", format!("listen {tls} ")),
        ("listen 80 ", format!("listen {plain} ")),
        ("/etc/letsencrypt/live/leads.lumen.example/fullchain.pem", format!("{directory}/cert.pem")),
        ("/etc/letsencrypt/live/leads.lumen.example/privkey.pem", format!("{directory}/key.pem")),
        ("/etc/tamis/meta-outbound-api-ca-2025-12.pem", format!("{directory}/meta.pem")),
        ("/var/log/nginx/", format!("{directory}/")),
    ] {
        assert!(text.contains(from), "deploy/nginx.conf has no {from}");
        text = text.replace(from, &to);
    }
    text
}

/// A port that nobody listened at a moment ago.
pub fn free_port() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("a port")
}
